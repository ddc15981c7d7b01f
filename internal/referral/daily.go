package referral

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"panah/internal/caller"
	"panah/internal/code"
	"panah/internal/fault"
	"panah/internal/place"
	"panah/internal/record"
	"panah/internal/shelter"
	"panah/internal/table"
)

// DaySum is the daily counts of a district's units for one population, in beds or
// in rooms, of one day.
type DaySum struct {
	Day        time.Time
	District   place.Code
	Population code.Population
	Kind       code.UnitKind
	Shelters   int
	Units      int
	Sanctioned, Staffed, OutOfService,
	Occupied, Free, OverCapacity, // free beds of units with any, people or rooms too many of the others
	Persons int
}

// MaxDays is the longest series one question may ask for.
const MaxDays = 3 * 366

// DailyCensus sums the daily counts of a place within the caller's region, from a
// day to a day, both included: by day, district, population and kind. Numbers are
// as counted, small ones too: whoever publishes them suppresses first. A place
// outside the region answers as one that is not there.
func (s *Service) DailyCensus(ctx context.Context, c caller.Caller, within place.Code, from, to time.Time) ([]DaySum, error) {
	if within == "" {
		within = c.Region()
	}
	here, ok := place.Lookup(within)
	if !ok && c.Region() != "" {
		return nil, fault.New(fault.NotFound, "there is nothing here under this id")
	}
	if err := c.Allow(caller.ReadOccupancy, caller.Resource{District: within}); err != nil {
		return nil, err
	}
	if from, to = day(from), day(to); to.Before(from) {
		return nil, fault.Field("to", "is before from")
	}
	if to.Sub(from) > MaxDays*24*time.Hour {
		return nil, fault.Field("from", "is more than %d days before to", MaxDays)
	}
	sums := daySums{by: map[dayKey]*DaySum{}, shelters: map[dayShelter]bool{}, from: from, to: to}
	err := s.months(ctx, monthsOf(here, from, to), sums.add)
	return sums.sorted(), err
}

func day(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// monthsOf are the partitions that hold the daily counts of a place: one for each
// state and month.
func monthsOf(here place.Place, from, to time.Time) (out []table.Query) {
	states := []place.Code{here.State}
	if here.Level == place.Country {
		states = nil
		for _, st := range place.States(here.Code) {
			states = append(states, st.Code)
		}
	}
	for m := time.Date(from.Year(), from.Month(), 1, 0, 0, 0, 0, time.UTC); !m.After(to); m = m.AddDate(0, 1, 0) {
		for _, st := range states {
			q := table.Query{PK: record.MonthPartition(st, m), Consistency: table.Relaxed}
			if here.Level == place.District {
				q.From, q.To = record.MonthRange(here.Code)
			}
			out = append(out, q)
		}
	}
	return out
}

// monthReaders is how many partitions are read at once.
const monthReaders = 8

// months reads partitions, several at once, and hands on each unit's month, one at
// a time.
func (s *Service) months(ctx context.Context, queries []table.Query, each func([]shelter.DayCount)) error {
	next := make(chan table.Query)
	errs := make([]error, monthReaders)
	var mu sync.Mutex
	var readers sync.WaitGroup
	for i := range monthReaders {
		readers.Go(func() {
			for q := range next {
				if errs[i] == nil {
					errs[i] = s.month(ctx, q, func(days []shelter.DayCount) {
						mu.Lock()
						defer mu.Unlock()
						each(days)
					})
				}
			}
		})
	}
	for _, q := range queries {
		next <- q
	}
	close(next)
	readers.Wait()
	return errors.Join(errs...)
}

func (s *Service) month(ctx context.Context, q table.Query, each func([]shelter.DayCount)) error {
	for {
		page, err := s.Store.Query(ctx, q)
		if err != nil {
			return refusal(err)
		}
		for i := range page.Items {
			days, err := record.ToMonth(&page.Items[i])
			if err != nil {
				return err
			}
			each(days)
		}
		if q.After = page.Next; page.Next == "" {
			return nil
		}
	}
}

type dayKey struct {
	day        time.Time
	district   place.Code
	population code.Population
	kind       code.UnitKind
}

type dayShelter struct {
	dayKey
	shelter string
}

type daySums struct {
	from, to time.Time
	by       map[dayKey]*DaySum
	shelters map[dayShelter]bool
}

func (s *daySums) add(days []shelter.DayCount) {
	for _, d := range days {
		if d.Day.Before(s.from) || d.Day.After(s.to) {
			continue
		}
		k := dayKey{d.Day, d.District, d.Population, d.Kind}
		sum := s.by[k]
		if sum == nil {
			sum = &DaySum{Day: d.Day, District: d.District, Population: d.Population, Kind: d.Kind}
			s.by[k] = sum
		}
		if in := (dayShelter{k, d.Shelter}); !s.shelters[in] {
			s.shelters[in] = true
			sum.Shelters++
		}
		sum.Units++
		sum.Sanctioned += d.Sanctioned
		sum.Staffed += d.Staffed
		sum.OutOfService += d.OutOfService
		sum.Occupied += d.Occupied
		sum.Persons += d.Persons
		sum.Free += max(0, d.Free())
		sum.OverCapacity += max(0, -d.Free())
	}
}

func (s *daySums) sorted() []DaySum {
	out := make([]DaySum, 0, len(s.by))
	for _, sum := range s.by {
		out = append(out, *sum)
	}
	slices.SortFunc(out, func(a, b DaySum) int {
		return cmp.Or(a.Day.Compare(b.Day), cmp.Compare(a.District, b.District), cmp.Compare(a.Population, b.Population), cmp.Compare(a.Kind, b.Kind))
	})
	return out
}
