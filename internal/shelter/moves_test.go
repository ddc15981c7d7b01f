package shelter_test

import (
	"fmt"
	"testing"
	"time"

	"panah/internal/fault"
	"panah/internal/shelter"
)

// A refused move names those that would be taken, and they are.
func TestARefusedChangeOfStatusNamesWhatIsPossible(t *testing.T) {
	to := map[string]shelter.Status{"vet": shelter.Vetted, "activate": shelter.Active, "resume": shelter.Active, "suspend": shelter.Suspended, "close": shelter.Closed}
	for _, c := range []struct {
		status   shelter.Status
		unvetted bool
		want     string
	}{
		{shelter.Registered, true, "[vet close]"},
		{shelter.Vetted, false, "[activate close]"},
		{shelter.Active, false, "[suspend close]"},
		{shelter.Suspended, false, "[resume close]"},
		{shelter.Closed, false, "[resume]"},
		{shelter.Closed, true, "[vet]"},
	} {
		s := shelter.Shelter{Status: c.status, Unvetted: c.unvetted, RulesKnown: true, RegisteredUntil: now.AddDate(1, 0, 0)}
		_, err := s.Moved(shelter.Registered, 1, now) // nothing becomes that again
		f, ok := fault.Of(err)
		if !ok || f.Kind != fault.IllegalMove || fmt.Sprint(f.Allowed) != c.want {
			t.Errorf("%s, unvetted %t: %v", shelter.Statuses.Name(c.status), c.unvetted, err)
			continue
		}
		for _, move := range f.Allowed {
			if _, err := s.Moved(to[move], 1, now); err != nil {
				t.Errorf("%s, unvetted %t: %s is named, and refused: %v", shelter.Statuses.Name(c.status), c.unvetted, move, err)
			}
		}
	}
}

// Limits of a registration are taken up to the most a unit may have, and no more.
func TestLimitsOfARegistrationHaveTheirOwnLimits(t *testing.T) {
	for field, set := range map[string]func(*shelter.Registration, shelter.Limit){
		"dailyIntake":       func(r *shelter.Registration, l shelter.Limit) { r.DailyIntake = l },
		"units[0].stepFree": func(r *shelter.Registration, l shelter.Limit) { r.Units[0].StepFree = l },
		"units[0].medical":  func(r *shelter.Registration, l shelter.Limit) { r.Units[0].Medical = l },
	} {
		for _, c := range []struct {
			name  string
			limit shelter.Limit
			taken bool
		}{
			{"none said", 0, true},
			{"none", shelter.LimitOf(0), true},
			{"the most", shelter.LimitOf(shelter.MaxBeds), true},
			{"one more", shelter.LimitOf(shelter.MaxBeds + 1), false},
			{"below none", shelter.LimitOf(-2), false},
		} {
			r := registration()
			set(&r, c.limit)
			f, _ := fault.Of(r.Check(now))
			if taken := f == nil; taken != c.taken || f != nil && f.Field != field {
				t.Errorf("%s, %s: %v", field, c.name, f)
			}
		}
		s, units := registration().New("X")
		r := registration()
		set(&r, shelter.LimitOf(3))
		next, all, changed, err := r.Update(s, units)
		if err != nil || !changed {
			t.Errorf("%s: a new limit is no change: %v", field, err)
			continue
		}
		if got := shelter.Facts(next, all); got.DailyIntake != r.DailyIntake || got.Units[0] != r.Units[0] {
			t.Errorf("%s: stored is %+v", field, got)
		}
	}
}

// Beds of a room that a party has to itself are not free, though nobody sleeps in them.
func TestEmptyBedsOfAPartysOwnRoomAreNotFree(t *testing.T) {
	u := shelter.Unit{RoomBeds: 4}
	u, err := u.Count(shelter.Census{CountedAt: now, Present: 2, Staffed: 12, OutOfService: 1}, now)
	if err != nil || u.Counts().Blocked() != 2 || u.FreeAt(now) != 7 || u.FreeAt(now) != u.Counts().Free() {
		t.Errorf("%d blocked, %d free now, %d free, %v", u.Counts().Blocked(), u.FreeAt(now), u.Counts().Free(), err)
	}
}

func TestADayIsCountedInTheTimesThereAreRegistersOf(t *testing.T) {
	for day, taken := range map[time.Time]bool{
		time.Date(1949, 12, 31, 0, 0, 0, 0, time.UTC): false,
		time.Date(1950, 1, 1, 0, 0, 0, 0, time.UTC):   true,
		now.Add(shelter.ClockSlack):                   true,
		now.Add(shelter.ClockSlack + time.Second):     false,
	} {
		err := shelter.DayCount{Day: day}.Check(now)
		f, _ := fault.Of(err)
		if (err == nil) != taken || f != nil && f.Field != "day" {
			t.Errorf("%s: %v", day.Format(time.RFC3339), err)
		}
	}
}
