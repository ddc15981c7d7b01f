package referral_test

import (
	"context"
	"strings"
	"testing"

	"panah/internal/code"
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
