package referral

import (
	"context"
	"errors"
	"time"

	"panah/internal/caller"
	"panah/internal/fault"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/shelter"
	"panah/internal/table"
)

// handover reads a shelter's handover point; a shelter that wrote none has an
// empty one.
func (s *Service) handover(ctx context.Context, shelterID string) (shelter.Handover, error) {
	it, err := s.Store.Get(ctx, record.HandoverKey(shelterID), table.Strong)
	if err != nil || it == nil {
		return shelter.Handover{}, refusal(err)
	}
	return record.ToHandover(it)
}

// Handover shows a shelter's staff their own handover point and phone code.
func (s *Service) Handover(ctx context.Context, c caller.Caller, shelterID string) (shelter.Handover, error) {
	if err := c.Allow(caller.KeepHandover, caller.Resource{Shelter: shelterID}); err != nil {
		return shelter.Handover{}, err
	}
	return s.handover(ctx, shelterID)
}

// SetHandover writes a shelter's handover point over the version the sender saw,
// with a new phone code: whoever learnt the old one does not know it any more. The
// same text sent again over the same version is the same success.
func (s *Service) SetHandover(ctx context.Context, c caller.Caller, shelterID string, h shelter.Handover, ifMatch uint64) (shelter.Handover, error) {
	if err := c.Allow(caller.KeepHandover, caller.Resource{Shelter: shelterID}); err != nil {
		return h, err
	}
	if err := h.Check(); err != nil {
		return h, err
	}
	h.Code, h.By = s.Code(), c.Subject
	for range attempts {
		have, err := s.handover(ctx, shelterID)
		switch {
		case err != nil:
			return h, err
		case have.Version == ifMatch+1 && have.Point == h.Point && have.Meeting == h.Meeting && have.By == h.By:
			return have, nil // sent again: the answer was lost
		case have.Version != ifMatch:
			return h, fault.New(fault.Precondition, "the handover point was changed since you saw it: read it again")
		}
		err = s.Store.Write(ctx, table.Batch{WriteID: s.NewID(), Ops: []table.Op{table.PutOp(record.FromHandover(shelterID, h), have.Version)}})
		if err == nil {
			h.Version = have.Version + 1
			return h, nil
		}
		if _, lost := table.IsStale(err); !lost && !errors.Is(err, table.ErrUnknown) {
			return h, refusal(err)
		}
	}
	return h, fault.New(fault.Busy, "the shelter is busy; send it again shortly")
}

// Point is what an escort is shown of where to bring the party.
type Point struct {
	Outcome
	Where   string
	Meeting bool // only a meeting place: the shelter's yes came by a phone call without its code
	Until   time.Time
}

// Reveal shows the escort of an accepted party where to bring it. The look is
// written before anything is shown, and the shelter sees it; where there is
// nothing to show, there was no look.
func (s *Service) Reveal(ctx context.Context, c caller.Caller, id string, cmd Command) (Point, error) {
	o, err := s.move(ctx, c, caller.MovePlacement, id, placement.MoveReveal, cmd, func(p placement.Placement, now time.Time) (placement.Placement, []placement.BedMove, error) {
		next, err := p.Reveal(c.Subject, now)
		if err == nil {
			_, _, err = s.whereTo(ctx, p)
		}
		return next, nil, err
	})
	if err != nil {
		return Point{}, err
	}
	// A repeated command may find the journey over, or another escort.
	if !o.CanLook(c.Subject, s.now()) {
		return Point{}, s.allowing(ctx, fault.New(fault.IllegalMove, "the handover point is not shown any more"), o.Placement, c)
	}
	where, meeting, err := s.whereTo(ctx, o.Placement)
	return Point{Outcome: o, Where: where, Meeting: meeting, Until: o.RevealUntil}, err
}

// whereTo is where a party is brought: the handover point, or only a meeting
// place where it is not sure who said yes.
func (s *Service) whereTo(ctx context.Context, p placement.Placement) (where string, meeting bool, err error) {
	h, err := s.handover(ctx, p.Hold.Shelter)
	if err != nil {
		return "", false, err
	}
	if where = h.Point; !p.Verified {
		where, meeting = h.Meeting, true
	}
	if where == "" {
		return "", meeting, fault.New(fault.NotFound, "the shelter has written no handover point; ask the desk of the district")
	}
	return where, meeting, nil
}
