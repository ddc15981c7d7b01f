package record

import (
	"time"

	"panah/internal/place"
	"panah/internal/table"
)

// Imported says of the daily counts of one country and month, state by state, how
// far their import has got, for whoever publishes them.
type Imported struct {
	States map[place.Code]ImportMark `json:"s"`
}

// ImportMark is one state's. What is open is not published: part of a file may be
// in and the rest not.
type ImportMark struct {
	At        int64  `json:"a"`           // when counts last came in, seconds
	Open      string `json:"o,omitempty"` // the import on its way, or that never finished; empty: none
	Published bool   `json:"p,omitempty"` // everything that came in has been published
}

// ImportedKey is where the state of a country's imports lies for the month of a day.
func ImportedKey(country place.Code, day time.Time) table.Key {
	return table.Key{PK: ImportedPartition(country), SK: day.UTC().Format("2006-01")}
}

// ImportedPartition is where a country's ImportedKeys lie, by month.
func ImportedPartition(country place.Code) string { return "C#IMPORTED#" + string(country) }

// FromImported makes the item of a month's imports.
func FromImported(key table.Key, m Imported) table.Item {
	return table.Item{Key: key, Body: marshal(m)}
}

// ToImported reads a month's imports back.
func ToImported(it *table.Item) (m Imported, err error) {
	if it != nil {
		err = unmarshal(it, &m)
	}
	if m.States == nil {
		m.States = map[place.Code]ImportMark{}
	}
	return m, err
}
