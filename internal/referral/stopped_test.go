package referral_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"panah/internal/code"
	"panah/internal/fault"
	"panah/internal/placement"
	"panah/internal/referral"
	"panah/internal/shelter"
	"panah/internal/testworld"
)

func setStatus(t *testing.T, w *testworld.World, id string, to shelter.Status, key string) {
	t.Helper()
	by := ministry
	if to == shelter.Closed {
		by = staff(id)
	}
	if _, err := w.Service.SetStatus(context.Background(), by, id, to, command(key, 0)); err != nil {
		t.Fatal(err)
	}
	w.Feed(t)
}

// ofKind are the open alerts of a kind.
func ofKind(t *testing.T, w *testworld.World, kind placement.AlertKind) []placement.Alert {
	t.Helper()
	return slices.DeleteFunc(alerts(t, w), func(a placement.Alert) bool { return a.Kind != kind })
}

// How far a party has come when its shelter closes.
var comings = []struct {
	name string
	come func(t *testing.T, w *testworld.World, o referral.Outcome) referral.Outcome
}{
	{"held", func(_ *testing.T, _ *testworld.World, o referral.Outcome) referral.Outcome { return o }},
	{"accepted", accepted},
	{"on the road", departed},
	{"on another way", func(t *testing.T, w *testworld.World, o referral.Outcome) referral.Outcome {
		return made(t)(w.Service.Divert(context.Background(), team, o.ID, 0, command("divert", departed(t, w, o).Version)))
	}},
	{"arrived", func(t *testing.T, w *testworld.World, o referral.Outcome) referral.Outcome {
		return made(t)(w.Service.Receive(context.Background(), staff(o.Hold.Shelter), o.ID, command("came", 0)))
	}},
}

func accepted(t *testing.T, w *testworld.World, o referral.Outcome) referral.Outcome {
	ctx, s := context.Background(), w.Service
	c := made(t)(s.Choose(ctx, team, o.ID, placement.Choice{By: code.ChosenByGuardian, Shelter: o.Hold.Shelter, HouseRulesShown: true, Viewed: true}, command("choose", o.Version)))
	return made(t)(s.Accept(ctx, staff(o.Hold.Shelter), o.ID, command("yes", c.Version)))
}

func departed(t *testing.T, w *testworld.World, o referral.Outcome) referral.Outcome {
	return made(t)(w.Service.Depart(context.Background(), team, o.ID, true, nil, command("go", accepted(t, w, o).Version)))
}

// Whoever is held at, coming to or living in a shelter that stops is told so: the
// placement changes once, says it, and takes it back when the shelter opens again.
func TestTheTeamSeesThatTheShelterHasStopped(t *testing.T) {
	for _, c := range comings {
		for _, to := range []shelter.Status{shelter.Closed, shelter.Suspended} {
			t.Run(c.name+", "+shelter.Statuses.Name(to), func(t *testing.T) {
				w := testworld.Open(t)
				o := request(t, w, "one", true)
				sh := o.Hold.Shelter
				o = c.come(t, w, o)
				w.Pass(time.Minute)
				setStatus(t, w, sh, to, "stop")
				p := stored(t, w, o.ID)
				if p.Version != o.Version+1 || !p.Hold.Stopped.Equal(w.Now()) || p.State != o.State || p.CheckVersion(placement.MoveCancel, o.Version) == nil {
					t.Fatalf("version %d after %d, stopped at %v, %s", p.Version, o.Version, p.Hold.Stopped, p.State)
				}
				if list := alerts(t, w); len(list) != 1 || list[0].Kind != placement.AlertMustMove {
					t.Fatalf("alerts %+v", list)
				}
				setStatus(t, w, sh, to, "stop") // a late copy
				if again := stored(t, w, o.ID); again.Version != p.Version || len(alerts(t, w)) != 1 {
					t.Fatalf("a copy makes version %d of %d, %d alerts", again.Version, p.Version, len(alerts(t, w)))
				}
				for _, m := range w.Service.Next(context.Background(), team, p) {
					if m == placement.MoveDepart || m == placement.MovePhone && p.State == placement.Held {
						t.Errorf("the team is offered to %s", m)
					}
				}
				if slices.Contains(w.Service.Next(context.Background(), staff(sh), p), placement.MoveAccept) {
					t.Error("the shelter is offered to accept")
				}
				setStatus(t, w, sh, shelter.Active, "open")
				if p = stored(t, w, o.ID); !p.Hold.Stopped.IsZero() || p.MustMove != "" || len(alerts(t, w)) != 0 {
					t.Errorf("it is open again: stopped at %v, told by %q, alerts %+v", p.Hold.Stopped, p.MustMove, alerts(t, w))
				}
				setStatus(t, w, sh, to, "stop") // a copy that is older than the opening
				if again := stored(t, w, o.ID); again.Version != p.Version {
					t.Error("an old copy stops it again")
				}
				setStatus(t, w, sh, to, "stop anew")
				if p = stored(t, w, o.ID); p.Hold.Stopped.IsZero() || len(alerts(t, w)) != 1 {
					t.Errorf("the second time: stopped at %v, alerts %+v", p.Hold.Stopped, alerts(t, w))
				}
			})
		}
	}
}

func TestNobodyDepartsForAShelterThatHasStoppedNorIsAcceptedThere(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	one := accepted(t, w, request(t, w, "one", true))
	sh := one.Hold.Shelter
	two := made(t)(s.Request(ctx, team, girl(), command("two", 0)))
	if two.Hold.Shelter != sh {
		t.Fatalf("held at %s", two.Hold.Shelter)
	}
	setStatus(t, w, sh, shelter.Closed, "stop")
	v1, v2 := mustVersion(t, w, one.ID), mustVersion(t, w, two.ID)
	if _, err := s.Depart(ctx, team, one.ID, true, nil, command("go", v1)); !fault.Is(err, fault.IllegalMove) {
		t.Errorf("depart: %v", err)
	}
	if _, err := s.Accept(ctx, staff(sh), two.ID, command("yes 2", v2)); !fault.Is(err, fault.IllegalMove) {
		t.Errorf("accept: %v", err)
	}
	if _, err := s.AcceptByPhone(ctx, team, two.ID, "", command("yes by phone", v2)); !fault.Is(err, fault.IllegalMove) {
		t.Errorf("accept by phone: %v", err)
	}
	if o := made(t)(s.Hold(ctx, team, two.ID, "", command("elsewhere", v2))); o.Hold.Shelter == sh || !o.Hold.Stopped.IsZero() {
		t.Errorf("held at %s, stopped at %v", o.Hold.Shelter, o.Hold.Stopped)
	}
	if list := ofKind(t, w, placement.AlertMustMove); len(list) != 1 || list[0].Placement != one.ID {
		t.Errorf("whoever is held elsewhere need not move: %+v", list)
	}
	if o := made(t)(s.TurnAway(ctx, team, one.ID, 0, command("closed door", v1))); o.State != placement.Held || o.Hold.Shelter == sh {
		t.Errorf("%s at %s", o.State, o.Hold.Shelter)
	}
	if list := ofKind(t, w, placement.AlertMustMove); len(list) != 0 {
		t.Errorf("all are elsewhere: %+v", list)
	}
}

// Diverted on the way to a shelter that then stops: the journey does not go on there.
func TestAJourneyDoesNotGoOnToAShelterThatHasStopped(t *testing.T) {
	w := testworld.Open(t)
	o := departed(t, w, request(t, w, "one", true))
	d := made(t)(w.Service.Divert(context.Background(), team, o.ID, 0, command("divert", o.Version)))
	setStatus(t, w, o.Hold.Shelter, shelter.Suspended, "stop")
	if _, err := w.Service.Depart(context.Background(), team, o.ID, true, nil, command("go on", d.Version+1)); !fault.Is(err, fault.IllegalMove) {
		t.Error(err)
	}
}

// Who comes after all to a shelter that has stopped must move, although the desk had
// looked at the alert of before.
func TestAnArrivalAtAShelterThatHasStoppedIsToldAlsoAfterTheDeskHasLooked(t *testing.T) {
	for _, cancelled := range []bool{false, true} {
		w := testworld.Open(t)
		ctx, s := context.Background(), w.Service
		o, _ := heldWoman(t, w)
		sh := o.Hold.Shelter
		setStatus(t, w, sh, shelter.Closed, "close")
		seen := ofKind(t, w, placement.AlertMustMove)[0]
		if cancelled {
			made(t)(s.Cancel(ctx, team, o.ID, 0, command("cancel", mustVersion(t, w, o.ID))))
		}
		if _, err := s.Acknowledge(ctx, desk, seen.District, seen.ID); err != nil {
			t.Fatal(err)
		}
		w.Pass(3 * time.Hour)
		must(t)(s.Receive(ctx, staff(sh), o.ID, command("came", 0)))
		list := ofKind(t, w, placement.AlertMustMove)
		if len(list) != 1 || list[0].ID == seen.ID {
			t.Fatalf("somebody lives in a closed shelter; open alerts %+v", list)
		}
		made(t)(s.End(ctx, staff(sh), o.ID, nil, code.EndHome, command("home", 0)))
		if list := alerts(t, w); len(list) != 0 {
			t.Errorf("nobody lives there any more: %+v", list)
		}
	}
}

// Two corrections are one alert, and it is over when the party fits again.
func TestAPartyThatMustMoveAfterACorrectionIsToldOnceAndUntilItFitsAgain(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o := request(t, w, "one", true)
	was, grown := o.Request.Persons, []placement.Person{{Age: code.Age18To24, AgeStatus: code.AgeDocumented, PlaceWith: code.Women}}
	c := made(t)(s.Correct(ctx, team, o.ID, grown, command("fix", o.Version)))
	c = made(t)(s.Correct(ctx, team, o.ID, grown, command("fix again", c.Version)))
	if list := alerts(t, w); len(list) != 1 || list[0].Kind != placement.AlertMustMove {
		t.Fatalf("alerts %+v", list)
	}
	c = made(t)(s.Correct(ctx, team, o.ID, was, command("it was right", c.Version)))
	if list := alerts(t, w); len(list) != 0 {
		t.Fatalf("it fits again: %+v", list)
	}
	made(t)(s.Correct(ctx, team, o.ID, grown, command("it was not", c.Version)))
	if list := alerts(t, w); len(list) != 1 {
		t.Fatalf("alerts %+v", list)
	}
}

// An alert of a move that is taken back is over, whether it was looked at or not.
func TestAnAlertOfWhatDidNotHappenIsOver(t *testing.T) {
	for name, tt := range map[string]struct {
		kind placement.AlertKind
		do   func(t *testing.T, w *testworld.World, o referral.Outcome) referral.Outcome
		undo func(o referral.Outcome) (by string)
	}{
		"a child has left": {placement.AlertChildUnannounced, func(t *testing.T, w *testworld.World, o referral.Outcome) referral.Outcome {
			must(t)(w.Service.Receive(context.Background(), staff(o.Hold.Shelter), o.ID, command("came", 0)))
			return made(t)(w.Service.End(context.Background(), staff(o.Hold.Shelter), o.ID, nil, code.EndLeftUnannounced, command("gone", 0)))
		}, func(o referral.Outcome) string { return o.Hold.Shelter }},
		"without a social worker": {placement.AlertNoSocialWorker, func(t *testing.T, w *testworld.World, o referral.Outcome) referral.Outcome {
			why := code.Override(0)
			return made(t)(w.Service.Depart(context.Background(), team, o.ID, false, &why, command("go", accepted(t, w, o).Version)))
		}, func(referral.Outcome) string { return "" }},
	} {
		t.Run(name, func(t *testing.T) {
			w := testworld.Open(t)
			ctx, s := context.Background(), w.Service
			o := tt.do(t, w, request(t, w, "one", true))
			if len(ofKind(t, w, tt.kind)) != 1 {
				t.Fatalf("alerts %+v", alerts(t, w))
			}
			by := team
			if house := tt.undo(o); house != "" {
				by = staff(house)
			}
			back := made(t)(s.Undo(ctx, by, o.ID, command("undo", o.Version)))
			if list := ofKind(t, w, tt.kind); len(list) != 0 {
				t.Fatalf("it did not happen: %+v", list)
			}
			all, _, err := s.Alerts(ctx, desk, true, 50, "")
			if i := slices.IndexFunc(all, func(a placement.Alert) bool { return a.Kind == tt.kind }); err != nil || i < 0 || !all[i].Over.Equal(w.Now()) {
				t.Fatalf("all alerts %+v, %v", all, err)
			}
			if tt.kind == placement.AlertNoSocialWorker { // this time it is so
				why := code.Override(0)
				made(t)(s.Depart(ctx, team, o.ID, false, &why, command("go again", back.Version)))
				if len(ofKind(t, w, tt.kind)) != 1 {
					t.Fatal("the second departure is not told")
				}
			}
		})
	}
}

// A walk-in is a fact, and the bed it takes may be promised to somebody on the road:
// the desk is told, once, and no longer than it is so.
func TestAWalkInWhoTakesAPromisedBedIsTold(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	w.Pass(time.Minute)
	countMen(t, w, 7, 1)
	o := made(t)(s.Request(ctx, team, man(true), command("ask", 0)))
	persons := man(false).Persons
	w.Pass(time.Minute)
	made(t)(s.Admit(ctx, staff("MENS"), "MENS", "men", persons, placement.Consent{}, command("walk-in", 0)))
	list := alerts(t, w)
	if len(list) != 1 || list[0].Kind != placement.AlertOverCapacity || list[0].Shelter != "MENS" || list[0].Unit != "men" || list[0].District != testworld.District {
		t.Fatalf("a promised bed is taken: %+v; %s at %s, %+v", list, o.State, o.Hold.Shelter, w.Unit(t, "MENS", "men").Counts())
	}
	more := made(t)(s.Admit(ctx, staff("MENS"), "MENS", "men", persons, placement.Consent{}, command("another", 0)))
	if len(alerts(t, w)) != 1 {
		t.Fatalf("told once: %+v", alerts(t, w))
	}
	w.Pass(time.Minute)
	made(t)(s.End(ctx, staff("MENS"), more.ID, nil, code.EndHome, command("home", 0)))
	if len(alerts(t, w)) != 1 {
		t.Fatal("one is still too many")
	}
	made(t)(s.Cancel(ctx, team, o.ID, 0, command("cancel", o.Version)))
	if len(alerts(t, w)) != 0 {
		t.Fatalf("nobody is too many: %+v", alerts(t, w))
	}
}

// Decisions, choices and corrections on the way do not make a late party less late.
func TestALatePartyIsToldWhateverIsSaidOfItMeanwhile(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o := departed(t, w, request(t, w, "one", true))
	w.Pass(s.Policy.Overdue - 10*time.Minute)
	d := made(t)(s.Decide(ctx, desk, o.ID, referral.DecideCommand{Command: command("order", 0), What: 1}))
	made(t)(s.Correct(ctx, team, o.ID, o.Request.Persons, command("correct", d.Version)))
	w.Pass(20 * time.Minute)
	if _, err := s.Lapse(ctx); err != nil {
		t.Fatal(err)
	}
	if len(ofKind(t, w, placement.AlertOverdue)) != 1 {
		t.Errorf("nobody is told; due %v", stored(t, w, o.ID).Due)
	}
}

// The change is in the book of the team and of the shelter: a device that asks for
// what has changed is told, with the placement as it is.
func TestADeviceIsToldThatTheShelterHasStopped(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o := departed(t, w, request(t, w, "one", true))
	w.Feed(t)
	before, err := s.Sync(ctx, testworld.Team, "", 10)
	if err != nil || len(before.Placements) != 1 {
		t.Fatal(before.Placements, err)
	}
	since := before.Cursor
	for _, to := range []shelter.Status{shelter.Suspended, shelter.Active} {
		setStatus(t, w, o.Hold.Shelter, to, shelter.Statuses.Name(to))
		d, err := s.Sync(ctx, testworld.Team, since, 10)
		if err != nil || len(d.Placements) != 1 || d.Placements[0].ID != o.ID || d.Placements[0].Hold.Stopped.IsZero() == to.MovesOut() {
			t.Fatalf("%s: %+v, %v", shelter.Statuses.Name(to), d.Placements, err)
		}
		list, _, err := s.Mine(ctx, team, 10, "")
		if err != nil || len(list) != 1 || list[0].Version != d.Placements[0].Version || list[0].Hold.Stopped.IsZero() == to.MovesOut() {
			t.Fatalf("%s: listed %+v, %v", shelter.Statuses.Name(to), list, err)
		}
		since = d.Cursor
	}
}

// Whoever moves out of a shelter that has stopped need not move any more; a mistaken
// arrival elsewhere that is taken back leaves them there, and the desk is told anew.
func TestATransferOutOfAShelterThatHasStoppedEndsTheAlert(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o := request(t, w, "one", true)
	first := o.Hold.Shelter
	must(t)(s.Receive(ctx, staff(first), o.ID, command("came", 0)))
	setStatus(t, w, first, shelter.Closed, "close")
	moved := made(t)(s.Transfer(ctx, team, girl(), o.ID, command("move", 0)))
	w.Pass(time.Minute)
	in := made(t)(s.Receive(ctx, staff(moved.Hold.Shelter), moved.ID, command("there", 0)))
	if list := alerts(t, w); len(list) != 0 || stored(t, w, o.ID).MustMove != "" {
		t.Fatalf("they have moved: %+v", list)
	}
	made(t)(s.Undo(ctx, staff(moved.Hold.Shelter), moved.ID, command("not they", in.Version)))
	if list := alerts(t, w); len(list) != 1 || list[0].Placement != o.ID || list[0].Kind != placement.AlertMustMove {
		t.Fatalf("they are in the closed shelter: %+v", list)
	}
}

// An end that is taken back finds the shelter as it is by then.
func TestWhoIsStillThereAfterAllMustMoveWhereTheShelterHasStoppedMeanwhile(t *testing.T) {
	for _, stops := range []bool{true, false} {
		w := testworld.Open(t)
		ctx, s := context.Background(), w.Service
		o := request(t, w, "one", true)
		sh := o.Hold.Shelter
		must(t)(s.Receive(ctx, staff(sh), o.ID, command("came", 0)))
		if !stops {
			setStatus(t, w, sh, shelter.Suspended, "before")
		}
		gone := made(t)(s.End(ctx, staff(sh), o.ID, nil, code.EndHome, command("home", 0)))
		if stops {
			setStatus(t, w, sh, shelter.Suspended, "meanwhile")
		} else {
			setStatus(t, w, sh, shelter.Active, "resume")
		}
		back := made(t)(s.Undo(ctx, staff(sh), o.ID, command("still here", gone.Version)))
		if list := alerts(t, w); back.Hold.Stopped.IsZero() == stops || (len(list) == 1) != stops {
			t.Errorf("stops meanwhile %v: stopped at %v, alerts %+v", stops, back.Hold.Stopped, list)
		}
	}
}
