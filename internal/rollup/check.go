package rollup

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"panah/internal/place"
	"panah/internal/placement"
	"panah/internal/table"
)

// Check holds what is kept against the placements it was made from and answers
// what differs: who is said to stay in a shelter and does not, who stays there and
// is not counted, and whose journey is not known as it is now. homes are the
// shelters and their districts.
func Check(ctx context.Context, store table.Store, homes map[string]place.Code, all []placement.Placement) (problems []string, err error) {
	here := map[string]map[string]placement.Placement{}
	for _, p := range all {
		if p.State == placement.Arrived {
			if here[p.Hold.Shelter] == nil {
				here[p.Hold.Shelter] = map[string]placement.Placement{}
			}
			here[p.Hold.Shelter][p.ID] = p
		}
		kept, _, err := load[journey](ctx, store, journeyKey(p.Request.Place, p.CreatedAt))
		if err != nil {
			return nil, err
		}
		if j := kept[p.ID]; j.Version != p.Version {
			problems = append(problems, fmt.Sprintf("the journey of %s is known at version %d, not %d", p.ID, j.Version, p.Version))
		}
	}
	for _, shelter := range slices.Sorted(maps.Keys(homes)) {
		kept, _, err := load[stay](ctx, store, stayKey(homes[shelter], shelter))
		if err != nil {
			return nil, err
		}
		for _, id := range slices.Sorted(maps.Keys(kept)) {
			p, stays := here[shelter][id]
			if !stays && len(kept[id].Units) > 0 {
				problems = append(problems, fmt.Sprintf("%s is counted in %s and is not there", id, shelter))
			}
			if stays && !maps.Equal(kept[id].Units, units(p)) {
				problems = append(problems, fmt.Sprintf("%s is counted in %s as %v, not %v", id, shelter, kept[id].Units, units(p)))
			}
		}
		for _, id := range slices.Sorted(maps.Keys(here[shelter])) {
			if _, counted := kept[id]; !counted {
				problems = append(problems, fmt.Sprintf("%s stays in %s and is not counted", id, shelter))
			}
		}
	}
	return problems, nil
}
