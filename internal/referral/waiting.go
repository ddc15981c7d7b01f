package referral

import (
	"cmp"
	"context"
	"errors"
	"time"

	"panah/internal/fault"
	"panah/internal/matching"
	"panah/internal/place"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/table"
)

// waitingBehind is through how many of those behind the first a look goes, each
// time a little further, so that nobody is never looked for.
const waitingBehind = 50

// Freed reports whether any of the changes gave beds back: then somebody who
// waits may have found one.
func Freed(changes []table.Change) bool {
	for _, c := range changes {
		if c.New == nil || !record.IsUnit(c.New.Key) || c.New.Guard == nil {
			continue
		}
		before := 0
		if c.Old != nil && c.Old.Guard != nil {
			before = c.Old.Guard.Free
		}
		if c.New.Guard.Free > max(0, before) {
			return true
		}
	}
	return false
}

// MatchWaiting looks for beds for those who wait, by urgency and waiting time.
// A request that now has an option is told so; nothing is held unasked. It
// answers how many found one.
func (s *Service) MatchWaiting(ctx context.Context) (found int, err error) {
	for _, country := range place.Countries() {
		list, qerr := s.waitingIn(ctx, country.Code)
		err = errors.Join(err, qerr)
		for _, entry := range list {
			n, werr := s.matchOne(ctx, entry.Key)
			if _, refused := fault.Of(werr); werr != nil && !refused && !errors.Is(werr, context.Canceled) && !errors.Is(werr, context.DeadlineExceeded) {
				s.Log.Error("one that waits cannot be matched", "item", entry.String(), "error", werr.Error())
				werr = nil // the others must not wait for it
			}
			found, err = found+n, errors.Join(err, werr)
		}
	}
	return found, err
}

// waitingIn lists who is to be looked for in a country: the most urgent and longest
// waiting, and some of those behind.
func (s *Service) waitingIn(ctx context.Context, country place.Code) ([]table.Item, error) {
	q := table.Query{Index: table.Work, PK: record.WaitPartition(country), Limit: s.LookFirst}
	first, err := s.Store.Query(ctx, q)
	if err != nil || first.Next == "" {
		return first.Items, err
	}
	s.mu.Lock()
	q.After, q.Limit = cmp.Or(s.waited[country], first.Next), waitingBehind
	s.mu.Unlock()
	behind, err := s.Store.Query(ctx, q)
	s.mu.Lock()
	s.waited[country] = behind.Next // empty: begin anew behind the first
	s.mu.Unlock()
	return append(first.Items, behind.Items...), err
}

func (s *Service) matchOne(ctx context.Context, key table.Key) (int, error) {
	if !record.IsPlacement(key) {
		return 0, nil
	}
	id, found := key.PK[len("P#"):], 0
	_, _, err := s.run(ctx, id, func(p *placement.Placement, now time.Time) (decision, error) {
		found = 0
		if p == nil || p.State != placement.Waitlisted {
			return decision{done: true}, nil // the index lags
		}
		w, wanted, err := s.asking(ctx, *p, now)
		if err != nil {
			return decision{}, err
		}
		if best := matching.Rank(w, wanted, s.Policy, 1); len(best.Options) == 0 {
			return decision{next: *p, done: true}, nil
		}
		found = 1
		p.By = "" // nobody asked
		return decision{next: p.Found(now)}, nil
	})
	if fault.Is(err, fault.Busy) || fault.Is(err, fault.DirectoryCold) {
		return 0, nil
	}
	return found, err
}
