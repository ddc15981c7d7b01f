package simulation

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"panah/internal/dynamo"
	"panah/internal/function"
	"panah/internal/record"
	"panah/internal/referral"
	"panah/internal/table"
	"panah/internal/testworld"
)

// process is one Lambda: a service and, while it is busy, one command.
type process struct {
	run     *run
	no      int
	skew    time.Duration
	service *referral.Service
	changes lambda.Handler
	resume  chan bool // true: go on, false: die here
	paused  chan struct{}
	busy    bool
	crashed bool
	doing   string
	request *request // nil: clock and feed
	writes  int      // items this command has changed by itself
	writing string   // the id of the write it has sent last
	knew    bool     // what its command has last seen of the placement had it carried out
}

func newProcess(r *run, no int) *process {
	p := &process{run: r, no: no, resume: make(chan bool), paused: make(chan struct{})}
	if r.Skew > 0 {
		p.skew = time.Duration(r.random.Int64N(int64(2*r.Skew))) - r.Skew
	}
	p.restart()
	return p
}

// store is the process itself, between its code and the table.
func (p *process) store() table.Store {
	if permit := p.run.Permit; permit != nil {
		return permit(p)
	}
	return p
}

// restart makes the service anew: nothing of the old one is left but the table.
func (p *process) restart() {
	r := p.run
	p.service = referral.New(referral.Config{Store: p.store(), Policy: r.policy, Abreast: 1, Now: func() time.Time { return r.clock.Add(p.skew) },
		NewID: r.newID, Code: r.newCode, Secret: []byte(staySecret), Log: quietLog()})
	p.changes = nil
}

// start begins a task; it runs until its first call of the store is due.
func (p *process) start(what string, q *request, task func()) {
	p.busy, p.crashed, p.doing, p.request, p.writes, p.knew = true, false, what, q, 0, false
	p.run.event("p%d begins %s", p.no, what)
	go func() {
		defer func() {
			if why := recover(); why != nil { // a bug's own panic is the run's failure
				p.doing = fmt.Sprintf("PANIC %v in %s", why, what)
			}
			p.busy = false
			p.paused <- struct{}{}
		}()
		if <-p.resume {
			task()
		}
	}()
}

// step lets the process run to its next call of the store.
func (p *process) step() {
	p.resume <- true
	<-p.paused
	if len(p.doing) > 5 && p.doing[:5] == "PANIC" {
		p.run.fail("%s", p.doing)
	}
	if f := p.run.ledger.broken; f != "" {
		panic(failure(f))
	}
}

// kill ends what is under way: the run is over.
func (p *process) kill() {
	if p.busy {
		p.resume <- false
		<-p.paused
	}
}

func (r *run) killAll() {
	for _, p := range r.procs {
		p.kill()
	}
}

// call is one call of the store: the scheduler decides when it goes on, and
// whether the process lives to see the answer.
func (p *process) call(what string, do func() string) {
	p.paused <- struct{}{}
	if !<-p.resume {
		runtime.Goexit()
	}
	r := p.run
	crash := !r.healing && r.chance(r.Crash)
	if crash && r.chance(0.5) {
		p.crash(what + " before")
	}
	came := do()
	r.event("p%d %s: %s", p.no, what, came)
	if crash {
		p.crash(what + " after")
	}
}

func (p *process) crash(where string) {
	p.run.event("p%d crashes at %s", p.no, where)
	p.run.report.Crashes++
	p.crashed = true
	p.restart()
	runtime.Goexit()
}

// Get implements table.Store.
func (p *process) Get(ctx context.Context, key table.Key, c table.Consistency) (it *table.Item, err error) {
	p.call("get "+key.String(), func() string {
		it, err = p.run.store.Get(ctx, key, c)
		p.saw(key)
		if err != nil || it == nil {
			return fmt.Sprint(err)
		}
		return fmt.Sprint("v", it.Version)
	})
	return it, err
}

// saw notes whether the placement a command is about had it carried out when the
// command last looked: a write of an earlier delivery may land after that.
func (p *process) saw(key table.Key) {
	if q := p.request; q != nil && q.key != 0 && record.PlacementKey(q.about) == key {
		p.knew = p.run.ledger.done(q.about, q.key)
	}
}

// Query implements table.Store.
func (p *process) Query(ctx context.Context, q table.Query) (page table.Page, err error) {
	p.call("query "+string(q.Index)+" "+q.PK, func() string {
		page, err = p.run.store.Query(ctx, q)
		return fmt.Sprint(len(page.Items), err)
	})
	return page, err
}

// Scan implements table.Scanner.
func (p *process) Scan(ctx context.Context, share, of int, after string) (page table.Page, err error) {
	p.call("scan", func() string {
		page, err = p.run.store.Scan(ctx, share, of, after)
		return fmt.Sprint(len(page.Items), err)
	})
	return page, err
}

// Write implements table.Store.
func (p *process) Write(ctx context.Context, b table.Batch) (err error) {
	p.writing = b.WriteID
	p.call(fmt.Sprintf("write %s %d", b.Ops[0].Key(), len(b.Ops)), func() string {
		err = p.run.store.Write(ctx, b)
		p.run.observe(p)
		p.saw(b.Ops[0].Key())
		return fmt.Sprint(err)
	})
	return err
}

// consume gives the process a batch of the feed as a stream event, through the
// function that consumes it in the cloud.
func (p *process) consume(batch []table.Change) {
	r := p.run
	p.start(fmt.Sprintf("feed of %d", len(batch)), nil, func() {
		if p.changes == nil {
			h, err := function.Changes(function.Parts{Store: p.store(), Log: quietLog(), Service: p.service}, dynamo.DecodeChange)
			if err != nil {
				panic(err)
			}
			p.changes = h
		}
		var event struct {
			Records []json.RawMessage `json:"Records"`
		}
		for _, c := range batch {
			raw, err := dynamo.EncodeChange(c)
			if err != nil {
				panic(err)
			}
			event.Records = append(event.Records, raw)
		}
		payload, err := json.Marshal(event)
		if err != nil {
			panic(err)
		}
		raw, err := p.changes.Invoke(testworld.As(r.ctx, "ChangesFunction"), payload)
		var answer struct {
			BatchItemFailures []struct {
				ItemIdentifier string `json:"itemIdentifier"`
			} `json:"batchItemFailures"`
		}
		if err != nil {
			return
		}
		if err := json.Unmarshal(raw, &answer); err != nil {
			panic(err)
		}
		n := len(batch)
		if len(answer.BatchItemFailures) > 0 {
			for i, c := range batch {
				if c.Seq == answer.BatchItemFailures[0].ItemIdentifier {
					n = i
					break
				}
			}
			r.event("feed consumed %d of %d", n, len(batch))
		}
		r.stream.Consumed(batch, n)
	})
}
