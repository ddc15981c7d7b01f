package placement

import (
	"slices"
	"time"

	"panah/internal/code"
	"panah/internal/fault"
)

// Voice is what the survivor of a placement has said with their own code, and the
// hash of that code. It is stored apart from the placement, which neither changes
// nor grows older by it: whoever reads the placement cannot tell that its survivor
// has a code, wishes for something, or has complained.
type Voice struct {
	Placement string
	CodeNo    int       // counts the placement's codes from 1; the last one is valid
	CodeHash  string    // of the valid one; empty: none was made
	CodeKey   uint64    // the command it was made by
	CodeAt    time.Time // when it was made
	Said      []Said    // the latest MaxSaid, the oldest first
	Codes     []Command // codes were made by
	Commands  []Command // things were said by, with the valid code: an older one answers nobody
	By        string    // who made the last change: a subject, or Survivor
	Version   uint64
}

// SurvivorSubject stands in the record for whoever has a survivor's code: they
// have no account, and nothing says who they are.
const SurvivorSubject = "survivor"

// MaxSaid is how much of what a survivor said is remembered; each was an alert of
// its own, but for a complaint said again while the desk had not looked at it.
const MaxSaid = 32

// Said is one thing a survivor asked for or complained of.
type Said struct {
	What  code.StayAsk
	About code.Complaint // for a complaint
	At    time.Time
	Alert string // that told the desk of it, as district and id
}

// Answers reports whether the valid code has this hash.
func (v Voice) Answers(hash string) bool { return v.CodeHash != "" && sameHash(v.CodeHash, hash) }

// How many commands a voice remembers, none of which it forgets: one that comes late
// must not void a code, or tell a desk again.
const (
	MaxCodes  = 64
	MaxSpoken = 256 // with one code
)

// Coded is the voice with a new code in place of the one before.
func (v Voice) Coded(c StayCode, cmd Command, by string, now time.Time) (Voice, error) {
	if len(v.Codes) >= MaxCodes {
		return v, fault.New(fault.TooManyMoves, "too many codes were made for this placement; the last one stays valid")
	}
	v.CodeNo++
	v.CodeHash, v.CodeKey, v.CodeAt, v.By = c.Hash(), cmd.Key, now, by
	v.Codes, v.Commands = append(slices.Clone(v.Codes), cmd), nil
	return v, nil
}

// NumberOf is the number of the code that a command has made; 0 where it made none.
func (v Voice) NumberOf(cmd Command) int {
	return 1 + slices.IndexFunc(v.Codes, func(c Command) bool { return c.Key == cmd.Key })
}

// Shows reports whether the valid code may be shown once more to whoever sends the
// command again that made it: an answer may have been lost on the way.
func (v Voice) Shows(c StayCode, cmd Command, within time.Duration, now time.Time) bool {
	return v.CodeKey == cmd.Key && v.Answers(c.Hash()) && now.Before(v.CodeAt.Add(within))
}

// Complained is the latest complaint of a kind, if there was one.
func (v Voice) Complained(of code.Complaint) (Said, bool) {
	for _, s := range slices.Backward(v.Said) {
		if s.What == code.AskComplain && s.About == of {
			return s, true
		}
	}
	return Said{}, false
}

// Say is the voice once the survivor has said something. What was said before and has
// the same alert is the same thing, said again.
func (v Voice) Say(s Said, cmd Command) (Voice, error) {
	if len(v.Commands) >= MaxSpoken {
		return v, fault.New(fault.TooManyMoves, "too much was said with this code; ask the desk for a new one")
	}
	said := slices.DeleteFunc(slices.Clone(v.Said), func(o Said) bool { return s.Alert != "" && o.Alert == s.Alert })
	said = append(said, s)
	v.Said = said[max(0, len(said)-MaxSaid):]
	v.Commands, v.By = append(slices.Clone(v.Commands), cmd), SurvivorSubject
	return v, nil
}

// Replay reports whether a command was carried out before; with another payload
// under the same key it is refused.
func (v Voice) Replay(cmd Command) (bool, error) {
	return Placement{Commands: append(slices.Clone(v.Codes), v.Commands...)}.Replay(cmd)
}
