package referral

import (
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

// Lapse frees the beds of every hold whose time has passed and moves each party
// on to its next option. It answers how many lapsed. A placement that cannot be
// moved is left for the next look and does not stop the others.
func (s *Service) Lapse(ctx context.Context) (lapsed int, err error) {
	for shard := range record.DueShards {
		q := table.Query{Index: table.Due, PK: record.DuePartition(shard), To: record.Stamp(s.now().Add(-Grace)) + "~"}
		for {
			page, qerr := s.Store.Query(ctx, q)
			if qerr != nil {
				err = errors.Join(err, qerr)
				break
			}
			for _, entry := range page.Items {
				n, lerr := s.lapseOne(ctx, entry.Key)
				lapsed, err = lapsed+n, errors.Join(err, lerr)
			}
			if q.After = page.Next; page.Next == "" {
				break
			}
		}
	}
	return lapsed, err
}

func (s *Service) lapseOne(ctx context.Context, key table.Key) (int, error) {
	if !record.IsPlacement(key) {
		return 0, nil
	}
	id, lapsed := key.PK[len("P#"):], 0
	_, _, err := s.run(ctx, id, func(p *placement.Placement, now time.Time) (decision, error) {
		if p == nil || p.State != placement.Held || now.Before(p.Hold.ExpiresAt) {
			return decision{done: true}, nil // the index lags, or somebody was faster
		}
		next, beds, err := p.Lapse(now)
		if err != nil {
			return decision{}, err
		}
		lapsed = 1
		next, beds, err = s.nextOption(ctx, next, beds, now)
		return decision{next: next, beds: beds}, err
	})
	if fault.Is(err, fault.Busy) {
		return 0, nil
	}
	return lapsed, err
}

// Watch looks for lapsed holds at once and then every so often until span has
// passed: a schedule that fires each minute frees beds within seconds.
func (s *Service) Watch(ctx context.Context, span, every time.Duration) error {
	stop := time.NewTimer(span)
	defer stop.Stop()
	tick := time.NewTicker(every)
	defer tick.Stop()
	var last error
	for {
		n, err := s.Lapse(ctx)
		last = err
		if n > 0 || err != nil {
			s.Log.Info("holds lapsed", "count", n, "failed", err != nil)
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
