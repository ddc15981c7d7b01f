package httpapi_test

import (
	"fmt"
	"strings"
	"testing"

	"panah/internal/testworld"
)

const newHome = `{"registryKey":"WB-9","district":"IN-LGD-315","type":"childrens_home","registeredUntil":"2027-11-30",
 "languages":[{"tag":"bn"},{"tag":"hi","via":"interpreter_phone"}],"houseRules":["no_visits"],"needsOnSite":["psychosocial"],
 "intake":{"from":"08:00","to":"22:30"},"maxStayDays":365,"dailyIntake":4,
 "units":[{"unit":"girls","population":"girls","ages":["6-11","12-14","15-17"],"sanctioned":25,"stepFree":2,"medical":0}]}`

func TestTheRegisterFromRegistrationToClosure(t *testing.T) {
	eachWay(t, func(t *testing.T, w *testworld.World, as func(string) client) {
		ministry, desk := as(testworld.Ministry), as(testworld.Desk)
		made := ministry.do("POST", "/v1/shelters", "key-reg-0001", newHome).want(t, 201)
		id := made.str("id")
		path := "/v1/shelters/" + id
		if made.str("status") != "registered" || made.Header.Get("Location") != path || made.Header.Get("ETag") != `"1"` || made.str("intake", "to") != "22:30" {
			t.Fatalf("made %v %s", made.Header, made.Raw)
		}
		if made.get("dailyIntake", "persons") != 4.0 || made.get("dailyIntake", "today") != 0.0 || !strings.Contains(made.Raw, `"stepFree":{"places":2,"free":2},"medical":{"places":0,"free":0}`) {
			t.Errorf("limits %s", made.Raw)
		}
		again := ministry.do("POST", "/v1/shelters", "key-reg-0001", newHome).want(t, 200)
		if again.Header.Get("Idempotency-Replayed") != "true" || again.str("id") != id {
			t.Errorf("again %s", again.Raw)
		}
		ministry.do("POST", "/v1/shelters", "key-reg-0002", newHome).want(t, 422)
		ministry.do("POST", "/v1/shelters", "", newHome).want(t, 400)
		for _, who := range []string{testworld.Desk, testworld.Team, testworld.StaffOf("HOMA")} {
			as(who).do("POST", "/v1/shelters", "key-reg-0003", newHome).want(t, 403)
		}

		jump := ministry.do("POST", path+"/activate", "key-reg-0004", nil).want(t, 409)
		if !strings.Contains(jump.Raw, `"vet"`) {
			t.Errorf("jump %s", jump.Raw)
		}
		desk.do("POST", path+"/vet", "key-reg-0005", nil).want(t, 403)
		ministry.do("POST", path+"/vet", "key-reg-0006", nil).want(t, 200)
		active := ministry.do("POST", path+"/activate", "key-reg-0007", nil).want(t, 200)
		if active.str("status") != "active" {
			t.Fatalf("active %s", active.Raw)
		}

		changed := strings.Replace(newHome, `"maxStayDays":365`, `"maxStayDays":180`, 1)
		ministry.do("PUT", path, "", changed).want(t, 428)
		stale := ministry.do("PUT", path, "", changed, "If-Match", `"1"`).want(t, 412)
		if stale.get("current", "maxStayDays") != 365.0 || stale.get("sent", "version") != 1.0 {
			t.Errorf("stale %s", stale.Raw)
		}
		put := ministry.do("PUT", path, "", changed, "If-Match", active.Header.Get("ETag")).want(t, 200)
		if put.get("maxStayDays") != 180.0 || put.Header.Get("ETag") == active.Header.Get("ETag") {
			t.Errorf("put %s", put.Raw)
		}
		desk.do("PUT", path, "", changed, "If-Match", "1").want(t, 403)
		forgot := strings.Replace(changed, `"unit":"girls"`, `"unit":"other"`, 1)
		if a := ministry.do("PUT", path, "", forgot, "If-Match", put.Header.Get("ETag")).want(t, 422); !strings.Contains(a.Raw, `"field":"units"`) {
			t.Errorf("forgot %s", a.Raw)
		}

		w.Feed(t)
		w.Pass(2e9)
		list := ministry.do("GET", "/v1/shelters?status=active&limit=200", "", nil).want(t, 200)
		if !strings.Contains(list.Raw, id) || strings.Contains(list.Raw, "WB-9") {
			t.Errorf("list %s", list.Raw)
		}
		first := desk.do("GET", "/v1/shelters?limit=2", "", nil).want(t, 200)
		second := desk.do("GET", "/v1/shelters?limit=2&after="+first.str("nextCursor"), "", nil).want(t, 200)
		if first.str("nextCursor") == "" || first.Raw == second.Raw {
			t.Errorf("pages %s %s", first.Raw, second.Raw)
		}
		ending := ministry.do("GET", "/v1/shelters?expiringWithin=90d", "", nil).want(t, 200)
		if n := len(ending.Body["shelters"].([]any)); n != 1 || !strings.Contains(ending.Raw, `"LATE"`) {
			t.Errorf("ending %s", ending.Raw)
		}
		ministry.do("GET", "/v1/shelters?expiringWithin=soon", "", nil).want(t, 422)
		desk.do("GET", "/v1/shelters?within=IN-LGD-525", "", nil).want(t, 404)
		as(testworld.Team).do("GET", "/v1/shelters", "", nil).want(t, 403)

		ministry.do("POST", path+"/suspend", "key-reg-0008", nil).want(t, 200)
		moved := desk.do("GET", path+"/must-move", "", nil).want(t, 200)
		if moved.get("countedPresent") != 0.0 || moved.str("status") != "suspended" {
			t.Errorf("must move %s", moved.Raw)
		}
		as(testworld.Team).do("GET", path+"/must-move", "", nil).want(t, 403)
		foreign := as(testworld.StaffOf("HOMA")).do("GET", path+"/must-move", "", nil).want(t, 404)
		missing := as(testworld.StaffOf("HOMA")).do("GET", "/v1/shelters/NONE/must-move", "", nil).want(t, 404)
		if foreign.Raw != missing.Raw {
			t.Errorf("a foreign shelter answers %s, a missing one %s", foreign.Raw, missing.Raw)
		}
		ministry.do("POST", path+"/resume", "key-reg-0009", nil).want(t, 200)
	})
}

func TestARegistrationNamesTheFieldAndNeverTheValue(t *testing.T) {
	eachWay(t, func(t *testing.T, _ *testworld.World, as func(string) client) {
		for i, c := range []struct{ old, new, field, secret string }{
			{`"type":"childrens_home"`, `"type":"Secret House"`, "type", "Secret"},
			{`"type":`, `"address":"12 Secret Street","type":`, "address", "Secret"},
			{`"district":"IN-LGD-315"`, `"district":"Secret Street"`, "district", "Secret"},
			{`"WB-9"`, `"12 Secret Street"`, "registryKey", "Secret"},
			{`"2027-11-30"`, `"Secretember"`, "registeredUntil", "Secret"},
			{`{"tag":"bn"}`, `{"tag":"Secret tongue"}`, "languages[0].tag", "Secret"},
			{`"22:30"`, `"late Secret"`, "intake.to", "Secret"},
			{`"sanctioned":25`, `"sanctioned":-7531`, "units[0].sanctioned", "7531"},
			{`"unit":"girls"`, `"unit":"Secret wing"`, "units[0].unit", "Secret"},
			{`"needsOnSite":["psychosocial"]`, `"needsOnSite":["psychosocial"],"needsArranged":["psychosocial"]`, "needsArranged", "never sent"},
		} {
			a := as(testworld.Ministry).do("POST", "/v1/shelters", fmt.Sprintf("key-bad-%04d", i), strings.Replace(newHome, c.old, c.new, 1))
			if (a.Status != 400 && a.Status != 422) || !strings.Contains(a.Raw, `"field":"`+c.field+`"`) || strings.Contains(a.Raw, c.secret) {
				t.Errorf("%s: %d %s", c.new, a.Status, a.Raw)
			}
		}
	})
}

const file = "key,district,type,houseRules,unit,population,ages,sanctioned,day,staffed,present\n" +
	"A-1,IN-LGD-315,other,none,women,women,18-24;25-59,10,2026-11-20,10,7\n" +
	"A-2,IN-LGD-315,Secret,none,women,women,18-24,10,2026-11-20,10,7\n" +
	"A-3,IN-LGD-315,other,none,women,women,18-24,10,2026-11-20,10,12\n"

func TestImports(t *testing.T) {
	eachWay(t, func(t *testing.T, _ *testworld.World, as func(string) client) {
		ministry := as(testworld.Ministry)
		send := func(query, body string, headers ...string) answer {
			return ministry.do("POST", "/v1/imports"+query, fmt.Sprintf("key-import-%d", len(body)), body, append([]string{"Content-Type", "text/csv; charset=utf-8"}, headers...)...)
		}
		tally := func(a answer, of string) string {
			return fmt.Sprint(a.get(of, "created"), a.get(of, "updated"), a.get(of, "unchanged"), a.get(of, "refused"))
		}
		dry := send("?dryRun=true", file).want(t, 200)
		if tally(dry, "shelters") != "2 0 0 0" || dry.get("refusedRows") != 1.0 || !strings.Contains(dry.Raw, `"line":3,"field":"type"`) || strings.Contains(dry.Raw, "Secret") {
			t.Fatalf("dry %s", dry.Raw)
		}
		first := send("", file).want(t, 200)
		again := send("", file).want(t, 200)
		if tally(first, "shelters") != "2 0 0 0" || tally(first, "days") != "2 0 0 0" || tally(again, "shelters") != "0 0 2 0" || tally(again, "days") != "0 0 2 0" {
			t.Fatalf("first %s again %s", first.Raw, again.Raw)
		}
		lines := send("", `{"key":"A-1","registeredUntil":"2028-01-31"}`+"\n", "Content-Type", "application/x-ndjson").want(t, 200)
		if tally(lines, "shelters") != "0 1 0 0" {
			t.Errorf("lines %s", lines.Raw)
		}
		parts := "--b\r\nContent-Disposition: form-data; name=\"mapping\"\r\n\r\n" +
			`{"id":"mine","register":"panah","fields":{"key":{"column":"No"},"maxStayDays":{"column":"Days"}}}` +
			"\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\nContent-Type: text/csv\r\n\r\nNo,Days\nA-1,90\n\r\n--b--\r\n"
		mapped := send("", parts, "Content-Type", "multipart/form-data; boundary=b").want(t, 200)
		if tally(mapped, "shelters") != "0 1 0 0" {
			t.Errorf("mapped %s", mapped.Raw)
		}
		for _, bad := range []answer{
			send("", file, "Content-Type", "application/pdf").want(t, 400),
			send("?mapping=Secret", file).want(t, 422),
			send("", "--b\r\nSecret", "Content-Type", "multipart/form-data; boundary=b").want(t, 400),
			send("", strings.Replace(parts, "maxStayDays", "SecretField", 1), "Content-Type", "multipart/form-data; boundary=b").want(t, 422),
			send("", "key\n"+strings.Repeat("A\n", 10_001)).want(t, 422),
			send("", "key\n"+strings.Repeat("Secret\n", 1<<20)).want(t, 413),
		} {
			if strings.Contains(bad.Raw, "Secret") || bad.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%v %s", bad.Header, bad.Raw)
			}
		}
		for _, who := range []string{testworld.Desk, testworld.Team, testworld.StaffOf("HOMA")} {
			as(who).do("POST", "/v1/imports", "key-import-02", file, "Content-Type", "text/csv").want(t, 403)
		}
	})
}
