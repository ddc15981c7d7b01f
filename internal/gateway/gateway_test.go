package gateway

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"panah/internal/table"
)

type subjectKey struct{}

func identify(ctx context.Context, subject string, scopes []string) context.Context {
	return context.WithValue(ctx, subjectKey{}, subject+" "+strings.Join(scopes, "+"))
}

func event(method, path string) events.APIGatewayV2HTTPRequest {
	e := events.APIGatewayV2HTTPRequest{Version: "2.0", RawPath: path, Headers: map[string]string{}}
	e.RequestContext.HTTP.Method = method
	e.RequestContext.HTTP.Path = path
	e.RequestContext.Stage = "$default"
	e.RequestContext.DomainName = "api.example.org"
	return e
}

func call(t *testing.T, h http.HandlerFunc, e events.APIGatewayV2HTTPRequest) events.APIGatewayV2HTTPResponse {
	t.Helper()
	return invoke(t, HTTP(h, identify, slog.New(slog.DiscardHandler)), e)
}

func invoke(t *testing.T, h lambda.Handler, e events.APIGatewayV2HTTPRequest) (out events.APIGatewayV2HTTPResponse) {
	t.Helper()
	raw, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := h.Invoke(context.Background(), raw)
	if err != nil {
		t.Fatalf("the invocation failed: %v", err)
	}
	if err := json.Unmarshal(answer, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestTrap1_AHandlerThatWritesNothingAnswers200(t *testing.T) {
	if got := call(t, func(http.ResponseWriter, *http.Request) {}, event("GET", "/")); got.StatusCode != 200 {
		t.Errorf("status %d", got.StatusCode)
	}
}

func TestTrap2_ABadEscapeIsTheClientsFault(t *testing.T) {
	for _, path := range []string{"/p/100%", "/p/%zz", "/p/a b\x7f"} {
		got := call(t, func(http.ResponseWriter, *http.Request) { t.Error("the handler was reached") }, event("GET", path))
		if got.StatusCode != 400 || got.Headers["Content-Type"] != "application/problem+json" {
			t.Errorf("%q: %d %v", path, got.StatusCode, got.Headers)
		}
	}
	e := event("POST", "/")
	e.Body, e.IsBase64Encoded = "not base64!", true
	if got := call(t, func(http.ResponseWriter, *http.Request) {}, e); got.StatusCode != 400 {
		t.Errorf("a broken body: %d", got.StatusCode)
	}
}

func TestTrap3_HeadersWithCommasStayWhole(t *testing.T) {
	e := event("GET", "/")
	e.Headers = map[string]string{"if-match": `"a,b"`, "accept": "text/csv, application/json;q=0.5", "date": "Tue, 24 Nov 2026 20:00:00 GMT", "x-a": "1,2"}
	call(t, func(_ http.ResponseWriter, r *http.Request) {
		for name, want := range e.Headers {
			if got := r.Header.Values(name); len(got) != 1 || got[0] != want {
				t.Errorf("%s: %q", name, got)
			}
		}
	}, e)
}

func TestTrap4_TheFirstStatusWinsAndLateHeadersAreNotSent(t *testing.T) {
	got := call(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Early", "yes")
		w.WriteHeader(201)
		w.Header().Set("X-Late", "no")
		w.WriteHeader(500)
		_, _ = io.WriteString(w, "body")
	}, event("GET", "/"))
	if got.StatusCode != 201 || got.Headers["X-Early"] != "yes" || got.Headers["X-Late"] != "" || got.Body != "body" {
		t.Errorf("%+v", got)
	}
}

func TestTrap5_ANamedStageIsNotPartOfThePath(t *testing.T) {
	for path, want := range map[string]string{"/prod/v1/x": "/v1/x", "/prod": "/", "/production/x": "/production/x"} {
		e := event("GET", path)
		e.RequestContext.Stage = "prod"
		call(t, func(_ http.ResponseWriter, r *http.Request) {
			if r.URL.Path != want {
				t.Errorf("%s became %s", path, r.URL.Path)
			}
		}, e)
	}
}

func TestTrap6_APanicIsABare500AndTheProcessGoesOn(t *testing.T) {
	var log bytes.Buffer
	h := HTTP(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/panic" {
			panic("a secret")
		}
	}), identify, slog.New(slog.NewJSONHandler(&log, nil)))
	got := invoke(t, h, event("GET", "/panic"))
	if got.StatusCode != 500 || got.Headers["Content-Type"] != "application/problem+json" || strings.Contains(got.Body+log.String(), "secret") {
		t.Errorf("%+v, log %s", got, log.String())
	}
	if !strings.Contains(log.String(), "gateway_test.go") {
		t.Errorf("the log does not say where: %s", log.String())
	}
	if got := invoke(t, h, event("GET", "/")); got.StatusCode != 200 {
		t.Errorf("after a panic: %d", got.StatusCode)
	}
}

func TestTrap7_NobodyIsIdentifiedByAHeader(t *testing.T) {
	forged := `{"authorizer":{"jwt":{"claims":{"sub":"somebody-else"}}}}`
	for _, name := range []string{"X-GoLambdaProxy-ApiGw-Context", "x-golambdaproxy-apigw-context", "X-GOLAMBDAPROXY-APIGW-STAGEVARS"} {
		e := event("GET", "/")
		e.Headers[name] = forged
		call(t, func(_ http.ResponseWriter, r *http.Request) {
			if r.Context().Value(subjectKey{}) != nil || r.Header.Get(name) != "" {
				t.Errorf("%s reached the handler", name)
			}
		}, e)
	}
}

func TestTheAuthorizerSaysWhoIsAsking(t *testing.T) {
	e := event("GET", "/")
	e.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{JWT: &events.APIGatewayV2HTTPRequestContextAuthorizerJWTDescription{
		Claims: map[string]string{"sub": "someone", "scope": "a b"}}}
	call(t, func(_ http.ResponseWriter, r *http.Request) {
		if got := r.Context().Value(subjectKey{}); got != "someone a+b" {
			t.Errorf("identified as %v", got)
		}
	}, e)
	e.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{}
	call(t, func(_ http.ResponseWriter, r *http.Request) {
		if got := r.Context().Value(subjectKey{}); got != nil {
			t.Errorf("identified as %v", got)
		}
	}, e)
}

func TestBodyQueryAndCookiesArriveAsSent(t *testing.T) {
	e := event("POST", "/v1/x%20y")
	e.RawQueryString = "a=1&a=2&b=%E0%A6%AC"
	e.Cookies = []string{"k=v"}
	e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString([]byte("\x00\xffbody")), true
	got := call(t, func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		if r.URL.Path != "/v1/x y" || fmt.Sprint(r.URL.Query()["a"]) != "[1 2]" || r.URL.Query().Get("b") != "ব" || string(raw) != "\x00\xffbody" {
			t.Errorf("%s %q", r.URL, raw)
		}
		if c, err := r.Cookie("k"); err != nil || c.Value != "v" {
			t.Errorf("cookie %v %v", c, err)
		}
		_, _ = w.Write([]byte{0xff, 0xfe})
	}, e)
	if !got.IsBase64Encoded {
		t.Error("binary answers must be base64")
	}
}

func decodeTest(raw json.RawMessage) (table.Change, error) {
	var r struct{ EventID string }
	if err := json.Unmarshal(raw, &r); err != nil || r.EventID == "bad" {
		return table.Change{}, errors.New("cannot be read")
	}
	return table.Change{Seq: r.EventID}, nil
}

func TestStreamNamesTheFirstRecordNotConsumed(t *testing.T) {
	record := func(id string) string {
		return fmt.Sprintf(`{"eventID":%q,"dynamodb":{"SequenceNumber":"seq-%s"}}`, id, id)
	}
	for name, c := range map[string]struct {
		records []string
		fail    error
		want    string
		applied int
	}{
		"all consumed":                             {[]string{record("1"), record("2")}, nil, `{"batchItemFailures":null}`, 2},
		"apply fails":                              {[]string{record("1"), record("2")}, errors.New("x"), `{"batchItemFailures":[{"itemIdentifier":"seq-1"}]}`, 2},
		"apply fails from the second on":           {[]string{record("1"), record("2")}, &Partial{1, errors.New("x")}, `{"batchItemFailures":[{"itemIdentifier":"seq-2"}]}`, 2},
		"a record that cannot be read stops there": {[]string{record("1"), record("bad"), record("3")}, nil, `{"batchItemFailures":[{"itemIdentifier":"seq-bad"}]}`, 1},
	} {
		applied := -1
		h := Stream(Consumer{Decode: decodeTest, Apply: func(_ context.Context, changes []table.Change) error { applied = len(changes); return c.fail }}, slog.New(slog.DiscardHandler))
		got, err := h.Invoke(context.Background(), []byte(`{"Records":[`+strings.Join(c.records, ",")+`]}`))
		if err != nil || string(got) != c.want || applied != c.applied {
			t.Errorf("%s: %s %v, %d applied", name, got, err, applied)
		}
	}
}

func TestScheduleReportsFailureAndSurvivesPanic(t *testing.T) {
	for _, run := range []func(context.Context, string) error{
		func(context.Context, string) error { return errors.New("x") },
		func(context.Context, string) error { panic("x") },
	} {
		if _, err := Schedule(run, slog.New(slog.DiscardHandler)).Invoke(context.Background(), []byte(`{"source":"aws.events"}`)); err == nil {
			t.Error("a failed run must fail the invocation")
		}
	}
}
