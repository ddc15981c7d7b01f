package referral

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"panah/internal/matching"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/shelter"
	"panah/internal/table"
)

// Difference is one thing that a unit's counters say and the placements do not,
// or the other way round.
type Difference struct {
	Shelter, Unit, Claim string
	What                 string
	Repaired             bool
}

// String is one line for a person.
func (d Difference) String() string {
	repaired := ""
	if d.Repaired {
		repaired = " (repaired)"
	}
	return fmt.Sprintf("%s/%s %s: %s%s", d.Shelter, d.Unit, d.Claim, d.What, repaired)
}

// Verify recomputes the claims of every unit from the placements that hold beds
// there and answers what differs. With repair the unit is set right by version;
// placements are never touched. What is being written at this moment can look
// like a difference, so each one is looked at twice before it counts.
func (s *Service) Verify(ctx context.Context, repair bool) ([]Difference, error) {
	return s.verifyShare(ctx, 0, 1, repair)
}

// VerifyShare is Verify of one share of the shelters, by a hash of their ids. It
// takes half of the time there is, so that Reconcile has the other. When that is
// up it says how far it came, and the next call for the share goes on from there.
func (s *Service) VerifyShare(ctx context.Context, share, of int, repair bool) ([]Difference, error) {
	ctx, cancel := half(ctx)
	defer cancel()
	return s.verifyShare(ctx, share, of, repair)
}

// half is ctx with half of the time that is left.
func half(ctx context.Context) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Until(end)/2)
}

func (s *Service) verifyShare(ctx context.Context, share, of int, repair bool) ([]Difference, error) {
	list, err := s.shareOfShelters(ctx, share, of)
	if err != nil {
		return nil, err
	}
	key := [2]int{share, of}
	s.mu.Lock()
	list = after(list, s.checked[key])
	s.mu.Unlock()
	found := make([][]Difference, len(list))
	done, err := s.inGroups(ctx, len(list), func(i int) (err error) {
		if found[i], err = s.verifyTwice(ctx, list[i].ID, repair); err != nil {
			return fmt.Errorf("verify %s: %w", list[i].ID, err)
		}
		return nil
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	if done == len(list) {
		delete(s.checked, key)
	} else if done > 0 {
		s.checked[key] = list[done-1].ID
	}
	return append([]Difference{}, slices.Concat(found...)...), err
}

// after turns a list by id round to begin behind an id.
func after(list []*matching.Candidate, id string) []*matching.Candidate {
	i, found := slices.BinarySearchFunc(list, id, func(c *matching.Candidate, id string) int { return strings.Compare(c.ID, id) })
	if found {
		i++
	}
	return slices.Concat(list[i:], list[:i])
}

func (s *Service) verifyTwice(ctx context.Context, id string, repair bool) ([]Difference, error) {
	found, err := s.verifyShelter(ctx, id, false)
	if err == nil && len(found) > 0 {
		found, err = s.verifyShelter(ctx, id, repair)
	}
	return found, err
}

// shareOfShelters are the shelters of one share as the newest directory has
// them, by id.
func (s *Service) shareOfShelters(ctx context.Context, share, of int) (out []*matching.Candidate, err error) {
	if err := s.Directory.Refresh(ctx, s.Now()); err != nil {
		return nil, err
	}
	w, err := s.world(ctx)
	if err != nil {
		return nil, err
	}
	for c := range w.All() {
		if shareOf(c.ID, of) == share {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b *matching.Candidate) int { return strings.Compare(a.ID, b.ID) })
	return out, nil
}

// group is how many calls are made before the time is looked at; one slow call
// among them does not keep many waiting.
const group = 64

// failures is how many groups that failed are told of: a table that cannot be
// read fails all.
const failures = 4

// inGroups calls f for 0 to n-1, some at once, while there is time, and answers
// how many are done. What fails does not keep the others from their turn; a group
// in which the time was up is not done.
func (s *Service) inGroups(ctx context.Context, n int, f func(i int) error) (done int, err error) {
	var errs []error
	for done < n {
		size := min(group, n-done)
		err := s.each(size, func(i int) error {
			if ctx.Err() != nil {
				return nil //nolint:nilerr // the time is up: said below
			}
			return f(done + i)
		})
		if ctx.Err() != nil {
			return done, errors.Join(append(errs, fmt.Errorf("%d of %d shelters looked at: %w", done, n, ctx.Err()))...)
		}
		if done += size; err != nil && len(errs) < failures {
			errs = append(errs, err)
		}
	}
	return done, errors.Join(errs...)
}

func shareOf(id string, of int) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	return int(h.Sum32() % uint32(of))
}

// Reconcile hands publish every shelter, unit and door of one share of the directory
// that the table has at a newer version than this copy: what a feed that was cut
// has lost comes back. It reads for half of the time there is, and what it has
// found by then is handed on, though some shelters could not be read.
func (s *Service) Reconcile(ctx context.Context, share, of int, publish func(context.Context, []table.Change) error) (lost int, err error) {
	list, err := s.shareOfShelters(ctx, share, of)
	if err != nil {
		return 0, err
	}
	reading, cancel := half(ctx)
	defer cancel()
	found := make([][]table.Change, len(list))
	_, err = s.inGroups(reading, len(list), func(i int) error {
		page, err := s.Store.Query(reading, table.Query{PK: record.ShelterKey(list[i].ID).PK, From: "S"})
		if err != nil {
			return fmt.Errorf("reconcile %s: %w", list[i].ID, err)
		}
		for k := range page.Items {
			if it := &page.Items[k]; newer(it, list[i]) {
				found[i] = append(found[i], table.Change{New: it})
			}
		}
		return nil
	})
	for rest := slices.Concat(found...); len(rest) > 0; rest = rest[min(len(rest), table.MaxOps):] {
		batch := rest[:min(len(rest), table.MaxOps)]
		if perr := publish(ctx, batch); perr != nil {
			return lost, errors.Join(err, perr)
		}
		lost += len(batch)
	}
	return lost, err
}

// newer reports whether an item is a shelter, unit or door at a version the copy lacks.
// What was written in the last moments may be among them: published twice it is
// the same.
func newer(it *table.Item, c *matching.Candidate) bool {
	if record.IsShelter(it.Key) {
		return it.Version > c.Version
	}
	if record.IsDoor(it.Key) {
		return it.Version > c.Door.Version
	}
	i := slices.IndexFunc(c.Units, func(u shelter.Unit) bool { return record.UnitKey(c.ID, u.ID) == it.Key })
	return record.IsUnit(it.Key) && (i < 0 || it.Version > c.Units[i].Version)
}

func (s *Service) verifyShelter(ctx context.Context, id string, repair bool) ([]Difference, error) {
	page, err := s.Store.Query(ctx, table.Query{PK: record.ShelterKey(id).PK, From: record.ShelterKey(id).SK, To: "U#~"})
	if err != nil {
		return nil, err
	}
	live, err := s.liveAt(ctx, id)
	if err != nil {
		return nil, err
	}
	promised, used := map[string]map[string]shelter.Claim{}, map[string]shelter.Places{}
	for _, p := range live {
		if addPromised(promised, p); p.State == placement.Arrived {
			addUsed(used, p)
		}
	}
	v := ShelterView{Door: shelter.Door{Shelter: id}}
	for i := range page.Items {
		if it := &page.Items[i]; record.IsShelter(it.Key) || record.IsDoor(it.Key) {
			if err := v.take(it); err != nil {
				return nil, err
			}
		}
	}
	out, err := s.verifyDoor(ctx, id, v, live, repair)
	if err != nil {
		return nil, err
	}
	for i := range page.Items {
		it := &page.Items[i]
		if !record.IsUnit(it.Key) {
			continue
		}
		u, err := record.ToUnit(it)
		var found []Difference
		if errors.Is(err, record.ErrGuard) {
			found = append(found, Difference{Shelter: id, Unit: u.ID, What: "its guard and its counts disagree"})
		} else if err != nil {
			return nil, err
		}
		if err := s.promisedByClaims(ctx, u, promised); err != nil {
			return nil, err
		}
		fixed, differ := compare(u, promised[u.ID], s.now())
		found = append(found, differ...)
		if have, want := u.UsedPlaces(), used[u.ID]; have != want {
			found = append(found, Difference{Shelter: id, Unit: u.ID, What: fmt.Sprintf("it counts %d step-free and %d medical places in use, by its people it is %d and %d",
				have.StepFree, have.Medical, want.StepFree, want.Medical)})
			fixed = fixed.RestoreUsed(want)
		}
		if repair && len(found) > 0 {
			err := s.Store.Write(ctx, table.Batch{WriteID: s.NewID(), Ops: []table.Op{table.PutOp(record.FromUnit(fixed), it.Version)}})
			for j := range found {
				found[j].Repaired = err == nil
			}
		}
		out = append(out, found...)
	}
	return out, nil
}

// promisedByClaims adds what the placements named by a unit's own claims hold
// there: the index by which promised finds them may lag.
func (s *Service) promisedByClaims(ctx context.Context, u shelter.Unit, promised map[string]map[string]shelter.Claim) error {
	for claim := range u.Claims() {
		if _, known := promised[u.ID][claim]; known {
			continue // read a moment ago
		}
		id, _, _ := strings.Cut(claim, ".")
		p, err := s.load(ctx, id)
		if err != nil {
			return err
		}
		if p != nil && p.Hold.Shelter == u.Shelter && p.State.Promised() {
			addPromised(promised, *p)
		}
	}
	return nil
}

// liveAt are the placements that hold beds in a shelter or are there.
func (s *Service) liveAt(ctx context.Context, id string) (out []placement.Placement, err error) {
	q := table.Query{Index: table.Work, PK: record.WorkPartition(id)}
	for {
		list, next, err := s.list(ctx, q, func(p placement.Placement) bool { return p.Hold.Shelter == id && p.State.Live() })
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
		if q.After = next; next == "" {
			return out, nil
		}
	}
}

// addUsed adds the places of those of a party who are in the shelter, by unit.
func addUsed(used map[string]shelter.Places, p placement.Placement) {
	for _, part := range p.Hold.Parts {
		used[part.Unit] = used[part.Unit].Plus(p.PlacesOf(part))
	}
}

// addPromised adds the claims a placement should have, by unit and claim; one that
// holds no beds should have none.
func addPromised(promised map[string]map[string]shelter.Claim, p placement.Placement) {
	if !p.State.Promised() {
		return
	}
	for _, part := range p.Hold.Parts {
		if promised[part.Unit] == nil {
			promised[part.Unit] = map[string]shelter.Claim{}
		}
		claim := shelter.Claim{N: part.Claimed(), Places: p.PlacesOf(part)}
		if p.State == placement.Held {
			claim.Until = p.Hold.ExpiresAt
		}
		promised[part.Unit][placement.ClaimID(p.ID, p.Hold.No)] = claim
	}
}

// compare holds a unit's claims against those it should have and answers the
// unit set right. A claim whose time has passed counts for nothing and is left
// to the clock.
func compare(u shelter.Unit, want map[string]shelter.Claim, now time.Time) (shelter.Unit, []Difference) {
	var out []Difference
	differ := func(claim, what string) {
		out = append(out, Difference{Shelter: u.Shelter, Unit: u.ID, Claim: claim, What: what})
	}
	have := u.Claims()
	for id, c := range have {
		w, ok := want[id]
		switch {
		case !ok && !c.Dead(now):
			differ(id, fmt.Sprintf("%d beds are claimed for nobody", c.N))
			u = u.Release(id)
		case ok && (w.N != c.N || !w.Until.Equal(c.Until)):
			differ(id, fmt.Sprintf("the claim is for %d beds, the placement for %d, or their ends differ", c.N, w.N))
			u = u.WithClaim(id, w)
		case ok && w.Places != c.Places && (u.Limits(w.Places) || c.Places != (shelter.Places{})):
			differ(id, "the places of the claim are not those its people need")
			u = u.WithClaim(id, w)
		}
	}
	for id, w := range want {
		if _, ok := have[id]; !ok && !w.Dead(now) {
			differ(id, fmt.Sprintf("%d beds are promised and not claimed", w.N))
			u = u.WithClaim(id, w)
		}
	}
	slices.SortFunc(out, func(a, b Difference) int { return slices.Compare([]byte(a.Claim), []byte(b.Claim)) })
	return u, out
}
