package simulation

import (
	"context"
	"fmt"
	"slices"

	"panah/internal/caller"
	"panah/internal/code"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/referral"
	"panah/internal/shelter"
	"panah/internal/testworld"
)

var (
	teams    = []caller.Caller{{Subject: "team-a-1", Role: caller.Rescue, Scope: "team-a"}, {Subject: "team-b-1", Role: caller.Rescue, Scope: "team-b"}}
	desk     = caller.Caller{Subject: "desk-1", Role: caller.Desk, Scope: string(testworld.District)}
	ministry = caller.Caller{Subject: "ministry-1", Role: caller.Ministry, Scope: "IN"}
	carrier  = caller.Caller{Subject: "carrier-1", Role: caller.Carrier, Scope: "IN"}
)

// phoneCode is what every shelter says on the phone.
const phoneCode = "CODE"

// shelters are few and small, so that everybody wants the same beds.
func shelters() (out []place) {
	for _, s := range []testworld.Place{
		testworld.Home("HOMA", testworld.District, code.ChildrensHome,
			testworld.Unit("HOMA", "boys", code.Boys, testworld.SchoolAge, 3, 1), testworld.Unit("HOMA", "girls", code.Girls, testworld.SchoolAge, 4, 1)),
		testworld.Home("HOMB", testworld.District, code.OpenShelter,
			testworld.Unit("HOMB", "boys", code.Boys, testworld.SchoolAge, 2, 0), testworld.Unit("HOMB", "girls", code.Girls, testworld.SchoolAge, 2, 0)),
		testworld.Home("GRLS", testworld.District, code.ChildrensHome, testworld.Unit("GRLS", "girls", code.Girls, testworld.SchoolAge, 3, 1)),
		testworld.Home("WOMN", testworld.District, code.ShaktiSadan, testworld.Unit("WOMN", "women", code.Women, code.AdultBands, 3, 1)),
	} {
		if s.ID == "HOMB" { // the beds of this one are many for the people it takes in a day
			s.DailyIntake = shelter.LimitOf(6)
		}
		out = append(out, place{s})
	}
	return out
}

func staff(shelterID string) caller.Caller {
	return caller.Caller{Subject: "staff-" + shelterID, Role: caller.Shelter, Scope: shelterID}
}

func person(with code.Population, age code.AgeBand) placement.Person {
	return placement.Person{Age: age, PlaceWith: with}
}

// parties that ask.
func parties() [][]placement.Person {
	girl, boy, woman := person(code.Girls, code.Age12To14), person(code.Boys, code.Age6To11), person(code.Women, code.Age25To59)
	return [][]placement.Person{{girl}, {girl}, {girl, boy}, {girl, girl}, {woman}, {boy}}
}

// act lets somebody do something new.
func (r *run) act() {
	if len(r.wire) > 12 {
		return
	}
	switch n := r.random.IntN(100); {
	case n < 16 || len(r.ledger.order) == 0:
		r.ask("")
	case n < 53:
		r.moveSomeone()
	case n < 64:
		r.seldomMade()
	case n < 69:
		r.secondThoughts()
	case n < 73:
		r.foundByCensus()
	case n < 77:
		r.setOut(pick(r, r.ledger.order))
	case n < 86:
		r.comeOrGo()
	case n < 89:
		r.speakUp()
	case n < 90:
		r.takeConsentBack()
	case n < 92:
		r.census()
	case n < 94:
		r.admit()
	case n < 96:
		r.confirm()
	case n < 98:
		r.acknowledge()
	default:
		r.status()
	}
}

func (r *run) command(name string) referral.Command {
	r.ids++
	key := fmt.Sprintf("k%d", r.ids)
	return referral.Command{Key: key, Payload: name + " " + key}
}

// hashed is how a placement remembers a command of a caller's.
func hashed(c caller.Caller, key string) uint64 { return placement.Hash(c.Scope + "\x00" + key) }

// ask sends a new request for a party, or for those of a stay who move on.
func (r *run) ask(transferOf string) {
	team := pick(r, teams)
	persons := pick(r, parties())
	if transferOf != "" {
		from := r.ledger.placements[transferOf]
		team = teams[slices.IndexFunc(teams, func(c caller.Caller) bool { return c.Scope == from.Team })]
		persons = nil
		for i, s := range from.Stays {
			if !s.Gone {
				persons = append(persons, from.Request.Persons[i])
			}
		}
	}
	asked := placement.Request{RescuedAt: r.clock, Place: testworld.District, Urgency: code.Urgency(r.random.IntN(3)), Persons: persons,
		Together: code.Together(r.random.IntN(2)), HoldBest: r.chance(0.7), Limit: 1 + r.random.IntN(3)}
	if r.chance(0.2) {
		asked.OccurredAt = r.clock
	}
	cmd := r.command("create")
	id := placement.ID(team.Scope, cmd.Key)
	if transferOf != "" {
		r.truth.guests(transferOf).frozen = true
	}
	r.send(&request{name: "create " + cmd.Key, subject: team.Subject, about: id, key: hashed(team, cmd.Key), ghostly: true,
		do: func(ctx context.Context, s *referral.Service, c caller.Caller) error {
			_, err := s.Transfer(ctx, c, asked, transferOf, cmd)
			return err
		}})
}

// setOut brings a party that is held on its way without a pause, or as far as it
// comes: what happens on the road happens to few otherwise.
func (r *run) setOut(id string) {
	type step struct {
		side placement.Side
		move placement.Move
	}
	phone, accept := step{placement.Team, placement.MovePhone}, step{placement.House, placement.MoveAccept}
	for _, step := range []step{{placement.Team, placement.MoveHold}, {placement.Team, placement.MoveChoose}, phone, accept,
		{placement.Team, placement.MoveDepart}, phone, accept, {placement.Team, placement.MoveDivert}, phone, accept} {
		p, idle := r.ledger.placements[id], r.those(false, r.api())
		unsure := p.ByPhone && !p.Verified // it may become sure at any time
		if step == phone && r.chance(0.6) || step == accept && unsure && r.chance(0.7) {
			continue
		}
		if len(idle) == 0 || step.move == placement.MoveDivert && r.chance(0.4) {
			return
		}
		if !slices.Contains(offered(p, step.side, r), step.move) || step.move == placement.MoveHold && p.State == placement.Held {
			continue
		}
		if q := r.pressed(p, step.side, step.move); q == nil || r.atOnce(pick(r, idle), q) != nil {
			return
		}
	}
}

// staySecret is what every survivor's code of a run is made from.
const staySecret = "simulated"

// speakUp gives a survivor a code, or lets one say something with it.
func (r *run) speakUp() {
	p := r.ledger.placements[pick(r, r.ledger.order)]
	for range 4 { // rather one who may end the sharing
		if p.Request.OnConsent() && p.Withdrawn.IsZero() {
			break
		}
		p = r.ledger.placements[pick(r, r.ledger.order)]
	}
	v, cmd := r.ledger.voices[p.ID], r.command("speak")
	if v.CodeNo == 0 || r.chance(0.2) {
		r.send(&request{name: "code for " + p.ID, subject: desk.Subject, ghostly: true, do: func(ctx context.Context, s *referral.Service, c caller.Caller) error {
			_, err := s.GiveStayCode(ctx, c, p.ID, v.CodeNo, cmd)
			return err
		}})
		return
	}
	if r.chance(0.3) {
		r.sendMove(p, placement.Survivor, placement.MoveWithdraw)
		return
	}
	say := referral.Saying{Code: placement.MakeStayCode([]byte(staySecret), p.ID, v.CodeNo).String(), Ask: pick(r, []code.StayAsk{code.AskLeave, code.AskMove, code.AskComplain})}
	if say.Ask == code.AskComplain {
		about := pick(r, []code.Complaint{2, 5, 5, 5, code.Complaint(r.random.IntN(code.Complaints.Len()))}) // rarely a serious one: it keeps everybody out
		say.About = &about
	}
	r.send(&request{name: fmt.Sprintf("%s of %s", code.StayAsks.Name(say.Ask), p.ID), subject: desk.Subject, ghostly: true, do: func(ctx context.Context, s *referral.Service, _ caller.Caller) error {
		_, err := s.Speak(ctx, say, cmd)
		return err
	}, then: func() { r.heard(p.ID, cmd, say.Ask) }})
}

// takeConsentBack gives a survivor a code, where they decide for themselves, and
// lets them withdraw with it.
func (r *run) takeConsentBack() {
	ids := slices.DeleteFunc(slices.Clone(r.ledger.order), func(id string) bool {
		p, g := r.ledger.placements[id], r.truth.there[id]
		return !p.Request.OnConsent() || !p.Withdrawn.IsZero() || g != nil && len(g.facts) > 0
	})
	if len(ids) == 0 {
		return
	}
	id := pick(r, ids)
	if r.chance(0.5) { // on the road is where few are at any moment
		r.setOut(id)
	}
	p, idle := r.ledger.placements[id], r.those(false, r.api())
	if len(idle) == 0 || !p.Withdrawn.IsZero() {
		return
	}
	if r.ledger.voices[p.ID].CodeNo == 0 {
		cmd := r.command("code")
		if r.atOnce(pick(r, idle), &request{name: "code for " + p.ID, subject: desk.Subject, ghostly: true, do: func(ctx context.Context, s *referral.Service, c caller.Caller) error {
			_, err := s.GiveStayCode(ctx, c, p.ID, 0, cmd)
			return err
		}}) != nil {
			return
		}
	}
	r.sendMove(p, placement.Survivor, placement.MoveWithdraw)
}

// heard: what a survivor said is with the desk once it is acknowledged to them.
func (r *run) heard(id string, cmd referral.Command, ask code.StayAsk) {
	kind := map[code.StayAsk]placement.AlertKind{code.AskLeave: placement.AlertWishLeave, code.AskMove: placement.AlertWishMove, code.AskComplain: placement.AlertComplaint}[ask]
	if !slices.ContainsFunc(r.ledger.alertsOf(id), func(a placement.Alert) bool { return a.Kind == kind }) {
		r.ledger.breaks("%s of %s was heard (%s) and no desk was told", code.StayAsks.Name(ask), id, cmd.Key)
	}
}

// physical are moves that tell what has happened to people: comeOrGo makes them.
var physical = []placement.Move{placement.MoveReceive, placement.MoveEnd}

// toldByPeople are the shelters' facts; that a party will not arrive is the team's.
func toldByPeople(side placement.Side, m placement.Move) bool {
	return slices.Contains(physical, m) && side != placement.Team
}

// moveSomeone sends a move of a placement: mostly one that its answer would
// offer, sometimes any, often about a version that will have passed by then.
func (r *run) moveSomeone() {
	p := r.ledger.placements[pick(r, r.ledger.order)]
	for range 3 { // rather one that is under way
		if p.State.Promised() || p.State == placement.Requested {
			break
		}
		p = r.ledger.placements[pick(r, r.ledger.order)]
	}
	side := pick(r, []placement.Side{placement.Team, placement.Team, placement.House, placement.House, placement.Office})
	if side == placement.House && p.Hold.Shelter == "" {
		return
	}
	moves := slices.DeleteFunc(p.Next(side, r.clock), func(m placement.Move) bool { return toldByPeople(side, m) })
	if r.chance(0.1) {
		moves = nil
		for _, row := range placement.Rows() {
			if row.Side == side && !toldByPeople(side, row.Move) {
				moves = append(moves, row.Move)
			}
		}
	}
	if len(moves) == 0 {
		return
	}
	if p.State == placement.InTransit && side == placement.Team && slices.Contains(moves, placement.MoveDivert) && r.chance(0.3) {
		r.sendMove(p, side, placement.MoveDivert)
		return
	}
	if r.chance(0.6) { // the main road goes on, or nobody would ever travel
		for _, m := range []placement.Move{placement.MoveDepart, placement.MoveAccept, placement.MoveChoose, placement.MoveHold} {
			chosen := m == placement.MoveChoose && p.Choice.Shelter == p.Hold.Shelter && p.State.Promised()
			held := m == placement.MoveHold && p.State == placement.Held
			if slices.Contains(moves, m) && !chosen && !held {
				r.sendMove(p, side, m)
				return
			}
		}
	}
	r.sendMove(p, side, pick(r, moves))
}

// sendMove sends a move of a placement as it was last seen.
func (r *run) sendMove(p placement.Placement, side placement.Side, m placement.Move) {
	if q := r.pressed(p, side, m); q != nil {
		r.send(q)
	}
}

// pressed is a move that has not been sent; nil where it cannot be made now.
func (r *run) pressed(p placement.Placement, side placement.Side, m placement.Move) *request {
	drive := drivers[m]
	if drive == nil {
		r.fail("no driver for the move %q", m)
	}
	who := r.who(p, side)
	cmd := r.command(string(m))
	cmd.Version = p.Version
	if r.chance(0.3) && p.Hold.No > 0 {
		cmd.Version, cmd.HoldNo = 0, p.Hold.No
	}
	if r.chance(0.3) {
		cmd.OccurredAt = r.clock
	}
	do := drive(r, p, cmd)
	if do == nil {
		return nil
	}
	r.tried[rowName(side, m, p.State)]++
	return &request{name: fmt.Sprintf("%s %s %s v%d", m, p.ID, cmd.Key, p.Version), subject: who.Subject, about: p.ID, move: m, side: side,
		key: hashed(who, cmd.Key), ghostly: true,
		do: func(ctx context.Context, s *referral.Service, c caller.Caller) error {
			_, err := do(ctx, s, c)
			return err
		},
		then: func() {
			if g := r.truth.there[p.ID]; g != nil && (m == placement.MoveSplit || m == placement.MoveEnd) {
				g.frozen = false
			}
		}}
}

func (r *run) who(p placement.Placement, side placement.Side) caller.Caller {
	switch side {
	case placement.House:
		return staff(p.Hold.Shelter)
	case placement.Office:
		return desk
	case placement.Survivor:
		return caller.Caller{Subject: desk.Subject, Role: caller.Survivor, Scope: p.ID} // the subject is not asked for
	}
	if i := slices.IndexFunc(teams, func(c caller.Caller) bool { return c.Scope == p.Team }); i >= 0 {
		return teams[i]
	}
	return teams[0] // a walk-in is no team's: this one is refused
}

func (r *run) confirm() {
	s, cmd := pick(r, r.desk), r.command("confirm")
	if r.chance(0.7) {
		cmd.OccurredAt = r.clock
	}
	r.send(&request{name: "confirm " + s.ID, subject: staff(s.ID).Subject, ghostly: true,
		do: func(ctx context.Context, svc *referral.Service, c caller.Caller) error {
			_, err := svc.Confirm(ctx, c, s.ID, cmd)
			return err
		}})
}

func (r *run) acknowledge() {
	var open []placement.Alert
	for _, id := range r.ledger.order {
		for _, a := range r.ledger.alertsOf(id) {
			if a.Acknowledged.IsZero() {
				open = append(open, a)
			}
		}
	}
	if len(open) == 0 {
		return
	}
	a := pick(r, open)
	r.send(&request{name: "acknowledge " + a.ID, subject: desk.Subject, ghostly: true,
		do: func(ctx context.Context, svc *referral.Service, c caller.Caller) error {
			_, err := svc.Acknowledge(ctx, c, a.District, a.ID)
			return err
		}})
}

// status closes, suspends or resumes a shelter. Who is told is checked when it
// is acknowledged.
func (r *run) status() {
	s := pick(r, r.desk)
	who, to := ministry, shelter.Active
	if r.ledger.shelters[s.ID].Status == shelter.Active {
		if to = pick(r, []shelter.Status{shelter.Closed, shelter.Suspended}); to == shelter.Closed {
			who = staff(s.ID)
		}
	}
	before, unseen, cmd := r.ledger.writes, r.store.Unseen(), r.command("status")
	r.send(&request{name: fmt.Sprintf("status of %s: %d", s.ID, to), subject: who.Subject, ghostly: true, walks: true,
		do: func(ctx context.Context, svc *referral.Service, c caller.Caller) error {
			_, err := svc.SetStatus(ctx, c, s.ID, to, cmd)
			return err
		},
		then: func() {
			r.told(s.ID, to, func(id string) bool { return r.ledger.last[id] > before || unseen[record.PlacementKey(id)] })
		}})
}

// told: the desk knows of everyone who is held at, coming to or living in a
// shelter that takes nobody any more, and their placements say so; of one that takes
// part again they do not. Only those who came in while the index did
// not show them yet are known by nothing else.
func (r *run) told(shelterID string, to shelter.Status, unseen func(id string) bool) {
	if r.ledger.shelters[shelterID].Status != to {
		return
	}
	for _, id := range r.ledger.order {
		p := r.ledger.placements[id]
		over := p.State == placement.Held && !r.clock.Add(r.Skew).Before(p.Hold.ExpiresAt) // the clock has not been by
		if p.Hold.Shelter != shelterID || !p.State.Live() || over || (p.State == placement.Arrived && unseen(id)) {
			continue
		}
		if p.Hold.Stopped.IsZero() == to.MovesOut() {
			r.ledger.breaks("%s has another status, and %s (%s) says it stopped at %v", shelterID, id, p.State, p.Hold.Stopped)
		}
		if to.MovesOut() && !slices.ContainsFunc(r.ledger.alertsOf(id), func(a placement.Alert) bool { return a.Kind == placement.AlertMustMove }) {
			r.ledger.breaks("%s takes nobody any more and nobody was told of %s (%s)", shelterID, id, p.State)
		}
	}
}

// members are everyone of a run.
func members() (out []caller.Caller) {
	out = append(append(out, teams...), desk, ministry, carrier)
	for _, s := range shelters() {
		out = append(out, staff(s.ID))
	}
	return out
}
