package simulation

import (
	"context"
	"fmt"
	"slices"
	"time"

	"panah/internal/caller"
	"panah/internal/code"
	"panah/internal/fault"
	"panah/internal/placement"
	"panah/internal/referral"
)

// seldomMade sends the move that was tried least of all those that somebody's
// answer offers now: the far ends of the table are reached, too.
func (r *run) seldomMade() {
	type chance struct {
		p    placement.Placement
		side placement.Side
		move placement.Move
	}
	var least []chance
	fewest := 0
	for _, id := range r.ledger.order {
		p := r.ledger.placements[id]
		for _, side := range []placement.Side{placement.Team, placement.House, placement.Office, placement.Survivor} {
			for _, m := range offered(p, side, r) {
				n := r.tried[rowName(side, m, p.State)]
				if len(least) > 0 && n > fewest {
					continue
				}
				if n < fewest || len(least) == 0 {
					least, fewest = nil, n
				}
				least = append(least, chance{p, side, m})
			}
		}
	}
	if len(least) > 0 {
		c := pick(r, least)
		r.sendMove(c.p, c.side, c.move)
	}
}

// offered are the moves a side's answer lists, and those that a waiting request
// may make though its answer does not: beds may have come free a moment ago.
func offered(p placement.Placement, side placement.Side, r *run) []placement.Move {
	if side == placement.House && p.Hold.Shelter == "" {
		return nil
	}
	moves := p.Next(side, r.clock)
	if p.State == placement.Waitlisted && side == placement.Team {
		moves = append(moves, placement.MoveHold, placement.MoveChoose)
	}
	return slices.DeleteFunc(moves, func(m placement.Move) bool {
		if m == placement.MoveWithdraw && r.ledger.voices[p.ID].CodeNo == 0 {
			return true // nobody has a code yet
		}
		return toldByPeople(side, m) || m == placement.MoveUndo && toldByPeople(p.Back.Side, p.Back.Move)
	})
}

// regretted are the moves that can be taken back, by who makes them; arrivals and
// departures are regretted apart.
var regretted = map[placement.Side][]placement.Move{
	placement.Team:   {placement.MoveDepart, placement.MoveDivert, placement.MoveCancel, placement.MoveRelease, placement.MoveRefuse, placement.MoveEnd},
	placement.House:  {placement.MoveDecline},
	placement.Office: {placement.MoveDecide, placement.MoveSupersede, placement.MoveRelease},
}

// secondThoughts lets somebody make a move and take it back at once.
func (r *run) secondThoughts() {
	idle := r.those(false, r.api())
	if len(idle) == 0 {
		return
	}
	calm := r.Faults
	calm.Slow = 0 // a quarter of an hour is soon over
	r.store.Set(calm)
	defer r.store.Set(r.Faults)
	by, p := pick(r, idle), r.ledger.placements[pick(r, r.ledger.order)]
	for range 3 { // rather one whose beds are promised
		if p.State.Promised() && p.State != placement.Held {
			break
		}
		p = r.ledger.placements[pick(r, r.ledger.order)]
	}
	if r.chance(0.4) {
		r.mistaken(by, p)
		return
	}
	side := pick(r, []placement.Side{placement.Team, placement.House, placement.Office})
	moves := slices.DeleteFunc(offered(p, side, r), func(m placement.Move) bool { return !slices.Contains(regretted[side], m) })
	if len(moves) == 0 {
		return
	}
	q := r.pressed(p, side, pick(r, moves))
	if q == nil || r.atOnce(by, q) != nil {
		return
	}
	if p = r.ledger.placements[p.ID]; p.Back.Side == side && p.Back.Move == q.move {
		if q.move == placement.MoveDecline { // the beds may be another's by now, and the party's hold
			p.Hold.Shelter = p.Back.Shelter
		}
		if back := r.pressed(p, side, placement.MoveUndo); back != nil {
			_ = r.atOnce(by, back)
		}
	}
}

// patient is how often a phone sends something whose answer it waits for.
const patient = 80

// atOnce sends a request until it is answered while nobody else goes on, and
// answers with what it was refused for.
func (r *run) atOnce(by *process, q *request) error {
	r.send(q)
	for range patient {
		if r.deliver(by, q); q.settled {
			return q.last
		}
		if r.finish(by); q.settled {
			return q.last
		}
	}
	r.fail("%s is not answered: %v", q.name, q.last)
	return nil
}

// mistaken tells of an arrival or a departure that has not happened, and takes it
// back. What is counted in between is counted as it is.
func (r *run) mistaken(by *process, p placement.Placement) {
	g := r.truth.there[p.ID]
	if g != nil && (g.frozen || len(g.facts) > 0) {
		return
	}
	at := p.Hold.Shelter
	r.clock = r.clock.Add(2e9)
	if at != "" && r.chance(0.3) {
		r.countAll(by, at)
	}
	switch here := g != nil && len(g.persons) > 0; {
	case here && p.State == placement.Arrived && p.Back.Move == placement.MoveReceive && p.Back.Left == "" && !died(p) && !p.UndoUntil().Before(r.clock.Add(soon)):
		r.toldAgain(by, p.ID)
		return
	case here && p.State == placement.Arrived:
		at = g.shelter
		r.needs(r.atOnce(by, r.departure(p, at, g.persons[:1+r.random.IntN(len(g.persons))])), "end of a stay", p)
	case here || at == "" || p.State == placement.Arrived || died(p) || r.truth.unsaid(p):
		return
	default:
		if len(p.Past) > 0 && r.chance(0.3) {
			at = pick(r, p.Past).Shelter
		}
		r.needs(r.atOnce(by, r.arrival(p, at, r.clock)), "arrival", p)
	}
	if r.chance(0.4) {
		s := r.desk[slices.IndexFunc(r.desk, func(s place) bool { return s.ID == at })]
		q, _ := r.counting(s, pick(r, s.Units))
		_ = r.atOnce(by, q)
	}
	if p = r.ledger.placements[p.ID]; p.State == placement.Ended && !died(p) && len(g.persons) == len(p.Request.Persons) && r.chance(0.5) {
		r.countAll(by, at)
		if r.truth.named(p.ID) { // nobody takes it back: they are received again
			r.received(by, p.ID)
			return
		}
	}
	r.takenBack(by, p, at)
	if r.chance(0.3) {
		r.countAll(by, at)
	}
}

// soon is how long what is made at once may take.
const soon = 5 * time.Minute

// takenBack takes back what a shelter has told of a placement.
func (r *run) takenBack(by *process, p placement.Placement, at string) {
	cmd, who := r.command("undo"), staff(at)
	cmd.Version = p.Version
	r.needs(r.atOnce(by, &request{name: fmt.Sprintf("undo %s %s v%d", p.ID, cmd.Key, p.Version), subject: who.Subject, about: p.ID,
		move: placement.MoveUndo, side: placement.House, key: hashed(who, cmd.Key), ghostly: true,
		do: func(ctx context.Context, s *referral.Service, c caller.Caller) error {
			_, err := s.Undo(ctx, c, p.ID, cmd)
			return err
		}}), "undo", p)
}

// needs ends the run where something that must be taken was refused. Nothing is
// shown of what is undone where consent was withdrawn.
func (r *run) needs(err error, what string, p placement.Placement) {
	if err != nil && (p.Withdrawn.IsZero() || !fault.Is(err, fault.Gone)) {
		r.fail("the %s of %s, %s, was refused: %v", what, p.ID, p.State, err)
	}
}

// foundByCensus lets a party come to a shelter whose census finds them before anybody
// has received them. Their team knows nothing of it and goes on; then they are received,
// perhaps taken back by mistake and received again.
func (r *run) foundByCensus() {
	idle := r.those(false, r.api())
	ids := slices.DeleteFunc(slices.Clone(r.ledger.order), func(id string) bool {
		p, g := r.ledger.placements[id], r.truth.there[id]
		busy := g != nil && (g.frozen || len(g.facts) > 0 || len(g.persons) > 0) || r.truth.unsaid(p) || r.truth.elsewhere(p)
		return busy || p.Hold.Shelter == "" || died(p) || p.State == placement.Arrived || !p.Withdrawn.IsZero()
	})
	if len(idle) == 0 || len(ids) == 0 {
		return
	}
	calm := r.Faults
	calm.Slow = 0 // a quarter of an hour is soon over
	r.store.Set(calm)
	defer r.store.Set(r.Faults)
	if parties := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return len(r.ledger.placements[id].Request.Persons) < 2 }); len(parties) > 0 && r.chance(0.6) {
		ids = parties // that may be split
	}
	r.found(pick(r, idle), r.ledger.placements[pick(r, ids)])
}

func (r *run) found(by *process, p placement.Placement) {
	at := p.Hold.Shelter
	if len(p.Past) > 0 && r.chance(0.3) {
		at = pick(r, p.Past).Shelter
	}
	when := r.comes(p, at)
	if r.countAll(by, at); !r.truth.named(p.ID) {
		r.needs(r.atOnce(by, r.arrival(p, at, when)), "arrival", p)
		return
	}
	ids := []string{p.ID}
	for range r.random.IntN(3) {
		if apart := r.goesOn(by, p.ID); apart != "" {
			ids = append(ids, apart)
		}
		if r.chance(0.3) {
			r.countAll(by, at)
		}
	}
	r.random.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	for _, id := range ids {
		if p := r.ledger.placements[id]; !p.HeldBy(at) {
			r.heldAt(by, p, at)
		}
		if p := r.ledger.placements[id]; p.HeldBy(at) {
			r.received(by, id)
			if p = r.ledger.placements[id]; p.Back.Left == "" && r.chance(0.5) {
				r.toldAgain(by, id)
			}
		}
	}
}

// goesOn lets a team that does not know where its party is go on; apart is who was
// placed apart by it.
func (r *run) goesOn(by *process, id string) (apart string) {
	before := r.ledger.placements[id]
	moves := slices.DeleteFunc(offered(before, placement.Team, r), func(m placement.Move) bool {
		return !slices.Contains([]placement.Move{placement.MoveSplit, placement.MoveHold, placement.MoveRelease, placement.MoveRefuse, placement.MoveCancel, placement.MoveEnd}, m)
	})
	if len(moves) == 0 {
		return ""
	}
	m := pick(r, moves)
	if slices.Contains(moves, placement.MoveSplit) && r.chance(0.5) {
		m = placement.MoveSplit
	}
	r.unaware = true
	q := r.pressed(before, placement.Team, m)
	r.unaware = false
	if err := r.atOnce(by, q); m == placement.MoveSplit && err == nil {
		after := r.ledger.placements[id]
		apart = after.Apart[len(after.Apart)-1].Placement
		r.truth.parted(before, apart)
	}
	r.truth.guests(id).frozen = false
	return apart
}

// heldAt holds a shelter for a placement, if it fits.
func (r *run) heldAt(by *process, p placement.Placement, at string) {
	who, cmd := r.who(p, placement.Team), r.command("hold")
	cmd.Version = p.Version
	_ = r.atOnce(by, &request{name: fmt.Sprintf("hold %s at %s %s", p.ID, at, cmd.Key), subject: who.Subject, about: p.ID, move: placement.MoveHold, side: placement.Team,
		key: hashed(who, cmd.Key), ghostly: true,
		do: func(ctx context.Context, s *referral.Service, c caller.Caller) error {
			_, err := s.Hold(ctx, c, p.ID, at, cmd)
			return err
		}})
}

// received tells that people who sleep in a shelter have come there: when they did
// or, where its census has named them, also without a time.
func (r *run) received(by *process, id string) {
	p, g := r.ledger.placements[id], r.truth.guests(id)
	when := g.since
	if r.truth.named(id) && (p.State == placement.Ended || r.chance(0.7)) { // within a stay that is said to have ended nobody arrives
		when = time.Time{}
	}
	r.needs(r.atOnce(by, r.arrival(p, g.shelter, when)), "arrival", p)
}

// toldAgain takes an arrival back that was true, and tells of it again.
func (r *run) toldAgain(by *process, id string) {
	g := r.truth.guests(id)
	r.takenBack(by, r.ledger.placements[id], g.shelter)
	if r.chance(0.5) {
		r.countAll(by, g.shelter)
	}
	r.received(by, id)
}

// countAll counts every unit of a shelter.
func (r *run) countAll(by *process, shelterID string) {
	s := r.desk[slices.IndexFunc(r.desk, func(s place) bool { return s.ID == shelterID })]
	for _, u := range s.Units {
		q, people := r.counting(s, u)
		if name := s.ID + "/" + u.ID; r.atOnce(by, q) == nil {
			r.truth.found[name] = found{r.ledger.units[name].Census, people}
		}
	}
}

func died(p placement.Placement) bool {
	return slices.ContainsFunc(p.Stays, func(s placement.Stay) bool { return s.Gone && s.Reason == code.EndDied })
}
