package httpapi_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"panah/internal/testworld"
)

func gone(a answer) (out []string) {
	list, _ := a.Body["gone"].([]any)
	for _, g := range list {
		g := g.(map[string]any)
		out = append(out, fmt.Sprint(g["id"], " ", g["version"], " ", g["gone"]))
	}
	return out
}

func listed(a answer, list string) (out []string) {
	l, _ := a.Body[list].([]any)
	for _, p := range l {
		p := p.(map[string]any)
		out = append(out, fmt.Sprint(p["id"], " ", p["version"], " ", p["state"]))
	}
	return out
}

// A team's phone and a shelter's learn of a placement from its request to its end,
// each what is theirs, and both forget it.
func TestADeviceIsBroughtUpToDateAndForgetsWhatIsOver(t *testing.T) {
	eachWay(t, func(t *testing.T, w *testworld.World, as func(string) client) {
		sync := func(who, cursor string) answer {
			w.Feed(t)
			return as(who).do("GET", "/v1/sync?since="+url.QueryEscape(cursor), "", nil).want(t, 200)
		}
		team, house := testworld.Team, testworld.StaffOf("HOMA")
		empty := sync(team, "")
		if empty.get("reset") != true || empty.get("more") != false || empty.str("cursor") == "" {
			t.Fatalf("empty %s", empty.Raw)
		}
		id := as(team).do("POST", "/v1/placements", "key-00000001", siblings).want(t, 201).str("id")
		one, at := sync(team, ""), sync(house, "")
		if got := listed(one, "placements"); len(got) != 1 || got[0] != id+" 1 held" {
			t.Errorf("team %s", one.Raw)
		}
		if got := listed(at, "arrivals"); len(got) != 1 || got[0] != id+" 1 held" || strings.Contains(at.Raw, "ageBand") {
			t.Errorf("shelter %s", at.Raw)
		}
		if quiet := sync(team, one.str("cursor")); quiet.get("reset") != false || len(listed(quiet, "placements")) != 0 {
			t.Errorf("nothing has changed: %s", quiet.Raw)
		}
		as(house).do("POST", "/v1/placements/"+id+"/decline", "key-00000002", map[string]any{"holdNo": 1, "reason": "staffing"}).want(t, 200)
		two, left := sync(team, one.str("cursor")), sync(house, at.str("cursor"))
		if got := listed(two, "placements"); len(got) != 1 || !strings.HasPrefix(got[0], id) {
			t.Errorf("team %s", two.Raw)
		}
		if got := gone(left); len(got) != 1 || got[0] != id+" 2 moved_on" || strings.Contains(left.Raw, "HOMB") {
			t.Errorf("shelter %s", left.Raw)
		}
		as(team).do("POST", "/v1/placements/"+id+"/cancel", "key-00000003", map[string]any{"version": 2, "reason": "own_wish"}).want(t, 200)
		three := sync(team, two.str("cursor"))
		if got := gone(three); len(got) != 1 || got[0] != id+" 3 cancelled" || len(listed(three, "placements")) != 0 {
			t.Errorf("team %s", three.Raw)
		}
		as(team).do("POST", "/v1/placements/"+id+"/undo", "key-00000004", map[string]any{"version": 3}).want(t, 200)
		if back := sync(team, three.str("cursor")); len(listed(back, "placements")) != 1 || len(gone(back)) != 0 {
			t.Errorf("an undo brings it back: %s", back.Raw)
		}
		if late := sync(team, one.str("cursor")); len(listed(late, "placements")) != 1 || len(gone(late)) != 0 {
			t.Errorf("a device that was away sees what it is now: %s", late.Raw)
		}
		for i := range 7 {
			as(team).do("POST", "/v1/placements", fmt.Sprintf("key-more-%03d", i), strings.Replace(siblings, `"best"`, `"none"`, 1)).want(t, 201)
			w.Feed(t)
		}
		seen := map[string]bool{}
		for page, cursor := 0, ""; ; page++ {
			a := as(team).do("GET", "/v1/sync?limit=2&since="+cursor, "", nil).want(t, 200)
			for _, p := range listed(a, "placements") {
				seen[strings.Fields(p)[0]] = true
			}
			if (a.get("reset") == true) != (page == 0) || page > 20 {
				t.Fatalf("page %d %s", page, a.Raw)
			}
			if cursor = a.str("cursor"); a.get("more") == false {
				break
			}
		}
		if len(seen) != 8 {
			t.Errorf("%d of 8", len(seen))
		}
		as(team).do("GET", "/v1/sync?since=nonsense", "", nil).want(t, 422)
		as(testworld.Desk).do("GET", "/v1/sync", "", nil).want(t, 403)
		as(testworld.Nobody).do("GET", "/v1/sync", "", nil).want(t, 403)
		as("").do("GET", "/v1/sync", "", nil).want(t, 401)
	})
}

// Somebody who was a member is told to erase at the very next sync, though other
// requests still believe the membership for a minute.
func TestARevokedMembersNextSyncErasesTheDevice(t *testing.T) {
	eachWay(t, func(t *testing.T, w *testworld.World, as func(string) client) {
		as(testworld.Team).do("POST", "/v1/placements", "key-00000001", siblings).want(t, 201)
		w.Feed(t)
		cursor := as(testworld.Team).do("GET", "/v1/sync", "", nil).want(t, 200).str("cursor")
		as(testworld.Ministry).do("PUT", "/v1/memberships/"+testworld.Team, "", member("rescue", "team-a"), "If-Match", "1").want(t, 404) // kept nowhere
		who := "subject-team-a-2"
		as(testworld.Ministry).do("PUT", "/v1/memberships/"+who, "", member("rescue", "team-a"), "If-Match", "0").want(t, 201)
		mine := as(who).do("GET", "/v1/sync", "", nil).want(t, 200).str("cursor")
		as(testworld.Ministry).do("POST", "/v1/memberships/"+who+"/revoke", "key-revoke-01", map[string]any{"version": 1}).want(t, 200)
		for _, since := range []string{"", mine} {
			a := as(who).do("GET", "/v1/sync?since="+since, "", nil).want(t, 401)
			if a.get("wipe") != true || a.str("type") != "urn:panah:problem:wipe" || a.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("revoked: %v %s", a.Header, a.Raw)
			}
		}
		as(who).do("GET", "/v1/placements", "", nil).want(t, 403)
		w.Pass(time.Minute)
		if a := as(who).do("GET", "/v1/placements", "", nil).want(t, 403); strings.Contains(a.Raw, "wipe") {
			t.Errorf("%s", a.Raw)
		}
		// Whoever becomes something that keeps nothing on a device erases it, too.
		as(testworld.Ministry).do("PUT", "/v1/memberships/"+who, "", member("desk", "IN-LGD-315"), "If-Match", "2").want(t, 200)
		as(who).do("GET", "/v1/sync?since="+mine, "", nil).want(t, 401)
		as(who).do("GET", "/v1/sync", "", nil).want(t, 403)
		// And whoever goes to another team begins anew, with that team's only.
		as(testworld.Ministry).do("PUT", "/v1/memberships/"+who, "", member("rescue", "team-b"), "If-Match", "3").want(t, 200)
		moved := as(who).do("GET", "/v1/sync?since="+mine, "", nil).want(t, 200)
		if moved.get("reset") != true || len(listed(moved, "placements")) != 0 {
			t.Errorf("moved %s", moved.Raw)
		}
		as(testworld.Team).do("GET", "/v1/sync?since="+cursor, "", nil).want(t, 200)
	})
}
