//go:build bench

package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"panah/internal/code"
	"panah/internal/demo"
	"panah/internal/directory"
	"panah/internal/function"
	"panah/internal/httpapi"
	"panah/internal/matching"
	"panah/internal/place"
	"panah/internal/placement"
	"panah/internal/policy"
	"panah/internal/record"
	"panah/internal/referral"
	"panah/internal/table"
)

const seed = 1 // as the local runner's

var quiet = slog.New(slog.DiscardHandler)

// person is one of a party: what is sent of it and what matching sees.
type person struct {
	ages, with string
	language   string
}

func (p person) domain() placement.Person {
	age, _ := code.AgeBands.Parse(p.ages)
	with, _ := code.Populations.Parse(p.with)
	return placement.Person{Age: age, AgeStatus: code.AgeStated, PlaceWith: with}
}

var (
	girl  = person{"15-17", "girls", "bn"}
	boy   = person{"6-11", "boys", "bn"}
	woman = person{"25-59", "women", "hi"}
)

// ask is a party in a district.
type ask struct {
	district place.Code
	party    []person
}

func (a ask) request() placement.Request {
	r := placement.Request{Place: a.district, Urgency: code.UrgencyNow, Together: code.TogetherPreferred, Limit: placement.DefaultOptions}
	for _, p := range a.party {
		r.Persons = append(r.Persons, p.domain())
	}
	return r
}

// body is what a rescue team's phone sends for it.
func (a ask) body(now time.Time) string {
	var persons []string
	for _, p := range a.party {
		persons = append(persons, fmt.Sprintf(`{"ageBand":%q,"ageStatus":"stated","placeWith":%q,"languages":[%q]}`, p.ages, p.with, p.language))
	}
	basis := "child_protection"
	if a.party[0] == woman {
		basis = "consent"
	}
	return fmt.Sprintf(`{"rescuedAt":%q,"place":{"district":%q},"urgency":"now","party":{"together":"preferred","persons":[%s]},
"consent":{"basis":%q,"view":"agrees","heardIn":"bn","heardVia":"directly"},"escort":{"socialWorker":true,"woman":true},"hold":"best"}`,
		now.Format(time.RFC3339), a.district, strings.Join(persons, ","), basis)
}

// event is the payload-2.0 event of POST /v1/placements.
func event(a ask, subject, key string, now time.Time) []byte {
	const route = "/v1/placements"
	raw, err := json.Marshal(events.APIGatewayV2HTTPRequest{
		Version: "2.0", RouteKey: "POST " + route, RawPath: route, Body: a.body(now),
		Headers: map[string]string{"content-type": "application/json", "idempotency-key": key, "host": "api.example", "user-agent": "bench"},
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			RouteKey: "POST " + route, Stage: "$default", RequestID: key, DomainName: "api.example", TimeEpoch: now.UnixMilli(),
			HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{Method: "POST", Path: route, Protocol: "HTTP/1.1", SourceIP: "192.0.2.1"},
			Authorizer: &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{
				JWT: &events.APIGatewayV2HTTPRequestContextAuthorizerJWTDescription{Claims: map[string]string{"sub": subject, "scope": "panah/rescue"}}},
		},
	})
	if err != nil {
		panic(err)
	}
	return raw
}

// team is the subject of one of the demo's rescue teams.
func team(i int) string { return fmt.Sprintf("demo-rescue-%02d", i%demo.Teams+1) }

// hold sends an event and wants beds held.
func hold(ctx context.Context, h lambda.Handler, event []byte) error {
	raw, err := h.Invoke(ctx, event)
	if err != nil {
		return err
	}
	if s := string(raw); !strings.HasPrefix(s, `{"statusCode":201,`) || !strings.Contains(s, `\"state\":\"held\"`) {
		return errors.New("beds were not held: " + s)
	}
	return nil
}

// worldOf is the directory as matching sees it.
func worldOf(d demo.Directory, least int) matching.World {
	all := make([]matching.Candidate, len(d.Shelters))
	for i, s := range d.Shelters {
		all[i] = matching.Candidate{Shelter: s.Shelter, Units: s.Units}
	}
	return matching.WorldOf(all, least)
}

func rules(b *testing.B) matching.Policy {
	b.Helper()
	p, err := policy.Current()
	if err != nil {
		b.Fatal(err)
	}
	return p
}

// asks are parties in every district whose best option is as wanted.
func asks(d demo.Directory, p matching.Policy, now time.Time, wanted func(matching.Option) bool, parties ...[]person) (out []ask) {
	w := worldOf(d, p.Zone)
	for _, district := range place.Districts(demo.India) {
		for _, party := range parties {
			a := ask{district.Code, party}
			r := matching.Rank(w, matching.Ask{Request: a.request(), At: now}, p, 1)
			if len(r.Options) > 0 && wanted(r.Options[0]) {
				out = append(out, a)
			}
		}
	}
	return out
}

// ids numbers writes.
type ids struct {
	mu sync.Mutex
	n  int
}

func (i *ids) next() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.n++
	return fmt.Sprintf("bench-%020d", i.n) // as long as a real one
}

// fill writes the teams and the directory, and publishes it.
func fill(b *testing.B, store table.Store, d demo.Directory, now func() time.Time) {
	b.Helper()
	id := &ids{}
	var ops []table.Op
	for _, m := range d.Members[:demo.Teams] {
		ops = append(ops, table.PutOp(record.FromMembership(m), 0))
	}
	for _, s := range d.Shelters {
		ops = append(ops, table.PutOp(record.FromShelter(s.Shelter), 0))
		for _, u := range s.Units {
			ops = append(ops, table.PutOp(record.FromUnit(u), 0))
		}
	}
	pub := directory.NewPublisher(store, id.next, now, quiet)
	for len(ops) > 0 {
		n := min(table.MaxOps, len(ops))
		if err := store.Write(b.Context(), table.Batch{WriteID: id.next(), Ops: ops[:n]}); err != nil {
			b.Fatal(err)
		}
		changes := make([]table.Change, n)
		for i, op := range ops[:n] {
			it := op.Put.Item
			it.Version = 1
			changes[i] = table.Change{New: &it}
		}
		if err := pub.Apply(b.Context(), changes); err != nil {
			b.Fatal(err)
		}
		ops = ops[n:]
	}
}

// recorder keeps the batches that were written through it.
type recorder struct {
	table.Store
	mu      sync.Mutex
	batches []table.Batch
}

// Write implements table.Store.
func (r *recorder) Write(ctx context.Context, b table.Batch) error {
	err := r.Store.Write(ctx, b)
	if err == nil {
		r.mu.Lock()
		r.batches = append(r.batches, b)
		r.mu.Unlock()
	}
	return err
}

// take hands out what was recorded.
func (r *recorder) take() []table.Batch {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.batches
	r.batches = nil
	return out
}

// warm makes the function behind the placements routes and loads its directory.
func warm(b *testing.B, store table.Store, now func() time.Time) lambda.Handler {
	b.Helper()
	s := referral.New(referral.Config{Store: store, Policy: rules(b), Now: now, Log: quiet})
	if err := s.Warm(b.Context()); err != nil {
		b.Fatal(err)
	}
	return function.HTTP(function.Parts{Store: store, Log: quiet, Service: s}, httpapi.Placements)
}

// newKey is an idempotency key.
func newKey(n int) string { return fmt.Sprintf("bench-key-%010d", n) }
