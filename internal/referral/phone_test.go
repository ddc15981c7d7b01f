package referral_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"panah/internal/code"
	"panah/internal/fault"
	"panah/internal/placement"
	"panah/internal/referral"
	"panah/internal/shelter"
	"panah/internal/testworld"
)

// coded writes a handover point and answers the shelter's phone code.
func coded(t *testing.T, w *testworld.World, at string) string {
	t.Helper()
	h, err := w.Service.SetHandover(context.Background(), staff(at), at, shelter.Handover{Point: "the door of " + at, Meeting: "the fountain"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return h.Code
}

// anotherHome is another shelter that girls fit into.
func anotherHome(than string) string {
	if than == "HOMA" {
		return "GRLS"
	}
	return "HOMA"
}

// guesses says so many wrong codes of the shelter held.
func guesses(t *testing.T, w *testworld.World, o referral.Outcome, n int) referral.Outcome {
	t.Helper()
	for i := range n {
		o = made(t)(w.Service.AcceptByPhone(context.Background(), team, o.ID, "nope", command(fmt.Sprint("guess ", o.Hold.No, i), o.Version)))
	}
	return o
}

func TestACodeIsRightHoweverItIsWritten(t *testing.T) {
	for name, write := range map[string]func(string) string{
		"in lower case":          strings.ToLower,
		"with spaces":            func(c string) string { return " " + c[:2] + " " + c[2:] + " " },
		"with another dash":      func(c string) string { return c[:2] + "–" + c[2:] },
		"with a minus":           func(c string) string { return c[:2] + "−" + c[2:] },
		"with look-alikes":       func(c string) string { return strings.NewReplacer("O", "0", "I", "1", "L", "1").Replace(c) },
		"with a space unseen":    func(c string) string { return c + "\u200b" },
		"with a narrow no space": func(c string) string { return c[:2] + "\u202f" + c[2:] },
	} {
		t.Run(name, func(t *testing.T) {
			w := testworld.Open(t)
			o := request(t, w, "one", true)
			said := write(coded(t, w, o.Hold.Shelter))
			o = made(t)(w.Service.AcceptByPhone(context.Background(), team, o.ID, said, command("phone", o.Version)))
			if !o.Verified || o.PhoneTriesLeft() != placement.MaxPhoneTries {
				t.Errorf("sure %v, %d tries left", o.Verified, o.PhoneTriesLeft())
			}
		})
	}
}

func TestACodeThatIsOnlySpacesIsNotSaid(t *testing.T) {
	w := testworld.Open(t)
	o := request(t, w, "one", true)
	coded(t, w, o.Hold.Shelter)
	o = made(t)(w.Service.AcceptByPhone(context.Background(), team, o.ID, " - ", command("phone", o.Version)))
	if o.Verified || o.PhoneTriesLeft() != placement.MaxPhoneTries {
		t.Errorf("sure %v, %d tries left", o.Verified, o.PhoneTriesLeft())
	}
}

// Wrong codes are counted for each shelter, and coming back gives no new tries.
func TestWrongCodesOfOneShelterAreNotHeldAgainstTheNext(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o := request(t, w, "one", true)
	first := o.Hold.Shelter
	next := anotherHome(first)
	coded(t, w, first)
	o = guesses(t, w, o, placement.MaxPhoneTries)
	o = made(t)(s.Release(ctx, team, o.ID, command("release", o.Version)))
	o = made(t)(s.Hold(ctx, team, o.ID, next, command("next", o.Version)))
	if o.ByPhone || o.PhoneTriesLeft() != placement.MaxPhoneTries {
		t.Fatalf("%d tries left at %s after %s", o.PhoneTriesLeft(), o.Hold.Shelter, first)
	}
	right := coded(t, w, next)
	o = guesses(t, w, o, 1)
	o = made(t)(s.Release(ctx, team, o.ID, command("release again", o.Version)))
	o = made(t)(s.Hold(ctx, team, o.ID, first, command("back", o.Version)))
	if got := o.PhoneTriesLeft(); got != 0 {
		t.Errorf("coming back gives %d new tries", got)
	}
	o = made(t)(s.Hold(ctx, team, o.ID, next, command("and again", o.Version)))
	if got := o.PhoneTriesLeft(); got != placement.MaxPhoneTries-1 {
		t.Errorf("%d tries left, one was wrong", got)
	}
	if o = made(t)(s.AcceptByPhone(ctx, team, o.ID, right, command("right", o.Version))); !o.Verified {
		t.Error("the right code of the next shelter is not looked at")
	}
}

// The shelter's own word makes a yes sure that the team heard on the phone, wherever the
// party is by then; where it is sure already there is nothing to say.
func TestTheSheltersOwnYesMakesAnUnsureOneSure(t *testing.T) {
	for name, on := range map[string][]placement.Move{"accepted": nil, "in_transit": {placement.MoveDepart}, "diverted": {placement.MoveDepart, placement.MoveDivert}} {
		t.Run(name, func(t *testing.T) {
			w := testworld.Open(t)
			ctx, s := context.Background(), w.Service
			o := request(t, w, "one", true)
			at := o.Hold.Shelter
			coded(t, w, at)
			o = guesses(t, w, o, placement.MaxPhoneTries)
			o = made(t)(s.Choose(ctx, team, o.ID, placement.Choice{By: code.ChosenByGuardian, Shelter: at, HouseRulesShown: true, Viewed: true}, command("choose", o.Version)))
			for _, m := range on {
				if m == placement.MoveDepart {
					o = made(t)(s.Depart(ctx, team, o.ID, true, nil, command("depart", o.Version)))
				} else {
					o = made(t)(s.Divert(ctx, team, o.ID, 0, command("divert", o.Version)))
				}
			}
			_, err := s.AcceptByPhone(ctx, team, o.ID, "nope", command("one more", o.Version))
			if f, _ := fault.Of(err); f == nil || !strings.Contains(f.Detail, "accept") {
				t.Errorf("what helps is not said: %v", err)
			}
			if next := s.Next(ctx, staff(at), o.Placement); string(o.State) != name || !slices.Contains(next, placement.MoveAccept) {
				t.Fatalf("%s: next is %v", o.State, next)
			}
			w.Pass(time.Hour)
			o = made(t)(s.Accept(ctx, staff(at), o.ID, command("yes", o.Version)))
			if !o.Verified || o.ByPhone || string(o.State) != name || !o.RevealUntil.Equal(w.Now().Add(s.Policy.Reveal)) {
				t.Errorf("%s: sure %v, by phone %v, shown until %s", o.State, o.Verified, o.ByPhone, o.RevealUntil)
			}
			if shown, err := s.Reveal(ctx, team, o.ID, command("look", o.Version)); err != nil || shown.Where != "the door of "+at {
				t.Errorf("shown %q: %v", shown.Where, err)
			}
			if _, err := s.Accept(ctx, staff(at), o.ID, command("again", o.Version+1)); !fault.Is(err, fault.IllegalMove) {
				t.Errorf("a sure yes is made sure: %v", err)
			}
			account(t, w)
		})
	}
}

// What one shelter was seen of, another one does not learn.
func TestALookBelongsToTheShelterWhosePointWasSeen(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o := request(t, w, "one", true)
	first := o.Hold.Shelter
	next := anotherHome(first)
	coded(t, w, first)
	o = made(t)(s.Accept(ctx, staff(first), o.ID, command("yes", o.Version)))
	shown, err := s.Reveal(ctx, team, o.ID, command("look", o.Version))
	if err != nil {
		t.Fatal(err)
	}
	if got := shown.LooksFor(placement.House, first); len(got) != 1 {
		t.Errorf("the shelter sees %d looks at its point", len(got))
	}
	o = made(t)(s.Refuse(ctx, team, o.ID, 0, command("no", shown.Version)))
	o = made(t)(s.Hold(ctx, team, o.ID, next, command("next", o.Version)))
	for side, want := range map[placement.Side]int{placement.House: 0, placement.Team: 0, placement.Office: 1} {
		if got := stored(t, w, o.ID).LooksFor(side, o.Hold.Shelter); len(got) != want {
			t.Errorf("side %d sees %d looks, not %d", side, len(got), want)
		}
	}
	coded(t, w, next)
	o = made(t)(s.Accept(ctx, staff(next), o.ID, command("yes of the next", o.Version)))
	mate := team
	mate.Subject = "subject-team-a-2"
	if _, err := s.Reveal(ctx, mate, o.ID, command("mate", o.Version)); err != nil {
		t.Errorf("another of the team is not the escort to the next shelter: %v", err)
	}
	if got := stored(t, w, o.ID).LooksFor(placement.House, next); len(got) != 1 {
		t.Errorf("the next shelter sees %d looks at its point", len(got))
	}
}
