package httpapi_test

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"panah/internal/code"
	"panah/internal/placement"
	"panah/internal/testworld"
)

// woman is an adult who asks by her own consent.
const woman = `{"rescuedAt":"2026-11-24T19:40:00Z","place":{"district":"IN-LGD-315"},"urgency":"now",
 "party":{"together":"required","persons":[{"ageBand":"25-59","ageStatus":"stated","placeWith":"women","languages":["bn"],"needs":["health_medical"]}]},
 "consent":{"basis":"consent","view":"agrees","heardIn":"bn","heardVia":"directly"},
 "escort":{"socialWorker":true,"woman":true},"maxJourneyMinutes":180,"hold":"best","limit":3}`

// speaker says things with one survivor's code.
type speaker struct {
	client
	code string
	n    int
}

func (s *speaker) say(action string, more ...string) answer {
	s.t.Helper()
	s.n++
	return s.sayAgain(fmt.Sprintf("key-say-%s-%04d", s.code[:4], s.n), action, more...)
}

func (s *speaker) sayAgain(key, action string, more ...string) answer {
	body := map[string]any{"code": s.code, "action": action}
	if len(more) > 0 {
		body["about"] = more[0]
	}
	return s.do("POST", "/v1/stay", key, body)
}

// codeOver is the body of a request for a code in place of the one so numbered.
func codeOver(no int) map[string]any { return map[string]any{"replaces": no} }

// coded gives the survivor of a placement a code, by whoever asks for it.
func coded(as func(string) client, by, id, key string, replaces ...int) *speaker {
	as("").t.Helper()
	no := 0
	for _, no = range replaces {
	}
	a := as(by).do("POST", "/v1/placements/"+id+"/stay-code", key, codeOver(no)).want(as("").t, 201)
	return &speaker{client: as(""), code: a.str("code")}
}

// arrived brings a party into the shelter that is held for it.
func arrived(t *testing.T, as func(string) client, p answer) (shelter string) {
	t.Helper()
	shelter = p.str("hold", "shelter")
	staff := as(testworld.StaffOf(shelter))
	staff.do("POST", "/v1/placements/"+p.str("id")+"/accept", "key-acc-"+p.str("id")[20:], map[string]any{"holdNo": 1}).want(t, 200)
	staff.do("POST", "/v1/placements/"+p.str("id")+"/receive", "key-rec-"+p.str("id")[20:], map[string]any{}).want(t, 200)
	return shelter
}

func TestASurvivorSeesTheirStayAndNothingOfWhereItIs(t *testing.T) {
	eachWay(t, func(t *testing.T, _ *testworld.World, as func(string) client) {
		p := as(testworld.Team).do("POST", "/v1/placements", "key-00000001", woman).want(t, 201)
		me := coded(as, testworld.Team, p.str("id"), "key-code-0001")
		before := me.say("view").want(t, 200)
		if before.str("state") != "held" || before.str("decides") != "you" || before.get("mayLeave") != true || before.str("helpline") != "181" {
			t.Fatalf("before arrival %s", before.Raw)
		}
		shelter := arrived(t, as, p)
		here := me.say("view").want(t, 200)
		if here.str("stay", "basis") != "voluntary" || here.str("stay", "reviewBy") == "" || fmt.Sprint(here.get("mayAsk")) != "[view leave move complain withdraw]" {
			t.Fatalf("after arrival %s", here.Raw)
		}
		if clocks := here.Body["clocks"].([]any); len(clocks) != 1 || clocks[0].(map[string]any)["id"] != "review.voluntary" {
			t.Fatalf("clocks %s", here.Raw)
		}
		leave := me.say("leave").want(t, 200)
		if leave.get("mayLeave") != true || !strings.Contains(leave.Raw, "You need nobody's permission") {
			t.Fatalf("leave %s", leave.Raw)
		}
		for _, secret := range []string{shelter, "IN-LGD", "team-a", p.str("id"), me.code, strings.ReplaceAll(me.code, "-", "")} {
			if strings.Contains(before.Raw+here.Raw+leave.Raw, secret) {
				t.Errorf("an answer to the survivor says %s", secret)
			}
		}
		if leave.Header.Get("Cache-Control") != "no-store" {
			t.Error("the answer may be kept on the phone")
		}
		list := as(testworld.Desk).do("GET", "/v1/alerts", "", nil).want(t, 200)
		if !strings.Contains(list.Raw, `"kind":"wish_to_leave","placement":"`+p.str("id")) {
			t.Fatalf("the desk was not told: %s", list.Raw)
		}
	})
}

func TestACodeIsGivenByTeamBeforeArrivalByTheDeskAlwaysByAShelterNever(t *testing.T) {
	eachWay(t, func(t *testing.T, w *testworld.World, as func(string) client) {
		p := as(testworld.Team).do("POST", "/v1/placements", "key-00000001", woman).want(t, 201)
		path := "/v1/placements/" + p.str("id") + "/stay-code"
		staff := as(testworld.StaffOf(p.str("hold", "shelter")))
		staff.do("POST", path, "key-code-0001", codeOver(0)).want(t, 403)
		as(testworld.Ministry).do("POST", path, "key-code-0001", codeOver(0)).want(t, 403)
		as(testworld.OtherTeam).do("POST", path, "key-code-0001", codeOver(0)).want(t, 404)
		as("").do("POST", path, "key-code-0001", codeOver(0)).want(t, 401)
		as(testworld.Team).do("POST", path, "", codeOver(0)).want(t, 400)

		first := as(testworld.Team).do("POST", path, "key-code-0001", codeOver(0)).want(t, 201)
		again := as(testworld.Team).do("POST", path, "key-code-0001", codeOver(0)).want(t, 200)
		if first.str("code") == "" || again.str("code") != first.str("code") || again.Header.Get("Idempotency-Replayed") != "true" || again.get("number") != 1.0 {
			t.Fatalf("a lost answer is given again: %s and %s", first.Raw, again.Raw)
		}
		if !placement.HearStayCode(first.str("code")).Whole() || len(first.str("code")) != 19 {
			t.Fatalf("code %s", first.Raw)
		}
		arrived(t, as, p)
		as(testworld.Team).do("POST", path, "key-code-0002", codeOver(1)).want(t, 409)
		second := as(testworld.Desk).do("POST", path, "key-code-0003", codeOver(1)).want(t, 201)
		if second.str("code") == first.str("code") || second.get("number") != 2.0 {
			t.Fatalf("second %s", second.Raw)
		}
		old, fresh := &speaker{client: as(""), code: first.str("code")}, &speaker{client: as(""), code: second.str("code")}
		old.say("view").want(t, 404)
		fresh.say("view").want(t, 200)
		if late := as(testworld.Team).do("POST", path, "key-code-0001", codeOver(0)).want(t, 200); late.str("code") != "" {
			t.Fatalf("who made the code before is shown the new one: %s", late.Raw)
		}
		w.Pass(2 * time.Hour)
		if late := as(testworld.Desk).do("POST", path, "key-code-0003", codeOver(1)).want(t, 200); late.str("code") != "" {
			t.Fatalf("a code is shown for ever: %s", late.Raw)
		}
	})
}

func TestEveryCodeThatIsNobodysIsAnsweredAlike(t *testing.T) {
	eachWay(t, func(t *testing.T, _ *testworld.World, as func(string) client) {
		p := as(testworld.Team).do("POST", "/v1/placements", "key-00000001", woman).want(t, 201)
		replaced := coded(as, testworld.Team, p.str("id"), "key-code-0001")
		mine := coded(as, testworld.Team, p.str("id"), "key-code-0002", 1)
		other := string(placement.MakeStayCode([]byte("another secret"), p.str("id"), 1))
		last := map[bool]string{true: "0", false: "1"}[mine.code[18] != '0']
		mistaken := mine.code[:18] + last
		var seen []string
		for i, said := range []string{other, replaced.code, mistaken, "hello", "7", strings.Repeat("9", 40), p.str("id")} {
			a := as("").do("POST", "/v1/stay", fmt.Sprintf("key-wrong-%03d", i), map[string]any{"code": said, "action": "withdraw"}).want(t, 404)
			seen = append(seen, a.Raw)
		}
		for _, raw := range seen {
			if raw != seen[0] {
				t.Errorf("one wrong code is answered %s, another %s", seen[0], raw)
			}
		}
		as("").do("POST", "/v1/stay", "", map[string]any{"code": mine.code, "action": "view"}).want(t, 400)
		for i, bad := range []string{`{"code":"` + mine.code + `","action":"sing"}`, `{"code":"` + mine.code + `","action":"complain"}`, `{"action":"view"}`,
			`{"code":"` + mine.code + `","action":"leave","about":"unsafe"}`, `{"code":"` + mine.code + `","action":"complain","about":"other","story":"he hit me"}`} {
			a := as("").do("POST", "/v1/stay", fmt.Sprintf("key-bad-%05d", i), bad).want(t, 422)
			if strings.Contains(a.Raw, mine.code) || strings.Contains(a.Raw, "hit") || !strings.Contains(a.Raw, `"field"`) {
				t.Errorf("%s: %s", bad, a.Raw)
			}
		}
		lower := &speaker{client: as(""), code: strings.ToLower(strings.ReplaceAll(mine.code, "-", " "))}
		lower.say("view").want(t, 200)
	})
}

func TestWithdrawnBeforeArrivalItIsGoneForEverybodyItWasSharedWith(t *testing.T) {
	eachWay(t, func(t *testing.T, w *testworld.World, as func(string) client) {
		w.Add(t, testworld.Home("WOMB", testworld.District, code.ShaktiSadan, testworld.Unit("WOMB", "women", code.Women, code.AdultBands, 25, 20)))
		w.Pass(2 * time.Second)
		team, desk := as(testworld.Team), as(testworld.Desk)
		p := team.do("POST", "/v1/placements", "key-00000001", woman).want(t, 201)
		base, first := "/v1/placements/"+p.str("id"), p.str("hold", "shelter")
		me := coded(as, testworld.Team, p.str("id"), "key-code-0001")
		as(testworld.StaffOf(first)).do("POST", base+"/decline", "key-00000002", map[string]any{"holdNo": 1, "reason": "staffing"}).want(t, 200)
		now := team.do("GET", base, "", nil).want(t, 200)
		second := now.str("hold", "shelter")
		if second == "" || second == first {
			t.Fatalf("held elsewhere: %s", now.Raw)
		}
		unit := w.Unit(t, second, "women").Counts()
		said := me.say("withdraw").want(t, 200)
		if said.str("state") != "cancelled" || said.str("consentWithdrawnAt") == "" || strings.Contains(fmt.Sprint(said.get("mayAsk")), "withdraw") {
			t.Fatalf("withdrawn %s", said.Raw)
		}
		if c := w.Unit(t, second, "women").Counts(); c.Held() != unit.Held()-1 || c.Free() != unit.Free()+1 {
			t.Fatalf("the bed is not given back: %+v", c)
		}
		if twice := me.sayAgain("key-say-"+me.code[:4]+"-0001", "withdraw").want(t, 200); twice.Header.Get("Idempotency-Replayed") != "true" {
			t.Fatalf("sent again %s", twice.Raw)
		}
		refused := me.say("withdraw").want(t, 409)
		if fmt.Sprint(refused.get("allowed")) != "[view complain]" {
			t.Fatalf("a second time %s", refused.Raw)
		}

		receipts := desk.do("GET", base+"/receipts", "", nil).want(t, 200)
		if n := strings.Count(receipts.Raw, `"noticeAt"`); n != 3 || strings.Contains(receipts.Raw, "deliveredAt") {
			t.Fatalf("receipts %s", receipts.Raw)
		}
		gone := team.do("GET", base, "", nil).want(t, 410)
		if gone.Header.Get("Content-Type") != "application/problem+json" || gone.str("type") != "urn:panah:problem:gone" {
			t.Fatalf("gone %s", gone.Raw)
		}
		team.do("POST", base+"/cancel", "key-00000003", map[string]any{"version": 4, "reason": "own_wish"}).want(t, 410)
		team.do("GET", base+"/options", "", nil).want(t, 410)
		team.do("POST", base+"/stay-code", "key-00000004", codeOver(1)).want(t, 410)
		team.do("POST", "/v1/placements", "key-00000001", woman).want(t, 410)
		as(testworld.OtherTeam).do("GET", base, "", nil).want(t, 404)
		as(testworld.StaffOf(second)).do("POST", base+"/accept", "key-00000005", map[string]any{"holdNo": 2}).want(t, 410)
		as(testworld.StaffOf("MENS")).do("POST", base+"/accept", "key-00000005", map[string]any{"holdNo": 2}).want(t, 404)
		old := as(testworld.StaffOf(first)).do("GET", "/v1/shelters/"+first+"/arrivals", "", nil).want(t, 200)
		if !strings.Contains(old.Raw, `"withdrawn":[{"id":"`+p.str("id")) || strings.Contains(old.Raw, "health_medical") {
			t.Fatalf("the first shelter is told %s", old.Raw)
		}
		mine := team.do("GET", "/v1/placements", "", nil).want(t, 200)
		if len(mine.Body["placements"].([]any)) != 0 || !strings.Contains(mine.Raw, `"withdrawn":[{"id":"`+p.str("id")) {
			t.Fatalf("the list %s", mine.Raw)
		}
		done := desk.do("GET", base+"/receipts", "", nil).want(t, 200)
		if strings.Count(done.Raw, `"deliveredAt"`) != 3 || strings.Count(done.Raw, `"how":"gone"`) != 2 || strings.Count(done.Raw, `"how":"list"`) != 1 {
			t.Fatalf("receipts %s", done.Raw)
		}
		team.do("GET", base+"/receipts", "", nil).want(t, 403)
		as(testworld.StaffOf(first)).do("GET", base+"/receipts", "", nil).want(t, 403)
		if seen := desk.do("GET", base, "", nil).want(t, 200); strings.Contains(seen.Raw, "health_medical") || strings.Contains(seen.Raw, `"bn"`) {
			t.Fatalf("needs and languages are kept: %s", seen.Raw)
		}
		w.Pass(25 * time.Hour)
		for _, want := range []int{1, 0} { // named a last time, then no more
			a := as(testworld.StaffOf(first)).do("GET", "/v1/shelters/"+first+"/arrivals", "", nil).want(t, 200)
			if n := len(a.Body["withdrawn"].([]any)); n != want {
				t.Fatalf("named %d times: %s", n, a.Raw)
			}
		}
		// They came all the same: a fact, with nothing told of them.
		in := as(testworld.StaffOf(second)).do("POST", base+"/receive", "key-00000006", map[string]any{}).want(t, 200)
		if in.str("state") != "arrived" || strings.Contains(in.Raw, "health_medical") || w.Unit(t, second, "women").Counts().Occupied() != unit.Occupied()+1 {
			t.Fatalf("received %s", in.Raw)
		}
	})
}

func TestWithdrawnAfterArrivalTheStayRemainsAndWhatWasToldIsErased(t *testing.T) {
	eachWay(t, func(t *testing.T, w *testworld.World, as func(string) client) {
		team := as(testworld.Team)
		p := team.do("POST", "/v1/placements", "key-00000001", woman).want(t, 201)
		base := "/v1/placements/" + p.str("id")
		me := coded(as, testworld.Team, p.str("id"), "key-code-0001")
		shelter := arrived(t, as, p)
		staff := as(testworld.StaffOf(shelter))
		before := w.Unit(t, shelter, "women").Counts()
		if said := me.say("withdraw").want(t, 200); said.str("state") != "arrived" {
			t.Fatalf("withdrawn %s", said.Raw)
		}
		if c := w.Unit(t, shelter, "women").Counts(); c != before {
			t.Fatalf("counts changed: %+v, %+v", before, c)
		}
		now := team.do("GET", base, "", nil).want(t, 200)
		list := staff.do("GET", "/v1/shelters/"+shelter+"/arrivals", "", nil).want(t, 200)
		for _, a := range []answer{now, list} {
			if strings.Contains(a.Raw, "health_medical") || strings.Contains(a.Raw, `"bn"`) || !strings.Contains(a.Raw, p.str("id")) {
				t.Errorf("still shared: %s", a.Raw)
			}
		}
		if !strings.Contains(list.Raw, `"delete":"needs_and_languages"`) || strings.Contains(strings.Join(now.next(), " "), "correct") {
			t.Errorf("told %s, %v", list.Raw, now.next())
		}
		persons := []any{map[string]any{"ageBand": "25-59", "ageStatus": "stated", "placeWith": "women", "needs": []string{"legal_assistance"}}}
		team.do("POST", base+"/correct", "key-00000003", map[string]any{"version": now.get("version"), "persons": persons}).want(t, 409)
		ended := staff.do("POST", base+"/end", "key-00000004", map[string]any{"reason": "own_wish"}).want(t, 200)
		if ended.str("state") != "ended" || w.Unit(t, shelter, "women").Counts().Occupied() != before.Occupied()-1 {
			t.Fatalf("ended %s", ended.Raw)
		}
	})
}

func TestAChildsWithdrawalGoesToThoseWhoDecide(t *testing.T) {
	eachWay(t, func(t *testing.T, w *testworld.World, as func(string) client) {
		p := as(testworld.Team).do("POST", "/v1/placements", "key-00000001", siblings).want(t, 201)
		me := coded(as, testworld.Desk, p.str("id"), "key-code-0001")
		said := me.say("withdraw").want(t, 200)
		if said.str("state") != "held" || said.str("decides") != "committee" || said.get("mayLeave") != false || said.get("consentWithdrawnAt") != nil {
			t.Fatalf("a child's protection was dropped by a code: %s", said.Raw)
		}
		if said.str("helpline") != "1098" || !strings.Contains(said.Raw, `"what":"withdraw"`) {
			t.Fatalf("said %s", said.Raw)
		}
		list := as(testworld.Desk).do("GET", "/v1/alerts", "", nil).want(t, 200)
		if !strings.Contains(list.Raw, "wish_to_withdraw") {
			t.Fatalf("the desk was not told: %s", list.Raw)
		}
		if w.Unit(t, "HOMA", "girls").Counts().Held() != 1 {
			t.Fatal("the bed was given away")
		}
	})
}

// A complaint, a wish, even that there is a code: a shelter cannot tell. Two worlds
// differ only in that; every answer to a shelter caller is the same, byte for byte.
func TestNoAnswerToAShelterDiffersByAComplaint(t *testing.T) {
	life := func(t *testing.T, as func(string) client, w *testworld.World, speak bool) (seen []string) {
		p := as(testworld.Team).do("POST", "/v1/placements", "key-00000001", woman).want(t, 201)
		base, shelter := "/v1/placements/"+p.str("id"), p.str("hold", "shelter")
		staff, desk := as(testworld.StaffOf(shelter)), as(testworld.Desk)
		note := func(a answer) { seen = append(seen, fmt.Sprint(a.Status, a.Header.Get("ETag"), a.Raw)) }
		n := 0
		aloud := func(asks ...string) {
			n++
			if !speak {
				return
			}
			me := coded(as, testworld.Desk, p.str("id"), fmt.Sprintf("key-code-%04d", n), n-1)
			for _, ask := range asks {
				action, about, _ := strings.Cut(ask, " ")
				if about != "" {
					me.say(action, about).want(t, 200)
				} else {
					me.say(action).want(t, 200)
				}
			}
		}
		look := func() {
			w.Feed(t)
			synced := staff.do("GET", "/v1/sync", "", nil)
			note(answer{Status: synced.Status, Raw: fmt.Sprint(synced.Body["reset"], synced.Body["arrivals"], synced.Body["gone"], synced.Body["more"])}) // a cursor is random
			note(staff.do("GET", "/v1/shelters/"+shelter, "", nil))
			note(staff.do("GET", "/v1/shelters/"+shelter+"/arrivals", "", nil))
			note(staff.do("GET", "/v1/shelters/"+shelter+"/must-move", "", nil))
			note(staff.do("GET", "/v1/shelters/"+shelter+"/units/women/log", "", nil))
			note(staff.do("GET", base, "", nil))
			note(staff.do("GET", base+"/receipts", "", nil))
			note(staff.do("GET", "/v1/alerts", "", nil))
			note(staff.do("POST", base+"/stay-code", "key-code-no-1", codeOver(0)))
		}
		aloud("complain unsafe")
		look()
		note(staff.do("POST", base+"/accept", "key-00000002", map[string]any{"version": 1}))
		aloud("complain money_or_work", "move")
		look()
		note(staff.do("POST", base+"/receive", "key-00000003", map[string]any{}))
		aloud("complain locked_in", "leave", "complain mistreated")
		look()
		if speak {
			list := desk.do("GET", "/v1/alerts", "", nil).want(t, 200)
			if strings.Count(list.Raw, `"kind":"complaint"`) != 4 || !strings.Contains(list.Raw, `"about":"money_or_work","serious":true`) || strings.Count(list.Raw, `"serious"`) != 4 {
				t.Fatalf("the desk was told %s", list.Raw)
			}
		}
		note(staff.do("POST", base+"/end", "key-00000004", map[string]any{"reason": "own_wish"}))
		aloud("complain no_care")
		look()
		return seen
	}
	var said, silent []string
	eachWay(t, func(t *testing.T, w *testworld.World, as func(string) client) { said = life(t, as, w, true) })
	eachWay(t, func(t *testing.T, w *testworld.World, as func(string) client) { silent = life(t, as, w, false) })
	for i := range silent {
		a, b := said[i], silent[i]
		if i < len(said) && doors(a) != doors(b) {
			t.Errorf("answer %d differs:\n%s\n%s", i, a, b)
		}
	}
	if len(said) != len(silent) || len(said) < 30 {
		t.Fatalf("%d answers and %d", len(said), len(silent))
	}
}

// doors leaves out half a door code, which is random.
func doors(raw string) string { return doorCode.ReplaceAllString(raw, "") }

var doorCode = regexp.MustCompile(`"?doorCode"?:"?D\d+"?`)

// A serious complaint keeps new parties from the house until the desk has looked
// into it; a party that the house is promised to is not turned away.
func TestASeriousComplaintPausesNewOffersUntilItWasLookedInto(t *testing.T) {
	eachWay(t, func(t *testing.T, _ *testworld.World, as func(string) client) {
		team, desk := as(testworld.Team), as(testworld.Desk)
		p := team.do("POST", "/v1/placements", "key-00000001", woman).want(t, 201)
		waiting := team.do("POST", "/v1/placements", "key-00000002", woman).want(t, 201)
		shelter := arrived(t, as, p)
		me := coded(as, testworld.Desk, p.str("id"), "key-code-0001")
		me.say("complain", "no_care").want(t, 200)
		if other := team.do("POST", "/v1/placements", "key-00000003", woman).want(t, 201); other.str("hold", "shelter") != shelter {
			t.Fatalf("a complaint that is not serious keeps people out: %s", other.Raw)
		}
		me.say("complain", "unsafe").want(t, 200)
		me.say("complain", "mistreated").want(t, 200)
		if out := team.do("POST", "/v1/placements", "key-00000004", woman).want(t, 201); out.str("state") != "waitlisted" {
			t.Fatalf("somebody new is offered the house: %s", out.Raw)
		}
		base := "/v1/placements/" + waiting.str("id")
		team.do("POST", base+"/choose", "key-00000005", map[string]any{"holdNo": 1, "option": "o-" + shelter, "chosenBy": "self", "houseRulesShown": true}).want(t, 200)
		as(testworld.StaffOf(shelter)).do("POST", base+"/accept", "key-00000006", map[string]any{"holdNo": 1}).want(t, 200)

		acknowledge := func(n int) {
			list := desk.do("GET", "/v1/alerts", "", nil).want(t, 200)
			for _, one := range list.Body["alerts"].([]any) {
				if a := one.(map[string]any); a["pauses"] == shelter && n > 0 {
					n--
					desk.do("POST", "/v1/alerts/"+url.PathEscape(a["id"].(string))+"/acknowledge", "key-ack-0001", nil).want(t, 200)
				}
			}
			if n != 0 {
				t.Fatalf("%d alerts are missing: %s", n, list.Raw)
			}
		}
		acknowledge(1)
		if out := team.do("POST", "/v1/placements", "key-00000007", woman).want(t, 201); out.str("state") != "waitlisted" {
			t.Fatalf("one of two complaints was looked into: %s", out.Raw)
		}
		acknowledge(1)
		if in := team.do("POST", "/v1/placements", "key-00000008", woman).want(t, 201); in.str("hold", "shelter") != shelter {
			t.Fatalf("the pause does not end: %s", in.Raw)
		}
	})
}

// Who was taken for a child, or for an adult, is told what holds for who they are.
func TestACorrectedAgeIsToldToTheSurvivorToo(t *testing.T) {
	child := strings.Replace(woman, `"ageBand":"25-59","ageStatus":"stated","placeWith":"women"`, `"ageBand":"15-17","ageStatus":"stated","placeWith":"girls"`, 1)
	is := func(age, status, with string) map[string]any {
		return map[string]any{"version": 3, "persons": []map[string]any{{"ageBand": age, "ageStatus": status, "placeWith": with, "languages": []string{"bn"}}}}
	}
	for name, c := range map[string]struct {
		asked         string
		corrected     map[string]any
		basis, decide string
		leaves        bool
	}{
		"an adult": {child, is("25-59", "documented", "women"), "voluntary", "you", true},
		"a child":  {woman, is("15-17", "stated", "girls"), "awaiting_committee", "committee", false},
	} {
		t.Run(name, func(t *testing.T) {
			eachWay(t, func(t *testing.T, _ *testworld.World, as func(string) client) {
				p := as(testworld.Team).do("POST", "/v1/placements", "key-00000001", c.asked).want(t, 201)
				me := coded(as, testworld.Team, p.str("id"), "key-code-0001")
				arrived(t, as, p)
				as(testworld.Team).do("POST", "/v1/placements/"+p.str("id")+"/correct", "key-correct-1", c.corrected).want(t, 200)
				now := me.say("view").want(t, 200)
				if now.str("stay", "basis") != c.basis || now.str("decides") != c.decide || now.get("mayLeave") != c.leaves || strings.Contains(now.Raw, "committee decides") == c.leaves {
					t.Error(now.Raw)
				}
			})
		})
	}
}

// A decision says nothing that the law does not know: no child stays of its own will,
// and no review is before the decision.
func TestADecisionThatCannotBeNamesItsField(t *testing.T) {
	eachWay(t, func(t *testing.T, _ *testworld.World, as func(string) client) {
		p := as(testworld.Team).do("POST", "/v1/placements", "key-00000001", siblings).want(t, 201)
		path := "/v1/placements/" + p.str("id") + "/decisions"
		for field, body := range map[string]map[string]any{
			"basis":    {"decision": "stay", "basis": "voluntary"},
			"reviewBy": {"decision": "stay", "basis": "cwc_order", "reviewBy": "2025-01-01T00:00:00Z"},
		} {
			a := as(testworld.Desk).do("POST", path, "key-decide-"+field, body).want(t, 422)
			if !strings.Contains(a.Raw, `"field":"`+field+`"`) || strings.Contains(a.Raw, "2025") {
				t.Error(a.Raw)
			}
		}
		team := as(testworld.Team)
		team.do("POST", "/v1/placements/"+p.str("id")+"/cancel", "key-cancel-1", map[string]any{"version": 1, "reason": "placed_elsewhere"}).want(t, 200)
		now := as(testworld.Desk).do("GET", "/v1/placements/"+p.str("id"), "", nil).want(t, 200)
		if now.get("pendingCommittee") != true || strings.Join(now.next(), " ") != "decisions" {
			t.Error(now.Raw)
		}
		as(testworld.Desk).do("POST", path, "key-decide-last", map[string]any{"decision": "produced"}).want(t, 200)
	})
}
