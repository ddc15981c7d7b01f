package demo

import (
	"testing"
	"time"

	"panah/internal/code"
	"panah/internal/language"
	"panah/internal/matching"
	"panah/internal/place"
	"panah/internal/placement"
)

// worldOf is the directory as matching sees it.
func worldOf(d Directory, least int) matching.World {
	all := make([]matching.Candidate, len(d.Shelters))
	for i, s := range d.Shelters {
		all[i] = matching.Candidate{Shelter: s.Shelter, Units: s.Units}
	}
	return matching.WorldOf(all, least)
}

func one(age code.AgeBand, with code.Population) []placement.Person {
	return []placement.Person{{Age: age, AgeStatus: code.AgeStated, PlaceWith: with}}
}

// The example of the README: a girl of 15 with a medical need and her little
// brother, found in Kolkata, who would rather stay together.
func TestSistersAndBrothersFindAPlaceTogether(t *testing.T) {
	p := law(t)
	bn := []language.Tag{"bn"}
	sister := placement.Person{Age: code.Age15To17, AgeStatus: code.AgeStated, PlaceWith: code.Girls, Languages: bn, Needs: code.Of(healthMedical)}
	brother := placement.Person{Age: code.Age6To11, AgeStatus: code.AgeStated, PlaceWith: code.Boys, Languages: bn}
	for seed := range uint64(3) {
		for _, h := range []int{0, 4, 9, 14, 20} {
			now := noon.Add(time.Duration(h) * time.Hour)
			ask := matching.Ask{At: now, Request: placement.Request{Place: "IN-LGD-315", Urgency: code.UrgencyNow, Together: code.TogetherPreferred,
				Persons: []placement.Person{sister, brother}, ExcludedDistricts: []place.Code{"IN-LGD-319"}, MaxJourneyMinutes: 180, Limit: 3}}
			res := matching.Rank(worldOf(Build(seed, now), p.Zone), ask, p, 10)
			near, exact := 0, 0
			for _, o := range res.Options {
				near += when(o.Together == matching.AdjacentUnits)
				exact += when(o.Languages[0] == language.Exact)
			}
			t.Logf("seed %d, %02d:30 UTC: %d options of %d, %d in one building, %d exact", seed, now.Hour(), len(res.Options), res.Considered, near, exact)
			if near < 2 || exact < 2 {
				t.Errorf("seed %d, %s: %d options in one building, %d that speak their language", seed, now.Format("15:04"), near, exact)
			}
		}
	}
}

func TestWhoFindsABedWithinReach(t *testing.T) {
	p := law(t)
	infant := append(one(code.Age25To59, code.MotherAndChild), one(code.Age0To5, code.MotherAndChild)...)
	worlds, shares := moments(p.Zone), map[string]float64{}
	for _, c := range []struct {
		who   string
		party []placement.Person
		least float64
	}{
		{"girl of 15", one(code.Age15To17, code.Girls), .90},
		{"boy of 8", one(code.Age6To11, code.Boys), .90},
		{"woman of 25", one(code.Age25To59, code.Women), .90},
		{"woman of 25 with an infant", infant, .85},
		{"man of 30", one(code.Age25To59, code.Men), .10},
		{"transgender person of 22", one(code.Age18To24, code.TransgenderUnit), .10},
	} {
		shares[c.who] = found(p, worlds, c.party)
		t.Logf("%s: %.3f of districts", c.who, shares[c.who])
		if shares[c.who] < c.least {
			t.Errorf("%s finds a bed in %.3f of districts only", c.who, shares[c.who])
		}
	}
	for _, who := range []string{"girl of 15", "boy of 8", "woman of 25 with an infant"} {
		if shares["man of 30"] > shares[who]-.2 {
			t.Errorf("men find a bed nearly as often as: %s", who)
		}
	}
}

// found is the share of districts with an option within the usual journey
// limit; a third of them ask at each of the worlds' times.
func found(p matching.Policy, worlds []moment, party []placement.Person) float64 {
	districts, n := place.Districts(India), 0
	for i, d := range districts {
		m := worlds[i%len(worlds)]
		ask := matching.Ask{At: m.at, Request: placement.Request{Place: d.Code, Urgency: code.UrgencyNow, Persons: party}}
		n += when(len(matching.Rank(m.world, ask, p, 1).Options) > 0)
	}
	return float64(n) / float64(len(districts))
}

// moment is the directory at one time of day.
type moment struct {
	at    time.Time
	world matching.World
}

func moments(least int) (out []moment) {
	for _, h := range []int{0, 8, 16} { // noon, evening, before dawn in India
		now := noon.Add(time.Duration(h) * time.Hour)
		out = append(out, moment{now, worldOf(Build(1, now), least)})
	}
	return out
}
