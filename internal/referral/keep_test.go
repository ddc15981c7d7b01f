package referral_test

import (
	"log/slog"
	"testing"

	"panah/internal/audit"
	"panah/internal/table"
	"panah/internal/testworld"
)

// keep writes the audit chains of everything that has changed so far, as
// functions/changes does.
func keep(t *testing.T, w *testworld.World) {
	t.Helper()
	feed, ok := w.Store.(table.Feed)
	if !ok {
		t.Fatal("this store has no feed to read")
	}
	keeper := audit.NewKeeper(w.Store, w.NewID, w.Now, slog.New(slog.DiscardHandler))
	for pos := ""; ; {
		changes, next, err := feed.Changes(t.Context(), pos, 100)
		if err != nil {
			t.Fatal(err)
		}
		if len(changes) == 0 {
			return
		}
		if err := keeper.Apply(t.Context(), changes); err != nil {
			t.Fatal(err)
		}
		pos = next
	}
}
