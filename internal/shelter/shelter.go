// Package shelter holds the facts of a shelter and its units: what a place is,
// whom it may take, and how many beds it has. Every change of a count goes
// through a method here, so that free = staffed - outOfService - occupied - held
// holds at every moment.
package shelter

import (
	"slices"
	"time"

	"panah/internal/code"
	"panah/internal/fault"
	"panah/internal/language"
	"panah/internal/place"
)

// Status is whether a shelter takes part.
type Status uint8

// The statuses of a shelter. Only an active one takes people in.
const (
	Active Status = iota
	Suspended
	Closed
	Registered // on the register, not looked at yet
	Vetted     // looked at by the ministry, not taking part yet
)

// Statuses lists the statuses.
var Statuses = code.NewList[Status]("active", "suspended", "closed", "registered", "vetted")

// Language is one language a shelter can speak, and how.
type Language struct {
	Tag language.Tag
	Via code.LanguageVia
}

// Hours is when a shelter takes people in, in minutes of its local day. From
// equal to To means round the clock; From after To spans midnight.
type Hours struct{ From, To int }

// RoundTheClock reports whether intake never closes.
func (h Hours) RoundTheClock() bool { return h.From == h.To }

// OpenAt reports whether intake is open at an instant, where local time is
// offset minutes ahead of UTC.
func (h Hours) OpenAt(at time.Time, offset int) bool {
	if h.RoundTheClock() {
		return true
	}
	utc := at.UTC()
	minute := (utc.Hour()*60 + utc.Minute() + offset) % (24 * 60)
	if h.From < h.To {
		return minute >= h.From && minute < h.To
	}
	return minute >= h.From || minute < h.To
}

// Shelter is what is true of the whole place. Where it stands is its district
// and nothing finer: the handover point is kept apart and shown to nobody here.
type Shelter struct {
	ID              string
	District        place.Code
	Type            code.Institution
	Status          Status
	RegisteredUntil time.Time // the day registration ends; zero: never registered
	Languages       []Language
	OnSite          code.Set[code.Need] // needs met in the house
	Arranged        code.Set[code.Need] // needs met by a fixed partner nearby
	Features        code.Set[code.Feature]
	HouseRules      code.Set[code.HouseRule]
	Intake          Hours
	MaxStayDays     int    // 0: no cap
	DailyIntake     Limit  // people it takes in on one local day
	Rev             uint64 // raised by every change above; 1 for a new shelter
	Version         uint64 // of the stored item
	Quiet           uint64 // how many of the versions only note a command that changed nothing
	Synthetic       bool   // demo data, never a real place

	RulesKnown  bool   // the house rules are recorded, even where there are none
	Unvetted    bool   // no ministry has vetted it yet
	RegistryKey string // its number in the register it came from, if any
	Source      uint64 // tells register and number, or command, it was made from
	Made        uint64 // hash of the command that made it
	By          string // the subject who changed it last
	Commands    []Command
}

// Command is a change of status, or a census taken back, already carried out: a copy
// of it that arrives late must not act again on what somebody has changed since. Hashes only.
type Command struct{ Key, Payload uint64 }

// MaxCommands is how many changes of status a shelter remembers, the latest.
const MaxCommands = 32

// Replay reports whether a change was carried out before; with another payload
// under the same key it is refused.
func (s Shelter) Replay(cmd Command) (bool, error) { return replay(s.Commands, cmd) }

func replay(known []Command, cmd Command) (bool, error) {
	i := slices.IndexFunc(known, func(c Command) bool { return c.Key == cmd.Key })
	if i < 0 {
		return false, nil
	}
	if known[i].Payload != cmd.Payload {
		return false, fault.New(fault.KeyReused, "this Idempotency-Key was used for another request")
	}
	return true, nil
}

// Remember notes a change of status, also one to a status the shelter has
// already: a late copy must find that it was answered.
func (s Shelter) Remember(cmd Command) Shelter {
	s.Commands = append(slices.Clone(s.Commands[max(0, len(s.Commands)-MaxCommands+1):]), cmd)
	return s
}

// Edition counts what has changed: the shelter's ETag. Noting a command that
// changes nothing raises the version and not this.
func (s Shelter) Edition() uint64 { return s.Version - s.Quiet }

// RulesRecorded reports whether somebody has said what the house rules are.
func (s Shelter) RulesRecorded() bool { return s.RulesKnown || s.HouseRules.Len() > 0 }

// Locked reports whether residents cannot leave by themselves.
func (s Shelter) Locked() bool { return s.HouseRules.Has(code.DoorsLockedAlways) }

// RegisteredAt reports whether registration is current at an instant.
func (s Shelter) RegisteredAt(at time.Time) bool { return at.Before(s.RegisteredUntil) }
