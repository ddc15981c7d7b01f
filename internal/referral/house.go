package referral

import (
	"context"
	"errors"
	"slices"
	"time"

	"panah/internal/caller"
	"panah/internal/fault"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/shelter"
	"panah/internal/table"
)

// Admit records a walk-in: a party that is in the shelter already.
func (s *Service) Admit(ctx context.Context, c caller.Caller, shelterID, unit string, persons []placement.Person, consent placement.Consent, cmd Command) (Outcome, error) {
	v, err := s.Shelter(ctx, c, shelterID)
	if err != nil {
		return Outcome{}, err
	}
	if err := c.Allow(caller.AdmitPerson, caller.Resource{Shelter: v.ID, District: v.District}); err != nil {
		return Outcome{}, err
	}
	i := slices.IndexFunc(v.Units, func(u shelter.Unit) bool { return u.ID == unit })
	if i < 0 {
		return Outcome{}, fault.Field("unit", "is not a unit of this shelter")
	}
	team := c.House()
	id := placement.ID(team, cmd.Key)
	p, replayed, err := s.runFrom(ctx, id, nil, false, func(stored *placement.Placement, now time.Time) (decision, error) {
		if stored != nil {
			_, err := stored.Replay(cmd.hash(c))
			return decision{next: *stored, done: true}, err
		}
		r := placement.Request{Place: v.District, RescuedAt: occurred(cmd, now), Persons: persons, Consent: consent, Limit: 1, OccurredAt: cmd.OccurredAt}
		if err := s.unlessStored(ctx, id, admissible(r.Check(now))); err != nil {
			return decision{}, err
		}
		beds := 0
		if u := &v.Units[i]; u.RoomBeds > 1 {
			beds = u.BedsFor(len(persons))
		}
		p, moves := placement.Admit(id, team, s.Policy.ID, r, shelterID, unit, beds, occurred(cmd, now), now, cmd.hash(c))
		p, moves = s.atItsDoor(ctx, p, moves)
		p.By, p.Basis = c.Subject, s.Policy.FirstBasis(p)
		d := decision{next: p, beds: moves}
		if v.Status.MovesOut() {
			a := moveAlert(p, v.Rev, now)
			d.next.Hold.Stopped, d.next.MustMove, d.alerts = now, alertCursor(a), append(d.alerts, a)
		}
		return d, nil
	})
	return Outcome{Placement: p, Replayed: replayed}, err
}

// admissible names in a fault of a request the fields of an admission.
func admissible(err error) error {
	if f, ok := fault.Of(err); ok {
		switch f.Field {
		case "rescuedAt": // they came before anybody asked
			f.Field = "occurredAt"
		case "party.persons":
			f.Field = "persons"
		}
	}
	return err
}

// Confirm notes that nothing has changed in any unit since the last count: the
// counts are vouched for as of the instant it was pressed. One pressed before a
// later confirmation changes nothing, nor does a copy, however late: the command
// leaves a mark of its own in the same write, so that it neither vouches again nor
// for a unit that was opened since.
func (s *Service) Confirm(ctx context.Context, c caller.Caller, shelterID string, cmd Command) (ShelterView, error) {
	now := s.now()
	if err := placement.CheckOccurred(cmd.OccurredAt, now); err != nil {
		return ShelterView{}, err
	}
	at := occurred(cmd, now)
	if at.After(now) {
		at = now
	}
	for range attempts {
		v, err := s.Shelter(ctx, c, shelterID)
		if err != nil {
			return v, err
		}
		if err := c.Allow(caller.CountUnit, caller.Resource{Shelter: v.ID, District: v.District}); err != nil {
			return v, err
		}
		mark := record.Mark(v.ID, "confirm", cmd.hash(c).Key, now)
		vouched, ops, items := vouch(v, at, c.Subject)
		err = s.Store.Write(ctx, table.Batch{WriteID: s.NewID(), Ops: append([]table.Op{table.PutOp(mark, 0)}, ops...)})
		if err == nil {
			s.Directory.Learn(items...)
			return vouched, nil
		}
		done, err := s.marked(ctx, mark.Key, err)
		if err != nil || done {
			return v, err
		}
	}
	return ShelterView{}, fault.New(fault.Busy, "the shelter is busy; send it again shortly")
}

// vouch is a shelter whose units were vouched for at an instant, where nobody has
// later, and what is to be written for it.
func vouch(v ShelterView, at time.Time, by string) (_ ShelterView, ops []table.Op, items []*table.Item) {
	v.Units = slices.Clone(v.Units)
	for i, u := range v.Units {
		if !u.ConfirmedAt.Before(at) {
			continue
		}
		v.Units[i] = u.Vouch(at, false)
		v.Units[i].By = by
		it := record.FromUnit(v.Units[i])
		ops = append(ops, table.PutOp(it, u.Version))
		it.Version = u.Version + 1
		items = append(items, &it)
	}
	return v, ops, items
}

// marked reports whether a command whose write has failed was carried out before,
// by its mark. Whatever cannot be decided again is the error.
func (s *Service) marked(ctx context.Context, mark table.Key, failed error) (bool, error) {
	stale, lost := table.IsStale(failed)
	if !lost && !errors.Is(failed, table.ErrUnknown) {
		return false, refusal(failed)
	}
	if lost && stale.Images[0].Known {
		return stale.Images[0].Item != nil, nil
	}
	it, err := s.Store.Get(ctx, mark, table.Strong)
	return it != nil, refusal(err)
}
