package shelter_test

import (
	"reflect"
	"testing"
	"time"

	"panah/internal/shelter"
)

func TestADayBeginsAtLocalMidnight(t *testing.T) {
	const india = 330
	midnight := time.Date(2026, 3, 1, 18, 30, 0, 0, time.UTC) // there
	before, after := shelter.DayAt(midnight.Add(-time.Second), india), shelter.DayAt(midnight, india)
	if after != before+1 {
		t.Errorf("%d, then %d", before, after)
	}
	if got := after.Time(); !got.Equal(time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("day %d is %s", after, got)
	}
}

func TestADoorCountsWhoComesOnADay(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	day := shelter.DayAt(now, 0)
	d := shelter.DoorOf("HOMA", 1, map[string]shelter.Coming{
		"came.1": {Day: day, N: 2}, "held.1": {Day: day, N: 3, Until: now}, "next.1": {Day: day + 1, N: 4},
	})
	for _, c := range []struct {
		name string
		on   int
		want int
	}{
		{"today, while a hold lasts", d.On(day, now.Add(-time.Second)), 5},
		{"today, once its time has passed", d.On(day, now), 2},
		{"tomorrow", d.On(day+1, now), 4},
		{"on the day after", d.On(day+2, now), 0},
		{"on any day, with holds whose time has passed", d.Most(), 5},
	} {
		if c.on != c.want {
			t.Errorf("%s: %d come, want %d", c.name, c.on, c.want)
		}
	}
	if d := (shelter.Door{}); d.Most() != 0 || d.On(day, now) != 0 {
		t.Error("somebody comes to a new door")
	}
}

func TestADoorForgetsWhatIsLongPast(t *testing.T) {
	now := time.Date(2026, 3, 9, 12, 0, 0, 0, time.UTC)
	day := shelter.DayAt(now, 0)
	d := shelter.DoorOf("HOMA", 1, map[string]shelter.Coming{
		"a.1": {Day: day, N: 1}, "b.1": {Day: day - 2, N: 1}, "c.1": {Day: day - 3, N: 1}, "d.1": {Day: day, N: 1, Until: now}, "e.1": {Day: day, N: 1, Until: now.Add(time.Second)},
	})
	for _, c := range []struct {
		name  string
		claim string
		set   shelter.Coming
		want  []string
	}{
		{"somebody new is noted, the dead and the old go", "f.1", shelter.Coming{Day: day, N: 2}, []string{"a.1", "b.1", "e.1", "f.1"}},
		{"a hold is noted anew", "a.1", shelter.Coming{Day: day + 1, N: 2}, []string{"a.1", "b.1", "e.1"}},
		{"with nobody it is forgotten", "a.1", shelter.Coming{Day: day}, []string{"b.1", "e.1"}},
	} {
		next := d.Set(c.claim, c.set, now)
		if got := next.Claims(); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v", c.name, got)
		}
		if got, there := next.Of(c.claim); there != (c.set.N > 0) || there && got != c.set {
			t.Errorf("%s: %+v", c.name, got)
		}
		if len(d.Claims()) != 5 {
			t.Errorf("%s: the door as it was has changed", c.name)
		}
	}
}
