package matching

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"slices"

	"panah/internal/place"
	"panah/internal/shelter"
)

// Zone is an area holding at least Policy.Zone shelters: all a rescue team
// learns of where an option is. It is made of whole districts of one country.
type Zone struct {
	ID        string
	Districts []place.Code
	Center    place.Place // mean of the districts' points; Approximate if any is
	Shelters  int
}

// Zones groups districts into zones: while any zone has fewer than least active
// shelters, the smallest is merged with the nearest one, of its own state where
// there is one. The same shelters give the same zones. A country with fewer than
// least shelters in all is one zone.
func Zones(shelters []shelter.Shelter, least int) (zones []Zone, of map[place.Code]int) {
	zones = onePerDistrict(shelters)
	for {
		small := slices.IndexFunc(zones, func(z Zone) bool { return z.Shelters < least && hasNeighbour(zones, z) })
		if small < 0 {
			break
		}
		for i := small + 1; i < len(zones); i++ {
			if zones[i].Shelters < zones[small].Shelters && hasNeighbour(zones, zones[i]) {
				small = i
			}
		}
		other := nearest(zones, small)
		zones[small] = merge(zones[small], zones[other])
		zones = slices.Delete(zones, other, other+1)
	}
	of = map[place.Code]int{}
	for i := range zones {
		zones[i].ID = zoneID(zones[i].Districts)
		for _, d := range zones[i].Districts {
			of[d] = i
		}
	}
	return zones, of
}

func onePerDistrict(shelters []shelter.Shelter) []Zone {
	count := map[place.Code]int{}
	for _, s := range shelters {
		n := 0
		if s.Status == shelter.Active {
			n = 1
		}
		count[s.District] += n
	}
	var zones []Zone
	for code, n := range count {
		if p, ok := place.Lookup(code); ok {
			zones = append(zones, Zone{Districts: []place.Code{code}, Center: p, Shelters: n})
		}
	}
	slices.SortFunc(zones, func(a, b Zone) int { return cmp.Compare(a.Districts[0], b.Districts[0]) })
	return zones
}

func hasNeighbour(zones []Zone, z Zone) bool {
	return slices.ContainsFunc(zones, func(o Zone) bool {
		return o.Districts[0] != z.Districts[0] && o.Center.Country == z.Center.Country
	})
}

func nearest(zones []Zone, i int) int {
	best, bestKM := -1, 0.0
	for j := range zones {
		if j == i || zones[j].Center.Country != zones[i].Center.Country {
			continue
		}
		km := place.DistanceKM(zones[i].Center, zones[j].Center)
		if zones[j].Center.State != zones[i].Center.State {
			km += otherState
		}
		if best < 0 || km < bestKM {
			best, bestKM = j, km
		}
	}
	return best
}

// otherState makes a zone of the same state nearer than any other.
const otherState = 20_000

func merge(a, b Zone) Zone {
	n, m := float64(len(a.Districts)), float64(len(b.Districts))
	c := a.Center
	c.Lat = (a.Center.Lat*n + b.Center.Lat*m) / (n + m)
	c.Lon = (a.Center.Lon*n + b.Center.Lon*m) / (n + m)
	c.Approximate = a.Center.Approximate || b.Center.Approximate
	d := slices.Concat(a.Districts, b.Districts)
	slices.Sort(d)
	return Zone{Districts: d, Center: c, Shelters: a.Shelters + b.Shelters}
}

// zoneID names a zone after its districts, so that it changes only with them.
func zoneID(districts []place.Code) string {
	h := sha256.New()
	for _, d := range districts {
		h.Write([]byte(d))
		h.Write([]byte{0})
	}
	return "Z" + base32.StdEncoding.EncodeToString(h.Sum(nil))[:5]
}
