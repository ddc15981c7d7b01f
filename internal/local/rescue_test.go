package local_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// raid is a rescue of 54 persons: seven families, three unaccompanied boys, and
// single men and women.
func raid(district string) string {
	var parties []string
	person := func(age, with string) string {
		return fmt.Sprintf(`{"ageBand":%q,"ageStatus":"stated","placeWith":%q,"languages":["hi"]}`, age, with)
	}
	for i := range 7 {
		members := []string{person("25-59", "mother_and_child"), person("0-5", "mother_and_child")}
		if i%2 == 0 {
			members = append(members, person("0-5", "mother_and_child"))
		}
		parties = append(parties, `{"together":"required","persons":[`+strings.Join(members, ",")+`]}`)
	}
	parties = append(parties, `{"count":3,"together":"required","persons":[`+person("12-14", "boys")+`]}`,
		`{"count":15,"together":"required","persons":[`+person("25-59", "men")+`]}`,
		`{"count":18,"together":"required","persons":[`+person("18-24", "women")+`]}`)
	return `{"rescuedAt":"` + time.Now().UTC().Format(time.RFC3339) + `","place":{"district":"` + district + `"},"urgency":"today",
"consent":{"basis":"consent","view":"agrees","heardIn":"hi","heardVia":"directly"},"escort":{"socialWorker":true,"woman":true},
"maxJourneyMinutes":720,"keepApart":[[10,11]],"parties":[` + strings.Join(parties, ",") + `]}`
}

// A raid frees 54 people. They are planned in under three seconds, families
// whole, and confirmed while fifty others ask for the same beds.
func TestARescueOfFiftyFourAmongFiftyOthers(t *testing.T) {
	r := start(t, t.TempDir())
	ctx := context.Background()
	team := r.token("rescue", "team-01")
	began := time.Now()
	status, plan, _, err := send(ctx, "POST", r.url+"/v1/rescues", team, "raid-0001", raid("IN-LGD-315"))
	took := time.Since(began)
	if err != nil || status != 201 || plan["persons"] != 54.0 {
		t.Fatalf("%d %v %v", status, plan, err)
	}
	t.Logf("%v of 54 persons planned in %s", plan["personsPlaced"], took.Round(time.Millisecond))
	var others sync.WaitGroup
	for i := range 50 {
		others.Go(func() {
			body := girl("IN-LGD-315")
			if i%2 == 0 {
				body = strings.NewReplacer(`"15-17"`, `"25-59"`, `"girls"`, `"women"`, `"child_protection"`, `"consent"`).Replace(body)
			}
			for range 20 {
				if status, _, _, err := send(ctx, "POST", r.url+"/v1/placements", r.token("rescue", "team-02"), fmt.Sprintf("other-%04d", i), body); err != nil || status != 503 {
					return
				}
			}
		})
	}
	status, done, _, err := send(ctx, "POST", r.url+"/v1/rescues/"+plan["id"].(string)+"/confirm", team, "raid-0002", "")
	others.Wait()
	if err != nil || status != 200 || done["state"] != "confirmed" {
		t.Fatalf("%d %v %v", status, done, err)
	}
	held, at := 0, map[float64]string{}
	for _, p := range done["parties"].([]any) {
		p := p.(map[string]any)
		switch p["state"] {
		case "held":
			hold := p["hold"].(map[string]any)
			at[p["party"].(float64)] = hold["shelter"].(string)
			beds := 0
			for _, u := range hold["units"].([]any) {
				beds += len(u.(map[string]any)["persons"].([]any))
			}
			if beds != int(p["persons"].(float64)) {
				t.Errorf("party %v of %v has beds for %d", p["party"], p["persons"], beds)
			}
			held += beds
		case "waitlisted":
		default:
			t.Errorf("party %v is %v", p["party"], p["state"])
		}
	}
	if at[10] != "" && at[10] == at[11] {
		t.Errorf("who must be kept apart is at %s", at[10])
	}
	t.Logf("%d of 54 persons held beside 50 others", held)
	if held == 0 {
		t.Error("nobody is held")
	}
	if err := r.stop(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
}
