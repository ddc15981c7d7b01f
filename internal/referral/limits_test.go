package referral_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"panah/internal/code"
	"panah/internal/fault"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/referral"
	"panah/internal/shelter"
	"panah/internal/table"
	"panah/internal/table/tabletest"
	"panah/internal/testworld"
)

// limitedHome adds a home with many beds, two step-free places, one medical place
// and so many people a day, and answers a request that only it can meet.
func limitedHome(t *testing.T, w *testworld.World, daily shelter.Limit) func(needs ...code.Need) placement.Request {
	t.Helper()
	p := testworld.Home("LIMI", testworld.District, code.ChildrensHome, testworld.Unit("LIMI", "girls", code.Girls, testworld.SchoolAge, 60, 5))
	p.OnSite, p.DailyIntake = code.Of(code.NeedStepFree, code.NeedMedical), daily
	p.Units[0].StepFree, p.Units[0].Medical = shelter.LimitOf(2), shelter.LimitOf(1)
	w.Add(t, p)
	return func(needs ...code.Need) placement.Request {
		r := girl()
		r.ExcludedShelters = []string{"HOMA", "HOMB", "GRLS", "FULL"}
		r.Persons[0].Needs = code.Of(needs...)
		return r
	}
}

func door(t *testing.T, w *testworld.World) shelter.Door {
	t.Helper()
	it, err := w.Store.Get(context.Background(), record.DoorKey("LIMI"), table.Strong)
	if err != nil {
		t.Fatal(err)
	}
	if it == nil {
		return shelter.Door{}
	}
	d, err := record.ToDoor(it)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// today is the world's local day.
func today(w *testworld.World) shelter.Day { return shelter.DayAt(w.Now(), 330) }

// clean reports nothing that placements and counters disagree about.
func clean(t *testing.T, w *testworld.World, when string) {
	t.Helper()
	found, err := w.Service.Verify(context.Background(), false)
	if err != nil || len(found) > 0 {
		t.Errorf("%s: %v %v", when, found, err)
	}
}

// Many ask at once, some of them on a bad day: as many are held as there are
// places, or people a day, and no more.
func TestNoMoreAreHeldThanThereArePlaces(t *testing.T) {
	for _, c := range []struct {
		name  string
		needs []code.Need
		daily shelter.Limit
		held  int
	}{
		{"step-free", []code.Need{code.NeedStepFree}, 0, 2},
		{"medical", []code.Need{code.NeedMedical}, 0, 1},
		{"both", []code.Need{code.NeedMedical, code.NeedStepFree}, 0, 1},
		{"people a day", nil, shelter.LimitOf(4), 4},
		{"nobody a day", nil, shelter.LimitOf(0), 0},
		{"places and people a day", []code.Need{code.NeedStepFree}, shelter.LimitOf(3), 2},
	} {
		for _, faults := range []tabletest.Faults{{}, tabletest.Rough} {
			w, faulty := rough(t, 5)
			wanted := limitedHome(t, w, c.daily)
			faulty.Set(faults)
			var all sync.WaitGroup
			for i := range 12 {
				all.Go(func() {
					_, err := persist(func() (referral.Outcome, error) {
						return w.Service.Request(context.Background(), team, wanted(c.needs...), command(fmt.Sprint("one ", i), 0))
					})
					if err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			faulty.Set(tabletest.Faults{})
			u := w.Unit(t, "LIMI", "girls")
			if n := u.Counts().Held(); n != c.held {
				t.Errorf("%s: %d are held, want %d", c.name, n, c.held)
			}
			if d := door(t, w); c.daily.Said() && d.On(today(w), w.Now()) != c.held {
				t.Errorf("%s: the door expects %d", c.name, d.On(today(w), w.Now()))
			}
			clean(t, w, c.name)
		}
	}
}

// A process whose directory is older than a hold of another one is refused by the
// unit and the door themselves.
func TestAStaleDirectoryOverbooksNoPlace(t *testing.T) {
	for _, needs := range [][]code.Need{{code.NeedMedical}, nil} {
		w := testworld.Open(t)
		wanted := limitedHome(t, w, shelter.LimitOf(1))
		ctx := context.Background()
		late := referral.New(referral.Config{Store: w.Store, Policy: w.Service.Policy, Now: w.Now, NewID: w.NewID, Log: w.Service.Log})
		if err := late.Warm(ctx); err != nil {
			t.Fatal(err)
		}
		if o, err := w.Service.Request(ctx, team, wanted(needs...), command("first", 0)); err != nil || o.State != placement.Held {
			t.Fatal(o.State, err)
		}
		if o, err := late.Request(ctx, team, wanted(needs...), command("second", 0)); err != nil || o.State != placement.Waitlisted {
			t.Errorf("%v: the second is %s at %s, %v", needs, o.State, o.Hold.Shelter, err)
		}
		clean(t, w, "after both")
	}
}

// Places and the door follow a party from hold to leaving, and back.
func TestPlacesFollowTheParty(t *testing.T) {
	w := testworld.Open(t)
	wanted := limitedHome(t, w, shelter.LimitOf(2))
	ctx, s := context.Background(), w.Service
	step := func(what string, o referral.Outcome, err error, promised, used, coming int) referral.Outcome {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		u := w.Unit(t, "LIMI", "girls")
		claim, _ := u.Claim(placement.ClaimID(o.ID, o.Hold.No))
		d := door(t, w)
		if claim.Places.Medical != promised || u.UsedPlaces().Medical != used || d.On(today(w), w.Now()) != coming {
			t.Errorf("%s: %d promised, %d used, %d come today; want %d, %d, %d", what, claim.Places.Medical, u.UsedPlaces().Medical, d.On(today(w), w.Now()), promised, used, coming)
		}
		clean(t, w, what)
		return o
	}
	o, err := s.Request(ctx, team, wanted(code.NeedMedical), command("ask", 0))
	step("held", o, err, 1, 0, 1)
	o, err = s.Release(ctx, team, o.ID, command("release", o.Version))
	step("released", o, err, 0, 0, 0)
	o, err = s.Hold(ctx, team, o.ID, "LIMI", command("hold", o.Version))
	step("held again", o, err, 1, 0, 1)
	o, err = s.Extend(ctx, team, o.ID, command("extend", o.Version))
	step("extended", o, err, 1, 0, 1)
	o, err = s.Accept(ctx, staff("LIMI"), o.ID, command("accept", o.Version))
	step("accepted", o, err, 1, 0, 1)
	o, err = s.Receive(ctx, staff("LIMI"), o.ID, command("receive", 0))
	step("arrived", o, err, 0, 1, 1)
	o, err = s.Undo(ctx, staff("LIMI"), o.ID, command("undo", o.Version))
	step("not arrived after all", o, err, 1, 0, 1)
	o, err = s.Receive(ctx, staff("LIMI"), o.ID, command("receive again", 0))
	step("arrived again", o, err, 0, 1, 1)
	healthy := wanted().Persons
	o, err = s.Correct(ctx, team, o.ID, healthy, command("correct", o.Version))
	step("healthy", o, err, 0, 0, 1)
	o, err = s.Correct(ctx, team, o.ID, wanted(code.NeedMedical).Persons, command("correct back", o.Version))
	step("ill", o, err, 0, 1, 1)
	o, err = s.End(ctx, staff("LIMI"), o.ID, nil, code.EndHome, command("end", 0))
	step("home", o, err, 0, 0, 1)
	o, err = s.Undo(ctx, staff("LIMI"), o.ID, command("undo end", o.Version))
	step("still here", o, err, 0, 1, 1)
	// A walk-in is a fact, beyond the place and the day.
	in, err := s.Admit(ctx, staff("LIMI"), "LIMI", "girls", append(wanted(code.NeedMedical).Persons, wanted(code.NeedMedical).Persons...), placement.Consent{}, command("walk-in", 0))
	step("walked in", in, err, 0, 3, 3)
	if again, err := s.Request(ctx, team, wanted(), command("one more", 0)); err != nil || again.State != placement.Waitlisted {
		t.Errorf("a full day: %s, %v", again.State, err)
	}
	w.Pass(24 * time.Hour)
	if next, err := s.Request(ctx, team, wanted(), command("the next day", 0)); err != nil || next.State != placement.Held {
		t.Errorf("the next day: %s, %v", next.State, err)
	}
	clean(t, w, "the next day")
}

// A limit that is declared while people hold places counts them from their next
// move on, at the latest when all is verified.
func TestALimitDeclaredLaterCountsWhoIsThere(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	r := girl()
	r.Persons[0].Needs = code.Of(code.NeedMedical)
	r.ExcludedShelters = []string{"HOMA", "HOMB"}
	o, err := s.Request(ctx, team, r, command("ask", 0))
	if err != nil || o.Hold.Shelter != "GRLS" {
		t.Fatal(o.Hold.Shelter, err)
	}
	u := w.Unit(t, "GRLS", "girls")
	u.Medical = shelter.LimitOf(1)
	if err := w.Store.Write(ctx, table.Batch{WriteID: w.NewID(), Ops: []table.Op{table.PutOp(record.FromUnit(u), u.Version)}}); err != nil {
		t.Fatal(err)
	}
	found, err := s.Verify(ctx, true)
	if err != nil || len(found) != 1 || !found[0].Repaired {
		t.Fatal(found, err)
	}
	w.Feed(t)
	w.Pass(2 * time.Second)
	if next, err := s.Request(ctx, team, r, command("next", 0)); err != nil || next.State != placement.Waitlisted {
		t.Fatal(next.State, next.Hold.Shelter, err)
	}
	if _, err := s.Hold(ctx, team, o.ID, "GRLS", command("again", o.Version)); !fault.Is(err, fault.NotEligible) && !fault.Is(err, fault.IllegalMove) {
		t.Fatal(err)
	}
}

// Damage to places and doors is found and repaired.
func TestVerifySetsPlacesAndDoorsRight(t *testing.T) {
	w := testworld.Open(t)
	wanted := limitedHome(t, w, shelter.LimitOf(9))
	ctx, s := context.Background(), w.Service
	o, err := s.Request(ctx, team, wanted(code.NeedMedical), command("ask", 0))
	if err != nil {
		t.Fatal(err)
	}
	claim := placement.ClaimID(o.ID, 1)
	put := func(it table.Item, version uint64) {
		t.Helper()
		if err := w.Store.Write(ctx, table.Batch{WriteID: w.NewID(), Ops: []table.Op{table.PutOp(it, version)}}); err != nil {
			t.Fatal(err)
		}
	}
	for what, harm := range map[string]func(){
		"places in use by nobody": func() {
			u := w.Unit(t, "LIMI", "girls")
			put(record.FromUnit(u.Occupy(shelter.Places{StepFree: 1})), u.Version)
		},
		"a claim without its place": func() {
			u := w.Unit(t, "LIMI", "girls")
			put(record.FromUnit(u.Needing(claim, shelter.Places{})), u.Version)
		},
		"a door that expects nobody": func() {
			d := door(t, w)
			put(record.FromDoor(d.Set(claim, shelter.Coming{}, w.Now())), d.Version)
		},
		"a door that expects a ghost": func() {
			d := door(t, w)
			put(record.FromDoor(d.Set("p_GHOST.1", shelter.Coming{Day: today(w), N: 2}, w.Now())), d.Version)
		},
	} {
		harm()
		found, err := s.Verify(ctx, true)
		if err != nil || len(found) != 1 || !found[0].Repaired {
			t.Errorf("%s: %v %v", what, found, err)
		}
		clean(t, w, what)
	}
}

// A rescue is planned and confirmed within places and people a day.
func TestARescueKeepsPlacesAndTheDay(t *testing.T) {
	w := testworld.Open(t)
	wanted := limitedHome(t, w, shelter.LimitOf(5))
	ctx, s := context.Background(), w.Service
	common := wanted()
	common.Persons = nil
	r := placement.Rescue{Common: common}
	for i := range 8 {
		p := common
		p.Together = code.TogetherRequired
		p.Persons = wanted().Persons
		if i < 4 {
			p.Persons = wanted(code.NeedStepFree).Persons
		}
		r.Parties = append(r.Parties, p)
	}
	o, err := s.NewRescue(ctx, team, r, command("raid", 0))
	if err != nil || tally(o)["planned"] != 5 {
		t.Fatal(tally(o), err)
	}
	// Somebody else takes a step-free place and one of the day.
	if _, err := s.Request(ctx, team, wanted(code.NeedStepFree), command("other", 0)); err != nil {
		t.Fatal(err)
	}
	o, err = s.ConfirmRescue(ctx, team, o.ID, command("confirm", 0))
	if err != nil || tally(o)["held"] != 4 || tally(o)["waitlisted"] != 4 {
		t.Fatal(tally(o), err)
	}
	if d := door(t, w); d.On(today(w), w.Now()) != 5 {
		t.Errorf("%d come", d.On(today(w), w.Now()))
	}
	clean(t, w, "confirmed")
}
