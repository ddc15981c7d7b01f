package httpapi_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	dynamolocal "panah/internal/dynamo/local"
	"panah/internal/testworld"
)

// What is sent never comes back: each case names the field and hides the value.
func TestBadInputNamesTheFieldAndNeverTheValue(t *testing.T) {
	eachWay(t, func(t *testing.T, _ *testworld.World, as func(string) client) {
		team := as(testworld.Team)
		for i, c := range []struct{ old, new, field, secret string }{
			{`"urgency":"now"`, `"urgency":"now","victimName":"Rani Secret"`, "victimName", "Rani"},
			{`"escort":`, `"phone":"+919876543210","escort":`, "phone", "98765"},
			{`"ageBand":"6-11"`, `"birthDate":"2011-02-03","ageBand":"6-11"`, "party.persons[1].birthDate", "2011"},
			{`"ageBand":"6-11"`, `"ageBand":"nine and a half"`, "party.persons[1].ageBand", "nine"},
			{`"rescuedAt":"2026-11-24T19:40:00Z"`, `"rescuedAt":"last Tuesday"`, "rescuedAt", "Tuesday"},
			{`"languages":["bn"],"needs"`, `"languages":["Bangla please"],"needs"`, "party.persons[0].languages[0]", "please"},
			{`"district":"IN-LGD-315"`, `"district":"12 Secret Street"`, "place.district", "Street"},
			{`"districts":["IN-LGD-319"]`, `"districts":["his village"]`, "exclusions.districts[0]", "village"},
			{`"limit":3`, `"limit":99`, "limit", "99"},
			{`"rescuedAt":"2026-11-24T19:40:00Z"`, `"rescuedAt":"2027-11-24T19:40:00Z"`, "rescuedAt", "2027"},
			{`"urgency":"now"`, `"urgency":"now","+91 98765 43210":1`, "(unknown)", "98765"},
			{`"urgency":"now",`, ``, "urgency", "never sent"},
			{`"ageStatus":"stated","placeWith":"boys"`, `"placeWith":"boys"`, "party.persons[1].ageStatus", "never sent"},
			{`"shelters":[]`, `"shelters":["Rani Devi +91 98300 12345"]`, "exclusions.shelters[0]", "98300"},
			{`"limit":3`, `"limit":"three"`, "limit", "three"},
			{`"persons":[`, `"persons":[[],`, "party.persons[0]", "[]"},
		} {
			body := strings.Replace(siblings, c.old, c.new, 1)
			a := team.do("POST", "/v1/placements", fmt.Sprintf("key-bad-%04d", i), body)
			if a.Status != 400 && a.Status != 422 {
				t.Errorf("%s: status %d %s", c.new, a.Status, a.Raw)
			}
			if !strings.Contains(a.Raw, `"field":"`+c.field+`"`) {
				t.Errorf("%s: does not name %s: %s", c.new, c.field, a.Raw)
			}
			if strings.Contains(a.Raw, c.secret) && c.secret != "[]" {
				t.Errorf("%s: repeats what was sent: %s", c.new, a.Raw)
			}
			if ct := a.Header.Get("Content-Type"); ct != "application/problem+json" {
				t.Errorf("%s: content type %s", c.new, ct)
			}
		}
		for name, body := range map[string]string{"not JSON": "{secret", "empty": "", "an array": "[]", "null": "null", "too large": `{"x":"` + strings.Repeat("s", 70_000) + `"}`} {
			a := team.do("POST", "/v1/placements", "key-bad-json", body)
			if a.Status < 400 || a.Status > 422 || strings.Contains(a.Raw, "secret") || a.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s: %d %s", name, a.Status, a.Raw)
			}
		}
	})
}

func TestWhoMayNot(t *testing.T) {
	eachWay(t, func(t *testing.T, _ *testworld.World, as func(string) client) {
		p := as(testworld.Team).do("POST", "/v1/placements", "key-00000001", siblings).want(t, 201)
		mine := "/v1/placements/" + p.str("id")
		missing := "/v1/placements/p_AAAAAAAAAAAAAAAAAAAAAAAAAA"
		as("").do("GET", mine, "", nil).want(t, 401)
		as(testworld.Nobody).do("GET", mine, "", nil).want(t, 403)
		as(testworld.Ministry).do("GET", mine, "", nil).want(t, 403)
		as(testworld.StaffOf("HOMA")).do("GET", mine, "", nil).want(t, 403)
		as(testworld.Desk).do("GET", mine, "", nil).want(t, 200)
		for _, path := range []string{"", "/options"} {
			foreign := as(testworld.OtherTeam).do("GET", mine+path, "", nil).want(t, 404)
			absent := as(testworld.OtherTeam).do("GET", missing+path, "", nil).want(t, 404)
			if foreign.Raw != absent.Raw {
				t.Errorf("a foreign id answers %s, a missing one %s", foreign.Raw, absent.Raw)
			}
		}
		for _, move := range []string{"hold", "release", "choose", "depart", "cancel"} {
			body := map[string]any{"version": 1}
			switch move {
			case "choose":
				body["option"], body["chosenBy"], body["houseRulesShown"] = "o-HOMA", "guardian", true
			case "depart":
				body["socialWorker"] = true
			case "cancel":
				body["reason"] = "own_wish"
			}
			foreign := as(testworld.OtherTeam).do("POST", mine+"/"+move, "key-foreign-1", body).want(t, 404)
			absent := as(testworld.OtherTeam).do("POST", missing+"/"+move, "key-foreign-1", body).want(t, 404)
			if foreign.Raw != absent.Raw {
				t.Errorf("%s: a foreign id answers %s, a missing one %s", move, foreign.Raw, absent.Raw)
			}
		}
		for move, body := range map[string]map[string]any{"accept": {"version": 1}, "decline": {"version": 1, "reason": "full"}, "receive": {}, "end": {"reason": "home"}} {
			foreign := as(testworld.StaffOf("GRLS")).do("POST", mine+"/"+move, "key-foreign-2", body).want(t, 404)
			absent := as(testworld.StaffOf("GRLS")).do("POST", missing+"/"+move, "key-foreign-2", body).want(t, 404)
			if foreign.Raw != absent.Raw {
				t.Errorf("%s: a foreign id answers %s, a missing one %s", move, foreign.Raw, absent.Raw)
			}
		}
		as(testworld.StaffOf("GRLS")).do("GET", "/v1/shelters/HOMA", "", nil).want(t, 404)
		as(testworld.StaffOf("GRLS")).do("GET", "/v1/shelters/NONE", "", nil).want(t, 404)
		as(testworld.Team).do("GET", "/v1/shelters/HOMA", "", nil).want(t, 403)
		as(testworld.Desk).do("GET", "/v1/shelters/HOMA", "", nil).want(t, 200)
		as(testworld.Team).do("GET", "/v1/occupancy", "", nil).want(t, 403)
		as(testworld.Desk).do("GET", "/v1/occupancy?by=district&within=IN-LGD-525", "", nil).want(t, 404)
		as(testworld.Desk).do("GET", "/v1/occupancy?within=IN-LGD-999999", "", nil).want(t, 404)
		as(testworld.Team).do("GET", "/v1/nowhere", "", nil).want(t, 404)
		as(testworld.Team).do("DELETE", "/v1/placements", "", nil).want(t, 405)
	})
}

func TestACensusIsTakenOverCapacityAndNeverSilentlyOverwritesANewerOne(t *testing.T) {
	eachWay(t, func(t *testing.T, w *testworld.World, as func(string) client) {
		staff := as(testworld.StaffOf("GRLS"))
		unit := "/v1/shelters/GRLS/units/girls"
		count := func(at string, present int) map[string]any {
			return map[string]any{"countedAt": at, "present": present, "staffed": 40, "outOfService": 0}
		}
		staff.do("PUT", unit, "", count("2026-11-24T19:50:00Z", 38)).want(t, 428)
		staff.do("PUT", unit, "", count("2026-11-24T19:50:00Z", 38), "If-Match", `"x"`).want(t, 400)
		first := staff.do("PUT", unit, "", count("2026-11-24T19:50:00Z", 38), "If-Match", `"1"`).want(t, 200)
		if first.Header.Get("ETag") != `"2"` || first.get("free") != 2.0 {
			t.Fatalf("first %s", first.Raw)
		}
		staff.do("PUT", unit, "", count("2026-11-24T19:50:00Z", 38), "If-Match", `"1"`).want(t, 200) // its answer was lost: the same success
		stale := staff.do("PUT", unit, "", count("2026-11-24T19:55:00Z", 12), "If-Match", `"1"`).want(t, 412)
		if stale.get("current", "Present") == nil && stale.get("current", "present") == nil {
			t.Fatalf("a refused census shows both: %s", stale.Raw)
		}
		over := staff.do("PUT", unit, "", count("2026-11-24T19:58:00Z", 41), "If-Match", `"2"`).want(t, 200)
		if over.get("free") != -1.0 || over.get("overCapacity") != 1.0 || over.get("available") != 0.0 {
			t.Fatalf("over capacity %s", over.Raw)
		}
		w.Feed(t)
		w.Pass(2 * time.Second)
		one := strings.Replace(siblings, `,
  {"ageBand":"6-11","ageStatus":"stated","placeWith":"boys","languages":["bn"]}`, "", 1)
		p := as(testworld.Team).do("POST", "/v1/placements", "key-00000001", strings.Replace(one, `"best"`, `"none"`, 1)).want(t, 201)
		refused := as(testworld.Team).do("POST", "/v1/placements/"+p.str("id")+"/hold", "key-00000002", map[string]any{"version": 1, "option": "o-GRLS"}).want(t, 409)
		if !strings.Contains(refused.Raw, "beds.free") {
			t.Fatalf("refused %s", refused.Raw)
		}
		staff.do("PUT", unit, "", count("2026-11-24T23:00:00Z", 3), "If-Match", `"3"`).want(t, 422)
		staff.do("PUT", unit, "", map[string]any{"countedAt": "2026-11-24T19:59:00Z", "present": 3, "staffed": 4, "outOfService": 5}, "If-Match", `"3"`).want(t, 422)
	})
}

func TestACountAndAReceiptNeverCountOnePersonTwice(t *testing.T) {
	eachWay(t, func(t *testing.T, w *testworld.World, as func(string) client) {
		team, staff := as(testworld.Team), as(testworld.StaffOf("HOMA"))
		p := team.do("POST", "/v1/placements", "key-00000001", siblings).want(t, 201)
		id := p.str("id")
		staff.do("POST", "/v1/placements/"+id+"/accept", "key-00000002", map[string]any{"version": 1}).want(t, 200)
		w.Pass(time.Hour)
		// The girl stands in the hall and is counted before anybody records her arrival.
		counted := staff.do("PUT", "/v1/shelters/HOMA/units/girls", "", map[string]any{"countedAt": "2026-11-24T21:00:00Z", "present": 21, "staffed": 30, "outOfService": 0,
			"countedPlacements": []string{id}}, "If-Match", `"1"`).want(t, 200)
		if counted.get("occupied") != 21.0 || counted.get("held") != 0.0 {
			t.Fatalf("counted %s", counted.Raw)
		}
		w.Pass(10 * time.Minute)
		staff.do("POST", "/v1/placements/"+id+"/receive", "key-00000003", map[string]any{}).want(t, 200)
		if got := w.Unit(t, "HOMA", "girls").Counts(); got.Occupied() != 21 || got.Held() != 0 {
			t.Fatalf("girls %+v", got)
		}
		if got := w.Unit(t, "HOMA", "boys").Counts(); got.Occupied() != 16 || got.Held() != 0 {
			t.Fatalf("boys %+v", got)
		}
		// A count made before that arrival would undo it.
		staff.do("PUT", "/v1/shelters/HOMA/units/boys", "", map[string]any{"countedAt": "2026-11-24T21:05:00Z", "present": 15, "staffed": 20, "outOfService": 0}, "If-Match", `"1"`).want(t, 412)
	})
}

func TestTwoHundredHoldsOnOneBed(t *testing.T) {
	t.Run("embedded", func(t *testing.T) { twoHundredHolds(t, testworld.Open(t)) })
	t.Run("DynamoDB Local", func(t *testing.T) { twoHundredHolds(t, testworld.On(t, dynamolocal.ForTest(t).Store(t))) })
}

func twoHundredHolds(t *testing.T, w *testworld.World) {
	last := testworld.Home("LAST", testworld.District, 1, testworld.Unit("LAST", "girls", 2, testworld.SchoolAge, 10, 9))
	w.Add(t, last)
	w.Pass(2 * time.Second)
	as := func(subject string) client { return client{t, direct(allRoutes(w)), subject} }
	one := strings.Replace(strings.Replace(siblings, `,
  {"ageBand":"6-11","ageStatus":"stated","placeWith":"boys","languages":["bn"]}`, "", 1), `"best"`, `"none"`, 1)
	const n = 200
	ids := make([]string, n)
	for i := range n {
		ids[i] = as(testworld.Team).do("POST", "/v1/placements", fmt.Sprintf("key-%08d", i), one).want(t, 201).str("id")
	}
	var won, lost atomic.Int64
	var all sync.WaitGroup
	for i, id := range ids {
		all.Go(func() {
			hold := func() answer {
				return as(testworld.Team).do("POST", "/v1/placements/"+id+"/hold", fmt.Sprintf("key-hold-%04d", i), map[string]any{"version": 1, "option": "o-LAST"})
			}
			a := hold()
			for tries := 0; a.Status == 503 && tries < 20; tries++ { // as a phone does: the very same request again
				a = hold()
			}
			switch a.Status {
			case 200:
				won.Add(1)
			case 409:
				lost.Add(1)
			default:
				t.Errorf("status %d %s", a.Status, a.Raw)
			}
		})
	}
	all.Wait()
	c := w.Unit(t, "LAST", "girls").Counts()
	if won.Load() != 1 || lost.Load() != n-1 || c.Held() != 1 || c.Free() != 0 {
		t.Fatalf("%d won, %d lost, %+v", won.Load(), lost.Load(), c)
	}
}

func TestALapsedHoldMovesOnToTheNextOption(t *testing.T) {
	eachWay(t, func(t *testing.T, w *testworld.World, as func(string) client) {
		team := as(testworld.Team)
		p := team.do("POST", "/v1/placements", "key-00000001", siblings).want(t, 201)
		w.Pass(30*time.Minute + time.Second)
		staff := as(testworld.StaffOf("HOMA"))
		staff.do("POST", "/v1/placements/"+p.str("id")+"/accept", "key-00000002", map[string]any{"version": 1}).want(t, 409)
		w.Pass(5 * time.Second)
		if n, err := w.Service.Lapse(t.Context()); n != 1 || err != nil {
			t.Fatalf("%d lapsed, %v", n, err)
		}
		now := team.do("GET", "/v1/placements/"+p.str("id"), "", nil).want(t, 200)
		if now.str("state") != "held" || now.str("hold", "shelter") != "HOMB" {
			t.Fatalf("after the lapse %s", now.Raw)
		}
		if c := w.Unit(t, "HOMA", "girls").Counts(); c.Held() != 0 {
			t.Fatalf("beds of the lapsed hold are still held: %+v", c)
		}
		staff.do("POST", "/v1/placements/"+p.str("id")+"/accept", "key-00000003", map[string]any{"version": 2}).want(t, 404)
		declined := as(testworld.StaffOf("HOMB")).do("POST", "/v1/placements/"+p.str("id")+"/decline", "key-00000004", map[string]any{"holdNo": 2, "reason": "staffing"}).want(t, 200)
		if strings.Contains(declined.Raw, "HOMA") {
			t.Fatalf("a shelter learns where the party goes next: %s", declined.Raw)
		}
	})
}

func TestAnOldCommandNeverActsOnSomethingNewer(t *testing.T) {
	eachWay(t, func(t *testing.T, _ *testworld.World, as func(string) client) {
		team := as(testworld.Team)
		p := team.do("POST", "/v1/placements", "key-00000001", siblings).want(t, 201)
		base := "/v1/placements/" + p.str("id")
		team.do("POST", base+"/release", "key-00000002", map[string]any{"version": 1}).want(t, 200)
		held := team.do("POST", base+"/hold", "key-00000003", map[string]any{"version": 2}).want(t, 200)
		if held.get("hold", "no") != 2.0 {
			t.Fatalf("held %s", held.Raw)
		}
		again := team.do("POST", base+"/release", "key-00000002", map[string]any{"version": 1}).want(t, 200)
		if again.str("state") != "held" || again.Header.Get("Idempotency-Replayed") != "true" {
			t.Fatalf("a replayed release released a newer hold: %s", again.Raw)
		}
		late := team.do("POST", base+"/release", "key-00000004", map[string]any{"version": 1}).want(t, 409)
		if late.get("allowed") == nil {
			t.Fatalf("a stale move lists what is allowed: %s", late.Raw)
		}
		as(testworld.StaffOf("HOMA")).do("POST", base+"/accept", "key-00000005", map[string]any{"holdNo": 1}).want(t, 409)
		team.do("POST", base+"/depart", "key-00000006", map[string]any{"version": 3, "socialWorker": true}).want(t, 409)
	})
}

func TestAHoldPressedHoursAgoIsTakenAsARequest(t *testing.T) {
	eachWay(t, func(t *testing.T, _ *testworld.World, as func(string) client) {
		late := strings.Replace(strings.Replace(siblings, "T19:40", "T13:40", 1), `"urgency"`, `"occurredAt":"2026-11-24T13:59:00Z","urgency"`, 1)
		p := as(testworld.Team).do("POST", "/v1/placements", "key-00000001", late).want(t, 201)
		if p.str("state") != "requested" || p.get("late") != true {
			t.Fatalf("late %s", p.Raw)
		}
	})
}

func TestNothingFitsIsWaitlistedWithAFallback(t *testing.T) {
	eachWay(t, func(t *testing.T, _ *testworld.World, as func(string) client) {
		body := strings.Replace(siblings, `"placeWith":"boys"`, `"placeWith":"transgender_unit"`, 1)
		p := as(testworld.Team).do("POST", "/v1/placements", "key-00000001", body).want(t, 201)
		if p.str("state") != "waitlisted" || p.str("fallback", "call") != "1098" || p.get("neededUntil") == nil {
			t.Fatalf("nothing fits %s", p.Raw)
		}
	})
}

func TestPagesOfATeamsPlacements(t *testing.T) {
	eachWay(t, func(t *testing.T, w *testworld.World, as func(string) client) {
		team := as(testworld.Team)
		for i := range 5 {
			team.do("POST", "/v1/placements", fmt.Sprintf("key-%08d", i), strings.Replace(siblings, `"best"`, `"none"`, 1)).want(t, 201)
			w.Pass(time.Minute)
		}
		seen, cursor := 0, ""
		for range 10 {
			a := team.do("GET", "/v1/placements?limit=2&after="+cursor, "", nil).want(t, 200)
			seen += len(a.Body["placements"].([]any))
			if cursor = a.str("nextCursor"); cursor == "" {
				break
			}
		}
		if seen != 5 {
			t.Fatalf("%d of 5", seen)
		}
		team.do("GET", "/v1/placements?after=nonsense", "", nil).want(t, 422)
		if a := as(testworld.OtherTeam).do("GET", "/v1/placements", "", nil).want(t, 200); len(a.Body["placements"].([]any)) != 0 {
			t.Fatalf("another team sees %s", a.Raw)
		}
	})
}
