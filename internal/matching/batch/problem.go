// Package batch places many groups at once: each group takes one of its options
// or none, whole, and no resource is used beyond its capacity. Most persons
// placed comes first, then the highest total score. It is pure: the same
// problem, seed and effort give the same plan on every run, because effort is
// counted in work and not in time.
//
// A plan is never over capacity, never moves a fixed group, never puts two
// groups that are kept apart at one site, and is never worse than plain regret
// insertion. It is not proven to be the best there is.
package batch

import (
	"errors"
	"fmt"
)

// Problem is a rescue as numbers.
type Problem struct {
	Cap    []int // of each resource, at least 0
	Groups []Group

	// Fixed are groups that must not move: by group, the option it has, or
	// Unplaced for one that must stay without. Their use counts against Cap.
	Fixed map[int]int
	// Apart are pairs of groups that must not both be at one site.
	Apart [][2]int
}

// Group is one or more persons who are placed together or not at all.
type Group struct {
	Persons int // at least 1
	Options []Option
}

// Option is one way to place a group.
type Option struct {
	Score int // of the whole group, at least 0
	Site  int // where it is; matters only to groups kept apart
	Uses  []Use
}

// Use is what an option takes of a resource. Several uses of one resource add up.
type Use struct{ Resource, Amount int }

// Unplaced is the pick of a group that got no option.
const Unplaced = -1

// Plan is a pick for each group.
type Plan struct {
	Picks   []int // index into the group's options, or Unplaced
	Persons int   // placed
	Score   int   // sum over the options taken
	Work    int   // how much of the effort was used
}

// most bounds every number of a problem, so that sums cannot overflow.
const most = 1 << 30

// ErrProblem is what every error of a problem that makes no sense wraps.
var ErrProblem = errors.New("batch: bad problem")

func bad(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrProblem}, args...)...)
}

// Check reports what is wrong with the problem itself, naming group, option or
// resource by index.
func (p *Problem) Check() error {
	for r, c := range p.Cap {
		if c < 0 || c > most {
			return bad("capacity of resource %d is out of range", r)
		}
	}
	if len(p.Cap) > most || len(p.Groups) > most {
		return bad("too large")
	}
	for g := range p.Groups {
		if err := p.checkGroup(g); err != nil {
			return err
		}
	}
	for _, pair := range p.Apart {
		for _, g := range pair {
			if g < 0 || g >= len(p.Groups) {
				return bad("a pair to keep apart names group %d, which does not exist", g)
			}
		}
		if pair[0] == pair[1] {
			return bad("group %d is to be kept apart from itself", pair[0])
		}
	}
	return p.checkFixed()
}

func (p *Problem) checkGroup(g int) error {
	group := &p.Groups[g]
	if group.Persons < 1 || group.Persons > most {
		return bad("persons of group %d are out of range", g)
	}
	for o := range group.Options {
		if s := group.Options[o].Score; s < 0 || s > most {
			return bad("score of group %d, option %d is out of range", g, o)
		}
		for _, u := range group.Options[o].Uses {
			if u.Resource < 0 || u.Resource >= len(p.Cap) {
				return bad("group %d, option %d uses resource %d, which does not exist", g, o, u.Resource)
			}
			if u.Amount < 1 || u.Amount > most {
				return bad("group %d, option %d: amount of resource %d is out of range", g, o, u.Resource)
			}
		}
	}
	return nil
}

// checkFixed reports fixed groups that do not exist or cannot stand together.
func (p *Problem) checkFixed() error {
	picks := make([]int, len(p.Groups))
	for g := range picks {
		picks[g] = Unplaced
	}
	for g, o := range p.Fixed {
		if g < 0 || g >= len(p.Groups) {
			return bad("fixed group %d does not exist", g)
		}
		if o != Unplaced && (o < 0 || o >= len(p.Groups[g].Options)) {
			return bad("group %d is fixed to option %d, which does not exist", g, o)
		}
		picks[g] = o
	}
	if _, _, err := p.Value(picks); err != nil {
		return fmt.Errorf("fixed groups: %w", err)
	}
	return nil
}

// Value is what picks are worth, or what forbids them: a resource over its
// capacity, a fixed group that moved, two groups together that are kept apart.
// The problem must have passed Check.
func (p *Problem) Value(picks []int) (persons, score int, err error) {
	if len(picks) != len(p.Groups) {
		return 0, 0, bad("%d picks for %d groups", len(picks), len(p.Groups))
	}
	used := make([]int, len(p.Cap))
	for g, o := range picks {
		if want, fixed := p.Fixed[g]; fixed && want != o {
			return 0, 0, bad("fixed group %d moved", g)
		}
		if o == Unplaced {
			continue
		}
		if o < 0 || o >= len(p.Groups[g].Options) {
			return 0, 0, bad("group %d has no option %d", g, o)
		}
		persons += p.Groups[g].Persons
		score += p.Groups[g].Options[o].Score
		for _, u := range p.Groups[g].Options[o].Uses {
			if used[u.Resource] += u.Amount; used[u.Resource] > p.Cap[u.Resource] {
				return 0, 0, bad("resource %d is over its capacity", u.Resource)
			}
		}
	}
	for _, pair := range p.Apart {
		a, b := picks[pair[0]], picks[pair[1]]
		if a != Unplaced && b != Unplaced && p.Groups[pair[0]].Options[a].Site == p.Groups[pair[1]].Options[b].Site {
			return 0, 0, bad("groups %d and %d are at one site", pair[0], pair[1])
		}
	}
	return persons, score, nil
}
