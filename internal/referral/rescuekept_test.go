package referral_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"panah/internal/code"
	"panah/internal/fault"
	"panah/internal/language"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/table"
	"panah/internal/testworld"
)

// rescueBody is a rescue as it is stored.
func rescueBody(t *testing.T, w *testworld.World, id string) []byte {
	t.Helper()
	it, err := w.Store.Get(context.Background(), record.RescueKey(id), table.Strong)
	if err != nil || it == nil {
		t.Fatal(id, err)
	}
	return it.Body
}

// What was told of a party is in its placement alone once there is one: a withdrawal
// of consent leaves nothing of it in the rescue, and more parties can still come.
func TestARescueKeepsNothingOfPartiesThatHavePlacements(t *testing.T) {
	w := womenWorld(t)
	ctx, s := context.Background(), w.Service
	r := raid(0, 0, 2)
	r.Common.Persons = nil
	for i := range r.Parties {
		r.Parties[i].Persons[0].Languages = []language.Tag{"bn"}
	}
	o, err := s.NewRescue(ctx, team, r, command("raid", 0))
	if err != nil {
		t.Fatal(err)
	}
	if o, err = s.ConfirmRescue(ctx, team, o.ID, command("confirm", 0)); err != nil {
		t.Fatal(err)
	}
	first := o.Parties[0].Placement.ID
	if got := stored(t, w, first).Request.Persons[0].Languages; len(got) != 1 {
		t.Fatalf("the placement says languages %v", got)
	}
	if body := string(rescueBody(t, w, o.ID)); strings.Contains(body, `"bn"`) {
		t.Errorf("the rescue keeps languages: %s", body)
	}
	withdraw(t, w, ownCode(t, w, first))
	late := placement.Request{Persons: []placement.Person{{Age: code.Age25To59, PlaceWith: code.Women, Languages: []language.Tag{"hi"}}}}
	if _, err := s.AddParties(ctx, team, o.ID, []placement.Request{late}, nil, command("late", 0)); err != nil {
		t.Fatal(err)
	}
	if o, err = s.ConfirmRescue(ctx, team, o.ID, command("confirm again", 0)); err != nil {
		t.Fatal(err)
	}
	if got := o.Parties[2].Placement; got == nil || got.State != placement.Held || got.Request.Persons[0].Languages[0] != "hi" {
		t.Errorf("the party that came late: %+v", got)
	}
	if got := o.Parties[1].Placement.Request.Persons[0].Languages; len(got) != 1 {
		t.Errorf("the other placement lost its languages: %v", got)
	}
	isWithdrawn(t, w, first, placement.Cancelled)
}

// wordyRaid is the most a rescue can say of 500 single women.
func wordyRaid() placement.Rescue {
	r := raid(0, 0, 0)
	for i := range 20 {
		r.Common.ExcludedShelters = append(r.Common.ExcludedShelters, fmt.Sprintf("K7F2ABCDEFGHJKMNPQRSTVWXYZ0123456789AB%02d", i))
		r.Common.ExcludedDistricts = append(r.Common.ExcludedDistricts, "IN-LGD-319")
	}
	for range 500 {
		p := r.Common
		p.Persons = []placement.Person{{Age: code.Age25To59, PlaceWith: code.Women, Languages: []language.Tag{"sat-Olck", "mni-Mtei", "bn-Beng", "ur-Arab", "hi-Deva"}}}
		r.Parties = append(r.Parties, p)
	}
	return r
}

// A rescue of the most persons, with all exclusions and languages there may be, is
// stored, planned and confirmed.
func TestTheLargestRescueFits(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	w.Add(t, testworld.Home("BIGWOMENHOME", testworld.District, code.ShaktiSadan, testworld.Unit("BIGWOMENHOME", "women-upper-floor-22", code.Women, code.AdultBands, 600, 0)))
	o, err := s.NewRescue(ctx, team, wordyRaid(), command("raid", 0))
	if err != nil {
		t.Fatal(err)
	}
	body := rescueBody(t, w, o.ID)
	if len(body) > record.MaxRescue/2 {
		t.Errorf("%d bytes of at most %d", len(body), record.MaxRescue)
	}
	read, err := record.ToRescue(&table.Item{Key: record.RescueKey(o.ID), Body: body})
	if err != nil {
		t.Fatal(err)
	}
	want, _ := json.Marshal(wordyRaid().Parties[499])
	if got, _ := json.Marshal(read.Parties[499]); string(got) != string(want) {
		t.Errorf("read back a party is\n%s, not\n%s", got, want)
	}
	if o, err = s.ConfirmRescue(ctx, team, o.ID, command("confirm", 0)); err != nil {
		t.Fatal(err)
	}
	if n := tally(o)["held"]; n != 500 {
		t.Errorf("held: %v", tally(o))
	}
}

// A rescue that does not fit is refused, and the answer says by what.
func TestARescueTooLargeToStoreIsRefused(t *testing.T) {
	w := testworld.Open(t)
	r := wordyRaid()
	for i := range r.Parties { // nothing in common
		r.Parties[i].StayDays = 1 + i
	}
	_, err := w.Service.NewRescue(context.Background(), team, r, command("raid", 0))
	if f, ok := fault.Of(err); !ok || f.Kind != fault.Invalid || f.Field != "parties" {
		t.Errorf("answered %v", err)
	}
}
