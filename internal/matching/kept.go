package matching

import (
	"cmp"
	"math"
	"math/bits"

	"panah/internal/language"
)

// consider ranks a shelter that fits, unless it cannot be among the best: first
// by the most it could score so near, then by the most its languages could add.
func (s *sweep) consider(r *row, more []bunks) {
	f := fit{slot: r.slot, tongues: r.tongues, restricted: s.grownUp && r.freedom == 0, again: s.tried(r.slot)}
	if s.outdone(&f, s.distance+s.rest) {
		return
	}
	f.score = s.score(r, more)
	if s.outdone(&f, f.score+s.policy.Weights.Language) {
		return
	}
	f.score += s.language(r.tongues)
	s.rate(&f, r.offered, r.mix)
	s.best = s.keepBest(s.best, f)
}

// outdone reports whether the k best stand before f even with the given score.
func (s *sweep) outdone(f *fit, score int) bool {
	switch {
	case s.k == 0:
		return true
	case len(s.best) < s.k:
		return false
	}
	last := &s.best[s.k-1]
	by := cmp.Or(after(f.restricted, last.restricted), after(f.again, last.again))
	return by > 0 || (by == 0 && s.band(score) < last.band)
}

func (s *sweep) tried(slot uint32) bool {
	for _, id := range s.Tried {
		if s.w.shelves.ID(slot) == id {
			return true
		}
	}
	return false
}

// score is what trial.points add up to, without the languages.
func (s *sweep) score(r *row, more []bunks) int {
	free, staffed, confirmed := 0, 0, uint32(math.MaxUint32)
	used := s.used
	if len(s.Persons) == 1 {
		used = s.alone[:]
	}
	for _, room := range used {
		u := r.unit(room.unit, more)
		free, staffed, confirmed = free+room.free, staffed+int(u.staffed), min(confirmed, u.confirmed)
	}
	fresh := s.freshPoints
	if confirmed < s.confirmedFrom {
		fresh = s.oldPoints
	}
	return s.distance + s.needPoints[bits.OnesCount16(r.onSite&s.needs)] + s.wishPoints[bits.OnesCount16(r.features&s.wishes)] +
		s.freedomPoints[r.freedom] + fresh + share(s.policy.Weights.Load, free, max(staffed, 1)) + s.stayPoints(s.kind, int(r.stay))
}

// language is what a list of languages is worth.
func (s *sweep) language(list uint32) int {
	total := 0
	for _, serving := range s.serving {
		total += s.worth[serving[list]]
	}
	return share(s.policy.Weights.Language, total, 8*len(s.Persons))
}

// served is how well a list of languages serves each person.
func (s *sweep) served(list uint32) []language.Match {
	out := make([]language.Match, len(s.serving))
	for i, serving := range s.serving {
		out[i] = serving[list]
	}
	return out
}

// keepBest puts f among the best k so far, in order.
func (s *sweep) keepBest(best []fit, f fit) []fit {
	at := len(best)
	for at > 0 && s.w.order(&f, &best[at-1]) < 0 {
		at--
	}
	switch {
	case at == s.k:
		return best
	case len(best) < s.k:
		best = append(best, fit{})
	}
	copy(best[at+1:], best[at:])
	best[at] = f
	return best
}
