package simulation

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"panah/internal/audit"
	"panah/internal/directory"
	"panah/internal/function"
	"panah/internal/matching"
	districts "panah/internal/place"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/referral"
	"panah/internal/rollup"
	"panah/internal/table"
	"panah/internal/testworld"
)

const feedBatch = 40

// step lets one thing happen.
func (r *run) step() {
	switch n := r.random.IntN(100); {
	case n < 62:
		if busy := r.those(true, r.procs); len(busy) > 0 {
			pick(r, busy).step()
			return
		}
		fallthrough
	case n < 77:
		r.deliverOne()
	case n < 86:
		r.act()
	case n < 92:
		r.feed(r.random.IntN(2))
	case n < 94:
		if idle := r.those(false, r.api()); len(idle) > 0 {
			r.tick(pick(r, idle))
		}
	case n < 96:
		if idle := r.those(false, r.api()); len(idle) > 0 && len(r.ghosts) > 0 {
			r.deliver(pick(r, idle), pick(r, r.ghosts))
		}
	default:
		r.pass()
	}
}

// pass moves the clock on: mostly seconds, sometimes hours.
func (r *run) pass() {
	d := time.Duration(1+r.random.IntN(30)) * time.Second
	switch n := r.random.IntN(40); {
	case n == 0:
		d = time.Duration(1+r.random.IntN(14)) * time.Hour
	case n < 8:
		d = time.Duration(1+r.random.IntN(20)) * time.Minute
	}
	r.clock = r.clock.Add(d)
	r.event("%s pass", d)
}

// api are the processes that answer requests and run the clock.
func (r *run) api() []*process { return r.procs[:r.Processes] }

func (r *run) those(busy bool, of []*process) (out []*process) {
	for _, p := range of {
		if p.busy == busy {
			out = append(out, p)
		}
	}
	return out
}

// deliverOne carries one request of the wire, perhaps one that is under way
// already, to an idle process.
func (r *run) deliverOne() {
	idle := r.those(false, r.api())
	if len(idle) == 0 || len(r.wire) == 0 {
		return
	}
	q := pick(r, r.wire)
	if !r.truth.next(q) || (q.inFlight > 0 && !r.chance(0.3)) {
		return
	}
	r.deliver(pick(r, idle), q)
}

// feed gives the consumer of a shard its next batch.
func (r *run) feed(shard int) {
	p := r.procs[r.Processes+shard]
	if p.busy || r.away {
		return
	}
	limit := 1 + r.random.IntN(feedBatch)
	if r.healing {
		limit = feedBatch
	}
	if batch := r.stream.Batch(shard, limit); len(batch) > 0 {
		p.consume(batch)
	}
}

// tick is one look of the clock.
func (r *run) tick(p *process) {
	calm := r.healing
	p.start("clock", nil, func() {
		as := testworld.As(r.ctx, "ClockFunction")
		_, err := p.service.Lapse(as)
		_, werr := p.service.MatchWaiting(as)
		if calm && (err != nil || werr != nil) {
			r.ledger.breaks("the clock failed: %v, %v", err, werr)
		}
	})
}

func (r *run) finish(p *process) {
	for p.busy {
		p.step()
	}
}

// restRounds bounds how long it may take to come to rest.
const restRounds = 60

// rest lets everything come to an end without new faults and then looks whether
// all is as it must be.
func (r *run) rest() {
	r.event("rest")
	for _, p := range r.procs {
		r.finish(p)
	}
	for n := 0; ; n++ {
		for _, q := range append([]*request(nil), r.wire...) {
			if !r.truth.next(q) || q.settled {
				continue
			}
			p := pick(r, r.api())
			r.deliver(p, q)
			r.finish(p)
			r.clock = r.clock.Add(time.Second)
		}
		r.store.DeliverLate(r.ctx, r.store.Late())
		r.observe(nil)
		r.drain()
		if len(r.wire) == 0 && r.store.Late() == 0 {
			break
		}
		if n > restRounds {
			q := r.wire[0]
			r.fail("%s is not answered after %d tries: %v", q.name, q.tries, q.last)
		}
	}
	// One run of the clock, a minute later, must leave nothing behind.
	r.clock = r.clock.Add(time.Minute + referral.Grace)
	p := pick(r, r.api())
	r.tick(p)
	r.finish(p)
	r.drain()
	if r.lost > 0 && !r.Forget {
		r.recover(p)
	}
	r.quiet()
}

// recover is what the clock does each hour, over everything at once, when all that
// the feed may still bring has come.
func (r *run) recover(p *process) {
	r.clock = r.clock.Add(streamKeeps + 2*time.Hour)
	p.start("look for what never came", nil, func() {
		n, err := function.Missed(testworld.As(r.ctx, "ClockFunction"), function.Parts{Store: p.store(), Log: quietLog()}, p.service, 0, 1)
		if err != nil {
			r.ledger.breaks("what the feed has lost cannot be taken in: %v", err)
		}
		r.event("%d items had been missed", n)
		r.report.Missed += n
	})
	r.finish(p)
	r.drain()
	r.tick(p)
	r.finish(p)
	r.drain()
}

func (r *run) drain() {
	for n := 0; ; n++ {
		busy := false
		for shard := range 2 {
			if r.stream.Pending(shard) > 0 {
				busy = true
				r.feed(shard)
				r.finish(r.procs[r.Processes+shard])
			}
		}
		if !busy {
			return
		}
		if n > 2000 {
			r.fail("the change feed is not consumed")
		}
	}
}

// quiet holds the whole against what must be true when nothing is under way.
func (r *run) quiet() {
	if r.ledger.broken != "" {
		r.fail("%s", r.ledger.broken)
	}
	r.nothingStuck()
	for _, p := range r.procs {
		p.start("look at the directory", nil, func() {
			if err := p.service.Directory.Refresh(r.ctx, r.clock.Add(p.skew)); err != nil {
				r.ledger.breaks("the directory cannot be read: %v", err)
				return
			}
			w, err := p.service.Directory.World(r.ctx, r.clock.Add(p.skew))
			if err != nil {
				r.ledger.breaks("the directory cannot be read: %v", err)
				return
			}
			r.converged(fmt.Sprintf("p%d", p.no), w)
		})
		r.finish(p)
	}
	r.chainsWhole()
	r.figures()
	calm := referral.New(referral.Config{Store: r.raw, Policy: r.policy, Now: func() time.Time { return r.clock }, NewID: r.newID, Log: quietLog()})
	if found, err := calm.Verify(r.ctx, false); err != nil || len(found) > 0 {
		r.fail("verify: %v %v", found, err)
	}
	if r.Skew == 0 {
		for _, s := range r.desk {
			for _, u := range s.Units {
				have, want := r.ledger.units[s.ID+"/"+u.ID].Counts().Occupied(), r.truth.present(s.ID, u.ID)
				if have != want {
					r.fail("%s/%s counts %d people, %d sleep there", s.ID, u.ID, have, want)
				}
			}
		}
	}
	r.event("quiet")
}

// nothingStuck: holds whose time has passed are freed, waiting is over when it
// is, and nobody waits for beds that are there.
func (r *run) nothingStuck() {
	past := r.clock.Add(-referral.Grace - r.Skew)
	d := directory.New(r.raw, r.policy.Zone, quietLog())
	w, err := d.World(r.ctx, r.clock)
	if err != nil {
		r.fail("directory: %v", err)
	}
	r.converged("a fresh directory", w)
	for _, id := range r.ledger.order {
		p := r.ledger.placements[id]
		switch {
		case p.State == placement.Held && p.Hold.ExpiresAt.Before(past):
			r.fail("%s is still held %s after its hold's end", id, r.clock.Sub(p.Hold.ExpiresAt))
		case !p.Withdrawn.IsZero():
			r.allTold(p)
		case !p.Due.IsZero() && p.Due.Before(past):
			r.fail("%s (%s) was due %s ago", id, p.State, r.clock.Sub(p.Due))
		case forgotten(p, r.policy):
			r.fail("nobody looks for beds for %s any more and nobody was told", id)
		case p.State == placement.Waitlisted:
			ask := matching.Ask{Request: p.Request, At: r.clock, Refused: p.Refused, Unwanted: p.Unwanted, Tried: p.Tried}
			for _, s := range r.desk {
				if r.ledger.pauses[s.ID] {
					ask.ExcludedShelters = append(slices.Clone(ask.ExcludedShelters), s.ID)
				}
			}
			if got := matching.Rank(*w, ask, r.policy, 1); len(got.Options) > 0 && r.Skew == 0 {
				r.fail("%s waits though %s has beds", id, got.Options[0].Candidate.ID)
			}
		}
	}
}

// allTold: everybody a placement was shared with has a notice that consent was
// withdrawn, and none of what was told of the persons is left.
func (r *run) allTold(p placement.Placement) {
	for _, to := range p.Recipients() {
		if it, err := r.raw.Get(r.ctx, record.NoticeKey(p.ID, to), table.Strong); err != nil || it == nil {
			r.fail("nobody told %s that %s was withdrawn: %v", to.ID, p.ID, err)
		}
	}
	for _, person := range p.Request.Persons {
		if person.Needs != 0 || len(person.Languages) > 0 {
			r.fail("%s is withdrawn and tells of its persons", p.ID)
		}
	}
}

// converged holds a copy of the directory against the ledger.
func (r *run) converged(whose string, w *matching.World) {
	for _, s := range r.desk {
		c, ok := w.Find(s.ID)
		if !ok {
			r.ledger.breaks("%s does not know %s", whose, s.ID)
			return
		}
		if want := r.ledger.shelters[s.ID]; c.Version != want.Version || c.Status != want.Status {
			r.ledger.breaks("%s has %s at version %d, not %d", whose, s.ID, c.Version, want.Version)
		}
		for _, u := range c.Units {
			want := r.ledger.units[s.ID+"/"+u.ID]
			if u.Version != want.Version || u.Counts() != want.Counts() || u.FreeAt(r.clock) != (&want).FreeAt(r.clock) {
				r.ledger.breaks("%s has %s/%s at version %d as %+v, stored are %d and %+v", whose, s.ID, u.ID, u.Version, u.Counts(), want.Version, want.Counts())
			}
		}
	}
	if r.ledger.broken != "" {
		return
	}
}

// figures are made from what is stored.
func (r *run) figures() {
	homes, all := map[string]districts.Code{}, []placement.Placement(nil)
	for _, s := range r.desk {
		homes[s.ID] = s.District
	}
	for _, id := range r.ledger.order {
		all = append(all, r.ledger.placements[id])
	}
	if problems, err := rollup.Check(r.ctx, r.raw, homes, all); err != nil || len(problems) > 0 {
		r.fail("the figures: %v %v", err, problems)
	}
}

// chainsWhole: every version of every item is in its audit chain.
func (r *run) chainsWhole() {
	check := func(k table.Key) {
		problems, err := audit.Check(r.ctx, r.raw, k)
		if r.lost > 0 { // what was lost is lost, and the chain says so
			problems = slices.DeleteFunc(problems, func(p string) bool { return strings.Contains(p, "never seen") })
		}
		if err != nil || len(problems) > 0 {
			r.fail("the audit chain of %s: %v %v", k, problems, err)
		}
		if last, err := r.raw.Get(r.ctx, audit.Key(k, r.ledger.versions[k]), table.Strong); err != nil || last == nil {
			r.fail("the audit chain of %s does not reach version %d", k, r.ledger.versions[k])
		}
	}
	for _, id := range r.ledger.order {
		check(record.PlacementKey(id))
	}
	for _, s := range r.desk {
		check(record.ShelterKey(s.ID))
		for _, u := range s.Units {
			check(record.UnitKey(s.ID, u.ID))
		}
	}
}
