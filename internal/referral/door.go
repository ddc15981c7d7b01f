package referral

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/shelter"
	"panah/internal/table"
)

// Where a shelter limits how many people it takes in a day, its door says who
// comes on which day. The door changes in the same write as the beds and is put at
// the version it was read at: a hold that would be one too many is decided again,
// what has happened is noted beyond the limit too.

// doorOps put the doors that the bed moves of a decision concern.
func (a *attempt) doorOps(moves []placement.BedMove) (ops []table.Op, err error) {
	for _, group := range byDoor(moves) {
		op, err := a.doorOp(group)
		if err != nil {
			return nil, err
		}
		ops = append(ops, op)
	}
	return ops, nil
}

// byDoor groups the moves that a door notes by shelter, in the order shelters first appear.
func byDoor(moves []placement.BedMove) [][]placement.BedMove {
	var groups [][]placement.BedMove
	for _, m := range moves {
		if m.Day == 0 || !atDoor(m.Kind) {
			continue
		}
		i := slices.IndexFunc(groups, func(g []placement.BedMove) bool { return g[0].Shelter == m.Shelter })
		if i < 0 {
			i, groups = len(groups), append(groups, nil)
		}
		groups[i] = append(groups[i], m)
	}
	return groups
}

// atDoor are the moves a door notes: that somebody leaves later changes nothing of
// the day on which they came.
func atDoor(kind placement.BedKind) bool {
	return slices.Contains([]placement.BedKind{placement.TakeBeds, placement.PinBeds, placement.KeepBeds, placement.DropBeds, placement.FillBeds,
		placement.EmptyBeds, placement.RefillBeds}, kind)
}

func (a *attempt) doorOp(moves []placement.BedMove) (table.Op, error) {
	id := moves[0].Shelter
	key := record.DoorKey(id)
	it := a.known[key]
	if it == nil {
		var err error
		if it, err = a.Store.Get(a.ctx, key, table.Strong); err != nil {
			return table.Op{}, refusal(err)
		}
	}
	d := shelter.Door{Shelter: id}
	if it != nil {
		var err error
		if d, err = record.ToDoor(it); err != nil {
			return table.Op{}, err
		}
	}
	version := d.Version
	for i, m := range moves {
		coming := shelter.Coming{Day: m.Day, N: m.Persons}
		for _, before := range moves[:i] { // another part of the same hold
			if before.Claim == m.Claim && before.Kind == m.Kind {
				coming.N += before.Persons
			}
		}
		switch m.Kind {
		case placement.DropBeds, placement.EmptyBeds:
			coming.N = 0
		case placement.TakeBeds, placement.KeepBeds:
			coming.Until = m.Until
		}
		d = d.Set(m.Claim, coming, a.now())
		if m.Kind == placement.TakeBeds && d.On(m.Day, a.now()) > m.Limit.N() {
			delete(a.known, key)
			if it != nil {
				a.Directory.Learn(it)
			}
			if err := a.learnShelter(id); err != nil {
				return table.Op{}, err
			}
			return table.Op{}, errAgain
		}
	}
	return table.PutOp(record.FromDoor(d), version), nil
}

// atItsDoor notes with an arrival on which day it was, where the shelter limits
// how many come on one. Without a directory an arrival is taken all the same.
func (s *Service) atItsDoor(ctx context.Context, p placement.Placement, beds []placement.BedMove) (placement.Placement, []placement.BedMove) {
	limited := p.Hold.Day != 0
	if w, err := s.world(ctx); err == nil {
		c, there := w.Find(p.Hold.Shelter)
		limited = limited || there && c.DailyIntake.Said()
	}
	if !limited {
		return p, beds
	}
	p.Hold.Day = shelter.DayAt(p.ArrivedAt, s.Policy.Where(p.Request.Place).UTCOffset)
	for i := range beds {
		if beds[i].Kind == placement.FillBeds && beds[i].Shelter == p.Hold.Shelter {
			beds[i].Day = p.Hold.Day
		}
	}
	return p, beds
}

// verifyDoor holds a door, which is among a shelter's items if there is one, against
// the placements and sets it right: of those noted and of those who are promised
// beds or are here.
func (s *Service) verifyDoor(ctx context.Context, id string, items []table.Item, live []placement.Placement, repair bool) (out []Difference, err error) {
	have := shelter.Door{Shelter: id}
	if i := slices.IndexFunc(items, func(it table.Item) bool { return record.IsDoor(it.Key) }); i >= 0 {
		if have, err = record.ToDoor(&items[i]); err != nil {
			return nil, err
		}
	}
	now, want := s.now(), map[string]shelter.Coming{}
	for _, claim := range have.Claims() {
		placed, _, _ := strings.Cut(claim, ".")
		p, err := s.load(ctx, placed)
		if err != nil {
			return nil, err
		}
		want[claim] = shelter.Coming{}
		if p != nil {
			want[claim] = coming(*p, id, claim)
		}
	}
	for _, p := range live {
		claim := placement.ClaimID(p.ID, p.Hold.No)
		if c := coming(p, id, claim); c.Day > shelter.DayAt(now, 0)-1 && (c.Until.IsZero() || now.Before(c.Until)) {
			want[claim] = c
		}
	}
	fixed := have
	for _, claim := range slices.Sorted(maps.Keys(want)) {
		was, _ := have.Of(claim)
		if w := want[claim]; was.Day != w.Day || was.N != w.N || !was.Until.Equal(w.Until) {
			if w.N == 0 && !was.Until.IsZero() && !now.Before(was.Until) {
				continue // its time has passed: it counts for nothing
			}
			out = append(out, Difference{Shelter: id, Claim: claim, What: fmt.Sprintf("the door expects %d on day %d, the placement is for %d on day %d, or their ends differ", was.N, was.Day, w.N, w.Day)})
			fixed = fixed.Set(claim, w, now)
		}
	}
	if repair && len(out) > 0 {
		err := s.Store.Write(ctx, table.Batch{WriteID: s.NewID(), Ops: []table.Op{table.PutOp(record.FromDoor(fixed), have.Version)}})
		for i := range out {
			out[i].Repaired = err == nil
		}
	}
	return out, nil
}

// coming is what a shelter's door should note of a claim of a placement; nobody
// where the party has not come and is not expected.
func coming(p placement.Placement, shelterID, claim string) (c shelter.Coming) {
	came := !p.ArrivedAt.IsZero()
	if p.Hold.Shelter != shelterID || placement.ClaimID(p.ID, p.Hold.No) != claim || !came && !p.State.Promised() {
		return c
	}
	c = shelter.Coming{Day: p.Hold.Day, N: len(p.Request.Persons)}
	if p.State == placement.Held {
		c.Until = p.Hold.ExpiresAt
	}
	return c
}
