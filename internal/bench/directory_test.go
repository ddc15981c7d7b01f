//go:build bench

package bench

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"time"

	"panah/internal/demo"
	"panah/internal/directory"
	"panah/internal/dynamo"
	"panah/internal/dynamo/local"
	"panah/internal/record"
	"panah/internal/shelter"
	"panah/internal/table"
)

// The design's goals for a directory that starts cold, on DynamoDB Local.
const (
	loadGoal       = 100 * time.Millisecond // of 10 000 shelters
	loadLargeGoal  = time.Second            // of 100 000
	coldReads      = 150                    // read units for 10 000
	bytesGoal      = 250                    // of memory for each shelter
	coldLoads      = 7
	refreshes      = 50
	changesInEntry = 1000
)

// BenchmarkDirectory is what it costs to load the directory cold and to keep it
// fresh.
func BenchmarkDirectory(b *testing.B) {
	server, err := local.Start(b.Context(), local.Options{})
	if errors.Is(err, local.ErrMissing) {
		title("The directory: not measured, %v", err)
		b.Skip(err)
	}
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = server.Close() }()
	now := time.Now().UTC()
	title("The directory on DynamoDB Local, %d cold loads and %d refreshes each", coldLoads, refreshes)
	for _, n := range []int{10_000, 100_000} {
		measureDirectory(b, server, fmt.Sprintf("directory-%d", n), stretched(demo.BuildOf(seed, now, n)), now)
	}
	metric(b, 0, "done")
}

// stretched gives shelters one to four units each, as many of one number as of
// another, by adding units like those they have.
func stretched(d demo.Directory) demo.Directory {
	for i := range d.Shelters {
		s := &d.Shelters[i]
		for n := 0; len(s.Units) < 1+i%4; n++ {
			u := s.Units[n]
			u.ID, u.Site = fmt.Sprint(u.ID, n+2), u.Site+1
			s.Units = append(s.Units, u)
		}
	}
	return d
}

func measureDirectory(b *testing.B, server *local.Server, name string, d demo.Directory, now time.Time) {
	b.Helper()
	m := &meter{}
	m.take()
	o := server.Options(name)
	o.Meter = m.add
	store, err := dynamo.Open(o)
	if err = errors.Join(err, local.CreateTable(b.Context(), o)); err != nil {
		b.Fatal(err)
	}
	publish(b, store, d, now)
	units := 0
	for _, s := range d.Shelters {
		units += len(s.Units)
	}
	m.take()
	var took, busy []float64
	var warm *directory.Directory
	for range coldLoads {
		warm = directory.New(store, 3, quiet)
		runtime.GC()
		begin, cpu := time.Now(), processCPU()
		if err := warm.Refresh(b.Context(), now); err != nil {
			b.Fatal(err)
		}
		took = append(took, float64(time.Since(begin).Microseconds())/1e3)
		busy = append(busy, float64((processCPU()-cpu).Microseconds())/1e3)
	}
	reads, _ := m.take()
	n := len(d.Shelters)
	goal, readGoal := loadGoal, coldReads
	if n > 10_000 {
		goal, readGoal = loadLargeGoal, 10*coldReads
	}
	cold, each := spreadOf(took), (reads["get"]+reads["query"])/coldLoads
	line(fmt.Sprintf("%d shelters", n), "with %d units", units)
	line("  cold load, ms", "%s   goal: <= %d, %s", cold.with("%.0f"), goal.Milliseconds(), met(cold.median <= float64(goal.Milliseconds())))
	line("  of it our CPU, ms", "%s   the rest is DynamoDB Local and who else uses the machine", spreadOf(busy).with("%.0f"))
	line("  read units", "%.1f   goal: <= %d, %s", each, readGoal, met(each <= float64(readGoal)))
	size := memoryOf(b, store, now, n)
	line("  bytes per shelter", "%.0f   goal: <= %d, %s", size, bytesGoal, met(size <= bytesGoal))
	keepFresh(b, store, warm, m, d, now)
}

// processCPU is the processor time this process has used, in user and system mode.
func processCPU() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		panic(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// publish writes the pages of a directory.
func publish(b *testing.B, store table.Store, d demo.Directory, now time.Time) {
	b.Helper()
	id := &ids{}
	pub := directory.NewPublisher(store, id.next, func() time.Time { return now }, quiet)
	var changes []table.Change
	add := func(it table.Item, last bool) {
		it.Version = 1
		changes = append(changes, table.Change{New: &it})
		if len(changes) == changesInEntry || last {
			if err := pub.Apply(b.Context(), changes); err != nil {
				b.Fatal(err)
			}
			changes = nil
		}
	}
	for i, s := range d.Shelters {
		add(record.FromShelter(s.Shelter), false)
		for j, u := range s.Units {
			add(record.FromUnit(u), i == len(d.Shelters)-1 && j == len(s.Units)-1)
		}
	}
	if err := pub.Compact(b.Context()); err != nil {
		b.Fatal(err)
	}
}

// memoryOf is the memory a directory keeps, for each shelter.
func memoryOf(b *testing.B, store table.Store, now time.Time, n int) float64 {
	b.Helper()
	d := directory.New(store, 3, quiet)
	before := heap()
	if err := d.Refresh(b.Context(), now); err != nil {
		b.Fatal(err)
	}
	kept := heap() - before
	runtime.KeepAlive(d)
	return float64(kept) / float64(n)
}

func heap() int64 {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// keepFresh measures a refresh when nothing and when one unit has changed.
func keepFresh(b *testing.B, store table.Store, warm *directory.Directory, m *meter, d demo.Directory, now time.Time) {
	b.Helper()
	m.take()
	for range refreshes {
		if err := warm.Refresh(b.Context(), now); err != nil {
			b.Fatal(err)
		}
	}
	reads, _ := m.take()
	idle := max(reads["query"]/refreshes, emptyQuery)
	line("  refresh, no change", "%.1f read units   goal: <= %.1f, %s", idle, emptyQuery, met(idle <= emptyQuery && reads["get"] == 0))
	id := &ids{n: 1 << 30}
	pub := directory.NewPublisher(store, id.next, func() time.Time { return now }, quiet)
	var took, copied []float64
	for i := range refreshes {
		s := d.Shelters[i*(len(d.Shelters)/refreshes)]
		u := shelter.Restore(s.Units[0], s.Units[0].Counts(), nil)
		it := record.FromUnit(u)
		it.Version = 2
		if err := pub.Apply(b.Context(), []table.Change{{New: &it}}); err != nil {
			b.Fatal(err)
		}
		took, copied = append(took, 0), append(copied, 0)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		begin := time.Now()
		if err := warm.Refresh(b.Context(), now); err != nil {
			b.Fatal(err)
		}
		took[i] = float64(time.Since(begin).Microseconds()) / 1e3
		runtime.ReadMemStats(&after)
		copied[i] = float64(after.TotalAlloc-before.TotalAlloc) / 1024
	}
	line("  refresh, one change", "ms: %s   KiB allocated, reading included: %s", spreadOf(took).with("%.1f"), spreadOf(copied).with("%.0f"))
}
