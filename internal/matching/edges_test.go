package matching_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"panah/internal/code"
	"panah/internal/language"
	"panah/internal/matching"
	"panah/internal/placement"
	"panah/internal/shelter"
	"panah/internal/testworld"
)

// The last minute of a journey and the last second of a count are within their
// limits, for one shelter that is named as for all.
func TestTheLastMinuteAndTheLastSecondCount(t *testing.T) {
	p := rules(t)
	home := func() testworld.Place {
		return testworld.Home("HOME", "IN-LGD-308", code.ChildrensHome, testworld.Unit("HOME", "girls", code.Girls, testworld.SchoolAge, 10, 1))
	}
	fits := func(name string, h testworld.Place, a matching.Ask, want bool) {
		t.Helper()
		w := world([]testworld.Place{h})
		_, failed, _ := matching.Try(w, "HOME", a, p)
		if ranked := len(matching.Rank(w, a, p, 1).Options) == 1; ranked != want || (len(failed) == 0) != want {
			t.Errorf("%s: ranked %t, named it fails %v, want %t", name, ranked, failed, want)
		}
	}
	a := ask(girl())
	a.MaxJourneyMinutes = 10_000
	there := matching.Rank(world([]testworld.Place{home()}), a, p, 1)
	if len(there.Options) != 1 || there.Options[0].Minutes < 2 {
		t.Fatalf("%+v", there.Options)
	}
	for less, want := range map[int]bool{0: true, 1: false} {
		a := a
		a.MaxJourneyMinutes = there.Options[0].Minutes - less
		fits(fmt.Sprintf("%d minutes less than the way", less), home(), a, want)
	}
	for _, n := range []int{1, 2} {
		for more, want := range map[time.Duration]bool{0: true, time.Second: false} {
			h := home()
			h.Units[0].ConfirmedAt = testworld.Start.Add(-p.Fresh.NoOffer - more)
			a := ask(slices.Repeat([]placement.Person{girl()}, n)...)
			a.MaxJourneyMinutes = 10_000
			fits(fmt.Sprintf("%d persons, counted %s longer ago than is offered", n, more), h, a, want)
		}
	}
}

// What one person's languages are served by says nothing of another's: each is
// worked out for the languages they speak.
func TestEachIsServedInTheLanguagesTheySpeak(t *testing.T) {
	home := testworld.Home("HOME", testworld.District, code.ChildrensHome, testworld.Unit("HOME", "girls", code.Girls, testworld.SchoolAge, 10, 1))
	home.Languages = []shelter.Language{{Tag: "hi"}}
	w, p := world([]testworld.Place{home}), rules(t)
	for _, c := range []struct {
		speaks []language.Tag
		served bool
	}{
		{[]language.Tag{"bn", "hi"}, true}, {[]language.Tag{"ta", "te"}, false}, {[]language.Tag{"hi", "ta"}, true}, {[]language.Tag{"te", "ta"}, false},
	} {
		who := girl()
		who.Languages = c.speaks
		got := matching.Rank(w, ask(who), p, 1)
		if len(got.Options) != 1 || (got.Options[0].Languages[0] != language.None) != c.served {
			t.Errorf("%v: %+v", c.speaks, got.Options)
		}
	}
}

// Where no time apart makes offers near-ties, the one offered longest ago is first.
func TestWithoutTimeApartOffersAreComparedToTheSecond(t *testing.T) {
	p := rules(t)
	p.NearTie.Apart = 0
	var places []testworld.Place
	for i := range 3 {
		h := girlsHome(fmt.Sprint("H", i), 5)
		h.Units[0].LastOffered = testworld.Start.Add(-time.Duration(i) * time.Second)
		places = append(places, h)
	}
	a := ask(girl())
	a.Seed = "p_1"
	if got := ids(matching.Rank(world(places), a, p, 3).Options); fmt.Sprint(got) != "[H2 H1 H0]" {
		t.Errorf("order %v", got)
	}
}

// An infant is never taken from the adults of its party, on whichever side of a
// division it is.
func TestNoDivisionTakesAnInfantFromItsAdults(t *testing.T) {
	infant := placement.Person{Age: code.Age0To5, PlaceWith: code.Girls}
	homes := func() []testworld.Place {
		girls := testworld.Home("GIRL", testworld.District, code.ChildrensHome, testworld.Unit("GIRL", "girls", code.Girls, code.ChildBands, 10, 0))
		women := testworld.Home("WOMN", testworld.District, code.ShaktiSadan, testworld.Unit("WOMN", "women", code.Women, code.AdultBands, 10, 0))
		return []testworld.Place{girls, women}
	}
	woman := placement.Person{Age: code.Age25To59, PlaceWith: code.Women}
	for _, c := range []struct {
		name    string
		persons []placement.Person
		split   bool
	}{
		{"the infant first", []placement.Person{infant, woman}, false},
		{"the infant last", []placement.Person{woman, infant}, false},
		{"a girl of fifteen first", []placement.Person{girl(), woman}, true},
		{"a girl of fifteen last", []placement.Person{woman, girl()}, true},
	} {
		got := matching.Rank(world(homes()), ask(c.persons...), rules(t), 3)
		if len(got.Options) > 0 || slices.Contains(got.WouldHelp, "split_by_decision") != c.split {
			t.Errorf("%s: %d options, would help %v", c.name, len(got.Options), got.WouldHelp)
		}
	}
}
