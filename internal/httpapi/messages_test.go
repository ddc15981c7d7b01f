package httpapi_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"panah/internal/caller"
	"panah/internal/httpapi"
	"panah/internal/record"
	"panah/internal/table"
	"panah/internal/testworld"
)

const phone = "+1 202 555 0143" // kept free for fiction

// texter sends messages as a carrier's software does.
type texter struct {
	client
	w *testworld.World
	n *int
}

func (x texter) at(from, text string, at time.Time) answer {
	x.t.Helper()
	*x.n++
	return x.do("POST", "/v1/messages", fmt.Sprintf("provider-id-%04d", *x.n), map[string]any{"from": from, "text": text, "receivedAt": at.Format(time.RFC3339)}).want(x.t, 200)
}

func (x texter) say(text string) answer { x.t.Helper(); return x.at("0012025550143", text, x.w.Now()) }

// registered is a world in which HOMA's phone counts beds.
func registered(t *testing.T, w *testworld.World, as func(string) client) texter {
	t.Helper()
	set := as(testworld.StaffOf("HOMA")).do("PUT", "/v1/shelters/HOMA/numbers", "", map[string]any{"numbers": []string{phone}}, "If-Match", "0").want(t, 200)
	if set.get("count") != 1.0 || strings.Contains(set.Raw, "2025550143") {
		t.Fatalf("set %s", set.Raw)
	}
	return texter{as(testworld.Carrier), w, new(int)}
}

func TestBedsAreCountedByTextMessage(t *testing.T) {
	eachWay(t, func(t *testing.T, w *testworld.World, as func(string) client) {
		x := registered(t, w, as)
		girls := func() string {
			u := w.Unit(t, "HOMA", "girls")
			return fmt.Sprintf("%d of %d, free %d", u.Counts().Occupied(), u.Counts().Staffed(), u.Counts().Free())
		}
		a := x.say("BEDS G 3")
		if a.str("reply") != "girls: 3 beds empty, 27 people here. Wrong? Send UNDO within 15 minutes." || a.get("changed") != true || girls() != "27 of 30, free 3" {
			t.Fatalf("%s, stored %s", a.Raw, girls())
		}
		if u := w.Unit(t, "HOMA", "girls"); !u.ConfirmedAt.Equal(w.Now()) || u.By != testworld.StaffOf("HOMA") || u.Census != 2 {
			t.Errorf("unit %+v", u)
		}
		if boys := w.Unit(t, "HOMA", "boys"); boys.Census != 1 {
			t.Error("one message changes one counter")
		}
		if a := x.say("beds girls ३१"); a.get("changed") != false || !strings.Contains(a.str("reply"), "30 beds") || girls() != "27 of 30, free 3" {
			t.Errorf("more than the maximum: %s", a.Raw)
		}
		w.Pass(time.Minute)
		if a := x.say("Present girls ৩২"); a.str("reply") != "girls: 32 people here in 30 beds, over capacity. Wrong? Send UNDO within 15 minutes." || girls() != "32 of 30, free -2" {
			t.Errorf("over capacity is a fact: %s, %s", a.Raw, girls())
		}
		if a := x.say("UNDO"); a.str("reply") != "Undone. girls is as before: 3 beds empty, 27 people here." || girls() != "27 of 30, free 3" {
			t.Errorf("undo: %s, %s", a.Raw, girls())
		}
		if a := x.say("UNDO"); a.get("changed") != false {
			t.Errorf("one undo takes back one count: %s", a.Raw)
		}
		w.Pass(time.Hour)
		if a := x.say("same"); a.str("reply") != "Thank you, confirmed. boys: 5 beds empty, 15 people here. girls: 3 beds empty, 27 people here." || a.get("changed") != true {
			t.Errorf("same: %s", a.Raw)
		}
		if u := w.Unit(t, "HOMA", "boys"); !u.ConfirmedAt.Equal(w.Now()) {
			t.Error("the counts are not confirmed")
		}
		for text, want := range map[string]string{"HELP": "PRESENT boys 9", "how are you": "BEDS boys 3", "BEDS X 3": "Units: boys, girls", "BEDS 3": "Units: boys, girls", "": "BEDS boys 3"} {
			if a := x.say(text); !strings.Contains(a.str("reply"), want) || a.get("changed") != false {
				t.Errorf("%q: %s", text, a.Raw)
			}
		}
		if girls() != "27 of 30, free 3" {
			t.Errorf("something changed: %s", girls())
		}
	})
}

// A message that comes late or again overwrites nothing newer and acts once.
func TestALateOrRepeatedMessageChangesNothingNewer(t *testing.T) {
	eachWay(t, func(t *testing.T, w *testworld.World, as func(string) client) {
		x := registered(t, w, as)
		send := func(key, text string, at time.Time) answer {
			return x.do("POST", "/v1/messages", key, map[string]any{"from": phone, "text": text, "receivedAt": at.Format(time.RFC3339)})
		}
		start := w.Now()
		first := send("provider-a", "BEDS G 3", start).want(t, 200)
		w.Pass(time.Minute)
		send("provider-b", "BEDS G 9", w.Now()).want(t, 200)
		again := send("provider-a", "BEDS G 3", start).want(t, 200)
		if again.Raw != first.Raw || again.Header.Get("Idempotency-Replayed") != "true" || w.Unit(t, "HOMA", "girls").Counts().Free() != 9 {
			t.Errorf("again %v %s", again.Header, again.Raw)
		}
		send("provider-a", "BEDS G 4", start).want(t, 422)
		send("provider-a", "BEDS G 3", w.Now()).want(t, 422)

		w.Pass(48 * time.Hour)
		sent := w.Now().Add(-47 * time.Hour)
		staff := as(testworld.StaffOf("HOMA"))
		staff.do("PUT", "/v1/shelters/HOMA/units/girls", "", map[string]any{"countedAt": w.Now().Add(-time.Hour).Format(time.RFC3339), "present": 12, "staffed": 30, "outOfService": 0}, "If-Match", "3").want(t, 200)
		if a := send("provider-c", "BEDS G 1", sent).want(t, 200); a.get("changed") != false || w.Unit(t, "HOMA", "girls").Counts().Free() != 18 {
			t.Errorf("two days late: %s", a.Raw)
		}
		// Where only a confirmation came between, that is newer, too.
		staff.do("POST", "/v1/shelters/HOMA/confirm-counts", "key-confirm-1", map[string]any{}).want(t, 200)
		if a := send("provider-d", "BEDS B 1", sent).want(t, 200); a.get("changed") != false || w.Unit(t, "HOMA", "boys").Counts().Free() != 5 {
			t.Errorf("before a confirmation: %s", a.Raw)
		}
		// An undo takes back its own phone's count alone, and only while that stands.
		if a := send("provider-e", "UNDO", w.Now()).want(t, 200); a.get("changed") != false || w.Unit(t, "HOMA", "girls").Counts().Free() != 18 {
			t.Errorf("somebody else's count was undone: %s", a.Raw)
		}
		w.Pass(time.Minute)
		send("provider-f", "BEDS G 2", w.Now()).want(t, 200)
		if a := send("provider-g", "UNDO", w.Now().Add(-time.Hour)).want(t, 200); a.get("changed") != false {
			t.Errorf("an undo from before: %s", a.Raw)
		}
		w.Pass(15 * time.Minute)
		if a := send("provider-h", "UNDO", w.Now()).want(t, 200); a.get("changed") != false || w.Unit(t, "HOMA", "girls").Counts().Free() != 2 {
			t.Errorf("after a quarter of an hour: %s", a.Raw)
		}
		if a := send("provider-i", "SAME", w.Now().AddDate(0, 0, -8)).want(t, 200); a.get("changed") != false {
			t.Errorf("eight days late: %s", a.Raw)
		}
		send("provider-j", "SAME", w.Now().Add(time.Hour)).want(t, 422)
		send("short", "SAME", w.Now()).want(t, 400)
	})
}

// Any number that is not registered hears the same, whatever it writes; so does one
// whose member is staff no more, and one beyond the carrier's region.
func TestANumberThatIsNotRegisteredHearsNothing(t *testing.T) {
	eachWay(t, func(t *testing.T, w *testworld.World, as func(string) client) {
		x := registered(t, w, as)
		var first string
		for _, from := range []string{"+12025550144", "2025550143", "VM-SHELTER", "", "+1202555014३"} {
			for _, text := range []string{"BEDS G 3", "HELP", "SAME", "UNDO", "who is there?"} {
				a := x.at(from, text, w.Now())
				if first == "" {
					first = a.Raw
				}
				if a.Raw != first || strings.Contains(strings.ToLower(a.Raw), "bed") || strings.Contains(strings.ToLower(a.Raw), "unit") {
					t.Errorf("%q from %q: %s", text, from, a.Raw)
				}
			}
		}
		w.Put(t, record.FromMembership(caller.Caller{Subject: "subject-carrier-ka", Role: caller.Carrier, Scope: "IN-KA"}))
		if a := (texter{as("subject-carrier-ka"), w, new(int)}).say("HELP"); a.Raw != first {
			t.Errorf("another region's carrier: %s", a.Raw)
		}
		staff := as(testworld.StaffOf("HOMA"))
		other := as(testworld.StaffOf("HOMB"))
		body := map[string]any{"numbers": []string{phone}}
		if a := other.do("PUT", "/v1/shelters/HOMB/numbers", "", body, "If-Match", "0").want(t, 422); !strings.Contains(a.Raw, `"field":"numbers[0]"`) || strings.Contains(a.Raw, "555") {
			t.Errorf("another shelter's number: %s", a.Raw)
		}
		staff.do("PUT", "/v1/shelters/HOMA/numbers", "", body).want(t, 428)
		if a := staff.do("PUT", "/v1/shelters/HOMA/numbers", "", body, "If-Match", "7").want(t, 412); a.get("current", "version") != 1.0 {
			t.Errorf("stale %s", a.Raw)
		}
		staff.do("PUT", "/v1/shelters/HOMA/numbers", "", body, "If-Match", "0").want(t, 200) // the answer was lost
		staff.do("GET", "/v1/shelters/HOMA/numbers", "", nil).want(t, 405)
		other.do("PUT", "/v1/shelters/HOMA/numbers", "", body, "If-Match", "1").want(t, 404)
		for _, who := range []string{testworld.Team, testworld.Desk, testworld.Ministry, testworld.Carrier} {
			as(who).do("PUT", "/v1/shelters/HOMA/numbers", "", body, "If-Match", "1").want(t, 403)
		}
		for _, who := range []string{testworld.Team, testworld.Desk, testworld.Ministry, testworld.StaffOf("HOMA")} {
			as(who).do("POST", "/v1/messages", "provider-id-x", map[string]any{"from": phone, "text": "SAME", "receivedAt": w.Now().Format(time.RFC3339)}).want(t, 403)
		}
		for _, bad := range []string{"12345", "our phone", "+91 98765 4321O", "+0123456789"} {
			if a := staff.do("PUT", "/v1/shelters/HOMA/numbers", "", map[string]any{"numbers": []string{bad}}, "If-Match", "1").want(t, 422); !strings.Contains(a.Raw, `"field":"numbers[0]"`) || strings.Contains(a.Raw, bad) {
				t.Errorf("%s: %s", bad, a.Raw)
			}
		}
		as(testworld.Ministry).do("POST", "/v1/memberships/"+testworld.StaffOf("HOMA")+"/revoke", "key-revoke-01", map[string]any{"version": 1}).want(t, 200)
		w.Pass(time.Minute)
		if a := x.say("BEDS G 3"); a.Raw != first || w.Unit(t, "HOMA", "girls").Census != 1 {
			t.Errorf("whoever registered it is staff no more: %s", a.Raw)
		}
		as(testworld.Ministry).do("PUT", "/v1/memberships/"+testworld.StaffOf("HOMA"), "", member("shelter", "HOMA"), "If-Match", "2").want(t, 200)
		if a := x.say("BEDS G 3"); a.get("changed") != true {
			t.Errorf("staff again: %s", a.Raw)
		}
		staff.do("PUT", "/v1/shelters/HOMA/numbers", "", map[string]any{"numbers": []string{}}, "If-Match", "1").want(t, 200)
		if a := x.say("BEDS G 4"); a.Raw != first {
			t.Errorf("a number that was taken off: %s", a.Raw)
		}
		other.do("PUT", "/v1/shelters/HOMB/numbers", "", body, "If-Match", "0").want(t, 200)
		if a := x.say("BEDS G 1"); !strings.HasPrefix(a.str("reply"), "girls: 1 bed empty, 9 people") {
			t.Errorf("another shelter's now: %s", a.Raw)
		}
	})
}

// The number is in no item, no log and no answer; neither is what was written.
func TestANumberIsKeptNowhere(t *testing.T) {
	w := testworld.Open(t)
	var log bytes.Buffer
	h := httpapi.All(w.Service, slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	w.Service.Log = slog.New(slog.NewJSONHandler(&log, nil))
	as := func(subject string) client { return client{t, direct(h), subject} }
	x := registered(t, w, as)
	x.say("BEDS G 3")
	x.say("Rani sleeps here, she is from 12 Secret Street")
	x.at("+919876543210", "BEDS G 3", w.Now())
	changes, _, err := w.Store.(table.Feed).Changes(t.Context(), "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	all := log.String()
	for _, c := range changes {
		all += c.New.PK + c.New.SK + string(c.New.Body)
	}
	for _, never := range []string{"2025550143", "98765", "Rani", "Secret Street", "BEDS G"} {
		if strings.Contains(all, never) {
			t.Errorf("%s is kept", never)
		}
	}
	if !strings.Contains(all, "NUM#") {
		t.Error("nothing was looked through")
	}
}
