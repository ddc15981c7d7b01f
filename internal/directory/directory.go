// Package directory holds every shelter in memory, so that matching reads no
// table. It loads packed pages, then the numbered log after them, and keeps
// fresh by reading the log on: half a read unit when nothing has changed. It may
// be seconds stale; the unit's own guard and rev decide what is promised, and a
// refusal carries the unit as it is now back into the copy (Learn).
package directory

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"panah/internal/matching"
	"panah/internal/table"
)

// Directory is a warm copy. Reading it takes no lock.
type Directory struct {
	store table.Store
	least int
	every time.Duration
	log   *slog.Logger

	world atomic.Pointer[matching.World]
	fresh atomic.Int64 // when the log was last read to its end, Unix nanoseconds

	mu    sync.Mutex // guards state and seq; held by whoever refreshes
	state *state
	seq   uint64
}

// Every is how long a copy is used before the log is read again.
const Every = time.Second

// patience is how old a copy may be that is used while another request reads
// the log; with an older one a request waits.
const patience = 5 * time.Second

// StaleAfter is when a copy that could not be refreshed is alarming.
const StaleAfter = 30 * time.Second

// New makes an empty directory over a store. least is how many shelters an area
// must hold to be told to a team.
func New(store table.Store, least int, log *slog.Logger) *Directory {
	return &Directory{store: store, least: least, every: Every, log: log}
}

// World returns the snapshot to match against, reading the log first when the
// last reading is older than Every. When that fails it answers with the copy it
// has and logs an alarm once that is stale; without any copy it is an error.
func (d *Directory) World(ctx context.Context, now time.Time) (*matching.World, error) {
	w := d.world.Load()
	if w != nil && now.Sub(d.lastRead()) < d.every {
		return w, nil
	}
	if w == nil || now.Sub(d.lastRead()) > patience {
		d.mu.Lock()
	} else if !d.mu.TryLock() {
		return w, nil // somebody else is reading the log
	}
	defer d.mu.Unlock()
	err := d.refresh(ctx, now)
	if w = d.world.Load(); w == nil {
		return nil, fmt.Errorf("directory: cannot be loaded: %w", err)
	}
	if age := now.Sub(d.lastRead()); err != nil && age > StaleAfter {
		d.log.Error("directory is stale", "seconds", int(age.Seconds()), "error", err.Error())
	}
	return w, nil
}

func (d *Directory) lastRead() time.Time { return time.Unix(0, d.fresh.Load()) }

// Refresh reads the log now, whatever the age of the copy.
func (d *Directory) Refresh(ctx context.Context, now time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.refresh(ctx, now)
}

func (d *Directory) refresh(ctx context.Context, now time.Time) error {
	if d.state == nil {
		return d.load(ctx, now)
	}
	changed, err := d.follow(ctx)
	if errors.Is(err, errGap) {
		return d.load(ctx, now)
	}
	if changed { // also when reading on has failed: what was read counts
		d.world.Store(d.state.world())
	}
	if err != nil {
		return err
	}
	d.fresh.Store(now.UnixNano())
	return nil
}

// load starts over from the pages. The old copy stays in use until it is done.
func (d *Directory) load(ctx context.Context, now time.Time) error {
	s, seq, err := readAll(ctx, d.store, d.least)
	if err != nil {
		return err
	}
	if d.state != nil { // what was learnt from refusals may be newer than the log
		s.applyNewer(d.state)
	}
	d.state, d.seq = s, seq
	d.world.Store(s.world())
	d.fresh.Store(now.UnixNano())
	return nil
}

// errGap says that log entries are missing: pages must be read again.
var errGap = errors.New("directory: the log has a gap")

// follow applies the log after d.seq.
func (d *Directory) follow(ctx context.Context) (changed bool, err error) {
	last, err := readLog(ctx, d.store, d.state, d.seq)
	changed = last != d.seq
	d.seq = last
	return changed, err
}

// readLog applies the log entries after seq in order and returns the last one
// applied.
func readLog(ctx context.Context, store table.Store, s *state, seq uint64) (uint64, error) {
	q := table.Query{PK: logPartition, From: seqSK(seq + 1), Consistency: table.Relaxed}
	for {
		page, err := store.Query(ctx, q)
		if err != nil {
			return seq, err
		}
		for _, it := range page.Items {
			if it.SK != seqSK(seq+1) || it.Tombstone {
				return seq, errGap
			}
			raw, err := unpack(it.Body)
			if err != nil {
				return seq, err
			}
			if err := s.applyPacked(raw); err != nil {
				return seq, err
			}
			seq++
		}
		if q.After = page.Next; page.Next == "" {
			return seq, nil
		}
	}
}

// loadTries is how often loading starts over when pages change underneath.
const loadTries = 5

// readAll reads head, pages and log.
func readAll(ctx context.Context, store table.Store, least int) (*state, uint64, error) {
	var err error
	for range loadTries {
		var h head
		if h, _, err = readHead(ctx, store); err != nil {
			return nil, 0, err
		}
		s := newState(least)
		if err = readPages(ctx, store, s, h); err == nil {
			var seq uint64
			if seq, err = readLog(ctx, store, s, h.seq); err == nil {
				return s, seq, nil
			}
		}
		if !errors.Is(err, errGap) {
			return nil, 0, err
		}
	}
	return nil, 0, err
}

// readHead returns the head and its version, 0 when there is none yet.
func readHead(ctx context.Context, store table.Store) (head, uint64, error) {
	it, err := store.Get(ctx, headKey, table.Strong)
	if err != nil || it == nil {
		return head{}, 0, err
	}
	h, err := decodeHead(it.Body)
	return h, it.Version, err
}

// Learn puts items the table has just shown (a refused take, a unit read for
// its own sake) into the copy, if they are newer.
func (d *Directory) Learn(items ...*table.Item) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.state == nil {
		return
	}
	changed := false
	for _, it := range items {
		if it == nil {
			continue
		}
		if e, ok, err := entryOf(it); ok && err == nil {
			changed = d.state.apply(e) || changed
		}
	}
	if changed {
		d.world.Store(d.state.world())
	}
}

// Took notes that this process has just taken beds of a unit. Its version is not
// known and stays, so the log's next word on the unit replaces this one.
// Where the copy is past the version the decision saw, it may hold the take
// already and is left alone.
func (d *Directory) Took(t table.Take, seen uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.state != nil && d.state.took(t, seen) {
		d.world.Store(d.state.world())
	}
}
