package referral

import (
	"cmp"
	"context"
	"errors"
	"time"

	"panah/internal/fault"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/table"
)

// Grace is how long after a hold's end its beds are freed: an accept that was
// on time has been written by then.
const Grace = 5 * time.Second

// Lapse does what has become due: it frees the beds of holds whose time has
// passed and moves each party on to its next option, ends waiting that is over,
// and gives the warnings of legal clocks. It answers how many placements moved.
// One that cannot be moved is left for the next look and does not stop the others.
func (s *Service) Lapse(ctx context.Context) (moved int, err error) {
	for shard := range record.DueShards {
		q := table.Query{Index: table.Due, PK: record.DuePartition(shard), To: record.Stamp(s.now().Add(-Grace)) + "~"}
		for {
			page, qerr := s.Store.Query(ctx, q)
			if qerr != nil {
				err = errors.Join(err, qerr)
				break
			}
			for _, entry := range page.Items {
				n, lerr := s.tick(ctx, entry.Key)
				moved, err = moved+n, errors.Join(err, lerr)
			}
			if q.After = page.Next; page.Next == "" {
				break
			}
		}
	}
	return moved, err
}

// tick does what is due for one placement, on the item as it is: the index lags.
func (s *Service) tick(ctx context.Context, key table.Key) (int, error) {
	if record.IsRescue(key) {
		return s.resumeRescue(ctx, key.PK[len("R#"):])
	}
	if !record.IsPlacement(key) {
		return 0, nil
	}
	id, moved := key.PK[len("P#"):], 0
	_, _, err := s.run(ctx, id, func(p *placement.Placement, now time.Time) (decision, error) {
		moved = 0
		if p == nil || p.Due.IsZero() || now.Before(p.Due) {
			return decision{done: true}, nil // somebody was faster
		}
		moved = 1
		return s.whatIsDue(ctx, *p, now)
	})
	if fault.Is(err, fault.Busy) || fault.Is(err, fault.DirectoryCold) {
		return 0, nil
	}
	return moved, err
}

func (s *Service) whatIsDue(ctx context.Context, p placement.Placement, now time.Time) (d decision, err error) {
	p.By = "" // the clock's own
	d.next = p
	if len(p.Withdrawing)+len(p.Untold) > 0 {
		d, err = s.withdrawOthers(ctx, told(d), now)
		d.next.Same = cmp.Or(p.Same, p.Version)
		return d, err
	}
	switch {
	case p.State == placement.Held && !now.Before(p.Hold.ExpiresAt):
		if d.next, d.beds, err = p.Lapse(now); err != nil {
			return d, err
		}
		if d.next, d.beds, err = s.nextOption(ctx, d.next, d.beds, now); err != nil {
			return d, err
		}
	case p.State == placement.Requested && p.Seek:
		if _, err := s.world(ctx); err != nil {
			return d, err // still no directory: the next look tries again
		}
		d.next.Seek = false
		if d.next, d.beds, err = s.nextOption(ctx, d.next, nil, now); err != nil {
			return d, err
		}
	case p.State == placement.Requested && p.FoundAt.IsZero():
		if d, err = s.stillFree(ctx, d, now); err != nil {
			return d, err
		}
	case p.State == placement.Requested && !now.Before(p.FoundAt.Add(s.Policy.Found)):
		if d.next = p.Wait(p.Request.NeededUntil, now); !now.Before(p.Request.NeededUntil) { // its time was over meanwhile
			d.next = p.StopWaiting(now)
			d.next.FoundAt = time.Time{}
			d.alerts = append(d.alerts, alert(p, placement.AlertWaitingOver, now))
		}
	case p.State == placement.Waitlisted && !now.Before(p.Request.NeededUntil):
		d.next = p.StopWaiting(now)
		d.alerts = append(d.alerts, alert(p, placement.AlertWaitingOver, now))
	}
	if onRoad := p.State == placement.Accepted || p.State == placement.InTransit || p.State == placement.Diverted; onRoad && !p.LateTold && !now.Before(p.Since.Add(s.Policy.Overdue)) {
		d.next = d.next.Overdue()
		d.alerts = append(d.alerts, alert(p, placement.AlertOverdue, now))
	}
	next, alerts := s.warn(d.next, now)
	d.next, d.alerts = next, append(d.alerts, alerts...)
	if d.next.State == p.State && len(d.beds) == 0 && d.next.FoundAt.Equal(p.FoundAt) {
		d.next.Same = cmp.Or(p.Same, p.Version) // nobody need read it again before their next move
	}
	return d, nil
}

// Watch looks for what is due at once and then every so often until span has
// passed: a schedule that fires each minute frees beds within seconds.
func (s *Service) Watch(ctx context.Context, span, every time.Duration) error {
	stop := time.NewTimer(span)
	defer stop.Stop()
	tick := time.NewTicker(every)
	defer tick.Stop()
	var last error
	for {
		n, err := s.Lapse(ctx)
		_, werr := s.MatchWaiting(ctx)
		last = errors.Join(err, werr)
		if n > 0 || last != nil {
			s.Log.Info("the clock moved placements", "count", n, "failed", last != nil)
		}
		select {
		case <-tick.C:
		case <-stop.C:
			return last
		case <-ctx.Done():
			return errors.Join(last, ctx.Err())
		}
	}
}
