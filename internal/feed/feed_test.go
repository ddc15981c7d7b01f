package feed_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"panah/internal/feed"
	"panah/internal/table"
	"panah/internal/testworld"
)

// keeper sets what it keeps by version, and cannot take in what is broken.
type keeper struct {
	broken map[string]bool
	kept   map[string]uint64
	calls  int
	busy   bool
}

func (k *keeper) apply(_ context.Context, changes []table.Change) error {
	k.calls++
	if k.busy {
		return table.ErrBusy
	}
	for _, c := range changes {
		if k.broken[c.New.PK] {
			return errors.New("cannot take this in")
		}
	}
	for _, c := range changes {
		k.kept[c.New.PK] = max(k.kept[c.New.PK], c.New.Version)
	}
	return nil
}

func setUp(t *testing.T) (*testworld.World, *keeper, *keeper, *feed.Feed) {
	w := testworld.Open(t)
	one, two := &keeper{kept: map[string]uint64{}, broken: map[string]bool{}}, &keeper{kept: map[string]uint64{}}
	return w, one, two, feed.New(w.Store, w.NewID, w.Now, slog.New(slog.DiscardHandler), feed.Consumer{Name: "one", Apply: one.apply}, feed.Consumer{Name: "two", Apply: two.apply})
}

func changes(t *testing.T, w *testworld.World, names ...string) (out []table.Change) {
	t.Helper()
	for _, n := range names {
		it := table.Item{Key: table.Key{PK: n, SK: "x"}, Body: []byte(n)}
		w.Put(t, it)
		it.Version = 1
		out = append(out, table.Change{New: &it})
	}
	return out
}

func TestWhatCannotBeTakenInIsSetAsideAndLaterReplayed(t *testing.T) {
	w, one, two, f := setUp(t)
	ctx, batch := context.Background(), changes(t, w, "a", "b", "c")
	one.broken["b"] = true
	for range 2 { // at least once: the second time changes nothing
		if err := f.Apply(ctx, batch); err != nil {
			t.Fatal(err)
		}
	}
	if fmt.Sprint(one.kept) != "map[a:1 c:1]" || fmt.Sprint(two.kept) != "map[a:1 b:1 c:1]" {
		t.Fatalf("kept %v and %v", one.kept, two.kept)
	}
	list, err := f.List(ctx)
	if err != nil || len(list) != 1 || list[0].Consumer != "one" || list[0].Item.PK != "b" {
		t.Fatalf("aside %v %v", list, err)
	}
	if done, left, err := f.Replay(ctx); done != 0 || left != 1 || err != nil {
		t.Fatalf("still broken: %d done, %d left, %v", done, left, err)
	}
	// The item has changed since, and the consumer was mended.
	if err := w.Store.Write(ctx, table.Batch{WriteID: w.NewID(), Ops: []table.Op{table.PutOp(table.Item{Key: table.Key{PK: "b", SK: "x"}, Body: []byte("new")}, 1)}}); err != nil {
		t.Fatal(err)
	}
	one.broken["b"] = false
	if done, left, err := f.Replay(ctx); done != 1 || left != 0 || err != nil || one.kept["b"] != 2 {
		t.Fatalf("%d done, %d left, %v, kept %v", done, left, err, one.kept)
	}
	if list, err := f.List(ctx); err != nil || len(list) != 0 {
		t.Fatalf("left on the list: %v %v", list, err)
	}
	one.broken["b"] = true // and breaks once more
	if err := f.Apply(ctx, batch[1:2]); err != nil {
		t.Fatal(err)
	}
	if list, err := f.List(ctx); err != nil || len(list) != 1 {
		t.Fatalf("aside again %v %v", list, err)
	}
}

func TestAPassingTroubleSetsNothingAside(t *testing.T) {
	w, one, _, f := setUp(t)
	one.busy = true
	if err := f.Apply(context.Background(), changes(t, w, "a", "b")); !errors.Is(err, table.ErrBusy) {
		t.Fatalf("answered %v", err)
	}
	if list, err := f.List(context.Background()); err != nil || len(list) != 0 || one.calls != 1 {
		t.Fatalf("aside %v, %d calls, %v", list, one.calls, err)
	}
}

func TestAnUnreadableRecordIsListedByItsNumber(t *testing.T) {
	_, _, _, f := setUp(t)
	ctx := context.Background()
	if err := f.Unreadable(ctx, "000123"); err != nil {
		t.Fatal(err)
	}
	list, err := f.List(ctx)
	if err != nil || len(list) != 1 || list[0].Sequence != "000123" {
		t.Fatalf("%v %v", list, err)
	}
	if done, left, err := f.Replay(ctx); done != 1 || left != 0 || err != nil {
		t.Fatal(done, left, err)
	}
}

// What a feed that was cut never brought is found on the items themselves and given
// to every consumer; a busy one is given it again the next time.
func TestWhatTheFeedHasLostIsFoundOnTheItems(t *testing.T) {
	w, one, two, f := setUp(t)
	ctx := context.Background()
	changes(t, w, "a", "b", "c", "d")
	lost := func(_ context.Context, it *table.Item) (bool, error) {
		return (it.PK == "b" || it.PK == "d") && two.kept[it.PK] < it.Version, nil
	}
	two.busy = true
	if _, err := f.Missed(ctx, 0, 1, lost); !errors.Is(err, table.ErrBusy) {
		t.Fatal(err)
	}
	two.busy = false
	barred := errors.New("may not be looked at")
	n, err := f.Missed(ctx, 0, 1, func(_ context.Context, it *table.Item) (bool, error) {
		if it.PK == "a" || it.PK == "b" {
			return false, barred
		}
		return it.PK == "c", nil
	})
	if n != 1 || !errors.Is(err, barred) || two.kept["c"] != 1 || strings.Count(err.Error(), "may not") != 2 {
		t.Fatalf("one that fails ends the share: %d %v, two keeps %v", n, err, two.kept)
	}
	found := 0
	for share := range 3 {
		n, err := f.Missed(ctx, share, 3, lost)
		if err != nil {
			t.Fatal(err)
		}
		found += n
	}
	if found != 2 || one.kept["b"] != 1 || two.kept["d"] != 1 || two.kept["a"] != 0 {
		t.Fatalf("%d found, one keeps %v, two keeps %v", found, one.kept, two.kept)
	}
	if n, err := f.Missed(ctx, 0, 1, lost); n != 0 || err != nil {
		t.Fatalf("found again: %d %v", n, err)
	}
}
