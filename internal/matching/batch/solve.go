package batch

// DefaultEffort suits a rescue of 500 persons among 200 shelters.
const DefaultEffort = 100_000_000

// Solve answers a plan for p.
func Solve(p Problem, seed uint64, effort int) (Plan, error) {
	if err := p.Check(); err != nil {
		return Plan{}, err
	}
	m := newModel(&p)
	s := newState(m)
	s.insert()
	a := newAnneal(s, seed)
	if len(m.index) > 0 {
		a.run(effort, 600, 8)
	}
	return a.plan(&p), nil
}

func (a *anneal) plan(p *Problem) Plan {
	plan := Plan{Picks: make([]int, len(p.Groups)), Work: a.work}
	for g := range plan.Picks {
		plan.Picks[g] = Unplaced
	}
	for g, o := range p.Fixed {
		plan.Picks[g] = o
	}
	for i, o := range a.best {
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
