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
	Alerts  []string // ids of the desks' alerts that are open; none: no pause
	Version uint64
}

// For is the pause with one more alert to be looked into.
func (p Pause) For(alert string, now time.Time) Pause {
	if len(p.Alerts) == 0 {
		p.Since = now
	}
	p.Alerts = appendNew(p.Alerts, alert)
	return p
}

// Without is the pause once an alert was looked into.
func (p Pause) Without(alert string) Pause {
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
