package record

import (
	"strings"

	"panah/internal/shelter"
	"panah/internal/table"
)

// comingForm is the people of one hold: day, how many, and until when it is held.
type comingForm [3]int64

type doorForm struct {
	Coming map[string]comingForm `json:"c"`
}

// DoorKey is where it lies who comes to a shelter on which day.
func DoorKey(shelterID string) table.Key { return table.Key{PK: "S#" + shelterID, SK: "T"} }

// IsDoor reports whether the item is a shelter's door.
func IsDoor(k table.Key) bool { return strings.HasPrefix(k.PK, "S#") && k.SK == "T" }

// FromDoor makes the item of a door.
func FromDoor(d shelter.Door) table.Item {
	f := doorForm{Coming: map[string]comingForm{}}
	for id, c := range d.All() {
		f.Coming[id] = comingForm{int64(c.Day), int64(c.N), seconds(c.Until)}
	}
	return table.Item{Key: DoorKey(d.Shelter), Body: marshal(f)}
}

// ToDoor reads a door back.
func ToDoor(it *table.Item) (shelter.Door, error) {
	var f doorForm
	if err := unmarshal(it, &f); err != nil {
		return shelter.Door{}, err
	}
	coming := make(map[string]shelter.Coming, len(f.Coming))
	for id, c := range f.Coming {
		coming[id] = shelter.Coming{Day: shelter.Day(c[0]), N: int(c[1]), Until: instant(c[2])}
	}
	return shelter.DoorOf(strings.TrimPrefix(it.PK, "S#"), it.Version, coming), nil
}
