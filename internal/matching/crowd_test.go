package matching_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"panah/internal/code"
	"panah/internal/matching"
	"panah/internal/place"
	"panah/internal/placement"
	"panah/internal/shelter"
	"panah/internal/testworld"
)

// girlsHome has so many free beds for girls.
func girlsHome(id string, free int) testworld.Place {
	return testworld.Home(id, testworld.District, code.ChildrensHome, testworld.Unit(id, "girls", code.Girls, testworld.SchoolAge, 10, 10-free))
}

// planned is where each party of a crowd goes: shelter/unit, or "-".
func planned(t *testing.T, w matching.World, c matching.Crowd, p matching.Policy) string {
	t.Helper()
	plan, err := matching.PlanTogether(w, c, p)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, one := range plan {
		if one.Option == nil {
			out = append(out, "-")
			continue
		}
		out = append(out, one.Option.Candidate.ID+"/"+one.Option.Parts[0].Unit)
	}
	return strings.Join(out, " ")
}

// Most persons first: a bed two parties could have goes to the one that has no other.
func TestACrowdIsPlacedSoThatMostFindABed(t *testing.T) {
	p := rules(t)
	pick := func(a matching.Ask, out ...string) matching.Ask { a.ExcludedShelters = out; return a }
	two := func() matching.Ask { return ask(girl(), girl()) }
	homes := []testworld.Place{girlsHome("AAAA", 1), girlsHome("BBBB", 1), girlsHome("CCCC", 2)}
	for _, c := range []struct {
		name  string
		crowd matching.Crowd
		want  string
	}{
		{"the bed is left to who may not go elsewhere", matching.Crowd{Asks: []matching.Ask{pick(ask(girl()), "CCCC", "BBBB"), pick(ask(girl()), "CCCC")}}, "AAAA/girls BBBB/girls"},
		{"the same the other way round", matching.Crowd{Asks: []matching.Ask{pick(ask(girl()), "CCCC"), pick(ask(girl()), "CCCC", "AAAA")}}, "AAAA/girls BBBB/girls"},
		{"two persons before one", matching.Crowd{Asks: []matching.Ask{pick(ask(girl()), "AAAA", "BBBB"), two()}}, "- CCCC/girls"},
		{"kept apart, in different shelters", matching.Crowd{Asks: []matching.Ask{pick(ask(girl()), "AAAA"), pick(ask(girl()), "AAAA", "BBBB")}, Apart: [][2]int{{0, 1}}}, "BBBB/girls CCCC/girls"},
		{"kept apart, and one shelter only", matching.Crowd{Asks: []matching.Ask{two(), pick(ask(girl()), "AAAA", "BBBB")}, Apart: [][2]int{{1, 0}}}, "CCCC/girls -"},
		{"kept apart from one who is there already", matching.Crowd{Asks: []matching.Ask{ask(girl()), pick(ask(girl()), "AAAA")}, Apart: [][2]int{{0, 1}}, There: map[int]string{0: "BBBB"}}, "- CCCC/girls"},
		{"the other way round", matching.Crowd{Asks: []matching.Ask{pick(ask(girl()), "AAAA"), ask(girl())}, Apart: [][2]int{{0, 1}}, There: map[int]string{1: "BBBB"}}, "CCCC/girls -"},
		{"others of the crowd are there, nobody kept from them", matching.Crowd{Asks: []matching.Ask{pick(ask(girl()), "AAAA", "CCCC"), ask(girl())}, There: map[int]string{1: "BBBB"}}, "BBBB/girls -"},
	} {
		if got := planned(t, world(homes), c.crowd, p); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// Who finds no place learns whether shelters fitted whose beds others have, or
// which rules kept every shelter out.
func TestWhoIsLeftOverIsToldWhy(t *testing.T) {
	p := rules(t)
	p.Histogram = 1
	w := world([]testworld.Place{girlsHome("AAAA", 1), girlsHome("BBBB", 0)})
	boy := placement.Person{Age: code.Age6To11, PlaceWith: code.Boys}
	plan, err := matching.PlanTogether(w, matching.Crowd{Asks: []matching.Ask{ask(girl()), ask(girl()), ask(boy)}}, p)
	if err != nil {
		t.Fatal(err)
	}
	left := 0
	for _, one := range plan[:2] {
		if one.Option == nil {
			left++
			if !one.Taken || one.Failed["beds.free"] != 1 {
				t.Errorf("a girl is told %+v", one)
			}
		}
	}
	if left != 1 || plan[2].Option != nil || plan[2].Taken || plan[2].Failed["gender.served"] != 2 {
		t.Errorf("%d girls left, the boy is told %+v", left, plan[2])
	}
}

// A unit that takes the whole party is weighed beside the one it would have had:
// others may need that one; but only if its counts are fresh and its beds enough.
func TestAnotherUnitOfTheSameShelterIsWeighed(t *testing.T) {
	small := placement.Person{Age: code.Age6To11, PlaceWith: code.Girls}
	young := code.Of(code.Age6To11)
	for _, c := range []struct {
		name   string
		second func(u *shelter.Unit)
		want   []string
	}{
		{"there is one", func(*shelter.Unit) {}, []string{"HOME/b HOME/a"}},
		{"its counts are old", func(u *shelter.Unit) { u.ConfirmedAt = testworld.Start.Add(-73 * time.Hour) }, []string{"HOME/a -", "- HOME/a"}},
		{"it is full", func(u *shelter.Unit) { *u = testworld.Unit("HOME", "b", code.Girls, young, 10, 10) }, []string{"HOME/a -", "- HOME/a"}},
		{"it does not take her age", func(u *shelter.Unit) { u.Ages = code.Of(code.Age12To14) }, []string{"HOME/a -", "- HOME/a"}},
	} {
		a := testworld.Unit("HOME", "a", code.Girls, testworld.SchoolAge, 10, 9)
		b := testworld.Unit("HOME", "b", code.Girls, young, 10, 9)
		c.second(&b)
		w := world([]testworld.Place{testworld.Home("HOME", testworld.District, code.ChildrensHome, a, b)})
		if got := planned(t, w, matching.Crowd{Asks: []matching.Ask{ask(small), ask(girl())}}, rules(t)); !slices.Contains(c.want, got) {
			t.Errorf("%s: %s", c.name, got)
		}
	}
}

// An adult goes to an open place before a locked one, whatever the scores.
func TestACrowdsAdultsGoToOpenPlacesFirst(t *testing.T) {
	women := func(id string, rule ...code.HouseRule) testworld.Place {
		p := testworld.Home(id, testworld.District, code.ShaktiSadan, testworld.Unit(id, "women", code.Women, code.AdultBands, 10, 1))
		p.HouseRules = code.Of(rule...)
		return p
	}
	locked, open := women("AAAA", code.DoorsLockedAlways), women("ZZZZ", code.DoorsLockedAtNight)
	open.Languages = nil // all else speaks for the locked one
	open.District = "IN-LGD-320"
	if got := planned(t, matching.WorldOf([]matching.Candidate{{Shelter: locked.Shelter, Units: locked.Units}, {Shelter: open.Shelter, Units: open.Units}}, 1),
		matching.Crowd{Asks: []matching.Ask{ask(woman())}}, rules(t)); got != "ZZZZ/women" {
		t.Errorf("she goes to %s", got)
	}
}

// Small parties are divided in every way, larger ones by where they are to sleep.
func TestASplitIsFoundWhereverSmallPartiesCanBeDivided(t *testing.T) {
	p := rules(t)
	women := testworld.Home("WOMN", testworld.District, code.ShaktiSadan, testworld.Unit("WOMN", "women", code.Women, code.AdultBands, 10, 0))
	for _, c := range []struct {
		name   string
		places []testworld.Place
		girls  int
		women  int
		want   bool
	}{
		{"six girls, two homes of three beds", []testworld.Place{girlsHome("AAAA", 3), girlsHome("BBBB", 3)}, 6, 0, true},
		{"six girls, beds for two and four", []testworld.Place{girlsHome("AAAA", 2), girlsHome("BBBB", 4)}, 6, 0, true},
		{"six girls, five beds", []testworld.Place{girlsHome("AAAA", 2), girlsHome("BBBB", 3)}, 6, 0, false},
		{"two girls, a bed each in two homes", []testworld.Place{girlsHome("AAAA", 1), girlsHome("BBBB", 1)}, 2, 0, true},
		{"two girls, one bed in all", []testworld.Place{girlsHome("AAAA", 1)}, 2, 0, false},
		{"four women and four girls, a place for each", []testworld.Place{girlsHome("AAAA", 4), women}, 4, 4, true},
		{"four women and four girls, and no place for girls", []testworld.Place{girlsHome("AAAA", 3), women}, 4, 4, false},
		{"one girl alone", []testworld.Place{girlsHome("AAAA", 0)}, 1, 0, false},
	} {
		a := ask(slices.Concat(slices.Repeat([]placement.Person{girl()}, c.girls), slices.Repeat([]placement.Person{woman()}, c.women))...)
		got := matching.Rank(world(c.places), a, p, 3)
		if len(got.Options) != 0 || slices.Contains(got.WouldHelp, "split_by_decision") != c.want {
			t.Errorf("%s: options %v, would help %v", c.name, ids(got.Options), got.WouldHelp)
		}
	}
}

// A claim whose time has passed and surge beds that are over count at their
// instant, as ranking sees it too.
func TestBedsCountAtTheInstantOfTheAsk(t *testing.T) {
	p := rules(t)
	for _, c := range []struct {
		name string
		unit func(u shelter.Unit) shelter.Unit
		at   time.Duration
		fits bool
	}{
		{"held for another", func(u shelter.Unit) shelter.Unit {
			return u.WithClaim("p_1.1", shelter.Claim{N: 1, Until: testworld.Start.Add(time.Minute)})
		}, time.Minute - time.Second, false},
		{"their hold has lapsed", func(u shelter.Unit) shelter.Unit {
			return u.WithClaim("p_1.1", shelter.Claim{N: 1, Until: testworld.Start.Add(time.Minute)})
		}, time.Minute, true},
		{"surge beds", func(u shelter.Unit) shelter.Unit { u.EndsAt = testworld.Start.Add(time.Minute); return u }, time.Minute - time.Second, true},
		{"surge beds that are over", func(u shelter.Unit) shelter.Unit { u.EndsAt = testworld.Start.Add(time.Minute); return u }, time.Minute, false},
	} {
		h := girlsHome("HOME", 1)
		h.Units[0] = c.unit(h.Units[0])
		for _, persons := range [][]placement.Person{{girl()}, {girl(), woman()}} {
			h := h
			if len(persons) == 2 {
				h.Type = code.OneStopCentre
				h.Units = append(slices.Clone(h.Units), testworld.Unit("HOME", "women", code.Women, code.AdultBands, 5, 0))
			}
			a := ask(persons...)
			a.At = testworld.Start.Add(c.at)
			w := world([]testworld.Place{h})
			if got := len(matching.Rank(w, a, p, 1).Options) == 1; got != c.fits || matching.Fits(w, a, p) != c.fits {
				t.Errorf("%s, for %d: fits %v", c.name, len(persons), got)
			}
		}
	}
}

// Who needs a bed now comes when the door is open; others are told that it opens
// later. It is half past one at night, and the journey takes some minutes.
func TestIntakeIsAskedForTheArrival(t *testing.T) {
	p := rules(t)
	h := girlsHome("HOME", 3)
	minutes := matching.Rank(world([]testworld.Place{h}), ask(girl()), p, 1).Options[0].Minutes
	there := 90 + minutes // of the local day
	everyRule := p
	everyRule.Histogram = 1
	for _, c := range []struct {
		name   string
		intake shelter.Hours
		open   bool
	}{
		{"round the clock", shelter.Hours{}, true},
		{"from this very minute", shelter.Hours{From: there, To: there + 60}, true},
		{"from the next minute", shelter.Hours{From: there + 1, To: there + 60}, false},
		{"until the next minute", shelter.Hours{From: 30, To: there + 1}, true},
		{"until this very minute", shelter.Hours{From: 30, To: there}, false},
		{"over midnight", shelter.Hours{From: 20 * 60, To: there + 1}, true},
		{"over midnight, closed this very minute", shelter.Hours{From: 20 * 60, To: there}, false},
		{"over midnight, from this very minute", shelter.Hours{From: there, To: 10}, true},
		{"by day", shelter.Hours{From: 9 * 60, To: 18 * 60}, false},
	} {
		h.Intake = c.intake
		w := world([]testworld.Place{h})
		for urgency := range code.Urgency(code.Urgencies.Len()) {
			a := ask(girl())
			a.Urgency = urgency
			options := matching.Rank(w, a, p, 1).Options
			if fits := len(options) == 1; fits != (c.open || urgency != code.UrgencyNow) || matching.Fits(w, a, p) != fits {
				t.Errorf("%s, needed %s: fits %v", c.name, code.Urgencies.Name(urgency), fits)
			}
			if counted := matching.Rank(w, a, everyRule, 1).FirstRule["intake.hours"]; (counted == 1) == (len(options) == 1) || counted > 1 {
				t.Errorf("%s, needed %s: %d do not take people in at that hour", c.name, code.Urgencies.Name(urgency), counted)
			}
			if len(options) == 1 && (options[0].Intake == matching.OpenNow) != c.open {
				t.Errorf("%s: intake is %v", c.name, options[0].Intake)
			}
			if len(options) == 1 && slices.Contains(options[0].Reasons, "intake.opens_later") == c.open {
				t.Errorf("%s: reasons are %v", c.name, options[0].Reasons)
			}
		}
	}
}

// The best are the same however few are asked for, also among near-ties that
// dice decide.
func TestTheBestAreTheSameHoweverFewAreAskedFor(t *testing.T) {
	places := alike(30)
	for i := range places { // of a few scores, in a few near-ties
		c, _ := shelter.NewCounts(10, 0, i%6, 0)
		places[i].Units[0] = shelter.Restore(places[i].Units[0], c, nil)
		places[i].Units[0].LastOffered = testworld.Start.Add(-time.Duration(i%4) * time.Hour)
	}
	w, p := world(places), rules(t)
	for _, points := range []int{1, 2, 3, p.NearTie.Points} {
		p.NearTie.Points = points
		for seed := range 40 {
			a := ask(girl())
			a.Seed = fmt.Sprint("p_", seed)
			all := ids(matching.Rank(w, a, p, 30).Options)
			for k := 1; k <= 4; k++ {
				if few := ids(matching.Rank(w, a, p, k).Options); !slices.Equal(few, all[:k]) {
					t.Fatalf("near-ties of %d, seed %d: of %d %v, of all %v", points, seed, k, few, all[:k])
				}
			}
			bands := map[string]int{}
			for i, v := range matching.Explain(w, a, p) {
				if v.Option.Candidate.ID != all[i] {
					t.Fatalf("near-ties of %d, seed %d: explained as %s, ranked as %s", points, seed, v.Option.Candidate.ID, all[i])
				}
				bands[all[i]] = v.Option.Score
			}
			for i := 1; i < len(all); i++ {
				before, after := bands[all[i-1]], bands[all[i]]
				if before < after && after-before >= max(points, 1) {
					t.Fatalf("near-ties of %d: %d stands before %d", points, before, after)
				}
			}
		}
	}
}

// What does not fit stands behind what does, the nearer first, each with every
// rule it fails.
func TestWhatDoesNotFitIsExplainedFromNearToFar(t *testing.T) {
	far, near, fits := girlsHome("AAAA", 0), girlsHome("BBBB", 0), girlsHome("CCCC", 2)
	far.District = "IN-LGD-320"
	near.Type = code.ObservationHome
	var all []matching.Candidate
	for _, h := range []testworld.Place{fits, near, far} { // in no order
		all = append(all, matching.Candidate{Shelter: h.Shelter, Units: h.Units})
	}
	w := matching.WorldOf(all, 1)
	var got []string
	for _, v := range matching.Explain(w, ask(girl()), rules(t)) {
		got = append(got, fmt.Sprintf("%s %d %v", v.Option.Candidate.ID, v.Rank, v.Failed))
	}
	if want := "CCCC 1 [] BBBB 0 [legal.institution_type beds.free] AAAA 0 [beds.free]"; strings.Join(got, " ") != want {
		t.Errorf("explained as %v, want %s", got, want)
	}
	for _, id := range []string{"AAAA", "BBBB", "CCCC"} {
		if c, ok := w.Find(id); !ok || c.ID != id {
			t.Errorf("%s is not found", id)
		}
	}
	if _, ok := w.Find("DDDD"); ok {
		t.Error("a shelter that is not there is found")
	}
	if _, _, ok := matching.Try(w, "DDDD", ask(girl()), rules(t)); ok {
		t.Error("a shelter that is not there can be tried")
	}
}

// Zones are merged until each holds enough shelters, within a state before
// across, and what they are called changes only with their districts.
func TestZonesAreMergedWithinAStateFirst(t *testing.T) {
	zoning := matching.NewZoning(map[place.Code]int{"IN-LGD-315": 5, "IN-LGD-316": 1, "IN-LGD-320": 4, "BD-13": 1}, 3)
	where := map[place.Code]string{}
	for _, z := range zoning.Zones {
		if !slices.IsSorted(z.Districts) {
			t.Errorf("districts stand as %v", z.Districts)
		}
		for _, d := range z.Districts {
			where[d] = z.ID
		}
		lat := 0.0
		for _, d := range z.Districts {
			p, _ := place.Lookup(d)
			lat += p.Lat / float64(len(z.Districts))
		}
		if diff := z.Center.Lat - lat; diff > 1e-9 || diff < -1e-9 {
			t.Errorf("the center of %v is at %f, want %f", z.Districts, z.Center.Lat, lat)
		}
	}
	if len(zoning.Zones) != 3 || where["IN-LGD-316"] == "" || where["BD-13"] == where["IN-LGD-315"] {
		t.Errorf("zones are %+v", zoning.Zones)
	}
	for i, z := range zoning.Zones {
		for _, d := range z.Districts {
			if at, ok := zoning.Of(d); !ok || at != i {
				t.Errorf("%s is in zone %d", d, at)
			}
		}
	}
	if _, ok := zoning.Of("IN-LGD-1"); ok {
		t.Error("a district without shelters has a zone")
	}
	same := matching.NewZoning(map[place.Code]int{"IN-LGD-315": 6, "IN-LGD-316": 2, "IN-LGD-320": 4, "BD-13": 1}, 3)
	other := matching.NewZoning(map[place.Code]int{"IN-LGD-315": 6, "IN-LGD-316": 4, "IN-LGD-320": 4, "BD-13": 1}, 3)
	if !zoning.Same(same) || zoning.Same(other) {
		t.Error("zones with the same districts are not the same, or others are")
	}
}

// A small zone is merged with one of its own state, though another state's is nearer.
func TestAZoneStaysInItsStateWhereItCan(t *testing.T) {
	all := place.Districts("IN")
	nearest := func(of place.Place, same bool) (best place.Place, km float64) {
		for _, d := range all {
			if d.Code == of.Code || (d.State == of.State) != same {
				continue
			}
			if far := place.DistanceKM(of, d); best.Code == "" || far < km {
				best, km = d, far
			}
		}
		return best, km
	}
	for _, small := range all {
		own, far := nearest(small, true)
		other, near := nearest(small, false)
		if own.Code == "" || near >= far {
			continue
		}
		zones := matching.NewZoning(map[place.Code]int{small.Code: 1, own.Code: 5, other.Code: 5}, 3)
		at, _ := zones.Of(small.Code)
		with, _ := zones.Of(own.Code)
		if len(zones.Zones) != 2 || at != with {
			t.Errorf("%s was merged out of its state: %+v", small.Code, zones.Zones)
		}
		return
	}
	t.Error("no district lies nearer to another state's")
}

// A zone is as sure of where it lies as its least known district.
func TestAZoneWithAnApproximateDistrictIsApproximate(t *testing.T) {
	all := place.Districts("IN")
	i := slices.IndexFunc(all, func(d place.Place) bool { return d.Approximate })
	if i < 0 {
		t.Fatal("every district's point is known: nothing is approximate any more")
	}
	j := slices.IndexFunc(all, func(d place.Place) bool { return !d.Approximate && d.State == all[i].State })
	for _, n := range [][2]int{{1, 5}, {5, 1}} {
		zones := matching.NewZoning(map[place.Code]int{all[i].Code: n[0], all[j].Code: n[1]}, 3).Zones
		if len(zones) != 1 || !zones[0].Center.Approximate || zones[0].Shelters != 6 {
			t.Errorf("zones are %+v", zones)
		}
	}
}
