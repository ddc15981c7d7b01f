package rollup_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"panah/internal/code"
	"panah/internal/history"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/referral"
	"panah/internal/table"
	"panah/internal/testworld"
)

// lived lets parties come, wait for home and leave, then many months pass; keep
// says how long what belongs to one placement is kept, 0 what the policy says. It
// answers with the flows of every month and the placements.
func lived(t *testing.T, keep time.Duration) (*testworld.World, []history.Flow, []placement.Placement) {
	t.Helper()
	ctx, w := context.Background(), testworld.Open(t)
	if keep > 0 {
		w.Figures.Detail = keep
	}
	all := arrivals(t, w, 26)
	home(t, w, all[:13], "BD", 80)
	w.Feed(t)
	for day := range 142 {
		w.Pass(24 * time.Hour)
		if day == 20 || day == 40 { // half of them leave in December, some in January
			for i, p := range all[day/20-1 : day/2] {
				o, err := w.Service.End(ctx, staff(p.Hold.Shelter), p.ID, nil, code.EndHome, referral.Command{Key: fmt.Sprintf("end-%02d-%06d", day, i), Payload: "end"})
				if err == nil {
					do(t, o, err)
				}
			}
		}
		if day%8 == 0 || day > 138 {
			w.Feed(t)
			w.Publish(t)
		}
	}
	flows, err := history.NewReader(w.Store).Flows(ctx, testworld.District, w.Now().AddDate(-1, 0, 0), w.Now())
	if err != nil {
		t.Fatal(err)
	}
	for i := range flows {
		flows[i].At = time.Time{}
	}
	for i := range all {
		it, err := w.Store.Get(ctx, record.PlacementKey(all[i].ID), table.Strong)
		if err != nil {
			t.Fatal(err)
		}
		if all[i], err = record.ToPlacement(it); err != nil {
			t.Fatal(err)
		}
	}
	return w, flows, all
}

// details is how many placements are named in what figures are made from.
func details(t *testing.T, w *testworld.World, all []placement.Placement) map[string]bool {
	t.Helper()
	named := map[string]bool{}
	page, err := w.Store.Query(context.Background(), table.Query{PK: "ROLL#" + string(testworld.District)})
	if err != nil {
		t.Fatal(err)
	}
	for _, it := range page.Items {
		for _, p := range all {
			if strings.Contains(string(it.Body), p.ID) {
				named[p.ID] = true
			}
		}
	}
	return named
}

func TestWhatBelongsToOnePlacementIsForgottenAndFiguresStay(t *testing.T) {
	_, whole, _ := lived(t, 100*366*24*time.Hour)
	w, forgot, all := lived(t, 0)
	if !reflect.DeepEqual(whole, forgot) || len(whole) < 3 {
		t.Errorf("figures are others where details are forgotten:\n%+v\n%+v", whole, forgot)
	}
	named, closed := details(t, w, all), 0
	for _, p := range all {
		if p.State != placement.Ended {
			if !named[p.ID] || p.Request.Persons[0].Needs == 0 {
				t.Errorf("%s is still here and was forgotten: %+v", p.ID, p.Request.Persons)
			}
			continue
		}
		closed++
		if named[p.ID] || p.Request.Persons[0].Needs != 0 || len(p.Request.Persons[0].Languages) != 0 || p.Return.To != "" {
			t.Errorf("%s closed on %s and is known still: %+v, in details %t", p.ID, p.ChangedAt, p.Request.Persons, named[p.ID])
		}
	}
	if closed == 0 || closed == len(all) {
		t.Fatalf("%d of %d have closed: the test tests nothing", closed, len(all))
	}
	before := rolled(t, w)
	kept := details(t, w, all)
	changes, _, err := w.Store.(table.Feed).Changes(context.Background(), "", 5000)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Keeper.Apply(context.Background(), changes); err != nil { // a feed replayed after months brings some back
		t.Fatal(err)
	}
	w.Pass(24 * time.Hour)
	w.Publish(t)
	if after := details(t, w, all); !reflect.DeepEqual(after, kept) {
		t.Errorf("a replay brought back what was forgotten, for longer than a day: %d named before, %d after; %d items", len(kept), len(after), len(before))
	}
}
