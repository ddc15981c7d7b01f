package referral_test

import (
	"context"
	"testing"
	"time"

	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/table"
	"panah/internal/testworld"
)

func gaps(t *testing.T, w *testworld.World) int {
	t.Helper()
	page, err := w.Store.Query(context.Background(), table.Query{PK: record.GapPartition(testworld.District)})
	if err != nil {
		t.Fatal(err)
	}
	return len(page.Items)
}

// That nothing fits is noted when somebody begins to wait, once: not while they
// wait on, nor when they wait again because what was found has gone to others.
func TestAGapIsNotedOnceForEachWhoBeginsToWait(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	s := w.Service
	r := girl()
	r.ExcludedShelters = []string{"HOMA", "HOMB"}
	o, err := s.Request(ctx, team, r, command("ask", 0))
	if err != nil || o.State != placement.Held {
		t.Fatal(o.State, err)
	}
	if n := gaps(t, w); n != 0 {
		t.Errorf("%d gaps though a bed is held", n)
	}
	if o, err = s.Decline(ctx, staff("GRLS"), o.ID, 0, command("no", 1)); err != nil || o.State != placement.Waitlisted {
		t.Fatal(o.State, err)
	}
	if n := gaps(t, w); n != 1 {
		t.Errorf("%d gaps when the only shelter declined", n)
	}
	w.Pass(24*time.Hour - 2*time.Minute) // the clock of the law warns meanwhile
	if n, err := s.Lapse(ctx); n == 0 || err != nil {
		t.Fatal(n, err)
	}
	if n := gaps(t, w); at(t, w, o.ID).State != placement.Waitlisted || n != 1 {
		t.Errorf("%d gaps while one waits on", n)
	}
}

func TestWaitingAgainIsNoNewGap(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	s := w.Service
	w.Pass(time.Minute)
	ids := waiting(t, w, 1, 0)
	w.Pass(time.Minute)
	if _, err := s.Count(ctx, staff("WOMN"), "WOMN", "women", full(24, w.Now(), 2)); err != nil {
		t.Fatal(err)
	}
	if n, err := s.MatchWaiting(ctx); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if _, err := s.Count(ctx, staff("WOMN"), "WOMN", "women", full(25, w.Now(), 3)); err != nil {
		t.Fatal(err)
	}
	w.Pass(s.Policy.Found + 10*time.Second)
	if n, err := s.Lapse(ctx); n != 1 || err != nil || states(t, w, ids)[placement.Waitlisted] != 1 {
		t.Fatal(n, err)
	}
	if n := gaps(t, w); n != 1 {
		t.Errorf("%d gaps", n)
	}
}
