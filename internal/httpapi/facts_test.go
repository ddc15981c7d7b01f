package httpapi_test

import (
	"strings"
	"testing"

	"panah/internal/testworld"
)

// What a shelter tells of people is refused by the name the body has for it, and
// nobody is moved by what names nobody.
func TestFactsThatCannotBeAreRefusedByTheirOwnNames(t *testing.T) {
	eachWay(t, func(t *testing.T, w *testworld.World, as func(string) client) {
		staff := as(testworld.StaffOf("GRLS"))
		girl := map[string]any{"ageBand": "12-14", "ageStatus": "stated", "placeWith": "girls", "languages": []string{"bn"}}
		admit := func(change map[string]any) map[string]any {
			body := map[string]any{"unit": "girls", "persons": []any{girl}, "consent": map[string]any{"basis": "child_protection", "view": "agrees", "heardIn": "bn", "heardVia": "directly"}}
			for field, v := range change {
				body[field] = v
			}
			return body
		}
		names := func(a answer, field string) {
			t.Helper()
			if a.want(t, 422); !strings.Contains(a.Raw, `"`+field+`"`) || strings.Contains(a.Raw, "rescuedAt") || strings.Contains(a.Raw, "party.") {
				t.Errorf("%s is not named: %s", field, a.Raw)
			}
		}
		names(staff.do("POST", "/v1/shelters/GRLS/admissions", "key-00000001", admit(map[string]any{"occurredAt": "2026-11-24T20:10:00Z"})), "occurredAt")
		names(staff.do("POST", "/v1/shelters/GRLS/admissions", "key-00000002", admit(map[string]any{"persons": []any{}})), "persons")

		in := staff.do("POST", "/v1/shelters/GRLS/admissions", "key-00000003", admit(nil)).want(t, 200)
		end := "/v1/placements/" + in.str("id") + "/end"
		there := w.Unit(t, "GRLS", "girls").Counts().Occupied()
		names(staff.do("POST", end, "key-00000004", map[string]any{"reason": "home", "persons": []int{}}), "persons")
		if got := w.Unit(t, "GRLS", "girls").Counts().Occupied(); got != there {
			t.Fatalf("%d have left without being named", there-got)
		}
		staff.do("POST", end, "key-00000005", map[string]any{"reason": "home"}).want(t, 200)
	})
}

// The authority's number is not exceeded without a word, nor are there girls of age.
func TestBedsThatCannotBeAreRefusedByTheirOwnNames(t *testing.T) {
	eachWay(t, func(t *testing.T, w *testworld.World, as func(string) client) {
		allowed := w.Unit(t, "GRLS", "girls").Sanctioned
		count := map[string]any{"countedAt": "2026-11-24T19:50:00Z", "present": 3, "staffed": allowed + 1, "outOfService": 0}
		if a := as(testworld.StaffOf("GRLS")).do("PUT", "/v1/shelters/GRLS/units/girls", "", count, "If-Match", `"1"`).want(t, 422); !strings.Contains(a.Raw, `"staffed"`) {
			t.Errorf("staffed is not named: %s", a.Raw)
		}
		count["staffed"] = allowed
		as(testworld.StaffOf("GRLS")).do("PUT", "/v1/shelters/GRLS/units/girls", "", count, "If-Match", `"1"`).want(t, 200)
		for _, c := range []struct {
			population string
			ages       []string
			status     int
		}{
			{"girls", []string{"25-59"}, 422}, {"boys", []string{"15-17", "18-24"}, 422}, {"women", []string{"12-14"}, 422}, {"men", []string{"0-5", "15-17"}, 422},
			{"girls", []string{"0-5", "15-17"}, 201}, {"women", []string{"0-5", "25-59"}, 201}, {"transgender_unit", []string{"15-17", "18-24"}, 201},
		} {
			body := map[string]any{"population": c.population, "ages": c.ages, "beds": 4, "endsAt": "2026-11-26T20:00:00Z"}
			a := as(testworld.Desk).do("POST", "/v1/shelters/GRLS/surge", "key-surge-"+c.population+c.ages[0], body).want(t, c.status)
			if c.status == 422 && !strings.Contains(a.Raw, `"ages"`) {
				t.Errorf("%s of %v: %s", c.population, c.ages, a.Raw)
			}
		}
	})
}

// A key is one command's: with another body it is refused, with the same it is the
// same success, and says so.
func TestAShelterUsesAKeyOnce(t *testing.T) {
	eachWay(t, func(t *testing.T, w *testworld.World, as func(string) client) {
		staff, team := as(testworld.StaffOf("GRLS")), as(testworld.Team)
		count := map[string]any{"countedAt": "2026-11-24T19:50:00Z", "present": 3, "staffed": 20, "outOfService": 0}
		staff.do("PUT", "/v1/shelters/GRLS/units/girls", "", count, "If-Match", `"1"`).want(t, 200)
		undo := "/v1/shelters/GRLS/units/girls/undo"
		staff.do("POST", undo, "key-undo-0001", map[string]any{"version": 2}).want(t, 200)
		staff.do("POST", undo, "key-undo-0001", map[string]any{"version": 2}).want(t, 200)
		staff.do("POST", undo, "key-undo-0001", map[string]any{"version": 3}).want(t, 422)

		girl := strings.Replace(strings.Replace(siblings, `,
  {"ageBand":"6-11","ageStatus":"stated","placeWith":"boys","languages":["bn"]}`, "", 1), `"hold":"best"`, `"hold":"none"`, 1)
		var ids []string
		for _, key := range []string{"key-00000001", "key-00000002"} {
			id := team.do("POST", "/v1/placements", key, girl).want(t, 201).str("id")
			team.do("POST", "/v1/placements/"+id+"/hold", key+"h", map[string]any{"version": 1, "option": "o-GRLS"}).want(t, 200)
			ids = append(ids, id)
		}
		there := w.Unit(t, "GRLS", "girls").Counts().Occupied()
		came := staff.do("POST", "/v1/shelters/GRLS/receive", "key-came-0001", map[string]any{"placements": ids[:1]}).want(t, 200)
		again := staff.do("POST", "/v1/shelters/GRLS/receive", "key-came-0001", map[string]any{"placements": ids[:1]}).want(t, 200)
		if came.Header.Get("Idempotency-Replayed") != "" || again.Header.Get("Idempotency-Replayed") != "true" || again.Raw != came.Raw {
			t.Errorf("%v %s, sent again %v %s", came.Header, came.Raw, again.Header, again.Raw)
		}
		staff.do("POST", "/v1/shelters/GRLS/receive", "key-came-0001", map[string]any{"placements": ids}).want(t, 422)
		if got := w.Unit(t, "GRLS", "girls").Counts().Occupied(); got != there+1 {
			t.Errorf("%d have come, 1 was received", got-there)
		}
	})
}
