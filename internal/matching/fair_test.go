package matching_test

import (
	"fmt"
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

func ids(options []matching.Option) (out []string) {
	for _, o := range options {
		out = append(out, o.Candidate.ID)
	}
	return out
}

// alike are n children's homes that score the same.
func alike(n int) (places []testworld.Place) {
	for i := range n {
		id := fmt.Sprintf("H%03d", i)
		places = append(places, testworld.Home(id, testworld.District, code.ChildrensHome, testworld.Unit(id, "girls", code.Girls, testworld.SchoolAge, 10, 1)))
	}
	return places
}

// Teams that ask at the same moment see the same snapshot: without dice they
// would all be sent to the same door.
func TestEqualSheltersShareTheLoad_AndEachTeamSeesTheSameOrderTwice(t *testing.T) {
	w, p := world(alike(10)), rules(t)
	first := map[string]int{}
	for i := range 400 {
		a := ask(girl())
		a.Seed = fmt.Sprint("p_", i)
		order := ids(matching.Rank(w, a, p, 10).Options)
		if again := ids(matching.Rank(w, a, p, 10).Options); !slices.Equal(order, again) {
			t.Fatalf("%v, then %v", order, again)
		}
		first[order[0]]++
	}
	for id, n := range first {
		if n < 20 || n > 70 {
			t.Errorf("%s stands first %d times of 400, among ten alike", id, n)
		}
	}
	if len(first) != 10 {
		t.Errorf("%d of ten ever stand first", len(first))
	}
}

func TestAmongNearTiesTheOneOfferedAnHourAgoStandsBehind(t *testing.T) {
	places := alike(4)
	places[2].Units[0].LastOffered = testworld.Start
	w, p := world(places), rules(t)
	for i := range 50 {
		a := ask(girl())
		a.Seed = fmt.Sprint("p_", i)
		if order := ids(matching.Rank(w, a, p, 4).Options); order[3] != "H002" {
			t.Fatalf("order %v", order)
		}
	}
}

// Dice never move an option past one that is better by the margin or more, and
// never across what must come first: open doors before locked ones for adults,
// shelters not yet tried before those tried.
func TestDiceDecideOnlyAmongNearTies(t *testing.T) {
	p := rules(t)
	rapid.Check(t, func(t *rapid.T) {
		w, a := randomWorld(t), randomAsk(t)
		a.Seed = fmt.Sprint("p_", rapid.Int().Draw(t, "placement"))
		grown := slices.ContainsFunc(a.Persons, func(p placement.Person) bool { return !p.Child() })
		class := func(o matching.Option) int {
			n := 0
			if grown && o.Candidate.Locked() {
				n = 2
			}
			if slices.Contains(a.Tried, o.Candidate.ID) {
				n++
			}
			return n
		}
		options := matching.Rank(w, a, p, 100).Options
		for i := 1; i < len(options); i++ {
			before, after := options[i-1], options[i]
			if class(before) > class(after) {
				t.Fatalf("%s stands before %s", before.Candidate.ID, after.Candidate.ID)
			}
			if class(before) == class(after) && before.Score <= after.Score-p.NearTie.Points {
				t.Fatalf("%s with %d stands before %s with %d", before.Candidate.ID, before.Score, after.Candidate.ID, after.Score)
			}
		}
	})
}

// Declining costs nothing: without the shelter the party refused, all others
// stand as they stood, word for word (row B9).
func TestRefusingAShelterChangesNothingAboutTheOthers(t *testing.T) {
	p := rules(t)
	rapid.Check(t, func(t *rapid.T) {
		w, a := randomWorld(t), randomAsk(t)
		before := matching.Rank(w, a, p, 100).Options
		if len(before) == 0 {
			return
		}
		refused := rapid.IntRange(0, len(before)-1).Draw(t, "refused")
		a.Unwanted = append(slices.Clone(a.Unwanted), before[refused].Candidate.ID)
		after := matching.Rank(w, a, p, 100).Options
		rest := slices.Delete(slices.Clone(before), refused, refused+1)
		if len(after) != len(rest) {
			t.Fatalf("%d left of %d", len(after), len(before))
		}
		for i := range rest {
			if told(rest[i]) != told(after[i]) {
				t.Fatalf("place %d was\n%s\nand is\n%s", i, told(rest[i]), told(after[i]))
			}
		}
	})
}

// No exclusion can be outscored, whatever names it (row B4).
func TestNobodyIsOfferedAPlaceTheyAreNotSafeAt(t *testing.T) {
	p := rules(t)
	rapid.Check(t, func(t *rapid.T) {
		w, a := randomWorld(t), randomAsk(t)
		for _, o := range matching.Rank(w, a, p, 100).Options {
			id := o.Candidate.ID
			if slices.Contains(a.ExcludedShelters, id) || slices.Contains(a.Refused, id) || slices.Contains(a.Unwanted, id) || slices.Contains(a.ExcludedDistricts, o.Candidate.District) {
				t.Fatalf("%s is offered", id)
			}
		}
	})
}

func TestStayLimits(t *testing.T) {
	centre := testworld.Home("OSC1", testworld.District, code.OneStopCentre, testworld.Unit("OSC1", "women", code.Women, code.AdultBands, 10, 1))
	sadan := testworld.Home("SADA", "IN-LGD-320", code.ShaktiSadan, testworld.Unit("SADA", "women", code.Women, code.AdultBands, 10, 5))
	short := testworld.Home("OWN3", testworld.District, code.ShaktiSadan, testworld.Unit("OWN3", "women", code.Women, code.AdultBands, 10, 1))
	short.MaxStayDays = 3
	woman := placement.Person{Age: code.Age25To59, PlaceWith: code.Women}
	w, p := world([]testworld.Place{centre, sadan, short}), rules(t)
	for _, c := range []struct {
		name  string
		days  int
		short []string
	}{
		{"nothing said", 0, nil},
		{"as long as a house's own cap", 3, nil},
		{"a day more than a house's own cap", 4, []string{"OWN3"}},
		{"as long as a One Stop Centre may keep people", 5, []string{"OWN3"}},
		{"a day more", 6, []string{"OSC1", "OWN3"}},
		{"three years", 1095, []string{"OSC1", "OWN3"}},
		{"longer than any scheme keeps people", 1096, []string{"OSC1", "OWN3", "SADA"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := ask(woman)
			a.StayDays = c.days
			plain := ask(woman)
			scores := map[string]int{}
			for _, o := range matching.Rank(w, plain, p, 3).Options {
				scores[o.Candidate.ID] = o.Score
			}
			got := matching.Rank(w, a, p, 3).Options
			if len(got) != 3 {
				t.Fatalf("a short stay keeps somebody out: %v", ids(got))
			}
			for _, o := range got {
				lower, sum := slices.Contains(c.short, o.Candidate.ID), 0
				for _, part := range o.Points {
					sum += part.Points
				}
				want := scores[o.Candidate.ID]
				if lower {
					want -= p.ShortStay
				}
				if o.Score != want || sum != o.Score || slices.Contains(o.Reasons, "stay.shorter_than_needed") != lower {
					t.Errorf("%s: score %d (parts sum to %d), want %d; %v", o.Candidate.ID, o.Score, sum, want, o.Reasons)
				}
			}
		})
	}
}

func TestOptionTypes(t *testing.T) {
	for kind, want := range map[code.Institution]matching.OptionType{code.ChildrensHome: matching.Residential, code.OneStopCentre: matching.Residential,
		code.Kinship: matching.Kinship, code.FitPerson: matching.Kinship, code.CommunityBased: matching.Community} {
		if got := matching.OptionTypeOf(kind); got != want {
			t.Errorf("%s is %s, want %s", code.Institutions.Name(kind), got, want)
		}
	}
}

// What would help is what the rules say when asked again, never a guess, and the
// law is no more broken then than before.
func TestWhatWouldHelpReallyHelps(t *testing.T) {
	p := rules(t)
	rapid.Check(t, func(t *rapid.T) {
		w, a := randomWorld(t), randomAsk(t)
		a.Persons, a.MaxJourneyMinutes = a.Persons[:1], []int{0, 60, 90}[rapid.IntRange(0, 2).Draw(t, "limit")]
		if matching.Fits(w, a, p) {
			return
		}
		for _, help := range matching.Rank(w, a, p, 3).WouldHelp {
			relaxed, rules := a, p
			switch help {
			case "farther":
				relaxed.MaxJourneyMinutes = 2 * cmpOr(a.MaxJourneyMinutes, p.Journey[a.Urgency])
			case "confirm_by_phone":
				rules.Fresh.NoOffer = 100 * 365 * 24 * time.Hour
			case "apart_in_one_shelter":
				relaxed.Together = code.TogetherPreferred
			case "later_today":
				relaxed.Urgency, relaxed.MaxJourneyMinutes = code.UrgencyToday, cmpOr(a.MaxJourneyMinutes, p.Journey[a.Urgency])
			case "next_day":
				relaxed.DaysLater = 1
			case "need_met_elsewhere":
				relaxed.Persons = slices.Clone(a.Persons)
				for i := range relaxed.Persons {
					relaxed.Persons[i].Needs = 0
				}
			default:
				continue
			}
			got := matching.Rank(w, relaxed, rules, 1).Options
			if len(got) == 0 {
				t.Fatalf("%s opens nothing", help)
			}
			c := got[0].Candidate
			if c.Status != shelter.Active || slices.Contains(a.ExcludedShelters, c.ID) || slices.Contains(a.ExcludedDistricts, c.District) {
				t.Fatalf("%s opens %s, which is not safe", help, c.ID)
			}
		}
	})
}

// Each change, alone, is suggested where it is what is missing.
func TestEachThingThatWouldHelp(t *testing.T) {
	interpreter, _ := code.Needs.Parse("interpreter")
	sign, _ := code.Needs.Parse("sign_language")
	boy := placement.Person{Age: code.Age6To11, PlaceWith: code.Boys}
	for _, c := range []struct {
		want   string
		change func(*testworld.Place, *matching.Ask)
	}{
		{"farther", func(p *testworld.Place, a *matching.Ask) { p.District, a.MaxJourneyMinutes = "IN-LGD-320", 100 }},
		{"confirm_by_phone", func(p *testworld.Place, _ *matching.Ask) {
			p.Units[1].ConfirmedAt = testworld.Start.Add(-80 * time.Hour)
		}},
		{"later_today", func(p *testworld.Place, _ *matching.Ask) { p.Intake = shelter.Hours{From: 540, To: 1080} }},
		{"apart_in_one_shelter", func(p *testworld.Place, a *matching.Ask) { p.Units[1].Site, a.Together = 1, code.TogetherRequired }},
		{"need_met_elsewhere", func(_ *testworld.Place, a *matching.Ask) { a.Persons[0].Needs = code.Of(sign) }},
		{"next_day", func(p *testworld.Place, _ *matching.Ask) {
			p.DailyIntake = shelter.LimitOf(2)
			p.Door = shelter.DoorOf("HOME", 1, map[string]shelter.Coming{"p_1.1": {Day: shelter.DayAt(testworld.Start, 330), N: 1}})
		}},
		{"interpreter_by_phone", func(_ *testworld.Place, a *matching.Ask) { a.Persons[0].Needs = code.Of(interpreter) }},
	} {
		t.Run(c.want, func(t *testing.T) {
			p := testworld.Home("HOME", testworld.District, code.ChildrensHome,
				testworld.Unit("HOME", "boys", code.Boys, testworld.SchoolAge, 5, 1), testworld.Unit("HOME", "girls", code.Girls, testworld.SchoolAge, 5, 1))
			a := ask(girl(), boy)
			c.change(&p, &a)
			if got := matching.Rank(world([]testworld.Place{p}), a, rules(t), 3); len(got.Options) > 0 || !slices.Equal(got.WouldHelp, []string{c.want}) {
				t.Fatalf("%d options, would help %v", len(got.Options), got.WouldHelp)
			}
		})
	}
}

func cmpOr(a, b int) int {
	if a != 0 {
		return a
	}
	return b
}

// A split is suggested to parties who would stay together if they could, and
// never takes a small child from the adults it came with.
func TestASplitIsSuggestedOnlyWhereItMayBeAsked(t *testing.T) {
	adults := code.AdultBands.With(code.Age0To5)
	women := testworld.Home("WOMN", testworld.District, code.Other, testworld.Unit("WOMN", "women", code.Women, code.AdultBands, 10, 9))
	girls := testworld.Home("GIRL", testworld.District, code.ChildrensHome, testworld.Unit("GIRL", "girls", code.Girls, testworld.SchoolAge, 10, 1))
	infants := testworld.Home("BABY", testworld.District, code.AdoptionAgency, testworld.Unit("BABY", "girls", code.Girls, adults, 10, 1))
	w, p := world([]testworld.Place{women, girls, infants}), rules(t)
	mother := placement.Person{Age: code.Age25To59, PlaceWith: code.Women}
	daughter := placement.Person{Age: code.Age12To14, PlaceWith: code.Girls}
	infant := placement.Person{Age: code.Age0To5, PlaceWith: code.Girls}
	for _, c := range []struct {
		name     string
		together code.Together
		persons  []placement.Person
		want     bool
	}{
		{"mother and daughter of 13 who prefer to be together", code.TogetherPreferred, []placement.Person{mother, daughter}, true},
		{"the same, who must be together", code.TogetherRequired, []placement.Person{mother, daughter}, false},
		{"mother and infant", code.TogetherPreferred, []placement.Person{mother, infant}, false},
		{"infant and mother", code.TogetherPreferred, []placement.Person{infant, mother}, false},
		{"two women and one bed", code.TogetherPreferred, []placement.Person{mother, mother}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := ask(c.persons...)
			a.Together = c.together
			got := matching.Rank(w, a, p, 3)
			if len(got.Options) != 0 || slices.Contains(got.WouldHelp, "split_by_decision") != c.want {
				t.Fatalf("options %v, would help %v", ids(got.Options), got.WouldHelp)
			}
		})
	}
}

func TestTwoRelaxationsAreSuggestedOnlyWhereNoneAloneHelps(t *testing.T) {
	far := testworld.Home("FAR1", "IN-LGD-320", code.ChildrensHome, testworld.Unit("FAR1", "girls", code.Girls, testworld.SchoolAge, 10, 1))
	far.Units[0].ConfirmedAt = testworld.Start.Add(-100 * time.Hour)
	near := alike(3)
	for i := range near {
		near[i].Type = code.ObservationHome
	}
	w, p := world(append(near, far, far2("FAR2"), far2("FAR3"))), rules(t)
	a := ask(girl())
	a.MaxJourneyMinutes = 100
	if !matching.Fits(w, ask(girl()), p) && len(matching.Rank(w, ask(girl()), p, 1).WouldHelp) == 0 {
		t.Fatal("the world is not as meant")
	}
	if got := matching.Rank(w, a, p, 3); !slices.Equal(got.WouldHelp, []string{"confirm_by_phone+farther"}) {
		t.Fatalf("would help %v", got.WouldHelp)
	}
}

// far2 is a home of another kind in the far district, for a zone of three.
func far2(id string) testworld.Place {
	return testworld.Home(id, "IN-LGD-320", code.ObservationHome, testworld.Unit(id, "girls", code.Girls, testworld.SchoolAge, 10, 1))
}
