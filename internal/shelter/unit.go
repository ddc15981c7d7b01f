package shelter

import (
	"maps"
	"slices"
	"strings"
	"time"

	"panah/internal/code"
	"panah/internal/fault"
)

// Counts are the beds of one unit. A census may exceed what is staffed (it
// happens); taking never may. Blocked are empty beds of rooms that a party has
// to itself; where beds are let singly there are none.
type Counts struct{ staffed, outOfService, occupied, held, blocked int }

// NewCounts checks and makes counts.
func NewCounts(staffed, outOfService, occupied, held int) (Counts, error) {
	for _, c := range []struct {
		field string
		n     int
	}{{"staffed", staffed}, {"outOfService", outOfService}, {"present", occupied}, {"held", held}} {
		if c.n < 0 || c.n > MaxBeds {
			return Counts{}, fault.Field(c.field, "must be between 0 and %d", MaxBeds)
		}
	}
	if outOfService > staffed {
		return Counts{}, fault.Field("outOfService", "cannot be more than staffed")
	}
	return Counts{staffed: staffed, outOfService: outOfService, occupied: occupied, held: held}, nil
}

// MaxBeds is more than any unit has; a larger number is a slip of the finger.
const MaxBeds = 5000

// Staffed is how many beds have staff.
func (c Counts) Staffed() int { return c.staffed }

// OutOfService is how many staffed beds cannot be used now.
func (c Counts) OutOfService() int { return c.outOfService }

// Occupied is how many people sleep here.
func (c Counts) Occupied() int { return c.occupied }

// Held is how many beds are promised to people on their way.
func (c Counts) Held() int { return c.held }

// Blocked is how many empty beds are in rooms that a party has to itself.
func (c Counts) Blocked() int { return c.blocked }

// WithBlocked returns c with n beds blocked.
func (c Counts) WithBlocked(n int) Counts { c.blocked = max(0, n); return c }

// Free is how many more people may come; negative when the unit is over capacity.
func (c Counts) Free() int { return c.staffed - c.outOfService - c.occupied - c.blocked - c.held }

// Available is Free, or 0 when over capacity.
func (c Counts) Available() int { return max(0, c.Free()) }

// OverCapacity is how many people too many there are.
func (c Counts) OverCapacity() int { return max(0, -c.Free()) }

// Add sums two units' counts.
func (c Counts) Add(o Counts) Counts {
	return Counts{c.staffed + o.staffed, c.outOfService + o.outOfService, c.occupied + o.occupied, c.held + o.held, c.blocked + o.blocked}
}

// Claim is n beds promised to one hold until an instant; a zero Until never ends.
// Places are those of its people that need more than a bed.
type Claim struct {
	N      int
	Until  time.Time
	Places Places
}

// Dead reports whether the claim's time has passed.
func (c Claim) Dead(now time.Time) bool { return !c.Until.IsZero() && !now.Before(c.Until) }

// Unit is beds of one kind for one population.
type Unit struct {
	Shelter, ID      string
	Population       code.Population
	Ages             code.Set[code.AgeBand]
	Kind             code.UnitKind
	SeparateSleeping bool      // a person can sleep apart from the others
	Site             uint8     // units with the same site are in one building
	RoomBeds         int       // beds of a room, where a party has whole rooms to itself; 0: beds are let singly
	EndsAt           time.Time // of surge beds: from here on nobody is taken in; zero: no surge
	StepFree         Limit     // of its beds
	Medical          Limit     // of its beds

	staffed, outOfService, occupied, blocked int
	used                                     Places // of those who sleep here
	claims                                   map[string]Claim

	Rev         uint64         // the shelter's, repeated here so that a take can check it
	Version     uint64         // of the stored item
	Census      uint64         // raised by censuses only: the unit's ETag
	Sanctioned  int            // beds the authority allows
	CountedAt   time.Time      // when the last census was counted
	ConfirmedAt time.Time      // when somebody last vouched for the counts
	MovedAt     time.Time      // the last arrival or departure recorded
	LastOffered time.Time      // the latest end of any claim so far
	Counted     map[string]int // people, by claim, whom the last census has named and who have not been said to have left since
	Mark        uint64         // of the last census as it was sent, to know it again
	By          string         // the subject who counted or confirmed last
	ByPhone     bool           // the counts were last vouched for on the phone, to a rescue team
	Opened      uint64         // of surge beds: hash of what was asked for
	OverTold    string         // the alert that told of a census over capacity; empty since one that was not
	Before      *Before        // the counts the last census replaced, until somebody comes or goes
	Undone      []Command      // by which commands a census was taken back, the latest: a copy of one takes back no other
}

// OverSanctioned is how many more people sleep here than the authority allows; where
// it has set no number, none.
func (u Unit) OverSanctioned() int {
	if u.Sanctioned == 0 {
		return 0
	}
	return max(0, u.occupied-u.Sanctioned)
}

// Crowded reports whether more people sleep here than there are staffed beds for, or
// than the authority allows. Beds that are only promised crowd nobody.
func (u Unit) Crowded() bool {
	return u.occupied > u.staffed-u.outOfService || u.OverSanctioned() > 0
}

// Before is what a census replaced, so that it can be undone.
type Before struct {
	Counts
	CountedAt, ConfirmedAt time.Time
	Counted                map[string]int
	At                     time.Time // when the census was stored
}

// RestoreUsed gives a unit just restored the places of those who sleep here.
func (u Unit) RestoreUsed(p Places) Unit { u.used = p; return u }

// Restore makes a unit from stored parts.
func Restore(u Unit, c Counts, claims map[string]Claim) Unit {
	u.staffed, u.outOfService, u.occupied, u.blocked = c.staffed, c.outOfService, c.occupied, c.blocked
	u.claims = claims
	return u
}

// Counts are the unit's beds now; held is the sum of its claims, without those
// of people a census has counted among the occupied already.
func (u Unit) Counts() Counts {
	held := 0
	for id, c := range u.claims {
		if !u.counted(id) {
			held += c.N
		}
	}
	return Counts{u.staffed, u.outOfService, u.occupied, held, u.blocked}
}

func (u *Unit) counted(claim string) bool {
	return u.Counted[claim] > 0
}

// placementOf is the placement a claim belongs to: claims are numbered "id.no".
func placementOf(claim string) string {
	id, _, _ := strings.Cut(claim, ".")
	return id
}

// FreeAt is how many more people may come at an instant: claims whose time has
// passed count for nothing, and surge beds whose time is over are none.
func (u *Unit) FreeAt(now time.Time) int {
	free := u.staffed - u.outOfService - u.occupied - u.blocked
	if u.Over(now) {
		free = min(0, free)
	}
	for id, c := range u.claims {
		if !c.Dead(now) && !u.counted(id) {
			free -= c.N
		}
	}
	return free
}

// FirstEnd is when the first of the claims that keep beds from others ends, or
// the unit itself: until then FreeAt stays what it is. It is zero when none ends.
func (u *Unit) FirstEnd() time.Time {
	first := u.EndsAt
	for id, c := range u.claims {
		if !c.Until.IsZero() && !u.counted(id) && (first.IsZero() || c.Until.Before(first)) {
			first = c.Until
		}
	}
	return first
}

// Promised are the claims that keep beds from others.
func (u Unit) Promised() map[string]Claim {
	out := u.Claims()
	for id := range out {
		if u.counted(id) {
			delete(out, id)
		}
	}
	return out
}

// Claims returns a copy of the claims by id.
func (u Unit) Claims() map[string]Claim {
	out := make(map[string]Claim, len(u.claims))
	for id, c := range u.claims {
		out[id] = c
	}
	return out
}

// Claim returns one claim.
func (u Unit) Claim(id string) (Claim, bool) { c, ok := u.claims[id]; return c, ok }

// OfferedLast is when a bed here was last promised, measured by the end of the
// latest claim; shelters offered longest ago come first among equals.
func (u *Unit) OfferedLast() time.Time {
	last := u.LastOffered
	for _, c := range u.claims {
		if c.Until.After(last) {
			last = c.Until
		}
	}
	return last
}

// WithoutDead drops claims whose time has passed.
func (u Unit) WithoutDead(now time.Time) Unit {
	u.LastOffered = u.OfferedLast()
	alive := make(map[string]Claim, len(u.claims))
	for id, c := range u.claims {
		if !c.Dead(now) {
			alive[id] = c
		}
	}
	u.claims = alive
	return u
}

// Hold adds a claim, or refuses when fewer than n are free even without the
// claims whose time has passed.
func (u Unit) Hold(id string, n int, until, now time.Time) (Unit, error) {
	u = u.WithoutDead(now)
	if u.Counts().Free() < n {
		return u, fault.New(fault.ShelterFull, "fewer beds are free than this party needs").WithRules("beds.free")
	}
	u.claims = u.Claims()
	u.claims[id] = Claim{N: n, Until: until}
	return u, nil
}

// WithClaim adds a claim as it was granted elsewhere, without checking it.
func (u Unit) WithClaim(id string, c Claim) Unit {
	u.claims = u.Claims()
	u.claims[id] = c
	return u
}

// Pin makes a claim last until it is released or the people arrive: the bed of
// someone on the road is never resold. It is refused once the claim is dead or gone.
func (u Unit) Pin(id string, now time.Time) (Unit, error) {
	c, ok := u.claims[id]
	if !ok || c.Dead(now) {
		return u, fault.New(fault.HoldLapsed, "the hold has lapsed")
	}
	u.LastOffered = u.OfferedLast()
	u.claims = u.Claims()
	u.claims[id] = Claim{N: c.N, Places: c.Places}
	return u, nil
}

// Keep gives a claim a later end. It is refused once the claim is dead or gone.
func (u Unit) Keep(id string, until, now time.Time) (Unit, error) {
	c, ok := u.claims[id]
	if !ok || c.Dead(now) {
		return u, fault.New(fault.HoldLapsed, "the hold has lapsed")
	}
	return u.WithClaim(id, Claim{N: c.N, Until: until, Places: c.Places}), nil
}

// Release drops a claim; one that is gone already is no error.
func (u Unit) Release(id string) Unit {
	u.LastOffered = u.OfferedLast()
	u.claims = u.Claims()
	delete(u.claims, id)
	return u
}

// Arrive records that n people of a hold of so many beds came at an instant. It
// is a fact: it is taken without a claim, late and over capacity. People a census
// has counted already (it names them, or was counted after they came) are not
// counted twice; that it named them is remembered until they leave, so that an
// arrival taken back and told again finds the same.
func (u Unit) Arrive(id string, n, beds int, at time.Time) Unit {
	u = u.Release(id)
	return u.come(id, n, beds, at, 1)
}

// come counts n people of a placement in, or out again with by -1, but for those
// whom a census has counted.
func (u Unit) come(id string, n, beds int, at time.Time, by int) Unit {
	already := min(n, u.named(id))
	if !at.After(u.CountedAt) {
		already = n
	}
	u.occupied = max(0, u.occupied+by*(n-already))
	if already == 0 { // a census has counted rooms as well as people
		u.blocked = max(0, u.blocked+by*max(0, beds-n))
	}
	u.moved(at, by)
	return u
}

// Named is by which claim, and how many, the last census has named people of a
// placement here who have not been said to have left since; 0 where none.
func (u Unit) Named(placement string) (claim string, n int) {
	for id, here := range u.Counted {
		if placementOf(id) == placement {
			claim, n = max(claim, id), n+here
		}
	}
	return claim, n
}

// named is how many people of a placement the last census has named here, whichever
// of its holds was counted.
func (u *Unit) named(id string) (n int) {
	_, n = u.Named(placementOf(id))
	return n
}

// forget leaves out what the last census has said of a placement: those of it who
// are here are told by its arrival alone.
func (u *Unit) forget(id string) {
	u.Counted = maps.Clone(u.Counted)
	maps.DeleteFunc(u.Counted, func(claim string, _ int) bool { return placementOf(claim) == placementOf(id) })
}

// Part gives another claim n of the people whom the last census has named by one
// of this claim's placement, and the one before it, if it may stand again: they are
// placed apart from it.
func (u Unit) Part(id, other string, n int) Unit {
	u.Counted = parted(u.Counted, id, other, n)
	if u.Before != nil {
		before := *u.Before
		before.Counted = parted(before.Counted, id, other, n)
		u.Before = &before
	}
	return u
}

func parted(counted map[string]int, id, other string, n int) map[string]int {
	out := maps.Clone(counted)
	for _, claim := range slices.Sorted(maps.Keys(counted)) {
		moved := min(n, counted[claim])
		if placementOf(claim) != placementOf(id) || moved <= 0 {
			continue
		}
		n -= moved
		out[other] += moved
		if out[claim] -= moved; out[claim] == 0 {
			delete(out, claim)
		}
	}
	return out
}

// Leave records that n people of a claim's placement went at an instant, by which so
// many of their rooms' empty beds come free (negative: stay blocked with those who
// remain). A census counted since then did not see them any more, and stands.
func (u Unit) Leave(id string, n, unblocked int, at time.Time) Unit {
	if at.After(u.CountedAt) {
		u.occupied = max(0, u.occupied-n)
		u.blocked = max(0, u.blocked-unblocked)
		u.forget(id)
	}
	u.moved(at, 1)
	return u
}

// Return takes a departure back: n people are still here, and as many empty beds
// of their rooms are blocked as came free.
func (u Unit) Return(id string, n, unblocked int, at time.Time) Unit {
	if at.After(u.CountedAt) { // a census since then has counted them anyway
		u.occupied += n
		u.blocked = max(0, u.blocked+unblocked)
	}
	u.forget(id)
	u.Before = nil
	return u
}

// Unarrive takes an arrival back: n people have not come after all, but for those
// whom a census has named. A census since then has counted without the mistake.
func (u Unit) Unarrive(id string, n, beds int, at time.Time) Unit {
	return u.come(id, n, beds, at, -1)
}

// moved notes when somebody came or went; what is taken back has not been.
func (u *Unit) moved(at time.Time, by int) {
	u.Before = nil
	if by > 0 && at.After(u.MovedAt) {
		u.MovedAt = at
	}
}

// Census is the shelter's own count of one unit.
type Census struct {
	CountedAt             time.Time
	Present               int
	Staffed, OutOfService int
	Rooms                 int            // rooms somebody sleeps in, where a party has rooms to itself
	Counted               map[string]int // people among those present, by claim, whose arrival is not recorded yet
	Mark                  uint64         // of the census as it was sent
}

// Count applies a census. People may exceed capacity: that is reported, not
// refused; beds may not exceed what the authority allows, where it has said. A census counted before a later arrival or departure is refused
// with fault.Precondition: it would undo what happened since.
func (u Unit) Count(c Census, now time.Time) (Unit, error) {
	counts, err := NewCounts(c.Staffed, c.OutOfService, c.Present, 0)
	if err != nil {
		return u, err
	}
	switch {
	case c.CountedAt.IsZero():
		return u, fault.Field("countedAt", "is required")
	case c.CountedAt.After(now.Add(ClockSlack)):
		return u, fault.Field("countedAt", "is in the future")
	case u.Sanctioned > 0 && c.Staffed > u.Sanctioned:
		return u, fault.Field("staffed", "is more than the beds the authority allows")
	case c.CountedAt.Before(u.MovedAt):
		return u, fault.New(fault.Precondition, "someone arrived or left after this count was made")
	case c.CountedAt.Before(u.CountedAt):
		return u, fault.New(fault.Precondition, "a later count is already stored")
	}
	if c.CountedAt.After(now) { // a phone's clock that runs ahead must not hide who comes next
		c.CountedAt = now
	}
	blocked, err := u.blockedBy(c)
	if err != nil {
		return u, err
	}
	u.Before = &Before{Counts: u.Counts(), CountedAt: u.CountedAt, ConfirmedAt: u.ConfirmedAt, Counted: u.Counted, At: now}
	u.staffed, u.outOfService, u.occupied, u.blocked = counts.staffed, counts.outOfService, counts.occupied, blocked
	u.Counted = maps.Clone(c.Counted)
	u = u.WithoutDead(now)
	u.CountedAt, u.ConfirmedAt, u.ByPhone = c.CountedAt, c.CountedAt, false
	u.Mark = c.Mark
	u.Census++
	return u, nil
}

// ClockSlack is how far a phone's clock may run ahead before its times are refused.
const ClockSlack = 2 * time.Minute

// Repeats reports whether c is the census stored last: a repeat of a request
// whose answer was lost, whatever has happened to the counts since.
func (u Unit) Repeats(c Census) bool { return u.Mark != 0 && u.Mark == c.Mark }
