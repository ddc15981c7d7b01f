// Package tabletest is the storage contract of package table as a suite every
// engine must pass, and a wrapper (Faulty) that gives what local engines never
// show: lost replies, conflicts, throttling, missing images, lagging indexes.
package tabletest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"panah/internal/table"
)

// Run holds a fresh store from open to every promise of the contract. The same
// suite runs over Faulty stores, so a write that answers Busy is sent again and
// one that answers Unknown is settled by reading, as any caller must.
func Run(t *testing.T, open func(t *testing.T) table.Store) {
	for _, c := range []struct {
		name string
		test func(*testing.T, *suite)
	}{
		{"a put of an absent item makes version 1", testPutAbsent},
		{"a put at the stored version replaces it, at another it is stale with the current image", testPutVersion},
		{"a lost race on several items writes nothing", testAtomic},
		{"a tombstone continues the version", testTombstone},
		{"an item keeps every part", testWholeItem},
		{"a take lowers free, stores the claim and raises the version", testTake},
		{"a take is refused for too few free, another rev, a claim that is there, an item without guard", testTakeRefused},
		{"a take and a put of a third item commit together or not at all", testTakeWithPut},
		{"of writes that race for one version one wins", testRaceVersion},
		{"takes that race succeed for exactly as many beds as there are", testRaceTake},
		{"a partition is read in sort-key order, by range, both ways, page by page", testQueryPartition},
		{"an index lists only items that have an entry, keys only, and follows a change", testIndex},
		{"the same write sent twice is the same success", testSameWrite},
		{"what breaks a limit is refused and writes nothing", testRefused},
		{"a cancelled context ends a call", testContext},
		{"numbers, empty bodies and odd bytes survive", testBytes},
		{"a scan finds every item once, in as many shares as are asked for", testScan},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			c.test(t, &suite{T: t, store: open(t), ctx: context.Background()})
		})
	}
}

type suite struct {
	*testing.T
	store table.Store
	ctx   context.Context
	ids   atomic.Int64
}

func (s *suite) writeID() string { return fmt.Sprintf("w-%d-%d", time.Now().UnixNano(), s.ids.Add(1)) }

func (s *suite) batch(ops ...table.Op) table.Batch {
	return table.Batch{WriteID: s.writeID(), Ops: ops}
}

// settle writes as a careful caller does, and returns the final answer.
func (s *suite) settle(b table.Batch) error {
	for range 200 {
		err := s.store.Write(s.ctx, b)
		switch {
		case errors.Is(err, table.ErrBusy):
			continue
		case errors.Is(err, table.ErrUnknown):
			if s.landed(b) {
				return nil
			}
			continue
		}
		if stale, ok := table.IsStale(err); ok && !allKnown(stale) {
			if s.landed(b) {
				return nil
			}
			return &table.Stale{Images: s.images(b)}
		}
		return err
	}
	return table.ErrBusy
}

func allKnown(st *table.Stale) bool {
	return !slices.ContainsFunc(st.Images, func(i table.Image) bool { return !i.Known })
}

func (s *suite) images(b table.Batch) []table.Image {
	out := make([]table.Image, len(b.Ops))
	for i, op := range b.Ops {
		out[i] = table.Image{Known: true, Item: s.get(op.Key())}
	}
	return out
}

func (s *suite) landed(b table.Batch) bool { return b.Landed(s.images(b)) }

func (s *suite) get(k table.Key) *table.Item {
	s.Helper()
	it, err := s.store.Get(s.ctx, k, table.Strong)
	if err != nil {
		s.Fatalf("get: %v", err)
	}
	return it
}

func (s *suite) must(b table.Batch) {
	s.Helper()
	if err := s.settle(b); err != nil {
		s.Fatalf("write: %v", err)
	}
}

func (s *suite) stale(b table.Batch) *table.Stale {
	s.Helper()
	err := s.settle(b)
	st, ok := table.IsStale(err)
	if !ok {
		s.Fatalf("want a stale write, got %v", err)
	}
	if len(st.Images) != len(b.Ops) {
		s.Fatalf("%d images for %d operations", len(st.Images), len(b.Ops))
	}
	return st
}

func key(pk, sk string) table.Key { return table.Key{PK: pk, SK: sk} }

func item(pk, sk, body string) table.Item { return table.Item{Key: key(pk, sk), Body: []byte(body)} }

func unit(pk string, free int) table.Item {
	it := item(pk, "U#girls", "unit")
	it.Guard = &table.Guard{Free: free, Rev: 3}
	return it
}

var until = time.Date(2026, 11, 24, 20, 0, 0, 0, time.UTC)

func take(pk, claim string, n int) table.Op {
	return table.TakeOp(table.Take{Key: key(pk, "U#girls"), ClaimID: claim, N: n, Until: until, Rev: 3})
}

func testPutAbsent(t *testing.T, s *suite) {
	if s.get(key("P#1", "P")) != nil {
		t.Fatal("an item nobody wrote is there")
	}
	b := s.batch(table.PutOp(item("P#1", "P", "one"), 0))
	s.must(b)
	got := s.get(key("P#1", "P"))
	if got == nil || got.Version != 1 || got.WriteID != b.WriteID || string(got.Body) != "one" {
		t.Fatalf("got %+v", got)
	}
}

func testPutVersion(t *testing.T, s *suite) {
	s.must(s.batch(table.PutOp(item("P#1", "P", "one"), 0)))
	s.must(s.batch(table.PutOp(item("P#1", "P", "two"), 1)))
	for _, wrong := range []uint64{0, 1, 3} {
		st := s.stale(s.batch(table.PutOp(item("P#1", "P", "three"), wrong)))
		if im := st.Images[0]; !im.Known || im.Item == nil || im.Item.Version != 2 || string(im.Item.Body) != "two" {
			t.Fatalf("at %d: image %+v", wrong, im)
		}
	}
	st := s.stale(s.batch(table.PutOp(item("P#none", "P", "x"), 4)))
	if im := st.Images[0]; !im.Known || im.Item != nil {
		t.Fatalf("an absent item's image is %+v", im)
	}
}

func testAtomic(t *testing.T, s *suite) {
	s.must(s.batch(table.PutOp(item("P#1", "P", "one"), 0)))
	_ = s.stale(s.batch(table.PutOp(item("P#2", "P", "new"), 0), table.PutOp(item("P#1", "P", "late"), 0)))
	if s.get(key("P#2", "P")) != nil {
		t.Fatal("half of a write was kept")
	}
	ops := make([]table.Op, table.MaxOps)
	for i := range ops {
		ops[i] = table.PutOp(item("P#many", fmt.Sprintf("%03d", i), "x"), 0)
	}
	s.must(s.batch(ops...))
	page, err := s.store.Query(s.ctx, table.Query{PK: "P#many"})
	if err != nil || len(page.Items) != table.MaxOps {
		t.Fatalf("%d items of the write, %v", len(page.Items), err)
	}
}

func testTombstone(t *testing.T, s *suite) {
	s.must(s.batch(table.PutOp(item("P#1", "P", "one"), 0)))
	dead := item("P#1", "P", "")
	dead.Tombstone = true
	s.must(s.batch(table.PutOp(dead, 1)))
	got := s.get(key("P#1", "P"))
	if got == nil || !got.Tombstone || got.Version != 2 || len(got.Body) != 0 {
		t.Fatalf("got %+v", got)
	}
	_ = s.stale(s.batch(table.PutOp(item("P#1", "P", "again"), 0)))
}

func testWholeItem(t *testing.T, s *suite) {
	it := unit("S#1", 5)
	it.Guard.Free = -2
	it.Guard.Claims = map[string]table.Claim{"p_1.1": {N: 2, Until: until}, "p_2.1": {N: 1, Until: until.Add(time.Hour)}}
	it.Index = map[table.Index]table.Key{table.Work: key("A#1", "x"), table.Due: key("DUE#1", "y"), table.ByTeam: key("T#1", "z")}
	it.Expires = until
	s.must(s.batch(table.PutOp(it, 0)))
	got := s.get(it.Key)
	it.Version, it.WriteID = 1, got.WriteID
	if !equal(*got, it) {
		t.Fatalf("stored %+v\n got %+v", it, *got)
	}
}

func equal(a, b table.Item) bool {
	return fmt.Sprintf("%+v %+v %v", a, *a.Guard, a.Guard.Claims) != "" &&
		a.Key == b.Key && a.Version == b.Version && a.Tombstone == b.Tombstone && a.Expires.Equal(b.Expires) &&
		string(a.Body) == string(b.Body) && fmt.Sprint(a.Index) == fmt.Sprint(b.Index) && fmt.Sprint(*a.Guard) == fmt.Sprint(*b.Guard)
}

func testTake(t *testing.T, s *suite) {
	s.must(s.batch(table.PutOp(unit("S#1", 3), 0)))
	b := s.batch(take("S#1", "p_1.1", 2))
	s.must(b)
	got := s.get(key("S#1", "U#girls"))
	claim := got.Guard.Claims["p_1.1"]
	if got.Version != 2 || got.WriteID != b.WriteID || got.Guard.Free != 1 || claim.N != 2 || !claim.Until.Equal(until) || string(got.Body) != "unit" {
		t.Fatalf("got %+v %+v", got, got.Guard)
	}
	s.must(s.batch(take("S#1", "p_2.1", 1)))
	if got = s.get(got.Key); got.Guard.Free != 0 || len(got.Guard.Claims) != 2 {
		t.Fatalf("got %+v", got.Guard)
	}
}

func testTakeRefused(t *testing.T, s *suite) {
	s.must(s.batch(table.PutOp(unit("S#1", 3), 0)))
	s.must(s.batch(take("S#1", "p_1.1", 1)))
	st := s.stale(s.batch(take("S#1", "p_2.1", 3)))
	if im := st.Images[0]; im.Item == nil || im.Item.Guard.Free != 2 || im.Item.Guard.Claims["p_1.1"].N != 1 {
		t.Fatalf("image %+v", im)
	}
	_ = s.stale(s.batch(take("S#1", "p_1.1", 1)))
	_ = s.stale(s.batch(table.TakeOp(table.Take{Key: key("S#1", "U#girls"), ClaimID: "p_3.1", N: 1, Until: until, Rev: 4})))
	_ = s.stale(s.batch(take("S#absent", "p_3.1", 1)))
	s.must(s.batch(table.PutOp(item("S#plain", "U#girls", ""), 0)))
	_ = s.stale(s.batch(take("S#plain", "p_3.1", 1)))
	s.must(s.batch(table.PutOp(unit("S#over", -1), 0)))
	_ = s.stale(s.batch(take("S#over", "p_3.1", 1)))
	if got := s.get(key("S#1", "U#girls")); got.Version != 2 || got.Guard.Free != 2 {
		t.Fatalf("a refused take changed the unit: %+v", got)
	}
}

func testTakeWithPut(t *testing.T, s *suite) {
	s.must(s.batch(table.PutOp(unit("S#1", 1), 0), table.PutOp(unit("S#2", 0), 0)))
	_ = s.stale(s.batch(table.PutOp(item("P#1", "P", "held"), 0), take("S#1", "p_1.1", 1), take("S#2", "p_1.1", 1)))
	if s.get(key("P#1", "P")) != nil || s.get(key("S#1", "U#girls")).Guard.Free != 1 {
		t.Fatal("half of a hold was kept")
	}
	b := s.batch(table.PutOp(item("P#1", "P", "held"), 0), take("S#1", "p_1.1", 1))
	s.must(b)
	if p, u := s.get(key("P#1", "P")), s.get(key("S#1", "U#girls")); p.WriteID != b.WriteID || u.WriteID != b.WriteID || u.Guard.Free != 0 {
		t.Fatalf("got %+v and %+v", p, u)
	}
}

func testRaceVersion(t *testing.T, s *suite) {
	s.must(s.batch(table.PutOp(item("P#1", "P", "0"), 0)))
	var won atomic.Int64
	s.race(20, func(i int) {
		if s.settle(s.batch(table.PutOp(item("P#1", "P", fmt.Sprint(i)), 1))) == nil {
			won.Add(1)
		}
	})
	if got := s.get(key("P#1", "P")); won.Load() != 1 || got.Version != 2 {
		t.Fatalf("%d winners, version %d", won.Load(), got.Version)
	}
}

func testRaceTake(t *testing.T, s *suite) {
	const beds, callers = 7, 40
	s.must(s.batch(table.PutOp(unit("S#1", beds), 0)))
	var won atomic.Int64
	s.race(callers, func(i int) {
		id := fmt.Sprintf("p_%d", i)
		err := s.settle(s.batch(table.PutOp(item("P#"+id, "P", "held"), 0), take("S#1", id+".1", 1)))
		if err == nil {
			won.Add(1)
		} else if _, ok := table.IsStale(err); !ok {
			t.Errorf("caller %d: %v", i, err)
		}
	})
	u := s.get(key("S#1", "U#girls"))
	if won.Load() != beds || u.Guard.Free != 0 || len(u.Guard.Claims) != beds || u.Version != 1+beds {
		t.Fatalf("%d won, unit %+v %+v", won.Load(), u, u.Guard)
	}
}

func (s *suite) race(n int, f func(i int)) {
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		all.Go(func() { <-start; f(i) })
	}
	close(start)
	all.Wait()
}

func testQueryPartition(t *testing.T, s *suite) {
	var ops []table.Op
	for _, sk := range []string{"a", "b", "ba", "c", "d"} {
		ops = append(ops, table.PutOp(item("D#1", sk, sk), 0))
	}
	s.must(s.batch(append(ops, table.PutOp(item("D#10", "a", "other"), 0), table.PutOp(item("D#", "a", "other"), 0))...))
	for _, c := range []struct {
		q    table.Query
		want string
	}{
		{table.Query{PK: "D#1"}, "a b ba c d"},
		{table.Query{PK: "D#1", Descending: true}, "d c ba b a"},
		{table.Query{PK: "D#1", From: "b"}, "b ba c d"},
		{table.Query{PK: "D#1", To: "b"}, "a b"},
		{table.Query{PK: "D#1", From: "b", To: "c"}, "b ba c"},
		{table.Query{PK: "D#1", From: "b", To: "c", Descending: true}, "c ba b"},
		{table.Query{PK: "D#1", From: "bb", To: "bz"}, ""},
		{table.Query{PK: "D#2"}, ""},
	} {
		if got := s.list(c.q); got != c.want {
			t.Errorf("%+v: got %q, want %q", c.q, got, c.want)
		}
		c.q.Limit = 2
		if got := s.list(c.q); got != c.want {
			t.Errorf("in pages of two %+v: got %q, want %q", c.q, got, c.want)
		}
	}
	if _, err := s.store.Query(s.ctx, table.Query{PK: "D#1", After: "not a cursor"}); err == nil {
		t.Error("a malformed cursor was taken")
	}
}

// list reads a query to its end and joins the sort keys.
func (s *suite) list(q table.Query) string {
	s.Helper()
	var got []string
	for range 100 {
		page, err := s.store.Query(s.ctx, q)
		if err != nil {
			s.Fatalf("query: %v", err)
		}
		if q.Limit > 0 && len(page.Items) > q.Limit {
			s.Fatalf("%d items on a page of %d", len(page.Items), q.Limit)
		}
		for _, it := range page.Items {
			if q.Index == table.Base {
				got = append(got, it.SK)
			} else {
				got = append(got, it.Index[q.Index].SK+"="+it.PK)
			}
		}
		if q.After = page.Next; page.Next == "" {
			return strings.Join(got, " ")
		}
	}
	s.Fatal("a query without end")
	return ""
}

// eventually asks an index again and again: it may lag, but not for ever.
func (s *suite) eventually(q table.Query, want string) {
	s.Helper()
	var got string
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		if got = s.list(q); got == want {
			return
		}
	}
	s.Fatalf("index %s: got %q, want %q", q.Index, got, want)
}

func testIndex(t *testing.T, s *suite) {
	put := func(pk, due string, version uint64) {
		it := item(pk, "P", "body")
		if due != "" {
			it.Index = map[table.Index]table.Key{table.Due: key("DUE#1", due)}
		}
		s.must(s.batch(table.PutOp(it, version)))
	}
	put("P#1", "2026-01-02", 0)
	put("P#2", "2026-01-01", 0)
	put("P#3", "", 0)
	put("P#4", "2026-01-02", 0)
	q := table.Query{Index: table.Due, PK: "DUE#1"}
	s.eventually(table.Query{Index: table.Due, PK: "DUE#1", To: "2026-01-01"}, "2026-01-01=P#2")
	s.eventually(table.Query{Index: table.Due, PK: "DUE#1", From: "2026-01-03"}, "")
	put("P#2", "2026-01-03", 1)
	put("P#4", "", 1)
	s.eventually(q, "2026-01-02=P#1 2026-01-03=P#2")
	q.Limit = 1
	s.eventually(q, "2026-01-02=P#1 2026-01-03=P#2")
	page, err := s.store.Query(s.ctx, table.Query{Index: table.Due, PK: "DUE#1"})
	if err != nil || len(page.Items) == 0 || len(page.Items[0].Body) != 0 || page.Items[0].SK != "P" {
		t.Fatalf("an index answers keys only: %+v %v", page.Items, err)
	}
}

func testSameWrite(t *testing.T, s *suite) {
	s.must(s.batch(table.PutOp(unit("S#1", 3), 0)))
	b := s.batch(table.PutOp(item("P#1", "P", "held"), 0), take("S#1", "p_1.1", 1))
	s.must(b)
	s.must(b)
	if u := s.get(key("S#1", "U#girls")); u.Guard.Free != 2 || u.Version != 2 {
		t.Fatalf("a write sent twice took effect twice: %+v", u.Guard)
	}
}

func testRefused(t *testing.T, s *suite) {
	long := item("P#big", "P", strings.Repeat("x", table.MaxItemBytes))
	many := make([]table.Op, table.MaxOps+1)
	for i := range many {
		many[i] = table.PutOp(item("P#many", fmt.Sprint(i), ""), 0)
	}
	ok := table.PutOp(item("P#ok", "P", ""), 0)
	for name, ops := range map[string][]table.Op{
		"an item over 400 KB": {ok, table.PutOp(long, 0)},
		"101 operations":      many,
		"an item twice":       {ok, table.PutOp(item("P#1", "P", ""), 0), take("S#1", "c", 1), table.PutOp(item("P#1", "P", ""), 1)},
		"an empty key":        {ok, table.PutOp(item("", "P", ""), 0)},
		"an empty sort key":   {ok, table.PutOp(item("P", "", ""), 0)},
		"an over-long key":    {ok, table.PutOp(item("P", strings.Repeat("s", table.MaxSKBytes+1), ""), 0)},
		"a take of no beds":   {ok, take("S#1", "c", 0)},
		"nothing":             nil,
	} {
		var refused *table.Refused
		if err := s.store.Write(s.ctx, s.batch(ops...)); !errors.As(err, &refused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if s.get(key("P#ok", "P")) != nil {
		t.Error("a refused write wrote")
	}
}

func testContext(t *testing.T, s *suite) {
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	if err := s.store.Write(ctx, s.batch(table.PutOp(item("P#1", "P", ""), 0))); err == nil {
		t.Error("a write with a cancelled context succeeded")
	}
	if _, err := s.store.Get(ctx, key("P#1", "P"), table.Strong); err == nil {
		t.Error("a read with a cancelled context succeeded")
	}
}

func testBytes(t *testing.T, s *suite) {
	for i, body := range []string{"", "\x00\xff\xfe", "বাংলা", strings.Repeat("a", 100_000)} {
		it := item("B#1", fmt.Sprint(i), body)
		s.must(s.batch(table.PutOp(it, 0)))
		if got := s.get(it.Key); string(got.Body) != body {
			t.Errorf("body %d came back with %d bytes", i, len(got.Body))
		}
	}
}

func testScan(t *testing.T, s *suite) {
	scanner, ok := s.store.(table.Scanner)
	if !ok {
		t.Skip("this engine cannot be scanned")
	}
	want := map[table.Key]bool{}
	for i := range 12 {
		it := table.Item{Key: table.Key{PK: fmt.Sprint("SCAN#", i/2), SK: fmt.Sprint("x", i%2)}, Body: make([]byte, 250_000)}
		s.must(s.batch(table.PutOp(it, 0)))
		want[it.Key] = true
	}
	found := map[table.Key]int{}
	for share := range 3 {
		for after, pages := "", 0; ; pages++ {
			page, err := scanner.Scan(s.ctx, share, 3, after)
			for tries := 0; errors.Is(err, table.ErrBusy) && tries < 50; tries++ {
				page, err = scanner.Scan(s.ctx, share, 3, after)
			}
			if err != nil || pages > 40 {
				t.Fatal(pages, err)
			}
			for _, it := range page.Items {
				if len(it.Body) == 250_000 {
					found[it.Key]++
				}
			}
			if after = page.Next; after == "" {
				break
			}
		}
	}
	for k := range want {
		if found[k] != 1 {
			t.Errorf("%s was found %d times", k, found[k])
		}
	}
	if len(found) != len(want) {
		t.Errorf("%d found, %d written", len(found), len(want))
	}
	if _, err := scanner.Scan(s.ctx, 3, 3, ""); err == nil {
		t.Error("a share that is not there was read")
	}
}
