package referral_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"panah/internal/code"
	"panah/internal/fault"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/referral"
	"panah/internal/shelter"
	"panah/internal/table"
	"panah/internal/testworld"
)

// daily adds a home with a unit for girls and one for boys that takes so many
// people a day.
func daily(t *testing.T, w *testworld.World, id string, limit shelter.Limit) {
	t.Helper()
	p := testworld.Home(id, testworld.District, code.ChildrensHome, testworld.Unit(id, "boys", code.Boys, testworld.SchoolAge, 60, 5),
		testworld.Unit(id, "girls", code.Girls, testworld.SchoolAge, 60, 5))
	p.DailyIntake = limit
	w.Add(t, p)
}

// elsewhereNot is a request of so many girls and boys for added homes alone.
func elsewhereNot(girls, boys int) placement.Request {
	r := girl()
	r.ExcludedShelters, r.Together, r.Persons = []string{"HOMA", "HOMB", "GRLS", "FULL"}, code.TogetherRequired, nil
	for range girls {
		r.Persons = append(r.Persons, placement.Person{Age: code.Age12To14, PlaceWith: code.Girls})
	}
	for range boys {
		r.Persons = append(r.Persons, placement.Person{Age: code.Age6To11, PlaceWith: code.Boys})
	}
	return r
}

// comes is how many people come to a shelter on a day.
func comes(t *testing.T, w *testworld.World, id string, day shelter.Day) int {
	t.Helper()
	it, err := w.Store.Get(context.Background(), record.DoorKey(id), table.Strong)
	if err != nil {
		t.Fatal(err)
	}
	if it == nil {
		return 0
	}
	d, err := record.ToDoor(it)
	if err != nil {
		t.Fatal(err)
	}
	return d.On(day, w.Now())
}

// A party that sleeps in two units comes through one door, all of it.
func TestAPartyInTwoUnitsComesThroughOneDoor(t *testing.T) {
	for _, c := range []struct {
		name  string
		limit int
		want  placement.State
		come  int
	}{
		{"as many as the day takes", 3, placement.Held, 3},
		{"one too many", 2, placement.Waitlisted, 0},
	} {
		ctx, w := context.Background(), testworld.Open(t)
		daily(t, w, "ONEA", shelter.LimitOf(c.limit))
		o, err := w.Service.Request(ctx, team, elsewhereNot(2, 1), command("ask", 0))
		if err != nil || o.State != c.want || comes(t, w, "ONEA", today(w)) != c.come {
			t.Fatalf("%s: %s, %d come, %v", c.name, o.State, comes(t, w, "ONEA", today(w)), err)
		}
		clean(t, w, c.name)
		if c.come == 0 {
			continue
		}
		o, err = w.Service.Receive(ctx, staff("ONEA"), o.ID, command("came", 0))
		if err != nil || comes(t, w, "ONEA", today(w)) != c.come {
			t.Errorf("%s: they came, and the door has %d, %v", c.name, comes(t, w, "ONEA", today(w)), err)
		}
		clean(t, w, c.name+", arrived")
	}
}

// A hold that moves leaves one door and comes through another in the same write;
// one that is taken anew where it is comes through its own once.
func TestAHoldThatMovesChangesBothDoors(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	daily(t, w, "ONEA", shelter.LimitOf(2))
	daily(t, w, "TWOB", shelter.LimitOf(2))
	o, err := w.Service.Request(ctx, team, elsewhereNot(1, 1), command("ask", 0))
	if err != nil {
		t.Fatal(err)
	}
	from := o.Hold.Shelter
	to := map[string]string{"ONEA": "TWOB", "TWOB": "ONEA"}[from]
	if o, err = w.Service.Hold(ctx, team, o.ID, to, command("move", o.Version)); err != nil {
		t.Fatal(err)
	}
	if a, b := comes(t, w, from, today(w)), comes(t, w, to, today(w)); a != 0 || b != 2 {
		t.Errorf("%d come where it was held and %d where it is", a, b)
	}
	clean(t, w, "moved")
	if _, err := w.Service.Cancel(ctx, team, o.ID, 0, command("cancel", o.Version)); err != nil || comes(t, w, to, today(w)) != 0 {
		t.Errorf("cancelled, and %d come, %v", comes(t, w, to, today(w)), err)
	}
	clean(t, w, "cancelled")
}

// An arrival is noted where the shelter limits its days now, and where it did when
// the beds were held; nowhere else.
func TestAnArrivalIsNotedWhereDaysAreLimited(t *testing.T) {
	for _, c := range []struct {
		name         string
		before, then shelter.Limit
		want         int
	}{
		{"limited all the time", shelter.LimitOf(5), shelter.LimitOf(5), 1},
		{"limited since the hold", 0, shelter.LimitOf(5), 1},
		{"limited until the hold", shelter.LimitOf(5), 0, 1},
		{"never limited", 0, 0, 0},
	} {
		ctx, w := context.Background(), testworld.Open(t)
		daily(t, w, "ONEA", c.before)
		o, err := w.Service.Request(ctx, team, elsewhereNot(1, 0), command("ask", 0))
		if err != nil || o.Hold.Shelter != "ONEA" {
			t.Fatal(o.State, err)
		}
		v, err := w.Service.Shelter(ctx, ministry, "ONEA")
		if err != nil {
			t.Fatal(err)
		}
		facts := shelter.Facts(v.Shelter, v.Units)
		if facts.DailyIntake = c.then; c.then != c.before {
			if _, err := w.Service.Update(ctx, ministry, "ONEA", v.Version, facts); err != nil {
				t.Fatal(err)
			}
		}
		w.Feed(t)
		w.Pass(3 * time.Second)
		if o, err = w.Service.Receive(ctx, staff("ONEA"), o.ID, command("came", 0)); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if got := comes(t, w, "ONEA", today(w)); got != c.want || (o.Hold.Day != 0) != (c.want > 0) {
			t.Errorf("%s: %d came, on day %d", c.name, got, o.Hold.Day)
		}
		walk, err := w.Service.Admit(ctx, staff("ONEA"), "ONEA", "girls", elsewhereNot(2, 0).Persons, placement.Consent{}, command("walk-in", 0))
		if want := c.want + 2; err != nil || c.then.Said() && comes(t, w, "ONEA", today(w)) != want || !c.then.Said() && walk.Hold.Day != 0 {
			t.Errorf("%s: %d came, two of them by themselves, %v", c.name, comes(t, w, "ONEA", today(w)), err)
		}
		clean(t, w, c.name)
	}
}

// A hold whose time has passed keeps nobody out, and is no mistake of the door's;
// neither is a day that it has forgotten.
func TestADoorThatForgetsIsNotWrong(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	daily(t, w, "ONEA", shelter.LimitOf(1))
	first, err := w.Service.Request(ctx, team, elsewhereNot(1, 0), command("first", 0))
	if err != nil || first.State != placement.Held {
		t.Fatal(first.State, err)
	}
	w.Pass(first.Hold.ExpiresAt.Sub(w.Now()))
	second, err := w.Service.Request(ctx, team, elsewhereNot(1, 0), command("second", 0))
	if err != nil || second.State != placement.Held || comes(t, w, "ONEA", second.Hold.Day) != 1 {
		t.Fatalf("in place of a hold that has lapsed: %s, %v", second.State, err)
	}
	clean(t, w, "before the clock has looked")
	if second, err = w.Service.Receive(ctx, staff("ONEA"), second.ID, command("came", 0)); err != nil {
		t.Fatal(err)
	}
	w.Pass(time.Minute)
	if _, err := w.Service.Lapse(ctx); err != nil {
		t.Fatal(err)
	}
	clean(t, w, "after the clock has looked")
	for i := range 5 {
		w.Pass(24 * time.Hour)
		if _, err := w.Service.Confirm(ctx, staff("ONEA"), "ONEA", command(fmt.Sprint("confirm ", i), 0)); err != nil {
			t.Fatal(err)
		}
		o, err := w.Service.Request(ctx, team, elsewhereNot(1, 0), command(fmt.Sprint("day ", i), 0))
		if err != nil || o.State != placement.Held {
			t.Fatalf("day %d: %s, %v", i, o.State, err)
		}
		if _, err = w.Service.Receive(ctx, staff("ONEA"), o.ID, command("came", 0)); err != nil {
			t.Fatal(err)
		}
		clean(t, w, fmt.Sprint("day ", i))
	}
	if n := comes(t, w, "ONEA", second.Hold.Day); n != 0 {
		t.Errorf("the door remembers %d of five days ago", n)
	}
}

// A process that does not know who comes today learns it from the door and asks
// elsewhere; it does not try for ever.
func TestADoorThatIsFullIsLearntOnce(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	daily(t, w, "ONEA", shelter.LimitOf(1))
	daily(t, w, "TWOB", shelter.LimitOf(1))
	late := referral.New(referral.Config{Store: w.Store, Policy: w.Service.Policy, Now: w.Now, NewID: w.NewID, Log: w.Service.Log})
	if err := late.Warm(ctx); err != nil {
		t.Fatal(err)
	}
	first, err := w.Service.Request(ctx, team, elsewhereNot(1, 0), command("first", 0))
	if err != nil {
		t.Fatal(err)
	}
	open, err := late.Request(ctx, team, func() placement.Request { r := elsewhereNot(1, 0); r.HoldBest = false; return r }(), command("open", 0))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := late.Hold(ctx, team, open.ID, first.Hold.Shelter, command("named", open.Version)); !fault.Is(err, fault.NotEligible) && !fault.Is(err, fault.ShelterFull) {
		t.Errorf("held where the day is full: %v", err)
	}
	best, err := late.Hold(ctx, team, open.ID, "", command("best", open.Version))
	if err != nil || best.Hold.Shelter == first.Hold.Shelter {
		t.Errorf("held at %s, as the first at %s, %v", best.Hold.Shelter, first.Hold.Shelter, err)
	}
	clean(t, w, "both held")
}
