package embedded

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"panah/internal/table"
	"panah/internal/table/tabletest"
)

func open(t *testing.T) *Store {
	t.Helper()
	s, err := Open(filepath.Join(t.TempDir(), "panah.db"), Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestContract(t *testing.T) {
	tabletest.Run(t, func(t *testing.T) table.Store { return open(t) })
}

func TestContractUnderFaults(t *testing.T) {
	for seed := range uint64(10) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			tabletest.Run(t, func(t *testing.T) table.Store { return tabletest.NewFaulty(open(t), seed, tabletest.Rough) })
		})
	}
}

func TestSecondProcessIsToldTheFileIsOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "panah.db")
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := Open(path, Options{}); err == nil {
		t.Fatal("the file was opened twice")
	}
}

func TestWhatWasWrittenIsThereAfterReopening(t *testing.T) {
	path := filepath.Join(t.TempDir(), "panah.db")
	s, _ := Open(path, Options{})
	it := table.Item{Key: table.Key{PK: "P#1", SK: "P"}, Body: []byte("one")}
	if err := s.Write(context.Background(), table.Batch{WriteID: "w", Ops: []table.Op{table.PutOp(it, 0)}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	got, err := s.Get(context.Background(), it.Key, table.Strong)
	if err != nil || got == nil || string(got.Body) != "one" {
		t.Fatalf("got %+v, %v", got, err)
	}
}

func TestFeedTellsEveryChangeInOrderWithBothImages(t *testing.T) {
	s, ctx := open(t), context.Background()
	for v := range uint64(5) {
		it := table.Item{Key: table.Key{PK: "P#1", SK: "P"}, Body: fmt.Appendf(nil, "%d", v+1)}
		if err := s.Write(ctx, table.Batch{WriteID: fmt.Sprint("w", v), Ops: []table.Op{table.PutOp(it, v)}}); err != nil {
			t.Fatal(err)
		}
	}
	var seen []table.Change
	pos := ""
	for {
		changes, next, err := s.Changes(ctx, pos, 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(changes) == 0 {
			break
		}
		seen, pos = append(seen, changes...), next
	}
	if len(seen) != 5 || seen[0].Old != nil || seen[4].Old.Version != 4 || seen[4].New.Version != 5 {
		t.Fatalf("feed %+v", seen)
	}
	if err := s.SavePosition("changes", pos); err != nil {
		t.Fatal(err)
	}
	if got, _ := s.Position("changes"); got != pos {
		t.Fatalf("position %q, want %q", got, pos)
	}
	if left, _, _ := s.Changes(ctx, "", 10); len(left) != 0 {
		t.Fatalf("%d changes left before the position", len(left))
	}
}

func FuzzDecodeItem(f *testing.F) {
	f.Add(encodeItem(&table.Item{Key: table.Key{PK: "P#1", SK: "P"}, Guard: &table.Guard{Free: -1, Claims: map[string]table.Claim{"c": {N: 1}}}}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if it, err := decodeItem(raw); err == nil {
			again, err := decodeItem(encodeItem(it))
			if err != nil || again.Key != it.Key || again.Version != it.Version {
				t.Fatalf("%+v came back as %+v, %v", it, again, err)
			}
		}
	})
}
