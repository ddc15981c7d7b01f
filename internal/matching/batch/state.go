package batch

// none is the option of a group without one.
const none = int32(-1)

// state is a plan in the making: what each group has and what is left.
type state struct {
	*model
	pick   []int32
	free   []int32
	at     [][]int32 // of each resource, the groups that use it
	out    []int32   // groups without an option, in no order
	place  []int32   // of each group, its position in out, or -1
	placed int       // persons
	total  int       // score
	work   int       // uses looked at
}

func newState(m *model) *state {
	s := &state{model: m, free: append([]int32(nil), m.cap...), at: make([][]int32, len(m.cap))}
	for g := range m.name {
		s.pick = append(s.pick, none)
		s.place = append(s.place, int32(g))
		s.out = append(s.out, int32(g))
	}
	return s
}

// fits reports whether group g, now without an option, can take o as things are.
func (s *state) fits(o int32) bool {
	uses := s.usesOf(o)
	s.work += len(uses) + 2
	for _, u := range uses {
		if s.free[u.resource] < u.amount {
			return false
		}
	}
	return s.apart == nil || !s.meets(o)
}

// meets reports whether someone the group of o is kept apart from is at its site.
func (s *state) meets(o int32) bool {
	for _, other := range s.apart[s.group[o]] {
		if p := s.pick[other]; p != none && s.site[p] == s.site[o] {
			return true
		}
	}
	return false
}

// put gives its group option o, which must fit.
func (s *state) put(o int32) {
	g := s.group[o]
	uses := s.usesOf(o)
	s.work += len(uses) + 4
	for _, u := range uses {
		s.free[u.resource] -= u.amount
		s.at[u.resource] = append(s.at[u.resource], g)
	}
	s.pick[g] = o
	s.placed += int(s.persons[g])
	s.total += int(s.score[o])
	last := s.out[len(s.out)-1]
	s.out[s.place[g]], s.place[last] = last, s.place[g]
	s.out, s.place[g] = s.out[:len(s.out)-1], -1
}

// take takes its option away from group g.
func (s *state) take(g int32) {
	o := s.pick[g]
	uses := s.usesOf(o)
	s.work += len(uses) + 4
	for _, u := range uses {
		s.free[u.resource] += u.amount
		at := s.at[u.resource]
		for i := len(at) - 1; ; i-- {
			if at[i] == g {
				at[i] = at[len(at)-1]
				break
			}
		}
		s.at[u.resource] = at[:len(at)-1]
	}
	s.pick[g] = none
	s.placed -= int(s.persons[g])
	s.total -= int(s.score[o])
	s.place[g] = int32(len(s.out))
	s.out = append(s.out, g)
}
