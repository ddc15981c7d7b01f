package shelter

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"panah/internal/code"
	"panah/internal/fault"
	"panah/internal/place"
)

// Registration is what the register says of a shelter: facts only, no counts of
// people, no name, no address, no finer place than the district.
type Registration struct {
	RegistryKey     string // its number in the register; may be empty
	District        place.Code
	Type            code.Institution
	RegisteredUntil time.Time // the day registration ends
	Languages       []Language
	OnSite          code.Set[code.Need]
	Arranged        code.Set[code.Need]
	Features        code.Set[code.Feature]
	HouseRules      code.Set[code.HouseRule]
	RulesKnown      bool
	Intake          Hours
	MaxStayDays     int
	DailyIntake     Limit
	Units           []UnitFacts
}

// UnitFacts is what the register says of one unit.
type UnitFacts struct {
	ID               string
	Population       code.Population
	Ages             code.Set[code.AgeBand]
	Kind             code.UnitKind
	SeparateSleeping bool
	Site             uint8
	Sanctioned       int
	RoomBeds         int // beds of a room, where a party has rooms to itself; 0: beds are let singly
	StepFree         Limit
	Medical          Limit
}

// Limits of a registration.
const (
	MaxUnits     = 40
	MaxLanguages = 20
	MaxSite      = 9
	MaxKey       = 40
	MaxStay      = 3650 // days
	MaxRoomBeds  = 20
	farAhead     = 50 // years a registration may run
)

// Check answers the first problem.
func (r Registration) Check(now time.Time) error {
	if problems := r.Problems(now); len(problems) > 0 {
		return problems[0]
	}
	return nil
}

// Problems lists everything that is wrong, each with its field.
func (r Registration) Problems(now time.Time) (out []*fault.Fault) {
	add := func(wrong bool, field, what string, args ...any) {
		if wrong {
			out = append(out, fault.Field(field, what, args...))
		}
	}
	d, known := place.Lookup(r.District)
	add(!known || d.Level != place.District, "district", "is not a district Panah knows")
	add(!code.Institutions.Valid(r.Type), "type", "is not on the list")
	add(r.RegistryKey != "" && !plain(r.RegistryKey, MaxKey, "._/-"), "registryKey", "has up to %d letters, digits and . _ / -", MaxKey)
	add(r.RegisteredUntil.After(now.AddDate(farAhead, 0, 0)), "registeredUntil", "is more than %d years ahead", farAhead)
	add(len(r.Languages) > MaxLanguages, "languages", "has more than %d entries", MaxLanguages)
	add(r.OnSite.And(r.Arranged).Len() > 0, "needsArranged", "names a need that is met in the house")
	add(!minute(r.Intake.From) || !minute(r.Intake.To), "intake", "must be times of the day")
	add(r.MaxStayDays < 0 || r.MaxStayDays > MaxStay, "maxStayDays", "must be between 0 and %d", MaxStay)
	add(tooMany(r.DailyIntake), "dailyIntake", "must be between 0 and %d", MaxBeds)
	add(r.HouseRules.HasAll(code.Of(code.DoorsLockedAlways, code.DoorsLockedAtNight)), "houseRules", "doors are locked either always or at night")
	add(len(r.Units) > MaxUnits, "units", "has more than %d entries", MaxUnits)
	seen := map[string]bool{}
	for i, u := range r.Units {
		for _, f := range u.problems() {
			f.Field = fmt.Sprintf("units[%d].%s", i, f.Field)
			out = append(out, f)
		}
		add(seen[u.ID], fmt.Sprintf("units[%d].unit", i), "is named twice")
		seen[u.ID] = true
	}
	return out
}

func (u UnitFacts) problems() (out []*fault.Fault) {
	add := func(wrong bool, field, what string, args ...any) {
		if wrong {
			out = append(out, fault.Field(field, what, args...))
		}
	}
	add(!plain(u.ID, 20, "-_"), "unit", "has 1 to 20 letters, digits and - _")
	add(!code.Populations.Valid(u.Population), "population", "is not on the list")
	add(u.Ages == 0, "ages", "needs at least one age band")
	add(!code.UnitKinds.Valid(u.Kind), "kind", "is not on the list")
	add(u.Site > MaxSite, "site", "must be between 0 and %d", MaxSite)
	add(u.RoomBeds < 0 || u.RoomBeds > MaxRoomBeds, "roomBeds", "must be between 0 and %d", MaxRoomBeds)
	add(u.Sanctioned < 0 || u.Sanctioned > MaxBeds, "sanctioned", "must be between 0 and %d", MaxBeds)
	add(tooMany(u.StepFree), "stepFree", "must be between 0 and %d", MaxBeds)
	add(tooMany(u.Medical), "medical", "must be between 0 and %d", MaxBeds)
	return out
}

func tooMany(l Limit) bool { return l < 0 || l.N() > MaxBeds }

func minute(m int) bool { return m >= 0 && m < 24*60 }

// plain reports whether s is a short word of ASCII letters, digits and extra.
func plain(s string, longest int, extra string) bool {
	rest := strings.TrimFunc(s, func(r rune) bool {
		return (r >= 'a' && r <= 'z') || (r >= 'A' && r <= 'Z') || (r >= '0' && r <= '9') || strings.ContainsRune(extra, r)
	})
	return s != "" && len(s) <= longest && rest == ""
}

// Identity is the id of the shelter that a register, or a command, speaks of: ten
// letters and digits that say nothing and grant nothing, the same each time.
// source tells apart the few that could share an id.
func Identity(region, register, key string) (id string, source uint64) {
	sum := sha256.Sum256([]byte(region + "\x00" + register + "\x00" + key))
	return base32.StdEncoding.EncodeToString(sum[:10])[:10], binary.BigEndian.Uint64(sum[16:24])
}

// New makes the shelter and its units, empty, registered and not vetted.
func (r Registration) New(id string) (Shelter, []Unit) {
	return r.apply(Shelter{ID: id, District: r.District, Status: Registered, Unvetted: true, Rev: 1}, nil)
}

// Update gives a shelter and its units the facts of r. Every unit that is there
// must be named, so that none is lost by being forgotten. Beds and people are a
// census's business and stay as they are, in a new unit none. changed is false
// when r says what is known already; otherwise rev is raised in the shelter and
// in every unit.
func (r Registration) Update(s Shelter, units []Unit) (next Shelter, all []Unit, changed bool, err error) {
	if s.District != r.District {
		return s, units, false, fault.Field("district", "cannot change: a shelter that moves is registered anew")
	}
	for _, u := range units {
		if !slices.ContainsFunc(r.Units, func(f UnitFacts) bool { return f.ID == u.ID }) {
			return s, units, false, fault.Field("units", "must name every unit of the shelter; one that is no longer used has sanctioned 0")
		}
	}
	if same(Facts(s, units), r) {
		return s, units, false, nil
	}
	s.Rev++
	next, all = r.apply(s, units)
	return next, all, true, nil
}

func (r Registration) apply(s Shelter, units []Unit) (Shelter, []Unit) {
	s.RegistryKey, s.Type, s.RegisteredUntil, s.Languages = r.RegistryKey, r.Type, r.RegisteredUntil, r.Languages
	s.OnSite, s.Arranged, s.Features, s.HouseRules, s.RulesKnown = r.OnSite, r.Arranged, r.Features, r.HouseRules, r.RulesKnown
	s.Intake, s.MaxStayDays, s.DailyIntake = r.Intake, r.MaxStayDays, r.DailyIntake
	all := slices.Clone(units)
	for _, f := range r.Units {
		i := slices.IndexFunc(all, func(u Unit) bool { return u.ID == f.ID })
		if i < 0 {
			i, all = len(all), append(all, Unit{Shelter: s.ID, ID: f.ID})
		}
		u := &all[i]
		u.Population, u.Ages, u.Kind, u.SeparateSleeping, u.Site, u.Sanctioned = f.Population, f.Ages, f.Kind, f.SeparateSleeping, f.Site, f.Sanctioned
		if u.RoomBeds != f.RoomBeds { // until the next count people fill as few rooms as they can
			u.RoomBeds = f.RoomBeds
			u.blocked = max(0, u.BedsFor(u.occupied)-u.occupied)
		}
		if u.Sanctioned > 0 && u.staffed > u.Sanctioned { // nobody is offered what is not allowed any more
			u.staffed, u.outOfService = u.Sanctioned, min(u.outOfService, u.Sanctioned)
		}
		u.StepFree, u.Medical = f.StepFree, f.Medical
	}
	for i := range all {
		all[i].Rev = s.Rev
	}
	return s, all
}

// Facts is the registration of a shelter as it stands.
func Facts(s Shelter, units []Unit) Registration {
	r := Registration{RegistryKey: s.RegistryKey, District: s.District, Type: s.Type, RegisteredUntil: s.RegisteredUntil, Languages: s.Languages,
		OnSite: s.OnSite, Arranged: s.Arranged, Features: s.Features, HouseRules: s.HouseRules, RulesKnown: s.RulesKnown,
		Intake: s.Intake, MaxStayDays: s.MaxStayDays, DailyIntake: s.DailyIntake}
	for _, u := range units {
		r.Units = append(r.Units, UnitFacts{u.ID, u.Population, u.Ages, u.Kind, u.SeparateSleeping, u.Site, u.Sanctioned, u.RoomBeds, u.StepFree, u.Medical})
	}
	return r
}

func same(a, b Registration) bool {
	byID := func(x, y UnitFacts) int { return strings.Compare(x.ID, y.ID) }
	au, bu := slices.SortedFunc(slices.Values(a.Units), byID), slices.SortedFunc(slices.Values(b.Units), byID)
	return a.RegistryKey == b.RegistryKey && a.District == b.District && a.Type == b.Type && a.RegisteredUntil.Equal(b.RegisteredUntil) &&
		slices.Equal(a.Languages, b.Languages) && a.OnSite == b.OnSite && a.Arranged == b.Arranged && a.Features == b.Features &&
		a.HouseRules == b.HouseRules && a.RulesKnown == b.RulesKnown && a.Intake == b.Intake && a.MaxStayDays == b.MaxStayDays && a.DailyIntake == b.DailyIntake && slices.Equal(au, bu)
}
