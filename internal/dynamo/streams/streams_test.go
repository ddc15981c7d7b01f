package streams_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"testing"
	"time"

	"panah/internal/dynamo"
	"panah/internal/dynamo/local"
	"panah/internal/dynamo/streams"
	"panah/internal/table"
)

func TestFeed(t *testing.T) {
	server := local.ForTest(t)
	o := server.TestTable(t)
	store, err := dynamo.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	feed, err := streams.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	const items, versions = 3, 5
	for v := range versions {
		var ops []table.Op
		for i := range items {
			ops = append(ops, table.PutOp(table.Item{
				Key:   table.Key{PK: fmt.Sprintf("P#%d", i), SK: "P"},
				Guard: &table.Guard{Free: v, Rev: 1}, Body: []byte{},
			}, uint64(v)))
		}
		if err := store.Write(t.Context(), table.Batch{WriteID: rand.Text(), Ops: ops}); err != nil {
			t.Fatal(err)
		}
	}
	whole := follow(t, feed, "", 100, items*versions)
	perItem := map[string]uint64{}
	for _, c := range whole {
		k := c.New.PK
		if c.New.Version != perItem[k]+1 || c.New.Guard.Free != int(perItem[k]) {
			t.Fatalf("%s at %d comes after version %d", k, c.New.Version, perItem[k])
		}
		if (c.Old == nil) != (perItem[k] == 0) || c.Old != nil && c.Old.Version != perItem[k] {
			t.Fatalf("%s at %d has old image %+v", k, c.New.Version, c.Old)
		}
		perItem[k] = c.New.Version
	}
	fresh, err := streams.Open(t.Context(), o) // a process that was started again
	if err != nil {
		t.Fatal(err)
	}
	for name, again := range map[string][]table.Change{
		"in pages of two": follow(t, feed, "", 2, items*versions), "by another process": follow(t, fresh, "", 4, items*versions),
	} {
		for i := range again {
			if again[i].Seq != whole[i].Seq {
				t.Errorf("%s, change %d is %s and was %s", name, i, again[i].Seq, whole[i].Seq)
			}
		}
	}
	first, next, err := feed.Changes(t.Context(), "", 4)
	if err != nil || len(first) != 4 {
		t.Fatalf("%d changes, %v", len(first), err)
	}
	restarted, err := streams.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if rest := follow(t, restarted, next, 100, items*versions-4); rest[0].Seq != whole[4].Seq {
		t.Errorf("a position kept by another process goes on at %s, want %s", rest[0].Seq, whole[4].Seq)
	}
	var refused *table.Refused
	if _, _, err := feed.Changes(t.Context(), "not a position", 1); !errors.As(err, &refused) {
		t.Errorf("a malformed position: %v", err)
	}
}

// follow reads until it has n changes; a stream may lag.
func follow(t *testing.T, f table.Feed, after string, limit, n int) (out []table.Change) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); len(out) < n && time.Now().Before(deadline); {
		changes, next, err := f.Changes(t.Context(), after, limit)
		if err != nil {
			t.Fatal(err)
		}
		if len(changes) > limit {
			t.Fatalf("%d changes for a limit of %d", len(changes), limit)
		}
		out, after = append(out, changes...), next
	}
	if len(out) != n {
		t.Fatalf("%d changes, want %d", len(out), n)
	}
	return out
}
