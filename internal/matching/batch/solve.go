package batch

// DefaultEffort is enough for 500 persons and 200 shelters and takes about one
// second of a processor there.
const DefaultEffort = 240_000_000

// How the search behaves. The figures were found on the generator's seeds 1 to 40.
const (
	// personWorth is what a person placed is worth, in highest scores of a person:
	// above any chain of moves that the search makes at once.
	personWorth = 11
	outOneIn    = 5  // one move in so many is for a group without an option
	passOver    = 32 // one option in so many is passed over though it fits
	stepWork    = 40 // what a step costs besides the uses it looks at
)

// The search looks for persons first, hot enough to give one up for a while, and
// from the best plan found for score. In highest scores of a person.
var (
	forPersons = phase{hot: 2.75, cold: 0.11}
	forScore   = phase{hot: 0.33, cold: 0.009}
)

// Solve answers a plan for p. The same seed and effort give the same plan. Effort
// is the uses of resources looked at; with 0 the plan is regret insertion alone.
// The error is ErrProblem: p makes no sense, or effort is negative.
func Solve(p Problem, seed uint64, effort int) (Plan, error) {
	if effort < 0 {
		return Plan{}, bad("effort is negative")
	}
	if err := p.Check(); err != nil {
		return Plan{}, err
	}
	s := newState(newModel(&p))
	s.insert()
	a := newAnneal(s, seed)
	if len(a.index) > 0 {
		a.search(effort)
	}
	return a.plan(&p), nil
}

func (a *anneal) search(effort int) {
	persons, total := a.bound()
	unit := float64(a.highest)
	a.run(forPersons.times(unit), effort/2, func() bool { return a.best.placed == persons })
	a.back()
	a.run(forScore.times(unit), effort, func() bool { return a.best.placed == persons && a.best.total == total })
}

func (p phase) times(unit float64) phase { return phase{p.hot * unit, p.cold * unit} }

// bound is what a plan would be worth if every group got its best option.
func (m *model) bound() (persons, total int) {
	for g := range m.name {
		if first, end := m.optionsOf(int32(g)); first < end {
			persons += int(m.persons[g])
			total += int(m.score[first])
		}
	}
	return persons, total
}

func (a *anneal) plan(p *Problem) Plan {
	plan := Plan{Picks: make([]int, len(p.Groups)), Work: a.work}
	for g := range plan.Picks {
		plan.Picks[g] = Unplaced
	}
	for g, o := range p.Fixed {
		plan.Picks[g] = o
	}
	for i, o := range a.best.pick {
		if o != none {
			plan.Picks[a.name[i]] = int(a.index[o])
		}
	}
	for g, o := range plan.Picks {
		if o != Unplaced {
			plan.Persons += p.Groups[g].Persons
			plan.Score += p.Groups[g].Options[o].Score
		}
	}
	return plan
}
