package referral

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"panah/internal/caller"
	"panah/internal/fault"
	"panah/internal/place"
	"panah/internal/record"
	"panah/internal/registry"
	"panah/internal/shelter"
	"panah/internal/table"
)

// Import says how to take a file in.
type Import struct {
	Command  Command               // key and payload of the request; without a key none is kept
	DryRun   bool                  // say what would happen and change nothing
	Within   time.Duration         // stop starting new work after so long; 0: never
	Progress func(done, total int) // of shelters; may be nil; never called twice at once
}

const (
	importChunk   = 24 // shelters read and written together
	importReaders = 8  // reads of a chunk at once
	importWorkers = 4  // chunks at once
	importOps     = 90 // operations of one write, below the limit of the table
)

// Import takes a file of the register in, for the ministry of the region: shelters
// and units are made or brought up to date, daily counts are set, and a unit's own
// counts follow the file's latest day unless somebody counted later. A shelter's
// id follows from country, register and key, so that the same file again changes
// nothing; one that stopped half way goes on where it stopped. What cannot be
// taken is reported by line and field and leaves the rest alone.
func (s *Service) Import(ctx context.Context, c caller.Caller, f registry.File, how Import) (registry.Report, error) {
	if err := c.Allow(caller.RegisterShelter, caller.Resource{District: c.Region()}); err != nil {
		return registry.Report{}, err
	}
	replayed, whole, err := s.claimImport(ctx, c, how.Command, how.DryRun)
	if err != nil {
		return registry.Report{}, err
	}
	run := &importing{Service: s, by: c, register: f.Register(), how: how, total: len(f.Entries), id: s.NewID(), opened: map[table.Key]map[place.Code]bool{},
		report: registry.Report{Replayed: replayed, DryRun: how.DryRun, Finished: true, Rows: f.Rows, Refused: f.Refused, Problems: f.Problems}}
	if how.Within > 0 {
		run.until = s.Now().Add(how.Within)
	}
	run.how.DryRun = how.DryRun || whole
	err = run.all(ctx, f.Entries)
	if whole {
		run.report.AsItIs()
	} else if err == nil && run.report.Finished {
		if err = run.close(ctx); err == nil && !how.DryRun {
			err = s.settleImport(ctx, c, how.Command)
		}
	}
	run.report.Sort()
	return run.report, err
}

// importing is one import on its way.
type importing struct {
	*Service
	by       caller.Caller
	register string
	how      Import
	until    time.Time
	total    int
	id       string

	mu     sync.Mutex // guards what follows
	done   int
	report registry.Report
	opened map[table.Key]map[place.Code]bool // months and states said to be on their way
}

// all hands chunks to workers until there are no more, time is up or one fails.
func (r *importing) all(ctx context.Context, entries []*registry.Entry) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	chunks := make(chan []*registry.Entry)
	var workers sync.WaitGroup
	for range importWorkers {
		workers.Go(func() {
			for chunk := range chunks {
				if err := r.chunk(ctx, chunk); err != nil {
					stop(err)
					return
				}
			}
		})
	}
feed:
	for chunk := range slices.Chunk(entries, importChunk) {
		if !r.until.IsZero() && !r.Now().Before(r.until) {
			r.mu.Lock()
			r.report.Finished = false
			r.mu.Unlock()
			break
		}
		select {
		case chunks <- chunk:
		case <-ctx.Done():
			break feed
		}
	}
	close(chunks)
	workers.Wait()
	return context.Cause(ctx)
}

// chunk plans a few shelters at once and writes what has to change.
func (r *importing) chunk(ctx context.Context, entries []*registry.Entry) error {
	plans, errs := make([]plan, len(entries)), make([]error, len(entries))
	next := make(chan int)
	var readers sync.WaitGroup
	for range min(importReaders, len(entries)) {
		readers.Go(func() {
			for i := range next {
				plans[i], errs[i] = r.plan(ctx, entries[i])
			}
		})
	}
	for i := range entries {
		next <- i
	}
	close(next)
	readers.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if !r.how.DryRun {
		if err := r.open(ctx, plans); err != nil {
			return err
		}
		if err := r.write(ctx, plans); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range plans {
		r.report.Shelters.Add(p.shelters)
		r.report.Days.Add(p.days)
		r.report.Problems = append(r.report.Problems, p.problems...)
	}
	r.done += len(plans)
	if r.how.Progress != nil {
		r.how.Progress(r.done, r.total)
	}
	return nil
}

// plan is what one entry comes to.
type plan struct {
	entry          *registry.Entry
	core           []table.Op   // shelter and units: one write
	months         [][]table.Op // daily counts: any write
	marks          []mark       // of what months it has daily counts
	shelters, days registry.Tally
	problems       []registry.Problem
}

// refused is a plan that changes nothing, with the reasons.
func (p plan) refused(problems ...registry.Problem) plan {
	return plan{entry: p.entry, shelters: registry.Tally{Refused: 1}, problems: problems}
}

// plan decides what an entry changes in what is stored now.
func (r *importing) plan(ctx context.Context, e *registry.Entry) (plan, error) {
	p := plan{entry: e}
	v, id, source, err := r.find(ctx, e)
	if err != nil {
		return p, err
	}
	if v.ID != "" && (v.Source != source || r.by.Allow(caller.RegisterShelter, caller.Resource{Shelter: v.ID, District: v.District}) != nil) {
		return p.refused(registry.Problem{Line: e.Line, Field: "key", What: "is on the register of another office"}), nil //nolint:nilerr // a refusal of the row
	}
	facts, problems := e.Facts(shelter.Facts(v.Shelter, v.Units))
	if len(problems) > 0 {
		return p.refused(problems...), nil
	}
	for _, wrong := range facts.Problems(r.now()) {
		problems = append(problems, e.Problem(facts, wrong))
	}
	if !place.Within(facts.District, r.by.Region()) {
		problems = append(problems, registry.Problem{Line: e.Line, Field: "district", What: "is not a district of your region"})
	}
	if len(problems) > 0 {
		return p.refused(problems...), nil
	}
	next, how, err := r.next(v, id, source, facts)
	if err == nil {
		next, err = r.as(e, next)
	}
	if wrong, ok := fault.Of(err); ok {
		return p.refused(registry.Problem{Line: e.Line, Field: wrong.Field, What: wrong.Detail}), nil
	}
	if err != nil {
		return p, err
	}
	p.problems = r.count(e, &next)
	told, err := r.tell(ctx, v, &next)
	if err != nil {
		return p, err
	}
	p.core = append(changes(v, &next, r.by.Subject), told...)
	switch {
	case how:
		p.shelters.Created++
	case len(p.core) > 0:
		p.shelters.Updated++
	default:
		p.shelters.Unchanged++
	}
	return p, r.history(ctx, &p, next, how)
}

// created says that a shelter is not on the register yet.
const created = true

// find reads the shelter an entry is about; its country is only known where the
// file says the district, or for the caller's own.
func (r *importing) find(ctx context.Context, e *registry.Entry) (v ShelterView, id string, source uint64, err error) {
	home := country(e.District())
	if home == "" {
		home = country(r.by.Region())
	}
	id, source = shelter.Identity(home, r.register, e.Key)
	v, err = r.stored(ctx, id)
	return v, id, source, err
}

// next is the shelter with the facts of the file.
func (r *importing) next(v ShelterView, id string, source uint64, facts shelter.Registration) (next ShelterView, isNew bool, err error) {
	if v.ID == "" {
		next.Shelter, next.Units = facts.New(id)
		next.Source = source
		return next, created, nil
	}
	next, _, err = updated(v, facts)
	next.Units = slices.Clone(next.Units) // what is stored stays as it is, to be compared
	return next, !created, err
}

// as brings a shelter as far as the file says its vetting has got: never back, and
// never past a suspension or closure.
func (r *importing) as(e *registry.Entry, v ShelterView) (ShelterView, error) {
	want, said := e.Want()
	if !said || want == shelter.Registered {
		return v, nil
	}
	if err := r.by.Allow(caller.VetShelter, caller.Resource{Shelter: v.ID, District: v.District}); err != nil {
		return v, err
	}
	var err error
	if v.Status == shelter.Registered {
		v.Shelter, err = v.Moved(shelter.Vetted, len(v.Units), r.now())
	}
	if err == nil && v.Status == shelter.Vetted && want == shelter.Active {
		v.Shelter, err = v.Moved(shelter.Active, len(v.Units), r.now())
	}
	return v, err
}

// count lets the unit's own counts follow the file's latest day, unless somebody
// has counted, or people have come or gone, since.
func (r *importing) count(e *registry.Entry, v *ShelterView) (problems []registry.Problem) {
	for _, said := range e.Units {
		d, ok := said.Last()
		if !ok {
			continue
		}
		for i, u := range v.Units {
			if u.ID != said.ID {
				continue
			}
			said := census(u, d.DayCount)
			c := u.Counts()
			asIs := c.Staffed() == said.Staffed && c.OutOfService() == said.OutOfService && c.Occupied() == said.Present && (said.Rooms == 0 || u.RoomsOccupied() == said.Rooms)
			if d.Day.Before(u.CountedAt) || d.Day.Before(u.ConfirmedAt) || d.Day.Before(u.MovedAt) || (asIs && d.Day.Equal(u.CountedAt)) {
				continue
			}
			next, err := u.Count(said, r.now())
			if wrong, ok := fault.Of(err); ok {
				problems = append(problems, registry.Problem{Line: d.Line, Field: field(wrong), What: wrong.Detail})
				continue
			}
			next.By = r.by.Subject
			v.Units[i] = next
		}
	}
	return problems
}

// tell is what is written with the units the file has counted, as with a census.
func (r *importing) tell(ctx context.Context, v ShelterView, next *ShelterView) (ops []table.Op, err error) {
	for i := range next.Units {
		u := &next.Units[i]
		at := slices.IndexFunc(v.Units, func(have shelter.Unit) bool { return have.ID == u.ID })
		if at >= 0 && v.Units[at].Census == u.Census || at < 0 && u.CountedAt.IsZero() {
			continue
		}
		told, err := r.tellCrowdedIn(ctx, u, func() (place.Code, error) { return next.District, nil })
		if err != nil {
			return nil, err
		}
		ops = append(ops, told...)
	}
	return ops, nil
}

// census is a day's count of a unit in beds and people; where rooms were counted,
// the beds are those of the rooms.
func census(u shelter.Unit, d shelter.DayCount) shelter.Census {
	c := shelter.Census{CountedAt: d.Day, Present: d.Occupied, Staffed: d.Staffed, OutOfService: d.OutOfService}
	if u.RoomBeds > 1 && registry.CountsRooms(u.Kind) {
		c.Present, c.Rooms = d.Persons, min(d.Occupied, d.Persons)
		c.Staffed, c.OutOfService = d.Staffed*u.RoomBeds, d.OutOfService*u.RoomBeds
	}
	return c
}

// field names a fault's field as a file does.
func field(f *fault.Fault) string {
	if f.Field == "countedAt" {
		return "day"
	}
	return f.Field
}

// changes are the writes that make next of what is stored, none where both say the
// same. A shelter that changes takes its units along, for their rev.
func changes(v ShelterView, next *ShelterView, by string) (ops []table.Op) {
	put := func(it table.Item, version uint64) { ops = append(ops, table.PutOp(it, version)) }
	whole := v.ID == "" || next.Rev != v.Rev
	if whole {
		next.By = by
		put(record.FromShelter(next.Shelter), next.Version)
	}
	for i := range next.Units {
		next.Units[i].Rev = next.Rev
		u := next.Units[i]
		at := slices.IndexFunc(v.Units, func(have shelter.Unit) bool { return have.ID == u.ID })
		if whole || at < 0 || v.Units[at].Census != u.Census {
			put(record.FromUnit(u), u.Version)
		}
	}
	return ops
}
