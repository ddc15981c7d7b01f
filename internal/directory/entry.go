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

// entry is one shelter, one unit or one door at one version, as pages and log carry it:
// everything matching needs and nothing else: of claims only how many beds until
// when, no placement, no address, no people.
type entry struct {
	shelter *shelter.Shelter // one of the three is set
	unit    *shelter.Unit
	door    *shelter.Door
}

const (
	kindShelter = 1
	kindUnit    = 2
	kindRooms   = 3 // a unit with rooms a party has to itself, or with an end
	kindPlaces  = 4 // such a unit, or another, with places that are limited
	kindLimited = 5 // a shelter that limits how many it takes in a day
	kindDoor    = 6 // how many come to it on which day
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
	case record.IsDoor(it.Key):
		d, err := record.ToDoor(it)
		return entry{door: &d}, true, err
	}
	return entry{}, false, nil
}

func (e entry) write(w *packed.Writer) {
	switch {
	case e.shelter != nil:
		writeShelter(w, e.shelter, e.shelter.ID)
	case e.unit != nil:
		writeUnit(w, e.unit, e.unit.Shelter)
	default:
		writeDoor(w, e.door, e.door.Shelter)
	}
}

// writeShelter writes an entry under an id, which is empty when the entry before
// is about the same shelter.
func writeShelter(w *packed.Writer, s *shelter.Shelter, id string) {
	kind := uint64(kindShelter)
	if s.DailyIntake.Said() {
		kind = kindLimited
	}
	w.Num(kind)
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
	if kind == kindLimited {
		w.Int(int(s.DailyIntake))
	}
}

// writeDoor tells no placement from another: people who come for sure are added up by day.
func writeDoor(w *packed.Writer, d *shelter.Door, id string) {
	w.Num(kindDoor)
	w.Text(id)
	w.Num(d.Version)
	sure := map[shelter.Day]int{}
	var held []shelter.Coming
	all := d.All()
	for _, claim := range d.Claims() {
		if c := all[claim]; c.Until.IsZero() {
			sure[c.Day] += c.N
		} else {
			held = append(held, c)
		}
	}
	for _, day := range slices.Sorted(maps.Keys(sure)) {
		held = append(held, shelter.Coming{Day: day, N: sure[day]})
	}
	w.Int(len(held))
	for _, c := range held {
		w.Int(int(c.Day))
		w.Int(c.N)
		w.Instant(c.Until)
	}
}

func writeUnit(w *packed.Writer, u *shelter.Unit, id string) {
	c := u.Counts()
	kind := uint64(kindUnit)
	switch {
	case u.StepFree.Said() || u.Medical.Said():
		kind = kindPlaces
	case u.RoomBeds > 0 || u.Surge():
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
	if kind != kindUnit {
		w.Int(u.RoomBeds)
		w.Int(c.Blocked())
		w.Instant(u.EndsAt)
	}
	if kind == kindPlaces {
		writePlaces(w, u, claims)
	}
}

// writePlaces writes limits, what those who sleep here use, with people whom a
// census has counted though their claims stand, and what the claims do.
func writePlaces(w *packed.Writer, u *shelter.Unit, claims map[string]shelter.Claim) {
	used := u.UsedPlaces()
	for id, c := range u.Claims() {
		if _, promised := claims[id]; !promised {
			used = used.Plus(c.Places)
		}
	}
	w.Int(int(u.StepFree))
	w.Int(int(u.Medical))
	w.Int(used.StepFree)
	w.Int(used.Medical)
	for _, id := range slices.Sorted(maps.Keys(claims)) {
		w.Int(claims[id].Places.StepFree)
		w.Int(claims[id].Places.Medical)
	}
}

// readEntry reads an entry; last is the shelter of the entry before it.
func readEntry(r *packed.Reader, last string) (entry, error) {
	kind, id := readHeading(r, last)
	switch kind {
	case kindShelter, kindLimited:
		s := readShelter(r, kind, id)
		return entry{shelter: &s}, r.Err()
	case kindUnit, kindRooms, kindPlaces:
		u, err := readUnit(r, kind, id)
		return entry{unit: &u}, err
	case kindDoor:
		d := readDoor(r, id)
		return entry{door: &d}, r.Err()
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

func readShelter(r *packed.Reader, kind uint64, id string) shelter.Shelter {
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
	if kind == kindLimited {
		s.DailyIntake = shelter.Limit(r.Int())
	}
	return s
}

func readDoor(r *packed.Reader, id string) shelter.Door {
	version, coming := r.Num(), map[string]shelter.Coming{}
	for i := range r.Count() {
		coming[strconv.Itoa(i)] = shelter.Coming{Day: shelter.Day(r.Int()), N: r.Int(), Until: r.Instant()}
	}
	return shelter.DoorOf(id, version, coming)
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
	if kind != kindUnit {
		u.RoomBeds, blocked, u.EndsAt = r.Int(), r.Int(), r.Instant()
	}
	var used shelter.Places
	if kind == kindPlaces {
		u.StepFree, u.Medical, used = shelter.Limit(r.Int()), shelter.Limit(r.Int()), shelter.Places{StepFree: r.Int(), Medical: r.Int()}
		for i := range len(claims) {
			c := claims[strconv.Itoa(i)]
			c.Places = shelter.Places{StepFree: r.Int(), Medical: r.Int()}
			claims[strconv.Itoa(i)] = c
		}
	}
	if r.Err() != nil {
		return u, r.Err()
	}
	counts, err := shelter.NewCounts(staffed, out, occupied, 0)
	return shelter.Restore(u, counts.WithBlocked(blocked), claims).RestoreUsed(used), err
}

// id is what the entry is about, and version which state of it.
func (e entry) id() (key string, version uint64) {
	switch {
	case e.shelter != nil:
		return e.shelter.ID, e.shelter.Version
	case e.unit != nil:
		return e.unit.Shelter + "/" + e.unit.ID, e.unit.Version
	}
	return e.door.Shelter + "/", e.door.Version
}

func (e entry) shelterID() string {
	switch {
	case e.shelter != nil:
		return e.shelter.ID
	case e.unit != nil:
		return e.unit.Shelter
	}
	return e.door.Shelter
}
