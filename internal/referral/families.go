package referral

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/table"
)

// families are the placements that each party of a rescue has become which is kept
// apart from another: the one it was confirmed as, whoever was split off it, and
// the transfers from their stays.
type families map[int][]string

// familyRounds is how often families are read again after their placements were
// told: a transfer of one that knows keeps apart by itself.
const familyRounds = 4

// families reads what the kept-apart parties of a rescue have become.
func (s *Service) families(ctx context.Context, r placement.Rescue) (families, error) {
	parties := map[int]bool{}
	for _, pair := range r.Apart {
		parties[pair[0]], parties[pair[1]] = true, true
	}
	order := slices.Sorted(maps.Keys(parties))
	found := make([][]string, len(order))
	err := s.each(len(order), func(i int) (err error) {
		found[i], err = s.family(ctx, r.PartyID(order[i]))
		return err
	})
	out := families{}
	for i, party := range order {
		out[party] = found[i]
	}
	return out, err
}

// family is a placement's id with those that came of it, the first first.
func (s *Service) family(ctx context.Context, id string) ([]string, error) {
	p, err := s.load(ctx, id)
	if err != nil || p == nil {
		return []string{id}, err
	}
	came, err := s.sameParty(ctx, *p)
	return append([]string{id}, came...), err
}

// keptFrom are the placements that those of party i are kept apart from, each once.
func (f families) keptFrom(r placement.Rescue, i int) (out []string) {
	for _, other := range r.KeptFrom(i) {
		for _, id := range f[other] {
			if !slices.Contains(out, id) {
				out = append(out, id)
			}
		}
	}
	return out
}

// keptApart tells placements that were there before of whom they are kept apart
// from since. A transfer or split that was written before its placement was told is
// found when the families are read again; one written after it inherits what it was told.
func (s *Service) keptApart(ctx context.Context, r placement.Rescue, apart families) error {
	for range familyRounds {
		err := s.each(len(r.Parties), func(i int) error {
			from := apart.keptFrom(r, i)
			if len(from) == 0 {
				return nil
			}
			for _, id := range apart[i] {
				if err := s.keepFrom(ctx, id, r.ID, from); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		now, err := s.families(ctx, r)
		if err != nil || maps.EqualFunc(now, apart, slices.Equal) {
			return err
		}
		apart = now
	}
	return errBusyRescue()
}

// keepFrom tells a placement, if it is there, of others it is kept apart from in a
// rescue. Of a stay its list of transfers is written too: a transfer that has read
// both before does not go through, and is decided again on what is told now.
func (s *Service) keepFrom(ctx context.Context, id, rescue string, from []string) error {
	_, _, err := s.run(ctx, id, func(p *placement.Placement, _ time.Time) (decision, error) {
		if p == nil {
			return decision{done: true}, nil
		}
		next := *p
		for _, other := range from {
			if !slices.Contains(next.KeepFrom, other) {
				next.KeepFrom = append(slices.Clone(next.KeepFrom), other)
			}
		}
		next.KeptIn = cmp.Or(rescue, next.KeptIn)
		d := decision{next: next, done: len(next.KeepFrom) == len(p.KeepFrom) && next.KeptIn == p.KeptIn}
		if d.done || p.State != placement.Arrived {
			return d, nil
		}
		known, err := s.transfersOf(ctx, id)
		d.with = append(d.with, table.PutOp(record.FromTransfers(known), known.Version))
		return d, err
	})
	return err
}
