package referral

import (
	"context"
	"errors"

	"panah/internal/caller"
	"panah/internal/fault"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/shelter"
	"panah/internal/table"
)

// SetStatus closes a shelter (its staff's word), or vets, activates, suspends or
// resumes it (the ministry's). Shelter and units change in one write and their rev is raised, so
// that nobody is placed there any more however old a directory is. The beds of
// those on their way and the people inside stay as they are: the desks of their
// districts are told that they must move.
func (s *Service) SetStatus(ctx context.Context, c caller.Caller, id string, to shelter.Status) (ShelterView, error) {
	action := caller.VetShelter
	if to == shelter.Closed {
		action = caller.CloseShelter
	}
	for range attempts {
		v, err := s.Shelter(ctx, c, id)
		if err != nil {
			return v, err
		}
		if err := c.Allow(action, caller.Resource{Shelter: v.ID, District: v.District}); err != nil {
			return v, err
		}
		if v.Status == to {
			return v, nil
		}
		next, err := v.Moved(to, len(v.Units), s.now())
		if err != nil {
			return v, err
		}
		next.By = c.Subject
		v.Shelter = next
		ops, items := written(&v)
		if err := s.Store.Write(ctx, table.Batch{WriteID: s.NewID(), Ops: ops}); err == nil {
			s.Directory.Learn(items...)
			if to == shelter.Suspended || to == shelter.Closed {
				s.mustMove(ctx, v)
			}
			return v, nil
		} else if _, lost := table.IsStale(err); !lost && !errors.Is(err, table.ErrUnknown) {
			return v, refusal(err)
		}
	}
	return ShelterView{}, fault.New(fault.Busy, "the shelter is busy; send it again shortly")
}

// written puts a shelter and the rev of it into its units: one write, so that no
// take passes on what the shelter was before.
func written(v *ShelterView) (ops []table.Op, items []*table.Item) {
	put := func(it table.Item, version uint64) {
		ops = append(ops, table.PutOp(it, version))
		it.Version = version + 1
		items = append(items, &it)
	}
	put(record.FromShelter(v.Shelter), v.Version)
	v.Version++
	for i := range v.Units {
		v.Units[i].Rev = v.Rev
		put(record.FromUnit(v.Units[i]), v.Units[i].Version)
		v.Units[i].Version++
	}
	return ops, items
}

// mustMove tells the desks of everyone who is held at, coming to or living in a
// shelter that takes nobody any more. An alert that cannot be written is logged:
// the status stands.
func (s *Service) mustMove(ctx context.Context, v ShelterView) {
	q := table.Query{Index: table.Work, PK: record.WorkPartition(v.ID)}
	for {
		list, next, err := s.list(ctx, q, func(p placement.Placement) bool { return p.Hold.Shelter == v.ID && p.State.Live() })
		for _, p := range list {
			it := record.FromAlert(alert(p, placement.AlertMustMove, s.now()))
			werr := s.Store.Write(ctx, table.Batch{WriteID: s.NewID(), Ops: []table.Op{table.PutOp(it, 0)}})
			if _, told := table.IsStale(werr); werr != nil && !told {
				err = errors.Join(err, werr)
			}
		}
		if err != nil {
			s.Log.Error("not every desk was told that a shelter takes nobody any more", "shelter", v.ID, "error", err.Error())
			return
		}
		if q.After = next; next == "" {
			return
		}
	}
}
