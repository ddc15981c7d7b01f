package matching

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"sync"
	"time"

	"panah/internal/code"
	"panah/internal/language"
	"panah/internal/place"
	"panah/internal/shelter"
)

// Index is what ranking looks at: for each zone a cell of its shelters, those of
// one shape side by side, so that a rule that depends on the shape alone is
// decided once for all of them. An Index does not change once made.
type Index struct {
	Zoning
	cells    []*cell // by zone
	shapes   []shape
	tongues  [][]tongue
	tags     []language.Tag
	journeys *Journeys // worked out so far; indexes with the same zones share it
}

// shape is what law, ages and populations look at of a shelter. There are few:
// most shelters share theirs with many others.
type shape struct {
	kind   code.Institution
	served code.Set[code.Population]
	apart  code.Set[code.Population] // where a unit lets a person sleep apart
	ages   uint64                    // population × 8 + age band, of any unit
	units  []wing
}

// wing is the part of a unit that belongs to the shape.
type wing struct {
	population code.Population
	ages       code.Set[code.AgeBand]
	apart      bool
	site       uint8
}

// inRow is how many units' counts stand in the row itself: with them a row fills
// one cache line, and few shelters have more.
const inRow = 3

// row is the rest of a shelter that rules and score look at.
type row struct {
	slot       uint32
	registered uint32 // until when, Unix seconds; 0 when it takes nobody
	offered    uint32 // when a bed was last promised
	until      uint32 // free beds stay as they are until the first of the claims ends
	tongues    uint32 // index into Index.tongues
	mix        uint32 // of the id, for the dice
	onSite     uint16 // needs
	met        uint16 // needs, on site or arranged
	features   uint16
	stay       uint16 // days at most; 0: no cap
	from, to   uint16 // of intake, minutes
	freedom    uint8
	spare      [3]uint8     // step-free and medical places and people a day that are left for sure; 255 for at least so many
	bunks      [inRow]bunks // of the first units
}

// unit is the counts of unit i; more are those that did not fit in the row.
func (r *row) unit(i int, more []bunks) *bunks {
	if i < inRow {
		return &r.bunks[i]
	}
	return &more[i-inRow]
}

// bunks are the counts of one unit.
type bunks struct {
	confirmed uint32
	free      int16
	staffed   uint16
}

// tongue is a language on a list: a number for its tag, and how it is spoken.
type tongue struct {
	tag   uint16
	staff bool
}

// cell is one zone. Rows stand in runs of one shape, and in a run by the end of
// registration; for shelters with n units more than fit in a row, those of row i
// begin at more + (i-first)·n.
type cell struct {
	runs []run
	rows []row
	more []bunks
}

type run struct {
	shape, first, more uint32
	never              uint32 // rows that take nobody, whatever the time: they come first
	soonest            uint32 // when the first registration of the others ends
}

// expired is where the rows end whose registration is not current, at an instant.
func (c *cell) expired(i int, now uint32) int {
	r := &c.runs[i]
	at, end := int(r.first+r.never), c.end(i)
	if r.soonest > now {
		return at
	}
	for at < end && c.rows[at].registered <= now {
		at++
	}
	return at
}

// end is where run i's rows end.
func (c *cell) end(i int) int {
	if i+1 < len(c.runs) {
		return int(c.runs[i+1].first)
	}
	return len(c.rows)
}

// Sketch is one shelter as the index takes it in.
type Sketch struct {
	District place.Code
	shape    uint32
	row      row
	more     []bunks
}

// At is the sketch under another slot.
func (s Sketch) At(slot uint32) Sketch { s.row.slot = slot; return s }

// Book numbers the shapes and language lists met so far. It may be used from
// several goroutines.
type Book struct {
	mu       sync.RWMutex
	shapeNo  map[string]uint32
	tongueNo map[string]uint32
	tagNo    map[language.Tag]uint16
	shapes   []shape
	tongues  [][]tongue
	tags     []language.Tag
}

// NewBook is empty.
func NewBook() *Book {
	return &Book{shapeNo: map[string]uint32{}, tongueNo: map[string]uint32{}, tagNo: map[language.Tag]uint16{}}
}

// Sketch works out once what every ask looks at of a shelter.
func (b *Book) Sketch(slot uint32, c *Candidate) Sketch {
	s := Sketch{District: c.District, shape: b.shape(c)}
	if n := len(c.Units); n > inRow {
		s.more = make([]bunks, n-inRow)
	}
	s.row = row{slot: slot, onSite: uint16(c.OnSite), met: uint16(c.OnSite.Union(c.Arranged)), features: uint16(c.Features),
		offered: seconds(c.LastOffered()), until: math.MaxUint32, tongues: b.tongue(c.Languages), mix: mix(c.ID),
		stay: uint16(min(c.MaxStayDays, math.MaxUint16)),
		from: uint16(c.Intake.From), to: uint16(c.Intake.To), freedom: uint8(freedom(&c.Shelter))}
	s.row.spare = spare(c)
	if c.Status == shelter.Active && !c.apart() {
		s.row.registered = seconds(c.RegisteredUntil)
	}
	for i := range c.Units {
		u := &c.Units[i]
		*s.row.unit(i, s.more) = bunks{confirmed: seconds(u.ConfirmedAt), free: int16(u.Takes(u.FreeAt(time.Time{}))), staffed: uint16(u.Counts().Staffed())}
		if end := u.FirstEnd(); !end.IsZero() {
			s.row.until = min(s.row.until, seconds(end))
		}
	}
	return s
}

// spare is what is left for sure of what a shelter has limits of, whatever the day
// and the instant: in each of its units, and at its door. Who needs more asks the
// shelter itself.
func spare(c *Candidate) [3]uint8 {
	places, people := shelter.Places{StepFree: math.MaxUint8, Medical: math.MaxUint8}, math.MaxUint8
	for i := range c.Units {
		left := c.Units[i].PlacesAt(time.Time{})
		places = shelter.Places{StepFree: min(places.StepFree, left.StepFree), Medical: min(places.Medical, left.Medical)}
	}
	if c.DailyIntake.Said() {
		people = min(people, c.DailyIntake.N()-c.Door.Most())
	}
	return [3]uint8{uint8(max(0, places.StepFree)), uint8(max(0, places.Medical)), uint8(max(0, people))}
}

// seconds is an instant as the index keeps it: Unix seconds, 0 for none.
func seconds(t time.Time) uint32 {
	if t.IsZero() {
		return 0
	}
	return uint32(min(max(t.Unix(), 0), math.MaxUint32))
}

// mix spreads a text over 32 bits (FNV-1a).
func mix(s string) uint32 {
	h := uint32(2166136261)
	for i := range len(s) {
		h = (h ^ uint32(s[i])) * 16777619
	}
	return h
}

func (b *Book) shape(c *Candidate) uint32 {
	var room [64]byte
	key := append(room[:0], byte(c.Type))
	for i := range c.Units {
		u := &c.Units[i]
		key = append(key, byte(u.Population), byte(u.Ages), u.Site, 0)
		if u.SeparateSleeping {
			key[len(key)-1] = 1
		}
	}
	return number(b, b.shapeNo, &b.shapes, key, func() shape { return newShape(c) })
}

func newShape(c *Candidate) shape {
	s := shape{kind: c.Type, units: make([]wing, len(c.Units))}
	for i := range c.Units {
		u := &c.Units[i]
		s.units[i] = wing{u.Population, u.Ages, u.SeparateSleeping, u.Site}
		s.served = s.served.With(u.Population)
		if u.SeparateSleeping {
			s.apart = s.apart.With(u.Population)
		}
		s.ages |= uint64(byte(u.Ages)) << (8 * u.Population)
	}
	return s
}

func (b *Book) tongue(spoken []shelter.Language) uint32 {
	var room [64]byte
	key := room[:0]
	for _, l := range spoken {
		key = append(binary.AppendUvarint(key, uint64(len(l.Tag))), l.Tag...)
		key = append(key, byte(l.Via))
	}
	return number(b, b.tongueNo, &b.tongues, key, func() []tongue { return b.list(spoken) })
}

// list numbers the tags of a list; b is locked.
func (b *Book) list(spoken []shelter.Language) []tongue {
	out := make([]tongue, len(spoken))
	for i, l := range spoken {
		no, ok := b.tagNo[l.Tag]
		if !ok {
			no = uint16(len(b.tags))
			b.tagNo[l.Tag], b.tags = no, append(b.tags, l.Tag)
		}
		out[i] = tongue{no, l.Via == code.ViaStaff}
	}
	return out
}

// number finds or gives the number of a key.
func number[T any](b *Book, known map[string]uint32, list *[]T, key []byte, value func() T) uint32 {
	b.mu.RLock()
	n, ok := known[string(key)]
	b.mu.RUnlock()
	if ok {
		return n
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if n, ok := known[string(key)]; ok {
		return n
	}
	n = uint32(len(*list))
	known[string(key)] = n
	*list = append(*list, value())
	return n
}

// NewIndex files sketches under their zones. Those of districts nobody knows are left out.
func NewIndex(z Zoning, b *Book, sketches []Sketch) *Index {
	x := &Index{Zoning: z, cells: make([]*cell, len(z.Zones)), journeys: &Journeys{}}
	byZone := make([][]*Sketch, len(z.Zones))
	for i := range sketches {
		if zone, ok := z.Of(sketches[i].District); ok {
			byZone[zone] = append(byZone[zone], &sketches[i])
		}
	}
	for i, members := range byZone {
		x.cells[i] = newCell(members)
	}
	x.read(b)
	return x
}

// read takes over the numbers given so far.
func (x *Index) read(b *Book) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	x.shapes, x.tongues, x.tags = slices.Clip(b.shapes), slices.Clip(b.tongues), slices.Clip(b.tags)
}

// With is the index with some shelters changed or new in their zone. Cells of
// other zones are shared with x. z must have the same zones as x's.
func (x *Index) With(z Zoning, b *Book, changed []Sketch) *Index {
	next := &Index{Zoning: z, cells: slices.Clone(x.cells), journeys: x.journeys}
	byZone := map[int][]*Sketch{}
	for i := range changed {
		if zone, ok := z.Of(changed[i].District); ok {
			byZone[zone] = append(byZone[zone], &changed[i])
		}
	}
	for zone, members := range byZone {
		next.cells[zone] = newCell(append(next.cells[zone].without(members), members...))
	}
	next.read(b)
	return next
}

// without are the sketches of a cell but for those of the given slots.
func (c *cell) without(changed []*Sketch) []*Sketch {
	out := make([]*Sketch, 0, len(c.rows)+len(changed))
	sketches := make([]Sketch, len(c.rows))
	for i := range c.runs {
		r := &c.runs[i]
		for at := int(r.first); at < c.end(i); at++ {
			row := c.rows[at]
			if slices.ContainsFunc(changed, func(s *Sketch) bool { return s.row.slot == row.slot }) {
				continue
			}
			n := c.width(i)
			from := int(r.more) + (at-int(r.first))*n
			sketches[at] = Sketch{shape: r.shape, row: row, more: c.more[from : from+n]}
			out = append(out, &sketches[at])
		}
	}
	return out
}

// width is how many units the shelters of run i have that do not fit in a row.
func (c *cell) width(i int) int {
	more := len(c.more)
	if i+1 < len(c.runs) {
		more = int(c.runs[i+1].more)
	}
	return (more - int(c.runs[i].more)) / (c.end(i) - int(c.runs[i].first))
}

func newCell(members []*Sketch) *cell {
	slices.SortFunc(members, func(a, b *Sketch) int {
		return cmp.Or(cmp.Compare(a.shape, b.shape), cmp.Compare(a.row.registered, b.row.registered), cmp.Compare(a.row.slot, b.row.slot))
	})
	units, runs := 0, 0
	for i, s := range members {
		units += len(s.more)
		if i == 0 || members[i-1].shape != s.shape {
			runs++
		}
	}
	c := &cell{runs: make([]run, 0, runs), rows: make([]row, len(members)), more: make([]bunks, 0, units)}
	for i, s := range members {
		if i == 0 || members[i-1].shape != s.shape {
			c.runs = append(c.runs, run{shape: s.shape, first: uint32(i), more: uint32(len(c.more)), soonest: math.MaxUint32})
		}
		r := &c.runs[len(c.runs)-1]
		if s.row.registered == 0 {
			r.never++
		} else {
			r.soonest = min(r.soonest, s.row.registered)
		}
		c.rows[i] = s.row
		c.more = append(c.more, s.more...)
	}
	return c
}
