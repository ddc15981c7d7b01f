package placement

import (
	"slices"
	"time"
)

// Pause keeps new parties from a shelter while a serious complaint of somebody who
// stayed there is looked into. It is stored apart from the shelter, which neither
// changes nor grows older by it and is told nothing.
type Pause struct {
	Shelter string
	Since   time.Time
	Alerts  []string // ids of the desks' alerts that are open, the first MaxPausing
	More    int      // how many are open beyond those
	Version uint64
}

// MaxPausing is how many open alerts a pause names; beyond, it counts them.
const MaxPausing = 64

// Open reports whether an alert is open: otherwise there is no pause.
func (p Pause) Open() bool { return len(p.Alerts)+p.More > 0 }

// For is the pause with one more alert to be looked into.
func (p Pause) For(alert string, now time.Time) Pause {
	if !p.Open() {
		p.Since = now
	}
	if len(p.Alerts) >= MaxPausing && !slices.Contains(p.Alerts, alert) {
		p.More++
		return p
	}
	p.Alerts = appendNew(p.Alerts, alert)
	return p
}

// Without is the pause once an alert was looked into, which is once for each.
func (p Pause) Without(alert string) Pause {
	if !slices.Contains(p.Alerts, alert) {
		p.More = max(0, p.More-1)
		return p
	}
	p.Alerts = slices.DeleteFunc(slices.Clone(p.Alerts), func(a string) bool { return a == alert })
	return p
}

// ComplainedOf is the shelter a complaint is about: where the party is, or was last.
// Before arrival there is none.
func (p Placement) ComplainedOf() string {
	if p.ArrivedAt.IsZero() {
		return ""
	}
	return p.Hold.Shelter
}
