package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"panah/internal/dynamo"
)

var (
	shared = sync.OnceValues(func() (*Server, error) { return Start(context.Background(), Options{}) })
	tables atomic.Int64
)

// ForTest returns the one server of this test binary. Without Java or the jars
// the test is skipped, except in CI, where it fails.
func ForTest(t testing.TB) *Server {
	t.Helper()
	s, err := shared()
	switch {
	case err == nil:
		return s
	case errors.Is(err, ErrMissing) && os.Getenv("CI") != "true":
		t.Skip(err)
	default:
		t.Fatal(err)
	}
	return nil
}

// TestTable makes a fresh table and returns how to reach it. The tables share the
// server's memory of tokens, as tables of one AWS account do: a write id of one
// test must not return in another, nor in a second run of it.
func (s *Server) TestTable(t testing.TB) dynamo.Options {
	t.Helper()
	o := s.Options(fmt.Sprintf("panah-test-%d", tables.Add(1)))
	if err := CreateTable(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	return o
}

// Store opens a store on a fresh table.
func (s *Server) Store(t testing.TB) *dynamo.Store {
	t.Helper()
	store, err := dynamo.Open(s.TestTable(t))
	if err != nil {
		t.Fatal(err)
	}
	return store
}
