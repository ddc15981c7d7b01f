package referral

import (
	"context"

	"panah/internal/caller"
	"panah/internal/fault"
	"panah/internal/matching"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/table"
)

// Placement answers one placement to its team, to the house that asked for it, or
// to the desk of its district.
func (s *Service) Placement(ctx context.Context, c caller.Caller, id string) (placement.Placement, error) {
	it, err := s.Store.Get(ctx, record.PlacementKey(id), table.Strong)
	if err != nil {
		return placement.Placement{}, refusal(err)
	}
	if it == nil {
		return placement.Placement{}, missing(c.Allow(caller.ReadPlacement, caller.Resource{}))
	}
	p, err := record.ToPlacement(it)
	if err != nil {
		return p, err
	}
	action := caller.ReadPlacement
	if c.House() != "" && p.Team == c.House() {
		action = caller.TransferResident
	}
	if err := c.Allow(action, resource(p)); err != nil {
		return p, err
	}
	return p, s.unlessGone(ctx, c, p)
}

// missing answers for an id that is not there exactly what a foreign one would get.
func missing(allowed error) error {
	if fault.Is(allowed, fault.Forbidden) {
		return allowed
	}
	return fault.New(fault.NotFound, "there is nothing here under this id")
}

func resource(p placement.Placement) caller.Resource {
	return caller.Resource{Team: p.Team, Shelter: p.Hold.Shelter, District: p.Request.Place, Stay: p.ID}
}

// Options ranks afresh for a placement.
func (s *Service) Options(ctx context.Context, c caller.Caller, id string) (Outcome, error) {
	p, err := s.Placement(ctx, c, id)
	if err != nil {
		return Outcome{}, err
	}
	w, wanted, err := s.asking(ctx, p, s.now())
	if err != nil {
		return Outcome{Placement: p}, err
	}
	wanted.Discreet = wanted.Discreet || c.Role == caller.Shelter
	match := matching.Rank(w, wanted, s.Policy, p.Request.Limit)
	return Outcome{Placement: p, Match: &match}, nil
}

// Explain holds every shelter within reach against a placement, for the desk:
// each with the rules it fails or the parts of its score.
func (s *Service) Explain(ctx context.Context, c caller.Caller, id string) (Outcome, []matching.Verdict, error) {
	p, err := s.Placement(ctx, c, id)
	if err == nil {
		err = c.Allow(caller.ExplainOptions, resource(p))
	}
	if err != nil {
		return Outcome{}, nil, err
	}
	w, wanted, err := s.asking(ctx, p, s.now())
	if err != nil {
		return Outcome{}, nil, err
	}
	match := matching.Rank(w, wanted, s.Policy, p.Request.Limit)
	return Outcome{Placement: p, Match: &match}, matching.Explain(w, wanted, s.Policy), nil
}

// Mine lists what a team, or a house for those who live in it, asked for, newest
// first. Of those that are not readable any more (placement.ReadableBy) the team is
// told by the list that they are gone.
func (s *Service) Mine(ctx context.Context, c caller.Caller, limit int, after string) ([]placement.Placement, string, error) {
	action := caller.ReadPlacement
	if c.Role == caller.Shelter {
		action = caller.TransferResident
	}
	if err := c.Allow(action, caller.Resource{Team: c.Asks()}); err != nil {
		return nil, "", err
	}
	q := table.Query{Index: table.ByTeam, PK: record.TeamPartition(c.Asks()), Descending: true, Limit: limit, After: after}
	return s.list(ctx, q, func(p placement.Placement) bool {
		if p.Team == c.Asks() && p.ReadableBy(placement.Team, "") == placement.ReadGone {
			s.delivered(ctx, p.ID, placement.Recipient{Side: roleSide(c), ID: c.Scope}, placement.ByList)
		}
		return p.Team == c.Asks()
	})
}

// Arrivals lists the placements whose beds a shelter holds or uses, oldest first.
func (s *Service) Arrivals(ctx context.Context, c caller.Caller, shelter string, limit int, after string) ([]placement.Placement, string, error) {
	list, _, next, err := s.ArrivalsTold(ctx, c, shelter, limit, after)
	return list, next, err
}

// ArrivalsTold is Arrivals with the notices of withdrawn consent among them. To be
// listed to the shelter's own staff delivers a notice; to anybody else it is not shown.
func (s *Service) ArrivalsTold(ctx context.Context, c caller.Caller, shelter string, limit int, after string) ([]placement.Placement, []placement.Notice, string, error) {
	v, err := s.Shelter(ctx, c, shelter)
	if err != nil {
		return nil, nil, "", err
	}
	if err := c.Allow(caller.ReadArrivals, caller.Resource{Shelter: v.ID, District: v.District}); err != nil {
		return nil, nil, "", err
	}
	told := []placement.Notice{}
	q := table.Query{Index: table.Work, PK: record.WorkPartition(shelter), Limit: limit, After: after}
	list, next, err := s.listWith(ctx, q, func(p placement.Placement) bool { return p.Hold.Shelter == shelter && p.State.Live() }, func(it *table.Item) error {
		if c.Shelter() != shelter || !record.IsNotice(it.Key) {
			return nil
		}
		n, err := s.listed(ctx, it)
		told = append(told, n)
		return err
	})
	return list, told, next, err
}

// list reads what an index names and drops what the item itself denies: an
// index lags.
func (s *Service) list(ctx context.Context, q table.Query, keep func(placement.Placement) bool) ([]placement.Placement, string, error) {
	return s.listWith(ctx, q, keep, func(*table.Item) error { return nil })
}

// listWith is list; other is given what is no placement.
func (s *Service) listWith(ctx context.Context, q table.Query, keep func(placement.Placement) bool, other func(*table.Item) error) ([]placement.Placement, string, error) {
	page, err := s.Store.Query(ctx, q)
	if err != nil {
		return nil, "", cursorFault(refusal(err))
	}
	out := []placement.Placement{}
	for _, entry := range page.Items {
		it, err := s.Store.Get(ctx, entry.Key, table.Strong)
		if err != nil {
			return nil, "", refusal(err)
		}
		if it == nil {
			continue
		}
		if !record.IsPlacement(it.Key) {
			if err := other(it); err != nil {
				return nil, "", err
			}
			continue
		}
		p, err := record.ToPlacement(it)
		if err != nil {
			return nil, "", err
		}
		if keep(p) {
			out = append(out, p)
		}
	}
	return out, page.Next, nil
}
