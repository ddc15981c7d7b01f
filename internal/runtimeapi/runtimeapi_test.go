//go:build unix

package runtimeapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// TestMain lets the test binary be the function, too.
func TestMain(m *testing.M) {
	switch os.Getenv("CHILD") {
	case "":
		os.Exit(m.Run())
	case "exit":
		os.Exit(3)
	case "initerror":
		url := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/init/error"
		resp, err := http.Post(url, "application/json", strings.NewReader(`{"errorMessage":"no table","errorType":"Init"}`))
		if err != nil || resp.Body.Close() != nil || resp.StatusCode != http.StatusAccepted {
			os.Exit(2)
		}
		os.Exit(1)
	default:
		lambda.Start(handle)
	}
}

// ask is what the tests ask of the function, said what it tells.
type ask struct{ Do, URL string }

type said struct {
	PID      int
	ID, ARN  string
	Name     string
	Memory   string
	Secret   string
	Deadline time.Time
}

func handle(ctx context.Context, a ask) (any, error) {
	switch a.Do {
	case "error":
		return nil, errors.New("beds are gone")
	case "panic":
		panic("ouch")
	case "crash":
		os.Exit(7)
	case "print":
		fmt.Println("to stdout")
		fmt.Fprintln(os.Stderr, "to stderr")
	case "broken":
		return io.MultiReader(strings.NewReader("{"), iotest.ErrReader(errors.New("broke off"))), nil
	case "big":
		return strings.Repeat("x", maxAnswer), nil
	case "visit": // tells the test it is there and waits until it may go on
		resp, err := http.Get(fmt.Sprintf("%s?pid=%d", a.URL, os.Getpid()))
		if err != nil {
			return nil, err
		}
		_ = resp.Body.Close()
	}
	lc, _ := lambdacontext.FromContext(ctx)
	deadline, _ := ctx.Deadline()
	return said{os.Getpid(), lc.AwsRequestID, lc.InvokedFunctionArn, os.Getenv("AWS_LAMBDA_FUNCTION_NAME"),
		os.Getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"), os.Getenv("SECRET"), deadline}, nil
}

func start(t *testing.T, o Options) *Function {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	o.Binary, o.Name = exe, "test"
	o.Env = append([]string{"CHILD=serve"}, o.Env...)
	f, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func invoke(ctx context.Context, f *Function, a ask) (said, error) {
	payload, err := json.Marshal(a)
	if err != nil {
		return said{}, err
	}
	raw, err := f.Invoke(ctx, payload)
	if err != nil {
		return said{}, err
	}
	var s said
	return s, json.Unmarshal(raw, &s)
}

func must(t *testing.T, f *Function, a ask) said {
	t.Helper()
	s, err := invoke(t.Context(), f, a)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func gone(t *testing.T, pids ...int) {
	t.Helper()
	for _, pid := range pids {
		if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("process %d is still there: %v", pid, err)
		}
	}
}

// porch is where functions wait until the test lets them in.
type porch struct {
	url      string
	arrivals chan string
	open     func()
}

func newPorch(t *testing.T) *porch {
	gate := make(chan struct{})
	p := &porch{arrivals: make(chan string, 16), open: sync.OnceFunc(func() { close(gate) })}
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		p.arrivals <- r.URL.Query().Get("pid")
		select {
		case <-gate:
		case <-r.Context().Done():
		}
	}))
	p.url = s.URL
	t.Cleanup(func() { p.open(); s.Close() })
	return p
}

func TestInvoke(t *testing.T) {
	t.Setenv("SECRET", "of the parent")
	f := start(t, Options{Timeout: time.Minute})
	if err := f.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if d := f.FirstPoll(); d <= 0 || d > initTime {
		t.Errorf("first poll after %v", d)
	}
	a, b := must(t, f, ask{}), must(t, f, ask{})
	if a.PID != b.PID || a.PID == os.Getpid() {
		t.Errorf("processes %d and %d", a.PID, b.PID)
	}
	if a.ID == "" || a.ID == b.ID {
		t.Errorf("request ids %q and %q", a.ID, b.ID)
	}
	if a.ARN != "arn:aws:lambda:ap-south-1:000000000000:function:test" || a.Name != "test" || a.Memory != "512" {
		t.Errorf("got %+v", a)
	}
	if a.Secret != "" {
		t.Error("the environment of the parent leaked")
	}
	if left := time.Until(a.Deadline); left < 30*time.Second || left > time.Minute {
		t.Errorf("%v until the deadline", left)
	}
}

func TestEnvironmentOfTheCallerWins(t *testing.T) {
	f := start(t, Options{Env: []string{"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=1024"}})
	if s := must(t, f, ask{}); s.Memory != "1024" {
		t.Errorf("memory %s", s.Memory)
	}
}

func TestFunctionError(t *testing.T) {
	f := start(t, Options{})
	before := must(t, f, ask{})
	for do, want := range map[string]FunctionError{
		"error":  {"errorString", "beds are gone"},
		"broken": {"errorString", "broke off"},
	} {
		_, err := invoke(t.Context(), f, ask{Do: do})
		var fe *FunctionError
		if !errors.As(err, &fe) || *fe != want {
			t.Errorf("%s: %v", do, err)
		}
	}
	if after := must(t, f, ask{}); after.PID != before.PID {
		t.Error("an error ended the process")
	}
}

func TestFatalErrorsRestart(t *testing.T) {
	f := start(t, Options{})
	for do, want := range map[string]string{"panic": "string", "big": "Function.ResponseSizeTooLarge"} {
		before := must(t, f, ask{})
		_, err := invoke(t.Context(), f, ask{Do: do})
		var fe *FunctionError
		if !errors.As(err, &fe) || fe.Type != want {
			t.Errorf("%s: %v", do, err)
		}
		if after := must(t, f, ask{}); after.PID == before.PID {
			t.Errorf("%s: the process lived on", do)
		}
	}
}

func TestCrashAndRestart(t *testing.T) {
	f := start(t, Options{})
	before := must(t, f, ask{})
	_, err := invoke(t.Context(), f, ask{Do: "crash"})
	var fe *FunctionError
	if err == nil || errors.As(err, &fe) || !strings.Contains(err.Error(), "exit status 7") {
		t.Fatalf("crash: %v", err)
	}
	gone(t, before.PID)
	if after := must(t, f, ask{}); after.PID == before.PID {
		t.Error("no new process")
	}
}

func TestTimeout(t *testing.T) {
	p := newPorch(t)
	f := start(t, Options{Timeout: time.Second})
	before := must(t, f, ask{})
	if _, err := invoke(t.Context(), f, ask{Do: "visit", URL: p.url}); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("timeout: %v", err)
	}
	gone(t, before.PID)
	if after := must(t, f, ask{}); after.PID == before.PID {
		t.Error("no new process")
	}
}

func TestConcurrency(t *testing.T) {
	const n = 3
	p := newPorch(t)
	f := start(t, Options{Concurrency: n})
	pids := make(chan int, n)
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			s, err := invoke(t.Context(), f, ask{Do: "visit", URL: p.url})
			if err != nil {
				t.Error(err)
			}
			pids <- s.PID
		})
	}
	for range n { // all are inside at once, or this waits for ever
		<-p.arrivals
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := invoke(ctx, f, ask{}); !errors.Is(err, context.Canceled) {
		t.Errorf("one too many: %v", err)
	}
	p.open()
	wg.Wait()
	close(pids)
	seen := map[int]bool{}
	for pid := range pids {
		seen[pid] = true
	}
	if len(seen) != n {
		t.Errorf("%d processes for %d events", len(seen), n)
	}
	if a, b := must(t, f, ask{}), must(t, f, ask{}); !seen[a.PID] || a.PID != b.PID {
		t.Error("a warm process was not used again")
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	for pid := range seen {
		gone(t, pid)
	}
}

func TestCallerGivesUp(t *testing.T) {
	p := newPorch(t)
	f := start(t, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() {
		_, err := invoke(ctx, f, ask{Do: "visit", URL: p.url})
		failed <- err
	}()
	pid := <-p.arrivals
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	p.open()
	if s := must(t, f, ask{}); fmt.Sprint(s.PID) != pid {
		t.Error("the process did not live on")
	}
}

func TestClose(t *testing.T) {
	p := newPorch(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f := start(t, Options{Concurrency: 2})
	idle := must(t, f, ask{})
	failed := make(chan error, 2)
	for range 2 {
		go func() {
			_, err := invoke(ctx, f, ask{Do: "visit", URL: p.url})
			failed <- err
		}()
	}
	pids := []string{<-p.arrivals, <-p.arrivals}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := <-failed; !errors.Is(err, ErrClosed) {
			t.Errorf("running: %v", err)
		}
	}
	gone(t, idle.PID)
	for _, s := range pids {
		var pid int
		if _, err := fmt.Sscan(s, &pid); err != nil {
			t.Fatal(err)
		}
		gone(t, pid)
	}
	if _, err := invoke(ctx, f, ask{}); !errors.Is(err, ErrClosed) {
		t.Errorf("after close: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
}

func TestEndOfContextCloses(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	f, err := Start(ctx, Options{Binary: exe, Name: "test", Env: []string{"CHILD=serve"}})
	if err != nil {
		t.Fatal(err)
	}
	s := must(t, f, ask{})
	cancel()
	<-f.closing
	f.work.Wait()
	gone(t, s.PID)
	if _, err := invoke(t.Context(), f, ask{}); !errors.Is(err, ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
}

func TestInitFailures(t *testing.T) {
	t.Run("exit", func(t *testing.T) {
		f := start(t, Options{Env: []string{"CHILD=exit"}})
		var fe *FunctionError
		if err := f.Ready(t.Context()); err == nil || errors.As(err, &fe) || !strings.Contains(err.Error(), "exit status 3") {
			t.Errorf("ready: %v", err)
		}
		if _, err := invoke(t.Context(), f, ask{}); err == nil || errors.As(err, &fe) {
			t.Errorf("invoke: %v", err)
		}
		if f.FirstPoll() != 0 {
			t.Error("a poll was seen")
		}
	})
	t.Run("reported", func(t *testing.T) {
		f := start(t, Options{Env: []string{"CHILD=initerror"}})
		for _, err := range []error{f.Ready(t.Context()), func() error { _, err := invoke(t.Context(), f, ask{}); return err }()} {
			var fe *FunctionError
			if !errors.As(err, &fe) || *fe != (FunctionError{"Init", "no table"}) {
				t.Errorf("got %v", err)
			}
		}
	})
	t.Run("no binary", func(t *testing.T) {
		if _, err := Start(t.Context(), Options{Binary: t.TempDir() + "/none", Name: "test"}); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no name", func(t *testing.T) {
		if _, err := Start(t.Context(), Options{}); err == nil {
			t.Error("started")
		}
	})
}

func TestOutput(t *testing.T) {
	var out bytes.Buffer
	f := start(t, Options{Stderr: &out})
	must(t, f, ask{Do: "print"})
	if err := f.Close(); err != nil { // after which all has been copied
		t.Fatal(err)
	}
	if got := out.String(); !strings.Contains(got, "to stdout") || !strings.Contains(got, "to stderr") {
		t.Errorf("got %q", got)
	}
}

// TestForeignAnswers: what is not the answer to the event that is out changes nothing.
func TestForeignAnswers(t *testing.T) {
	p := newPorch(t)
	f := start(t, Options{})
	failed := make(chan error, 1)
	go func() {
		_, err := invoke(t.Context(), f, ask{Do: "visit", URL: p.url})
		failed <- err
	}()
	<-p.arrivals
	for _, path := range []string{"response", "error"} {
		r := httptest.NewRequest(http.MethodPost, api+"invocation/none/"+path, strings.NewReader("{}"))
		w := httptest.NewRecorder()
		f.first.server.Handler.ServeHTTP(w, r)
		if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "InvalidRequestID") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	p.open()
	if err := <-failed; err != nil {
		t.Error(err)
	}
}
