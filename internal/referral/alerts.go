package referral

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"panah/internal/caller"
	"panah/internal/fault"
	"panah/internal/matching"
	"panah/internal/place"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/table"
)

// alert makes an alert about a placement for the desk of the district where the
// party is. Its id sorts by time and is the same for the same decision.
func alert(p placement.Placement, kind placement.AlertKind, now time.Time) placement.Alert {
	return placement.Alert{ID: fmt.Sprintf("%s.%s.%s.%d", record.Stamp(now), p.ID, placement.AlertKinds.Name(kind), p.Version+1),
		Kind: kind, Placement: p.ID, District: p.Request.Place, At: now}
}

// due is when the clock must look at a placement next.
func (s *Service) due(p placement.Placement) time.Time {
	if len(p.Withdrawing)+len(p.Untold) > 0 {
		return p.ChangedAt
	}
	var next time.Time
	sooner := func(t time.Time) {
		if !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	switch p.State {
	case placement.Held:
		sooner(p.Hold.ExpiresAt)
	case placement.Requested:
		switch {
		case p.Seek:
			sooner(p.ChangedAt)
		case !p.FoundAt.IsZero():
			sooner(p.FoundAt.Add(s.Policy.Found))
		default:
			sooner(s.lookAt(p))
		}
	case placement.Waitlisted:
		sooner(p.Request.NeededUntil)
	case placement.Accepted, placement.InTransit, placement.Diverted:
		if !p.LateTold {
			sooner(p.Since.Add(s.Policy.Overdue))
		}
	}
	for _, w := range s.warnings(p) {
		if w.at.After(w.clock.Told) {
			sooner(w.at)
		}
	}
	return next
}

type warning struct {
	at      time.Time
	clock   matching.Running
	percent int
}

// warnings are what the legal clocks of a placement warn of while somebody answers
// for its party.
func (s *Service) warnings(p placement.Placement) []warning {
	if !p.InCustody() {
		return nil
	}
	var out []warning
	for _, c := range s.Policy.Clocks(p) {
		if c.Stopped {
			continue
		}
		for i, at := range c.Warnings() {
			out = append(out, warning{at, c, c.WarnAt[i]})
		}
	}
	return out
}

// warn gives the warnings whose time has come, for each clock the latest: it says
// it all. Each clock remembers what was told of it: one that starts late, or anew,
// is told of though another one has warned since.
func (s *Service) warn(p placement.Placement, now time.Time) (placement.Placement, []placement.Alert) {
	var alerts []placement.Alert
	for _, w := range s.warnings(p) {
		if now.Before(w.at) || !w.at.After(w.clock.Told) {
			continue
		}
		if n := len(alerts); n > 0 && alerts[n-1].Clock == w.clock.ID {
			alerts = alerts[:n-1]
		}
		a := alert(p, placement.AlertLegalClock, now)
		a.ID += "." + w.clock.ID
		a.Clock, a.Percent, a.DueAt = w.clock.ID, w.percent, w.clock.DueAt
		alerts = append(alerts, a)
		if w.clock.What == matching.ReviewOfStay {
			p.Basis.WarnedAt = later(p.Basis.WarnedAt, w.at)
		} else {
			p.WarnedAt = later(p.WarnedAt, w.at)
		}
	}
	return p, alerts
}

// alertQueries is how many queries one page of alerts may cost: a region has many
// districts with none.
const alertQueries = 100

// Alerts lists a page of the alerts of a desk's region, district by district, in
// each the oldest first; a ministry sees those about shelters, and no placement. A page may hold fewer than limit though more follow: next
// is then not empty.
func (s *Service) Alerts(ctx context.Context, c caller.Caller, all bool, limit int, after string) (out []placement.Alert, next string, err error) {
	if err := c.Allow(caller.ReadAlerts, caller.Resource{District: c.Region()}); err != nil {
		return nil, "", err
	}
	out = []placement.Alert{}
	districts := place.Districts(c.Region())
	from, seen, _ := strings.Cut(after, ".")
	i := max(0, slices.IndexFunc(districts, func(d place.Place) bool { return string(d.Code) == from }))
	if after != "" && (len(districts) == 0 || string(districts[i].Code) != from) {
		return nil, "", fault.Field("after", "is not a cursor of this list")
	}
	q := table.Query{From: seen}
	for asked := 0; i < len(districts); asked++ {
		q.PK = record.AlertPartition(districts[i].Code)
		if asked == alertQueries {
			return out, string(districts[i].Code) + "." + seen, nil
		}
		page, err := s.Store.Query(ctx, q)
		if err != nil {
			return nil, "", refusal(err)
		}
		for k := range page.Items {
			a, err := record.ToAlert(&page.Items[k])
			switch {
			case err != nil:
				return nil, "", err
			case a.ID == seen || (!all && !a.Open()) || (c.Role == caller.Ministry && a.Shelter == ""):
			case len(out) == limit:
				last := out[limit-1]
				return out, string(last.District) + "." + last.ID, nil
			default:
				out = append(out, a)
			}
			seen = page.Items[k].SK
		}
		if q.After = page.Next; page.Next == "" {
			i, seen, q = i+1, "", table.Query{}
		}
	}
	return out, "", nil
}

// alertCursor names an alert by district and id.
func alertCursor(a placement.Alert) string { return string(a.District) + "." + a.ID }

// alertKey is where the alert of a cursor, district and id, lies.
func alertKey(cursor string) table.Key {
	district, id, _ := strings.Cut(cursor, ".")
	return record.AlertKey(place.Code(district), id)
}

// alertAt reads the alert of a cursor; nil where there is none.
func (s *Service) alertAt(ctx context.Context, cursor string) (*table.Item, error) {
	it, err := s.Store.Get(ctx, alertKey(cursor), table.Strong)
	return it, refusal(err)
}

// overOps mark the alert of a cursor as over: what it tells of is not so any more.
func (s *Service) overOps(ctx context.Context, cursor string) ([]table.Op, error) {
	it, err := s.alertAt(ctx, cursor)
	if it == nil || err != nil {
		return nil, err
	}
	a, err := record.ToAlert(it)
	if err != nil || !a.Over.IsZero() {
		return nil, err
	}
	a.Over = s.now()
	return []table.Op{table.PutOp(record.FromAlert(a), it.Version)}, nil
}

// Acknowledge notes that somebody of the desk has seen an alert. Said twice, it
// is the same. It ends the pause that a serious complaint stands for.
func (s *Service) Acknowledge(ctx context.Context, c caller.Caller, district place.Code, id string) (placement.Alert, error) {
	allowed := c.Allow(caller.AcknowledgeAlert, caller.Resource{District: district})
	for range attempts {
		it, err := s.Store.Get(ctx, record.AlertKey(district, id), table.Strong)
		if err != nil && !errors.As(err, new(*table.Refused)) {
			return placement.Alert{}, refusal(err)
		}
		if it == nil || allowed != nil {
			return placement.Alert{}, missing(allowed)
		}
		a, err := record.ToAlert(it)
		if err != nil || !a.Acknowledged.IsZero() {
			return a, err
		}
		a.Acknowledged, a.By = s.now(), c.Subject
		ops, err := s.resume(ctx, a)
		if err != nil {
			return a, err
		}
		err = s.Store.Write(ctx, table.Batch{WriteID: s.NewID(), Ops: append([]table.Op{table.PutOp(record.FromAlert(a), it.Version)}, ops...)})
		if _, lost := table.IsStale(err); !lost && !errors.Is(err, table.ErrUnknown) {
			return a, refusal(err)
		}
	}
	return placement.Alert{}, fault.New(fault.Busy, "the alert is busy; send it again shortly")
}
