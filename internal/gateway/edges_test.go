package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"panah/internal/table"
)

func logged() (*slog.Logger, *bytes.Buffer) {
	var out bytes.Buffer
	return slog.New(slog.NewJSONHandler(&out, nil)), &out
}

// A path arrives decoded from some gateways: what would then read as a query, a
// fragment or another method must not reach a handler, nor fail the invocation.
func TestATargetThatWouldBeReadAnotherWayIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ method, path, query string }{
		"question mark in the path": {"GET", "/v1/x?limit=9", ""},
		"bare question mark":        {"GET", "/v1/x?", ""},
		"fragment in the path":      {"GET", "/v1/x#y", ""},
		"fragment in the query":     {"GET", "/v1/x", "a=1#b"},
		"method that is none":       {"GE T", "/v1/x", ""},
		"bad escape in the query":   {"GET", "/v1/x", "a=%zz"},
	} {
		e := event(c.method, c.path)
		e.RawQueryString = c.query
		got := call(t, func(http.ResponseWriter, *http.Request) { t.Errorf("%s: the handler was reached", name) }, e)
		if got.StatusCode != 400 || got.Headers["Content-Type"] != "application/problem+json" {
			t.Errorf("%s: %d %v", name, got.StatusCode, got.Headers)
		}
	}
}

func TestTheQueryArrivesByteForByte(t *testing.T) {
	e := event("GET", "/v1/placements")
	e.RawQueryString = "b=2&a=1&a=%2c%20+&empty&c=%E0%A6%AC"
	e.QueryStringParameters = map[string]string{"a": "1,, ", "b": "2"}
	call(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != e.RawQueryString || r.RequestURI != "/v1/placements?"+e.RawQueryString {
			t.Errorf("%q, %q", r.URL.RawQuery, r.RequestURI)
		}
	}, e)
}

func TestAPanicAfterAnAnswerBeganIsStillA500(t *testing.T) {
	log, out := logged()
	h := HTTP(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("ETag", `"1"`)
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"id":"half`)
		panic(errors.New("a secret"))
	}), identify, log)
	e := event("POST", "/")
	e.RequestContext.RequestID = "req-1"
	got := invoke(t, h, e)
	if got.StatusCode != 500 || got.Headers["Etag"] != "" || got.Body != string(problemBody(500)) {
		t.Errorf("%+v", got)
	}
	if !strings.Contains(out.String(), `"requestId":"req-1"`) || strings.Contains(out.String(), "secret") {
		t.Errorf("log %s", out)
	}
}

func TestAServerErrorIsLoggedByRequestAndRouteOnly(t *testing.T) {
	log, out := logged()
	h := HTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/placements/p_1" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}), identify, log)
	e := event("POST", "/v1/placements/p_1")
	e.RequestContext.RequestID, e.RequestContext.RouteKey, e.Body = "req-2", "POST /v1/placements/{id}", "a secret"
	invoke(t, h, e)
	line := out.String()
	if !strings.Contains(line, `"requestId":"req-2"`) || !strings.Contains(line, `"status":503`) || !strings.Contains(line, "{id}") {
		t.Errorf("log %s", line)
	}
	if strings.Contains(line, "p_1") || strings.Contains(line, "secret") {
		t.Errorf("log %s", line)
	}
	out.Reset()
	if invoke(t, h, event("GET", "/")); out.Len() > 0 {
		t.Errorf("a good answer was logged: %s", out)
	}
}

func TestNoHeaderOfTheProxyLibraryPasses(t *testing.T) {
	e := event("GET", "/")
	e.Headers["x-golambdaproxy-of-a-later-release"] = "forged"
	call(t, func(_ http.ResponseWriter, r *http.Request) {
		if len(r.Header) != 0 {
			t.Errorf("%v reached the handler", r.Header)
		}
	}, e)
}

func TestAStatusWithoutBodyHasNone(t *testing.T) {
	got := call(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotModified)
		if _, err := io.WriteString(w, "body"); !errors.Is(err, http.ErrBodyNotAllowed) {
			t.Errorf("writing answered %v", err)
		}
	}, event("GET", "/"))
	if got.StatusCode != 304 || got.Body != "" {
		t.Errorf("%+v", got)
	}
}

func TestCookiesAreSetApart(t *testing.T) {
	got := call(t, func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "1"})
		http.SetCookie(w, &http.Cookie{Name: "b", Value: "2"})
	}, event("GET", "/"))
	if len(got.Cookies) != 2 {
		t.Errorf("%+v", got)
	}
}

func TestTheDeadlineReachesTheHandler(t *testing.T) {
	want := time.Now().Add(time.Minute)
	ctx, cancel := context.WithDeadline(t.Context(), want)
	defer cancel()
	raw, err := json.Marshal(event("GET", "/"))
	if err != nil {
		t.Fatal(err)
	}
	h := HTTP(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if got, ok := r.Context().Deadline(); !ok || !got.Equal(want) {
			t.Errorf("deadline %v %v", got, ok)
		}
	}), identify, slog.New(slog.DiscardHandler))
	if _, err := h.Invoke(ctx, raw); err != nil {
		t.Error(err)
	}
}

func TestAnEventThatIsNoneFailsTheInvocation(t *testing.T) {
	h := HTTP(http.NotFoundHandler(), identify, slog.New(slog.DiscardHandler))
	if _, err := h.Invoke(t.Context(), []byte("{")); err == nil {
		t.Error("no error")
	}
}

const twoRecords = `{"Records":[{"eventID":"1","dynamodb":{"SequenceNumber":"seq-1"}},{"eventID":"bad","dynamodb":{"SequenceNumber":"seq-2"}}]}`

func streamOf(apply func(context.Context, []table.Change) error, log *slog.Logger) lambda.Handler {
	decode := func(raw json.RawMessage) (table.Change, error) {
		if strings.Contains(string(raw), "bad") {
			return table.Change{}, errors.New("cannot read a secret")
		}
		return table.Change{}, nil
	}
	return Stream(Consumer{Decode: decode, Apply: apply}, log)
}

// Losing a change would leave a shelter in the directory that is no longer there.
func TestAFailureThatPointsNowhereIsStillAFailure(t *testing.T) {
	for _, from := range []int{-1, 1, 2, 99} {
		fail := func(context.Context, []table.Change) error { return &Partial{From: from, Err: errors.New("x")} }
		got, err := streamOf(fail, slog.New(slog.DiscardHandler)).Invoke(t.Context(), []byte(twoRecords))
		if err != nil || string(got) != `{"batchItemFailures":[{"itemIdentifier":"seq-1"}]}` {
			t.Errorf("from %d: %s %v", from, got, err)
		}
	}
}

func TestARecordThatCannotBeReadIsNamedBySequenceNumberOnly(t *testing.T) {
	log, out := logged()
	got, err := streamOf(func(context.Context, []table.Change) error { return nil }, log).Invoke(t.Context(), []byte(twoRecords))
	if err != nil || string(got) != `{"batchItemFailures":[{"itemIdentifier":"seq-2"}]}` {
		t.Errorf("%s %v", got, err)
	}
	if !strings.Contains(out.String(), "seq-2") || strings.Contains(out.String(), "secret") {
		t.Errorf("log %s", out)
	}
}

// A record nobody can ever read is set aside and does not hold up those behind it.
func TestAnUnreadableRecordIsSetAside(t *testing.T) {
	var aside []string
	applied := 0
	decode := func(raw json.RawMessage) (table.Change, error) {
		if strings.Contains(string(raw), "bad") {
			return table.Change{}, errors.New("cannot read a secret")
		}
		return table.Change{}, nil
	}
	c := Consumer{Decode: decode, Apply: func(_ context.Context, changes []table.Change) error { applied = len(changes); return nil },
		Aside: func(_ context.Context, sequence string) error { aside = append(aside, sequence); return nil }}
	three := strings.Replace(twoRecords, "]}", `,{"eventID":"3","dynamodb":{"SequenceNumber":"seq-3"}}]}`, 1)
	got, err := Stream(c, slog.New(slog.DiscardHandler)).Invoke(t.Context(), []byte(three))
	if err != nil || string(got) != `{"batchItemFailures":null}` && string(got) != `{"batchItemFailures":[]}` {
		t.Errorf("%s %v", got, err)
	}
	if applied != 2 || len(aside) != 1 || aside[0] != "seq-2" {
		t.Errorf("applied %d, aside %v", applied, aside)
	}
	c.Aside = func(context.Context, string) error { return errors.New("no room") }
	if got, _ := Stream(c, slog.New(slog.DiscardHandler)).Invoke(t.Context(), []byte(three)); string(got) != `{"batchItemFailures":[{"itemIdentifier":"seq-2"}]}` {
		t.Errorf("not set aside, it comes again: %s", got)
	}
	c.Apply = func(context.Context, []table.Change) error { return &Partial{From: 1, Err: errors.New("x")} }
	c.Aside = func(context.Context, string) error { return nil }
	if got, _ := Stream(c, slog.New(slog.DiscardHandler)).Invoke(t.Context(), []byte(three)); string(got) != `{"batchItemFailures":[{"itemIdentifier":"seq-3"}]}` {
		t.Errorf("behind a record set aside, the failed one is named: %s", got)
	}
}

func TestNothingIsAppliedWhenNothingCouldBeRead(t *testing.T) {
	h := streamOf(func(context.Context, []table.Change) error { t.Error("applied"); return nil }, slog.New(slog.DiscardHandler))
	for _, batch := range []string{`{"Records":[]}`, `{"Records":[{"eventID":"bad","dynamodb":{"SequenceNumber":"seq-1"}}]}`} {
		if _, err := h.Invoke(t.Context(), []byte(batch)); err != nil {
			t.Error(err)
		}
	}
}

func TestAPanicBehindAnEventSaysWhereAndNotWhat(t *testing.T) {
	log, out := logged()
	ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "inv-1"})
	for _, h := range []lambda.Handler{
		Schedule(func(context.Context, string) error { panic("a secret") }, log),
		streamOf(func(context.Context, []table.Change) error { panic("a secret") }, log),
	} {
		out.Reset()
		if _, err := h.Invoke(ctx, []byte(twoRecords)); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("error %v", err)
		}
		line := out.String()
		if !strings.Contains(line, "edges_test.go") || !strings.Contains(line, "inv-1") || strings.Contains(line, "secret") {
			t.Errorf("log %s", line)
		}
	}
}
