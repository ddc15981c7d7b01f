package referral_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"panah/internal/audit"
	"panah/internal/code"
	"panah/internal/fault"
	"panah/internal/placement"
	"panah/internal/referral"
	"panah/internal/shelter"
	"panah/internal/table"
	"panah/internal/testworld"
)

// A family room with one child in it is full (row C6): rooms are held, filled and
// given back whole.
func TestARoomIsThePartysOwn(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	family := testworld.Unit("FAMI", "rooms", code.Family, code.ChildBands.Union(code.AdultBands), 8, 0)
	family.RoomBeds = 4
	w.Add(t, testworld.Home("FAMI", testworld.District, code.Other, family))
	w.Pass(2 * time.Second)
	r := girl()
	mother := placement.Person{Age: code.Age25To59, PlaceWith: code.Family}
	child := placement.Person{Age: code.Age6To11, PlaceWith: code.Family}
	r.Persons = []placement.Person{mother, child}
	ask := func(key string) (referral.Outcome, error) { return s.Request(ctx, team, r, command(key, 0)) }
	one, err := ask("family one")
	if err != nil || one.State != placement.Held || one.Hold.Beds() != 4 || counts(t, w, "FAMI", "rooms") != "occupied 0 held 4 free 4" {
		t.Fatalf("%s %d %s %v", one.State, one.Hold.Beds(), counts(t, w, "FAMI", "rooms"), err)
	}
	if two, err := ask("family two"); err != nil || two.State != placement.Held {
		t.Fatal(two.State, err)
	}
	if three, err := ask("family three"); err != nil || three.State != placement.Waitlisted {
		t.Fatalf("a third family in two rooms: %s %v", three.State, err)
	}
	w.Pass(time.Minute)
	in, err := s.Receive(ctx, staff("FAMI"), one.ID, command("in", 0))
	if err != nil || counts(t, w, "FAMI", "rooms") != "occupied 2 held 4 free 0" {
		t.Fatal(counts(t, w, "FAMI", "rooms"), err)
	}
	if u := w.Unit(t, "FAMI", "rooms"); u.RoomsOccupied() != 1 || u.Rooms() != 2 {
		t.Fatalf("%d of %d rooms", u.RoomsOccupied(), u.Rooms())
	}
	w.Pass(time.Minute)
	if _, err := s.End(ctx, staff("FAMI"), in.ID, []int{0}, code.EndHospital, command("one out", 0)); err != nil || counts(t, w, "FAMI", "rooms") != "occupied 1 held 4 free 0" {
		t.Fatal(counts(t, w, "FAMI", "rooms"), err)
	}
	w.Pass(time.Minute)
	if _, err := s.End(ctx, staff("FAMI"), in.ID, nil, code.EndHome, command("all out", 0)); err != nil || counts(t, w, "FAMI", "rooms") != "occupied 0 held 4 free 4" {
		t.Fatal(counts(t, w, "FAMI", "rooms"), err)
	}
	if found, err := s.Verify(ctx, false); err != nil || len(found) > 0 {
		t.Fatal(found, err)
	}
}

func TestSurgeBedsEndByThemselves(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	cmd := referral.SurgeCommand{Key: "flood", Population: code.TransgenderUnit, Ages: code.AdultBands, Beds: 5, EndsAt: w.Now().Add(48 * time.Hour)}
	if _, _, err := s.Surge(ctx, staff("MENS"), "MENS", cmd); !fault.Is(err, fault.Forbidden) {
		t.Fatalf("a shelter opens surge beds itself: %v", err)
	}
	u, _, err := s.Surge(ctx, ministry, "MENS", cmd)
	if err != nil || u.Sanctioned != 0 || !u.Surge() {
		t.Fatalf("%+v %v", u, err)
	}
	same, replayed, err := s.Surge(ctx, ministry, "MENS", cmd)
	if err != nil || !replayed || same.ID != u.ID {
		t.Fatalf("sent again: %v %v", same.ID, err)
	}
	w.Feed(t)
	r := girl()
	r.Persons = []placement.Person{{Age: code.Age25To59, PlaceWith: code.TransgenderUnit}}
	if o, err := s.Request(ctx, team, r, command("in time", 0)); err != nil || o.State != placement.Held {
		t.Fatal(o.State, err)
	}
	w.Pass(48 * time.Hour)
	if o, err := s.Request(ctx, team, r, command("too late", 0)); err != nil || o.State == placement.Held {
		t.Fatalf("held in surge beds that have ended: %s %v", o.State, err)
	}
	bad := cmd
	for field, change := range map[string]func(){"beds": func() { bad.Beds = 0 }, "ages": func() { bad.Population, bad.Ages = code.Girls, code.AdultBands }, "endsAt": func() { bad.EndsAt = w.Now() }} {
		bad = cmd
		bad.EndsAt, bad.Key = w.Now().Add(time.Hour), "bad "+field
		change()
		if _, _, err := s.Surge(ctx, ministry, "MENS", bad); err == nil {
			t.Fatalf("%s is not checked", field)
		} else if f, _ := fault.Of(err); f.Field != field {
			t.Fatalf("%s: %v", field, f)
		}
	}
}

func TestACountIsTakenBackUntilSomebodyComes(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	w.Pass(time.Minute)
	before := counts(t, w, "GRLS", "girls")
	if _, err := s.Count(ctx, staff("GRLS"), "GRLS", "girls", census(33, w.Now(), 1)); err != nil {
		t.Fatal(err)
	}
	u, err := s.UndoCount(ctx, staff("GRLS"), "GRLS", "girls", referral.Command{Key: "undo-count-1", Version: 2})
	if err != nil || counts(t, w, "GRLS", "girls") != before || u.Census != 3 {
		t.Fatalf("%s, census %d, %v", counts(t, w, "GRLS", "girls"), u.Census, err)
	}
	if _, err := s.UndoCount(ctx, staff("GRLS"), "GRLS", "girls", referral.Command{Key: "undo-count-2", Version: 3}); !fault.Is(err, fault.IllegalMove) {
		t.Fatalf("taken back twice: %v", err)
	}
	if _, err := s.Count(ctx, staff("GRLS"), "GRLS", "girls", census(12, w.Now(), 3)); err != nil {
		t.Fatal(err)
	}
	w.Pass(shelter.UndoFor)
	if _, err := s.UndoCount(ctx, staff("GRLS"), "GRLS", "girls", referral.Command{Key: "undo-count-3", Version: 4}); !fault.Is(err, fault.IllegalMove) {
		t.Fatalf("after fifteen minutes: %v", err)
	}
	if _, err := s.UndoCount(ctx, staff("HOMA"), "GRLS", "girls", referral.Command{Key: "undo-count-4", Version: 4}); !fault.Is(err, fault.NotFound) {
		t.Fatalf("another shelter: %v", err)
	}
}

func TestWhoChangedTheCountsIsListed(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	w.Pass(time.Minute)
	if _, err := s.Count(ctx, staff("GRLS"), "GRLS", "girls", census(33, w.Now(), 1)); err != nil {
		t.Fatal(err)
	}
	changes, _, err := w.Store.(table.Feed).Changes(ctx, "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	if err := audit.NewKeeper(w.Store, w.NewID, w.Now, slog.New(slog.DiscardHandler)).Apply(ctx, changes); err != nil {
		t.Fatal(err)
	}
	list, _, err := s.UnitLog(ctx, desk, "GRLS", "girls", 10, "")
	if err != nil || len(list) != 2 || list[0].By != staff("GRLS").Subject || list[0].What.Occupied != 33 || list[1].What.Occupied != 10 {
		t.Fatalf("%+v %v", list, err)
	}
	if _, _, err := s.UnitLog(ctx, team, "GRLS", "girls", 10, ""); !fault.Is(err, fault.Forbidden) {
		t.Fatalf("a team reads it: %v", err)
	}
	if _, _, err := s.UnitLog(ctx, desk, "GRLS", "attic", 10, ""); !fault.Is(err, fault.NotFound) {
		t.Fatalf("a unit that is not there: %v", err)
	}
}

// A count that is taken back is signed by whoever took it back, and what it hid is
// offered by this process at once.
func TestACountTakenBackIsSignedAndSeenAtOnce(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	w.Pass(time.Minute)
	slip := referral.CensusCommand{IfMatch: 1, Census: shelter.Census{CountedAt: w.Now(), Present: 40, Staffed: 40}}
	if _, err := s.Count(ctx, staff("GRLS"), "GRLS", "girls", slip); err != nil {
		t.Fatal(err)
	}
	w.Feed(t)
	w.Pass(3 * time.Second)
	r := girl()
	r.HoldBest, r.ExcludedShelters = false, []string{"HOMA", "HOMB"}
	o := made(t)(s.Request(ctx, team, r, command("one", 0)))
	if len(o.Match.Options) > 0 {
		t.Fatal("a full shelter is offered")
	}
	other := staff("GRLS")
	other.Subject = "another of the house"
	u, err := s.UndoCount(ctx, other, "GRLS", "girls", command("a slip", 2))
	if now := w.Unit(t, "GRLS", "girls"); err != nil || u.By != other.Subject || now.By != other.Subject || u.Version != now.Version {
		t.Errorf("answered version %d by %q, stored %d by %q, %v", u.Version, u.By, now.Version, now.By, err)
	}
	if o, err = s.Options(ctx, team, o.ID); err != nil || len(o.Match.Options) != 1 {
		t.Errorf("%d options, %v", len(o.Match.Options), err)
	}
}
