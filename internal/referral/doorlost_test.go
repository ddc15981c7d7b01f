package referral_test

import (
	"context"
	"testing"

	"panah/internal/record"
	"panah/internal/referral"
	"panah/internal/shelter"
	"panah/internal/table"
	"panah/internal/testworld"
)

// What the directory has missed of a door is brought back to it.
func TestReconcileFindsADoorThatTheFeedLost(t *testing.T) {
	w := testworld.Open(t)
	wanted := limitedHome(t, w, shelter.LimitOf(2))
	ctx := context.Background()
	behind := referral.New(referral.Config{Store: w.Store, Policy: w.Service.Policy, Now: w.Now, NewID: w.NewID, Log: w.Service.Log})
	if err := behind.Warm(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Service.Request(ctx, team, wanted(), command("ask", 0)); err != nil {
		t.Fatal(err)
	}
	found := func() (doors int) {
		t.Helper()
		if _, err := behind.Reconcile(ctx, 0, 1, func(_ context.Context, changes []table.Change) error {
			for _, c := range changes {
				if record.IsDoor(c.New.Key) {
					doors++
				}
				behind.Directory.Learn(c.New)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return doors
	}
	if first, second := found(), found(); first != 1 || second != 0 {
		t.Errorf("%d doors found, then %d", first, second)
	}
}
