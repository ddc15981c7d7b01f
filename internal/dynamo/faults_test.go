package dynamo_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"panah/internal/dynamo"
	"panah/internal/table"
)

// reply is one scripted answer of a fake DynamoDB: a status with a body, or an
// error instead of a reply.
type reply struct {
	status int
	body   string
	err    error
	hang   bool // answers nothing until the caller gives up
}

func fails(status int, code string, extra string) reply {
	return reply{status: status, body: fmt.Sprintf(`{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":"m"%s}`, code, extra)}
}

func cancelled(reasons ...string) reply {
	return fails(400, "TransactionCanceledException", `,"CancellationReasons":[`+strings.Join(reasons, ",")+`]`)
}

func reason(code, item string) string {
	if item != "" {
		item = `,"Item":` + item
	}
	return fmt.Sprintf(`{"Code":%q,"Message":"m"%s}`, code, item)
}

func stored(pk string, version int, writeID string) string {
	return fmt.Sprintf(`{"pk":{"S":%q},"sk":{"S":"P"},"v":{"N":"%d"},"w":{"S":%q},"b":{"B":""}}`, pk, version, writeID)
}

var (
	fine       = reply{status: 200, body: `{}`}
	lostReply  = reply{err: errors.New("connection reset by peer")}
	noDial     = reply{err: &net.OpError{Op: "dial", Err: errors.New("refused")}}
	hangs      = reply{hang: true}
	broken     = reply{status: 200, body: `{"Item":`}
	html503    = reply{status: 503, body: `<html>Service Unavailable</html>`}
	internal   = fails(500, "InternalServerError", "")
	conflict   = cancelled(reason("None", ""), reason("TransactionConflict", ""))
	throttled  = fails(400, "ProvisionedThroughputExceededException", "")
	inProgress = fails(400, "TransactionInProgressException", "")
)

// script answers with its replies in turn; the last one for ever.
type script struct {
	mu      sync.Mutex
	replies []reply
	bodies  []string
	onHang  func()
}

func (s *script) RoundTrip(req *http.Request) (*http.Response, error) {
	body, _ := io.ReadAll(req.Body)
	s.mu.Lock()
	s.bodies = append(s.bodies, string(body))
	r := s.replies[0]
	if len(s.replies) > 1 {
		s.replies = s.replies[1:]
	}
	s.mu.Unlock()
	switch {
	case r.hang:
		if s.onHang != nil {
			s.onHang()
		}
		<-req.Context().Done()
		return nil, req.Context().Err()
	case r.err != nil:
		return nil, r.err
	}
	return &http.Response{
		StatusCode: r.status, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body: io.NopCloser(strings.NewReader(r.body)), Request: req,
	}, nil
}

func (s *script) open(t *testing.T) *dynamo.Store {
	t.Helper()
	store, err := dynamo.Open(dynamo.Options{
		Table: "t", Region: "ap-south-1", Endpoint: "http://fake", HTTP: &http.Client{Transport: s},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "a", SecretAccessKey: "s"}, nil
		}),
		Sleep:  func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
		Jitter: func() float64 { return 0.5 },
	})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func put(pk string, version uint64) table.Op {
	return table.PutOp(table.Item{Key: table.Key{PK: pk, SK: "P"}}, version)
}

var (
	one = table.Batch{WriteID: "w1", Ops: []table.Op{put("P#1", 1)}}
	two = table.Batch{WriteID: "w1", Ops: []table.Op{put("P#1", 1), put("P#2", 0)}}
)

func TestWriteAnswers(t *testing.T) {
	failedOne := func(version int, writeID string) reply {
		return fails(400, "ConditionalCheckFailedException", `,"Item":`+stored("P#1", version, writeID))
	}
	for _, c := range []struct {
		name    string
		batch   table.Batch
		replies []reply
		want    string // ok, stale, busy, unknown, refused, other
		sends   int    // 0: any
	}{
		{"answered", two, []reply{fine}, "ok", 1},
		{"conflict, then success", two, []reply{conflict, conflict, fine}, "ok", 3},
		{"conflict of one put", one, []reply{fails(400, "TransactionConflictException", ""), fine}, "ok", 2},
		{"conflict until busy", two, []reply{conflict}, "busy", 0},
		{"throttled until busy", one, []reply{throttled}, "busy", 0},
		{"a transaction throttled until busy", two, []reply{cancelled(reason("ThrottlingError", ""), reason("None", ""))}, "busy", 0},
		{"unreachable until busy", one, []reply{noDial}, "busy", 0},
		{"5xx, then success", two, []reply{internal, fine}, "ok", 2},
		{"5xx until unknown", two, []reply{internal}, "unknown", 0},
		{"a 503 of something in between", one, []reply{html503, fine}, "ok", 2},
		{"reply lost before the commit", one, []reply{lostReply, fine}, "ok", 2},
		{"reply lost after the commit", one, []reply{lostReply, failedOne(2, "w1")}, "ok", 2},
		{"reply lost, then another made this very version", one, []reply{lostReply, failedOne(2, "w2")}, "stale", 2},
		{"reply lost, then another wrote", one, []reply{lostReply, failedOne(3, "w2")}, "unknown", 2},
		{"reply lost after the commit of a transaction", two,
			[]reply{lostReply, cancelled(reason("ConditionalCheckFailed", stored("P#1", 2, "w1")), reason("None", ""))}, "ok", 2},
		{"reply lost, then throttled until the end", two, []reply{lostReply, throttled}, "unknown", 0},
		{"reply lost, then forbidden", two, []reply{lostReply, fails(400, "AccessDeniedException", "")}, "unknown", 2},
		{"a reply that breaks off", one, []reply{broken, fine}, "ok", 2},
		{"a request that hangs", one, []reply{hangs, fine}, "ok", 2},
		{"still at work", two, []reply{inProgress, fine}, "ok", 2},
		{"still at work until unknown", two, []reply{inProgress}, "unknown", 0},
		{"a failed condition is never retried", one, []reply{failedOne(3, "w0")}, "stale", 1},
		{"a failed condition beside a conflict", two,
			[]reply{cancelled(reason("ConditionalCheckFailed", stored("P#1", 3, "w0")), reason("TransactionConflict", ""))}, "stale", 1},
		{"the same batch again", one, []reply{failedOne(2, "w1")}, "ok", 1},
		{"its write id at another version", one, []reply{failedOne(5, "w1")}, "stale", 1},
		{"a token used for something else", two, []reply{fails(400, "IdempotentParameterMismatchException", "")}, "other", 1},
		{"a table that is not there", one, []reply{fails(400, "ResourceNotFoundException", "")}, "other", 1},
		{"an item too large for DynamoDB", two,
			[]reply{cancelled(`{"Code":"ValidationError","Message":"Item size to update has exceeded the maximum allowed size"}`, reason("None", ""))}, "refused", 1},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			s := &script{replies: c.replies}
			err := s.open(t).Write(t.Context(), c.batch)
			if got := class(err); got != c.want {
				t.Errorf("got %s (%v), want %s", got, err, c.want)
			}
			if c.sends != 0 && len(s.bodies) != c.sends {
				t.Errorf("sent %d times, want %d", len(s.bodies), c.sends)
			}
			if c.sends == 0 && (len(s.bodies) < 5 || len(s.bodies) > 40) {
				t.Errorf("sent %d times in two seconds", len(s.bodies))
			}
			for _, b := range s.bodies {
				if b != s.bodies[0] {
					t.Errorf("a resend differs:\n%s\n%s", s.bodies[0], b)
				}
			}
		})
	}
}

func class(err error) string {
	var refused *table.Refused
	_, stale := table.IsStale(err)
	switch {
	case err == nil:
		return "ok"
	case stale:
		return "stale"
	case errors.Is(err, table.ErrBusy):
		return "busy"
	case errors.Is(err, table.ErrUnknown):
		return "unknown"
	case errors.As(err, &refused):
		return "refused"
	}
	return "other"
}

func TestResendIsTheSameBytes(t *testing.T) {
	unit := table.Item{Key: table.Key{PK: "S#1", SK: "U"}, Guard: &table.Guard{Rev: 1, Claims: map[string]table.Claim{}}}
	for i := range 20 { // the SDK marshals a map in another order each time
		unit.Guard.Claims[fmt.Sprintf("p_%d.1", i)] = table.Claim{N: 1}
	}
	for name, ops := range map[string][]table.Op{"a put": {table.PutOp(unit, 1)}, "a transaction": {table.PutOp(unit, 1), put("P#1", 0)}} {
		s := &script{replies: []reply{lostReply, lostReply, fine}}
		if err := s.open(t).Write(t.Context(), table.Batch{WriteID: "w1", Ops: ops}); err != nil {
			t.Fatal(err)
		}
		if len(s.bodies) != 3 || s.bodies[1] != s.bodies[0] || s.bodies[2] != s.bodies[0] {
			t.Errorf("%s: sent %d times, with other bytes", name, len(s.bodies))
		}
	}
}

// slow answers after 60 ms, or not at all to a caller who waits less.
type slow struct{ *script }

func (s slow) RoundTrip(req *http.Request) (*http.Response, error) {
	select {
	case <-time.After(60 * time.Millisecond):
		return s.script.RoundTrip(req)
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
}

// The last attempt must have time for its answer: cut short, it would make an
// unknown outcome of a plain conflict.
func TestOnlyConflictsAreBusy(t *testing.T) {
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			s := &script{replies: []reply{conflict}}
			store, err := dynamo.Open(dynamo.Options{
				Table: "t", Region: "ap-south-1", Endpoint: "http://fake", HTTP: &http.Client{Transport: slow{s}},
				Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
					return aws.Credentials{AccessKeyID: "a", SecretAccessKey: "s"}, nil
				}),
				Jitter: func() float64 { return float64(i) / 20 },
			})
			if err != nil {
				t.Error(err)
				return
			}
			if err := store.Write(t.Context(), two); class(err) != "busy" {
				t.Errorf("jitter %d/20: %v", i, err)
			}
		})
	}
	all.Wait()
}

func TestImages(t *testing.T) {
	three := table.Batch{WriteID: "w1", Ops: []table.Op{put("P#1", 1), put("P#2", 4), put("P#3", 1), put("P#4", 0)}}
	s := &script{replies: []reply{cancelled(
		reason("ConditionalCheckFailed", stored("P#1", 7, "w0")),
		reason("ConditionalCheckFailed", ""),
		reason("None", ""),
		reason("ConditionalCheckFailed", ""), // absent is what it asked for, so this says nothing
	)}}
	st, ok := table.IsStale(s.open(t).Write(t.Context(), three))
	if !ok || len(st.Images) != 4 {
		t.Fatalf("got %+v", st)
	}
	if im := st.Images[0]; !im.Known || im.Item == nil || im.Item.Version != 7 || im.Item.Body == nil {
		t.Errorf("an image with its item: %+v %+v", im, im.Item)
	}
	if im := st.Images[1]; !im.Known || im.Item != nil {
		t.Errorf("an absent item: %+v", im)
	}
	if st.Images[2].Known || st.Images[3].Known {
		t.Errorf("images nobody gave are known: %+v", st.Images)
	}
}

func TestContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := &script{replies: []reply{hangs}, onHang: cancel}
	store := s.open(t)
	if err := store.Write(ctx, two); !errors.Is(err, table.ErrUnknown) {
		t.Errorf("after a send: %v", err)
	}
	sent := len(s.bodies)
	if err := store.Write(ctx, two); !errors.Is(err, context.Canceled) || errors.Is(err, table.ErrUnknown) {
		t.Errorf("before a send: %v", err)
	}
	if len(s.bodies) != sent {
		t.Error("sent with an ended context")
	}
}

func TestReadsAreSentAgain(t *testing.T) {
	for name, replies := range map[string][]reply{
		"lost": {lostReply, fine}, "5xx": {internal, fine}, "throttled": {throttled, throttled, fine}, "broken": {broken, fine},
	} {
		if it, err := (&script{replies: replies}).open(t).Get(t.Context(), table.Key{PK: "P", SK: "P"}, table.Strong); it != nil || err != nil {
			t.Errorf("%s: %v %v", name, it, err)
		}
	}
	if _, err := (&script{replies: []reply{throttled}}).open(t).Query(t.Context(), table.Query{PK: "P"}); !errors.Is(err, table.ErrBusy) {
		t.Errorf("throttled for long: %v", err)
	}
	if _, err := (&script{replies: []reply{fails(400, "AccessDeniedException", "")}}).open(t).Query(t.Context(), table.Query{PK: "P"}); err == nil || class(err) != "other" {
		t.Errorf("forbidden: %v", err)
	}
}
