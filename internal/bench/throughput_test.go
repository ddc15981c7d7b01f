//go:build bench

package bench

import (
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"panah/internal/demo"
	"panah/internal/embedded"
	"panah/internal/matching"
	"panah/internal/shelter"
)

const (
	callers  = 64
	requests = 3000 // of each kind in a round
	rounds   = 5
	rateGoal = .70
	plenty   = 5000 // beds of every unit: no hold fails for want of one
)

// BenchmarkThroughput holds beds through the whole handler, and writes the very
// same batches to a twin of the store without it, in turn. Both are synced to
// the disk of this checkout.
func BenchmarkThroughput(b *testing.B) {
	now, p := time.Now, rules(b)
	d := roomy(demo.Build(seed, now()))
	parties := asks(d, p, now(), func(matching.Option) bool { return true }, []person{girl}, []person{boy}, []person{woman})
	ours, twin := twins(b, d, now)
	rec := &recorder{Store: ours}
	h := warm(b, rec, now)
	var ratios, handled, raw []float64
	units, size := map[string]bool{}, 0
	for round := range rounds + 1 { // the first one warms up
		events := make([][]byte, requests)
		for i := range events {
			n := round*requests + i
			events[i] = event(parties[n%len(parties)], team(n), newKey(n), now())
		}
		took := all(b, len(events), func(i int) error { return hold(b.Context(), h, events[i]) })
		batches := rec.take()
		if len(batches) != requests {
			b.Fatalf("%d writes for %d placements", len(batches), requests)
		}
		took2 := all(b, len(batches), func(i int) error { return twin.Write(b.Context(), batches[i]) })
		if round == 0 {
			continue
		}
		for _, batch := range batches {
			units[batch.Ops[1].Key().String()] = true
			size += batch.Ops[0].Put.Item.Size()
		}
		handled, raw = append(handled, requests/took.Seconds()), append(raw, requests/took2.Seconds())
		ratios = append(ratios, 100*took2.Seconds()/took.Seconds())
	}
	r := spreadOf(ratios)
	title("Placements through the handler against the same writes alone, embedded engine, %d callers, %d rounds of %d", callers, rounds, requests)
	line("ratio, %", "%s   goal: median >= %.0f, %s", r.with("%.0f"), 100*rateGoal, met(r.median >= 100*rateGoal))
	line("placements a second", "%s", spreadOf(handled).with("%.0f"))
	line("writes a second", "%s", spreadOf(raw).with("%.0f"))
	line("each write", "a placement of %d bytes on average and one of %d units", size/(rounds*requests), len(units))
	metric(b, r.median, "%-of-raw")
}

// roomy is the directory with beds for everybody.
func roomy(d demo.Directory) demo.Directory {
	for i := range d.Shelters {
		for j, u := range d.Shelters[i].Units {
			c, err := shelter.NewCounts(plenty, 0, u.Counts().Occupied(), 0)
			if err != nil {
				panic(err)
			}
			d.Shelters[i].Units[j] = shelter.Restore(u, c, nil)
		}
	}
	return d
}

// twins are two synced stores with the same content on the disk of the checkout:
// the system's temporary directory may be in memory.
func twins(b *testing.B, d demo.Directory, now func() time.Time) (ours, twin *embedded.Store) {
	b.Helper()
	dir, err := os.MkdirTemp(built, "bench-")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = os.RemoveAll(dir) })
	path, other := filepath.Join(dir, "ours.db"), filepath.Join(dir, "twin.db")
	first, err := embedded.Open(path, embedded.Options{NoSync: true})
	if err != nil {
		b.Fatal(err)
	}
	fill(b, first, d, now)
	if err := first.Close(); err != nil {
		b.Fatal(err)
	}
	if err := duplicate(path, other); err != nil {
		b.Fatal(err)
	}
	return open(b, path), open(b, other)
}

func open(b *testing.B, path string) *embedded.Store {
	b.Helper()
	s, err := embedded.Open(path, embedded.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	return s
}

func duplicate(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return out.Close()
}

// all does n things by so many callers at once, and says how long it took.
func all(b *testing.B, n int, do func(i int) error) time.Duration {
	b.Helper()
	var next atomic.Int64
	var wait sync.WaitGroup
	errs := make(chan error, callers)
	start := time.Now()
	for range callers {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if err := do(i); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wait.Wait()
	took := time.Since(start)
	select {
	case err := <-errs:
		b.Fatal(err)
	default:
	}
	return took
}
