package local_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"panah/internal/demo"
	"panah/internal/embedded"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/table"
)

// panah builds the command once.
var panah = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "panah-e2e-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "panah")
	out, err := exec.Command("go", "build", "-o", path, "panah/internal/cmd/panah").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

// running is a started runner.
type running struct {
	t    *testing.T
	cmd  *exec.Cmd
	url  string
	out  *bytes.Buffer
	done chan error
}

var atURL = regexp.MustCompile(`Panah is running at (http://\S+)`)

func start(t *testing.T, data string) *running {
	t.Helper()
	path, err := panah()
	if err != nil {
		t.Fatal(err)
	}
	r := &running{t: t, out: &bytes.Buffer{}, done: make(chan error, 1)}
	r.cmd = exec.Command(path, "run")
	r.cmd.Env = append(os.Environ(), "PORT=0", "PANAH_DATA="+data, "PANAH_TEMPLATE="+filepath.Join("..", "..", "template.yaml"))
	pipe, err := r.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	r.cmd.Stderr = os.Stderr
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	found := make(chan string, 1)
	go func() {
		buf, told := make([]byte, 64<<10), false
		for {
			n, err := pipe.Read(buf)
			r.out.Write(buf[:n])
			if m := atURL.FindStringSubmatch(r.out.String()); m != nil && !told && strings.Contains(r.out.String(), "Stop with Ctrl-C") {
				found <- m[1]
				told = true
			}
			if err != nil {
				break
			}
		}
		r.done <- r.cmd.Wait()
	}()
	t.Cleanup(func() { _ = r.cmd.Process.Kill() })
	select {
	case r.url = <-found:
	case err := <-r.done:
		t.Fatalf("the runner ended: %v\n%s", err, r.out)
	case <-time.After(60 * time.Second):
		t.Fatal("the runner did not start")
	}
	return r
}

func (r *running) stop(sig os.Signal) error {
	_ = r.cmd.Process.Signal(sig)
	return <-r.done
}

func (r *running) token(as, id string) string {
	r.t.Helper()
	resp, err := http.Get(r.url + "/dev/token?as=" + as + "&id=" + id)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	var out struct{ Token, Role, ID string }
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil || out.Token == "" || out.Role != as {
		r.t.Fatalf("token %+v %v", out, err)
	}
	return out.Token
}

func send(ctx context.Context, method, url, token, key, body string) (int, map[string]any, http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return 0, nil, nil, err
	}
	if body == "" {
		req.Body = http.NoBody
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	var out map[string]any
	_ = json.Unmarshal(raw, &out)
	return resp.StatusCode, out, resp.Header, err
}

func girl(district string) string {
	return `{"rescuedAt":"` + time.Now().UTC().Format(time.RFC3339) + `","place":{"district":"` + district + `"},"urgency":"now",
"party":{"together":"preferred","persons":[{"ageBand":"15-17","ageStatus":"stated","placeWith":"girls","languages":["bn"]}]},
"consent":{"basis":"child_protection","view":"agrees","heardIn":"bn","heardVia":"directly"},
"escort":{"socialWorker":true,"woman":true},"hold":"best","limit":1}`
}

// The README's road from request to arrival, through the gateway with real tokens.
func TestTheMainRoadThroughTheLocalRunner(t *testing.T) {
	r := start(t, t.TempDir())
	ctx := context.Background()
	team := r.token("rescue", "")
	must := func(want int, method, path, token, key, body string) map[string]any {
		t.Helper()
		status, out, _, err := send(ctx, method, r.url+path, token, key, body)
		if err != nil || status != want {
			t.Fatalf("%s %s: %d %v %v", method, path, status, out, err)
		}
		return out
	}
	p := must(201, "POST", "/v1/placements", team, "key-00000001", girl("IN-LGD-315"))
	must(422, "POST", "/v1/placements", team, "key-00000001", girl("IN-LGD-525"))
	base, shelter := "/v1/placements/"+p["id"].(string), p["hold"].(map[string]any)["shelter"].(string)
	staff := r.token("shelter", shelter)
	must(200, "POST", base+"/choose", team, "key-00000002", `{"version":1,"option":"o-`+shelter+`","chosenBy":"guardian","houseRulesShown":true,"childView":"agrees"}`)
	must(200, "POST", base+"/accept", staff, "key-00000003", `{"holdNo":1}`)
	must(200, "POST", base+"/depart", team, "key-00000004", `{"version":3,"socialWorker":true}`)
	must(200, "POST", base+"/receive", staff, "key-00000005", `{}`)
	if here := must(200, "GET", base, team, "", ""); here["state"] != "arrived" {
		t.Fatalf("state %v", here["state"])
	}
	must(404, "GET", base, r.token("rescue", "team-02"), "", "")
	must(401, "GET", base, "not a token", "", "")
	must(200, "GET", "/v1/occupancy?by=state", r.token("ministry", ""), "", "")
	must(200, "GET", "/healthz", "", "", "")
	if err := r.stop(syscall.SIGINT); err != nil {
		t.Fatalf("Ctrl-C is not clean: %v\n%s", err, r.out)
	}
}

// Killed in the middle of 500 placements, it has every hold it acknowledged and
// its counters equal its live holds.
func TestKilledInTheMiddleOfFiveHundredPlacements(t *testing.T) {
	data := t.TempDir()
	r := start(t, data)
	team := r.token("rescue", "team-01")
	var mu sync.Mutex
	acknowledged := map[string]bool{}
	var all sync.WaitGroup
	next := make(chan int)
	for range 16 {
		all.Go(func() {
			for i := range next {
				district := []string{"IN-LGD-315", "IN-LGD-525", "IN-LGD-77", "IN-LGD-482"}[i%4]
				status, out, _, err := send(context.Background(), "POST", r.url+"/v1/placements", team, fmt.Sprintf("key-%08d", i), girl(district))
				if err == nil && status == 201 {
					mu.Lock()
					acknowledged[out["id"].(string)] = out["state"] == "held"
					mu.Unlock()
				}
			}
		})
	}
	for i := range 500 {
		if i == 300 {
			_ = r.cmd.Process.Signal(syscall.SIGKILL)
		}
		next <- i
	}
	close(next)
	all.Wait()
	<-r.done

	again := start(t, data)
	for id := range acknowledged {
		if status, _, _, err := send(context.Background(), "GET", again.url+"/v1/placements/"+id, again.token("rescue", "team-01"), "", ""); status != 200 || err != nil {
			t.Fatalf("an acknowledged placement is gone: %d %v", status, err)
		}
	}
	if err := again.stop(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	held := countersEqualHolds(t, filepath.Join(data, "panah.db"), acknowledged)
	t.Logf("%d acknowledged before the kill, %d held", len(acknowledged), held)
	if len(acknowledged) < 100 || held == 0 {
		t.Fatalf("too few to show anything: %d acknowledged, %d held", len(acknowledged), held)
	}
}

// countersEqualHolds compares every unit's claims with the placements that hold
// beds there.
func countersEqualHolds(t *testing.T, path string, acknowledged map[string]bool) int {
	t.Helper()
	s, err := embedded.Open(path, embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, claims, held := context.Background(), map[string]int{}, 0
	q := table.Query{Index: table.ByTeam, PK: record.TeamPartition("team-01")}
	for {
		page, err := s.Query(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Items {
			it, err := s.Get(ctx, e.Key, table.Strong)
			if err != nil {
				t.Fatal(err)
			}
			p, err := record.ToPlacement(it)
			if err != nil {
				t.Fatal(err)
			}
			if acknowledged[p.ID] && p.State != placement.Held {
				t.Errorf("an acknowledged hold is %s", p.State)
			}
			if p.State != placement.Held {
				continue
			}
			held++
			for _, part := range p.Hold.Parts {
				claims[p.Hold.Shelter+"/"+part.Unit+"/"+placement.ClaimID(p.ID, p.Hold.No)] = len(part.Persons)
			}
		}
		if q.After = page.Next; page.Next == "" {
			break
		}
	}
	for _, d := range demo.Build(1, time.Now()).Shelters {
		for _, u := range d.Units {
			it, err := s.Get(ctx, record.UnitKey(u.Shelter, u.ID), table.Strong)
			if err != nil {
				t.Fatal(err)
			}
			stored, err := record.ToUnit(it) // fails when free is not staffed - outOfService - occupied - claims
			if err != nil {
				t.Fatal(err)
			}
			for id, c := range stored.Claims() {
				name := u.Shelter + "/" + u.ID + "/" + id
				if claims[name] != c.N {
					t.Errorf("claim %s of %d beds has no placement", name, c.N)
				}
				delete(claims, name)
			}
		}
	}
	if len(claims) > 0 {
		t.Errorf("%d holds have no claim", len(claims))
	}
	return held
}
