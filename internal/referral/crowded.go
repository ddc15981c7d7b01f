package referral

import (
	"context"
	"fmt"

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
	case !crowded && u.OverTold != "":
		return s.crowdedNoMore(ctx, u)
	}
	return nil, nil
}

func (s *Service) crowded(u *shelter.Unit, district place.Code) []table.Op {
	now := s.now()
	a := placement.Alert{Kind: placement.AlertOverCapacity, Shelter: u.Shelter, Unit: u.ID, District: district, At: now,
		ID: fmt.Sprintf("%s.%s.%s.%d", record.Stamp(now), u.Shelter, u.ID, u.Census)}
	u.OverTold = alertCursor(a)
	return []table.Op{table.PutOp(record.FromAlert(a), 0)}
}

func (s *Service) crowdedNoMore(ctx context.Context, u *shelter.Unit) ([]table.Op, error) {
	it, err := s.alertAt(ctx, u.OverTold)
	if err != nil {
		return nil, err
	}
	if u.OverTold = ""; it == nil {
		return nil, nil
	}
	a, err := record.ToAlert(it)
	if err != nil {
		return nil, err
	}
	a.Over = s.now()
	return []table.Op{table.PutOp(record.FromAlert(a), it.Version)}, nil
}
