package referral_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"panah/internal/code"
	"panah/internal/fault"
	"panah/internal/placement"
	"panah/internal/referral"
	"panah/internal/testworld"
)

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
