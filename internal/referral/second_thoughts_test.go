package referral_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"panah/internal/caller"
	"panah/internal/code"
	"panah/internal/fault"
	"panah/internal/placement"
	"panah/internal/referral"
	"panah/internal/shelter"
	"panah/internal/testworld"
)

// arrived brings a girl into the shelter that was held first.
func arrived(t *testing.T, w *testworld.World) referral.Outcome {
	t.Helper()
	o := onTheRoad(t, w)
	o, err := w.Service.Receive(context.Background(), staff(o.Hold.Shelter), o.ID, command("receive", 4))
	if err != nil || o.State != placement.Arrived {
		t.Fatal(o.State, err)
	}
	return o
}

func counts(t *testing.T, w *testworld.World, id, unit string) string {
	t.Helper()
	c := w.Unit(t, id, unit).Counts()
	return fmt.Sprintf("occupied %d held %d free %d", c.Occupied(), c.Held(), c.Free())
}

// Each move that can be taken back leaves placement and beds as they were.
func TestUndoLeavesPlacementAndBedsAsTheyWere(t *testing.T) {
	type step func(w *testworld.World, o referral.Outcome) (referral.Outcome, error)
	ctx := context.Background()
	for name, c := range map[string]struct {
		start func(*testing.T, *testworld.World) referral.Outcome
		move  step
		who   func(referral.Outcome) caller.Caller
	}{
		"depart": {func(t *testing.T, w *testworld.World) referral.Outcome {
			o := onTheRoad(t, w)
			back, err := w.Service.Undo(ctx, team, o.ID, command("not yet", 4))
			if err != nil || back.State != placement.Accepted {
				t.Fatal(back.State, err)
			}
			return back
		}, func(w *testworld.World, o referral.Outcome) (referral.Outcome, error) {
			return w.Service.Depart(ctx, team, o.ID, true, nil, command("depart again", o.Version))
		}, func(referral.Outcome) caller.Caller { return team }},
		"divert": {onTheRoad, func(w *testworld.World, o referral.Outcome) (referral.Outcome, error) {
			return w.Service.Divert(ctx, team, o.ID, 0, command("divert", o.Version))
		}, func(referral.Outcome) caller.Caller { return team }},
		"receive": {onTheRoad, func(w *testworld.World, o referral.Outcome) (referral.Outcome, error) {
			return w.Service.Receive(ctx, staff(o.Hold.Shelter), o.ID, command("receive", 0))
		}, func(o referral.Outcome) caller.Caller { return staff(o.Hold.Shelter) }},
		"end": {arrived, func(w *testworld.World, o referral.Outcome) (referral.Outcome, error) {
			return w.Service.End(ctx, staff(o.Hold.Shelter), o.ID, nil, code.EndHome, command("end", 0))
		}, func(o referral.Outcome) caller.Caller { return staff(o.Hold.Shelter) }},
		"a decision": {arrived, func(w *testworld.World, o referral.Outcome) (referral.Outcome, error) {
			return w.Service.Decide(ctx, desk, o.ID, referral.DecideCommand{Command: command("decide", 0)})
		}, func(referral.Outcome) caller.Caller { return desk }},
	} {
		t.Run(name, func(t *testing.T) {
			w := testworld.Open(t)
			before := c.start(t, w)
			beds := counts(t, w, before.Hold.Shelter, "girls")
			w.Pass(time.Minute)
			moved, err := c.move(w, before)
			if err != nil {
				t.Fatal(err)
			}
			w.Pass(placement.UndoFor - time.Second)
			back, err := w.Service.Undo(ctx, c.who(before), before.ID, command("undo", moved.Version))
			if err != nil || back.State != before.State || back.Ruling != before.Ruling || back.ArrivedAt != before.ArrivedAt {
				t.Fatalf("%s, %v", back.State, err)
			}
			if got := counts(t, w, before.Hold.Shelter, "girls"); got != beds {
				t.Fatalf("beds are %s, were %s", got, beds)
			}
			if _, err := w.Service.Undo(ctx, c.who(before), before.ID, command("twice", back.Version)); !fault.Is(err, fault.IllegalMove) {
				t.Fatalf("an undo is taken back: %v", err)
			}
			again, err := w.Service.Undo(ctx, c.who(before), before.ID, command("undo", moved.Version))
			if err != nil || !again.Replayed || again.Version != back.Version {
				t.Fatalf("sent again: %v %v", again.Replayed, err)
			}
			account(t, w)
		})
	}
}

func TestUndoIsTheMoversAloneAndEndsAfterFifteenMinutes(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o := onTheRoad(t, w)
	if _, err := s.Undo(ctx, staff(o.Hold.Shelter), o.ID, command("theirs", 4)); !fault.Is(err, fault.IllegalMove) {
		t.Fatalf("the shelter takes back what the team did: %v", err)
	}
	if _, err := s.Undo(ctx, staff("HOMB"), o.ID, command("nobody's", 4)); !fault.Is(err, fault.NotFound) {
		t.Fatalf("another shelter: %v", err)
	}
	if _, err := s.Undo(ctx, team, o.ID, referral.Command{Key: "by hold", Payload: "x", HoldNo: 1}); !fault.Is(err, fault.Invalid) {
		t.Fatalf("an undo that does not name the version: %v", err)
	}
	w.Pass(placement.UndoFor)
	if _, err := s.Undo(ctx, team, o.ID, command("late", 4)); !fault.Is(err, fault.IllegalMove) {
		t.Fatalf("after fifteen minutes: %v", err)
	}
	p, err := s.Placement(ctx, team, o.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range p.Next(placement.Team, w.Now()) {
		if m == placement.MoveUndo {
			t.Fatal("next offers an undo that would be refused")
		}
	}
}

// A shelter that declined by mistake gets the party back while nobody else has
// said yes, and its beds are held again in the same write.
func TestADeclineTakenBackHoldsTheShelterAgain(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o := request(t, w, "one", true)
	first := o.Hold.Shelter
	no, err := s.Decline(ctx, staff(first), o.ID, 0, command("decline", 1))
	if err != nil || no.Hold.Shelter == first || no.State != placement.Held {
		t.Fatalf("%s at %s, %v", no.State, no.Hold.Shelter, err)
	}
	back, err := s.Undo(ctx, staff(first), o.ID, command("undo", no.Version))
	if err != nil || back.State != placement.Held || back.Hold.Shelter != first {
		t.Fatalf("%s at %s, %v", back.State, back.Hold.Shelter, err)
	}
	if live := account(t, w); live != 1 {
		t.Fatalf("%d live", live)
	}
}

func TestAPartyIsSplitByDecisionOnlyAndNobodyIsLost(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	r := girl()
	r.Persons = append(r.Persons, placement.Person{Age: code.Age6To11, PlaceWith: code.Boys})
	o, err := s.Request(ctx, team, r, command("siblings", 0))
	if err != nil || o.Hold.Beds() != 2 {
		t.Fatal(o.Hold, err)
	}
	if _, _, err := s.Split(ctx, team, o.ID, []int{1}, code.ChosenBySelf, command("split", 1)); !fault.Is(err, fault.Invalid) {
		t.Fatalf("children are split on their own word: %v", err)
	}
	for name, persons := range map[string][]int{"all": {0, 1}, "nobody there": {2}, "twice": {1, 1}} {
		if _, _, err := s.Split(ctx, team, o.ID, persons, code.ChosenByCommittee, command("split "+name, 1)); !fault.Is(err, fault.Invalid) {
			t.Fatalf("%s: %v", name, err)
		}
	}
	stay, apart, err := s.Split(ctx, team, o.ID, []int{1}, code.ChosenByCommittee, command("split", 1))
	if err != nil || len(stay.Request.Persons) != 1 || stay.Request.Persons[0].PlaceWith != code.Girls || stay.Hold.Beds() != 1 {
		t.Fatalf("%+v %v", stay.Hold, err)
	}
	w.Pass(10 * time.Second)
	if n, err := s.Lapse(ctx); n != 1 || err != nil {
		t.Fatalf("the clock looks for the one apart: %d %v", n, err)
	}
	other, err := s.Placement(ctx, team, apart)
	if err != nil || other.State != placement.Held || other.Hold.Beds() != 1 || len(other.Request.Persons) != 1 || other.Request.Persons[0].PlaceWith != code.Boys {
		t.Fatalf("%+v %v", other.Request.Persons, err)
	}
	again, same, err := s.Split(ctx, team, o.ID, []int{1}, code.ChosenByCommittee, command("split", 1))
	if err != nil || !again.Replayed || same != apart {
		t.Fatalf("sent again: %v %v", again.Replayed, err)
	}
	if live := account(t, w); live != 2 {
		t.Fatalf("%d live", live)
	}
}

func TestAYesOnThePhoneShowsTheDoorOnlyWithTheSheltersCode(t *testing.T) {
	ctx := context.Background()
	for name, c := range map[string]struct {
		knows bool
		where string
	}{"who knows the code": {true, "the blue door"}, "who does not": {false, "the fountain"}} {
		t.Run(name, func(t *testing.T) {
			w := testworld.Open(t)
			s := w.Service
			o := request(t, w, "one", true)
			at := o.Hold.Shelter
			h, err := s.SetHandover(ctx, staff(at), at, shelter.Handover{Point: "the blue door", Meeting: "the fountain"}, 0)
			if err != nil || h.Code == "" {
				t.Fatal(err)
			}
			if same, err := s.SetHandover(ctx, staff(at), at, shelter.Handover{Point: "the blue door", Meeting: "the fountain"}, 0); err != nil || same.Code != h.Code {
				t.Fatalf("sent again: another code, %v", err)
			}
			if _, err := s.SetHandover(ctx, staff(at), at, shelter.Handover{Point: "an old door", Meeting: "x"}, 0); !fault.Is(err, fault.Precondition) {
				t.Fatalf("a late copy overwrites: %v", err)
			}
			if _, err := s.Reveal(ctx, team, o.ID, command("too early", 1)); !fault.Is(err, fault.IllegalMove) {
				t.Fatalf("shown before the shelter said yes: %v", err)
			}
			w.Pass(26 * time.Minute)
			code := "wrong"
			if c.knows {
				code = h.Code
			}
			yes, err := s.AcceptByPhone(ctx, team, o.ID, code, command("phone", 1))
			if err != nil || yes.State != placement.Accepted || !yes.ByPhone || yes.Verified != c.knows {
				t.Fatal(yes.State, yes.Verified, err)
			}
			if u := w.Unit(t, at, "girls"); u.ByPhone != c.knows || u.ConfirmedAt.Equal(w.Now()) != c.knows {
				t.Fatalf("counts vouched for by phone: %v at %s", u.ByPhone, u.ConfirmedAt)
			}
			shown, err := s.Reveal(ctx, team, o.ID, command("look", 2))
			if err != nil || shown.Where != c.where || len(shown.Looks) != 1 || shown.Looks[0].By != team.Subject {
				t.Fatalf("%q %+v %v", shown.Where, shown.Looks, err)
			}
			mate := caller.Caller{Subject: "subject-team-a-2", Role: caller.Rescue, Scope: team.Scope}
			if _, err := s.Reveal(ctx, mate, o.ID, command("mate", 3)); !fault.Is(err, fault.Forbidden) {
				t.Fatalf("another of the team sees it: %v", err)
			}
			w.Pass(13 * time.Hour)
			if _, err := s.Reveal(ctx, team, o.ID, command("long after", 3)); !fault.Is(err, fault.IllegalMove) {
				t.Fatalf("shown for ever: %v", err)
			}
			if _, err := s.Handover(ctx, staff("GRLS"), at); at != "GRLS" && !fault.Is(err, fault.NotFound) {
				t.Fatalf("another shelter sees it: %v", err)
			}
		})
	}
}

// A code that was misheard is said again, on the road too, and then the door is
// shown; one that is guessed is not looked at for long.
func TestAnUnsureYesBecomesSureWithTheRightCode(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o := request(t, w, "one", true)
	at := o.Hold.Shelter
	h, err := s.SetHandover(ctx, staff(at), at, shelter.Handover{Point: "the blue door", Meeting: "the fountain"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	say := func(key, code string, version uint64) (referral.Outcome, error) {
		return s.AcceptByPhone(ctx, team, o.ID, code, command(key, version))
	}
	if o, err = say("misheard", "wrong", 1); err != nil || o.Verified {
		t.Fatal(o.Verified, err)
	}
	if _, err := say("nothing", "", 2); field(err) != "phoneCode" {
		t.Fatalf("a yes without a code again: %v", err)
	}
	must(t)(s.Choose(ctx, team, o.ID, placement.Choice{By: code.ChosenByGuardian, Shelter: at, HouseRulesShown: true, Viewed: true}, command("choose", 2)))
	must(t)(s.Depart(ctx, team, o.ID, true, nil, command("depart", 3)))
	if o, err = say("misheard again", "wrong", 4); err != nil || o.Verified || o.PhoneTriesLeft() != placement.MaxPhoneTries-2 {
		t.Fatal(o.PhoneTriesLeft(), err)
	}
	w.Pass(time.Hour)
	if o, err = say("right", h.Code, 5); err != nil || !o.Verified || o.State != placement.InTransit {
		t.Fatal(o.Verified, o.State, err)
	}
	if until := w.Now().Add(w.Service.Policy.Reveal); !o.RevealUntil.Equal(until) {
		t.Errorf("who knows it for sure only now may look until %v, not %v", o.RevealUntil, until)
	}
	if again, err := say("misheard again", "wrong", 4); err != nil || !again.Replayed || !again.Verified {
		t.Fatalf("an old copy: %v %v", again.Verified, err)
	}
	if _, err := say("once more", h.Code, o.Version); !fault.Is(err, fault.IllegalMove) {
		t.Fatalf("a sure yes is made sure: %v", err)
	}
	if shown, err := s.Reveal(ctx, team, o.ID, command("look", o.Version)); err != nil || shown.Where != "the blue door" {
		t.Fatalf("%q %v", shown.Where, err)
	}
	if u := w.Unit(t, at, "girls"); !u.ByPhone {
		t.Error("the counts are not vouched for by phone")
	}
	account(t, w)
}

func TestACodeIsNotGuessed(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o := request(t, w, "one", true)
	at := o.Hold.Shelter
	h, err := s.SetHandover(ctx, staff(at), at, shelter.Handover{Point: "the blue door", Meeting: "the fountain"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i := range placement.MaxPhoneTries {
		if o, err = s.AcceptByPhone(ctx, team, o.ID, fmt.Sprint("guess", i), command(fmt.Sprint("guess ", i), o.Version)); err != nil || o.Verified {
			t.Fatal(err)
		}
	}
	if _, err := s.AcceptByPhone(ctx, team, o.ID, h.Code, command("right by now", o.Version)); !fault.Is(err, fault.IllegalMove) {
		t.Fatalf("guessed: %v", err)
	}
	if slices.Contains(o.Next(placement.Team, w.Now()), placement.MovePhone) {
		t.Error("next offers another guess")
	}
}

// must fails a test where a move is refused.
func must(t *testing.T) func(referral.Outcome, error) {
	return func(_ referral.Outcome, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
}

// The clocks of law come from the jurisdiction of the place; a review of the stay
// warns the desk and a decision moves it (rows A4 and D10).
func TestAStayHasAGroundAndAReviewThatAlerts(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o := arrived(t, w)
	if o.Basis.Ground != code.StayAwaitingCommittee || !o.Basis.ReviewBy.Equal(o.ArrivedAt.AddDate(0, 0, 15)) {
		t.Fatalf("basis %+v", o.Basis)
	}
	ground, _ := code.StayBases.Parse("interim_magistrate")
	far := w.Now().AddDate(1, 0, 0)
	ruled, err := s.Decide(ctx, desk, o.ID, referral.DecideCommand{Command: command("order", 0), Ground: &ground, ReviewBy: far})
	if err != nil || !ruled.Basis.ReviewBy.Equal(w.Now().AddDate(0, 0, 10)) {
		t.Fatalf("the law allows ten days, the review is %s: %v", ruled.Basis.ReviewBy, err)
	}
	for _, day := range []int{5, 8, 10} {
		w.Pass(ruled.Basis.From.AddDate(0, 0, day).Add(6 * time.Second).Sub(w.Now()))
		if _, err := s.Lapse(ctx); err != nil {
			t.Fatal(err)
		}
	}
	var percents []int
	for _, a := range alerts(t, w) {
		if a.Clock == "review.interim_magistrate" {
			percents = append(percents, a.Percent)
		}
	}
	if fmt.Sprint(percents) != "[50 80 100]" {
		t.Fatalf("warned at %v", percents)
	}
}

func TestAPlaceWithoutItsOwnLawUsesTheDefault(t *testing.T) {
	for district, want := range map[string]string{"IN-LGD-315": "in.jj.31", "BD-13": "bd.tell_authority"} {
		r := girl()
		r.Place = "IN-LGD-315"
		w := testworld.Open(t)
		p := placement.New("p", "t", "x", r, w.Now(), placement.Command{})
		p.Request.Place = "BD-13"
		if district == "IN-LGD-315" {
			p.Request.Place = testworld.District
		}
		if clocks := w.Service.Policy.Clocks(p); len(clocks) != 1 || clocks[0].ID != want {
			t.Errorf("%s: %+v", district, clocks)
		}
		p.Request.Place = "ZZ"
		if clocks := w.Service.Policy.Clocks(p); len(clocks) != 1 || clocks[0].ID != "default.tell_authority" {
			t.Errorf("elsewhere: %+v", clocks)
		}
	}
}

// A stay that ends because its people came elsewhere is ended by who took them in.
func TestAStayIsEndedByWhoTookItsPeopleIn(t *testing.T) {
	w := testworld.Open(t)
	o := arrived(t, w)
	moved := at(t, w, transferred(t, w, o.Placement))
	if p := at(t, w, o.ID); p.State != placement.Ended || p.By != staff(moved.Hold.Shelter).Subject || p.By == staff(o.Hold.Shelter).Subject {
		t.Errorf("%s, ended by %q", p.State, p.By)
	}
}
