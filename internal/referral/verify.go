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
	return s.VerifyShare(ctx, 0, 1, repair)
}

// VerifyShare is Verify of one share of the shelters, by a hash of their ids.
func (s *Service) VerifyShare(ctx context.Context, share, of int, repair bool) ([]Difference, error) {
	if err := s.Directory.Refresh(ctx, s.Now()); err != nil {
		return nil, err
	}
	w, err := s.world(ctx)
	if err != nil {
		return nil, err
	}
	out := []Difference{}
	for c := range w.All() {
		if shareOf(c.ID, of) != share {
			continue
		}
		found, err := s.verifyShelter(ctx, c.ID, false)
		if err == nil && len(found) > 0 {
			found, err = s.verifyShelter(ctx, c.ID, repair)
		}
		if err != nil {
			return out, fmt.Errorf("verify %s: %w", c.ID, err)
		}
		out = append(out, found...)
	}
	return out, nil
}

func shareOf(id string, of int) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	return int(h.Sum32() % uint32(of))
}

// Reconcile hands publish every shelter and unit of one share of the directory
// that the table has at a newer version than this copy: what a feed that was cut
// has lost comes back.
func (s *Service) Reconcile(ctx context.Context, share, of int, publish func(context.Context, []table.Change) error) (lost int, err error) {
	if err := s.Directory.Refresh(ctx, s.Now()); err != nil {
		return 0, err
	}
	w, err := s.world(ctx)
	if err != nil {
		return 0, err
	}
	var changes []table.Change
	for c := range w.All() {
		if shareOf(c.ID, of) != share {
			continue
		}
		page, err := s.Store.Query(ctx, table.Query{PK: record.ShelterKey(c.ID).PK, From: "S"})
		if err != nil {
			return 0, err
		}
		for i := range page.Items {
			if it := &page.Items[i]; newer(it, c) {
				changes = append(changes, table.Change{New: it})
			}
		}
	}
	for rest := changes; len(rest) > 0; rest = rest[min(len(rest), table.MaxOps):] {
		if err := publish(ctx, rest[:min(len(rest), table.MaxOps)]); err != nil {
			return 0, err
		}
	}
	return len(changes), nil
}

// newer reports whether an item is a shelter or unit at a version the copy lacks.
// What was written in the last moments may be among them: published twice it is
// the same.
func newer(it *table.Item, c *matching.Candidate) bool {
	if record.IsShelter(it.Key) {
		return it.Version > c.Version
	}
	i := slices.IndexFunc(c.Units, func(u shelter.Unit) bool { return record.UnitKey(c.ID, u.ID) == it.Key })
	return record.IsUnit(it.Key) && (i < 0 || it.Version > c.Units[i].Version)
}

func (s *Service) verifyShelter(ctx context.Context, id string, repair bool) ([]Difference, error) {
	page, err := s.Store.Query(ctx, table.Query{PK: record.ShelterKey(id).PK, From: "U#", To: "U#~"})
	if err != nil {
		return nil, err
	}
	promised, err := s.promised(ctx, id)
	if err != nil {
		return nil, err
	}
	var out []Difference
	for i := range page.Items {
		it := &page.Items[i]
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

// promised are the claims a shelter's units should have, by unit and claim.
func (s *Service) promised(ctx context.Context, id string) (map[string]map[string]shelter.Claim, error) {
	out := map[string]map[string]shelter.Claim{}
	q := table.Query{Index: table.Work, PK: record.WorkPartition(id)}
	for {
		list, next, err := s.list(ctx, q, func(p placement.Placement) bool { return p.Hold.Shelter == id && p.State.Promised() })
		if err != nil {
			return nil, err
		}
		for _, p := range list {
			addPromised(out, p)
		}
		if q.After = next; next == "" {
			return out, nil
		}
	}
}

func addPromised(promised map[string]map[string]shelter.Claim, p placement.Placement) {
	for _, part := range p.Hold.Parts {
		if promised[part.Unit] == nil {
			promised[part.Unit] = map[string]shelter.Claim{}
		}
		claim := shelter.Claim{N: part.Claimed()}
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
