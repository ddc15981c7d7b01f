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

// read unpacks a page and works out what the index needs. A shelter's entries
// that stand together are its record as they are, if the first has the id; those
// of older pages, which repeat it, are records as well.
func (l *load) read(body []byte, book *matching.Book) (err error) {
	if l.raw, err = unpack(body); err != nil {
		return err
	}
	l.active = map[place.Code]int{}
	r := packed.NewReader(l.raw).Naming(map[string]string{})
	var c matching.Candidate
	begin, id := 0, ""
	for r.More() {
		at := len(l.raw) - r.Left()
		kind, next := readHeading(r, id)
		if next != id {
			l.finish(l.raw[begin:at], &c, book)
			c, begin, id = matching.Candidate{Units: c.Units[:0]}, at, next
		}
		switch kind {
		case kindShelter, kindLimited:
			c.Shelter = readShelter(r, kind, id)
		case kindUnit, kindRooms, kindPlaces:
			u, err := readUnit(r, kind, id)
			if err != nil {
				return err
			}
			c.Units = append(c.Units, u)
		case kindDoor:
			c.Door = readDoor(r, id)
		default:
			return packed.ErrCorrupt
		}
	}
	if r.Err() == nil {
		l.finish(l.raw[begin:], &c, book)
	}
	return r.Err()
}

// finish notes a shelter of which all is read, if anything was.
func (l *load) finish(record []byte, c *matching.Candidate, book *matching.Book) {
	if len(record) == 0 {
		return
	}
	var sketch matching.Sketch
	if c.ID != "" {
		sketch = book.Sketch(0, c)
		l.active[c.District] += matching.Active(&c.Shelter)
	}
	l.records, l.sketches = append(l.records, record), append(l.sketches, sketch)
}

// take fills an empty state.
func (s *state) take(loads []load) error {
	n := 0
	for i := range loads {
		n += len(loads[i].records)
	}
	records, sketches := make([][]byte, 0, n), make([]matching.Sketch, 0, n)
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
