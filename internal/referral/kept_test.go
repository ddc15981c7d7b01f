package referral_test

import (
	"context"
	"testing"

	"panah/internal/code"
	"panah/internal/placement"
	"panah/internal/referral"
	"panah/internal/shelter"
	"panah/internal/testworld"
)

// Two people live with one step-free place of two beds; one of them needs it.
func TestAPlaceIsTakenUntilItsPeopleLeaveThoughConsentWasWithdrawn(t *testing.T) {
	for name, leave := range map[string][][]int{
		"all at once":               {nil},
		"who needs it goes first":   {{0}, {1}},
		"who needs none goes first": {{1}, {0}},
	} {
		t.Run(name, func(t *testing.T) {
			w := testworld.Open(t)
			ctx, s := context.Background(), w.Service
			home := testworld.Home("LIMI", testworld.District, code.ShaktiSadan, testworld.Unit("LIMI", "women", code.Women, code.Of(code.Age25To59), 60, 5))
			home.OnSite = code.Of(code.NeedStepFree, code.NeedMedical)
			home.Units[0].StepFree = shelter.LimitOf(1)
			w.Add(t, home)
			woman := placement.Person{Age: code.Age25To59, PlaceWith: code.Women}
			needs := woman
			needs.Needs = code.Of(code.NeedStepFree)
			o, err := s.Request(ctx, team, placement.Request{RescuedAt: testworld.Start, Place: testworld.District, Limit: 5, Persons: []placement.Person{needs, woman}}, command("ask", 0))
			if err != nil {
				t.Fatal(err)
			}
			if o, err = s.Hold(ctx, team, o.ID, "LIMI", command("hold", o.Version)); err != nil {
				t.Fatal(err)
			}
			made, err := s.GiveStayCode(ctx, team, o.ID, 0, command("code", 0))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Receive(ctx, staff("LIMI"), o.ID, command("receive", 0)); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Speak(ctx, referral.Saying{Code: string(made.Code), Ask: code.AskWithdraw}, command("withdraw", 0)); err != nil {
				t.Fatal(err)
			}
			used := func(when string, want int) {
				t.Helper()
				if u := w.Unit(t, "LIMI", "women"); u.UsedPlaces().StepFree != want {
					t.Errorf("%s: %d step-free places are used, want %d", when, u.UsedPlaces().StepFree, want)
				}
				clean(t, w, when)
			}
			used("consent withdrawn", 1)
			for i, who := range leave {
				if i == 1 {
					used("one has left", 1)
				}
				if _, err := s.End(ctx, staff("LIMI"), o.ID, who, code.EndOwnWish, command("end"+string(rune('a'+i)), 0)); err != nil {
					t.Fatal(err)
				}
			}
			used("everybody has left", 0)
			if got := at(t, w, o.ID); got.Request.Persons[0].Needs != 0 {
				t.Error("the need is still told")
			}
		})
	}
}
