package referral_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"panah/internal/code"
	"panah/internal/placement"
	"panah/internal/referral"
	"panah/internal/table"
	"panah/internal/testworld"
)

func man(best bool) placement.Request {
	r := girl()
	r.HoldBest = best
	r.Persons = []placement.Person{{Age: code.Age25To59, PlaceWith: code.Men}}
	return r
}

// countMen says that so many sleep in the eight beds of MENS.
func countMen(t *testing.T, w *testworld.World, present int, match uint64) {
	t.Helper()
	c := census(present, w.Now(), match)
	c.Staffed = 8
	if _, err := w.Service.Count(context.Background(), staff("MENS"), "MENS", "men", c); err != nil {
		t.Fatal(err)
	}
	w.Feed(t)
}

func openForMen(t *testing.T, w *testworld.World, id string, beds int) {
	t.Helper()
	w.Add(t, testworld.Home(id, testworld.District, code.Other, testworld.Unit(id, "men", code.Men, code.AdultBands, beds, 0)))
	w.Feed(t)
}

// afterHalfAnHour is a placement when the clock has looked for half an hour.
func afterHalfAnHour(t *testing.T, w *testworld.World, id string) placement.Placement {
	t.Helper()
	ctx := context.Background()
	for range 30 {
		w.Pass(time.Minute)
		if _, err := w.Service.Lapse(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Service.MatchWaiting(ctx); err != nil {
			t.Fatal(err)
		}
	}
	return stored(t, w, id)
}

// lookedFor fails when a party without beds was not told of any and nobody looks.
func lookedFor(t *testing.T, w *testworld.World, id string) {
	t.Helper()
	if p := afterHalfAnHour(t, w, id); p.State == placement.Requested && p.FoundAt.IsZero() && !p.Seek {
		t.Errorf("nobody looks for %s: due %s, needed until %s, alerts %v", id, p.Due, p.Request.NeededUntil, alerts(t, w))
	}
}

func TestAPartyThatRefusesTheOnlyShelterWaitsForAnother(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o := made(t)(s.Request(ctx, team, man(true), command("ask", 0)))
	o = made(t)(s.Refuse(ctx, team, o.ID, 0, command("no", o.Version)))
	if o.State != placement.Waitlisted {
		t.Fatalf("nothing fits and it is %s", o.State)
	}
	back := made(t)(s.Undo(ctx, team, o.ID, command("after all", o.Version)))
	if back.State != placement.Held || back.Hold.Shelter != "MENS" {
		t.Fatalf("the refusal is taken back: %s at %s", back.State, back.Hold.Shelter)
	}
	o = made(t)(s.Refuse(ctx, team, o.ID, 0, command("no, indeed", back.Version)))
	openForMen(t, w, "MEN2", 8)
	if p := afterHalfAnHour(t, w, o.ID); p.FoundAt.IsZero() && p.State == placement.Requested {
		t.Fatal("nobody looks for it, though beds are free")
	}
}

// Who waited, was told and held, and then lost the hold, waits on: until when it is
// needed has not passed.
func TestWhoWaitedWaitsOnWhenTheHoldIsLost(t *testing.T) {
	for name, lose := range map[string]func(t *testing.T, w *testworld.World, o referral.Outcome){
		"declined": func(t *testing.T, w *testworld.World, o referral.Outcome) {
			made(t)(w.Service.Decline(context.Background(), staff("MENS"), o.ID, 0, command("no", o.Version)))
		},
		"lapsed": func(_ *testing.T, w *testworld.World, _ referral.Outcome) { w.Pass(40 * time.Minute) },
		"released by the desk": func(t *testing.T, w *testworld.World, o referral.Outcome) {
			made(t)(w.Service.Release(context.Background(), desk, o.ID, command("free", o.Version)))
		},
		"released by the team": func(t *testing.T, w *testworld.World, o referral.Outcome) {
			made(t)(w.Service.Release(context.Background(), team, o.ID, command("free", o.Version)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := testworld.Open(t)
			ctx, s := context.Background(), w.Service
			w.Pass(time.Minute)
			countMen(t, w, 8, 1)
			o := made(t)(s.Request(ctx, team, man(false), command("ask", 0)))
			w.Pass(time.Minute)
			countMen(t, w, 7, 2)
			if n, err := s.MatchWaiting(ctx); n != 1 {
				t.Fatal(n, err)
			}
			o = made(t)(s.Hold(ctx, team, o.ID, "", command("hold", mustVersion(t, w, o.ID))))
			lose(t, w, o)
			if _, err := s.Lapse(ctx); err != nil {
				t.Fatal(err)
			}
			w.Pass(time.Minute)
			countMen(t, w, 8, 3)
			w.Pass(time.Minute)
			countMen(t, w, 2, 4)
			lookedFor(t, w, o.ID)
		})
	}
}

func TestWhoIsPlacedApartWhileWaitingWaitsToo(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	w.Pass(time.Minute)
	countMen(t, w, 8, 1)
	r := man(false)
	r.Persons = append(r.Persons, r.Persons[0])
	o := made(t)(s.Request(ctx, team, r, command("ask", 0)))
	stays, apart, err := s.Split(ctx, team, o.ID, []int{1}, code.ChosenBySelf, command("split", o.Version))
	if err != nil || stays.State != placement.Waitlisted {
		t.Fatal(stays.State, err)
	}
	w.Pass(time.Minute)
	countMen(t, w, 2, 2)
	lookedFor(t, w, o.ID)
	lookedFor(t, w, apart)
}

func TestWhoIsPlacedApartIsLookedForAlsoAfterACancelThatIsTakenBack(t *testing.T) {
	w := womenWorld(t)
	ctx, s := context.Background(), w.Service
	o := made(t)(s.Request(ctx, team, women(2), command("ask", 0)))
	_, apart, err := s.Split(ctx, team, o.ID, []int{1}, code.ChosenBySelf, command("split", o.Version))
	if err != nil {
		t.Fatal(err)
	}
	c := made(t)(s.Cancel(ctx, team, apart, 0, command("oops", 1)))
	made(t)(s.Undo(ctx, team, apart, command("undo", c.Version)))
	if p := afterHalfAnHour(t, w, apart); p.Hold.No == 0 {
		t.Errorf("it is %s, and nothing was ever held for who was placed apart", p.State)
	}
}

// A request without a hold stays as it is while beds are to be had, whatever the
// clock notes; when they are gone it waits, and is told when there are some again.
func TestARequestNobodyChoosesForWaitsOnceItsBedsAreGone(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o := made(t)(s.Request(ctx, team, man(false), command("ask", 0)))
	if p := afterHalfAnHour(t, w, o.ID); p.State != placement.Requested || p.CheckVersion(placement.MoveHold, o.Version) != nil {
		t.Fatalf("beds are free and it is %s; the version that was seen is not good any more", p.State)
	}
	countMen(t, w, 8, 1)
	if _, err := s.Hold(ctx, team, o.ID, "", command("hold", o.Version)); err == nil {
		t.Fatal("held where nothing is free")
	}
	if p := afterHalfAnHour(t, w, o.ID); p.State != placement.Waitlisted {
		t.Fatalf("its beds are gone and it is %s", p.State)
	}
	w.Pass(time.Minute)
	countMen(t, w, 2, 2)
	lookedFor(t, w, o.ID)
}

func TestARequestNobodyChoosesForIsToldToTheDeskWhenItsTimeIsOver(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o := made(t)(s.Request(ctx, team, man(false), command("ask", 0)))
	for range 2 { // once
		w.Pass(s.Policy.WaitFor[o.Request.Urgency] + time.Minute)
		w.Feed(t)
		for range 3 {
			if _, err := s.Lapse(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	if list := alerts(t, w); len(list) != 1 || list[0].Kind != placement.AlertWaitingOver {
		t.Fatalf("alerts %v", list)
	}
}

// coldStore has no directory to read.
type coldStore struct{ table.Store }

func (c *coldStore) Get(ctx context.Context, k table.Key, s table.Consistency) (*table.Item, error) {
	if strings.HasPrefix(k.PK, "DIR") {
		return nil, table.ErrBusy
	}
	return c.Store.Get(ctx, k, s)
}

func (c *coldStore) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if strings.HasPrefix(q.PK, "DIR") {
		return table.Page{}, table.ErrBusy
	}
	return c.Store.Query(ctx, q)
}

func TestWhoIsTurnedAwayWhileThereIsNoDirectoryIsLookedForLater(t *testing.T) {
	w := testworld.Open(t)
	ctx := context.Background()
	o := made(t)(w.Service.Request(ctx, team, man(false), command("ask", 0)))
	o = made(t)(w.Service.Hold(ctx, team, o.ID, "", command("hold", o.Version)))
	a := made(t)(w.Service.Accept(ctx, staff("MENS"), o.ID, command("yes", o.Version)))
	cold := referral.New(referral.Config{Store: &coldStore{w.Store}, Policy: w.Service.Policy, Now: w.Now, NewID: w.NewID, Log: w.Service.Log})
	made(t)(cold.TurnAway(ctx, team, o.ID, 0, command("not let in", a.Version)))
	openForMen(t, w, "MEN2", 8)
	lookedFor(t, w, o.ID)
}

// On the road to the second shelter, the first says by mistake that they came; the
// second's beds are gone meanwhile; the first takes it back.
func TestWhoseBedsAreGoneOnTheRoadWaitsAndTheDeskIsTold(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	openForMen(t, w, "MEN2", 1)
	o := made(t)(s.Request(ctx, team, man(false), command("ask", 0)))
	o = made(t)(s.Hold(ctx, team, o.ID, "MENS", command("h1", o.Version)))
	o = made(t)(s.Hold(ctx, team, o.ID, "MEN2", command("h2", o.Version)))
	a := made(t)(s.Accept(ctx, staff("MEN2"), o.ID, command("yes", o.Version)))
	ch := made(t)(s.Choose(ctx, team, o.ID, placement.Choice{By: code.ChosenBySelf, Shelter: "MEN2", HouseRulesShown: true}, command("choose", a.Version)))
	made(t)(s.Depart(ctx, team, o.ID, true, nil, command("go", ch.Version)))
	r := made(t)(s.Receive(ctx, staff("MENS"), o.ID, command("wrong", 0)))
	w.Feed(t)
	other := made(t)(s.Request(ctx, team, man(false), command("other", 0)))
	made(t)(s.Hold(ctx, team, other.ID, "MEN2", command("other hold", other.Version)))
	w.Feed(t)
	made(t)(s.Undo(ctx, staff("MENS"), o.ID, command("undo", r.Version)))
	if list := alerts(t, w); len(list) != 1 || list[0].Kind != placement.AlertBedsGone {
		t.Errorf("alerts %v", list)
	}
	lookedFor(t, w, o.ID)
}
