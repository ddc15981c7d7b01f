package simulation

import (
	"flag"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"panah/internal/directory"
	"panah/internal/placement"
	"panah/internal/referral"
	"panah/internal/table"
)

var races = flag.Int("races", 1500, "how many races of accept against lapse")

// open makes a run for a test that is its own director.
func open(t *testing.T, seed uint64, o Options) *run {
	t.Helper()
	r, done, err := prepare(seed, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(done)
	r.begin()
	return r
}

// Every request of a bad day is delivered again: three times each, and 1 to 20
// times each, in any order and up to seven days late. What is stored stays.
func TestEveryRequestAgainUpToSevenDaysLate(t *testing.T) {
	for name, copies := range map[string]func(r *run) int{
		"three times each":   func(*run) int { return 3 },
		"1 to 20 times each": func(r *run) int { return 1 + r.random.IntN(20) },
	} {
		t.Run(name, func(t *testing.T) {
			r := open(t, 11, Usual)
			defer r.killAll()
			why := r.guard(func() {
				r.badTimes(2500)
				r.rest()
			})
			if why != "" {
				t.Fatal(why)
			}
			before := effects(r.ledger.versions)
			var mail []*request
			for _, q := range r.ghosts {
				for range copies(r) {
					mail = append(mail, q)
				}
			}
			r.random.Shuffle(len(mail), func(i, j int) { mail[i], mail[j] = mail[j], mail[i] })
			each := 6 * 24 * time.Hour / time.Duration(len(mail))
			if why := r.guard(func() {
				for _, q := range mail {
					p := pick(r, r.api())
					r.deliver(p, q)
					r.finish(p)
					r.clock = r.clock.Add(each)
				}
			}); why != "" {
				t.Fatal(why)
			}
			for key, version := range effects(r.ledger.versions) {
				if version != before[key] {
					t.Errorf("%s is at version %d and was at %d", key, version, before[key])
				}
			}
			t.Logf("late copies: %d of %d requests, over %s: 0 effects", len(mail), len(r.ghosts), 6*24*time.Hour)
		})
	}
}

// effects are the versions of what is stored, without receipts: that a copy was
// told of a consent taken back is noted once, and is no effect of its command.
func effects(versions map[table.Key]uint64) map[table.Key]uint64 {
	out := maps.Clone(versions)
	maps.DeleteFunc(out, func(k table.Key, _ uint64) bool { return strings.HasPrefix(k.SK, "N#") })
	return out
}

// Accept and the clock meet at the end of a hold, in many interleavings of their
// calls of the store and with clocks that differ: exactly one of them wins.
func TestAcceptAgainstLapse(t *testing.T) {
	var won tally
	began := time.Now()
	var wg sync.WaitGroup
	turn := make(chan struct{}, runtime.GOMAXPROCS(0))
	const share = 500 // small tables: what a race costs does not grow with those before it
	for batch := 0; batch*share < *races; batch++ {
		turn <- struct{}{}
		wg.Go(func() {
			defer func() { <-turn }()
			one, why := raceAll(uint64(batch+1), min(share, *races-batch*share))
			won.add(one)
			if why != "" {
				t.Errorf("batch %d: %s", batch+1, why)
			}
		})
	}
	wg.Wait()
	if won.accepted == 0 || won.lapsed == 0 || won.accepted+won.lapsed != *races || won.both+won.none > 0 {
		t.Errorf("not one winner each, or always the same: %+v", won.counts)
	}
	t.Logf("races: %d of accept against lapse, %d accept won, %d lapse won, %d both, %d none, %s",
		*races, won.accepted, won.lapsed, won.both, won.none, time.Since(began).Round(time.Second))
}

// counts are how races ended.
type counts struct{ accepted, lapsed, both, none int }

// tally adds them up over goroutines.
type tally struct {
	mu sync.Mutex
	counts
}

func (w *tally) add(o counts) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.accepted, w.lapsed, w.both, w.none = w.accepted+o.accepted, w.lapsed+o.lapsed, w.both+o.both, w.none+o.none
}

// raceAll holds so many races in a world of their own.
func raceAll(seed uint64, n int) (won counts, why string) {
	o := Usual
	o.Processes, o.Lost, o.Crash, o.Skew = 4, 0, 0, 4*time.Second
	r, done, err := prepare(seed, o)
	if err != nil {
		return won, err.Error()
	}
	defer done()
	defer r.killAll()
	r.healing = true
	return won, r.guard(func() {
		r.begin()
		known := ""
		for i := range n {
			if i%40 == 0 {
				known = r.freshCounts(i, known)
			}
			r.race(i, &won)
		}
	})
}

// does lets a process carry a task out while nobody else is at work.
func (r *run) does(p *process, what string, task func() error) {
	var err error
	p.start(what, nil, func() { err = task() })
	r.finish(p)
	if err != nil {
		r.fail("%s: %v", what, err)
	}
}

// freshCounts lets every shelter confirm its counts, which nobody is offered
// otherwise. Between races only the directory has to know: the other consumers
// of the feed take no part. It answers how much of the feed the directory knows.
func (r *run) freshCounts(i int, known string) string {
	for _, s := range r.desk {
		r.does(r.procs[0], "confirm", func() error {
			_, err := r.procs[0].service.Confirm(r.ctx, staff(s.ID), s.ID, referral.Command{Key: fmt.Sprint("confirm ", i), OccurredAt: r.clock})
			return err
		})
	}
	pub := directory.NewPublisher(r.raw, r.newID, func() time.Time { return r.clock }, quietLog())
	for until := r.ledger.position; known != until; {
		changes, next, err := r.raw.Changes(r.ctx, known, 1000)
		if err == nil {
			err = pub.Apply(r.ctx, changes)
		}
		if err != nil {
			r.fail("directory: %v", err)
		}
		if len(changes) == 0 {
			break
		}
		known = next
	}
	r.observe(nil)
	if err := r.raw.SavePosition("races", r.ledger.position); err != nil { // what has been seen need not be kept
		r.fail("%v", err)
	}
	return r.ledger.position
}

// race is one hold that ends while its shelter says yes.
func (r *run) race(i int, won *counts) {
	key := fmt.Sprint("race-", i)
	id := placement.ID(teams[0].Scope, key)
	maker, shelterSide, clock := r.procs[0], r.procs[1], r.procs[2]
	asked := placement.Request{RescuedAt: r.clock, Place: shelters()[0].District, Persons: parties()[0], HoldBest: true, Limit: 1}
	r.does(maker, "create", func() error {
		_, err := maker.service.Request(r.ctx, teams[0], asked, referral.Command{Key: key, Payload: key})
		return err
	})
	p := r.ledger.placements[id]
	if p.State != placement.Held || p.Hold.No != 1 {
		r.fail("it is %s", p.State)
	}
	house, unit, claim := staff(p.Hold.Shelter), r.ledger.units[p.Hold.Shelter+"/"+p.Hold.Parts[0].Unit], placement.ClaimID(id, 1)
	// The shelter's clock and the clock's meet around the instant of the end.
	r.clock = p.Hold.ExpiresAt.Add(time.Duration(r.random.IntN(14)-5) * time.Second)
	var answer error
	shelterSide.start("accept", nil, func() {
		_, answer = shelterSide.service.Accept(r.ctx, house, id, referral.Command{Key: "yes" + key, Payload: "yes", HoldNo: 1})
	})
	clock.start("lapse", nil, func() { _, _ = clock.service.Lapse(r.ctx) })
	for busy := r.those(true, r.procs); len(busy) > 0; busy = r.those(true, r.procs) {
		pick(r, busy).step()
		if r.chance(0.05) {
			r.clock = r.clock.Add(time.Second)
		}
	}
	r.clock = p.Hold.ExpiresAt.Add(time.Minute)
	r.does(clock, "lapse for certain", func() error { _, err := clock.service.Lapse(r.ctx); return err })
	p, unit = r.ledger.placements[id], r.ledger.units[unit.Shelter+"/"+unit.ID]
	beds, kept := unit.Claim(claim)
	told := answer == nil
	lapsed := slices.Contains(p.Tried, unit.Shelter)
	stands := p.State == placement.Accepted && p.Hold.No == 1 && kept && beds.Until.IsZero()
	gone := !kept && (p.State == placement.Requested || p.State == placement.Waitlisted || p.Hold.No > 1)
	switch {
	case told && stands && !lapsed:
		won.accepted++
	case !told && lapsed && gone:
		won.lapsed++
	case told:
		won.both++
	default:
		won.none++
	}
	if won.both+won.none > 0 {
		r.fail("the shelter was answered %v, it is %s by hold %d, lapsed: %v, its beds: %v", answer, p.State, p.Hold.No, lapsed, kept)
	}
	r.does(maker, "cancel", func() error {
		_, err := maker.service.Cancel(r.ctx, teams[0], id, 0, referral.Command{Key: "end" + key, Payload: "end", Version: p.Version})
		return err
	})
}
