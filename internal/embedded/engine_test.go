package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"panah/internal/table"
)

func put(t *testing.T, s *Store, items ...table.Item) {
	t.Helper()
	b := table.Batch{WriteID: fmt.Sprint("w", time.Now().UnixNano())}
	for _, it := range items {
		b.Ops = append(b.Ops, table.PutOp(it, 0))
	}
	if err := s.Write(context.Background(), b); err != nil {
		t.Fatal(err)
	}
}

func item(pk, sk string, body int) table.Item {
	return table.Item{Key: table.Key{PK: pk, SK: sk}, Body: make([]byte, body)}
}

func dueItem(pk, due string) table.Item {
	it := item(pk, "P", 0)
	it.Index = map[table.Index]table.Key{table.Due: {PK: "DUE#1", SK: due}}
	return it
}

func refused(err error) bool { return errors.As(err, new(*table.Refused)) }

// pages reads a query to its end: the keys of each page.
func pages(t *testing.T, s *Store, q table.Query) string {
	t.Helper()
	var out []string
	for range 50 {
		page, err := s.Query(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		var keys []string
		for _, it := range page.Items {
			keys = append(keys, it.PK+it.SK)
		}
		out = append(out, strings.Join(keys, " "))
		if q.After = page.Next; page.Next == "" {
			return strings.Join(out, "|")
		}
	}
	t.Fatal("a query without an end")
	return ""
}

// A range includes both of its ends, in the table and in an index, read forward
// and backward, and every page goes on where the one before ended.
func TestARangeIncludesItsEndsWhicheverWayItIsRead(t *testing.T) {
	s := open(t)
	put(t, s, item("A", "1", 0), item("A", "2", 0), item("A", "2x", 0), item("A", "3", 0), item("B", "0", 0),
		dueItem("P1", "10"), dueItem("P2", "20"), dueItem("P3", "20"), dueItem("P4", "20x"), dueItem("P5", "30"))
	for _, c := range []struct {
		q    table.Query
		want string
	}{
		{table.Query{PK: "A"}, "A1 A2 A2x A3"},
		{table.Query{PK: "A", Descending: true}, "A3 A2x A2 A1"},
		{table.Query{PK: "A", From: "2", To: "2"}, "A2"},
		{table.Query{PK: "A", From: "2", To: "3", Descending: true}, "A3 A2x A2"},
		{table.Query{PK: "A", Limit: 2}, "A1 A2|A2x A3|"},
		{table.Query{PK: "A", Limit: 3, Descending: true}, "A3 A2x A2|A1"},
		{table.Query{PK: "A", From: "2", Limit: 1, Descending: true}, "A3|A2x|A2|"},
		{table.Query{PK: "B", Descending: true}, "B0"},
		{table.Query{PK: "C"}, ""},
		{table.Query{PK: "C", Descending: true}, ""},
		{table.Query{Index: table.Due, PK: "DUE#1", To: "20"}, "P1P P2P P3P"},
		{table.Query{Index: table.Due, PK: "DUE#1", From: "20", To: "20", Descending: true}, "P3P P2P"},
		{table.Query{Index: table.Due, PK: "DUE#1", From: "20", Limit: 2}, "P2P P3P|P4P P5P|"},
		{table.Query{Index: table.Due, PK: "DUE#1", Descending: true, Limit: 4}, "P5P P4P P3P P2P|P1P"},
	} {
		if got := pages(t, s, c.q); got != c.want {
			t.Errorf("%+v: %q, want %q", c.q, got, c.want)
		}
	}
}

// A cursor holds only in its own partition, for its own table.
func TestACursorOfAnotherQueryIsRefused(t *testing.T) {
	s, ctx := open(t), context.Background()
	put(t, s, item("A", "1", 0), item("A", "2", 0), item("B", "1", 0))
	page, err := s.Query(ctx, table.Query{PK: "A", Limit: 1})
	if err != nil || page.Next == "" {
		t.Fatal(page, err)
	}
	for name, q := range map[string]table.Query{
		"of another partition":            {PK: "B", After: page.Next},
		"that is no cursor":               {PK: "A", After: "?"},
		"of nothing":                      {PK: ""},
		"of an index that is none":        {PK: "A", Index: "another"},
		"of a partition with a long name": {PK: strings.Repeat("x", table.MaxPKBytes+1)},
	} {
		if _, err := s.Query(ctx, q); !refused(err) {
			t.Errorf("a query %s: %v", name, err)
		}
	}
	if _, err := s.Get(ctx, table.Key{PK: "A"}, table.Strong); !refused(err) {
		t.Errorf("half a key: %v", err)
	}
}

// A page ends where it would pass a megabyte, though no limit was given.
func TestAPageEndsAtAMegabyte(t *testing.T) {
	s := open(t)
	for i := range 7 {
		put(t, s, item("A", fmt.Sprint(i), 300<<10))
	}
	if got := pages(t, s, table.Query{PK: "A"}); got != "A0 A1 A2 A3|A4 A5 A6" {
		t.Errorf("pages are %s", got)
	}
}

// An item that takes would grow past the limit stays as it is, and the write says so.
func TestATakeNeverGrowsAnItemPastItsLimit(t *testing.T) {
	s, ctx := open(t), context.Background()
	it := item("S#1", "U", 0)
	it.Guard = &table.Guard{Free: 10, Rev: 1}
	it.Body = make([]byte, table.MaxItemBytes-it.Size())
	put(t, s, it)
	take := table.TakeOp(table.Take{Key: it.Key, ClaimID: "p_1.1", N: 1, Rev: 1, Until: time.Unix(9, 0)})
	if err := s.Write(ctx, table.Batch{WriteID: "w", Ops: []table.Op{table.PutOp(item("P#1", "P", 0), 0), take}}); !refused(err) {
		t.Errorf("a claim too many: %v", err)
	}
	got, err := s.Get(ctx, it.Key, table.Strong)
	if err != nil || got.Version != 1 || got.Guard.Free != 10 {
		t.Errorf("the item is %+v, %v", got, err)
	}
	if other, err := s.Get(ctx, table.Key{PK: "P#1", SK: "P"}, table.Strong); other != nil || err != nil {
		t.Errorf("half of the write is there: %+v, %v", other, err)
	}
}

// What was queued before closing is answered; nothing is taken after.
func TestAClosedStoreTakesNothing(t *testing.T) {
	s, err := Open(filepath.Join(t.TempDir(), "panah.db"), Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	answers := make(chan error, 50)
	for i := range cap(answers) {
		go func() {
			answers <- s.Write(context.Background(), table.Batch{WriteID: fmt.Sprint("w", i), Ops: []table.Op{table.PutOp(item("A", fmt.Sprint(i), 0), 0)}})
		}()
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for range cap(answers) {
		if err := <-answers; err != nil && !errors.Is(err, table.ErrBusy) {
			t.Errorf("a write while it closed: %v", err)
		}
	}
	if err := s.Write(context.Background(), table.Batch{WriteID: "late", Ops: []table.Op{table.PutOp(item("A", "late", 0), 0)}}); !errors.Is(err, table.ErrBusy) {
		t.Errorf("a write after closing: %v", err)
	}
}

func TestAStoreThatCannotBeOpenedSaysWhy(t *testing.T) {
	dir := t.TempDir()
	for name, path := range map[string]string{"a folder that is not there": filepath.Join(dir, "none", "panah.db"), "a folder": dir} {
		if s, err := Open(path, Options{}); err == nil || s != nil || !strings.HasPrefix(err.Error(), "embedded: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	path := filepath.Join(dir, "panah.db")
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if _, err := Open(path, Options{}); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("a file that is open: %v", err)
	}
}

// The feed goes on from a position, never past its limit, and forgets only what
// its consumer has seen.
func TestTheFeedGoesOnFromAPosition(t *testing.T) {
	s, ctx := open(t), context.Background()
	if changes, next, err := s.Changes(ctx, "", 10); len(changes) != 0 || next != "" || err != nil {
		t.Errorf("nothing has changed: %v, %q, %v", changes, next, err)
	}
	if pos, err := s.Position("changes"); pos != "" || err != nil {
		t.Errorf("nobody has read: %q, %v", pos, err)
	}
	for i := range 5 {
		put(t, s, item("A", fmt.Sprint(i), 0))
	}
	first, pos, err := s.Changes(ctx, "", 2)
	if err != nil || len(first) != 2 || first[0].New.SK != "0" || first[1].New.SK != "1" || first[1].Seq != pos {
		t.Fatalf("%+v, %q, %v", first, pos, err)
	}
	if err := s.SavePosition("changes", pos); err != nil {
		t.Fatal(err)
	}
	for _, from := range []string{"", pos} {
		rest, end, err := s.Changes(ctx, from, 9)
		if err != nil || len(rest) != 3 || rest[0].New.SK != "2" {
			t.Fatalf("from %q: %+v, %v", from, rest, err)
		}
		if none, same, err := s.Changes(ctx, end, 9); len(none) != 0 || same != end || err != nil {
			t.Errorf("at the end: %+v, %q, %v", none, same, err)
		}
	}
	if _, _, err := s.Changes(ctx, "here", 1); !refused(err) {
		t.Errorf("a position that is none: %v", err)
	}
	if err := s.SavePosition("changes", "here"); !refused(err) {
		t.Errorf("a position that is none, saved: %v", err)
	}
	if got, _ := s.Position("changes"); got != pos {
		t.Errorf("position %q, want %q", got, pos)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, at, err := s.Changes(ended, pos, 9); err == nil || at != pos {
		t.Errorf("after its time: %q, %v", at, err)
	}
	if _, err := s.Query(ended, table.Query{PK: "A"}); err == nil {
		t.Error("a query after its time was answered")
	}
}

// What is stored comes back whole; half of it is an error and never half an item.
func TestHalfAnItemIsAnError(t *testing.T) {
	it := dueItem("P1", "10")
	it.Version, it.WriteID, it.Tombstone, it.Expires, it.Body = 7, "w", true, time.Unix(1000, 0).UTC(), []byte("body")
	it.Guard = &table.Guard{Free: -2, Rev: 3, Claims: map[string]table.Claim{"a": {N: 2, Until: time.Unix(500, 0).UTC()}, "b": {N: 1}}}
	raw := encodeItem(&it)
	got, err := decodeItem(raw)
	if err != nil || fmt.Sprintf("%+v %+v", *got.Guard, got.Index) != fmt.Sprintf("%+v %+v", *it.Guard, it.Index) || got.Key != it.Key ||
		got.Version != 7 || got.WriteID != "w" || !got.Tombstone || !got.Expires.Equal(it.Expires) || string(got.Body) != "body" {
		t.Fatalf("%+v came back as %+v, %v", it, got, err)
	}
	for n := range raw {
		if _, err := decodeItem(raw[:n]); err == nil {
			t.Errorf("%d of %d bytes are an item", n, len(raw))
		}
	}
	if _, err := decodeItem(append([]byte{format + 1}, raw[1:]...)); err == nil {
		t.Error("another format was read")
	}
	change := encodeChange(&it, &it)
	for _, n := range []int{0, 1, len(change) / 2, len(change) - 1} {
		if _, err := decodeChange(change[:n]); err == nil {
			t.Errorf("%d of %d bytes are a change", n, len(change))
		}
	}
	if c, err := decodeChange(encodeChange(nil, &it)); err != nil || c.Old != nil || c.New.Version != 7 {
		t.Errorf("a new item's change: %+v, %v", c, err)
	}
}

func TestATemporaryPathIsGoneWhenItIsRemoved(t *testing.T) {
	path, remove, err := TempPath()
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(path, Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	other, removeOther, err := TempPath()
	if err != nil || other == path {
		t.Errorf("two have one path: %v", err)
	}
	removeOther()
	remove()
	if _, err := os.Stat(filepath.Dir(path)); !os.IsNotExist(err) {
		t.Errorf("it is still there: %v", err)
	}
}
