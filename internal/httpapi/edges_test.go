package httpapi_test

import (
	"fmt"
	"strings"
	"testing"

	"panah/internal/testworld"
)

// A move that is refused says what could be done instead, also where a shelter is full or
// does not fit, and where nothing could.
func TestARefusedMoveSaysWhatCouldBeDoneInstead(t *testing.T) {
	eachWay(t, func(t *testing.T, _ *testworld.World, as func(string) client) {
		team := as(testworld.Team)
		p := team.do("POST", "/v1/placements", "key-00000001", siblings).want(t, 201)
		base := "/v1/placements/" + p.str("id")
		for i, option := range []string{"o-FULL", "o-WOMN", "o-NONE"} {
			no := team.do("POST", base+"/hold", fmt.Sprintf("key-1000000%d", i), map[string]any{"version": 1, "option": option}).want(t, 409)
			if fmt.Sprint(no.get("allowed")) != fmt.Sprint(anys(p.next())) {
				t.Errorf("%s: %v allowed, %v listed", option, no.get("allowed"), p.next())
			}
		}
		over := team.do("POST", base+"/end", "key-00000002", map[string]any{"reason": "died"}).want(t, 200)
		no := as(testworld.Desk).do("POST", base+"/supersede", "key-00000003", map[string]any{"version": over.get("version")}).want(t, 409)
		if allowed, ok := no.Body["allowed"].([]any); !ok || fmt.Sprint(allowed) == "[]" {
			t.Errorf("the desk: %s", no.Raw)
		}
		no = as(testworld.StaffOf("HOMA")).do("POST", base+"/accept", "key-00000004", map[string]any{"version": over.get("version")}).want(t, 409)
		if allowed, ok := no.Body["allowed"].([]any); !ok || len(allowed) > 0 {
			t.Errorf("the shelter, of somebody who has died: %s", no.Raw)
		}
	})
}

// When the rescue was is what the clocks of law run from: it is within reason, and no
// button was pressed before it.
func TestAnInstantThatCannotBeIsRefusedByName(t *testing.T) {
	for name, c := range map[string]struct{ old, new, field string }{
		"a rescue at no time":         {`"rescuedAt":"2026-11-24T19:40:00Z"`, `"rescuedAt":"0001-01-01T00:00:00Z"`, "rescuedAt"},
		"a rescue in the year 1":      {`"rescuedAt":"2026-11-24T19:40:00Z"`, `"rescuedAt":"0001-06-01T00:00:00Z"`, "rescuedAt"},
		"a rescue of the Middle Ages": {`"rescuedAt":"2026-11-24T19:40:00Z"`, `"rescuedAt":"1066-10-14T09:00:00Z"`, "rescuedAt"},
		"a rescue in the year 0":      {`"rescuedAt":"2026-11-24T19:40:00Z"`, `"rescuedAt":"0000-01-01T00:00:00Z"`, "rescuedAt"},
		"a rescue over 20 years ago":  {`"rescuedAt":"2026-11-24T19:40:00Z"`, `"rescuedAt":"2006-11-24T00:00:00Z"`, "rescuedAt"},
		"pressed before the rescue":   {`"urgency"`, `"occurredAt":"2026-11-24T19:00:00Z","urgency"`, "occurredAt"},
	} {
		t.Run(name, func(t *testing.T) {
			w := testworld.Open(t)
			team := client{t, direct(allRoutes(w)), testworld.Team}
			body := strings.Replace(siblings, c.old, c.new, 1)
			if body == siblings {
				t.Fatal("the request is as it was")
			}
			no := team.do("POST", "/v1/placements", "key-00000001", body).want(t, 422)
			fields, _ := no.Body["fields"].([]any)
			if len(fields) != 1 || fields[0].(map[string]any)["field"] != c.field {
				t.Errorf("%s", no.Raw)
			}
		})
	}
	w := testworld.Open(t)
	team := client{t, direct(allRoutes(w)), testworld.Team}
	long := strings.Replace(siblings, `"rescuedAt":"2026-11-24T19:40:00Z"`, `"rescuedAt":"2007-01-01T00:00:00Z"`, 1)
	team.do("POST", "/v1/placements", "key-00000002", long).want(t, 201)
}

// Of the answers to two commands that each made a code, each keeps its own number.
func TestARepeatedCommandForACodeAnswersItsOwnNumber(t *testing.T) {
	eachWay(t, func(t *testing.T, _ *testworld.World, as func(string) client) {
		desk := as(testworld.Desk)
		p := as(testworld.Team).do("POST", "/v1/placements", "key-00000001", siblings).want(t, 201)
		path := "/v1/placements/" + p.str("id") + "/stay-code"
		for n := range 3 {
			made := desk.do("POST", path, fmt.Sprintf("key-1000000%d", n), map[string]any{"replaces": n}).want(t, 201)
			if made.get("number") != float64(n+1) || made.str("code") == "" {
				t.Fatal(made.Raw)
			}
		}
		for n := range 3 {
			again := desk.do("POST", path, fmt.Sprintf("key-1000000%d", n), map[string]any{"replaces": n}).want(t, 200)
			if again.get("number") != float64(n+1) || (again.get("code") != nil) != (n == 2) {
				t.Errorf("code %d: %s", n+1, again.Raw)
			}
		}
	})
}

// A press that reaches us hours late takes no bed: whoever pressed has gone on since.
func TestAMovePressedHoursAgoTakesNoBed(t *testing.T) {
	eachWay(t, func(t *testing.T, _ *testworld.World, as func(string) client) {
		team := as(testworld.Team)
		p := team.do("POST", "/v1/placements", "key-00000001", strings.Replace(strings.Replace(siblings, `"best"`, `"none"`, 1), "2026-11-24T19:40", "2026-11-24T09:40", 1)).want(t, 201)
		base := "/v1/placements/" + p.str("id")
		late := team.do("POST", base+"/hold", "key-00000002", map[string]any{"version": 1, "occurredAt": "2026-11-24T13:00:00Z"}).want(t, 200)
		if late.str("state") != "requested" || late.get("late") != true || late.get("hold") != nil || len(late.Body["options"].([]any)) == 0 {
			t.Fatalf("seven hours ago: %s", late.Raw)
		}
		if again := team.do("POST", base+"/hold", "key-00000002", map[string]any{"version": 1, "occurredAt": "2026-11-24T13:00:00Z"}).want(t, 200); again.get("hold") != nil || again.Header.Get("Idempotency-Replayed") != "true" {
			t.Fatalf("sent again: %s", again.Raw)
		}
		choice := map[string]any{"version": 1, "option": "o-HOMA", "houseRulesShown": true, "chosenBy": "guardian", "childView": "agrees", "occurredAt": "2026-11-24T13:00:00Z"}
		if late := team.do("POST", base+"/choose", "key-00000003", choice).want(t, 200); late.get("hold") != nil || late.get("choice") != nil {
			t.Fatalf("chosen seven hours ago: %s", late.Raw)
		}
		held := team.do("POST", base+"/hold", "key-00000004", map[string]any{"version": 1, "occurredAt": "2026-11-24T14:00:00Z"}).want(t, 200)
		if held.str("state") != "held" || held.get("late") != nil {
			t.Fatalf("six hours ago: %s", held.Raw)
		}
		swap := team.do("POST", base+"/hold", "key-00000005", map[string]any{"version": held.get("version"), "option": "o-HOMB", "occurredAt": "2026-11-24T13:00:00Z"}).want(t, 200)
		if swap.str("hold", "shelter") != held.str("hold", "shelter") {
			t.Fatalf("swapped by an old press: %s", swap.Raw)
		}
		choice["version"], choice["option"] = swap.get("version"), "o-"+held.str("hold", "shelter")
		if chosen := team.do("POST", base+"/choose", "key-00000006", choice).want(t, 200); chosen.get("choice") == nil {
			t.Fatalf("what is held already is chosen: %s", chosen.Raw)
		}
	})
}
