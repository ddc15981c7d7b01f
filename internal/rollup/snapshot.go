package rollup

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"panah/internal/disclosure"
	"panah/internal/history"
	"panah/internal/matching"
	"panah/internal/occupancy"
	"panah/internal/place"
	"panah/internal/policy"
	"panah/internal/referral"
	"panah/internal/table"
)

// Publisher writes snapshots and months. It may run many times an hour, and in
// several places at once: what is there already stays as it is.
type Publisher struct {
	Store       table.Store
	World       func(context.Context) (matching.World, error)
	Policy      disclosure.Policy
	PolicyID    string
	Unconfirmed time.Duration
	Detail      time.Duration // how long after its closure what belongs to one placement is kept
	NewID       func() string
	Now         func() time.Time

	mu   sync.Mutex
	done map[string]bool // what this process knows to be complete
}

// NewPublisher publishes for a service under a policy.
func NewPublisher(s *referral.Service, p policy.Published) *Publisher {
	return &Publisher{Store: s.Store, World: s.World, Policy: p.Policy, PolicyID: p.ID, Unconfirmed: s.Policy.Fresh.Unconfirmed, Detail: policy.Retention().Detail, NewID: s.NewID, Now: s.Now}
}

// Publish counts every country for the hour, and once a day down to the
// districts, where that has not been done; and each month a week after its end.
func (p *Publisher) Publish(ctx context.Context) error {
	now := p.Now().UTC().Truncate(time.Second)
	var failed error
	for _, c := range place.Countries() {
		failed = errors.Join(failed,
			p.once(string(c.Code)+now.Format("2006010215"), func() error { return p.hour(ctx, c.Code, now) }),
			p.once(string(c.Code)+settled(now).Format("200601"), func() error { return p.month(ctx, c.Code, settled(now)) }),
			p.once(string(c.Code)+"imports"+now.Format("2006010215"), func() error { return p.imports(ctx, c.Code, importsSettled(now)) }),
			p.once(string(c.Code)+"kept"+now.Format(time.DateOnly), func() error { return p.forget(ctx, c.Code, now) }))
	}
	return failed
}

func (p *Publisher) once(what string, do func() error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done[what] {
		return nil
	}
	if err := do(); err != nil {
		return fmt.Errorf("rollup: %s: %w", what, err)
	}
	if len(p.done) > 1000 || p.done == nil {
		p.done = map[string]bool{}
	}
	p.done[what] = true
	return nil
}

// hour writes the snapshot of an hour in one write, then the copies of it.
func (p *Publisher) hour(ctx context.Context, country place.Code, now time.Time) error {
	it, err := p.Store.Get(ctx, history.HourKey(country, now), table.Strong)
	if err != nil {
		return err
	}
	if it == nil {
		if err := p.count(ctx, country, now); err != nil {
			return err
		}
		if it, err = p.Store.Get(ctx, history.HourKey(country, now), table.Strong); err != nil || it == nil {
			return err // no shelter in this country
		}
	}
	s, err := history.Decode(it.Body)
	if err != nil {
		return err
	}
	return p.copies(ctx, country, s)
}

// count counts a country and writes hour and day, all or nothing.
func (p *Publisher) count(ctx context.Context, country place.Code, now time.Time) error {
	w, err := p.World(ctx)
	if err != nil {
		return err
	}
	source := occupancy.Source{World: w, At: now, Unconfirmed: p.Unconfirmed}
	if source.Stays, err = p.stays(ctx, w, country, now); err != nil {
		return err
	}
	for range tries {
		if err = p.countOnce(ctx, country, source); err == nil {
			return nil
		}
		if _, stale := table.IsStale(err); !stale {
			return err
		}
		if it, err := p.Store.Get(ctx, history.HourKey(country, now), table.Strong); err != nil || it != nil {
			return err // somebody else has counted this hour
		}
	}
	return err
}

// countOnce writes hour and day where nothing else was published meanwhile.
func (p *Publisher) countOnce(ctx context.Context, country place.Code, source occupancy.Source) error {
	now := source.At
	told, version, err := p.told(ctx, country)
	if err != nil {
		return err
	}
	day, err := p.Store.Get(ctx, history.DayKey(country, now), table.Strong)
	if err != nil {
		return err
	}
	var rows []occupancy.Row
	if day == nil {
		rows = occupancy.Add(source, country, place.District).Published(p.Policy, told.Before())
		told = told.With(rows)
	} else {
		rows, told = told.Hour(occupancy.Add(source, country, place.State), p.Policy, single)
	}
	if len(rows) == 0 {
		return nil
	}
	say, err := tell(country, told, version)
	if err != nil {
		return err
	}
	ops := []table.Op{say}
	put := func(key table.Key, rows []occupancy.Row) {
		ops = append(ops, table.PutOp(table.Item{Key: key, Body: history.Encode(history.Snapshot{At: now, Policy: p.PolicyID, Rows: rows})}, 0))
	}
	put(history.HourKey(country, now), ofStates(rows))
	for _, state := range placesOf(rows, place.State) {
		put(history.HourKey(state, now), inside(ofStates(rows), state))
		if day == nil {
			put(history.DayKey(state, now), inside(rows, state))
		}
	}
	if day == nil {
		put(history.DayKey(country, now), ofStates(rows))
	}
	return p.Store.Write(ctx, table.Batch{WriteID: p.NewID(), Ops: ops})
}

// single reports whether a state has one district only: its hours would be the
// district's.
func single(at place.Code) bool {
	p, ok := place.Lookup(at)
	return ok && p.Level == place.State && len(place.Districts(at)) < 2
}

// ofStates are the rows of states and countries.
func ofStates(rows []occupancy.Row) (out []occupancy.Row) {
	for _, r := range rows {
		if p, ok := place.Lookup(r.Place); ok && p.Level <= place.State {
			out = append(out, r)
		}
	}
	return out
}

func inside(rows []occupancy.Row, within place.Code) (out []occupancy.Row) {
	for _, r := range rows {
		if place.Within(r.Place, within) {
			out = append(out, r)
		}
	}
	return out
}

func placesOf(rows []occupancy.Row, level place.Level) (out []place.Code) {
	for _, r := range rows {
		if p, ok := place.Lookup(r.Place); ok && p.Level == level && !slices.Contains(out, r.Place) {
			out = append(out, r.Place)
		}
	}
	return out
}

// copies writes each district's own item and the series. It reads what was
// written and may be repeated.
func (p *Publisher) copies(ctx context.Context, country place.Code, s history.Snapshot) error {
	mark := table.Key{PK: "H#" + string(country), SK: "copied#" + s.At.Format("2006-01-02T15")}
	if it, err := p.Store.Get(ctx, mark, table.Strong); err != nil || it != nil {
		return err
	}
	day, err := p.Store.Get(ctx, history.DayKey(country, s.At), table.Strong)
	if err != nil {
		return err
	}
	var work []func() error
	for _, at := range append([]place.Code{country}, placesOf(s.Rows, place.State)...) {
		work = append(work, func() error { return p.extend(ctx, at, history.SeriesKey(at, history.Hour, s.At), history.Hour, s) })
		if day == nil {
			continue
		}
		of, err := history.Decode(day.Body)
		if err != nil {
			return err
		}
		if !of.At.Equal(s.At) {
			continue // the day's point was an earlier hour
		}
		work = append(work, func() error { return p.extend(ctx, at, history.SeriesKey(at, history.Day, s.At), history.Day, s) })
		if at != country {
			work = append(work, func() error { return p.deal(ctx, at, s) })
		}
	}
	if err := abreast(work); err != nil {
		return err
	}
	return p.putOnce(ctx, table.Item{Key: mark, Body: []byte("{}"), Expires: s.At.AddDate(0, 0, 2)})
}

// deal gives each district of a state its own item and its point in its series.
func (p *Publisher) deal(ctx context.Context, state place.Code, of history.Snapshot) error {
	it, err := p.Store.Get(ctx, history.DayKey(state, of.At), table.Strong)
	if err != nil || it == nil {
		return err
	}
	s, err := history.Decode(it.Body)
	if err != nil {
		return err
	}
	var work []func() error
	for _, d := range placesOf(s.Rows, place.District) {
		own := history.Snapshot{At: s.At, Policy: s.Policy, Rows: inside(s.Rows, d)}
		work = append(work, func() error {
			if err := p.putOnce(ctx, table.Item{Key: history.DayKey(d, s.At), Body: history.Encode(own)}); err != nil {
				return err
			}
			return p.extend(ctx, d, history.SeriesKey(d, history.Day, s.At), history.Day, own)
		})
	}
	return abreast(work)
}

// extend sets the points of snapshots of one month in a series.
func (p *Publisher) extend(ctx context.Context, at place.Code, key table.Key, every history.Every, of ...history.Snapshot) error {
	for range tries {
		it, err := p.Store.Get(ctx, key, table.Strong)
		if err != nil {
			return err
		}
		var body []byte
		var version uint64
		if it != nil {
			body, version = it.Body, it.Version
		}
		for _, s := range of {
			if body, err = history.WithPoint(body, s, at, every); err != nil {
				return err
			}
		}
		if len(body) == 0 || (it != nil && bytes.Equal(body, it.Body)) {
			return nil
		}
		err = p.Store.Write(ctx, table.Batch{WriteID: p.NewID(), Ops: []table.Op{table.PutOp(table.Item{Key: key, Body: body}, version)}})
		if _, stale := table.IsStale(err); stale || errors.Is(err, table.ErrUnknown) {
			continue
		}
		return err
	}
	return table.ErrBusy
}

// putOnce writes an item where there is none.
func (p *Publisher) putOnce(ctx context.Context, it table.Item) error {
	for range tries {
		err := p.Store.Write(ctx, table.Batch{WriteID: p.NewID(), Ops: []table.Op{table.PutOp(it, 0)}})
		if _, stale := table.IsStale(err); stale {
			return nil
		}
		if !errors.Is(err, table.ErrUnknown) {
			return err
		}
	}
	return table.ErrUnknown
}

// atOnce is how many items are read or written at a time.
const atOnce = 8

func abreast(work []func() error) error {
	errs := make([]error, len(work))
	turn := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for i, do := range work {
		all.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			errs[i] = do()
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// stays reads the stays of every district that has shelters.
func (p *Publisher) stays(ctx context.Context, w matching.World, country place.Code, now time.Time) (map[string][]occupancy.Stay, error) {
	var districts []place.Code
	met := map[place.Code]bool{}
	for c := range w.All() {
		if !met[c.District] && place.Within(c.District, country) {
			met[c.District] = true
			districts = append(districts, c.District)
		}
	}
	out := map[string][]occupancy.Stay{}
	var guard sync.Mutex
	var work []func() error
	for _, d := range districts {
		work = append(work, func() error {
			return each(ctx, p.Store, table.Query{PK: "ROLL#" + string(d), From: "STAY#", To: "STAY#~", Consistency: table.Relaxed}, func(it *table.Item) error {
				var stays map[string]stay
				if err := json.Unmarshal(it.Body, &stays); err != nil {
					return err
				}
				guard.Lock()
				defer guard.Unlock()
				addStays(out, strings.TrimPrefix(it.SK, "STAY#"), stays, now)
				return nil
			})
		})
	}
	return out, abreast(work)
}

func addStays(out map[string][]occupancy.Stay, shelter string, stays map[string]stay, now time.Time) {
	for _, s := range stays {
		for unit, n := range s.Units {
			key := occupancy.StayKey(shelter, unit)
			for range n {
				out[key] = append(out[key], occupancy.Stay{Since: time.Unix(s.Since, 0), Overdue: s.Due != 0 && s.Due <= now.Unix()})
			}
		}
	}
}

// each reads every item of a range.
func each(ctx context.Context, store table.Store, q table.Query, do func(*table.Item) error) error {
	for {
		page, err := store.Query(ctx, q)
		if err != nil {
			return err
		}
		for i := range page.Items {
			if err := do(&page.Items[i]); err != nil {
				return err
			}
		}
		if q.After = page.Next; page.Next == "" {
			return nil
		}
	}
}
