package referral_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	"panah/internal/caller"
	"panah/internal/code"
	"panah/internal/place"
	"panah/internal/placement"
	"panah/internal/referral"
	"panah/internal/testworld"
)

var theDesk = caller.Caller{Subject: testworld.Desk, Role: caller.Desk, Scope: string(testworld.District)}

// crowdedWorld has enough shelters for answers to count why the others do not fit.
func crowdedWorld(t *testing.T) *testworld.World {
	t.Helper()
	w := testworld.Open(t)
	for i := range 6 {
		id := fmt.Sprintf("XTR%d", i)
		w.Add(t, testworld.Home(id, testworld.District, code.ChildrensHome, testworld.Unit(id, "girls", code.Girls, testworld.SchoolAge, 10, 0)))
	}
	return w
}

// complain has the survivor of a placement say something serious of where they stay.
func complain(t *testing.T, w *testworld.World, id string) {
	t.Helper()
	given, err := w.Service.GiveStayCode(context.Background(), theDesk, id, 0, command("code", 0))
	if err != nil {
		t.Fatal(err)
	}
	for i := range code.Complaints.Names() {
		if about := code.Complaint(i); about.Serious() {
			if _, err := w.Service.Speak(context.Background(), referral.Saying{Code: string(given.Code), Ask: code.AskComplain, About: &about}, command("complain", 0)); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatal("no complaint is serious")
}

// made is the outcome of a command that must succeed.
func made(t *testing.T) func(referral.Outcome, error) referral.Outcome {
	return func(o referral.Outcome, err error) referral.Outcome {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
}

// livesIn is a girl who has arrived at GRLS.
func livesIn(t *testing.T, w *testworld.World, r placement.Request) referral.Outcome {
	t.Helper()
	r.HoldBest = false
	o, err := w.Service.Request(context.Background(), team, r, command("brought", 0))
	if err != nil {
		t.Fatal(err)
	}
	mustHold(t, w, o.ID, "GRLS", "hold", o.Version)
	return made(t)(w.Service.Receive(context.Background(), staff("GRLS"), o.ID, command("came", 0)))
}

// Neither the shelter nor a team can tell from any count that a shelter is paused.
func TestNoCountTellsThatAShelterIsPaused(t *testing.T) {
	w := crowdedWorld(t)
	ctx, s := context.Background(), w.Service
	o := livesIn(t, w, girl())
	ask := func(key string) (house, other map[string]int) {
		t.Helper()
		q := girl()
		q.HoldBest = false
		m, err := s.Transfer(ctx, staff("GRLS"), q, o.ID, command(key, 0))
		if err != nil {
			t.Fatal(err)
		}
		by, err := s.Request(ctx, team, q, command("team "+key, 0))
		if err != nil {
			t.Fatal(err)
		}
		return m.Match.FirstRule, by.Match.FirstRule
	}
	house, _ := ask("before")
	complain(t, w, o.ID)
	after, other := ask("after")
	if !maps.Equal(house, after) {
		t.Errorf("the shelter sees %v before the complaint and %v after it", house, after)
	}
	if len(other) == 0 || other["safety.excluded_shelter"] > 0 || other["beds.free"] == 0 {
		t.Errorf("a team that excluded nothing sees %v", other)
	}
	if _, err := s.Hold(ctx, team, placement.ID("team-a", "team after"), "GRLS", command("none", 1)); err == nil {
		t.Error("a paused shelter was held")
	}
}

// A shelter that declined by mistake takes it back whether it is paused or not.
func TestTakingADeclineBackTellsNothingOfAPause(t *testing.T) {
	for _, paused := range []bool{false, true} {
		w := testworld.Open(t)
		ctx, s, house := context.Background(), w.Service, staff("GRLS")
		o := livesIn(t, w, girl())
		p := request(t, w, "two", false)
		p = mustHold(t, w, p.ID, "GRLS", "hold2", p.Version)
		if paused {
			complain(t, w, o.ID)
		}
		d := made(t)(s.Decline(ctx, house, p.ID, 0, command("decline", p.Version)))
		if next := fmt.Sprint(s.Next(ctx, house, d.Placement)); next != "[undo receive]" && next != "[receive undo]" {
			t.Errorf("paused %v: the shelter could make %s next", paused, next)
		}
		back, err := s.Undo(ctx, house, p.ID, command("undo", d.Version))
		if err != nil || back.State != placement.Held || back.Hold.Shelter != "GRLS" {
			t.Errorf("paused %v: taken back: %s %v", paused, back.State, err)
		}
	}
}

// What a party is not safe with stays out of a transfer its shelter asks for, and no
// count tells the shelter that there is such a place.
func TestAShelterNeverLearnsThatPlacesAreExcluded(t *testing.T) {
	seen := map[bool]map[string]int{}
	for _, excluded := range []bool{false, true} {
		w := crowdedWorld(t)
		r := girl()
		if excluded {
			r.ExcludedShelters, r.ExcludedDistricts = []string{"XTR0", "XTR1"}, []place.Code{"IN-LGD-319"}
		}
		o := livesIn(t, w, r)
		m := made(t)(w.Service.Transfer(context.Background(), staff("GRLS"), girl(), o.ID, command("elsewhere", 0)))
		seen[excluded] = m.Match.FirstRule
		for _, option := range m.Match.Options {
			if slices.Contains(r.ExcludedShelters, option.Candidate.ID) {
				t.Errorf("%s is offered, which is not safe", option.Candidate.ID)
			}
		}
		again, err := w.Service.Options(context.Background(), staff("GRLS"), m.ID)
		if err != nil {
			t.Fatal(err)
		}
		if again.Match != nil && !maps.Equal(again.Match.FirstRule, m.Match.FirstRule) {
			t.Errorf("asked again the shelter sees %v, at first %v", again.Match.FirstRule, m.Match.FirstRule)
		}
	}
	for rule, n := range seen[true] {
		if rule != "beds.free" && seen[false][rule] != n {
			t.Errorf("with places excluded the shelter sees %v, without %v", seen[true], seen[false])
		}
	}
	if seen[true]["beds.free"] < seen[false]["beds.free"]+2 {
		t.Errorf("what is excluded is not counted as full: %v, without exclusions %v", seen[true], seen[false])
	}
}

// Where a party did not want to go, and where it was declined, it is not sent later by
// the shelter it lives in.
func TestAShelterDoesNotSendAPartyWhereItDidNotWantToGo(t *testing.T) {
	w := testworld.Open(t)
	w.Add(t, testworld.Home("NEAR", testworld.District, code.ChildrensHome, testworld.Unit("NEAR", "girls", code.Girls, testworld.SchoolAge, 10, 0)))
	ctx, s := context.Background(), w.Service
	r := girl()
	r.HoldBest, r.Limit = false, 10
	o := made(t)(s.Request(ctx, team, r, command("brought", 0)))
	o = mustHold(t, w, o.ID, "HOMA", "first", o.Version)
	o = made(t)(s.Refuse(ctx, team, o.ID, 0, command("not there", o.Version)))
	o = mustHold(t, w, o.ID, "HOMB", "second", o.Version)
	o = made(t)(s.Decline(ctx, staff("HOMB"), o.ID, 0, command("not here", o.Version)))
	mustHold(t, w, o.ID, "GRLS", "then", o.Version)
	made(t)(s.Receive(ctx, staff("GRLS"), o.ID, command("came", 0)))
	m := made(t)(s.Transfer(ctx, staff("GRLS"), r, o.ID, command("elsewhere", 0)))
	var offered []string
	for _, option := range m.Match.Options {
		offered = append(offered, option.Candidate.ID)
	}
	if !slices.Equal(offered, []string{"NEAR"}) {
		t.Errorf("offered is %v", offered)
	}
}

// A shelter is offered again as soon as the complaint was looked into, by the process
// that was told so.
func TestAShelterIsOfferedAgainOnceAComplaintWasLookedInto(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o := livesIn(t, w, girl())
	complain(t, w, o.ID)
	r := girl()
	r.HoldBest, r.ExcludedShelters = false, []string{"HOMA", "HOMB"}
	p := made(t)(s.Request(ctx, team, r, command("another", 0)))
	for _, a := range alerts(t, w) {
		if _, err := s.Acknowledge(ctx, desk, a.District, a.ID); err != nil {
			t.Fatal(err)
		}
	}
	again, err := s.Options(ctx, team, p.ID)
	if err != nil || len(p.Match.Options) != 0 || len(again.Match.Options) != 1 {
		t.Errorf("%d options, then %d, %v", len(p.Match.Options), len(again.Match.Options), err)
	}
}
