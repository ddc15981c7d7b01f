package function_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"panah/internal/audit"
	"panah/internal/caller"
	"panah/internal/code"
	"panah/internal/dynamo"
	"panah/internal/function"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/referral"
	"panah/internal/shelter"
	"panah/internal/table"
	"panah/internal/testworld"
)

var (
	quiet = slog.New(slog.DiscardHandler)
	team  = caller.Caller{Subject: testworld.Team, Role: caller.Rescue, Scope: "team-a"}
)

func staff(id string) caller.Caller {
	return caller.Caller{Subject: testworld.StaffOf(id), Role: caller.Shelter, Scope: id}
}

// lambdas are the functions behind feed and schedule over one world, which holds
// each to what template.yaml permits it.
type lambdas struct {
	*testworld.World
	t       *testing.T
	changes lambda.Handler
	clock   lambda.Handler
	read    string // of the feed
}

func open(t *testing.T) *lambdas {
	t.Helper()
	w := testworld.Open(t)
	w.Service.Secret, w.Service.NumberSecret = []byte("secret"), []byte("another")
	p := function.Parts{Store: w.Store, Log: quiet, Service: w.Service}
	changes, err1 := function.Changes(p, dynamo.DecodeChange)
	clock, err2 := function.Clock(p, 0)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return &lambdas{World: w, t: t, changes: changes, clock: clock}
}

// feed brings what has changed to its function, which must take all of it in.
func (l *lambdas) feed() {
	l.t.Helper()
	for {
		changes, next, err := l.Store.(table.Feed).Changes(l.t.Context(), l.read, 100)
		if err != nil {
			l.t.Fatal(err)
		}
		if l.read = next; len(changes) == 0 {
			return
		}
		var event struct {
			Records []json.RawMessage `json:"Records"`
		}
		for _, c := range changes {
			raw, err := dynamo.EncodeChange(c)
			if err != nil {
				l.t.Fatal(err)
			}
			event.Records = append(event.Records, raw)
		}
		payload, err := json.Marshal(event)
		if err != nil {
			l.t.Fatal(err)
		}
		if out, err := l.changes.Invoke(testworld.As(l.t.Context(), "ChangesFunction"), payload); err != nil || !strings.HasSuffix(string(out), "null}") {
			l.t.Fatalf("%s %v", out, err)
		}
	}
}

// cut drops what the feed has not brought yet: it was away too long.
func (l *lambdas) cut() {
	l.t.Helper()
	for more := true; more; {
		changes, next, err := l.Store.(table.Feed).Changes(l.t.Context(), l.read, 100)
		if err != nil {
			l.t.Fatal(err)
		}
		l.read, more = next, len(changes) > 0
	}
}

func (l *lambdas) tick(task string) {
	l.t.Helper()
	payload := `{"version":"0","source":"aws.events","detail-type":"Scheduled Event","detail":{}}`
	if task != "" {
		payload = `{"task":"` + task + `"}`
	}
	if _, err := l.clock.Invoke(testworld.As(l.t.Context(), "ClockFunction"), []byte(payload)); err != nil {
		l.t.Fatal(err)
	}
}

func girl() placement.Request {
	return placement.Request{RescuedAt: testworld.Start, Place: testworld.District, HoldBest: true, Limit: 3,
		Persons: []placement.Person{{Age: code.Age12To14, PlaceWith: code.Girls}}}
}

// said makes something of every kind that has a chain: placements, a voice, counts, a
// membership and numbers.
func (l *lambdas) said(key string) {
	l.t.Helper()
	ctx, s := context.Background(), l.Service
	cmd := func(of string) referral.Command { return referral.Command{Key: of + key, Payload: of + key} }
	o, err := s.Request(ctx, team, girl(), cmd("request"))
	if err != nil || o.State != placement.Held {
		l.t.Fatal(o.State, err)
	}
	given, err1 := s.GiveStayCode(ctx, team, o.ID, 0, cmd("code"))
	_, err2 := s.Count(ctx, staff("MENS"), "MENS", "men", referral.CensusCommand{Census: shelter.Census{CountedAt: l.Now(), Staffed: 8, Present: 9}, IfMatch: l.Unit(l.t, "MENS", "men").Census})
	_, err3 := s.Grant(ctx, caller.Caller{Subject: testworld.Ministry, Role: caller.Ministry, Scope: "IN"}, caller.Membership{Caller: caller.Caller{Subject: "new-" + key, Role: caller.Rescue, Scope: "team-a"}}, 0)
	_, err4 := s.SetNumbers(ctx, staff("HOMA"), "HOMA", []string{"+12025550143"}, l.numbers())
	if err := errors.Join(err1, err2, err3, err4); err != nil || given.Code == "" {
		l.t.Fatal(err)
	}
}

// numbers is the version of HOMA's numbers.
func (l *lambdas) numbers() uint64 {
	it, err := l.Store.Get(l.t.Context(), record.NumbersKey("HOMA"), table.Strong)
	if err != nil || it == nil {
		return 0
	}
	return it.Version
}

// unseen counts items whose stored version is in no chain.
func (l *lambdas) unseen() (n int) {
	l.t.Helper()
	keeper := audit.NewKeeper(l.Store, l.NewID, l.Now, quiet)
	for after := ""; ; {
		page, err := l.Store.(table.Scanner).Scan(l.t.Context(), 0, 1, after)
		if err != nil {
			l.t.Fatal(err)
		}
		for i := range page.Items {
			if seen, err := keeper.Seen(l.t.Context(), &page.Items[i]); err != nil {
				l.t.Fatal(err)
			} else if !seen {
				n++
			}
		}
		if after = page.Next; after == "" {
			return n
		}
	}
}

// What a feed that was cut has lost comes back within a day of hours, by a clock that
// may do no more than its template permits.
func TestTheClockTakesInWhatTheFeedHasLost(t *testing.T) {
	l := open(t)
	l.feed()
	l.tick("")
	l.said("seen")
	l.feed()
	l.tick("")
	l.said("lost")
	l.cut()
	if n := l.unseen(); n < 5 {
		t.Fatalf("the feed has lost %d items", n)
	}
	l.Pass(26 * time.Hour)
	for range 24 {
		l.tick("")
		l.tick(function.VerifyTask)
		l.feed()
		l.Pass(time.Hour)
	}
	if n := l.unseen(); n > 0 {
		t.Fatalf("%d items never came back", n)
	}
}
