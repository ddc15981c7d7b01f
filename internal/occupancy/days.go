package occupancy

import (
	"slices"

	"panah/internal/code"
	"panah/internal/place"
	"panah/internal/shelter"
)

// AddDay counts the daily counts of one day that came in by file, district by
// district, over all institution types. They are a table of their own: a place
// has, of one day, either these or what was counted live. Without whole nothing
// is added up for the country: it has been published of fewer states already.
func AddDay(days []shelter.DayCount, country place.Code, whole bool) Count {
	b := builder{ids: map[node]int{}, cells: map[node]int{}, places: places(country)}
	b.count.table.Scheme = declared
	met := map[int32]map[string]bool{}
	for _, day := range days {
		d, ok := place.Lookup(day.District)
		if !ok || d.Country != country {
			continue
		}
		var nodes []int32
		for _, at := range []place.Code{d.Code, d.State, d.Country} {
			if at == d.Country && !whole {
				continue
			}
			for _, p := range []int8{int8(day.Population), Any} {
				nodes = append(nodes, int32(b.node(node{at, Any, p})))
			}
		}
		figures := ofDay(day)
		b.cell(d, place.District, nodes, int(day.Population), figures)
		for _, n := range nodes {
			if met[n] == nil {
				met[n] = map[string]bool{}
			}
			met[n][day.Shelter] = true
			for m, v := range figures[:Figures] {
				b.count.rows[n].Figures[m] += v
			}
		}
	}
	for n, shelters := range met {
		b.count.rows[n].Shelters = len(shelters)
	}
	return b.finish()
}

// roomKind is the kind of the units whose rooms are counted in files.
var roomKind, _ = code.UnitKinds.Parse("room")

// ofDay is the figures of one unit's day. Where rooms were counted nobody knows
// the beds: rooms stand beside beds, and the people in them by themselves.
func ofDay(d shelter.DayCount) []int {
	f := make([]int, measures)
	if d.Kind == roomKind {
		f[RoomsSanctioned], f[Rooms], f[RoomsOutOfService], f[RoomsOccupied], f[RoomPersons] = d.Sanctioned, d.Staffed, d.OutOfService, d.Occupied, d.Persons
		f[roomsEmpty], f[roomShared] = max(0, d.Free()), max(0, d.Persons-d.Occupied)
		return f
	}
	f[Sanctioned], f[Staffed], f[OutOfService], f[Occupied] = d.Sanctioned, d.Staffed, d.OutOfService, d.Occupied
	f[Free], f[OverCapacity] = max(0, d.Free()), max(0, -d.Free())
	f[onTime] = d.Occupied
	return f
}

// States are the states that rows speak of, in order.
func States(rows []Row) (out []place.Code) {
	for _, r := range rows {
		if p, ok := place.Lookup(r.Place); ok && p.State != "" && !slices.Contains(out, p.State) {
			out = append(out, p.State)
		}
	}
	slices.Sort(out)
	return out
}
