package local_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"panah/internal/caller"
	"panah/internal/demo"
	"panah/internal/directory"
	"panah/internal/dynamo"
	dynamolocal "panah/internal/dynamo/local"
	"panah/internal/function"
	"panah/internal/local"
	"panah/internal/place"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/referral"
	"panah/internal/table"
)

// bootstraps builds every function once, as make build does.
var bootstraps = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "panah-functions-")
	if err != nil {
		return "", err
	}
	for _, name := range []string{"placements", "shelters", "occupancy", "clock", "changes"} {
		cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-tags=lambda.norpc", "-o", filepath.Join(dir, name, "bootstrap"), "panah/functions/"+name)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", errors.Join(err, errors.New(string(out)))
		}
	}
	return dir, nil
})

// west is the part of the demo directory the events are about.
func west(now time.Time) (out demo.Directory) {
	all := demo.Build(1, now)
	for _, s := range all.Shelters {
		if place.Within(s.District, "IN-WB") {
			out.Shelters = append(out.Shelters, s)
		}
	}
	for _, m := range all.Members {
		if m.Role == caller.Rescue || m.Role == caller.Ministry || m.Subject == "demo-shelter-7ZRG" {
			out.Members = append(out.Members, m)
		}
	}
	return out
}

func fill(t *testing.T, store table.Store, d demo.Directory, service *referral.Service) {
	t.Helper()
	var ops []table.Op
	var changes []table.Change
	for _, m := range d.Members {
		ops = append(ops, table.PutOp(record.FromMembership(m), 0))
	}
	add := func(it table.Item) {
		ops = append(ops, table.PutOp(it, 0))
		it.Version = 1
		changes = append(changes, table.Change{New: &it})
	}
	for _, s := range d.Shelters {
		add(record.FromShelter(s.Shelter))
		for _, u := range s.Units {
			add(record.FromUnit(u))
		}
	}
	for len(ops) > 0 {
		n := min(len(ops), table.MaxOps)
		if err := store.Write(context.Background(), table.Batch{WriteID: service.NewID(), Ops: ops[:n]}); err != nil {
			t.Fatal(err)
		}
		ops = ops[n:]
	}
	pub := directory.NewPublisher(store, service.NewID, time.Now, slog.New(slog.DiscardHandler))
	if err := pub.Apply(context.Background(), changes); err != nil {
		t.Fatal(err)
	}
}

// Each event of events/ goes through the real bootstrap behind the Runtime API,
// on DynamoDB Local.
func TestEventsThroughTheRealBootstraps(t *testing.T) {
	server := dynamolocal.ForTest(t)
	options := server.TestTable(t)
	store, err := dynamo.Open(options)
	if err != nil {
		t.Fatal(err)
	}
	service, err := function.NewService(store, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	fill(t, store, west(time.Now().UTC().Truncate(time.Second)), service)
	built, err := bootstraps()
	if err != nil {
		t.Fatal(err)
	}
	template, err := local.ReadTemplate(filepath.Join("..", "..", "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	env := append(local.FunctionEnv(server.Endpoint, options.Table, "a secret", "another"), "PANAH_CLOCK_SPAN=0s")
	functions, stop, err := local.Bootstraps(context.Background(), template, built, env, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	}()
	r := replay{t, functions}

	t.Run("placement-request.json asks for a placement and a replay is the same one", func(t *testing.T) {
		first := r.http(t, "placements", "placement-request.json", nil)
		if first.StatusCode != 201 || !strings.Contains(first.Body, `"state":"held"`) {
			t.Fatalf("%d %s", first.StatusCode, first.Body)
		}
		again := r.http(t, "placements", "placement-request.json", nil)
		if again.StatusCode != 200 || again.Headers["Idempotency-Replayed"] != "true" || again.Headers["Location"] != first.Headers["Location"] {
			t.Fatalf("replay %d %v", again.StatusCode, again.Headers)
		}
	})
	t.Run("census.json counts a unit over capacity", func(t *testing.T) {
		// The file's count is older than the demo's: first it is refused with both, then counted now.
		old := r.http(t, "shelters", "census.json", nil)
		if old.StatusCode != 412 || !strings.Contains(old.Body, `"current"`) {
			t.Fatalf("%d %s", old.StatusCode, old.Body)
		}
		now := r.http(t, "shelters", "census.json", func(s string) string {
			return strings.ReplaceAll(s, "2026-11-23T19:30:00Z", time.Now().UTC().Format(time.RFC3339))
		})
		if now.StatusCode != 200 || !strings.Contains(now.Body, `"occupied":51`) || now.Headers["Etag"] != `"2"` {
			t.Fatalf("%d %s %v", now.StatusCode, now.Body, now.Headers)
		}
	})
	t.Run("hold-expiry.json frees a lapsed hold and publishes figures", func(t *testing.T) {
		id := lapsedHold(t, store, service)
		r.invoke(t, "clock", "hold-expiry.json", nil)
		it, err := store.Get(context.Background(), record.PlacementKey(id), table.Strong)
		if err != nil {
			t.Fatal(err)
		}
		p, err := record.ToPlacement(it)
		if err != nil || p.State == placement.Held && p.Hold.No == 1 {
			t.Fatalf("after the clock %+v %v", p, err)
		}
		unit, err := store.Get(context.Background(), record.UnitKey("7ZRG", "boys"), table.Strong)
		if err != nil || unit.Guard.Claims[placement.ClaimID(id, 1)].N != 0 {
			t.Fatalf("the claim is still there: %+v %v", unit.Guard, err)
		}
	})
	t.Run("occupancy.json adds up a state by district", func(t *testing.T) {
		got := r.http(t, "occupancy", "occupancy.json", nil)
		var body struct {
			Rows []struct {
				Place, Population string
				Staffed           *int
				Suppressed        []string
			}
			Totals struct{ Staffed *int }
		}
		if err := json.Unmarshal([]byte(got.Body), &body); err != nil || got.StatusCode != 200 || body.Totals.Staffed == nil {
			t.Fatalf("%d %v %s", got.StatusCode, err, got.Body)
		}
		sum := 0
		for _, row := range body.Rows {
			if (row.Staffed == nil) != slices.Contains(row.Suppressed, "staffed") || !strings.HasPrefix(row.Place, "IN-LGD-") {
				t.Fatalf("a row without a code, or without beds and not saying so: %+v", row)
			}
			if row.Staffed != nil {
				sum += *row.Staffed
			}
		}
		if sum == 0 || sum > *body.Totals.Staffed { // what is rolled up is in the total only
			t.Fatalf("rows %d, total %d", sum, *body.Totals.Staffed)
		}
	})
	t.Run("table-change.json is appended to the directory's log", func(t *testing.T) {
		before := logLength(t, store)
		if out := r.invoke(t, "changes", "table-change.json", nil); !strings.Contains(string(out), "batchItemFailures") || strings.Contains(string(out), "itemIdentifier") {
			t.Fatalf("answer %s", out)
		}
		if after := logLength(t, store); after != before+1 {
			t.Fatalf("log had %d entries, has %d", before, after)
		}
	})
}

type replay struct {
	t         *testing.T
	functions map[string]local.Invoker
}

func (r replay) invoke(t *testing.T, function, file string, change func(string) string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "events", file))
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		raw = []byte(change(string(raw)))
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := r.functions[function].Invoke(ctx, raw)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (r replay) http(t *testing.T, function, file string, change func(string) string) (out events.APIGatewayV2HTTPResponse) {
	t.Helper()
	if err := json.Unmarshal(r.invoke(t, function, file, change), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// lapsedHold holds a boy's bed in 7ZRG until a minute ago.
func lapsedHold(t *testing.T, store table.Store, service *referral.Service) string {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Second).Add(-31 * time.Minute)
	p := placement.New(placement.ID("team-01", "lapsed"), "team-01", "test", placement.Request{Place: "IN-LGD-315", Limit: 1,
		Persons: []placement.Person{{Age: 1, AgeStatus: 1, PlaceWith: 3}}}, now, placement.Command{Key: 1})
	p, beds, err := p.TakeHold(placement.Option{Shelter: "7ZRG", Parts: []placement.Part{{Unit: "boys", Persons: []int{0}}}}, now.Add(30*time.Minute), now)
	if err != nil {
		t.Fatal(err)
	}
	p.Due = p.Hold.ExpiresAt
	b := beds[0]
	err = store.Write(context.Background(), table.Batch{WriteID: service.NewID(), Ops: []table.Op{table.PutOp(record.FromPlacement(p), 0),
		table.TakeOp(table.Take{Key: record.UnitKey(b.Shelter, b.Unit), ClaimID: b.Claim, N: b.N, Until: b.Until, Rev: 1})}})
	if err != nil {
		t.Fatal(err)
	}
	return p.ID
}

func logLength(t *testing.T, store table.Store) int {
	t.Helper()
	n := 0
	q := table.Query{PK: "DIR#LOG"}
	for {
		page, err := store.Query(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		n += len(page.Items)
		if q.After = page.Next; page.Next == "" {
			return n
		}
	}
}
