package local

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"panah/internal/caller"
	"panah/internal/demo"
	"panah/internal/dynamo"
	"panah/internal/embedded"
	"panah/internal/function"
	"panah/internal/httpapi"
	"panah/internal/referral"
	"panah/internal/table"
	"panah/internal/workbook"
)

// Options say how to run.
type Options struct {
	Template string    // path of template.yaml
	Data     string    // folder of the data
	Port     string    // on 127.0.0.1; 0 picks a free one
	Out      io.Writer // what a person reads
	Log      *slog.Logger
	Now      func() time.Time
}

type runner struct {
	Options
	template  Template
	store     table.Store
	service   *referral.Service // of the functions in this process
	feed      table.Feed
	positions positions
	functions map[string]Invoker // by folder under functions/
	issuer    *Issuer
	newID     func() string
	demo      demo.Directory
	members   map[string]caller.Caller // by role and scope
}

// positions remembers how far the change feed has been consumed.
type positions interface {
	Position(consumer string) (string, error)
	SavePosition(consumer, pos string) error
}

func (r *runner) now() time.Time { return r.Now().UTC().Truncate(time.Second) }

// Run serves until the context ends: the embedded engine, the functions in this
// process, the change feed and the clock.
func Run(ctx context.Context, o Options) error {
	if err := os.MkdirAll(o.Data, 0o700); err != nil {
		return err
	}
	store, service, err := opened(o)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	r := &runner{Options: o, store: store, service: service, feed: store, positions: store, newID: service.NewID}
	if r.functions, err = inProcess(store, service, o.Log); err != nil {
		return err
	}
	return r.run(ctx)
}

// opened is the data of a folder and the use cases over it. One process has it
// open at a time.
func opened(o Options) (*embedded.Store, *referral.Service, error) {
	store, err := embedded.Open(filepath.Join(o.Data, "panah.db"), embedded.Options{})
	if err != nil {
		return nil, nil, err
	}
	secret, err1 := staySecret(o.Data)
	numbers, err2 := numberSecret(o.Data)
	service, err3 := function.NewService(store, secret, o.Log)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, nil, errors.Join(err, store.Close())
	}
	service.NumberSecret = numbers
	return store, service, nil
}

// staySecret is what survivors' codes are made from.
func staySecret(data string) ([]byte, error) { return kept(data, "stay-key") }

// numberSecret is what phone numbers are hashed with.
func numberSecret(data string) ([]byte, error) { return kept(data, "number-key") }

// kept is a secret: random, made on first use and kept beside the data.
func kept(data, name string) ([]byte, error) {
	path := filepath.Join(data, name)
	secret, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		secret = []byte(rand.Text() + rand.Text())
		err = os.WriteFile(path, secret, 0o600)
	}
	return secret, err
}

// What Verify ends with when not all was well.
var (
	ErrFound    = errors.New("differences were found")
	ErrRepaired = errors.New("differences were found and repaired")
)

// Verify recomputes the counters of the data in a folder while no runner has it
// open. It answers nil, ErrFound, ErrRepaired, or why it could not look.
func Verify(ctx context.Context, o Options, repair bool) error {
	store, service, err := opened(o)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	found, err := service.Verify(ctx, repair)
	if err != nil {
		return err
	}
	left := 0
	for _, d := range found {
		_, _ = fmt.Fprintln(o.Out, d)
		if !d.Repaired {
			left++
		}
	}
	_, _ = fmt.Fprintf(o.Out, "%d differences, %d left\n", len(found), left)
	switch {
	case left > 0:
		return ErrFound
	case len(found) > 0:
		return ErrRepaired
	}
	return nil
}

// ErrAside says that changes are set aside that could not be taken in.
var ErrAside = errors.New("changes are set aside")

// Aside lists what the consumers of the change feed could not take in, and with
// replay tries it again, in the data of a folder no runner has open.
func Aside(ctx context.Context, o Options, replay bool) error {
	store, service, err := opened(o)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	f := function.NewFeed(store, service, o.Log)
	if replay {
		done, left, err := f.Replay(ctx)
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(o.Out, "%d taken in, %d left\n", done, left)
	}
	list, err := f.List(ctx)
	if err != nil {
		return err
	}
	for _, a := range list {
		_, _ = fmt.Fprintln(o.Out, a)
	}
	_, _ = fmt.Fprintf(o.Out, "%d set aside\n", len(list))
	if len(list) > 0 {
		return ErrAside
	}
	return nil
}

// inProcess makes every function over one store and one service.
func inProcess(store table.Store, service *referral.Service, log *slog.Logger) (map[string]Invoker, error) {
	p := function.Parts{Store: store, Log: log, Service: service}
	clock, err1 := function.Clock(p, clockSpan)
	changes, err2 := function.Changes(p, dynamo.DecodeChange)
	return map[string]Invoker{"placements": function.HTTP(p, httpapi.Placements), "shelters": function.HTTP(p, httpapi.Shelters),
		"occupancy": function.Figures(p, httpapi.OccupancyWith(workbook.Write)), "clock": clock, "changes": changes}, errors.Join(err1, err2)
}

const (
	clockSpan   = 45 * time.Second // as in the template
	clockEvery  = time.Minute
	feedBatch   = 500
	feedEvery   = 200 * time.Millisecond
	stopWithin  = 5 * time.Second
	demoRefresh = time.Hour
)

func (r *runner) run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	started := r.Now()
	if err := r.prepare(ctx); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", r.Port))
	if err != nil {
		return fmt.Errorf("port %s is taken; choose another with PORT=8081: %w", r.Port, err)
	}
	handler, err := r.handler()
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute}
	var background sync.WaitGroup
	for _, loop := range []func(context.Context){r.feedLoop, r.clockLoop, r.demoLoop} {
		background.Go(func() { loop(ctx) })
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	r.greet("http://"+listener.Addr().String(), r.Now().Sub(started))
	select {
	case err = <-failed:
	case <-ctx.Done():
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
		err = server.Shutdown(end)
		cancel()
	}
	stop()
	background.Wait()
	_, _ = fmt.Fprintln(r.Out, "stopped; the data is kept in", r.Data)
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// prepare fills the table, and the directory from its changes.
func (r *runner) prepare(ctx context.Context) (err error) {
	if r.template, err = ReadTemplate(r.Template); err != nil {
		return err
	}
	if r.issuer, err = NewIssuer(filepath.Join(r.Data, "token-key.pem"), "panah-local", r.template.Scopes(), r.Now); err != nil {
		return err
	}
	r.demo = demo.Build(demoSeed, r.now())
	r.members = map[string]caller.Caller{}
	for _, m := range r.demo.Members {
		r.members[string(m.Role)+" "+m.Scope] = m
	}
	if err = r.seed(ctx, r.demo); err != nil {
		return err
	}
	if err = r.drain(ctx); err != nil || r.service == nil {
		return err
	}
	return r.service.Directory.Refresh(ctx, r.Now())
}

func (r *runner) handler() (http.Handler, error) {
	byID := map[string]Invoker{}
	for id, folder := range r.template.Functions {
		if f, ok := r.functions[folder]; ok {
			byID[id] = f
		}
	}
	gateway, err := NewGateway(r.template, byID, r.issuer, r.newID, r.Now, r.Log)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", gateway)
	mux.HandleFunc("GET /dev/token", r.devToken)
	return mux, nil
}

// devToken gives a token for a demo role: the local runner only.
func (r *runner) devToken(w http.ResponseWriter, req *http.Request) {
	role, id := req.URL.Query().Get("as"), req.URL.Query().Get("id")
	if subject := req.URL.Query().Get("subject"); subject != "" { // whoever a ministry makes a member
		r.giveToken(w, caller.Caller{Subject: subject})
		return
	}
	if id == "" {
		id = r.defaultScope(caller.Role(role))
	}
	m, ok := r.members[role+" "+id]
	if !ok {
		message(w, http.StatusNotFound, "no such demo member: as=rescue, shelter, desk, ministry or carrier; id= a demo team (team-01), shelter, district or region; or subject= anybody")
		return
	}
	r.giveToken(w, m)
}

func (r *runner) giveToken(w http.ResponseWriter, m caller.Caller) {
	token, err := r.issuer.Token(m.Subject)
	if err != nil {
		message(w, http.StatusInternalServerError, "no token could be made")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(map[string]string{"token": token, "role": string(m.Role), "id": m.Scope})
}

// Where the README's example is: Kolkata, in West Bengal.
const (
	readmeDistrict = "IN-LGD-315"
	readmeState    = "IN-WB"
)

func (r *runner) defaultScope(role caller.Role) string {
	switch role {
	case caller.Rescue:
		return "team-01"
	case caller.Desk:
		return readmeDistrict
	case caller.Ministry, caller.Carrier:
		return "IN"
	}
	for _, s := range r.demo.Shelters {
		if s.District == readmeDistrict {
			return s.ID
		}
	}
	return ""
}

// drain hands on every change there is, as a stream would.
func (r *runner) drain(ctx context.Context) error {
	for {
		more, err := r.pump(ctx)
		if err != nil || !more {
			return err
		}
	}
}

const consumer = "changes"

// pump gives functions/changes one batch as a real stream event.
func (r *runner) pump(ctx context.Context) (more bool, err error) {
	pos, err := r.positions.Position(consumer)
	if err != nil {
		return false, err
	}
	changes, next, err := r.feed.Changes(ctx, pos, feedBatch)
	if err != nil || next == pos {
		return false, err
	}
	batch := struct {
		Records []json.RawMessage `json:"Records"`
	}{}
	for _, c := range changes {
		raw, err := dynamo.EncodeChange(c)
		if err != nil {
			return false, err
		}
		batch.Records = append(batch.Records, raw)
	}
	payload, err := json.Marshal(batch)
	if err != nil {
		return false, err
	}
	if len(changes) > 0 {
		if err := r.consume(ctx, payload); err != nil {
			return false, err
		}
	}
	return len(changes) == feedBatch, r.positions.SavePosition(consumer, next)
}

func (r *runner) consume(ctx context.Context, payload []byte) error {
	raw, err := r.functions["changes"].Invoke(ctx, payload)
	if err != nil {
		return err
	}
	var out events.DynamoDBEventResponse
	if err := json.Unmarshal(raw, &out); err != nil {
		return err
	}
	if len(out.BatchItemFailures) > 0 { // setting is safe to repeat: the whole batch comes again
		return errors.New("changes: a batch was not consumed")
	}
	return nil
}

func (r *runner) feedLoop(ctx context.Context) {
	r.every(ctx, feedEvery, func() error { return r.drain(ctx) })
}

// clockLoop starts functions/clock each minute with a schedule's event.
func (r *runner) clockLoop(ctx context.Context) {
	r.every(ctx, clockEvery, func() error {
		payload := fmt.Sprintf(`{"version":"0","source":"aws.events","detail-type":"Scheduled Event","time":%s,"detail":{}}`, strconv.Quote(r.now().Format(time.RFC3339)))
		_, err := r.functions["clock"].Invoke(ctx, []byte(payload))
		return err
	})
}

func (r *runner) demoLoop(ctx context.Context) {
	r.every(ctx, demoRefresh, func() error { return r.seed(ctx, r.demo) })
}

// every calls f at once and then at intervals until the context ends.
func (r *runner) every(ctx context.Context, interval time.Duration, f func() error) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		if err := f(); err != nil && ctx.Err() == nil {
			r.Log.Error("background work failed", "error", err.Error())
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// greet tells a newcomer what to do next.
func (r *runner) greet(url string, took time.Duration) {
	var tokens strings.Builder
	for _, role := range caller.Roles {
		m := r.members[string(role)+" "+r.defaultScope(role)]
		token, err := r.issuer.Token(m.Subject)
		if err != nil {
			continue
		}
		fmt.Fprintf(&tokens, "  %-9s %-11s %s\n", role, m.Scope, token)
	}
	_, _ = fmt.Fprintf(r.Out, greeting, url, len(r.demo.Shelters), took.Seconds(), r.Data, url, tokens.String(), url, url, url, url)
}

const greeting = `Panah is running at %s
%d synthetic shelters, ready in %.1f s, data in %s (no real place, no real person)

  API pages   %s/docs

Demo tokens (role, whose, token):
%s
A first placement: a girl of 15 and her little brother in Kolkata need beds now.

  TOKEN=$(curl -s '%s/dev/token?as=rescue' | sed 's/.*"token":"\([^"]*\)".*/\1/')
  curl -s %s/v1/placements -H "Authorization: Bearer $TOKEN" \
    -H 'Content-Type: application/json' -H "Idempotency-Key: $(date +%%s)-first" -d '{
    "rescuedAt":"'$(date -u +%%Y-%%m-%%dT%%H:%%M:%%SZ)'","place":{"district":"IN-LGD-315"},"urgency":"now",
    "party":{"together":"preferred","persons":[
      {"ageBand":"15-17","ageStatus":"stated","placeWith":"girls","languages":["bn"],"needs":["health_medical"]},
      {"ageBand":"6-11","ageStatus":"stated","placeWith":"boys","languages":["bn"]}]},
    "consent":{"basis":"child_protection","view":"agrees","heardIn":"bn","heardVia":"interpreter_phone"},
    "escort":{"socialWorker":true,"woman":true},"maxJourneyMinutes":180,"hold":"best"}'

Expect 201: state "held", two beds in one shelter until expiresAt, other options with the
parts of their score and reasons, and under "next" the moves that would succeed.

The survivor's own code, with P the placement's id; then any phone, no account:

  curl -s -X POST %s/v1/placements/$P/stay-code -H "Authorization: Bearer $TOKEN" -H "Idempotency-Key: $(date +%%s)-code" \
    -H 'Content-Type: application/json' -d '{"replaces":0}'
  curl -s %s/v1/stay -H 'Content-Type: application/json' -H "Idempotency-Key: $(date +%%s)-view" -d '{"code":"THE-CODE","action":"view"}'

Stop with Ctrl-C.
`
