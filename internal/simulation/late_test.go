package simulation

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"panah/internal/placement"
	"panah/internal/referral"
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
			before := fmt.Sprint(r.ledger.versions)
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
			if after := fmt.Sprint(r.ledger.versions); after != before {
				t.Errorf("what is stored has changed:\n%s\n%s", before, after)
			}
			t.Logf("late copies: %d of %d requests, over %s: 0 effects", len(mail), len(r.ghosts), 6*24*time.Hour)
		})
	}
}

// Accept and the clock meet at the end of a hold, in every interleaving of their
// calls of the store and with clocks that differ: exactly one of them wins.
func TestAcceptAgainstLapse(t *testing.T) {
	accepted, lapsed := 0, 0
	const share = 1500
	for batch := 0; batch*share < *races; batch++ {
		t.Run(fmt.Sprint("batch ", batch), func(t *testing.T) {
			o := Usual
			o.Processes, o.Lost, o.Crash, o.Skew = 4, 0, 0, 4*time.Second
			r := open(t, uint64(batch+1), o)
			defer r.killAll()
			r.healing = true
			if why := r.guard(func() {
				for i := range min(share, *races-batch*share) {
					r.race(i, &accepted, &lapsed)
				}
			}); why != "" {
				t.Fatal(why)
			}
		})
	}
	if accepted == 0 || lapsed == 0 {
		t.Errorf("always the same wins: %d and %d", accepted, lapsed)
	}
	t.Logf("races: %d of accept against lapse, %d accepted, %d lapsed, each with one winner", accepted+lapsed, accepted, lapsed)
}

func (r *run) race(i int, accepted, lapsed *int) {
	key := fmt.Sprint("race-", i)
	id := placement.ID(teams[0].Scope, key)
	maker, shelterSide, clock := r.procs[0], r.procs[1], r.procs[2]
	do := func(p *process, what string, task func() error) error {
		var err error
		p.start(what, nil, func() { err = task() })
		r.finish(p)
		return err
	}
	if i%40 == 0 { // counts that nobody confirms are no offer
		for _, s := range r.desk {
			if err := do(maker, "confirm", func() error {
				_, err := maker.service.Confirm(r.ctx, staff(s.ID), s.ID, referral.Command{Key: fmt.Sprint("confirm ", i), OccurredAt: r.clock})
				return err
			}); err != nil {
				r.fail("confirm: %v", err)
			}
		}
		r.drain()
		if err := r.raw.SavePosition("races", r.ledger.position); err != nil {
			r.fail("%v", err)
		}
	}
	asked := placement.Request{RescuedAt: r.clock, Place: shelters()[0].District, Persons: parties()[0], HoldBest: true, Limit: 1}
	if err := do(maker, "create", func() error {
		_, err := maker.service.Request(r.ctx, teams[0], asked, referral.Command{Key: key, Payload: key})
		return err
	}); err != nil {
		r.fail("create: %v", err)
	}
	p := r.ledger.placements[id]
	if p.State != placement.Held {
		r.fail("it is %s", p.State)
	}
	// The shelter's clock and the clock's meet around the instant of the end.
	r.clock = p.Hold.ExpiresAt.Add(time.Duration(r.random.IntN(14)-5) * time.Second)
	var answer error
	house := staff(p.Hold.Shelter)
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
	if err := do(clock, "lapse for certain", func() error { _, err := clock.service.Lapse(r.ctx); return err }); err != nil {
		r.fail("lapse: %v", err)
	}
	p = r.ledger.placements[id]
	switch won := p.State == placement.Accepted && p.Hold.No == 1; {
	case won != (answer == nil):
		r.fail("the shelter was answered %v and it is %s", answer, p.State)
	case won:
		*accepted++
	default:
		*lapsed++
	}
	if err := do(maker, "cancel", func() error {
		_, err := maker.service.Cancel(r.ctx, teams[0], id, 0, referral.Command{Key: "end" + key, Payload: "end", Version: p.Version})
		return err
	}); err != nil {
		r.fail("cancel: %v", err)
	}
}
