package referral_test

import (
	"context"
	"errors"
	"slices"
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

// beside is a second process on the same store, warm with the directory as it is now.
func beside(t *testing.T, w *testworld.World) *referral.Service {
	t.Helper()
	s := referral.New(referral.Config{Store: w.Store, Policy: w.Service.Policy, Now: w.Now, NewID: w.NewID, Code: w.Service.Code, Log: w.Service.Log})
	if err := s.Warm(context.Background()); err != nil {
		t.Fatal(err)
	}
	return s
}

// changed gives a shelter other facts, which raises its rev.
func changed(t *testing.T, w *testworld.World, id string) {
	t.Helper()
	ctx := context.Background()
	v, err := w.Service.Shelter(ctx, ministry, id)
	if err != nil {
		t.Fatal(err)
	}
	r := shelter.Facts(v.Shelter, v.Units)
	r.MaxStayDays = 400
	if _, err := w.Service.Update(ctx, ministry, id, v.Version, r); err != nil {
		t.Fatal(err)
	}
}

// A process whose directory is a moment old learns the shelter's new rules from
// the refused write and holds the bed under them, in the same call.
func TestABedIsHeldUnderRulesThatChangedAMomentAgo(t *testing.T) {
	ctx := context.Background()
	only := girl()
	only.ExcludedShelters = []string{"HOMA", "HOMB"}
	w := testworld.Open(t)
	old := beside(t, w)
	changed(t, w, "GRLS")
	o, err := old.Request(ctx, team, only, command("one", 0))
	if err != nil || o.State != placement.Held || o.Hold.Shelter != "GRLS" {
		t.Fatalf("%s at %q, %v", o.State, o.Hold.Shelter, err)
	}
	account(t, w)

	// A hold that has lapsed is taken anew in the same unit: its old claim goes and
	// the new one comes in one write.
	w = testworld.Open(t)
	old = beside(t, w)
	if o, err = old.Request(ctx, team, only, command("one", 0)); err != nil {
		t.Fatal(err)
	}
	w.Pass(31 * time.Minute)
	changed(t, w, "GRLS")
	o, err = old.Hold(ctx, team, o.ID, "GRLS", command("again", 1))
	if err != nil || o.Hold.No != 2 || len(w.Unit(t, "GRLS", "girls").Claims()) != 1 {
		t.Fatalf("%+v, %v", o.Hold, err)
	}
	account(t, w)

	// The same where others have the beds by now: it is full, whatever the old
	// directory says.
	w = testworld.Open(t)
	old = beside(t, w)
	if o, err = old.Request(ctx, team, only, command("one", 0)); err != nil {
		t.Fatal(err)
	}
	w.Pass(31 * time.Minute)
	if _, err := w.Service.Count(ctx, staff("GRLS"), "GRLS", "girls", census(40, w.Now(), 1)); err != nil {
		t.Fatal(err)
	}
	if _, err := old.Hold(ctx, team, o.ID, "GRLS", command("again", 1)); !fault.Is(err, fault.ShelterFull) {
		t.Errorf("a full unit: %v", err)
	}
}

// Beds of holds that have lapsed are taken by the next who asks, before the clock
// has freed them.
func TestBedsOfALapsedHoldAreTakenBeforeTheClockFreesThem(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	only := girl()
	only.ExcludedShelters = []string{"HOMA", "GRLS"}
	first, err := w.Service.Request(ctx, team, only, command("one", 0))
	if err != nil || first.Hold.Shelter != "HOMB" {
		t.Fatalf("%+v, %v", first.Hold, err)
	}
	w.Pass(31 * time.Minute)
	second, err := w.Service.Request(ctx, team, only, command("two", 0))
	if err != nil || second.Hold.Shelter != "HOMB" {
		t.Fatalf("%s at %q, %v", second.State, second.Hold.Shelter, err)
	}
	if claims := w.Unit(t, "HOMB", "girls").Claims(); len(claims) != 1 {
		t.Errorf("claims are %v", claims)
	}
}

// Somebody is faster than the clock: what it decided is decided again, and only
// what it did counts.
func TestTheClockCountsOnlyWhatItDid(t *testing.T) {
	ctx := context.Background()
	for name, c := range map[string]struct {
		ready func(t *testing.T, w *testworld.World) string
		look  func(s *referral.Service) (int, error)
	}{
		"lapse": {func(t *testing.T, w *testworld.World) string {
			o := request(t, w, "one", true)
			w.Pass(time.Hour)
			return o.ID
		}, func(s *referral.Service) (int, error) { return s.Lapse(ctx) }},
		"match": {func(t *testing.T, w *testworld.World) string {
			w.Pass(time.Minute)
			ids := waiting(t, w, 1, 0)
			w.Pass(time.Minute)
			if _, err := w.Service.Count(ctx, staff("WOMN"), "WOMN", "women", full(24, w.Now(), 2)); err != nil {
				t.Fatal(err)
			}
			return ids[0]
		}, func(s *referral.Service) (int, error) { return s.MatchWaiting(ctx) }},
	} {
		w, m := openMoody(t)
		id := c.ready(t, w)
		faster := beside(t, w)
		m.write = func(table.Batch) error {
			m.write = nil
			if _, err := faster.Cancel(ctx, team, id, 0, command("cancel", mustVersion(t, w, id))); err != nil {
				t.Fatal(err)
			}
			return errPass
		}
		n, err := c.look(w.Service)
		if p, perr := w.Service.Placement(ctx, team, id); n != 0 || err != nil || perr != nil || p.State != placement.Cancelled {
			t.Errorf("%s: %d moved, it is %s, %v", name, n, p.State, errors.Join(err, perr))
		}
	}
}

// One that cannot be read keeps no other from being told of beds; when the time
// is up that is said.
func TestOneThatCannotBeReadKeepsNoOtherFromBeingTold(t *testing.T) {
	ctx := context.Background()
	w := testworld.Open(t)
	w.Pass(time.Minute)
	ids := waiting(t, w, 3, 0)
	w.Pass(time.Minute)
	if _, err := w.Service.Count(ctx, staff("WOMN"), "WOMN", "women", full(20, w.Now(), 2)); err != nil {
		t.Fatal(err)
	}
	it, err := w.Store.Get(ctx, record.PlacementKey(ids[0]), table.Strong)
	if err != nil {
		t.Fatal(err)
	}
	broken := *it
	broken.Body = []byte{99}
	if err := w.Store.Write(ctx, table.Batch{WriteID: w.NewID(), Ops: []table.Op{table.PutOp(broken, it.Version)}}); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if n, err := w.Service.MatchWaiting(ended); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("after its time: %d, %v", n, err)
	}
	if n, err := w.Service.MatchWaiting(ctx); n != 2 || err != nil {
		t.Errorf("%d of two were told, %v", n, err)
	}
}

// Whoever a shelter's own claims name must move, though the index does not show
// them yet, and nobody is counted twice once it does.
func TestWhoMustMoveIsFoundWithoutTheIndex(t *testing.T) {
	ctx := context.Background()
	w, m := openMoody(t)
	two := girl()
	two.ExcludedShelters = []string{"GRLS", "HOMB"}
	two.Persons = append(two.Persons, placement.Person{Age: code.Age6To11, PlaceWith: code.Boys})
	o, err := w.Service.Request(ctx, team, two, command("pair", 0))
	if err != nil || len(o.Hold.Parts) != 2 {
		t.Fatalf("%+v, %v", o.Hold, err)
	}
	if _, err := w.Service.SetStatus(ctx, staff("HOMA"), "HOMA", shelter.Closed, command("close", 0)); err != nil {
		t.Fatal(err)
	}
	for _, lags := range []bool{true, false} {
		m.lags = lags
		got, err := w.Service.MustMove(ctx, staff("HOMA"), "HOMA")
		if err != nil || got.Placements != 1 || got.Persons != 2 || len(got.List) != 1 || got.Counted != 35 {
			t.Errorf("the index lags %v: %+v, %v", lags, got, err)
		}
	}
	if list := alerts(t, w); len(list) != 1 || list[0].Kind != placement.AlertMustMove {
		t.Errorf("alerts %+v", list)
	}
}

// Verify finds what holds beds by the units' own claims where the index lags.
func TestVerifyFindsPromisesWithoutTheIndex(t *testing.T) {
	ctx := context.Background()
	w, m := openMoody(t)
	o := request(t, w, "one", true)
	gone := request(t, w, "two", true)
	if _, err := w.Service.Cancel(ctx, team, gone.ID, 0, command("cancel", 1)); err != nil {
		t.Fatal(err)
	}
	m.lags = true
	if found, err := w.Service.Verify(ctx, false); err != nil || len(found) != 0 {
		t.Errorf("found %v, %v", found, err)
	}
	u := w.Unit(t, o.Hold.Shelter, "girls") // as if the cancelled party's beds had not come back
	it := record.FromUnit(u.WithClaim(gone.ID+".1", shelter.Claim{N: 1}))
	if err := w.Store.Write(ctx, table.Batch{WriteID: w.NewID(), Ops: []table.Op{table.PutOp(it, u.Version)}}); err != nil {
		t.Fatal(err)
	}
	found, err := w.Service.Verify(ctx, true)
	if err != nil || len(found) != 1 || found[0].Claim != gone.ID+".1" || !found[0].Repaired {
		t.Errorf("found %v, %v", found, err)
	}
}

// Parties found later are of the same rescue: what is common is theirs too.
func TestPartiesFoundLaterHaveWhatIsCommon(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	r, err := w.Service.NewRescue(ctx, team, raid(1, 0, 0), command("raid", 0))
	if err != nil {
		t.Fatal(err)
	}
	bare := placement.Request{Persons: []placement.Person{{Age: code.Age6To11, PlaceWith: code.Boys}}, Preferences: 1}
	if r, err = w.Service.AddParties(ctx, team, r.ID, []placement.Request{bare}, nil, command("more", r.Version)); err != nil {
		t.Fatal(err)
	}
	if r, err = w.Service.ConfirmRescue(ctx, team, r.ID, command("go", r.Version)); err != nil {
		t.Fatal(err)
	}
	first, later := r.Parties[0].Placement, r.Parties[1].Placement
	if later == nil || later.State != placement.Held || !later.Request.RescuedAt.Equal(first.Request.RescuedAt) || later.Request.Place != first.Request.Place ||
		!later.Request.HoldBest || later.Request.Preferences != 1 || later.Request.Persons[0].PlaceWith != code.Boys {
		t.Errorf("the later party is %+v", later)
	}
}

// The clock looks at a placement when there is something to do for it next, and
// at one that is over never.
func TestTheClockLooksWhenThereIsSomethingToDo(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	s := w.Service
	lady := girl()
	lady.Persons = []placement.Person{{Age: code.Age25To59, PlaceWith: code.Women}} // no legal clock runs for her
	o, err := s.Request(ctx, team, lady, command("one", 0))
	due := func(what string, want time.Time) {
		t.Helper()
		p, perr := s.Placement(ctx, team, o.ID)
		if err != nil || perr != nil || !p.Due.Equal(want) {
			t.Errorf("%s: looked at %v, want %v, %v", what, p.Due, want, errors.Join(err, perr))
		}
	}
	due("held", w.Now().Add(s.Policy.HoldFor[lady.Urgency]))
	o, err = s.Choose(ctx, team, o.ID, placement.Choice{By: code.ChosenBySelf, Shelter: o.Hold.Shelter, HouseRulesShown: true}, command("choose", 1))
	if err == nil {
		o, err = s.Accept(ctx, staff(o.Hold.Shelter), o.ID, command("accept", 2))
	}
	due("accepted", w.Now().Add(s.Policy.Overdue))
	w.Pass(time.Minute)
	o, err = s.Depart(ctx, team, o.ID, true, nil, command("depart", 3))
	due("on the road", w.Now().Add(s.Policy.Overdue))
	w.Pass(s.Policy.Overdue + time.Minute)
	if n, err := s.Lapse(ctx); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	due("on the road, and the desk was told", time.Time{})
	o, err = s.Cancel(ctx, team, o.ID, 0, command("cancel", mustVersion(t, w, o.ID)))
	due("cancelled", time.Time{})
	lady.HoldBest = false
	o, err = s.Request(ctx, team, lady, command("two", 0))
	due("requested without a hold", w.Now().Add(s.Policy.Found))
	until := w.Now().Add(5 * time.Hour).Truncate(time.Second)
	lady.NeededUntil, lady.ExcludedShelters = until, []string{"WOMN", "MENS"}
	if o, err = s.Request(ctx, team, lady, command("three", 0)); o.State == placement.Waitlisted {
		due("waiting", until)
	}
	child := request(t, w, "four", false)
	warn := child.Request.RescuedAt
	for _, c := range s.Policy.Where(testworld.District).Clocks {
		if at := warn.Add(c.Limit * time.Duration(c.WarnAt[0]) / 100); o.ID != child.ID || at.Before(warn) {
			o, warn = child, at
		}
	}
	due("a child, whom the law's clock runs for", warn)
}

// A page that holds all that is left names no next one.
func TestAListThatFitsItsPageEndsThere(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	for limit, more := range map[int]bool{7: true, 8: false, 9: false} {
		list, next, err := w.Service.Shelters(ctx, desk, referral.ShelterFilter{Limit: limit})
		if err != nil || len(list) != min(limit, 8) || (next != "") != more {
			t.Errorf("of %d: %d listed, next %q, %v", limit, len(list), next, err)
		}
	}
}

// The sums of a day are those of the file, field by field, for days asked for alone.
func TestADaysSumsAddUpFieldByField(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	text := header +
		"S-1,IN-LGD-315,childrens_home,none,2027-12-31,active,a,girls,6-11;12-14;15-17,30,2026-11-20,20,2,15\n" +
		"S-1,IN-LGD-315,childrens_home,none,2027-12-31,active,b,girls,6-11;12-14;15-17,10,2026-11-20,10,1,12\n" +
		"S-2,IN-LGD-315,childrens_home,none,2027-12-31,active,a,girls,6-11;12-14;15-17,7,2026-11-20,7,0,5\n" +
		"S-2,IN-LGD-315,childrens_home,none,2027-12-31,active,a,girls,6-11;12-14;15-17,7,2026-11-21,7,0,6\n" +
		"S-2,IN-LGD-315,childrens_home,none,2027-12-31,active,m,boys,6-11;12-14;15-17,5,2026-11-20,5,0,5\n"
	imported(t, w.Service, ministry, text, referral.Import{})
	day := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	sums, err := w.Service.DailyCensus(ctx, ministry, testworld.District, day.Add(time.Hour), day.Add(2*time.Hour))
	if err != nil || len(sums) != 2 {
		t.Fatalf("%+v, %v", sums, err)
	}
	girls := referral.DaySum{Day: day, District: testworld.District, Population: code.Girls, Kind: sums[0].Kind, Shelters: 2, Units: 3,
		Sanctioned: 47, Staffed: 37, OutOfService: 3, Occupied: 32, Free: 5, OverCapacity: 3, Persons: 32}
	boys := referral.DaySum{Day: day, District: testworld.District, Population: code.Boys, Kind: sums[1].Kind, Shelters: 1, Units: 1,
		Sanctioned: 5, Staffed: 5, Occupied: 5, Persons: 5}
	if !slices.Equal(sums, []referral.DaySum{girls, boys}) {
		t.Errorf("sums are\n%+v, want\n%+v", sums, []referral.DaySum{girls, boys})
	}
	both, err := w.Service.DailyCensus(ctx, ministry, "", day, day.AddDate(0, 0, 1))
	if err != nil || len(both) != 3 || !both[2].Day.After(day) || both[2].Occupied != 6 {
		t.Errorf("two days of the country: %+v, %v", both, err)
	}
	for name, c := range map[string]struct{ from, to time.Time }{
		"an end before the beginning": {day, day.AddDate(0, 0, -1)},
		"too many days":               {day, day.AddDate(0, 0, referral.MaxDays+1)},
	} {
		if _, err := w.Service.DailyCensus(ctx, ministry, "", c.from, c.to); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := w.Service.DailyCensus(ctx, ministry, "", day, day.AddDate(0, 0, referral.MaxDays)); err != nil {
		t.Errorf("as many days as may be: %v", err)
	}
	if _, err := w.Service.DailyCensus(ctx, ministry, "nowhere", day, day); !fault.Is(err, fault.NotFound) {
		t.Errorf("a place nobody knows: %v", err)
	}
}

// What a feed has lost comes back: what the table has newer than this copy is
// handed on, and counted.
func TestWhatAFeedHasLostIsHandedOnAndCounted(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	old := beside(t, w)
	if _, err := w.Service.Count(ctx, staff("GRLS"), "GRLS", "girls", census(7, w.Now(), 1)); err != nil {
		t.Fatal(err)
	}
	changed(t, w, "HOMA") // the shelter and its two units
	var got []string
	lost, err := old.Reconcile(ctx, 0, 1, func(_ context.Context, changes []table.Change) error {
		for _, c := range changes {
			got = append(got, c.New.String())
		}
		return nil
	})
	slices.Sort(got)
	if want := []string{"S#GRLS/U#girls", "S#HOMA/S", "S#HOMA/U#boys", "S#HOMA/U#girls"}; err != nil || lost != 4 || !slices.Equal(got, want) {
		t.Errorf("%d lost: %v, %v", lost, got, err)
	}
	failed := errors.New("no feed")
	if lost, err := old.Reconcile(ctx, 0, 1, func(context.Context, []table.Change) error { return failed }); lost != 0 || !errors.Is(err, failed) {
		t.Errorf("%d handed on to nobody, %v", lost, err)
	}
}
