package referral_test

import (
	"context"
	"slices"
	"testing"

	"panah/internal/code"
	"panah/internal/fault"
	"panah/internal/placement"
	"panah/internal/testworld"
)

// Somebody found later must not meet a party of the same rescue, which has become
// another placement since: by a transfer, or because it was split.
func TestWhoIsKeptApartLaterIsKeptApartFromWhatThePartyHasBecome(t *testing.T) {
	for name, become := range map[string]func(t *testing.T, w *testworld.World, p placement.Placement) (living string){
		"a transfer": transferred,
		"a transfer of a transfer": func(t *testing.T, w *testworld.World, p placement.Placement) string {
			return transferred(t, w, at(t, w, transferred(t, w, p)))
		},
		"a split": func(t *testing.T, w *testworld.World, p placement.Placement) string {
			o, goes, err := w.Service.Split(context.Background(), team, p.ID, []int{0}, code.ChosenByCommittee, command("split", p.Version))
			if err != nil || o.ID != p.ID {
				t.Fatal(o.ID, err)
			}
			held, err := w.Service.Hold(context.Background(), team, goes, "", command("held apart", at(t, w, goes).Version))
			if err != nil || !held.State.Live() {
				t.Fatal(held.State, err)
			}
			return goes
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := testworld.Open(t)
			ctx, s := context.Background(), w.Service
			r := raid(1, 0, 0)
			if name == "a split" {
				r.Parties[0].Persons = append(r.Parties[0].Persons, r.Parties[0].Persons[0])
			}
			o, err := s.NewRescue(ctx, team, r, command("raid", 0))
			if err != nil {
				t.Fatal(err)
			}
			if o, err = s.ConfirmRescue(ctx, team, o.ID, command("confirm", 0)); err != nil {
				t.Fatal(err)
			}
			living := become(t, w, *o.Parties[0].Placement)
			if o, err = s.AddParties(ctx, team, o.ID, raid(1, 0, 0).Parties, [][2]int{{0, 1}}, command("late", 0)); err != nil {
				t.Fatal(err)
			}
			if o, err = s.ConfirmRescue(ctx, team, o.ID, command("confirm later", 0)); err != nil {
				t.Fatal(err)
			}
			late, there := *o.Parties[1].Placement, at(t, w, living)
			if !slices.Contains(late.KeepFrom, living) || !slices.Contains(there.KeepFrom, late.ID) || there.KeptIn != o.ID || late.KeptIn != o.ID {
				t.Errorf("the later one is kept from %v in %q, the other from %v in %q", late.KeepFrom, late.KeptIn, there.KeepFrom, there.KeptIn)
			}
			if met(t, w, [2]string{living, late.ID}) {
				t.Errorf("both are at %s", there.Hold.Shelter)
			}
			if h, err := s.Hold(ctx, team, late.ID, there.Hold.Shelter, command("beside", late.Version)); !fault.Is(err, fault.NotEligible) {
				t.Errorf("held beside the other at %s: %v", h.Hold.Shelter, err)
			}
			account(t, w)
		})
	}
}

// transferred brings a party to its shelter and from there to another.
func transferred(t *testing.T, w *testworld.World, p placement.Placement) string {
	t.Helper()
	ctx, s := context.Background(), w.Service
	arrive := func(p placement.Placement) {
		if _, err := s.Receive(ctx, staff(p.Hold.Shelter), p.ID, command("came to "+p.Hold.Shelter, 0)); err != nil {
			t.Fatal(err)
		}
	}
	if p.State != placement.Arrived {
		arrive(p)
	}
	r := girl()
	r.HoldBest, r.ExcludedShelters = true, []string{p.Hold.Shelter}
	next, err := s.Transfer(ctx, team, r, p.ID, command("from "+p.Hold.Shelter, 0))
	if err != nil || !next.State.Live() {
		t.Fatal(next.State, err)
	}
	arrive(next.Placement)
	return next.ID
}
