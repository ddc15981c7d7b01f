package record

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"panah/internal/code"
	"panah/internal/place"
	"panah/internal/shelter"
	"panah/internal/table"
)

// monthForm is a month of one unit's daily counts: for each day its number in
// the month, sanctioned, staffed, out of service, occupied and persons.
type monthForm struct {
	Population code.Population `json:"p"`
	Kind       code.UnitKind   `json:"k,omitempty"`
	Days       [][6]int        `json:"d"`
}

// MonthPartition is where the daily counts of a state's units lie for the month
// of a day: one read of it answers for the whole state.
func MonthPartition(state place.Code, day time.Time) string {
	return "C#" + string(state) + "#" + day.UTC().Format("200601")
}

// MonthRange is where in a month's partition a district's units lie.
func MonthRange(district place.Code) (from, to string) {
	return string(district) + "#", string(district) + "#~"
}

// MonthKey is where a unit's daily counts lie for the month of a day.
func MonthKey(d shelter.DayCount) table.Key {
	p, _ := place.Lookup(d.District)
	return table.Key{PK: MonthPartition(p.State, d.Day), SK: string(d.District) + "#" + d.Shelter + "#" + d.Unit}
}

// FromMonth makes the item of one unit's counts of one month.
func FromMonth(days []shelter.DayCount) table.Item {
	f := monthForm{Population: days[0].Population, Kind: days[0].Kind}
	for _, d := range days {
		f.Days = append(f.Days, [6]int{d.Day.Day(), d.Sanctioned, d.Staffed, d.OutOfService, d.Occupied, d.Persons})
	}
	slices.SortFunc(f.Days, func(a, b [6]int) int { return a[0] - b[0] })
	return table.Item{Key: MonthKey(days[0]), Body: marshal(f)}
}

// ToMonth reads the counts of one unit and month back, by day.
func ToMonth(it *table.Item) ([]shelter.DayCount, error) {
	var f monthForm
	if err := unmarshal(it, &f); err != nil {
		return nil, err
	}
	where, who := strings.Split(it.PK, "#"), strings.Split(it.SK, "#")
	if len(where) != 3 || len(who) != 3 {
		return nil, fmt.Errorf("record: %s is not where daily counts lie", it.Key)
	}
	month, err := time.Parse("200601", where[2])
	if err != nil {
		return nil, fmt.Errorf("record: %s: %w", it.Key, err)
	}
	var out []shelter.DayCount
	for _, d := range f.Days {
		out = append(out, shelter.DayCount{District: place.Code(who[0]), Shelter: who[1], Unit: who[2], Population: f.Population, Kind: f.Kind,
			Day: month.AddDate(0, 0, d[0]-1), Sanctioned: d[1], Staffed: d[2], OutOfService: d[3], Occupied: d[4], Persons: d[5]})
	}
	return out, nil
}
