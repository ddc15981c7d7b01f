package referral_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"panah/internal/caller"
	"panah/internal/code"
	"panah/internal/fault"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/referral"
	"panah/internal/shelter"
	"panah/internal/table"
	"panah/internal/testworld"
)

func TestAWalkInIsRecordedOverCapacityAndOnce(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	persons := []placement.Person{{Age: code.Age12To14, PlaceWith: code.Girls}}
	for range 2 {
		o, err := s.Admit(ctx, staff("FULL"), "FULL", "girls", persons, placement.Consent{}, command("walk-in", 0))
		if err != nil || o.State != placement.Arrived {
			t.Fatal(o.State, err)
		}
	}
	if c := w.Unit(t, "FULL", "girls").Counts(); c.Occupied() != 11 || c.Free() != -1 {
		t.Fatalf("%+v", c)
	}
	if _, err := s.Admit(ctx, staff("FULL"), "FULL", "attic", persons, placement.Consent{}, command("x", 0)); fault.Is(err, fault.NotFound) || err == nil {
		t.Fatalf("%v", err)
	}
	if _, err := s.Admit(ctx, staff("GRLS"), "FULL", "girls", persons, placement.Consent{}, command("y", 0)); !fault.Is(err, fault.NotFound) {
		t.Fatalf("somebody else's shelter: %v", err)
	}
}

// One tap keeps a shelter fresh; a tap that comes late does not make counts
// look newer than they are.
func TestConfirmingCounts(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	w.Pass(48 * time.Hour)
	if _, err := s.Confirm(ctx, staff("GRLS"), "GRLS", command("monday", 0)); err != nil {
		t.Fatal(err)
	}
	now := w.Now()
	if _, err := s.Confirm(ctx, staff("GRLS"), "GRLS", referral.Command{Key: "earlier", OccurredAt: now.Add(-time.Hour)}); err != nil {
		t.Fatal(err)
	}
	if got := w.Unit(t, "GRLS", "girls"); !got.ConfirmedAt.Equal(now) || got.Census != 1 {
		t.Fatalf("confirmed %s, census %d", got.ConfirmedAt, got.Census)
	}
	if _, err := s.Confirm(ctx, desk, "GRLS", command("desk", 0)); !fault.Is(err, fault.Forbidden) {
		t.Fatalf("a desk confirmed: %v", err)
	}
	w.Pass(48 * time.Hour) // Monday's tap comes again
	if _, err := s.Confirm(ctx, staff("GRLS"), "GRLS", command("monday", 0)); err != nil || !w.Unit(t, "GRLS", "girls").ConfirmedAt.Equal(now) {
		t.Fatalf("a late copy made old counts fresh: %v", err)
	}
}

// A transfer's arrival ends the stay it comes from in the same write.
func TestATransferCountsNobodyTwice(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o := request(t, w, "one", true)
	first := o.Hold.Shelter
	if _, err := s.Receive(ctx, staff(first), o.ID, command("r1", 0)); err != nil {
		t.Fatal(err)
	}
	r := girl()
	r.ExcludedShelters = []string{first}
	moved, err := s.Transfer(ctx, team, r, o.ID, command("move", 0))
	if err != nil || moved.Hold.Shelter == first {
		t.Fatal(moved.Hold, err)
	}
	w.Pass(time.Hour)
	if _, err := s.Receive(ctx, staff(moved.Hold.Shelter), moved.ID, command("r2", 0)); err != nil {
		t.Fatal(err)
	}
	origin, err := s.Placement(ctx, team, o.ID)
	if err != nil || origin.State != placement.Ended || origin.Stays[0].Reason != code.EndTransferred {
		t.Fatalf("%s %+v %v", origin.State, origin.Stays, err)
	}
	account(t, w)
	if _, err := s.Transfer(ctx, team, r, o.ID, command("again", 0)); err == nil {
		t.Fatal("an ended stay was transferred")
	}
	theirs := caller.Caller{Subject: testworld.OtherTeam, Role: caller.Rescue, Scope: "team-b"}
	if _, err := s.Transfer(ctx, theirs, r, moved.ID, command("theirs", 0)); err == nil {
		t.Fatal("another team's stay was transferred")
	}
}

// A shelter that closes asks for places elsewhere for whoever lives with it, walk-ins
// and those a team brought; each arrival there ends the stay here. What is not safe
// for them stays out, though the shelter never learns of it.
func TestAShelterTransfersWhoLivesWithIt(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	house := staff("GRLS")
	before := w.Unit(t, "GRLS", "girls").Counts().Occupied()
	persons := []placement.Person{{Age: code.Age12To14, AgeStatus: code.AgeStated, PlaceWith: code.Girls}}
	in, err := s.Admit(ctx, house, "GRLS", "girls", persons, placement.Consent{}, command("walk-in", 0))
	if err != nil {
		t.Fatal(err)
	}
	brought := girl()
	brought.HoldBest, brought.ExcludedShelters = false, []string{"HOMA"}
	o, err := s.Request(ctx, team, brought, command("brought", 0))
	if err != nil {
		t.Fatal(err)
	}
	mustHold(t, w, o.ID, "GRLS", "hold", 1)
	must(t)(s.Receive(ctx, house, o.ID, command("came", 0)))
	if _, err := s.SetStatus(ctx, house, "GRLS", shelter.Closed, command("close", 0)); err != nil {
		t.Fatal(err)
	}
	for _, stay := range []string{in.ID, o.ID} {
		r := girl()
		if stay == in.ID {
			r.Persons = persons
		}
		for who, c := range map[string]caller.Caller{"another shelter": staff("HOMB"), "another team": {Subject: testworld.OtherTeam, Role: caller.Rescue, Scope: "team-b"}} {
			if _, err := s.Transfer(ctx, c, r, stay, command("not theirs "+stay, 0)); field(err) != "transferOf" {
				t.Errorf("%s transfers: %v", who, err)
			}
		}
		moved, err := s.Transfer(ctx, house, r, stay, command("move "+stay, 0))
		if err != nil || moved.State != placement.Held || moved.Hold.Shelter == "GRLS" || (stay == o.ID && moved.Hold.Shelter == "HOMA") {
			t.Fatalf("%s at %s: %v", moved.State, moved.Hold.Shelter, err)
		}
		if seen, err := s.Placement(ctx, house, moved.ID); err != nil || seen.ID != moved.ID {
			t.Fatalf("the house does not see what it asked for: %v", err)
		}
		if _, err := s.Placement(ctx, staff("WOMN"), moved.ID); !fault.Is(err, fault.Forbidden) {
			t.Fatalf("another shelter reads it: %v", err)
		}
		there := staff(moved.Hold.Shelter)
		must(t)(s.Choose(ctx, house, moved.ID, placement.Choice{By: code.ChosenByGuardian, Shelter: moved.Hold.Shelter, HouseRulesShown: true, Viewed: true}, command("choose "+stay, 1)))
		must(t)(s.Accept(ctx, there, moved.ID, command("accept "+stay, 2)))
		must(t)(s.Depart(ctx, house, moved.ID, true, nil, command("depart "+stay, 3)))
		w.Pass(time.Hour)
		must(t)(s.Receive(ctx, there, moved.ID, command("receive "+stay, 0)))
		if _, err := s.End(ctx, house, moved.ID, nil, code.EndHome, command("end "+stay, 0)); err == nil {
			t.Fatal("the house that asked ends a stay elsewhere")
		}
	}
	list, _, err := s.Mine(ctx, house, 10, "")
	if err != nil || len(list) != 3 {
		t.Fatalf("%d asked for: %v", len(list), err)
	}
	for _, p := range list {
		if p.ID == in.ID && (p.State != placement.Ended || p.Stays[0].Reason != code.EndTransferred) {
			t.Errorf("the walk-in's stay is %s", p.State)
		}
	}
	if got := w.Unit(t, "GRLS", "girls").Counts().Occupied(); got != before {
		t.Errorf("%d people, were %d", got, before)
	}
	if _, err := s.Request(ctx, house, girl(), command("no stay", 0)); !fault.Is(err, fault.Forbidden) {
		t.Errorf("a shelter asks for who does not live with it: %v", err)
	}
	if _, err := s.NewRescue(ctx, house, raid(1, 0, 0), command("raid", 0)); !fault.Is(err, fault.Forbidden) {
		t.Errorf("a shelter starts a rescue: %v", err)
	}
}

// The age was wrong: beds are kept, the desk is told that the party must move.
func TestACorrectionKeepsTheBedsAndTellsTheDesk(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o := request(t, w, "one", true)
	grown := []placement.Person{{Age: code.Age18To24, AgeStatus: code.AgeDocumented, PlaceWith: code.Women}}
	fixed, err := s.Correct(ctx, team, o.ID, grown, command("fix", 1))
	if err != nil || fixed.State != placement.Held || fixed.Request.Persons[0].Age != code.Age18To24 {
		t.Fatal(fixed.State, err)
	}
	if len(fixed.Match.Options) == 0 || fixed.Match.Options[0].Candidate.ID != "WOMN" {
		t.Fatalf("options %+v", fixed.Match.Options)
	}
	if list := alerts(t, w); len(list) != 1 || list[0].Kind != placement.AlertMustMove {
		t.Fatalf("alerts %+v", list)
	}
	account(t, w)
	if _, err := s.Hold(ctx, team, o.ID, "WOMN", command("swap", 2)); err != nil {
		t.Fatal(err)
	}
	account(t, w)
	if _, err := s.Correct(ctx, team, o.ID, append(grown, grown...), command("more", 3)); err == nil {
		t.Fatal("a correction added a person")
	}
}

// What was missing is noted without a person, a team or a placement.
func TestAGapIsNotedWithoutAPerson(t *testing.T) {
	w := testworld.Open(t)
	ctx := context.Background()
	r := girl()
	r.Persons[0].PlaceWith = code.TransgenderUnit
	o, err := w.Service.Request(ctx, team, r, command("one", 0))
	if err != nil || o.State != placement.Waitlisted {
		t.Fatal(o.State, err)
	}
	page, err := w.Store.Query(ctx, table.Query{PK: record.GapPartition(testworld.District)})
	if err != nil || len(page.Items) != 1 {
		t.Fatalf("%d gaps, %v", len(page.Items), err)
	}
	stored := page.Items[0].SK + string(page.Items[0].Body)
	for _, never := range []string{o.ID, "team-a", w.Now().Format("T15:04")} {
		if strings.Contains(stored, never) {
			t.Errorf("a gap tells %q: %s", never, stored)
		}
	}
}

// A shelter that closes tonight takes nobody any more, at once; those inside and
// on their way stay counted, and their desk is told.
func TestAShelterThatClosesTellsTheDesk(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o := request(t, w, "one", false)
	mustHold(t, w, o.ID, "GRLS", "hold", 1)
	if _, err := s.SetStatus(ctx, staff("GRLS"), "GRLS", shelter.Suspended, command("suspend", 0)); !fault.Is(err, fault.Forbidden) {
		t.Fatalf("a shelter suspended itself: %v", err)
	}
	v, err := s.SetStatus(ctx, staff("GRLS"), "GRLS", shelter.Closed, command("close", 0))
	if err != nil || v.Status != shelter.Closed || v.Rev != 2 {
		t.Fatal(v.Status, v.Rev, err)
	}
	if list := alerts(t, w); len(list) != 1 || list[0].Placement != o.ID {
		t.Fatalf("alerts %+v", list)
	}
	other := request(t, w, "two", false)
	if _, err := s.Hold(ctx, team, other.ID, "GRLS", command("h2", 1)); !fault.Is(err, fault.NotEligible) {
		t.Fatalf("a closed shelter takes somebody: %v", err)
	}
	if c := w.Unit(t, "GRLS", "girls").Counts(); c.Held() != 1 || c.Occupied() != 10 {
		t.Fatalf("%+v", c)
	}
	ministry := caller.Caller{Subject: testworld.Ministry, Role: caller.Ministry, Scope: "IN"}
	if _, err := s.SetStatus(ctx, ministry, "GRLS", shelter.Active, command("resume", 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Hold(ctx, team, other.ID, "GRLS", command("h3", 1)); err != nil {
		t.Fatalf("after it was resumed: %v", err)
	}
}
