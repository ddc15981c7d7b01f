package referral_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"panah/internal/embedded"
	"panah/internal/fault"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/table"
	"panah/internal/table/tabletest"
	"panah/internal/testworld"
)

// meanwhile is a store in which something happens just before one write.
type meanwhile struct {
	table.Store
	item table.Key // the write that puts this item
	do   func()    // once
}

// before is a store in which something happens just before one read.
type before struct {
	table.Store
	item table.Key // that is read
	do   func()    // once
}

func (b *before) Get(ctx context.Context, k table.Key, c table.Consistency) (*table.Item, error) {
	if do := b.do; do != nil && k == b.item {
		b.do = nil
		do()
	}
	return b.Store.Get(ctx, k, c)
}

func (m *meanwhile) Write(ctx context.Context, b table.Batch) error {
	if do := m.do; do != nil && slices.ContainsFunc(b.Ops, func(o table.Op) bool { return o.Key() == m.item }) {
		m.do = nil
		do()
	}
	return m.Store.Write(ctx, b)
}

func openMeanwhile(t *testing.T) (*meanwhile, *testworld.World) {
	t.Helper()
	raw, err := embedded.Open(filepath.Join(t.TempDir(), "panah.db"), embedded.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close() })
	m := &meanwhile{Store: raw}
	return m, testworld.On(t, m)
}

// on lets something happen just before the next write of a placement.
func (m *meanwhile) on(id string, do func()) { m.item, m.do = record.PlacementKey(id), do }

// twoKeptApart are two girls of one rescue without beds, who must not meet.
func twoKeptApart(t *testing.T, w *testworld.World) (ids [2]string) {
	t.Helper()
	ctx, s := context.Background(), w.Service
	r := raid(2, 0, 0)
	r.Apart = [][2]int{{0, 1}}
	o, err := s.NewRescue(ctx, team, r, command("raid", 0))
	if err != nil {
		t.Fatal(err)
	}
	if o, err = s.ConfirmRescue(ctx, team, o.ID, command("confirm", 0)); err != nil {
		t.Fatal(err)
	}
	for i, p := range o.Parties {
		free, err := s.Release(ctx, team, p.Placement.ID, command(fmt.Sprint("release ", i), p.Placement.Version))
		if err != nil || free.State != placement.Requested {
			t.Fatal(free.State, err)
		}
		ids[i] = free.ID
	}
	return ids
}

func at(t *testing.T, w *testworld.World, id string) placement.Placement {
	t.Helper()
	it, err := w.Store.Get(context.Background(), record.PlacementKey(id), table.Strong)
	if err != nil {
		t.Fatal(err)
	}
	p, err := record.ToPlacement(it)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// met reports whether two placements have beds in one shelter.
func met(t *testing.T, w *testworld.World, ids [2]string) bool {
	t.Helper()
	a, b := at(t, w, ids[0]), at(t, w, ids[1])
	if at(t, w, ids[0]).Version != a.Version {
		return met(t, w, ids) // it has moved meanwhile: these were not at one instant
	}
	return a.State.Live() && b.State.Live() && a.Hold.Shelter == b.Hold.Shelter
}

// Each has read that the other is nowhere; then both are written, in either order.
func TestKeptApartThoughDecidedAtTheSameInstant(t *testing.T) {
	for _, first := range []int{0, 1} {
		for _, shelter := range []string{"GRLS", ""} { // named, and the best, which is the same for both
			raw, err := embedded.Open(filepath.Join(t.TempDir(), "panah.db"), embedded.Options{NoSync: true})
			if err != nil {
				t.Fatal(err)
			}
			m := &meanwhile{Store: raw}
			w := testworld.On(t, m)
			ctx, s := context.Background(), w.Service
			ids := twoKeptApart(t, w)
			hold := func(i int) error {
				_, err := s.Hold(ctx, team, ids[i], shelter, command(fmt.Sprint("hold ", i), at(t, w, ids[i]).Version))
				return err
			}
			m.item = record.PlacementKey(ids[1-first])
			m.do = func() {
				if err := hold(first); err != nil {
					t.Errorf("the first: %v", err)
				}
			}
			err = hold(1 - first)
			if shelter == "" && err != nil || shelter != "" && !fault.Is(err, fault.NotEligible) {
				t.Errorf("the second of them at %q: %v", shelter, err)
			}
			if met(t, w, ids) {
				t.Errorf("both are at %s", at(t, w, ids[0]).Hold.Shelter)
			}
			account(t, w)
			_ = raw.Close()
		}
	}
}

// Whoever has decided before reading whose turn it is decides again.
func TestKeptApartThoughTheTurnIsReadLate(t *testing.T) {
	raw, err := embedded.Open(filepath.Join(t.TempDir(), "panah.db"), embedded.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	b := &before{Store: raw}
	w := testworld.On(t, b)
	ctx, s := context.Background(), w.Service
	ids := twoKeptApart(t, w)
	hold := func(i int) error {
		_, err := s.Hold(ctx, team, ids[i], "GRLS", command(fmt.Sprint("hold ", i), at(t, w, ids[i]).Version))
		return err
	}
	b.item = record.TurnKey(at(t, w, ids[0]).KeptIn)
	b.do = func() {
		if err := hold(0); err != nil {
			t.Error(err)
		}
	}
	if err := hold(1); !fault.Is(err, fault.NotEligible) || met(t, w, ids) {
		t.Errorf("held where the other is by now: %v", err)
	}
}

// A transfer that is asked for while its stay is told of whom it is kept apart from
// since is told, too.
func TestATransferAskedForMeanwhileIsKeptApart(t *testing.T) {
	m, w := openMeanwhile(t)
	ctx, s := context.Background(), w.Service
	o, err := s.NewRescue(ctx, team, raid(1, 0, 0), command("raid", 0))
	if err != nil {
		t.Fatal(err)
	}
	if o, err = s.ConfirmRescue(ctx, team, o.ID, command("confirm", 0)); err != nil {
		t.Fatal(err)
	}
	first := o.Parties[0].Placement
	if len(first.KeepFrom) != 0 || first.KeptIn != "" {
		t.Errorf("kept apart from nobody, in %q", first.KeptIn)
	}
	made(t)(s.Receive(ctx, staff(first.Hold.Shelter), first.ID, command("came", 0)))
	if _, err := s.AddParties(ctx, team, o.ID, raid(1, 0, 0).Parties, [][2]int{{0, 1}}, command("more", 0)); err != nil {
		t.Fatal(err)
	}
	var moved placement.Placement
	m.item = record.PlacementKey(first.ID)
	m.do = func() {
		r := girl()
		r.HoldBest = false
		moved = made(t)(s.Transfer(ctx, team, r, first.ID, command("move", 0))).Placement
	}
	if o, err = s.ConfirmRescue(ctx, team, o.ID, command("confirm more", 0)); err != nil {
		t.Fatal(err)
	}
	second := o.Parties[1].Placement.ID
	if got := at(t, w, moved.ID); !slices.Contains(got.KeepFrom, second) || got.KeptIn != o.ID {
		t.Errorf("the transfer is kept from %v in %q, not from %s", got.KeepFrom, got.KeptIn, second)
	}
}

// An arrival is a fact, also at the instant at which the other is held there: the
// hold is decided again on it.
func TestAHoldGivesWayToAnArrivalOfWhomItIsKeptApartFrom(t *testing.T) {
	m, w := openMeanwhile(t)
	ctx, s := context.Background(), w.Service
	ids := twoKeptApart(t, w)
	there := at(t, w, ids[0]).Hold.Shelter // released, and still they may come
	m.item = record.PlacementKey(ids[1])
	m.do = func() {
		if _, err := s.Receive(ctx, staff(there), ids[0], command("came", 0)); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.Hold(ctx, team, ids[1], there, command("hold", at(t, w, ids[1]).Version)); !fault.Is(err, fault.NotEligible) || met(t, w, ids) {
		t.Errorf("held where the other has arrived: %v", err)
	}
}

// Many at once, on a bad day.
func TestKeptApartAmongFaults(t *testing.T) {
	for seed := range uint64(8) {
		w, faulty := rough(t, seed)
		ids := twoKeptApart(t, w)
		faulty.Set(tabletest.Rough)
		var all sync.WaitGroup
		for i, id := range ids {
			all.Go(func() {
				for n := range 6 {
					version := at(t, w, id).Version
					if n%2 == 0 {
						_, _ = w.Service.Hold(context.Background(), team, id, []string{"GRLS", "HOMA", ""}[n/2], command(fmt.Sprint("hold ", i, n), version))
					} else {
						_, _ = w.Service.Release(context.Background(), team, id, command(fmt.Sprint("release ", i, n), version))
					}
					if met(t, w, ids) {
						t.Errorf("seed %d: both are at %s", seed, at(t, w, id).Hold.Shelter)
					}
				}
			})
		}
		all.Wait()
	}
}

// Many who are kept apart from one are confirmed at once, each shelter's by itself.
func TestManyKeptApartAreConfirmedTogether(t *testing.T) {
	w := testworld.Open(t)
	r := raid(12, 2, 2)
	for i := 1; i < 12; i++ {
		r.Apart = append(r.Apart, [2]int{0, i})
	}
	o, err := w.Service.NewRescue(context.Background(), team, r, command("raid", 0))
	if err != nil {
		t.Fatal(err)
	}
	o, err = w.Service.ConfirmRescue(context.Background(), team, o.ID, command("confirm", 0))
	if err != nil || tally(o)["held"] != 16 {
		t.Fatal(tally(o), err)
	}
	for i := 1; i < 12; i++ {
		if met(t, w, [2]string{o.PartyID(0), o.PartyID(i)}) {
			t.Errorf("party %d is with the one it is kept apart from", i)
		}
	}
	account(t, w)
}
