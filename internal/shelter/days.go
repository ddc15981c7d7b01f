package shelter

import (
	"time"

	"panah/internal/code"
	"panah/internal/fault"
	"panah/internal/place"
)

// DayCount is what one unit counted for one day. It is history: it is set, never
// added, and gives nobody a bed. Counts are in what the unit is counted in, beds
// or rooms; Persons are people either way.
type DayCount struct {
	District      place.Code
	Shelter, Unit string
	Day           time.Time // midnight UTC of the day's date
	Population    code.Population
	Kind          code.UnitKind
	Sanctioned    int
	Staffed       int
	OutOfService  int
	Occupied      int
	Persons       int
}

// Free is what could still be given that day; negative when over capacity.
func (d DayCount) Free() int { return d.Staffed - d.OutOfService - d.Occupied }

// Check refuses counts that cannot be and days that have not come.
func (d DayCount) Check(now time.Time) error {
	if _, err := NewCounts(d.Staffed, d.OutOfService, d.Occupied, 0); err != nil {
		return err
	}
	for _, c := range []struct {
		field string
		n     int
	}{{"sanctioned", d.Sanctioned}, {"persons", d.Persons}} {
		if c.n < 0 || c.n > MaxBeds {
			return fault.Field(c.field, "must be between 0 and %d", MaxBeds)
		}
	}
	if d.Day.After(now.Add(ClockSlack)) {
		return fault.Field("day", "is in the future")
	}
	if d.Day.Year() < 1950 {
		return fault.Field("day", "is too long ago")
	}
	return nil
}
