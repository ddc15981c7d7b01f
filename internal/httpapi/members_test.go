package httpapi_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"panah/internal/audit"
	"panah/internal/caller"
	"panah/internal/record"
	"panah/internal/table"
	"panah/internal/testworld"
)

const westBengal = "subject-ministry-wb"

func member(role, scope string, region ...string) map[string]any {
	out := map[string]any{"role": role, "scope": scope}
	if len(region) > 0 {
		out["region"] = region[0]
	}
	return out
}

// A shelter is registered, its staff made members, and it counts its beds; then the
// member is revoked and is nobody within a minute.
func TestANewSheltersStaffAreMadeMembersAndRevoked(t *testing.T) {
	eachWay(t, func(t *testing.T, w *testworld.World, as func(string) client) {
		ministry := as(testworld.Ministry)
		id := ministry.do("POST", "/v1/shelters", "key-reg-0001", newHome).want(t, 201).str("id")
		const who = "8a6c-new-staff|1"
		path := "/v1/memberships/8a6c-new-staff%7C1"
		as(who).do("GET", "/v1/shelters/"+id, "", nil).want(t, 403)
		w.Pass(time.Minute)

		ministry.do("PUT", path, "", member("shelter", id)).want(t, 428)
		made := ministry.do("PUT", path, "", member("shelter", id), "If-Match", "0").want(t, 201)
		if made.str("subject") != who || made.str("region") != "IN-LGD-315" || made.Header.Get("ETag") != `"1"` || made.str("by") != testworld.Ministry {
			t.Fatalf("made %v %s", made.Header, made.Raw)
		}
		ministry.do("PUT", path, "", member("shelter", id), "If-Match", "0").want(t, 201) // the answer was lost
		stale := ministry.do("PUT", path, "", member("desk", "IN-LGD-315"), "If-Match", "0").want(t, 412)
		if stale.get("current", "version") != 1.0 || stale.get("sent", "version") != 0.0 {
			t.Errorf("stale %s", stale.Raw)
		}
		counted := as(who).do("PUT", "/v1/shelters/"+id+"/units/girls", "", map[string]any{"countedAt": w.Now().Format(time.RFC3339), "present": 3, "staffed": 20, "outOfService": 0}, "If-Match", "0").want(t, 200)
		if counted.get("free") != 17.0 {
			t.Errorf("counted %s", counted.Raw)
		}

		ministry.do("POST", path+"/revoke", "", map[string]any{"version": 1}).want(t, 400)
		ministry.do("POST", path+"/revoke", "key-revoke-01", map[string]any{"version": 7}).want(t, 409)
		gone := ministry.do("POST", path+"/revoke", "key-revoke-01", map[string]any{"version": 1}).want(t, 200)
		if gone.str("revokedAt") == "" || gone.get("version") != 2.0 {
			t.Fatalf("gone %s", gone.Raw)
		}
		w.Pass(time.Minute)
		as(who).do("GET", "/v1/shelters/"+id, "", nil).want(t, 403)

		// Given again, a late copy of the revocation takes nothing away.
		ministry.do("PUT", path, "", member("shelter", id), "If-Match", "2").want(t, 200)
		late := ministry.do("POST", path+"/revoke", "key-revoke-01", map[string]any{"version": 1}).want(t, 200)
		if late.Header.Get("Idempotency-Replayed") != "true" || late.str("revokedAt") != "" {
			t.Errorf("late %s", late.Raw)
		}
		w.Pass(time.Minute)
		as(who).do("GET", "/v1/shelters/"+id, "", nil).want(t, 200)
		ministry.do("POST", path+"/revoke", "key-revoke-01", map[string]any{"version": 3}).want(t, 422)
	})
}

// Nobody gives what they do not have; what is elsewhere answers as if it were not
// there.
func TestAMinistryKeepsMembersWithinItsScopeOnly(t *testing.T) {
	eachWay(t, func(t *testing.T, w *testworld.World, as func(string) client) {
		w.Put(t, record.FromMembership(caller.Caller{Subject: westBengal, Role: caller.Ministry, Scope: "IN-WB"}))
		w.Put(t, record.FromMembership(caller.Caller{Subject: "subject-ministry-ka", Role: caller.Ministry, Scope: "IN-KA"}))
		state := as(westBengal)
		for _, c := range []struct {
			what   string
			body   map[string]any
			status int
		}{
			{"staff of a shelter of the region", member("shelter", "HOMA"), 201},
			{"a desk of a district", member("desk", "IN-LGD-315"), 201},
			{"a desk of the whole state", member("desk", "IN-WB"), 201},
			{"a new team of the region", member("rescue", "team-wb-1", "IN-WB"), 201},
			{"another of that team", member("rescue", "team-wb-1"), 201},
			{"a ministry strictly below", member("ministry", "IN-LGD-315"), 201},
			{"a carrier of the region", member("carrier", "IN-WB"), 201},
			{"a ministry at its own level", member("ministry", "IN-WB"), 403},
			{"a ministry above", member("ministry", "IN"), 404},
			{"a ministry beside", member("ministry", "IN-KA"), 404},
			{"a desk of another state", member("desk", "IN-LGD-525"), 404},
			{"a desk above", member("desk", "IN"), 404},
			{"a desk nowhere", member("desk", "IN-LGD-999999"), 404},
			{"staff of a shelter that is not there", member("shelter", "NONE"), 404},
			{"a team of the whole country", member("rescue", "team-a"), 404},
			{"a new team without a home", member("rescue", "team-wb-2"), 422},
			{"a new team of another state", member("rescue", "team-wb-2", "IN-KA"), 404},
			{"a team that is named after people", member("rescue", "Rani and Devi"), 422},
			{"a role there is not", member("superuser", "IN-WB"), 422},
		} {
			subject := "given-" + strings.ReplaceAll(c.what, " ", "-")
			if a := state.do("PUT", "/v1/memberships/"+subject, "", c.body, "If-Match", "0"); a.Status != c.status {
				t.Errorf("%s: %d, want %d: %s", c.what, a.Status, c.status, a.Raw)
			}
		}
		as("given-a-ministry-strictly-below").do("PUT", "/v1/memberships/given-from-below", "", member("ministry", "IN-LGD-315"), "If-Match", "0").want(t, 403)

		// A member elsewhere answers as a missing one does, whatever is asked of them.
		for _, version := range []int{1, 2} {
			foreign := state.do("PUT", "/v1/memberships/subject-ministry-ka", "", member("desk", "IN-LGD-315"), "If-Match", fmt.Sprint(version)).want(t, 404)
			absent := state.do("PUT", "/v1/memberships/subject-no-such-one", "", member("desk", "IN-LGD-315"), "If-Match", fmt.Sprint(version)).want(t, 404)
			if foreign.Raw != absent.Raw {
				t.Errorf("foreign %s, missing %s", foreign.Raw, absent.Raw)
			}
			foreign = state.do("POST", "/v1/memberships/subject-ministry-ka/revoke", "key-revoke-02", map[string]any{"version": version}).want(t, 404)
			absent = state.do("POST", "/v1/memberships/subject-no-such-one/revoke", "key-revoke-02", map[string]any{"version": version}).want(t, 404)
			if foreign.Raw != absent.Raw {
				t.Errorf("foreign %s, missing %s", foreign.Raw, absent.Raw)
			}
		}
		state.do("POST", "/v1/memberships/"+westBengal+"/revoke", "key-revoke-03", map[string]any{"version": 1}).want(t, 403) // its own
		as(testworld.Ministry).do("POST", "/v1/memberships/"+westBengal+"/revoke", "key-revoke-04", map[string]any{"version": 1}).want(t, 200)

		for _, who := range []string{testworld.Desk, testworld.Team, testworld.StaffOf("HOMA"), testworld.Carrier} {
			as(who).do("PUT", "/v1/memberships/given-by-others", "", member("shelter", "HOMA"), "If-Match", "0").want(t, 403)
			as(who).do("POST", "/v1/memberships/"+testworld.StaffOf("HOMA")+"/revoke", "key-revoke-05", map[string]any{"version": 1}).want(t, 403)
			as(who).do("GET", "/v1/memberships", "", nil).want(t, 403)
		}
		for _, phone := range []string{"+919876543210", "9876543210", "98765-43210", "rani@example.org", "Rani Devi"} {
			a := as(testworld.Ministry).do("PUT", "/v1/memberships/"+strings.ReplaceAll(phone, " ", "%20"), "", member("shelter", "HOMA"), "If-Match", "0")
			if a.Status != 422 || !strings.Contains(a.Raw, `"field":"subject"`) || strings.Contains(a.Raw, phone) {
				t.Errorf("%s: %d %s", phone, a.Status, a.Raw)
			}
		}
	})
}

// A team that is on no record and has placements is nobody's to claim: they would
// come with it.
func TestATeamThatHasPlacementsCannotBeClaimed(t *testing.T) {
	eachWay(t, func(t *testing.T, w *testworld.World, as func(string) client) {
		w.Put(t, record.FromMembership(caller.Caller{Subject: "of-old", Role: caller.Rescue, Scope: "team-old"}))
		as("of-old").do("POST", "/v1/placements", "key-old-team-1", siblings).want(t, 201)
		mine := as(testworld.Ministry)
		a := mine.do("PUT", "/v1/memberships/stranger", "", member("rescue", "team-old", "IN-KA"), "If-Match", "0").want(t, 422)
		if !strings.Contains(a.Raw, `"field":"scope"`) {
			t.Error(a.Raw)
		}
		mine.do("PUT", "/v1/memberships/stranger", "", member("rescue", "house:HOMA", "IN-WB"), "If-Match", "0").want(t, 422)
		as("stranger").do("GET", "/v1/placements", "", nil).want(t, 403)
		w.Put(t, record.FromTeam("team-old", "IN-WB", "")) // whoever runs it has put it on record
		mine.do("PUT", "/v1/memberships/stranger", "", member("rescue", "team-old"), "If-Match", "0").want(t, 201)
	})
}

func TestMembersAreListedPageByPageWithinOnesScope(t *testing.T) {
	eachWay(t, func(t *testing.T, w *testworld.World, as func(string) client) {
		w.Put(t, record.FromMembership(caller.Caller{Subject: westBengal, Role: caller.Ministry, Scope: "IN-WB"}))
		w.Put(t, record.FromMembership(caller.Caller{Subject: "subject-desk-ka", Role: caller.Desk, Scope: "IN-LGD-525"}))
		all := func(who, query string) (subjects []string) {
			for cursor := ""; ; {
				a := as(who).do("GET", "/v1/memberships?limit=2"+query+cursor, "", nil).want(t, 200)
				for _, m := range a.Body["memberships"].([]any) {
					subjects = append(subjects, m.(map[string]any)["subject"].(string))
				}
				if a.str("nextCursor") == "" {
					return subjects
				}
				cursor = "&after=" + a.str("nextCursor")
			}
		}
		country, state, district := all(testworld.Ministry, ""), all(westBengal, ""), all(testworld.Ministry, "&within=IN-LGD-525")
		// 8 shelters' staff and a desk in the district, the state's ministry; beyond it the country's, its carrier and the desk elsewhere.
		if len(country) != 13 || len(state) != 10 || fmt.Sprint(district) != "[subject-desk-ka]" {
			t.Errorf("%d %v, %d %v, %v", len(country), country, len(state), state, district)
		}
		as(westBengal).do("GET", "/v1/memberships?within=IN", "", nil).want(t, 404)
		as(westBengal).do("GET", "/v1/memberships?within=IN-LGD-525", "", nil).want(t, 404)
		as(westBengal).do("GET", "/v1/memberships?within=nowhere", "", nil).want(t, 404)
		as(westBengal).do("GET", "/v1/memberships?after=nonsense", "", nil).want(t, 422)
	})
}

func TestEveryVersionOfAMembershipHasAnAuditEntry(t *testing.T) {
	w := testworld.Open(t)
	as := func(subject string) client { return client{t, direct(allRoutes(w)), subject} }
	path := "/v1/memberships/a-new-member"
	as(testworld.Ministry).do("PUT", path, "", member("shelter", "HOMA"), "If-Match", "0").want(t, 201)
	as(testworld.Ministry).do("POST", path+"/revoke", "key-revoke-01", map[string]any{"version": 1}).want(t, 200)
	changes, _, err := w.Store.(table.Feed).Changes(t.Context(), "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	if err := audit.NewKeeper(w.Store, w.NewID, w.Now, quiet).Apply(t.Context(), changes); err != nil {
		t.Fatal(err)
	}
	list, _, err := audit.List(t.Context(), w.Store, record.MembershipKey("a-new-member"), 10, "")
	if err != nil || len(list) != 2 || list[0].By != testworld.Ministry || list[1].By != testworld.Ministry {
		t.Fatalf("%+v %v", list, err)
	}
	if problems, err := audit.Check(t.Context(), w.Store, record.MembershipKey("a-new-member")); err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}
