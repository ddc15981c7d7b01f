package referral_test

import (
	"context"
	"testing"
	"time"

	"panah/internal/referral"
	"panah/internal/testworld"
)

// A census counts people whose arrival is not recorded yet; then their hold is
// given back and the same shelter held again. The new claim is not the one that
// was counted: guard and counts must agree, and nobody is counted twice in the end.
func TestAHoldTakenAgainAfterACensusHasCountedTheParty(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o := request(t, w, "one", false)
	mustHold(t, w, o.ID, "GRLS", "hold", 1)
	w.Pass(time.Minute)
	if _, err := s.Count(ctx, staff("GRLS"), "GRLS", "girls", census(11, w.Now(), 1, o.ID)); err != nil {
		t.Fatal(err)
	}
	arrived := w.Now()
	w.Pass(time.Minute)
	if _, err := s.Release(ctx, team, o.ID, command("release", 2)); err != nil {
		t.Fatal(err)
	}
	mustHold(t, w, o.ID, "GRLS", "again", 3)
	if c := w.Unit(t, "GRLS", "girls").Counts(); c.Occupied() != 11 || c.Held() != 1 {
		t.Fatalf("counts %+v", c)
	}
	if _, err := s.Receive(ctx, staff("GRLS"), o.ID, referral.Command{Key: "came", Payload: "came", OccurredAt: arrived.Add(30 * time.Second)}); err != nil {
		t.Fatal(err)
	}
	if c := w.Unit(t, "GRLS", "girls").Counts(); c.Occupied() != 11 || c.Held() != 0 {
		t.Fatalf("after the arrival %+v", c)
	}
}
