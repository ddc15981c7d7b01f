package shelter

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Day numbers a day of the local calendar, from 1970-01-01; 0 is no day.
type Day int

// DayAt is the local day of an instant, where local time is offset minutes ahead of UTC.
func DayAt(at time.Time, offset int) Day {
	return Day((at.Unix() + int64(offset)*60) / (24 * 60 * 60))
}

// Time is midnight of the day, as a date.
func (d Day) Time() time.Time { return time.Unix(int64(d)*24*60*60, 0).UTC() }

// Coming is the people of one hold that come, or came, to a shelter on a day.
type Coming struct {
	Day   Day
	N     int       // persons
	Until time.Time // of a hold not accepted yet; zero: accepted, or they have come
}

func (c Coming) dead(now time.Time) bool { return !c.Until.IsZero() && !now.Before(c.Until) }

// Door is who comes to a shelter on which day, by hold: kept where a shelter
// limits how many it takes in a day. That somebody came is a fact and stays.
type Door struct {
	Shelter string
	Version uint64 // of the stored item; 0: there is none yet
	coming  map[string]Coming
}

// DoorOf makes a door of what is stored.
func DoorOf(shelter string, version uint64, coming map[string]Coming) Door {
	return Door{Shelter: shelter, Version: version, coming: coming}
}

// doorDays is for how many days past a door remembers.
const doorDays = 3

// All are the comings by claim.
func (d Door) All() map[string]Coming { return maps.Clone(d.coming) }

// On is how many people come on a day, as of an instant.
func (d *Door) On(day Day, now time.Time) (n int) {
	for _, c := range d.coming {
		if c.Day == day && !c.dead(now) {
			n += c.N
		}
	}
	return n
}

// Most is the largest number of people who come on any day, with holds whose time
// has passed: it is never less than On.
func (d *Door) Most() (most int) {
	if len(d.coming) == 0 {
		return 0
	}
	days := map[Day]int{}
	for _, c := range d.coming {
		days[c.Day] += c.N
		most = max(most, days[c.Day])
	}
	return most
}

// Set notes the people of a hold, in place of what was noted of it before; with
// nobody the hold is forgotten. Days long past are forgotten with it.
func (d Door) Set(claim string, c Coming, now time.Time) Door {
	next := map[string]Coming{}
	oldest := DayAt(now, 0) - doorDays
	for id, was := range d.coming {
		if id != claim && was.Day > oldest && !was.dead(now) {
			next[id] = was
		}
	}
	if c.N > 0 {
		next[claim] = c
	}
	d.coming = next
	return d
}

// Of is what is noted of a hold.
func (d Door) Of(claim string) (Coming, bool) { c, ok := d.coming[claim]; return c, ok }

// Claims are the holds noted, in order.
func (d Door) Claims() []string {
	return slices.SortedFunc(maps.Keys(d.coming), strings.Compare)
}
