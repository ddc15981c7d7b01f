package placement

import (
	"slices"
	"time"

	"panah/internal/fault"
	"panah/internal/shelter"
)

// UndoFor is how long a move can be taken back by the side that made it.
const UndoFor = 15 * time.Minute

// Back is what an undo of the last move goes back to. Every other move clears it.
type Back struct {
	Move    Move
	Side    Side
	From    State
	Shelter string // that was held
	Persons []int  // who was said to have left
	Seek    bool   // the clock was to look for beds
	Told    string // the alert that told the desk of it
	At      time.Time
	Ruling  Ruling // before a decision
	Basis   Basis
	Return  Return // before a decision
	// Replaced is the shelter whose beds a mistaken arrival elsewhere gave back.
	Replaced string
	Day      shelter.Day // on which the party was expected before its arrival was noted; 0: on none
	Left     string      // the placement whose stay ended with the arrival
}

// Fact reports whether the move told what had happened to people, or closed the
// request: it is taken back whatever became of the beds.
func (b Back) Fact() bool {
	return ruleOf(b.Move).fact || b.Move == MoveCancel || b.Move == MoveSupersede
}

// leave goes to another state and remembers how to come back.
func (p *Placement) leave(m Move, side Side, s State, now time.Time) {
	back := Back{Move: m, Side: side, From: p.State, Shelter: p.Hold.Shelter, Seek: p.Seek, At: now}
	p.to(s, now)
	p.Back = back
}

// UndoUntil is until when the last move can be taken back; zero when it cannot.
func (p Placement) UndoUntil() time.Time {
	if p.Back.Move == "" {
		return time.Time{}
	}
	return p.Back.At.Add(UndoFor)
}

// undoable says why a side cannot take the last move back now.
func (p Placement) undoable(side Side, now time.Time) error {
	switch {
	case p.Back.Move == "" || p.Back.Side != side:
		return p.illegal("the last move is not one of yours that can be taken back")
	case !now.Before(p.UndoUntil()):
		return p.illegal("the last move was made too long ago to be taken back")
	}
	return nil
}

// Undo takes the last move back. Facts come back whole, beds included; a promise
// that was given up comes back only as a wish: again names the shelter to be held
// again, if its beds are still there.
func (p Placement) Undo(side Side, now time.Time) (next Placement, moves []BedMove, again string, err error) {
	if err := p.enter(MoveUndo); err != nil {
		return p, nil, "", err
	}
	if err := p.undoable(side, now); err != nil {
		return p, nil, "", err
	}
	b := p.Back
	switch b.Move {
	case MoveReceive:
		again = b.Replaced
		if moves = p.unreceive(b); b.From == Held || b.From == Arrived || again != "" {
			b.From = Requested
		}
	case MoveEnd:
		if b.Side == House {
			moves = p.unend(b)
			break
		}
		p.Stays = nil
		b.From, again = b.reopened()
	case MoveDepart:
		if b.From == Accepted { // who goes along is said anew
			p.Override, p.Overridden = 0, false
		}
	case MoveDecide:
		p.Ruling, p.Basis, p.Return, p.Back, p.ChangedAt = b.Ruling, b.Basis, b.Return, Back{}, now
		if p.Ruling.At.IsZero() {
			p.First = Ruling{}
		}
		return p, nil, "", nil
	case MoveDecline, MoveRefuse, MoveRelease:
		without := func(s string) bool { return s == b.Shelter }
		p.Refused = slices.DeleteFunc(slices.Clone(p.Refused), without)
		p.Unwanted = slices.DeleteFunc(slices.Clone(p.Unwanted), without)
		p.Back = Back{}
		return p, nil, b.Shelter, nil
	case MoveCancel, MoveSupersede:
		b.From, again = b.reopened()
	}
	p.to(b.From, now)
	p.Seek = b.Seek
	return p, moves, again, nil
}

// reopened is the state that a placement goes back to which was closed by mistake before
// arrival, and the shelter whose beds it had.
func (b Back) reopened() (to State, again string) {
	switch {
	case b.From.Promised():
		return Requested, b.Shelter
	case b.From == Waitlisted || b.From.Closed(): // who waited waits on
		return b.From, ""
	}
	return Requested, ""
}

// unreceive takes an arrival back. Beds that were promised are kept again; those
// of a hold the shelter had not answered are not: its time has gone on meanwhile.
func (p *Placement) unreceive(b Back) []BedMove {
	kind := EmptyBeds
	if b.From.Promised() && b.From != Held && b.Replaced == "" {
		kind = RefillBeds
	}
	if b.Day != 0 {
		p.Hold.Day = b.Day
	}
	moves := p.beds(kind, p.ArrivedAt)
	p.ArrivedAt, p.Stays, p.Basis = time.Time{}, nil, b.Basis
	if n := len(p.Earlier); n > 0 && b.From == Ended { // the stay before stands again as it had ended
		last := p.Earlier[n-1]
		for i := range moves {
			moves[i].Came = last.Shelter == p.Hold.Shelter && !last.ArrivedAt.IsZero()
		}
		p.ArrivedAt, p.Stays, p.Earlier = last.ArrivedAt, last.Stays, p.Earlier[:n-1:n-1]
		if here, ok := p.HoldAt(last.Shelter); ok && last.Shelter != p.Hold.Shelter {
			p.Past, p.Hold = p.remembered(last.Shelter), here
		}
	}
	return moves
}

func (p *Placement) unend(b Back) []BedMove {
	stays := slices.Clone(p.Stays)
	moves := p.vacate(b.Persons, stays[b.Persons[0]].At)
	for i := range moves {
		moves[i].Kind = ReturnBeds
	}
	for _, i := range b.Persons {
		stays[i] = Stay{}
	}
	p.Stays = stays
	return moves
}

// Split is a part of the party placed apart: who decided it. The persons have
// left this placement for one of their own.
type Split struct {
	Placement string
	Persons   int
	By        uint8 // code.ChosenBy
}

// SplitOff takes persons out of the party, who get a placement of their own: an
// option of its own that needs a decision. Adults decide for themselves; for a
// party with someone under 18 only the committee does. A hold is given back: it
// was for everybody.
func (p Placement) SplitOff(id string, persons []int, by uint8, committee bool, now time.Time) (stay, apart Placement, moves []BedMove, err error) {
	if err := p.enter(MoveSplit); err != nil {
		return p, apart, nil, err
	}
	if p.Request.Children() && !committee {
		return p, apart, nil, fault.Field("agreedBy", "a party with someone under 18 is placed apart by decision of the committee only")
	}
	stays, goes, err := p.Request.parted(persons)
	if err != nil {
		return p, apart, nil, err
	}
	moves = append(p.drop(), p.countedApart(id, persons)...)
	apart = New(id, p.Team, p.Policy, goes, now, Command{})
	apart.Commands, apart.Seek, apart.Return = nil, true, p.Return
	apart.Refused, apart.Unwanted, apart.KeepFrom, apart.KeptIn, apart.By = p.Refused, p.Unwanted, p.KeepFrom, p.KeptIn, p.By
	whole := p.Request
	apart = apart.Under(p).partOf(whole)
	p.Request = stays
	p = p.partOf(whole)
	p.Hold = p.Hold.without(persons)
	p.Past = slices.Clone(p.Past)
	for i := range p.Past {
		p.Past[i] = p.Past[i].without(persons)
	}
	p.Apart = append(slices.Clone(p.Apart), Split{Placement: id, Persons: len(goes.Persons), By: by})
	p.Choice, p.Offered = Choice{}, nil
	p.to(Requested, now)
	return p, apart, moves, nil
}

// maxCountedApart bounds in how many units, those of the latest holds, a split says
// whose the people are whom a census has counted there: all is one write.
const maxCountedApart = 60

// countedApart makes those who are placed apart as much counted as they were, in each
// unit where beds were held for them: a census may have found them there.
func (p Placement) countedApart(id string, persons []int) (out []BedMove) {
	holds := append(slices.Clone(p.Past), p.Hold)
	slices.Reverse(holds)
	for _, h := range holds {
		for _, part := range h.Parts {
			n := len(slices.DeleteFunc(slices.Clone(part.Persons), func(i int) bool { return !slices.Contains(persons, i) }))
			if n > 0 && len(out) < maxCountedApart {
				out = append(out, BedMove{Kind: PartBeds, Shelter: h.Shelter, Unit: part.Unit, Claim: ClaimID(p.ID, h.No), Other: ClaimID(id, 0), Persons: n})
			}
		}
	}
	return out
}

// parted divides a request in two: those who stay and those named.
func (r Request) parted(persons []int) (stays, goes Request, err error) {
	stays, goes = r, r
	stays.Persons, goes.Persons = nil, nil
	for i, p := range r.Persons {
		if slices.Contains(persons, i) {
			goes.Persons = append(goes.Persons, p)
		} else {
			stays.Persons = append(stays.Persons, p)
		}
	}
	unique := slices.Compact(slices.Sorted(slices.Values(persons)))
	if len(goes.Persons) != len(persons) || len(unique) != len(persons) {
		return r, r, fault.Field("persons", "must be positions in the party, each once")
	}
	if len(stays.Persons) == 0 || len(goes.Persons) == 0 {
		return r, r, fault.Field("persons", "must be some of the party, not all")
	}
	return stays, goes, nil
}

// without is the hold for those who stay, by their new positions in the party:
// they may still arrive where they were held.
func (h Hold) without(gone []int) Hold {
	parts := h.Parts
	h.Parts = nil
	for _, part := range parts {
		var who []int
		for _, i := range part.Persons {
			if !slices.Contains(gone, i) {
				who = append(who, i-before(gone, i))
			}
		}
		if len(who) > 0 {
			h.Parts = append(h.Parts, Part{Unit: part.Unit, Persons: who, Beds: part.Beds, Kept: part.Kept})
		}
	}
	return h
}

func before(list []int, i int) (n int) {
	for _, v := range list {
		if v < i {
			n++
		}
	}
	return n
}

// MaxLooks bounds how often a handover point is looked at for one hold.
const MaxLooks = 20

// Reveal records a look at the handover point. The first who looks is the escort;
// nobody else of the team sees it after that.
func (p Placement) Reveal(subject string, now time.Time) (Placement, error) {
	if err := p.enter(MoveReveal); err != nil {
		return p, err
	}
	if p.late(MoveReveal, now) {
		return p, p.illegal("the handover point is not shown any more; ask the desk")
	}
	if !p.EscortMayBe(subject) {
		return p, fault.New(fault.Forbidden, "another person of the team is the escort of this party")
	}
	p.Looks = append(slices.Clone(p.Looks), Look{By: subject, At: now, Shelter: p.Hold.Shelter, HoldNo: p.Hold.No})
	return p, nil
}

// looked are the looks at the point of the shelter that holds the party now.
func (p Placement) looked() []Look {
	return slices.DeleteFunc(slices.Clone(p.Looks), func(l Look) bool { return l.HoldNo != p.Hold.No })
}

// LooksFor are the looks a side sees: a shelter, at whose shelter's point they were,
// those at its own, and the desk all.
func (p Placement) LooksFor(side Side, at string) []Look {
	return slices.DeleteFunc(slices.Clone(p.Looks), func(l Look) bool { return side != Office && (side != House || l.Shelter != at) })
}

// EscortMayBe reports whether a subject is the escort, or nobody is yet.
func (p Placement) EscortMayBe(subject string) bool {
	looks := p.looked()
	return len(looks) == 0 || looks[0].By == subject
}

// CanLook reports whether a subject may see the handover point now.
func (p Placement) CanLook(subject string, now time.Time) bool {
	return slices.Contains(ruleOf(MoveReveal).from, p.State) && !p.late(MoveReveal, now) && len(p.looked()) > 0 && p.EscortMayBe(subject)
}
