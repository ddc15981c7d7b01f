package simulation

import (
	"context"
	"fmt"
	"slices"
	"time"

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

// driver makes the call of one move.
type driver func(r *run, p placement.Placement, cmd referral.Command) func(ctx context.Context, s *referral.Service, c caller.Caller) (referral.Outcome, error)

type call = func(ctx context.Context, s *referral.Service, c caller.Caller) (referral.Outcome, error)

// drivers has one for every move in the table; a test fails when one is missing.
// Arrivals and departures are made by comeOrGo, lapses by the clock.
var drivers = map[placement.Move]driver{
	placement.MoveHold: func(r *run, p placement.Placement, cmd referral.Command) call {
		where := ""
		if r.chance(0.5) {
			where = pick(r, r.desk).ID
		}
		return func(ctx context.Context, s *referral.Service, c caller.Caller) (referral.Outcome, error) {
			return s.Hold(ctx, c, p.ID, where, cmd)
		}
	},
	placement.MoveRelease: func(_ *run, p placement.Placement, cmd referral.Command) call {
		return func(ctx context.Context, s *referral.Service, c caller.Caller) (referral.Outcome, error) {
			return s.Release(ctx, c, p.ID, cmd)
		}
	},
	placement.MoveChoose: func(r *run, p placement.Placement, cmd referral.Command) call {
		choice := placement.Choice{By: code.ChosenByGuardian, Shelter: p.Hold.Shelter, HouseRulesShown: true, Viewed: true}
		if !p.Request.Children() {
			choice.By = code.ChosenBySelf
		}
		if choice.Shelter == "" || r.chance(0.1) {
			choice.Shelter = pick(r, r.desk).ID
		}
		return func(ctx context.Context, s *referral.Service, c caller.Caller) (referral.Outcome, error) {
			return s.Choose(ctx, c, p.ID, choice, cmd)
		}
	},
	placement.MoveAccept: func(_ *run, p placement.Placement, cmd referral.Command) call {
		return func(ctx context.Context, s *referral.Service, c caller.Caller) (referral.Outcome, error) {
			return s.Accept(ctx, c, p.ID, cmd)
		}
	},
	placement.MoveDecline: func(_ *run, p placement.Placement, cmd referral.Command) call {
		return func(ctx context.Context, s *referral.Service, c caller.Caller) (referral.Outcome, error) {
			return s.Decline(ctx, c, p.ID, 2, cmd)
		}
	},
	placement.MoveDepart: func(r *run, p placement.Placement, cmd referral.Command) call {
		worker, why := r.chance(0.7), code.Override(1)
		return func(ctx context.Context, s *referral.Service, c caller.Caller) (referral.Outcome, error) {
			return s.Depart(ctx, c, p.ID, worker, &why, cmd)
		}
	},
	placement.MoveCancel: func(_ *run, p placement.Placement, cmd referral.Command) call {
		return func(ctx context.Context, s *referral.Service, c caller.Caller) (referral.Outcome, error) {
			return s.Cancel(ctx, c, p.ID, 0, cmd)
		}
	},
	placement.MoveRefuse: func(_ *run, p placement.Placement, cmd referral.Command) call {
		return func(ctx context.Context, s *referral.Service, c caller.Caller) (referral.Outcome, error) {
			return s.Refuse(ctx, c, p.ID, 0, cmd)
		}
	},
	placement.MoveExtend: func(_ *run, p placement.Placement, cmd referral.Command) call {
		return func(ctx context.Context, s *referral.Service, c caller.Caller) (referral.Outcome, error) {
			return s.Extend(ctx, c, p.ID, cmd)
		}
	},
	placement.MoveDivert: func(_ *run, p placement.Placement, cmd referral.Command) call {
		return func(ctx context.Context, s *referral.Service, c caller.Caller) (referral.Outcome, error) {
			return s.Divert(ctx, c, p.ID, 0, cmd)
		}
	},
	placement.MoveTurnAway: func(_ *run, p placement.Placement, cmd referral.Command) call {
		return func(ctx context.Context, s *referral.Service, c caller.Caller) (referral.Outcome, error) {
			return s.TurnAway(ctx, c, p.ID, 2, cmd)
		}
	},
	placement.MoveSupersede: func(_ *run, p placement.Placement, cmd referral.Command) call {
		return func(ctx context.Context, s *referral.Service, c caller.Caller) (referral.Outcome, error) {
			return s.Supersede(ctx, c, p.ID, cmd)
		}
	},
	placement.MoveDecide: func(_ *run, p placement.Placement, cmd referral.Command) call {
		return func(ctx context.Context, s *referral.Service, c caller.Caller) (referral.Outcome, error) {
			return s.Decide(ctx, c, p.ID, referral.DecideCommand{Command: cmd, What: 2})
		}
	},
	placement.MovePhone: func(r *run, p placement.Placement, cmd referral.Command) call {
		said := pick(r, []string{"", "wrong", phoneCode})
		return func(ctx context.Context, s *referral.Service, c caller.Caller) (referral.Outcome, error) {
			return s.AcceptByPhone(ctx, c, p.ID, said, cmd)
		}
	},
	placement.MoveReveal: func(_ *run, p placement.Placement, cmd referral.Command) call {
		return func(ctx context.Context, s *referral.Service, c caller.Caller) (referral.Outcome, error) {
			shown, err := s.Reveal(ctx, c, p.ID, cmd)
			return shown.Outcome, err
		}
	},
	placement.MoveSplit: func(r *run, p placement.Placement, cmd referral.Command) call {
		g := r.truth.there[p.ID]
		if g != nil && !r.unaware && (len(g.persons) > 0 || len(g.facts) > 0) {
			return nil // they are through a door already
		}
		r.truth.guests(p.ID).frozen = true
		return func(ctx context.Context, s *referral.Service, c caller.Caller) (referral.Outcome, error) {
			o, _, err := s.Split(ctx, c, p.ID, []int{0}, code.ChosenByCommittee, cmd)
			return o, err
		}
	},
	placement.MoveEnd: func(r *run, p placement.Placement, cmd referral.Command) call {
		g := r.truth.there[p.ID]
		if g != nil && !r.unaware && (len(g.persons) > 0 || len(g.facts) > 0) {
			return nil // they are through a door already
		}
		r.truth.guests(p.ID).frozen = true
		return func(ctx context.Context, s *referral.Service, c caller.Caller) (referral.Outcome, error) {
			return s.End(ctx, c, p.ID, nil, code.EndLeftUnannounced, cmd)
		}
	},
	// An arrival or departure is told when it has happened: it is not taken back but by
	// secondThoughts, where it has not.
	placement.MoveUndo: func(_ *run, p placement.Placement, cmd referral.Command) call {
		if toldByPeople(p.Back.Side, p.Back.Move) {
			return nil
		}
		cmd.Version, cmd.HoldNo = p.Version, 0
		return func(ctx context.Context, s *referral.Service, c caller.Caller) (referral.Outcome, error) {
			return s.Undo(ctx, c, p.ID, cmd)
		}
	},
	placement.MoveWithdraw: func(r *run, p placement.Placement, cmd referral.Command) call {
		v := r.ledger.voices[p.ID]
		if v.CodeNo == 0 || !p.Request.OnConsent() {
			return nil // nobody has a code, or it is a wish: speakUp makes those
		}
		said := placement.MakeStayCode([]byte(staySecret), p.ID, v.CodeNo).String()
		return func(ctx context.Context, s *referral.Service, _ caller.Caller) (referral.Outcome, error) {
			_, err := s.Speak(ctx, referral.Saying{Code: said, Ask: code.AskWithdraw}, cmd)
			return referral.Outcome{}, err
		}
	},
	placement.MoveCorrect: func(_ *run, p placement.Placement, cmd referral.Command) call {
		persons := slices.Clone(p.Request.Persons)
		for i := range persons {
			persons[i].AgeStatus = code.AgeStated
			if persons[i].Age == code.Age12To14 {
				persons[i].Age = code.Age15To17
			}
		}
		return func(ctx context.Context, s *referral.Service, c caller.Caller) (referral.Outcome, error) {
			return s.Correct(ctx, c, p.ID, persons, cmd)
		}
	},
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
