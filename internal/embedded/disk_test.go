package embedded

import (
	"context"
	"errors"
	"testing"

	"panah/internal/table"
)

// Of a write whose file fails nobody knows whether it is there.
func TestAWriteWhoseFileFailsIsNotKnown(t *testing.T) {
	s := open(t)
	put(t, s, item("A", "x", 1))
	if err := s.db.Close(); err != nil {
		t.Fatal(err)
	}
	err := s.Write(context.Background(), table.Batch{WriteID: "w", Ops: []table.Op{table.PutOp(table.Item{Key: table.Key{PK: "B", SK: "x"}}, 0)}})
	if !errors.Is(err, table.ErrUnknown) {
		t.Errorf("it is told as %v", err)
	}
}
