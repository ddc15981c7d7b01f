package referral_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"panah/internal/caller"
	"panah/internal/code"
	"panah/internal/placement"
	"panah/internal/referral"
	"panah/internal/shelter"
	"panah/internal/testworld"
)

// Whose beds are gone when a mistake is taken back is not forgotten: the next
// option is held, as the party agreed.
func TestATakenBackArrivalWhoseBedsAreGoneHoldsTheNextOption(t *testing.T) {
	ctx := context.Background()
	t.Run("elsewhere", func(t *testing.T) {
		w := testworld.Open(t)
		s := w.Service
		o := request(t, w, "one", true)
		first := o.Hold.Shelter
		no, err := s.Refuse(ctx, team, o.ID, 0, command("no", 1))
		if err != nil {
			t.Fatal(err)
		}
		held, err := s.Hold(ctx, team, o.ID, "", command("hold", no.Version))
		if err != nil {
			t.Fatal(err)
		}
		second := held.Hold.Shelter
		wrong, err := s.Receive(ctx, staff(first), o.ID, command("wrong", 0))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.SetStatus(ctx, staff(second), second, shelter.Closed, command("closed", 0)); err != nil {
			t.Fatal(err)
		}
		back, err := s.Undo(ctx, staff(first), o.ID, command("undo", wrong.Version))
		if err != nil || back.State != placement.Held || back.Hold.Shelter == first || back.Hold.Shelter == second {
			t.Fatalf("%s at %s, first %s, then %s: %v", back.State, back.Hold.Shelter, first, second, err)
		}
		if live := account(t, w); live != 1 {
			t.Errorf("%d live", live)
		}
	})
	t.Run("where nobody had answered", func(t *testing.T) {
		w := testworld.Open(t)
		o := request(t, w, "one", true)
		first := o.Hold.Shelter
		wrong, err := w.Service.Receive(ctx, staff(first), o.ID, command("wrong", 0))
		if err != nil {
			t.Fatal(err)
		}
		back, err := w.Service.Undo(ctx, staff(first), o.ID, command("undo", wrong.Version))
		if err != nil || back.State != placement.Held {
			t.Fatalf("%s at %s, first %s: %v", back.State, back.Hold.Shelter, first, err)
		}
		if live := account(t, w); live != 1 {
			t.Errorf("%d live", live)
		}
	})
	t.Run("a party that is asked first", func(t *testing.T) {
		w := testworld.Open(t)
		o := request(t, w, "one", false)
		held, err := w.Service.Hold(ctx, team, o.ID, "", command("hold", o.Version))
		if err != nil {
			t.Fatal(err)
		}
		first := held.Hold.Shelter
		wrong, err := w.Service.Receive(ctx, staff(first), o.ID, command("wrong", 0))
		if err != nil {
			t.Fatal(err)
		}
		back, err := w.Service.Undo(ctx, staff(first), o.ID, command("undo", wrong.Version))
		if err != nil || back.State != placement.Requested {
			t.Fatalf("%s, %v", back.State, err)
		}
		account(t, w)
	})
}

// Who waited before a request was closed by mistake waits on, for as long as before.
func TestACloseTakenBackLetsWhoWaitedWaitOn(t *testing.T) {
	ctx := context.Background()
	for name, c := range map[string]struct {
		by    caller.Caller
		close func(s *referral.Service, id string, version uint64) (referral.Outcome, error)
	}{
		"cancelled": {team, func(s *referral.Service, id string, version uint64) (referral.Outcome, error) {
			return s.Cancel(ctx, team, id, 0, command("cancel", version))
		}},
		"superseded": {desk, func(s *referral.Service, id string, version uint64) (referral.Outcome, error) {
			return s.Supersede(ctx, desk, id, command("supersede", version))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := testworld.Open(t)
			man := girl()
			man.Persons[0] = placement.Person{Age: code.Age25To59, PlaceWith: code.Men}
			var last referral.Outcome
			for i := range 7 { // MENS has six beds free
				var err error
				if last, err = w.Service.Request(ctx, team, man, command(fmt.Sprint("man-", i), 0)); err != nil {
					t.Fatal(err)
				}
			}
			if last.State != placement.Waitlisted {
				t.Fatal(last.State)
			}
			w.Pass(time.Minute)
			closed, err := c.close(w.Service, last.ID, last.Version)
			if err != nil {
				t.Fatal(err)
			}
			back, err := w.Service.Undo(ctx, c.by, last.ID, command("undo", closed.Version))
			if err != nil || back.State != placement.Waitlisted || !back.Request.NeededUntil.Equal(last.Request.NeededUntil) {
				t.Fatalf("%s until %s, waited until %s: %v", back.State, back.Request.NeededUntil, last.Request.NeededUntil, err)
			}
			if _, err := w.Service.Cancel(ctx, team, placement.ID("team-a", "man-0"), 0, command("free", 1)); err != nil {
				t.Fatal(err)
			}
			w.Feed(t)
			w.Pass(2 * time.Second)
			if n, err := w.Service.MatchWaiting(ctx); n != 1 || err != nil {
				t.Errorf("%d found the bed, %v", n, err)
			}
		})
	}
}

// That somebody came on a day stands, whatever they do afterwards.
func TestADoorKeepsWhoCameWhenTheyLeaveAndComeAgainOrElsewhere(t *testing.T) {
	w := testworld.Open(t)
	limitedHome(t, w, shelter.LimitOf(5))
	ctx, s := context.Background(), w.Service
	o, err := s.Request(ctx, team, girl(), command("ask", 0))
	if err != nil {
		t.Fatal(err)
	}
	first, then := "GRLS", "LIMI"
	step := func(what string, coming int, next referral.Outcome, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if d := door(t, w); d.On(today(w), w.Now()) != coming {
			t.Errorf("%s: %d came today, want %d", what, d.On(today(w), w.Now()), coming)
		}
		clean(t, w, what)
		o = next
		w.Pass(time.Minute)
	}
	next, err := s.Hold(ctx, team, o.ID, first, command("hold first", o.Version))
	step("held where no day is counted", 0, next, err)
	next, err = s.Hold(ctx, team, o.ID, then, command("hold then", o.Version))
	step("held", 1, next, err)
	next, err = s.Receive(ctx, staff(then), o.ID, command("came", 0))
	step("arrived", 1, next, err)
	next, err = s.End(ctx, staff(then), o.ID, nil, code.EndHospital, command("left", 0))
	step("left", 1, next, err)
	next, err = s.Receive(ctx, staff(then), o.ID, command("came again", 0))
	step("arrived again", 1, next, err)
	next, err = s.Undo(ctx, staff(then), o.ID, command("not again", o.Version))
	step("not arrived again", 1, next, err)
	next, err = s.Receive(ctx, staff(first), o.ID, command("came elsewhere", 0))
	step("arrived elsewhere", 1, next, err)
	next, err = s.Undo(ctx, staff(first), o.ID, command("not there", o.Version))
	step("not arrived elsewhere", 1, next, err)
	if o.State != placement.Ended || o.Hold.Shelter != then {
		t.Errorf("they are %s at %s", o.State, o.Hold.Shelter)
	}
	// Who fled on the way never came, whatever was told by mistake.
	lost, err := s.Request(ctx, team, girl(), command("lost", 0))
	if err == nil && lost.Hold.Shelter != then {
		lost, err = s.Hold(ctx, team, lost.ID, then, command("hold the other", lost.Version))
	}
	step("another is held", 2, lost, err)
	next, err = s.End(ctx, team, o.ID, nil, code.EndLeftUnannounced, command("fled", 0))
	step("fled", 1, next, err)
	next, err = s.Receive(ctx, staff(then), o.ID, command("the wrong one", 0))
	step("said to have arrived", 2, next, err)
	next, err = s.Undo(ctx, staff(then), o.ID, command("not that one", o.Version))
	step("not arrived", 1, next, err)
}
