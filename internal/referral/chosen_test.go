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

// Who is accepted may still choose another shelter: the beds there are given back, the
// chosen ones held, and that shelter is asked.
func TestAnotherOptionIsChosenWhileAccepted(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o := request(t, w, "one", true)
	first := o.Hold.Shelter
	coded(t, w, first)
	o = guesses(t, w, o, 1)
	if o.State != placement.Accepted || !slices.Contains(s.Next(ctx, team, o.Placement), placement.MoveChoose) {
		t.Fatal(o.State)
	}
	choice := placement.Choice{By: code.ChosenByGuardian, Shelter: anotherHome(first), HouseRulesShown: true, Viewed: true}
	unknown := choice
	unknown.Shelter = "NONE"
	if _, err := s.Choose(ctx, team, o.ID, unknown, command("none", o.Version)); !fault.Is(err, fault.NotEligible) {
		t.Errorf("a shelter that is none: %v", err)
	}
	chosen := made(t)(s.Choose(ctx, team, o.ID, choice, command("choose", o.Version)))
	if chosen.State != placement.Held || chosen.Hold.Shelter != choice.Shelter || chosen.Choice.Shelter != choice.Shelter || chosen.ByPhone || len(chosen.Unwanted) > 0 {
		t.Errorf("%s at %s, by phone %v, unwanted %v", chosen.State, chosen.Hold.Shelter, chosen.ByPhone, chosen.Unwanted)
	}
	if live := account(t, w); live != 1 {
		t.Errorf("%d live", live)
	}
	if _, err := s.Hold(ctx, team, o.ID, first, command("hold", chosen.Version)); err != nil {
		t.Errorf("the first is not to be had again: %v", err)
	}
}

// To hold alone does not give up what was accepted: that is refused as before.
func TestAHoldDoesNotGiveUpWhatIsAccepted(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o := request(t, w, "one", true)
	o = made(t)(s.Accept(ctx, staff(o.Hold.Shelter), o.ID, command("yes", o.Version)))
	if _, err := s.Hold(ctx, team, o.ID, anotherHome(o.Hold.Shelter), command("hold", o.Version)); !fault.Is(err, fault.IllegalMove) {
		t.Error(err)
	}
	account(t, w)
}
