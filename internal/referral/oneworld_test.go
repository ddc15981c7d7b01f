package referral_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"

	"panah/internal/embedded"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/shelter"
	"panah/internal/table"
	"panah/internal/testworld"
)

// onRead is a store in which something happens just before the nth read of an item.
type onRead struct {
	table.Store
	item table.Key
	left atomic.Int64
	do   func()
}

func (o *onRead) Get(ctx context.Context, key table.Key, c table.Consistency) (*table.Item, error) {
	if key == o.item && o.left.Add(-1) == 0 {
		o.do()
	}
	return o.Store.Get(ctx, key, c)
}

// The shelter's rules change between the judgment on a group of a rescue and its
// write, at whatever read: nobody is held on rules they were not judged by.
func TestAGroupIsHeldOnTheRulesItWasJudgedBy(t *testing.T) {
	changed := 0
	for n := range int64(14) {
		raw, err := embedded.Open(filepath.Join(t.TempDir(), "panah.db"), embedded.Options{NoSync: true})
		if err != nil {
			t.Fatal(err)
		}
		store := &onRead{Store: raw}
		w := testworld.On(t, store)
		wanted := limitedHome(t, w, 0)
		ctx, s := context.Background(), w.Service
		r := raid(2, 0, 0)
		r.Common = wanted()
		r.Parties = []placement.Request{wanted(), wanted()}
		r.Parties[1].ExcludedShelters = []string{"HOMA", "HOMB", "FULL"} // girls
		r.Apart = [][2]int{{0, 1}}
		o, err := s.NewRescue(ctx, team, r, command("raid", 0))
		if err != nil {
			t.Fatal(err)
		}
		before := [2]placement.State{}
		store.item = record.PlacementKey(o.PartyID(1))
		store.do = func() {
			changed++
			for i := range before {
				if it, err := raw.Get(ctx, record.PlacementKey(o.PartyID(i)), table.Strong); err == nil && it != nil {
					p, _ := record.ToPlacement(it)
					before[i] = p.State
				}
			}
			limitTo(t, w, 0)
		}
		store.left.Store(n + 1)
		if _, err := s.ConfirmRescue(ctx, team, o.ID, command("confirm", 0)); err != nil {
			t.Fatal(err)
		}
		store.left.Store(0)
		for i := range before {
			p := at(t, w, o.PartyID(i))
			if before[i] != placement.Held && p.State == placement.Held && p.Hold.Shelter == "LIMI" && changedLimit(t, w) {
				t.Errorf("at read %d: party %d is held where nobody is taken in", n+1, i)
			}
		}
		clean(t, w, fmt.Sprint("read ", n+1))
		_ = raw.Close()
	}
	if changed < 5 {
		t.Errorf("the rules changed in %d runs only", changed)
	}
}

// changedLimit reports whether the shelter takes in nobody.
func changedLimit(t *testing.T, w *testworld.World) bool {
	t.Helper()
	v, err := w.Service.Shelter(context.Background(), ministry, "LIMI")
	if err != nil {
		t.Fatal(err)
	}
	return v.DailyIntake == shelter.LimitOf(0)
}
