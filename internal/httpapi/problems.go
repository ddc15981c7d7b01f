package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"panah/internal/caller"
	"panah/internal/fault"
	"panah/internal/referral"
)

// Problem is the body of every refusal: RFC 9457 problem details with the ids
// of rules and fields, and never a value somebody sent.
type Problem struct {
	Type    string   `json:"type" doc:"about:blank, or urn:panah:problem: and the kind of refusal"`
	Title   string   `json:"title"`
	Status  int      `json:"status"`
	Detail  string   `json:"detail,omitempty" doc:"One sentence in plain words"`
	Fields  []Field  `json:"fields,omitempty" doc:"The fields it is about"`
	Rules   []string `json:"rules,omitempty" doc:"Ids of the rules that failed"`
	Allowed []string `json:"allowed,omitzero" required:"false" doc:"The moves this caller could make now, with every move that is refused with 409; perhaps none"`
	Current any      `json:"current,omitempty" doc:"What is stored, with its version, after a failed precondition"`
	Sent    any      `json:"sent,omitempty" doc:"What was sent, or the version it was made on, after a failed precondition"`
	Wipe    bool     `json:"wipe,omitempty" doc:"You are not a member any more: erase what the device holds, cursor too"`
	retry   bool
}

// Field is one field and what is wrong with it.
type Field struct {
	Field   string `json:"field" doc:"Path of the field, e.g. party.persons[0].ageBand"`
	Problem string `json:"problem"`
}

// Error is the title: a problem's detail is for its reader.
func (p *Problem) Error() string { return p.Title }

// GetStatus makes a Problem a huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType says what a problem is sent as.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders tells a caller when to try again.
func (p *Problem) GetHeaders() http.Header {
	if p.retry {
		return http.Header{"Retry-After": {"2"}}
	}
	return nil
}

// statuses is the one table from kinds of fault to HTTP.
var statuses = map[fault.Kind]int{
	fault.Malformed:     http.StatusBadRequest,
	fault.Invalid:       http.StatusUnprocessableEntity,
	fault.Unauthorized:  http.StatusUnauthorized,
	fault.Wipe:          http.StatusUnauthorized,
	fault.Forbidden:     http.StatusForbidden,
	fault.NotFound:      http.StatusNotFound,
	fault.Gone:          http.StatusGone,
	fault.IllegalMove:   http.StatusConflict,
	fault.StaleVersion:  http.StatusConflict,
	fault.ShelterFull:   http.StatusConflict,
	fault.NotEligible:   http.StatusConflict,
	fault.HoldLapsed:    http.StatusConflict,
	fault.TooManyMoves:  http.StatusConflict,
	fault.Precondition:  http.StatusPreconditionFailed,
	fault.NeedIfMatch:   http.StatusPreconditionRequired,
	fault.KeyReused:     http.StatusUnprocessableEntity,
	fault.Busy:          http.StatusServiceUnavailable,
	fault.DirectoryCold: http.StatusServiceUnavailable,
}

// problemOf turns an error into what the caller sees; what is not a fault is a
// bare 500, and its cause goes to the log.
func (a *API) problemOf(ctx context.Context, err error) error {
	f, ok := fault.Of(err)
	if !ok {
		if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
			f = fault.New(fault.Busy, "there was no time left to finish; send the same request again")
		} else {
			a.log.ErrorContext(ctx, "request failed", "error", err.Error())
			return bare(http.StatusInternalServerError)
		}
	}
	p := bare(statuses[f.Kind])
	p.Type = "urn:panah:problem:" + string(f.Kind)
	p.Detail, p.Rules, p.Allowed, p.Current, p.Sent = f.Detail, f.Rules, f.Allowed, a.shown(f.Current), a.shown(f.Sent)
	if f.Field != "" {
		p.Fields = []Field{{f.Field, f.Detail}}
	}
	p.Wipe = f.Kind == fault.Wipe
	p.retry = p.Status == http.StatusServiceUnavailable
	return p
}

// countsView is a count as a refused census shows it.
type countsView struct {
	Version      uint64     `json:"version"`
	Staffed      int        `json:"staffed"`
	OutOfService int        `json:"outOfService"`
	Present      int        `json:"present"`
	CountedAt    *time.Time `json:"countedAt,omitempty"`
}

// seenView is the version a refused change was made on.
type seenView struct {
	Version uint64 `json:"version"`
}

func (a *API) shown(v any) any {
	switch b := v.(type) {
	case referral.Both:
		return countsView{b.Census, b.Staffed, b.OutOfService, b.Present, timeOrNil(b.CountedAt)}
	case referral.ShelterView:
		return a.viewShelter(b)
	case caller.Membership:
		return viewMember(b)
	case referral.Seen:
		return seenView{b.Version}
	}
	return nil
}

func bare(status int) *Problem {
	if status == 0 {
		status = http.StatusInternalServerError
	}
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status}
}

// frameworkError replaces huma's own: it keeps where and what rule, and drops
// the value.
func frameworkError(status int, message string, errs ...error) huma.StatusError {
	p := bare(status)
	if status >= http.StatusInternalServerError {
		return p
	}
	p.Detail = constant(message)
	for _, err := range errs {
		var d *huma.ErrorDetail
		if !errors.As(err, &d) {
			p.Detail = "the request cannot be read"
			continue
		}
		p.Fields = append(p.Fields, fieldOf(d))
		if strings.HasPrefix(d.Location, "header.") { // a header is not content: the request is malformed
			p.Status, p.Title = http.StatusBadRequest, http.StatusText(http.StatusBadRequest)
		}
	}
	if len(p.Fields) > 0 {
		p.Detail = "some fields are missing or not as they must be"
	}
	return p
}

// fieldOf names the field. Of one that is not there the framework names only
// the object around it.
func fieldOf(d *huma.ErrorDetail) Field {
	if rest, ok := strings.CutPrefix(d.Message, "expected required property "); ok {
		name, _, _ := strings.Cut(rest, " ")
		return Field{fieldName(d.Location + "." + name), "is required"}
	}
	return Field{fieldName(d.Location), constant(d.Message)}
}

// constant keeps the part of a framework's message that does not depend on what
// was sent: what stands before a colon.
func constant(message string) string {
	head, _, _ := strings.Cut(message, ":")
	return head
}

// plainName reports whether a field's name can be one of the API's: letters, and
// perhaps an index. A name that somebody made up might hold what must not come back.
func plainName(name string) bool {
	if head, index, ok := strings.Cut(name, "["); ok {
		digits, closed := strings.CutSuffix(index, "]")
		if !closed || digits == "" || len(digits) > 4 || strings.Trim(digits, "0123456789") != "" {
			return false
		}
		name = head
	}
	letters := strings.ToLower(strings.ReplaceAll(name, "-", ""))
	return name != "" && len(name) <= 31 && name[0] != '-' && strings.Trim(letters, "abcdefghijklmnopqrstuvwxyz") == ""
}

// fieldName turns a location of the framework into a field path, without the
// leading "body." and without anything that is not a plain name.
func fieldName(location string) string {
	parts := strings.Split(location, ".")
	if len(parts) > 1 && (parts[0] == "body" || parts[0] == "header" || parts[0] == "query" || parts[0] == "path") {
		parts = parts[1:]
	}
	for i, part := range parts {
		if !plainName(part) {
			return strings.Join(append(parts[:i:i], "(unknown)"), ".")
		}
	}
	return strings.Join(parts, ".")
}
