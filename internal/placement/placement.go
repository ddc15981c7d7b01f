// Package placement holds one party's request and everything that happens to
// it. Each move is a pure method: it takes the instant it happened, checks the
// table of moves, and returns the placement afterwards together with what must
// become of the beds, to be written at once or not at all.
package placement

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"slices"
	"time"

	"panah/internal/code"
	"panah/internal/fault"
	"panah/internal/place"
	"panah/internal/shelter"
)

// Hold is beds of one shelter reserved for one placement.
type Hold struct {
	No        int // counts the placement's holds from 1
	Shelter   string
	Parts     []Part
	Score     int
	ExpiresAt time.Time
	// PhoneTries is how many wrong codes of the shelter were said, in this hold and those before.
	PhoneTries int
	Day        shelter.Day // on which the party is expected, or came, where the shelter limits how many come on one
	Stopped    time.Time   // since when the shelter takes nobody any more; zero: it takes part
}

// Beds is how many beds the hold has.
func (h Hold) Beds() int {
	n := 0
	for _, p := range h.Parts {
		n += p.Claimed()
	}
	return n
}

// Choice records who chose the option, having seen what.
type Choice struct {
	By              code.ChosenBy
	Shelter         string
	HouseRulesShown bool
	ChildView       code.View
	Viewed          bool // ChildView was recorded
	At              time.Time
}

// Ruling is what the Committee, a magistrate or the desk decided: it stops the
// legal clock.
type Ruling struct {
	What code.Decision
	At   time.Time
}

// Basis is on what ground the party stays, and by when that must be looked at again.
type Basis struct {
	Ground   code.StayBasis
	From     time.Time
	ReviewBy time.Time
	WarnedAt time.Time // the instant of the last warning of this review that was given
}

// Return is where a party is to be brought home, across a border of a country or
// state, and since when it waits for that. Whoever leaves the shelter waits no more.
type Return struct {
	To    place.Code
	Since time.Time
}

// Look is one look at a shelter's handover point: who, when, and in which hold.
type Look struct {
	By      string // the subject
	At      time.Time
	Shelter string
	HoldNo  int
}

// Command is a command already carried out: hashes only.
type Command struct {
	Key, Payload uint64
}

// MaxCommands is how many commands a placement remembers.
const MaxCommands = 64

// Stay is one person's time in the shelter once arrived.
type Stay struct {
	Gone   bool
	Reason code.EndReason
	At     time.Time
}

// Stayed is an earlier stay of the party: it had ended when they arrived again, or
// it was said that they would not come and they came.
type Stayed struct {
	Shelter   string
	ArrivedAt time.Time // zero: it had ended before they came
	Stays     []Stay
}

// Placement is one party's request and its life so far.
type Placement struct {
	ID        string
	Team      string
	Request   Request
	State     State
	Policy    string
	CreatedAt time.Time
	ChangedAt time.Time
	Since     time.Time // when it came to this state; what is said of it meanwhile changes ChangedAt only
	Version   uint64    // of the stored item
	Late      bool      // taken without a hold because it reached us hours after it was pressed

	Hold        Hold     // the live hold, or the last one
	Past        []Hold   // earlier holds at other shelters, the last at each: the party may still arrive there
	Offered     []string // shelters shown at creation, best first
	Tried       []string // shelters whose hold lapsed or that declined: not offered again by itself
	Refused     []string // shelters that declined or turned the party away: not offered again at all
	Unwanted    []string // shelters the party refused: not offered again, nothing else is ranked lower for it
	Choice      Choice
	Commands    []Command
	ArrivedAt   time.Time
	Stays       []Stay
	Earlier     []Stayed // stays before this one, the first first
	DoorTeam    string   // the team's half of the door code
	DoorHouse   string   // the shelter's half
	Override    code.Override
	Overridden  bool
	Reason      uint8  // the code of the last decline, refusal or cancel
	Ruling      Ruling // the latest
	First       Ruling // the first of them: it stopped the clocks that run from the rescue
	Basis       Basis
	Return      Return
	Carried     Ruling      // the Ruling of the stay it moves the party from, as it was when that was asked for
	WarnedAt    time.Time   // the instant of the last warning that was given of the clocks that run from the rescue
	ByPhone     bool        // accepted on the phone, as the team says
	Verified    bool        // the team knew the shelter's code
	Looks       []Look      // at handover points
	RevealUntil time.Time   // how long the escort may look at it
	KeepFrom    []string    // placements whose parties must not be in the same shelter
	KeptIn      string      // the rescue they all come from: its kept-apart parties take holds one after the other
	Apart       []Split     // who was placed apart from the party, and on whose word
	Back        Back        // what an undo of the last move goes back to
	TransferOf  string      // the stay this placement moves the party from; arriving ends it
	LateTold    bool        // the desk was told that the party is long on the road
	MustMove    string      // the alert that told the desk that they must move; empty: none, or it is over
	Same        uint64      // the oldest version that differs from this one only in what the clock noted for itself; 0: this one
	Seek        bool        // the next option could not be looked for yet: the clock does
	By          string      // the subject who asked for the last change; empty: the clock
	Due         time.Time   // when the clock must look next; zero: never
	Withdrawn   time.Time   // when the survivor took consent back: see ReadableBy; zero: never
	Sealed      bool        // consent was taken back before they had arrived anywhere
	Withdrawing []string    // placements of the same persons from which consent is still to be taken back with it: the clock does
	Untold      []Recipient // of a notice that consent was taken back, which did not fit in that write: the clock tells them
	Looked      time.Time   // when the clock last saw that beds are to be had for a request nobody has chosen for
	FoundAt     time.Time   // when beds were found for a waiting request; the team is told, nothing is held
}

// ID derives a placement's id from team and idempotency key: 128 bits of
// SHA-256, so that a retry finds the first attempt. Ids grant nothing.
func ID(team, key string) string {
	sum := sha256.Sum256([]byte(team + "\x00" + key))
	return "p_" + base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:16])
}

// Hash shortens a key or payload for Command.
func Hash(s string) uint64 {
	sum := sha256.Sum256([]byte(s))
	return binary.BigEndian.Uint64(sum[:8])
}

// New makes a placement that asks and holds nothing yet.
func New(id, team, policy string, r Request, now time.Time, cmd Command) Placement {
	return Placement{ID: id, Team: team, Policy: policy, Request: r, State: Requested,
		CreatedAt: now, ChangedAt: now, Since: now, Commands: []Command{cmd}}
}

// Replay reports whether a command was carried out before; with another
// payload under the same key it is refused.
func (p Placement) Replay(cmd Command) (bool, error) {
	for _, c := range p.Commands {
		if c.Key != cmd.Key {
			continue
		}
		if c.Payload != cmd.Payload {
			return false, fault.New(fault.KeyReused, "this Idempotency-Key was used for another request")
		}
		return true, nil
	}
	return false, nil
}

// Remember notes a command. Cancel and the facts are always allowed; other
// moves end at MaxCommands.
func (p Placement) Remember(cmd Command, m Move) (Placement, error) {
	r := ruleOf(m)
	if len(p.Commands) >= MaxCommands && !r.fact && m != MoveCancel {
		return p, fault.New(fault.TooManyMoves, "this placement has seen too many commands; cancel it and ask again")
	}
	p.Commands = append(slices.Clone(p.Commands), cmd)
	return p, nil
}

// Next lists the moves a side could make now with success, as far as the placement
// itself knows: who of the side asks, and which beds are free, is not in it.
func (p Placement) Next(side Side, now time.Time) []Move {
	return slices.DeleteFunc(p.Could(side, now), func(m Move) bool {
		return p.State == Waitlisted && (m == MoveHold || m == MoveChoose) // nothing fits; when something does it is requested again
	})
}

// Could is Next, and beside it what a side could do if beds were to be had.
func (p Placement) Could(side Side, now time.Time) []Move {
	return slices.DeleteFunc(allowed(p.State, side), func(m Move) bool {
		if _, err := p.Remember(Command{}, m); err != nil {
			return true
		}
		return p.guard(m) != nil || p.late(m, now) || (m == MoveUndo && p.undoable(side, now) != nil)
	})
}

// late reports whether the time for a move has passed.
func (p Placement) late(m Move, now time.Time) bool {
	switch m {
	case MoveAccept, MovePhone, MoveExtend:
		return p.State == Held && !now.Before(p.Hold.ExpiresAt)
	case MoveReveal:
		return !now.Before(p.RevealUntil)
	}
	return false
}

// guard says why a move that the state allows would still be refused.
func (p Placement) guard(m Move) error {
	switch m {
	case MoveDepart:
		switch {
		case !p.Hold.Stopped.IsZero():
			return p.illegal("the shelter takes nobody any more: another is to be held")
		case p.State == Diverted:
		case p.Choice.At.IsZero() || p.Choice.Shelter != p.Hold.Shelter:
			return p.illegal("depart needs a recorded choice of this shelter first")
		case !p.Choice.HouseRulesShown:
			return p.illegal("depart needs the house rules to have been shown")
		}
	case MoveReveal:
		if len(p.looked()) >= MaxLooks {
			return p.illegal("the handover point has been looked at often enough; ask the desk")
		}
	case MovePhone, MoveAccept:
		switch {
		case !p.Hold.Stopped.IsZero() && (p.State == Held || m == MoveAccept):
			return p.illegal("the shelter takes nobody any more: another is to be held")
		case p.State == Held:
		case !p.ByPhone || p.Verified:
			return p.illegal("the shelter's yes is sure already")
		case m == MovePhone && p.PhoneTriesLeft() == 0:
			return p.illegal("too many wrong codes of this shelter were said: ask it to accept by itself; until then its meeting place is shown")
		}
	case MoveWithdraw:
		switch {
		case !p.Withdrawn.IsZero():
			return p.illegal("consent was withdrawn already")
		case !p.Request.OnConsent():
			return p.illegal("this placement does not rest on consent: the wish is for those who decide")
		}
	case MoveCorrect:
		if !p.Withdrawn.IsZero() {
			return p.illegal("consent was withdrawn: nothing more is told of the persons")
		}
	case MoveDecide:
		if p.State == Cancelled && !p.Withdrawn.IsZero() {
			return p.illegal("consent was withdrawn before arrival: nobody decides of the party any more")
		}
	case MoveSplit:
		if len(p.Request.Persons) < 2 {
			return p.illegal("one person cannot be split")
		}
	case MoveReceive:
		if p.Hold.Shelter == "" {
			return p.illegal("no shelter was held for this placement")
		}
		if slices.ContainsFunc(p.Stays, func(s Stay) bool { return s.Gone && s.Reason == code.EndDied }) {
			return p.illegal("someone of this party has died")
		}
	}
	return nil
}

// illegal is a refusal of a move. Which moves its sender could make instead is for
// the use case to say: it hangs on who asks, and on beds.
func (p Placement) illegal(format string, args ...any) *fault.Fault {
	return fault.New(fault.IllegalMove, format, args...)
}

// enter checks that a move may be made from here.
func (p Placement) enter(m Move) error {
	r := ruleOf(m)
	if !slices.Contains(r.from, p.State) {
		return p.illegal("a placement that is %s does not allow %s", p.State, m)
	}
	return p.guard(m)
}

// CheckVersion refuses a command made on an older version; facts need none, and a
// version that only a warning of the clock has replaced is as good as the last.
func (p Placement) CheckVersion(m Move, version uint64) error {
	switch {
	case ruleOf(m).fact || version == p.Version || (p.Same > 0 && p.Same <= version && version < p.Version):
		return nil
	case version == 0:
		return fault.Field("version", "is required: the placement's version you saw, or holdNo")
	}
	f := p.illegal("the placement has changed since version was read")
	f.Kind, f.Field = fault.StaleVersion, "version"
	return f
}

// CheckHold refuses a command about another hold than the present one, unless
// it tells a fact. A command that would take beds needs the hold it is about to
// live still: after a release its number is the last one, and it is over.
func (p Placement) CheckHold(m Move, no int) error {
	takes := m == MoveHold || m == MoveChoose
	if ruleOf(m).fact || (no == p.Hold.No && (!takes || p.State.Live())) {
		return nil
	}
	f := p.illegal("the hold this command is about has been replaced or released")
	f.Kind, f.Field = fault.StaleVersion, "holdNo"
	return f
}

func (p *Placement) to(s State, now time.Time) {
	p.State, p.ChangedAt, p.Since, p.LateTold, p.Back, p.Seek, p.Same = s, now, now, false, Back{}, false, 0
}
