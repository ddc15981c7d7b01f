package batch

import (
	"cmp"
	"slices"
)

// model is a problem laid out flat for the search: options of one group lie
// side by side, best score first; uses of one option lie side by side. Fixed
// groups, options that can never be taken and resources that can never run out
// are gone; nothing that could be in a best plan is.
type model struct {
	persons []int32
	first   []int32 // option number where a group's options begin; one longer than groups
	group   []int32 // of each option
	index   []int32 // of each option in the problem
	score   []int32
	site    []int32
	from    []int32 // use number where an option's uses begin; one longer than options
	uses    []use
	cap     []int32
	apart   [][]int32 // of each group, the groups it is kept apart from; nil when there are no pairs
	name    []int     // of each group, its number in the problem
	highest int       // score of one person, rounded up, at least 1
}

type use struct{ resource, amount int32 }

// newModel reads a problem that passed Check.
func newModel(p *Problem) *model {
	left := p.left()
	m := &model{}
	row := make([]int32, len(p.Groups)) // of each group in the model, or -1
	for g := range p.Groups {
		row[g] = -1
		if _, fixed := p.Fixed[g]; !fixed {
			row[g] = int32(len(m.name))
			m.name = append(m.name, g)
			m.persons = append(m.persons, int32(p.Groups[g].Persons))
		}
	}
	barred := m.keepApart(p, row)
	merge := newMerger(len(left))
	for i, g := range m.name {
		m.first = append(m.first, int32(len(m.index)))
		options := p.Groups[g].Options
		for _, o := range byScore(options) {
			if barred[[2]int{i, options[o].Site}] {
				continue
			}
			uses, ok := merge.of(&options[o], left)
			if !ok {
				continue
			}
			m.group, m.index = append(m.group, int32(i)), append(m.index, int32(o))
			m.score, m.site = append(m.score, int32(options[o].Score)), append(m.site, int32(options[o].Site))
			m.from = append(m.from, int32(len(m.uses)))
			m.uses = append(m.uses, uses...)
		}
	}
	m.first, m.from = append(m.first, int32(len(m.index))), append(m.from, int32(len(m.uses)))
	m.cap, m.highest = left, 1
	for o, score := range m.score {
		n := m.persons[m.group[o]]
		m.highest = max(m.highest, int((score+n-1)/n))
	}
	m.reduce()
	return m
}

// left is what fixed groups leave of each resource.
func (p *Problem) left() []int32 {
	left := make([]int32, len(p.Cap))
	for r, c := range p.Cap {
		left[r] = int32(c)
	}
	for g, o := range p.Fixed {
		if o == Unplaced {
			continue
		}
		for _, u := range p.Groups[g].Options[o].Uses {
			left[u.Resource] -= int32(u.Amount)
		}
	}
	return left
}

// keepApart notes who is kept apart from whom, and answers the sites that a
// group may not go to because a fixed one is there.
func (m *model) keepApart(p *Problem, row []int32) map[[2]int]bool {
	if len(p.Apart) == 0 {
		return nil
	}
	m.apart = make([][]int32, len(m.name))
	barred := map[[2]int]bool{}
	for _, pair := range p.Apart {
		for k, g := range pair {
			other := pair[1-k]
			if row[g] < 0 {
				continue
			}
			if row[other] >= 0 {
				m.apart[row[g]] = append(m.apart[row[g]], row[other])
			} else if o := p.Fixed[other]; o != Unplaced {
				barred[[2]int{int(row[g]), p.Groups[other].Options[o].Site}] = true
			}
		}
	}
	return barred
}

// byScore is the order of options, best score first.
func byScore(options []Option) []int {
	order := make([]int, len(options))
	for o := range order {
		order[o] = o
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(options[b].Score, options[a].Score) })
	return order
}

// merger adds up the uses of one resource in an option.
type merger struct {
	total []int
	out   []use
}

func newMerger(resources int) *merger { return &merger{total: make([]int, resources)} }

// of is what an option uses in all, or false when there is not as much.
func (m *merger) of(o *Option, left []int32) ([]use, bool) {
	m.out = m.out[:0]
	for _, u := range o.Uses {
		if m.total[u.Resource] == 0 {
			m.out = append(m.out, use{resource: int32(u.Resource)})
		}
		m.total[u.Resource] += u.Amount
	}
	ok := true
	for i := range m.out {
		r := m.out[i].resource
		ok = ok && m.total[r] <= int(left[r])
		m.out[i].amount = int32(min(m.total[r], most))
		m.total[r] = 0
	}
	return m.out, ok
}

// reduce drops the uses of resources that cannot run out: because everybody
// together needs no more, or because another resource runs out first.
func (m *model) reduce() {
	drop := make([]bool, len(m.cap))
	by := m.usesByResource()
	for r := range m.cap {
		drop[r] = m.enough(by[r], m.cap[r])
	}
	for r := range m.cap {
		drop[r] = drop[r] || m.covered(by[r], int32(r), drop)
	}
	kept, o := m.uses[:0], 0
	from := slices.Clone(m.from)
	for o = 0; o+1 < len(from); o++ {
		m.from[o] = int32(len(kept))
		for _, u := range m.uses[from[o]:from[o+1]] {
			if !drop[u.resource] {
				kept = append(kept, u)
			}
		}
	}
	m.from[o] = int32(len(kept))
	m.uses = kept
}

// need is an option and how much of one resource it takes.
type need struct{ option, amount int32 }

func (m *model) usesByResource() [][]need {
	by := make([][]need, len(m.cap))
	for o := range m.index {
		for _, u := range m.usesOf(int32(o)) {
			by[u.resource] = append(by[u.resource], need{int32(o), u.amount})
		}
	}
	return by
}

// enough reports whether every group can take its largest amount.
func (m *model) enough(needs []need, limit int32) bool {
	total, largest := 0, int32(0)
	for i, n := range needs {
		largest = max(largest, n.amount)
		if i+1 == len(needs) || m.group[needs[i+1].option] != m.group[n.option] {
			total += int(largest)
			largest = 0
		}
	}
	return total <= int(limit)
}

// covered reports whether some kept resource q is taken along with r by every
// option, and so much of it that q is used up first.
func (m *model) covered(needs []need, r int32, drop []bool) bool {
	if len(needs) == 0 {
		return true
	}
	return slices.ContainsFunc(m.usesOf(needs[0].option), func(q use) bool {
		if q.resource == r || drop[q.resource] {
			return false
		}
		return !slices.ContainsFunc(needs, func(n need) bool {
			b := m.amountOf(n.option, q.resource)
			return b == 0 || int64(n.amount)*int64(m.cap[q.resource]) > int64(b)*int64(m.cap[r])
		})
	})
}

func (m *model) amountOf(o, resource int32) int32 {
	for _, u := range m.usesOf(o) {
		if u.resource == resource {
			return u.amount
		}
	}
	return 0
}

func (m *model) usesOf(o int32) []use { return m.uses[m.from[o]:m.from[o+1]] }

func (m *model) optionsOf(g int32) (first, end int32) { return m.first[g], m.first[g+1] }
