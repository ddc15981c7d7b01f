package referral

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"panah/internal/audit"
	"panah/internal/caller"
	"panah/internal/code"
	"panah/internal/fault"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/shelter"
	"panah/internal/table"
)

// SurgeCommand opens extra beds for a time.
type SurgeCommand struct {
	Key        string // of idempotency: the same key is the same unit
	Population code.Population
	Ages       code.Set[code.AgeBand]
	Beds       int
	EndsAt     time.Time
}

// maxSurge is how long surge beds may be open: what lasts longer is registered.
const maxSurge = 90 * 24 * time.Hour

// Surge opens a unit of extra beds in a shelter, until an instant, in one write with
// the shelter: who decides on either sees both. From then on
// nobody is taken in there; who is there stays counted. The unit's id comes from
// the key, so that a repeated command finds it.
func (s *Service) Surge(ctx context.Context, c caller.Caller, shelterID string, cmd SurgeCommand) (shelter.Unit, bool, error) {
	now := s.now()
	v, err := s.Shelter(ctx, c, shelterID)
	if err != nil {
		return shelter.Unit{}, false, err
	}
	if err := c.Allow(caller.OpenSurge, caller.Resource{Shelter: v.ID, District: v.District}); err != nil {
		return shelter.Unit{}, false, err
	}
	mark := placement.Hash(fmt.Sprint(cmd.Population, cmd.Ages, cmd.Beds, cmd.EndsAt.Unix()))
	for range attempts {
		if i := slices.IndexFunc(v.Units, func(u shelter.Unit) bool { return u.ID == surgeID(v.ID, cmd) }); i >= 0 {
			if v.Units[i].Opened != mark {
				return v.Units[i], false, fault.New(fault.KeyReused, "this Idempotency-Key was used for another request")
			}
			return v.Units[i], true, nil
		}
		u, err := newSurge(v, cmd, now)
		if err != nil {
			return u, false, err
		}
		u.By, u.Opened = c.Subject, mark
		v.Rev++ // whoever decided on the shelter as it was looks again
		v.Units = append(v.Units, u)
		ops, items := written(&v, true)
		err = s.Store.Write(ctx, table.Batch{WriteID: s.NewID(), Ops: ops})
		if err == nil {
			s.Directory.Learn(items...)
			return v.Units[len(v.Units)-1], false, nil
		}
		if _, lost := table.IsStale(err); !lost && !errors.Is(err, table.ErrUnknown) {
			return u, false, refusal(err)
		}
		if v, err = s.Shelter(ctx, c, shelterID); err != nil {
			return u, false, err
		}
	}
	return shelter.Unit{}, false, fault.New(fault.Busy, "the shelter is busy; send it again shortly")
}

// surgeID is the id of the unit that a command opens: the same however often it
// is sent.
func surgeID(shelterID string, cmd SurgeCommand) string {
	return fmt.Sprintf("surge-%06x", placement.Hash(shelterID+"\x00"+cmd.Key)&0xffffff)
}

func newSurge(v ShelterView, cmd SurgeCommand, now time.Time) (shelter.Unit, error) {
	switch {
	case len(v.Units) >= shelter.MaxUnits:
		return shelter.Unit{}, fault.New(fault.TooManyMoves, "the shelter has as many units as one may have, with those of earlier surges")
	case cmd.Beds < 1:
		return shelter.Unit{}, fault.Field("beds", "must be at least 1")
	case cmd.Ages == 0:
		return shelter.Unit{}, fault.Field("ages", "needs at least one age band")
	case !cmd.Population.Has(cmd.Ages):
		return shelter.Unit{}, fault.Field("ages", "do not belong to this population: girls and boys are under 18, women and men are not")
	case !cmd.EndsAt.After(now) || cmd.EndsAt.After(now.Add(maxSurge)):
		return shelter.Unit{}, fault.Field("endsAt", "must be within the next ninety days")
	}
	counts, err := shelter.NewCounts(cmd.Beds, 0, 0, 0)
	if err != nil {
		return shelter.Unit{}, fault.Field("beds", "must be at most %d", shelter.MaxBeds)
	}
	return shelter.Restore(shelter.Unit{Shelter: v.ID, ID: surgeID(v.ID, cmd), Population: cmd.Population, Ages: cmd.Ages, EndsAt: cmd.EndsAt.UTC().Truncate(time.Second),
		Rev: v.Rev, Census: 1, CountedAt: now, ConfirmedAt: now}, counts, nil), nil
}

// UndoCount takes the last census of a unit back, if it is the one of this version:
// a command that comes late takes back no newer one. Sent again it is the same success.
func (s *Service) UndoCount(ctx context.Context, c caller.Caller, shelterID, unitID string, cmd Command) (shelter.Unit, error) {
	if cmd.Version == 0 {
		return shelter.Unit{}, fault.Field("version", "is required: the unit's version you saw")
	}
	return s.undoCount(ctx, c, shelterID, unitID, cmd, 0)
}

// undoCount takes the last census back only if it is the one with this mark or, where
// that is 0, of the command's version.
func (s *Service) undoCount(ctx context.Context, c caller.Caller, shelterID, unitID string, cmd Command, mark uint64) (shelter.Unit, error) {
	if err := c.Allow(caller.CountUnit, caller.Resource{Shelter: shelterID}); err != nil {
		return shelter.Unit{}, err
	}
	for range attempts {
		it, err := s.Store.Get(ctx, record.UnitKey(shelterID, unitID), table.Strong)
		if err != nil {
			return shelter.Unit{}, refusal(err)
		}
		if it == nil {
			return shelter.Unit{}, fault.New(fault.NotFound, "there is nothing here under this id")
		}
		u, err := record.ToUnit(it)
		if err != nil {
			return u, err
		}
		once := shelter.Command(cmd.hash(c))
		if done, err := u.UndoneBy(once); done || err != nil {
			return u, err
		}
		switch {
		case mark != 0 && u.Mark != mark:
			return u, fault.New(fault.IllegalMove, "that count does not stand any more").WithAllowed([]string{})
		case mark == 0 && u.Census != cmd.Version:
			f := fault.New(fault.StaleVersion, "the unit has been counted anew since version was read")
			f.Field = "version"
			return u, f.WithAllowed([]string{})
		}
		next, err := u.Undo(once, s.now())
		if err != nil {
			return u, err
		}
		next.By = c.Subject
		told, err := s.tellCrowded(ctx, &next)
		if err != nil {
			return u, err
		}
		put := record.FromUnit(next)
		if err = s.Store.Write(ctx, table.Batch{WriteID: s.NewID(), Ops: append([]table.Op{table.PutOp(put, it.Version)}, told...)}); err == nil {
			next.Version, put.Version = it.Version+1, it.Version+1
			s.Directory.Learn(&put)
			return next, nil
		}
		if _, lost := table.IsStale(err); !lost && !errors.Is(err, table.ErrUnknown) {
			return u, refusal(err)
		}
	}
	return shelter.Unit{}, fault.New(fault.Busy, "the unit is busy; send it again shortly")
}

// UnitLog lists who changed a unit's counts, what they were then and when, the
// newest first.
func (s *Service) UnitLog(ctx context.Context, c caller.Caller, shelterID, unitID string, limit int, after string) ([]audit.Entry, string, error) {
	v, err := s.Shelter(ctx, c, shelterID)
	if err != nil {
		return nil, "", err
	}
	if err := c.Allow(caller.ReadAudit, caller.Resource{Shelter: v.ID, District: v.District}); err != nil {
		return nil, "", err
	}
	if !slices.ContainsFunc(v.Units, func(u shelter.Unit) bool { return u.ID == unitID }) {
		return nil, "", fault.New(fault.NotFound, "there is nothing here under this id")
	}
	list, next, err := audit.List(ctx, s.Store, record.UnitKey(v.ID, unitID), limit, after)
	return list, next, cursorFault(refusal(err))
}
