package directory

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"panah/internal/matching"
	"panah/internal/packed"
	"panah/internal/place"
	"panah/internal/table"
)

// pagesAtOnce is how many pages are read at the same time: reading waits for the
// table, so more than there are processors.
const pagesAtOnce = 8

func pageKey(gen string, n int) table.Key {
	return table.Key{PK: pagesPartition(gen), SK: fmt.Sprintf("%05d", n)}
}

// readPages takes in the pages of a generation, several at once.
func readPages(ctx context.Context, store table.Store, s *state, h head) error {
	if h.gen == "" {
		return nil
	}
	loads := make([]load, h.pages)
	errs := make([]error, h.pages)
	reading := make(chan struct{}, pagesAtOnce)
	unpacking := make(chan struct{}, runtime.GOMAXPROCS(0))
	var wait sync.WaitGroup
	for i := range loads {
		wait.Go(func() {
			reading <- struct{}{}
			raw, err := readPage(ctx, store, pageKey(h.gen, i))
			<-reading
			if err == nil {
				unpacking <- struct{}{}
				err = loads[i].read(raw, s.book)
				<-unpacking
			}
			errs[i] = err
		})
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return s.take(loads)
}

func readPage(ctx context.Context, store table.Store, key table.Key) ([]byte, error) {
	it, err := store.Get(ctx, key, table.Relaxed)
	switch {
	case err != nil:
		return nil, err
	case it == nil || it.Tombstone:
		return nil, errGap // missed by an eventually consistent read, or replaced by a newer generation
	}
	return it.Body, nil
}

// load is one page as it was read.
type load struct {
	raw      []byte
	records  [][]byte
	sketches []matching.Sketch // by record; of no district where only units are known
	active   map[place.Code]int
}

// read unpacks a page and works out what the index needs.
func (l *load) read(body []byte, book *matching.Book) (err error) {
	if l.raw, err = unpack(body); err != nil {
		return err
	}
	names := map[string]string{}
	l.active = map[place.Code]int{}
	r := packed.NewReader(l.raw).Naming(names)
	arena := make([]byte, 0, len(l.raw)+len(l.raw)/8)
	var k known
	begin := 0
	finish := func(end int) {
		if k.id == "" {
			return
		}
		from := len(arena)
		w := packed.NewWriterOn(arena)
		w.Text(k.id)
		arena = append(w.Bytes(), l.raw[begin:end]...)
		l.records = append(l.records, arena[from:len(arena):len(arena)])
		var sketch matching.Sketch
		if k.shelter != nil {
			c := matching.Candidate{Shelter: *k.shelter, Units: k.units}
			sketch = book.Sketch(0, &c)
			l.active[k.shelter.District] += matching.Active(k.shelter)
		}
		l.sketches = append(l.sketches, sketch)
	}
	for r.More() {
		at := len(l.raw) - r.Left()
		e, err := readEntry(r)
		if err != nil {
			return err
		}
		if id := e.shelterID(); id != k.id {
			finish(at)
			k, begin = known{id: id, units: k.units[:0]}, at
		}
		if e.shelter != nil {
			k.shelter = e.shelter
		} else {
			k.units = append(k.units, *e.unit)
		}
	}
	finish(len(l.raw))
	return r.Err()
}

// take fills an empty state.
func (s *state) take(loads []load) error {
	var records [][]byte
	var sketches []matching.Sketch
	for i := range loads {
		for j, record := range loads[i].records {
			if sketch := loads[i].sketches[j]; sketch.District != "" {
				sketches = append(sketches, sketch.At(uint32(len(records))))
			}
			records = append(records, record)
		}
		for d, n := range loads[i].active {
			s.active[d] += n
		}
	}
	shelves, once := fill(records)
	if !once { // a shelter's entries are not all together: one by one, then
		return s.takeOneByOne(loads)
	}
	s.shelves = shelves
	s.index = matching.NewIndex(matching.NewZoning(s.active, s.least), s.book, sketches)
	return nil
}

func (s *state) takeOneByOne(loads []load) error {
	clear(s.active)
	for i := range loads {
		if err := s.applyPacked(loads[i].raw); err != nil {
			return err
		}
	}
	s.world()
	return nil
}
