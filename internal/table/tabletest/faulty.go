package tabletest

import (
	"context"
	"math/rand/v2"
	"sync"

	"panah/internal/table"
)

// Faults are the chances (0 to 1) of each thing going wrong at one call.
type Faults struct {
	Busy          float64 // refused, nothing written
	UnknownBefore float64 // the request was lost: nothing written
	UnknownAfter  float64 // the reply was lost: it was written
	LateSecond    float64 // a delivered write is delivered again later
	NoImage       float64 // a failed condition without its image
	IndexLag      float64 // an index query answers from an older moment
}

// Rough is a bad day: every fault, often.
var Rough = Faults{Busy: 0.1, UnknownBefore: 0.1, UnknownAfter: 0.1, LateSecond: 0.1, NoImage: 0.3, IndexLag: 0.5}

// Faulty wraps a store and injects faults, the same ones for the same seed and
// the same order of calls.
type Faulty struct {
	table.Store
	mu     sync.Mutex
	random *rand.Rand
	faults Faults
	late   []table.Batch
	lagged map[table.Query]table.Page
	// Injected counts the faults given, by name.
	Injected map[string]int
}

// NewFaulty wraps store.
func NewFaulty(store table.Store, seed uint64, f Faults) *Faulty {
	return &Faulty{
		Store: store, random: rand.New(rand.NewPCG(seed, 1)), faults: f,
		lagged: map[table.Query]table.Page{}, Injected: map[string]int{},
	}
}

// Set changes the chances from now on.
func (f *Faulty) Set(to Faults) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = to
}

func (f *Faulty) hit(name string, pick func(Faults) float64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.random.Float64() >= pick(f.faults) {
		return false
	}
	f.Injected[name]++
	return true
}

// Write implements table.Store with faults.
func (f *Faulty) Write(ctx context.Context, b table.Batch) error {
	if err := b.Check(); err != nil {
		return err
	}
	f.deliverLate(ctx)
	switch {
	case f.hit("busy", func(f Faults) float64 { return f.Busy }):
		return table.ErrBusy
	case f.hit("unknown_before", func(f Faults) float64 { return f.UnknownBefore }):
		return table.ErrUnknown
	}
	err := f.Store.Write(ctx, b)
	if err == nil && f.hit("late_second", func(f Faults) float64 { return f.LateSecond }) {
		f.mu.Lock()
		f.late = append(f.late, b)
		f.mu.Unlock()
	}
	if err == nil && f.hit("unknown_after", func(f Faults) float64 { return f.UnknownAfter }) {
		return table.ErrUnknown
	}
	if st, ok := table.IsStale(err); ok && f.hit("no_image", func(f Faults) float64 { return f.NoImage }) {
		return &table.Stale{Images: make([]table.Image, len(st.Images))}
	}
	return err
}

// deliverLate sends one earlier write again, as a network may. Only writes with
// a put are: the contract has a take always travel with one.
func (f *Faulty) deliverLate(ctx context.Context) {
	f.mu.Lock()
	if len(f.late) == 0 {
		f.mu.Unlock()
		return
	}
	b := f.late[0]
	f.late = f.late[1:]
	f.mu.Unlock()
	for _, op := range b.Ops {
		if op.Put != nil {
			_ = f.Store.Write(ctx, b) // nobody waits for this answer
			return
		}
	}
}

// Query implements table.Store; an index sometimes answers as it did before.
func (f *Faulty) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if q.Index == table.Base {
		return f.Store.Query(ctx, q)
	}
	f.mu.Lock()
	old, seen := f.lagged[q]
	f.mu.Unlock()
	if seen && f.hit("index_lag", func(f Faults) float64 { return f.IndexLag }) {
		return old, nil
	}
	page, err := f.Store.Query(ctx, q)
	if err == nil {
		f.mu.Lock()
		f.lagged[q] = page
		f.mu.Unlock()
	}
	return page, err
}
