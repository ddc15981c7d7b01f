package referral_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"panah/internal/caller"
	"panah/internal/code"
	"panah/internal/fault"
	"panah/internal/place"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/referral"
	"panah/internal/shelter"
	"panah/internal/table"
	"panah/internal/testworld"
)

// What a rescue lists as possible ends where its limits are.
func TestARescueListsWhatItsLimitsAllow(t *testing.T) {
	parties := func(n, persons int) referral.RescueOutcome {
		var o referral.RescueOutcome
		for range n {
			o.Rescue.Parties = append(o.Rescue.Parties, placement.Request{Persons: make([]placement.Person, persons)})
		}
		return o
	}
	leaving := parties(1, 1)
	leaving.Parties = []referral.PartyOutcome{{Placement: &placement.Placement{State: placement.Accepted}}}
	gone := leaving
	gone.Departs = make([]placement.Departure, placement.MaxDeparts)
	almost := leaving
	almost.Departs = make([]placement.Departure, placement.MaxDeparts-1)
	for _, c := range []struct {
		name, move string
		of         referral.RescueOutcome
		want       bool
	}{
		{"one party fewer than there may be", "parties", parties(placement.MaxTogether-1, 1), true},
		{"as many parties as there may be", "parties", parties(placement.MaxTogether, 1), false},
		{"one person fewer than there may be", "parties", parties(1, placement.MaxRescued-1), true},
		{"as many persons as there may be", "parties", parties(1, placement.MaxRescued), false},
		{"one departure fewer than there may be", "depart", almost, true},
		{"as many departures as there may be", "depart", gone, false},
	} {
		if got := contains(c.of.Next(), c.move); got != c.want {
			t.Errorf("%s: %v", c.name, c.of.Next())
		}
	}
}

// A walk-in takes whole rooms where a party has them to itself, and is put on record
// as one hold of them.
func TestAWalkInTakesWholeRooms(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	u := testworld.Unit("ROOM", "family", code.Girls, testworld.SchoolAge, 12, 0)
	u.RoomBeds = 4
	w.Add(t, testworld.Home("ROOM", testworld.District, code.ChildrensHome, u))
	if _, err := w.Service.Admit(ctx, staff("ROOM"), "ROOM", "family", girl().Persons, placement.Consent{}, command("walk-in", 0)); err != nil {
		t.Fatal(err)
	}
	if c := w.Unit(t, "ROOM", "family").Counts(); c.Occupied() != 1 || c.Blocked() != 3 {
		t.Errorf("%d here, %d beds blocked", c.Occupied(), c.Blocked())
	}
	clean(t, w, "walked in")
}

// A phone's clock that runs ahead confirms nothing of what is yet to come.
func TestAConfirmationFromAFastClockIsOfNow(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	cmd := command("confirm", 0)
	cmd.OccurredAt = w.Now().Add(time.Minute)
	v, err := w.Service.Confirm(ctx, staff("GRLS"), "GRLS", cmd)
	if err != nil || !v.Units[0].ConfirmedAt.Equal(w.Now()) {
		t.Errorf("confirmed at %v, %v", v.Units[0].ConfirmedAt, err)
	}
}

// An id that no table would take is of nothing, like one that is not there.
func TestABrokenIDIsOfNothing(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	broken := strings.Repeat("x", 5000)
	if _, _, err := w.Service.Revoke(ctx, ministry, broken, command("revoke", 1)); !fault.Is(err, fault.NotFound) {
		t.Errorf("revoked: %v", err)
	}
	member := caller.Membership{Caller: caller.Caller{Subject: "subject-new-one", Role: caller.Shelter, Scope: broken}}
	if _, err := w.Service.Grant(ctx, ministry, member, 0); !fault.Is(err, fault.NotFound) {
		t.Errorf("granted: %v", err)
	}
}

// Those who must move are counted by persons: who is here, and whose beds are held.
func TestWhoMustMoveIsCountedByPersons(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	two := girl()
	two.Together = code.TogetherRequired
	two.Persons = append(two.Persons, two.Persons[0])
	two.ExcludedShelters = []string{"HOMA", "HOMB"}
	here, err := w.Service.Request(ctx, team, two, command("here", 0))
	if err == nil {
		_, err = w.Service.Receive(ctx, staff("GRLS"), here.ID, command("came", 0))
	}
	if err == nil {
		_, err = w.Service.Request(ctx, team, two, command("held", 0))
	}
	if err == nil {
		_, err = w.Service.SetStatus(ctx, ministry, "GRLS", shelter.Suspended, command("suspend", 0))
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]caller.Caller{"the shelter": staff("GRLS"), "the desk": desk, "the ministry": ministry} {
		m, err := w.Service.MustMove(ctx, c, "GRLS")
		listed := map[bool]int{true: 0, false: 2}[c.Role == caller.Ministry]
		if err != nil || m.Placements != 2 || m.Persons != 4 || len(m.List) != listed || m.Counted != 12 {
			t.Errorf("%s: %d placements of %d persons, %d listed, %d counted, %v", name, m.Placements, m.Persons, len(m.List), m.Counted, err)
		}
	}
}

// A phone number has 8 to 15 digits, and a shelter at most five numbers.
func TestHowLongANumberIsAndHowManyThereAre(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	version := uint64(0)
	set := func(name string, numbers []string, want string) {
		t.Helper()
		n, err := w.Service.SetNumbers(ctx, staff("HOMA"), "HOMA", numbers, version)
		if got := field(err); got != want || want == "" && err != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if err == nil {
			version = n.Version
		}
	}
	set("seven digits", []string{"+1234567"}, "numbers[0]")
	set("eight digits", []string{"+12345678"}, "")
	set("fifteen digits", []string{"+123456789012345"}, "")
	set("sixteen digits", []string{"+1234567890123456"}, "numbers[0]")
	var many []string
	for i := range referral.MaxNumbers + 1 {
		many = append(many, fmt.Sprint("+1202555010", i))
	}
	set("one too many", many, "numbers")
	set("as many as there may be", many[1:], "")
}

// Where nobody may be placed, no request is taken, and the place is named.
func TestARequestFromACountryThatOnlyReportsIsRefused(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	tried := 0
	for _, country := range place.Countries() {
		districts := place.Districts(country.Code)
		if w.Service.Policy.Country[country.Code].ChildCall != "" || len(districts) == 0 {
			continue
		}
		tried++
		r := girl()
		r.Place = districts[0].Code
		if _, err := w.Service.Request(ctx, team, r, command(string(country.Code), 0)); field(err) != "place.district" {
			t.Errorf("%s: %v", country.Code, err)
		}
	}
	if tried == 0 {
		t.Error("every country that is known may place: no refusal was tried")
	}
}

// A survivor's code that was replaced this very moment answers to nobody, though its
// place is still marked.
func TestACodeThatWasReplacedThisMomentAnswersToNobody(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	o, _ := heldWoman(t, w)
	old := placement.MakeStayCode([]byte("another"), o.ID, 1)
	w.Put(t, record.FromStayCode(old.Hash(), o.ID))
	if _, err := w.Service.Speak(ctx, referral.Saying{Code: string(old)}, command("view", 0)); !fault.Is(err, fault.NotFound) {
		t.Errorf("it answers: %v", err)
	}
}

// Surge beds are opened once for one command, whatever units there are beside them;
// one bed is enough.
func TestSurgeBedsAreOpenedOnce(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	cmd := referral.SurgeCommand{Key: "surge", Population: code.Women, Ages: code.AdultBands, Beds: 1, EndsAt: w.Now().AddDate(0, 0, 2)}
	for _, want := range []bool{false, true} {
		if _, replayed, err := w.Service.Surge(ctx, desk, "WOMN", cmd); err != nil || replayed != want {
			t.Errorf("replayed %t, %v", replayed, err)
		}
	}
}

// A cursor is good for thirty days, to the second; after that all is given anew.
func TestACursorIsGoodForThirtyDays(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	request(t, w, "one", false)
	w.Feed(t)
	first, err := w.Service.Sync(ctx, testworld.Team, "", 5)
	if err != nil {
		t.Fatal(err)
	}
	w.Pass(30 * 24 * time.Hour)
	for _, c := range []struct {
		after time.Duration
		reset bool
	}{{0, false}, {time.Second, true}} {
		w.Pass(c.after)
		if d, err := w.Service.Sync(ctx, testworld.Team, first.Cursor, 5); err != nil || d.Reset != c.reset {
			t.Errorf("%s later: anew %t, %v", c.after, d.Reset, err)
		}
	}
}

func TestADifferenceIsOneLine(t *testing.T) {
	d := referral.Difference{Shelter: "HOMA", Unit: "girls", Claim: "p.1", What: "it differs"}
	if got := d.String(); got != "HOMA/girls p.1: it differs" {
		t.Error(got)
	}
	d.Repaired = true
	if got := d.String(); got != "HOMA/girls p.1: it differs (repaired)" {
		t.Error(got)
	}
}

// A door that expects somebody who never was is wrong until their time has passed.
func TestADoorsGhostCountsUntilItsTimeHasPassed(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	daily(t, w, "ONEA", shelter.LimitOf(5))
	d := shelter.Door{Shelter: "ONEA"}.Set("p_GHOST.1", shelter.Coming{Day: today(w), N: 2, Until: w.Now().Add(time.Minute)}, w.Now())
	w.Put(t, record.FromDoor(d))
	if found, err := w.Service.Verify(ctx, false); err != nil || len(found) != 1 {
		t.Errorf("%v, %v", found, err)
	}
	w.Pass(time.Minute)
	clean(t, w, "its time has passed")
}

// Whoever has no side of a placement only looks on.
func TestAStrangerOnlyLooksOn(t *testing.T) {
	w := testworld.Open(t)
	o := request(t, w, "one", true)
	for name, c := range map[string]struct {
		of   caller.Caller
		want placement.Side
	}{
		"its team":                {team, placement.Team},
		"its shelter":             {staff(o.Hold.Shelter), placement.House},
		"its desk":                {desk, placement.Office},
		"its survivor":            {caller.Caller{Role: caller.Survivor, Scope: o.ID}, placement.Survivor},
		"another's survivor":      {caller.Caller{Role: caller.Survivor, Scope: "p_OTHER"}, placement.Observer},
		"another team":            {caller.Caller{Role: caller.Rescue, Scope: "team-b"}, placement.Observer},
		"another shelter":         {staff("MENS"), placement.Observer},
		"a desk of another state": {caller.Caller{Role: caller.Desk, Scope: "IN-KA"}, placement.Observer},
		"a ministry":              {ministry, placement.Observer},
	} {
		if got := referral.SideOf(c.of, o.Placement); got != c.want {
			t.Errorf("%s: side %d, want %d", name, got, c.want)
		}
	}
}

// That a delivery cannot be noted keeps no arrival from being shown.
func TestArrivalsAreShownThoughADeliveryCannotBeNoted(t *testing.T) {
	ctx := context.Background()
	w, m := openMoody(t)
	_, said := heldWoman(t, w)
	withdraws(t, w, said)
	m.write = func(table.Batch) error { return table.ErrBusy }
	_, told, _, err := w.Service.ArrivalsTold(ctx, staff("WOMN"), "WOMN", 5, "")
	if err != nil || len(told) != 1 || told[0].Delivered.IsZero() {
		t.Errorf("%+v, %v", told, err)
	}
}

// By message rooms are counted by the people in them: how many beds are empty says
// nothing there. A room of one bed is a bed.
func TestByMessageRoomsAreCountedByThePeopleInThem(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	for id, beds := range map[string]int{"ROOM": 4, "SING": 1} {
		u := testworld.Unit(id, "girls", code.Girls, testworld.SchoolAge, 12, 0)
		u.RoomBeds = beds
		w.Add(t, testworld.Home(id, testworld.District, code.ChildrensHome, u))
		phone := map[string]string{"ROOM": "+12025550001", "SING": "+12025550002"}[id]
		if _, err := w.Service.SetNumbers(ctx, staff(id), id, []string{phone}, 0); err != nil {
			t.Fatal(err)
		}
		for words, changed := range map[string]bool{"BEDS G 12": id == "SING", "PRESENT G 12": true} {
			r, err := w.Service.Message(ctx, carrier, referral.TextMessage{Key: words, From: phone, Text: words, ReceivedAt: w.Now()})
			if err != nil || r.Changed != changed {
				t.Errorf("%s %s: %+v, %v", id, words, r, err)
			}
		}
	}
}

// A share of the shelters that nobody had time for is said to be that, and is
// looked at the next time.
func TestAShareWithoutTimeIsLookedAtTheNextTime(t *testing.T) {
	for n := range 6 {
		w, m := openMoody(t)
		ctx, cancel := context.WithCancel(context.Background())
		left := n
		m.read = func() error {
			if left--; left < 0 {
				cancel()
			}
			return nil
		}
		_, _ = w.Service.VerifyShare(ctx, 0, 1, false)
		m.read = nil
		if found, err := w.Service.VerifyShare(context.Background(), 0, 1, false); err != nil || len(found) > 0 {
			t.Errorf("cut at read %d: %v, %v", n, found, err)
		}
		cancel()
	}
}
