package directory

import (
	"cmp"
	"slices"
	"strings"

	"panah/internal/matching"
	"panah/internal/packed"
	"panah/internal/place"
	"panah/internal/shelter"
	"panah/internal/table"
)

// state is the directory as far as it has been read: the newest version seen of
// every shelter and unit. A world made from it shares nothing that changes.
type state struct {
	byID     map[string]*known
	sorted   []*matching.Candidate // by id; replaced, never changed in place
	zones    []matching.Zone
	zoneOf   map[place.Code]int
	byZone   [][]int32
	journeys *matching.Journeys
	least    int  // shelters a zone must hold
	moved    bool // shelters came, went or changed status: zones are out of date
}

// known is one shelter, which may be known by its units first.
type known struct {
	shelter *shelter.Shelter
	units   []shelter.Unit // by id
	at      int            // index in sorted, -1 while the shelter itself is not known
}

func newState(least int) *state {
	return &state{byID: map[string]*known{}, least: least, moved: true}
}

// apply takes an entry if it is newer than what is known; it reports whether it was.
func (s *state) apply(e entry) bool {
	if e.shelter != nil {
		return s.applyShelter(*e.shelter)
	}
	return s.applyUnit(*e.unit)
}

func (s *state) find(id string) *known {
	k := s.byID[id]
	if k == nil {
		k = &known{at: -1}
		s.byID[id] = k
	}
	return k
}

func (s *state) applyShelter(n shelter.Shelter) bool {
	k := s.find(n.ID)
	if k.shelter != nil && k.shelter.Version >= n.Version {
		return false
	}
	if k.shelter == nil || k.shelter.District != n.District || k.shelter.Status != n.Status {
		s.moved = true
	}
	k.shelter = &n
	s.publish(k)
	return true
}

func (s *state) applyUnit(n shelter.Unit) bool {
	k := s.find(n.Shelter)
	i, found := slices.BinarySearchFunc(k.units, n.ID, func(u shelter.Unit, id string) int { return cmp.Compare(u.ID, id) })
	if found && k.units[i].Version >= n.Version {
		return false
	}
	units := slices.Clone(k.units)
	if found {
		units[i] = n
	} else {
		units = slices.Insert(units, i, n)
	}
	k.units = units
	s.publish(k)
	return true
}

// publish puts the shelter's present form where the next world will find it.
func (s *state) publish(k *known) {
	if k.shelter == nil {
		return // units of a shelter not seen yet wait for it
	}
	c := matching.NewCandidate(*k.shelter, k.units, s.zoneOf[k.shelter.District])
	if k.at >= 0 {
		s.sorted[k.at] = c
		return
	}
	s.sorted = append(s.sorted, c)
	k.at = len(s.sorted) - 1
	s.moved = true
}

// world makes a snapshot that later changes leave alone.
func (s *state) world() *matching.World {
	if s.moved {
		s.rezone()
	}
	return &matching.World{Candidates: slices.Clone(s.sorted), Zones: s.zones, ByZone: s.byZone, Journeys: s.journeys}
}

func (s *state) rezone() {
	slices.SortFunc(s.sorted, func(a, b *matching.Candidate) int { return cmp.Compare(a.ID, b.ID) })
	shelters := make([]shelter.Shelter, len(s.sorted))
	for i, c := range s.sorted {
		shelters[i] = c.Shelter
	}
	s.zones, s.zoneOf = matching.Zones(shelters, s.least)
	for i, c := range s.sorted {
		s.byID[c.ID].at = i
		if z := s.zoneOf[c.District]; z != c.Zone {
			again := *c
			again.Zone = z
			s.sorted[i] = &again
		}
	}
	s.journeys = &matching.Journeys{}
	s.byZone = matching.GroupByZone(s.sorted, len(s.zones))
	s.moved = false
}

// entries lists everything known, shelter by shelter in order of id.
func (s *state) entries() []entry {
	ids := make([]string, 0, len(s.byID))
	for id := range s.byID {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	var out []entry
	for _, id := range ids {
		k := s.byID[id]
		if k.shelter != nil {
			out = append(out, entry{shelter: k.shelter})
		}
		for i := range k.units {
			out = append(out, entry{unit: &k.units[i]})
		}
	}
	return out
}

// applyPacked applies a packed run of entries.
func (s *state) applyPacked(raw []byte) error {
	for r := packed.NewReader(raw); r.More(); {
		e, err := readEntry(r)
		if err != nil {
			return err
		}
		s.apply(e)
	}
	return nil
}

// took adds a claim to a unit without a newer version.
func (s *state) took(t table.Take, seen uint64) bool {
	k := s.byID[strings.TrimPrefix(t.Key.PK, "S#")]
	if k == nil {
		return false
	}
	id := strings.TrimPrefix(t.Key.SK, "U#")
	i := slices.IndexFunc(k.units, func(u shelter.Unit) bool { return u.ID == id })
	if i < 0 || k.units[i].Version != seen {
		return false
	}
	units := slices.Clone(k.units)
	units[i] = units[i].WithClaim(t.ClaimID, shelter.Claim{N: t.N, Until: t.Until})
	k.units = units
	s.publish(k)
	return true
}
