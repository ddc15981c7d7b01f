// Package gateway turns Lambda events into what the rest of Panah speaks: an API
// Gateway HTTP API event (payload 2.0) into a net/http request, a stream batch
// into changes of the table, a schedule into a call. It is the only place,
// besides the mains, that knows Lambda, and it closes the gaps of the proxy
// library it wraps: each is named at the line that closes it and has a test.
package gateway

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/awslabs/aws-lambda-go-api-proxy/core"
	"github.com/awslabs/aws-lambda-go-api-proxy/httpadapter"
)

// Identify puts who the authorizer vouches for into a request's context.
type Identify func(ctx context.Context, subject string, scopes []string) context.Context

// Start hands a handler to the Lambda runtime and does not return.
func Start(h lambda.Handler) { lambda.Start(h) }

// HTTP makes a Lambda handler of a net/http handler. Whatever a client sends is
// answered; an invocation fails only when the event itself cannot be read.
func HTTP(h http.Handler, identify Identify, log *slog.Logger) lambda.Handler {
	adapter := httpadapter.NewV2(restore(guard(h, log), identify))
	return lambda.NewHandler(func(ctx context.Context, event events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		if !readable(&event) {
			return problem(http.StatusBadRequest), nil
		}
		ctx = context.WithValue(ctx, headersKey{}, event.Headers)
		event.Headers = nil // the adapter would split them; restore sets them whole
		return adapter.ProxyWithContext(ctx, event)
	})
}

type headersKey struct{}

// readable prepares what the adapter would fail on: a named stage stays in the
// path, and a bad escape or body would be a failed invocation.
func readable(event *events.APIGatewayV2HTTPRequest) bool {
	if event.RawPath == "" {
		event.RawPath = event.RequestContext.HTTP.Path
	}
	if stage := event.RequestContext.Stage; stage != "" && stage != "$default" {
		if rest, ok := strings.CutPrefix(event.RawPath, "/"+stage); ok && (rest == "" || rest[0] == '/') {
			event.RawPath = "/" + strings.TrimPrefix(rest, "/")
		}
	}
	target := event.RawPath
	if event.RawQueryString != "" {
		target += "?" + event.RawQueryString
	}
	if _, err := url.ParseRequestURI(target); err != nil {
		return false
	}
	if _, err := url.ParseQuery(event.RawQueryString); err != nil {
		return false
	}
	if event.RequestContext.DomainName == "" {
		event.RequestContext.DomainName = "localhost"
	}
	if event.IsBase64Encoded {
		_, err := base64.StdEncoding.DecodeString(event.Body)
		return err == nil
	}
	return true
}

// forgeable are headers the proxy library uses for itself: a client could set
// them to pretend to be somebody.
var forgeable = []string{core.APIGwContextHeader, core.APIGwStageVarsHeader}

// restore gives the request its headers whole (the adapter splits them at
// commas, which breaks If-Match: "a,b" and dates) and says who is asking.
func restore(next http.Handler, identify Identify) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent, _ := r.Context().Value(headersKey{}).(map[string]string)
		for name, value := range sent {
			r.Header.Set(name, value)
		}
		for _, name := range forgeable {
			r.Header.Del(name)
		}
		if host := r.Header.Get("Host"); host != "" {
			r.Host = host
		}
		if subject, scopes := vouched(r.Context()); subject != "" {
			r = r.WithContext(identify(r.Context(), subject, scopes))
		}
		next.ServeHTTP(w, r)
	})
}

// vouched is whom the JWT authorizer let in. Routes without authorizer have none.
func vouched(ctx context.Context) (subject string, scopes []string) {
	rc, ok := core.GetAPIGatewayV2ContextFromContext(ctx)
	if !ok || rc.Authorizer == nil || rc.Authorizer.JWT == nil {
		return "", nil
	}
	jwt := rc.Authorizer.JWT
	scopes = jwt.Scopes
	if len(scopes) == 0 {
		scopes = strings.Fields(jwt.Claims["scope"])
	}
	return jwt.Claims["sub"], scopes
}

// guard makes the adapter's writer behave as net/http's does and keeps a panic
// from ending the process.
func guard(next http.Handler, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		once := &onceWriter{to: w, header: http.Header{}}
		defer func() {
			if v := recover(); v != nil {
				log.ErrorContext(r.Context(), "panic in a handler", "type", fmt.Sprintf("%T", v), "stack", frames(debug.Stack()))
				once.fail()
			}
			once.finish()
		}()
		next.ServeHTTP(once, r)
	})
}

// frames keeps function and file lines of a stack and drops argument values.
func frames(stack []byte) string {
	var out strings.Builder
	for s := bufio.NewScanner(strings.NewReader(string(stack))); s.Scan(); {
		if line := s.Text(); strings.HasPrefix(line, "\t") {
			out.WriteString(strings.TrimSpace(line))
			out.WriteByte('\n')
		}
	}
	return out.String()
}

// onceWriter lets the first status win, sends headers as they were at that
// moment, and answers 200 when a handler wrote nothing: the adapter does none of
// the three.
type onceWriter struct {
	to     http.ResponseWriter
	header http.Header
	sent   bool
}

func (w *onceWriter) Header() http.Header { return w.header }

func (w *onceWriter) WriteHeader(status int) {
	if w.sent || status < http.StatusOK {
		return
	}
	w.sent = true
	for name, values := range w.header {
		w.to.Header()[name] = append([]string(nil), values...)
	}
	w.to.WriteHeader(status)
}

func (w *onceWriter) Write(b []byte) (int, error) {
	if !w.sent && w.header.Get("Content-Type") == "" {
		w.header.Set("Content-Type", http.DetectContentType(b))
	}
	w.WriteHeader(http.StatusOK)
	return w.to.Write(b)
}

// fail answers a panic, unless the handler had begun to answer.
func (w *onceWriter) fail() {
	if w.sent {
		return
	}
	w.header = http.Header{"Content-Type": {"application/problem+json"}}
	w.WriteHeader(http.StatusInternalServerError)
	_, _ = w.to.Write(problemBody(http.StatusInternalServerError))
}

func (w *onceWriter) finish() { w.WriteHeader(http.StatusOK) }

func problem(status int) events.APIGatewayV2HTTPResponse {
	return events.APIGatewayV2HTTPResponse{StatusCode: status, Body: string(problemBody(status)),
		Headers: map[string]string{"Content-Type": "application/problem+json", "Cache-Control": "no-store"}}
}

func problemBody(status int) []byte {
	raw, _ := json.Marshal(struct { // three plain fields always marshal
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
	}{"about:blank", http.StatusText(status), status})
	return raw
}
