package demo

import (
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"panah/internal/caller"
	"panah/internal/code"
	"panah/internal/language"
	"panah/internal/matching"
	"panah/internal/place"
	"panah/internal/policy"
	"panah/internal/shelter"
)

var noon = time.Date(2026, 11, 24, 6, 30, 0, 0, time.UTC)

func law(t testing.TB) matching.Policy {
	p, err := policy.Current()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestSameSeedSameDirectory(t *testing.T) {
	a := Build(1, noon)
	if !reflect.DeepEqual(a, Build(1, noon)) {
		t.Error("the same seed and instant gave two directories")
	}
	if reflect.DeepEqual(a.Shelters, Build(2, noon).Shelters) {
		t.Error("two seeds gave one directory")
	}
}

// A restart of the runner an hour later must find the same shelters.
func TestAnotherInstantMovesOnlyTimes(t *testing.T) {
	a, b := Build(1, noon), Build(1, noon.Add(7*time.Hour))
	for i := range a.Shelters {
		x, y := a.Shelters[i], b.Shelters[i]
		if !y.Units[0].ConfirmedAt.Equal(x.Units[0].ConfirmedAt.Add(7 * time.Hour)) {
			t.Fatalf("%s: confirmed at %v and %v", x.ID, x.Units[0].ConfirmedAt, y.Units[0].ConfirmedAt)
		}
		y.RegisteredUntil = x.RegisteredUntil
		for j := range y.Units {
			y.Units[j].CountedAt, y.Units[j].ConfirmedAt = x.Units[j].CountedAt, x.Units[j].ConfirmedAt
		}
		if !reflect.DeepEqual(x, y) {
			t.Fatalf("%s differs beyond its times", x.ID)
		}
	}
}

func TestNumbersByType(t *testing.T) {
	n := map[code.Institution]int{}
	perDistrict := map[place.Code]int{}
	for _, s := range Build(1, noon).Shelters {
		n[s.Type]++
		if s.Type == code.OneStopCentre {
			perDistrict[s.District]++
		}
	}
	care := n[code.ChildrensHome] + n[code.OpenShelter] + n[code.AdoptionAgency] + n[code.FitFacility]
	if n[code.OneStopCentre] != 802 || n[code.ShaktiSadan] != 404 || care != 3010 || n[code.Other] != 60 || n[code.ObservationHome] != 5 {
		t.Errorf("%v, %d child care institutions", n, care)
	}
	if len(perDistrict) != len(place.Districts(India)) {
		t.Errorf("%d districts have a One Stop Centre", len(perDistrict))
	}
}

func TestEveryShelterIsSyntheticAndSound(t *testing.T) {
	lawful := law(t).Lawful
	ids := map[string]bool{}
	for _, s := range Build(1, noon).Shelters {
		d, ok := place.Lookup(s.District)
		switch {
		case ids[s.ID] || len(s.ID) != 4:
			t.Errorf("id %q", s.ID)
		case !s.Synthetic || s.Rev != 1 || s.Version != 0:
			t.Errorf("%s: synthetic %v, rev %d, version %d", s.ID, s.Synthetic, s.Rev, s.Version)
		case !ok || d.Level != place.District || d.Country != India:
			t.Errorf("%s is in %q", s.ID, s.District)
		case s.OnSite.And(s.Arranged) != 0:
			t.Errorf("%s meets a need twice", s.ID)
		}
		ids[s.ID] = true
		checkHouse(t, s)
		checkLanguages(t, s)
		checkUnits(t, s, lawful[s.Type].Ages.Union(lawful[s.Type].Accompanied))
	}
}

func checkHouse(t *testing.T, s Shelter) {
	rules, features := code.HouseRules.SetNames(s.HouseRules), code.Features.SetNames(s.Features)
	both := func(a, b string) bool {
		all := slices.Concat(rules, features)
		return slices.Contains(all, a) && slices.Contains(all, b)
	}
	for _, p := range [][2]string{{"doors_locked_always", "doors_locked_at_night"}, {"doors_locked_always", "exit_on_request"},
		{"doors_locked_at_night", "open_doors"}, {"phone_with_staff", "own_phone"}, {"no_phone", "own_phone"}, {"no_visits", "visits_allowed"}} {
		if both(p[0], p[1]) {
			t.Errorf("%s has both %s and %s", s.ID, p[0], p[1])
		}
	}
}

func checkLanguages(t *testing.T, s Shelter) {
	seen := map[language.Tag]bool{}
	for _, l := range s.Languages {
		if got, err := language.Parse(string(l.Tag)); err != nil || got != l.Tag || seen[l.Tag] {
			t.Errorf("%s: language %q", s.ID, l.Tag)
		}
		seen[l.Tag] = true
	}
	if s.Languages[0].Via != code.ViaStaff {
		t.Errorf("%s: staff do not speak the first language", s.ID)
	}
}

func checkUnits(t *testing.T, s Shelter, lawful code.Set[code.AgeBand]) {
	if len(s.Units) == 0 || !slices.IsSortedFunc(s.Units, func(a, b shelter.Unit) int { return map[bool]int{true: -1, false: 1}[a.ID < b.ID] }) {
		t.Errorf("%s: %d units, not by id", s.ID, len(s.Units))
	}
	for _, u := range s.Units {
		if s.Type != code.ObservationHome && (u.Ages == 0 || !lawful.HasAll(u.Ages)) {
			t.Errorf("%s/%s: ages %v are not lawful", s.ID, u.ID, code.AgeBands.SetNames(u.Ages))
		}
		c := u.Counts()
		if u.Shelter != s.ID || u.Census != 1 || u.Rev != 1 || c.Staffed() < 1 || c.Staffed() > u.Sanctioned || u.ConfirmedAt.After(noon) {
			t.Errorf("%s/%s: %+v", s.ID, u.ID, u)
		}
	}
}

func TestOccupancyIsNearTheQuantiles(t *testing.T) {
	var rates []float64
	over, units := 0, 0
	for _, s := range Build(1, noon).Shelters {
		for _, u := range s.Units {
			c := u.Counts()
			units++
			if c.OverCapacity() > 0 {
				over++
			}
			if usable := c.Staffed() - c.OutOfService(); usable >= 20 { // fewer beds have too few shares
				rates = append(rates, float64(c.Occupied())/float64(usable))
			}
		}
	}
	slices.Sort(rates)
	for _, q := range []struct{ share, want float64 }{{.05, .09}, {.25, .53}, {.50, .81}, {.75, 1}, {.95, 1.02}} {
		if got := rates[int(q.share*float64(len(rates)))]; math.Abs(got-q.want) > .04 {
			t.Errorf("%.0f %% of units are at most %.2f full, not %.2f", 100*q.share, got, q.want)
		}
	}
	near(t, "units over capacity", over, units, .05, .02)
}

func near(t *testing.T, what string, n, of int, want, within float64) {
	t.Helper()
	got := float64(n) / float64(of)
	t.Logf("%s: %.3f", what, got)
	if math.Abs(got-want) > within {
		t.Errorf("%s: %.3f, expected near %.3f", what, got, want)
	}
}

func TestSharesAreNearTheAnchors(t *testing.T) {
	d := Build(1, noon)
	spoken, bengal, bengali := map[int]int{}, 0, 0
	day, three, current, suspended := 0, 0, 0, 0
	units, apart := 0, 0
	for _, s := range d.Shelters {
		n := 0
		for _, l := range s.Languages {
			if !l.Tag.Signed() {
				n++
			}
		}
		spoken[n]++
		if place.Within(s.District, "IN-WB") {
			bengal++
			if s.Languages[0].Tag == "bn" {
				bengali++
			}
		}
		age := noon.Sub(s.Units[0].ConfirmedAt)
		day, three = day+when(age <= 24*time.Hour), three+when(age > 72*time.Hour)
		current += when(s.Status == shelter.Active && s.RegisteredAt(noon))
		suspended += when(s.Status == shelter.Suspended)
		for _, u := range s.Units {
			units++
			apart += when(u.SeparateSleeping)
		}
	}
	all := len(d.Shelters)
	for i, want := range []float64{.18, .43, .32, .06} {
		near(t, "languages "+string(rune('1'+i)), spoken[i+1], all, want, .02)
	}
	near(t, "Bengali first in West Bengal", bengali, bengal, .87, .06)
	near(t, "confirmed within a day", day, all, .80, .03)
	near(t, "older than three days", three, all, .05, .015)
	near(t, "registration current", current, all, .94, .015)
	near(t, "suspended", suspended, all, .015, .008)
	near(t, "units to sleep apart in", apart, units, .30, .04)
}

func when(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestMembers(t *testing.T) {
	d := Build(1, noon)
	subjects, roles := map[string]bool{}, map[caller.Role]int{}
	for _, m := range d.Members {
		if subjects[m.Subject] || m.Scope == "" {
			t.Errorf("member %+v", m)
		}
		if r := m.Region(); r != "" {
			if _, ok := place.Lookup(r); !ok {
				t.Errorf("%s is of an unknown region", m.Subject)
			}
		}
		subjects[m.Subject] = true
		roles[m.Role]++
	}
	if roles[caller.Rescue] != Teams || roles[caller.Shelter] != len(d.Shelters) || roles[caller.Desk] != 763 || roles[caller.Ministry] != 37+4 {
		t.Errorf("members %v", roles)
	}
	for _, s := range []string{"demo-rescue-01", "demo-desk-IN-LGD-315", "demo-ministry-IN", "demo-ministry-IN-WB", "demo-ministry-CA", "demo-shelter-" + d.Shelters[0].ID} {
		if !subjects[s] {
			t.Errorf("%s is missing", s)
		}
	}
}

func BenchmarkBuild(b *testing.B) {
	for b.Loop() {
		Build(1, noon)
	}
}
