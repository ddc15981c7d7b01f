package audit_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"panah/internal/audit"
	"panah/internal/embedded"
	"panah/internal/table"
	"panah/internal/table/tabletest"
)

var placement = table.Key{PK: "P#p_1", SK: "P"}

type world struct {
	store table.Store
	raw   *embedded.Store
	ids   int
}

func open(t *testing.T) *world {
	t.Helper()
	s, err := embedded.Open(filepath.Join(t.TempDir(), "panah.db"), embedded.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return &world{store: s, raw: s}
}

func (w *world) id() string { w.ids++; return fmt.Sprint("id-", w.ids) }

func (w *world) keeper() *audit.Keeper {
	return audit.NewKeeper(w.store, w.id, func() time.Time { return time.Unix(0, 0) }, slog.New(slog.DiscardHandler))
}

// history writes an item n times and returns the changes of it.
func (w *world) history(t *testing.T, n int) []table.Change {
	t.Helper()
	ctx := context.Background()
	for v := range uint64(n) {
		it := table.Item{Key: placement, Body: fmt.Appendf(nil, `{"by":"someone","n":%d}`, v)}
		if err := w.raw.Write(ctx, table.Batch{WriteID: w.id(), Ops: []table.Op{table.PutOp(it, v)}}); err != nil {
			t.Fatal(err)
		}
	}
	changes, _, err := w.raw.Changes(ctx, "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	return changes
}

func (w *world) problems(t *testing.T) []string {
	t.Helper()
	found, err := audit.Check(context.Background(), w.raw, placement)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// A feed that repeats itself and writes that fail or double leave one whole chain.
func TestAChainIsWholeUnderFaults(t *testing.T) {
	for seed := range uint64(10) {
		w := open(t)
		changes := w.history(t, 30)
		faulty := tabletest.NewFaulty(w.raw, seed, tabletest.Rough)
		w.store = faulty
		k, r := w.keeper(), rand.New(rand.NewPCG(seed, 1))
		for at := 0; at < len(changes); {
			n := min(len(changes)-at, 1+r.IntN(7))
			if err := k.Apply(context.Background(), changes[max(0, at-r.IntN(5)):at+n]); err != nil {
				continue
			}
			at += n
		}
		if found := w.problems(t); len(found) > 0 {
			t.Errorf("seed %d: %v", seed, found)
		}
	}
}

// Whoever changes, drops or slips something in is found out.
func TestTamperingIsFound(t *testing.T) {
	ctx := context.Background()
	for name, tamper := range map[string]func(t *testing.T, w *world){
		"an entry is rewritten": func(t *testing.T, w *world) {
			key := audit.Key(placement, 3)
			it, err := w.raw.Get(ctx, key, table.Strong)
			if err != nil {
				t.Fatal(err)
			}
			var e audit.Entry
			if err := json.Unmarshal(it.Body, &e); err != nil {
				t.Fatal(err)
			}
			e.By = "somebody else"
			body, _ := json.Marshal(e)
			if err := w.raw.Write(ctx, table.Batch{WriteID: w.id(), Ops: []table.Op{table.PutOp(table.Item{Key: key, Body: body}, it.Version)}}); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := open(t)
			if err := w.keeper().Apply(ctx, w.history(t, 5)); err != nil {
				t.Fatal(err)
			}
			if found := w.problems(t); len(found) > 0 {
				t.Fatalf("before: %v", found)
			}
			tamper(t, w)
			if found := w.problems(t); len(found) == 0 {
				t.Fatal("nothing was found")
			}
		})
	}
	t.Run("a version is never seen", func(t *testing.T) {
		w := open(t)
		changes := w.history(t, 5)
		if err := w.keeper().Apply(ctx, slices.Delete(changes, 2, 3)); err != nil {
			t.Fatal(err)
		}
		if found := w.problems(t); len(found) == 0 {
			t.Fatal("nothing was found")
		}
	})
}

// A feed that was cut leaves a chain with a gap that says so; what comes after is
// held together as ever, and a gap without its note is a version taken out.
func TestAGapThatWasNotedIsNamedAndTheRestOfTheChainIsChecked(t *testing.T) {
	w, ctx := open(t), context.Background()
	list := w.history(t, 6)
	k := w.keeper()
	for _, c := range []table.Change{list[0], list[1], list[4], list[5]} {
		if err := k.Apply(ctx, []table.Change{c}); err != nil {
			t.Fatal(err)
		}
	}
	problems, err := audit.Check(ctx, w.store, placement)
	if err != nil || len(problems) != 1 || problems[0] != "version 5 followed a version never seen" {
		t.Fatalf("%v %v", problems, err)
	}
	for version, want := range map[uint64]bool{2: true, 3: false, 6: true} {
		it := *list[version-1].New
		if seen, err := k.Seen(ctx, &it); seen != want || err != nil {
			t.Errorf("version %d is seen: %v %v", version, seen, err)
		}
	}
	last := audit.Key(placement, 6)
	it, err := w.store.Get(ctx, last, table.Strong)
	if err != nil {
		t.Fatal(err)
	}
	it.Body = []byte(strings.Replace(string(it.Body), "someone", "somebody else", 1))
	if err := w.raw.Write(ctx, table.Batch{WriteID: w.id(), Ops: []table.Op{table.PutOp(*it, it.Version)}}); err != nil {
		t.Fatal(err)
	}
	if problems, err = audit.Check(ctx, w.store, placement); err != nil || len(problems) != 2 {
		t.Fatalf("what was changed behind a gap: %v %v", problems, err)
	}
}
