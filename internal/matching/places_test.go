package matching_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"panah/internal/code"
	"panah/internal/matching"
	"panah/internal/placement"
	"panah/internal/shelter"
	"panah/internal/testworld"
)

// limited gives a shelter of a random world limits, some of them reached.
func limited(r *rand.Rand, p *testworld.Place) {
	limit := func(most int) shelter.Limit {
		if r.IntN(2) == 0 {
			return 0
		}
		return shelter.LimitOf(r.IntN(most))
	}
	for i, u := range p.Units {
		for id, c := range u.Claims() {
			c.Places = shelter.Places{StepFree: r.IntN(2), Medical: r.IntN(2)}
			u = u.WithClaim(id, c)
		}
		u.StepFree, u.Medical = limit(4), limit(4)
		p.Units[i] = u.Occupy(shelter.Places{StepFree: r.IntN(2), Medical: r.IntN(2)})
	}
	p.DailyIntake = limit(12)
	today := shelter.DayAt(testworld.Start, 330)
	coming := map[string]shelter.Coming{}
	for n := range r.IntN(5) {
		c := shelter.Coming{Day: today + shelter.Day(r.IntN(3)-1), N: 1 + r.IntN(3)}
		if r.IntN(2) == 0 {
			c.Until = testworld.Start.Add(time.Duration(r.IntN(60)-20) * time.Minute)
		}
		coming[fmt.Sprint("p_", n, ".1")] = c
	}
	p.Door = shelter.DoorOf(p.ID, 1, coming)
}

// within reports in other words than the code's whether people can sleep so: who
// is where by unit, and whether limits hold.
func within(c *matching.Candidate, a matching.Ask, who [][]int, places bool) bool {
	for i := range c.Units {
		u := &c.Units[i]
		stepFree, medical := u.UsedPlaces().StepFree, u.UsedPlaces().Medical
		for _, claim := range u.Claims() {
			if claim.Until.IsZero() || a.At.Before(claim.Until) {
				stepFree, medical = stepFree+claim.Places.StepFree, medical+claim.Places.Medical
			}
		}
		mine := [2]int{}
		for _, n := range who[i] {
			p := a.Persons[n]
			if u.Population != p.PlaceWith || !u.Ages.Has(p.PresumedAge()) || (p.DoubtfulAge() && !u.SeparateSleeping) || a.At.Sub(u.ConfirmedAt) > 72*time.Hour {
				return false
			}
			if p.Needs.Has(code.NeedStepFree) {
				mine[0]++
			}
			if p.Needs.Has(code.NeedMedical) {
				mine[1]++
			}
		}
		free := u.FreeAt(a.At)
		if u.RoomBeds > 1 {
			free = free / u.RoomBeds * u.RoomBeds
		}
		if len(who[i]) > max(0, free) {
			return false
		}
		if places && (u.StepFree.Said() && mine[0] > 0 && mine[0]+stepFree > u.StepFree.N() || u.Medical.Said() && mine[1] > 0 && mine[1]+medical > u.Medical.N()) {
			return false
		}
	}
	return true
}

// anyhow tries every way in which a party could sleep in a shelter.
func anyhow(c *matching.Candidate, a matching.Ask) bool {
	ways := 1
	for range a.Persons {
		ways *= len(c.Units)
	}
	for way := range ways {
		who := make([][]int, len(c.Units))
		for n := range a.Persons {
			who[way%len(c.Units)] = append(who[way%len(c.Units)], n)
			way /= len(c.Units)
		}
		if within(c, a, who, true) {
			return true
		}
	}
	return false
}

// narrow draws homes and a party that fit but for their limits.
func narrow(t *rapid.T) (matching.World, matching.Ask) {
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "narrow"), 3))
	children := []code.Population{code.Girls, code.Boys}
	var places []testworld.Place
	for i := range 1 + r.IntN(12) {
		id := fmt.Sprintf("N%03d", i)
		var units []shelter.Unit
		for j := range 1 + r.IntN(4) {
			u := testworld.Unit(id, fmt.Sprint("u", j), children[r.IntN(2)], testworld.SchoolAge, 8, r.IntN(8))
			u.Site = uint8(r.IntN(2))
			if r.IntN(3) == 0 {
				u = u.WithClaim("p_1.1", shelter.Claim{N: 1, Until: testworld.Start.Add(time.Duration(r.IntN(60)-20) * time.Minute)})
			}
			units = append(units, u)
		}
		p := testworld.Home(id, testworld.District, code.ChildrensHome, units...)
		p.OnSite = code.Of(code.NeedMedical, code.NeedStepFree)
		limited(r, &p)
		places = append(places, p)
	}
	a := ask()
	for range 1 + r.IntN(4) {
		a.Persons = append(a.Persons, placement.Person{Age: code.Age12To14, PlaceWith: children[r.IntN(2)],
			Needs: []code.Set[code.Need]{0, code.Of(code.NeedMedical), code.Of(code.NeedStepFree), code.Of(code.NeedMedical, code.NeedStepFree)}[r.IntN(4)]})
	}
	return world(places), a
}

// The fast ranking says of limits what the plain evaluator says.
func TestRankingKeepsLimitsAsThePlainEvaluatorDoes(t *testing.T) {
	p := rules(t)
	rapid.Check(t, func(t *rapid.T) {
		w, a := narrow(t)
		a.Together = code.Together(rapid.IntRange(0, 1).Draw(t, "together"))
		all, got := matching.Explain(w, a, p), matching.Rank(w, a, p, 100)
		first := map[string]int{}
		for i, v := range all {
			switch {
			case v.Rank == 0:
				first[v.Failed[0]]++
			case told(got.Options[i]) != told(v.Option):
				t.Fatalf("option %d is\n%s\nnot\n%s", i, told(got.Options[i]), told(v.Option))
			}
		}
		if got.FirstRule != nil && fmt.Sprint(first) != fmt.Sprint(got.FirstRule) {
			t.Fatalf("first rules %v, not %v", got.FirstRule, first)
		}
	})
}

// Limits are kept, and where a shelter is refused for want of places there is
// really no way to sleep in it.
func TestPlacesAreKeptAndNotMissed(t *testing.T) {
	p := rules(t)
	short, kept := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		w, a := narrow(t)
		for _, v := range matching.Explain(w, a, p) {
			c := v.Option.Candidate
			wanting := slices.Contains(v.Failed, "places.step_free") || slices.Contains(v.Failed, "places.medical")
			if wanting && anyhow(c, a) {
				t.Fatalf("%s could take them all the same: %v", c.ID, v.Failed)
			}
			if wanting {
				short++
			}
			if v.Rank == 0 {
				continue
			}
			who := make([][]int, len(c.Units))
			for _, part := range v.Option.Parts {
				i := slices.IndexFunc(c.Units, func(u shelter.Unit) bool { return u.ID == part.Unit })
				who[i] = part.Persons
			}
			if !within(c, a, who, true) {
				t.Fatalf("%s has not the places: %+v", c.ID, v.Option.Parts)
			}
			coming := len(a.Persons)
			for _, other := range c.Door.All() {
				if other.Day == v.Option.Day && (other.Until.IsZero() || a.At.Before(other.Until)) {
					coming += other.N
				}
			}
			if c.DailyIntake.Said() && coming > c.DailyIntake.N() {
				t.Fatalf("%d come to %s in a day, of %d", coming, c.ID, c.DailyIntake.N())
			}
			kept++
		}
	})
	if short == 0 || kept == 0 {
		t.Fatalf("%d shelters had too few places, %d enough: the worlds prove nothing", short, kept)
	}
}

// Each party of a crowd uses places and the day of a shelter up for the others.
func TestACrowdSharesPlacesAndTheDay(t *testing.T) {
	stepFree := girl()
	stepFree.Needs = code.Of(code.NeedStepFree)
	home := func() testworld.Place {
		p := testworld.Home("HOME", testworld.District, code.ChildrensHome, testworld.Unit("HOME", "girls", code.Girls, testworld.SchoolAge, 30, 0))
		p.OnSite = code.Of(code.NeedStepFree)
		return p
	}
	for _, c := range []struct {
		name   string
		change func(*testworld.Place)
		placed int
	}{
		{"no limit", func(*testworld.Place) {}, 6},
		{"two step-free places", func(p *testworld.Place) { p.Units[0].StepFree = shelter.LimitOf(2) }, 4},
		{"three of them, one in use", func(p *testworld.Place) {
			p.Units[0].StepFree = shelter.LimitOf(3)
			p.Units[0] = p.Units[0].Occupy(shelter.Places{StepFree: 1})
		}, 4},
		{"no step-free place", func(p *testworld.Place) { p.Units[0].StepFree = shelter.LimitOf(0) }, 2},
		{"five people a day", func(p *testworld.Place) { p.DailyIntake = shelter.LimitOf(5) }, 5},
		{"five people a day, three of whom have come", func(p *testworld.Place) {
			p.DailyIntake = shelter.LimitOf(5)
			p.Door = shelter.DoorOf("HOME", 1, map[string]shelter.Coming{"p_1.1": {Day: shelter.DayAt(testworld.Start, 330), N: 3}})
		}, 2},
	} {
		p := home()
		c.change(&p)
		var crowd matching.Crowd
		for i := range 6 {
			who := girl()
			if i < 4 {
				who = stepFree
			}
			crowd.Asks = append(crowd.Asks, ask([]placement.Person{who}...))
		}
		plan, err := matching.PlanTogether(world([]testworld.Place{p}), crowd, rules(t))
		if err != nil {
			t.Fatal(err)
		}
		placed := 0
		for _, one := range plan {
			if one.Option != nil {
				placed++
			}
		}
		if placed != c.placed {
			t.Errorf("%s: %d of 6 are placed, want %d", c.name, placed, c.placed)
		}
	}
}
