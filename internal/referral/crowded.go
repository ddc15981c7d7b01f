package referral

import (
	"context"
	"fmt"
	"slices"

	"panah/internal/place"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/shelter"
	"panah/internal/table"
)

// tellCrowded is what is written with a census so that desk and ministry are told of
// a unit over capacity once, and no longer than it is.
func (s *Service) tellCrowded(ctx context.Context, u *shelter.Unit) ([]table.Op, error) {
	return s.tellCrowdedIn(ctx, u, func() (place.Code, error) {
		home, err := s.stored(ctx, u.Shelter)
		return home.District, err
	})
}

// tellCrowdedIn is tellCrowded of a unit whose district is only looked up when somebody
// is to be told.
func (s *Service) tellCrowdedIn(ctx context.Context, u *shelter.Unit, district func() (place.Code, error)) ([]table.Op, error) {
	switch crowded := u.Crowded(); {
	case crowded && u.OverTold == "":
		in, err := district()
		if err != nil || in == "" {
			return nil, err
		}
		return s.crowded(u, in), nil
	case !crowded && u.FreeAt(s.now()) >= 0 && u.OverTold != "":
		return s.crowdedNoMore(ctx, u)
	}
	return nil, nil
}

// tellArrived is what is written with those who have come or gone: who comes unexpected
// may make a unit too full, or take beds that are promised to somebody on the road.
func (s *Service) tellArrived(ctx context.Context, u *shelter.Unit, moves []placement.BedMove) ([]table.Op, error) {
	came := slices.ContainsFunc(moves, func(m placement.BedMove) bool { return m.Kind == placement.FillBeds || m.Kind == placement.ReturnBeds })
	if came && u.OverTold == "" && u.FreeAt(s.now()) < 0 {
		home, err := s.stored(ctx, u.Shelter)
		if err != nil || home.District == "" {
			return nil, err
		}
		return s.crowded(u, home.District), nil
	}
	if u.OverTold == "" {
		return nil, nil
	}
	return s.tellCrowded(ctx, u)
}

func (s *Service) crowded(u *shelter.Unit, district place.Code) []table.Op {
	now := s.now()
	a := placement.Alert{Kind: placement.AlertOverCapacity, Shelter: u.Shelter, Unit: u.ID, District: district, At: now,
		ID: fmt.Sprintf("%s.%s.%s.%d", record.Stamp(now), u.Shelter, u.ID, u.Version)}
	u.OverTold = alertCursor(a)
	return []table.Op{table.PutOp(record.FromAlert(a), 0)}
}

func (s *Service) crowdedNoMore(ctx context.Context, u *shelter.Unit) ([]table.Op, error) {
	ops, err := s.overOps(ctx, u.OverTold)
	if err == nil {
		u.OverTold = ""
	}
	return ops, err
}
