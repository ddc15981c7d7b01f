package local

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"panah/internal/dynamo"
	"panah/internal/table"
)

func TestDataOutlivesAKill(t *testing.T) {
	ForTest(t) // skips without Java
	dir := t.TempDir()
	key := table.Key{PK: "P#1", SK: "P"}
	for round := range 2 {
		s, err := Start(t.Context(), Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		store, err := dynamo.Open(s.Options("kept"))
		if err != nil {
			t.Fatal(err)
		}
		if round == 0 {
			err = errors.Join(CreateTable(t.Context(), s.Options("kept")),
				store.Write(t.Context(), table.Batch{WriteID: "w", Ops: []table.Op{table.PutOp(table.Item{Key: key}, 0)}}))
		} else if it, e := store.Get(t.Context(), key, table.Strong); e != nil || it == nil {
			err = errors.Join(errors.New("the item is gone"), e)
		}
		if err := errors.Join(err, s.Close(), s.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMissing(t *testing.T) {
	t.Setenv(JarsEnv, t.TempDir())
	if _, err := Start(t.Context(), Options{}); !errors.Is(err, ErrMissing) {
		t.Errorf("without jars: %v", err)
	}
}

// The copy under .ci is what dependency scanners read.
func TestPomIsTheOneScanned(t *testing.T) {
	scanned, err := os.ReadFile("../../../.ci/dynamodb-local/pom.xml")
	if err != nil || !bytes.Equal(scanned, pom) {
		t.Errorf(".ci/dynamodb-local/pom.xml is not internal/dynamo/local/pom.xml: %v", err)
	}
	if !bytes.Contains(pom, []byte("<version>"+version+"</version>")) {
		t.Error("the pom and the code name different versions")
	}
}
