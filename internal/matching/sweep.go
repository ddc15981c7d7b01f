package matching

import (
	"math"
	"math/bits"
	"slices"
	"sync"
	"time"

	"panah/internal/code"
	"panah/internal/language"
)

// Rank answers an ask with the best k options of a world, exactly and always in
// the same order: for adults open places before locked ones, then those not yet
// tried, then by score. Options whose scores are near-ties (Policy.NearTie)
// stand in the order of when they were last offered, then of dice thrown from
// the ask's seed and the shelter's id, so that teams who ask at the same moment
// are not all sent to the same door. Last comes the id.
//
// Cells are swept from near to far. Rules that depend on a shelter's shape are
// decided once for all shelters of that shape, so that counting why shelters do
// not fit costs little; a shelter that could not be among the best k, however
// good it is apart from its distance, is counted and not scored.
func Rank(w World, ask Ask, policy Policy, k int) Result {
	s := newSweep(w, ask, policy, k)
	defer s.done()
	s.run(false)
	res := Result{Considered: s.considered, Options: make([]Option, len(s.best))}
	for i := range res.Options {
		t := trial{asked: s.asked, c: w.open(s.best[i].slot), served: s.served(s.best[i].tongues), bedding: s.bedding}
		t.assign()
		res.Options[i] = t.option()
		s.bedding = t.bedding // its memory: an option keeps none of it
	}
	if res.Considered >= policy.Histogram {
		res.FirstRule = s.histogram()
		if ask.Discreet {
			res.FirstRule = discreet(w, ask, policy, s.fits)
		}
	}
	if s.fits == 0 {
		res.WouldHelp = wouldHelp(w, ask, policy)
	}
	return res
}

// discreet counts as if nothing were excluded; what then would fit counts as full.
func discreet(w World, ask Ask, policy Policy, fits int) map[string]int {
	ask.ExcludedDistricts, ask.ExcludedShelters = nil, nil
	s := newSweep(w, ask, policy, 0)
	defer s.done()
	s.run(false)
	s.first[ruleBeds] += s.fits - fits
	return s.histogram()
}

// best are the slots of the best k.
func best(w World, ask Ask, policy Policy, k int) (slots []uint32) {
	s := newSweep(w, ask, policy, k)
	defer s.done()
	s.run(false)
	for _, f := range s.best {
		slots = append(slots, f.slot)
	}
	return slots
}

// Fits reports whether any shelter is an option.
func Fits(w World, ask Ask, policy Policy) bool {
	s := newSweep(w, ask, policy, 0)
	defer s.done()
	s.run(true)
	return s.fits > 0
}

// sweep is one ask held against every shelter within reach, in the form the
// index has them. It says the same as trial, which reads the shelters themselves.
type sweep struct {
	*asked
	w    World
	k    int
	best []fit

	considered, fits int
	first            [32]int // by rule: shelters that fail it before any other

	verdicts []uint8 // by shape: 1 + the first rule it fails, or passes; 0: not looked at yet
	whoAt    []int32 // by shape that passes: where the persons suited by each unit begin in who
	who      []uint32
	serving  [][]language.Match // by person and language list
	worth    [language.Exact + 1]int
	named    []named

	now, freshFrom, confirmedFrom uint32
	needs, wishes                 uint16
	short                         [3]uint8 // a shelter with less to spare is asked itself
	rest                          int      // the most points apart from distance
	needPoints, wishPoints        [17]int  // by how many are met
	freedomPoints                 [5]int
	freshPoints, oldPoints        int
	bedding
	alone [1]room // that takes a party of one

	kind     code.Institution // of the shelter looked at
	zone     int              // the zone looked at
	minute   int              // of the local day, on arrival there
	distance int              // points
}

// named is a shelter the ask names, and the rule it fails for it.
type named struct {
	slot uint32
	rule uint8
	zone int
}

const passes = 255

// Places of the rules a sweep counts by itself.
var (
	ruleRegistered = ruleIndex("registration.current")
	ruleLawful     = ruleIndex("legal.institution_type")
	ruleArea       = ruleIndex("safety.excluded_area")
	ruleServed     = ruleIndex("gender.served")
	ruleAges       = ruleIndex("age.range")
	ruleApart      = ruleIndex("age.separate_sleeping")
	ruleNeeds      = ruleIndex("need.required")
	ruleIntake     = ruleIndex("intake.hours")
	ruleDaily      = ruleIndex("intake.daily")
	ruleFresh      = ruleIndex("data.fresh")
	ruleBeds       = ruleIndex("beds.free")
	ruleTogether   = ruleIndex("party.together")
)

// swept are sweeps done with, whose memory is used again.
var swept = sync.Pool{New: func() any { return &sweep{} }}

// done gives back the memory of a sweep.
func (s *sweep) done() {
	s.asked, s.w = nil, World{}
	swept.Put(s)
}

// zeroed is n zeros, in the memory of s if it is enough.
func zeroed[T any](s []T, n int) []T {
	s = slices.Grow(s[:0], n)[:n]
	clear(s)
	return s
}

func newSweep(w World, ask Ask, policy Policy, k int) *sweep {
	s, _ := swept.Get().(*sweep)
	s.asked, s.w, s.k, s.best, s.who, s.named = prepare(w, ask, policy), w, k, s.best[:0], s.who[:0], s.named[:0]
	s.considered, s.fits, s.first = 0, 0, [32]int{}
	s.verdicts, s.whoAt = zeroed(s.verdicts, len(w.shapes)), zeroed(s.whoAt, len(w.shapes))
	s.serving = s.serving[:0]
	for i := range ask.Persons {
		s.serving = append(s.serving, w.serving(ask.Persons[i].Languages))
	}
	for m := range s.worth {
		s.worth[m] = languageWorth(language.Match(m))
	}
	s.now = seconds(ask.At)
	late := seconds(ask.At.Add(time.Second - 1)) // the first whole second not before At
	s.freshFrom, s.confirmedFrom = back(late, policy.Fresh.NoOffer), back(late, policy.Fresh.Unconfirmed)
	s.needs, s.wishes = uint16(s.asked.needs), uint16(ask.Preferences)
	needed := s.wants.of(math.MaxUint32)
	s.short = [3]uint8{uint8(needed.StepFree), uint8(needed.Medical), uint8(len(ask.Persons))}
	v := policy.Weights
	s.rest = v.Language + v.Needs + v.Freedom + v.Freshness + v.Load + v.Preference
	for n := range s.needPoints {
		s.needPoints[n] = share(v.Needs, n, bits.OnesCount16(s.needs))
		s.wishPoints[n] = share(v.Preference, n, bits.OnesCount16(s.wishes))
	}
	for n := range s.freedomPoints {
		s.freedomPoints[n] = share(v.Freedom, n, 4)
	}
	s.freshPoints, s.oldPoints = share(v.Freshness, freshCounts, 4), share(v.Freshness, oldCounts, 4)
	for _, n := range []struct {
		ids  []string
		rule string
	}{{ask.ExcludedShelters, "safety.excluded_shelter"}, {ask.Refused, "party.declined"}, {ask.Unwanted, "party.refused"}, {ask.Paused, "beds.free"}} {
		for _, id := range n.ids {
			s.name(id, uint8(ruleIndex(n.rule)))
		}
	}
	return s
}

func back(at uint32, by time.Duration) uint32 {
	if seconds := int64(by / time.Second); seconds < int64(at) {
		return at - uint32(seconds)
	}
	return 0
}

// name notes a shelter that fails a rule for this ask alone; the first rule counts.
func (s *sweep) name(id string, rule uint8) {
	slot, ok := s.w.shelves.Find(id)
	if !ok || s.ruleOf(slot) != passes {
		return
	}
	if c := s.w.open(slot); c != nil {
		s.named = append(s.named, named{slot, rule, c.Zone})
	}
}

// ruleOf is the rule a shelter fails because the ask names it, or passes.
func (s *sweep) ruleOf(slot uint32) uint8 {
	for _, n := range s.named {
		if n.slot == slot {
			return n.rule
		}
	}
	return passes
}

// run looks at every shelter within reach, or until one fits.
func (s *sweep) run(any bool) {
	for _, zone := range s.journey.near {
		minutes := s.journey.minutes[zone]
		if minutes > s.limit || (any && s.fits > 0) {
			return
		}
		s.zone = int(zone)
		s.distance = share(s.policy.Weights.Distance, s.policy.FullDistant-minutes, s.policy.FullDistant)
		s.minute = minuteOf(s.At.Add(time.Duration(minutes)*time.Minute), s.offset())
		s.cell(s.index.cells[zone])
	}
}

func minuteOf(at time.Time, offset int) int {
	day := (at.Unix()/60 + int64(offset)) % (24 * 60)
	return int(day)
}

// cell looks at one zone, run by run.
func (s *sweep) cell(c *cell) {
	s.considered += len(c.rows)
	anyNamed := slices.ContainsFunc(s.named, func(n named) bool { return n.zone == s.zone })
	for i := range c.runs {
		r, end := &c.runs[i], c.end(i)
		at := int(r.first + r.never)
		if c.soonest <= s.now {
			at = c.expired(i, s.now)
		}
		s.first[ruleRegistered] += at - int(r.first)
		verdict := s.verdicts[r.shape]
		if verdict == 0 {
			verdict = s.judgeShape(r.shape)
		}
		rows := c.rows[at:end]
		switch {
		case verdict == uint8(ruleLawful)+1:
			s.first[ruleLawful] += len(rows)
		case s.excluded != nil && s.excluded[s.zone]:
			s.first[ruleArea] += len(rows)
		case verdict == passes:
			h := &s.w.shapes[r.shape]
			n := len(h.units)
			more := c.more[int(r.more)+(at-int(r.first))*max(0, n-inRow):]
			s.rows(h, rows, more, s.who[s.whoAt[r.shape]:][:n], anyNamed)
		case anyNamed:
			for j := range rows {
				s.first[min(s.ruleOf(rows[j].slot), verdict-1)]++
			}
		default:
			s.first[verdict-1] += len(rows)
		}
	}
}

// judgeShape decides the rules that depend on a shape alone.
func (s *sweep) judgeShape(no uint32) uint8 {
	h := &s.w.shapes[no]
	verdict := uint8(passes)
	fails := func(rule int) { verdict = min(verdict, uint8(rule)+1) }
	if !s.takenBy(h.kind) {
		fails(ruleLawful)
	}
	for i := range s.Persons {
		p := &s.Persons[i]
		switch {
		case !h.served.Has(p.PlaceWith):
			fails(ruleServed)
		case h.ages&(1<<(8*uint(p.PlaceWith)+uint(p.PresumedAge()))) == 0:
			fails(ruleAges)
		case p.DoubtfulAge() && !h.apart.Has(p.PlaceWith):
			fails(ruleApart)
		}
	}
	if verdict == passes {
		s.whoAt[no] = int32(len(s.who))
		for _, u := range h.units {
			s.who = append(s.who, s.suitedBy(u))
		}
	}
	s.verdicts[no] = verdict
	return verdict
}

// suitedBy are the persons a unit suits, as bits.
func (s *sweep) suitedBy(u wing) (who uint32) {
	for i := range s.Persons {
		p := &s.Persons[i]
		if u.population == p.PlaceWith && u.ages.Has(p.PresumedAge()) && (u.apart || !p.DoubtfulAge()) {
			who |= 1 << i
		}
	}
	return who
}

// rows looks at the shelters of a shape that passes. who are the persons suited
// by each of their units.
func (s *sweep) rows(h *shape, rows []row, more []bunks, who []uint32, anyNamed bool) {
	n := max(0, len(who)-inRow)
	ask := s.needs
	now := s.Urgency == code.UrgencyNow
	for i := range rows {
		r := &rows[i]
		more := more[i*n : (i+1)*n]
		named := uint8(passes)
		if anyNamed {
			named = s.ruleOf(r.slot)
		}
		switch {
		case named < uint8(ruleNeeds):
			s.first[named]++
		case r.met&ask != ask:
			s.first[ruleNeeds]++
		case now && !open(int(r.from), int(r.to), s.minute):
			s.first[ruleIntake]++
		default:
			var failed uint8
			switch {
			case r.spare[0] < s.short[0] || r.spare[1] < s.short[1] || r.spare[2] < s.short[2]:
				failed = s.itself(r)
			case len(s.Persons) == 1:
				failed = s.bed(r, more, who)
			default:
				failed = s.beds(h, r, more, who)
			}
			if failed = min(failed, named); failed != passes {
				s.first[failed]++
				continue
			}
			s.fits++
			s.kind = h.kind
			s.consider(r, more)
		}
	}
}

func open(from, to, minute int) bool {
	switch {
	case from == to:
		return true
	case from < to:
		return minute >= from && minute < to
	}
	return minute >= from || minute < to
}

// itself asks a shelter that may lack what it has limits of: few have so little left.
func (s *sweep) itself(r *row) uint8 {
	t := trial{asked: s.asked, c: s.w.open(r.slot), bedding: s.bedding}
	t.assign()
	s.bedding = t.bedding
	for i := ruleDaily; i < len(Rules); i++ {
		if !Rules[i].ok(&t) {
			return uint8(i)
		}
	}
	s.alone[0] = s.used[0]
	return passes
}

// bed finds one person a bed: beds in short, for the commonest party.
func (s *sweep) bed(r *row, more []bunks, who []uint32) uint8 {
	failed := uint8(ruleFresh)
	for i := range who {
		if who[i] == 0 {
			continue
		}
		u := r.unit(i, more)
		if u.confirmed < s.freshFrom {
			continue
		}
		failed = uint8(ruleBeds)
		if free := s.freeAt(r, i, u); free >= 1 {
			s.alone[0] = room{unit: i, free: free}
			return passes
		}
	}
	return failed
}

// beds finds everybody a bed, or says which rule keeps them from it.
func (s *sweep) beds(h *shape, r *row, more []bunks, who []uint32) uint8 {
	fresh, everybody := uint32(0), uint32(1)<<len(s.Persons)-1
	s.rooms = s.rooms[:0]
	for i := range who {
		if who[i] == 0 {
			continue
		}
		u := r.unit(i, more)
		if u.confirmed < s.freshFrom {
			continue
		}
		fresh |= who[i]
		if free := s.freeAt(r, i, u); free >= 1 {
			s.rooms = append(s.rooms, room{unit: i, who: who[i], free: free, site: h.units[i].site})
		}
	}
	switch {
	case fresh != everybody:
		return uint8(ruleFresh)
	case len(s.rooms) == 0:
		return uint8(ruleBeds)
	case !s.assign(len(s.Persons)):
		return uint8(ruleBeds)
	case s.Together == code.TogetherRequired && !s.site:
		return uint8(ruleTogether)
	}
	return passes
}

// freeAt is how many more people may come to a unit. Once a claim or surge beds
// have ended the shelter itself must be asked; that is seldom, for the clock
// drops such claims.
func (s *sweep) freeAt(r *row, i int, u *bunks) int {
	if s.now < r.until {
		return int(u.free)
	}
	opened := &s.w.open(r.slot).Units[i]
	return opened.Takes(opened.FreeAt(s.At))
}

func (s *sweep) histogram() map[string]int {
	out := map[string]int{}
	for i := range Rules {
		if s.first[i] > 0 {
			out[Rules[i].ID] = s.first[i]
		}
	}
	return out
}
