package placement

import (
	"time"

	"panah/internal/fault"
)

// PhoneCode is what the team was told on the phone to be the shelter's code.
type PhoneCode uint8

// What can be said of a code.
const (
	CodeUnsaid PhoneCode = iota
	CodeWrong
	CodeRight
)

// MaxPhoneTries is how many wrong codes of one shelter are looked at for one placement:
// a code may be misheard, and is not to be guessed. Whoever comes back to a shelter
// has no more of them.
const MaxPhoneTries = 5

// HearPhoneCode holds what somebody heard against a shelter's code, as generously as a
// survivor's code is heard. An empty code is nobody's.
func HearPhoneCode(said, code string) PhoneCode {
	switch said, code = heard(said), heard(code); {
	case said == "":
		return CodeUnsaid
	case sameHash(said, code):
		return CodeRight
	}
	return CodeWrong
}

// PhoneTriesLeft is how many wrong codes of the shelter held may still be said.
func (p Placement) PhoneTriesLeft() int { return max(0, MaxPhoneTries-p.Hold.PhoneTries) }

// AcceptByPhone is a yes the team heard on the phone. Only with the shelter's own
// code is it sure who answered: without it the escort learns a meeting place and
// not the shelter's door. Said again with the right code, also on the road, the
// same yes is sure. After MaxPhoneTries no code is looked at any more.
func (p Placement) AcceptByPhone(said PhoneCode, doorTeam, doorHouse string, now time.Time) (Placement, []BedMove, error) {
	var moves []BedMove
	if p.State == Held {
		var err error
		if p, moves, err = p.accept(MovePhone, doorTeam, doorHouse, now); err != nil {
			return p, nil, err
		}
		p.ByPhone, p.Verified = true, false
	} else if err := p.enter(MovePhone); err != nil {
		return p, nil, err
	} else if said == CodeUnsaid {
		return p, nil, fault.Field("phoneCode", "is required: the yes is recorded, only the code is missing")
	}
	if p.PhoneTriesLeft() == 0 {
		return p, moves, nil
	}
	switch said {
	case CodeWrong:
		p.Hold.PhoneTries++
	case CodeRight:
		p.Verified, moves = true, p.beds(PinBeds, time.Time{})
		for i := range moves {
			moves[i].Vouched = true
		}
	}
	p.Back = Back{}
	return p, moves, nil
}
