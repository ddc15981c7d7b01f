package httpapi_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"panah/internal/testworld"
)

func TestTheSideRoadsThroughTheAPI(t *testing.T) {
	eachWay(t, func(t *testing.T, w *testworld.World, as func(string) client) {
		team, desk := as(testworld.Team), as(testworld.Desk)
		p := team.do("POST", "/v1/placements", "key-00000001", siblings).want(t, 201)
		base := "/v1/placements/" + p.str("id")
		clocks, _ := p.Body["clocks"].([]any)
		if len(clocks) != 1 || clocks[0].(map[string]any)["id"] != "in.jj.31" || clocks[0].(map[string]any)["dueAt"] != "2026-11-25T20:10:00Z" {
			t.Fatalf("clocks %v", clocks)
		}
		w.Pass(time.Minute)
		team.do("POST", base+"/extend", "key-00000002", map[string]any{"version": 1}).want(t, 200)
		team.do("POST", base+"/refuse", "key-00000003", map[string]any{"version": 2, "reason": "because"}).want(t, 422)
		no := team.do("POST", base+"/refuse", "key-00000004", map[string]any{"version": 2, "reason": "rules"}).want(t, 200)
		if no.str("state") != "requested" {
			t.Fatalf("refused %s", no.Raw)
		}
		held := team.do("POST", base+"/hold", "key-00000005", map[string]any{"version": 3}).want(t, 200)
		if held.str("hold", "shelter") != "HOMB" {
			t.Fatalf("held %s", held.Raw)
		}
		staff := as(testworld.StaffOf("HOMB"))
		staff.do("POST", base+"/accept", "key-00000006", map[string]any{"holdNo": 2}).want(t, 200)
		away := staff.do("POST", base+"/turn-away", "key-00000007", map[string]any{"holdNo": 2, "reason": "staffing"}).want(t, 200)
		if strings.Contains(away.Raw, "HOM") {
			t.Fatalf("a shelter learns more than it may: %s", away.Raw)
		}
		as(testworld.StaffOf("GRLS")).do("POST", base+"/turn-away", "key-00000008", map[string]any{"holdNo": 2, "reason": "staffing"}).want(t, 404)
		list := desk.do("GET", "/v1/alerts", "", nil).want(t, 200)
		first := list.Body["alerts"].([]any)[0].(map[string]any)
		if first["kind"] != "turned_away" || first["placement"] != p.str("id") {
			t.Fatalf("alerts %s", list.Raw)
		}
		ack := "/v1/alerts/" + url.PathEscape(first["id"].(string)) + "/acknowledge"
		as(testworld.Team).do("POST", ack, "key-00000009", "{}").want(t, 403)
		desk.do("POST", ack, "key-00000009", nil).want(t, 200)
		if left := desk.do("GET", "/v1/alerts", "", nil).want(t, 200); len(left.Body["alerts"].([]any)) != 0 {
			t.Fatalf("left %s", left.Raw)
		}
		now := desk.do("GET", base, "", nil).want(t, 200)
		if strings.Join(now.next(), " ") != "supersede decisions" || now.str("doorCode") != "" {
			t.Fatalf("the desk sees %s", now.Raw)
		}
		desk.do("POST", base+"/decisions", "key-00000010", map[string]any{"decision": "produced", "occurredAt": "2026-11-24T19:50:00Z"}).want(t, 200)
		desk.do("POST", base+"/decisions", "key-00000020", map[string]any{"decision": "interim_order"}).want(t, 200)
		ruled := desk.do("GET", base, "", nil).want(t, 200)
		stopped, _ := ruled.Body["clocks"].([]any)[0].(map[string]any)
		if stopped["decision"] != "produced" || stopped["stoppedAt"] != "2026-11-24T19:50:00Z" || stopped["stopped"] != true {
			t.Errorf("which decision stopped the clock, and when: %v", stopped)
		}
		team.do("POST", base+"/supersede", "key-00000011", map[string]any{"version": 7}).want(t, 403)
		gone := desk.do("POST", base+"/supersede", "key-00000012", map[string]any{"version": ruled.Body["version"]}).want(t, 200)
		if gone.str("state") != "superseded" {
			t.Fatalf("superseded %s", gone.Raw)
		}
		grls := as(testworld.StaffOf("GRLS"))
		walkIn := map[string]any{"unit": "girls", "persons": []any{map[string]any{"ageBand": "12-14", "ageStatus": "stated", "placeWith": "girls"}},
			"consent": map[string]any{"basis": "child_protection", "view": "agrees", "heardIn": "bn", "heardVia": "directly"}}
		in := grls.do("POST", "/v1/shelters/GRLS/admissions", "key-00000013", walkIn).want(t, 200)
		again := grls.do("POST", "/v1/shelters/GRLS/admissions", "key-00000013", walkIn).want(t, 200)
		if in.str("id") != again.str("id") || again.Header.Get("Idempotency-Replayed") != "true" || w.Unit(t, "GRLS", "girls").Counts().Occupied() != 11 {
			t.Fatalf("walk-in %s, again %s", in.Raw, again.Raw)
		}
		w.Pass(time.Hour)
		grls.do("POST", "/v1/shelters/GRLS/confirm-counts", "key-00000014", "{}").want(t, 200)
		desk.do("POST", "/v1/shelters/GRLS/confirm-counts", "key-00000015", "{}").want(t, 403)
	})
}
