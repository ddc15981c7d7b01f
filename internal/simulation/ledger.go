package simulation

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"panah/internal/matching"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/shelter"
	"panah/internal/table"
)

// ledger is what is stored, as the feed tells it, and what must be true of it
// after every write:
//
//   - an item's version grows by one, and a unit's guard agrees with its counts;
//   - each unit's claims are exactly the beds of the placements that hold them
//     there: no more, no fewer, of the same size and end (a claim whose time has
//     passed may be gone before its placement knows), hence at most one live hold
//     for each placement;
//   - a claim appears only where enough beds were free;
//   - a command is carried out at most once, and one that was carried out stays so.
type ledger struct {
	run        *run
	position   string
	versions   map[table.Key]uint64
	placements map[string]placement.Placement
	order      []string // ids as they first appeared: no map decides
	units      map[string]shelter.Unit
	shelters   map[string]shelter.Shelter
	alerts     map[string][]placement.Alert        // by placement
	promised   map[string]map[string]shelter.Claim // by unit and claim
	writes     int                                 // of placements so far
	taken      map[string]bool                     // claims that have been seen, by unit and id
	last       map[string]int                      // by placement, its last among them
	voices     map[string]placement.Voice          // by placement
	pauses     map[string]bool                     // shelters nobody new is offered
	broken     string
}

func newLedger(r *run) *ledger {
	return &ledger{run: r, versions: map[table.Key]uint64{}, placements: map[string]placement.Placement{}, units: map[string]shelter.Unit{},
		shelters: map[string]shelter.Shelter{}, alerts: map[string][]placement.Alert{}, promised: map[string]map[string]shelter.Claim{}, last: map[string]int{},
		taken: map[string]bool{}, voices: map[string]placement.Voice{}, pauses: map[string]bool{}}
}

func (l *ledger) breaks(format string, args ...any) {
	if l.broken == "" {
		l.broken = fmt.Sprintf(format, args...)
	}
}

// apply takes in what one write, or a late one with it, has changed. by is the
// process that made it; nil for the seed.
func (l *ledger) apply(changes []table.Change, by *process) {
	touched := map[string]bool{}
	for _, c := range changes {
		it := c.New
		if it.Version != l.versions[it.Key]+1 {
			l.breaks("%s went from version %d to %d", it.Key, l.versions[it.Key], it.Version)
		}
		l.versions[it.Key] = it.Version
		aside := record.IsNotice(it.Key) || strings.HasPrefix(it.PK, "AL#") || strings.HasPrefix(it.PK, "G#") // told again, or counted again: no harm
		aside = aside || by != nil && by.request != nil && by.request.walks && record.IsPlacement(it.Key)
		if by != nil && it.WriteID == by.writing && !aside {
			by.writes++
		}
		switch {
		case record.IsPlacement(it.Key):
			l.placement(it, by, touched)
		case record.IsUnit(it.Key):
			l.unit(c, touched)
		case record.IsDoor(it.Key):
			l.door(c)
		case record.IsShelter(it.Key):
			s, err := record.ToShelter(it)
			if err != nil {
				l.breaks("%v", err)
			}
			l.shelters[s.ID] = s
		case it.PK == record.PausePartition:
			pause, err := record.ToPause(it)
			if err != nil {
				l.breaks("%v", err)
			}
			l.pauses[it.SK] = pause.Open()
		case record.IsVoice(it.Key):
			l.voice(it)
		case strings.HasPrefix(it.PK, "AL#"):
			a, err := record.ToAlert(it)
			if err != nil {
				l.breaks("%v", err)
			}
			l.alerts[a.Placement] = append(slices.DeleteFunc(l.alerts[a.Placement], func(o placement.Alert) bool { return o.ID == a.ID }), a)
		}
	}
	for unit := range touched {
		l.agree(unit)
	}
}

func (l *ledger) placement(it *table.Item, by *process, touched map[string]bool) {
	p, err := record.ToPlacement(it)
	if err != nil {
		l.breaks("%v", err)
		return
	}
	old, known := l.placements[p.ID]
	if !known {
		l.order = append(l.order, p.ID)
	}
	l.promise(old, touched, false)
	l.promise(p, touched, true)
	l.placements[p.ID] = p
	l.writes++
	l.last[p.ID] = l.writes
	l.once(old, p)
	if known {
		l.run.made(old, p, by)
	}
}

// voice takes in what a survivor has said: each thing is an alert of its own, and
// the placement has not changed by it.
func (l *ledger) voice(it *table.Item) {
	v, err := record.ToVoice(it)
	if err != nil {
		l.breaks("%v", err)
		return
	}
	old := l.voices[v.Placement]
	said, coded := len(v.Commands)-len(old.Commands), len(v.Codes)-len(old.Codes)
	if newCode := coded == 1 && len(v.Commands) == 0; !newCode && (said != 1 || coded != 0) {
		l.breaks("%s carried out %d commands of its survivor and made %d codes in one write", v.Placement, said, coded)
	}
	if v.CodeNo != old.CodeNo && v.CodeHash != placement.MakeStayCode([]byte(staySecret), v.Placement, v.CodeNo).Hash() {
		l.breaks("%s has a code that does not follow from its number", v.Placement)
	}
	l.voices[v.Placement] = v
}

// promise adds or takes away the claims a placement stands for.
func (l *ledger) promise(p placement.Placement, touched map[string]bool, add bool) {
	if !p.State.Promised() {
		return
	}
	for _, part := range p.Hold.Parts {
		unit, claim := p.Hold.Shelter+"/"+part.Unit, placement.ClaimID(p.ID, p.Hold.No)
		touched[unit] = true
		if l.promised[unit] == nil {
			l.promised[unit] = map[string]shelter.Claim{}
		}
		if !add {
			delete(l.promised[unit], claim)
			continue
		}
		want := shelter.Claim{N: part.Claimed()}
		if p.State == placement.Held {
			want.Until = p.Hold.ExpiresAt
		}
		l.promised[unit][claim] = want
	}
}

// once holds a placement's commands against those it had.
func (l *ledger) once(old, p placement.Placement) {
	if len(p.Commands) < len(old.Commands) || !slices.Equal(p.Commands[:len(old.Commands)], old.Commands) {
		l.breaks("%s forgot a command it had carried out", p.ID)
	}
	for i, c := range p.Commands {
		if slices.ContainsFunc(p.Commands[:i], func(d placement.Command) bool { return d.Key == c.Key }) {
			l.breaks("%s carried a command out twice", p.ID)
		}
	}
}

func (l *ledger) unit(c table.Change, touched map[string]bool) {
	u, err := record.ToUnit(c.New)
	if err != nil {
		l.breaks("%v", err)
		return
	}
	name := u.Shelter + "/" + u.ID
	_, known := l.units[name]
	l.units[name] = u
	touched[name] = true
	for id := range u.Claims() {
		// A claim is taken once. One that comes back stood for an arrival that did not
		// happen, and its beds are as promised as before.
		if known && !l.taken[name+" "+id] && u.Counts().Free() < 0 {
			l.breaks("%s: claim %s was taken where too few beds were free: %d", name, id, u.Counts().Free())
		}
		l.taken[name+" "+id] = true
	}
}

// door holds a door against the people its shelter takes in a day: a hold that is
// new must be within it, what has happened need not.
func (l *ledger) door(c table.Change) {
	d, err := record.ToDoor(c.New)
	if err != nil {
		l.breaks("%v", err)
		return
	}
	var old shelter.Door
	if c.Old != nil {
		old, _ = record.ToDoor(c.Old)
	}
	limit, late := l.shelters[d.Shelter].DailyIntake, l.run.clock.Add(l.run.Skew)
	for claim, coming := range d.All() {
		if _, had := old.Of(claim); !had && !coming.Until.IsZero() && d.On(coming.Day, late) > limit.N() {
			l.breaks("%s: claim %s makes %d people on a day of %d", d.Shelter, claim, d.On(coming.Day, late), limit.N())
		}
	}
}

// agree holds a unit's claims against the placements.
func (l *ledger) agree(name string) {
	u, want := l.units[name], l.promised[name]
	have := u.Claims()
	for id, c := range have {
		w, ok := want[id]
		if !ok {
			l.breaks("%s: claim %s stands for nobody's hold", name, id)
		} else if w.N != c.N || !w.Until.Equal(c.Until) {
			l.breaks("%s: claim %s is %v, its hold %v", name, id, c, w)
		}
	}
	late := l.run.clock.Add(l.run.Skew)
	for id, w := range want {
		if _, ok := have[id]; !ok && !w.Dead(late) {
			l.breaks("%s: hold %s until %s has no claim", name, id, w.Until.Format(time.TimeOnly))
		}
	}
}

// forgotten reports whether a party has no beds and nobody looks for any: neither
// does it wait nor will the clock look again, and its time is not over. What is due
// only for a clock of law is no look for beds.
func forgotten(p placement.Placement, policy matching.Policy) bool {
	if p.State != placement.Requested || p.Seek || !p.FoundAt.IsZero() {
		return false
	}
	until, last := p.Request.NeededUntil, p.Since
	if until.IsZero() {
		until = p.Since.Add(policy.WaitFor[p.Request.Urgency])
	}
	if p.Looked.After(last) {
		last = p.Looked
	}
	return last.Before(until) && (p.Due.IsZero() || p.Due.After(last.Add(policy.Found)))
}

// done reports whether a placement remembers a command.
func (l *ledger) done(id string, key uint64) bool {
	return slices.ContainsFunc(l.placements[id].Commands, func(c placement.Command) bool { return c.Key == key })
}

func (l *ledger) alertsOf(id string) []placement.Alert { return l.alerts[id] }
