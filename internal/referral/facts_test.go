package referral_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"panah/internal/caller"
	"panah/internal/code"
	"panah/internal/fault"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/referral"
	"panah/internal/shelter"
	"panah/internal/table"
	"panah/internal/testworld"
)

func request(t *testing.T, w *testworld.World, key string, best bool) referral.Outcome {
	t.Helper()
	r := girl()
	r.HoldBest = best
	o, err := w.Service.Request(context.Background(), team, r, command(key, 0))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func census(present int, at time.Time, match uint64, placements ...string) referral.CensusCommand {
	return referral.CensusCommand{Census: shelter.Census{CountedAt: at, Present: present, Staffed: 40}, IfMatch: match, Placements: placements}
}

func mustHold(t *testing.T, w *testworld.World, id, at, key string, version uint64) referral.Outcome {
	t.Helper()
	o, err := w.Service.Hold(context.Background(), team, id, at, command(key, version))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// The party comes to the first shelter although its hold lapsed and the next
// option is held: the arrival is recorded there and the other beds are given back.
func TestAnArrivalWhereTheHoldHasMovedOnIsRecorded(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o := request(t, w, "one", true)
	first := o.Hold.Shelter
	w.Pass(time.Hour)
	if n, err := s.Lapse(ctx); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	p, err := s.Placement(ctx, team, o.ID)
	if err != nil || p.State != placement.Held || p.Hold.Shelter == first {
		t.Fatalf("%+v %v", p.Hold, err)
	}
	second, before := p.Hold.Shelter, w.Unit(t, first, "girls").Counts().Occupied()
	if _, err := s.Receive(ctx, staff(first), o.ID, referral.Command{Key: "receive", Payload: "receive", HoldNo: 1}); err != nil {
		t.Fatalf("a fact was refused: %v", err)
	}
	if got := w.Unit(t, first, "girls").Counts().Occupied(); got != before+1 {
		t.Errorf("%d people at the first shelter, want %d", got, before+1)
	}
	if got := w.Unit(t, second, "girls").Counts().Held(); got != 0 {
		t.Errorf("the second shelter still holds %d", got)
	}
	account(t, w)
	if _, err := s.Receive(ctx, staff("WOMN"), o.ID, command("other", 0)); !fault.Is(err, fault.NotFound) {
		t.Errorf("a shelter that never held beds: %v", err)
	}
}

// A count names people before their arrival is recorded. Whatever happens to
// the hold meanwhile, they are counted once.
func TestPeopleACensusNamesAreCountedOnce(t *testing.T) {
	for name, between := range map[string]func(t *testing.T, w *testworld.World, id string){
		"nothing happens": func(*testing.T, *testworld.World, string) {},
		"the shelter accepts": func(t *testing.T, w *testworld.World, id string) {
			if _, err := w.Service.Accept(context.Background(), staff("GRLS"), id, command("accept", 2)); err != nil {
				t.Fatal(err)
			}
		},
		"the hold lapses": func(t *testing.T, w *testworld.World, _ string) {
			w.Pass(time.Hour)
			if _, err := w.Service.Lapse(context.Background()); err != nil {
				t.Fatal(err)
			}
		},
		"the team cancels": func(t *testing.T, w *testworld.World, id string) {
			if _, err := w.Service.Cancel(context.Background(), team, id, 0, command("cancel", 2)); err != nil {
				t.Fatal(err)
			}
		},
	} {
		for _, when := range []string{"counted while held", "counted afterwards"} {
			t.Run(name+", "+when, func(t *testing.T) {
				w := testworld.Open(t)
				ctx, s := context.Background(), w.Service
				o := request(t, w, "one", false)
				mustHold(t, w, o.ID, "GRLS", "hold", 1)
				count := func() {
					w.Pass(time.Minute)
					u, err := s.Count(ctx, staff("GRLS"), "GRLS", "girls", census(11, w.Now(), 1, o.ID))
					if err != nil || u.Counts().Occupied() != 11 || u.Counts().Held() != 0 {
						t.Fatalf("%+v %v", u.Counts(), err)
					}
				}
				if when == "counted while held" {
					count()
				}
				between(t, w, o.ID)
				if when == "counted afterwards" {
					count()
				}
				w.Pass(time.Minute)
				if _, err := s.Receive(ctx, staff("GRLS"), o.ID, command("receive", 0)); err != nil {
					t.Fatal(err)
				}
				if c := w.Unit(t, "GRLS", "girls").Counts(); c.Occupied() != 11 || c.Held() != 0 {
					t.Errorf("after the receipt %+v", c)
				}
			})
		}
	}
}

func TestACensusCannotNameWhoNeverHadABedThere(t *testing.T) {
	w := testworld.Open(t)
	o := request(t, w, "one", false)
	_, err := w.Service.Count(context.Background(), staff("GRLS"), "GRLS", "girls", census(11, w.Now(), 1, o.ID))
	if f, ok := fault.Of(err); !ok || f.Field != "countedPlacements[0]" {
		t.Fatalf("%v", err)
	}
}

// A phone whose clock runs ahead does not hide who comes after its count.
func TestACountFromAFastClockHidesNobody(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o := request(t, w, "one", false)
	mustHold(t, w, o.ID, "GRLS", "hold", 1)
	if _, err := s.Count(ctx, staff("GRLS"), "GRLS", "girls", census(10, w.Now().Add(110*time.Second), 1)); err != nil {
		t.Fatal(err)
	}
	w.Pass(time.Minute)
	if _, err := s.Receive(ctx, staff("GRLS"), o.ID, command("receive", 0)); err != nil {
		t.Fatal(err)
	}
	if c := w.Unit(t, "GRLS", "girls").Counts(); c.Occupied() != 11 {
		t.Fatalf("%+v", c)
	}
}

// A census whose answer was lost is the same success, also when somebody has
// arrived since.
func TestARepeatedCensusIsTheSameSuccess(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o := request(t, w, "one", false)
	mustHold(t, w, o.ID, "GRLS", "hold", 1)
	c := census(10, w.Now(), 1)
	if _, err := s.Count(ctx, staff("GRLS"), "GRLS", "girls", c); err != nil {
		t.Fatal(err)
	}
	w.Pass(time.Minute)
	if _, err := s.Receive(ctx, staff("GRLS"), o.ID, command("receive", 0)); err != nil {
		t.Fatal(err)
	}
	u, err := s.Count(ctx, staff("GRLS"), "GRLS", "girls", c)
	if err != nil || u.Counts().Occupied() != 11 {
		t.Fatalf("%+v %v", u.Counts(), err)
	}
	other := census(12, c.CountedAt, 1)
	if _, err := s.Count(ctx, staff("GRLS"), "GRLS", "girls", other); !fault.Is(err, fault.Precondition) {
		t.Fatalf("another census on the old version: %v", err)
	}
}

func TestNobodyLeavesBeforeTheyCame(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o := request(t, w, "one", false)
	mustHold(t, w, o.ID, "GRLS", "hold", 1)
	if _, err := s.Receive(ctx, staff("GRLS"), o.ID, command("receive", 0)); err != nil {
		t.Fatal(err)
	}
	w.Pass(time.Hour)
	if _, err := s.Count(ctx, staff("GRLS"), "GRLS", "girls", census(11, w.Now(), 1)); err != nil {
		t.Fatal(err)
	}
	w.Pass(time.Hour)
	end := command("end", 0)
	end.OccurredAt = testworld.Start.Add(-time.Hour)
	if _, err := s.End(ctx, staff("GRLS"), o.ID, nil, code.EndHome, end); field(err) != "occurredAt" {
		t.Fatal(err)
	}
	end.OccurredAt = w.Now()
	if _, err := s.End(ctx, staff("GRLS"), o.ID, nil, code.EndHome, end); err != nil {
		t.Fatal(err)
	}
	if c := w.Unit(t, "GRLS", "girls").Counts(); c.Occupied() != 10 {
		t.Fatalf("%+v", c)
	}
	if _, err := s.Receive(ctx, staff("GRLS"), o.ID, command("back", 0)); err != nil {
		t.Fatalf("somebody who came back: %v", err)
	}
	if _, err := s.End(ctx, staff("GRLS"), o.ID, nil, code.EndDied, command("died", 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Receive(ctx, staff("GRLS"), o.ID, command("never", 0)); !fault.Is(err, fault.IllegalMove) {
		t.Fatalf("after a death: %v", err)
	}
}

// Shelter and unit change together but are learnt apart: nobody is placed on
// rules that no longer hold.
// A census over capacity is told to the desk once, to the ministry too, and no longer
// than it is so; it names a unit and no person.
func TestAUnitOverCapacityIsToldOnceAndUntilItIsNot(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	vetter := caller.Caller{Subject: testworld.Ministry, Role: caller.Ministry, Scope: "IN-WB"}
	counted := func(present, staffed int, match uint64) {
		t.Helper()
		w.Pass(time.Minute)
		cmd := census(present, w.Now(), match)
		cmd.Staffed = staffed
		u, err := s.Count(ctx, staff("GRLS"), "GRLS", "girls", cmd)
		if err != nil || u.Counts().Occupied() != present {
			t.Fatal(err)
		}
	}
	told := func(want int) []placement.Alert {
		t.Helper()
		list := alerts(t, w)
		if len(list) != want {
			t.Fatalf("%d alerts, want %d: %+v", len(list), want, list)
		}
		return list
	}
	counted(40, 40, 1) // as many as are allowed
	told(0)
	counted(43, 40, 2)
	a := told(1)[0]
	if a.Kind != placement.AlertOverCapacity || a.Shelter != "GRLS" || a.Unit != "girls" || a.Placement != "" {
		t.Fatalf("%+v", a)
	}
	counted(45, 40, 3)
	told(1)
	o := request(t, w, "one", false)
	if _, err := s.Supersede(ctx, desk, o.ID, command("close", 1)); err != nil {
		t.Fatal(err)
	}
	for after := ""; ; {
		list, next, err := s.Alerts(ctx, vetter, true, 50, after)
		if err != nil || slices.ContainsFunc(list, func(a placement.Alert) bool { return a.Placement != "" }) {
			t.Fatalf("the ministry sees %+v: %v", list, err)
		}
		if after = next; slices.ContainsFunc(list, func(one placement.Alert) bool { return one.ID == a.ID }) {
			break
		}
		if next == "" {
			t.Fatal("the ministry does not see it")
		}
	}
	if _, err := s.Acknowledge(ctx, vetter, a.District, a.ID); !fault.Is(err, fault.Forbidden) {
		t.Fatalf("the ministry acknowledges for the desk: %v", err)
	}
	counted(39, 40, 4)
	told(0)
	counted(41, 40, 5)
	if again := told(1)[0]; again.ID == a.ID {
		t.Fatal("the second time is not told")
	}
	if _, err := s.UndoCount(ctx, staff("GRLS"), "GRLS", "girls", referral.Command{Key: "a slip", Version: 6}); err != nil {
		t.Fatal(err)
	}
	told(0)
}

// field is the field that a refusal names.
func field(err error) string {
	f, _ := fault.Of(err)
	if f == nil {
		return ""
	}
	return f.Field
}

// What cannot have been is refused by the field; what can have been is taken, late
// and out of order.
func TestAFactsInstantMustBePossible(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o := request(t, w, "one", true) // rescued an hour before
	rescued, house := o.Request.RescuedAt, staff(o.Hold.Shelter)
	at := func(key string, when time.Time) referral.Command {
		cmd := command(key, 0)
		cmd.OccurredAt = when
		return cmd
	}
	if _, err := s.Receive(ctx, house, o.ID, at("before the rescue", rescued.Add(-time.Hour))); field(err) != "occurredAt" {
		t.Errorf("an arrival before the rescue: %v", err)
	}
	if _, err := s.End(ctx, team, o.ID, nil, code.EndDied, at("died before", rescued.Add(-time.Hour))); field(err) != "occurredAt" {
		t.Errorf("an end before the rescue: %v", err)
	}
	if _, err := s.Decide(ctx, desk, o.ID, referral.DecideCommand{Command: at("ruled before", rescued.Add(-time.Hour))}); field(err) != "occurredAt" {
		t.Errorf("a decision before the rescue: %v", err)
	}
	came := rescued.Add(30 * time.Minute) // before the request was sent: written down afterwards
	in, err := s.Receive(ctx, house, o.ID, at("came", came))
	if err != nil || !in.ArrivedAt.Equal(came) {
		t.Fatalf("an arrival before the request was sent: %v", err)
	}
	out, err := s.End(ctx, house, o.ID, nil, code.EndHome, at("left", came.Add(-time.Minute)))
	if err != nil || !out.Stays[0].At.Equal(came) {
		t.Fatalf("two clocks that differ by a minute: %+v %v", out.Stays, err)
	}
	w.Pass(time.Hour)
	late := command("left late", 0)
	back, err := s.Receive(ctx, house, o.ID, at("came back", came.Add(time.Minute)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.End(ctx, house, back.ID, nil, code.EndHome, late); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Receive(ctx, house, o.ID, at("the second phone", came.Add(2*time.Minute))); field(err) != "occurredAt" {
		t.Errorf("an arrival during the stay begins another: %v", err)
	}
}

// Who went home and is brought back stays twice: the first stay is not forgotten,
// and stands again when the second arrival was a mistake.
func TestAnArrivalAfterTheEndForgetsNoStay(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	first := arrived(t, w)
	house := staff(first.Hold.Shelter)
	w.Pass(time.Hour)
	ended, err := s.End(ctx, house, first.ID, nil, code.EndHome, command("home", 0))
	if err != nil {
		t.Fatal(err)
	}
	w.Pass(24 * time.Hour)
	back, err := s.Receive(ctx, house, first.ID, command("again", 0))
	if err != nil || back.PersonsHere() != 1 || len(back.Earlier) != 1 {
		t.Fatalf("%+v %v", back.Earlier, err)
	}
	kept, err := s.Placement(ctx, team, first.ID) // as it is stored
	if err != nil || len(kept.Earlier) != 1 || !kept.Earlier[0].ArrivedAt.Equal(first.ArrivedAt) || kept.Earlier[0].Shelter != first.Hold.Shelter ||
		kept.Earlier[0].Stays[0] != ended.Stays[0] {
		t.Fatalf("%+v, want %+v: %v", kept.Earlier, ended.Stays, err)
	}
	undone, err := s.Undo(ctx, house, first.ID, command("mistake", back.Version))
	if err != nil || undone.State != placement.Ended || len(undone.Earlier) != 0 || !undone.ArrivedAt.Equal(first.ArrivedAt) || undone.Stays[0] != ended.Stays[0] {
		t.Fatalf("%+v %+v %v", undone.Stays, undone.ArrivedAt, err)
	}
	account(t, w)
}

func TestAUnitLearntBeforeItsShelterPlacesNobody(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o := request(t, w, "one", false)
	it, err := w.Store.Get(ctx, record.ShelterKey("GRLS"), table.Strong)
	if err != nil {
		t.Fatal(err)
	}
	house, err := record.ToShelter(it)
	if err != nil {
		t.Fatal(err)
	}
	house.Status, house.Rev = shelter.Suspended, 2
	u := w.Unit(t, "GRLS", "girls")
	u.Rev = 2
	unit := record.FromUnit(u)
	if err := w.Store.Write(ctx, table.Batch{WriteID: w.NewID(), Ops: []table.Op{table.PutOp(record.FromShelter(house), 1), table.PutOp(unit, 1)}}); err != nil {
		t.Fatal(err)
	}
	unit.Version = 2
	if err := w.Publisher.Apply(ctx, []table.Change{{New: &unit}}); err != nil {
		t.Fatal(err)
	}
	w.Pass(2 * time.Second)
	if _, err := s.Hold(ctx, team, o.ID, "GRLS", command("hold", 1)); !fault.Is(err, fault.NotEligible) {
		t.Fatalf("held in a suspended shelter: %v", err)
	}
	if held := w.Unit(t, "GRLS", "girls").Counts().Held(); held != 0 {
		t.Fatalf("%d held", held)
	}
}

// A team learns no rule that a single shelter fails, nor whether it exists.
func TestAHoldThatDoesNotFitTellsNothing(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	r := girl()
	r.HoldBest = false
	r.ExcludedDistricts = append(r.ExcludedDistricts, testworld.District)
	o, err := s.Request(ctx, team, r, command("one", 0))
	if err != nil {
		t.Fatal(err)
	}
	_, there := s.Hold(ctx, team, o.ID, "FULL", command("a", 1))
	_, absent := s.Hold(ctx, team, o.ID, "NONE", command("b", 1))
	a, okA := fault.Of(there)
	b, okB := fault.Of(absent)
	if !okA || !okB || a.Kind != b.Kind || a.Detail != b.Detail || len(a.Rules) > 0 {
		t.Fatalf("%+v and %+v", there, absent)
	}
}

// A repeat is answered however late it comes, though it could not be asked anew.
func TestARepeatedCreateIsAnsweredWeeksLater(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	r := girl()
	r.OccurredAt = w.Now().Add(-time.Minute)
	first, err := s.Request(ctx, team, r, command("one", 0))
	if err != nil {
		t.Fatal(err)
	}
	w.Pass(20 * 24 * time.Hour)
	again, err := s.Request(ctx, team, r, command("one", 0))
	if err != nil || again.ID != first.ID || !again.Replayed {
		t.Fatalf("%+v %v", again, err)
	}
}

// Whoever looks on has no half of the door code and reads no arriving person.
func TestOnlyTheirOwnSideSeesArrivals(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	if _, _, err := s.Arrivals(ctx, caller.Caller{Subject: testworld.Ministry, Role: caller.Ministry, Scope: "IN"}, "GRLS", 10, ""); !fault.Is(err, fault.Forbidden) {
		t.Fatalf("a ministry reads arrivals: %v", err)
	}
	if _, _, err := s.Arrivals(ctx, staff("GRLS"), "GRLS", 10, ""); err != nil {
		t.Fatal(err)
	}
}

// A move that names neither version nor hold is told so, not that it lost a race.
func TestAMoveNamesWhatItActsOn(t *testing.T) {
	w := testworld.Open(t)
	o := request(t, w, "one", true)
	_, err := w.Service.Release(context.Background(), team, o.ID, command("release", 0))
	if f, ok := fault.Of(err); !ok || f.Kind != fault.Invalid || f.Field != "version" {
		t.Fatalf("%v", err)
	}
}
