package httpapi_test

import (
	"strings"
	"testing"

	"panah/internal/testworld"
)

func TestTheDeskIsToldOfEveryShelterConsidered_ATeamIsNot(t *testing.T) {
	eachWay(t, func(t *testing.T, _ *testworld.World, as func(string) client) {
		team, desk := as(testworld.Team), as(testworld.Desk)
		p := team.do("POST", "/v1/placements", "key-00000001", siblings).want(t, 201)
		path := "/v1/placements/" + p.str("id") + "/options"
		team.do("GET", path+"?explain=true", "", nil).want(t, 403)
		as(testworld.OtherTeam).do("GET", path+"?explain=true", "", nil).want(t, 404)
		if own := team.do("GET", path, "", nil).want(t, 200); strings.Contains(own.Raw, "explained") || strings.Contains(own.Raw, "FULL") {
			t.Fatalf("a team is told of single shelters: %s", own.Raw)
		}
		all := desk.do("GET", path+"?explain=true", "", nil).want(t, 200).Body["explained"].(map[string]any)
		list := all["shelters"].([]any)
		if int(all["considered"].(float64)) != len(testworld.Shelters()) || len(list) != len(testworld.Shelters()) {
			t.Fatalf("%d of %v", len(list), all["considered"])
		}
		failed := map[string]string{}
		for i, one := range list {
			v := one.(map[string]any)
			if v["failed"] == nil {
				sum := 0.0
				for _, n := range v["parts"].(map[string]any) {
					sum += n.(float64)
				}
				if sum != v["score"].(float64) || int(v["rank"].(float64)) != i+1 {
					t.Errorf("parts of %v sum to %v", v, sum)
				}
				continue
			}
			if v["parts"] != nil || len(v["why"].([]any)) != len(v["failed"].([]any)) {
				t.Errorf("%v", v)
			}
			for _, rule := range v["failed"].([]any) {
				failed[v["shelter"].(string)] += rule.(string) + " "
			}
		}
		for id, rules := range map[string]string{"FULL": "beds.free ", "LATE": "registration.current gender.served age.range age.separate_sleeping data.fresh beds.free ",
			"OBSV": "legal.institution_type "} {
			if failed[id] != rules {
				t.Errorf("%s fails %q, want %q", id, failed[id], rules)
			}
		}
		page := desk.do("GET", path+"?explain=true&limit=3&after=3", "", nil).want(t, 200).Body["explained"].(map[string]any)
		if len(page["shelters"].([]any)) != 3 || page["nextCursor"] != 6.0 || page["shelters"].([]any)[0].(map[string]any)["shelter"] != list[3].(map[string]any)["shelter"] {
			t.Fatalf("page %v", page)
		}
	})
}

// A shelter never learns that somebody is not safe somewhere (row B4).
func TestAShelterNeverSeesAnExclusion(t *testing.T) {
	eachWay(t, func(t *testing.T, _ *testworld.World, as func(string) client) {
		body := strings.Replace(siblings, `"shelters":[]}`, `"shelters":["HOMA"]},"stayDays":30`, 1)
		p := as(testworld.Team).do("POST", "/v1/placements", "key-00000001", body).want(t, 201)
		if p.str("hold", "shelter") != "HOMB" {
			t.Fatalf("held at %s", p.Raw)
		}
		base := "/v1/placements/" + p.str("id")
		staff := as(testworld.StaffOf("HOMB"))
		for _, seen := range []answer{staff.do("GET", "/v1/shelters/HOMB/arrivals", "", nil).want(t, 200),
			staff.do("POST", base+"/accept", "key-00000002", map[string]any{"holdNo": 1}).want(t, 200),
			staff.do("GET", "/v1/shelters/HOMB/arrivals", "", nil).want(t, 200)} {
			if low := strings.ToLower(seen.Raw); strings.Contains(low, "exclu") || strings.Contains(low, "homa") || strings.Contains(low, "319") || strings.Contains(low, "safe") {
				t.Fatalf("a shelter sees %s", seen.Raw)
			}
		}
		if !strings.Contains(p.Raw, `"optionType":"residential"`) || !strings.Contains(p.Raw, `"stay":`) {
			t.Fatalf("options %s", p.Raw)
		}
	})
}
