package referral

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"panah/internal/matching"
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
	for _, group := range byDoor(moves, a.dated) {
		op, changed, err := a.doorOp(group)
		if err != nil {
			return nil, err
		}
		if changed {
			ops = append(ops, op)
		}
	}
	return ops, nil
}

// byDoor groups the moves that a door notes by shelter, in the order shelters first appear.
func byDoor(moves []placement.BedMove, dated func(placement.BedMove) bool) [][]placement.BedMove {
	var groups [][]placement.BedMove
	for _, m := range moves {
		if !atDoor(m.Kind) || m.Day == 0 && !dated(m) {
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

// dated reports whether a move of a hold without a day concerns a door all the same:
// its shelter limits how many come on a day since the hold was taken.
func (a *attempt) dated(m placement.BedMove) bool {
	if m.Kind == placement.TakeBeds {
		return false // a limit newer than the directory has raised the unit's rev
	}
	c, there := a.candidate(m.Shelter)
	return there && c.DailyIntake.Said()
}

func (a *attempt) candidate(id string) (*matching.Candidate, bool) {
	w, err := a.world(a.ctx)
	if err != nil {
		return nil, false
	}
	return w.Find(id)
}

// dayOf is the day of a move: its hold's, else the one the door has noted, else
// today where the shelter is.
func (a *attempt) dayOf(m placement.BedMove, was shelter.Coming) shelter.Day {
	if m.Day != 0 || was.Day != 0 {
		return cmp.Or(m.Day, was.Day)
	}
	c, there := a.candidate(m.Shelter)
	if !there {
		return 0
	}
	return shelter.DayAt(a.now(), a.Policy.Where(c.District).UTCOffset)
}

// doorOp puts one door; changed is false where nothing of the moves is to be noted.
func (a *attempt) doorOp(moves []placement.BedMove) (op table.Op, changed bool, err error) {
	id := moves[0].Shelter
	key := record.DoorKey(id)
	it := a.known[key]
	if it == nil {
		var err error
		if it, err = a.Store.Get(a.ctx, key, table.Strong); err != nil {
			return op, false, refusal(err)
		}
	}
	d := shelter.Door{Shelter: id}
	if it != nil {
		var err error
		if d, err = record.ToDoor(it); err != nil {
			return op, false, err
		}
	}
	version := d.Version
	for i, m := range moves {
		was, noted := d.Of(m.Claim)
		coming := shelter.Coming{Day: a.dayOf(m, was), N: m.Persons}
		for _, before := range moves[:i] { // another part of the same hold
			if before.Claim == m.Claim && before.Kind == m.Kind {
				coming.N += before.Persons
			}
		}
		switch m.Kind {
		case placement.DropBeds, placement.EmptyBeds:
			if !m.Came {
				coming.N = 0
			}
		case placement.TakeBeds, placement.KeepBeds:
			coming.Until = m.Until
		}
		if coming.N == 0 && !noted && m.Day == 0 {
			continue // it was never counted
		}
		changed = true
		d = d.Set(m.Claim, coming, a.now())
		if m.Kind == placement.TakeBeds && d.On(m.Day, a.now()) > m.Limit.N() {
			delete(a.known, key)
			if it != nil {
				a.Directory.Learn(it)
			}
			if err := a.learnShelter(id); err != nil {
				return op, false, err
			}
			return op, false, errAgain
		}
	}
	return table.PutOp(record.FromDoor(d), version), changed, nil
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

// seedDoor notes at the door of a shelter whose limit was set just now who is
// promised beds there already or came today. What of it is lost, Verify finds.
func (s *Service) seedDoor(ctx context.Context, id string) {
	err := errAgain
	for range attempts {
		v, serr := s.stored(ctx, id)
		live, lerr := s.liveAt(ctx, id)
		if err = errors.Join(serr, lerr); err != nil {
			break
		}
		v.Door.Shelter = id
		found, verr := s.verifyDoor(ctx, id, v, live, true)
		if err = verr; err != nil || !slices.ContainsFunc(found, func(d Difference) bool { return !d.Repaired }) {
			break
		}
		err = errAgain
	}
	if err != nil {
		s.Log.Error("a new limit of people a day does not count yet who was to come before it", "error", err.Error())
	}
}

// verifyDoor holds a shelter's door against the placements and sets it right: of
// those noted and of those who are promised beds or are here.
func (s *Service) verifyDoor(ctx context.Context, id string, v ShelterView, live []placement.Placement, repair bool) (out []Difference, err error) {
	have, limited := v.Door, v.DailyIntake.Said()
	now, want := s.now(), map[string]shelter.Coming{}
	for _, claim := range have.Claims() {
		placed, _, _ := strings.Cut(claim, ".")
		p, err := s.load(ctx, placed)
		if err != nil {
			return nil, err
		}
		want[claim] = shelter.Coming{}
		if p != nil {
			was, _ := have.Of(claim)
			want[claim] = s.onItsDay(*p, claim, coming(*p, id, claim), was, now)
		}
	}
	for _, p := range live {
		claim := placement.ClaimID(p.ID, p.Hold.No)
		was, noted := have.Of(claim)
		c := coming(p, id, claim)
		if limited && !noted {
			c = s.onItsDay(p, claim, c, was, now)
		}
		if c.Day > shelter.DayAt(now, 0)-1 && (c.Until.IsZero() || now.Before(c.Until)) {
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
		if err == nil {
			it := record.FromDoor(fixed)
			it.Version = have.Version + 1
			s.Directory.Learn(&it)
		}
	}
	return out, nil
}

// onItsDay gives a hold that was taken before its shelter limited how many come on
// a day the day the door has noted of it, the day on which it came or, while that
// is not known, today.
func (s *Service) onItsDay(p placement.Placement, claim string, c, was shelter.Coming, now time.Time) shelter.Coming {
	ahead := s.Policy.Where(p.Request.Place).UTCOffset
	switch {
	case c.N == 0 || c.Day != 0:
	case !p.ArrivedAt.IsZero() && placement.ClaimID(p.ID, p.Hold.No) == claim:
		c.Day = shelter.DayAt(p.ArrivedAt, ahead)
	case was.Day != 0:
		c.Day = was.Day
	default:
		c.Day = shelter.DayAt(now, ahead)
	}
	return c
}

// coming is what a shelter's door should note of a claim of a placement; nobody
// where the party has not come and is not expected. Who stayed there before they
// came elsewhere has come.
func coming(p placement.Placement, shelterID, claim string) (c shelter.Coming) {
	h, there := p.HoldAt(shelterID)
	before := slices.ContainsFunc(p.Earlier, func(s placement.Stayed) bool { return s.Shelter == shelterID && !s.ArrivedAt.IsZero() })
	here := p.Hold.Shelter == shelterID && (!p.ArrivedAt.IsZero() || p.State.Promised())
	if !there || placement.ClaimID(p.ID, h.No) != claim || !here && !before {
		return c
	}
	c = shelter.Coming{Day: h.Day, N: len(p.Request.Persons)}
	if here && p.State == placement.Held {
		c.Until = h.ExpiresAt
	}
	return c
}
