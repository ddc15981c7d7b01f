package matching

import (
	"time"

	"panah/internal/code"
	"panah/internal/placement"
)

// ReviewOfStay is what the clock of a stay's ground waits for.
const ReviewOfStay = "review_of_stay"

// LegalClock is a time limit of law: data of a jurisdiction, with its source there.
type LegalClock struct {
	ID              string
	Children        bool // it runs for parties with someone under 18
	What            string
	Limit           time.Duration
	ExcludesJourney bool
	WarnAt          []int // percent of the limit
	StoppedBy       string
}

// Running is a legal clock of one placement.
type Running struct {
	LegalClock
	DueAt   time.Time
	Stopped bool
	Stop    placement.Ruling // the decision that stopped it
	Told    time.Time        // the instant of the last warning of it that was given
	from    time.Time
}

// Clocks are the legal clocks of a placement: those that run from the rescue,
// stopped by a recorded decision alone (a bed does not stop the law), and, while
// the party stays somewhere, the review of its stay.
func (p Policy) Clocks(of placement.Placement) []Running {
	where := p.Where(of.Request.Place)
	var out []Running
	for _, c := range where.Clocks {
		if (c.Children && !of.Request.Children()) || of.Request.RescuedAt.IsZero() {
			continue
		}
		r := Running{LegalClock: c, from: of.Request.RescuedAt, Stopped: !of.First.At.IsZero(), Stop: of.First, Told: of.WarnedAt}
		if c.ExcludesJourney {
			r.from = r.from.Add(time.Duration(of.Request.JourneyMinutes) * time.Minute)
		}
		r.DueAt = r.from.Add(c.Limit)
		out = append(out, r)
	}
	if b := of.Basis; of.State == placement.Arrived && !b.From.IsZero() {
		out = append(out, Running{from: b.From, DueAt: b.ReviewBy, Told: b.WarnedAt, LegalClock: LegalClock{ID: "review." + code.StayBases.Name(b.Ground),
			What: ReviewOfStay, Limit: b.ReviewBy.Sub(b.From), WarnAt: where.Reviews[b.Ground].WarnAt, StoppedBy: "decisions"}})
	}
	return out
}

// Basis is the ground of a stay from an instant, with the review its jurisdiction
// sets. reviewBy is what an order says instead; later than the law allows it is
// cut to that. A zero one is not said.
func (p Policy) Basis(of placement.Placement, ground code.StayBasis, from, reviewBy time.Time) placement.Basis {
	r := p.Where(of.Request.Place).Reviews[ground]
	if most := from.Add(r.Most); reviewBy.After(most) {
		reviewBy = most
	}
	if !reviewBy.After(from) {
		reviewBy = from.Add(r.After)
	}
	return placement.Basis{Ground: ground, From: from, ReviewBy: reviewBy}
}

// FirstBasis is the ground on which a party stays from its arrival where no decision
// has said one: children wait for the committee, adults stay of their own will.
func (p Policy) FirstBasis(of placement.Placement) placement.Basis {
	return p.UndecidedBasis(of, of.ArrivedAt)
}

// UndecidedBasis is that ground from another instant: when it was learnt who they are.
func (p Policy) UndecidedBasis(of placement.Placement, from time.Time) placement.Basis {
	ground := code.StayVoluntary
	if of.Request.Children() {
		ground = code.StayAwaitingCommittee
	}
	return p.Basis(of, ground, from, time.Time{})
}

// Warnings are the instants at which a clock warns.
func (r Running) Warnings() []time.Time {
	out := make([]time.Time, len(r.WarnAt))
	for i, percent := range r.WarnAt {
		out[i] = r.from.Add(r.Limit * time.Duration(percent) / 100)
	}
	return out
}
