package shelter_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"panah/internal/code"
	"panah/internal/fault"
	"panah/internal/shelter"
)

var now = time.Date(2026, 11, 24, 20, 0, 0, 0, time.UTC)

func registration() shelter.Registration {
	return shelter.Registration{RegistryKey: "WB/2026-17", District: "IN-LGD-315", Type: code.ChildrensHome, RegisteredUntil: now.AddDate(1, 0, 0),
		Languages: []shelter.Language{{Tag: "bn"}}, RulesKnown: true,
		Units: []shelter.UnitFacts{{ID: "girls", Population: code.Girls, Ages: code.ChildBands, Sanctioned: 25}}}
}

func TestARegistrationNamesTheFieldThatIsWrong(t *testing.T) {
	if err := registration().Check(now); err != nil {
		t.Fatal(err)
	}
	for field, change := range map[string]func(*shelter.Registration){
		"district":            func(r *shelter.Registration) { r.District = "IN-WB" },
		"type":                func(r *shelter.Registration) { r.Type = 99 },
		"registryKey":         func(r *shelter.Registration) { r.RegistryKey = "12 Secret Street" },
		"registeredUntil":     func(r *shelter.Registration) { r.RegisteredUntil = now.AddDate(90, 0, 0) },
		"languages":           func(r *shelter.Registration) { r.Languages = make([]shelter.Language, 21) },
		"needsArranged":       func(r *shelter.Registration) { r.OnSite, r.Arranged = 1, 3 },
		"intake":              func(r *shelter.Registration) { r.Intake.To = 24 * 60 },
		"maxStayDays":         func(r *shelter.Registration) { r.MaxStayDays = -1 },
		"houseRules":          func(r *shelter.Registration) { r.HouseRules = code.Of(code.DoorsLockedAlways, code.DoorsLockedAtNight) },
		"units[0].unit":       func(r *shelter.Registration) { r.Units[0].ID = "girls wing" },
		"units[0].population": func(r *shelter.Registration) { r.Units[0].Population = 99 },
		"units[0].ages":       func(r *shelter.Registration) { r.Units[0].Ages = 0 },
		"units[0].kind":       func(r *shelter.Registration) { r.Units[0].Kind = 99 },
		"units[0].site":       func(r *shelter.Registration) { r.Units[0].Site = 10 },
		"units[0].sanctioned": func(r *shelter.Registration) { r.Units[0].Sanctioned = -1 },
		"units[1].unit":       func(r *shelter.Registration) { r.Units = append(r.Units, r.Units[0]) },
		"units": func(r *shelter.Registration) {
			for i := range shelter.MaxUnits {
				u := r.Units[0]
				u.ID = fmt.Sprintf("u%d", i)
				r.Units = append(r.Units, u)
			}
		},
	} {
		r := registration()
		change(&r)
		f, ok := fault.Of(r.Check(now))
		if !ok || f.Field != field || len(r.Problems(now)) != 1 {
			t.Errorf("%s: %v", field, r.Problems(now))
		}
	}
}

// The road of a shelter: registered, vetted, active; nobody jumps.
func TestMovesOfAShelter(t *testing.T) {
	ready, _ := registration().New("X")
	bare, lapsed := ready, ready
	bare.RulesKnown = false
	lapsed.RegisteredUntil = now
	for _, tt := range []struct {
		what  string
		s     shelter.Shelter
		units int
		road  []shelter.Status
		field string
		ok    bool
	}{
		{"registered, vetted, active, suspended, resumed, closed, opened", ready, 1, []shelter.Status{shelter.Vetted, shelter.Active, shelter.Suspended, shelter.Active, shelter.Closed, shelter.Active}, "", true},
		{"registered is not active at once", ready, 1, []shelter.Status{shelter.Active}, "", false},
		{"closed unvetted does not open again", ready, 1, []shelter.Status{shelter.Closed, shelter.Active}, "", false},
		{"closed unvetted is vetted first", ready, 1, []shelter.Status{shelter.Closed, shelter.Vetted, shelter.Active}, "", true},
		{"a vetted one that closed is not vetted again", ready, 1, []shelter.Status{shelter.Vetted, shelter.Closed, shelter.Vetted}, "", false},
		{"a registered one is not suspended", ready, 1, []shelter.Status{shelter.Suspended}, "", false},
		{"house rules must be recorded", bare, 1, []shelter.Status{shelter.Vetted, shelter.Active}, "houseRules", false},
		{"a unit is needed", ready, 0, []shelter.Status{shelter.Vetted, shelter.Active}, "units", false},
		{"registration must be current", lapsed, 1, []shelter.Status{shelter.Vetted, shelter.Active}, "registeredUntil", false},
	} {
		s, err := tt.s, error(nil)
		for _, to := range tt.road {
			before := s.Rev
			if s, err = s.Moved(to, tt.units, now); err == nil && (s.Rev != before+1 || s.Status != to) {
				t.Errorf("%s: rev %d after %d", tt.what, s.Rev, before)
			}
		}
		f, _ := fault.Of(err)
		if (err == nil) != tt.ok || (f != nil && f.Field != tt.field) {
			t.Errorf("%s: %v", tt.what, err)
		}
		if f != nil && f.Kind == fault.IllegalMove && len(f.Allowed) == 0 {
			t.Errorf("%s: the refusal names no move", tt.what)
		}
	}
}

func TestAnUpdateKeepsPeopleAndLosesNoUnit(t *testing.T) {
	s, units := registration().New("X")
	counted, err := units[0].Count(shelter.Census{CountedAt: now, Present: 12, Staffed: 20}, now)
	if err != nil {
		t.Fatal(err)
	}
	units[0] = counted.WithClaim("p_1.1", shelter.Claim{N: 2})
	r := registration()
	if _, _, changed, err := r.Update(s, units); changed || err != nil {
		t.Fatal(changed, err)
	}
	r.Units = append(r.Units, shelter.UnitFacts{ID: "boys", Population: code.Boys, Ages: code.ChildBands, Sanctioned: 10})
	r.Units[0].Sanctioned = 30
	next, all, changed, err := r.Update(s, units)
	if err != nil || !changed || next.Rev != 2 || len(all) != 2 || all[0].Rev != 2 || all[1].Rev != 2 {
		t.Fatal(next.Rev, all, err)
	}
	if c := all[0].Counts(); c.Occupied() != 12 || c.Staffed() != 20 || c.Held() != 2 || all[0].Sanctioned != 30 || all[1].Counts() != (shelter.Counts{}) {
		t.Errorf("%+v", all)
	}
	r.Units[0].Sanctioned = 15
	if _, all, _, err = r.Update(s, units); err != nil || all[0].Counts().Staffed() != 15 || all[0].Counts().Occupied() != 12 {
		t.Errorf("beds that are not allowed any more: %+v, %v", all[0], err)
	}
	r.Units[0].Sanctioned = 0
	if _, all, _, err = r.Update(s, units); err != nil || all[0].Counts().Staffed() != 20 {
		t.Errorf("nobody has said how many are allowed: %+v, %v", all[0], err)
	}
	r.Units = r.Units[1:]
	if _, _, _, err := r.Update(s, units); !fault.Is(err, fault.Invalid) {
		t.Errorf("a unit was forgotten: %v", err)
	}
	r = registration()
	r.District = "IN-LGD-319"
	if _, _, _, err := r.Update(s, units); !fault.Is(err, fault.Invalid) {
		t.Errorf("a shelter moved: %v", err)
	}
}

// What is registered says the same again, and saying it twice changes nothing.
func TestFactsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := registration()
		r.OnSite = code.Set[code.Need](rapid.Uint64Range(0, 15).Draw(t, "on site"))
		r.Features = code.Set[code.Feature](rapid.Uint64Range(0, 1023).Draw(t, "features"))
		r.MaxStayDays = rapid.IntRange(0, shelter.MaxStay).Draw(t, "stay")
		for i := range rapid.IntRange(0, 5).Draw(t, "units") {
			r.Units = append(r.Units, shelter.UnitFacts{ID: fmt.Sprintf("u%d", i), Ages: code.AdultBands, Sanctioned: i})
		}
		s, units := r.New("X")
		if _, _, changed, err := shelter.Facts(s, units).Update(s, units); changed || err != nil {
			t.Fatal("facts that are there already changed something", err)
		}
		s2, units2, changed, err := registration().Update(s, units)
		if len(r.Units) > 1 {
			if err == nil {
				t.Fatal("units were lost")
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if changed != (s2.Rev == s.Rev+1) || units2[0].Rev != s2.Rev {
			t.Fatal("rev does not follow the change")
		}
	})
}

func TestIdentity(t *testing.T) {
	a, source := shelter.Identity("IN", "panah", "17")
	again, same := shelter.Identity("IN", "panah", "17")
	if a != again || source != same || len(a) != 10 || strings.Trim(a, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") != "" {
		t.Errorf("%s %s", a, again)
	}
	for _, other := range [][3]string{{"NP", "panah", "17"}, {"IN", "other", "17"}, {"IN", "panah", "18"}, {"IN", "pana", "h17"}} {
		if b, _ := shelter.Identity(other[0], other[1], other[2]); b == a {
			t.Errorf("%v has the same id", other)
		}
	}
}

func TestDayCounts(t *testing.T) {
	good := shelter.DayCount{Day: now.Truncate(24 * time.Hour), Sanctioned: 10, Staffed: 10, OutOfService: 2, Occupied: 11, Persons: 11}
	if err := good.Check(now); err != nil || good.Free() != -3 {
		t.Fatal(err, good.Free())
	}
	for field, change := range map[string]func(*shelter.DayCount){
		"day":          func(d *shelter.DayCount) { d.Day = now.Add(24 * time.Hour) },
		"staffed":      func(d *shelter.DayCount) { d.Staffed = -1 },
		"outOfService": func(d *shelter.DayCount) { d.OutOfService = 11 },
		"persons":      func(d *shelter.DayCount) { d.Persons = 5001 },
		"sanctioned":   func(d *shelter.DayCount) { d.Sanctioned = -1 },
	} {
		d := good
		change(&d)
		if f, ok := fault.Of(d.Check(now)); !ok || f.Field != field {
			t.Errorf("%s: %v", field, d.Check(now))
		}
	}
}
