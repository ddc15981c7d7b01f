// Package simulation proves that beds cannot lie. It runs teams, shelters, a
// desk, the clock and the change feed over the embedded engine, on one goroutine
// at a time, with faults, crashes and a clock of its own, all from one seed: the
// same seed does the same things, byte for byte. After every write it holds what
// is stored against what must be true (see ledger.go), and when all is quiet
// against who really sleeps where (see truth.go).
//
// A process is what a Lambda is: a use-case service that carries out one command
// at a time. Its calls of the store go through the scheduler, so that commands of
// different processes interleave inside; a crash ends a command at any call and
// leaves a fresh service over the same store.
package simulation

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"log/slog"
	"math/rand/v2"
	"time"

	"panah/internal/embedded"
	"panah/internal/matching"
	"panah/internal/policy"
	"panah/internal/record"
	"panah/internal/shelter"
	"panah/internal/table"
	"panah/internal/table/tabletest"
	"panah/internal/testworld"
)

// Options say what a run is like. The zero value is filled with usual numbers.
type Options struct {
	Steps     int // scheduler steps between two quiet moments
	Rounds    int // quiet moments
	Processes int
	Faults    tabletest.Faults
	Crash     float64       // the chance of a crash at a call of the store
	Lost      float64       // the chance that a request is lost, and that its answer is
	Skew      time.Duration // how far the processes' clocks are apart; with skew nobody's bed is counted by second
	Outage    bool          // the feed's consumers are away for longer than the stream keeps a change
	Trace     func(string)  // gets every line of the event log
	// Engine breaks the engine, and Forget leaves out the look for what the feed has
	// lost: for whoever asks whether the simulation would notice.
	Engine func(*embedded.Store) table.Store
	Forget bool
	// Permit holds what a process does to what its function may do; nil: anything.
	Permit func(table.Store) table.Store
}

// Usual is a bad day.
var Usual = Options{Steps: 1200, Rounds: 2, Processes: 4, Faults: tabletest.Awful, Crash: 0.02, Lost: 0.15}

// Report is what came of a run.
type Report struct {
	Seed     uint64
	Hash     string // over every event: two runs of one seed have the same
	Events   int
	Commands int            // acknowledged
	Crashes  int            // of processes inside a command
	Missed   int            // items that came back when the clock looked for them
	Lost     int            // changes that a feed that was cut never brought
	Faults   map[string]int // injected, by name
	Moves    map[string]int // rows of the table of moves that were made, as "side move from"
	Failed   string         // the first thing that was not as it must be; empty: nothing
}

// failure ends a run.
type failure string

// run is one simulation under way.
type run struct {
	Options
	ctx     context.Context
	random  *rand.Rand
	raw     *embedded.Store
	store   *tabletest.Faulty
	stream  *tabletest.Stream
	policy  matching.Policy
	clock   time.Time
	ids     int
	procs   []*process
	wire    []*request // sent and not settled
	ghosts  []*request // settled; the network may deliver them again
	ledger  *ledger
	truth   *truth
	hash    hash.Hash
	report  *Report
	tried   map[string]int // how often somebody has pressed the button of a row of the table of moves
	away    bool           // the consumers of the feed are
	lost    int            // changes that were cut from the feed
	unaware bool           // a team acts that does not know its party is in a shelter already
	healing bool           // no new faults: things must come to rest
	desk    []place        // the shelters, as their staff know them
}

// place is one shelter with what its staff know.
type place struct{ testworld.Place }

// Run runs one seed.
func Run(seed uint64, o Options) (Report, error) {
	r, done, err := prepare(seed, o)
	if err != nil {
		return Report{}, err
	}
	defer done()
	r.report.Failed = r.guard(func() {
		r.begin()
		for range r.Rounds {
			r.badTimes(r.Steps)
			r.rest()
		}
	})
	r.killAll()
	r.report.Hash, r.report.Faults = hex.EncodeToString(r.hash.Sum(nil)[:12]), r.store.Injected
	return *r.report, nil
}

// prepare makes a run over an empty table; done gives back what it has opened.
func prepare(seed uint64, o Options) (r *run, done func(), err error) {
	path, remove, err := embedded.TempPath()
	if err != nil {
		return nil, nil, err
	}
	raw, err := embedded.Open(path, embedded.Options{NoSync: true})
	if err != nil {
		remove()
		return nil, nil, err
	}
	r = &run{Options: o, ctx: context.Background(), random: rand.New(rand.NewPCG(seed, 7)), raw: raw, clock: testworld.Start,
		stream: tabletest.NewStream(seed, 2), hash: sha256.New(), tried: map[string]int{}, report: &Report{Seed: seed, Moves: map[string]int{}}}
	engine := table.Store(raw)
	if o.Engine != nil {
		engine = o.Engine(raw)
	}
	r.store = tabletest.NewFaulty(engine, seed, tabletest.Faults{})
	r.stream.Now = func() time.Time { return r.clock }
	r.store.Wait = func(d time.Duration) { r.clock = r.clock.Add(d) }
	r.ledger, r.truth = newLedger(r), newTruth(r)
	r.policy, err = policy.Current()
	return r, func() { _ = raw.Close(); remove() }, err
}

// guard answers what was not as it must be, or nothing.
func (r *run) guard(do func()) (failed string) {
	defer func() {
		if why := recover(); why != nil {
			f, ok := why.(failure)
			if !ok {
				panic(why)
			}
			failed = string(f)
		}
	}()
	do()
	return ""
}

// begin fills the table, makes it known and starts the processes.
func (r *run) begin() {
	r.seed()
	for i := range r.Processes + 2 { // and one for each shard of the feed
		r.procs = append(r.procs, newProcess(r, i))
	}
	r.drain()
}

// badTimes lets so many things happen under faults.
func (r *run) badTimes(steps int) {
	r.store.Set(r.Faults)
	r.healing = false
	for i := range steps {
		if r.Outage && r.lost == 0 {
			r.outage(i, steps)
		}
		r.step()
	}
	r.store.Set(tabletest.Faults{})
	r.healing = true
}

// outage takes the consumers of the feed away for the middle of bad times: what
// was written in them is cut from the stream before they are back.
func (r *run) outage(step, steps int) {
	switch step {
	case steps / 3:
		r.away = true
	case 2 * steps / 3:
		r.clock = r.clock.Add(streamKeeps + time.Hour)
		r.away, r.lost = false, r.stream.Cut(r.clock.Add(-streamKeeps))
		r.report.Lost += r.lost
		r.event("the feed has lost %d changes", r.lost)
	}
}

// streamKeeps is how long a stream keeps a change.
const streamKeeps = 24 * time.Hour

// fail ends the run: something is not as it must be.
func (r *run) fail(format string, args ...any) {
	panic(failure(fmt.Sprintf(format, args...)))
}

// event adds a line to the log.
func (r *run) event(format string, args ...any) {
	line := fmt.Sprintf("%s "+format, append([]any{r.clock.Format("02T15:04:05")}, args...)...)
	_, _ = r.hash.Write([]byte(line + "\n"))
	r.report.Events++
	if r.Trace != nil {
		r.Trace(line)
	}
}

func (r *run) chance(p float64) bool { return r.random.Float64() < p }

func (r *run) newID() string {
	r.ids++
	return record.WriteID(r.clock, fmt.Sprintf("w%d", r.ids))
}

func (r *run) newCode() string {
	r.ids++
	return fmt.Sprintf("D%d", r.ids)
}

func pick[T any](r *run, list []T) T { return list[r.random.IntN(len(list))] }

// seed fills the table, without faults and before anybody looks.
func (r *run) seed() {
	r.desk = shelters()
	put := func(it table.Item) {
		if err := r.raw.Write(r.ctx, table.Batch{WriteID: r.newID(), Ops: []table.Op{table.PutOp(it, 0)}}); err != nil {
			r.fail("seed: %v", err)
		}
	}
	for _, c := range members() {
		put(record.FromMembership(c))
	}
	for _, s := range r.desk {
		put(record.FromShelter(s.Shelter))
		put(record.FromHandover(s.ID, shelter.Handover{Point: "the gate", Meeting: "the market", Code: phoneCode}))
		for _, u := range s.Units {
			put(record.FromUnit(u))
			r.truth.base[u.Shelter+"/"+u.ID] = u.Counts().Occupied()
		}
	}
	r.observe(nil)
}

// observe takes in what has been committed since the last look.
func (r *run) observe(by *process) {
	changes, next, err := r.raw.Changes(r.ctx, r.ledger.position, 1000)
	if err != nil {
		r.fail("feed: %v", err)
	}
	r.ledger.position = next
	r.stream.Add(changes...)
	r.ledger.apply(changes, by)
}

func quietLog() *slog.Logger { return slog.New(slog.DiscardHandler) }
