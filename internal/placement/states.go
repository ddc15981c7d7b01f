package placement

import "slices"

// State is where a placement stands.
type State string

// The states.
const (
	Requested  State = "requested"
	Waitlisted State = "waitlisted"
	Held       State = "held"
	Accepted   State = "accepted"
	InTransit  State = "in_transit"
	Arrived    State = "arrived"
	Ended      State = "ended"
	Cancelled  State = "cancelled"
	Diverted   State = "diverted"
	Superseded State = "superseded"
)

// States lists every state.
var States = []State{Requested, Waitlisted, Held, Accepted, InTransit, Arrived, Ended, Cancelled, Diverted, Superseded}

// FHIR maps a state to the status of a FHIR R4 Task (hl7.org/fhir/R4, value set
// task-status). The map is total.
var FHIR = map[State]string{
	Requested:  "requested",
	Waitlisted: "on-hold",
	Held:       "received",
	Accepted:   "accepted",
	InTransit:  "in-progress",
	Arrived:    "completed",
	Ended:      "completed",
	Cancelled:  "cancelled",
	Diverted:   "on-hold",
	Superseded: "entered-in-error",
}

// Move is what somebody does to a placement.
type Move string

// The moves of the main road.
const (
	MoveHold    Move = "hold"
	MoveRelease Move = "release"
	MoveChoose  Move = "choose"
	MoveAccept  Move = "accept"
	MoveDecline Move = "decline"
	MoveDepart  Move = "depart"
	MoveReceive Move = "receive"
	MoveCancel  Move = "cancel"
	MoveEnd     Move = "end"
	MoveLapse   Move = "lapse" // the clock's own

	MoveRefuse    Move = "refuse"
	MoveExtend    Move = "extend"
	MoveDivert    Move = "divert"
	MoveTurnAway  Move = "turn-away"
	MoveSupersede Move = "supersede"
	MoveDecide    Move = "decisions"
	MoveCorrect   Move = "correct"
	MovePhone     Move = "accept-by-phone"
	MoveSplit     Move = "split"
	MoveReveal    Move = "reveal"
	MoveUndo      Move = "undo"
	MoveWithdraw  Move = "withdraw"
)

// Side is who makes a move.
type Side uint8

// The two sides of a placement, the clock, the desk and the survivor.
const (
	Team Side = iota
	House
	Clock
	Observer // may look, has no moves
	Office   // the desk
	Survivor // with a code of their own
)

// rule is one row of the table of moves.
type rule struct {
	move Move
	side Side
	from []State
	// fact moves record what has happened: they need no version.
	fact bool
}

var rules = []rule{
	{move: MoveHold, side: Team, from: []State{Requested, Waitlisted, Held}},
	{move: MoveRelease, side: Team, from: []State{Held, Accepted}},
	{move: MoveExtend, side: Team, from: []State{Held}},
	{move: MoveRefuse, side: Team, from: []State{Held, Accepted, InTransit, Diverted}},
	{move: MoveChoose, side: Team, from: []State{Requested, Waitlisted, Held, Accepted}},
	{move: MoveDepart, side: Team, from: []State{Accepted, Diverted}},
	{move: MoveDivert, side: Team, from: []State{InTransit}},
	{move: MoveTurnAway, side: Team, from: []State{Accepted, InTransit, Diverted}},
	{move: MoveCancel, side: Team, from: []State{Requested, Waitlisted, Held, Accepted, InTransit, Diverted}},
	{move: MoveAccept, side: House, from: []State{Held, Accepted, InTransit, Diverted}},
	{move: MovePhone, side: Team, from: []State{Held, Accepted, InTransit, Diverted}},
	{move: MoveDecline, side: House, from: []State{Held, Accepted}},
	{move: MoveTurnAway, side: House, from: []State{Accepted, InTransit, Diverted}},
	{move: MoveReceive, side: House, from: []State{Requested, Waitlisted, Held, Accepted, InTransit, Diverted, Arrived, Ended, Cancelled, Superseded}, fact: true},
	{move: MoveEnd, side: House, from: []State{Arrived}, fact: true},
	{move: MoveEnd, side: Team, from: []State{Requested, Waitlisted, Held, Accepted, InTransit, Diverted, Cancelled, Superseded}, fact: true},
	{move: MoveRelease, side: Office, from: []State{Held, Accepted}},
	{move: MoveCorrect, side: Team, from: []State{Requested, Waitlisted, Held, Accepted, InTransit, Diverted, Arrived}},
	{move: MoveSupersede, side: Office, from: []State{Requested, Waitlisted, Held, Accepted, InTransit, Diverted}},
	{move: MoveDecide, side: Office, from: []State{Requested, Waitlisted, Held, Accepted, InTransit, Diverted, Arrived, Ended, Cancelled}, fact: true},
	{move: MoveSplit, side: Team, from: []State{Requested, Waitlisted, Held}},
	{move: MoveReveal, side: Team, from: []State{Accepted, InTransit, Diverted}},
	{move: MoveUndo, side: Team, from: []State{Requested, Waitlisted, InTransit, Diverted, Ended, Cancelled}},
	{move: MoveUndo, side: House, from: []State{Requested, Waitlisted, Held, Arrived, Ended}},
	{move: MoveUndo, side: Office, from: []State{Requested, Waitlisted, Held, Accepted, InTransit, Diverted, Arrived, Ended, Cancelled, Superseded}},
	{move: MoveWithdraw, side: Survivor, from: []State{Requested, Waitlisted, Held, Accepted, InTransit, Diverted, Arrived, Ended, Cancelled, Superseded}, fact: true},
	{move: MoveLapse, side: Clock, from: []State{Held}},
}

// ruleOf joins a move's rows, one for each side that makes it; a move without one
// is allowed from nowhere.
func ruleOf(m Move) rule {
	var out rule
	for _, r := range rules {
		if r.move == m {
			out = rule{move: m, side: r.side, from: append(slices.Clone(out.from), r.from...), fact: r.fact}
		}
	}
	return out
}

// MadeBy reports whether a side makes a move at all.
func MadeBy(m Move, side Side) bool {
	return slices.ContainsFunc(rules, func(r rule) bool { return r.move == m && r.side == side })
}

// allowed lists the moves a side could make from a state, in table order.
func allowed(s State, side Side) []Move {
	var out []Move
	for _, r := range rules {
		if r.side == side && slices.Contains(r.from, s) {
			out = append(out, r.move)
		}
	}
	return out
}

// Live reports whether beds are held or used for a placement in this state.
func (s State) Live() bool {
	return s.Promised() || s == Arrived
}

// Promised reports whether beds are held for people who have not come yet.
func (s State) Promised() bool {
	return s == Held || s == Accepted || s == InTransit || s == Diverted
}
