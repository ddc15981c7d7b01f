package shelter_test

import (
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"panah/internal/fault"
	"panah/internal/shelter"
)

// unit is a unit with so many beds and claims, counted and confirmed an hour ago.
func unit(t *testing.T, staffed, outOfService, occupied int, claims map[string]shelter.Claim) shelter.Unit {
	t.Helper()
	c, err := shelter.NewCounts(staffed, outOfService, occupied, 0)
	if err != nil {
		t.Fatal(err)
	}
	hour := now.Add(-time.Hour)
	return shelter.Restore(shelter.Unit{Shelter: "HOME", ID: "girls", CountedAt: hour, ConfirmedAt: hour, MovedAt: hour}, c, claims)
}

func minutes(n int) time.Time { return now.Add(time.Duration(n) * time.Minute) }

// kind is the kind of a refusal, "" where there is none.
func kind(err error) fault.Kind {
	f, _ := fault.Of(err)
	if f == nil {
		return ""
	}
	return f.Kind
}

func TestCountsThatCannotBeAreRefused(t *testing.T) {
	for _, c := range []struct {
		name                                  string
		staffed, outOfService, occupied, held int
		field                                 string
	}{
		{"none at all", 0, 0, 0, 0, ""},
		{"the most a unit may have", shelter.MaxBeds, shelter.MaxBeds, shelter.MaxBeds, shelter.MaxBeds, ""},
		{"more people than beds", 5, 0, 9, 0, ""},
		{"all beds out of service", 5, 5, 0, 0, ""},
		{"more out of service than there are", 5, 6, 0, 0, "outOfService"},
		{"fewer than no beds", -1, 0, 0, 0, "staffed"},
		{"more beds than any unit has", shelter.MaxBeds + 1, 0, 0, 0, "staffed"},
		{"fewer than no people", 5, 0, -1, 0, "present"},
		{"more people than any unit has", 5, 0, shelter.MaxBeds + 1, 0, "present"},
		{"fewer than none held", 5, 0, 0, -1, "held"},
	} {
		_, err := shelter.NewCounts(c.staffed, c.outOfService, c.occupied, c.held)
		if f, _ := fault.Of(err); (err == nil) != (c.field == "") || f != nil && f.Field != c.field {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestFreeIsStaffedWithoutWhatIsOutOccupiedBlockedAndHeld(t *testing.T) {
	c, _ := shelter.NewCounts(20, 3, 5, 4)
	c = c.WithBlocked(2)
	if c.Staffed() != 20 || c.OutOfService() != 3 || c.Occupied() != 5 || c.Held() != 4 || c.Blocked() != 2 {
		t.Errorf("counts are %+v", c)
	}
	if c.Free() != 6 || c.Available() != 6 || c.OverCapacity() != 0 {
		t.Errorf("%d free, %d available, %d over", c.Free(), c.Available(), c.OverCapacity())
	}
	full, _ := shelter.NewCounts(5, 1, 6, 1)
	if full.Free() != -3 || full.Available() != 0 || full.OverCapacity() != 3 {
		t.Errorf("%d free, %d available, %d over", full.Free(), full.Available(), full.OverCapacity())
	}
	both := c.Add(full.WithBlocked(7))
	if want := []int{25, 4, 11, 5, 9}; !reflect.DeepEqual([]int{both.Staffed(), both.OutOfService(), both.Occupied(), both.Held(), both.Blocked()}, want) {
		t.Errorf("together %+v, want %v", both, want)
	}
	if got := c.WithBlocked(-1).Blocked(); got != 0 {
		t.Errorf("%d beds blocked", got)
	}
}

// A claim counts until its instant and from there no more; one without an end
// always; one whose people a census has found here already, never.
func TestWhatIsFreeAtAnInstant(t *testing.T) {
	for _, c := range []struct {
		name   string
		unit   func(*shelter.Unit)
		claims map[string]shelter.Claim
		free   int
	}{
		{"no claim", nil, nil, 6},
		{"a claim with a second left", nil, map[string]shelter.Claim{"p_1.1": {N: 2, Until: now.Add(time.Second)}}, 4},
		{"a claim that ends now", nil, map[string]shelter.Claim{"p_1.1": {N: 2, Until: now}}, 6},
		{"a claim without an end", nil, map[string]shelter.Claim{"p_1.1": {N: 2}}, 4},
		{"a claim whose people were counted", func(u *shelter.Unit) { u.Counted = map[string]int{"p_1.1": 2} }, map[string]shelter.Claim{"p_1.1": {N: 2}}, 6},
		{"two claims", nil, map[string]shelter.Claim{"p_1.1": {N: 2}, "p_2.1": {N: 1, Until: minutes(9)}}, 3},
		{"surge beds with a second left", func(u *shelter.Unit) { u.EndsAt = now.Add(time.Second) }, nil, 6},
		{"surge beds at their end", func(u *shelter.Unit) { u.EndsAt = now }, nil, 0},
		{"surge beds at their end with a claim", func(u *shelter.Unit) { u.EndsAt = now }, map[string]shelter.Claim{"p_1.1": {N: 2}}, -2},
	} {
		u := unit(t, 10, 1, 3, c.claims)
		if c.unit != nil {
			c.unit(&u)
		}
		if got := u.FreeAt(now); got != c.free {
			t.Errorf("%s: %d free, want %d", c.name, got, c.free)
		}
	}
	over := unit(t, 2, 0, 5, nil)
	if over.EndsAt = now; over.FreeAt(now) != -3 {
		t.Errorf("surge beds over capacity at their end: %d free", over.FreeAt(now))
	}
}

// Until its first end what is free stays what it is, and there it changes: for
// each claim that ends and for the surge beds themselves.
func TestTheFirstEndIsWhenWhatIsFreeChangesFirst(t *testing.T) {
	for _, c := range []struct {
		name   string
		ends   time.Time
		claims map[string]shelter.Claim
		first  time.Time
	}{
		{"nothing ends", time.Time{}, nil, time.Time{}},
		{"a claim without an end", time.Time{}, map[string]shelter.Claim{"p_1.1": {N: 1}}, time.Time{}},
		{"a claim that ends", time.Time{}, map[string]shelter.Claim{"p_1.1": {N: 1, Until: minutes(30)}, "p_2.1": {N: 1}}, minutes(30)},
		{"the earlier of two", time.Time{}, map[string]shelter.Claim{"p_1.1": {N: 1, Until: minutes(30)}, "p_2.1": {N: 1, Until: minutes(20)}}, minutes(20)},
		{"one whose people were counted ends nothing", time.Time{}, map[string]shelter.Claim{"p_1.1": {N: 1, Until: minutes(30)}, "counted.1": {N: 1, Until: minutes(10)}}, minutes(30)},
		{"surge beds alone", minutes(40), nil, minutes(40)},
		{"a claim before the surge beds", minutes(40), map[string]shelter.Claim{"p_1.1": {N: 1, Until: minutes(30)}}, minutes(30)},
		{"surge beds before the claim", minutes(40), map[string]shelter.Claim{"p_1.1": {N: 1, Until: minutes(50)}}, minutes(40)},
	} {
		u := unit(t, 10, 0, 3, c.claims)
		u.EndsAt, u.Counted = c.ends, map[string]int{"counted.1": 1}
		first := u.FirstEnd()
		if !first.Equal(c.first) {
			t.Errorf("%s: %v, want %v", c.name, first, c.first)
		}
		if !first.IsZero() && (u.FreeAt(first.Add(-time.Second)) != u.FreeAt(now) || u.FreeAt(first) == u.FreeAt(now)) {
			t.Errorf("%s: free is %d, then %d, then %d", c.name, u.FreeAt(now), u.FreeAt(first.Add(-time.Second)), u.FreeAt(first))
		}
	}
}

func TestAHoldTakesFreeBedsOnly(t *testing.T) {
	dead := map[string]shelter.Claim{"p_1.1": {N: 2, Until: now}, "p_2.1": {N: 1, Until: minutes(9)}}
	u := unit(t, 5, 0, 2, dead)
	held, err := u.Hold("p_3.1", 2, minutes(30), now)
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]shelter.Claim{"p_2.1": {N: 1, Until: minutes(9)}, "p_3.1": {N: 2, Until: minutes(30)}}; !reflect.DeepEqual(held.Claims(), want) {
		t.Errorf("claims are %v", held.Claims())
	}
	if !held.LastOffered.Equal(minutes(9)) || !held.OfferedLast().Equal(minutes(30)) {
		t.Errorf("last offered %v, %v", held.LastOffered, held.OfferedLast())
	}
	if _, err := u.Hold("p_3.1", 3, minutes(30), now); kind(err) != fault.ShelterFull {
		t.Errorf("three of two beds: %v", err)
	}
	if !reflect.DeepEqual(u.Claims(), dead) {
		t.Errorf("the unit before has changed: %v", u.Claims())
	}
}

// A promise can be made longer or without end only while it lives.
func TestOnlyALivingClaimIsPinnedOrKept(t *testing.T) {
	claims := map[string]shelter.Claim{"lives.1": {N: 2, Until: minutes(9)}, "dead.1": {N: 1, Until: now}, "pinned.1": {N: 1}}
	u := unit(t, 9, 0, 0, claims)
	for _, id := range []string{"lives.1", "pinned.1"} {
		pinned, err := u.Pin(id, now)
		if c, _ := pinned.Claim(id); err != nil || !c.Until.IsZero() || c.N != claims[id].N {
			t.Errorf("%s pinned: %v, %v", id, c, err)
		}
		if id == "lives.1" && !pinned.LastOffered.Equal(minutes(9)) {
			t.Errorf("that it was offered is forgotten: %v", pinned.LastOffered)
		}
		kept, err := u.Keep(id, minutes(60), now)
		if c, _ := kept.Claim(id); err != nil || !c.Until.Equal(minutes(60)) || c.N != claims[id].N {
			t.Errorf("%s kept: %v, %v", id, c, err)
		}
	}
	for _, id := range []string{"dead.1", "nobody.1"} {
		if _, err := u.Pin(id, now); kind(err) != fault.HoldLapsed {
			t.Errorf("%s pinned: %v", id, err)
		}
		if _, err := u.Keep(id, minutes(60), now); kind(err) != fault.HoldLapsed {
			t.Errorf("%s kept: %v", id, err)
		}
	}
	gone := u.Release("lives.1")
	if _, ok := gone.Claim("lives.1"); ok || !gone.LastOffered.Equal(minutes(9)) || len(gone.Claims()) != 2 {
		t.Errorf("released: %v, last offered %v", gone.Claims(), gone.LastOffered)
	}
	if len(u.Claims()) != 3 {
		t.Errorf("the unit before has changed: %v", u.Claims())
	}
}

// Who comes is counted once: by the receipt, or by the census that found them
// here before it, or by one made after they had come.
func TestAnArrivalIsCountedOnce(t *testing.T) {
	for _, c := range []struct {
		name              string
		counted           map[string]int
		at                time.Time
		n, beds           int
		occupied, blocked int
	}{
		{"nobody counted them", nil, minutes(-5), 2, 2, 5, 0},
		{"in rooms of their own, whose empty beds are blocked", nil, minutes(-5), 2, 4, 5, 2},
		{"a census named them all", map[string]int{"p_1.1": 2}, minutes(-5), 2, 4, 3, 0},
		{"a census named one of them", map[string]int{"p_1.1": 1}, minutes(-5), 2, 2, 4, 0},
		{"a census named them under an earlier hold", map[string]int{"p_1.2": 2}, minutes(-5), 2, 2, 3, 0},
		{"a census named more than came", map[string]int{"p_1.1": 3}, minutes(-5), 2, 2, 3, 0},
		{"a census named others", map[string]int{"p_2.1": 2}, minutes(-5), 2, 2, 5, 0},
		{"the census was made after they came", nil, minutes(-90), 2, 4, 3, 0},
		{"the census was made as they came", nil, minutes(-60), 2, 2, 3, 0},
	} {
		u := unit(t, 10, 0, 3, map[string]shelter.Claim{"p_1.1": {N: c.beds}, "p_2.1": {N: 2}})
		u.Counted, u.Before = c.counted, &shelter.Before{}
		got := u.Arrive("p_1.1", c.n, c.beds, c.at)
		if counts := got.Counts(); counts.Occupied() != c.occupied || counts.Blocked() != c.blocked {
			t.Errorf("%s: %d occupied, %d blocked, want %d and %d", c.name, counts.Occupied(), counts.Blocked(), c.occupied, c.blocked)
		}
		if _, ok := got.Claim("p_1.1"); ok || !maps.Equal(got.Counted, c.counted) || got.Before != nil {
			t.Errorf("%s: claims %v, counted %v, to take back %v", c.name, got.Claims(), got.Counted, got.Before)
		}
		want := u.MovedAt
		if c.at.After(want) {
			want = c.at
		}
		if !got.MovedAt.Equal(want) {
			t.Errorf("%s: moved at %v, want %v", c.name, got.MovedAt, want)
		}
		back := got.Unarrive("p_1.1", c.n, c.beds, c.at).WithClaim("p_1.1", shelter.Claim{N: c.beds})
		if back.Counts() != u.Counts() || !maps.Equal(back.Counted, u.Counted) {
			t.Errorf("%s, and taken back: %+v with %v counted, was %+v", c.name, back.Counts(), back.Counted, u.Counts())
		}
	}
}

// A census made after somebody left did not see them any more, and stands; the
// same holds for taking a departure or an arrival back.
func TestFactsBeforeTheLastCensusChangeNoCount(t *testing.T) {
	for _, c := range []struct {
		name              string
		do                func(shelter.Unit, time.Time) shelter.Unit
		occupied, blocked int // when it happened after the census
	}{
		{"two leave, whose room had one empty bed", func(u shelter.Unit, at time.Time) shelter.Unit { return u.Leave("p_1.1", 2, 1, at) }, 4, 3},
		{"one leaves a room that the others keep", func(u shelter.Unit, at time.Time) shelter.Unit { return u.Leave("p_1.1", 1, -1, at) }, 5, 5},
		{"more leave than were here", func(u shelter.Unit, at time.Time) shelter.Unit { return u.Leave("p_1.1", 9, 9, at) }, 0, 0},
		{"two are still here, and one bed with them", func(u shelter.Unit, at time.Time) shelter.Unit { return u.Return("p_1.1", 2, 1, at) }, 8, 5},
		{"one is still here, in a room the others kept", func(u shelter.Unit, at time.Time) shelter.Unit { return u.Return("p_1.1", 1, -1, at) }, 7, 3},
		{"more blocked beds taken back than there are", func(u shelter.Unit, at time.Time) shelter.Unit { return u.Return("p_1.1", 1, -9, at) }, 7, 0},
		{"two have not come after all, in a room of three", func(u shelter.Unit, at time.Time) shelter.Unit { return u.Unarrive("p_1.1", 2, 3, at) }, 4, 3},
		{"more have not come than are here", func(u shelter.Unit, at time.Time) shelter.Unit { return u.Unarrive("p_1.1", 9, 20, at) }, 0, 0},
		{"fewer beds than people", func(u shelter.Unit, at time.Time) shelter.Unit { return u.Unarrive("p_1.1", 2, 1, at) }, 4, 4},
	} {
		u := unit(t, 20, 0, 6, nil)
		u = shelter.Restore(u, u.Counts().WithBlocked(4), nil)
		u.Before = &shelter.Before{}
		for at, want := range map[time.Time][2]int{minutes(-59): {c.occupied, c.blocked}, minutes(-60): {6, 4}, minutes(-90): {6, 4}} {
			got := c.do(u, at)
			if counts := got.Counts(); counts.Occupied() != want[0] || counts.Blocked() != want[1] {
				t.Errorf("%s at %v: %d occupied, %d blocked, want %v", c.name, at, counts.Occupied(), counts.Blocked(), want)
			}
			if got.Before != nil {
				t.Errorf("%s: the census before can still be taken back", c.name)
			}
		}
	}
	u := unit(t, 20, 0, 6, nil)
	if got := u.Leave("p_1.1", 1, 0, minutes(-5)); !got.MovedAt.Equal(minutes(-5)) {
		t.Errorf("a departure is not noted: %v", got.MovedAt)
	}
	if got := u.Unarrive("p_1.1", 2, 4, minutes(-5)); len(got.Claims()) != 0 || !got.MovedAt.Equal(u.MovedAt) {
		t.Errorf("an arrival taken back leaves %v, moved at %v", got.Claims(), got.MovedAt)
	}
}

// What a census has said of a party stands until they leave, and goes with those who
// are placed apart; a census that is taken back gives back what the one before said.
func TestWhomACensusHasNamedUntilTheyLeave(t *testing.T) {
	u := unit(t, 20, 0, 6, nil)
	u.Counted = map[string]int{"p_1.1": 1, "p_1.3": 1, "p_2.1": 2}
	u.Before = &shelter.Before{Counted: map[string]int{"p_1.1": 3}}
	for name, c := range map[string]struct{ got, want map[string]int }{
		"they leave":                          {u.Leave("p_1.1", 1, 0, minutes(-5)).Counted, map[string]int{"p_2.1": 2}},
		"they had left before it":             {u.Leave("p_1.1", 1, 0, minutes(-60)).Counted, u.Counted},
		"they have not left after all":        {u.Return("p_1.1", 1, 0, minutes(-60)).Counted, map[string]int{"p_2.1": 2}},
		"one is placed apart":                 {u.Part("p_1.9", "p_4.0", 1).Counted, map[string]int{"p_4.0": 1, "p_1.3": 1, "p_2.1": 2}},
		"two are placed apart":                {u.Part("p_1.9", "p_4.0", 2).Counted, map[string]int{"p_4.0": 2, "p_2.1": 2}},
		"more are placed apart than it named": {u.Part("p_2.1", "p_4.0", 5).Counted, map[string]int{"p_4.0": 2, "p_1.1": 1, "p_1.3": 1}},
		"others are placed apart":             {u.Part("p_3.1", "p_4.0", 2).Counted, u.Counted},
		"apart, by the census before":         {u.Part("p_1.9", "p_4.0", 2).Before.Counted, map[string]int{"p_1.1": 1, "p_4.0": 2}},
	} {
		if !maps.Equal(c.got, c.want) {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
	if claim, n := u.Named("p_1"); n != 2 || claim != "p_1.3" {
		t.Errorf("named %d as %s", n, claim)
	}
	if len(u.Counted) != 3 || u.Before.Counted["p_1.1"] != 3 {
		t.Errorf("the unit before has changed: %v, %v", u.Counted, u.Before.Counted)
	}
	if got := (shelter.Unit{}).Part("p_1.1", "p_2.1", 1); len(got.Counted) != 0 || got.Before != nil {
		t.Errorf("nobody was named: %v", got.Counted)
	}
}

func TestACensusIsTakenOrSaysWhy(t *testing.T) {
	good := shelter.Census{CountedAt: minutes(-10), Present: 7, Staffed: 12, OutOfService: 1, Mark: 5, Counted: map[string]int{"p_1.1": 2}}
	for _, c := range []struct {
		name   string
		change func(*shelter.Census)
		kind   fault.Kind
		field  string
	}{
		{"a good one", func(*shelter.Census) {}, "", ""},
		{"counted just now by a clock that runs two minutes ahead", func(c *shelter.Census) { c.CountedAt = now.Add(shelter.ClockSlack) }, "", ""},
		{"counted later than that", func(c *shelter.Census) { c.CountedAt = now.Add(shelter.ClockSlack + time.Second) }, fault.Invalid, "countedAt"},
		{"without an instant", func(c *shelter.Census) { c.CountedAt = time.Time{} }, fault.Invalid, "countedAt"},
		{"as old as the last", func(c *shelter.Census) { c.CountedAt = minutes(-60) }, "", ""},
		{"older than the last", func(c *shelter.Census) { c.CountedAt = minutes(-60).Add(-time.Second) }, fault.Precondition, ""},
		{"of more people than a unit may have", func(c *shelter.Census) { c.Present = shelter.MaxBeds + 1 }, fault.Invalid, "present"},
		{"of more beds than are allowed", func(c *shelter.Census) { c.Staffed = 13 }, fault.Invalid, "staffed"},
		{"of rooms where there are none", func(c *shelter.Census) { c.Rooms = 1 }, fault.Invalid, "roomsOccupied"},
	} {
		census := good
		c.change(&census)
		u := unit(t, 10, 0, 3, map[string]shelter.Claim{"p_1.1": {N: 2}, "dead.1": {N: 1, Until: now}})
		u.ByPhone, u.Sanctioned = true, 12
		got, err := u.Count(census, now)
		if f, _ := fault.Of(err); kind(err) != c.kind || f != nil && f.Field != c.field {
			t.Errorf("%s: %v", c.name, err)
		}
		if err != nil {
			continue
		}
		at := census.CountedAt
		if at.After(now) {
			at = now
		}
		counts := got.Counts()
		if counts.Staffed() != 12 || counts.OutOfService() != 1 || counts.Occupied() != 7 || counts.Held() != 0 {
			t.Errorf("%s: %+v", c.name, counts)
		}
		if !got.CountedAt.Equal(at) || !got.ConfirmedAt.Equal(at) || got.ByPhone || got.Census != u.Census+1 || !got.Repeats(census) || len(got.Claims()) != 1 {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
	u := unit(t, 10, 0, 3, nil)
	u.MovedAt = minutes(-5)
	if _, err := u.Count(good, now); kind(err) != fault.Precondition {
		t.Errorf("somebody came after the count: %v", err)
	}
	if u.Repeats(shelter.Census{}) {
		t.Error("a unit never counted has a census that repeats it")
	}
}

// A family room with one child in it is full: counts of rooms are whole.
func TestRoomsAPartyHasToItself(t *testing.T) {
	for _, c := range []struct{ roomBeds, n, beds, takes int }{
		{0, 3, 3, 3}, {1, 3, 3, 3}, {2, 0, 0, 0}, {2, 1, 2, 0}, {2, 2, 2, 2}, {2, 3, 4, 2}, {4, 1, 4, 0}, {4, 4, 4, 4}, {4, 5, 8, 4}, {4, 9, 12, 8},
	} {
		u := unit(t, 10, 0, 0, nil)
		u.RoomBeds = c.roomBeds
		if u.BedsFor(c.n) != c.beds || u.Takes(c.n) != c.takes {
			t.Errorf("rooms of %d: %d people take %d beds, %d beds take %d people", c.roomBeds, c.n, u.BedsFor(c.n), c.n, u.Takes(c.n))
		}
	}
	u := unit(t, 11, 0, 5, nil)
	if u.RoomsOccupied() != 0 || u.Rooms() != 0 {
		t.Errorf("%d of %d rooms where beds are let singly", u.RoomsOccupied(), u.Rooms())
	}
	u.RoomBeds = 2
	u = shelter.Restore(u, u.Counts().WithBlocked(2), nil)
	if u.RoomsOccupied() != 4 || u.Rooms() != 5 || u.Takes(-3) != -3 {
		t.Errorf("%d of %d rooms, %d of too many", u.RoomsOccupied(), u.Rooms(), u.Takes(-3))
	}
	for _, c := range []struct{ rooms, present, blocked int }{{0, 0, 0}, {0, 3, 1}, {0, 4, 0}, {2, 4, 0}, {3, 4, 2}, {4, 4, 4}, {1, 4, 0}} {
		got, err := u.Count(shelter.Census{CountedAt: now, Present: c.present, Staffed: 11, Rooms: c.rooms}, now)
		if err != nil || got.Counts().Blocked() != c.blocked {
			t.Errorf("%d people in %d rooms block %d beds, %v", c.present, c.rooms, got.Counts().Blocked(), err)
		}
	}
	for _, rooms := range []int{-1, 5} {
		_, err := u.Count(shelter.Census{CountedAt: now, Present: 4, Staffed: 11, Rooms: rooms}, now)
		if f, _ := fault.Of(err); f == nil || f.Field != "roomsOccupied" {
			t.Errorf("4 people in %d rooms: %v", rooms, err)
		}
	}
}

// A census is taken back for fifteen minutes, once for each command, and not
// after somebody has come or gone.
func TestACensusIsTakenBack(t *testing.T) {
	u := unit(t, 10, 1, 3, nil)
	u = shelter.Restore(u, u.Counts().WithBlocked(1), nil)
	u.Counted = map[string]int{"p_1.1": 1}
	counted, err := u.Count(shelter.Census{CountedAt: now, Present: 9, Staffed: 12, Mark: 5}, now)
	if err != nil {
		t.Fatal(err)
	}
	if !u.UndoUntil().IsZero() || !counted.UndoUntil().Equal(now.Add(shelter.UndoFor)) {
		t.Errorf("can be taken back until %v", counted.UndoUntil())
	}
	back, err := counted.Undo(shelter.Command{Key: 77, Payload: 7}, now.Add(shelter.UndoFor-time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if back.Counts() != u.Counts() || !back.CountedAt.Equal(u.CountedAt) || !back.ConfirmedAt.Equal(u.ConfirmedAt) || back.Counted["p_1.1"] != 1 ||
		back.Census != counted.Census+1 || back.Repeats(shelter.Census{Mark: 5}) || back.Before != nil {
		t.Errorf("before %+v, after %+v", u, back)
	}
	if again, err := back.Undo(shelter.Command{Key: 77, Payload: 7}, now); err != nil || again.Census != back.Census {
		t.Errorf("the same command again: %v", err)
	}
	if _, err := back.Undo(shelter.Command{Key: 77, Payload: 8}, now); kind(err) != fault.KeyReused {
		t.Errorf("another command under the same key: %v", err)
	}
	if _, err := back.Undo(shelter.Command{Key: 78}, now); kind(err) != fault.IllegalMove {
		t.Errorf("nothing to take back: %v", err)
	}
	if _, err := counted.Undo(shelter.Command{Key: 77, Payload: 7}, now.Add(shelter.UndoFor)); kind(err) != fault.IllegalMove {
		t.Errorf("after fifteen minutes: %v", err)
	}
	if _, err := counted.Arrive("p_2.1", 1, 1, now.Add(time.Second)).Undo(shelter.Command{Key: 77, Payload: 7}, now.Add(time.Minute)); kind(err) != fault.IllegalMove {
		t.Errorf("after somebody came: %v", err)
	}
	for key := range uint64(6) {
		c, _ := back.Count(shelter.Census{CountedAt: now, Present: 9, Staffed: 12}, now)
		back, _ = c.Undo(shelter.Command{Key: key}, now)
	}
	if want := []shelter.Command{{Key: 2}, {Key: 3}, {Key: 4}, {Key: 5}}; !reflect.DeepEqual(back.Undone, want) {
		t.Errorf("remembers %v, want %v", back.Undone, want)
	}
}

func TestVouchingMakesCountsFreshAndNeverOlder(t *testing.T) {
	u := unit(t, 10, 0, 3, nil)
	if got := u.Vouch(minutes(-5), true); !got.ConfirmedAt.Equal(minutes(-5)) || !got.ByPhone {
		t.Errorf("vouched: %v, by phone %v", got.ConfirmedAt, got.ByPhone)
	}
	for _, at := range []time.Time{minutes(-60), minutes(-90)} {
		if got := u.Vouch(at, true); !got.ConfirmedAt.Equal(minutes(-60)) || got.ByPhone {
			t.Errorf("vouched as of %v: %v, by phone %v", at, got.ConfirmedAt, got.ByPhone)
		}
	}
}

func TestCapacityInAWord(t *testing.T) {
	const fresh = 24 * time.Hour
	for _, c := range []struct {
		name   string
		change func(*shelter.Unit)
		claims map[string]shelter.Claim
		want   shelter.Capacity
	}{
		{"a free bed", nil, nil, shelter.HasCapacity},
		{"counts as old as may be", func(u *shelter.Unit) { u.ConfirmedAt = now.Add(-fresh) }, nil, shelter.HasCapacity},
		{"counts a second older", func(u *shelter.Unit) { u.ConfirmedAt = now.Add(-fresh - time.Second) }, nil, shelter.AssessmentRequired},
		{"all promised for good", nil, map[string]shelter.Claim{"p_1.1": {N: 2}}, shelter.NoCapacity},
		{"all held for a while", nil, map[string]shelter.Claim{"p_1.1": {N: 2, Until: minutes(9)}}, shelter.Waitlist},
		{"held by people who were counted", func(u *shelter.Unit) {
			u.Counted = map[string]int{"p_1.1": 2}
			*u = shelter.Restore(*u, shelter.Counts{}, u.Claims())
		}, map[string]shelter.Claim{"p_1.1": {N: 2, Until: minutes(9)}}, shelter.NoCapacity},
		{"held until now", nil, map[string]shelter.Claim{"p_1.1": {N: 2, Until: now}}, shelter.HasCapacity},
		{"half a room", func(u *shelter.Unit) { u.RoomBeds = 4 }, nil, shelter.NoCapacity},
		{"surge beds that are over, though held", func(u *shelter.Unit) { u.EndsAt = now }, map[string]shelter.Claim{"p_1.1": {N: 2, Until: minutes(9)}}, shelter.NoCapacity},
	} {
		u := unit(t, 5, 0, 3, c.claims)
		if c.change != nil {
			c.change(&u)
		}
		if got := u.CapacityAt(now, fresh); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestPromisedClaimsAreThoseThatKeepBedsFromOthers(t *testing.T) {
	u := unit(t, 5, 0, 3, map[string]shelter.Claim{"p_1.1": {N: 2}, "p_2.1": {N: 1}})
	u.Counted = map[string]int{"p_1.1": 2}
	if got := u.Promised(); len(got) != 1 || got["p_2.1"].N != 1 {
		t.Errorf("promised %v", got)
	}
	if got := u.Counts(); got.Held() != 1 {
		t.Errorf("%d held", got.Held())
	}
}

func TestIntakeHoursEndBeforeTheirLastMinute(t *testing.T) {
	day, night := shelter.Hours{From: 9 * 60, To: 18 * 60}, shelter.Hours{From: 20 * 60, To: 6 * 60}
	at := func(hour, minute int) time.Time { return time.Date(2026, 11, 24, hour, minute, 59, 0, time.UTC) }
	for _, c := range []struct {
		hours  shelter.Hours
		at     time.Time
		offset int
		open   bool
	}{
		{day, at(8, 59), 0, false}, {day, at(9, 0), 0, true}, {day, at(17, 59), 0, true}, {day, at(18, 0), 0, false},
		{day, at(3, 30), 330, true}, {day, at(3, 29), 330, false}, {day, at(12, 30), 330, false}, {day, at(22, 0), 330, false},
		{night, at(19, 59), 0, false}, {night, at(20, 0), 0, true}, {night, at(5, 59), 0, true}, {night, at(6, 0), 0, false}, {night, at(0, 30), 330, false},
		{night, at(20, 0), 330, true}, {shelter.Hours{From: 7, To: 7}, at(3, 0), 0, true},
	} {
		if got := c.hours.OpenAt(c.at, c.offset); got != c.open {
			t.Errorf("%v at %v, %d minutes ahead: open %v", c.hours, c.at, c.offset, got)
		}
	}
	always := shelter.Hours{From: 7, To: 7}
	if day.RoundTheClock() || night.RoundTheClock() || !always.RoundTheClock() || !(shelter.Hours{}).RoundTheClock() {
		t.Error("round the clock is where the first minute is the last")
	}
}

func TestAHandoverPointIsAFewWords(t *testing.T) {
	longest := strings.Repeat("ক", shelter.MaxHandover)
	for _, c := range []struct{ name, point, meeting, field string }{
		{"both said", "the gate", "the station", ""},
		{"as long as may be", longest, longest, ""},
		{"no point", "  ", "the station", "point"},
		{"no meeting point", "the gate", "", "meetingPoint"},
		{"a character too long", longest + "x", "the station", "point"},
		{"not text", "the gate", "\xff", "meetingPoint"},
	} {
		err := shelter.Handover{Point: c.point, Meeting: c.meeting}.Check()
		if f, _ := fault.Of(err); (err == nil) != (c.field == "") || f != nil && f.Field != c.field {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// A shelter remembers its latest commands, answers their copies, and refuses
// another payload under the same key.
func TestAShelterRemembersItsLatestCommands(t *testing.T) {
	var s shelter.Shelter
	for key := range uint64(shelter.MaxCommands + 2) {
		s = s.Remember(shelter.Command{Key: key, Payload: 10 * key})
	}
	for _, c := range []struct {
		cmd  shelter.Command
		done bool
		kind fault.Kind
	}{
		{shelter.Command{Key: 33, Payload: 330}, true, ""},
		{shelter.Command{Key: 2, Payload: 20}, true, ""},
		{shelter.Command{Key: 1, Payload: 10}, false, ""},
		{shelter.Command{Key: 33, Payload: 331}, false, fault.KeyReused},
	} {
		if done, err := s.Replay(c.cmd); done != c.done || kind(err) != c.kind {
			t.Errorf("%v: %v, %v", c.cmd, done, err)
		}
	}
	if len(s.Commands) != shelter.MaxCommands {
		t.Errorf("remembers %d", len(s.Commands))
	}
}
