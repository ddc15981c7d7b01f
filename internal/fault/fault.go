// Package fault holds the refusals a caller may see. Whatever is not a Fault
// is an internal error: the caller learns nothing of it and the log everything.
//
// A Fault never carries a value somebody sent, only names of rules and fields.
package fault

import (
	"errors"
	"fmt"
)

// Kind says what sort of refusal it is. Each kind maps to one HTTP status.
type Kind string

// The kinds of refusal.
const (
	Malformed     Kind = "malformed"          // the request is not well formed: a header or parameter is missing or broken
	Invalid       Kind = "invalid"            // well formed, but a field breaks a rule
	Unauthorized  Kind = "unauthorized"       // who is asking is not known
	Wipe          Kind = "wipe"               // not a member any more: the device erases what it holds
	Forbidden     Kind = "forbidden"          // known, but not allowed to do this at all
	NotFound      Kind = "not_found"          // missing, or somebody else's: the two answer alike
	Gone          Kind = "gone"               // it was there for this reader and is not any more: consent was withdrawn
	IllegalMove   Kind = "illegal_move"       // the state does not allow this move; Allowed lists what it does
	StaleVersion  Kind = "stale_version"      // the sender acted on an older version or hold
	ShelterFull   Kind = "shelter_full"       // fewer free beds than needed
	NotEligible   Kind = "not_eligible"       // a hard rule fails; Rules lists them
	HoldLapsed    Kind = "hold_lapsed"        // the hold's time has passed
	Precondition  Kind = "precondition"       // If-Match does not match; Current and Sent show both
	NeedIfMatch   Kind = "need_if_match"      // a conditional request is required
	KeyReused     Kind = "idempotency_reused" // the same key with another payload
	TooManyMoves  Kind = "too_many_moves"     // a placement, a rescue or a code keeps only so many commands
	Busy          Kind = "busy"               // try again shortly
	DirectoryCold Kind = "directory_cold"     // no directory of shelters could be read yet
)

// Fault is one refusal.
type Fault struct {
	Kind    Kind
	Detail  string   // one sentence in plain words
	Field   string   // the field it is about, as a path, when there is one
	Rules   []string // ids of the rules that failed
	Allowed []string // the moves that would be allowed now
	Current any      // what is stored now, for a failed precondition
	Sent    any      // what the sender meant to store, for a failed precondition
}

// Error returns the kind and the sentence.
func (f *Fault) Error() string { return string(f.Kind) + ": " + f.Detail }

// New makes a fault of a kind with a sentence.
func New(kind Kind, format string, args ...any) *Fault {
	return &Fault{Kind: kind, Detail: fmt.Sprintf(format, args...)}
}

// Field makes an Invalid fault about one field.
func Field(field, format string, args ...any) *Fault {
	f := New(Invalid, format, args...)
	f.Field = field
	return f
}

// WithAllowed says which moves would be allowed instead.
func (f *Fault) WithAllowed(moves []string) *Fault { f.Allowed = moves; return f }

// WithRules names the rules that failed.
func (f *Fault) WithRules(rules ...string) *Fault { f.Rules = rules; return f }

// Of returns the Fault inside err, if there is one.
func Of(err error) (*Fault, bool) {
	var f *Fault
	ok := errors.As(err, &f)
	return f, ok
}

// Is reports whether err holds a fault of this kind.
func Is(err error, kind Kind) bool {
	f, ok := Of(err)
	return ok && f.Kind == kind
}
