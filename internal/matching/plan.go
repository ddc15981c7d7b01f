package matching

import (
	"slices"

	"panah/internal/matching/batch"
	"panah/internal/placement"
)

// Crowd is many parties matched together.
type Crowd struct {
	Asks  []Ask
	Apart [][2]int       // parties that must not be in one shelter, by index
	There map[int]string // shelters of parties that are placed already and do not move
	Seed  uint64
}

// Planned is what became of one party of a crowd.
type Planned struct {
	Option *Option        // nil when it finds no place
	Failed map[string]int // then: the first rule each shelter near enough fails
	Taken  bool           // then: shelters fit, and others of the crowd have their beds
}

const (
	// planWidth is how many shelters are weighed for each party, its best ones.
	planWidth = 150
	// effortPerPerson keeps a plan of 500 persons near one CPU-second.
	effortPerPerson = batch.DefaultEffort / 500
	// openFirst is what an open place is worth over a locked one for adults: more
	// than any score, for a locked place ranks behind every open one.
	openFirst = 200
)

// PlanTogether matches a crowd at once: most persons placed first, then the
// highest score; parties stay whole, and parties to be kept apart are in different
// shelters. The same world, crowd and policy give the same plan.
func PlanTogether(w World, c Crowd, policy Policy) ([]Planned, error) {
	p := problem{scarce: map[Scarce]int{}, sites: map[string]int{}}
	out := make([]Planned, len(c.Asks))
	options := make([][]Option, len(c.Asks))
	persons := 0
	for i, a := range c.Asks {
		if _, there := c.There[i]; there {
			p.Groups = append(p.Groups, batch.Group{Persons: len(a.Persons)})
			continue
		}
		persons += len(a.Persons)
		r := Rank(w, a, policy, planWidth)
		out[i].Failed = r.FirstRule
		options[i] = c.allowed(i, alternatives(r.Options, a, policy))
		out[i].Taken = len(options[i]) > 0
		p.add(a, options[i])
	}
	p.Apart = c.loose()
	plan, err := batch.Solve(p.Problem, c.Seed, effortPerPerson*persons)
	if err != nil {
		return nil, err
	}
	for i, pick := range plan.Picks {
		if pick >= 0 {
			out[i] = Planned{Option: &options[i][pick]}
		}
	}
	return out, nil
}

// loose are the pairs to keep apart of which neither is placed yet.
func (c Crowd) loose() (out [][2]int) {
	for _, pair := range c.Apart {
		_, one := c.There[pair[0]]
		_, other := c.There[pair[1]]
		if !one && !other {
			out = append(out, pair)
		}
	}
	return out
}

// allowed drops options in shelters where somebody is whom party i is kept apart from.
func (c Crowd) allowed(i int, options []Option) []Option {
	for _, pair := range c.Apart {
		other := -1
		switch i {
		case pair[0]:
			other = pair[1]
		case pair[1]:
			other = pair[0]
		}
		if at, there := c.There[other]; there {
			options = slices.DeleteFunc(options, func(o Option) bool { return o.Candidate.ID == at })
		}
	}
	return options
}

// alternatives adds, beside the way a party would sleep in an empty-handed
// shelter, each other unit that takes it whole: others of the crowd may need the first.
func alternatives(options []Option, a Ask, policy Policy) []Option {
	out := options
	for _, o := range options {
		t := trial{asked: &asked{Ask: a, policy: policy}, c: o.Candidate}
		whole := uint32(1)<<len(a.Persons) - 1
		needed := wantsOf(a.Persons).of(whole)
		for i := range o.Candidate.Units {
			u := &o.Candidate.Units[i]
			if len(o.Parts) == 1 && o.Parts[0].Unit == u.ID {
				continue
			}
			if t.suited(u) == whole && t.fresh(u) && u.Takes(u.FreeAt(a.At)) >= len(a.Persons) && u.PlacesAt(a.At).Covers(needed) {
				other := o
				other.Parts = []placement.Part{part(u, everybody(len(a.Persons)))}
				out = append(out, other)
			}
		}
	}
	return out
}

func everybody(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// problem is a crowd as the solver sees it: what parties use up are its resources.
type problem struct {
	batch.Problem
	scarce map[Scarce]int
	sites  map[string]int
}

func (p *problem) add(a Ask, options []Option) {
	g := batch.Group{Persons: len(a.Persons)}
	for _, o := range options {
		worth := o.Score
		if !o.Candidate.Locked() || !slices.ContainsFunc(a.Persons, func(p placement.Person) bool { return !p.Child() }) {
			worth += openFirst
		}
		b := batch.Option{Score: max(0, worth) * len(a.Persons), Site: p.site(o.Candidate.ID)}
		for _, use := range Uses(o.Candidate.ID, a.Persons, o.Parts, o.Day) {
			b.Uses = append(b.Uses, batch.Use{Resource: p.resource(o.Candidate, use.Scarce, a), Amount: use.N})
		}
		g.Options = append(g.Options, b)
	}
	p.Groups = append(p.Groups, g)
}

func (p *problem) site(id string) int {
	n, ok := p.sites[id]
	if !ok {
		n = len(p.sites) + 1
		p.sites[id] = n
	}
	return n
}

func (p *problem) resource(c *Candidate, s Scarce, a Ask) int {
	n, ok := p.scarce[s]
	if !ok {
		n = len(p.Cap)
		p.scarce[s] = n
		p.Cap = append(p.Cap, c.Left(s, a.At))
	}
	return n
}
