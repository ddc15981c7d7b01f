package history

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"panah/internal/occupancy"
	"panah/internal/packed"
	"panah/internal/place"
	"panah/internal/table"
)

// Reader answers from what was published. Items that never change are kept in
// memory.
type Reader struct {
	store table.Store
	mu    sync.Mutex
	kept  map[table.Key]*Snapshot
	wide  map[wide]*view
	past  map[table.Key][]rawPoint // series of months that are over
}

// wide names the rows of one level within a place at one snapshot.
type wide struct {
	within place.Code
	by     place.Level
	at     int64
}

type view struct{ rows, own []occupancy.Row }

// NewReader reads from store.
func NewReader(store table.Store) *Reader {
	return &Reader{store: store, kept: map[table.Key]*Snapshot{}, wide: map[wide]*view{}, past: map[table.Key][]rawPoint{}}
}

// What bounds the memory of a Reader; each part is emptied when full.
const (
	keep     = 2048
	keepWide = 64
	keepPast = 512
)

// patience is how many months back the last snapshot is looked for.
const patience = 3

// ErrNone says that nothing was published at or before an instant.
var ErrNone = errors.New("history: nothing was published yet")

// Exact returns the snapshot under a key, nil when there is none.
func (r *Reader) Exact(ctx context.Context, key table.Key) (*Snapshot, error) {
	r.mu.Lock()
	s := r.kept[key]
	r.mu.Unlock()
	if s != nil {
		return s, nil
	}
	it, err := r.store.Get(ctx, key, table.Strong)
	if err != nil || it == nil {
		return nil, err
	}
	return r.remember(it)
}

func (r *Reader) remember(it *table.Item) (*Snapshot, error) {
	s, err := Decode(it.Body)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.kept) >= keep {
		clear(r.kept)
	}
	r.kept[it.Key] = &s
	return &s, nil
}

// Last returns a place's last snapshot at or before an instant.
func (r *Reader) Last(ctx context.Context, at place.Code, every Every, asOf time.Time) (*Snapshot, error) {
	key := HourKey(at, asOf)
	if every == Day {
		key = DayKey(at, asOf)
	}
	s, err := r.Exact(ctx, key)
	if err != nil || (s != nil && !s.At.After(asOf)) {
		return s, err
	}
	from, month := "00", asOf.UTC()
	if every == Day {
		from = "D"
	}
	to := key.SK
	for range patience {
		q := table.Query{PK: partition(at, month), From: from, To: to, Descending: true, Limit: 2}
		page, err := r.store.Query(ctx, q)
		if err != nil {
			return nil, err
		}
		for i := range page.Items {
			s, err := r.remember(&page.Items[i])
			if err != nil {
				return nil, err
			}
			if !s.At.After(asOf) { // the hour asked about may have been counted after the minute asked about
				return s, nil
			}
		}
		month = time.Date(month.Year(), month.Month(), 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, -1)
		to = "31T23"
		if every == Day {
			to = "D31"
		}
	}
	return nil, ErrNone
}

// Rows answers with the rows of the places of a level within a place, and the
// place's own, from one snapshot: the last hour's for countries and states, the
// last day's for districts.
func (r *Reader) Rows(ctx context.Context, within place.Place, by place.Level, asOf time.Time) (rows, own []occupancy.Row, from *Snapshot, every Every, err error) {
	every = Hour
	if by == place.District {
		every = Day
	}
	if from, err = r.Last(ctx, within.Code, every, asOf); err != nil {
		return nil, nil, nil, every, err
	}
	v, err := r.view(ctx, within, by, from)
	if err != nil {
		return nil, nil, nil, every, err
	}
	return v.rows, v.own, from, every, nil
}

// view picks the rows of a level out of a snapshot, once.
func (r *Reader) view(ctx context.Context, within place.Place, by place.Level, from *Snapshot) (*view, error) {
	key := wide{within.Code, by, from.At.Unix()}
	r.mu.Lock()
	v := r.wide[key]
	r.mu.Unlock()
	if v != nil {
		return v, nil
	}
	all, v := from.Rows, &view{}
	if within.Level == place.Country && by == place.District {
		var err error
		if all, err = r.districts(ctx, from); err != nil {
			return nil, err
		}
	}
	for _, row := range all {
		if p, ok := place.Lookup(row.Place); ok && p.Level == by {
			v.rows = append(v.rows, row)
		}
	}
	for _, row := range from.Rows {
		if row.Place == within.Code {
			v.own = append(v.own, row)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.wide) >= keepWide {
		clear(r.wide)
	}
	r.wide[key] = v
	return v, nil
}

// abreast is how many items are read at once.
const abreast = 16

// districts reads the day's point of every state of a country: they were written
// together with the country's.
func (r *Reader) districts(ctx context.Context, of *Snapshot) ([]occupancy.Row, error) {
	var states []place.Code
	for _, row := range of.Rows {
		if p, _ := place.Lookup(row.Place); p.Level == place.State && !slices.Contains(states, p.Code) {
			states = append(states, p.Code)
		}
	}
	parts, errs := make([]*Snapshot, len(states)), make([]error, len(states))
	turn := make(chan struct{}, abreast)
	var all sync.WaitGroup
	for i, s := range states {
		all.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			parts[i], errs[i] = r.Exact(ctx, DayKey(s, of.At))
		})
	}
	all.Wait()
	var rows []occupancy.Row
	for _, part := range parts {
		if part != nil {
			rows = append(rows, part.Rows...)
		}
	}
	slices.SortFunc(rows, occupancy.Compare)
	return rows, errors.Join(errs...)
}

// Point is a place's rows at one instant of a series.
type Point struct {
	At       time.Time
	Imported bool // it came in by file and was not counted here
	place    place.Code
	rows     string
}

// Rows are the place's rows then: over all institution types, of all populations
// together and, where the series is of days, of each.
func (p Point) Rows() []occupancy.Row {
	rows := readRows(packed.NewReader([]byte(p.rows)))
	for i := range rows {
		rows[i].Place = p.place
	}
	return rows
}

// Covers are the states a country's rows of a day add up; a state that came in by
// file later is none of them. Of any other place, and of hours, there are none.
func (p Point) Covers() (states []place.Code) {
	r := packed.NewReader([]byte(p.rows))
	readRows(r)
	if !r.More() {
		return nil
	}
	for range r.Count() {
		states = append(states, place.Code(r.Text()))
	}
	return states
}

// Series is a place's points from one instant to before another, and the points
// of the calendar in between that are missing. Days that came in by file stand
// among those counted here and say so; a country can have both of one day, of
// different states.
func (r *Reader) Series(ctx context.Context, at place.Code, every Every, from, to time.Time) (points []Point, missing []time.Time, err error) {
	stored := every
	if every == Month {
		stored = Day
	}
	months, err := r.months(ctx, at, stored, from, to)
	if err != nil {
		return nil, nil, err
	}
	var files [][]rawPoint
	if every != Hour {
		if files, err = r.files(ctx, at, from, to); err != nil {
			return nil, nil, err
		}
	}
	points = slices.Concat(pick(at, months, false, every, from, to), pick(at, files, true, every, from, to))
	slices.SortStableFunc(points, func(a, b Point) int { return floor(a.At, every).Compare(floor(b.At, every)) })
	return points, gaps(points, every), nil
}

// pick are the points of a series that were asked for: of months, the first.
func pick(at place.Code, months [][]rawPoint, imported bool, every Every, from, to time.Time) (points []Point) {
	for _, raw := range months {
		for _, p := range raw {
			if t := time.Unix(p.at, 0).UTC(); !t.Before(from) && t.Before(to) && (every != Month || len(points) == 0 || !sameMonth(points[len(points)-1].At, t)) {
				points = append(points, Point{t, imported, at, p.rows})
			}
		}
	}
	return points
}

// files reads the series of the days that came in by file. They may still grow,
// whatever month they are of, so nothing of them is kept.
func (r *Reader) files(ctx context.Context, at place.Code, from, to time.Time) (out [][]rawPoint, err error) {
	q := table.Query{PK: "H#" + string(at), From: ImportedSeriesKey(at, from).SK, To: ImportedSeriesKey(at, to).SK}
	for {
		page, err := r.store.Query(ctx, q)
		if err != nil {
			return nil, err
		}
		for i := range page.Items {
			raw, err := readPoints(page.Items[i].Body)
			if err != nil {
				return nil, err
			}
			out = append(out, raw)
		}
		if q.After = page.Next; page.Next == "" {
			return out, nil
		}
	}
}

// months reads the series of each month from one instant to another. Of months
// that are over, what was read once is kept: a month is over when the next one
// has begun.
func (r *Reader) months(ctx context.Context, at place.Code, stored Every, from, to time.Time) (out [][]rawPoint, err error) {
	first := floor(from, Month)
	r.mu.Lock()
	for ; first.Before(to); first = step(first, Month) {
		known, ok := r.past[SeriesKey(at, stored, first)]
		if !ok {
			break
		}
		out = append(out, known)
	}
	r.mu.Unlock()
	q := table.Query{PK: "H#" + string(at), From: SeriesKey(at, stored, first).SK, To: SeriesKey(at, stored, to).SK}
	var items []table.Item
	for first.Before(to) {
		page, err := r.store.Query(ctx, q)
		if err != nil {
			return nil, err
		}
		items = append(items, page.Items...)
		if q.After = page.Next; page.Next == "" {
			break
		}
	}
	for i, it := range items {
		raw, err := readPoints(it.Body)
		if err != nil {
			return nil, err
		}
		out = append(out, raw)
		if i < len(items)-1 {
			r.keepPast(it.Key, raw)
		}
	}
	return out, nil
}

func (r *Reader) keepPast(key table.Key, raw []rawPoint) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.past) >= keepPast {
		clear(r.past)
	}
	r.past[key] = raw
}

func sameMonth(a, b time.Time) bool { return a.Year() == b.Year() && a.Month() == b.Month() }

// step is the next point of the calendar.
func step(t time.Time, every Every) time.Time {
	switch every {
	case Hour:
		return t.Add(time.Hour)
	case Day:
		return t.AddDate(0, 0, 1)
	}
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC).AddDate(0, 1, 0)
}

// floor is the point of the calendar an instant belongs to.
func floor(t time.Time, every Every) time.Time {
	switch every {
	case Hour:
		return t.UTC().Truncate(time.Hour)
	case Day:
		return t.UTC().Truncate(24 * time.Hour)
	}
	return time.Date(t.UTC().Year(), t.UTC().Month(), 1, 0, 0, 0, 0, time.UTC)
}

// Next is the point of the calendar after t.
func Next(t time.Time, every Every) time.Time { return step(t, every) }

// Floor is the hour, day or month an instant belongs to.
func Floor(t time.Time, every Every) time.Time { return floor(t, every) }

// gaps lists the points of the calendar between the first and the last point
// that are not there.
func gaps(points []Point, every Every) (missing []time.Time) {
	for i := 1; i < len(points); i++ {
		for t := step(floor(points[i-1].At, every), every); t.Before(floor(points[i].At, every)); t = step(t, every) {
			missing = append(missing, t)
		}
	}
	return missing
}

// Flows are the months published of a place, from one month to another, both
// included.
func (r *Reader) Flows(ctx context.Context, at place.Code, from, to time.Time) ([]Flow, error) {
	q := table.Query{PK: "H#" + string(at), From: MonthKey(at, from).SK, To: MonthKey(at, to).SK, Consistency: table.Relaxed}
	var out []Flow
	for {
		page, err := r.store.Query(ctx, q)
		if err != nil {
			return nil, err
		}
		for i := range page.Items {
			if !strings.HasPrefix(page.Items[i].SK, "flow#") {
				continue
			}
			f, err := DecodeFlow(&page.Items[i])
			if err != nil {
				return nil, err
			}
			out = append(out, f)
		}
		if q.After = page.Next; page.Next == "" {
			return out, nil
		}
	}
}
