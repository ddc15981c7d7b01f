package placement_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"panah/internal/code"
	"panah/internal/fault"
	"panah/internal/place"
	"panah/internal/placement"
)

var now = time.Date(2026, 11, 24, 20, 0, 0, 0, time.UTC)

func minutes(n int) time.Time { return now.Add(time.Duration(n) * time.Minute) }

func persons(n int) []placement.Person {
	return slices.Repeat([]placement.Person{{Age: code.Age15To17, PlaceWith: code.Girls}}, n)
}

func request(n int) placement.Request {
	return placement.Request{RescuedAt: now, Place: "IN-LGD-315", Persons: persons(n), Limit: 3}
}

// held is a placement of n whose beds are held at HOME for half an hour.
func held(t *testing.T, n int, parts ...placement.Part) placement.Placement {
	t.Helper()
	if parts == nil {
		parts = []placement.Part{{Unit: "girls", Persons: upTo(n)}}
	}
	p := placement.New("p_1", "team", "v1", request(n), now, placement.Command{Key: 1, Payload: 10})
	p.Version = 3
	p, _, err := p.TakeHold(placement.Option{Shelter: "HOME", Parts: parts, Score: 50, Rev: 7}, minutes(30), now)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func accepted(t *testing.T, n int, parts ...placement.Part) placement.Placement {
	t.Helper()
	p, _, err := held(t, n, parts...).Accept("AB", "CD", minutes(1))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func arrived(t *testing.T, n int, parts ...placement.Part) placement.Placement {
	t.Helper()
	p, _, err := accepted(t, n, parts...).Receive("HOME", minutes(2), minutes(2))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func upTo(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// said is the kind and the field of a refusal, "" where there is none.
func said(err error) string {
	f, _ := fault.Of(err)
	if f == nil {
		return ""
	}
	return string(f.Kind) + " " + f.Field
}

func TestIdsFollowFromTeamAndKeyAndFromNothingElse(t *testing.T) {
	a := placement.ID("team-a", "key")
	if a != placement.ID("team-a", "key") || a == placement.ID("team-b", "key") || a == placement.ID("team-a", "other") || a == placement.ID("team-ak", "ey") {
		t.Error("two requests share an id, or one has two")
	}
	if len(a) != 2+26 || a[:2] != "p_" {
		t.Errorf("an id is %q", a)
	}
	if r := placement.RescueID("team-a", "key"); r[:2] != "r_" || len(r) != len(a) || r[2:] == a[2:] {
		t.Errorf("a rescue's id is %q", r)
	}
	if a, again := placement.Hash("a"), placement.Hash("a"); a == placement.Hash("b") || a != again {
		t.Error("hashes do not tell payloads apart")
	}
}

func TestARequestAtALimitPassesAndOneOverItNamesTheField(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*placement.Request)
		field  string
	}{
		{"one person", func(*placement.Request) {}, ""},
		{"a place that is no district", func(r *placement.Request) { r.Place = "IN-WB" }, "place.district"},
		{"a place nobody knows", func(r *placement.Request) { r.Place = "XX" }, "place.district"},
		{"nobody", func(r *placement.Request) { r.Persons = nil }, "party.persons"},
		{"as many persons as may be", func(r *placement.Request) { r.Persons = persons(placement.MaxPersons) }, ""},
		{"one more", func(r *placement.Request) { r.Persons = persons(placement.MaxPersons + 1) }, "party.persons"},
		{"rescued by a clock that runs two minutes ahead", func(r *placement.Request) { r.RescuedAt = now.Add(placement.MaxAhead) }, ""},
		{"rescued later than that", func(r *placement.Request) { r.RescuedAt = now.Add(placement.MaxAhead + time.Second) }, "rescuedAt"},
		{"no limit of journey", func(r *placement.Request) { r.MaxJourneyMinutes = 0 }, ""},
		{"less than no journey", func(r *placement.Request) { r.MaxJourneyMinutes = -1 }, "maxJourneyMinutes"},
		{"the longest stay", func(r *placement.Request) { r.StayDays = placement.MaxStayDays }, ""},
		{"a longer one", func(r *placement.Request) { r.StayDays = placement.MaxStayDays + 1 }, "stayDays"},
		{"less than no stay", func(r *placement.Request) { r.StayDays = -1 }, "stayDays"},
		{"one option", func(r *placement.Request) { r.Limit = 1 }, ""},
		{"no option", func(r *placement.Request) { r.Limit = 0 }, "limit"},
		{"as many options as are shown", func(r *placement.Request) { r.Limit = placement.MaxOptions }, ""},
		{"more", func(r *placement.Request) { r.Limit = placement.MaxOptions + 1 }, "limit"},
		{"as many exclusions as may be", func(r *placement.Request) {
			r.ExcludedDistricts = slices.Repeat([]place.Code{"IN-LGD-316"}, placement.MaxExclusions)
			r.ExcludedShelters = slices.Repeat([]string{"HOME"}, placement.MaxExclusions)
		}, ""},
		{"too many districts", func(r *placement.Request) {
			r.ExcludedDistricts = slices.Repeat([]place.Code{"IN-LGD-316"}, placement.MaxExclusions+1)
		}, "exclusions"},
		{"too many shelters", func(r *placement.Request) {
			r.ExcludedShelters = slices.Repeat([]string{"HOME"}, placement.MaxExclusions+1)
		}, "exclusions"},
		{"an excluded place nobody knows", func(r *placement.Request) { r.ExcludedDistricts = []place.Code{"IN-WB", "XX"} }, "exclusions.districts[1]"},
		{"pressed in the future", func(r *placement.Request) { r.OccurredAt = now.Add(placement.MaxAhead + time.Second) }, "occurredAt"},
		{"a best hold for who disagrees, on consent", func(r *placement.Request) {
			r.HoldBest, r.Consent.Basis, r.Consent.View = true, code.BasisConsent, code.ViewDisagrees
		}, "consent.view"},
		{"the same to see the options", func(r *placement.Request) { r.Consent.Basis, r.Consent.View = code.BasisConsent, code.ViewDisagrees }, ""},
		{"the same on another ground", func(r *placement.Request) { r.HoldBest, r.Consent.Basis, r.Consent.View = true, 2, code.ViewDisagrees }, ""},
		{"a best hold for who agrees", func(r *placement.Request) { r.HoldBest, r.Consent.View = true, code.ViewAgrees }, ""},
	} {
		r := request(1)
		c.change(&r)
		err := r.Check(now)
		if f, _ := fault.Of(err); (err == nil) != (c.field == "") || f != nil && f.Field != c.field {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestAPhoneMayBeTwoMinutesAheadAndSevenDaysLate(t *testing.T) {
	for _, c := range []struct {
		at time.Time
		ok bool
	}{
		{time.Time{}, true}, {now, true}, {now.Add(placement.MaxAhead), true}, {now.Add(placement.MaxAhead + 1), false},
		{now.Add(-placement.MaxLate), true}, {now.Add(-placement.MaxLate - 1), false},
	} {
		if err := placement.CheckOccurred(c.at, now); (err == nil) != c.ok {
			t.Errorf("%v: %v", c.at, err)
		}
	}
}

// Who may be under 18 is treated as a child until it is known.
func TestADoubtfulAgeIsAChildsAge(t *testing.T) {
	for _, c := range []struct {
		age    code.AgeBand
		status code.AgeStatus
		want   code.AgeBand
		child  bool
	}{
		{code.Age25To59, code.AgeStated, code.Age25To59, false}, {code.Age25To59, code.AgeDocumented, code.Age25To59, false},
		{code.Age25To59, code.AgeDisputed, code.Age15To17, true}, {code.Age18To24, code.AgeUnknown, code.Age15To17, true},
		{code.Age6To11, code.AgeDisputed, code.Age6To11, true}, {code.Age15To17, code.AgeStated, code.Age15To17, true},
	} {
		p := placement.Person{Age: c.age, AgeStatus: c.status}
		if p.PresumedAge() != c.want || p.Child() != c.child || (placement.Request{Persons: []placement.Person{{Age: code.Age60Up}, p}}).Children() != c.child {
			t.Errorf("%v %v: presumed %v, child %v", c.age, c.status, p.PresumedAge(), p.Child())
		}
	}
}

// A placement keeps so many commands; after that only what must always be
// possible: to cancel and to record what has happened.
func TestAPlacementRemembersItsCommands(t *testing.T) {
	p := held(t, 1)
	for key := uint64(2); key <= placement.MaxCommands; key++ {
		var err error
		if p, err = p.Remember(placement.Command{Key: key, Payload: 10 * key}, placement.MoveExtend); err != nil {
			t.Fatalf("command %d: %v", key, err)
		}
	}
	if len(p.Commands) != placement.MaxCommands {
		t.Fatalf("%d commands", len(p.Commands))
	}
	for move, want := range map[placement.Move]string{placement.MoveExtend: "too_many_moves ", placement.MoveCancel: "", placement.MoveReceive: ""} {
		if _, err := p.Remember(placement.Command{Key: 99}, move); said(err) != want {
			t.Errorf("%s as one more: %v", move, err)
		}
	}
	next := p.Next(placement.Team, now)
	if slices.Contains(next, placement.MoveExtend) || !slices.Contains(next, placement.MoveCancel) {
		t.Errorf("next is %v", next)
	}
	for _, c := range []struct {
		cmd  placement.Command
		done bool
		want string
	}{
		{placement.Command{Key: 1, Payload: 10}, true, ""}, {placement.Command{Key: 64, Payload: 640}, true, ""},
		{placement.Command{Key: 64, Payload: 1}, false, "idempotency_reused "}, {placement.Command{Key: 99, Payload: 1}, false, ""},
	} {
		if done, err := p.Replay(c.cmd); done != c.done || said(err) != c.want {
			t.Errorf("%v: %v, %v", c.cmd, done, err)
		}
	}
}

// A command names the version it was decided on; a version that only the clock
// has replaced is as good as the last, and facts need none.
func TestACommandOnAnOlderVersionIsStale(t *testing.T) {
	p := held(t, 1)
	p.Version, p.Same = 9, 7
	for _, c := range []struct {
		move    placement.Move
		version uint64
		want    string
	}{
		{placement.MoveExtend, 9, ""}, {placement.MoveExtend, 8, ""}, {placement.MoveExtend, 7, ""}, {placement.MoveExtend, 6, "stale_version version"},
		{placement.MoveExtend, 10, "stale_version version"}, {placement.MoveExtend, 0, "invalid version"}, {placement.MoveReceive, 0, ""}, {placement.MoveReceive, 2, ""},
	} {
		if err := p.CheckVersion(c.move, c.version); said(err) != c.want {
			t.Errorf("%s on version %d: %v", c.move, c.version, err)
		}
	}
	if p.Same = 0; said(p.CheckVersion(placement.MoveExtend, 8)) != "stale_version version" {
		t.Error("version 8 is as good as 9 though the clock noted nothing")
	}
}

// The number of a hold that is over takes no beds again, but still tells facts.
func TestACommandAboutAnotherHoldIsStale(t *testing.T) {
	p := held(t, 1)
	released, _, err := p.Release(placement.Team, now)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		p    placement.Placement
		move placement.Move
		no   int
		want string
	}{
		{"the live hold", p, placement.MoveChoose, 1, ""}, {"the live hold, for another", p, placement.MoveHold, 1, ""},
		{"another hold", p, placement.MoveChoose, 2, "stale_version holdNo"}, {"no hold", p, placement.MoveExtend, 0, "stale_version holdNo"},
		{"a released one, to hold", released, placement.MoveHold, 1, "stale_version holdNo"},
		{"a released one, to choose", released, placement.MoveChoose, 1, "stale_version holdNo"},
		{"a released one, to cancel", released, placement.MoveCancel, 1, ""},
		{"another one, to tell of an arrival", p, placement.MoveReceive, 5, ""},
	} {
		if err := c.p.CheckHold(c.move, c.no); said(err) != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// A hold elsewhere is a swap: the beds of the first are given back in the same write.
func TestAHoldElsewhereGivesTheFirstBack(t *testing.T) {
	p := held(t, 2)
	if _, _, err := p.TakeHold(placement.Option{Shelter: "HOME"}, minutes(60), minutes(29)); said(err) != "illegal_move " {
		t.Errorf("a shelter held already is held again: %v", err)
	}
	if _, _, err := p.TakeHold(placement.Option{Shelter: "HOME"}, minutes(60), minutes(30)); err != nil {
		t.Errorf("a hold that has lapsed is not held again: %v", err)
	}
	p.FoundAt = now
	swapped, moves, err := p.TakeHold(placement.Option{Shelter: "ELSE", Rev: 4, Parts: []placement.Part{{Unit: "a", Persons: []int{0}}, {Unit: "b", Persons: []int{1}, Beds: 2}}}, minutes(60), minutes(10))
	if err != nil {
		t.Fatal(err)
	}
	want := []placement.BedMove{
		{Kind: placement.DropBeds, Shelter: "HOME", Unit: "girls", Claim: "p_1.1", N: 2, Persons: 2},
		{Kind: placement.TakeBeds, Shelter: "ELSE", Unit: "a", Claim: "p_1.2", N: 1, Persons: 1, Rev: 4, Until: minutes(60)},
		{Kind: placement.TakeBeds, Shelter: "ELSE", Unit: "b", Claim: "p_1.2", N: 2, Persons: 1, Rev: 4, Until: minutes(60)},
	}
	if !reflect.DeepEqual(moves, want) {
		t.Errorf("beds move %+v", moves)
	}
	if swapped.Hold.No != 2 || swapped.Hold.Beds() != 3 || !swapped.FoundAt.IsZero() || swapped.ChangedAt != minutes(10) {
		t.Errorf("%+v", swapped)
	}
	if !swapped.HeldBy("HOME") || !swapped.HeldBy("ELSE") || swapped.HeldBy("") || swapped.HeldBy("THIRD") {
		t.Error("who held beds is not known")
	}
	if swapped.ClaimAt("HOME") != "p_1.1" || swapped.ClaimAt("ELSE") != "p_1.2" || swapped.BedsIn("HOME", "girls") != 2 || swapped.BedsIn("HOME", "boys") != 0 || swapped.BedsIn("ELSE", "b") != 1 {
		t.Error("which beds they were is not known")
	}
	back, _, err := swapped.TakeHold(placement.Option{Shelter: "HOME"}, minutes(60), minutes(20))
	if err != nil || len(back.Past) != 1 || back.Past[0].Shelter != "ELSE" {
		t.Errorf("of each other shelter the last hold is kept: %+v, %v", back.Past, err)
	}
}

// Time ends a hold at its instant, whoever looks first.
func TestAHoldLivesUntilItsInstant(t *testing.T) {
	p := held(t, 1)
	before, at := minutes(30).Add(-time.Second), minutes(30)
	for name, do := range map[string]func(time.Time) error{
		"accept": func(now time.Time) error { _, _, err := p.Accept("a", "b", now); return err },
		"phone": func(now time.Time) error {
			_, _, err := p.AcceptByPhone(placement.CodeRight, "a", "b", now)
			return err
		},
		"extend": func(now time.Time) error { _, _, err := p.Extend(minutes(60), now); return err },
	} {
		if said(do(before)) != "" || said(do(at)) != "hold_lapsed " {
			t.Errorf("%s: %v, then %v", name, do(before), do(at))
		}
	}
	if _, _, err := p.Lapse(before); said(err) != "illegal_move " {
		t.Errorf("it lapses early: %v", err)
	}
	lapsed, moves, err := p.Lapse(at)
	if err != nil || lapsed.State != placement.Requested || !slices.Equal(lapsed.Tried, []string{"HOME"}) || len(moves) != 1 || moves[0].Kind != placement.DropBeds {
		t.Errorf("%+v, %+v, %v", lapsed, moves, err)
	}
	if got := p.Next(placement.House, before); !slices.Contains(got, placement.MoveAccept) {
		t.Errorf("a second before, next is %v", got)
	}
	if got := slices.Concat(p.Next(placement.House, at), p.Next(placement.Team, at)); slices.Contains(got, placement.MoveAccept) || slices.Contains(got, placement.MovePhone) || slices.Contains(got, placement.MoveExtend) {
		t.Errorf("at its end, next is %v", got)
	}
	longer, moves, err := p.Extend(minutes(60), minutes(10))
	if err != nil || longer.Hold.ExpiresAt != minutes(60) || longer.ChangedAt != minutes(10) || moves[0].Kind != placement.KeepBeds || moves[0].Until != minutes(60) {
		t.Errorf("extended: %+v, %+v, %v", longer.Hold, moves, err)
	}
	for _, until := range []int{20, 30} {
		if same, moves, err := p.Extend(minutes(until), minutes(10)); err != nil || same.Hold.ExpiresAt != minutes(30) || same.ChangedAt != p.ChangedAt || len(moves) != 0 {
			t.Errorf("extended to what it has: %+v, %+v, %v", same.Hold, moves, err)
		}
	}
}

// Only with the shelter's own code is it sure who answered on the phone.
func TestAYesIsNotedAsItWasGiven(t *testing.T) {
	yes := accepted(t, 1)
	if yes.State != placement.Accepted || yes.ByPhone || !yes.Verified || yes.DoorTeam != "AB" || yes.DoorHouse != "CD" {
		t.Errorf("%+v", yes)
	}
	for said, sure := range map[placement.PhoneCode]bool{placement.CodeRight: true, placement.CodeUnsaid: false, placement.CodeWrong: false} {
		p, moves, err := held(t, 1).AcceptByPhone(said, "AB", "CD", now)
		if err != nil || !p.ByPhone || p.Verified != sure || moves[0].Vouched != sure || moves[0].Kind != placement.PinBeds || p.DoorHouse != "CD" {
			t.Errorf("on the phone, sure %v: %+v, %+v, %v", sure, p, moves, err)
		}
	}
}

// Each no goes where it belongs: the shelter's, the party's, and the door's.
func TestEachNoIsRememberedAsItsOwn(t *testing.T) {
	p := accepted(t, 1)
	declined, moves, err := p.Decline(2, minutes(3))
	if err != nil || !slices.Equal(declined.Refused, []string{"HOME"}) || declined.Unwanted != nil || declined.Reason != 2 || len(moves) != 1 || declined.State != placement.Requested {
		t.Errorf("declined: %+v, %v", declined, err)
	}
	refused, moves, err := p.Refuse(3, minutes(3))
	if err != nil || !slices.Equal(refused.Unwanted, []string{"HOME"}) || refused.Refused != nil || refused.Reason != 3 || len(moves) != 1 || refused.State != placement.Requested {
		t.Errorf("refused: %+v, %v", refused, err)
	}
	p.Request.Urgency = code.UrgencyPlanned
	away, moves, err := p.TurnAway(1, minutes(3))
	if err != nil || !slices.Equal(away.Refused, []string{"HOME"}) || away.Reason != 1 || away.Request.Urgency != code.UrgencyNow || len(moves) != 1 {
		t.Errorf("turned away: %+v, %v", away, err)
	}
	again, _, err := declined.TakeHold(placement.Option{Shelter: "HOME"}, minutes(60), minutes(4))
	if err != nil {
		t.Fatal(err)
	}
	if again, _, err = again.Decline(2, minutes(5)); err != nil || !slices.Equal(again.Refused, []string{"HOME"}) {
		t.Errorf("declined twice: %v, %v", again.Refused, err)
	}
	cancelled, moves, err := p.Cancel(4, minutes(3))
	if err != nil || cancelled.State != placement.Cancelled || cancelled.Reason != 4 || len(moves) != 1 {
		t.Errorf("cancelled: %+v, %v", cancelled, err)
	}
}

func rescue(parties ...int) placement.Rescue {
	r := placement.Rescue{ID: "r_1", Team: "team"}
	for _, n := range parties {
		r.Parties = append(r.Parties, request(n))
	}
	return r
}

// Who waits has until an instant; one said that is still to come is kept.
func TestWaitingHasAnEnd(t *testing.T) {
	p := placement.New("p_1", "team", "v1", request(1), now, placement.Command{})
	for said, want := range map[time.Time]time.Time{{}: minutes(60), minutes(30): minutes(30), now: minutes(60), minutes(-1): minutes(60)} {
		q := p
		q.Request.NeededUntil, q.FoundAt = said, now
		if q = q.Wait(minutes(60), now); q.State != placement.Waitlisted || q.Request.NeededUntil != want || !q.FoundAt.IsZero() {
			t.Errorf("needed until %v: waits until %v", said, q.Request.NeededUntil)
		}
		if got := q.Next(placement.Team, now); slices.Contains(got, placement.MoveHold) || slices.Contains(got, placement.MoveChoose) || !slices.Contains(got, placement.MoveCancel) {
			t.Errorf("while waiting next is %v", got)
		}
		if f := q.Found(minutes(9)); f.State != placement.Requested || f.FoundAt != minutes(9) {
			t.Errorf("found: %+v", f)
		}
		if s := q.StopWaiting(minutes(9)); s.State != placement.Requested || s.ChangedAt != minutes(9) {
			t.Errorf("stopped waiting: %+v", s)
		}
	}
}

// A walk-in is in the shelter already: its beds are filled, not taken.
func TestAWalkInIsThereAlready(t *testing.T) {
	for at, want := range map[time.Time]time.Time{minutes(-5): minutes(-5), minutes(5): now, {}: now} {
		p, moves := placement.Admit("p_1", "team", "v1", request(2), "HOME", "girls", 4, at, now, placement.Command{Key: 1})
		if p.State != placement.Arrived || p.ArrivedAt != want || p.PersonsHere() != 2 {
			t.Errorf("at %v: %+v", at, p)
		}
		bed := placement.BedMove{Kind: placement.FillBeds, Shelter: "HOME", Unit: "girls", Claim: "p_1.1", N: 4, Persons: 2, Until: want}
		if !reflect.DeepEqual(moves, []placement.BedMove{bed}) {
			t.Errorf("at %v beds move %+v", at, moves)
		}
	}
}

// What was said of the persons is replaced, and the clocks of law start anew.
func TestACorrectionKeepsTheSamePersons(t *testing.T) {
	p := accepted(t, 2)
	p.WarnedAt = now
	if _, _, err := p.Correct(persons(1), minutes(3)); said(err) != "invalid persons" {
		t.Errorf("one of two: %v", err)
	}
	said := persons(2)
	said[1].Age = code.Age6To11
	got, _, err := p.Correct(said, minutes(3))
	if err != nil || got.Request.Persons[1].Age != code.Age6To11 || !got.WarnedAt.IsZero() || got.ChangedAt != minutes(3) || got.State != placement.Accepted {
		t.Errorf("%+v, %v", got, err)
	}
	if said[0].Age = code.Age0To5; got.Request.Persons[0].Age == code.Age0To5 {
		t.Error("the placement shares its persons with the request")
	}
}

func TestADecisionIsNeverMadeInTheFuture(t *testing.T) {
	basis := placement.Basis{Ground: code.StayCommitteeOrder, From: now, ReviewBy: minutes(99)}
	for at, want := range map[time.Time]time.Time{minutes(1): minutes(1), minutes(9): minutes(3)} {
		p, err := accepted(t, 1).Decide(2, &basis, at, minutes(3))
		if err != nil || p.Ruling != (placement.Ruling{What: 2, At: want}) || p.Basis != basis || p.ChangedAt != minutes(3) {
			t.Errorf("%+v, %v", p, err)
		}
	}
	once, _ := accepted(t, 1).Decide(2, nil, minutes(1), minutes(3))
	if twice, err := once.Decide(1, nil, minutes(4), minutes(5)); err != nil || twice.First != once.Ruling || twice.Ruling.What != 1 {
		t.Errorf("the first decision is %+v, the last %+v, %v", twice.First, twice.Ruling, err)
	}
	if p, _ := accepted(t, 1).Decide(2, nil, now, now); p.Basis != (placement.Basis{}) {
		t.Errorf("a decision that says no ground gives %+v", p.Basis)
	}
}
