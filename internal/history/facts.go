package history

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"panah/internal/occupancy"
	"panah/internal/place"
)

// MonthFacts are the facts of one month and family about the places of a level.
type MonthFacts struct {
	Month  string
	Family string
	Facts  []occupancy.Fact // by occupancy.CompareFacts
}

// Facts answers what happened, month by month, in the places of a level within a
// place: the families asked for, in the order asked.
func (r *Reader) Facts(ctx context.Context, within place.Place, by place.Level, from, to time.Time, families ...string) ([]MonthFacts, error) {
	flows, err := r.Flows(ctx, within.Code, from, to)
	if err != nil {
		return nil, err
	}
	if within.Level == place.Country && by == place.District {
		if flows, err = r.flowsOfStates(ctx, within.Code, flows, from, to); err != nil {
			return nil, err
		}
	}
	var out []MonthFacts
	for _, f := range flows {
		for _, family := range families {
			m := MonthFacts{Month: f.Month, Family: family}
			for _, fact := range f.Facts[family] {
				if p, ok := place.Lookup(fact.Place); ok && p.Level == by {
					m.Facts = append(m.Facts, fact)
				}
			}
			out = append(out, m)
		}
	}
	return out, nil
}

// flowsOfStates puts the states' items in the place of their country's.
func (r *Reader) flowsOfStates(ctx context.Context, country place.Code, of []Flow, from, to time.Time) ([]Flow, error) {
	states := place.States(country)
	parts, errs := make([][]Flow, len(states)), make([]error, len(states))
	turn := make(chan struct{}, abreast)
	var all sync.WaitGroup
	for i, s := range states {
		all.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			parts[i], errs[i] = r.Flows(ctx, s.Code, from, to)
		})
	}
	all.Wait()
	out := slices.Clone(of)
	for i := range out {
		out[i].Facts = map[string][]occupancy.Fact{}
		for _, flows := range parts {
			for _, f := range flows {
				if f.Month != out[i].Month {
					continue
				}
				for family, facts := range f.Facts {
					out[i].Facts[family] = append(out[i].Facts[family], facts...)
				}
			}
		}
		for family := range out[i].Facts {
			slices.SortFunc(out[i].Facts[family], occupancy.CompareFacts)
		}
	}
	return out, errors.Join(errs...)
}
