package simulation

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"panah/internal/httpapi"
	"panah/internal/table"
	"panah/internal/testworld"
)

// sent is one command as it went over the wire: a copy is the same to the letter.
type sent struct{ route, path, subject, key, body, match, kind string }

func (q sent) String() string { return q.route + " (" + q.key + ")" }

// life is everything the API can be told, told once and noted.
type life struct {
	t       *testing.T
	world   *testworld.World
	handler http.Handler
	noted   []sent
	at      string // how far the change feed has been looked at
	// after happens after each command.
	after func(l *life)
}

func newLife(t *testing.T) *life {
	w := testworld.Open(t)
	w.Pass(time.Minute)
	return &life{t: t, world: w, handler: httpapi.All(w.Service, quietLog())}
}

type reply struct {
	status int
	header http.Header
	raw    string
	body   map[string]any
}

func (a reply) str(path ...string) string {
	var v any = a.body
	for _, p := range path {
		m, _ := v.(map[string]any)
		v = m[p]
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

func (l *life) send(q sent) reply {
	method, _, _ := strings.Cut(q.route, " ")
	r := httptest.NewRequest(method, q.path, strings.NewReader(q.body))
	for name, value := range map[string]string{"Content-Type": q.kind, "Idempotency-Key": q.key, "If-Match": q.match} {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	w := httptest.NewRecorder()
	if q.subject != "" { // a survivor is nobody's subject
		r = r.WithContext(httpapi.WithSubject(r.Context(), q.subject, nil))
	}
	l.handler.ServeHTTP(w, r)
	a := reply{status: w.Code, header: w.Header(), raw: w.Body.String()}
	_ = json.Unmarshal([]byte(a.raw), &a.body)
	return a
}

// look reads as somebody.
func (l *life) look(subject, path string) reply {
	l.t.Helper()
	a := l.send(sent{route: "GET", path: path, subject: subject})
	if a.status != http.StatusOK {
		l.t.Fatalf("GET %s as %s: %d %s", path, subject, a.status, a.raw)
	}
	return a
}

// command sends a command that must succeed, and notes it. parts fill the
// route's braces in turn.
func (l *life) command(subject, route string, body any, parts ...string) reply {
	return l.commandIf(subject, route, "", body, parts...)
}

func (l *life) commandIf(subject, route, match string, body any, parts ...string) reply {
	l.t.Helper()
	q := l.prepared(subject, route, match, body, parts...)
	a := l.send(q)
	if a.status/100 != 2 {
		l.t.Fatalf("%s as %s: %d %s", q, subject, a.status, a.raw)
	}
	l.noted = append(l.noted, q)
	l.world.Feed(l.t)
	l.changes()
	l.world.Pass(2 * time.Second)
	if l.after != nil {
		l.after(l)
	}
	return a
}

// prepared is a command that has not left the phone.
func (l *life) prepared(subject, route, match string, body any, parts ...string) sent {
	_, path, _ := strings.Cut(route, " ")
	for _, p := range parts {
		from, to := strings.Index(path, "{"), strings.Index(path, "}")
		path = path[:from] + url.PathEscape(p) + path[to+1:]
	}
	q := sent{route: route, path: path, subject: subject, match: match, kind: "application/json"}
	if strings.HasPrefix(route, "POST ") {
		q.key = fmt.Sprintf("command-%04d", len(l.noted))
	}
	switch b := body.(type) {
	case nil:
		q.body = "{}"
	case string:
		q.body = b
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			l.t.Fatal(err)
		}
		q.body = string(raw)
	}
	if strings.HasPrefix(q.body, "key,") {
		q.kind = "text/csv"
	}
	return q
}

// changes are the items written since the last look.
func (l *life) changes() (items []string) {
	feed, ok := l.world.Store.(table.Feed)
	if !ok {
		l.t.Fatal("no feed")
	}
	for {
		list, next, err := feed.Changes(l.t.Context(), l.at, 500)
		if err != nil {
			l.t.Fatal(err)
		}
		if len(list) == 0 {
			return items
		}
		for _, c := range list {
			items = append(items, c.New.String())
		}
		l.at = next
	}
}

// copy delivers a command again: nothing may be written, and the answer is that
// of the first or says why not.
func (l *life) copy(q sent) {
	l.t.Helper()
	a := l.send(q)
	if wrote := l.changes(); len(wrote) > 0 {
		l.t.Errorf("a copy of %s wrote %v: %d %s", q, wrote, a.status, a.raw)
	}
	if a.status >= 500 {
		l.t.Errorf("a copy of %s: %d %s", q, a.status, a.raw)
	}
}

type fields = map[string]any

var (
	aGirl       = fields{"ageBand": "12-14", "ageStatus": "stated", "placeWith": "girls", "languages": []string{"bn"}}
	aBoy        = fields{"ageBand": "6-11", "ageStatus": "stated", "placeWith": "boys", "languages": []string{"bn"}}
	theirWish   = fields{"basis": "child_protection", "view": "agrees", "heardIn": "bn", "heardVia": "directly"}
	theirEscort = fields{"socialWorker": true, "woman": true}
)

func asking(hold string, persons ...fields) fields {
	return fields{"rescuedAt": "2026-11-24T19:40:00Z", "place": fields{"district": string(testworld.District)}, "urgency": "now",
		"party": fields{"together": "preferred", "persons": persons}, "consent": theirWish, "escort": theirEscort, "hold": hold}
}

// request asks for a placement and answers its id.
func (l *life) request(hold string, persons ...fields) string {
	return l.command(testworld.Team, "POST /v1/placements", asking(hold, persons...)).str("id")
}

// move makes a move of a placement on the version its team sees.
func (l *life) move(subject, id, move string, more fields) reply {
	l.t.Helper()
	body := fields{"version": l.look(testworld.Team, "/v1/placements/"+id).body["version"]}
	for k, v := range more {
		body[k] = v
	}
	return l.command(subject, "POST /v1/placements/{id}/"+move, body, id)
}

// house is the staff of the shelter that is held.
func (l *life) house(id string) (shelter, subject string) {
	s := l.look(testworld.Team, "/v1/placements/"+id).str("hold", "shelter")
	return s, testworld.StaffOf(s)
}

func (l *life) chooseHeld(id string) {
	s, _ := l.house(id)
	l.move(testworld.Team, id, "choose", fields{"option": "o-" + s, "chosenBy": "guardian", "houseRulesShown": true, "childView": "agrees"})
}

// live tells the API everything there is to tell.
func (l *life) live() {
	l.journey()
	l.sideRoads()
	l.rescue()
	l.registers()
	l.houses()
}

// journey is the main road with what happens on the way.
func (l *life) journey() {
	team := testworld.Team
	l.commandIf(testworld.StaffOf("HOMA"), "PUT /v1/shelters/{id}/handover", `"0"`, fields{"point": "the gate", "meetingPoint": "the market"}, "HOMA")
	p := l.request("best", aGirl, aBoy)
	l.move(team, p, "extend", nil)
	l.chooseHeld(p)
	_, staff := l.house(p)
	l.move(staff, p, "accept", nil)
	l.move(team, p, "reveal", nil)
	l.move(team, p, "depart", fields{"socialWorker": true})
	l.move(team, p, "divert", fields{"reason": "vehicle"})
	l.move(team, p, "depart", fields{"socialWorker": true})
	l.move(staff, p, "turn-away", fields{"reason": "staffing"})
	alerts, _ := l.look(testworld.Desk, "/v1/alerts").body["alerts"].([]any)
	if len(alerts) == 0 {
		l.t.Fatal("nobody was told of a party that was turned away")
	}
	first, _ := alerts[0].(fields)
	l.command(testworld.Desk, "POST /v1/alerts/{id}/acknowledge", nil, fmt.Sprint(first["id"]))
	_, staff = l.house(p)
	l.move(staff, p, "accept", nil)
	l.command(staff, "POST /v1/placements/{id}/receive", fields{}, p)
	l.move(testworld.Desk, p, "decisions", fields{"decision": "produced"})
	l.command(staff, "POST /v1/placements/{id}/end", fields{"reason": "home", "persons": []int{1}}, p)
	l.move(staff, p, "undo", nil)
	l.command(staff, "POST /v1/placements/{id}/end", fields{"reason": "home"}, p)
}

// sideRoads are promises given up, taken back and replaced.
func (l *life) sideRoads() {
	team := testworld.Team
	p := l.request("none", aGirl)
	l.move(team, p, "hold", nil)
	old := l.noted[len(l.noted)-1]
	late := l.prepared(team, "POST /v1/placements/{id}/hold", "", fields{"version": 1}, p)
	late.key = "pressed-and-never-arrived"
	l.move(team, p, "release", nil)
	if a := l.send(old); a.status != http.StatusOK || a.header.Get("Idempotency-Replayed") != "true" || a.str("state") != "requested" {
		l.t.Errorf("a hold again after its release: %d %s", a.status, a.raw)
	}
	if a := l.send(late); a.status != http.StatusConflict || a.body["allowed"] == nil {
		l.t.Errorf("an old hold after a release: %d %s", a.status, a.raw)
	}
	l.move(team, p, "hold", nil)
	l.move(team, p, "refuse", fields{"reason": "rules"})
	l.move(team, p, "hold", nil)
	_, staff := l.house(p)
	l.move(staff, p, "decline", fields{"reason": "staffing"})
	l.move(team, p, "cancel", fields{"reason": "went_home"})
	l.move(team, p, "undo", nil)
	q := l.request("best", aGirl, aBoy)
	l.move(team, q, "correct", fields{"persons": []fields{{"ageBand": "15-17", "ageStatus": "stated", "placeWith": "girls"}, aBoy}})
	l.move(team, q, "split", fields{"persons": []int{1}, "agreedBy": "committee"})
	l.move(testworld.Desk, q, "supersede", nil)
	r := l.request("best", aGirl)
	l.move(team, r, "accept-by-phone", fields{"phoneCode": "D0000"})
	given := l.command(team, "POST /v1/placements/{id}/stay-code", fields{"replaces": 0}, r).str("code")
	for _, say := range []string{"move", "leave"} {
		l.command("", "POST /v1/stay", fields{"code": given, "action": say})
	}
	gone := l.request("best", aGirl)
	given = l.command(team, "POST /v1/placements/{id}/stay-code", fields{"replaces": 0}, gone).str("code")
	l.command("", "POST /v1/stay", fields{"code": given, "action": "withdraw"})
}

// rescue is an operation with many parties.
func (l *life) rescue() {
	team := testworld.Team
	party := fields{"together": "required", "persons": []fields{aGirl}}
	start := fields{"rescuedAt": "2026-11-24T19:40:00Z", "place": fields{"district": string(testworld.District)}, "urgency": "now",
		"consent": theirWish, "escort": theirEscort, "parties": []fields{party, party}}
	r := l.command(team, "POST /v1/rescues", start).str("id")
	l.command(team, "POST /v1/rescues/{id}/parties", fields{"parties": []fields{party}}, r)
	l.command(team, "POST /v1/rescues/{id}/plan", nil, r)
	l.command(team, "POST /v1/rescues/{id}/confirm", nil, r)
	parties, _ := l.look(team, "/v1/rescues/"+r).body["parties"].([]any)
	at := map[string][]string{}
	for _, entry := range parties {
		one, _ := entry.(fields)
		id := fmt.Sprint(one["placement"])
		s, staff := l.house(id)
		l.chooseHeld(id)
		l.move(staff, id, "accept", nil)
		at[s] = append(at[s], id)
	}
	l.command(team, "POST /v1/rescues/{id}/depart", fields{"socialWorker": true}, r)
	for s, ids := range at {
		l.command(testworld.StaffOf(s), "POST /v1/shelters/{id}/receive", fields{"placements": ids}, s)
	}
}

// registers are the ministry's.
func (l *life) registers() {
	home := fields{"registryKey": "WB-9", "district": string(testworld.District), "type": "childrens_home", "registeredUntil": "2027-11-30", "houseRules": []string{"no_visits"},
		"units": []fields{{"unit": "girls", "population": "girls", "ages": []string{"12-14"}, "sanctioned": 25}}}
	s := l.command(testworld.Ministry, "POST /v1/shelters", home).str("id")
	for _, step := range []string{"vet", "activate", "suspend", "resume"} {
		l.command(testworld.Ministry, "POST /v1/shelters/{id}/"+step, nil, s)
	}
	home["maxStayDays"] = 180
	l.commandIf(testworld.Ministry, "PUT /v1/shelters/{id}", l.look(testworld.Ministry, "/v1/shelters/"+s).header.Get("ETag"), home, s)
	l.command(testworld.Ministry, "POST /v1/imports", "key,district,type,unit,population,ages,sanctioned,day,staffed,present\n"+
		"A-1,IN-LGD-315,other,women,women,18-24;25-59,10,2026-11-20,10,7\n")
	l.command(testworld.Ministry, "POST /v1/imports", "key,district,type,unit,population,ages,sanctioned,day,staffed,present\n"+
		"A-1,IN-LGD-315,other,women,women,18-24;25-59,10,2026-11-20,10,8\n") // the first was wrong
	who := "a-new-member"
	l.commandIf(testworld.Ministry, "PUT /v1/memberships/{subject}", `"0"`, fields{"role": "shelter", "scope": s}, who)
	l.command(testworld.Ministry, "POST /v1/memberships/{subject}/revoke", fields{"version": 1}, who)
	l.commandIf(testworld.Ministry, "PUT /v1/memberships/{subject}", `"2"`, fields{"role": "shelter", "scope": s}, who)
}

// houses are what shelters tell of themselves.
func (l *life) houses() {
	l.commandIf(testworld.StaffOf("HOMA"), "PUT /v1/shelters/{id}/numbers", `"0"`, fields{"numbers": []string{"+1 202 555 0143"}}, "HOMA") // kept free for fiction
	for _, text := range []string{"BEDS G 3", "UNDO", "SAME"} {
		l.command(testworld.Carrier, "POST /v1/messages", fields{"from": "0012025550143", "text": text, "receivedAt": l.world.Now().Format(time.RFC3339)})
	}
	staff := testworld.StaffOf("GRLS")
	etag := l.look(staff, "/v1/shelters/GRLS").body["units"].([]any)[0].(fields)["version"]
	l.world.Pass(time.Minute)
	l.commandIf(staff, "PUT /v1/shelters/{id}/units/{unit}", fmt.Sprint(etag), fields{"countedAt": l.world.Now().Format(time.RFC3339), "present": 12, "staffed": 40, "outOfService": 0}, "GRLS", "girls")
	counted := l.look(staff, "/v1/shelters/GRLS").body["units"].([]any)[0].(fields)["version"]
	l.command(staff, "POST /v1/shelters/{id}/units/{unit}/undo", fields{"version": counted}, "GRLS", "girls")
	l.world.Pass(time.Hour)
	l.command(staff, "POST /v1/shelters/{id}/confirm-counts", nil, "GRLS")
	l.command(staff, "POST /v1/shelters/{id}/admissions", fields{"unit": "girls", "persons": []fields{aGirl}, "consent": theirWish}, "GRLS")
	l.command(testworld.Desk, "POST /v1/shelters/{id}/surge", fields{"population": "girls", "ages": []string{"12-14"}, "beds": 4, "endsAt": "2026-11-27T20:00:00Z"}, "GRLS")
	l.command(staff, "POST /v1/shelters/{id}/close", nil, "GRLS")
}

// commandRoutes are the routes of the API that change something.
func commandRoutes(t *testing.T) (routes []string) {
	t.Helper()
	raw, err := httpapi.Document()
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths map[string]map[string]any `json:"paths"`
	}
	if err := json.NewDecoder(bytes.NewReader(raw)).Decode(&doc); err != nil {
		t.Fatal(err)
	}
	for path, methods := range doc.Paths {
		for method := range methods {
			if method != "get" && method != "head" {
				routes = append(routes, strings.ToUpper(method)+" "+path)
			}
		}
	}
	return routes
}

// Every command of the API is sent again, by the same phone and to the letter:
// between the commands that follow it and when all is over, three times each and 1
// to 20 times each, in any order and up to seven days late. Each acts once. A new
// command fails here until the life above tells it.
func TestEveryCommandOfTheAPIAgainUpToSevenDaysLate(t *testing.T) {
	for name, copies := range map[string]func(r *rand.Rand) int{
		"three times each":   func(*rand.Rand) int { return 3 },
		"1 to 20 times each": func(r *rand.Rand) int { return 1 + r.IntN(20) },
	} {
		t.Run(name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(11, 5))
			l := newLife(t)
			total := 0
			l.after = func(l *life) { // some of what was sent before comes again
				for range random.IntN(3) {
					l.copy(l.noted[random.IntN(len(l.noted))])
					total++
				}
			}
			l.live()
			told := map[string]bool{}
			var mail []sent
			for _, q := range l.noted {
				told[q.route] = true
				for range copies(random) {
					mail = append(mail, q)
				}
			}
			routes := commandRoutes(t)
			for _, route := range routes {
				if !told[route] {
					t.Errorf("%s is a command that is not sent here", route)
				}
			}
			random.Shuffle(len(mail), func(i, j int) { mail[i], mail[j] = mail[j], mail[i] })
			each := 7 * 24 * time.Hour / time.Duration(len(mail))
			for _, q := range mail {
				l.copy(q)
				l.world.Pass(each)
			}
			if !t.Failed() {
				t.Logf("late copies: %d of %d commands on all %d routes that change something, over seven days: one effect each, no more", total+len(mail), len(l.noted), len(routes))
			}
		})
	}
}
