package referral

import (
	"context"
	"errors"
	"fmt"
	"time"

	"panah/internal/caller"
	"panah/internal/fault"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/shelter"
	"panah/internal/table"
)

// ShelterView is a shelter with its units as they are stored now.
type ShelterView struct {
	shelter.Shelter
	Units []shelter.Unit
	Door  shelter.Door // who comes on which day, where the shelter limits it
}

// Shelter reads one shelter for its staff, its desk or its ministry.
func (s *Service) Shelter(ctx context.Context, c caller.Caller, id string) (ShelterView, error) {
	v, err := s.stored(ctx, id)
	if isRefused(err) {
		return ShelterView{}, missing(c.Allow(caller.ReadShelter, caller.Resource{}))
	}
	if err != nil {
		return ShelterView{}, err
	}
	if v.ID == "" {
		return v, missing(c.Allow(caller.ReadShelter, caller.Resource{}))
	}
	return v, c.Allow(caller.ReadShelter, caller.Resource{Shelter: v.ID, District: v.District})
}

// CensusCommand is a census with what the sender believes to replace.
type CensusCommand struct {
	shelter.Census
	Placements []string // ids of placements already counted among those present
	IfMatch    uint64   // the unit's census number
	// Of makes the census on the counts as they are, for a sender who has not seen
	// them; Mark then tells it from every other.
	Of func(shelter.Unit) (shelter.Census, error)
}

// mark tells this census from every other.
func (c CensusCommand) mark() uint64 {
	return placement.Hash(fmt.Sprint(c.CountedAt.Unix(), c.Present, c.Staffed, c.OutOfService, c.IfMatch, c.Placements))
}

// Both is what a refused census shows of the stored counts and of those sent.
type Both struct {
	Census                         uint64
	Staffed, OutOfService, Present int
	CountedAt                      time.Time
}

// Count stores a census of one unit. The same census sent again is the same
// success; one made on older counts is refused with both.
func (s *Service) Count(ctx context.Context, c caller.Caller, shelterID, unitID string, cmd CensusCommand) (shelter.Unit, error) {
	key := record.UnitKey(shelterID, unitID)
	if cmd.Of == nil {
		cmd.Mark = cmd.mark()
	}
	if err := c.Allow(caller.CountUnit, caller.Resource{Shelter: shelterID}); err != nil {
		return shelter.Unit{}, err
	}
	var it *table.Item
	for read := true; ; {
		if read {
			var err error
			if it, err = s.Store.Get(ctx, key, table.Strong); err != nil {
				return shelter.Unit{}, refusal(err)
			}
		}
		if it == nil {
			return shelter.Unit{}, fault.New(fault.NotFound, "there is nothing here under this id")
		}
		u, err := record.ToUnit(it)
		if err != nil {
			return u, err
		}
		if u.Repeats(cmd.Census) {
			return u, nil
		}
		next, err := s.count(ctx, u, cmd)
		next.By = c.Subject
		if err != nil {
			return u, err
		}
		told, err := s.tellCrowded(ctx, &next)
		if err != nil {
			return u, err
		}
		put := record.FromUnit(next)
		err = s.Store.Write(ctx, table.Batch{WriteID: s.NewID(), Ops: append([]table.Op{table.PutOp(put, it.Version)}, told...)})
		if err == nil {
			next.Version = it.Version + 1
			put.Version = next.Version
			s.Directory.Learn(&put)
			return next, nil
		}
		stale, lost := table.IsStale(err)
		switch {
		case lost && stale.Images[0].Known:
			read, it = false, stale.Images[0].Item
		case lost || errors.Is(err, table.ErrUnknown):
			read = true
		default:
			return u, refusal(err)
		}
		if ctx.Err() != nil {
			return u, fault.New(fault.Busy, "the unit is busy; send the same census again shortly")
		}
	}
}

func (s *Service) count(ctx context.Context, u shelter.Unit, cmd CensusCommand) (shelter.Unit, error) {
	if cmd.Of != nil {
		var err error
		if cmd.Census, err = cmd.Of(u); err != nil {
			return u, err
		}
	} else if u.Census != cmd.IfMatch {
		return u, bothShown(fault.New(fault.Precondition, "a newer count is stored than the one you saw"), u, cmd)
	}
	var err error
	if cmd.Counted, err = s.counted(ctx, u, cmd.Placements); err != nil {
		return u, err
	}
	next, err := u.Count(cmd.Census, s.now())
	if f, ok := fault.Of(err); ok && f.Kind == fault.Precondition {
		return u, bothShown(f, u, cmd)
	}
	return next, err
}

// counted looks up how many people of each named placement sleep in the unit. Also
// those whose arrival is recorded are noted: it may be taken back, and they were counted.
func (s *Service) counted(ctx context.Context, u shelter.Unit, ids []string) (map[string]int, error) {
	out := map[string]int{}
	for i, id := range ids {
		it, err := s.Store.Get(ctx, record.PlacementKey(id), table.Strong)
		if err != nil && !errors.As(err, new(*table.Refused)) {
			return nil, refusal(err)
		}
		var p placement.Placement
		if it != nil {
			if p, err = record.ToPlacement(it); err != nil {
				return nil, err
			}
		}
		claim, n := p.ClaimAt(u.Shelter), p.Inside(u.Shelter, u.ID)
		beds := p.BedsIn(u.Shelter, u.ID)
		if beds == 0 { // placed apart from a party that had beds here, and counted with it
			claim, n = u.Named(id)
		}
		if beds == 0 && n == 0 {
			return nil, fault.Field(fmt.Sprintf("countedPlacements[%d]", i), "is not a placement that holds or held beds in this unit")
		}
		if n > 0 {
			out[claim] = n // this hold's: one taken later is not the one that was counted
		}
	}
	return out, nil
}

func bothShown(f *fault.Fault, u shelter.Unit, cmd CensusCommand) error {
	c := u.Counts()
	f.Current = Both{u.Census, c.Staffed(), c.OutOfService(), c.Occupied(), u.CountedAt}
	f.Sent = Both{cmd.IfMatch, cmd.Staffed, cmd.OutOfService, cmd.Present, cmd.CountedAt}
	return f
}

// cursorFault turns an engine's refusal of a cursor into a field of the request.
func cursorFault(err error) error {
	if refused := (*table.Refused)(nil); errors.As(err, &refused) {
		return fault.Field("after", "is not a cursor of this list")
	}
	return err
}

// isRefused reports whether no engine would take what was asked: a broken id.
func isRefused(err error) bool { return errors.As(err, new(*table.Refused)) }
