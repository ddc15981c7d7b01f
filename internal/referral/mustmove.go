package referral

import (
	"context"

	"panah/internal/caller"
	"panah/internal/place"
	"panah/internal/placement"
	"panah/internal/shelter"
)

// MustMove is who has to move out of, or is not to come to, a shelter that takes
// nobody any more.
type MustMove struct {
	Shelter    string
	Status     shelter.Status
	Counted    int                   // people present by the shelter's own counts; -1 where not the caller's business
	Placements int                   // parties held, coming and here that the caller may count
	Persons    int                   // people in them
	List       []placement.Placement // for the shelter's own staff all, for a desk those of its district, for a ministry none
}

// MustMove answers who must move: the shelter's own staff see everyone who is held,
// coming or here; a desk those whose placement is of its district, wherever the
// shelter is; a ministry numbers only. A shelter that takes people in has nobody
// who must move. A desk without a placement in a shelter of another region is told
// what it would be told of a shelter that is not there.
func (s *Service) MustMove(ctx context.Context, c caller.Caller, id string) (MustMove, error) {
	if err := c.Allow(caller.ReadMustMove, ownResource(c)); err != nil {
		return MustMove{}, err
	}
	v, err := s.stored(ctx, id)
	if isRefused(err) {
		return MustMove{}, missing(nil)
	}
	if err != nil {
		return MustMove{}, err
	}
	home := c.Allow(caller.ReadMustMove, caller.Resource{Shelter: v.ID, District: v.District})
	if v.ID == "" || (home != nil && c.Role != caller.Desk) {
		return MustMove{}, missing(nil)
	}
	m := MustMove{Shelter: v.ID, Status: v.Status, Counted: -1}
	if v.Status.MovesOut() {
		if err := s.whoMoves(ctx, c, v, home == nil, &m); err != nil {
			return m, err
		}
	}
	if home == nil {
		m.Counted = 0
		for _, u := range v.Units {
			m.Counted += u.Counts().Occupied()
		}
	} else if m.Placements == 0 {
		return MustMove{}, missing(nil)
	}
	return m, nil
}

func ownResource(c caller.Caller) caller.Resource {
	return caller.Resource{Shelter: c.Shelter(), District: c.Region()}
}

// whoMoves counts the parties the caller may know of and lists those it may see.
func (s *Service) whoMoves(ctx context.Context, c caller.Caller, v ShelterView, home bool, m *MustMove) error {
	affected, err := s.affected(ctx, v)
	if err != nil {
		return err
	}
	for _, p := range affected {
		ofDesk := c.Role == caller.Desk && place.Within(p.Request.Place, c.Region())
		if !home && !ofDesk {
			continue
		}
		m.Placements++
		if p.State == placement.Arrived {
			m.Persons += p.PersonsHere()
		} else {
			m.Persons += p.Hold.Beds()
		}
		if ofDesk || c.Role == caller.Shelter {
			m.List = append(m.List, p)
		}
	}
	return nil
}
