package referral

import (
	"context"
	"errors"
	"slices"

	"panah/internal/fault"
	"panah/internal/record"
	"panah/internal/registry"
	"panah/internal/shelter"
	"panah/internal/table"
)

// history plans the daily counts: each day is set to what the file says. A shelter
// that is new has none: they are never written before it.
func (r *importing) history(ctx context.Context, p *plan, v ShelterView, isNew bool) error {
	for _, said := range p.entry.Units {
		months := map[table.Key][]shelter.DayCount{}
		at := slices.IndexFunc(v.Units, func(u shelter.Unit) bool { return u.ID == said.ID })
		for _, d := range said.Days {
			day := d.DayCount
			day.District, day.Shelter, day.Unit = v.District, v.ID, said.ID
			day.Population, day.Kind = v.Units[at].Population, v.Units[at].Kind
			if wrong, ok := fault.Of(day.Check(r.now())); ok {
				p.days.Refused++
				p.problems = append(p.problems, registry.Problem{Line: d.Line, Field: wrong.Field, What: wrong.Detail})
				continue
			}
			key := record.MonthKey(day)
			if months[key] == nil {
				p.marks = append(p.marks, markOf(day))
			}
			months[key] = append(months[key], day)
		}
		for key, days := range months {
			var it *table.Item
			if !isNew {
				var err error
				if it, err = r.Store.Get(ctx, key, table.Strong); err != nil {
					return refusal(err)
				}
			}
			op, tally, err := merged(it, days)
			if err != nil {
				return err
			}
			p.days.Add(tally)
			if op != nil {
				p.months = append(p.months, []table.Op{*op})
			}
		}
	}
	return nil
}

// merged puts days over the month that is stored; nil: none is.
func merged(it *table.Item, days []shelter.DayCount) (*table.Op, registry.Tally, error) {
	var tally registry.Tally
	var err error
	var stored []shelter.DayCount
	var version uint64
	if it != nil {
		version = it.Version
		if stored, err = record.ToMonth(it); err != nil {
			return nil, tally, err
		}
	}
	for _, d := range days {
		at := slices.IndexFunc(stored, func(have shelter.DayCount) bool { return have.Day.Equal(d.Day) })
		switch {
		case at < 0:
			stored = append(stored, d)
			tally.Created++
		case stored[at] == d:
			tally.Unchanged++
		default:
			stored[at] = d
			tally.Updated++
		}
	}
	if tally.Created+tally.Updated == 0 {
		return nil, tally, nil
	}
	for i := range stored { // the month has one population and kind: the latest known
		stored[i].Population, stored[i].Kind = days[0].Population, days[0].Kind
	}
	op := table.PutOp(record.FromMonth(stored), version)
	return &op, tally, nil
}

// write commits plans together where they fit one write. Those that lost a race
// are planned again one by one.
func (r *importing) write(ctx context.Context, plans []plan) error {
	var ops []table.Op
	var of []*plan
	flush := func() error {
		if len(ops) == 0 {
			return nil
		}
		err := r.commit(ctx, ops, of)
		ops, of = nil, nil
		return err
	}
	for i := range plans {
		p := &plans[i]
		for _, part := range append([][]table.Op{p.core}, p.months...) {
			if len(part) == 0 {
				continue
			}
			if len(ops)+len(part) > importOps {
				if err := flush(); err != nil {
					return err
				}
			}
			ops = append(ops, part...)
			if len(of) == 0 || of[len(of)-1] != p {
				of = append(of, p)
			}
		}
	}
	return flush()
}

func (r *importing) commit(ctx context.Context, ops []table.Op, of []*plan) error {
	lost, err := r.put(ctx, ops)
	if err != nil {
		return err
	}
	if !lost {
		return nil
	}
	for _, p := range of {
		if err := r.alone(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// put writes once; lost says that it may not have been written as it was decided.
func (r *importing) put(ctx context.Context, ops []table.Op) (lost bool, err error) {
	err = r.Store.Write(ctx, table.Batch{WriteID: r.NewID(), Ops: ops})
	if _, stale := table.IsStale(err); stale || errors.Is(err, table.ErrUnknown) {
		return true, nil
	}
	return false, refusal(err)
}

// alone plans and writes one entry again until it is in. What it counts is what
// was counted first: part of it may have been written already.
func (r *importing) alone(ctx context.Context, p *plan) error {
	for range attempts {
		again, err := r.plan(ctx, p.entry)
		if err != nil {
			return err
		}
		lost := false
		for _, ops := range append([][]table.Op{again.core}, again.months...) {
			if len(ops) == 0 {
				continue
			}
			if lost, err = r.put(ctx, ops); err != nil {
				return err
			}
			if lost {
				break
			}
		}
		if !lost {
			return nil
		}
	}
	return fault.New(fault.Busy, "a shelter of this file is busy; send the same file again shortly")
}
