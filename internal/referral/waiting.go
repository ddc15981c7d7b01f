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

// unheld is what becomes of a placement that holds nothing any more and for which
// nothing is held by itself: it waits where nothing fits. Where something does, the
// team chooses; it is told of it as one that waits is, if it has waited or does not
// know of it by its own move. The clock looks again as long as nobody has chosen.
func (s *Service) unheld(ctx context.Context, p placement.Placement, tell bool, now time.Time) placement.Placement {
	back := p.Back // the last move may still be taken back
	w, wanted, err := s.asking(ctx, p, now)
	until := now.Add(s.Policy.WaitFor[p.Request.Urgency])
	switch {
	case err != nil: // giving beds back does not wait for a directory: the clock looks
	case len(matching.Rank(w, wanted, s.Policy, 1).Options) == 0:
		p = p.Wait(until, now)
		p.Back = back
	case tell || !p.Request.NeededUntil.IsZero():
		p = p.LeftToChoose(until, now)
	}
	return p
}

// lookAt is when the clock looks next whether beds are still to be had for a
// request that nobody has chosen for; zero once its time is over.
func (s *Service) lookAt(p placement.Placement) time.Time {
	last, until := p.Since, s.openUntil(p)
	if p.Looked.After(last) {
		last = p.Looked
	}
	at := last.Add(s.Policy.Found)
	switch {
	case !last.Before(until):
		return time.Time{}
	case at.After(until):
		return until
	}
	return at
}

// openUntil is until when a request is looked after that nobody chooses for.
func (s *Service) openUntil(p placement.Placement) time.Time {
	if until := p.Request.NeededUntil; !until.IsZero() {
		return until
	}
	return p.Since.Add(s.Policy.WaitFor[p.Request.Urgency])
}

// stillFree looks whether beds are still to be had for a request that nobody has
// chosen for: when they are gone, it waits like any other; when its time is over,
// the desk is told.
func (s *Service) stillFree(ctx context.Context, d decision, now time.Time) (decision, error) {
	p, until := d.next, s.openUntil(d.next)
	if at := s.lookAt(p); at.IsZero() || now.Before(at) {
		return d, nil
	}
	if !now.Before(until) {
		d.next.Looked = now
		d.alerts = append(d.alerts, alert(p, placement.AlertWaitingOver, now))
		return d, nil
	}
	w, wanted, err := s.asking(ctx, p, now)
	switch {
	case err != nil:
		return d, err // still no directory: the next look tries again
	case len(matching.Rank(w, wanted, s.Policy, 1).Options) == 0:
		d.next = p.Wait(until, now)
	default:
		d.next.Looked = now
	}
	return d, nil
}
