package matching_test

import (
	"fmt"
	"slices"
	"testing"

	"panah/internal/code"
	"panah/internal/matching"
	"panah/internal/place"
	"panah/internal/placement"
	"panah/internal/shelter"
	"panah/internal/testworld"
)

// Where somebody needs a place that is limited, the party sleeps together as long
// as one unit has both, however few beds it has beyond theirs.
func TestAPartySleepsTogetherWhereThePlacesAre(t *testing.T) {
	stepFree := girl()
	stepFree.Needs = code.Of(code.NeedStepFree)
	for _, c := range []struct {
		name       string
		free       int // beds of the unit with places
		places     int // of it
		want       string
		approaches matching.Closeness
	}{
		{"one bed more than they are", 3, 1, "b[0 1]", matching.SameUnit},
		{"just their beds", 2, 1, "b[0 1]", matching.SameUnit},
		{"one bed too few", 1, 1, "a[1]b[0]", matching.AdjacentUnits},
	} {
		p := testworld.Home("HOME", testworld.District, code.ChildrensHome,
			testworld.Unit("HOME", "a", code.Girls, testworld.SchoolAge, 9, 0), testworld.Unit("HOME", "b", code.Girls, testworld.SchoolAge, 9, 9-c.free))
		p.OnSite = code.Of(code.NeedStepFree)
		p.Units[0].StepFree, p.Units[1].StepFree = shelter.LimitOf(0), shelter.LimitOf(c.places)
		got := matching.Rank(world([]testworld.Place{p}), ask([]placement.Person{stepFree, girl()}...), rules(t), 1)
		where := ""
		for _, o := range got.Options {
			for _, part := range o.Parts {
				where += fmt.Sprint(part.Unit, part.Persons)
			}
		}
		if len(got.Options) != 1 || where != c.want || got.Options[0].Together != c.approaches {
			t.Errorf("%s: %+v", c.name, got.Options)
		}
	}
}

// Nobody goes where there is a bed and no place, or a place and no bed; what is
// missing is named, both where either alone would do.
func TestWhatPlacesAreMissingIsNamed(t *testing.T) {
	who := func(needs ...code.Need) placement.Person {
		p := girl()
		p.Needs = code.Of(needs...)
		return p
	}
	for _, c := range []struct {
		name     string
		a, b     shelter.Places // of two units with two beds each
		persons  []placement.Person
		want     []string
		together code.Together
	}{
		{"each of two finds a place of her own", shelter.Places{StepFree: 1}, shelter.Places{Medical: 1}, []placement.Person{who(code.NeedMedical), who(code.NeedStepFree)}, nil, code.TogetherPreferred},
		{"one needs both, and no unit has", shelter.Places{StepFree: 1}, shelter.Places{Medical: 1}, []placement.Person{who(code.NeedMedical, code.NeedStepFree)}, []string{"places.medical"}, code.TogetherPreferred},
		{"no step-free place at all", shelter.Places{Medical: 2}, shelter.Places{Medical: 2}, []placement.Person{who(code.NeedMedical), who(code.NeedStepFree)}, []string{"places.step_free"}, code.TogetherPreferred},
		{"no medical place at all", shelter.Places{StepFree: 2}, shelter.Places{StepFree: 2}, []placement.Person{who(code.NeedMedical), who(code.NeedStepFree)}, []string{"places.medical"}, code.TogetherPreferred},
		{"neither", shelter.Places{}, shelter.Places{}, []placement.Person{who(code.NeedMedical), who(code.NeedStepFree)}, []string{"places.step_free", "places.medical"}, code.TogetherPreferred},
		{"three need one of two", shelter.Places{StepFree: 1}, shelter.Places{StepFree: 1}, []placement.Person{who(code.NeedStepFree), who(code.NeedStepFree), who(code.NeedStepFree)}, []string{"places.step_free"}, code.TogetherPreferred},
		{"who needs none moves over", shelter.Places{StepFree: 2}, shelter.Places{}, []placement.Person{girl(), girl(), who(code.NeedStepFree), who(code.NeedStepFree)}, nil, code.TogetherPreferred},
	} {
		p := testworld.Home("HOME", testworld.District, code.ChildrensHome,
			testworld.Unit("HOME", "a", code.Girls, testworld.SchoolAge, 2, 0), testworld.Unit("HOME", "b", code.Girls, testworld.SchoolAge, 2, 0))
		p.OnSite = code.Of(code.NeedStepFree, code.NeedMedical)
		for i, have := range []shelter.Places{c.a, c.b} {
			p.Units[i].StepFree, p.Units[i].Medical = shelter.LimitOf(have.StepFree), shelter.LimitOf(have.Medical)
		}
		a := ask(c.persons...)
		v := matching.Explain(world([]testworld.Place{p}), a, rules(t))
		if len(v) != 1 || fmt.Sprint(v[0].Failed) != fmt.Sprint(c.want) {
			t.Errorf("%s: %v, want %v", c.name, v[0].Failed, c.want)
		}
	}
}

// What a party uses up is said for each unit, and once for the day.
func TestWhatAPartyUsesUp(t *testing.T) {
	ill, lame := girl(), girl()
	ill.Needs, lame.Needs = code.Of(code.NeedMedical), code.Of(code.NeedStepFree)
	persons := []placement.Person{girl(), ill, lame}
	parts := []placement.Part{{Unit: "a", Persons: []int{0, 2}}, {Unit: "b", Persons: []int{1}, Beds: 4}}
	scarce := func(unit string, what matching.Use, n int) matching.Amount {
		return matching.Amount{Scarce: matching.Scarce{Shelter: "HOME", Unit: unit, What: what}, N: n}
	}
	want := []matching.Amount{scarce("a", matching.UseBeds, 2), scarce("a", matching.UseStepFree, 1), scarce("b", matching.UseBeds, 4), scarce("b", matching.UseMedical, 1)}
	if got := matching.Uses("HOME", persons, parts, 0); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v", got)
	}
	today := shelter.DayAt(testworld.Start, 330)
	want = append(want, matching.Amount{Scarce: matching.Scarce{Shelter: "HOME", Day: today}, N: 3})
	if got := matching.Uses("HOME", persons, parts, today); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v", got)
	}

	u := testworld.Unit("HOME", "a", code.Girls, testworld.SchoolAge, 9, 4)
	u.StepFree, u.Medical = shelter.LimitOf(3), shelter.LimitOf(2)
	u = u.Occupy(shelter.Places{StepFree: 1, Medical: 4})
	c := matching.Candidate{Shelter: shelter.Shelter{ID: "HOME", DailyIntake: shelter.LimitOf(7)}, Units: []shelter.Unit{testworld.Unit("HOME", "0", code.Girls, testworld.SchoolAge, 1, 0), u},
		Door: shelter.DoorOf("HOME", 1, map[string]shelter.Coming{"p.1": {Day: today, N: 2}, "q.1": {Day: today + 1, N: 9}})}
	for _, l := range []struct {
		name string
		of   matching.Scarce
		want int
	}{
		{"beds", matching.Scarce{Unit: "a", What: matching.UseBeds}, 5},
		{"step-free places", matching.Scarce{Unit: "a", What: matching.UseStepFree}, 2},
		{"medical places, beyond which a fact went", matching.Scarce{Unit: "a", What: matching.UseMedical}, 0},
		{"beds of a unit that is not there", matching.Scarce{Unit: "z", What: matching.UseBeds}, 0},
		{"people today", matching.Scarce{Day: today}, 5},
		{"people tomorrow, beyond which facts went", matching.Scarce{Day: today + 1}, 0},
	} {
		if got := c.Left(l.of, testworld.Start); got != l.want {
			t.Errorf("%s: %d are left, want %d", l.name, got, l.want)
		}
	}
}

// To come later today helps where it is later that helps: the way is no shorter.
func TestLaterTodayIsNoLongerWay(t *testing.T) {
	p, between := rules(t), 0
	for _, d := range place.Districts("IN-WB") {
		home := testworld.Home("HOME", d.Code, code.ChildrensHome, testworld.Unit("HOME", "girls", code.Girls, testworld.SchoolAge, 5, 1))
		w, a := world([]testworld.Place{home}), ask(girl())
		a.Urgency = code.UrgencyNow
		later := a
		later.Urgency = code.UrgencyToday
		got := matching.Rank(w, a, p, 1)
		if len(got.Options) > 0 || len(matching.Rank(w, later, p, 1).Options) == 0 {
			continue // near, or far for anybody
		}
		between++
		if slices.Contains(got.WouldHelp, "later_today") || !slices.Contains(got.WouldHelp, "farther") {
			t.Errorf("%s: would help %v", d.Code, got.WouldHelp)
		}
	}
	if between == 0 {
		t.Error("no district is too far for now and near enough for today: nothing was tried")
	}
}
