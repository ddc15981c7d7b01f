package matching_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"panah/internal/code"
	"panah/internal/language"
	"panah/internal/matching"
	"panah/internal/place"
	"panah/internal/placement"
	"panah/internal/shelter"
	"panah/internal/testworld"
)

func needs(names ...string) code.Set[code.Need] {
	set, _ := code.Needs.ParseSet(names)
	return set
}

func woman() placement.Person {
	return placement.Person{Age: code.Age25To59, AgeStatus: code.AgeStated, PlaceWith: code.Women, Languages: []language.Tag{"bn"}}
}

// pair are two homes for girls and women alike in all but their ids; the second
// by id is made better by the first function, the first worse by the second.
func pair(better, worse func(*testworld.Place)) []testworld.Place {
	var out []testworld.Place
	for i, change := range []func(*testworld.Place){worse, better} {
		id := []string{"AAAA", "ZZZZ"}[i]
		p := testworld.Home(id, testworld.District, code.OneStopCentre, testworld.Unit(id, "girls", code.Girls, testworld.SchoolAge, 10, 4),
			testworld.Unit(id, "women", code.Women, code.AdultBands, 10, 4))
		if change != nil {
			change(&p)
		}
		out = append(out, p)
	}
	return out
}

// Each part of a score is the weight the policy gives it, times how much of it
// is met, rounded down; all else alike, the better shelter stands first, for a
// party of one and of two, however few are asked for.
func TestOfTwoSheltersAlikeButForOneThingTheBetterStandsFirst(t *testing.T) {
	all := func(set func(*shelter.Unit)) func(*testworld.Place) {
		return func(p *testworld.Place) {
			for i := range p.Units {
				set(&p.Units[i])
			}
		}
	}
	beds := func(staffed, occupied int) func(*testworld.Place) {
		return all(func(u *shelter.Unit) {
			c, _ := shelter.NewCounts(staffed, 0, occupied, 0)
			*u = shelter.Restore(*u, c, nil)
		})
	}
	speaks := func(tag language.Tag, via code.LanguageVia) func(*testworld.Place) {
		return func(p *testworld.Place) { p.Languages = []shelter.Language{{Tag: tag, Via: via}} }
	}
	rulesOf := func(rules ...code.HouseRule) func(*testworld.Place) {
		return func(p *testworld.Place) { p.HouseRules = code.Of(rules...) }
	}
	meets := func(onSite, arranged code.Set[code.Need]) func(*testworld.Place) {
		return func(p *testworld.Place) { p.OnSite, p.Arranged = onSite, arranged }
	}
	medical := needs("health_medical")
	two := needs("health_medical", "interpreter")
	for _, c := range []struct {
		name          string
		ask           func(*matching.Ask)
		better, worse func(*testworld.Place)
		part          string
		points        [2]int // of the better, of the worse
		reasons       [2]string
	}{
		{"staff who speak the language, an interpreter", nil, speaks("bn", code.ViaStaff), speaks("bn", code.ViaInterpreter), "language", [2]int{20, 7}, [2]string{"language.exact", "language.interpreter"}},
		{"an interpreter on the telephone, nobody", nil, speaks("bn", code.ViaInterpreterPhone), speaks("ta", code.ViaStaff), "language", [2]int{7, 0}, [2]string{"language.interpreter", "language.none"}},
		{"a need met in the house, by a partner", func(a *matching.Ask) { a.Persons[0].Needs = medical }, meets(medical, 0), meets(0, medical), "needs", [2]int{15, 0}, [2]string{"needs.on_site", "needs.partner_nearby"}},
		{"both of two, one of two", func(a *matching.Ask) { a.Persons[0].Needs = two }, meets(two, 0), meets(medical, two.Minus(medical)), "needs", [2]int{15, 7}, [2]string{"needs.on_site", "needs.partner_nearby"}},
		{"open doors, locked at night", nil, nil, rulesOf(code.DoorsLockedAtNight), "freedom", [2]int{10, 5}, [2]string{"freedom.open_doors", ""}},
		{"locked at night, locked always", nil, rulesOf(code.DoorsLockedAtNight), rulesOf(code.DoorsLockedAlways), "freedom", [2]int{5, 0}, [2]string{"", "freedom.locked"}},
		{"counts of an hour ago, of two days ago", nil, nil, all(func(u *shelter.Unit) { u.ConfirmedAt = testworld.Start.Add(-48 * time.Hour) }), "freshness", [2]int{8, 2}, [2]string{"", "counts.unconfirmed"}},
		{"counts just fresh, a second older", nil, all(func(u *shelter.Unit) { u.ConfirmedAt = testworld.Start.Add(-24 * time.Hour) }),
			all(func(u *shelter.Unit) { u.ConfirmedAt = testworld.Start.Add(-24*time.Hour - time.Second) }), "freshness", [2]int{8, 2}, [2]string{"", "counts.unconfirmed"}},
		{"eight of ten beds free, six", nil, beds(10, 2), nil, "load", [2]int{8, 6}, [2]string{"", ""}},
		{"six of six beds free, six of ten", nil, beds(6, 0), nil, "load", [2]int{10, 6}, [2]string{"", ""}},
		{"every wish met, one of two", func(a *matching.Ask) { a.Preferences = 3 }, func(p *testworld.Place) { p.Features = 3 }, func(p *testworld.Place) { p.Features = 1 }, "preference", [2]int{7, 3}, [2]string{"preference.all_met", ""}},
		{"a kind of place that keeps them long enough, one that may not", func(a *matching.Ask) { a.StayDays = 30 }, func(p *testworld.Place) { p.Type = code.Kinship }, nil, "stay", [2]int{0, -12}, [2]string{"", "stay.shorter_than_needed"}},
		{"a house that keeps them to the day, a day less", func(a *matching.Ask) { a.StayDays = 5 }, func(p *testworld.Place) { p.MaxStayDays = 5 }, func(p *testworld.Place) { p.MaxStayDays = 4 }, "stay", [2]int{0, -12}, [2]string{"", "stay.shorter_than_needed"}},
	} {
		for _, persons := range [][]placement.Person{{girl()}, {woman()}, {girl(), woman()}} {
			a := ask(persons...)
			if c.ask != nil {
				c.ask(&a)
			}
			w, p := world(pair(c.better, c.worse)), rules(t)
			name := fmt.Sprintf("%s, for %d from %s", c.name, len(persons), code.AgeBands.Name(persons[0].Age))
			for k := 1; k <= 2; k++ {
				if got := ids(matching.Rank(w, a, p, k).Options); !slices.Equal(got, []string{"ZZZZ", "AAAA"}[:k]) {
					t.Errorf("%s: the first %d are %v", name, k, got)
				}
			}
			all := matching.Explain(w, a, p)
			if len(all) != 2 || all[0].Option.Candidate.ID != "ZZZZ" || all[0].Rank != 1 || all[1].Rank != 2 {
				t.Fatalf("%s: explained as %+v", name, all)
			}
			sum := [2]int{}
			for i, v := range all {
				for j, part := range v.Option.Points {
					want := all[0].Option.Points[j].Points
					if part.Part == c.part {
						want = c.points[i]
					}
					if part.Points != want {
						t.Errorf("%s: shelter %d has %d points for %s, want %d", name, i, part.Points, part.Part, want)
					}
					sum[i] += part.Points
				}
				if reason := c.reasons[i]; reason != "" && !slices.Contains(v.Option.Reasons, reason) || v.Option.Score != sum[i] {
					t.Errorf("%s: shelter %d scores %d for %v, want %s", name, i, v.Option.Score, v.Option.Reasons, reason)
				}
				if other := c.reasons[1-i]; other != "" && slices.Contains(v.Option.Reasons, other) {
					t.Errorf("%s: shelter %d has %s", name, i, other)
				}
			}
		}
	}
}

// Nearer is better, up to where distance earns nothing, and counts as short
// under an hour.
func TestDistanceEarnsPointsByTheMinute(t *testing.T) {
	p := rules(t)
	near, far := pair(nil, nil)[1], pair(nil, nil)[0]
	far.District = "IN-LGD-320"
	options := matching.Rank(matching.WorldOf([]matching.Candidate{{Shelter: near.Shelter, Units: near.Units}, {Shelter: far.Shelter, Units: far.Units}}, 1), ask(girl()), p, 2).Options
	if !slices.Equal(ids(options), []string{"ZZZZ", "AAAA"}) || options[0].Minutes >= options[1].Minutes {
		t.Fatalf("%v", ids(options))
	}
	for _, o := range options {
		if want := p.Weights.Distance * max(0, p.FullDistant-o.Minutes) / p.FullDistant; o.Points[0].Points != want || o.Points[0].Part != "distance" {
			t.Errorf("%d minutes earn %d points, want %d", o.Minutes, o.Points[0].Points, want)
		}
		if short := place.BandOf(o.Minutes) == place.Under1h; slices.Contains(o.Reasons, "journey.short") != short {
			t.Errorf("%d minutes: %v", o.Minutes, o.Reasons)
		}
	}
}

// The journey may take as long as is allowed, and no minute longer.
func TestTheJourneyLimitIsTheLastMinuteAllowed(t *testing.T) {
	far := pair(nil, nil)[0]
	far.District = "IN-LGD-320"
	w, p := matching.WorldOf([]matching.Candidate{{Shelter: far.Shelter, Units: far.Units}}, 1), rules(t)
	minutes := matching.Rank(w, ask(girl()), p, 1).Options[0].Minutes
	for limit, want := range map[int]int{minutes: 1, minutes - 1: 0} {
		a := ask(girl())
		a.MaxJourneyMinutes = limit
		if got := matching.Rank(w, a, p, 1); len(got.Options) != want || got.Considered != want || matching.Fits(w, a, p) != (want == 1) {
			t.Errorf("%d minutes of %d: %d options, %d considered", minutes, limit, len(got.Options), got.Considered)
		}
	}
}

// A party sleeps as near each other as a shelter lets it: in one unit, else in
// one building, else under one roof's care.
func TestHowNearEachOtherAPartySleeps(t *testing.T) {
	boy := placement.Person{Age: code.Age6To11, PlaceWith: code.Boys}
	home := func(units ...shelter.Unit) testworld.Place {
		return testworld.Home("HOME", testworld.District, code.ChildrensHome, units...)
	}
	unit := func(id string, who code.Population, free int, site uint8) shelter.Unit {
		u := testworld.Unit("HOME", id, who, testworld.SchoolAge, 10, 10-free)
		u.Site = site
		return u
	}
	for _, c := range []struct {
		name    string
		place   testworld.Place
		persons []placement.Person
		want    matching.Closeness
		reason  string
		parts   string
	}{
		{"alone", home(unit("a", code.Girls, 2, 0)), []placement.Person{girl()}, matching.Alone, "", "a:[0]"},
		{"two in one unit", home(unit("a", code.Girls, 2, 0)), []placement.Person{girl(), girl()}, matching.SameUnit, "together.same_unit", "a:[0 1]"},
		{"in the unit that takes both, though another comes first", home(unit("a", code.Girls, 1, 0), unit("b", code.Girls, 2, 0)), []placement.Person{girl(), girl()}, matching.SameUnit, "together.same_unit", "b:[0 1]"},
		{"two in two units of a building", home(unit("a", code.Girls, 1, 0), unit("b", code.Girls, 1, 0)), []placement.Person{girl(), girl()}, matching.AdjacentUnits, "together.adjacent_units", "either"},
		{"brother and sister in two wings", home(unit("a", code.Boys, 1, 3), unit("b", code.Girls, 1, 3)), []placement.Person{girl(), boy}, matching.AdjacentUnits, "together.adjacent_units", "a:[1] b:[0]"},
		{"in two buildings", home(unit("a", code.Boys, 1, 0), unit("b", code.Girls, 1, 1)), []placement.Person{girl(), boy}, matching.SameShelter, "together.same_shelter", "a:[1] b:[0]"},
		{"in the building that takes both, though another comes first", home(unit("a", code.Boys, 1, 0), unit("b", code.Boys, 1, 1), unit("c", code.Girls, 1, 1)), []placement.Person{girl(), boy}, matching.AdjacentUnits, "together.adjacent_units", "b:[1] c:[0]"},
		{"in two of a building's three units", home(unit("a", code.Boys, 1, 0), unit("b", code.Girls, 1, 0), unit("c", code.Boys, 1, 0)), []placement.Person{girl(), boy}, matching.AdjacentUnits, "together.adjacent_units", "a:[1] b:[0]"},
	} {
		w, p := world([]testworld.Place{c.place}), rules(t)
		options := matching.Rank(w, ask(c.persons...), p, 1).Options
		if len(options) != 1 {
			t.Errorf("%s: no option", c.name)
			continue
		}
		o, parts := options[0], []string{}
		for _, part := range o.Parts {
			parts = append(parts, fmt.Sprint(part.Unit, ":", part.Persons))
		}
		if got := strings.Join(parts, " "); o.Together != c.want || c.parts != "either" && got != c.parts {
			t.Errorf("%s: %v, in %s, want %v, in %s", c.name, o.Together, got, c.want, c.parts)
		}
		for _, reason := range []string{"together.same_unit", "together.adjacent_units", "together.same_shelter"} {
			if slices.Contains(o.Reasons, reason) != (reason == c.reason) {
				t.Errorf("%s: reasons are %v", c.name, o.Reasons)
			}
		}
	}
}

// Room to breathe is measured where they would sleep, not in the units beside.
func TestOnlyUnitsSomebodySleepsInCountForLoad(t *testing.T) {
	boy := placement.Person{Age: code.Age6To11, PlaceWith: code.Boys}
	home := testworld.Home("HOME", testworld.District, code.ChildrensHome, testworld.Unit("HOME", "a", code.Boys, testworld.SchoolAge, 10, 5),
		testworld.Unit("HOME", "b", code.Girls, testworld.SchoolAge, 10, 5), testworld.Unit("HOME", "c", code.Boys, testworld.SchoolAge, 10, 0))
	o := matching.Rank(world([]testworld.Place{home}), ask(girl(), boy), rules(t), 1).Options[0]
	for _, part := range o.Points {
		if part.Part == matching.PartLoad && part.Points != 5 {
			t.Errorf("ten of twenty beds free earn %d points", part.Points)
		}
	}
	if len(o.Parts) != 2 {
		t.Errorf("they sleep in %+v", o.Parts)
	}
}

// Whoever can take only few is moved on where that makes room for all.
func TestEverybodyFindsABedWhereThereIsAWay(t *testing.T) {
	doubtful := girl()
	doubtful.AgeStatus = code.AgeDisputed
	unit := func(id string, free int, apart bool) shelter.Unit {
		u := testworld.Unit("HOME", id, code.Girls, testworld.SchoolAge, 10, 10-free)
		u.SeparateSleeping = apart
		return u
	}
	for _, c := range []struct {
		name    string
		units   []shelter.Unit
		persons []placement.Person
		fits    bool
	}{
		{"the only unit that lets her sleep apart is left to her", []shelter.Unit{unit("a", 1, true), unit("b", 1, false)}, []placement.Person{girl(), doubtful}, true},
		{"two need it and one bed is there", []shelter.Unit{unit("a", 1, true), unit("b", 5, false)}, []placement.Person{girl(), doubtful, doubtful}, false},
		{"as many beds as persons, over three units", []shelter.Unit{unit("a", 1, true), unit("b", 1, true), unit("c", 2, false)}, []placement.Person{girl(), girl(), doubtful, doubtful}, true},
		{"one bed too few", []shelter.Unit{unit("a", 1, true), unit("b", 1, true), unit("c", 1, false)}, []placement.Person{girl(), girl(), doubtful, doubtful}, false},
	} {
		home := testworld.Home("HOME", testworld.District, code.ChildrensHome, c.units...)
		w, p := world([]testworld.Place{home}), rules(t)
		options := matching.Rank(w, ask(c.persons...), p, 1).Options
		if (len(options) == 1) != c.fits || matching.Fits(w, ask(c.persons...), p) != c.fits {
			t.Errorf("%s: %d options", c.name, len(options))
		}
		if !c.fits {
			if _, failed, _ := matching.Try(w, "HOME", ask(c.persons...), p); !slices.Equal(failed, []string{"beds.free"}) {
				t.Errorf("%s: fails %v", c.name, failed)
			}
		}
	}
}

// Rooms a party has to itself are claimed whole, and a part says how many beds.
func TestAPartyClaimsWholeRooms(t *testing.T) {
	u := testworld.Unit("HOME", "family", code.Girls, testworld.SchoolAge, 9, 0)
	u.RoomBeds = 4
	w, p := world([]testworld.Place{testworld.Home("HOME", testworld.District, code.ChildrensHome, u)}), rules(t)
	for n, want := range map[int]int{1: 4, 4: 4, 5: 8, 8: 8, 9: 0} {
		options := matching.Rank(w, ask(slices.Repeat([]placement.Person{girl()}, n)...), p, 1).Options
		if want == 0 {
			if len(options) > 0 {
				t.Errorf("%d persons find rooms", n)
			}
			continue
		}
		if len(options) != 1 || options[0].Parts[0].Beds != want || options[0].Hold().Parts[0].Claimed() != want {
			t.Errorf("%d persons: %+v", n, options)
		}
	}
}

func TestWhereToTurnWhenNothingFits(t *testing.T) {
	p := rules(t)
	child, adult := matching.FallbackFor(ask(girl(), woman()), p), matching.FallbackFor(ask(woman()), p)
	where := p.Where(testworld.District)
	if child != (matching.Fallback{Desk: testworld.District, Call: where.ChildCall, Place: where.ChildPlace}) ||
		adult != (matching.Fallback{Desk: testworld.District, Call: where.AdultCall, Place: where.AdultPlace}) || child.Call == adult.Call {
		t.Errorf("children are sent to %+v, adults to %+v", child, adult)
	}
}

// The law's clocks run from the rescue, for whom the law means, and stop with a
// decision alone.
func TestLegalClocksRunFromTheRescue(t *testing.T) {
	p := rules(t)
	rescued := testworld.Start.Add(-time.Hour)
	of := func(who placement.Person) placement.Placement {
		return placement.Placement{Request: placement.Request{Place: testworld.District, RescuedAt: rescued, JourneyMinutes: 90, Persons: []placement.Person{who}}}
	}
	clocks := p.Where(testworld.District).Clocks
	for _, who := range []placement.Person{girl(), woman()} {
		running := p.Clocks(of(who))
		want := 0
		for _, c := range clocks {
			if c.Children && !who.Child() {
				continue
			}
			r := running[want]
			want++
			from := rescued
			if c.ExcludesJourney {
				from = from.Add(90 * time.Minute)
			}
			if r.ID != c.ID || !r.DueAt.Equal(from.Add(c.Limit)) || r.Stopped {
				t.Errorf("%s: due %v, want %v, stopped %v", r.ID, r.DueAt, from.Add(c.Limit), r.Stopped)
			}
			for i, at := range r.Warnings() {
				if !at.Equal(from.Add(c.Limit * time.Duration(c.WarnAt[i]) / 100)) {
					t.Errorf("%s warns at %v", r.ID, at)
				}
			}
			if len(r.Warnings()) != len(c.WarnAt) || len(c.WarnAt) == 0 {
				t.Errorf("%s warns %d times", r.ID, len(r.Warnings()))
			}
		}
		if len(running) != want || want == 0 && who.Child() {
			t.Errorf("%d clocks run, want %d", len(running), want)
		}
	}
	ruled := of(girl())
	ruled.First.At, ruled.Ruling.At = testworld.Start, testworld.Start
	for _, r := range p.Clocks(ruled) {
		if !r.Stopped {
			t.Errorf("%s runs on after a decision", r.ID)
		}
	}
	unknown := of(girl())
	if unknown.Request.RescuedAt = (time.Time{}); len(p.Clocks(unknown)) != 0 {
		t.Error("a clock runs from a rescue nobody told of")
	}
}

// A stay has a ground and an end by which it is looked at: the law's, or what an
// order says, which may be sooner and never later than the law allows.
func TestAStayIsReviewedWhenTheLawOrAnOrderSays(t *testing.T) {
	p, from := rules(t), testworld.Start
	stay := placement.Placement{State: placement.Arrived, ArrivedAt: from, Request: placement.Request{Place: testworld.District, Persons: []placement.Person{girl()}}}
	for ground, r := range p.Where(testworld.District).Reviews {
		for name, c := range map[string]struct{ said, want time.Time }{
			"not said":          {time.Time{}, from.Add(r.After)},
			"before it began":   {from.Add(-time.Hour), from.Add(r.After)},
			"as it began":       {from, from.Add(r.After)},
			"sooner":            {from.Add(time.Hour), from.Add(time.Hour)},
			"as late as may be": {from.Add(r.Most), from.Add(r.Most)},
			"later":             {from.Add(r.Most + time.Hour), from.Add(r.Most)},
		} {
			if b := p.Basis(stay, ground, from, c.said); !b.ReviewBy.Equal(c.want) || !b.From.Equal(from) || b.Ground != ground {
				t.Errorf("%s, %s: %+v, want %v", code.StayBases.Name(ground), name, b, c.want)
			}
		}
		stay.Basis = p.Basis(stay, ground, from, time.Time{})
		clocks := p.Clocks(stay)
		if len(clocks) != 1 || !clocks[0].DueAt.Equal(from.Add(r.After)) || clocks[0].ID != "review."+code.StayBases.Name(ground) || len(clocks[0].Warnings()) != len(r.WarnAt) {
			t.Errorf("%s: %+v", code.StayBases.Name(ground), clocks)
		}
		gone := stay
		if gone.State = placement.Ended; len(p.Clocks(gone)) != 0 {
			t.Error("a stay that is over is reviewed")
		}
	}
	adult := stay
	adult.Request.Persons = []placement.Person{woman()}
	ruled := stay
	ruled.Ruling.At = from
	for want, of := range map[code.StayBasis]placement.Placement{code.StayAwaitingCommittee: stay, code.StayVoluntary: adult} {
		if got := p.FirstBasis(of); got.Ground != want || !got.From.Equal(from) {
			t.Errorf("before a decision: %+v", got)
		}
		later := from.Add(time.Hour)
		if got := p.UndecidedBasis(of, later); got.Ground != want || !got.From.Equal(later) {
			t.Errorf("from when it is learnt who they are: %+v", got)
		}
	}
	if got := p.FirstBasis(ruled); got.Ground != code.StayAwaitingCommittee {
		t.Errorf("a child stays of its own will after a decision that says no ground: %+v", got)
	}
}

// What an index has of a shelter, a later one has anew and the others have still.
func TestAChangedShelterIsFiledAnewAndTheOthersStay(t *testing.T) {
	const n = 12
	p, book := rules(t), matching.NewBook()
	all := make([]matching.Candidate, n)
	active := map[place.Code]int{}
	sketches := make([]matching.Sketch, n)
	for i := range all {
		id := fmt.Sprintf("S%02d", i)
		units := []shelter.Unit{testworld.Unit(id, "girls", code.Girls, testworld.SchoolAge, 10, 5)}
		for j := range i % 4 { // with units that do not fit in a row
			units = append(units, testworld.Unit(id, fmt.Sprint("w", j), code.Women, code.AdultBands, 5, 5), testworld.Unit(id, fmt.Sprint("x", j), code.Boys, testworld.SchoolAge, 5, j))
		}
		h := testworld.Home(id, []place.Code{testworld.District, "IN-LGD-320"}[i%2], code.ChildrensHome, units...)
		all[i] = matching.Candidate{Shelter: h.Shelter, Units: h.Units}
		active[h.District]++
		sketches[i] = book.Sketch(uint32(i), &all[i])
	}
	zones := matching.NewZoning(active, 3)
	index := matching.NewIndex(zones, book, sketches)
	boy := placement.Person{Age: code.Age6To11, PlaceWith: code.Boys}
	compare := func(what string, x *matching.Index) {
		t.Helper()
		list := slices.Clone(all)
		plain := matching.WorldOf(list, 3)
		for _, a := range []matching.Ask{ask(girl()), ask(boy), ask(girl(), boy)} {
			got, want := matching.Rank(matching.NewWorld(x, shelves(all)), a, p, n), matching.Rank(plain, a, p, n)
			if !slices.Equal(ids(got.Options), ids(want.Options)) || fmt.Sprint(got.FirstRule) != fmt.Sprint(want.FirstRule) {
				t.Errorf("%s, for %d: %v %v, want %v %v", what, len(a.Persons), ids(got.Options), got.FirstRule, ids(want.Options), want.FirstRule)
			}
		}
	}
	compare("filed at first", index)
	for i := range all {
		c := &all[i]
		c.Units = slices.Clone(c.Units)
		c.Units[0] = testworld.Unit(c.ID, "girls", code.Girls, testworld.SchoolAge, 10, i%11)
		if i%3 == 0 {
			c.Status = shelter.Suspended
		}
		index = index.With(zones, book, []matching.Sketch{book.Sketch(uint32(i), c)})
		compare("with "+c.ID+" changed", index)
	}
}
