package referral_test

import (
	"context"
	"slices"
	"testing"

	"panah/internal/code"
	"panah/internal/placement"
	"panah/internal/testworld"
)

// One party is kept apart from more others than one write has room for.
func TestWhoIsKeptApartFromVeryManyCanStillBeTransferredAndSplit(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	const others = 119
	r := raid(0, others, 1)
	r.Parties[others].Persons = append(r.Parties[others].Persons, r.Parties[others].Persons[0])
	for i := range others {
		r.Apart = append(r.Apart, [2]int{others, i})
	}
	o, err := s.NewRescue(ctx, team, r, command("raid", 0))
	if err != nil {
		t.Fatal(err)
	}
	if o, err = s.ConfirmRescue(ctx, team, o.ID, command("confirm", 0)); err != nil {
		t.Fatal(err)
	}
	know := func(who string) {
		t.Helper()
		n := 0
		for _, p := range o.Parties[:others] {
			if slices.Contains(at(t, w, p.Placement.ID).KeepFrom, who) {
				n++
			}
		}
		if n != others || len(at(t, w, who).KeepFrom) != others {
			t.Errorf("%d of %d know of it, it knows of %d", n, others, len(at(t, w, who).KeepFrom))
		}
	}
	p := *o.Parties[others].Placement
	_, goes, err := s.Split(ctx, team, p.ID, []int{1}, code.ChosenBySelf, command("split", p.Version))
	if err != nil {
		t.Fatal("split:", err)
	}
	know(goes)
	held, err := s.Hold(ctx, team, goes, "", command("hold", at(t, w, goes).Version))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Receive(ctx, staff(held.Hold.Shelter), goes, command("came", 0)); err != nil {
		t.Fatal(err)
	}
	wanted := girl()
	wanted.Persons = []placement.Person{{Age: code.Age25To59, PlaceWith: code.Women}}
	moved, err := s.Transfer(ctx, team, wanted, goes, command("transfer", 0))
	if err != nil {
		t.Fatal("transfer:", err)
	}
	know(moved.ID)
	account(t, w)
}
