package referral_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"panah/internal/code"
	"panah/internal/embedded"
	"panah/internal/fault"
	"panah/internal/placement"
	"panah/internal/referral"
	"panah/internal/table"
	"panah/internal/testworld"
)

// raid is a rescue of girls, boys and women: more than the small world can take.
func raid(girls, boys, women int) placement.Rescue {
	common := girl()
	common.Together = code.TogetherRequired
	r := placement.Rescue{Common: common}
	add := func(n int, with code.Population, age code.AgeBand) {
		for range n {
			p := common
			p.Persons = []placement.Person{{Age: age, PlaceWith: with}}
			r.Parties = append(r.Parties, p)
		}
	}
	add(girls, code.Girls, code.Age15To17)
	add(boys, code.Boys, code.Age6To11)
	add(women, code.Women, code.Age25To59)
	return r
}

func tally(o referral.RescueOutcome) map[string]int {
	out := map[string]int{}
	for _, p := range o.Parties {
		switch {
		case p.Placement != nil:
			out[string(p.Placement.State)]++
		case p.Plan.Option != nil:
			out["planned"]++
		default:
			out["unplaced"]++
		}
	}
	return out
}

func TestARescueIsPlannedConfirmedAndNobodyIsLost(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	r := raid(20, 4, 8) // five women's beds are free
	r.Apart = [][2]int{{0, 1}, {0, 2}}
	o, err := s.NewRescue(ctx, team, r, command("raid", 0))
	if err != nil || fmt.Sprint(tally(o)) != "map[planned:29 unplaced:3]" {
		t.Fatal(tally(o), err)
	}
	for _, pair := range r.Apart {
		if o.Parties[pair[0]].Plan.Option.Candidate.ID == o.Parties[pair[1]].Plan.Option.Candidate.ID {
			t.Fatalf("%v are in one shelter", pair)
		}
	}
	if again, err := s.NewRescue(ctx, team, r, command("raid", 0)); err != nil || !again.Replayed || again.ID != o.ID {
		t.Fatal(again.Replayed, err)
	}
	done, err := s.ConfirmRescue(ctx, team, o.ID, command("confirm", 0))
	if err != nil || done.State != placement.RescueConfirmed || fmt.Sprint(tally(done)) != "map[held:29 waitlisted:3]" {
		t.Fatal(done.State, tally(done), err)
	}
	if again, err := s.ConfirmRescue(ctx, team, o.ID, command("confirm", 0)); err != nil || !again.Replayed || again.Version != done.Version {
		t.Fatal(again.Replayed, again.Version, err)
	}
	if live := account(t, w); live != 29 {
		t.Fatalf("%d live", live)
	}
	// Two more are found; nobody who is held moves.
	before := map[int]string{}
	for i, p := range done.Parties {
		before[i] = p.Placement.Hold.Shelter
	}
	more, err := s.AddParties(ctx, team, o.ID, raid(2, 0, 0).Parties, [][2]int{{32, 33}}, command("more", 0))
	if err != nil || len(more.Parties) != 34 {
		t.Fatal(len(more.Parties), err)
	}
	more, err = s.ConfirmRescue(ctx, team, o.ID, command("confirm more", 0))
	if err != nil || tally(more)["held"] != 31 {
		t.Fatal(tally(more), err)
	}
	for i, at := range before {
		if more.Parties[i].Placement.Hold.Shelter != at {
			t.Errorf("party %d moved from %s to %s", i, at, more.Parties[i].Placement.Hold.Shelter)
		}
	}
	account(t, w)
}

// Whom somebody is kept apart from does not follow them by the next option either.
func TestKeptApartAlsoWhenAShelterDeclines(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	r := raid(2, 0, 0)
	r.Apart = [][2]int{{0, 1}}
	o, err := s.NewRescue(ctx, team, r, command("raid", 0))
	if err != nil {
		t.Fatal(err)
	}
	if o, err = s.ConfirmRescue(ctx, team, o.ID, command("confirm", 0)); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		a, err := s.Placement(ctx, team, o.PartyID(0))
		if err != nil {
			t.Fatal(err)
		}
		b, err := s.Placement(ctx, team, o.PartyID(1))
		if err != nil || (a.State.Live() && b.State.Live() && a.Hold.Shelter == b.Hold.Shelter) {
			t.Fatal("both at", a.Hold.Shelter, err)
		}
		if a.State != placement.Held {
			return
		}
		if _, err := s.Decline(ctx, staff(a.Hold.Shelter), a.ID, 0, command(fmt.Sprint("no ", a.Version), a.Version)); err != nil {
			t.Fatal(err)
		}
	}
}

// dying is a store whose process ends at its nth call.
type dying struct {
	table.Store
	left atomic.Int64
}

var errDead = errors.New("the process has ended")

func (d *dying) gone() bool { return d.left.Add(-1) < 0 }

func (d *dying) Get(ctx context.Context, k table.Key, c table.Consistency) (*table.Item, error) {
	if d.gone() {
		return nil, errDead
	}
	return d.Store.Get(ctx, k, c)
}

func (d *dying) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if d.gone() {
		return table.Page{}, errDead
	}
	return d.Store.Query(ctx, q)
}

func (d *dying) Write(ctx context.Context, b table.Batch) error {
	if d.gone() {
		return errDead
	}
	return d.Store.Write(ctx, b)
}

// Wherever confirming ends, the clock goes on, and in the end everybody is held
// once or waits.
func TestAConfirmationThatCrashesAnywhereIsFinishedByTheClock(t *testing.T) {
	for n := int64(0); ; n += 3 {
		raw, err := embedded.Open(filepath.Join(t.TempDir(), "panah.db"), embedded.Options{NoSync: true})
		if err != nil {
			t.Fatal(err)
		}
		d := &dying{Store: raw}
		d.left.Store(1 << 40)
		w := testworld.On(t, d)
		ctx, s := context.Background(), w.Service
		o, err := s.NewRescue(ctx, team, raid(6, 2, 6), command("raid", 0))
		if err != nil {
			t.Fatal(err)
		}
		d.left.Store(n)
		_, err = s.ConfirmRescue(ctx, team, o.ID, command("confirm", 0))
		finished := err == nil
		d.left.Store(1 << 40)
		fresh := referral.New(referral.Config{Store: d, Policy: s.Policy, Now: w.Now, NewID: w.NewID, Log: s.Log})
		if !finished {
			w.Pass(time.Minute)
			for range 2 {
				if _, err := fresh.Lapse(ctx); err != nil {
					t.Fatalf("at call %d: %v", n, err)
				}
			}
			if _, err := fresh.ConfirmRescue(ctx, team, o.ID, command("confirm", 0)); err != nil { // the phone sends it again
				t.Fatalf("at call %d: %v", n, err)
			}
		}
		done, err := fresh.Rescue(ctx, team, o.ID)
		if err != nil || done.State != placement.RescueConfirmed || fmt.Sprint(tally(done)) != "map[held:13 waitlisted:1]" {
			t.Fatalf("ended at call %d: %s %v %v", n, done.State, tally(done), err)
		}
		if live := account(t, w); live != 13 {
			t.Fatalf("ended at call %d: %d live", n, live)
		}
		if err := raw.Close(); err != nil {
			t.Fatal(err)
		}
		if finished {
			return
		}
	}
}

// Others ask for the same beds at the same moment: nothing is promised twice.
func TestARescueAmongOthersWhoAsk(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o, err := s.NewRescue(ctx, team, raid(30, 8, 5), command("raid", 0))
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range 30 {
		all.Go(func() {
			_, err := persist(func() (referral.Outcome, error) {
				return s.Request(ctx, team, girl(), command(fmt.Sprint("other ", i), 0))
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	done, err := s.ConfirmRescue(ctx, team, o.ID, command("confirm", 0))
	all.Wait()
	if err != nil || done.State != placement.RescueConfirmed {
		t.Fatal(done.State, err)
	}
	for i, p := range done.Parties {
		if p.Placement == nil || !slices.Contains([]placement.State{placement.Held, placement.Waitlisted}, p.Placement.State) {
			t.Errorf("party %d is nowhere", i)
		}
	}
	account(t, w)
}

func TestARescueIsItsTeamsAlone(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o, err := s.NewRescue(ctx, team, raid(1, 0, 0), command("raid", 0))
	if err != nil {
		t.Fatal(err)
	}
	other := team
	other.Subject, other.Scope = testworld.OtherTeam, "team-b"
	_, foreign := s.Rescue(ctx, other, o.ID)
	_, none := s.Rescue(ctx, other, "r_NOTHERE")
	if !fault.Is(foreign, fault.NotFound) || foreign.Error() != none.Error() {
		t.Fatalf("%v, %v", foreign, none)
	}
	if _, err := s.ConfirmRescue(ctx, other, o.ID, command("theirs", 0)); !fault.Is(err, fault.NotFound) {
		t.Fatal(err)
	}
	for field, r := range map[string]placement.Rescue{"parties": raid(0, 0, 0), "keepApart[0]": func() placement.Rescue { r := raid(2, 0, 0); r.Apart = [][2]int{{0, 2}}; return r }()} {
		_, err := s.NewRescue(ctx, team, r, command("bad "+field, 0))
		if f, ok := fault.Of(err); !ok || f.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// What a rescue's answer lists would succeed, and the rest is refused, with the
// same list.
func TestTheMovesOfARescueAreThoseThatSucceed(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o, err := s.NewRescue(ctx, team, raid(2, 0, 0), command("raid", 0))
	if err != nil {
		t.Fatal(err)
	}
	keys := 0
	try := map[string]func(cmd referral.Command) error{
		"plan":    func(cmd referral.Command) error { _, err := s.PlanRescue(ctx, team, o.ID, cmd); return err },
		"confirm": func(cmd referral.Command) error { _, err := s.ConfirmRescue(ctx, team, o.ID, cmd); return err },
		"depart":  func(cmd referral.Command) error { _, _, err := s.DepartAll(ctx, team, o.ID, true, cmd); return err },
		"parties": func(cmd referral.Command) error {
			_, err := s.AddParties(ctx, team, o.ID, raid(1, 0, 0).Parties, nil, cmd)
			return err
		},
	}
	check := func(when string, want ...string) {
		t.Helper()
		r, err := s.Rescue(ctx, team, o.ID)
		if err != nil || !slices.Equal(r.Next(), want) {
			t.Fatalf("%s: next is %v, want %v (%v)", when, r.Next(), want, err)
		}
		for move, do := range try {
			if slices.Contains(want, move) {
				continue
			}
			keys++
			f, _ := fault.Of(do(command(fmt.Sprint("refused ", keys), 0)))
			if f == nil || f.Kind != fault.IllegalMove || !slices.Equal(f.Allowed, want) {
				t.Errorf("%s: %s is not listed and was not refused: %+v", when, move, f)
			}
		}
	}
	must := func(move string) {
		t.Helper()
		keys++
		if err := try[move](command(fmt.Sprint("listed ", keys), 0)); err != nil {
			t.Fatalf("%s was listed: %v", move, err)
		}
	}
	check("planned", "parties", "plan", "confirm")
	must("plan")
	must("confirm")
	check("everybody is held", "parties")
	r, err := s.Rescue(ctx, team, o.ID)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range r.Parties {
		p := p.Placement
		if _, err := s.Choose(ctx, team, p.ID, placement.Choice{By: code.ChosenByGuardian, Shelter: p.Hold.Shelter, HouseRulesShown: true, Viewed: true}, command(fmt.Sprint("choose ", i), p.Version)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Accept(ctx, staff(p.Hold.Shelter), p.ID, referral.Command{Key: fmt.Sprint("accept ", i), Payload: "x", HoldNo: 1}); err != nil {
			t.Fatal(err)
		}
	}
	check("everybody is accepted", "parties", "depart")
	must("depart")
	check("everybody is on the road", "parties")
	must("parties")
	check("one more was found", "parties", "plan", "confirm")
}

func TestManyDepartAndArriveInOneCommand(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o, err := s.NewRescue(ctx, team, raid(4, 0, 0), command("raid", 0))
	if err != nil {
		t.Fatal(err)
	}
	if o, err = s.ConfirmRescue(ctx, team, o.ID, command("confirm", 0)); err != nil {
		t.Fatal(err)
	}
	at := map[string][]string{}
	choose := func(i int) {
		t.Helper()
		p, err := s.Placement(ctx, team, o.Parties[i].Placement.ID)
		if err == nil {
			_, err = s.Choose(ctx, team, p.ID, placement.Choice{By: code.ChosenByGuardian, Shelter: p.Hold.Shelter, HouseRulesShown: true, Viewed: true}, command(fmt.Sprint("choose ", i), p.Version))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	accept := func(i int) {
		t.Helper()
		p := o.Parties[i].Placement
		if _, err := s.Accept(ctx, staff(p.Hold.Shelter), p.ID, referral.Command{Key: fmt.Sprint("accept ", i), Payload: "x", HoldNo: 1}); err != nil {
			t.Fatal(err)
		}
		at[p.Hold.Shelter] = append(at[p.Hold.Shelter], p.ID)
	}
	for i := range 3 {
		if i < 2 { // the third has not chosen
			choose(i)
		}
		accept(i)
	}
	left, replayed, err := s.DepartAll(ctx, team, o.ID, true, command("go", 0))
	if err != nil || replayed || len(left) != 3 || left[0].Err != nil || left[1].Err != nil || !fault.Is(left[2].Err, fault.IllegalMove) {
		t.Fatalf("%+v %v", left, err)
	}
	choose(2) // after the bus has left
	choose(3)
	accept(3)
	again, replayed, err := s.DepartAll(ctx, team, o.ID, true, command("go", 0))
	if err != nil || !replayed || len(again) != 3 || again[0].State != placement.InTransit || again[2].Err == nil {
		t.Fatalf("sent again: %+v %v", again, err)
	}
	if _, _, err := s.DepartAll(ctx, team, o.ID, false, referral.Command{Key: "go", Payload: "otherwise"}); !fault.Is(err, fault.KeyReused) {
		t.Fatalf("the key of another command: %v", err)
	}
	for _, i := range []int{2, 3} {
		if p, err := s.Placement(ctx, team, o.Parties[i].Placement.ID); err != nil || p.State != placement.Accepted {
			t.Fatalf("a command sent again took party %d along: %s %v", i, p.State, err)
		}
	}
	if second, _, err := s.DepartAll(ctx, team, o.ID, true, command("go too", 0)); err != nil || len(second) != 2 || second[0].Err != nil || second[1].Err != nil {
		t.Fatalf("%+v %v", second, err)
	}
	for shelterID, ids := range at {
		for _, again := range []bool{false, true} { // pressed twice
			in, replayed, err := s.ReceiveAll(ctx, staff(shelterID), shelterID, ids, command("came", 0))
			if err != nil || len(in) != len(ids) || replayed != again {
				t.Fatal(in, err)
			}
			for _, b := range in {
				if b.Err != nil || b.State != placement.Arrived {
					t.Errorf("%+v", b)
				}
			}
		}
	}
	account(t, w)
}
