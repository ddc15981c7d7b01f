package placement

import (
	"time"

	"panah/internal/code"
	"panah/internal/fault"
	"panah/internal/place"
)

// longestWait is further back than any order for a return is believed to be.
const longestWait = 20 * 366 * 24 * time.Hour

// Repatriate records that it was decided, with the party, to bring it home to a
// country or state other than where it was found, and since when it waits. An
// empty to withdraws that. No legal clock is stopped by it.
func (p Placement) Repatriate(to place.Code, since, at, now time.Time) (Placement, error) {
	if err := p.enter(MoveDecide); err != nil {
		return p, err
	}
	next := Return{}
	if to != "" {
		home, ok := place.Lookup(to)
		if here, _ := place.Lookup(p.Request.Place); !ok || home.Level == place.District || home.Code == here.State || home.Code == here.Country {
			return p, fault.Field("returnTo", "is another country or state than the one the party was found in")
		}
		if since.IsZero() {
			since = at
		}
		if since.After(now) || now.Sub(since) > longestWait {
			return p, fault.Field("waitingSince", "is a day of the last twenty years")
		}
		next = Return{To: to, Since: since}
	} else if p.Return.To == "" {
		return p, fault.Field("decision", "withdraws what was not ordered")
	}
	p.Back = Back{Move: MoveDecide, Side: Office, From: p.State, At: now, Ruling: p.Ruling, Basis: p.Basis, Return: p.Return}
	p.Return, p.ChangedAt = next, now
	return p, nil
}

// onReturn reports whether a decision is about repatriation.
func onReturn(d code.Decision) bool {
	return d == code.RepatriationOrdered || d == code.RepatriationWithdrawn
}

// Awaiting are the instants at which each person who waits, or waited, to be
// brought home stopped waiting: zero while they wait. A stay that moves counts
// where the party arrives.
func (p Placement) Awaiting() []time.Time {
	if p.Return.To == "" || (p.TransferOf != "" && p.ArrivedAt.IsZero()) {
		return nil
	}
	out := make([]time.Time, len(p.Request.Persons))
	for i := range out {
		switch {
		case p.State == Cancelled || p.State == Superseded || (p.State == Ended && len(p.Stays) == 0):
			out[i] = p.ChangedAt
		case i < len(p.Stays) && p.Stays[i].Gone:
			out[i] = p.Stays[i].At
		}
	}
	return out
}
