//go:build bench

package bench

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"panah/internal/local"
	"panah/internal/runtimeapi"
)

const (
	built     = "../../.build"
	coldPairs = 15
	coldWarm  = 3
	coldGoal  = 1.4
)

// BenchmarkColdStart is the time from process start to the first poll for an
// event, of functions/placements against a function that does nothing, in turn.
func BenchmarkColdStart(b *testing.B) {
	real, empty := filepath.Join(built, "functions", "placements", "bootstrap"), buildEmpty(b)
	if _, err := os.Stat(real); err != nil {
		b.Fatalf("%v: make build first", err)
	}
	var ratios, ours, theirs []float64
	for i := range coldWarm + coldPairs {
		var first, second time.Duration
		if i%2 == 0 {
			first = coldStart(b, real)
			second = coldStart(b, empty)
		} else {
			second = coldStart(b, empty)
			first = coldStart(b, real)
		}
		if i < coldWarm {
			continue
		}
		ours, theirs = append(ours, milliseconds(first)), append(theirs, milliseconds(second))
		ratios = append(ratios, float64(first)/float64(second))
	}
	r := spreadOf(ratios)
	title("Cold start: functions/placements against an empty function, to the first poll, %d pairs", coldPairs)
	line("ratio", "%s   goal: median <= %.1f, %s", r.with("%.2f"), coldGoal, met(r.median <= coldGoal))
	line("placements, ms", "%s", spreadOf(ours).with("%.1f"))
	line("empty, ms", "%s", spreadOf(theirs).with("%.1f"))
	metric(b, r.median, "ratio")
}

// buildEmpty builds with the flags of the Makefile.
func buildEmpty(b *testing.B) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "bootstrap")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-tags=lambda.norpc,bench", "-o", path, "./empty")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	return path
}

// coldStart starts a function once. Its endpoint answers nothing: what a
// function asks of the table while it starts is not waited for.
func coldStart(b *testing.B, binary string) time.Duration {
	b.Helper()
	f, err := runtimeapi.Start(b.Context(), runtimeapi.Options{Binary: binary, Name: "bench", Env: local.FunctionEnv("http://127.0.0.1:1", "panah", "a secret")})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if err := f.Ready(b.Context()); err != nil {
		b.Fatal(err)
	}
	return f.FirstPoll()
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
