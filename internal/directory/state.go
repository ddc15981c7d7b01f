package directory

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"panah/internal/matching"
	"panah/internal/packed"
	"panah/internal/place"
	"panah/internal/shelter"
	"panah/internal/table"
)

// state is the directory as far as it has been read: the newest version seen of
// every shelter and unit. A world made from it shares nothing that changes, and
// copies only the pages and zones in which something did.
type state struct {
	shelves *shelves
	index   *matching.Index
	book    *matching.Book
	active  map[place.Code]int // active shelters by district; 0 where all are suspended or closed
	least   int                // shelters a zone must hold

	changed map[uint32]*known // since the last world
	fresh   map[string]uint32 // new ids since then
	moved   bool              // numbers of active shelters have changed
	rebuild bool              // a shelter has gone to another district: the index is made anew
}

func newState(least int) *state {
	s := &state{shelves: &shelves{}, book: matching.NewBook(), active: map[place.Code]int{}, least: least}
	s.index = matching.NewIndex(matching.NewZoning(s.active, least), s.book, nil)
	s.settled()
	return s
}

func (s *state) settled() {
	s.changed, s.fresh, s.moved, s.rebuild = map[uint32]*known{}, map[string]uint32{}, false, false
}

// apply takes an entry if it is newer than what is known; it reports whether it was.
func (s *state) apply(e entry) bool {
	switch {
	case e.shelter != nil:
		return s.applyShelter(*e.shelter)
	case e.unit != nil:
		return s.applyUnit(*e.unit)
	}
	return s.applyDoor(*e.door)
}

// look finds what is known of a shelter, nil for nothing.
func (s *state) look(id string) (uint32, *known) {
	slot, ok := s.fresh[id]
	if !ok {
		if slot, ok = s.shelves.Find(id); !ok {
			return 0, nil
		}
	}
	if k := s.changed[slot]; k != nil {
		return slot, k
	}
	k, err := decode(s.shelves.record(slot), nil)
	if err != nil {
		return 0, nil // never: records are checked when they are taken in
	}
	return slot, &k
}

// lookOrAdd gives a shelter not met yet the next slot.
func (s *state) lookOrAdd(id string) (uint32, *known) {
	slot, k := s.look(id)
	if k == nil {
		slot, k = uint32(s.shelves.len()+len(s.fresh)), &known{id: id}
		s.fresh[id], s.changed[slot] = slot, k
	}
	return slot, k
}

func (s *state) applyShelter(n shelter.Shelter) bool {
	slot, k := s.lookOrAdd(n.ID)
	old := k.shelter
	switch {
	case old == nil:
		s.count(n.District, matching.Active(&n))
	case old.Version >= n.Version:
		return false
	case old.District != n.District:
		s.rebuild = true
	case old.Status != n.Status:
		s.count(n.District, matching.Active(&n)-matching.Active(old))
	}
	k.shelter, s.changed[slot] = &n, k
	return true
}

// count notes that a shelter came to a district, or began or ceased to be active.
func (s *state) count(d place.Code, by int) {
	s.active[d] += by
	s.moved = true
}

func (s *state) applyUnit(n shelter.Unit) bool {
	slot, k := s.lookOrAdd(n.Shelter)
	i, found := k.unitAt(n.ID)
	switch {
	case found && k.units[i].Version >= n.Version:
		return false
	case found:
		k.units[i] = n
	default:
		k.units = slices.Insert(k.units, i, n)
	}
	s.changed[slot] = k
	return true
}

func (s *state) applyDoor(n shelter.Door) bool {
	slot, k := s.lookOrAdd(n.Shelter)
	if k.door.Version >= n.Version {
		return false
	}
	k.door, s.changed[slot] = n, k
	return true
}

// world makes a snapshot that later changes leave alone.
func (s *state) world() *matching.World {
	if len(s.changed) > 0 {
		s.shelves = s.shelves.with(s.changed, s.fresh)
		s.reindex()
		s.settled()
	}
	w := matching.NewWorld(s.index, s.shelves)
	return &w
}

func (s *state) reindex() {
	z := s.index.Zoning
	if s.rebuild {
		s.recount()
	}
	if s.moved || s.rebuild {
		z = matching.NewZoning(s.active, s.least)
	}
	if s.rebuild || !z.Same(s.index.Zoning) {
		s.book = matching.NewBook()
		s.index = matching.NewIndex(z, s.book, s.sketches(s.shelves.Slots()))
		return
	}
	s.index = s.index.With(z, s.book, s.sketches(maps.Keys(s.changed)))
}

// recount adds up the active shelters of each district anew.
func (s *state) recount() {
	clear(s.active)
	for slot := range s.shelves.Slots() {
		if c := s.shelves.Open(slot); c != nil {
			s.active[c.District] += matching.Active(&c.Shelter)
		}
	}
}

func (s *state) sketches(slots func(func(uint32) bool)) []matching.Sketch {
	var out []matching.Sketch
	for slot := range slots {
		if c := s.shelves.Open(slot); c != nil {
			out = append(out, s.book.Sketch(slot, c))
		}
	}
	return out
}

// applyNewer applies what another state knows better.
func (s *state) applyNewer(o *state) {
	o.world()
	for slot := range o.shelves.Slots() {
		record := o.shelves.record(slot)
		if mine, ok := s.shelves.Find(string(o.shelves.id(slot))); ok && bytes.Equal(record, s.shelves.record(mine)) {
			continue
		}
		_ = s.applyPacked(record) // records are checked when they are taken in
	}
}

// applyPacked applies a packed run of entries.
func (s *state) applyPacked(raw []byte) error {
	last := ""
	for r := packed.NewReader(raw); r.More(); {
		e, err := readEntry(r, last)
		if err != nil {
			return err
		}
		last = e.shelterID()
		s.apply(e)
	}
	return nil
}

// took adds a claim to a unit without a newer version.
func (s *state) took(t table.Take, seen uint64) bool {
	slot, k := s.look(strings.TrimPrefix(t.Key.PK, "S#"))
	if k == nil {
		return false
	}
	i, found := k.unitAt(strings.TrimPrefix(t.Key.SK, "U#"))
	if !found || k.units[i].Version != seen {
		return false
	}
	k.units[i] = k.units[i].WithClaim(t.ClaimID, shelter.Claim{N: t.N, Until: t.Until})
	s.changed[slot] = k
	return true
}
