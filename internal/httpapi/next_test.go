package httpapi_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"panah/internal/caller"
	"panah/internal/code"
	"panah/internal/embedded"
	"panah/internal/httpapi"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/referral"
	"panah/internal/shelter"
	"panah/internal/table"
	"panah/internal/testworld"
)

// Over the states, the roles and who asks: every move that an answer lists
// succeeds when it is made, and every other one is refused and changes nothing.
func TestNextIsExactlyWhatSucceeds(t *testing.T) {
	seen, states, moves := map[string]bool{}, map[placement.State]bool{}, map[string]bool{}
	for seed := range uint64(24) {
		l := newLife(t, seed)
		for step := 0; step < 9 && !t.Failed(); step++ {
			l.w.Feed(t)
			l.check(seen, moves)
			states[l.placement().State] = true
			l.goOn()
		}
		l.close()
		if t.Failed() {
			t.Fatalf("seed %d: %s", seed, strings.Join(l.story, ", "))
		}
	}
	for _, s := range placement.States {
		if !states[s] {
			t.Errorf("no life came to %s", s)
		}
	}
	for _, m := range everyMove() {
		if !moves[m] {
			t.Errorf("%s was never listed", m)
		}
	}
	t.Logf("%d situations", len(seen))
}

// The same where the shelter has stopped, however far the party has come, and once it
// takes part again.
func TestNextIsExactlyWhatSucceedsAtAShelterThatHasStopped(t *testing.T) {
	team := caller.Caller{Subject: testworld.Team, Role: caller.Rescue, Scope: "team-a"}
	road := []placement.Move{placement.MoveChoose, placement.MoveAccept, placement.MoveDepart, placement.MoveDivert, placement.MoveReceive}
	seen, moves := map[string]bool{}, map[string]bool{}
	for far := range len(road) + 1 {
		l := newLife(t, 0)
		for _, m := range road[:far] {
			by, p := team, l.placement()
			if m == placement.MoveAccept || m == placement.MoveReceive {
				by = l.as(testworld.StaffOf(p.Hold.Shelter))
			}
			l.make(l.here, l.w.Service, by, string(m), p).want(t, 200)
		}
		p := l.placement()
		for _, to := range []shelter.Status{shelter.Closed, shelter.Active} {
			by := l.as(testworld.StaffOf(p.Hold.Shelter))
			if to == shelter.Active {
				by = l.as(testworld.Ministry)
			}
			if _, err := l.w.Service.SetStatus(t.Context(), by, p.Hold.Shelter, to, referral.Command{Key: l.key(), Payload: "status"}); err != nil {
				t.Fatal(err)
			}
			l.w.Feed(t)
			a := client{t, direct(l.here), testworld.Team}.do("GET", "/v1/placements/"+l.id, "", nil).want(t, 200)
			if _, says := a.Body["shelterStopped"]; says != (to == shelter.Closed) {
				t.Errorf("%s: the shelter is %s, and the team reads %v", p.State, shelter.Statuses.Name(to), a.Body["shelterStopped"])
			}
			l.check(seen, moves)
		}
		l.close()
	}
}

// everyMove names every move that somebody makes by a request.
func everyMove() (out []string) {
	for _, row := range placement.Rows() {
		if m := string(row.Move); row.Side != placement.Clock && row.Side != placement.Survivor && !slices.Contains(out, m) {
			out = append(out, m)
		}
	}
	return out
}

// life is one placement in a world of its own, and everyone around it.
type life struct {
	t       *testing.T
	w       *testworld.World
	here    http.Handler
	path    string
	raw     *embedded.Store
	random  *rand.Rand
	callers []caller.Caller
	id      string
	keys    int
	story   []string
}

func newLife(t *testing.T, seed uint64) *life {
	t.Helper()
	l := &life{t: t, path: filepath.Join(t.TempDir(), "life.db"), random: rand.New(rand.NewPCG(seed, 7))}
	var err error
	if l.raw, err = embedded.Open(l.path, embedded.Options{NoSync: true}); err != nil {
		t.Fatal(err)
	}
	l.w = testworld.On(t, l.raw)
	l.here = allRoutes(l.w)
	l.callers = []caller.Caller{
		{Subject: testworld.Team, Role: caller.Rescue, Scope: "team-a"}, {Subject: "subject-mate", Role: caller.Rescue, Scope: "team-a"},
		{Subject: testworld.OtherTeam, Role: caller.Rescue, Scope: "team-b"}, {Subject: testworld.Desk, Role: caller.Desk, Scope: string(testworld.District)},
		{Subject: "subject-desk-elsewhere", Role: caller.Desk, Scope: "IN-LGD-525"}, {Subject: testworld.Ministry, Role: caller.Ministry, Scope: "IN"},
	}
	for _, c := range []caller.Caller{l.callers[1], l.callers[4]} {
		l.w.Put(t, record.FromMembership(c))
	}
	for _, id := range []string{"HOMA", "HOMB", "GRLS", "WOMN", "FULL"} {
		l.callers = append(l.callers, caller.Caller{Subject: testworld.StaffOf(id), Role: caller.Shelter, Scope: id})
	}
	for _, id := range []string{"HOMA", "WOMN"} { // the others have written none
		if _, err := l.w.Service.SetHandover(t.Context(), l.as(testworld.StaffOf(id)), id, shelter.Handover{Point: "the gate", Meeting: "the market"}, 0); err != nil {
			t.Fatal(err)
		}
	}
	l.begin(seed)
	return l
}

func (l *life) close() { _ = l.raw.Close() }

func (l *life) as(subject string) caller.Caller {
	return l.callers[slices.IndexFunc(l.callers, func(c caller.Caller) bool { return c.Subject == subject })]
}

func (l *life) key() string { l.keys++; return fmt.Sprintf("key-life-%06d", l.keys) }

// begin is how a placement comes into the world.
func (l *life) begin(seed uint64) {
	l.t.Helper()
	body := siblings
	team := client{l.t, direct(l.here), testworld.Team}
	switch seed % 6 {
	case 1:
		body = strings.Replace(body, `"best"`, `"none"`, 1)
	case 2: // nobody fits
		body = strings.Replace(body, `"placeWith":"boys"`, `"placeWith":"transgender_unit"`, 1)
	case 3:
		body = strings.Replace(strings.Replace(body, `"15-17"`, `"25-59"`, 1), `"placeWith":"girls"`, `"placeWith":"women"`, 1)
		first, _, _ := strings.Cut(body, `{"ageBand":"6-11"`)
		_, rest, _ := strings.Cut(body, ",\n \"consent\"")
		body = first[:len(first)-4] + "]}" + ",\n \"consent\"" + rest
	case 4, 5:
		staff := client{l.t, direct(l.here), testworld.StaffOf("GRLS")}
		girl := map[string]any{"ageBand": "12-14", "ageStatus": "stated", "placeWith": "girls"}
		consent := map[string]any{"basis": "child_protection", "view": "agrees", "heardIn": "bn", "heardVia": "directly"}
		in := staff.do("POST", "/v1/shelters/GRLS/admissions", l.key(), map[string]any{"unit": "girls", "persons": []any{girl}, "consent": consent}).want(l.t, 200)
		if l.id = in.str("id"); seed%6 == 4 {
			return
		}
		body := map[string]any{"rescuedAt": "2026-11-24T19:40:00Z", "place": map[string]any{"district": testworld.District}, "urgency": "now",
			"party": map[string]any{"together": "required", "persons": []any{girl}}, "consent": consent,
			"escort": map[string]any{"socialWorker": true, "woman": true}, "hold": "best", "transferOf": l.id}
		l.id = staff.do("POST", "/v1/placements", l.key(), body).want(l.t, 201).str("id")
		return
	}
	l.id = team.do("POST", "/v1/placements", l.key(), body).want(l.t, 201).str("id")
}

func (l *life) placement() placement.Placement {
	l.t.Helper()
	it, err := l.raw.Get(l.t.Context(), record.PlacementKey(l.id), table.Strong)
	if err != nil {
		l.t.Fatal(err)
	}
	p, err := record.ToPlacement(it)
	if err != nil {
		l.t.Fatal(err)
	}
	return p
}

// listed is what the answers to a caller list: its own view of the placement, and
// where there is none what the answer to its last command would say.
func (l *life) listed(c caller.Caller, p placement.Placement) (out []string) {
	l.t.Helper()
	for _, m := range l.w.Service.Next(l.t.Context(), c, p) {
		out = append(out, string(m))
	}
	cl := client{l.t, direct(l.here), c.Subject}
	if a := cl.do("GET", "/v1/placements/"+l.id, "", nil); a.Status == 200 && !slices.Equal(a.next(), out) {
		l.t.Errorf("%s is shown %v and may %v", c.Subject, a.next(), out)
	}
	if c.Role == caller.Shelter {
		list := cl.do("GET", "/v1/shelters/"+c.Scope+"/arrivals?limit=50", "", nil).want(l.t, 200)
		for _, one := range list.Body["arrivals"].([]any) {
			if a := (answer{Body: one.(map[string]any)}); a.str("id") == l.id && !slices.Equal(a.next(), out) {
				l.t.Errorf("%s sees among its arrivals %v and may %v", c.Subject, a.next(), out)
			}
		}
	}
	return out
}

// check makes every move for everyone who is in a situation not seen before: those
// listed in a copy of the world.
func (l *life) check(seen, moves map[string]bool) {
	l.t.Helper()
	p := l.placement()
	for _, c := range l.callers {
		list := l.listed(c, p)
		mark := fmt.Sprint(p.State, !p.Hold.Stopped.IsZero(), p.Back.Move, p.Back.Side, len(p.Looks) > 0, p.Team == "team-a", c.Role, c.Scope == p.Hold.Shelter, list)
		if seen[mark] {
			continue
		}
		seen[mark] = true
		for _, m := range everyMove() {
			if slices.Contains(list, m) {
				moves[m] = true
				l.inACopy(c, m, p)
				continue
			}
			a := l.make(l.here, l.w.Service, c, m, p)
			if a.Status < 400 || a.Status >= 500 || l.placement().Version != p.Version {
				l.t.Fatalf("%s (%s): %s is not listed for %s and is answered %d %s; listed: %v", p.State, p.Team, m, c.Subject, a.Status, a.Raw, list)
			}
			if allowed, ok := a.Body["allowed"].([]any); (ok || a.Status == 409) && (!ok || !slices.Equal(allowed, anys(list))) {
				l.t.Errorf("%s: %s is refused to %s with %v allowed, listed %v", p.State, m, c.Subject, allowed, list)
			}
		}
	}
}

func anys(list []string) (out []any) {
	for _, s := range list {
		out = append(out, s)
	}
	return out
}

// inACopy makes a listed move in a copy of the world.
func (l *life) inACopy(c caller.Caller, m string, p placement.Placement) {
	l.t.Helper()
	path := filepath.Join(l.t.TempDir(), "copy.db")
	from, err := os.Open(l.path)
	if err != nil {
		l.t.Fatal(err)
	}
	defer from.Close()
	to, err := os.Create(path)
	if err == nil {
		_, err = io.Copy(to, from)
	}
	if err != nil || to.Close() != nil {
		l.t.Fatal(err)
	}
	store, err := embedded.Open(path, embedded.Options{NoSync: true})
	if err != nil {
		l.t.Fatal(err)
	}
	defer func() { _ = store.Close(); _ = os.Remove(path) }()
	s := referral.New(referral.Config{Store: store, Policy: l.w.Service.Policy, Now: l.w.Now, NewID: l.w.NewID, Code: l.w.Service.Code, Log: slog.New(slog.DiscardHandler)})
	h := httpapi.Handler(s, slog.New(slog.DiscardHandler), httpapi.Placements)
	if a := l.make(h, s, c, m, p); a.Status != 200 {
		l.t.Errorf("%s (%s): %s is listed for %s and is answered %d %s", p.State, p.Team, m, c.Subject, a.Status, a.Raw)
	}
}

// make makes a move with a body as it should be.
func (l *life) make(h http.Handler, s *referral.Service, c caller.Caller, m string, p placement.Placement) answer {
	l.t.Helper()
	cl := client{l.t, direct(h), c.Subject}
	path := "/v1/placements/" + l.id
	body := map[string]any{"version": p.Version}
	switch placement.Move(m) {
	case placement.MoveChoose:
		body["option"], body["houseRulesShown"], body["chosenBy"] = "o-"+p.Hold.Shelter, true, "self"
		if p.Request.Children() {
			body["chosenBy"], body["childView"] = "guardian", "agrees"
		}
		if !p.State.Live() {
			options, _ := cl.do("GET", path+"/options", "", nil).Body["options"].([]any)
			if body["option"] = "o-NONE"; len(options) > 0 {
				body["option"] = options[0].(map[string]any)["id"]
			}
		}
	case placement.MoveDepart:
		body["socialWorker"] = true
	case placement.MoveDecline, placement.MoveTurnAway:
		body["reason"] = "staffing"
	case placement.MoveRefuse:
		body["reason"] = "rules"
	case placement.MoveDivert:
		body["reason"] = code.DivertReasons.Name(0)
	case placement.MoveCancel:
		body["reason"] = code.CancelReasons.Name(0)
	case placement.MoveEnd:
		body["reason"] = "own_wish"
	case placement.MoveDecide:
		body["decision"] = "stay"
	case placement.MovePhone:
		h, _ := s.Handover(l.t.Context(), caller.Caller{Role: caller.Shelter, Scope: p.Hold.Shelter}, p.Hold.Shelter)
		if body["phoneCode"] = h.Code; h.Code == "" || l.keys%3 == 0 {
			body["phoneCode"] = "wrong"
		}
	case placement.MoveSplit:
		body["persons"], body["agreedBy"] = []int{0}, "committee"
	case placement.MoveCorrect:
		var persons []any
		for _, one := range p.Request.Persons {
			persons = append(persons, map[string]any{"ageBand": code.AgeBands.Name(one.Age), "ageStatus": code.AgeStatuses.Name(one.AgeStatus), "placeWith": code.Populations.Name(one.PlaceWith)})
		}
		body["persons"] = persons
	}
	return cl.do("POST", path+"/"+m, l.key(), body)
}

// often is how much more often than others a move is made.
var often = map[placement.Move]int{placement.MoveChoose: 12, placement.MoveAccept: 12, placement.MoveDepart: 20, placement.MoveDivert: 8, placement.MoveReceive: 3, placement.MoveUndo: 3}

// goOn lets somebody make a listed move, and time pass.
func (l *life) goOn() {
	l.t.Helper()
	p := l.placement()
	type choice struct {
		c caller.Caller
		m string
	}
	var all []choice
	for _, c := range l.callers {
		for _, m := range l.w.Service.Next(l.t.Context(), c, p) {
			n := max(1, often[m]) // or nobody would ever travel
			if m == placement.MoveChoose && p.Choice.Shelter == p.Hold.Shelter {
				n = 1
			}
			for range n {
				all = append(all, choice{c, string(m)})
			}
		}
	}
	if len(all) > 0 {
		one := all[l.random.IntN(len(all))]
		l.story = append(l.story, one.c.Subject+" "+one.m)
		l.make(l.here, l.w.Service, one.c, one.m, p).want(l.t, 200)
	}
	switch l.random.IntN(5) {
	case 0:
		l.w.Pass(31 * time.Minute) // a hold has lapsed, and nobody looked
	case 1:
		l.w.Pass(31 * time.Minute)
		if _, err := l.w.Service.Lapse(context.Background()); err != nil {
			l.t.Fatal(err)
		}
	default:
		l.w.Pass(time.Minute)
	}
}
