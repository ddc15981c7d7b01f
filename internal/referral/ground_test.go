package referral_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"panah/internal/code"
	"panah/internal/fault"
	"panah/internal/matching"
	"panah/internal/placement"
	"panah/internal/referral"
	"panah/internal/testworld"
)

// The clock that runs for a child from its rescue, and one for the desk's orders.
const childClock = "in.jj.31"

var (
	inquiry  = groundOf("magistrate_inquiry")
	minor    = []placement.Person{{Age: code.Age15To17, AgeStatus: code.AgeStated, PlaceWith: code.Girls}}
	grownUp  = []placement.Person{{Age: code.Age25To59, AgeStatus: code.AgeDocumented, PlaceWith: code.Women}}
	shortly  = time.Minute
	fortieth = 40 * 24 * time.Hour
)

func groundOf(name string) code.StayBasis {
	g, _ := code.StayBases.Parse(name)
	return g
}

// order is a decision of the desk that says on what ground the party stays.
func order(key string, ground code.StayBasis) referral.DecideCommand {
	return referral.DecideCommand{Command: command(key, 0), What: 1, Ground: &ground}
}

// elsewhere is a party that moves: not to where it is.
func elsewhere(r placement.Request, o referral.Outcome) placement.Request {
	r.ExcludedShelters = []string{o.Hold.Shelter}
	return r
}

// clockOf is the clock so named of a placement; its id is empty where it has none.
func clockOf(w *testworld.World, p placement.Placement, id string) matching.Running {
	all := w.Service.Policy.Clocks(p)
	if i := slices.IndexFunc(all, func(c matching.Running) bool { return c.ID == id }); i >= 0 {
		return all[i]
	}
	return matching.Running{}
}

// looks lets the clock look every so often for a while.
func looks(t *testing.T, w *testworld.World, span, every time.Duration) {
	t.Helper()
	for range span / every {
		w.Pass(every)
		if _, err := w.Service.Lapse(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
}

// warned are the percents a clock has warned of, in turn.
func warned(t *testing.T, w *testworld.World, id, clock string) (out []int) {
	t.Helper()
	for _, a := range alerts(t, w) {
		if a.Placement == id && a.Clock == clock {
			out = append(out, a.Percent)
		}
	}
	return out
}

func TestATransferLeavesAChildUnderTheOrderItStaysOnAndItsClockStopped(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o := request(t, w, "one", true)
	must(t)(s.Receive(ctx, staff(o.Hold.Shelter), o.ID, command("r1", 0)))
	d := made(t)(s.Decide(ctx, desk, o.ID, order("order", code.StayCommitteeOrder)))
	w.Pass(48 * time.Hour)
	m := made(t)(s.Transfer(ctx, team, elsewhere(girl(), o), o.ID, command("move", 0)))
	if c := clockOf(w, m.Placement, childClock); !c.Stopped || m.PendingCommittee() || m.Decider() != code.DecidedByCommittee {
		t.Errorf("on the way: %+v, pending %v", c, m.PendingCommittee())
	}
	looks(t, w, 2*time.Minute, shortly)
	m = made(t)(s.Receive(ctx, staff(m.Hold.Shelter), m.ID, command("r2", 0)))
	if m.Basis != d.Basis || m.Ruling != d.Ruling || m.First != d.First || !clockOf(w, m.Placement, childClock).Stopped {
		t.Errorf("stays on %+v after %+v, before on %+v", m.Basis, m.Ruling, d.Basis)
	}
	if list := alerts(t, w); len(list) != 0 {
		t.Errorf("the desk is told of %+v", list)
	}
}

func TestATransferLeavesAnAdultUnderTheMagistratesOrder(t *testing.T) {
	w := womenWorld(t)
	ctx, s := context.Background(), w.Service
	o := made(t)(s.Request(ctx, team, women(1), command("ask", 0)))
	must(t)(s.Receive(ctx, staff(o.Hold.Shelter), o.ID, command("r1", 0)))
	d := made(t)(s.Decide(ctx, desk, o.ID, order("order", inquiry)))
	m := made(t)(s.Transfer(ctx, team, elsewhere(women(1), o), o.ID, command("move", 0)))
	if m.MayLeave() || m.Decider() != code.DecidedByMagistrate {
		t.Error("on the way nobody decides but they themselves")
	}
	w.Pass(shortly)
	m = made(t)(s.Receive(ctx, staff(m.Hold.Shelter), m.ID, command("r2", 0)))
	if m.Basis != d.Basis || m.MayLeave() || m.Decider() != code.DecidedByMagistrate {
		t.Errorf("stays on %+v, before on %+v", m.Basis, d.Basis)
	}
}

// What is decided of a stay, or taken back, while its transfer is on the way counts
// where the party arrives; so does what is decided of the transfer itself.
func TestWhatIsDecidedWhileAPartyMovesGoesAlongWithIt(t *testing.T) {
	ctx := context.Background()
	for name, c := range map[string]struct {
		before bool // an order of the stay, before the transfer is asked for
		then   func(t *testing.T, w *testworld.World, stay, move string)
		ground code.StayBasis
		stops  bool
	}{
		"of the stay": {false, func(t *testing.T, w *testworld.World, stay, _ string) {
			must(t)(w.Service.Decide(ctx, desk, stay, order("order", code.StayCommitteeOrder)))
		}, code.StayCommitteeOrder, true},
		"of the transfer": {false, func(t *testing.T, w *testworld.World, _, move string) {
			must(t)(w.Service.Decide(ctx, desk, move, order("order", code.StayCommitteeOrder)))
		}, code.StayCommitteeOrder, true},
		"of the transfer, after one of the stay": {true, func(t *testing.T, w *testworld.World, _, move string) {
			must(t)(w.Service.Decide(ctx, desk, move, order("order", inquiry)))
		}, inquiry, true},
		"of the transfer, told late": {false, func(t *testing.T, w *testworld.World, _, move string) {
			late := order("order", inquiry)
			late.OccurredAt = w.Now().Add(-30 * time.Minute) // before they came to the first shelter
			must(t)(w.Service.Decide(ctx, desk, move, late))
		}, inquiry, true},
		"of both, the transfer last and without a ground": {false, func(t *testing.T, w *testworld.World, stay, move string) {
			must(t)(w.Service.Decide(ctx, desk, stay, order("order", code.StayCommitteeOrder)))
			w.Pass(shortly)
			must(t)(w.Service.Decide(ctx, desk, move, referral.DecideCommand{Command: command("produced", 0)}))
		}, code.StayCommitteeOrder, true},
		"of both, the stay last": {false, func(t *testing.T, w *testworld.World, stay, move string) {
			must(t)(w.Service.Decide(ctx, desk, move, order("order", inquiry)))
			w.Pass(shortly)
			must(t)(w.Service.Decide(ctx, desk, stay, order("last", code.StayCommitteeOrder)))
		}, code.StayCommitteeOrder, true},
		"taken back": {true, func(t *testing.T, w *testworld.World, stay, _ string) {
			must(t)(w.Service.Undo(ctx, desk, stay, command("undo", stored(t, w, stay).Version)))
		}, code.StayAwaitingCommittee, false},
		"nothing": {false, func(*testing.T, *testworld.World, string, string) {}, code.StayAwaitingCommittee, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := testworld.Open(t)
			s := w.Service
			o := request(t, w, "one", true)
			must(t)(s.Receive(ctx, staff(o.Hold.Shelter), o.ID, command("r1", 0)))
			w.Pass(shortly)
			if c.before {
				must(t)(s.Decide(ctx, desk, o.ID, order("before", code.StayCommitteeOrder)))
			}
			w.Pass(shortly)
			m := made(t)(s.Transfer(ctx, team, elsewhere(girl(), o), o.ID, command("move", 0)))
			w.Pass(shortly)
			c.then(t, w, o.ID, m.ID)
			w.Pass(shortly)
			stay := stored(t, w, o.ID)
			m = made(t)(s.Receive(ctx, staff(m.Hold.Shelter), m.ID, command("r2", 0)))
			if m.Basis.Ground != c.ground || clockOf(w, m.Placement, childClock).Stopped != c.stops {
				t.Errorf("stays on %s, the clock stopped %v", code.StayBases.Name(m.Basis.Ground), clockOf(w, m.Placement, childClock).Stopped)
			}
			if !c.stops && m.Basis != stay.Basis {
				t.Errorf("the review %+v began anew, it was %+v", m.Basis, stay.Basis)
			}
		})
	}
}

func TestASplitLeavesEachPartUnderWhatWasDecided(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	r := girl()
	r.Persons = append(r.Persons, r.Persons[0])
	o := made(t)(s.Request(ctx, team, r, command("ask", 0)))
	d := made(t)(s.Decide(ctx, desk, o.ID, order("order", code.StayCommitteeOrder)))
	_, apart, err := s.Split(ctx, team, o.ID, []int{1}, code.ChosenByCommittee, command("split", d.Version))
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{o.ID, apart} {
		if p := stored(t, w, id); p.Basis != d.Basis || p.First != d.First || !clockOf(w, p, childClock).Stopped {
			t.Errorf("%s is under %+v", id, p.Basis)
		}
	}
}

func TestASecondStayIsReviewedAnewUnlessAnOrderStillRuns(t *testing.T) {
	ctx := context.Background()
	for name, c := range map[string]struct {
		ground code.StayBasis
		away   time.Duration
		keeps  bool
	}{
		"of one's own will":        {code.StayVoluntary, fortieth, false},
		"an order that still runs": {groundOf("protective_order"), fortieth, true},
		"an order that ran out":    {inquiry, fortieth, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := testworld.Open(t)
			s := w.Service
			o, _ := heldWoman(t, w)
			house := staff(o.Hold.Shelter)
			must(t)(s.Receive(ctx, house, o.ID, command("r0", 0)))
			first := made(t)(s.Decide(ctx, desk, o.ID, order("order", c.ground))).Basis
			looks(t, w, 32*24*time.Hour, 24*time.Hour)
			must(t)(s.End(ctx, house, o.ID, nil, code.EndHome, command("gone", 0)))
			w.Pass(c.away)
			ended := stored(t, w, o.ID)
			back := made(t)(s.Receive(ctx, house, o.ID, command("r1", 0)))
			switch {
			case c.keeps && back.Basis != first:
				t.Errorf("the order %+v is lost: %+v", first, back.Basis)
			case !c.keeps && (back.Basis.Ground != code.StayVoluntary || !back.Basis.From.Equal(w.Now()) || !back.Basis.ReviewBy.Equal(w.Now().AddDate(0, 0, 30)) || !back.Basis.WarnedAt.IsZero()):
				t.Errorf("the second stay: %+v", back.Basis)
			}
			undone := made(t)(s.Undo(ctx, house, o.ID, command("undo", back.Version)))
			if undone.Basis != ended.Basis {
				t.Errorf("the first stay was on %+v, an undo leaves it on %+v", ended.Basis, undone.Basis)
			}
			must(t)(s.Receive(ctx, house, o.ID, command("r2", 0)))
			before := len(alerts(t, w))
			looks(t, w, 40*24*time.Hour, 24*time.Hour)
			if told := len(alerts(t, w)) - before; !c.keeps && told != 2 {
				t.Errorf("%d warnings of the second stay, not 2", told)
			}
		})
	}
}

// Who comes back from a transfer to where they were before is under what was decided
// of them in between, and is told nothing twice.
func TestWhoComesBackFromATransferStaysOnTheSameGround(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o := request(t, w, "one", true)
	home := staff(o.Hold.Shelter)
	must(t)(s.Receive(ctx, home, o.ID, command("r1", 0)))
	must(t)(s.Decide(ctx, desk, o.ID, order("order", inquiry)))
	m := made(t)(s.Transfer(ctx, team, elsewhere(girl(), o), o.ID, command("move", 0)))
	w.Pass(shortly)
	must(t)(s.Receive(ctx, staff(m.Hold.Shelter), m.ID, command("r2", 0)))
	looks(t, w, 12*24*time.Hour, time.Hour)
	before := stored(t, w, m.ID)
	back := made(t)(s.Receive(ctx, home, o.ID, command("r3", 0)))
	if back.Basis != before.Basis || back.Basis.WarnedAt.IsZero() || stored(t, w, m.ID).State != placement.Ended {
		t.Errorf("back on %+v, before on %+v", back.Basis, before.Basis)
	}
	w.Pass(time.Hour)
	d := made(t)(s.Decide(ctx, desk, o.ID, order("last", code.StayCommitteeOrder)))
	m = made(t)(s.Transfer(ctx, team, elsewhere(girl(), o), o.ID, command("again", 0)))
	if m.Basis != d.Basis || m.Ruling != d.Ruling {
		t.Errorf("moves on %+v", m.Basis)
	}
}

// An arrival elsewhere that is taken back leaves either placement under what it was.
func TestAnArrivalByTransferTakenBackLeavesTheOrder(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o := request(t, w, "one", true)
	must(t)(s.Receive(ctx, staff(o.Hold.Shelter), o.ID, command("r1", 0)))
	m := made(t)(s.Transfer(ctx, team, elsewhere(girl(), o), o.ID, command("move", 0)))
	d := made(t)(s.Decide(ctx, desk, o.ID, order("order", code.StayCommitteeOrder)))
	w.Pass(shortly)
	house := staff(m.Hold.Shelter)
	for _, key := range []string{"first", "second"} {
		m = made(t)(s.Receive(ctx, house, m.ID, command(key, 0)))
		if m.Basis != d.Basis {
			t.Errorf("%s: stays on %+v", key, m.Basis)
		}
		m = made(t)(s.Undo(ctx, house, m.ID, command("undo "+key, m.Version)))
		if p := stored(t, w, o.ID); p.State != placement.Arrived || p.Basis != d.Basis || p.Ruling != d.Ruling {
			t.Errorf("%s taken back: %s on %+v", key, p.State, p.Basis)
		}
		w.Pass(shortly)
	}
}

// The stay it was to end is over by itself when a transfer arrives: what they stayed
// on there is over, too.
func TestATransferThatEndsNoStayIsReviewedAnew(t *testing.T) {
	w := womenWorld(t)
	ctx, s := context.Background(), w.Service
	o := made(t)(s.Request(ctx, team, women(1), command("ask", 0)))
	must(t)(s.Receive(ctx, staff(o.Hold.Shelter), o.ID, command("r1", 0)))
	m := made(t)(s.Transfer(ctx, team, elsewhere(women(1), o), o.ID, command("move", 0)))
	must(t)(s.Accept(ctx, staff(m.Hold.Shelter), m.ID, command("yes", m.Version)))
	must(t)(s.End(ctx, staff(o.Hold.Shelter), o.ID, nil, code.EndHome, command("gone", 0)))
	w.Pass(fortieth)
	house := staff(m.Hold.Shelter)
	m = made(t)(s.Receive(ctx, house, m.ID, command("r2", 0)))
	if m.Basis.Ground != code.StayVoluntary || !m.Basis.From.Equal(w.Now()) {
		t.Errorf("stays on %+v, now is %v", m.Basis, w.Now())
	}
	w.Pass(shortly)
	if again := made(t)(s.Receive(ctx, house, m.ID, command("said twice", 0))); again.Basis != m.Basis {
		t.Errorf("an arrival said twice moves the review to %+v", again.Basis)
	}
}

// A review that was overdue when its order was recorded is told of, the latest
// warning alone, though another clock has warned since.
func TestAReviewThatIsOverdueWhenItsOrderIsRecordedIsTold(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o := request(t, w, "one", true)
	must(t)(s.Receive(ctx, staff(o.Hold.Shelter), o.ID, command("r0", 0)))
	looks(t, w, 15*24*time.Hour+2*time.Hour, time.Hour)
	if got := warned(t, w, o.ID, "review.awaiting_committee"); !slices.Equal(got, []int{50, 80, 100}) {
		t.Fatalf("warnings before the order: %v", got)
	}
	late := order("order", code.StayCommitteeOrder)
	late.OccurredAt, late.ReviewBy = w.Now().Add(-6*24*time.Hour), w.Now().Add(-3*24*time.Hour)
	d := made(t)(s.Decide(ctx, desk, o.ID, late))
	looks(t, w, 48*time.Hour, time.Hour)
	if got := warned(t, w, o.ID, "review.cwc_order"); !slices.Equal(got, []int{100}) {
		t.Errorf("warnings of the order: %v", got)
	}
	if got := warned(t, w, o.ID, childClock); !slices.Equal(got, []int{50, 80, 100}) {
		t.Errorf("the clock that was stopped: %v, %+v", got, d.WarnedAt)
	}
}

// An order taken back leaves the review before as it was, with what was told of it.
func TestAnOrderTakenBackTellsNothingTwice(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o := request(t, w, "one", true)
	must(t)(s.Receive(ctx, staff(o.Hold.Shelter), o.ID, command("r0", 0)))
	looks(t, w, 8*24*time.Hour, time.Hour)
	before := stored(t, w, o.ID)
	d := made(t)(s.Decide(ctx, desk, o.ID, order("order", code.StayCommitteeOrder)))
	back := made(t)(s.Undo(ctx, desk, o.ID, command("undo", d.Version)))
	if back.Basis != before.Basis || back.First != before.First || back.WarnedAt != before.WarnedAt {
		t.Errorf("%+v, before the order %+v", back.Basis, before.Basis)
	}
	looks(t, w, 24*time.Hour, time.Hour)
	if got := warned(t, w, o.ID, "review.awaiting_committee"); !slices.Equal(got, []int{50}) {
		t.Errorf("warnings of the review: %v", got)
	}
	if got := warned(t, w, o.ID, childClock); !slices.Equal(got, []int{50, 80, 100}) {
		t.Errorf("warnings of the child's clock: %v", got)
	}
}

func ptr[T any](v T) *T { return &v }

func TestAReviewIsNeverBeforeTheDecisionThatSetsIt(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o := request(t, w, "one", true)
	at := w.Now().Add(-30 * time.Minute)
	for name, review := range map[string]time.Time{"long past": w.Now().AddDate(-1, 0, 0), "as it was decided": at} {
		cmd := order(name, code.StayCommitteeOrder)
		cmd.OccurredAt, cmd.ReviewBy = at, review
		_, err := s.Decide(ctx, desk, o.ID, cmd)
		if f, _ := fault.Of(err); f == nil || f.Kind != fault.Invalid || f.Field != "reviewBy" {
			t.Errorf("%s: %v", name, err)
		}
	}
	cmd := order("ahead", code.StayCommitteeOrder) // a phone's clock is ahead: the decision is made now
	cmd.OccurredAt, cmd.ReviewBy = w.Now().Add(time.Minute), w.Now().AddDate(0, 0, 7)
	d := made(t)(s.Decide(ctx, desk, o.ID, cmd))
	if !d.Basis.From.Equal(w.Now()) || !d.Basis.From.Equal(d.Ruling.At) || !d.Basis.ReviewBy.Equal(cmd.ReviewBy) {
		t.Errorf("%+v, decided %v", d.Basis, d.Ruling.At)
	}
}
