package referral

import (
	"context"
	"slices"
	"time"

	"panah/internal/caller"
	"panah/internal/fault"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/table"
)

// relist is how long a shelter's arrivals go on naming what was withdrawn once
// they have named it: the first answer may have been lost.
const relist = 24 * time.Hour

// unlessGone refuses whoever may not read a placement any more, and notes that
// they have been told.
func (s *Service) unlessGone(ctx context.Context, c caller.Caller, p placement.Placement) error {
	side := roleSide(c)
	if p.ReadableBy(side, c.Shelter()) != placement.ReadGone {
		return nil
	}
	s.delivered(ctx, p.ID, placement.Recipient{Side: side, ID: c.Scope}, placement.ByGone)
	return fault.New(fault.Gone, "consent to share this was withdrawn: delete what you have of it")
}

// delivered notes that a notice has reached its recipient. That it has is shown
// all the same when it cannot be noted: it is noted the next time.
func (s *Service) delivered(ctx context.Context, id string, to placement.Recipient, how placement.Delivery) {
	it, err := s.Store.Get(ctx, record.NoticeKey(id, to), table.Strong)
	if err == nil && it != nil {
		_, err = s.note(ctx, it, how)
	}
	if err != nil {
		s.Log.Error("a delivery was not noted", "placement", id, "error", err.Error())
	}
}

// note marks a notice as delivered, and takes it off the lists a day later.
func (s *Service) note(ctx context.Context, it *table.Item, how placement.Delivery) (placement.Notice, error) {
	n, err := record.ToNotice(it)
	if err != nil {
		return n, err
	}
	now, listed := s.now(), true
	switch {
	case n.Delivered.IsZero():
		n.Delivered, n.How = now, how
	case how == placement.ByList && n.To.Side == placement.House && !now.Before(n.Delivered.Add(relist)):
		listed = false
	default:
		return n, nil
	}
	err = s.Store.Write(ctx, table.Batch{WriteID: s.NewID(), Ops: []table.Op{table.PutOp(record.FromNotice(n, listed), it.Version)}})
	if _, lost := table.IsStale(err); lost {
		err = nil // another reader noted it
	}
	return n, err
}

// listed is the notice an index names; noted as delivered by being shown.
func (s *Service) listed(ctx context.Context, it *table.Item) (placement.Notice, error) {
	n, err := s.note(ctx, it, placement.ByList)
	if err != nil {
		s.Log.Error("a delivery was not noted", "placement", n.Placement, "error", err.Error())
	}
	if n.Placement == "" {
		return n, err
	}
	return n, nil
}

// Receipts are who was told that consent to a placement was withdrawn, and when
// that reached them: for the desk.
func (s *Service) Receipts(ctx context.Context, c caller.Caller, id string) (placement.Placement, []placement.Notice, error) {
	p, err := s.load(ctx, id)
	if err != nil {
		return placement.Placement{}, nil, err
	}
	if p == nil {
		return placement.Placement{}, nil, missing(c.Allow(caller.ReadReceipts, caller.Resource{}))
	}
	if err := c.Allow(caller.ReadReceipts, resource(*p)); err != nil || p.Withdrawn.IsZero() {
		return *p, []placement.Notice{}, err
	}
	notices := p.Notices()
	for i, n := range notices {
		it, err := s.Store.Get(ctx, record.NoticeKey(id, n.To), table.Strong)
		if err != nil {
			return *p, nil, refusal(err)
		}
		if it == nil { // a shelter they came to afterwards: it was told by the state it found
			continue
		}
		if notices[i], err = record.ToNotice(it); err != nil {
			return *p, nil, err
		}
	}
	return *p, slices.Clip(notices), nil
}
