package tabletest

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"panah/internal/table"
)

// Faults are the chances (0 to 1) of each thing going wrong at one call.
type Faults struct {
	Busy          float64 // a write is throttled: refused, nothing written
	ReadBusy      float64 // a read is throttled
	UnknownBefore float64 // the request was lost: nothing written
	UnknownAfter  float64 // the reply was lost: it was written
	Delayed       float64 // the caller is told Unknown now, the write lands later
	LateSecond    float64 // a delivered write is delivered again later
	NoImage       float64 // a failed condition without its images
	IndexLag      float64 // an index query answers from an older moment
	Slow          float64 // time passes before a call (see Faulty.Wait)
}

// Rough is a bad day: every fault, often.
var Rough = Faults{Busy: 0.1, UnknownBefore: 0.1, UnknownAfter: 0.1, LateSecond: 0.1, NoImage: 0.3, IndexLag: 0.5}

// Awful is a worse one: also what only a network between many machines shows.
var Awful = Faults{Busy: 0.05, ReadBusy: 0.02, UnknownBefore: 0.05, UnknownAfter: 0.05, Delayed: 0.05, LateSecond: 0.1,
	NoImage: 0.3, IndexLag: 0.4, Slow: 0.05}

// Faulty wraps a store and injects faults, the same ones for the same seed and
// the same order of calls.
type Faulty struct {
	table.Store
	mu     sync.Mutex
	random *rand.Rand
	faults Faults
	late   []table.Batch
	recent []moved // changes of index entries, the newest last
	// Wait lets time pass where a call is slow; nil: no call is.
	Wait func(time.Duration)
	// Injected counts the faults given, by name.
	Injected map[string]int
}

// moved is one change of one index entry.
type moved struct {
	index      table.Index
	item       table.Key
	from, into table.Key // zero: there was or is no entry
}

// lagWrites is how many changes of entries an index may be behind.
const lagWrites = 12

// NewFaulty wraps store.
func NewFaulty(store table.Store, seed uint64, f Faults) *Faulty {
	return &Faulty{Store: store, random: rand.New(rand.NewPCG(seed, 1)), faults: f, Injected: map[string]int{}}
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
	if chance := pick(f.faults); chance == 0 || f.random.Float64() >= chance {
		return false
	}
	f.Injected[name]++
	return true
}

// upTo is a random number below n.
func (f *Faulty) upTo(n int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.random.IntN(n)
}

// slow lets up to 40 seconds pass.
func (f *Faulty) slow() {
	if f.Wait != nil && f.hit("slow", func(f Faults) float64 { return f.Slow }) {
		f.Wait(time.Duration(1+f.upTo(40)) * time.Second)
	}
}

// Get implements table.Store with faults.
func (f *Faulty) Get(ctx context.Context, key table.Key, c table.Consistency) (*table.Item, error) {
	f.slow()
	if f.hit("read_busy", func(f Faults) float64 { return f.ReadBusy }) {
		return nil, table.ErrBusy
	}
	return f.Store.Get(ctx, key, c)
}

// Write implements table.Store with faults.
func (f *Faulty) Write(ctx context.Context, b table.Batch) error {
	if err := b.Check(); err != nil {
		return err
	}
	f.slow()
	f.DeliverLate(ctx, 1)
	switch {
	case f.hit("busy", func(f Faults) float64 { return f.Busy }):
		return table.ErrBusy
	case f.hit("unknown_before", func(f Faults) float64 { return f.UnknownBefore }):
		return table.ErrUnknown
	case withPut(b) && f.hit("delayed", func(f Faults) float64 { return f.Delayed }):
		f.keep(b)
		return table.ErrUnknown
	}
	err := f.write(ctx, b)
	if err == nil && withPut(b) && f.hit("late_second", func(f Faults) float64 { return f.LateSecond }) {
		f.keep(b)
	}
	if err == nil && f.hit("unknown_after", func(f Faults) float64 { return f.UnknownAfter }) {
		return table.ErrUnknown
	}
	if st, ok := table.IsStale(err); ok && f.hit("no_image", func(f Faults) float64 { return f.NoImage }) {
		return &table.Stale{Images: make([]table.Image, len(st.Images))}
	}
	return err
}

// withPut reports whether a batch has a put: only such a one may be delivered
// late, and the contract has a take always travel with one.
func withPut(b table.Batch) bool {
	return slices.ContainsFunc(b.Ops, func(op table.Op) bool { return op.Put != nil })
}

func (f *Faulty) keep(b table.Batch) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.late = append(f.late, b)
}

// DeliverLate sends up to n earlier writes, in any order, as a network may.
func (f *Faulty) DeliverLate(ctx context.Context, n int) {
	for range n {
		f.mu.Lock()
		if len(f.late) == 0 {
			f.mu.Unlock()
			return
		}
		i := f.random.IntN(len(f.late))
		b := f.late[i]
		f.late = slices.Delete(f.late, i, i+1)
		f.mu.Unlock()
		_ = f.write(ctx, b) // nobody waits for this answer
	}
}

// Late is how many writes are still under way.
func (f *Faulty) Late() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.late)
}

// write writes and notes what an index may not show yet.
func (f *Faulty) write(ctx context.Context, b table.Batch) error {
	f.mu.Lock()
	lags := f.faults.IndexLag > 0
	f.mu.Unlock()
	if !lags {
		return f.Store.Write(ctx, b)
	}
	var changes []moved
	for _, op := range b.Ops {
		if op.Put == nil {
			continue
		}
		before := map[table.Index]table.Key{}
		if old, err := f.Store.Get(ctx, op.Key(), table.Strong); err == nil && old != nil {
			before = old.Index
		}
		for _, ix := range table.Indexes {
			if from, into := before[ix], op.Put.Item.Index[ix]; from != into {
				changes = append(changes, moved{ix, op.Key(), from, into})
			}
		}
	}
	err := f.Store.Write(ctx, b)
	if err == nil {
		f.mu.Lock()
		f.recent = append(f.recent, changes...)
		f.recent = f.recent[max(0, len(f.recent)-lagWrites):]
		f.mu.Unlock()
	}
	return err
}

// Unseen are the items whose latest changes an index may not show yet.
func (f *Faulty) Unseen() map[table.Key]bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := map[table.Key]bool{}
	for _, m := range f.recent {
		out[m.item] = true
	}
	return out
}

// Query implements table.Store; an index sometimes answers as it did some
// writes ago.
func (f *Faulty) Query(ctx context.Context, q table.Query) (table.Page, error) {
	f.slow()
	if f.hit("read_busy", func(f Faults) float64 { return f.ReadBusy }) {
		return table.Page{}, table.ErrBusy
	}
	page, err := f.Store.Query(ctx, q)
	if err == nil && q.Index != table.Base && f.hit("index_lag", func(f Faults) float64 { return f.IndexLag }) {
		f.behind(q, &page)
	}
	return page, err
}

// Scan implements table.Scanner where the engine does.
func (f *Faulty) Scan(ctx context.Context, share, of int, after string) (table.Page, error) {
	f.slow()
	if f.hit("read_busy", func(f Faults) float64 { return f.ReadBusy }) {
		return table.Page{}, table.ErrBusy
	}
	if s, ok := f.Store.(table.Scanner); ok {
		return s.Scan(ctx, share, of, after)
	}
	return table.Page{}, table.ErrNoScan
}

// behind takes the latest changes of an index out of a page of it: entries made
// since are hidden, entries dropped since are still there.
func (f *Faulty) behind(q table.Query, page *table.Page) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.recent) == 0 {
		return
	}
	for _, m := range slices.Backward(f.recent[f.random.IntN(len(f.recent)):]) {
		if m.index != q.Index {
			continue
		}
		page.Items = slices.DeleteFunc(page.Items, func(it table.Item) bool { return it.Key == m.item })
		inside := m.from.PK == q.PK && m.from.SK >= q.From && (q.To == "" || m.from.SK <= q.To)
		if inside && q.After == "" && page.Next == "" {
			page.Items = append(page.Items, table.Item{Key: m.item, Index: map[table.Index]table.Key{q.Index: m.from}})
		}
	}
	slices.SortStableFunc(page.Items, func(a, b table.Item) int {
		way := 1
		if q.Descending {
			way = -1
		}
		return way * cmp.Compare(a.Index[q.Index].SK, b.Index[q.Index].SK)
	})
}
