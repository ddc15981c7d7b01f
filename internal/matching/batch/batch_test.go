package batch

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const testEffort = 20_000

// drawProblem is a small problem with few resources, so that groups compete; some
// groups may be fixed and some kept apart.
func drawProblem(t *rapid.T, groups, options int) Problem {
	p := Problem{Fixed: map[int]int{}}
	for range rapid.IntRange(1, 6).Draw(t, "resources") {
		p.Cap = append(p.Cap, rapid.IntRange(0, 9).Draw(t, "capacity"))
	}
	for range rapid.IntRange(0, groups).Draw(t, "groups") {
		g := Group{Persons: rapid.IntRange(1, 5).Draw(t, "persons")}
		for range rapid.IntRange(0, options).Draw(t, "options") {
			o := Option{Score: rapid.IntRange(0, 1000).Draw(t, "score"), Site: rapid.IntRange(0, 2).Draw(t, "site")}
			for range rapid.IntRange(0, 3).Draw(t, "uses") {
				o.Uses = append(o.Uses, Use{rapid.IntRange(0, len(p.Cap)-1).Draw(t, "resource"), rapid.IntRange(1, 5).Draw(t, "amount")})
			}
			g.Options = append(g.Options, o)
		}
		p.Groups = append(p.Groups, g)
	}
	if len(p.Groups) > 1 {
		drawRestrictions(t, &p)
	}
	return p
}

// drawRestrictions keeps some pairs apart and fixes some groups where a plan has them.
func drawRestrictions(t *rapid.T, p *Problem) {
	for range rapid.IntRange(0, 3).Draw(t, "pairs") {
		a, b := rapid.IntRange(0, len(p.Groups)-1).Draw(t, "one"), rapid.IntRange(0, len(p.Groups)-1).Draw(t, "other")
		if a != b {
			p.Apart = append(p.Apart, [2]int{a, b})
		}
	}
	accepted, err := Solve(*p, 7, 0)
	if err != nil {
		t.Fatal(err)
	}
	for g, o := range accepted.Picks {
		if rapid.IntRange(0, 3).Draw(t, "fixed") == 0 {
			p.Fixed[g] = o
		}
	}
}

// exhaustive is the best there is, by looking at everything.
func exhaustive(p *Problem) (persons, score int) {
	picks := make([]int, len(p.Groups))
	var try func(g int)
	try = func(g int) {
		if g < len(picks) {
			for o := Unplaced; o < len(p.Groups[g].Options); o++ {
				picks[g] = o
				try(g + 1)
			}
			return
		}
		if n, s, err := p.Value(picks); err == nil && (n > persons || (n == persons && s > score)) {
			persons, score = n, s
		}
	}
	try(0)
	return persons, score
}

func TestTheBestPlanOfSmallProblemsIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawProblem(t, 5, 4)
		persons, score := exhaustive(&p)
		plan, err := Solve(p, 1, 50*testEffort)
		if err != nil {
			t.Fatal(err)
		}
		if plan.Persons != persons || plan.Score != score {
			t.Fatalf("got %d persons, score %d; the best is %d, %d", plan.Persons, plan.Score, persons, score)
		}
	})
}

func TestAPlanKeepsEveryRuleAndBeatsInsertionAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawProblem(t, 30, 8)
		seed := rapid.Uint64().Draw(t, "seed")
		simple, err := Solve(p, seed, 0)
		if err != nil {
			t.Fatal(err)
		}
		plan, err := Solve(p, seed, testEffort)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range []Plan{simple, plan} {
			persons, score, err := p.Value(x.Picks) // capacity, fixed, apart
			if err != nil || persons != x.Persons || score != x.Score {
				t.Fatalf("plan says %d persons, score %d; its picks say %d, %d, %v", x.Persons, x.Score, persons, score, err)
			}
		}
		if plan.Persons < simple.Persons || (plan.Persons == simple.Persons && plan.Score < simple.Score) {
			t.Fatalf("%d persons, score %d after the search, %d, %d before", plan.Persons, plan.Score, simple.Persons, simple.Score)
		}
	})
}

func TestTheSameSeedGivesTheSamePlan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawProblem(t, 20, 8)
		seed := rapid.Uint64().Draw(t, "seed")
		one, err := Solve(p, seed, testEffort)
		if err != nil {
			t.Fatal(err)
		}
		if two, _ := Solve(p, seed, testEffort); !reflect.DeepEqual(one, two) {
			t.Fatalf("%+v\n%+v", one, two)
		}
	})
}

func TestFixedGroupsStayWhileOthersFindRoomAroundThem(t *testing.T) {
	bed := func(score int) Option { return Option{Score: score, Uses: []Use{{0, 1}}} }
	p := Problem{Cap: []int{1, 1}, Groups: []Group{
		{Persons: 1, Options: []Option{bed(10)}},
		{Persons: 1, Options: []Option{bed(900), {Score: 5, Uses: []Use{{1, 1}}}}},
	}, Fixed: map[int]int{0: 0}}
	plan, err := Solve(p, 1, testEffort)
	if err != nil || !reflect.DeepEqual(plan.Picks, []int{0, 1}) {
		t.Errorf("%+v, %v", plan, err)
	}
	p.Fixed = map[int]int{1: Unplaced}
	if plan, err = Solve(p, 1, testEffort); err != nil || !reflect.DeepEqual(plan.Picks, []int{0, Unplaced}) {
		t.Errorf("a group fixed without an option: %+v, %v", plan, err)
	}
}

func TestGroupsKeptApartGoToDifferentSitesOrOneStaysWithout(t *testing.T) {
	there := Group{Persons: 2, Options: []Option{{Score: 100, Site: 1}}}
	both := Group{Persons: 1, Options: []Option{{Score: 100, Site: 1}, {Score: 1, Site: 2}}}
	p := Problem{Groups: []Group{there, both}, Apart: [][2]int{{0, 1}}}
	if plan, err := Solve(p, 1, testEffort); err != nil || !reflect.DeepEqual(plan.Picks, []int{0, 1}) {
		t.Errorf("%+v, %v", plan, err)
	}
	p.Groups[1].Options = both.Options[:1]
	if plan, err := Solve(p, 1, testEffort); err != nil || !reflect.DeepEqual(plan.Picks, []int{0, Unplaced}) {
		t.Errorf("the larger group goes: %+v, %v", plan, err)
	}
}

func TestAProblemThatMakesNoSenseIsRefused(t *testing.T) {
	one := func(o Option) []Group { return []Group{{Persons: 1, Options: []Option{o}}} }
	bed := Option{Uses: []Use{{0, 1}}}
	for name, c := range map[string]struct {
		p    Problem
		says string
	}{
		"negative capacity":      {Problem{Cap: []int{-1}}, "capacity of resource 0"},
		"nobody in a group":      {Problem{Groups: []Group{{}}}, "persons of group 0"},
		"negative score":         {Problem{Groups: one(Option{Score: -1})}, "score of group 0, option 0"},
		"unknown resource":       {Problem{Groups: one(bed)}, "uses resource 0, which does not exist"},
		"nothing used":           {Problem{Cap: []int{1}, Groups: one(Option{Uses: []Use{{0, 0}}})}, "amount of resource 0"},
		"unknown group apart":    {Problem{Groups: one(Option{}), Apart: [][2]int{{0, 1}}}, "names group 1"},
		"apart from itself":      {Problem{Groups: one(Option{}), Apart: [][2]int{{0, 0}}}, "from itself"},
		"unknown fixed group":    {Problem{Fixed: map[int]int{3: 0}}, "fixed group 3"},
		"unknown fixed option":   {Problem{Groups: one(Option{}), Fixed: map[int]int{0: 1}}, "fixed to option 1"},
		"fixed over capacity":    {Problem{Cap: []int{0}, Groups: one(bed), Fixed: map[int]int{0: 0}}, "over its capacity"},
		"fixed together, apart":  {Problem{Groups: append(one(Option{}), one(Option{})...), Fixed: map[int]int{0: 0, 1: 0}, Apart: [][2]int{{0, 1}}}, "at one site"},
		"amounts beyond all sum": {Problem{Cap: []int{1}, Groups: one(Option{Uses: []Use{{0, most + 1}}})}, "amount of resource 0"},
	} {
		if _, err := Solve(c.p, 1, 0); !errors.Is(err, ErrProblem) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Solve(Problem{}, 1, -1); !errors.Is(err, ErrProblem) {
		t.Errorf("negative effort: %v", err)
	}
}
