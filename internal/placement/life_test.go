package placement_test

import (
	"fmt"
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

func TestAChoiceCountsWhenItWasInformedAndTheirs(t *testing.T) {
	girl, woman := persons(1)[0], placement.Person{Age: code.Age25To59, PlaceWith: code.Women}
	for _, c := range []struct {
		name   string
		who    []placement.Person
		choice placement.Choice
		want   string
	}{
		{"a woman for herself", []placement.Person{woman}, placement.Choice{By: code.ChosenBySelf, HouseRulesShown: true}, ""},
		{"without the house rules", []placement.Person{woman}, placement.Choice{By: code.ChosenBySelf}, "invalid houseRulesShown"},
		{"the committee for a woman", []placement.Person{woman}, placement.Choice{By: code.ChosenByCommittee, HouseRulesShown: true}, "invalid chosenBy"},
		{"the committee for a girl, heard", []placement.Person{girl}, placement.Choice{By: code.ChosenByCommittee, HouseRulesShown: true, Viewed: true}, ""},
		{"the committee for a girl, not heard", []placement.Person{girl}, placement.Choice{By: code.ChosenByCommittee, HouseRulesShown: true}, "invalid childView"},
		{"a girl for herself", []placement.Person{girl}, placement.Choice{By: code.ChosenBySelf, HouseRulesShown: true, Viewed: true}, "invalid chosenBy"},
		{"a mother for herself and her girl, heard", []placement.Person{girl, woman}, placement.Choice{By: code.ChosenBySelf, HouseRulesShown: true, Viewed: true}, ""},
	} {
		p := held(t, 1)
		p.Request.Persons = c.who
		got, err := p.Choose(c.choice, minutes(3))
		if said(err) != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
		if c.want == "" && (got.Choice.At != minutes(3) || got.Choice.By != c.choice.By || got.ChangedAt != minutes(3)) {
			t.Errorf("%s: %+v", c.name, got.Choice)
		}
	}
}

// The journey begins with a choice of this very shelter and somebody who goes along.
func TestAJourneyBeginsWithAChoiceAndASocialWorker(t *testing.T) {
	ready := accepted(t, 1)
	ready.Choice = placement.Choice{Shelter: "HOME", HouseRulesShown: true, At: now}
	for _, c := range []struct {
		name             string
		change           func(*placement.Placement)
		worker, override bool
		want             string
		overridden       bool
	}{
		{"with a social worker", nil, true, false, "", false},
		{"without, and why", nil, false, true, "", true},
		{"with one, and a reason all the same", nil, true, true, "", false},
		{"without, and no reason", nil, false, false, "invalid socialWorker", false},
		{"no choice", func(p *placement.Placement) { p.Choice.At = time.Time{} }, true, false, "illegal_move ", false},
		{"a choice of another shelter", func(p *placement.Placement) { p.Choice.Shelter = "ELSE" }, true, false, "illegal_move ", false},
		{"a choice without the rules", func(p *placement.Placement) { p.Choice.HouseRulesShown = false }, true, false, "illegal_move ", false},
	} {
		p := ready
		if c.change != nil {
			c.change(&p)
		}
		got, err := p.Depart(c.worker, 1, c.override, minutes(3))
		if said(err) != c.want || err == nil && (got.State != placement.InTransit || got.Overridden != c.overridden || got.Override != 1) {
			t.Errorf("%s: %+v, %v", c.name, got, err)
		}
		if slices.Contains(p.Next(placement.Team, now), placement.MoveDepart) != (c.want != "illegal_move ") {
			t.Errorf("%s: next is %v", c.name, p.Next(placement.Team, now))
		}
	}
	road, _ := ready.Depart(true, 0, false, minutes(3))
	off, err := road.Divert(2, minutes(4))
	if err != nil || off.State != placement.Diverted || off.Reason != 2 || !off.State.Promised() {
		t.Fatalf("diverted: %+v, %v", off, err)
	}
	off.Choice = placement.Choice{}
	if on, err := off.Depart(false, 0, false, minutes(5)); err != nil || on.State != placement.InTransit {
		t.Errorf("goes on without being asked again: %+v, %v", on, err)
	}
}

// An arrival is a fact: never in the future, taken where beds were ever held,
// and said twice it is said once.
func TestAnArrivalIsTakenWhereBedsWereHeld(t *testing.T) {
	p := accepted(t, 2)
	got, moves, err := p.Receive("HOME", minutes(99), minutes(5))
	if err != nil || got.State != placement.Arrived || got.ArrivedAt != minutes(5) || got.PersonsHere() != 2 || len(moves) != 1 || moves[0].Kind != placement.FillBeds || moves[0].Until != minutes(5) {
		t.Errorf("%+v, %+v, %v", got, moves, err)
	}
	if early, _, _ := p.Receive("HOME", minutes(3), minutes(5)); early.ArrivedAt != minutes(3) {
		t.Errorf("arrived at %v", early.ArrivedAt)
	}
	if _, moves, err := got.Receive("HOME", minutes(6), minutes(6)); err != nil || moves != nil {
		t.Errorf("said twice: %+v, %v", moves, err)
	}
	if _, _, err := p.Receive("ELSE", minutes(5), minutes(5)); said(err) != "illegal_move " {
		t.Errorf("a shelter that never held: %v", err)
	}
	swapped, _, _ := held(t, 2).TakeHold(placement.Option{Shelter: "ELSE", Parts: []placement.Part{{Unit: "a", Persons: upTo(2)}}}, minutes(60), now)
	there, moves, err := swapped.Receive("HOME", minutes(5), minutes(5))
	if err != nil || there.Hold.Shelter != "HOME" || len(moves) != 2 || moves[0].Kind != placement.DropBeds || moves[0].Shelter != "ELSE" || moves[1].Kind != placement.FillBeds || moves[1].Shelter != "HOME" {
		t.Errorf("at the earlier shelter: %+v, %+v, %v", there.Hold, moves, err)
	}
	if there.Back.Replaced != "ELSE" {
		t.Errorf("an undo would not know what was given back: %+v", there.Back)
	}
	if _, _, err := there.Receive("ELSE", minutes(6), minutes(6)); said(err) != "illegal_move " {
		t.Errorf("in two places: %v", err)
	}
	if fresh := placement.New("p_2", "team", "v1", request(1), now, placement.Command{}); slices.Contains(fresh.Next(placement.House, now), placement.MoveReceive) {
		t.Error("an arrival is offered where nothing was held")
	}
}

// Persons leave one by one; rooms the party has to itself stay its own until
// the last has left them.
func TestBedsComeFreeAsPersonsLeave(t *testing.T) {
	p := arrived(t, 3, placement.Part{Unit: "room", Persons: []int{0, 2}, Beds: 4}, placement.Part{Unit: "hall", Persons: []int{1}})
	first, moves, err := p.End([]int{0, 1}, code.EndHome, minutes(5), minutes(9))
	want := []placement.BedMove{
		{Kind: placement.VacateBeds, Shelter: "HOME", Unit: "room", Claim: "p_1.1", Persons: 1, N: -1, Until: minutes(5)},
		{Kind: placement.VacateBeds, Shelter: "HOME", Unit: "hall", Claim: "p_1.1", Persons: 1, Until: minutes(5)},
	}
	if err != nil || !reflect.DeepEqual(moves, want) || first.State != placement.Arrived || first.PersonsHere() != 1 {
		t.Fatalf("%+v, %+v, %v", first, moves, err)
	}
	last, moves, err := first.End(nil, code.EndOwnWish, minutes(7), minutes(9))
	want = []placement.BedMove{{Kind: placement.VacateBeds, Shelter: "HOME", Unit: "room", Claim: "p_1.1", Persons: 1, N: 3, Until: minutes(7)}}
	if err != nil || !reflect.DeepEqual(moves, want) || last.State != placement.Ended || last.Stays[2] != (placement.Stay{Gone: true, Reason: code.EndOwnWish, At: minutes(7)}) {
		t.Fatalf("%+v, %+v, %v", last, moves, err)
	}
	for name, who := range map[string][]int{"somebody before the first": {-1}, "somebody after the last": {3}, "somebody who has left": {0}} {
		if _, _, err := first.End(who, code.EndHome, minutes(7), minutes(9)); said(err) != "invalid persons" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for at, want := range map[time.Time]time.Time{minutes(1): minutes(2), minutes(10): minutes(9)} {
		if off, _, _ := p.End(nil, code.EndHome, at, minutes(9)); off.Stays[0].At != want {
			t.Errorf("left at %v, noted as %v", at, off.Stays[0].At)
		}
	}
	if exact, _, _ := p.End(nil, code.EndHome, minutes(2), minutes(9)); exact.Stays[0].At != minutes(2) {
		t.Errorf("left as they came, noted as %v", exact.Stays[0].At)
	}
	if !first.ChildGone(p) || last.ChildGone(last) || p.ChildGone(placement.Placement{}) {
		t.Error("who is told of a child that left is wrong")
	}
	if _, _, err := accepted(t, 1).End(nil, code.EndHome, now, now); said(err) != "illegal_move " {
		t.Errorf("a shelter ends what has not arrived: %v", err)
	}
}

// Before arrival only so much can be over: by own wish, unannounced, dead, or
// never a party at all.
func TestAPartyThatWillNotArriveEndsForAReasonThatFits(t *testing.T) {
	for reason := range code.EndReason(code.EndReasons.Len()) {
		fits := slices.Contains([]code.EndReason{code.EndOwnWish, code.EndLeftUnannounced, code.EndDied, code.EndEntryError}, reason)
		got, moves, err := accepted(t, 2).EndBefore(reason, minutes(99), minutes(9))
		if (err == nil) != fits || !fits && said(err) != "invalid reason" {
			t.Errorf("%s: %v", code.EndReasons.Name(reason), err)
		}
		if fits && (got.State != placement.Ended || got.PersonsHere() != 0 || got.Stays[1].At != minutes(9) || len(moves) != 1 || moves[0].Kind != placement.DropBeds) {
			t.Errorf("%s: %+v, %+v", code.EndReasons.Name(reason), got, moves)
		}
	}
	if _, _, err := arrived(t, 1).EndBefore(code.EndOwnWish, now, minutes(9)); said(err) != "illegal_move " {
		t.Errorf("after arrival: %v", err)
	}
}

// The escort is who looks first, and looks so often and no more.
func TestTheEscortAloneLooksAndNotForEver(t *testing.T) {
	p := accepted(t, 1)
	p.RevealUntil = minutes(60)
	p, err := p.Reveal("escort", minutes(2))
	if err != nil || !p.CanLook("escort", minutes(59)) || p.CanLook("other", minutes(59)) || p.CanLook("escort", minutes(60)) {
		t.Fatalf("%+v, %v", p.Looks, err)
	}
	if _, err := p.Reveal("other", minutes(3)); said(err) != "forbidden " {
		t.Errorf("another looks: %v", err)
	}
	if _, err := p.Reveal("escort", minutes(60)); said(err) != "illegal_move " {
		t.Errorf("after its time: %v", err)
	}
	for range placement.MaxLooks - 1 {
		if p, err = p.Reveal("escort", minutes(3)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := p.Reveal("escort", minutes(4)); said(err) != "illegal_move " || slices.Contains(p.Next(placement.Team, minutes(4)), placement.MoveReveal) {
		t.Errorf("look %d: %v", len(p.Looks)+1, err)
	}
	if accepted(t, 1).CanLook("escort", now) {
		t.Error("who has not looked may see it again")
	}
}

// A split keeps everybody, each once, and says who may decide it.
func TestASplitLosesNobody(t *testing.T) {
	woman := placement.Person{Age: code.Age25To59, PlaceWith: code.Women}
	party := func() placement.Placement {
		p := held(t, 4, placement.Part{Unit: "a", Persons: []int{0, 3}, Beds: 4}, placement.Part{Unit: "b", Persons: []int{1}}, placement.Part{Unit: "c", Persons: []int{2}})
		p.Request.Persons = []placement.Person{woman, woman, woman, woman}
		for i := range p.Request.Persons {
			p.Request.Persons[i].Needs = code.Set[code.Need](1 << i) // to know them by
		}
		p.Refused, p.Unwanted, p.KeepFrom, p.By = []string{"NO"}, []string{"NEVER"}, []string{"p_9"}, "subject"
		p.Past = []placement.Hold{{No: 7, Shelter: "PAST", Parts: []placement.Part{{Unit: "x", Persons: []int{2, 3}}, {Unit: "y", Persons: []int{0, 1}}}}}
		return p
	}
	stay, apart, moves, err := party().SplitOff("p_2", []int{1, 0}, 0, false, minutes(3))
	if err != nil {
		t.Fatal(err)
	}
	names := func(p placement.Placement) (out []code.Set[code.Need]) {
		for _, one := range p.Request.Persons {
			out = append(out, one.Needs)
		}
		return out
	}
	if fmt.Sprint(names(stay), names(apart)) != "[4 8] [1 2]" || len(moves) != 6 || stay.State != placement.Requested || apart.State != placement.Requested {
		t.Errorf("%v stay, %v go, beds move %+v", names(stay), names(apart), moves)
	}
	if want := []placement.BedMove{
		{Kind: placement.PartBeds, Shelter: "HOME", Unit: "a", Claim: "p_1.1", Other: "p_2.0", Persons: 1},
		{Kind: placement.PartBeds, Shelter: "HOME", Unit: "b", Claim: "p_1.1", Other: "p_2.0", Persons: 1},
		{Kind: placement.PartBeds, Shelter: "PAST", Unit: "y", Claim: "p_1.7", Other: "p_2.0", Persons: 2},
	}; !reflect.DeepEqual(moves[3:], want) {
		t.Errorf("whom a census has counted: %+v", moves[3:])
	}
	if want := []placement.Part{{Unit: "a", Persons: []int{1}, Beds: 4}, {Unit: "c", Persons: []int{0}}}; !reflect.DeepEqual(stay.Hold.Parts, want) {
		t.Errorf("who stays was held as %+v", stay.Hold.Parts)
	}
	if !slices.Equal(apart.Refused, []string{"NO"}) || !slices.Equal(apart.Unwanted, []string{"NEVER"}) || !slices.Equal(apart.KeepFrom, []string{"p_9"}) || apart.By != "subject" || apart.Commands != nil {
		t.Errorf("who goes: %+v", apart)
	}
	if want := []placement.Split{{Placement: "p_2", Persons: 2}}; !reflect.DeepEqual(stay.Apart, want) || stay.Choice != (placement.Choice{}) {
		t.Errorf("who stays knows of %+v", stay.Apart)
	}
	for name, who := range map[string][]int{"nobody": nil, "everybody": {0, 1, 2, 3}, "one twice": {1, 1}, "somebody else": {7}} {
		if _, _, _, err := party().SplitOff("p_2", who, 0, false, now); said(err) != "invalid persons" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, _, err := held(t, 2).SplitOff("p_2", []int{0}, 0, false, now); said(err) != "invalid agreedBy" {
		t.Errorf("children without the committee: %v", err)
	}
	if _, _, _, err := held(t, 2).SplitOff("p_2", []int{0}, 2, true, now); err != nil {
		t.Errorf("children by the committee: %v", err)
	}
	if _, _, _, err := held(t, 1).SplitOff("p_2", []int{0}, 2, true, now); said(err) != "illegal_move " {
		t.Errorf("one person: %v", err)
	}
}

// A move is taken back by the side that made it, for fifteen minutes.
func TestAMoveIsTakenBackByWhoMadeItWhileItIsFresh(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func() (placement.Placement, error)
		side placement.Side
	}{
		{"release", func() (placement.Placement, error) {
			p, _, err := held(t, 1).Release(placement.Team, now)
			return p, err
		}, placement.Team},
		{"cancel", func() (placement.Placement, error) { p, _, err := held(t, 1).Cancel(1, now); return p, err }, placement.Team},
		{"decline", func() (placement.Placement, error) { p, _, err := held(t, 1).Decline(1, now); return p, err }, placement.House},
		{"receive", func() (placement.Placement, error) {
			p, _, err := accepted(t, 1).Receive("HOME", now, now)
			return p, err
		}, placement.House},
		{"supersede", func() (placement.Placement, error) { p, _, err := held(t, 1).Supersede(now); return p, err }, placement.Office},
		{"decisions", func() (placement.Placement, error) { return accepted(t, 1).Decide(1, nil, now, now) }, placement.Office},
	} {
		p, err := c.do()
		if err != nil {
			t.Fatal(err)
		}
		last := now.Add(placement.UndoFor)
		if p.UndoUntil() != last {
			t.Errorf("%s can be taken back until %v", c.name, p.UndoUntil())
		}
		for _, side := range []placement.Side{placement.Team, placement.House, placement.Office} {
			for at, open := range map[time.Time]bool{last.Add(-1): side == c.side, last: false} {
				_, _, _, err := p.Undo(side, at)
				if (err == nil) != open || slices.Contains(p.Next(side, at), placement.MoveUndo) != open {
					t.Errorf("%s by side %d at %v: %v, next %v", c.name, side, at, err, p.Next(side, at))
				}
			}
		}
	}
	if fresh := held(t, 1); !fresh.UndoUntil().IsZero() {
		t.Errorf("nothing can be taken back until %v", fresh.UndoUntil())
	}
}

func rescue(parties ...int) placement.Rescue {
	r := placement.Rescue{ID: "r_1", Team: "team"}
	for _, n := range parties {
		r.Parties = append(r.Parties, request(n))
	}
	return r
}

func TestARescueAtALimitPassesAndOneOverItNamesTheField(t *testing.T) {
	full := slices.Repeat([]int{20}, placement.MaxRescued/20)
	for _, c := range []struct {
		name  string
		r     placement.Rescue
		apart [][2]int
		field string
	}{
		{"one party", rescue(1), nil, ""},
		{"no party", rescue(), nil, "parties"},
		{"as many parties as may be", rescue(slices.Repeat([]int{1}, placement.MaxTogether)...), nil, ""},
		{"one more", rescue(slices.Repeat([]int{1}, placement.MaxTogether+1)...), nil, "parties"},
		{"as many persons as may be", rescue(full...), nil, ""},
		{"one more person", rescue(append(full, 1)...), nil, "parties"},
		{"a party without persons", rescue(1, 0), nil, "parties[1].persons"},
		{"as many pairs as may be", rescue(1, 1), slices.Repeat([][2]int{{0, 1}}, placement.MaxApart), ""},
		{"one pair more", rescue(1, 1), slices.Repeat([][2]int{{0, 1}}, placement.MaxApart+1), "keepApart"},
		{"a party kept from itself", rescue(1, 1), [][2]int{{0, 1}, {1, 1}}, "keepApart[1]"},
		{"a party before the first", rescue(1, 1), [][2]int{{-1, 1}}, "keepApart[0]"},
		{"a party after the last", rescue(1, 1), [][2]int{{0, 2}}, "keepApart[0]"},
	} {
		c.r.Apart = c.apart
		err := c.r.Check(now)
		if f, _ := fault.Of(err); (err == nil) != (c.field == "") || f != nil && f.Field != c.field {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestThePartiesOfARescueKnowWhomTheyAreKeptFrom(t *testing.T) {
	r, err := rescue(1, 2).With([]placement.Request{request(3)}, [][2]int{{0, 2}, {2, 1}}, minutes(3))
	if err != nil || r.Persons() != 6 || r.State != placement.RescueOpen || r.ChangedAt != minutes(3) {
		t.Fatalf("%+v, %v", r, err)
	}
	for i, want := range [][]int{{2}, {2}, {0, 1}} {
		if got := r.KeptFrom(i); !slices.Equal(got, want) {
			t.Errorf("party %d is kept from %v", i, got)
		}
	}
	if r.PartyID(0) == r.PartyID(1) {
		t.Error("two parties are one placement")
	}
	for key := range uint64(placement.MaxRescueCommands) {
		if r, err = r.Remember(placement.Command{Key: key, Payload: 10 * key}); err != nil {
			t.Fatal(key, err)
		}
	}
	for key := range uint64(placement.MaxRescueCommands) { // none is forgotten: an old one must not add its parties again
		if done, err := r.Replay(placement.Command{Key: key, Payload: 10 * key}); !done || err != nil {
			t.Fatalf("command %d of %d: done %v, %v", key, len(r.Commands), done, err)
		}
	}
	if again, err := r.Remember(placement.Command{Key: 3, Payload: 30}); err != nil || len(again.Commands) != len(r.Commands) {
		t.Errorf("remembered twice: %v", err)
	}
	if _, err := r.Remember(placement.Command{Key: 1 << 40}); !fault.Is(err, fault.TooManyMoves) {
		t.Errorf("one too many: %v", err)
	}
	r = r.Planned([]placement.Picked{{Shelter: "HOME"}}, 5, minutes(4)).Confirming(minutes(9), minutes(5))
	if r.State != placement.RescueConfirming || r.LeaseTill != minutes(9) || r.Made != 3 || r.Round != 1 || len(r.Plan) != 1 || r.Seed != 5 || r.ChangedAt != minutes(5) {
		t.Errorf("confirming: %+v", r)
	}
	r = r.Confirmed(minutes(6))
	if r.State != placement.RescueConfirmed || !r.LeaseTill.IsZero() || r.Round != 0 || r.Plan != nil || r.Seed != 0 || r.ChangedAt != minutes(6) {
		t.Errorf("confirmed: %+v", r)
	}
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
