package matching

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"slices"

	"panah/internal/place"
)

// Zone is an area holding at least Policy.Zone shelters: all a rescue team
// learns of where an option is. It is made of whole districts of one country.
type Zone struct {
	ID        string
	Districts []place.Code
	Center    place.Place // mean of the districts' points; Approximate if any is
	Shelters  int
}

// Zoning is which district belongs to which zone.
type Zoning struct {
	Zones []Zone
	of    map[place.Code]int
}

// Of is the zone of a district.
func (z Zoning) Of(d place.Code) (int, bool) { i, ok := z.of[d]; return i, ok }

// Same reports whether both have the same districts in the same zones, whatever
// the number of shelters there.
func (z Zoning) Same(o Zoning) bool {
	return slices.EqualFunc(z.Zones, o.Zones, func(a, b Zone) bool { return slices.Equal(a.Districts, b.Districts) })
}

// NewZoning groups districts into zones, given how many active shelters each
// district has: while any zone has fewer than least, the smallest is merged with
// the nearest one, of its own state where there is one. The same numbers give
// the same zones. A country with fewer than least shelters in all is one zone.
func NewZoning(active map[place.Code]int, least int) Zoning {
	zones := onePerDistrict(active)
	for {
		small := -1
		for i := range zones {
			if zones[i].Shelters < least && (small < 0 || zones[i].Shelters < zones[small].Shelters) && hasNeighbour(zones, zones[i]) {
				small = i
			}
		}
		if small < 0 {
			break
		}
		other := nearest(zones, small)
		zones[small] = merge(zones[small], zones[other])
		zones = slices.Delete(zones, other, other+1)
	}
	of := map[place.Code]int{}
	for i := range zones {
		zones[i].ID = zoneID(zones[i].Districts)
		for _, d := range zones[i].Districts {
			of[d] = i
		}
	}
	return Zoning{Zones: zones, of: of}
}

func onePerDistrict(active map[place.Code]int) []Zone {
	var zones []Zone
	for code, n := range active {
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
