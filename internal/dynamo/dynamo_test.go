package dynamo_test

import (
	"crypto/rand"
	"fmt"
	"testing"

	"panah/internal/dynamo"
	"panah/internal/dynamo/local"
	"panah/internal/table"
	"panah/internal/table/tabletest"
)

func TestContract(t *testing.T) {
	server := local.ForTest(t)
	tabletest.Run(t, func(t *testing.T) table.Store { return server.Store(t) })
}

func TestContractOnABadDay(t *testing.T) {
	server := local.ForTest(t)
	tabletest.Run(t, func(t *testing.T) table.Store { return tabletest.NewFaulty(server.Store(t), 1, tabletest.Rough) })
}

// What the suite cannot ask of every engine.

func TestEngine(t *testing.T) {
	server := local.ForTest(t)
	o := server.TestTable(t)
	var reads, writes float64
	o.Meter = func(_ string, r, w float64) { reads, writes = reads+r, writes+w }
	store, err := dynamo.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	write := func(b table.Batch) {
		t.Helper()
		if err := store.Write(ctx, b); err != nil {
			t.Fatalf("%s: %v", b.WriteID, err)
		}
	}
	claims := map[string]table.Claim{}
	for i := range 20 {
		claims[fmt.Sprintf("p_%d.1", i)] = table.Claim{N: i}
	}
	unit := table.Item{Key: table.Key{PK: "S#1", SK: "U"}, Guard: &table.Guard{Free: 9, Rev: 18446744073709551615, Claims: claims}}
	other := table.Item{Key: table.Key{PK: "S#2", SK: "U"}, Guard: &table.Guard{Free: 9, Rev: 1}}
	both := table.Batch{WriteID: rand.Text(), Ops: []table.Op{table.PutOp(unit, 0), table.PutOp(other, 0)}}
	write(both)
	write(table.Batch{WriteID: "take", Ops: []table.Op{table.TakeOp(table.Take{Key: other.Key, ClaimID: "a.b c", N: 9, Rev: 1})}})
	write(both) // its maps travel in another order, and it is still the same token's request
	got, err := store.Get(ctx, other.Key, table.Strong)
	if err != nil || got.Guard.Free != 0 || got.Guard.Claims["a.b c"] != (table.Claim{N: 9}) || got.Body == nil {
		t.Fatalf("got %+v %v", got, err)
	}
	got, err = store.Get(ctx, unit.Key, table.Strong)
	if err != nil || len(got.Guard.Claims) != 20 || got.Guard.Rev != unit.Guard.Rev {
		t.Fatalf("got %+v %v", got, err)
	}
	if reads == 0 || writes == 0 {
		t.Errorf("metered %v reads and %v writes", reads, writes)
	}
	for name, err := range map[string]error{
		"text that is not UTF-8": store.Write(ctx, table.Batch{WriteID: "x", Ops: []table.Op{put("\xff", 0)}}),
		"an unknown index":       errorOf(store.Query(ctx, table.Query{Index: "nope", PK: "P"})),
		"no such entry": store.Write(ctx, table.Batch{WriteID: "x", Ops: []table.Op{table.PutOp(table.Item{
			Key: table.Key{PK: "P", SK: "P"}, Index: map[table.Index]table.Key{"nope": {PK: "a", SK: "b"}},
		}, 0)}}),
	} {
		if class(err) != "refused" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func errorOf(_ table.Page, err error) error { return err }

func TestForeignCursors(t *testing.T) {
	store := local.ForTest(t).Store(t)
	var ops []table.Op
	for i := range 6 {
		ops = append(ops, table.PutOp(table.Item{
			Key: table.Key{PK: "D", SK: fmt.Sprint(i)}, Index: map[table.Index]table.Key{table.Due: {PK: "D", SK: fmt.Sprint(i)}},
		}, 0))
	}
	if err := store.Write(t.Context(), table.Batch{WriteID: rand.Text(), Ops: ops}); err != nil {
		t.Fatal(err)
	}
	page, err := store.Query(t.Context(), table.Query{PK: "D", Limit: 2})
	if err != nil || page.Next == "" {
		t.Fatal(page, err)
	}
	for name, q := range map[string]table.Query{
		"another partition": {PK: "E", After: page.Next},
		"an index":          {PK: "D", Index: table.Due, After: page.Next},
		"outside the range": {PK: "D", From: "3", After: page.Next},
		"cut":               {PK: "D", After: page.Next[:len(page.Next)-3]},
	} {
		if _, err := store.Query(t.Context(), q); class(err) != "refused" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
