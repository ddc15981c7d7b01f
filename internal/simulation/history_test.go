package simulation

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"panah/internal/caller"
	"panah/internal/code"
	"panah/internal/directory"
	"panah/internal/dynamo"
	"panah/internal/dynamo/local"
	"panah/internal/dynamo/streams"
	"panah/internal/embedded"
	"panah/internal/fault"
	"panah/internal/placement"
	"panah/internal/policy"
	"panah/internal/record"
	"panah/internal/referral"
	"panah/internal/table"
	"panah/internal/table/tabletest"
	"panah/internal/testworld"
)

var asked = flag.Int("requests", 1500, "how many requests the history on the embedded engine has")

// contest is many phones that want the beds of one unit, over a network that
// loses a quarter of the requests and a quarter of the answers.
type contest struct {
	t        testing.TB
	store    table.Store
	services []*referral.Service
	ids      atomic.Int64
	name     string
	loss     float64
	newKeys  bool // a mutant: a retry makes a new key
}

const wanted = "HOMA"

func newContest(t testing.TB, raw, store table.Store, beds, services int) *contest {
	t.Helper()
	ctx := context.Background()
	rules, err := policy.Current()
	if err != nil {
		t.Fatal(err)
	}
	c := &contest{t: t, store: store, name: fmt.Sprintf("%x", time.Now().UnixNano()), loss: 0.25}
	now := func() time.Time { return testworld.Start }
	var changes []table.Change
	men := func(id string) testworld.Place {
		return testworld.Home(id, testworld.District, code.Other, testworld.Unit(id, "men", code.Men, code.AdultBands, 5, 0))
	}
	write := func(it table.Item) {
		if err := raw.Write(ctx, table.Batch{WriteID: c.newID(), Ops: []table.Op{table.PutOp(it, 0)}}); err != nil {
			t.Fatal(err)
		}
		it.Version = 1
		changes = append(changes, table.Change{New: &it})
	}
	write(record.FromMembership(teams[0]))
	for _, s := range []testworld.Place{testworld.Home(wanted, testworld.District, code.ChildrensHome,
		testworld.Unit(wanted, "girls", code.Girls, testworld.SchoolAge, beds, 0)), men("MENA"), men("MENB")} {
		write(record.FromShelter(s.Shelter))
		for _, u := range s.Units {
			write(record.FromUnit(u))
		}
	}
	if err := directory.NewPublisher(raw, c.newID, now, quietLog()).Apply(ctx, changes); err != nil {
		t.Fatal(err)
	}
	for range services {
		c.services = append(c.services, referral.New(referral.Config{Store: store, Policy: rules, Now: now, NewID: c.newID,
			Code: func() string { return "DOOR" }, Log: quietLog()}))
	}
	return c
}

func (c *contest) newID() string { return fmt.Sprintf("%s-%d", c.name, c.ids.Add(1)) }

// deed is one request of one phone as the phone saw it.
type deed struct {
	id   string // the placement it was answered with
	held bool
	gone bool // cancelled again
}

// send sends until there is an answer; do is given the key of each sending.
func (c *contest) send(r *rand.Rand, key string, do func(key string) (referral.Outcome, error)) (referral.Outcome, error) {
	for n := 0; ; n++ {
		sent := key
		if c.newKeys {
			sent = fmt.Sprint(key, "-", n)
		}
		if r.Float64() < c.loss {
			continue // lost on the way
		}
		o, err := do(sent)
		if r.Float64() < c.loss || fault.Is(err, fault.Busy) || fault.Is(err, fault.DirectoryCold) {
			continue // the answer is lost, or says to try again
		}
		return o, err
	}
}

// one asks for a bed and, with a chance, gives it back.
func (c *contest) one(r *rand.Rand, key string, giveBack float64) deed {
	ctx := context.Background()
	s := c.services[r.IntN(len(c.services))]
	asked := placement.Request{RescuedAt: testworld.Start, Place: testworld.District, Persons: parties()[0], HoldBest: true, Limit: 1}
	o, err := c.send(r, key, func(key string) (referral.Outcome, error) {
		return s.Request(ctx, teams[0], asked, referral.Command{Key: key, Payload: "ask"})
	})
	if err != nil {
		c.t.Errorf("asking: %v", err)
		return deed{}
	}
	d := deed{id: o.ID, held: o.State == placement.Held}
	if !d.held || r.Float64() >= giveBack {
		return d
	}
	if _, err := c.send(r, key+"-cancel", func(key string) (referral.Outcome, error) {
		return s.Cancel(ctx, teams[0], o.ID, 0, referral.Command{Key: key, Payload: "cancel", HoldNo: o.Hold.No})
	}); err != nil && !c.newKeys {
		c.t.Errorf("cancelling: %v", err)
	}
	d.gone = true
	return d
}

// run lets so many phones make so many requests.
func (c *contest) run(phones, requests int, giveBack float64) []deed {
	deeds := make([]deed, requests)
	var wg sync.WaitGroup
	for p := range phones {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(p), 3))
			for i := p; i < requests; i += phones {
				deeds[i] = c.one(r, fmt.Sprint("ask-", i), giveBack)
			}
		})
	}
	wg.Wait()
	return deeds
}

// verdict is what the history of the unit says of what the phones were told.
type verdict struct{ versions, overbooked, lost, doubled int }

// certify goes through the unit's versions in order: from one to the next claims
// come and go, each at most once, never more than there are beds; every phone
// that was told of a hold finds its claim there, and no claim is anybody else's.
func certify(changes []table.Change, deeds []deed, beds int) (v verdict, problem string) {
	unit := record.UnitKey(wanted, "girls")
	came, went := map[string]int{}, map[string]int{}
	last := map[string]table.Claim{}
	version := uint64(0)
	for _, c := range changes {
		if c.New == nil || c.New.Key != unit {
			continue
		}
		if c.New.Version <= version {
			continue // told again
		}
		if c.New.Version != version+1 {
			return v, fmt.Sprintf("version %d follows %d", c.New.Version, version)
		}
		version = c.New.Version
		v.versions++
		sum := 0
		for id, claim := range c.New.Guard.Claims {
			sum += claim.N
			if _, had := last[id]; !had {
				came[id]++
			}
		}
		for id := range last {
			if _, has := c.New.Guard.Claims[id]; !has {
				went[id]++
			}
		}
		if sum > beds || c.New.Guard.Free != beds-sum {
			v.overbooked++
		}
		last = c.New.Guard.Claims
	}
	told := map[string]bool{}
	for _, d := range deeds {
		claim := placement.ClaimID(d.id, 1)
		if !d.held {
			continue
		}
		told[claim] = true
		_, there := last[claim]
		if came[claim] == 0 || there == d.gone {
			v.lost++
		}
	}
	for claim, n := range came {
		if n > 1 || went[claim] > 1 || !told[claim] {
			v.doubled++
		}
	}
	return v, ""
}

func feedOf(t testing.TB, f table.Feed) (all []table.Change) {
	t.Helper()
	for after, empty := "", 0; empty < 3; {
		changes, next, err := f.Changes(t.Context(), after, 500)
		if err != nil {
			t.Fatal(err)
		}
		all, after = append(all, changes...), next
		if len(changes) == 0 {
			empty++
		}
	}
	return all
}

func openEmbedded(t testing.TB) *embedded.Store {
	t.Helper()
	path, remove, err := embedded.TempPath()
	if err != nil {
		t.Fatal(err)
	}
	s, err := embedded.Open(path, embedded.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(); remove() })
	return s
}

// What the engine loses besides what the network loses.
var lossy = tabletest.Faults{UnknownBefore: 0.05, UnknownAfter: 0.05, LateSecond: 0.05, NoImage: 0.2}

func TestAHistoryOfManyRequestsForFewBeds(t *testing.T) {
	const beds = 200
	for _, engine := range []struct {
		name     string
		requests int
		open     func(t *testing.T) (table.Store, table.Feed)
	}{
		{"embedded", *asked, func(t *testing.T) (table.Store, table.Feed) { s := openEmbedded(t); return s, s }},
		{"DynamoDB Local", min(*asked/10, 1000), func(t *testing.T) (table.Store, table.Feed) {
			o := local.ForTest(t).TestTable(t)
			store, err := dynamo.Open(o)
			if err != nil {
				t.Fatal(err)
			}
			feed, err := streams.Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			return store, feed
		}},
	} {
		t.Run(engine.name, func(t *testing.T) {
			raw, feed := engine.open(t)
			c := newContest(t, raw, tabletest.NewFaulty(raw, 5, lossy), beds, 4)
			// So many give their bed back that all beds are taken for good only after most
			// of the requests: until then beds come and go, afterwards none is free.
			deeds := c.run(16, engine.requests, max(0.5, 1-beds/(0.8*float64(engine.requests))))
			v, problem := certify(feedOf(t, feed), deeds, beds)
			if problem != "" || v.overbooked+v.lost+v.doubled > 0 || v.versions < engine.requests {
				t.Errorf("%+v %s", v, problem)
			}
			held := 0
			for _, d := range deeds {
				if d.held {
					held++
				}
			}
			t.Logf("history on %s: %d requests on %d beds with 25 %% lost requests and 25 %% lost answers, %d held, %d versions of the unit: %d overbooked, %d lost, %d doubled",
				engine.name, engine.requests, beds, held, v.versions, v.overbooked, v.lost, v.doubled)
		})
	}
}

// A phone that makes a new key for each retry doubles holds; the check must see it.
func TestTheHistoryCatchesANewKeyForEachRetry(t *testing.T) {
	raw := openEmbedded(t)
	c := newContest(t, raw, raw, 200, 2)
	c.newKeys = true
	deeds := c.run(8, 200, 0)
	if v, problem := certify(feedOf(t, raw), deeds, 200); problem != "" || v.doubled == 0 {
		t.Errorf("the mutant was not caught: %+v %s", v, problem)
	}
}

// seen is an operation of a small history: holds, giving back, and looking.
type seen struct{ what string }

// held is the model: so many of the beds are held.
func model(beds int) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return 0 },
		Step: func(state, input, output any) (bool, any) {
			held, _ := state.(int)
			in, _ := input.(seen)
			switch out, _ := output.(int); in.what {
			case "hold": // 1: held; 0: refused, which a directory a moment old may always do
				return out == 0 || held < beds, held + out
			case "back":
				return held > 0, held - 1
			default: // look: out are held
				return out == held, held
			}
		},
		Equal: func(a, b any) bool { return a == b },
		DescribeOperation: func(input, output any) string {
			in, _ := input.(seen)
			return fmt.Sprint(in.what, " ", output)
		},
	}
}

// small lets a few phones hold, give back and look, and records when they began
// and ended what they did, with all its retries.
func (c *contest) small(phones, each int, seed uint64) []porcupine.Operation {
	var mu sync.Mutex
	var history []porcupine.Operation
	start := time.Now()
	staffer := caller.Caller{Subject: "staff", Role: caller.Shelter, Scope: wanted}
	var wg sync.WaitGroup
	for p := range phones {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(p)))
			note := func(what string, do func() int) int {
				call := time.Since(start).Nanoseconds()
				out := do()
				mu.Lock()
				defer mu.Unlock()
				history = append(history, porcupine.Operation{ClientId: p, Input: seen{what}, Call: call, Output: out, Return: time.Since(start).Nanoseconds()})
				return out
			}
			for i := range each {
				if r.IntN(3) == 0 {
					note("look", func() int {
						v, err := c.services[p%len(c.services)].Shelter(context.Background(), staffer, wanted)
						if err != nil {
							c.t.Error(err)
							return -1
						}
						return v.Units[0].Counts().Held()
					})
					continue
				}
				var d deed
				key := fmt.Sprintf("small-%d-%d-%d", seed, p, i)
				if note("hold", func() int {
					if d = c.one(r, key, 0); d.held {
						return 1
					}
					return 0
				}) == 1 && r.IntN(3) > 0 {
					note("back", func() int {
						s := c.services[r.IntN(len(c.services))]
						if _, err := c.send(r, key+"-cancel", func(key string) (referral.Outcome, error) {
							return s.Cancel(context.Background(), teams[0], d.id, 0, referral.Command{Key: key, Payload: "cancel", HoldNo: 1})
						}); err != nil && !c.newKeys {
							c.t.Error(err)
						}
						return 0
					})
				}
			}
		})
	}
	wg.Wait()
	return history
}

func TestSmallHistoriesAreLinearizable(t *testing.T) {
	const histories, phones, each, beds = 60, 8, 5, 4
	operations := 0
	for seed := range uint64(histories) {
		raw := openEmbedded(t)
		c := newContest(t, raw, tabletest.NewFaulty(raw, seed, lossy), beds, 3)
		history := c.small(phones, each, seed)
		operations += len(history)
		if got := porcupine.CheckOperationsTimeout(model(beds), history, 20*time.Second); got != porcupine.Ok {
			t.Fatalf("seed %d: %s: %v", seed, got, described(history))
		}
	}
	t.Logf("porcupine: %d histories of %d phones, %d operations, all linearizable", histories, phones, operations)
}

func TestPorcupineCatchesANewKeyForEachRetry(t *testing.T) {
	caught := 0
	for seed := range uint64(5) {
		raw := openEmbedded(t)
		c := newContest(t, raw, raw, 20, 2)
		c.newKeys = true
		if porcupine.CheckOperationsTimeout(model(20), c.small(6, 5, seed), 20*time.Second) == porcupine.Illegal {
			caught++
		}
	}
	if caught == 0 {
		t.Error("the mutant was not caught")
	}
}

func described(history []porcupine.Operation) string {
	slices.SortFunc(history, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
	var out strings.Builder
	for _, op := range history {
		in, _ := op.Input.(seen)
		fmt.Fprintf(&out, "\n%d: %s %v [%d, %d]", op.ClientId, in.what, op.Output, op.Call, op.Return)
	}
	return out.String()
}
