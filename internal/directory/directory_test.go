package directory

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"panah/internal/code"
	"panah/internal/embedded"
	"panah/internal/matching"
	"panah/internal/packed"
	"panah/internal/place"
	"panah/internal/record"
	"panah/internal/shelter"
	"panah/internal/table"
	"panah/internal/table/tabletest"
)

var start = time.Date(2026, 11, 24, 20, 0, 0, 0, time.UTC)

func store(t testing.TB) *embedded.Store {
	t.Helper()
	s, err := embedded.Open(filepath.Join(t.TempDir(), "panah.db"), embedded.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

type maker struct {
	ids int
	now time.Time
}

func (m *maker) id() string { m.ids++; return fmt.Sprint("id-", m.ids) }

func publisher(s table.Store, m *maker) *Publisher {
	return NewPublisher(s, m.id, func() time.Time { return m.now }, slog.New(slog.DiscardHandler))
}

func unitItem(id string, version uint64, staffed, occupied int) *table.Item {
	counts, err := shelter.NewCounts(staffed, 0, occupied, 0)
	if err != nil {
		panic(err)
	}
	u := shelter.Restore(shelter.Unit{Shelter: id, ID: "girls", Population: code.Girls, Ages: code.ChildBands, Rev: 1,
		ConfirmedAt: start.Add(time.Duration(version) * time.Second)}, counts, nil)
	it := record.FromUnit(u)
	it.Version = version
	return &it
}

func shelterItem(id string, version uint64, district place.Code) *table.Item {
	it := record.FromShelter(shelter.Shelter{ID: id, District: district, Type: code.OpenShelter, Rev: 1, RegisteredUntil: start.AddDate(1, 0, 0),
		Languages: []shelter.Language{{Tag: "bn"}, {Tag: "ins", Via: code.ViaInterpreterPhone}}, Intake: shelter.Hours{From: 60, To: 1200}, MaxStayDays: 5})
	it.Version = version
	return &it
}

func changes(items ...*table.Item) (out []table.Change) {
	for _, it := range items {
		out = append(out, table.Change{New: it})
	}
	return out
}

func TestAChangeReachesAWarmCopyThroughTheLog(t *testing.T) {
	s, m, ctx := store(t), &maker{now: start}, context.Background()
	p := publisher(s, m)
	d := New(s, 3, slog.New(slog.DiscardHandler))
	must(t, p.Apply(ctx, changes(shelterItem("AAAA", 1, "IN-LGD-315"), unitItem("AAAA", 1, 10, 4))))
	w, err := d.World(ctx, start)
	if err != nil || size(w) != 1 || first(w).Units[0].Counts().Free() != 6 || first(w).Languages[1].Via != code.ViaInterpreterPhone {
		t.Fatalf("world %+v %v", w, err)
	}
	must(t, p.Apply(ctx, changes(unitItem("AAAA", 2, 10, 9))))
	if again, _ := d.World(ctx, start.Add(Every/2)); again != w {
		t.Fatal("the log was read again too soon")
	}
	w, err = d.World(ctx, start.Add(Every))
	if err != nil || first(w).Units[0].Counts().Free() != 1 {
		t.Fatalf("world %+v %v", first(w).Units, err)
	}
}

func size(w *matching.World) int { return len(slices.Collect(w.All())) }

func first(w *matching.World) *matching.Candidate { return slices.Collect(w.All())[0] }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// No change is ever lost: a feed that is duplicated and reordered across items,
// writes that fail or whose replies are lost, compaction at any moment, readers
// that look rarely, always end at the newest version of every item.
func TestNoChangeIsEverLost(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 3))
			faulty := tabletest.NewFaulty(store(t), seed, tabletest.Faults{Busy: 0.05, UnknownBefore: 0.1, UnknownAfter: 0.1, LateSecond: 0.1})
			m, ctx := &maker{now: start}, context.Background()
			publishers := []*Publisher{publisher(faulty, m), publisher(faulty, m)}
			readers := []*Directory{New(faulty, 3, slog.New(slog.DiscardHandler)), New(faulty, 3, slog.New(slog.DiscardHandler))}
			newest := map[string]uint64{}
			var feed []table.Change
			for i := range 8 {
				id := fmt.Sprintf("S%03d", i)
				feed = append(feed, changes(shelterItem(id, 1, "IN-LGD-315"), unitItem(id, 1, 20, i))...)
				newest[id] = 1
			}
			for step := range 150 {
				id := fmt.Sprintf("S%03d", r.IntN(8))
				newest[id]++
				feed = append(feed, changes(unitItem(id, newest[id], 20, int(newest[id])%20))...)
				if r.IntN(3) == 0 {
					batch := slices.Clone(feed)
					if r.IntN(2) == 0 { // delivered again, later, in another order over items
						r.Shuffle(len(batch), func(i, j int) { batch[i], batch[j] = batch[j], batch[i] })
					}
					if err := publishers[r.IntN(2)].Apply(ctx, batch); err == nil && r.IntN(4) > 0 {
						feed = nil
					}
				}
				if r.IntN(25) == 0 {
					_ = publishers[r.IntN(2)].Compact(ctx) // may be refused; the next one will do
				}
				if r.IntN(10) == 0 {
					_ = readers[step%2].Refresh(ctx, m.now)
				}
			}
			faulty.Set(tabletest.Faults{})
			must(t, publishers[0].Apply(ctx, feed))
			for i, d := range append(readers, New(faulty, 3, slog.New(slog.DiscardHandler))) {
				must(t, d.Refresh(ctx, m.now))
				w, err := d.World(ctx, m.now)
				must(t, err)
				for c := range w.All() {
					if got := c.Units[0].Version; got != newest[c.ID] {
						t.Errorf("reader %d: %s is at version %d, the newest is %d", i, c.ID, got, newest[c.ID])
					}
				}
				if size(w) != 8 {
					t.Errorf("reader %d knows %d shelters of 8", i, size(w))
				}
			}
		})
	}
}

func TestAReaderThatSleptThroughTwoCompactionsStartsOver(t *testing.T) {
	s, m, ctx := store(t), &maker{now: start}, context.Background()
	p, d := publisher(s, m), New(s, 3, slog.New(slog.DiscardHandler))
	must(t, p.Apply(ctx, changes(shelterItem("AAAA", 1, "IN-LGD-315"), unitItem("AAAA", 1, 10, 0))))
	must(t, d.Refresh(ctx, start))
	for v := uint64(2); v < 8; v++ {
		must(t, p.Apply(ctx, changes(unitItem("AAAA", v, 10, int(v)))))
		must(t, p.Compact(ctx))
	}
	must(t, d.Refresh(ctx, start))
	w, err := d.World(ctx, start)
	if err != nil || first(w).Units[0].Version != 7 {
		t.Fatalf("%+v %v", first(w).Units, err)
	}
}

func TestARefusalTeachesTheCopy(t *testing.T) {
	s, m, ctx := store(t), &maker{now: start}, context.Background()
	p, d := publisher(s, m), New(s, 3, slog.New(slog.DiscardHandler))
	must(t, p.Apply(ctx, changes(shelterItem("AAAA", 1, "IN-LGD-315"), unitItem("AAAA", 5, 10, 0))))
	must(t, d.Refresh(ctx, start))
	d.Learn(unitItem("AAAA", 4, 10, 9), unitItem("AAAA", 6, 10, 10), nil)
	w, _ := d.World(ctx, start)
	if got := first(w).Units[0]; got.Version != 6 || got.Counts().Free() != 0 {
		t.Fatalf("learnt %+v", got)
	}
	d.Took(table.Take{Key: record.UnitKey("AAAA", "girls"), ClaimID: "p_1.1", N: 2, Until: start.Add(time.Hour)}, 6)
	if w, _ = d.World(ctx, start); first(w).Units[0].Counts().Held() != 2 || first(w).Units[0].Version != 6 {
		t.Fatalf("took %+v", first(w).Units[0])
	}
}

func TestAnEmptyDirectoryIsAnAnswer(t *testing.T) {
	d := New(store(t), 3, slog.New(slog.DiscardHandler))
	w, err := d.World(context.Background(), start)
	if err != nil || size(w) != 0 {
		t.Fatalf("%+v %v", w, err)
	}
}

// A shelter with two units packs into at most 250 bytes, before compression.
func TestEntriesAreSmall(t *testing.T) {
	w := packed.NewWriter(0)
	for _, it := range []*table.Item{shelterItem("AAAA", 1, "IN-LGD-315"), unitItem("AAAA", 1, 40, 30), unitItem("AAAA", 1, 40, 30)} {
		e, ok, err := entryOf(it)
		if !ok || err != nil {
			t.Fatal(ok, err)
		}
		e.write(w)
	}
	if n := len(w.Bytes()); n > 250 {
		t.Errorf("a shelter with two units takes %d bytes", n)
	}
}

func FuzzReadEntry(f *testing.F) {
	for _, it := range []*table.Item{shelterItem("AAAA", 1, "IN-LGD-315"), unitItem("AAAA", 1, 40, 41)} {
		w := packed.NewWriter(0)
		e, _, _ := entryOf(it)
		e.write(w)
		f.Add(w.Bytes())
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if e, err := readEntry(packed.NewReader(raw), ""); err == nil {
			w := packed.NewWriter(0)
			e.write(w)
			again, err := readEntry(packed.NewReader(w.Bytes()), "")
			id, v := e.id()
			id2, v2 := again.id()
			if err != nil || id != id2 || v != v2 {
				t.Fatalf("%v came back as %v, %v", e, again, err)
			}
		}
	})
}
