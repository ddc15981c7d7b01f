package httpapi_test

import (
	"strings"
	"testing"
	"time"

	"panah/internal/testworld"
)

// encoding/json takes Name for name; the API does not: a field in other letters
// would go past every check of the document.
func TestFieldNamesAreTakenToTheLetter(t *testing.T) {
	eachWay(t, func(t *testing.T, _ *testworld.World, as func(string) client) {
		team := as(testworld.Team)
		for i, extra := range []string{`"Place":{"district":"IN-LGD-315","name":"Zebunnisa"}`, `"Urgency":"Zebunnisa"`, `"Consent":{"basis":"Zebunnisa"}`,
			`"MaxJourneyMinutes":99999999`, `"PARTY":{"together":"required","persons":[{"name":"Zebunnisa"}]}`} {
			body := strings.TrimSuffix(strings.TrimSpace(siblings), "}") + "," + extra + "}"
			a := team.do("POST", "/v1/placements", "key-letter-0"+string(rune('a'+i)), body)
			if a.Status != 422 && a.Status != 400 {
				t.Errorf("%s was taken: %d", extra, a.Status)
			}
			if strings.Contains(a.Raw, "Zebunnisa") {
				t.Errorf("the answer says what was sent: %s", a.Raw)
			}
		}
	})
}

// A warning of the clock changes nothing for a team: what it saw before is still
// good. Any other change is not.
func TestAWarningOfTheClockMakesNothingStale(t *testing.T) {
	eachWay(t, func(t *testing.T, w *testworld.World, as func(string) client) {
		team := as(testworld.Team)
		p := team.do("POST", "/v1/placements", "key-00000001", strings.Replace(siblings, `"best"`, `"none"`, 1)).want(t, 201)
		w.Pass(13 * time.Hour)
		if n, err := w.Service.Lapse(t.Context()); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		base := "/v1/placements/" + p.str("id")
		if now := team.do("GET", base, "", nil).want(t, 200); now.get("version") == 1.0 {
			t.Fatal("the clock noted nothing")
		}
		team.do("POST", base+"/hold", "key-00000002", map[string]any{"version": 1}).want(t, 200)
		team.do("POST", base+"/release", "key-00000003", map[string]any{"version": 1}).want(t, 409)
	})
}
