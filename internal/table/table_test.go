package table_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"panah/internal/table"
)

var until = time.Date(2026, 11, 24, 20, 0, 0, 0, time.UTC)

func put(pk string, body int) table.Op {
	return table.PutOp(table.Item{Key: table.Key{PK: pk, SK: "P"}, Body: make([]byte, body)}, 0)
}

func indexed(entries map[table.Index]table.Key) table.Op {
	return table.PutOp(table.Item{Key: table.Key{PK: "P#1", SK: "P"}, Index: entries}, 0)
}

func take(claim string, n int, rev uint64) table.Op {
	return table.TakeOp(table.Take{Key: table.Key{PK: "S#1", SK: "U#girls"}, ClaimID: claim, N: n, Until: until, Rev: rev})
}

func puts(n, body int) []table.Op {
	ops := make([]table.Op, n)
	for i := range ops {
		ops[i] = put(fmt.Sprint("P#", i), body)
	}
	return ops
}

// Every limit holds to the byte: what is at it passes, what is one over it does not.
func TestABatchAtALimitPassesAndOneOverItIsRefused(t *testing.T) {
	empty := put("P#1", 0).Put.Item.Size()
	key := func(pk, sk int) table.Op {
		return table.PutOp(table.Item{Key: table.Key{PK: strings.Repeat("p", pk), SK: strings.Repeat("s", sk)}}, 0)
	}
	three := map[table.Index]table.Key{}
	for _, ix := range table.Indexes {
		three[ix] = table.Key{PK: "x", SK: "y"}
	}
	four := map[table.Index]table.Key{"another": {PK: "x", SK: "y"}}
	for ix, k := range three {
		four[ix] = k
	}
	for _, c := range []struct {
		name    string
		writeID string
		ops     []table.Op
		ok      bool
	}{
		{"a write id of 36 bytes", strings.Repeat("w", 36), puts(1, 0), true},
		{"a write id of 37 bytes", strings.Repeat("w", 37), puts(1, 0), false},
		{"no write id", "", puts(1, 0), false},
		{"no operation", "w", nil, false},
		{"as many operations as a write may have", "w", puts(table.MaxOps, 0), true},
		{"one operation more", "w", puts(table.MaxOps+1, 0), false},
		{"an operation that is neither put nor take", "w", []table.Op{{}}, false},
		{"an operation that is both", "w", []table.Op{{Put: put("P#1", 0).Put, Take: take("c", 1, 1).Take}}, false},
		{"two items", "w", []table.Op{put("P#1", 0), put("P#2", 0)}, true},
		{"one item twice", "w", []table.Op{put("P#1", 0), put("P#1", 0)}, false},
		{"an item of 400 KB", "w", []table.Op{put("P#1", table.MaxItemBytes-empty)}, true},
		{"an item a byte larger", "w", []table.Op{put("P#1", table.MaxItemBytes-empty+1)}, false},
		{"a write of 4 MB", "w", puts(16, table.MaxBytes/16-empty-1), true},
		{"a write of more, in items that each may be", "w", puts(16, table.MaxBytes/16-empty+1), false},
		{"the longest partition key", "w", []table.Op{key(table.MaxPKBytes, 1)}, true},
		{"a partition key a byte longer", "w", []table.Op{key(table.MaxPKBytes+1, 1)}, false},
		{"no partition key", "w", []table.Op{key(0, 1)}, false},
		{"the longest sort key", "w", []table.Op{key(1, table.MaxSKBytes)}, true},
		{"a sort key a byte longer", "w", []table.Op{key(1, table.MaxSKBytes+1)}, false},
		{"no sort key", "w", []table.Op{key(1, 0)}, false},
		{"a partition key that is not text", "w", []table.Op{put("\xff", 0)}, false},
		{"a sort key that is not text", "w", []table.Op{table.PutOp(table.Item{Key: table.Key{PK: "P#1", SK: "\xff"}}, 0)}, false},
		{"an entry in every index", "w", []table.Op{indexed(three)}, true},
		{"one more", "w", []table.Op{indexed(four)}, false},
		{"an entry in an index that is none", "w", []table.Op{indexed(map[table.Index]table.Key{"another": {PK: "x", SK: "y"}})}, false},
		{"an index entry without a key", "w", []table.Op{indexed(map[table.Index]table.Key{table.Due: {PK: "x"}})}, false},
		{"a take of one bed", "w", []table.Op{take("c", 1, 1)}, true},
		{"a take of no bed", "w", []table.Op{take("c", 0, 1)}, false},
		{"a take under no rev", "w", []table.Op{take("c", 1, 0)}, false},
		{"a take without a claim id", "w", []table.Op{take("", 1, 1)}, false},
		{"a take with the longest claim id", "w", []table.Op{take(strings.Repeat("c", table.MaxClaimID), 1, 1)}, true},
		{"a take with a longer one", "w", []table.Op{take(strings.Repeat("c", table.MaxClaimID+1), 1, 1)}, false},
		{"a take without a key", "w", []table.Op{table.TakeOp(table.Take{ClaimID: "c", N: 1, Rev: 1})}, false},
	} {
		err := table.Batch{WriteID: c.writeID, Ops: c.ops}.Check()
		var refused *table.Refused
		if ok := err == nil; ok != c.ok || !ok && !errors.As(err, &refused) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// A take counts toward the 4 MB as what it sends: its key, its claim and its numbers.
func TestATakeWeighsWhatItSends(t *testing.T) {
	ops := puts(16, table.MaxBytes/16-put("P#1", 0).Put.Item.Size()-10)
	if err := (table.Batch{WriteID: "w", Ops: ops}).Check(); err != nil {
		t.Fatal(err)
	}
	long := table.TakeOp(table.Take{Key: table.Key{PK: strings.Repeat("p", 100), SK: strings.Repeat("s", 100)}, ClaimID: "c", N: 1, Rev: 1})
	if err := (table.Batch{WriteID: "w", Ops: append(ops, long)}).Check(); err == nil {
		t.Error("a take of over 200 bytes fits into 160")
	}
}

// The parts as DynamoDB counts them: names and values, 9 bytes a number with its
// name's one, an entry of an index twice named.
func TestTheSizeOfAnItemIsTheSumOfItsParts(t *testing.T) {
	bare := table.Item{Key: table.Key{PK: "P#1", SK: "P"}}
	base := len("pk"+"P#1"+"sk"+"P"+"v"+"w"+"b") + 8 + 36
	for _, c := range []struct {
		name   string
		change func(*table.Item)
		more   int
	}{
		{"nothing but its key, version and write", func(*table.Item) {}, 0},
		{"a body", func(it *table.Item) { it.Body = []byte("12345") }, 5},
		{"a longer partition key", func(it *table.Item) { it.PK += "23" }, 2},
		{"a longer sort key", func(it *table.Item) { it.SK += "23" }, 2},
		{"an index entry", func(it *table.Item) { it.Index = map[table.Index]table.Key{table.Due: {PK: "DUE#1", SK: "at"}} }, 2*(3+2) + 5 + 2},
		{"a tombstone", func(it *table.Item) { it.Tombstone = true }, 2},
		{"an end", func(it *table.Item) { it.Expires = until }, 3 + 7},
		{"a guard", func(it *table.Item) { it.Guard = &table.Guard{} }, len("free"+"rev"+"claims") + 4 + 4 + 3},
		{"a guard with a claim", func(it *table.Item) {
			it.Guard = &table.Guard{Claims: map[string]table.Claim{"p_1": {N: 1, Until: until}}}
		}, len("free"+"rev"+"claims") + 4 + 4 + 3 + 3 + 20},
	} {
		it := bare
		c.change(&it)
		if got := it.Size(); got != base+c.more {
			t.Errorf("%s: %d bytes, want %d", c.name, got, base+c.more)
		}
	}
}

func TestABatchHasLandedWhereAnImageCarriesItsWriteAtItsVersion(t *testing.T) {
	b := table.Batch{WriteID: "ours", Ops: []table.Op{
		table.PutOp(table.Item{Key: table.Key{PK: "P#1", SK: "P"}}, 4), take("c", 1, 1)}}
	image := func(writeID string, version uint64) table.Image {
		return table.Image{Known: true, Item: &table.Item{WriteID: writeID, Version: version}}
	}
	absent := table.Image{Known: true}
	for _, c := range []struct {
		name   string
		images []table.Image
		want   bool
	}{
		{"the put at the version it makes", []table.Image{image("ours", 5), absent}, true},
		{"the put at another version", []table.Image{image("ours", 4), absent}, false},
		{"the take at any version", []table.Image{absent, image("ours", 99)}, true},
		{"another's write", []table.Image{image("theirs", 5), image("theirs", 5)}, false},
		{"nothing known", []table.Image{{}, {}}, false},
		{"no images", nil, false},
		{"more images than operations", []table.Image{absent, absent, image("ours", 5)}, false},
	} {
		if got := b.Landed(c.images); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestACloneIsEqualAndApart(t *testing.T) {
	whole := func() *table.Item {
		return &table.Item{Key: table.Key{PK: "P#1", SK: "P"}, Version: 3, WriteID: "w", Tombstone: true, Expires: until, Body: []byte("body"),
			Index: map[table.Index]table.Key{table.Due: {PK: "DUE#1", SK: "at"}},
			Guard: &table.Guard{Free: 2, Rev: 7, Claims: map[string]table.Claim{"c": {N: 1, Until: until}}}}
	}
	it := whole()
	c := it.Clone()
	if !reflect.DeepEqual(c, it) {
		t.Fatalf("%+v\nis the clone of\n%+v", c, it)
	}
	c.Body[0], c.Index[table.Due], c.Guard.Claims["c"] = 'x', table.Key{}, table.Claim{}
	c.Guard.Free = 0
	if !reflect.DeepEqual(it, whole()) {
		t.Errorf("what was done to a clone was done to the item: %+v", it)
	}
	if (*table.Item)(nil).Clone() != nil || (*table.Guard)(nil).Clone() != nil {
		t.Error("nothing has a clone")
	}
	if c := (&table.Item{}).Clone(); c.Index != nil || c.Guard != nil {
		t.Errorf("a bare item's clone has %+v", c)
	}
}

func TestStaleIsFoundInsideAnotherError(t *testing.T) {
	inner := &table.Stale{Images: []table.Image{{Known: true}}}
	if got, ok := table.IsStale(fmt.Errorf("write: %w", inner)); !ok || got != inner {
		t.Errorf("found %v, %v", got, ok)
	}
	if _, ok := table.IsStale(table.ErrBusy); ok {
		t.Error("busy is not stale")
	}
	for _, err := range []error{inner, &table.Refused{Reason: "why"}} {
		if !strings.HasPrefix(err.Error(), "table: ") {
			t.Errorf("%q does not say who speaks", err)
		}
	}
	if k := (table.Key{PK: "P#1", SK: "P"}); k.String() != "P#1/P" {
		t.Errorf("a key is told as %s", k)
	}
}
