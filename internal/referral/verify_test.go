package referral_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"panah/internal/record"
	"panah/internal/shelter"
	"panah/internal/table"
	"panah/internal/testworld"
)

func TestVerifyFindsAndRepairsWhatCountersGetWrong(t *testing.T) {
	ctx := context.Background()
	for name, c := range map[string]struct {
		damage func(u shelter.Unit, claim string) shelter.Unit
		want   string
	}{
		"nothing is wrong":              {func(u shelter.Unit, _ string) shelter.Unit { return u }, ""},
		"a claim without a placement":   {func(u shelter.Unit, _ string) shelter.Unit { return u.WithClaim("p_GHOST.1", shelter.Claim{N: 2}) }, "claimed for nobody"},
		"a placement without its claim": {func(u shelter.Unit, claim string) shelter.Unit { return u.Release(claim) }, "promised and not claimed"},
		"a claim of another size": {func(u shelter.Unit, claim string) shelter.Unit {
			have, _ := u.Claim(claim)
			return u.WithClaim(claim, shelter.Claim{N: 3, Until: have.Until})
		}, "for 3 beds"},
		"a dead claim is the clock's": {func(u shelter.Unit, _ string) shelter.Unit {
			return u.WithClaim("p_GONE.1", shelter.Claim{N: 1, Until: testworld.Start.Add(-time.Hour)})
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := testworld.Open(t)
			o := request(t, w, "one", false)
			mustHold(t, w, o.ID, "GRLS", "hold", 1)
			u := w.Unit(t, "GRLS", "girls")
			damaged := record.FromUnit(c.damage(u, o.ID+".1"))
			if err := w.Store.Write(ctx, table.Batch{WriteID: w.NewID(), Ops: []table.Op{table.PutOp(damaged, u.Version)}}); err != nil {
				t.Fatal(err)
			}
			found, err := w.Service.Verify(ctx, false)
			if err != nil || (c.want == "") != (len(found) == 0) || (c.want != "" && !strings.Contains(found[0].String(), c.want)) {
				t.Fatalf("found %v, %v", found, err)
			}
			repaired, err := w.Service.Verify(ctx, true)
			if err != nil || len(repaired) != len(found) {
				t.Fatalf("repaired %v, %v", repaired, err)
			}
			if again, err := w.Service.Verify(ctx, false); err != nil || len(again) > 0 {
				t.Fatalf("after the repair %v, %v", again, err)
			}
			if c.want != "" && w.Unit(t, "GRLS", "girls").Counts().Held() != 1 {
				t.Fatalf("held %+v", w.Unit(t, "GRLS", "girls").Counts())
			}
		})
	}
}
