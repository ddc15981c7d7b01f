package referral_test

import (
	"context"
	"fmt"
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

// waiting lets n women wait for the beds of WOMN, where free are left.
func waiting(t *testing.T, w *testworld.World, n, free int) (ids []string) {
	t.Helper()
	ctx, s := context.Background(), w.Service
	if _, err := s.Count(ctx, staff("WOMN"), "WOMN", "women", full(25-free, w.Now(), 1)); err != nil {
		t.Fatal(err)
	}
	w.Feed(t)
	for i := range n {
		r := girl()
		r.HoldBest = false
		r.Persons = []placement.Person{{Age: code.Age25To59, PlaceWith: code.Women}}
		o, err := s.Request(ctx, team, r, command(fmt.Sprint("woman ", i), 0))
		if err != nil || o.State != placement.Waitlisted {
			t.Fatal(o.State, err)
		}
		ids = append(ids, o.ID)
	}
	return ids
}

// full is a census of a unit of 25 beds.
func full(present int, at time.Time, match uint64) referral.CensusCommand {
	c := census(present, at, match)
	c.Staffed = 25
	return c
}

func states(t *testing.T, w *testworld.World, ids []string) map[placement.State]int {
	t.Helper()
	out := map[placement.State]int{}
	for _, id := range ids {
		p, err := w.Service.Placement(context.Background(), team, id)
		if err != nil {
			t.Fatal(err)
		}
		out[p.State]++
	}
	return out
}

// One bed is free: whoever waits is told, one takes it, and the others wait again;
// nobody drops out of the list.
func TestWhoWaitsIsToldOfBedsAndWaitsAgainWhenTheyAreGone(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	w.Pass(time.Minute)
	ids := waiting(t, w, 3, 0)
	w.Pass(time.Minute)
	if _, err := s.Count(ctx, staff("WOMN"), "WOMN", "women", full(24, w.Now(), 2)); err != nil {
		t.Fatal(err)
	}
	if n, err := s.MatchWaiting(ctx); err != nil || n != 3 {
		t.Fatalf("%d were told, %v", n, err)
	}
	if _, err := s.Hold(ctx, team, ids[1], "", command("taken", mustVersion(t, w, ids[1]))); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Hold(ctx, team, ids[0], "", command("gone", mustVersion(t, w, ids[0]))); !fault.Is(err, fault.ShelterFull) {
		t.Fatal(err)
	}
	w.Pass(s.Policy.Found + 10*time.Second)
	if _, err := s.Lapse(ctx); err != nil {
		t.Fatal(err)
	}
	if got := states(t, w, ids); got[placement.Waitlisted] != 2 {
		t.Fatalf("after the time to choose: %v", got)
	}
	if _, err := s.Count(ctx, staff("WOMN"), "WOMN", "women", full(20, w.Now(), 3)); err != nil {
		t.Fatal(err)
	}
	if n, err := s.MatchWaiting(ctx); err != nil || n != 2 {
		t.Fatalf("told again: %d, %v", n, err)
	}
}

func TestWhoWaitsAnewWaitsAsLongAsAnybody(t *testing.T) {
	p := placement.New("p", "t", "x", girl(), testworld.Start, placement.Command{}).Wait(testworld.Start.Add(time.Hour), testworld.Start)
	later := testworld.Start.Add(48 * time.Hour)
	if p = p.Wait(later.Add(time.Hour), later); !p.Request.NeededUntil.After(later) {
		t.Fatalf("waits until %s, and it is %s", p.Request.NeededUntil, later)
	}
}

func TestAnAcceptedPartyThatNeverDepartsIsTold(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o := request(t, w, "one", true)
	if _, err := s.Accept(ctx, staff(o.Hold.Shelter), o.ID, command("accept", 1)); err != nil {
		t.Fatal(err)
	}
	w.Pass(s.Policy.Overdue + 10*time.Second)
	if _, err := s.Lapse(ctx); err != nil {
		t.Fatal(err)
	}
	for _, a := range alerts(t, w) {
		if a.Kind == placement.AlertOverdue {
			p, err := s.Release(ctx, desk, o.ID, command("nobody comes", mustVersion(t, w, o.ID)))
			if err != nil || p.State != placement.Requested {
				t.Fatalf("the desk frees the bed: %s %v", p.State, err)
			}
			account(t, w)
			return
		}
	}
	t.Fatal("nobody was told")
}

func mustVersion(t *testing.T, w *testworld.World, id string) uint64 {
	t.Helper()
	p, err := w.Service.Placement(context.Background(), team, id)
	if err != nil {
		t.Fatal(err)
	}
	return p.Version
}

// A wrong button at a shelter the party refused must not give the party to it.
func TestUndoOfAnArrivalElsewhereGivesTheBedsBackWhereTheyWere(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o := request(t, w, "one", true)
	first := o.Hold.Shelter
	if _, err := s.Refuse(ctx, team, o.ID, 0, command("no", 1)); err != nil {
		t.Fatal(err)
	}
	held, err := s.Hold(ctx, team, o.ID, "", command("hold", 2))
	if err != nil || held.Hold.Shelter == first {
		t.Fatal(held.Hold.Shelter, err)
	}
	if _, err := s.Accept(ctx, staff(held.Hold.Shelter), o.ID, command("yes", 3)); err != nil {
		t.Fatal(err)
	}
	wrong, err := s.Receive(ctx, staff(first), o.ID, command("wrong", 0))
	if err != nil {
		t.Fatal(err)
	}
	back, err := s.Undo(ctx, staff(first), o.ID, command("undo", wrong.Version))
	if err != nil || back.Hold.Shelter != held.Hold.Shelter || back.State != placement.Held {
		t.Fatalf("%s at %s, was promised at %s: %v", back.State, back.Hold.Shelter, held.Hold.Shelter, err)
	}
	account(t, w)
}

// A death or a flight on the road is a fact of the team's.
func TestAPartyThatWillNotArriveIsRecorded(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o := onTheRoad(t, w)
	if _, err := s.End(ctx, team, o.ID, nil, code.EndHome, command("home", 0)); !fault.Is(err, fault.Invalid) {
		t.Fatalf("home before arrival: %v", err)
	}
	gone, err := s.End(ctx, team, o.ID, nil, code.EndLeftUnannounced, command("gone", 0))
	if err != nil || gone.State != placement.Ended {
		t.Fatal(gone.State, err)
	}
	if c := w.Unit(t, o.Hold.Shelter, "girls").Counts(); c.Held() != 0 {
		t.Fatalf("beds %+v", c)
	}
	if list := alerts(t, w); len(list) != 1 || list[0].Kind != placement.AlertChildUnannounced {
		t.Fatalf("alerts %+v", list)
	}
	in := arrivedAnother(t, w)
	if _, err := s.End(ctx, team, in.ID, nil, code.EndLeftUnannounced, command("too late", 0)); !fault.Is(err, fault.IllegalMove) {
		t.Fatalf("a team ends a stay: %v", err)
	}
}

func arrivedAnother(t *testing.T, w *testworld.World) referral.Outcome {
	t.Helper()
	ctx, s := context.Background(), w.Service
	o := request(t, w, "another", true)
	o, err := s.Receive(ctx, staff(o.Hold.Shelter), o.ID, command("another in", 0))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// A pair named when both are placed already binds both from then on.
func TestPairsAddedLaterAreKeptApartToo(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o, err := s.NewRescue(ctx, team, raid(2, 0, 0), command("raid", 0))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.ConfirmRescue(ctx, team, o.ID, command("confirm", 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.AddParties(ctx, team, o.ID, raid(1, 0, 0).Parties, [][2]int{{0, 1}, {0, 2}}, command("more", 0)); err != nil {
		t.Fatal(err)
	}
	done, err := s.ConfirmRescue(ctx, team, o.ID, command("confirm more", 0))
	if err != nil {
		t.Fatal(err)
	}
	one, third := done.Parties[0].Placement, done.Parties[2].Placement
	if len(one.KeepFrom) != 2 || len(third.KeepFrom) != 1 || one.Hold.Shelter == third.Hold.Shelter {
		t.Fatalf("%v at %s, %v at %s", one.KeepFrom, one.Hold.Shelter, third.KeepFrom, third.Hold.Shelter)
	}
	if _, err := s.Hold(ctx, team, one.ID, third.Hold.Shelter, command("next to them", one.Version)); !fault.Is(err, fault.NotEligible) {
		t.Fatalf("held beside whom they are kept apart from: %v", err)
	}
}

// Surge beds are opened in one write with their shelter, whatever happens to it at
// the same time.
func TestSurgeBedsBelongToTheirShelterAsItIs(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	before := w.Unit(t, "MENS", "men").Rev
	cmd := referral.SurgeCommand{Key: "flood", Population: code.Men, Ages: code.AdultBands, Beds: 5, EndsAt: w.Now().Add(48 * time.Hour)}
	u, _, err := s.Surge(ctx, ministry, "MENS", cmd)
	if err != nil || u.Rev != before+1 || w.Unit(t, "MENS", "men").Rev != u.Rev {
		t.Fatalf("rev %d beside %d, %v", u.Rev, w.Unit(t, "MENS", "men").Rev, err)
	}
	other := cmd
	other.Beds = 6
	if _, _, err := s.Surge(ctx, ministry, "MENS", other); !fault.Is(err, fault.KeyReused) {
		t.Fatalf("other beds under the same key: %v", err)
	}
	w.Pass(72 * time.Hour)
	if _, replayed, err := s.Surge(ctx, ministry, "MENS", cmd); err != nil || !replayed {
		t.Fatalf("sent again when it is over: %v", err)
	}
}

// The one shelter that fits did not answer: nothing is held there again by itself.
// The team is told, and when it does nothing the party waits: it is never left
// between the two, where nobody would look for it any more.
func TestAHoldThatLapsesWhereOnlyItsOwnShelterFitsIsNotForgotten(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	r := girl()
	r.Persons = []placement.Person{{Age: code.Age25To59, PlaceWith: code.Women}}
	r.HoldBest = true
	o, err := s.Request(ctx, team, r, command("a woman", 0))
	if err != nil || o.State != placement.Held {
		t.Fatal(o.State, err)
	}
	look := func(after time.Duration) placement.Placement {
		t.Helper()
		w.Pass(after)
		w.Feed(t)
		if _, err := s.Lapse(ctx); err != nil {
			t.Fatal(err)
		}
		p, err := s.Placement(ctx, team, o.ID)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	if p := look(31 * time.Minute); p.State != placement.Requested || !p.FoundAt.Equal(w.Now()) || p.Due.IsZero() {
		t.Fatalf("%s, told at %s, due %s", p.State, p.FoundAt, p.Due)
	}
	if p := look(16 * time.Minute); p.State != placement.Waitlisted {
		t.Fatalf("nobody chose and it is %s", p.State)
	}
	if n, err := s.MatchWaiting(ctx); n != 1 || err != nil {
		t.Fatalf("%d found, %v", n, err)
	}
	look(s.Policy.WaitFor[r.Urgency])
	if !slices.ContainsFunc(alerts(t, w), func(a placement.Alert) bool { return a.Kind == placement.AlertWaitingOver }) {
		t.Fatal("its time is over and the desk knows nothing")
	}
}

// Whoever stands far behind the first is looked for by a later look, which goes on
// where the last one ended.
func TestALookGoesOnBehindThoseOfTheLast(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	w.Pass(time.Minute)
	waiting(t, w, 60, 0)
	ask := func(who placement.Person) placement.Request {
		r := girl()
		r.Persons = []placement.Person{who}
		return r
	}
	noMen := referral.CensusCommand{IfMatch: 1, Census: shelter.Census{CountedAt: w.Now(), Present: 8, Staffed: 8}}
	if _, err := w.Service.Count(ctx, staff("MENS"), "MENS", "men", noMen); err != nil {
		t.Fatal(err)
	}
	w.Pass(time.Minute)
	man := made(t)(w.Service.Request(ctx, team, ask(placement.Person{Age: code.Age25To59, PlaceWith: code.Men}), command("man", 0)))
	oneLeaves := referral.CensusCommand{IfMatch: 2, Census: shelter.Census{CountedAt: w.Now(), Present: 7, Staffed: 8}}
	if _, err := w.Service.Count(ctx, staff("MENS"), "MENS", "men", oneLeaves); err != nil || man.State != placement.Waitlisted {
		t.Fatal(man.State, err)
	}
	w.Feed(t)
	s := referral.New(referral.Config{Store: w.Store, Policy: w.Service.Policy, Now: w.Now, NewID: w.NewID, Log: w.Service.Log, LookFirst: 1})
	for look, want := range []int{0, 1} {
		if n, err := s.MatchWaiting(ctx); n != want || err != nil {
			t.Errorf("look %d finds beds for %d, want %d, %v", look+1, n, want, err)
		}
	}
}
