package sms

import (
	"fmt"
	"strings"

	"panah/internal/code"
	"panah/internal/shelter"
)

// MaxReply is how long an answer may be: one message of the GSM alphabet.
const MaxReply = 160

// Neutral is what any number hears that no shelter has registered, whatever it
// wrote: it tells nothing, not even what else could be written.
const Neutral = "Messages from this number cannot be used."

// Find is the unit somebody means: by its id, by the beginning of its id or of
// whom it is for (W, women), or the only one there is when none is named. A number
// is a unit by its whole id only: as a beginning it may be a count that was meant.
func Find(units []shelter.Unit, name string) (shelter.Unit, bool) {
	if name == "" && len(units) == 1 {
		return units[0], true
	}
	_, whole := plain(name)
	var found []shelter.Unit
	for _, u := range units {
		if strings.EqualFold(u.ID, name) {
			return u, true
		}
		if !whole && begins(u.ID, name) || begins(code.Populations.Name(u.Population), name) {
			found = append(found, u)
		}
	}
	if name == "" || len(found) != 1 {
		return shelter.Unit{}, false
	}
	return found[0], true
}

func begins(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// Usable is how many beds can be empty at most.
func Usable(u shelter.Unit) int { c := u.Counts(); return c.Staffed() - c.OutOfService() }

func state(u shelter.Unit) string {
	c := u.Counts()
	if empty := Usable(u) - c.Occupied() - c.Blocked(); empty >= 0 {
		return fmt.Sprintf("%s empty, %d people here", beds(empty), c.Occupied())
	}
	return fmt.Sprintf("%d people here in %s, over capacity", c.Occupied(), beds(Usable(u)))
}

func beds(n int) string {
	if n == 1 {
		return "1 bed"
	}
	return fmt.Sprintf("%d beds", n)
}

// Counted echoes a count.
func Counted(u shelter.Unit) string {
	return fmt.Sprintf("%s: %s. Wrong? Send UNDO within 15 minutes.", u.ID, state(u))
}

// Undone echoes a count that was taken back.
func Undone(u shelter.Unit) string {
	return fmt.Sprintf("Undone. %s is as before: %s.", u.ID, state(u))
}

// TooMany refuses more empty beds than there are.
func TooMany(u shelter.Unit) string {
	return fmt.Sprintf("%s has %s in use, more cannot be empty. Nothing changed. Send for example: BEDS %s %d", u.ID, beds(Usable(u)), u.ID, min(3, max(0, Usable(u))))
}

// Rooms asks for people where a party has rooms to itself: empty beds say little there.
func Rooms(u shelter.Unit) string {
	return fmt.Sprintf("%s has rooms: send how many people sleep there. Nothing changed. Send for example: PRESENT %s 5", u.ID, u.ID)
}

// Late refuses what is older than what is stored.
func Late() string {
	return "Something newer is stored than that message. Nothing changed. Look again and send how it is now."
}

// NothingToUndo refuses to take anything back.
func NothingToUndo() string {
	return "There is no count by this phone of the last 15 minutes to undo. Nothing changed. Send the right count."
}

// NotUnderstood answers what is no message.
func NotUnderstood(units []shelter.Unit) string {
	return fmt.Sprintf("Not understood, nothing changed. Send for example: BEDS %s 3. Send HELP for more.", example(units))
}

// WhichUnit asks which unit was meant.
func WhichUnit(units []shelter.Unit) string {
	return listed("Which unit? Nothing changed. Send for example: BEDS "+example(units)+" 3. Units: ", units)
}

// Helped says how to write.
func Helped(units []shelter.Unit) string {
	u := example(units)
	return listed(fmt.Sprintf("BEDS %s 3: 3 beds empty. PRESENT %s 9: 9 people here. SAME: no change. UNDO. Units: ", u, u), units)
}

// Confirmed answers that nothing has changed.
func Confirmed(units []shelter.Unit) string {
	said := "Thank you, confirmed."
	for _, u := range units {
		next := fmt.Sprintf(" %s: %s.", u.ID, state(u))
		if len(said)+len(next) > MaxReply {
			return fmt.Sprintf("Thank you, all %d units are confirmed as they were.", len(units))
		}
		said += next
	}
	return said
}

func example(units []shelter.Unit) string {
	if len(units) == 0 {
		return "W"
	}
	return units[0].ID
}

// more says that there are units that are not named.
const more = " ..."

// listed names as many units as there is room for.
func listed(said string, units []shelter.Unit) string {
	for i, u := range units {
		next := u.ID
		if i > 0 {
			next = ", " + next
		}
		room := MaxReply - len(said)
		if i < len(units)-1 {
			room -= len(more)
		}
		if len(next) > room {
			return said + more
		}
		said += next
	}
	return said
}
