package referral_test

import (
	"context"
	"strings"
	"testing"

	"panah/internal/record"
	"panah/internal/shelter"
	"panah/internal/table"
	"panah/internal/testworld"
)

// A guard that says another number than its unit's counts, and a claim with places
// nobody of it needs, are found and set right.
func TestVerifySetsGuardsAndPlacesRight(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(w *testworld.World, u shelter.Unit, claim string) table.Item
		want   string
	}{
		{"a guard that promises more beds than there are", func(_ *testworld.World, u shelter.Unit, _ string) table.Item {
			it := record.FromUnit(u)
			it.Guard.Free += 3
			return it
		}, "its guard and its counts disagree"},
		{"places that nobody needs, where none are limited", func(_ *testworld.World, u shelter.Unit, claim string) table.Item {
			return record.FromUnit(u.Needing(claim, shelter.Places{StepFree: 1}))
		}, "the places of the claim"},
	} {
		ctx, w := context.Background(), testworld.Open(t)
		o := request(t, w, "one", false)
		mustHold(t, w, o.ID, "GRLS", "hold", 1)
		u := w.Unit(t, "GRLS", "girls")
		it := c.damage(w, u, o.ID+".1")
		if err := w.Store.Write(ctx, table.Batch{WriteID: w.NewID(), Ops: []table.Op{table.PutOp(it, u.Version)}}); err != nil {
			t.Fatal(err)
		}
		found, err := w.Service.Verify(ctx, true)
		if err != nil || len(found) != 1 || !found[0].Repaired || !strings.Contains(found[0].What, c.want) {
			t.Errorf("%s: %v, %v", c.name, found, err)
		}
		clean(t, w, c.name)
	}
}
