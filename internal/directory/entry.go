package directory

import (
	"maps"
	"slices"
	"strconv"

	"panah/internal/code"
	"panah/internal/language"
	"panah/internal/packed"
	"panah/internal/place"
	"panah/internal/record"
	"panah/internal/shelter"
	"panah/internal/table"
)

// entry is one shelter or one unit at one version, as pages and log carry it:
// everything matching needs and nothing else: of claims only how many beds until
// when, no placement, no address, no people.
type entry struct {
	shelter *shelter.Shelter // one of the two is set
	unit    *shelter.Unit
}

const (
	kindShelter = 1
	kindUnit    = 2
	kindRooms   = 3 // a unit with rooms a party has to itself, or with an end
)

// entryOf makes the entry of a table item; ok is false for items the directory
// does not carry.
func entryOf(it *table.Item) (e entry, ok bool, err error) {
	switch {
	case record.IsShelter(it.Key):
		s, err := record.ToShelter(it)
		return entry{shelter: &s}, true, err
	case record.IsUnit(it.Key):
		u, err := record.ToUnit(it)
		return entry{unit: &u}, true, err
	}
	return entry{}, false, nil
}

func (e entry) write(w *packed.Writer) {
	if s := e.shelter; s != nil {
		writeShelter(w, s, s.ID)
		return
	}
	writeUnit(w, e.unit, e.unit.Shelter)
}

// writeShelter writes an entry under an id, which is empty when the entry before
// is about the same shelter.
func writeShelter(w *packed.Writer, s *shelter.Shelter, id string) {
	w.Num(kindShelter)
	w.Text(id)
	w.Num(s.Version)
	w.Num(s.Rev)
	w.Text(string(s.District))
	w.Num(uint64(s.Type))
	w.Num(uint64(s.Status))
	w.Instant(s.RegisteredUntil)
	w.Num(uint64(s.OnSite))
	w.Num(uint64(s.Arranged))
	w.Num(uint64(s.Features))
	w.Num(uint64(s.HouseRules))
	w.Int(s.Intake.From)
	w.Int(s.Intake.To)
	w.Int(s.MaxStayDays)
	w.Flag(s.Synthetic)
	w.Int(len(s.Languages))
	for _, l := range s.Languages {
		w.Text(string(l.Tag))
		w.Num(uint64(l.Via))
	}
}

func writeUnit(w *packed.Writer, u *shelter.Unit, id string) {
	c := u.Counts()
	kind := uint64(kindUnit)
	if u.RoomBeds > 0 || u.Surge() {
		kind = kindRooms
	}
	w.Num(kind)
	w.Text(id)
	w.Text(u.ID)
	w.Num(u.Version)
	w.Num(u.Rev)
	w.Num(uint64(u.Population))
	w.Num(uint64(u.Ages))
	w.Num(uint64(u.Kind))
	w.Flag(u.SeparateSleeping)
	w.Num(uint64(u.Site))
	w.Int(u.Sanctioned)
	w.Int(c.Staffed())
	w.Int(c.OutOfService())
	w.Int(c.Occupied())
	claims := u.Promised()
	w.Int(len(claims))
	for _, id := range slices.Sorted(maps.Keys(claims)) {
		w.Int(claims[id].N)
		w.Instant(claims[id].Until)
	}
	w.Instant(u.ConfirmedAt)
	w.Instant(u.OfferedLast())
	if kind == kindRooms {
		w.Int(u.RoomBeds)
		w.Int(c.Blocked())
		w.Instant(u.EndsAt)
	}
}

// readEntry reads an entry; last is the shelter of the entry before it.
func readEntry(r *packed.Reader, last string) (entry, error) {
	kind, id := readHeading(r, last)
	switch kind {
	case kindShelter:
		s := readShelter(r, id)
		return entry{shelter: &s}, r.Err()
	case kindUnit, kindRooms:
		u, err := readUnit(r, kind, id)
		return entry{unit: &u}, err
	}
	return entry{}, packed.ErrCorrupt
}

// readHeading reads what an entry is and of which shelter: the last one, when
// the id is left out.
func readHeading(r *packed.Reader, last string) (kind uint64, id string) {
	kind = r.Num()
	if id = r.Text(); id == "" {
		id = last
	}
	return kind, id
}

func readShelter(r *packed.Reader, id string) shelter.Shelter {
	s := shelter.Shelter{ID: id, Version: r.Num(), Rev: r.Num(), District: place.Code(r.Name()),
		Type: code.Institution(r.Num()), Status: shelter.Status(r.Num()), RegisteredUntil: r.Instant(),
		OnSite: code.Set[code.Need](r.Num()), Arranged: code.Set[code.Need](r.Num()),
		Features: code.Set[code.Feature](r.Num()), HouseRules: code.Set[code.HouseRule](r.Num()),
		Intake: shelter.Hours{From: r.Int(), To: r.Int()}, MaxStayDays: r.Int(), Synthetic: r.Flag()}
	n := r.Count()
	s.Languages = make([]shelter.Language, 0, n)
	for range n {
		s.Languages = append(s.Languages, shelter.Language{Tag: language.Tag(r.Name()), Via: code.LanguageVia(r.Num())})
	}
	return s
}

func readUnit(r *packed.Reader, kind uint64, id string) (shelter.Unit, error) {
	u := shelter.Unit{Shelter: id, ID: r.Name(), Version: r.Num(), Rev: r.Num(), Population: code.Population(r.Num()),
		Ages: code.Set[code.AgeBand](r.Num()), Kind: code.UnitKind(r.Num()), SeparateSleeping: r.Flag(),
		Site: uint8(r.Num()), Sanctioned: r.Int()}
	staffed, out, occupied := r.Int(), r.Int(), r.Int()
	var claims map[string]shelter.Claim
	for i := range r.Count() {
		if claims == nil {
			claims = map[string]shelter.Claim{}
		}
		claims[strconv.Itoa(i)] = shelter.Claim{N: r.Int(), Until: r.Instant()}
	}
	u.ConfirmedAt, u.LastOffered = r.Instant(), r.Instant()
	blocked := 0
	if kind == kindRooms {
		u.RoomBeds, blocked, u.EndsAt = r.Int(), r.Int(), r.Instant()
	}
	if r.Err() != nil {
		return u, r.Err()
	}
	counts, err := shelter.NewCounts(staffed, out, occupied, 0)
	return shelter.Restore(u, counts.WithBlocked(blocked), claims), err
}

// id is what the entry is about, and version which state of it.
func (e entry) id() (key string, version uint64) {
	if e.shelter != nil {
		return e.shelter.ID, e.shelter.Version
	}
	return e.unit.Shelter + "/" + e.unit.ID, e.unit.Version
}

func (e entry) shelterID() string {
	if e.shelter != nil {
		return e.shelter.ID
	}
	return e.unit.Shelter
}
