package simulation

import (
	"context"
	"fmt"
	"slices"
	"time"

	"panah/internal/caller"
	"panah/internal/code"
	"panah/internal/placement"
	"panah/internal/referral"
	"panah/internal/shelter"
)

// comeOrGo lets people really arrive somewhere or leave; the fact is told at
// once or, from a phone without a network, hours later.
func (r *run) comeOrGo() {
	p := r.ledger.placements[pick(r, r.ledger.order)]
	for range 4 {
		if p.State == placement.InTransit || p.State == placement.Arrived || p.State == placement.Accepted || p.State == placement.Diverted {
			break
		}
		p = r.ledger.placements[pick(r, r.ledger.order)]
	}
	g := r.truth.there[p.ID]
	switch {
	case g != nil && g.frozen && len(g.facts) == 0 && len(g.persons) > 0 && p.State == placement.Arrived && r.chance(0.2):
		r.ask(p.ID) // once more, though a transfer is under way
	case g != nil && (g.frozen || len(g.facts) > 0):
	case g != nil && len(g.persons) > 0 && p.State == placement.Arrived && !died(p) && r.chance(0.1):
		r.send(r.arrival(p, g.shelter, r.clock)) // said twice, by two phones
	case g != nil && len(g.persons) > 0 && p.State != placement.Arrived:
		if p.HeldBy(g.shelter) && !died(p) && r.truth.named(p.ID) { // a census has found them: now they are received
			r.send(r.arrival(p, g.shelter, time.Time{}))
		}
	case g != nil && len(g.persons) > 0:
		if p.Team != "" && slices.ContainsFunc(teams, func(c caller.Caller) bool { return c.Scope == p.Team }) && r.chance(0.25) {
			r.ask(p.ID)
			return
		}
		r.leave(p, g)
	default:
		r.arrive(p)
	}
}

func (r *run) arrive(p placement.Placement) {
	at := p.Hold.Shelter
	if len(p.Past) > 0 && r.chance(0.2) {
		at = pick(r, p.Past).Shelter
	}
	if at == "" || died(p) || p.State == placement.Arrived {
		return
	}
	if r.truth.unsaid(p) {
		return // a phone tells of one move of these people after the other
	}
	timeless := !r.truth.elsewhere(p) && r.chance(0.3) // a phone that says no time: they have come when it is heard
	when := r.comes(p, at)
	if timeless {
		when = time.Time{}
	}
	r.send(r.arrival(p, at, when))
}

// comes lets a party come to a shelter, unless somebody tells of it unseen.
func (r *run) comes(p placement.Placement, at string) time.Time {
	r.clock = r.clock.Add(2e9)
	g := r.truth.guests(p.ID)
	g.shelter, g.persons, g.since = at, nil, r.clock
	for i := range p.Request.Persons {
		g.persons = append(g.persons, i)
	}
	for _, o := range r.truth.kin(p) {
		o.persons, o.frozen = nil, false
	}
	return r.clock
}

// arrival tells that a placement's people have come to a shelter, and when; at the
// zero time, when it is heard.
func (r *run) arrival(p placement.Placement, at string, when time.Time) *request {
	cmd := r.command("receive")
	cmd.OccurredAt = when
	r.clock = r.clock.Add(2e9)
	who := staff(at)
	return &request{name: fmt.Sprintf("receive %s at %s %s", p.ID, at, cmd.Key), subject: who.Subject, about: p.ID, move: placement.MoveReceive,
		side: placement.House, key: hashed(who, cmd.Key), fact: true, ghostly: true,
		do: func(ctx context.Context, s *referral.Service, c caller.Caller) error {
			_, err := s.Receive(ctx, c, p.ID, cmd)
			return err
		}}
}

func (r *run) leave(p placement.Placement, g *guests) {
	var gone []int
	for _, i := range g.persons {
		if r.chance(0.6) {
			gone = append(gone, i)
		}
	}
	if len(gone) == 0 {
		return
	}
	r.clock = r.clock.Add(2e9)
	g.persons = slices.DeleteFunc(slices.Clone(g.persons), func(i int) bool { return slices.Contains(gone, i) })
	r.send(r.departure(p, g.shelter, gone))
}

// departure tells that some of a placement's people have left a shelter, just now.
func (r *run) departure(p placement.Placement, from string, gone []int) *request {
	cmd := r.command("end")
	cmd.OccurredAt = r.clock
	r.clock = r.clock.Add(2e9)
	why := pick(r, []code.EndReason{code.EndHome, code.EndOwnWish, code.EndLeftUnannounced, code.EndHospital, code.EndDied})
	who := staff(from)
	return &request{name: fmt.Sprintf("end %s %v %s", p.ID, gone, cmd.Key), subject: who.Subject, about: p.ID, move: placement.MoveEnd,
		side: placement.House, key: hashed(who, cmd.Key), fact: true, ghostly: true,
		do: func(ctx context.Context, s *referral.Service, c caller.Caller) error {
			_, err := s.End(ctx, c, p.ID, gone, why, cmd)
			return err
		}}
}

// census counts who is really there, and names those whose arrival the staff
// have not seen recorded.
func (r *run) census() {
	s := pick(r, r.desk)
	q, _ := r.counting(s, pick(r, s.Units))
	r.send(q)
}

// counting is a census of a unit, made just now, and whom it names.
func (r *run) counting(s place, u shelter.Unit) (q *request, named map[string]int) {
	named = map[string]int{}
	stored := r.ledger.units[s.ID+"/"+u.ID]
	c := stored.Counts()
	r.clock = r.clock.Add(2e9)
	cmd := referral.CensusCommand{IfMatch: stored.Census, Census: shelter.Census{CountedAt: r.clock, Present: r.truth.present(s.ID, u.ID),
		Staffed: c.Staffed(), OutOfService: c.OutOfService()}}
	if r.chance(0.2) {
		cmd.OutOfService = r.random.IntN(2)
	}
	for _, id := range r.truth.order {
		p := r.ledger.placements[id]
		_, before := stored.Named(id)
		known := p.BedsIn(s.ID, u.ID) > 0 || before > 0
		if n := r.truth.inside(id, s.ID, u.ID); n > 0 && known && (p.State != placement.Arrived || r.chance(0.2)) {
			cmd.Placements = append(cmd.Placements, id)
			named[id] = n
		}
	}
	r.clock = r.clock.Add(2e9)
	return &request{name: fmt.Sprintf("census of %s/%s present %d %v", s.ID, u.ID, cmd.Present, cmd.Placements), subject: staff(s.ID).Subject, ghostly: true,
		do: func(ctx context.Context, svc *referral.Service, who caller.Caller) error {
			_, err := svc.Count(ctx, who, s.ID, u.ID, cmd)
			return err
		}}, named
}

// admit takes in somebody who stands at the door.
func (r *run) admit() {
	s := pick(r, r.desk)
	u := pick(r, s.Units)
	who, cmd := staff(s.ID), r.command("admit")
	id := placement.ID("house:"+s.ID, cmd.Key)
	age := code.Age12To14
	if u.Population == code.Women {
		age = code.Age25To59
	}
	persons := []placement.Person{person(u.Population, age)}
	r.clock = r.clock.Add(2e9)
	g := r.truth.guests(id)
	g.shelter, g.unit, g.persons, g.since = s.ID, u.ID, []int{0}, r.clock
	cmd.OccurredAt = r.clock
	r.clock = r.clock.Add(2e9)
	r.send(&request{name: "admit " + id, subject: who.Subject, about: id, key: hashed(who, cmd.Key), fact: true, ghostly: true,
		do: func(ctx context.Context, svc *referral.Service, c caller.Caller) error {
			_, err := svc.Admit(ctx, c, s.ID, u.ID, persons, placement.Consent{}, cmd)
			return err
		}})
}
