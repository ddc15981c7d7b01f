package referral

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"panah/internal/caller"
	"panah/internal/fault"
	"panah/internal/matching"
	"panah/internal/place"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/shelter"
	"panah/internal/table"
)

// OwnRegister is the name of Panah's own register: numbers given to shelters
// that no other register knows.
const OwnRegister = "panah"

// Register puts a shelter on the register of the caller's region: registered,
// neither vetted nor active, with empty units. The same command again answers
// with the shelter as it is now; a number that is taken already is refused.
func (s *Service) Register(ctx context.Context, c caller.Caller, r shelter.Registration, cmd Command) (v ShelterView, replayed bool, err error) {
	if err := c.Allow(caller.RegisterShelter, caller.Resource{District: c.Region()}); err != nil {
		return v, false, err
	}
	if err := r.Check(s.now()); err != nil {
		return v, false, err
	}
	if !place.Within(r.District, c.Region()) {
		return v, false, fault.Field("district", "is not a district of your region")
	}
	id, source := shelter.Identity(c.Scope, "command", cmd.Key)
	if r.RegistryKey != "" {
		id, source = shelter.Identity(country(r.District), OwnRegister, r.RegistryKey)
	}
	made := placement.Hash(c.Scope + "\x00" + cmd.Key + "\x00" + cmd.Payload)
	for range attempts {
		v, err = s.stored(ctx, id)
		if err != nil {
			return v, false, err
		}
		if v.ID != "" {
			return again(v, source, made, r)
		}
		v.Shelter, v.Units = r.New(id)
		v.Source, v.Made, v.By = source, made, c.Subject
		ops, items := written(&v, true)
		err = s.Store.Write(ctx, table.Batch{WriteID: s.NewID(), Ops: ops})
		if err == nil {
			s.Directory.Learn(items...)
			return v, false, nil
		}
		if _, lost := table.IsStale(err); !lost && !errors.Is(err, table.ErrUnknown) {
			return v, false, refusal(err)
		}
	}
	return ShelterView{}, false, errBusyShelter()
}

// again answers a command for a shelter that is there already.
func again(v ShelterView, source, made uint64, r shelter.Registration) (ShelterView, bool, error) {
	switch {
	case v.Source == source && v.Made == made:
		return v, true, nil
	case v.Source == source && r.RegistryKey == "":
		return ShelterView{}, false, fault.New(fault.KeyReused, "this Idempotency-Key was used for another shelter")
	}
	return ShelterView{}, false, fault.Field("registryKey", "is on the register already: change that shelter instead")
}

func country(of place.Code) string {
	d, _ := place.Lookup(of)
	return string(d.Country)
}

func errBusyShelter() error {
	return fault.New(fault.Busy, "the shelter is busy; send it again shortly")
}

// stored reads a shelter with its units as they are, for whoever may; one that
// is not there has no id.
func (s *Service) stored(ctx context.Context, id string) (v ShelterView, err error) {
	q := table.Query{PK: record.ShelterKey(id).PK, From: "S"}
	for {
		page, err := s.Store.Query(ctx, q)
		if err != nil {
			return v, refusal(err)
		}
		for i := range page.Items {
			if err := v.take(&page.Items[i]); err != nil {
				return v, err
			}
		}
		if q.After = page.Next; page.Next == "" {
			return v, nil
		}
	}
}

// take puts an item of the shelter's partition where it belongs.
func (v *ShelterView) take(it *table.Item) (err error) {
	switch {
	case record.IsShelter(it.Key):
		v.Shelter, err = record.ToShelter(it)
	case record.IsUnit(it.Key):
		var u shelter.Unit
		u, err = record.ToUnit(it)
		v.Units = append(v.Units, u)
	case record.IsDoor(it.Key):
		v.Door, err = record.ToDoor(it)
	}
	return err
}

// Update gives a shelter the facts of r, if it is still at the version the sender
// saw. Its rev is raised in the shelter and in every unit in the same write. Facts
// that are there already change nothing.
func (s *Service) Update(ctx context.Context, c caller.Caller, id string, ifMatch uint64, r shelter.Registration) (ShelterView, error) {
	if err := r.Check(s.now()); err != nil {
		return ShelterView{}, err
	}
	for range attempts {
		v, err := s.Shelter(ctx, c, id)
		if err != nil {
			return v, err
		}
		if err := c.Allow(caller.RegisterShelter, caller.Resource{Shelter: v.ID, District: v.District}); err != nil {
			return ShelterView{}, err
		}
		if r.RegistryKey != v.RegistryKey {
			return ShelterView{}, fault.Field("registryKey", "cannot change")
		}
		next, changed, err := updated(v, r)
		if err != nil {
			return v, err
		}
		if !changed { // perhaps written by this command before, its answer lost
			if v.DailyIntake.Said() {
				s.seedDoor(ctx, id)
			}
			return v, nil
		}
		if v.Edition() != ifMatch {
			f := fault.New(fault.Precondition, "the shelter was changed since you saw it")
			f.Current, f.Sent = v, Seen{ifMatch}
			return ShelterView{}, f
		}
		next.By = c.Subject
		ops, items := written(&next, true)
		err = s.Store.Write(ctx, table.Batch{WriteID: s.NewID(), Ops: ops})
		if err == nil {
			s.Directory.Learn(items...)
			if next.DailyIntake.Said() && !v.DailyIntake.Said() {
				s.seedDoor(ctx, id)
			}
			return next, nil
		}
		if _, lost := table.IsStale(err); !lost && !errors.Is(err, table.ErrUnknown) {
			return ShelterView{}, refusal(err)
		}
	}
	return ShelterView{}, errBusyShelter()
}

// Seen is the version a sender believed to replace.
type Seen struct{ Version uint64 }

func updated(v ShelterView, r shelter.Registration) (ShelterView, bool, error) {
	next := v
	var changed bool
	var err error
	next.Shelter, next.Units, changed, err = r.Update(v.Shelter, v.Units)
	if err == nil && v.Status == shelter.Active && !next.RulesRecorded() {
		err = fault.Field("houseRules", "must stay recorded while the shelter takes part")
	}
	return next, changed, err
}

// ShelterFilter says which shelters of a region to list.
type ShelterFilter struct {
	Within   place.Code      // empty: the whole region
	Status   *shelter.Status // nil: every status
	Expiring time.Duration   // registration has ended or ends within; 0: all
	Limit    int
	After    string
}

// Shelters lists the shelters of a desk's or ministry's region from the
// directory: by id, or those whose registration ends, the first to end first. The
// directory may be seconds old.
func (s *Service) Shelters(ctx context.Context, c caller.Caller, f ShelterFilter) (list []*matching.Candidate, next string, err error) {
	if f.Within == "" {
		f.Within = c.Region()
	}
	if _, ok := place.Lookup(f.Within); !ok && c.Region() != "" {
		return nil, "", fault.New(fault.NotFound, "there is nothing here under this id")
	}
	if err := c.Allow(caller.ListShelters, caller.Resource{District: f.Within}); err != nil {
		return nil, "", err
	}
	w, err := s.world(ctx)
	if err != nil {
		return nil, "", err
	}
	now := s.now()
	for x := range w.All() {
		if f.takes(x, now) && f.cursor(x) > f.After {
			list = append(list, x)
		}
	}
	slices.SortFunc(list, func(a, b *matching.Candidate) int { return cmp.Compare(f.cursor(a), f.cursor(b)) })
	if len(list) > f.Limit {
		list = list[:f.Limit]
		next = f.cursor(list[f.Limit-1])
	}
	return list, next, nil
}

func (f ShelterFilter) takes(x *matching.Candidate, now time.Time) bool {
	switch {
	case !place.Within(x.District, f.Within), f.Status != nil && x.Status != *f.Status:
		return false
	case f.Expiring > 0:
		return x.Status != shelter.Closed && x.RegisteredUntil.Before(now.Add(f.Expiring))
	}
	return true
}

// cursor is a shelter's place in the list.
func (f ShelterFilter) cursor(x *matching.Candidate) string {
	if f.Expiring > 0 {
		return fmt.Sprintf("%012d.%s", max(0, x.RegisteredUntil.Unix()), x.ID)
	}
	return strings.ToUpper(x.ID)
}
