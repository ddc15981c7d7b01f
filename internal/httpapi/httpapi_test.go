package httpapi_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"panah/internal/gateway"
	"panah/internal/httpapi"
	"panah/internal/testworld"
)

var quiet = slog.New(slog.DiscardHandler)

var update = flag.Bool("update", false, "write openapi.json anew")

func TestOpenAPIIsTheCommittedDocument(t *testing.T) {
	raw, err := httpapi.Document()
	if err != nil {
		t.Fatal(err)
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, raw, "", " "); err != nil {
		t.Fatal(err)
	}
	pretty.WriteByte('\n')
	if *update {
		if err := os.WriteFile("openapi.json", pretty.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	committed, err := os.ReadFile("openapi.json")
	if err != nil || !bytes.Equal(committed, pretty.Bytes()) {
		t.Fatalf("openapi.json is out of date: go test ./internal/httpapi -run OpenAPI -update (%v)", err)
	}
}

// Whoever reads the document first finds each operation in a chapter, with who may
// call it and every answer it gives.
func TestEveryOperationSaysWhoMayCallIt(t *testing.T) {
	raw, err := httpapi.Document()
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Tags  []struct{ Name, Description string }
		Paths map[string]map[string]struct {
			OperationID, Summary, Description string
			Tags                              []string
			Responses                         map[string]any
		}
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	chapters := map[string]bool{}
	for _, tag := range doc.Tags {
		chapters[tag.Name] = tag.Description != ""
	}
	for path, methods := range doc.Paths {
		for method, op := range methods {
			if op.Summary == "" || op.Description == "" || len(op.Tags) != 1 || !chapters[op.Tags[0]] {
				t.Errorf("%s %s (%s): %q, tags %v", method, path, op.OperationID, op.Description, op.Tags)
			}
			if _, ok := op.Responses["202"]; ok != (op.OperationID == "confirmRescue" || op.OperationID == "getRescue") {
				t.Errorf("%s: 202 is in the document: %v", op.OperationID, ok)
			}
			if _, ok := op.Responses["200"]; !ok && op.Responses["201"] == nil {
				t.Errorf("%s answers nothing", op.OperationID)
			}
		}
	}
}

// eachWay runs a test twice: over net/http and through Lambda events and the
// adapter, each in a world of its own.
func eachWay(t *testing.T, test func(t *testing.T, w *testworld.World, as func(subject string) client)) {
	t.Run("net/http", func(t *testing.T) {
		w := testworld.Open(t)
		h := httpapi.All(w.Service, slog.New(slog.DiscardHandler))
		test(t, w, func(subject string) client { return client{t, direct(h), subject} })
	})
	t.Run("events", func(t *testing.T) {
		w := testworld.Open(t)
		log := slog.New(slog.DiscardHandler)
		h := gateway.HTTP(httpapi.All(w.Service, log), httpapi.WithSubject, log)
		test(t, w, func(subject string) client { return client{t, throughEvents(h), subject} })
	})
}

// asServed is a request in the hands of the function that serves it by template.yaml,
// which the world holds to what that function may do.
func asServed(t testing.TB, r *http.Request) *http.Request {
	permits, err := testworld.Template()
	if err != nil {
		t.Fatal(err)
	}
	if function := permits.Route(r); function != "" {
		return r.WithContext(testworld.As(r.Context(), function))
	}
	return r
}

// client speaks to the API as one subject.
type client struct {
	t       testing.TB
	send    func(t testing.TB, r *http.Request, subject string) answer
	subject string
}

type answer struct {
	Status int
	Header http.Header
	Body   map[string]any
	Raw    string
}

func direct(h http.Handler) func(testing.TB, *http.Request, string) answer {
	return func(t testing.TB, r *http.Request, subject string) answer {
		if subject != "" {
			r = r.WithContext(httpapi.WithSubject(r.Context(), subject, nil))
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, asServed(t, r))
		return answer{Status: w.Code, Header: w.Header(), Raw: w.Body.String()}
	}
}

func throughEvents(h lambda.Handler) func(testing.TB, *http.Request, string) answer {
	return func(t testing.TB, r *http.Request, subject string) answer {
		raw, _ := io.ReadAll(r.Body)
		e := events.APIGatewayV2HTTPRequest{Version: "2.0", RawPath: r.URL.EscapedPath(), RawQueryString: r.URL.RawQuery, Body: string(raw), Headers: map[string]string{}}
		for name, values := range r.Header {
			e.Headers[strings.ToLower(name)] = strings.Join(values, ",")
		}
		e.RequestContext.HTTP.Method, e.RequestContext.Stage = r.Method, "$default"
		if subject != "" {
			e.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{JWT: &events.APIGatewayV2HTTPRequestContextAuthorizerJWTDescription{
				Claims: map[string]string{"sub": subject}}}
		}
		payload, _ := json.Marshal(e)
		back, err := h.Invoke(asServed(t, r).Context(), payload)
		if err != nil {
			t.Fatalf("the invocation failed: %v", err)
		}
		var out events.APIGatewayV2HTTPResponse
		if err := json.Unmarshal(back, &out); err != nil {
			t.Fatal(err)
		}
		a := answer{Status: out.StatusCode, Header: http.Header{}, Raw: out.Body}
		for name, value := range out.Headers {
			a.Header.Set(name, value)
		}
		return a
	}
}

func (c client) do(method, path, key string, body any, headers ...string) answer {
	c.t.Helper()
	var raw []byte
	switch b := body.(type) {
	case nil:
	case string:
		raw = []byte(b)
	default:
		raw, _ = json.Marshal(b)
	}
	r := httptest.NewRequest(method, path, bytes.NewReader(raw))
	if raw != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	a := c.send(c.t, r, c.subject)
	_ = json.Unmarshal([]byte(a.Raw), &a.Body)
	return a
}

func (a answer) want(t testing.TB, status int) answer {
	t.Helper()
	if a.Status != status {
		t.Fatalf("status %d, want %d: %s", a.Status, status, a.Raw)
	}
	return a
}

func (a answer) str(path ...string) string {
	v, _ := a.get(path...).(string)
	return v
}

func (a answer) get(path ...string) any {
	var v any = a.Body
	for _, p := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[p]
	}
	return v
}

func (a answer) next() []string {
	var out []string
	list, _ := a.Body["next"].([]any)
	for _, n := range list {
		out = append(out, n.(map[string]any)["move"].(string))
	}
	return out
}

const siblings = `{"rescuedAt":"2026-11-24T19:40:00Z","place":{"district":"IN-LGD-315"},"urgency":"now","journeyMinutes":30,
 "party":{"together":"preferred","persons":[
  {"ageBand":"15-17","ageStatus":"stated","placeWith":"girls","languages":["bn"],"needs":["health_medical"]},
  {"ageBand":"6-11","ageStatus":"stated","placeWith":"boys","languages":["bn"]}]},
 "consent":{"basis":"child_protection","view":"agrees","heardIn":"bn","heardVia":"interpreter_phone"},
 "escort":{"socialWorker":true,"woman":true},
 "preferences":["woman_staff_at_night"],"exclusions":{"districts":["IN-LGD-319"],"shelters":[]},
 "maxJourneyMinutes":180,"hold":"best","limit":3}`

func TestSiblingsFromRequestToArrival(t *testing.T) { eachWay(t, siblingsFromRequestToArrival) }

func siblingsFromRequestToArrival(t *testing.T, w *testworld.World, as func(string) client) {
	team := as(testworld.Team)
	p := team.do("POST", "/v1/placements", "key-00000001", siblings).want(t, 201)
	if p.str("state") != "held" || p.str("hold", "shelter") != "HOMA" || p.Header.Get("ETag") != `"1"` {
		t.Fatalf("answer %s", p.Raw)
	}
	if n := len(p.Body["options"].([]any)); n != 2 {
		t.Fatalf("%d options: %s", n, p.Raw)
	}
	for _, o := range p.Body["options"].([]any) {
		o := o.(map[string]any)
		sum := 0.0
		for _, points := range o["parts"].(map[string]any) {
			sum += points.(float64)
		}
		if sum != o["score"].(float64) || len(o["why"].([]any)) == 0 {
			t.Errorf("parts sum to %v: %v", sum, o)
		}
		for _, why := range o["why"].([]any) {
			if why == "" {
				t.Errorf("a reason has no words: %v", o["reasons"])
			}
		}
	}
	id, base := p.str("id"), "/v1/placements/"+p.str("id")
	if got := w.Unit(t, "HOMA", "girls").Counts(); got.Held() != 1 || got.Free() != 9 {
		t.Fatalf("girls %+v", got)
	}

	again := team.do("POST", "/v1/placements", "key-00000001", siblings).want(t, 200)
	if again.str("id") != id || again.Header.Get("Idempotency-Replayed") != "true" {
		t.Fatalf("replay %v %s", again.Header, again.Raw)
	}
	other := strings.Replace(siblings, `"limit":3`, `"limit":2`, 1)
	team.do("POST", "/v1/placements", "key-00000001", other).want(t, 422)
	team.do("POST", "/v1/placements", "", siblings).want(t, 400)
	as(testworld.OtherTeam).do("GET", base, "", nil).want(t, 404)

	staff := as(testworld.StaffOf("HOMA"))
	arrivals := staff.do("GET", "/v1/shelters/HOMA/arrivals", "", nil).want(t, 200)
	if strings.Contains(arrivals.Raw, "ageBand") || !strings.Contains(arrivals.Raw, "health_medical") {
		t.Fatalf("before acceptance a shelter sees beds, units and needs only: %s", arrivals.Raw)
	}
	team.do("POST", base+"/depart", "key-00000002", map[string]any{"version": 1, "socialWorker": true}).want(t, 409)
	chosen := team.do("POST", base+"/choose", "key-00000003", map[string]any{"version": 1, "option": "o-HOMA", "chosenBy": "guardian", "houseRulesShown": true, "childView": "agrees"}).want(t, 200)
	if got := fmt.Sprint(chosen.next()); got != "[hold release extend refuse choose cancel accept-by-phone end correct split]" {
		t.Errorf("next %s", got)
	}
	accepted := staff.do("POST", base+"/accept", "key-00000004", map[string]any{"version": 2}).want(t, 200)
	if accepted.str("doorCode") == "" || accepted.str("state") != "accepted" || !strings.Contains(accepted.Raw, "ageBand") {
		t.Fatalf("accepted %s", accepted.Raw)
	}
	w.Pass(5 * 3600e9)
	if n, err := w.Service.Lapse(t.Context()); n != 0 || err != nil {
		t.Fatalf("an accepted bed lapsed: %d %v", n, err)
	}
	team.do("POST", base+"/depart", "key-00000005", map[string]any{"version": 3, "socialWorker": true}).want(t, 200)
	staff.do("POST", base+"/receive", "key-00000006", map[string]any{}).want(t, 200)
	got := w.Unit(t, "HOMA", "girls").Counts()
	if got.Held() != 0 || got.Occupied() != 21 {
		t.Fatalf("girls after arrival %+v", got)
	}
	here := team.do("GET", base, "", nil).want(t, 200)
	if here.str("state") != "arrived" || here.get("arrived", "personsHere") != 2.0 {
		t.Fatalf("arrived %s", here.Raw)
	}
	staff.do("POST", base+"/end", "key-00000007", map[string]any{"reason": "home", "persons": []int{1}}).want(t, 200)
	ended := staff.do("POST", base+"/end", "key-00000008", map[string]any{"reason": "home"}).want(t, 200)
	if ended.str("state") != "ended" || w.Unit(t, "HOMA", "boys").Counts().Occupied() != 15 {
		t.Fatalf("ended %s", ended.Raw)
	}
}

func allRoutes(w *testworld.World) http.Handler {
	return httpapi.All(w.Service, slog.New(slog.DiscardHandler))
}
