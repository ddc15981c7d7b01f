package matching

import (
	"time"

	"panah/internal/place"
	"panah/internal/placement"
)

// LegalClock is a time limit of law: data of the policy, with its source there.
type LegalClock struct {
	ID              string
	Country         place.Code
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
	from    time.Time
}

// Clocks are the legal clocks of a placement. They run from the rescue and are
// stopped by a recorded decision alone: a bed does not stop the law.
func (p Policy) Clocks(of placement.Placement) []Running {
	here, _ := place.Lookup(of.Request.Place)
	var out []Running
	for _, c := range p.LegalClocks {
		if c.Country != here.Country || (c.Children && !of.Request.Children()) || of.Request.RescuedAt.IsZero() {
			continue
		}
		r := Running{LegalClock: c, from: of.Request.RescuedAt, Stopped: !of.Ruling.At.IsZero()}
		if c.ExcludesJourney {
			r.from = r.from.Add(time.Duration(of.Request.JourneyMinutes) * time.Minute)
		}
		r.DueAt = r.from.Add(c.Limit)
		out = append(out, r)
	}
	return out
}

// Warnings are the instants at which a clock warns.
func (r Running) Warnings() []time.Time {
	out := make([]time.Time, len(r.WarnAt))
	for i, percent := range r.WarnAt {
		out[i] = r.from.Add(r.Limit * time.Duration(percent) / 100)
	}
	return out
}
