package referral

import (
	"context"
	"time"

	"panah/internal/caller"
	"panah/internal/fault"
	"panah/internal/occupancy"
	"panah/internal/place"
)

// Occupancy sums beds within a scope of the caller's region; an empty within is
// the whole region. A place outside it answers as one that is not there.
func (s *Service) Occupancy(ctx context.Context, c caller.Caller, within place.Code, by place.Level) (occupancy.Answer, place.Code, time.Time, error) {
	if within == "" {
		within = c.Region()
	}
	if _, ok := place.Lookup(within); !ok && c.Region() != "" {
		return occupancy.Answer{}, within, time.Time{}, fault.New(fault.NotFound, "there is nothing here under this id")
	}
	if err := c.Allow(caller.ReadOccupancy, caller.Resource{District: within}); err != nil {
		return occupancy.Answer{}, within, time.Time{}, err
	}
	w, err := s.world(ctx)
	if err != nil {
		return occupancy.Answer{}, within, time.Time{}, err
	}
	now := s.now()
	return occupancy.Sum(w, within, by, now, s.Policy.Fresh.Unconfirmed), within, now, nil
}
