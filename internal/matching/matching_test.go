package matching_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"panah/internal/code"
	"panah/internal/language"
	"panah/internal/matching"
	"panah/internal/place"
	"panah/internal/placement"
	"panah/internal/policy"
	"panah/internal/shelter"
	"panah/internal/testworld"
)

func rules(t testing.TB) matching.Policy {
	t.Helper()
	p, err := policy.Current()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// world makes a world of places.
func world(places []testworld.Place) matching.World {
	all := make([]matching.Candidate, len(places))
	for i, p := range places {
		slices.SortFunc(p.Units, func(a, b shelter.Unit) int { return strings.Compare(a.ID, b.ID) })
		all[i] = matching.Candidate{Shelter: p.Shelter, Units: p.Units, Door: p.Door}
	}
	return matching.WorldOf(all, 3)
}

func girl() placement.Person {
	return placement.Person{Age: code.Age15To17, AgeStatus: code.AgeStated, PlaceWith: code.Girls, Languages: []language.Tag{"bn"}}
}

func ask(persons ...placement.Person) matching.Ask {
	return matching.Ask{At: testworld.Start, Request: placement.Request{Place: testworld.District, Together: code.TogetherPreferred, Persons: persons, Limit: 3}}
}

// Each hard rule, broken alone, keeps a shelter out and is named.
func TestEachHardRuleAlone(t *testing.T) {
	boy := placement.Person{Age: code.Age6To11, AgeStatus: code.AgeStated, PlaceWith: code.Boys}
	for _, c := range []struct {
		rule   string
		change func(*testworld.Place, *matching.Ask)
	}{
		{"legal.country", func(p *testworld.Place, _ *matching.Ask) { p.District = "BD-13" }},
		{"registration.current", func(p *testworld.Place, _ *matching.Ask) { p.Status = shelter.Suspended }},
		{"registration.current", func(p *testworld.Place, a *matching.Ask) { p.RegisteredUntil = a.At }},
		{"legal.institution_type", func(p *testworld.Place, _ *matching.Ask) { p.Type = code.ObservationHome }},
		{"legal.institution_type", func(p *testworld.Place, _ *matching.Ask) { p.Type = code.ProtectiveHome }},
		{"safety.excluded_area", func(p *testworld.Place, a *matching.Ask) { a.ExcludedDistricts = []place.Code{p.District} }},
		{"safety.excluded_area", func(_ *testworld.Place, a *matching.Ask) { a.ExcludedDistricts = []place.Code{"IN-WB"} }},
		{"safety.excluded_shelter", func(p *testworld.Place, a *matching.Ask) { a.ExcludedShelters = []string{p.ID} }},
		{"party.declined", func(p *testworld.Place, a *matching.Ask) { a.Refused = []string{p.ID} }},
		{"journey.limit", func(_ *testworld.Place, a *matching.Ask) { a.Place, a.MaxJourneyMinutes = "IN-LGD-525", 600 }},
		{"need.required", func(_ *testworld.Place, a *matching.Ask) { a.Persons[0].Needs = code.Of(code.Need(8)) }},
		{"intake.hours", func(p *testworld.Place, _ *matching.Ask) { p.Intake = shelter.Hours{From: 9 * 60, To: 18 * 60} }},
		{"intake.daily", func(p *testworld.Place, _ *matching.Ask) { p.DailyIntake = shelter.LimitOf(1) }},
		{"places.medical", func(p *testworld.Place, a *matching.Ask) {
			a.Persons[0].Needs, p.Units[1].Medical = code.Of(code.NeedMedical), shelter.LimitOf(0)
		}},
		{"places.step_free", func(p *testworld.Place, a *matching.Ask) {
			p.OnSite = code.Of(code.NeedStepFree)
			a.Persons[0].Needs, p.Units[1].StepFree = p.OnSite, shelter.LimitOf(0)
		}},
		{"beds.free", func(p *testworld.Place, _ *matching.Ask) {
			p.Units[0] = testworld.Unit(p.ID, "boys", code.Boys, testworld.SchoolAge, 5, 5)
		}},
		{"data.fresh", func(p *testworld.Place, _ *matching.Ask) {
			p.Units[1].ConfirmedAt = testworld.Start.Add(-73 * time.Hour)
		}},
		{"party.together", func(p *testworld.Place, a *matching.Ask) {
			p.Units[1].Site, a.Together = 1, code.TogetherRequired
		}},
		{"age.separate_sleeping", func(_ *testworld.Place, a *matching.Ask) { a.Persons[0].AgeStatus = code.AgeDisputed }},
		{"age.range", func(p *testworld.Place, _ *matching.Ask) { p.Units[1].Ages = code.Of(code.Age6To11) }},
		{"gender.served", func(p *testworld.Place, _ *matching.Ask) { p.Units[1].Population = code.Women }},
	} {
		t.Run(c.rule, func(t *testing.T) {
			p := testworld.Home("HOME", testworld.District, code.ChildrensHome,
				testworld.Unit("HOME", "boys", code.Boys, testworld.SchoolAge, 5, 1), testworld.Unit("HOME", "girls", code.Girls, testworld.SchoolAge, 5, 1))
			a := ask(girl(), boy)
			if _, failed, _ := matching.Try(world([]testworld.Place{p}), "HOME", a, rules(t)); len(failed) > 0 {
				t.Fatalf("before the change it fails %v", failed)
			}
			c.change(&p, &a)
			_, failed, ok := matching.Try(world([]testworld.Place{p}), "HOME", a, rules(t))
			if !ok || !slices.Contains(failed, c.rule) {
				t.Fatalf("fails %v, want %s among them", failed, c.rule)
			}
			if got := matching.Rank(world([]testworld.Place{p}), a, rules(t), 3); len(got.Options) != 0 {
				t.Fatalf("it is an option all the same: %+v", got.Options)
			}
		})
	}
}

// A disputed age has the benefit of the doubt: child rules and separate
// sleeping, never an adults-only unit (Juvenile Justice Act 2015, s.94).
func TestADisputedAgeIsPlacedAsAChild(t *testing.T) {
	adultSaid := placement.Person{Age: code.Age18To24, AgeStatus: code.AgeDisputed, PlaceWith: code.Women}
	girlsHome := testworld.Home("GIRL", testworld.District, code.ChildrensHome, testworld.Unit("GIRL", "girls", code.Girls, testworld.SchoolAge, 5, 1))
	girlsHome.Units[0].SeparateSleeping = true
	women := testworld.Home("WOMN", testworld.District, code.ShaktiSadan, testworld.Unit("WOMN", "women", code.Women, code.AdultBands, 5, 1))
	women.Units[0].SeparateSleeping = true
	w := world([]testworld.Place{girlsHome, women})
	if got := matching.Rank(w, ask(adultSaid), rules(t), 3); len(got.Options) != 0 {
		t.Fatalf("placed in an adults' unit: %v", got.Options[0].Candidate.ID)
	}
	adultSaid.PlaceWith = code.Girls
	if got := matching.Rank(w, ask(adultSaid), rules(t), 3); len(got.Options) != 1 || got.Options[0].Candidate.ID != "GIRL" {
		t.Fatalf("options %+v", got.Options)
	}
}

func TestForAdultsALockedPlaceRanksBehindEveryOpenOne(t *testing.T) {
	locked := testworld.Home("LOCK", testworld.District, code.ProtectiveHome, testworld.Unit("LOCK", "women", code.Women, code.AdultBands, 50, 0))
	locked.HouseRules = code.Of(code.DoorsLockedAlways)
	open := testworld.Home("OPEN", "IN-LGD-320", code.ShaktiSadan, testworld.Unit("OPEN", "women", code.Women, code.AdultBands, 50, 49))
	open.Languages = nil
	woman := placement.Person{Age: code.Age25To59, PlaceWith: code.Women, Languages: []language.Tag{"bn"}}
	got := matching.Rank(world([]testworld.Place{locked, open}), ask(woman), rules(t), 3)
	if len(got.Options) != 2 || got.Options[0].Candidate.ID != "OPEN" || got.Options[0].Score >= got.Options[1].Score {
		t.Fatalf("options %+v", got.Options)
	}
}

func TestEqualShelters_TheOneOfferedLongestAgoComesFirst(t *testing.T) {
	var places []testworld.Place
	for i, id := range []string{"AAAA", "BBBB", "CCCC"} {
		p := testworld.Home(id, testworld.District, code.ChildrensHome, testworld.Unit(id, "girls", code.Girls, testworld.SchoolAge, 10, 1))
		p.Units[0].LastOffered = testworld.Start.Add(-time.Duration(i) * time.Hour)
		places = append(places, p)
	}
	places[0].Units[0].LastOffered = places[1].Units[0].LastOffered
	got := matching.Rank(world(places), ask(girl()), rules(t), 3)
	var order []string
	for _, o := range got.Options {
		order = append(order, o.Candidate.ID)
	}
	if fmt.Sprint(order) != "[CCCC AAAA BBBB]" {
		t.Fatalf("order %v", order)
	}
}

func TestWhatWouldHelpIsNeverAgainstLawOrSafety(t *testing.T) {
	far := testworld.Home("FAR1", "IN-LGD-320", code.ChildrensHome, testworld.Unit("FAR1", "girls", code.Girls, testworld.SchoolAge, 10, 1))
	unlawful := testworld.Home("LAW1", testworld.District, code.ObservationHome, testworld.Unit("LAW1", "girls", code.Girls, testworld.SchoolAge, 10, 1))
	unsafe := testworld.Home("SAFE", testworld.District, code.ChildrensHome, testworld.Unit("SAFE", "girls", code.Girls, testworld.SchoolAge, 10, 1))
	a := ask(girl())
	a.ExcludedShelters = []string{"SAFE"}
	a.MaxJourneyMinutes = 60
	got := matching.Rank(world([]testworld.Place{far, unlawful, unsafe}), a, rules(t), 3)
	if len(got.Options) != 0 || len(got.WouldHelp) > 1 || (len(got.WouldHelp) == 1 && got.WouldHelp[0] != "farther") {
		t.Fatalf("options %d, would help %v", len(got.Options), got.WouldHelp)
	}
}

func TestAHistogramIsShownOnlyWhereEnoughWereConsidered(t *testing.T) {
	var places []testworld.Place
	for i := range 10 {
		id := fmt.Sprintf("B%03d", i)
		places = append(places, testworld.Home(id, testworld.District, code.ChildrensHome, testworld.Unit(id, "boys", code.Boys, testworld.SchoolAge, 10, 1)))
	}
	if got := matching.Rank(world(places[:9]), ask(girl()), rules(t), 3); got.FirstRule != nil || got.Considered != 9 {
		t.Errorf("of nine: %+v", got)
	}
	if got := matching.Rank(world(places), ask(girl()), rules(t), 3); got.FirstRule["gender.served"] != 10 {
		t.Errorf("of ten: %+v", got)
	}
}

// randomWorld draws shelters that are wrong in every way a shelter can be.
func randomWorld(t *rapid.T) matching.World {
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 7))
	districts := []place.Code{"IN-LGD-315", "IN-LGD-316", "IN-LGD-320", "IN-LGD-525", "BD-13"}
	var places []testworld.Place
	for i := range 1 + r.IntN(40) {
		id := fmt.Sprintf("S%03d", i)
		var units []shelter.Unit
		for j := range 1 + r.IntN(4) {
			u := testworld.Unit(id, fmt.Sprint("u", j), code.Population(r.IntN(8)), code.Set[code.AgeBand](r.IntN(128)), r.IntN(20), r.IntN(20))
			u.SeparateSleeping, u.Site = r.IntN(2) == 0, uint8(r.IntN(2))
			u.ConfirmedAt = testworld.Start.Add(-time.Duration(r.IntN(100)) * time.Hour)
			u.LastOffered = testworld.Start.Add(-time.Duration(r.IntN(4)) * time.Hour)
			for n := range r.IntN(3) {
				until := testworld.Start.Add(time.Duration(r.IntN(60)-20) * time.Minute)
				u = u.WithClaim(fmt.Sprint("p_", n, ".1"), shelter.Claim{N: 1 + r.IntN(3), Until: until})
			}
			u.Rev += uint64(r.IntN(30) / 29)
			u.RoomBeds = []int{0, 0, 0, 2, 4}[r.IntN(5)]
			if r.IntN(10) == 0 {
				u.EndsAt = testworld.Start.Add(time.Duration(r.IntN(100)-50) * time.Minute)
			}
			units = append(units, u)
		}
		p := testworld.Home(id, districts[r.IntN(len(districts))], code.Institution(r.IntN(code.Institutions.Len())), units...)
		p.Status = shelter.Status(r.IntN(5) / 3)
		p.OnSite, p.Arranged = code.Set[code.Need](r.IntN(4096)), code.Set[code.Need](r.IntN(4096))
		p.HouseRules = code.Set[code.HouseRule](r.IntN(8))
		p.Intake = shelter.Hours{From: r.IntN(1440), To: r.IntN(1440)}
		p.Features = code.Set[code.Feature](r.IntN(1024))
		p.MaxStayDays = []int{0, 5, 90, 1095}[r.IntN(4)]
		p.Languages = nil
		for _, tag := range []language.Tag{"bn", "hi", "ur"} {
			if r.IntN(2) == 0 {
				p.Languages = append(p.Languages, shelter.Language{Tag: tag, Via: code.LanguageVia(r.IntN(3))})
			}
		}
		if r.IntN(2) == 0 {
			limited(r, &p)
		}
		places = append(places, p)
	}
	return world(places)
}

func randomAsk(t *rapid.T) matching.Ask {
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "ask"), 9))
	a := ask()
	for range 1 + r.IntN(4) {
		a.Persons = append(a.Persons, placement.Person{Age: code.AgeBand(r.IntN(7)), AgeStatus: code.AgeStatus(r.IntN(4)),
			PlaceWith: code.Population(r.IntN(8)), Languages: []language.Tag{"bn"}, Needs: []code.Set[code.Need]{1, 2, 0, 1 << code.NeedStepFree, 1 | 1<<code.NeedStepFree}[r.IntN(5)]})
	}
	a.Urgency, a.Together = code.Urgency(r.IntN(3)), code.Together(r.IntN(2))
	if r.IntN(3) == 0 {
		a.ExcludedDistricts = []place.Code{"IN-LGD-316"}
	}
	a.Preferences = code.Set[code.Feature](r.IntN(8))
	a.StayDays = []int{0, 0, 4, 30}[r.IntN(4)]
	a.MaxJourneyMinutes = []int{0, 60, 300, 2000}[r.IntN(4)]
	a.At = a.At.Add(time.Duration(r.IntN(3)) * 500 * time.Millisecond)
	a.Seed = []string{"", "p_ONE", "p_TWO"}[r.IntN(3)]
	for _, ids := range []*[]string{&a.ExcludedShelters, &a.Refused, &a.Unwanted, &a.Tried, &a.Paused} {
		for range r.IntN(3) {
			*ids = append(*ids, fmt.Sprintf("S%03d", r.IntN(40)))
		}
	}
	return a
}

// A violated hard rule can never be outscored: in random worlds every option
// satisfies each rule, checked here in other words than the code's.
func TestNoOptionBreaksAHardRule(t *testing.T) {
	p := rules(t)
	rapid.Check(t, func(t *rapid.T) {
		w, a := randomWorld(t), randomAsk(t)
		for _, o := range matching.Rank(w, a, p, 100).Options {
			c := o.Candidate
			if c.Status != shelter.Active || !c.RegisteredUntil.After(a.At) || slices.Contains(a.ExcludedDistricts, c.District) || c.District == "BD-13" {
				t.Fatalf("%s is not to be offered at all", c.ID)
			}
			seen := map[int]bool{}
			sites := map[uint8]bool{}
			for _, part := range o.Parts {
				i := slices.IndexFunc(c.Units, func(u shelter.Unit) bool { return u.ID == part.Unit })
				u := c.Units[i]
				sites[u.Site] = true
				if u.FreeAt(a.At) < part.Claimed() || part.Claimed() != u.BedsFor(len(part.Persons)) || a.At.Sub(u.ConfirmedAt) > 72*time.Hour {
					t.Fatalf("%s/%s has no confirmed free beds for %d", c.ID, u.ID, len(part.Persons))
				}
				for _, n := range part.Persons {
					person := a.Persons[n]
					doubt := person.AgeStatus >= code.AgeDisputed
					age := person.Age
					if doubt && age >= code.Age18To24 {
						age = code.Age15To17
					}
					if seen[n] || u.Population != person.PlaceWith || !u.Ages.Has(age) || (doubt && !u.SeparateSleeping) {
						t.Fatalf("%s/%s is wrong for person %d", c.ID, u.ID, n)
					}
					if !p.Lawful[c.Type].Ages.Has(age) {
						t.Fatalf("%s may not take person %d by law", c.ID, n)
					}
					if !(c.OnSite | c.Arranged).HasAll(person.Needs) {
						t.Fatalf("%s does not meet the needs of person %d", c.ID, n)
					}
					seen[n] = true
				}
			}
			if len(seen) != len(a.Persons) || (a.Together == code.TogetherRequired && len(sites) > 1) {
				t.Fatalf("%s does not take the whole party together", c.ID)
			}
			sum := 0
			for _, part := range o.Points {
				sum += part.Points
			}
			if sum != o.Score {
				t.Fatalf("parts sum to %d, score %d", sum, o.Score)
			}
		}
	})
}

// told is an option as a team sees it: all but where it is kept in memory.
func told(o matching.Option) string {
	id := o.Candidate.ID
	o.Candidate = nil
	return fmt.Sprintf("%s %+v", id, o)
}

// Ranking is the same for the same input, whatever k: the first k of the whole,
// byte for byte, as the plain evaluator of every shelter has them.
func TestRankingIsDeterministicAndTopKIsExact(t *testing.T) {
	p := rules(t)
	rapid.Check(t, func(t *rapid.T) {
		w, a := randomWorld(t), randomAsk(t)
		all := matching.Explain(w, a, p)
		for _, k := range []int{1, 2, 3, 10, 1000} {
			few := matching.Rank(w, a, p, k)
			for i, o := range few.Options {
				if told(o) != told(all[i].Option) || all[i].Rank != i+1 {
					t.Fatalf("of %d, option %d is\n%s\nnot\n%s", k, i, told(o), told(all[i].Option))
				}
			}
			fit := 0
			for _, v := range all {
				if len(v.Failed) == 0 {
					fit++
				}
			}
			if len(few.Options) != min(k, fit) {
				t.Fatalf("%d options of %d that fit", len(few.Options), fit)
			}
		}
	})
}

func TestZonesHoldAtLeastThreeShelters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := randomWorld(t)
		active := map[string]int{}
		country := map[place.Code]int{}
		for c := range w.All() {
			d, _ := place.Lookup(c.District)
			if c.Status == shelter.Active {
				active[w.Zones[c.Zone].ID]++
				country[d.Country]++
			}
			if !slices.Contains(w.Zones[c.Zone].Districts, c.District) {
				t.Fatalf("%s is in a zone without its district", c.ID)
			}
		}
		for _, z := range w.Zones {
			if active[z.ID] != z.Shelters || (z.Shelters < 3 && country[z.Center.Country] >= 3) {
				t.Fatalf("zone %s has %d shelters", z.ID, z.Shelters)
			}
		}
	})
}

// Where the law takes children with their mother, it does not take them alone.
func TestAChildIsInAnAdultsPlaceOnlyWithAnAdultOfItsParty(t *testing.T) {
	ages := code.AdultBands.With(code.Age0To5)
	sadan := testworld.Home("SADA", testworld.District, code.ShaktiSadan, testworld.Unit("SADA", "mothers", code.MotherAndChild, ages, 10, 1))
	mother := placement.Person{Age: code.Age25To59, PlaceWith: code.MotherAndChild}
	child := placement.Person{Age: code.Age0To5, PlaceWith: code.MotherAndChild}
	w := world([]testworld.Place{sadan})
	if got := matching.Rank(w, ask(mother, child), rules(t), 3); len(got.Options) != 1 {
		t.Fatalf("mother and child find nothing")
	}
	if got := matching.Rank(w, ask(child), rules(t), 3); len(got.Options) != 0 {
		t.Fatalf("a child alone is offered %s", got.Options[0].Candidate.ID)
	}
}

// Rank looks only as far as a team's answer needs. It must say the same as
// holding every shelter against every rule.
func TestRankAgreesWithThePlainEvaluator(t *testing.T) {
	p := rules(t)
	p.Histogram = 0
	rapid.Check(t, func(t *rapid.T) {
		w, a := randomWorld(t), randomAsk(t)
		got := matching.Rank(w, a, p, 1000)
		considered, firstRule, options := 0, map[string]int{}, map[string]string{}
		for c := range w.All() {
			o, failed, _ := matching.Try(w, c.ID, a, p)
			if len(failed) == 0 {
				options[c.ID] = told(o)
			}
			if slices.Contains(failed, "legal.country") || slices.Contains(failed, "journey.limit") {
				continue
			}
			considered++
			if len(failed) > 0 {
				firstRule[failed[0]]++
			}
		}
		if got.Considered != considered || fmt.Sprint(got.FirstRule) != fmt.Sprint(firstRule) {
			t.Fatalf("considered %d %v, want %d %v", got.Considered, got.FirstRule, considered, firstRule)
		}
		if len(got.Options) != len(options) {
			t.Fatalf("%d options, want %d", len(got.Options), len(options))
		}
		for _, o := range got.Options {
			if told(o) != options[o.Candidate.ID] {
				t.Fatalf("%s differs:\n%s\n%s", o.Candidate.ID, told(o), options[o.Candidate.ID])
			}
		}
	})
}

// The index has 16 bits for needs and for wishes, 8 for age bands and for
// populations: who lengthens a list must make room there first.
func TestListsFitTheIndex(t *testing.T) {
	asked := 0
	for p := range code.Population(code.Populations.Len()) {
		if p.Asked() {
			asked = int(p) + 1
		}
	}
	if code.Needs.Len() > 16 || code.Features.Len() > 16 || code.AgeBands.Len() > 8 || asked > 8 || placement.MaxPersons > 31 {
		t.Error("a list has outgrown the index: widen row, shape or the bits of persons")
	}
}
