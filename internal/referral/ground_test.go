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

func TestNoChildStaysOfItsOwnWill(t *testing.T) {
	ctx := context.Background()
	t.Run("decided before it arrives", func(t *testing.T) {
		w := testworld.Open(t)
		o := request(t, w, "one", true)
		must(t)(w.Service.Decide(ctx, desk, o.ID, referral.DecideCommand{Command: command("produced", 0)}))
		r := made(t)(w.Service.Receive(ctx, staff(o.Hold.Shelter), o.ID, command("r1", 0)))
		if r.Basis.Ground != code.StayAwaitingCommittee {
			t.Errorf("stays on %s", code.StayBases.Name(r.Basis.Ground))
		}
	})
	t.Run("by a decision of the desk", func(t *testing.T) {
		w := testworld.Open(t)
		o := request(t, w, "one", true)
		_, err := w.Service.Decide(ctx, desk, o.ID, order("will", code.StayVoluntary))
		if f, _ := fault.Of(err); f == nil || f.Kind != fault.Invalid || f.Field != "basis" {
			t.Error(err)
		}
		if p := stored(t, w, o.ID); !p.Ruling.At.IsZero() {
			t.Errorf("the decision is recorded: %+v", p.Ruling)
		}
	})
}

// Who is found to be of another age in the shelter stays on the ground of that age,
// and may do what it allows, unless an order says otherwise.
func TestWhoWasTakenForAnAdultOrAChildStaysOnTheirOwnGround(t *testing.T) {
	ctx := context.Background()
	adult, child := girl(), girl()
	adult.Persons = grownUp
	for name, c := range map[string]struct {
		asked   placement.Request
		order   *code.StayBasis
		is      []placement.Person
		ground  code.StayBasis
		days    int
		leaves  bool
		decides code.Decider
		stops   bool // the child's clock
	}{
		"a child":                           {adult, nil, minor, code.StayAwaitingCommittee, 15, false, code.DecidedByCommittee, false},
		"a child, said to stay at will":     {adult, ptr(code.StayVoluntary), minor, code.StayAwaitingCommittee, 15, false, code.DecidedByCommittee, false},
		"a child under a magistrate":        {adult, &inquiry, minor, inquiry, 21, false, code.DecidedByMagistrate, false},
		"an adult":                          {child, nil, grownUp, code.StayVoluntary, 30, true, code.DecidedBySelf, false},
		"an adult the committee has placed": {child, ptr(code.StayCommitteeOrder), grownUp, code.StayCommitteeOrder, 120, false, code.DecidedByCommittee, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := testworld.Open(t)
			s := w.Service
			o := made(t)(s.Request(ctx, team, c.asked, command("ask", 0)))
			o = made(t)(s.Receive(ctx, staff(o.Hold.Shelter), o.ID, command("r1", 0)))
			from := w.Now()
			w.Pass(time.Hour)
			if c.order != nil {
				o = made(t)(s.Decide(ctx, desk, o.ID, order("order", *c.order)))
				from = w.Now()
				w.Pass(time.Hour)
			}
			p := made(t)(s.Correct(ctx, team, o.ID, c.is, command("correct", o.Version)))
			if c.order == nil || *c.order != c.ground {
				from = w.Now()
			}
			if p.Basis.Ground != c.ground || !p.Basis.From.Equal(from) || !p.Basis.ReviewBy.Equal(from.AddDate(0, 0, c.days)) {
				t.Errorf("stays on %s, %+v", code.StayBases.Name(p.Basis.Ground), p.Basis)
			}
			if p.MayLeave() != c.leaves || p.Decider() != c.decides {
				t.Errorf("may leave %v, decided by %s", p.MayLeave(), code.Deciders.Name(p.Decider()))
			}
			clock := clockOf(w, p.Placement, childClock)
			if children := c.is[0].Child(); (clock.ID != "") != children || clock.Stopped || p.PendingCommittee() != children {
				t.Errorf("the child's clock is %+v, pending %v", clock, p.PendingCommittee())
			}
		})
	}
}

func ptr[T any](v T) *T { return &v }

// Before arrival a ground that was said of adults is no child's either.
func TestAnOrderOfAdultsStopsNoChildsClock(t *testing.T) {
	w := womenWorld(t)
	ctx, s := context.Background(), w.Service
	o := made(t)(s.Request(ctx, team, women(1), command("ask", 0)))
	d := made(t)(s.Decide(ctx, desk, o.ID, order("will", code.StayVoluntary)))
	c := made(t)(s.Correct(ctx, team, o.ID, minor, command("child", d.Version)))
	if clock := clockOf(w, c.Placement, childClock); clock.Stopped || clock.ID == "" || !c.PendingCommittee() || !c.Basis.From.IsZero() {
		t.Errorf("%+v, stays on %+v", clock, c.Basis)
	}
	looks(t, w, 25*time.Hour, time.Hour)
	if got := warned(t, w, o.ID, childClock); !slices.Equal(got, []int{50, 80, 100}) {
		t.Errorf("warnings: %v", got)
	}
	must(t)(s.Decide(ctx, desk, o.ID, order("committee", code.StayCommitteeOrder)))
	if p := stored(t, w, o.ID); !clockOf(w, p, childClock).Stopped {
		t.Error("its own decision does not stop the clock")
	}
}

// Who is found to be a child on the way does not travel on what an adult has chosen.
func TestAnAdultsChoiceIsNoChilds(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o, _ := heldWoman(t, w)
	house := o.Hold.Shelter
	o = made(t)(s.Choose(ctx, team, o.ID, placement.Choice{By: code.ChosenBySelf, Shelter: house, HouseRulesShown: true}, command("self", o.Version)))
	o = made(t)(s.Accept(ctx, staff(house), o.ID, command("accept", o.Version)))
	o = made(t)(s.Correct(ctx, team, o.ID, minor, command("child", o.Version)))
	if _, err := s.Depart(ctx, team, o.ID, true, nil, command("go", o.Version)); !fault.Is(err, fault.IllegalMove) {
		t.Fatalf("a child departs on an adult's choice: %v", err)
	}
	for view, by := range map[bool]code.ChosenBy{false: code.ChosenByGuardian, true: code.ChosenBySelf} {
		if _, err := s.Choose(ctx, team, o.ID, placement.Choice{By: by, Shelter: house, HouseRulesShown: true, Viewed: view}, command("wrong"+code.ChosenBys.Name(by), o.Version)); !fault.Is(err, fault.Invalid) {
			t.Errorf("chosen by %s, heard %v: %v", code.ChosenBys.Name(by), view, err)
		}
	}
	o = made(t)(s.Choose(ctx, team, o.ID, placement.Choice{By: code.ChosenByGuardian, Shelter: house, HouseRulesShown: true, Viewed: true}, command("guardian", o.Version)))
	o = made(t)(s.Correct(ctx, team, o.ID, []placement.Person{{Age: code.Age12To14, AgeStatus: code.AgeStated, PlaceWith: code.Girls}}, command("younger", o.Version)))
	must(t)(s.Depart(ctx, team, o.ID, true, nil, command("now", o.Version)))
}

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

// A child is not free from the law because its request is cancelled: only who went
// home, or never was, is in nobody's custody.
func TestACancelledRequestOfAChildIsWarnedOfUntilSomebodyDecides(t *testing.T) {
	ctx := context.Background()
	for i, name := range code.CancelReasons.Names() {
		why := code.CancelReason(i)
		if why == code.CancelConsentWithdrawn {
			continue // a child's request does not rest on it
		}
		t.Run(name, func(t *testing.T) {
			w := testworld.Open(t)
			o := request(t, w, "one", true)
			c := made(t)(w.Service.Cancel(ctx, team, o.ID, why, command("cancel", 1)))
			over := why == code.CancelWentHome || why == code.CancelEntryError
			if c.PendingCommittee() == over {
				t.Errorf("pending %v", c.PendingCommittee())
			}
			looks(t, w, 36*time.Hour, time.Hour)
			want := []int{50, 80, 100}
			if over {
				want = nil
			}
			if got := warned(t, w, o.ID, childClock); !slices.Equal(got, want) {
				t.Errorf("warnings: %v, want %v", got, want)
			}
			if p := stored(t, w, o.ID); p.State != placement.Cancelled || !p.Due.IsZero() {
				t.Errorf("%s, the clock looks again at %v", p.State, p.Due)
			}
		})
	}
}

func TestADecisionOfACancelledChildStopsItsClockAndCanBeTakenBack(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o := request(t, w, "one", true)
	must(t)(s.Cancel(ctx, team, o.ID, 2, command("cancel", 1)))
	looks(t, w, 13*time.Hour, time.Hour)
	d := made(t)(s.Decide(ctx, desk, o.ID, referral.DecideCommand{Command: command("produced", 0)}))
	if d.State != placement.Cancelled || d.PendingCommittee() || !stored(t, w, o.ID).Due.IsZero() {
		t.Errorf("%s, pending %v", d.State, d.PendingCommittee())
	}
	if next := mustNext(s, desk, d.Placement); !slices.Equal(next, []placement.Move{placement.MoveDecide, placement.MoveUndo}) {
		t.Errorf("the desk's moves: %v", next)
	}
	must(t)(s.Undo(ctx, desk, o.ID, command("undo", d.Version)))
	looks(t, w, 7*time.Hour, time.Hour)
	d = made(t)(s.Decide(ctx, desk, o.ID, referral.DecideCommand{Command: command("then", 0)}))
	looks(t, w, 24*time.Hour, time.Hour)
	if got := warned(t, w, o.ID, childClock); !slices.Equal(got, []int{50, 80}) {
		t.Errorf("warnings: %v", got)
	}
	if d.State != placement.Cancelled {
		t.Error(d.State)
	}
}

// Nobody waits for a decision about adults whose request is cancelled.
func TestACancelledRequestOfAdultsIsOver(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o, _ := heldWoman(t, w)
	c := made(t)(s.Cancel(ctx, team, o.ID, 2, command("cancel", o.Version)))
	if p := stored(t, w, o.ID); !p.Due.IsZero() || c.InCustody() {
		t.Errorf("the clock looks again at %v", p.Due)
	}
}

func TestAChildWhoLeavesByItsOwnWishIsTheDesksConcern(t *testing.T) {
	ctx := context.Background()
	for name, c := range map[string]struct {
		who     []placement.Person
		arrives bool
		told    int
	}{
		"a child in the shelter":   {minor, true, 1},
		"a child on the way":       {minor, false, 1},
		"an adult in the shelter":  {grownUp, true, 0},
		"an adult before arriving": {grownUp, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := testworld.Open(t)
			s := w.Service
			r := girl()
			r.Persons = c.who
			o := made(t)(s.Request(ctx, team, r, command("ask", 0)))
			by := team
			if c.arrives {
				by = staff(o.Hold.Shelter)
				must(t)(s.Receive(ctx, by, o.ID, command("r1", 0)))
			}
			must(t)(s.End(ctx, by, o.ID, nil, code.EndOwnWish, command("left", 0)))
			list := alerts(t, w)
			if len(list) != c.told || c.told == 1 && (list[0].Kind != placement.AlertChildOwnWish || list[0].Placement != o.ID) {
				t.Errorf("the desk is told %+v", list)
			}
		})
	}
}
