package rollup

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"panah/internal/place"
	"panah/internal/record"
	"panah/internal/table"
)

// forget takes out, once a day, what belongs to placements that closed long ago:
// from the placements themselves, then from what figures were made from. Figures
// that were published are copies and stay as they are; those of the months that
// are still to come need nothing of it (policy.Retention).
func (p *Publisher) forget(ctx context.Context, country place.Code, now time.Time) error {
	mark := table.Key{PK: "ROLL#" + string(country), SK: "KEPT#" + now.Format(time.DateOnly)}
	if it, err := p.Store.Get(ctx, mark, table.Strong); err != nil || it != nil {
		return err
	}
	until := now.Add(-p.Detail)
	var work []func() error
	for _, d := range place.Districts(country) {
		work = append(work, func() error { return p.forgetDistrict(ctx, d.Code, until) })
	}
	if err := abreast(work); err != nil {
		return err
	}
	return p.putOnce(ctx, table.Item{Key: mark, Body: []byte("{}"), Expires: now.AddDate(0, 0, 2)})
}

func (p *Publisher) forgetDistrict(ctx context.Context, d place.Code, until time.Time) error {
	went := table.Query{PK: "ROLL#" + string(d), From: "GO#", To: "GO#" + until.Format(time.DateOnly), Consistency: table.Relaxed}
	if err := each(ctx, p.Store, went, func(it *table.Item) error {
		return drop(ctx, p, it, func(id string, j journey) (bool, error) {
			if j.Closed == 0 || j.Closed > until.Unix() {
				return false, nil
			}
			return p.forgotten(ctx, id)
		})
	}); err != nil {
		return err
	}
	home := table.Query{PK: "ROLL#" + string(d), From: "HOME#", To: "HOME#~", Consistency: table.Relaxed}
	if err := each(ctx, p.Store, home, func(it *table.Item) error {
		return drop(ctx, p, it, func(_ string, w wait) (bool, error) {
			if w.To == "" { // withdrawn: nobody is counted
				return it.SK < "HOME#"+until.Format(monthForm), nil
			}
			return !slices.Contains(w.Until, 0) && slices.Max(append(w.Until, 0)) <= until.Unix(), nil
		})
	}); err != nil {
		return err
	}
	stays := table.Query{PK: "ROLL#" + string(d), From: "STAY#", To: "STAY#~", Consistency: table.Relaxed}
	return each(ctx, p.Store, stays, func(it *table.Item) error {
		return drop(ctx, p, it, func(_ string, s stay) (bool, error) { return len(s.Units) == 0 && s.Left <= until.Unix(), nil })
	})
}

// forgotten takes what is needed no longer out of a placement. Only one that has
// nothing left answers true: the change itself comes by the feed once more, and
// must find what it belongs to.
func (p *Publisher) forgotten(ctx context.Context, id string) (bool, error) {
	it, err := p.Store.Get(ctx, record.PlacementKey(id), table.Strong)
	if err != nil || it == nil {
		return err == nil, err
	}
	at, err := record.ToPlacement(it)
	if err != nil {
		return false, err
	}
	next, changed := at.Forget()
	next.By = "" // the clock
	if !changed {
		return at.State.Closed(), nil
	}
	err = p.Store.Write(ctx, table.Batch{WriteID: p.NewID(), Ops: []table.Op{table.PutOp(record.FromPlacement(next), it.Version)}})
	if _, stale := table.IsStale(err); stale || errors.Is(err, table.ErrUnknown) {
		return false, nil // tomorrow again
	}
	return false, err
}

// drop takes entries out of an item of details.
func drop[T any](ctx context.Context, p *Publisher, it *table.Item, old func(id string, e T) (bool, error)) error {
	var entries map[string]T
	if err := json.Unmarshal(it.Body, &entries); err != nil {
		return err
	}
	before := len(entries)
	for _, id := range slices.Sorted(maps.Keys(entries)) {
		is, err := old(id, entries[id])
		if err != nil {
			return err
		}
		if is {
			delete(entries, id)
		}
	}
	if len(entries) == before {
		return nil
	}
	body, err := json.Marshal(entries)
	if err != nil {
		return err
	}
	left := table.Item{Key: it.Key, Body: body}
	if len(entries) == 0 && !strings.HasPrefix(it.SK, "STAY#") {
		left.Expires = p.Now().AddDate(0, 0, 7)
	}
	err = p.Store.Write(ctx, table.Batch{WriteID: p.NewID(), Ops: []table.Op{table.PutOp(left, it.Version)}})
	if _, stale := table.IsStale(err); stale || errors.Is(err, table.ErrUnknown) {
		return nil // something came in meanwhile: tomorrow again
	}
	return err
}
