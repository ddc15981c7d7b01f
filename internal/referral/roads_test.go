package referral_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"panah/internal/caller"
	"panah/internal/code"
	"panah/internal/fault"
	"panah/internal/place"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/referral"
	"panah/internal/table"
	"panah/internal/testworld"
)

var desk = caller.Caller{Subject: testworld.Desk, Role: caller.Desk, Scope: string(testworld.District)}

// onTheRoad brings a girl to in_transit to the shelter that is held first.
func onTheRoad(t *testing.T, w *testworld.World) referral.Outcome {
	t.Helper()
	ctx, s := context.Background(), w.Service
	o := request(t, w, "one", true)
	must := func(next referral.Outcome, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		o = next
	}
	must(s.Choose(ctx, team, o.ID, placement.Choice{By: code.ChosenByGuardian, Shelter: o.Hold.Shelter, HouseRulesShown: true, Viewed: true}, command("choose", 1)))
	must(s.Accept(ctx, staff(o.Hold.Shelter), o.ID, command("accept", 2)))
	must(s.Depart(ctx, team, o.ID, true, nil, command("depart", 3)))
	return o
}

func alerts(t *testing.T, w *testworld.World) []placement.Alert {
	t.Helper()
	list, next, err := w.Service.Alerts(context.Background(), desk, false, 50, "")
	if err != nil || next != "" {
		t.Fatal(next, err)
	}
	return list
}

// A desk of a state reads its alerts page by page: each once, none left out.
func TestAlertsComePageByPage(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	state := caller.Caller{Subject: "state desk", Role: caller.Desk, Scope: "IN-WB"}
	districts := place.Districts("IN-WB")
	var want, unseen []string
	for d, n := range map[int]int{0: 3, 4: 1, len(districts) - 1: 5} {
		for i := range n {
			a := placement.Alert{ID: fmt.Sprintf("2026-11-24T20:00:%02dZ.p_X%d", i, i), Placement: "p_X", District: districts[d].Code, At: w.Now()}
			if want = append(want, string(a.District)+a.ID); i == 1 {
				a.Acknowledged = w.Now()
			} else {
				unseen = append(unseen, string(a.District)+a.ID)
			}
			w.Put(t, record.FromAlert(a))
		}
	}
	slices.Sort(want)
	slices.Sort(unseen)
	for _, limit := range []int{1, 2, 3, 50} {
		for _, all := range []bool{false, true} {
			var got []string
			pages, after := 0, ""
			for ; pages == 0 || after != ""; pages++ {
				list, next, err := s.Alerts(ctx, state, all, limit, after)
				if err != nil || len(list) > limit || (next == after && next != "") {
					t.Fatal(len(list), next, err)
				}
				for _, a := range list {
					got = append(got, string(a.District)+a.ID)
				}
				after = next
			}
			slices.Sort(got)
			if expect := map[bool][]string{false: unseen, true: want}[all]; !slices.Equal(got, expect) || pages > len(expect)/limit+1 {
				t.Fatalf("limit %d, all %v: %d pages, %v, want %v", limit, all, pages, got, expect)
			}
		}
	}
	if _, _, err := s.Alerts(ctx, desk, false, 5, string(districts[0].Code)+".x"); field(err) != "after" {
		t.Fatalf("a cursor of another region: %v", err)
	}
}

func TestTurnedAwayAtTheDoorIsHeldElsewhereInTheSameCall(t *testing.T) {
	w := testworld.Open(t)
	o := onTheRoad(t, w)
	first := o.Hold.Shelter
	again, err := w.Service.TurnAway(context.Background(), staff(first), o.ID, 0, command("away", 4))
	if err != nil || again.State != placement.Held || again.Hold.Shelter == first || again.Request.Urgency != code.UrgencyNow {
		t.Fatalf("%s at %s, %v", again.State, again.Hold.Shelter, err)
	}
	if list := alerts(t, w); len(list) != 1 || list[0].Kind != placement.AlertTurnedAway || list[0].Placement != o.ID {
		t.Fatalf("alerts %+v", list)
	}
	repeated, err := w.Service.TurnAway(context.Background(), staff(first), o.ID, 0, command("away", 4))
	if err != nil || !repeated.Replayed || repeated.Version != again.Version {
		t.Fatalf("sent again: %+v %v", repeated.Replayed, err)
	}
	account(t, w)
}

func TestADivertedJourneyKeepsItsBeds(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o := onTheRoad(t, w)
	away, err := s.Divert(ctx, team, o.ID, 0, command("divert", 4))
	if err != nil || away.State != placement.Diverted {
		t.Fatal(away.State, err)
	}
	w.Pass(30 * time.Hour)
	if _, err := s.Lapse(ctx); err != nil {
		t.Fatal(err)
	}
	if c := w.Unit(t, o.Hold.Shelter, "girls").Counts(); c.Held() != 1 {
		t.Fatalf("the bed was resold: %+v", c)
	}
	p, err := s.Placement(ctx, team, o.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Depart(ctx, team, o.ID, false, nil, command("on", p.Version)); err != nil {
		t.Fatal(err)
	}
	account(t, w)
}

// The party says no: that shelter is out, everything else ranks as before, and
// nothing is held without being asked.
func TestRefusingCostsNothing(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o := request(t, w, "one", true)
	before := map[string]int{}
	for _, option := range o.Match.Options {
		before[option.Candidate.ID] = option.Score
	}
	no, err := s.Refuse(ctx, team, o.ID, 0, command("no", 1))
	if err != nil || no.State != placement.Requested {
		t.Fatal(no.State, err)
	}
	again, err := s.Options(ctx, team, o.ID)
	if err != nil || len(again.Match.Options) != len(before)-1 {
		t.Fatalf("%d options, had %d, %v", len(again.Match.Options), len(before), err)
	}
	for _, option := range again.Match.Options {
		if option.Candidate.ID == o.Hold.Shelter || option.Score != before[option.Candidate.ID] {
			t.Errorf("%s: %d points, had %d", option.Candidate.ID, option.Score, before[option.Candidate.ID])
		}
	}
}

func TestAnExtendedHoldOutlivesItsFirstEnd(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o := request(t, w, "one", true)
	same, err := s.Extend(ctx, team, o.ID, command("at once", 1))
	if err != nil || !same.Hold.ExpiresAt.Equal(o.Hold.ExpiresAt) || same.Replayed {
		t.Fatalf("a hold that has as much time already ends at %v, not %v: %v", same.Hold.ExpiresAt, o.Hold.ExpiresAt, err)
	}
	w.Pass(20 * time.Minute)
	if late, err := s.Extend(ctx, team, o.ID, command("at once", 1)); err != nil || !late.Replayed || !late.Hold.ExpiresAt.Equal(o.Hold.ExpiresAt) {
		t.Fatalf("a late copy of it gives time: until %v, %v", late.Hold.ExpiresAt, err)
	}
	more, err := s.Extend(ctx, team, o.ID, command("more", 1))
	if err != nil || !more.Hold.ExpiresAt.Equal(w.Now().Add(30*time.Minute)) {
		t.Fatal(more.Hold.ExpiresAt, err)
	}
	w.Pass(20 * time.Minute)
	if n, err := s.Lapse(ctx); n != 0 || err != nil {
		t.Fatalf("it lapsed: %d %v", n, err)
	}
	if _, err := s.Accept(ctx, staff(o.Hold.Shelter), o.ID, command("yes", more.Version)); err != nil {
		t.Fatal(err)
	}
	late := request(t, w, "two", true)
	w.Pass(31 * time.Minute)
	if _, err := s.Extend(ctx, team, late.ID, command("late", 1)); !fault.Is(err, fault.HoldLapsed) {
		t.Fatalf("a lapsed hold was extended: %v", err)
	}
}

// Nothing fits, a bed is given back, the team is told; nothing is held unasked.
func TestWhoWaitsIsToldWhenABedIsFree(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	man := girl()
	man.Persons[0] = placement.Person{Age: code.Age25To59, PlaceWith: code.Men}
	var last referral.Outcome
	for i := range 7 { // MENS has six beds free
		var err error
		if last, err = s.Request(ctx, team, man, command(fmt.Sprint("man-", i), 0)); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			man.Limit = 1
		}
	}
	if last.State != placement.Waitlisted {
		t.Fatalf("the seventh is %s", last.State)
	}
	w.Feed(t)
	w.Pass(2 * time.Second)
	if n, err := s.MatchWaiting(ctx); n != 0 || err != nil {
		t.Fatalf("%d found a bed in a full house, %v", n, err)
	}
	first := placement.ID("team-a", "man-0")
	if _, err := s.Cancel(ctx, team, first, 0, command("cancel", 1)); err != nil {
		t.Fatal(err)
	}
	w.Feed(t)
	w.Pass(2 * time.Second)
	if n, err := s.MatchWaiting(ctx); n != 1 || err != nil {
		t.Fatalf("%d found a bed, %v", n, err)
	}
	p, err := s.Placement(ctx, team, last.ID)
	if err != nil || p.State != placement.Requested || p.FoundAt.IsZero() {
		t.Fatalf("%s %v", p.State, err)
	}
	if c := w.Unit(t, "MENS", "men").Counts(); c.Free() != 1 {
		t.Fatalf("held unasked: %+v", c)
	}
}

func TestWaitingEndsWhenItsTimeIsOver(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	r := girl()
	r.Persons[0].PlaceWith = code.TransgenderUnit
	o, err := s.Request(ctx, team, r, command("one", 0))
	if err != nil || o.State != placement.Waitlisted {
		t.Fatal(o.State, err)
	}
	w.Pass(25 * time.Hour)
	if _, err := s.Lapse(ctx); err != nil {
		t.Fatal(err)
	}
	p, err := s.Placement(ctx, team, o.ID)
	if err != nil || p.State != placement.Requested {
		t.Fatal(p.State, err)
	}
	over := 0
	for _, a := range alerts(t, w) {
		if a.Kind == placement.AlertWaitingOver {
			over++
		}
	}
	if over != 1 {
		t.Fatalf("%d alerts that waiting is over", over)
	}
}

// A rescued child must be before the Committee within 24 hours, without the
// journey: the desk is told at 50, 80 and 100 percent, and a decision stops it.
func TestTheLegalClockWarnsTheDeskAndIsStoppedByADecision(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	r := girl()
	r.RescuedAt, r.JourneyMinutes = testworld.Start, 60
	o, err := s.Request(ctx, team, r, command("one", 0))
	if err != nil {
		t.Fatal(err)
	}
	clocks := s.Policy.Clocks(o.Placement)
	if len(clocks) != 1 || !clocks[0].DueAt.Equal(testworld.Start.Add(25*time.Hour)) {
		t.Fatalf("clocks %+v", clocks)
	}
	look := func(after time.Duration, want ...int) {
		t.Helper()
		w.Pass(testworld.Start.Add(after).Sub(w.Now()))
		for range 2 { // a second look tells nothing twice
			if _, err := s.Lapse(ctx); err != nil {
				t.Fatal(err)
			}
		}
		var got []int
		for _, a := range alerts(t, w) {
			if a.Kind == placement.AlertLegalClock {
				got = append(got, a.Percent)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("after %s: warned at %v, want %v", after, got, want)
		}
	}
	look(12 * time.Hour)
	look(13*time.Hour+10*time.Second, 50)
	look(21*time.Hour, 50, 80)
	p, err := s.Placement(ctx, desk, o.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Decide(ctx, team, o.ID, referral.DecideCommand{Command: command("not theirs", p.Version)}); !fault.Is(err, fault.Forbidden) {
		t.Fatalf("a team decided: %v", err)
	}
	if _, err := s.Decide(ctx, desk, o.ID, referral.DecideCommand{Command: command("produced", 0)}); err != nil {
		t.Fatal(err)
	}
	look(30*time.Hour, 50, 80)
	list := alerts(t, w)
	if _, err := s.Acknowledge(ctx, desk, list[0].District, list[0].ID); err != nil {
		t.Fatal(err)
	}
	if left := alerts(t, w); len(left) != len(list)-1 {
		t.Fatalf("%d alerts left of %d", len(left), len(list))
	}
	other := caller.Caller{Subject: "x", Role: caller.Desk, Scope: "IN-LGD-525"}
	if _, err := s.Acknowledge(ctx, other, list[0].District, list[0].ID); !fault.Is(err, fault.NotFound) {
		t.Fatalf("another district's desk: %v", err)
	}
}

func TestADuplicateIsSupersededByTheDeskAlone(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o := request(t, w, "one", true)
	if _, err := s.Supersede(ctx, team, o.ID, command("mine", 1)); !fault.Is(err, fault.Forbidden) {
		t.Fatalf("a team superseded: %v", err)
	}
	gone, err := s.Supersede(ctx, desk, o.ID, command("double", 1))
	if err != nil || gone.State != placement.Superseded {
		t.Fatal(gone.State, err)
	}
	account(t, w)
}

// A child who is gone unannounced raises an alert; an adult who leaves does not.
func TestWhoLeavesRaisesAnAlertOnlyForAChild(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	child := request(t, w, "child", true)
	if _, err := s.Receive(ctx, staff(child.Hold.Shelter), child.ID, command("r1", 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.End(ctx, staff(child.Hold.Shelter), child.ID, nil, code.EndLeftUnannounced, command("e1", 0)); err != nil {
		t.Fatal(err)
	}
	r := girl()
	r.Persons[0] = placement.Person{Age: code.Age25To59, PlaceWith: code.Women}
	adult, err := s.Request(ctx, team, r, command("adult", 0))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Receive(ctx, staff(adult.Hold.Shelter), adult.ID, command("r2", 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.End(ctx, staff(adult.Hold.Shelter), adult.ID, nil, code.EndLeftUnannounced, command("e2", 0)); err != nil {
		t.Fatal(err)
	}
	if list := alerts(t, w); len(list) != 1 || list[0].Kind != placement.AlertChildUnannounced || list[0].Placement != child.ID {
		t.Fatalf("alerts %+v", list)
	}
}

// Every move that next promises is taken when it is made at once.
func TestNextIsWhatSucceeds(t *testing.T) {
	for _, state := range []string{"held", "accepted", "in_transit", "arrived"} {
		w := testworld.Open(t)
		o := request(t, w, "one", true)
		ctx, s := context.Background(), w.Service
		switch state {
		case "accepted":
			if _, err := s.Accept(ctx, staff(o.Hold.Shelter), o.ID, command("a", 1)); err != nil {
				t.Fatal(err)
			}
		case "in_transit", "arrived":
			w = testworld.Open(t)
			o = onTheRoad(t, w)
			s = w.Service
			if state == "arrived" {
				if _, err := s.Receive(ctx, staff(o.Hold.Shelter), o.ID, command("r", 0)); err != nil {
					t.Fatal(err)
				}
			}
		}
		it, err := w.Store.Get(ctx, record.PlacementKey(o.ID), table.Strong)
		if err != nil {
			t.Fatal(err)
		}
		p, err := record.ToPlacement(it)
		if err != nil || string(p.State) != state {
			t.Fatal(p.State, err)
		}
		for _, m := range p.Next(placement.Team, w.Now()) {
			if err := try(p, m, w.Now()); err != nil {
				t.Errorf("%s: next promises %s, but %v", state, m, err)
			}
		}
	}
}

func try(p placement.Placement, m placement.Move, now time.Time) (err error) {
	switch m {
	case placement.MoveRelease:
		_, _, err = p.Release(placement.Team, now)
	case placement.MoveCancel:
		_, _, err = p.Cancel(0, now)
	case placement.MoveRefuse:
		_, _, err = p.Refuse(0, now)
	case placement.MoveExtend:
		_, _, err = p.Extend(now.Add(time.Hour), now)
	case placement.MoveDivert:
		_, err = p.Divert(0, now)
	case placement.MoveTurnAway:
		_, _, err = p.TurnAway(0, now)
	case placement.MoveDepart:
		_, err = p.Depart(true, 0, false, now)
	}
	return err
}

func TestAJourneyThatTakesTooLongIsToldOnce(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	onTheRoad(t, w)
	w.Pass(12*time.Hour + 10*time.Second)
	for range 3 {
		if _, err := s.Lapse(ctx); err != nil {
			t.Fatal(err)
		}
	}
	late := 0
	for _, a := range alerts(t, w) {
		if a.Kind == placement.AlertOverdue {
			late++
		}
	}
	if late != 1 {
		t.Fatalf("told %d times", late)
	}
}
