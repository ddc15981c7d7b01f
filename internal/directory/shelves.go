package directory

import (
	"cmp"
	"iter"
	"slices"
	"sort"

	"panah/internal/matching"
	"panah/internal/packed"
	"panah/internal/shelter"
)

// shelves keep every shelter in the form of the pages, a few hundred bytes for
// each: matching has its own index and takes a shelter out only to show it. They
// do not change once made; a change makes new ones that share all other pages.
type shelves struct {
	pages []*page
	order []uint32 // slots by id
}

// page is the records of slotsPerPage slots, one after the other: the entries of
// a shelter and its units, of which only the first has the shelter's id.
type page struct {
	text []byte
	ends []uint32
}

// slotsPerPage is how many shelters are copied when one of them changes.
const slotsPerPage = 64

func (s *shelves) len() int { return len(s.order) }

// record is what is kept of a slot.
func (s *shelves) record(slot uint32) []byte {
	p, i := s.pages[slot/slotsPerPage], slot%slotsPerPage
	from := uint32(0)
	if i > 0 {
		from = p.ends[i-1]
	}
	return p.text[from:p.ends[i]:p.ends[i]]
}

// id is the id of the shelter of a slot, without a copy of it.
func (s *shelves) id(slot uint32) []byte {
	return packed.SecondText(s.record(slot)) // after the kind
}

// ID implements matching.Shelves.
func (s *shelves) ID(slot uint32) string { return string(s.id(slot)) }

// Find implements matching.Shelves.
func (s *shelves) Find(id string) (uint32, bool) {
	i := sort.Search(len(s.order), func(i int) bool { return string(s.id(s.order[i])) >= id })
	if i == len(s.order) || string(s.id(s.order[i])) != id {
		return 0, false
	}
	return s.order[i], true
}

// Slots implements matching.Shelves.
func (s *shelves) Slots() iter.Seq[uint32] { return slices.Values(s.order) }

// Open implements matching.Shelves.
func (s *shelves) Open(slot uint32) *matching.Candidate {
	k, err := decode(s.record(slot), nil)
	if err != nil || k.shelter == nil {
		return nil
	}
	return &matching.Candidate{Shelter: *k.shelter, Units: k.units, Door: k.door}
}

// known is one shelter, which may be known by its units first.
type known struct {
	id      string
	shelter *shelter.Shelter
	units   []shelter.Unit // by id
	door    shelter.Door   // Version 0: none is known
}

// decode reads a record. Names that many records share are kept once in names.
func decode(record []byte, names map[string]string) (k known, err error) {
	r := packed.NewReader(record).Naming(names)
	for r.More() {
		e, err := readEntry(r, k.id)
		if err != nil {
			return k, err
		}
		k.id = e.shelterID()
		switch {
		case e.shelter != nil:
			k.shelter = e.shelter
		case e.unit != nil:
			k.units = append(k.units, *e.unit)
		default:
			k.door = *e.door
		}
	}
	return k, r.Err()
}

// encode appends the record of a shelter.
func (k *known) encode(to []byte) []byte {
	w := packed.NewWriterOn(to)
	id := k.id
	if k.shelter != nil {
		writeShelter(w, k.shelter, id)
		id = ""
	}
	for i := range k.units {
		writeUnit(w, &k.units[i], id)
		id = ""
	}
	if k.door.Version > 0 {
		writeDoor(w, &k.door, id)
	}
	return w.Bytes()
}

// with are the shelves with the records of some slots changed or new; fresh are
// the new ids. New slots follow the old ones without a gap.
func (s *shelves) with(changed map[uint32]*known, fresh map[string]uint32) *shelves {
	next := &shelves{pages: slices.Clone(s.pages), order: s.order}
	slots := s.len() + len(fresh)
	byPage := map[int]bool{}
	for slot := range changed {
		byPage[int(slot/slotsPerPage)] = true
	}
	for n := range byPage {
		for n >= len(next.pages) {
			next.pages = append(next.pages, &page{})
		}
	}
	for n := range byPage {
		p := &page{}
		for slot := uint32(n * slotsPerPage); slot < uint32(min((n+1)*slotsPerPage, slots)); slot++ {
			if k := changed[slot]; k != nil {
				p.text = k.encode(p.text)
			} else {
				p.text = append(p.text, s.record(slot)...)
			}
			p.ends = append(p.ends, uint32(len(p.text)))
		}
		p.text = slices.Clone(p.text) // without room to grow
		next.pages[n] = p
	}
	if len(fresh) > 0 {
		next.order = make([]uint32, 0, slots)
		for slot := range uint32(slots) {
			next.order = append(next.order, slot)
		}
		next.sort()
	}
	return next
}

func (s *shelves) sort() {
	slices.SortFunc(s.order, func(a, b uint32) int { return slices.Compare(s.id(a), s.id(b)) })
}

// fill makes shelves of records in the order of their slots. It reports whether
// every id is there once.
func fill(records [][]byte) (*shelves, bool) {
	s := &shelves{order: make([]uint32, len(records))}
	for i := 0; i < len(records); i += slotsPerPage {
		some := records[i:min(i+slotsPerPage, len(records))]
		size := 0
		for _, r := range some {
			size += len(r)
		}
		p := &page{text: make([]byte, 0, size), ends: make([]uint32, 0, len(some))}
		for _, r := range some {
			p.text = append(p.text, r...)
			p.ends = append(p.ends, uint32(len(p.text)))
		}
		s.pages = append(s.pages, p)
	}
	for i := range s.order {
		s.order[i] = uint32(i)
	}
	byID := func(a, b uint32) int { return slices.Compare(s.id(a), s.id(b)) }
	if !slices.IsSortedFunc(s.order, byID) {
		s.sort()
	}
	for i := 1; i < len(s.order); i++ {
		if byID(s.order[i-1], s.order[i]) == 0 {
			return s, false
		}
	}
	return s, true
}

// unitAt is where a unit is among those of a shelter, or would be.
func (k *known) unitAt(id string) (int, bool) {
	return slices.BinarySearchFunc(k.units, id, func(u shelter.Unit, id string) int { return cmp.Compare(u.ID, id) })
}
