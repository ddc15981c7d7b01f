package registry

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"panah/internal/code"
	"panah/internal/fault"
	"panah/internal/place"
	"panah/internal/shelter"
)

// File is what a file says, shelter by shelter.
type File struct {
	Rows     int
	Refused  int // rows that say nothing because something is wrong with them
	Entries  []*Entry
	Problems []Problem // by line

	mapping Mapping
	known   set // fields the mapping has a rule for
	broken  bool
	byKey   map[string]*Entry
}

// Entry is all a file says of one shelter.
type Entry struct {
	Key   string
	Line  int // where it is first named
	Rows  int
	Units []*Unit

	row Row // what is said, put together
}

// Unit is all a file says of one unit.
type Unit struct {
	ID   string
	Line int
	Days map[time.Time]Day // by midnight UTC

	row    Row
	latest time.Time
}

// Day is what a unit counted for a day, and where the file says so.
type Day struct {
	shelter.DayCount
	Line int
}

func newFile(m Mapping) File {
	f := File{mapping: m, byKey: map[string]*Entry{}}
	for i, field := range fields {
		if _, ok := m.Fields[field.name]; ok {
			f.known |= 1 << i
		}
	}
	return f
}

// Register is whose numbers the keys are.
func (f *File) Register() string { return f.mapping.Register }

// fatal notes a problem for which no row can be taken.
func (f *File) fatal(p Problem) {
	f.Problems = append(f.Problems, p)
	f.broken = true
}

// refuse notes a row that is lost, and why.
func (f *File) refuse(problems ...Problem) {
	f.Problems = append(f.Problems, problems...)
	f.Refused++
}

// row takes one row in, or refuses it with everything that is wrong with it.
func (f *File) row(columns map[string]string, line int) {
	if f.broken {
		f.Refused++
		return
	}
	r := Row{Line: line}
	var problems []Problem
	for i, field := range fields {
		if !f.known.has(i) {
			continue
		}
		v, problem := f.mapping.Fields[field.name].value(columns)
		if problem == "" && v != "" {
			r.has |= 1 << i
			r.said[i] = v
			problem = field.read(&r, v)
		}
		if problem != "" {
			problems = append(problems, Problem{line, field.name, problem})
		}
	}
	if len(problems) == 0 {
		problems = r.complete()
	}
	if len(problems) == 0 {
		problems = f.add(r)
	}
	if len(problems) > 0 {
		f.refuse(problems...)
	}
}

// counted are the fields that speak of people and beds on a day.
var counted = []int{position("staffed"), position("outOfService"), position("present"), position("persons")}

// complete fills in what follows from the rest and says what is missing.
func (r *Row) complete() []Problem {
	missing := func(field, what string) []Problem { return []Problem{{r.Line, field, what}} }
	if r.Key == "" {
		return missing("key", "is required")
	}
	if r.Unit.ID == "" && r.has.has(position("population")) {
		r.Unit.ID = strings.ReplaceAll(code.Populations.Name(r.Unit.Population), "_and_", "_")
	}
	counts := slices.ContainsFunc(counted, r.has.has)
	switch {
	case r.Unit.ID == "" && r.speaksOfUnit():
		return missing("unit", "is required where beds are spoken of, or a population")
	case !counts:
		return nil
	case r.Count.Day.IsZero():
		return missing("day", "is required where people are counted")
	case !r.has.has(position("present")):
		return missing("present", "is required where people are counted")
	}
	if !r.has.has(position("staffed")) {
		if !r.has.has(position("sanctioned")) {
			return missing("staffed", "is required where people are counted")
		}
		r.Count.Staffed = r.Count.Sanctioned
	}
	if !r.has.has(position("sanctioned")) {
		r.Count.Sanctioned = r.Count.Staffed
	}
	if r.Count.OutOfService > r.Count.Staffed {
		return missing("outOfService", "is more than staffed")
	}
	if !r.has.has(position("persons")) {
		if CountsRooms(r.Unit.Kind) {
			return missing("persons", "is required where rooms are counted")
		}
		r.Count.Persons = r.Count.Occupied
	}
	return nil
}

// speaksOfUnit reports whether the row says anything of a unit; a day alone does not.
func (r *Row) speaksOfUnit() bool {
	for i, f := range fields {
		if r.has.has(i) && f.part != ofShelter && f.name != "day" {
			return true
		}
	}
	return false
}

// CountsRooms reports whether a unit's counts in a file are of rooms, not of people.
func CountsRooms(k code.UnitKind) bool { return code.UnitKinds.Name(k) == "room" }

// add puts a row with its shelter and unit; a row that contradicts an earlier
// one is not taken.
func (f *File) add(r Row) (problems []Problem) {
	e := f.byKey[r.Key]
	if e == nil {
		e = &Entry{Key: r.Key, Line: r.Line}
	}
	u := e.unit(r)
	if u != nil && len(e.Units) >= shelter.MaxUnits && !slices.Contains(e.Units, u) {
		return []Problem{{r.Line, "unit", "the shelter has too many units"}}
	}
	for i, field := range fields {
		if !r.has.has(i) {
			continue
		}
		switch {
		case field.part == ofShelter && e.row.has.has(i) && e.row.said[i] != r.said[i]:
			problems = append(problems, Problem{r.Line, field.name, "differs from an earlier row of the same shelter"})
		case field.part == ofUnit && u != nil && u.row.has.has(i) && u.row.said[i] != r.said[i]:
			problems = append(problems, Problem{r.Line, field.name, "differs from an earlier row of the same unit"})
		}
	}
	day, whole := Day{r.Count, r.Line}, slices.ContainsFunc(counted, r.has.has)
	if whole && u != nil {
		if before, twice := u.Days[day.Day]; twice && before.DayCount != day.DayCount {
			problems = append(problems, Problem{r.Line, "day", "an earlier row has other numbers for this unit and day"})
		}
	}
	if len(problems) > 0 {
		return problems
	}
	if f.byKey[r.Key] == nil {
		f.byKey[r.Key] = e
		f.Entries = append(f.Entries, e)
	}
	e.Rows++
	e.row.say(ofShelter, r)
	if u == nil {
		return nil
	}
	if !slices.Contains(e.Units, u) {
		e.Units = append(e.Units, u)
	}
	u.say(r)
	if whole {
		u.Days[day.Day] = day
	}
	return nil
}

// unit is the entry's unit the row speaks of, a new one if need be.
func (e *Entry) unit(r Row) *Unit {
	if r.Unit.ID == "" {
		return nil
	}
	for _, u := range e.Units {
		if u.ID == r.Unit.ID {
			return u
		}
	}
	return &Unit{ID: r.Unit.ID, Line: r.Line, Days: map[time.Time]Day{}}
}

// say adds what a row says of one part to what is known.
func (r *Row) say(of part, from Row) {
	for i, f := range fields {
		if f.part == of && from.has.has(i) && !r.has.has(i) {
			r.has |= 1 << i
			r.said[i] = from.said[i]
		}
	}
}

func (u *Unit) say(r Row) {
	u.row.say(ofUnit, r)
	u.row.Unit.ID = u.ID
	if at := position("sanctioned"); r.has.has(at) && !r.Count.Day.Before(u.latest) {
		u.row.has |= 1 << at
		u.row.said[at] = r.said[at]
	}
	if r.Count.Day.After(u.latest) {
		u.latest = r.Count.Day
	}
}

// inRooms is a unit whose rooms the file counts: whoever takes a bed takes a room.
// Where nobody says how many beds a room has, it has as many as the people counted
// in so many rooms need, and at least two. What the authority allows is beds then.
func (u *Unit) inRooms(f shelter.UnitFacts) shelter.UnitFacts {
	if !u.row.has.has(position("roomBeds")) {
		for _, d := range u.Days {
			if d.Occupied > 0 {
				f.RoomBeds = max(f.RoomBeds, 2, min(shelter.MaxRoomBeds, (d.Persons+d.Occupied-1)/d.Occupied))
			}
		}
	}
	if f.RoomBeds > 1 && len(u.Days) > 0 && u.row.has.has(position("sanctioned")) {
		f.Sanctioned *= f.RoomBeds
	}
	return f
}

// Last is the latest day the file has for the unit; ok is false when it has none.
func (u *Unit) Last() (d Day, ok bool) {
	for _, day := range u.Days {
		if !ok || day.Day.After(d.Day) {
			d, ok = day, true
		}
	}
	return d, ok
}

// Want is how far the office says it has got with the shelter; ok is false where
// the file does not say.
func (e *Entry) Want() (shelter.Status, bool) {
	at := position("status")
	r := Row{}
	if e.row.has.has(at) {
		fields[at].read(&r, e.row.said[at])
	}
	return r.Want, e.row.has.has(at)
}

// District is where the file says the shelter is; empty where it does not.
func (e *Entry) District() place.Code {
	at := position("district")
	if !e.row.has.has(at) {
		return ""
	}
	return place.Code(e.row.said[at])
}

// Facts is a registration with everything the file says of the shelter put over
// what is stored; what the file does not say stays. Units the file does not name
// stay, too. missing lists what a shelter that is new must say.
func (e *Entry) Facts(stored shelter.Registration) (r shelter.Registration, missing []Problem) {
	row := Row{Reg: stored}
	e.row.over(&row)
	row.Reg.Units = slices.Clone(stored.Units)
	for _, u := range e.Units {
		i := slices.IndexFunc(row.Reg.Units, func(have shelter.UnitFacts) bool { return have.ID == u.ID })
		if i < 0 {
			i = len(row.Reg.Units)
			row.Reg.Units = append(row.Reg.Units, shelter.UnitFacts{ID: u.ID})
			if at := position("population"); !u.row.has.has(at) {
				missing = append(missing, Problem{u.Line, "population", "is required for a unit that is not on the register"})
			}
		}
		one := Row{Unit: row.Reg.Units[i]}
		one.Count.Sanctioned = one.Unit.Sanctioned
		u.row.over(&one)
		one.Unit.Sanctioned = one.Count.Sanctioned
		if CountsRooms(one.Unit.Kind) {
			one.Unit = u.inRooms(one.Unit)
		}
		row.Reg.Units[i] = one.Unit
	}
	for _, name := range []string{"district", "type"} {
		if stored.District == "" && !e.row.has.has(position(name)) {
			missing = append(missing, Problem{e.Line, name, "is required for a shelter that is not on the register"})
		}
	}
	return row.Reg, missing
}

// over puts what is said over another row. Each value was understood before.
func (r *Row) over(other *Row) {
	for i, f := range fields {
		if r.has.has(i) {
			f.read(other, r.said[i])
		}
	}
}

// Problem is what is wrong with a registration made by Facts, at the line where
// the file speaks of it.
func (e *Entry) Problem(r shelter.Registration, wrong *fault.Fault) Problem {
	p := Problem{e.Line, wrong.Field, wrong.Detail}
	for i := range r.Units {
		rest, ok := strings.CutPrefix(wrong.Field, "units["+strconv.Itoa(i)+"].")
		if !ok {
			continue
		}
		p.Field = rest
		for _, u := range e.Units {
			if u.ID == r.Units[i].ID {
				p.Line = u.Line
			}
		}
	}
	return p
}

// finish puts problems in order.
func (f *File) finish() {
	slices.SortStableFunc(f.Problems, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
}
