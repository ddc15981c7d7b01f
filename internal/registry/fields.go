package registry

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"panah/internal/code"
	"panah/internal/language"
	"panah/internal/place"
	"panah/internal/shelter"
)

// Row is what one row says: the facts of a shelter, of one of its units, and
// perhaps what that unit counted for a day.
type Row struct {
	Line  int
	Key   string // the shelter's number in its register
	Reg   shelter.Registration
	Unit  shelter.UnitFacts
	Count shelter.DayCount
	Want  shelter.Status // how far the office has got with it

	has  set
	said [29]string // each field as it was said
}

// set is a set of fields by their position.
type set uint32

func (s set) has(at int) bool { return s&(1<<at) != 0 }

// part says what a field is about.
type part uint8

const (
	ofShelter part = iota
	ofUnit
	ofCount
)

type field struct {
	name string
	part part
	read func(r *Row, v string) (problem string) // empty: it was understood
}

// fields are all a file can say, in the order in which they are looked at.
var fields = []field{
	{"key", ofShelter, func(r *Row, v string) string {
		r.Key, r.Reg.RegistryKey = v, v
		if len(v) > shelter.MaxKey || strings.Trim(strings.ToLower(v), "abcdefghijklmnopqrstuvwxyz0123456789._/-") != "" {
			return "has up to 40 letters, digits and . _ / -"
		}
		return ""
	}},
	{"district", ofShelter, func(r *Row, v string) string {
		r.Reg.District = place.Code(v)
		if p, ok := place.Lookup(r.Reg.District); !ok || p.Level != place.District {
			return "is not a district Panah knows"
		}
		return ""
	}},
	{"type", ofShelter, func(r *Row, v string) string { return one(code.Institutions, v, &r.Reg.Type) }},
	{"status", ofShelter, func(r *Row, v string) string {
		if problem := one(shelter.Statuses, v, &r.Want); problem != "" {
			return problem
		}
		if r.Want.MovesOut() {
			return "can be registered, vetted or active: suspend and close one by one"
		}
		return ""
	}},
	{"registeredUntil", ofShelter, func(r *Row, v string) (problem string) {
		r.Reg.RegisteredUntil, problem = date(v)
		return problem
	}},
	{"languages", ofShelter, func(r *Row, v string) string { return languages(v, &r.Reg.Languages) }},
	{"needsOnSite", ofShelter, func(r *Row, v string) string { return many(code.Needs, v, &r.Reg.OnSite) }},
	{"needsArranged", ofShelter, func(r *Row, v string) string { return many(code.Needs, v, &r.Reg.Arranged) }},
	{"features", ofShelter, func(r *Row, v string) string { return many(code.Features, v, &r.Reg.Features) }},
	{"houseRules", ofShelter, func(r *Row, v string) string {
		r.Reg.RulesKnown = true
		return many(code.HouseRules, v, &r.Reg.HouseRules)
	}},
	{"intakeFrom", ofShelter, func(r *Row, v string) string { return clock(v, &r.Reg.Intake.From) }},
	{"intakeTo", ofShelter, func(r *Row, v string) string { return clock(v, &r.Reg.Intake.To) }},
	{"maxStayDays", ofShelter, func(r *Row, v string) string { return number(v, shelter.MaxStay, &r.Reg.MaxStayDays) }},
	{"dailyIntake", ofShelter, func(r *Row, v string) string { return limit(v, &r.Reg.DailyIntake) }},
	{"unit", ofUnit, func(r *Row, v string) string {
		r.Unit.ID = v
		if len(v) > 20 || strings.Trim(strings.ToLower(v), "abcdefghijklmnopqrstuvwxyz0123456789_-") != "" {
			return "has up to 20 letters, digits and - _"
		}
		return ""
	}},
	{"population", ofUnit, func(r *Row, v string) string { return one(code.Populations, v, &r.Unit.Population) }},
	{"ages", ofUnit, func(r *Row, v string) string { return many(code.AgeBands, v, &r.Unit.Ages) }},
	{"kind", ofUnit, func(r *Row, v string) string { return one(code.UnitKinds, v, &r.Unit.Kind) }},
	{"separateSleeping", ofUnit, func(r *Row, v string) string {
		yes := slices.Contains([]string{"true", "yes", "1"}, strings.ToLower(v))
		if r.Unit.SeparateSleeping = yes; !yes && !slices.Contains([]string{"false", "no", "0"}, strings.ToLower(v)) {
			return "is yes or no"
		}
		return ""
	}},
	{"site", ofUnit, func(r *Row, v string) string {
		n := 0
		problem := number(v, shelter.MaxSite, &n)
		r.Unit.Site = uint8(n)
		return problem
	}},
	{"roomBeds", ofUnit, func(r *Row, v string) string { return number(v, shelter.MaxRoomBeds, &r.Unit.RoomBeds) }},
	{"stepFree", ofUnit, func(r *Row, v string) string { return limit(v, &r.Unit.StepFree) }},
	{"medical", ofUnit, func(r *Row, v string) string { return limit(v, &r.Unit.Medical) }},
	{"day", ofCount, func(r *Row, v string) (problem string) {
		r.Count.Day, problem = date(v)
		return problem
	}},
	{"sanctioned", ofCount, func(r *Row, v string) string { return number(v, shelter.MaxBeds, &r.Count.Sanctioned) }},
	{"staffed", ofCount, func(r *Row, v string) string { return number(v, shelter.MaxBeds, &r.Count.Staffed) }},
	{"outOfService", ofCount, func(r *Row, v string) string { return number(v, shelter.MaxBeds, &r.Count.OutOfService) }},
	{"present", ofCount, func(r *Row, v string) string { return number(v, shelter.MaxBeds, &r.Count.Occupied) }},
	{"persons", ofCount, func(r *Row, v string) string { return number(v, shelter.MaxBeds, &r.Count.Persons) }},
}

// Fields lists the names of Panah's fields.
func Fields() []string {
	var out []string
	for _, f := range fields {
		out = append(out, f.name)
	}
	return out
}

// position finds a field this package names itself.
func position(name string) int {
	for i, f := range fields {
		if f.name == name {
			return i
		}
	}
	panic("registry: no field " + name)
}

func one[T ~uint8](list code.List[T], v string, into *T) string {
	got, ok := list.Parse(v)
	if !ok {
		return "is not on the list: " + list.String()
	}
	*into = got
	return ""
}

// none says that a list is known to be empty.
const none = "none"

func many[T ~uint8](list code.List[T], v string, into *code.Set[T]) string {
	*into = 0
	if v == none {
		return ""
	}
	got, at := list.ParseSet(split(v))
	if at >= 0 {
		return "has an entry that is not on the list: " + list.String()
	}
	*into = got
	return ""
}

func split(v string) []string {
	var out []string
	for _, p := range strings.Split(v, ";") {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, p)
		}
	}
	return out
}

// languages reads "bn;hi:interpreter_phone".
func languages(v string, into *[]shelter.Language) string {
	*into = nil
	if v == none {
		return ""
	}
	for _, p := range split(v) {
		tag, via, _ := strings.Cut(p, ":")
		l := shelter.Language{}
		var err error
		if l.Tag, err = language.Parse(tag); err != nil {
			return "has an entry that is not a language tag (BCP 47)"
		}
		if via != "" {
			if problem := one(code.LanguageVias, via, &l.Via); problem != "" {
				return problem
			}
		}
		*into = append(*into, l)
	}
	return ""
}

// date reads a day, or the day of an instant.
func date(v string) (time.Time, string) {
	if len(v) > 10 && (v[10] == 'T' || v[10] == ' ') {
		v = v[:10]
	}
	t, err := time.Parse(time.DateOnly, v)
	if err != nil {
		return t, "is not a date such as 2026-11-24"
	}
	return t, ""
}

func clock(v string, into *int) string {
	t, err := time.Parse("15:04", v)
	if err != nil {
		return "is not a time such as 08:30"
	}
	*into = t.Hour()*60 + t.Minute()
	return ""
}

func number(v string, most int, into *int) string {
	n, ok := whole(v)
	if !ok || n < 0 || n > most {
		return "is not a whole number from 0 to " + strconv.Itoa(most)
	}
	*into = n
	return ""
}

// limit reads how many there are; none says that there is no limit.
func limit(v string, into *shelter.Limit) string {
	if *into = 0; v == none {
		return ""
	}
	n := 0
	problem := number(v, shelter.MaxBeds, &n)
	if problem == "" {
		*into = shelter.LimitOf(n)
	}
	return problem
}

// whole reads 8 and, as spreadsheets write it, 8.0.
func whole(v string) (int, bool) {
	f, err := strconv.ParseFloat(v, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1e9 {
		return 0, false
	}
	return int(f), true
}
