package referral_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"panah/internal/caller"
	"panah/internal/code"
	"panah/internal/embedded"
	"panah/internal/fault"
	"panah/internal/language"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/referral"
	"panah/internal/table"
	"panah/internal/table/tabletest"
	"panah/internal/testworld"
)

var (
	team  = caller.Caller{Subject: testworld.Team, Role: caller.Rescue, Scope: "team-a"}
	staff = func(id string) caller.Caller {
		return caller.Caller{Subject: testworld.StaffOf(id), Role: caller.Shelter, Scope: id}
	}
)

func girl() placement.Request {
	return placement.Request{RescuedAt: testworld.Start.Add(-time.Hour), Place: testworld.District, Limit: 3, HoldBest: true,
		Persons: []placement.Person{{Age: code.Age15To17, AgeStatus: code.AgeStated, PlaceWith: code.Girls, Languages: []language.Tag{"bn"}}}}
}

func command(key string, version uint64) referral.Command {
	return referral.Command{Key: key, Payload: key, Version: version}
}

// account compares every unit's claims and people with the placements.
func account(t *testing.T, w *testworld.World) (live int) {
	t.Helper()
	ctx, claims, inside := context.Background(), map[string]int{}, map[string]int{}
	for _, teamID := range []string{"team-a", "team-b"} {
		q := table.Query{Index: table.ByTeam, PK: record.TeamPartition(teamID)}
		for {
			page, err := w.Store.Query(ctx, q)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page.Items {
				it, err := w.Store.Get(ctx, e.Key, table.Strong)
				if err != nil {
					t.Fatal(err)
				}
				p, err := record.ToPlacement(it)
				if err != nil {
					t.Fatal(err)
				}
				if !p.State.Live() {
					continue
				}
				live++
				for _, part := range p.Hold.Parts {
					unit := p.Hold.Shelter + "/" + part.Unit
					if p.State == placement.Arrived {
						for _, i := range part.Persons {
							if !p.Stays[i].Gone {
								inside[unit]++
							}
						}
						continue
					}
					claims[unit+" "+placement.ClaimID(p.ID, p.Hold.No)] += len(part.Persons)
				}
			}
			if q.After = page.Next; page.Next == "" {
				break
			}
		}
	}
	for _, s := range testworld.Shelters() {
		for _, u := range s.Units {
			stored := w.Unit(t, s.ID, u.ID) // fails when the guard and the counts disagree
			name := s.ID + "/" + u.ID
			for id, c := range stored.Claims() {
				if claims[name+" "+id] != c.N {
					t.Errorf("%s has a claim %s of %d, the placement holds %d", name, id, c.N, claims[name+" "+id])
				}
				delete(claims, name+" "+id)
			}
			if want := u.Counts().Occupied() + inside[name]; stored.Counts().Occupied() != want {
				t.Errorf("%s has %d people, want %d", name, stored.Counts().Occupied(), want)
			}
			if c := stored.Counts(); c.Held() > 0 && c.Free() < 0 {
				t.Errorf("%s promised beds it does not have: %+v", name, c)
			}
		}
	}
	for name := range claims {
		t.Errorf("hold %s has no claim", name)
	}
	return live
}

// rough opens a world on a store that fails in every way once it is filled.
func rough(t *testing.T, seed uint64) (*testworld.World, *tabletest.Faulty) {
	t.Helper()
	s, err := embedded.Open(filepath.Join(t.TempDir(), "panah.db"), embedded.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	f := tabletest.NewFaulty(s, seed, tabletest.Faults{})
	return testworld.On(t, f), f
}

// persist sends a command as a phone on a bad network does: the same key until
// there is an answer.
func persist(do func() (referral.Outcome, error)) (referral.Outcome, error) {
	for {
		o, err := do()
		if !fault.Is(err, fault.Busy) {
			return o, err
		}
	}
}

// Many teams and shelters at once, every write apt to fail before or after it
// is written or to arrive twice: beds and placements always agree.
func TestBedsAndPlacementsAgreeUnderFaults(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			w, faulty := rough(t, seed)
			faulty.Set(tabletest.Rough)
			var all sync.WaitGroup
			for worker := range 6 {
				all.Go(func() { busyTeam(t, w, rand.New(rand.NewPCG(seed, uint64(worker))), fmt.Sprint("worker-", worker)) })
			}
			all.Wait()
			faulty.Set(tabletest.Faults{})
			live := account(t, w)
			w.Pass(time.Hour)
			for range 3 {
				if _, err := w.Service.Lapse(context.Background()); err != nil {
					t.Fatal(err)
				}
				w.Pass(time.Hour)
			}
			account(t, w)
			if faulty.Injected["unknown_after"] == 0 || faulty.Injected["late_second"] == 0 || live == 0 {
				t.Errorf("nothing was tested: %v, %d live", faulty.Injected, live)
			}
		})
	}
}

func busyTeam(t *testing.T, w *testworld.World, r *rand.Rand, name string) {
	ctx, s := context.Background(), w.Service
	for i := range 8 {
		key := fmt.Sprintf("%s-%d", name, i)
		o, err := persist(func() (referral.Outcome, error) { return s.Request(ctx, team, girl(), command(key, 0)) })
		if err != nil {
			t.Errorf("request: %v", err)
			return
		}
		again, err := persist(func() (referral.Outcome, error) { return s.Request(ctx, team, girl(), command(key, 0)) })
		if err != nil || again.ID != o.ID || !again.Replayed {
			t.Errorf("sent again: %+v %v", again.Replayed, err)
		}
		if o.State != placement.Held {
			continue
		}
		house := staff(o.Hold.Shelter)
		switch r.IntN(5) {
		case 0:
			_, err = persist(func() (referral.Outcome, error) { return s.Release(ctx, team, o.ID, command(key+"-release", 1)) })
		case 1:
			_, err = persist(func() (referral.Outcome, error) {
				return s.Decline(ctx, house, o.ID, 0, command(key+"-decline", 1))
			})
		case 2:
			_, err = persist(func() (referral.Outcome, error) {
				return s.Cancel(ctx, team, o.ID, 0, command(key+"-cancel", 1))
			})
		case 3:
			if _, err = persist(func() (referral.Outcome, error) { return s.Accept(ctx, house, o.ID, command(key+"-accept", 1)) }); err == nil {
				_, err = persist(func() (referral.Outcome, error) { return s.Receive(ctx, house, o.ID, command(key+"-receive", 0)) })
			}
			if err == nil && r.IntN(2) == 0 {
				_, err = persist(func() (referral.Outcome, error) {
					return s.End(ctx, house, o.ID, nil, code.EndHome, command(key+"-end", 0))
				})
			}
		}
		if err != nil {
			t.Errorf("move: %v", err)
		}
	}
}

// Accept against lapse at the very instant: one winner, whatever the order.
func TestAcceptAgainstLapseHasOneWinner(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	for i := range 60 {
		r := girl()
		r.HoldBest = false
		o, err := s.Request(ctx, team, r, command(fmt.Sprint("r-", i), 0))
		if err != nil {
			t.Fatal(err)
		}
		held, err := s.Hold(ctx, team, o.ID, "GRLS", command(fmt.Sprint("h-", i), 1))
		if err != nil {
			t.Fatal(err)
		}
		w.Pass(held.Hold.ExpiresAt.Sub(w.Now()) - time.Nanosecond)
		if i%2 == 0 {
			w.Pass(time.Nanosecond)
		}
		var all sync.WaitGroup
		var accepted error
		all.Go(func() { _, accepted = s.Accept(ctx, staff("GRLS"), o.ID, command(fmt.Sprint("a-", i), 2)) })
		all.Go(func() { w.Pass(6 * time.Second); _, _ = s.Lapse(ctx) })
		all.Wait()
		p, err := s.Placement(ctx, team, o.ID)
		if err != nil {
			t.Fatal(err)
		}
		claim, there := w.Unit(t, "GRLS", "girls").Claim(placement.ClaimID(o.ID, 1))
		switch {
		case accepted == nil && (p.State != placement.Accepted || !there || !claim.Until.IsZero()):
			t.Fatalf("accepted, but %s, claim %+v", p.State, claim)
		case accepted != nil && (p.State == placement.Accepted || (there && p.State != placement.Held)):
			t.Fatalf("not accepted, but %s, claim %+v", p.State, claim)
		}
		if accepted == nil {
			if _, err := s.Cancel(ctx, team, o.ID, 0, command(fmt.Sprint("c-", i), p.Version)); err != nil {
				t.Fatal(err)
			}
		}
	}
	account(t, w)
}

// A bed whose hold has lapsed can be taken before the clock has come by.
func TestALapsedHoldIsUnusableAtItsInstantWhoeverLooksFirst(t *testing.T) {
	w := testworld.Open(t)
	w.Add(t, testworld.Home("LAST", testworld.District, code.OpenShelter, testworld.Unit("LAST", "girls", code.Girls, testworld.SchoolAge, 10, 9)))
	w.Pass(2 * time.Second)
	ctx, s := context.Background(), w.Service
	r := girl()
	r.HoldBest = false
	first, err := s.Request(ctx, team, r, command("first", 0))
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.Request(ctx, team, r, command("second", 0))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Hold(ctx, team, first.ID, "LAST", command("h1", 1)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Hold(ctx, team, second.ID, "LAST", command("h2", 1)); !fault.Is(err, fault.ShelterFull) {
		t.Fatalf("the same bed was held twice: %v", err)
	}
	w.Pass(31 * time.Minute)
	if _, err := s.Hold(ctx, team, second.ID, "LAST", command("h3", 1)); err != nil {
		t.Fatalf("the lapsed bed cannot be had: %v", err)
	}
	if _, err := s.Accept(ctx, staff("LAST"), first.ID, command("a1", 2)); !fault.Is(err, fault.HoldLapsed) {
		t.Fatalf("a lapsed hold was accepted: %v", err)
	}
	if _, err := s.Lapse(ctx); err != nil {
		t.Fatal(err)
	}
	if c := w.Unit(t, "LAST", "girls").Counts(); c.Held() != 1 {
		t.Fatalf("after both %+v", c)
	}
}

// A suspended shelter takes nobody, however old the directory is: rev differs.
func TestAStaleDirectoryCannotPlaceSomeoneInASuspendedShelter(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	if err := s.Warm(ctx); err != nil {
		t.Fatal(err)
	}
	it, err := w.Store.Get(ctx, record.ShelterKey("GRLS"), table.Strong)
	if err != nil {
		t.Fatal(err)
	}
	suspended, err := record.ToShelter(it)
	if err != nil {
		t.Fatal(err)
	}
	suspended.Status, suspended.Rev = 1, 2
	u := w.Unit(t, "GRLS", "girls")
	u.Rev = 2
	if err := w.Store.Write(ctx, table.Batch{WriteID: w.NewID(), Ops: []table.Op{table.PutOp(record.FromShelter(suspended), 1), table.PutOp(record.FromUnit(u), 1)}}); err != nil {
		t.Fatal(err)
	}
	o, err := s.Request(ctx, team, girl(), command("one", 0))
	if err != nil || o.Hold.Shelter == "GRLS" || o.State != placement.Held {
		t.Fatalf("%+v %v", o.Hold, err)
	}
	if c := w.Unit(t, "GRLS", "girls").Counts(); c.Held() != 0 {
		t.Fatalf("a suspended shelter holds %d", c.Held())
	}
}

// Facts are taken late, after a lapse and after cancelled, over capacity too.
func TestAnArrivalIsRecordedAfterCancelled(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o, err := s.Request(ctx, team, girl(), command("one", 0))
	if err != nil {
		t.Fatal(err)
	}
	house, before := staff(o.Hold.Shelter), w.Unit(t, o.Hold.Shelter, "girls").Counts().Occupied()
	if _, err := s.Cancel(ctx, team, o.ID, 0, command("two", 1)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Receive(ctx, house, o.ID, command("three", 0)); err != nil {
		t.Fatalf("a fact was refused: %v", err)
	}
	if got := w.Unit(t, o.Hold.Shelter, "girls").Counts().Occupied(); got != before+1 {
		t.Fatalf("%d people, want %d", got, before+1)
	}
	account(t, w)
}

// Somebody taken off a team is out within a minute.
func TestMembershipIsBelievedForAMinute(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	if c, err := s.Caller(ctx, testworld.Team); err != nil || c.Team() != "team-a" {
		t.Fatalf("%+v %v", c, err)
	}
	gone := record.FromMembership(caller.Caller{Subject: testworld.Team})
	gone.Tombstone = true
	if err := w.Store.Write(ctx, table.Batch{WriteID: w.NewID(), Ops: []table.Op{table.PutOp(gone, 1)}}); err != nil {
		t.Fatal(err)
	}
	w.Pass(time.Minute)
	if _, err := s.Caller(ctx, testworld.Team); !fault.Is(err, fault.Forbidden) {
		t.Fatalf("still %v", err)
	}
}

// Items stay small: a placement and a unit cost one kilobyte's write each.
func TestATypicalPlacementAndUnitFitOneKilobyte(t *testing.T) {
	w := testworld.Open(t)
	r := girl()
	r.Persons = append(r.Persons, placement.Person{Age: code.Age6To11, PlaceWith: code.Boys, Languages: []language.Tag{"bn"}, Needs: 1})
	r.ExcludedDistricts = append(r.ExcludedDistricts, "IN-LGD-319")
	o, err := w.Service.Request(context.Background(), team, r, command("one", 0))
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []table.Key{record.PlacementKey(o.ID), record.UnitKey(o.Hold.Shelter, "girls")} {
		it, err := w.Store.Get(context.Background(), key, table.Strong)
		if err != nil {
			t.Fatal(err)
		}
		if it.Size() > 1024 {
			t.Errorf("%s has %d bytes: %s", key, it.Size(), it.Body)
		}
		t.Logf("%s: %d bytes", key.SK, it.Size())
	}
}
