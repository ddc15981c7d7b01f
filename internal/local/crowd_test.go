package local_test

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"
)

// bodyLimit is what a request may have.
const bodyLimit = 64 << 10

// Five hundred people are told one by one, in as many requests as bodies of 64 KiB
// take, planned once, and confirmed.
func TestARescueOfFiveHundredToldOneByOne(t *testing.T) {
	r := start(t, t.TempDir())
	ctx, team := context.Background(), r.token("rescue", "team-01")
	kinds := [][3]string{{"12-14", "girls", "bn"}, {"15-17", "girls", "hi"}, {"6-11", "boys", "hi"}, {"12-14", "boys", "ta"}, {"18-24", "women", "bn"}, {"25-59", "women", "hi"}, {"25-59", "men", "hi"}, {"18-24", "men", "te"}}
	parties := make([]string, 500)
	for i := range parties {
		k, needs := kinds[i%len(kinds)], ""
		if i%9 == 0 {
			needs = `,"needs":["health_medical"]`
		}
		parties[i] = fmt.Sprintf(`{"together":"required","persons":[{"ageBand":%q,"ageStatus":"stated","placeWith":%q,"languages":[%q]%s}]}`, k[0], k[1], k[2], needs)
	}
	began := time.Now()
	timed := func(what string, want int, path, key, body string) map[string]any {
		t.Helper()
		if len(body) > bodyLimit {
			t.Fatalf("%s has %d bytes", what, len(body))
		}
		at := time.Now()
		status, answer, _, err := send(ctx, "POST", r.url+path, team, key, body)
		for n := 0; status == 503 && n < 5; n++ { // a machine too busy to plan in 29 seconds
			status, answer, _, err = send(ctx, "POST", r.url+path, team, key, body)
		}
		if err != nil || status != want {
			t.Fatalf("%s: %d %.300v %v", what, status, answer, err)
		}
		t.Logf("%-22s %6d bytes  %6s", what, len(body), time.Since(at).Round(time.Millisecond))
		return answer
	}
	whole := `"parties":[` + strings.Join(parties, ",") + `]}`
	t.Logf("all of them in one body would be %d bytes", len(whole))
	first := timed("the first 200, later", 201, "/v1/rescues", "crowd-0001", `{"rescuedAt":"`+time.Now().UTC().Format(time.RFC3339)+`","place":{"district":"IN-LGD-315"},"urgency":"today",
"consent":{"basis":"child_protection","view":"agrees","heardIn":"hi","heardVia":"directly"},"escort":{"socialWorker":true,"woman":true},
"maxJourneyMinutes":1440,"plan":"later","keepApart":[[0,1]],"parties":[`+strings.Join(parties[:200], ",")+`]}`)
	path := "/v1/rescues/" + first["id"].(string)
	if state := first["parties"].([]any)[0].(map[string]any)["state"]; state != "unplanned" || first["personsPlaced"] != 0.0 {
		t.Fatalf("before a plan a party is %v, %v placed", state, first["personsPlaced"])
	}
	timed("200 more, later", 200, path+"/parties", "crowd-0002", `{"plan":"later","parties":[`+strings.Join(parties[200:400], ",")+`]}`)
	timed("100 more, later", 200, path+"/parties", "crowd-0003", `{"plan":"later","parties":[`+strings.Join(parties[400:], ",")+`],"keepApart":[[2,499]]}`)
	plan := timed("plan", 200, path+"/plan", "crowd-0004", "")
	if plan["persons"] != 500.0 || plan["personsPlaced"].(float64) < 100 {
		t.Fatalf("%v of %v are placed", plan["personsPlaced"], plan["persons"])
	}
	done := timed("confirm", 200, path+"/confirm", "crowd-0005", "")
	states := map[string]int{}
	for _, p := range done["parties"].([]any) {
		states[p.(map[string]any)["state"].(string)]++
	}
	t.Logf("500 persons one by one in %s: %v of them by plan; then %v", time.Since(began).Round(time.Millisecond), plan["personsPlaced"], states)
	if done["state"] != "confirmed" || states["held"]+states["waitlisted"] != 500 || float64(states["held"]) < 0.9*plan["personsPlaced"].(float64) {
		t.Errorf("%v %v", done["state"], states)
	}
	if err := r.stop(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
}
