// Package runtimeapi runs a Lambda binary on one machine as Lambda does: it
// starts the bootstrap as a child process and serves it the Runtime API
// (2018-06-01) on the loopback interface. Each process has its own server, so
// that an answer can only come from the process that was asked.
package runtimeapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Options say what to run and how.
type Options struct {
	Binary string   // path of the bootstrap
	Name   string   // name of the function
	Env    []string // KEY=value, over those that Lambda sets; nothing of this process but PATH is passed on
	// Stderr gets all that the processes print; nil discards it.
	Stderr io.Writer
	// Timeout bounds one invocation, after which its process is killed. The
	// default is 30 seconds.
	Timeout time.Duration
	// Concurrency is how many processes there are at most, each with one event
	// at a time. The default is 1; more invocations wait.
	Concurrency int
}

// initTime is how long a process may take until it asks for an event, as in
// Lambda's init phase.
const initTime = 10 * time.Second

// ErrClosed answers an invocation of a function that was closed.
var ErrClosed = errors.New("runtimeapi: the function is closed")

// FunctionError is an error the function reported by itself.
type FunctionError struct{ Type, Message string }

func (e *FunctionError) Error() string { return e.Type + ": " + e.Message }

// Function is a function with its processes.
type Function struct {
	o         Options
	first     *process
	firstPoll atomic.Int64
	slots     chan struct{} // one for each invocation that runs
	closing   chan struct{}
	detach    func() bool // from the context of Start

	mu      sync.Mutex
	idle    []*process // the last one used is on top: a warm process goes first
	running map[*process]bool
	closed  bool
	work    sync.WaitGroup // processes and invocations
}

// Start starts the first process; others follow as invocations need them. The
// function lives until Close or the end of ctx.
func Start(ctx context.Context, o Options) (*Function, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if o.Name == "" {
		return nil, errors.New("runtimeapi: a function needs a name")
	}
	var err error
	if o.Binary, err = filepath.Abs(o.Binary); err != nil {
		return nil, fmt.Errorf("runtimeapi: %s: %w", o.Name, err)
	}
	if o.Timeout <= 0 {
		o.Timeout = 30 * time.Second
	}
	o.Concurrency = max(o.Concurrency, 1)
	o.Stderr = &lockedWriter{to: o.Stderr}
	f := &Function{o: o, slots: make(chan struct{}, o.Concurrency), closing: make(chan struct{}), running: map[*process]bool{}}
	if f.first, err = f.spawn(); err != nil {
		return nil, err
	}
	f.idle = append(f.idle, f.first)
	f.detach = context.AfterFunc(ctx, f.shut)
	return f, nil
}

// Ready waits until the first process asks for its first event.
func (f *Function) Ready(ctx context.Context) error {
	select {
	case <-f.first.polled:
		return nil
	case <-f.first.exited:
		select {
		case <-f.first.polled:
			return nil
		default:
			return f.ended(f.first)
		}
	case <-ctx.Done():
		return ctx.Err()
	}
}

// FirstPoll is the time from the start of the first process to its first
// request for an event: the cold start. It is 0 until then.
func (f *Function) FirstPoll() time.Duration { return time.Duration(f.firstPoll.Load()) }

// Invoke gives an event to an idle process and answers what it answers: an
// error the function reported is a *FunctionError, anything else (a crash, a
// timeout, which is also a context.DeadlineExceeded) is not. As in Lambda, the
// function goes on when the caller gives up.
func (f *Function) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-f.closing:
		return nil, ErrClosed
	case f.slots <- struct{}{}:
	}
	if !f.begin() {
		<-f.slots
		return nil, ErrClosed
	}
	done := make(chan result, 1)
	go func() {
		defer f.work.Done()
		body, err := f.carry(newEvent(payload, f.o.Timeout))
		<-f.slots
		done <- result{body, err}
	}()
	select {
	case r := <-done:
		return r.body, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Close ends every process and waits until they are gone. Invocations that are
// running answer ErrClosed.
func (f *Function) Close() error {
	f.detach()
	f.shut()
	f.work.Wait()
	return nil
}

// shut refuses what comes and kills what is there.
func (f *Function) shut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	f.closed = true
	close(f.closing)
	for p := range f.running {
		p.kill()
	}
}

// begin counts a piece of work, unless the function is closed.
func (f *Function) begin() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	f.work.Add(1)
	return true
}

// carry takes an event to a process and back.
func (f *Function) carry(ev *event) ([]byte, error) {
	patience := time.NewTimer(initTime)
	defer patience.Stop()
	for {
		p, fresh, err := f.take()
		if err != nil {
			return nil, err
		}
		select {
		case p.events <- ev:
			return f.await(p, ev)
		case <-p.exited:
			if fresh {
				return nil, f.ended(p)
			} // it ended since its last event: another one starts
		case <-patience.C:
			p.kill()
			<-p.exited
			return nil, fmt.Errorf("runtimeapi: %s did not ask for an event within %v", f.o.Name, initTime)
		}
	}
}

// await waits for the answer to an event a process has got.
func (f *Function) await(p *process, ev *event) ([]byte, error) {
	limit := time.NewTimer(f.o.Timeout)
	defer limit.Stop()
	select {
	case r := <-ev.answer:
		f.giveBack(p)
		return r.body, r.err
	case <-p.exited:
		select {
		case r := <-ev.answer: // it answered and then ended
			return r.body, r.err
		default:
			return nil, f.ended(p)
		}
	case <-limit.C:
		p.kill()
		<-p.exited
		return nil, fmt.Errorf("runtimeapi: %s timed out after %v: %w", f.o.Name, f.o.Timeout, context.DeadlineExceeded)
	}
}

// take finds an idle process or starts one.
func (f *Function) take() (p *process, fresh bool, err error) {
	f.mu.Lock()
	if n := len(f.idle); n > 0 {
		p = f.idle[n-1]
		f.idle = slices.Delete(f.idle, n-1, n)
	}
	f.mu.Unlock()
	if p != nil {
		return p, false, nil
	}
	p, err = f.spawn()
	return p, true, err
}

func (f *Function) giveBack(p *process) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.idle = append(f.idle, p)
}

// spawn starts a process and the goroutine that sees it end.
func (f *Function) spawn() (*process, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, ErrClosed
	}
	p, err := startProcess(f.o, func(d time.Duration) { f.firstPoll.CompareAndSwap(0, int64(d)) })
	if err != nil {
		return nil, fmt.Errorf("runtimeapi: %s: %w", f.o.Name, err)
	}
	f.running[p] = true
	f.work.Go(func() {
		p.wait()
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.running, p)
	})
	return p, nil
}

// ended says why a process that has exited did not answer.
func (f *Function) ended(p *process) error {
	select {
	case <-f.closing:
		return ErrClosed
	default:
	}
	if e := p.initError.Load(); e != nil {
		return e
	}
	return fmt.Errorf("runtimeapi: %s ended without an answer: %s", f.o.Name, p.cmd.ProcessState)
}

// lockedWriter lets several processes print to one writer.
type lockedWriter struct {
	mu sync.Mutex
	to io.Writer
}

func (w *lockedWriter) Write(b []byte) (int, error) {
	if w.to == nil {
		return len(b), nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(b)
}

// environment is what Lambda sets for a function, and then what the caller wants.
func environment(o Options, address string) []string {
	return append([]string{
		"PATH=" + os.Getenv("PATH"),
		"TZ=:UTC",
		"LANG=en_US.UTF-8",
		"LAMBDA_TASK_ROOT=" + filepath.Dir(o.Binary),
		"LAMBDA_RUNTIME_DIR=" + filepath.Dir(o.Binary),
		"AWS_REGION=" + region,
		"AWS_DEFAULT_REGION=" + region,
		"AWS_LAMBDA_RUNTIME_API=" + address,
		"AWS_LAMBDA_FUNCTION_NAME=" + o.Name,
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=512",
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/" + o.Name,
		"AWS_LAMBDA_LOG_STREAM_NAME=local",
		"_HANDLER=bootstrap",
	}, o.Env...)
}
