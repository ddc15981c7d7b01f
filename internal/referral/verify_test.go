package referral_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"panah/internal/code"
	"panah/internal/record"
	"panah/internal/shelter"
	"panah/internal/table"
	"panah/internal/testworld"
)

func TestVerifyFindsAndRepairsWhatCountersGetWrong(t *testing.T) {
	ctx := context.Background()
	for name, c := range map[string]struct {
		damage func(u shelter.Unit, claim string) shelter.Unit
		want   string
	}{
		"nothing is wrong":              {func(u shelter.Unit, _ string) shelter.Unit { return u }, ""},
		"a claim without a placement":   {func(u shelter.Unit, _ string) shelter.Unit { return u.WithClaim("p_GHOST.1", shelter.Claim{N: 2}) }, "claimed for nobody"},
		"a placement without its claim": {func(u shelter.Unit, claim string) shelter.Unit { return u.Release(claim) }, "promised and not claimed"},
		"a claim of another size": {func(u shelter.Unit, claim string) shelter.Unit {
			have, _ := u.Claim(claim)
			return u.WithClaim(claim, shelter.Claim{N: 3, Until: have.Until})
		}, "for 3 beds"},
		"a dead claim is the clock's": {func(u shelter.Unit, _ string) shelter.Unit {
			return u.WithClaim("p_GONE.1", shelter.Claim{N: 1, Until: testworld.Start.Add(-time.Hour)})
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := testworld.Open(t)
			o := request(t, w, "one", false)
			mustHold(t, w, o.ID, "GRLS", "hold", 1)
			u := w.Unit(t, "GRLS", "girls")
			damaged := record.FromUnit(c.damage(u, o.ID+".1"))
			if err := w.Store.Write(ctx, table.Batch{WriteID: w.NewID(), Ops: []table.Op{table.PutOp(damaged, u.Version)}}); err != nil {
				t.Fatal(err)
			}
			found, err := w.Service.Verify(ctx, false)
			if err != nil || (c.want == "") != (len(found) == 0) || (c.want != "" && !strings.Contains(found[0].String(), c.want)) {
				t.Fatalf("found %v, %v", found, err)
			}
			repaired, err := w.Service.Verify(ctx, true)
			if err != nil || len(repaired) != len(found) {
				t.Fatalf("repaired %v, %v", repaired, err)
			}
			if again, err := w.Service.Verify(ctx, false); err != nil || len(again) > 0 {
				t.Fatalf("after the repair %v, %v", again, err)
			}
			if c.want != "" && w.Unit(t, "GRLS", "girls").Counts().Held() != 1 {
				t.Fatalf("held %+v", w.Unit(t, "GRLS", "girls").Counts())
			}
		})
	}
}

// watched is a store that tells of each shelter whose units are read.
type watched struct {
	table.Store
	mu   sync.Mutex
	read map[string]bool
	seen func(ctx context.Context, read int) error
}

func (w *watched) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if w.seen != nil && (q.From == "T" || q.From == "S") {
		w.mu.Lock()
		w.read[q.PK] = true
		n := len(w.read)
		w.mu.Unlock()
		if err := w.seen(ctx, n); err != nil {
			return table.Page{}, err
		}
	}
	return w.Store.Query(ctx, q)
}

// many is a world of 150 shelters and more on a watched store.
func many(t *testing.T) (*testworld.World, *watched) {
	t.Helper()
	w := testworld.Open(t)
	for i := range 150 {
		id := fmt.Sprintf("M%03d", i)
		w.Add(t, testworld.Home(id, testworld.District, code.ChildrensHome, testworld.Unit(id, "girls", code.Girls, testworld.SchoolAge, 5, 0)))
	}
	store := &watched{Store: w.Service.Store, read: map[string]bool{}}
	w.Service.Store = store
	return w, store
}

func TestVerifyGoesOnWhereItsTimeWasUp(t *testing.T) {
	w, store := many(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	store.seen = func(_ context.Context, read int) error {
		if read == 70 {
			cancel()
		}
		return ctx.Err()
	}
	if _, err := w.Service.VerifyShare(ctx, 0, 1, true); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "64 of 158") {
		t.Fatalf("the time was up and it says %v", err)
	}
	var order []string
	first := slices.Sorted(maps.Keys(store.read))[:64]
	store.read = map[string]bool{}
	store.seen = func(_ context.Context, read int) error {
		if read == 64 {
			store.mu.Lock()
			order = slices.Collect(maps.Keys(store.read))
			store.mu.Unlock()
		}
		return nil
	}
	if _, err := w.Service.VerifyShare(context.Background(), 0, 1, true); err != nil || len(store.read) != 158 {
		t.Fatalf("%d of 158 shelters, %v", len(store.read), err)
	}
	for _, id := range order {
		if slices.Contains(first, id) {
			t.Errorf("%s was looked at before those that had no turn", id)
		}
	}
	if len(order) != 64 {
		t.Errorf("%d shelters came first", len(order))
	}
}

func TestAShelterThatCannotBeReadKeepsNoOtherFromBeingVerified(t *testing.T) {
	w, store := many(t)
	broken := errors.New("broken")
	store.seen = func(_ context.Context, read int) error {
		if read == 3 {
			return broken
		}
		return nil
	}
	if _, err := w.Service.VerifyShare(context.Background(), 0, 1, true); !errors.Is(err, broken) || len(store.read) != 158 {
		t.Errorf("%d of 158 shelters, %v", len(store.read), err)
	}
}

func TestSheltersAreVerifiedSomeAtOnceInHalfOfTheTime(t *testing.T) {
	w, store := many(t)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	met := make(chan struct{})
	store.seen = func(ctx context.Context, read int) error {
		if end, ok := ctx.Deadline(); !ok || time.Until(end) > 10*time.Second {
			t.Errorf("read until %s", end)
		}
		if read > 2 {
			return nil
		}
		select { // the first waits for the second
		case met <- struct{}{}:
		case <-met:
		case <-ctx.Done():
		}
		return ctx.Err()
	}
	if _, err := w.Service.VerifyShare(ctx, 0, 1, true); err != nil {
		t.Fatal(err)
	}
	store.read = map[string]bool{}
	if lost, err := w.Service.Reconcile(ctx, 0, 1, w.Publisher.Apply); err != nil || lost != 0 || len(store.read) != 158 {
		t.Fatalf("%d lost, %d of 158 read, %v", lost, len(store.read), err)
	}
}

// What is wrong with a unit is told in the same order every time.
func TestDifferencesStandInTheOrderOfTheirClaims(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	u := w.Unit(t, "GRLS", "girls")
	version := u.Version
	var want []string
	for i := range 8 {
		want = append(want, fmt.Sprintf("p_GHOST%d.1", i))
		u = u.WithClaim(want[i], shelter.Claim{N: 1})
	}
	if err := w.Store.Write(ctx, table.Batch{WriteID: w.NewID(), Ops: []table.Op{table.PutOp(record.FromUnit(u), version)}}); err != nil {
		t.Fatal(err)
	}
	found, err := w.Service.Verify(ctx, false)
	var got []string
	for _, d := range found {
		got = append(got, d.Claim)
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
}
