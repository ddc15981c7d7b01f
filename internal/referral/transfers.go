package referral

import (
	"context"
	"slices"
	"time"

	"panah/internal/fault"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/table"
)

// kin are the placements of the same people, one stay after another: the stay that
// a transfer was asked for from, its other transfers, and what came of these. lists
// are the transfers read for it: whatever is decided on kin writes them, so that of
// two decisions at one instant the second is made on the first.
type kin struct {
	others []placement.Placement
	lists  []record.Transfers
}

// kinOf reads the kin of a placement.
func (s *Service) kinOf(ctx context.Context, p placement.Placement) (k kin, err error) {
	root := p
	for root.TransferOf != "" {
		from, err := s.load(ctx, root.TransferOf)
		if err != nil || from == nil {
			return k, err
		}
		root = *from
	}
	if k, err = s.cameOf(ctx, root, false); err != nil || root.ID == p.ID {
		return k, err
	}
	k.others = append(slices.DeleteFunc(k.others, func(o placement.Placement) bool { return o.ID == p.ID }), root)
	return k, nil
}

// cameOf are the placements that came of one, step by step: the transfers asked for
// from its stay and, where apart is set, of whom it was split.
func (s *Service) cameOf(ctx context.Context, p placement.Placement, apart bool) (k kin, err error) {
	seen := []string{p.ID}
	for i := 0; i < len(seen); i++ {
		at := &p
		if i > 0 {
			if at, err = s.load(ctx, seen[i]); err != nil {
				return k, err
			}
			if at == nil {
				continue
			}
			k.others = append(k.others, *at)
		}
		list, err := s.transfersOf(ctx, at.ID)
		if err != nil {
			return k, err
		}
		if list.Version > 0 || !at.ArrivedAt.IsZero() { // from nowhere else is a transfer asked for
			k.lists = append(k.lists, list)
		}
		next := list.To
		for _, one := range at.Apart {
			if apart {
				next = append(next, one.Placement)
			}
		}
		for _, id := range next {
			if !slices.Contains(seen, id) {
				seen = append(seen, id)
			}
		}
	}
	return k, nil
}

// ops write the lists again.
func (k kin) ops() (out []table.Op) {
	for _, list := range k.lists {
		out = append(out, table.PutOp(record.FromTransfers(list), list.Version))
	}
	return out
}

// arrived reports whether the people are in a shelter by another placement.
func (k kin) arrived() bool {
	return slices.ContainsFunc(k.others, func(p placement.Placement) bool { return p.State == placement.Arrived })
}

// arrivedAfter is the placement by which the people are in a shelter since later than at.
func (k kin) arrivedAfter(at time.Time) (placement.Placement, bool) {
	for _, p := range k.others {
		if p.State == placement.Arrived && p.ArrivedAt.After(at) {
			return p, true
		}
	}
	return placement.Placement{}, false
}

// open reports whether a placement still asks for beds, or has them promised.
func open(p placement.Placement) bool {
	return p.State == placement.Requested || p.State == placement.Waitlisted || p.State.Promised()
}

// movedIn completes an arrival where its people may be elsewhere by what is stored:
// the stay they came from ends in the same write, and what else was asked for them
// is closed. Where they have been told to have arrived elsewhere later, this stay
// has ended with that.
func (s *Service) movedIn(ctx context.Context, was placement.Placement, d decision, by string, now time.Time) (decision, error) {
	if was.TransferOf == "" && was.State != placement.Ended || len(d.beds) == 0 {
		return d, nil
	}
	k, err := s.kinOf(ctx, was)
	if err != nil {
		return d, err
	}
	d.with = append(d.with, k.ops()...)
	at := d.next.ArrivedAt
	if gone, ok := k.arrivedAfter(at); ok { // what has been asked for since is for where they are now
		ended, beds, err := d.next.EndByTransfer(gone.ArrivedAt, now)
		d.next, d.beds = ended, append(d.beds, beds...)
		return d, err
	}
	for _, other := range k.others {
		switch {
		case other.State == placement.Arrived:
			left, beds, err := other.EndByTransfer(at, now)
			if err != nil {
				return d, err
			}
			d.next = s.movedFrom(was, d.next, other)
			left.By, d.next.Back.Left = by, other.ID
			d.also, d.beds = append(d.also, left), append(d.beds, beds...)
		case open(other):
			over, beds, err := other.Overtaken(now)
			if err != nil {
				return d, err
			}
			over.By = by
			d.also, d.beds = append(d.also, over), append(d.beds, beds...)
		}
	}
	return d, nil
}

// stayedOn completes the undo of an arrival or a departure for the people's other
// placements: the stay they were said to have left goes on, and who has arrived
// elsewhere since has not stayed.
func (s *Service) stayedOn(ctx context.Context, was placement.Placement, d decision, by string, now time.Time) (decision, error) {
	switch {
	case was.Back.Move == placement.MoveEnd && d.next.State == placement.Arrived && was.State == placement.Ended:
		k, err := s.kinOf(ctx, was)
		if err != nil {
			return d, err
		}
		if k.arrived() {
			return d, goneOn()
		}
		d.with = append(d.with, k.ops()...)
	case was.Back.Move == placement.MoveReceive && was.Back.Left != "":
		left, err := s.load(ctx, was.Back.Left)
		if err != nil || left == nil {
			return d, err
		}
		if stays, beds, ok := left.Stayed(was.ArrivedAt, now); ok {
			stays.By = by
			stays, told, err := s.movesOn(ctx, stays, now) // its shelter may have stopped, or taken part again, meanwhile
			if err != nil {
				return d, err
			}
			d.also, d.beds, d.alerts = append(d.also, stays), append(d.beds, beds...), append(d.alerts, told...)
		}
	}
	return d, nil
}

func goneOn() error {
	return fault.New(fault.IllegalMove, "the party has arrived elsewhere since: ask for a transfer back")
}

// replaced closes what was asked for earlier from a stay: one transfer is under way
// at a time. One that has beds is not replaced. id is the new one's: where it is
// known already, this is a repeat.
func (s *Service) replaced(ctx context.Context, known record.Transfers, id, by string, now time.Time) (out []placement.Placement, err error) {
	if slices.Contains(known.To, id) {
		return nil, errAgain
	}
	for _, id := range known.To {
		p, err := s.load(ctx, id)
		if err != nil {
			return nil, err
		}
		switch {
		case p == nil || !open(*p):
		case p.State.Promised():
			return nil, fault.New(fault.IllegalMove, "a transfer of this stay has beds already: cancel it first").WithAllowed([]string{})
		default:
			over, _, err := p.Overtaken(now)
			if err != nil {
				return nil, err
			}
			over.By = by
			out = append(out, over)
		}
	}
	return out, nil
}
