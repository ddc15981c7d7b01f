package runtimeapi

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const (
	region    = "ap-south-1"
	account   = "000000000000"
	api       = "/2018-06-01/runtime/"
	maxAnswer = 6<<20 + 100 // bytes, as Lambda's
)

// event is one invocation on its way.
type event struct {
	id      string
	payload []byte
	timeout time.Duration
	answer  chan result // gets one result at most
}

type result struct {
	body []byte
	err  error
}

func newEvent(payload []byte, timeout time.Duration) *event {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	id := fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
	return &event{id: id, payload: payload, timeout: timeout, answer: make(chan result, 1)}
}

// process is one child with the server it talks to.
type process struct {
	name      string
	cmd       *exec.Cmd
	server    *http.Server
	events    chan *event
	exited    chan struct{}
	polled    chan struct{} // closed at the first request for an event
	poll      func()
	initError atomic.Pointer[FunctionError]

	mu      sync.Mutex
	current *event // handed out and not answered yet
}

func startProcess(o Options, firstPoll func(time.Duration)) (*process, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &process{name: o.Name, events: make(chan *event), exited: make(chan struct{}), polled: make(chan struct{})}
	p.cmd = exec.Command(o.Binary)
	p.cmd.Dir = filepath.Dir(o.Binary)
	p.cmd.Env = environment(o, listener.Addr().String())
	p.cmd.Stdout, p.cmd.Stderr = o.Stderr, o.Stderr
	p.cmd.WaitDelay = time.Second // for what a child of the child keeps open
	setApart(p.cmd)

	mux := http.NewServeMux()
	mux.HandleFunc("GET "+api+"invocation/next", p.next)
	mux.HandleFunc("POST "+api+"invocation/{id}/response", p.response)
	mux.HandleFunc("POST "+api+"invocation/{id}/error", p.failed)
	mux.HandleFunc("POST "+api+"init/error", p.initFailed)
	p.server = &http.Server{Handler: mux, ReadHeaderTimeout: initTime}

	started := time.Now()
	p.poll = sync.OnceFunc(func() {
		firstPoll(time.Since(started))
		close(p.polled)
	})
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	go func() { _ = p.server.Serve(listener) }() // ends with wait
	return p, nil
}

func (p *process) kill() { _ = p.cmd.Process.Kill() } // an error means that it is gone already

// wait sees the process end and closes its server.
func (p *process) wait() {
	_ = p.cmd.Wait() // the state tells
	close(p.exited)
	_ = p.server.Close()
}

// next hands out an event as soon as there is one.
func (p *process) next(w http.ResponseWriter, r *http.Request) {
	p.poll()
	select {
	case ev := <-p.events:
		p.mu.Lock()
		p.current = ev
		p.mu.Unlock()
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Lambda-Runtime-Aws-Request-Id", ev.id)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(ev.timeout).UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:"+region+":"+account+":function:"+p.name)
		_, _ = w.Write(ev.payload) // a process that cannot be written to ends, and that is seen
	case <-r.Context().Done():
	}
}

// response takes the answer to the event that is out.
func (p *process) response(w http.ResponseWriter, r *http.Request) {
	body, ok := p.read(w, r)
	if !ok {
		return
	}
	// A body that broke off in the function says so behind itself.
	if kind := r.Trailer.Get("Lambda-Runtime-Function-Error-Type"); kind != "" {
		raw, _ := base64.StdEncoding.DecodeString(r.Trailer.Get("Lambda-Runtime-Function-Error-Body"))
		p.settle(w, r, result{err: reported(raw, kind)})
		return
	}
	p.settle(w, r, result{body: body})
}

// failed takes the error of the event that is out.
func (p *process) failed(w http.ResponseWriter, r *http.Request) {
	if body, ok := p.read(w, r); ok {
		p.settle(w, r, result{err: reported(body, r.Header.Get("Lambda-Runtime-Function-Error-Type"))})
	}
}

// initFailed keeps why the process is about to end.
func (p *process) initFailed(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxAnswer))
	if err != nil {
		reply(w, http.StatusBadRequest, "InvalidRequest")
		return
	}
	p.initError.Store(reported(raw, r.Header.Get("Lambda-Runtime-Function-Error-Type")))
	reply(w, http.StatusAccepted, "")
}

// read reads what the function sends; too much of it is the function's error.
func (p *process) read(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxAnswer+1))
	switch {
	case err != nil:
		reply(w, http.StatusBadRequest, "InvalidRequest")
		return nil, false
	case len(body) > maxAnswer:
		if ev := p.out(r.PathValue("id")); ev != nil {
			ev.answer <- result{err: &FunctionError{"Function.ResponseSizeTooLarge", fmt.Sprintf("the answer is over %d bytes", maxAnswer)}}
		}
		reply(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge")
		return nil, false
	}
	return body, true
}

// settle answers the event that is out, once.
func (p *process) settle(w http.ResponseWriter, r *http.Request, res result) {
	ev := p.out(r.PathValue("id"))
	if ev == nil {
		reply(w, http.StatusBadRequest, "InvalidRequestID")
		return
	}
	ev.answer <- res
	reply(w, http.StatusAccepted, "")
}

// out is the event that is out, if it has this id; it is not out any more.
func (p *process) out(id string) *event {
	p.mu.Lock()
	defer p.mu.Unlock()
	ev := p.current
	if ev == nil || ev.id != id {
		return nil
	}
	p.current = nil
	return ev
}

func reply(w http.ResponseWriter, status int, errorType string) {
	body := `{"status":"OK"}`
	if errorType != "" {
		body = `{"errorMessage":"` + http.StatusText(status) + `","errorType":"` + errorType + `"}`
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body) // as in next
}

// reported reads an error as runtimes report it.
func reported(raw []byte, kind string) *FunctionError {
	var e struct {
		Message string `json:"errorMessage"`
		Type    string `json:"errorType"`
	}
	if err := json.Unmarshal(raw, &e); err != nil {
		e.Message = string(raw)
	}
	if e.Type == "" {
		e.Type = kind
	}
	if e.Type == "" {
		e.Type = "Runtime.Unknown"
	}
	return &FunctionError{e.Type, e.Message}
}
