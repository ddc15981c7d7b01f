package placement

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"panah/internal/fault"
)

// Limits of one rescue.
const (
	MaxRescued        = 500 // persons
	MaxTogether       = 500 // parties: each person may be one
	MaxApart          = 200 // pairs to keep apart
	MaxRescueCommands = 512 // remembered, none forgotten
	MaxDeparts        = 32  // departures of many at once: with their parties they stay far below an item's limit
)

// RescueState is where a rescue stands.
type RescueState string

// The states of a rescue.
const (
	RescueOpen       RescueState = "open"       // parties may come, plans may change
	RescueConfirming RescueState = "confirming" // holds are being taken
	RescueConfirmed  RescueState = "confirmed"  // every party is held or waits
)

// Picked is where the plan puts one party.
type Picked struct {
	Party   int
	Shelter string
	Parts   []Part
	Score   int
}

// Departure is a command by which many parties departed: which, and at what
// version each was. Whoever sends it again moves no other.
type Departure struct {
	Command
	Parties []Departing
}

// Departing is one party of a departure.
type Departing struct {
	Party   int
	Version uint64
}

// Rescue is one operation with many parties, matched together. A party becomes a
// placement of its own when the plan is confirmed; from then on the placement says
// what is true.
type Rescue struct {
	ID        string
	Team      string
	Common    Request   // what is the same for every party: no persons
	Parties   []Request // persons, togetherness and wishes; the rest as in Common
	Apart     [][2]int  // parties that must not be in one shelter
	State     RescueState
	Plan      []Picked
	Seed      uint64 // of the plan
	PlannedTo int    // how many of the parties, from the first, the last plan looked at
	Round     int    // of confirming
	Made      int    // how many of the parties, from the first, have a placement
	LeaseTill time.Time
	Commands  []Command
	Departs   []Departure
	CreatedAt time.Time
	ChangedAt time.Time
	Version   uint64
	By        string
}

// RescueID derives a rescue's id from team and idempotency key.
func RescueID(team, key string) string { return "r_" + ID(team, "rescue\x00"+key)[2:] }

// PartyID is the id of the placement a party becomes: the same however often it
// is confirmed.
func (r Rescue) PartyID(i int) string { return ID(r.Team, r.ID+"\x00"+strconv.Itoa(i)) }

// KeptFrom are the parties that party i is kept apart from.
func (r Rescue) KeptFrom(i int) (out []int) {
	for _, pair := range r.Apart {
		switch i {
		case pair[0]:
			out = append(out, pair[1])
		case pair[1]:
			out = append(out, pair[0])
		}
	}
	return out
}

// Persons is how many people the rescue has.
func (r Rescue) Persons() (n int) {
	for _, p := range r.Parties {
		n += len(p.Persons)
	}
	return n
}

// Check holds a rescue against the rules of the form.
func (r Rescue) Check(now time.Time) error {
	switch {
	case len(r.Parties) == 0:
		return fault.Field("parties", "needs at least one party")
	case len(r.Parties) > MaxTogether:
		return fault.Field("parties", "has more than %d parties", MaxTogether)
	case r.Persons() > MaxRescued:
		return fault.Field("parties", "has more than %d persons: make it two rescues", MaxRescued)
	case len(r.Apart) > MaxApart:
		return fault.Field("keepApart", "has more than %d pairs", MaxApart)
	}
	for i, p := range r.Parties {
		if err := p.Check(now); err != nil {
			if f, ok := fault.Of(err); ok && f.Field == "party.persons" {
				f.Field = fmt.Sprintf("parties[%d].persons", i)
			}
			return err
		}
	}
	for i, pair := range r.Apart {
		if pair[0] == pair[1] || min(pair[0], pair[1]) < 0 || max(pair[0], pair[1]) >= len(r.Parties) {
			return fault.Field(fmt.Sprintf("keepApart[%d]", i), "must be two different parties, by position from 0")
		}
	}
	return nil
}

// With adds parties that were found later. Nobody who is placed moves for them.
func (r Rescue) With(parties []Request, apart [][2]int, now time.Time) (Rescue, error) {
	r.Parties = append(slices.Clone(r.Parties), parties...)
	r.Apart = append(slices.Clone(r.Apart), apart...)
	r.State, r.ChangedAt = RescueOpen, now
	return r, r.Check(now)
}

// Replay reports whether a command was carried out before.
func (r Rescue) Replay(cmd Command) (bool, error) {
	known := slices.Clone(r.Commands)
	for _, d := range r.Departs {
		known = append(known, d.Command)
	}
	return Placement{Commands: known}.Replay(cmd)
}

// Departing notes which parties a command makes depart.
func (r Rescue) Departing(cmd Command, parties []Departing, now time.Time) (Rescue, error) {
	if len(r.Departs) >= MaxDeparts {
		return r, fault.New(fault.TooManyMoves, "this rescue has seen too many departures of many at once; let each party depart by itself")
	}
	r.Departs = append(slices.Clone(r.Departs), Departure{cmd, parties})
	r.ChangedAt = now
	return r, nil
}

// Departure is what a command made depart.
func (r Rescue) Departure(key uint64) []Departing {
	for _, d := range r.Departs {
		if d.Key == key {
			return d.Parties
		}
	}
	return nil
}

// Remember notes a command; a departure is noted already. None is ever forgotten, for
// one that comes late would add its parties again.
func (r Rescue) Remember(cmd Command) (Rescue, error) {
	if known, err := r.Replay(cmd); known || err != nil {
		return r, err
	}
	if r.Full() {
		return r, fault.New(fault.TooManyMoves, "this rescue has seen too many commands; make another for parties found from now on")
	}
	r.Commands = append(slices.Clone(r.Commands), cmd)
	return r, nil
}

// Full reports whether the rescue can remember no more commands.
func (r Rescue) Full() bool { return len(r.Commands) >= MaxRescueCommands }

// Planned gives the rescue a plan made with a seed.
func (r Rescue) Planned(plan []Picked, seed uint64, now time.Time) Rescue {
	r.Plan, r.Seed, r.PlannedTo, r.ChangedAt = plan, seed, len(r.Parties), now
	return r
}

// Confirming starts a round of taking the plan's holds, until a lease ends: then
// the clock goes on where a process was lost.
func (r Rescue) Confirming(lease, now time.Time) Rescue {
	r.State, r.LeaseTill, r.ChangedAt, r.Made = RescueConfirming, lease, now, len(r.Parties)
	r.Round++
	return r
}

// Confirmed notes that every party is held or waits: the placements say where, and
// the plan is over. What was told of the parties is in their placements alone from
// now on, so that what is erased or forgotten there is nowhere else.
func (r Rescue) Confirmed(now time.Time) Rescue {
	r.Parties = slices.Clone(r.Parties)
	for i := range r.Parties[:r.Made] {
		r.Parties[i] = r.Parties[i].erased()
		r.Parties[i].Consent.HeardIn = ""
	}
	r.Plan, r.Seed, r.PlannedTo = nil, 0, len(r.Parties)
	r.State, r.LeaseTill, r.ChangedAt, r.Round = RescueConfirmed, time.Time{}, now, 0
	return r
}
