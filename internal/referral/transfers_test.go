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
	"panah/internal/shelter"
	"panah/internal/testworld"
)

// living is a girl in her first shelter, and what would move her to another.
func living(t *testing.T, w *testworld.World) (o referral.Outcome, move placement.Request) {
	t.Helper()
	o = made(t)(w.Service.Request(context.Background(), team, girl(), command("one", 0)))
	made(t)(w.Service.Receive(context.Background(), staff(o.Hold.Shelter), o.ID, command("came", 0)))
	move = girl()
	move.ExcludedShelters = []string{o.Hold.Shelter}
	w.Pass(time.Hour)
	return o, move
}

// livesAt holds where a party lives, by all its placements, against one shelter.
func livesAt(t *testing.T, w *testworld.World, shelter string, ids ...string) {
	t.Helper()
	var at []string
	for _, id := range ids {
		if p := stored(t, w, id); p.State == placement.Arrived {
			at = append(at, p.Hold.Shelter)
		}
	}
	if !slices.Equal(at, []string{shelter}) {
		t.Errorf("they live at %v, not at %s", at, shelter)
	}
	account(t, w)
}

// One transfer of a stay is under way at a time, whoever asks.
func TestAStayHasOneTransferUnderWay(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o, move := living(t, w)
	wish := move
	wish.HoldBest = false
	first := made(t)(s.Transfer(ctx, team, wish, o.ID, command("wish", 0)))
	second := made(t)(s.Transfer(ctx, staff(o.Hold.Shelter), move, o.ID, command("move", 0)))
	if p := stored(t, w, first.ID); p.State != placement.Superseded {
		t.Errorf("what was asked for before is %s", p.State)
	}
	if _, err := s.Transfer(ctx, team, move, o.ID, command("once more", 0)); !fault.Is(err, fault.IllegalMove) {
		t.Errorf("beds are held already: %v", err)
	}
	if again, err := s.Transfer(ctx, staff(o.Hold.Shelter), move, o.ID, command("move", 0)); err != nil || !again.Replayed {
		t.Errorf("said again: %v", err)
	}
	made(t)(s.Cancel(ctx, staff(o.Hold.Shelter), second.ID, 0, command("cancel", second.Version)))
	third := made(t)(s.Transfer(ctx, team, move, o.ID, command("the third", 0)))
	if third.State != placement.Held {
		t.Errorf("after that one was cancelled: %s", third.State)
	}
	account(t, w)
}

// Wherever a party has been said to come and go, it lives in one shelter.
func TestAPartyLivesInOneShelter(t *testing.T) {
	ctx := context.Background()
	t.Run("the stay was ended when they left", func(t *testing.T) {
		w := testworld.Open(t)
		s := w.Service
		o, move := living(t, w)
		m := made(t)(s.Transfer(ctx, team, move, o.ID, command("move", 0)))
		left := made(t)(s.End(ctx, staff(o.Hold.Shelter), o.ID, nil, code.EndTransferred, command("left", 0)))
		w.Pass(5 * time.Minute)
		made(t)(s.Receive(ctx, staff(m.Hold.Shelter), m.ID, command("arrived", 0)))
		if slices.Contains(s.Next(ctx, staff(o.Hold.Shelter), stored(t, w, o.ID)), placement.MoveUndo) {
			t.Error("an undo is offered that would be refused")
		}
		if _, err := s.Undo(ctx, staff(o.Hold.Shelter), o.ID, command("undo", left.Version)); !fault.Is(err, fault.IllegalMove) {
			t.Errorf("the end is taken back though they live elsewhere: %v", err)
		}
		livesAt(t, w, m.Hold.Shelter, o.ID, m.ID)
	})
	t.Run("the end is taken back before they arrive", func(t *testing.T) {
		w := testworld.Open(t)
		s := w.Service
		o, move := living(t, w)
		m := made(t)(s.Transfer(ctx, team, move, o.ID, command("move", 0)))
		left := made(t)(s.End(ctx, staff(o.Hold.Shelter), o.ID, nil, code.EndTransferred, command("left", 0)))
		made(t)(s.Undo(ctx, staff(o.Hold.Shelter), o.ID, command("undo", left.Version)))
		livesAt(t, w, o.Hold.Shelter, o.ID, m.ID)
		made(t)(s.Receive(ctx, staff(m.Hold.Shelter), m.ID, command("arrived", 0)))
		livesAt(t, w, m.Hold.Shelter, o.ID, m.ID)
	})
	t.Run("a cancelled transfer arrives after another has", func(t *testing.T) {
		w := testworld.Open(t)
		s := w.Service
		o, move := living(t, w)
		m := made(t)(s.Transfer(ctx, team, move, o.ID, command("move", 0)))
		made(t)(s.Cancel(ctx, team, m.ID, 0, command("cancel", m.Version)))
		move.ExcludedShelters = append(move.ExcludedShelters, m.Hold.Shelter)
		n := made(t)(s.Transfer(ctx, team, move, o.ID, command("another", 0)))
		made(t)(s.Receive(ctx, staff(n.Hold.Shelter), n.ID, command("arrived", 0)))
		livesAt(t, w, n.Hold.Shelter, o.ID, m.ID, n.ID)
		w.Pass(time.Hour)
		made(t)(s.Receive(ctx, staff(m.Hold.Shelter), m.ID, command("arrived after all", 0)))
		livesAt(t, w, m.Hold.Shelter, o.ID, m.ID, n.ID)
	})
	t.Run("that is told only later", func(t *testing.T) {
		w := testworld.Open(t)
		s := w.Service
		o, move := living(t, w)
		m := made(t)(s.Transfer(ctx, team, move, o.ID, command("move", 0)))
		made(t)(s.Cancel(ctx, team, m.ID, 0, command("cancel", m.Version)))
		move.ExcludedShelters = append(move.ExcludedShelters, m.Hold.Shelter)
		n := made(t)(s.Transfer(ctx, team, move, o.ID, command("another", 0)))
		first := command("arrived here first", 0)
		first.OccurredAt = w.Now()
		w.Pass(time.Hour)
		made(t)(s.Receive(ctx, staff(n.Hold.Shelter), n.ID, command("arrived", 0)))
		w.Pass(time.Minute)
		move.ExcludedShelters = nil
		on := made(t)(s.Transfer(ctx, staff(n.Hold.Shelter), move, n.ID, command("on from there", 0)))
		late := made(t)(s.Receive(ctx, staff(m.Hold.Shelter), m.ID, first))
		if late.State != placement.Ended || !late.ArrivedAt.Equal(first.OccurredAt) {
			t.Errorf("told late it is %s since %v", late.State, late.ArrivedAt)
		}
		if p := stored(t, w, on.ID); p.State != on.State {
			t.Errorf("what has been asked for since is %s, was %s", p.State, on.State)
		}
		livesAt(t, w, n.Hold.Shelter, o.ID, m.ID, n.ID)
	})
	t.Run("they come back", func(t *testing.T) {
		w := testworld.Open(t)
		s := w.Service
		o, move := living(t, w)
		m := made(t)(s.Transfer(ctx, team, move, o.ID, command("move", 0)))
		made(t)(s.Receive(ctx, staff(m.Hold.Shelter), m.ID, command("arrived", 0)))
		move.ExcludedShelters = append(move.ExcludedShelters, m.Hold.Shelter)
		n := made(t)(s.Transfer(ctx, team, move, m.ID, command("on", 0)))
		made(t)(s.Receive(ctx, staff(n.Hold.Shelter), n.ID, command("arrived there", 0)))
		w.Pass(time.Hour)
		made(t)(s.Receive(ctx, staff(o.Hold.Shelter), o.ID, command("back", 0)))
		livesAt(t, w, o.Hold.Shelter, o.ID, m.ID, n.ID)
	})
	t.Run("an open transfer is closed when another of the stay has arrived", func(t *testing.T) {
		w := testworld.Open(t)
		s := w.Service
		o, move := living(t, w)
		m := made(t)(s.Transfer(ctx, team, move, o.ID, command("move", 0)))
		made(t)(s.Cancel(ctx, team, m.ID, 0, command("cancel", m.Version)))
		n := made(t)(s.Transfer(ctx, team, move, o.ID, command("another", 0)))
		made(t)(s.Receive(ctx, staff(m.Hold.Shelter), m.ID, command("arrived after all", 0)))
		if p := stored(t, w, n.ID); p.State != placement.Superseded {
			t.Errorf("the other keeps its beds: %s", p.State)
		}
		livesAt(t, w, m.Hold.Shelter, o.ID, m.ID, n.ID)
	})
}

// A wrong button at the new shelter leaves the stay before as it was.
func TestAnArrivalOfATransferTakenBackLeavesTheStayBefore(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o, move := living(t, w)
	m := made(t)(s.Transfer(ctx, team, move, o.ID, command("move", 0)))
	beds := counts(t, w, o.Hold.Shelter, "girls")
	wrong := made(t)(s.Receive(ctx, staff(m.Hold.Shelter), m.ID, command("wrong", 0)))
	if wrong.UndoUntil().IsZero() || !slices.Contains(s.Next(ctx, staff(m.Hold.Shelter), wrong.Placement), placement.MoveUndo) {
		t.Error("it cannot be taken back")
	}
	w.Pass(time.Minute)
	made(t)(s.Undo(ctx, staff(m.Hold.Shelter), m.ID, command("undo", wrong.Version)))
	livesAt(t, w, o.Hold.Shelter, o.ID, m.ID)
	if got := counts(t, w, o.Hold.Shelter, "girls"); got != beds {
		t.Errorf("beds are %s, were %s", got, beds)
	}
	made(t)(s.Receive(ctx, staff(m.Hold.Shelter), m.ID, command("arrived", 0)))
	livesAt(t, w, m.Hold.Shelter, o.ID, m.ID)
}

// The bed they were said to have left is theirs: it is not held for them as their
// next option.
func TestAnArrivalOfATransferTakenBackHoldsNobodysOwnBed(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o, move := living(t, w)
	move.ExcludedShelters = nil
	full := func(id string, present int) {
		u := w.Unit(t, id, "girls")
		if _, err := s.Count(ctx, staff(id), id, "girls", referral.CensusCommand{IfMatch: u.Census,
			Census: shelter.Census{CountedAt: w.Now(), Present: present, Staffed: u.Counts().Staffed()}}); err != nil {
			t.Fatal(err)
		}
	}
	m := made(t)(s.Transfer(ctx, team, move, o.ID, command("move", 0)))
	if m.Hold.Shelter == o.Hold.Shelter {
		m = made(t)(s.Hold(ctx, team, m.ID, "HOMA", command("elsewhere", m.Version)))
	}
	for _, id := range []string{"HOMA", "HOMB", "GRLS"} {
		if id == o.Hold.Shelter || id != m.Hold.Shelter {
			full(id, w.Unit(t, id, "girls").Counts().Staffed())
		}
	}
	w.Pass(time.Minute)
	wrong := made(t)(s.Receive(ctx, staff(m.Hold.Shelter), m.ID, command("wrong", 0)))
	w.Pass(time.Minute)
	full(m.Hold.Shelter, w.Unit(t, m.Hold.Shelter, "girls").Counts().Staffed())
	back := made(t)(s.Undo(ctx, staff(m.Hold.Shelter), m.ID, command("undo", wrong.Version)))
	if back.State != placement.Requested {
		t.Errorf("%s at %s", back.State, back.Hold.Shelter)
	}
	account := w.Unit(t, o.Hold.Shelter, "girls").Counts()
	if account.Free() < 0 || account.Held() > 0 {
		t.Errorf("%s: %+v", o.Hold.Shelter, account)
	}
	w.Pass(time.Minute)
	if _, err := s.Lapse(ctx); err != nil {
		t.Fatal(err)
	}
	if p := stored(t, w, m.ID); p.State != placement.Waitlisted {
		t.Errorf("it is %s", p.State)
	}
}

// Two decide at one instant about the same people: the second decides on the first.
func TestAnUndoAndAnArrivalAtOneInstantLeaveOneStay(t *testing.T) {
	for _, arrivesFirst := range []bool{true, false} {
		m, w := openMeanwhile(t)
		ctx, s := context.Background(), w.Service
		o, move := living(t, w)
		n := made(t)(s.Transfer(ctx, team, move, o.ID, command("move", 0)))
		left := made(t)(s.End(ctx, staff(o.Hold.Shelter), o.ID, nil, code.EndTransferred, command("left", 0)))
		arrives := func() { made(t)(s.Receive(ctx, staff(n.Hold.Shelter), n.ID, command("arrived", 0))) }
		undone := func() {
			_, err := s.Undo(ctx, staff(o.Hold.Shelter), o.ID, command("undo", left.Version))
			if refused := fault.Is(err, fault.IllegalMove); refused != arrivesFirst {
				t.Errorf("arrived first: %v, undo %v", arrivesFirst, err)
			}
		}
		if arrivesFirst {
			m.on(o.ID, arrives)
			undone()
		} else {
			m.on(n.ID, undone)
			arrives()
		}
		livesAt(t, w, n.Hold.Shelter, o.ID, n.ID)
	}
}

// Every hold has a number of its own: a word about one is never taken for another.
func TestNoTwoHoldsOfAPartyHaveOneNumber(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o := request(t, w, "one", true)
	first := o.Hold
	o = made(t)(s.Hold(ctx, team, o.ID, "", command("second", o.Version)))
	second := o.Hold
	wrong := made(t)(s.Receive(ctx, staff(first.Shelter), o.ID, command("wrong", 0)))
	back := made(t)(s.Undo(ctx, staff(first.Shelter), o.ID, command("undo", wrong.Version)))
	if back.Hold.No <= second.No {
		t.Errorf("held at %s under number %d, which was that of %s", back.Hold.Shelter, back.Hold.No, second.Shelter)
	}
	again := made(t)(s.Hold(ctx, team, o.ID, "", command("third", back.Version)))
	if again.Hold.No <= back.Hold.No {
		t.Errorf("%d follows %d", again.Hold.No, back.Hold.No)
	}
	account(t, w)
}

// Who is on the road to a shelter and said to have arrived at another, by mistake, has
// no beds ahead once it is taken back: the desk is told, and the next is looked for.
func TestAWrongArrivalOfATransferOnTheRoadIsToldToTheDesk(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o, move := living(t, w)
	m := made(t)(s.Transfer(ctx, team, move, o.ID, command("move", 0)))
	first := m.Hold.Shelter
	m = made(t)(s.Hold(ctx, team, m.ID, "", command("another", m.Version)))
	then := m.Hold.Shelter
	m = made(t)(s.Choose(ctx, team, m.ID, placement.Choice{By: code.ChosenByGuardian, Shelter: then, HouseRulesShown: true, Viewed: true}, command("choose", m.Version)))
	m = made(t)(s.Accept(ctx, staff(then), m.ID, command("yes", m.Version)))
	made(t)(s.Depart(ctx, team, m.ID, true, nil, command("depart", m.Version)))
	w.Pass(time.Minute)
	wrong := made(t)(s.Receive(ctx, staff(first), m.ID, command("wrong", 0)))
	back := made(t)(s.Undo(ctx, staff(first), m.ID, command("undo", wrong.Version)))
	if back.State != placement.Requested || !back.Seek {
		t.Errorf("%s, sought %v", back.State, back.Seek)
	}
	if !slices.ContainsFunc(alerts(t, w), func(a placement.Alert) bool { return a.Kind == placement.AlertBedsGone && a.Placement == m.ID }) {
		t.Error("the desk is not told")
	}
	livesAt(t, w, o.Hold.Shelter, o.ID, m.ID)
}
