package batch

// insert places groups one by one, always the one that would regret waiting
// most, until none of those without an option fits anywhere.
func (s *state) insert() {
	for {
		chosen, most := none, -1
		for _, g := range s.out {
			o, loss := s.regret(g)
			if o != none && (loss > most || (loss == most && g < s.group[chosen])) {
				chosen, most = o, loss
			}
		}
		if chosen == none {
			return
		}
		s.put(chosen)
	}
}

// regret is the best option of g that fits, and what g loses when it has to do
// with its second-best: all its persons when there is none.
func (s *state) regret(g int32) (option int32, loss int) {
	option = none
	for o, end := s.optionsOf(g); o < end; o++ {
		if !s.fits(o) {
			continue
		}
		if option != none {
			return option, int(s.score[option] - s.score[o])
		}
		option = o
	}
	if option == none {
		return none, 0
	}
	return option, int(s.persons[g])*personWorth*s.highest + int(s.score[option])
}
