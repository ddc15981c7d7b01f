package referral_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"panah/internal/caller"
	"panah/internal/code"
	"panah/internal/placement"
	"panah/internal/referral"
	"panah/internal/shelter"
	"panah/internal/table"
	"panah/internal/testworld"
)

// A death is told to the desk, in the shelter and on the way.
func TestADeathIsToldToTheDesk(t *testing.T) {
	ctx := context.Background()
	for name, end := range map[string]func(t *testing.T, w *testworld.World) error{
		"in the shelter": func(t *testing.T, w *testworld.World) error {
			o := arrived(t, w)
			_, err := w.Service.End(ctx, staff(o.Hold.Shelter), o.ID, nil, code.EndDied, command("end", 0))
			return err
		},
		"on the way": func(t *testing.T, w *testworld.World) error {
			_, err := w.Service.End(ctx, team, onTheRoad(t, w).ID, nil, code.EndDied, command("end", 0))
			return err
		},
	} {
		w := testworld.Open(t)
		if err := end(t, w); err != nil {
			t.Fatal(name, err)
		}
		if !slices.ContainsFunc(alerts(t, w), func(a placement.Alert) bool { return a.Kind == placement.AlertDied }) {
			t.Errorf("%s: nobody is told", name)
		}
	}
}

// Whose time is over while beds were being offered waits no more, and the desk is told.
func TestWaitingEndsThoughBedsWereOfferedMeanwhile(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	w.Pass(time.Minute)
	id := waiting(t, w, 1, 0)[0]
	p, err := w.Service.Placement(ctx, team, id)
	if err != nil {
		t.Fatal(err)
	}
	w.Pass(p.Request.NeededUntil.Sub(w.Now()) - time.Minute)
	if _, err := w.Service.Count(ctx, staff("WOMN"), "WOMN", "women", full(24, w.Now(), 2)); err != nil {
		t.Fatal(err)
	}
	if n, err := w.Service.MatchWaiting(ctx); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	w.Pass(w.Service.Policy.Found + time.Minute)
	if _, err := w.Service.Lapse(ctx); err != nil {
		t.Fatal(err)
	}
	if p, err = w.Service.Placement(ctx, team, id); err != nil || p.State != placement.Requested || !p.FoundAt.IsZero() {
		t.Errorf("it is %s, found at %v, %v", p.State, p.FoundAt, err)
	}
	if !slices.ContainsFunc(alerts(t, w), func(a placement.Alert) bool { return a.Kind == placement.AlertWaitingOver }) {
		t.Error("nobody is told")
	}
}

// A process sees its own writes at once: what it has just held is not offered to
// the next, and what it has given back is.
func TestAProcessSeesItsOwnWritesAtOnce(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	s := w.Service
	offered := func() string {
		t.Helper()
		r := girl()
		r.HoldBest, r.Limit, r.ExcludedShelters = false, 10, []string{"GRLS", "HOMA"}
		o, err := s.Request(ctx, team, r, command(w.NewID(), 0))
		if err != nil {
			t.Fatal(err)
		}
		if o, err = s.Options(ctx, team, o.ID); err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, option := range o.Match.Options {
			out = append(out, option.Candidate.ID)
		}
		return fmt.Sprint(out)
	}
	before := offered() // HOMB has one bed
	one := girl()
	one.ExcludedShelters = []string{"GRLS", "HOMA"}
	o, err := s.Request(ctx, team, one, command("one", 0))
	if err != nil || before != "[HOMB]" || offered() != "[]" {
		t.Errorf("offered %s, then %s, %v", before, offered(), err)
	}
	if _, err := s.Release(ctx, team, o.ID, command("release", 1)); err != nil || offered() != "[HOMB]" {
		t.Errorf("given back, and offered is %s, %v", offered(), err)
	}
}

// A plan is shown as it was made, to whoever asks for it later.
func TestAPlanIsShownAgainAsItWasMade(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	made, err := w.Service.NewRescue(ctx, team, raid(3, 2, 7), command("raid", 0)) // five women's beds are free
	if err != nil {
		t.Fatal(err)
	}
	shown, err := w.Service.Rescue(ctx, team, made.ID)
	if err != nil {
		t.Fatal(err)
	}
	where := func(o referral.RescueOutcome) (out []string) {
		for _, p := range o.Parties {
			if p.Plan.Option == nil {
				out = append(out, "-")
				continue
			}
			out = append(out, fmt.Sprint(p.Plan.Option.Candidate.ID, p.Plan.Option.Parts))
		}
		return out
	}
	if !slices.Equal(where(made), where(shown)) || tally(shown)["planned"] != 10 || tally(shown)["unplaced"] != 2 {
		t.Errorf("made %v\nshown %v", where(made), where(shown))
	}
}

// Who is placed apart from a party stays apart from whom that party is kept from,
// and these know of it.
func TestWhoGoesApartIsKeptFromTheSame(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	r := raid(2, 0, 0)
	r.Parties[0].Persons = append(r.Parties[0].Persons, r.Parties[0].Persons[0])
	r.Apart = [][2]int{{0, 1}}
	o, err := w.Service.NewRescue(ctx, team, r, command("raid", 0))
	if err == nil {
		o, err = w.Service.ConfirmRescue(ctx, team, o.ID, command("go", 0))
	}
	if err != nil {
		t.Fatal(err)
	}
	pair, other := o.Parties[0].Placement, o.Parties[1].Placement
	_, apart, err := w.Service.Split(ctx, team, pair.ID, []int{1}, code.ChosenByCommittee, command("split", mustVersion(t, w, pair.ID)))
	if err != nil {
		t.Fatal(err)
	}
	goes, gerr := w.Service.Placement(ctx, team, apart)
	knows, kerr := w.Service.Placement(ctx, team, other.ID)
	if gerr != nil || kerr != nil || !slices.Contains(goes.KeepFrom, other.ID) || !slices.Contains(knows.KeepFrom, apart) || !slices.Contains(knows.KeepFrom, pair.ID) {
		t.Errorf("who goes is kept from %v, the other from %v, %v", goes.KeepFrom, knows.KeepFrom, errors.Join(gerr, kerr))
	}
}

// A clock that could not look says so when its time is up.
func TestAClockThatCouldNotLookSaysSo(t *testing.T) {
	w, m := openMoody(t)
	m.read = func() error { return table.ErrBusy }
	if err := w.Service.Watch(context.Background(), 0, time.Hour); !errors.Is(err, table.ErrBusy) {
		t.Errorf("it says %v", err)
	}
}

// Why a journey began without a social worker is kept as it was said.
func TestWhyNobodyWentAlongIsKept(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	o := request(t, w, "one", true)
	o, err := w.Service.Choose(ctx, team, o.ID, placement.Choice{By: code.ChosenByGuardian, Shelter: o.Hold.Shelter, HouseRulesShown: true, Viewed: true}, command("choose", 1))
	if err == nil {
		o, err = w.Service.Accept(ctx, staff(o.Hold.Shelter), o.ID, command("accept", 2))
	}
	if err != nil {
		t.Fatal(err)
	}
	why := code.Override(2)
	if o, err = w.Service.Depart(ctx, team, o.ID, false, &why, command("depart", 3)); err != nil || o.Override != why || !o.Overridden {
		t.Errorf("kept is %d, %v", o.Override, err)
	}
}

// A request cancelled by mistake is held again where it was.
func TestACancelTakenBackHoldsTheShelterAgain(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	o := request(t, w, "one", true)
	cancelled, err := w.Service.Cancel(ctx, team, o.ID, 0, command("cancel", 1))
	if err != nil {
		t.Fatal(err)
	}
	back, err := w.Service.Undo(ctx, team, o.ID, command("undo", cancelled.Version))
	if err != nil || back.State != placement.Held || back.Hold.Shelter != o.Hold.Shelter || len(w.Unit(t, o.Hold.Shelter, "girls").Claims()) != 1 {
		t.Errorf("%s at %q, %v", back.State, back.Hold.Shelter, err)
	}
}

// What a change of status answers is what is stored: versions too.
func TestAnAnswerHasTheVersionsThatAreStored(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	v, err := w.Service.SetStatus(ctx, staff("HOMA"), "HOMA", shelter.Closed, command("close", 0))
	if err != nil {
		t.Fatal(err)
	}
	stored, err := w.Service.Shelter(ctx, staff("HOMA"), "HOMA")
	if err != nil || v.Version != stored.Version || v.Rev != stored.Rev {
		t.Errorf("answered version %d, stored %d, %v", v.Version, stored.Version, err)
	}
	for i, u := range v.Units {
		if u.Version != stored.Units[i].Version || u.Rev != stored.Rev {
			t.Errorf("%s: answered version %d, stored %d", u.ID, u.Version, stored.Units[i].Version)
		}
	}
}

// A copy of a confirmation answers what is stored, not what it would have made of it.
func TestACopyOfAConfirmationAnswersWhatIsStored(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	first := w.Now()
	for range 2 {
		v, err := w.Service.Confirm(ctx, staff("HOMA"), "HOMA", command("confirm", 0))
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range v.Units {
			if !u.ConfirmedAt.Equal(first) || !w.Unit(t, "HOMA", u.ID).ConfirmedAt.Equal(first) {
				t.Errorf("%s: answered %v, stored %v, confirmed at %v", u.ID, u.ConfirmedAt, w.Unit(t, "HOMA", u.ID).ConfirmedAt, first)
			}
		}
		w.Pass(time.Minute)
	}
}

// Who walks into a shelter that takes nobody any more must move, and the desk is
// told; of anybody else it is not.
func TestAWalkInIntoAClosedShelterIsTold(t *testing.T) {
	ctx := context.Background()
	for status, told := range map[shelter.Status]int{shelter.Active: 0, shelter.Suspended: 1, shelter.Closed: 1} {
		w := testworld.Open(t)
		if status != shelter.Active {
			by := map[shelter.Status]caller.Caller{shelter.Suspended: ministry, shelter.Closed: staff("GRLS")}[status]
			if _, err := w.Service.SetStatus(ctx, by, "GRLS", status, command("status", 0)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.Service.Admit(ctx, staff("GRLS"), "GRLS", "girls", girl().Persons, placement.Consent{}, command("walk-in", 0)); err != nil {
			t.Fatal(err)
		}
		if list := alerts(t, w); len(list) != told || told == 1 && list[0].Kind != placement.AlertMustMove {
			t.Errorf("%s: alerts %+v", shelter.Statuses.Name(status), list)
		}
	}
}

// Those behind the first who wait are looked for too, in the same look.
func TestThoseBehindTheFirstAreLookedForToo(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	w.Pass(time.Minute)
	ids := waiting(t, w, 3, 0)
	w.Pass(time.Minute)
	if _, err := w.Service.Count(ctx, staff("WOMN"), "WOMN", "women", full(20, w.Now(), 2)); err != nil {
		t.Fatal(err)
	}
	w.Feed(t)
	s := referral.New(referral.Config{Store: w.Store, Policy: w.Service.Policy, Now: w.Now, NewID: w.NewID, Log: w.Service.Log, LookFirst: 1})
	if n, err := s.MatchWaiting(ctx); n != len(ids) || err != nil {
		t.Errorf("%d of %d were told, %v", n, len(ids), err)
	}
}

// Where the beds of a plan are gone by the time it is confirmed, the party is
// planned anew and held elsewhere in the same call.
func TestAPartyWhosePlannedBedsAreGoneIsHeldElsewhere(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	r, err := w.Service.NewRescue(ctx, team, raid(2, 0, 0), command("raid", 0))
	if err != nil {
		t.Fatal(err)
	}
	gone := r.Parties[0].Plan.Option.Candidate.ID
	if _, err := w.Service.Count(ctx, staff(gone), gone, "girls", referral.CensusCommand{IfMatch: 1, Census: shelter.Census{CountedAt: w.Now(), Present: 40, Staffed: 40}}); err != nil {
		t.Fatal(err)
	}
	if r, err = w.Service.ConfirmRescue(ctx, team, r.ID, command("go", 0)); err != nil {
		t.Fatal(err)
	}
	for i, p := range r.Parties {
		if p.Placement == nil || p.Placement.State != placement.Held || p.Placement.Hold.Shelter == gone {
			t.Errorf("party %d: %+v", i, p.Placement)
		}
	}
}

// Who comes to a shelter that takes nobody any more must move: the desk is told when
// the shelter stops, or at the door where the bed was given up before that; never twice.
func TestAnArrivalAtAShelterThatHasStoppedIsToldOnce(t *testing.T) {
	ctx := context.Background()
	for _, c := range []struct {
		name          string
		stops, gaveUp bool
		told          int
	}{
		{"a shelter that takes part", false, false, 0},
		{"one that stopped while the bed was held", true, false, 1},
		{"one that stopped after the bed was given up", true, true, 1},
	} {
		w := testworld.Open(t)
		o, _ := heldWoman(t, w)
		if c.gaveUp {
			if _, err := w.Service.Cancel(ctx, team, o.ID, 0, command("cancel", o.Version)); err != nil {
				t.Fatal(err)
			}
		}
		if c.stops {
			if _, err := w.Service.SetStatus(ctx, staff(o.Hold.Shelter), o.Hold.Shelter, shelter.Closed, command("close", 0)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.Service.Receive(ctx, staff(o.Hold.Shelter), o.ID, command("receive", 0)); err != nil {
			t.Fatal(c.name, err)
		}
		if c.stops { // a late copy of the closing tells nothing more
			if _, err := w.Service.SetStatus(ctx, staff(o.Hold.Shelter), o.Hold.Shelter, shelter.Closed, command("close", 0)); err != nil {
				t.Fatal(err)
			}
		}
		if list := alerts(t, w); len(list) != c.told || c.told == 1 && list[0].Kind != placement.AlertMustMove {
			t.Errorf("%s: %+v", c.name, list)
		}
	}
}

// A shelter whose counts were too old to be offered is offered as soon as it says
// that they are true still: this process need not wait for the log.
func TestAShelterThatConfirmsItsCountsIsOfferedAtOnce(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	s := w.Service
	w.Pass(s.Policy.Fresh.NoOffer)
	o := request(t, w, "one", false)
	if len(o.Match.Options) > 0 {
		t.Fatalf("counts of %v ago are offered", s.Policy.Fresh.NoOffer)
	}
	if _, err := s.Confirm(ctx, staff("GRLS"), "GRLS", command("confirm", 0)); err != nil {
		t.Fatal(err)
	}
	again, err := s.Options(ctx, team, o.ID)
	if err != nil || len(again.Match.Options) != 1 || again.Match.Options[0].Candidate.ID != "GRLS" {
		t.Errorf("offered is %+v, %v", again.Match, err)
	}
}

// The plan for a party of which something else is known by now is shown as it was
// made: for who they are, not for whom they were taken.
func TestAPlanIsShownAgainForWhoThePartyIs(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	s := w.Service
	o, err := s.NewRescue(ctx, team, raid(0, 0, 1), command("raid", 0))
	if err == nil {
		o, err = s.ConfirmRescue(ctx, team, o.ID, command("go", 0))
	}
	if err != nil {
		t.Fatal(err)
	}
	p := made(t)(s.Release(ctx, team, o.PartyID(0), command("release", o.Parties[0].Placement.Version)))
	made(t)(s.Correct(ctx, team, p.ID, girl().Persons, command("a girl", p.Version)))
	planned, err := s.PlanRescue(ctx, team, o.ID, command("again", 0))
	if err != nil || planned.Parties[0].Plan.Option == nil {
		t.Fatalf("%+v, %v", planned.Parties, err)
	}
	shown, err := s.Rescue(ctx, team, o.ID)
	if err != nil || shown.Parties[0].Plan.Option == nil || shown.Parties[0].Plan.Option.Candidate.ID != planned.Parties[0].Plan.Option.Candidate.ID {
		t.Errorf("planned at %s, shown is %+v, %v", planned.Parties[0].Plan.Option.Candidate.ID, shown.Parties[0].Plan, err)
	}
}

// Beds opened for a surge are offered at once by the process that opened them.
func TestSurgeBedsAreOfferedAtOnce(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	s := w.Service
	r := girl()
	r.HoldBest, r.Persons = false, []placement.Person{{Age: code.Age25To59, PlaceWith: code.TransgenderUnit}}
	o := made(t)(s.Request(ctx, team, r, command("ask", 0)))
	cmd := referral.SurgeCommand{Key: "flood", Population: code.TransgenderUnit, Ages: code.AdultBands, Beds: 5, EndsAt: w.Now().Add(48 * time.Hour)}
	if _, _, err := s.Surge(ctx, ministry, "MENS", cmd); err != nil {
		t.Fatal(err)
	}
	again, err := s.Options(ctx, team, o.ID)
	if err != nil || len(o.Match.Options) != 0 || len(again.Match.Options) != 1 {
		t.Errorf("%d options, then %d, %v", len(o.Match.Options), len(again.Match.Options), err)
	}
}
