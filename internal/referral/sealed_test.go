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
	"panah/internal/referral"
	"panah/internal/testworld"
)

// heldTwice is a woman who was held at one shelter, then at another.
func heldTwice(t *testing.T, w *testworld.World) (id, first, second string) {
	t.Helper()
	ctx, s := context.Background(), w.Service
	o := made(t)(s.Request(ctx, team, women(1), command("ask", 0)))
	first = o.Hold.Shelter
	o = made(t)(s.Hold(ctx, team, o.ID, "", command("other", o.Version)))
	return o.ID, first, o.Hold.Shelter
}

// Consent that was taken back before arrival stays taken back: that the people are in
// a house afterwards tells that house alone of the stay, and nobody else of anything.
func TestWhatWasWithdrawnBeforeArrivalStaysGoneWhenTheyArrive(t *testing.T) {
	w := womenWorld(t)
	ctx, s := context.Background(), w.Service
	id, first, second := heldTwice(t, w)
	withdraw(t, w, ownCode(t, w, id))
	w.Pass(time.Minute)
	gone := func(when string) {
		t.Helper()
		if _, err := s.Placement(ctx, team, id); !fault.Is(err, fault.Gone) {
			t.Errorf("%s its team reads it: %v", when, err)
		}
		list, _, err := s.Mine(ctx, team, 20, "")
		if err != nil || len(list) != 1 || list[0].ReadableBy(placement.Team, "") != placement.ReadGone {
			t.Errorf("%s it is not gone from the list: %v", when, err)
		}
		for _, who := range []caller.Caller{team, staff(first)} {
			w.Feed(t)
			d, err := s.Sync(ctx, who.Subject, "", 20)
			if err != nil || len(d.Placements) > 0 || !slices.ContainsFunc(d.Gone, func(g referral.Tombstone) bool { return g.ID == id && g.Why == placement.GoneWithdrawn }) {
				t.Errorf("%s %s is told %v and %v gone: %v", when, who.Subject, d.Placements, d.Gone, err)
			}
		}
		if next := s.Next(ctx, team, stored(t, w, id)); len(next) > 0 {
			t.Errorf("%s the team may %v", when, next)
		}
		if _, err := s.End(ctx, team, id, nil, code.EndOwnWish, command("end "+when, 0)); !fault.Is(err, fault.Gone) {
			t.Errorf("%s the team ends it: %v", when, err)
		}
	}
	gone("before they came")
	in := made(t)(s.Receive(ctx, staff(second), id, command("came", 0)))
	gone("when they are there")
	if got := in.ReadableBy(placement.House, second); got != placement.ReadLess {
		t.Errorf("the house reads %d of the stay", got)
	}
	if list, _, err := s.Arrivals(ctx, staff(second), second, 20, ""); err != nil || len(list) != 1 {
		t.Errorf("the house does not see who is with it: %v", err)
	}
	if d, err := s.Sync(ctx, staff(second).Subject, "", 20); err != nil || len(d.Placements) != 1 {
		t.Errorf("the house is told %v, gone %v: %v", d.Placements, d.Gone, err)
	}
	_, notices, err := s.Receipts(ctx, theDesk, id)
	for _, n := range notices {
		if !n.Closed {
			t.Errorf("%v is to delete less than everything", n.To)
		}
	}
	if err != nil || len(notices) != 3 {
		t.Error(notices, err)
	}
	w.Pass(time.Minute)
	made(t)(s.End(ctx, staff(second), id, nil, code.EndHome, command("left", 0)))
	gone("when they have left")
	account(t, w)
}
