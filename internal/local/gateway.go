package local

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// Invoker runs a function: in this process, or a bootstrap behind the Runtime API.
type Invoker interface {
	Invoke(ctx context.Context, payload []byte) ([]byte, error)
}

// Gateway does what API Gateway does for an HTTP API: it finds the route, checks
// the token and its scope, makes a payload-2.0 event, and answers with what the
// function says.
type Gateway struct {
	functions map[string]Invoker
	issuer    *Issuer
	newID     func() string
	now       func() time.Time
	log       *slog.Logger
}

const (
	gatewayTimeout = 30 * time.Second // as API Gateway's
	gatewayBody    = 10 << 20
)

// NewGateway serves the template's routes with functions by logical id.
func NewGateway(t Template, functions map[string]Invoker, issuer *Issuer, newID func() string, now func() time.Time, log *slog.Logger) (http.Handler, error) {
	g := &Gateway{functions, issuer, newID, now, log}
	mux := http.NewServeMux()
	for _, r := range t.Routes {
		f, ok := functions[r.Function]
		if !ok {
			return nil, errors.New("no function for route " + r.Pattern())
		}
		mux.Handle(r.Pattern(), g.route(r, f))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { message(w, http.StatusNotFound, "Not Found") })
	return mux, nil
}

// message is how API Gateway answers by itself.
func message(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"message": text})
}

func (g *Gateway) route(route Route, f Invoker) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var who *claims
		if !route.Open {
			token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
			c, err := g.issuer.check(token)
			if err != nil {
				w.Header().Set("WWW-Authenticate", "Bearer")
				message(w, http.StatusUnauthorized, "Unauthorized")
				return
			}
			if len(route.Scopes) > 0 && !slices.ContainsFunc(c.scopes, func(s string) bool { return slices.Contains(route.Scopes, s) }) {
				message(w, http.StatusForbidden, "Forbidden")
				return
			}
			who = &c
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, gatewayBody))
		if err != nil {
			message(w, http.StatusRequestEntityTooLarge, "Request Entity Too Large")
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), gatewayTimeout)
		defer cancel()
		payload, err := json.Marshal(g.event(route, r, body, who))
		if err == nil {
			payload, err = f.Invoke(ctx, payload)
		}
		var out events.APIGatewayV2HTTPResponse
		if err == nil {
			err = json.Unmarshal(payload, &out)
		}
		if err != nil {
			g.log.Error("function failed", "function", route.Function, "error", err.Error())
			message(w, http.StatusInternalServerError, "Internal Server Error")
			return
		}
		answer(w, out)
	})
}

// event makes the payload-2.0 event of a request.
func (g *Gateway) event(route Route, r *http.Request, body []byte, who *claims) events.APIGatewayV2HTTPRequest {
	now := g.now().UTC()
	e := events.APIGatewayV2HTTPRequest{Version: "2.0", RouteKey: route.Pattern(), RawPath: r.URL.EscapedPath(), RawQueryString: r.URL.RawQuery,
		Headers: map[string]string{}, QueryStringParameters: map[string]string{}}
	for name, values := range r.Header {
		if name == "Cookie" {
			e.Cookies = append(e.Cookies, values...)
			continue
		}
		e.Headers[strings.ToLower(name)] = strings.Join(values, ",")
	}
	e.Headers["host"] = r.Host
	for name, values := range r.URL.Query() {
		e.QueryStringParameters[name] = strings.Join(values, ",")
	}
	e.Body = string(body)
	if kind := r.Header.Get("Content-Type"); len(body) > 0 && !strings.HasPrefix(kind, "text/") && !strings.HasPrefix(kind, "application/json") {
		e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
	}
	ip, _, _ := net.SplitHostPort(r.RemoteAddr)
	e.RequestContext = events.APIGatewayV2HTTPRequestContext{RouteKey: route.Pattern(), Stage: "$default", RequestID: g.newID(), APIID: "local",
		DomainName: r.Host, Time: now.Format("02/Jan/2006:15:04:05 -0700"), TimeEpoch: now.UnixMilli(),
		HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{Method: r.Method, Path: r.URL.Path, Protocol: r.Proto, SourceIP: ip, UserAgent: r.UserAgent()}}
	if who != nil {
		e.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{JWT: &events.APIGatewayV2HTTPRequestContextAuthorizerJWTDescription{
			Claims: map[string]string{"sub": who.subject, "iss": who.issuer, "aud": audience, "scope": strings.Join(who.scopes, " ")}, Scopes: who.scopes}}
	}
	return e
}

func answer(w http.ResponseWriter, out events.APIGatewayV2HTTPResponse) {
	for name, value := range out.Headers {
		w.Header().Set(name, value)
	}
	for _, c := range out.Cookies {
		w.Header().Add("Set-Cookie", c)
	}
	body := []byte(out.Body)
	if out.IsBase64Encoded {
		raw, err := base64.StdEncoding.DecodeString(out.Body)
		if err != nil {
			message(w, http.StatusInternalServerError, "Internal Server Error")
			return
		}
		body = raw
	}
	w.WriteHeader(max(out.StatusCode, http.StatusOK))
	_, _ = w.Write(body)
}
