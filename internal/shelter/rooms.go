package shelter

import (
	"slices"
	"time"

	"panah/internal/fault"
)

// Rooms and surge: what a unit has beyond beds that are let singly.

// BedsFor is how many beds n people of one party take: where a party has rooms
// to itself, whole rooms. A family room with one child in it is full.
func (u *Unit) BedsFor(n int) int {
	if u.RoomBeds < 2 {
		return n
	}
	return (n + u.RoomBeds - 1) / u.RoomBeds * u.RoomBeds
}

// Takes is how many people of one party so many free beds can take.
func (u *Unit) Takes(free int) int {
	if u.RoomBeds < 2 || free < 0 {
		return free
	}
	return free / u.RoomBeds * u.RoomBeds
}

// Surge reports whether the unit is extra beds for a time: they are counted
// beside the sanctioned ones, not among them.
func (u *Unit) Surge() bool { return !u.EndsAt.IsZero() }

// Over reports whether surge beds have come to their end.
func (u *Unit) Over(now time.Time) bool { return u.Surge() && !now.Before(u.EndsAt) }

// RoomsOccupied is how many rooms somebody sleeps in; 0 where beds are let singly.
func (u Unit) RoomsOccupied() int {
	if u.RoomBeds < 2 {
		return 0
	}
	return (u.occupied + u.blocked + u.RoomBeds - 1) / u.RoomBeds
}

// Rooms is how many rooms the staffed beds make; 0 where beds are let singly.
func (u Unit) Rooms() int {
	if u.RoomBeds < 2 {
		return 0
	}
	return u.staffed / u.RoomBeds
}

// blockedBy is how many empty beds the rooms of a census keep from others. A
// census that does not say has counted no more rooms than the people fill.
func (u Unit) blockedBy(c Census) (int, error) {
	switch {
	case u.RoomBeds < 2 && c.Rooms > 0:
		return 0, fault.Field("roomsOccupied", "is for units whose rooms a party has to itself")
	case u.RoomBeds < 2:
		return 0, nil
	case c.Rooms < 0 || c.Rooms > c.Present:
		return 0, fault.Field("roomsOccupied", "must be between 0 and the people present")
	}
	return max(0, u.BedsFor(c.Present), c.Rooms*u.RoomBeds) - c.Present, nil
}

// UndoFor is how long a mistake can be taken back.
const UndoFor = 15 * time.Minute

// UndoUntil is until when the last census can be taken back; zero when it cannot.
func (u Unit) UndoUntil() time.Time {
	if u.Before == nil {
		return time.Time{}
	}
	return u.Before.At.Add(UndoFor)
}

// maxUndone is how many commands that took a census back a unit remembers.
const maxUndone = 4

// Undo takes the last census back: the counts before it stand again. It is
// refused once somebody has come or gone since, or after UndoFor. A command that was
// carried out before changes nothing.
func (u Unit) Undo(cmd Command, now time.Time) (Unit, error) {
	if done, err := u.UndoneBy(cmd); done || err != nil {
		return u, err
	}
	if u.Before == nil || !now.Before(u.UndoUntil()) {
		return u, fault.New(fault.IllegalMove, "there is no count to take back any more: send a new one").WithAllowed([]string{})
	}
	b := *u.Before
	u.staffed, u.outOfService, u.occupied, u.blocked = b.staffed, b.outOfService, b.occupied, b.blocked
	u.CountedAt, u.ConfirmedAt, u.Counted = b.CountedAt, b.ConfirmedAt, b.Counted
	u.Before, u.Mark = nil, 0
	u.Undone = append(slices.Clone(u.Undone[max(0, len(u.Undone)-maxUndone+1):]), cmd)
	u.Census++
	return u, nil
}

// UndoneBy reports whether a command has taken a census back before; with another
// payload under the same key it is refused.
func (u Unit) UndoneBy(cmd Command) (bool, error) { return replay(u.Undone, cmd) }

// Vouch notes that somebody says nothing has changed since the last count, as of
// an instant; on the phone, to a rescue team, it is noted as such.
func (u Unit) Vouch(at time.Time, byPhone bool) Unit {
	if at.After(u.ConfirmedAt) {
		u.ConfirmedAt, u.ByPhone = at, byPhone
	}
	return u
}

// Capacity says in a word what a caller may expect, after the four codes of the
// HL7 SDOH Clinical Care capacity-status value set.
type Capacity string

// The capacity statuses.
const (
	HasCapacity        Capacity = "has_capacity"
	NoCapacity         Capacity = "no_capacity"
	Waitlist           Capacity = "waitlist"                       // full, but beds are only held and may come back
	AssessmentRequired Capacity = "additional_assessment_required" // nobody has vouched for the counts
)

// CapacityAt explains a unit's capacity at an instant. Counts nobody has
// vouched for within fresh need a call first.
func (u Unit) CapacityAt(now time.Time, fresh time.Duration) Capacity {
	switch {
	case now.Sub(u.ConfirmedAt) > fresh:
		return AssessmentRequired
	case u.Takes(u.FreeAt(now)) > 0:
		return HasCapacity
	case !u.Over(now) && u.lapsable(now) > 0:
		return Waitlist
	}
	return NoCapacity
}

// lapsable is how many beds are held and may still lapse.
func (u Unit) lapsable(now time.Time) (n int) {
	for id, c := range u.claims {
		if !c.Until.IsZero() && !c.Dead(now) && !u.counted(id) {
			n += c.N
		}
	}
	return n
}
