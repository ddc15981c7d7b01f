//go:build bench

// Package bench measures what a design goal speaks of as a ratio or a count: two
// things of one run against each other, so that the machine cancels out. It is
// built by make bench only; nothing in it fails on a slow machine.
package bench

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// report is what is printed when everything has been measured: the lines of go
// test are in the way before.
var report strings.Builder

func TestMain(m *testing.M) {
	status := m.Run()
	fmt.Print(report.String())
	os.Exit(status)
}

// title begins a block of the report.
func title(format string, args ...any) { fmt.Fprintf(&report, "\n"+format+"\n", args...) }

// line adds to a block.
func line(name, format string, args ...any) {
	fmt.Fprintf(&report, "  %-22s "+format+"\n", append([]any{name}, args...)...)
}

// spread is the least, the middle and the greatest of what was measured.
type spread struct{ low, median, high float64 }

func spreadOf(values []float64) spread {
	v := slices.Sorted(slices.Values(values))
	n := len(v)
	return spread{v[0], (v[(n-1)/2] + v[n/2]) / 2, v[n-1]}
}

// with prints the spread; the verb is for one number.
func (s spread) with(verb string) string {
	return fmt.Sprintf("min "+verb+"  median "+verb+"  max "+verb, s.low, s.median, s.high)
}

func met(is bool) string {
	if is {
		return "met"
	}
	return "NOT MET"
}

// metric gives the middle to go test as well, in place of the time of a run.
func metric(b *testing.B, value float64, unit string) {
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(value, unit)
}
