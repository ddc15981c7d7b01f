package referral

import (
	"panah/internal/caller"
	"panah/internal/fault"
	"panah/internal/place"
)

// OccupancyScope is the place a caller asks figures about; an empty within is
// the caller's whole region. A place outside it answers as one that is not there.
func (s *Service) OccupancyScope(c caller.Caller, within place.Code) (place.Place, error) {
	if within == "" {
		within = c.Region()
	}
	at, ok := place.Lookup(within)
	if err := c.Allow(caller.ReadOccupancy, caller.Resource{District: within}); err != nil {
		return at, err
	}
	if !ok {
		return at, fault.New(fault.NotFound, "there is nothing here under this id")
	}
	return at, nil
}
