package simulation

import (
	"context"
	"fmt"
	"slices"

	"panah/internal/caller"
	"panah/internal/fault"
	"panah/internal/placement"
	"panah/internal/referral"
)

// request is what a phone sends until it has an answer.
type request struct {
	name     string
	subject  string
	about    string         // the placement it is about
	move     placement.Move // it makes there
	side     placement.Side
	key      uint64 // by which the placement remembers it; 0: not a placement's command
	fact     bool   // has really happened: sent until it is taken
	ghostly  bool   // carried out once for ever: a late copy must write nothing
	walks    bool   // goes from placement to placement, and on where it ended: what it writes of them is its effect no more than once each
	do       func(ctx context.Context, s *referral.Service, c caller.Caller) error
	then     func() // once it is acknowledged
	tries    int
	inFlight int
	settled  bool
	effects  int // deliveries of it that wrote something
	last     error
}

// send puts a request on the wire.
func (r *run) send(q *request) {
	r.event("send %s", q.name)
	r.wire = append(r.wire, q)
	if q.fact && q.about != "" {
		g := r.truth.guests(q.about)
		g.facts = append(g.facts, q)
	}
}

// deliver carries a request to an idle process, or loses it on the way.
func (r *run) deliver(p *process, q *request) {
	q.tries++
	if !r.healing && r.chance(r.Lost) {
		r.event("lost on the way: %s", q.name)
		return
	}
	q.inFlight++
	ghost := q.settled
	p.start(q.name, q, func() {
		defer func() { // also when it crashes
			q.inFlight--
			if p.writes > 0 {
				q.effects++
			}
			if q.ghostly && q.effects > 1 {
				r.ledger.breaks("%s was carried out %d times", q.name, q.effects)
			}
		}()
		c, err := p.service.Caller(r.ctx, q.subject)
		if err == nil {
			err = q.do(r.ctx, p.service, c)
		}
		r.event("p%d answers %s: %v", p.no, q.name, err)
		if ghost {
			r.haunted(p, q, err)
			return
		}
		if !r.healing && r.chance(r.Lost) {
			r.event("answer lost: %s", q.name)
			return
		}
		r.settle(p, q, err)
	})
}

// haunted checks that a copy of an acknowledged request did nothing.
func (r *run) haunted(p *process, q *request, err error) {
	if q.ghostly && p.writes > 0 {
		r.ledger.breaks("a late copy of %s wrote something (%v)", q.name, err)
	}
}

// settle is a phone that has its answer.
func (r *run) settle(p *process, q *request, err error) {
	if q.settled {
		return
	}
	q.last = err
	f, refused := fault.Of(err)
	switch {
	case err != nil && !refused:
		r.ledger.breaks("%s was answered with a bare error: %v", q.name, err)
		return
	case refused && (f.Kind == fault.Busy || f.Kind == fault.DirectoryCold):
		return // sent again
	case refused && q.fact:
		return // it has happened: sent again until it is taken
	case refused && q.move == placement.MoveReveal: // a repeated look may find its time over
	case refused && f.Kind == fault.Gone: // whatever it did, nothing of it is shown any more
	case refused && q.key != 0 && q.inFlight == 1 && p.knew:
		r.ledger.breaks("%s was refused (%v) and carried out", q.name, err)
	case !refused && q.key != 0 && !r.ledger.done(q.about, q.key):
		r.ledger.breaks("%s was acknowledged and cannot be seen", q.name)
	}
	q.settled = true
	r.wire = slices.DeleteFunc(r.wire, func(w *request) bool { return w == q })
	r.truth.settled(q)
	if refused {
		return
	}
	r.report.Commands++
	if q.then != nil {
		q.then()
	}
	if q.ghostly {
		r.ghosts = append(r.ghosts, q)
	}
}

// made notes which row of the table of moves a write has made.
func (r *run) made(old, p placement.Placement, by *process) {
	if by == nil {
		return
	}
	if q := by.request; q != nil && q.about == p.ID && q.move != "" && r.ledger.done(p.ID, q.key) {
		r.report.Moves[rowName(q.side, q.move, old.State)]++
	}
	if by.request == nil && old.State == placement.Held && p.Hold.ExpiresAt != old.Hold.ExpiresAt || p.State == placement.Requested && by.request == nil && old.State == placement.Held {
		r.report.Moves[rowName(placement.Clock, placement.MoveLapse, old.State)]++
	}
}

var sideNames = map[placement.Side]string{placement.Team: "team", placement.House: "shelter", placement.Clock: "clock", placement.Office: "desk", placement.Survivor: "survivor"}

func rowName(side placement.Side, m placement.Move, from placement.State) string {
	return fmt.Sprintf("%s %s from %s", sideNames[side], m, from)
}

// Goal is every row of the table of moves, as Report.Moves names them.
func Goal() (goal []string) {
	for _, row := range placement.Rows() {
		for _, s := range row.From {
			goal = append(goal, rowName(row.Side, row.Move, s))
		}
	}
	return goal
}
