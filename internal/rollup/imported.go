package rollup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"panah/internal/history"
	"panah/internal/occupancy"
	"panah/internal/place"
	"panah/internal/record"
	"panah/internal/referral"
	"panah/internal/shelter"
	"panah/internal/table"
)

// PublishImported publishes the daily counts that came in by file no later than an
// instant, of every country. A state's day is published once: from files while
// nobody counted the state live that day, and never again, for the difference of
// two versions would be the shelter that came late. What was withheld of any day
// stays withheld, live or from a file (occupancy.Told).
func (p *Publisher) PublishImported(ctx context.Context, until time.Time) error {
	var failed error
	for _, c := range place.Countries() {
		failed = errors.Join(failed, p.imports(ctx, c.Code, until))
	}
	return failed
}

func (p *Publisher) imports(ctx context.Context, country place.Code, until time.Time) error {
	return each(ctx, p.Store, table.Query{PK: record.ImportedPartition(country), Consistency: table.Strong}, func(it *table.Item) error {
		marks, err := record.ToImported(it)
		if err != nil {
			return err
		}
		var states []place.Code
		for s, m := range marks.States {
			if m.Open == "" && !m.Published && m.At <= until.Unix() {
				states = append(states, s)
			}
		}
		first, err := time.Parse(monthForm, it.SK)
		if err != nil || len(states) == 0 {
			return err
		}
		slices.Sort(states)
		whole, err := p.importedMonth(ctx, country, it, first, states)
		if _, stale := table.IsStale(err); stale || errors.Is(err, table.ErrUnknown) {
			return nil // a file or an hour came in meanwhile: the next round looks again
		}
		if err != nil {
			return fmt.Errorf("rollup: %s: %w", it.Key, err)
		}
		if !whole {
			return nil
		}
		for _, s := range states {
			marks.States[s] = record.ImportMark{At: marks.States[s].At, Published: true}
		}
		err = p.Store.Write(ctx, table.Batch{WriteID: p.NewID(), Ops: []table.Op{table.PutOp(record.FromImported(it.Key, marks), it.Version)}})
		if _, stale := table.IsStale(err); stale || errors.Is(err, table.ErrUnknown) {
			return nil // a file came in meanwhile: the next round looks again
		}
		return err
	})
}

const monthForm = "2006-01"

// importedMonth publishes the days of a month that came in for some states, the
// earliest first, then deals them out into series. whole is false when a day is
// not over yet: it may still be counted live.
func (p *Publisher) importedMonth(ctx context.Context, country place.Code, mark *table.Item, first time.Time, states []place.Code) (whole bool, err error) {
	days := map[time.Time][]shelter.DayCount{}
	for _, s := range states {
		if err := each(ctx, p.Store, table.Query{PK: record.MonthPartition(s, first), Consistency: table.Strong}, func(it *table.Item) error {
			all, err := record.ToMonth(it)
			for _, d := range all {
				days[d.Day] = append(days[d.Day], d)
			}
			return err
		}); err != nil {
			return false, err
		}
	}
	today := history.Floor(p.Now(), history.Day)
	whole = true
	for _, day := range slices.SortedFunc(maps.Keys(days), time.Time.Compare) {
		if !day.Before(today) {
			whole = false
			continue
		}
		if err := p.importedDay(ctx, country, mark, day, days[day]); err != nil {
			return false, err
		}
	}
	return whole, p.dealImported(ctx, country, first, states)
}

// importedDay publishes one day of the states that have none yet, all or nothing,
// and only while the marks of the month are those read before the day was: a file
// that has begun since may have changed half of it.
func (p *Publisher) importedDay(ctx context.Context, country place.Code, mark *table.Item, day time.Time, counts []shelter.DayCount) error {
	told, version, err := p.told(ctx, country) // first: what is read after it is no older
	if err != nil {
		return err
	}
	live, err := p.Store.Get(ctx, history.DayKey(country, day), table.Strong)
	if err != nil {
		return err
	}
	taken := map[place.Code]bool{}
	if live != nil {
		s, err := history.Decode(live.Body)
		if err != nil {
			return err
		}
		for _, state := range occupancy.States(s.Rows) {
			taken[state] = true
		}
	}
	for _, c := range counts {
		d, _ := place.Lookup(c.District)
		if _, known := taken[d.State]; known {
			continue
		}
		it, err := p.Store.Get(ctx, history.ImportedKey(d.State, day), table.Strong)
		if err != nil {
			return err
		}
		taken[d.State] = it != nil
	}
	counts = slices.DeleteFunc(slices.Clone(counts), func(c shelter.DayCount) bool { d, _ := place.Lookup(c.District); return taken[d.State] })
	whole, err := p.Store.Get(ctx, history.ImportedKey(country, day), table.Strong)
	if err != nil || len(counts) == 0 {
		return err
	}
	slices.SortFunc(counts, func(a, b shelter.DayCount) int {
		return cmp.Or(cmp.Compare(a.District, b.District), cmp.Compare(a.Shelter, b.Shelter), cmp.Compare(a.Unit, b.Unit))
	})
	rows := occupancy.AddDay(counts, country, whole == nil).Published(p.Policy, told.Before())
	say, err := tell(country, told.With(rows), version)
	if err != nil {
		return err
	}
	ops := []table.Op{say, table.PutOp(table.Item{Key: mark.Key, Body: mark.Body}, mark.Version)}
	put := func(at place.Code, rows []occupancy.Row) {
		body := history.Encode(history.Snapshot{At: day, Policy: p.PolicyID, Rows: rows})
		ops = append(ops, table.PutOp(table.Item{Key: history.ImportedKey(at, day), Body: body}, 0))
	}
	for _, s := range occupancy.States(rows) {
		put(s, inside(rows, s))
	}
	if whole == nil {
		put(country, ofStates(rows))
	}
	if err := p.Store.Write(ctx, table.Batch{WriteID: p.NewID(), Ops: ops}); err != nil {
		return err
	}
	mark.Version++
	return nil
}

// publishedImports are the days of a place's month that were published from files.
func (p *Publisher) publishedImports(ctx context.Context, at place.Code, first time.Time) (out []history.Snapshot, err error) {
	err = each(ctx, p.Store, history.ImportedMonth(at, first), func(it *table.Item) error {
		s, err := history.Decode(it.Body)
		out = append(out, s)
		return err
	})
	return out, err
}

// dealImported sets the points of a month in the series of the country, its states
// and their districts. It reads what was published and may be repeated.
func (p *Publisher) dealImported(ctx context.Context, country place.Code, first time.Time, states []place.Code) error {
	var work []func() error
	set := func(at place.Code, of []history.Snapshot) {
		work = append(work, func() error { return p.extend(ctx, at, history.ImportedSeriesKey(at, first), history.Day, of...) })
	}
	whole, err := p.publishedImports(ctx, country, first)
	if err != nil {
		return err
	}
	set(country, whole)
	for _, s := range states {
		days, err := p.publishedImports(ctx, s, first)
		if err != nil {
			return err
		}
		set(s, days)
		byDistrict := map[place.Code][]history.Snapshot{}
		for _, day := range days {
			for _, d := range placesOf(day.Rows, place.District) {
				byDistrict[d] = append(byDistrict[d], history.Snapshot{At: day.At, Policy: day.Policy, Rows: inside(day.Rows, d)})
			}
		}
		for d, own := range byDistrict {
			set(d, own)
		}
	}
	return abreast(work)
}

// importsSettled is the instant up to which files that came in are published.
func importsSettled(now time.Time) time.Time { return now.Add(-referral.ImportSettles) }
