package record

import (
	"slices"
	"time"

	"panah/internal/code"
	"panah/internal/language"
	"panah/internal/place"
	"panah/internal/placement"
	"panah/internal/table"
)

// Gap is the record that nothing fitted: what was missing, and no link to a
// placement, a team or a person.
type Gap struct {
	Urgency   code.Urgency
	Persons   []GapPerson
	Needs     code.Set[code.Need]
	Languages []language.Tag // that somebody of the party speaks best
	Failed    map[string]int // shelters by the first rule they failed
}

// GapPerson is an age band and where somebody of it was to sleep.
type GapPerson struct {
	Age  code.AgeBand    `json:"a"`
	With code.Population `json:"w"`
}

type gapForm struct {
	Urgency   code.Urgency        `json:"u,omitempty"`
	Sleep     []GapPerson         `json:"s"`
	Needs     code.Set[code.Need] `json:"n,omitempty"`
	Languages []language.Tag      `json:"l,omitempty"`
	Failed    map[string]int      `json:"f,omitempty"`
}

// FromGap makes the item of a gap. id must not be derived from a placement, a
// team or a person.
func FromGap(r placement.Request, failed map[string]int, id string, now time.Time) table.Item {
	f := gapForm{Urgency: r.Urgency, Failed: failed}
	for _, p := range r.Persons {
		f.Sleep = append(f.Sleep, GapPerson{p.Age, p.PlaceWith})
		f.Needs = f.Needs.Union(p.Needs)
		if len(p.Languages) > 0 && !slices.Contains(f.Languages, p.Languages[0]) {
			f.Languages = append(f.Languages, p.Languages[0])
		}
	}
	day := now.UTC().Truncate(24 * time.Hour) // the hour would single somebody out
	return table.Item{Key: table.Key{PK: GapPartition(r.Place), SK: Stamp(day) + "#" + id}, Body: marshal(f)}
}

// ToGap reads a gap back.
func ToGap(it *table.Item) (Gap, error) {
	var f gapForm
	if err := unmarshal(it, &f); err != nil {
		return Gap{}, err
	}
	return Gap{Urgency: f.Urgency, Persons: f.Sleep, Needs: f.Needs, Languages: f.Languages, Failed: f.Failed}, nil
}

// GapPartition is where a district's gaps lie.
func GapPartition(district place.Code) string { return "G#" + string(district) }
