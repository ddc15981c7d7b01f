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
	"panah/internal/testworld"
)

// That a party will not come may be said by mistake like anything else: its beds are
// held again, if they can be.
func TestAnEndBeforeArrivalIsTakenBack(t *testing.T) {
	for name, c := range map[string]struct {
		best, accept bool
		want         placement.State
	}{
		"of who was asked first": {false, false, placement.Requested},
		"of who was held":        {true, false, placement.Held},
		"of who was accepted":    {true, true, placement.Held},
	} {
		t.Run(name, func(t *testing.T) {
			w := testworld.Open(t)
			ctx, s := context.Background(), w.Service
			o := request(t, w, "one", c.best)
			before := o.Hold.Shelter
			if c.accept {
				o = made(t)(s.Accept(ctx, staff(before), o.ID, command("yes", o.Version)))
			}
			o = made(t)(s.End(ctx, team, o.ID, nil, code.EndDied, command("died", 0)))
			if next := s.Next(ctx, team, o.Placement); !slices.Contains(next, placement.MoveUndo) {
				t.Fatalf("next is %v", next)
			}
			if _, err := s.Undo(ctx, theDesk, o.ID, command("the desk's", o.Version)); !fault.Is(err, fault.IllegalMove) {
				t.Errorf("another takes it back: %v", err)
			}
			back := made(t)(s.Undo(ctx, team, o.ID, command("undo", o.Version)))
			if back.State != c.want || back.Hold.Shelter != before || len(back.Stays) > 0 {
				t.Errorf("%s at %q, stays %v; before at %q", back.State, back.Hold.Shelter, back.Stays, before)
			}
			account(t, w)
			o = made(t)(s.End(ctx, team, o.ID, nil, code.EndDied, command("died after all", 0)))
			w.Pass(placement.UndoFor)
			if _, err := s.Undo(ctx, team, o.ID, command("too late", o.Version)); !fault.Is(err, fault.IllegalMove) {
				t.Errorf("taken back a quarter of an hour later: %v", err)
			}
			account(t, w)
		})
	}
}

// A death, or that a child has run away, is a fact: also of who is not awaited any more.
// The desk is told.
func TestADeathOrFlightIsTakenWhenNobodyAwaitsTheParty(t *testing.T) {
	for closed, end := range map[placement.State]func(w *testworld.World, id string, version uint64) error{
		placement.Cancelled: func(w *testworld.World, id string, version uint64) error {
			_, err := w.Service.Cancel(context.Background(), team, id, 0, command("cancel", version))
			return err
		},
		placement.Superseded: func(w *testworld.World, id string, version uint64) error {
			_, err := w.Service.Supersede(context.Background(), theDesk, id, command("supersede", version))
			return err
		},
	} {
		for why, told := range map[code.EndReason]placement.AlertKind{code.EndDied: placement.AlertDied, code.EndLeftUnannounced: placement.AlertChildUnannounced} {
			t.Run(string(closed)+" "+code.EndReasons.Name(why), func(t *testing.T) {
				w := testworld.Open(t)
				ctx, s := context.Background(), w.Service
				o := request(t, w, "one", true)
				if err := end(w, o.ID, o.Version); err != nil {
					t.Fatal(err)
				}
				w.Pass(time.Hour)
				ended := made(t)(s.End(ctx, team, o.ID, nil, why, command("end", 0)))
				if ended.State != placement.Ended || !ended.Stays[0].Gone || ended.Stays[0].Reason != why {
					t.Errorf("%s, %v", ended.State, ended.Stays)
				}
				if !slices.ContainsFunc(alerts(t, w), func(a placement.Alert) bool { return a.Kind == told }) {
					t.Errorf("the desk is told %v", alerts(t, w))
				}
				back := made(t)(s.Undo(ctx, team, o.ID, command("undo", ended.Version)))
				if back.State != closed || len(back.Stays) > 0 {
					t.Errorf("taken back it is %s, %v", back.State, back.Stays)
				}
				account(t, w)
			})
		}
	}
}

// What a survivor has chosen since, or a hold that was given more time, is not undone
// with what was before.
func TestWhatWasChosenSinceIsNotOverriddenByAnUndo(t *testing.T) {
	for name, since := range map[string]func(w *testworld.World, p placement.Placement) error{
		"chosen": func(w *testworld.World, p placement.Placement) error {
			_, err := w.Service.Choose(context.Background(), team, p.ID, placement.Choice{By: 1, Shelter: p.Hold.Shelter, HouseRulesShown: true, Viewed: true}, command("choose", p.Version))
			return err
		},
		"given more time": func(w *testworld.World, p placement.Placement) error {
			_, err := w.Service.Extend(context.Background(), team, p.ID, command("extend", p.Version))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := testworld.Open(t)
			ctx, s := context.Background(), w.Service
			o := request(t, w, "one", true)
			first := o.Hold.Shelter
			d := made(t)(s.Decline(ctx, staff(first), o.ID, 0, command("no", o.Version)))
			if d.State != placement.Held || d.UndoUntil().IsZero() {
				t.Fatal(d.State, d.UndoUntil())
			}
			w.Pass(time.Minute)
			if err := since(w, d.Placement); err != nil {
				t.Fatal(err)
			}
			p := stored(t, w, o.ID)
			for _, who := range []caller.Caller{staff(first), team} {
				if _, err := s.Undo(ctx, who, o.ID, command("undo of "+who.Subject, p.Version)); err == nil {
					t.Errorf("%s undoes it", who.Subject)
				}
			}
			if p := stored(t, w, o.ID); p.Hold.Shelter != d.Hold.Shelter || !p.UndoUntil().IsZero() {
				t.Errorf("held at %s, not %s", p.Hold.Shelter, d.Hold.Shelter)
			}
		})
	}
}

// Of a transfer that will not arrive the end is taken back, too, while the stay it was to
// move the party from goes on.
func TestTheEndOfATransferBeforeArrivalIsTakenBack(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o, move := living(t, w)
	m := made(t)(s.Transfer(ctx, team, move, o.ID, command("move", 0)))
	ended := made(t)(s.End(ctx, team, m.ID, nil, code.EndEntryError, command("end", 0)))
	if next := s.Next(ctx, team, ended.Placement); !slices.Contains(next, placement.MoveUndo) {
		t.Errorf("next is %v", next)
	}
	back := made(t)(s.Undo(ctx, team, m.ID, command("undo", ended.Version)))
	if back.State != placement.Held || back.Hold.Shelter != m.Hold.Shelter {
		t.Errorf("%s at %s, before %s", back.State, back.Hold.Shelter, m.Hold.Shelter)
	}
	livesAt(t, w, o.Hold.Shelter, o.ID, m.ID)
}
