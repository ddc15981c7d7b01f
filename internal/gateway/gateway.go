// Package gateway turns Lambda events into what the rest of Panah speaks: an API
// Gateway HTTP API event (payload 2.0) into a net/http request, a stream batch
// into changes of the table, a schedule into a call. It is the only place,
// besides the mains, that knows Lambda, and it closes the gaps of the proxy
// library it wraps: each is named at the line that closes it and has a test.
package gateway

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
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
		if !readable(ctx, &event) {
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
func readable(ctx context.Context, event *events.APIGatewayV2HTTPRequest) bool {
	if event.RawPath == "" {
		event.RawPath = event.RequestContext.HTTP.Path
	}
	if stage := event.RequestContext.Stage; stage != "" && stage != "$default" {
		if rest, ok := strings.CutPrefix(event.RawPath, "/"+stage); ok && (rest == "" || rest[0] == '/') {
			event.RawPath = "/" + strings.TrimPrefix(rest, "/")
		}
	}
	if !strings.HasPrefix(event.RawPath, "/") {
		event.RawPath = "/" + event.RawPath
	}
	if event.RequestContext.DomainName == "" {
		event.RequestContext.DomainName = "localhost"
	}
	// A path may arrive decoded: what was an escaped ? or # would become a query.
	if strings.ContainsAny(event.RawPath, "?#") || strings.Contains(event.RawQueryString, "#") {
		return false
	}
	target := "https://" + event.RequestContext.DomainName + event.RawPath
	if _, err := http.NewRequestWithContext(ctx, event.RequestContext.HTTP.Method, target, nil); err != nil {
		return false
	}
	if _, err := url.ParseQuery(event.RawQueryString); err != nil {
		return false
	}
	if event.IsBase64Encoded {
		_, err := base64.StdEncoding.DecodeString(event.Body)
		return err == nil
	}
	return true
}

// forgeable begins the headers in which the proxy library would hand on who is
// asking: a client could set them to pretend to be somebody.
const forgeable = "X-Golambdaproxy-"

// restore gives the request its headers whole (the adapter splits them at
// commas, which breaks If-Match: "a,b" and dates) and says who is asking.
func restore(next http.Handler, identify Identify) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent, _ := r.Context().Value(headersKey{}).(map[string]string)
		for name, value := range sent {
			if !strings.HasPrefix(http.CanonicalHeaderKey(name), forgeable) {
				r.Header.Set(name, value)
			}
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

// guard answers as net/http would where the adapter does not, keeps a panic from
// ending the process, and logs what went wrong by request id and route: nothing
// that a client sent.
func guard(next http.Handler, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out := &reply{header: http.Header{}}
		defer func() {
			if v := recover(); v != nil {
				log.ErrorContext(r.Context(), "panic in a handler", "requestId", requestID(r.Context()), "type", fmt.Sprintf("%T", v), "stack", frames(debug.Stack()))
				out = bare(http.StatusInternalServerError)
			}
			out.WriteHeader(http.StatusOK) // unless there is a status already
			if out.status >= http.StatusInternalServerError {
				log.ErrorContext(r.Context(), "answered with a server error", "requestId", requestID(r.Context()), "route", routeKey(r.Context()), "status", out.status)
			}
			out.sendTo(w)
		}()
		next.ServeHTTP(out, r)
	})
}

// requestID is the one of the gateway's access log.
func requestID(ctx context.Context) string {
	rc, _ := core.GetAPIGatewayV2ContextFromContext(ctx)
	return rc.RequestID
}

// routeKey is the route as the template writes it, without the values in it.
func routeKey(ctx context.Context) string {
	rc, _ := core.GetAPIGatewayV2ContextFromContext(ctx)
	return rc.RouteKey
}

// frames keeps file and line of a stack and drops argument values.
func frames(stack []byte) string {
	var out strings.Builder
	for line := range strings.Lines(string(stack)) {
		if strings.HasPrefix(line, "\t") {
			out.WriteString(strings.TrimSpace(line))
			out.WriteByte('\n')
		}
	}
	return out.String()
}

// reply keeps an answer until the handler has returned, so that a panic half way
// never goes out as success. As in net/http the first status wins and headers
// count as they were at that moment.
type reply struct {
	header, sent http.Header
	status       int
	body         bytes.Buffer
}

// bare is the answer that says nothing but its status.
func bare(status int) *reply {
	out := &reply{header: http.Header{"Content-Type": {problemType}, "Cache-Control": {"no-store"}}}
	out.WriteHeader(status)
	out.body.Write(problemBody(status))
	return out
}

func (w *reply) Header() http.Header { return w.header }

func (w *reply) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status, w.sent = status, w.header.Clone()
	}
}

func (w *reply) Write(b []byte) (int, error) {
	if w.status == 0 && w.header.Get("Content-Type") == "" {
		w.header.Set("Content-Type", http.DetectContentType(b))
	}
	w.WriteHeader(http.StatusOK)
	if w.status == http.StatusNoContent || w.status == http.StatusNotModified {
		return 0, http.ErrBodyNotAllowed
	}
	return w.body.Write(b)
}

func (w *reply) sendTo(to http.ResponseWriter) {
	maps.Copy(to.Header(), w.sent)
	to.WriteHeader(w.status)
	if w.body.Len() > 0 {
		_, _ = to.Write(w.body.Bytes()) // into memory
	}
}

const problemType = "application/problem+json"

func problem(status int) events.APIGatewayV2HTTPResponse {
	return events.APIGatewayV2HTTPResponse{StatusCode: status, Body: string(problemBody(status)),
		Headers: map[string]string{"Content-Type": problemType, "Cache-Control": "no-store"}}
}

func problemBody(status int) []byte {
	raw, _ := json.Marshal(struct { // three plain fields always marshal
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
	}{"about:blank", http.StatusText(status), status})
	return raw
}
