// Package history is what has been published: snapshots of occupancy, hour by
// hour and day by day, series of them, and the figures of whole months. It holds
// only what anybody may combine; what was withheld was never written. Items lie
// in the partition of their place, so that whoever may see a district reads the
// district's items and no others. Once written a snapshot never changes: the
// same question about an instant has the same answer for ever.
package history

import (
	"encoding/json"
	"fmt"
	"time"

	"panah/internal/occupancy"
	"panah/internal/packed"
	"panah/internal/place"
	"panah/internal/table"
)

// Every is how far apart the points of a series are.
type Every string

// The calendars. A day's point is its first snapshot, a month's that of its
// first day: nothing published adds up over time, so nothing can be taken apart.
const (
	Hour  Every = "hour"
	Day   Every = "day"
	Month Every = "month"
)

// Snapshot is everything published of one instant under one key.
type Snapshot struct {
	At     time.Time // to the second: when it was counted
	Policy string
	Rows   []occupancy.Row // by occupancy.Compare
}

const monthForm = "2006-01"

func partition(at place.Code, t time.Time) string {
	return "H#" + string(at) + "#" + t.UTC().Format("200601")
}

// HourKey is where the snapshot of an hour lies: a state's rows, or a country's
// with those of its states.
func HourKey(at place.Code, t time.Time) table.Key {
	return table.Key{PK: partition(at, t), SK: t.UTC().Format("02T15")}
}

// DayKey is where the point of a day lies: a district's rows, a state's with
// those of its districts, a country's with those of its states.
func DayKey(at place.Code, t time.Time) table.Key {
	return table.Key{PK: partition(at, t), SK: t.UTC().Format("D02")}
}

// SeriesKey is where the points of one month lie together, for series.
func SeriesKey(at place.Code, every Every, t time.Time) table.Key {
	return table.Key{PK: "H#" + string(at), SK: string(every) + "#" + t.UTC().Format(monthForm)}
}

// imported is the calendar of daily counts that came in by file. They lie beside
// the days counted live, never among them.
const imported Every = "import"

// ImportedKey is where the daily counts that came in by file lie for a day, as
// they are published: a state's with those of its districts, a country's with
// those of its states.
func ImportedKey(at place.Code, day time.Time) table.Key {
	return table.Key{PK: partition(at, day), SK: day.UTC().Format("I02")}
}

// ImportedMonth finds everything published under ImportedKey of a month.
func ImportedMonth(at place.Code, month time.Time) table.Query {
	return table.Query{PK: partition(at, month), From: "I", To: "I~"}
}

// ImportedSeriesKey is where the points of one month of imported days lie together.
func ImportedSeriesKey(at place.Code, month time.Time) table.Key {
	return SeriesKey(at, imported, month)
}

// MonthKey is where what happened in a month lies.
func MonthKey(at place.Code, t time.Time) table.Key {
	return table.Key{PK: "H#" + string(at), SK: "flow#" + t.UTC().Format(monthForm)}
}

// Encode makes the body of a snapshot's item.
func Encode(s Snapshot) []byte {
	w := packed.NewWriter(64 + 16*len(s.Rows))
	w.Instant(s.At)
	w.Text(s.Policy)
	writeRows(w, s.Rows)
	return w.Bytes()
}

// Decode reads a snapshot's item.
func Decode(raw []byte) (Snapshot, error) {
	r := packed.NewReader(raw)
	s := Snapshot{At: r.Instant(), Policy: r.Text()}
	s.Rows = readRows(r)
	return s, r.Err()
}

// writeOf writes what a row is of: its place where that is another than the last
// row's, institution type and population. It answers the place.
func writeOf(w *packed.Writer, last, at place.Code, kind, population int8) place.Code {
	if at == last {
		w.Text("")
	} else {
		w.Text(string(at))
	}
	w.Int(int(kind) + 1)
	w.Int(int(population) + 1)
	return at
}

// readOf reads what writeOf wrote.
func readOf(r *packed.Reader, last place.Code) (at place.Code, kind, population int8) {
	if at = place.Code(r.Text()); at == "" {
		at = last
	}
	return at, int8(r.Int() - 1), int8(r.Int() - 1)
}

func writeRows(w *packed.Writer, rows []occupancy.Row) {
	w.Int(len(rows))
	var last place.Code
	for _, row := range rows {
		last = writeOf(w, last, row.Place, row.Type, row.Population)
		w.Num(uint64(row.Withheld))
		if row.Hides(occupancy.Beds) {
			continue
		}
		w.Int(row.Shelters)
		w.Int(row.Unconfirmed)
		w.Int(row.MedianStay + 1)
		for f := range row.Figures {
			if v, ok := row.Shows(f); ok {
				w.Int(v)
			}
		}
	}
}

func readRows(r *packed.Reader) []occupancy.Row {
	rows := make([]occupancy.Row, r.Count())
	var last place.Code
	for i := range rows {
		row := &rows[i]
		row.Place, row.Type, row.Population = readOf(r, last)
		last, row.Withheld, row.MedianStay = row.Place, uint16(r.Num()), -1
		if row.Hides(occupancy.Beds) {
			continue
		}
		row.Shelters, row.Unconfirmed, row.MedianStay = r.Int(), r.Int(), r.Int()-1
		for f := range row.Figures {
			if _, ok := row.Shows(f); ok {
				row.Figures[f] = r.Int()
			}
		}
	}
	return rows
}

// WithPoint sets one snapshot's rows in the body of a series: those of a place
// over all institution types and, for days, of each population; and, for days of a
// country, the states that its rows add up.
func WithPoint(series []byte, s Snapshot, at place.Code, every Every) ([]byte, error) {
	points, err := readPoints(series)
	if err != nil {
		return nil, err
	}
	var rows []occupancy.Row
	for _, row := range s.Rows {
		if row.Place == at && row.Type == occupancy.Any && (every != Hour || row.Population == occupancy.Any) {
			rows = append(rows, row)
		}
	}
	body := packed.NewWriter(24 * len(rows))
	for i := range rows {
		rows[i].Place = "" // the key says it
	}
	writeRows(body, rows)
	if p, _ := place.Lookup(at); p.Level == place.Country && every != Hour {
		states := occupancy.States(s.Rows)
		body.Int(len(states))
		for _, state := range states {
			body.Text(string(state))
		}
	}
	fresh := rawPoint{s.At.Unix(), string(body.Bytes())}
	w, done := packed.NewWriter(len(series)+len(fresh.rows)+16), false
	put := func(p rawPoint) { w.Signed(p.at); w.Text(p.rows) }
	for _, p := range points {
		if !done && fresh.at <= p.at {
			put(fresh)
			done = true
		}
		if p.at != fresh.at {
			put(p)
		}
	}
	if !done {
		put(fresh)
	}
	return w.Bytes(), nil
}

type rawPoint struct {
	at   int64
	rows string
}

func readPoints(series []byte) ([]rawPoint, error) {
	var out []rawPoint
	r := packed.NewReader(series)
	for r.More() {
		out = append(out, rawPoint{r.Signed(), r.Text()})
	}
	return out, r.Err()
}

// HasPoint reports whether a series has a point in the hour of t.
func HasPoint(series []byte, t time.Time) bool {
	points, err := readPoints(series)
	for _, p := range points {
		if err == nil && time.Unix(p.at, 0).UTC().Truncate(time.Hour).Equal(t.UTC().Truncate(time.Hour)) {
			return true
		}
	}
	return false
}

// Flow is what happened in a month, as it is published: facts by family.
type Flow struct {
	Month  string                      `json:"month"`
	Policy string                      `json:"policy"`
	At     time.Time                   `json:"at"`
	Facts  map[string][]occupancy.Fact `json:"facts"`
}

// EncodeFlow makes the body of a month's item.
func EncodeFlow(f Flow) ([]byte, error) { return json.Marshal(f) }

// DecodeFlow reads a month's item.
func DecodeFlow(it *table.Item) (f Flow, err error) {
	if err = json.Unmarshal(it.Body, &f); err != nil {
		return f, fmt.Errorf("history: %s: %w", it.Key, err)
	}
	return f, nil
}
