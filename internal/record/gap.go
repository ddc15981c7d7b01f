package record

import (
	"time"

	"panah/internal/code"
	"panah/internal/place"
	"panah/internal/placement"
	"panah/internal/table"
)

type gapForm struct {
	Urgency code.Urgency        `json:"u,omitempty"`
	Sleep   []gapPerson         `json:"s"`
	Needs   code.Set[code.Need] `json:"n,omitempty"`
	Failed  map[string]int      `json:"f,omitempty"`
}

type gapPerson struct {
	Age  code.AgeBand    `json:"a"`
	With code.Population `json:"w"`
}

// FromGap makes the record that nothing fitted: what was missing where, and no
// link to a placement, a team or a person. id must not be derived from any.
func FromGap(r placement.Request, failed map[string]int, id string, now time.Time) table.Item {
	f := gapForm{Urgency: r.Urgency, Failed: failed}
	for _, p := range r.Persons {
		f.Sleep = append(f.Sleep, gapPerson{p.Age, p.PlaceWith})
		f.Needs = f.Needs.Union(p.Needs)
	}
	day := now.UTC().Truncate(24 * time.Hour) // the hour would single somebody out
	return table.Item{Key: table.Key{PK: GapPartition(r.Place), SK: Stamp(day) + "#" + id}, Body: marshal(f)}
}

// GapPartition is where a district's gaps lie.
func GapPartition(district place.Code) string { return "G#" + string(district) }
