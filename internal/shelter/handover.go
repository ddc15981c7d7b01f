package shelter

import (
	"strings"
	"unicode/utf8"

	"panah/internal/fault"
)

// Handover is where a party is handed over: the one thing that says where a
// shelter stands. It is kept apart, shown to the escort of an accepted party
// alone, for as long as it travels, and every look is on record.
type Handover struct {
	Point   string // where the escort brings the party
	Meeting string // where somebody meets an escort who is not known for sure; not the shelter's own place
	Code    string // what staff say on the phone, so that a team knows who answered
	By      string // the subject who wrote it
	Version uint64 // of the stored item; 0: none is written yet
}

// MaxHandover is how long a description of a place may be, in characters.
const MaxHandover = 280

// Check holds a handover point against the form.
func (h Handover) Check() error {
	for field, text := range map[string]string{"point": h.Point, "meetingPoint": h.Meeting} {
		switch n := utf8.RuneCountInString(strings.TrimSpace(text)); {
		case n == 0:
			return fault.Field(field, "is required")
		case n > MaxHandover || !utf8.ValidString(text):
			return fault.Field(field, "must be at most %d characters of text", MaxHandover)
		}
	}
	return nil
}
