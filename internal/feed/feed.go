// Package feed hands the change feed to those who keep something from it. A change
// arrives at least once and acts once: consumers set what they keep and never add.
// What comes from a passing trouble comes again; a change that can never be taken
// in is set aside, listed, and taken in later from the item as it is then, so that
// one broken item does not hold up everything behind it.
package feed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"panah/internal/fault"
	"panah/internal/table"
)

// Consumer keeps something from the feed. It may be given a change again, alone,
// and long after: it skips what it has seen.
type Consumer struct {
	Name  string
	Apply func(ctx context.Context, changes []table.Change) error
}

// Feed is the consumers of one table.
type Feed struct {
	store     table.Store
	newID     func() string
	now       func() time.Time
	log       *slog.Logger
	consumers []Consumer
}

// New makes a feed; newID gives unique write ids.
func New(store table.Store, newID func() string, now func() time.Time, log *slog.Logger, consumers ...Consumer) *Feed {
	return &Feed{store, newID, now, log, consumers}
}

// Apply hands changes to every consumer, in order. A consumer that fails for good
// is given the changes one by one, and those it cannot take in are set aside. A
// passing trouble is the answer: the same changes are to come again.
func (f *Feed) Apply(ctx context.Context, changes []table.Change) error {
	for _, c := range f.consumers {
		err := c.Apply(ctx, changes)
		if err == nil {
			continue
		}
		if passing(err) {
			return err
		}
		for _, change := range changes {
			if err := f.one(ctx, c, change); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *Feed) one(ctx context.Context, c Consumer, change table.Change) error {
	err := c.Apply(ctx, []table.Change{change})
	if err == nil || passing(err) {
		return err
	}
	it := change.New
	if it == nil {
		it = change.Old
	}
	f.log.Error("a change was set aside", "consumer", c.Name, "item", it.String(), "version", it.Version)
	return f.set(ctx, Aside{Consumer: c.Name, Item: it.Key, Version: it.Version})
}

// passing reports whether a trouble goes away by itself.
func passing(err error) bool {
	return errors.Is(err, table.ErrBusy) || errors.Is(err, table.ErrUnknown) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) ||
		fault.Is(err, fault.Busy) || fault.Is(err, fault.DirectoryCold)
}

// Aside is a change that could not be taken in: where to look, never what it said.
type Aside struct {
	Consumer string    // who could not; empty: the record could not be read at all
	Item     table.Key // empty when the record could not be read
	Version  uint64
	Sequence string // of a record that could not be read
	Since    time.Time
	stored   table.Key
	version  uint64
}

// String is one line for a person.
func (a Aside) String() string {
	if a.Sequence != "" {
		return fmt.Sprintf("%s: record %s could not be read", a.Since.Format(time.RFC3339), a.Sequence)
	}
	return fmt.Sprintf("%s: %s could not take in %s at version %d", a.Since.Format(time.RFC3339), a.Consumer, a.Item, a.Version)
}

const partition = "FAIL#changes"

type asideForm struct {
	Consumer string `json:"c,omitempty"`
	PK       string `json:"p,omitempty"`
	SK       string `json:"s,omitempty"`
	Version  uint64 `json:"v,omitempty"`
	Sequence string `json:"q,omitempty"`
	Since    int64  `json:"t"`
}

// Unreadable sets a record aside that nobody can read, by its sequence number.
func (f *Feed) Unreadable(ctx context.Context, sequence string) error {
	f.log.Error("a record was set aside", "sequence", sequence)
	return f.set(ctx, Aside{Sequence: sequence})
}

// set stores an entry; one that is there already stands.
func (f *Feed) set(ctx context.Context, a Aside) error {
	key := table.Key{PK: partition, SK: a.Consumer + "|" + a.Item.PK + "|" + a.Item.SK + "|" + a.Sequence}
	if len(key.SK) > table.MaxSKBytes {
		key.SK = key.SK[:table.MaxSKBytes]
	}
	body, err := json.Marshal(asideForm{a.Consumer, a.Item.PK, a.Item.SK, a.Version, a.Sequence, f.now().Unix()})
	if err != nil {
		return err
	}
	for version := uint64(0); ; {
		err := f.store.Write(ctx, table.Batch{WriteID: f.newID(), Ops: []table.Op{table.PutOp(table.Item{Key: key, Body: body}, version)}})
		if _, stale := table.IsStale(err); !stale {
			return err
		}
		it, err := f.store.Get(ctx, key, table.Strong)
		if err != nil || (it != nil && !it.Tombstone) {
			return err
		}
		if version = 0; it != nil { // replayed once, and broken again
			version = it.Version
		}
	}
}

// List are the changes set aside and not yet taken in.
func (f *Feed) List(ctx context.Context) (out []Aside, err error) {
	q := table.Query{PK: partition}
	for {
		page, err := f.store.Query(ctx, q)
		if err != nil {
			return out, err
		}
		for _, it := range page.Items {
			if it.Tombstone {
				continue
			}
			var form asideForm
			if err := json.Unmarshal(it.Body, &form); err != nil {
				return out, fmt.Errorf("feed: %s: %w", it.Key, err)
			}
			out = append(out, Aside{form.Consumer, table.Key{PK: form.PK, SK: form.SK}, form.Version, form.Sequence, time.Unix(form.Since, 0).UTC(), it.Key, it.Version})
		}
		if q.After = page.Next; page.Next == "" {
			return out, nil
		}
	}
}

// Replay takes in what was set aside, from each item as it is now: consumers set
// what they keep by version, so that this is as good as every change in between.
// It answers how many are left. A record that could not be read names no item; it
// is dropped from the list, for the item's next change, or Verify, finds it.
func (f *Feed) Replay(ctx context.Context) (done, left int, err error) {
	list, err := f.List(ctx)
	if err != nil {
		return 0, 0, err
	}
	for _, a := range list {
		if err := f.again(ctx, a); err != nil {
			f.log.Error("a change still cannot be taken in", "what", a.String())
			left++
			continue
		}
		gone := table.Item{Key: a.stored, Tombstone: true, Expires: f.now().AddDate(0, 0, 30)}
		err := f.store.Write(ctx, table.Batch{WriteID: f.newID(), Ops: []table.Op{table.PutOp(gone, a.version)}})
		if _, stale := table.IsStale(err); err != nil && !stale {
			return done, left, err
		}
		done++
	}
	return done, left, nil
}

func (f *Feed) again(ctx context.Context, a Aside) error {
	if a.Item.PK == "" {
		return nil
	}
	it, err := f.store.Get(ctx, a.Item, table.Strong)
	if err != nil || it == nil {
		return err
	}
	for _, c := range f.consumers {
		if c.Name == a.Consumer {
			return c.Apply(ctx, []table.Change{{Seq: "replay", New: it}})
		}
	}
	return fmt.Errorf("feed: there is no consumer %s", a.Consumer)
}

// Missed looks through one share of everything that is stored for what the feed
// has never brought and never will: a stream keeps a change for a day, and a
// consumer that was away longer has lost what was written before. lost tells
// whether a stored version is such a one. It is handed to every consumer from the
// item as it is, as Replay does; what was between is gone. It answers how many
// items came back. One that fails leaves the others their turn, and is looked at
// again the next time, as is all of a share that cannot be read to its end.
func (f *Feed) Missed(ctx context.Context, share, of int, lost func(context.Context, *table.Item) (bool, error)) (n int, err error) {
	scanner, ok := f.store.(table.Scanner)
	if !ok {
		return 0, table.ErrNoScan
	}
	var failed failures
	for after := ""; ; {
		page, err := scanner.Scan(ctx, share, of, after)
		if err != nil {
			return n, failed.and(err)
		}
		for i := range page.Items {
			back, err := f.bringBack(ctx, &page.Items[i], lost)
			if back && err == nil {
				n++
			}
			failed.add(err)
			if ctx.Err() != nil {
				return n, failed.and(ctx.Err())
			}
		}
		if after = page.Next; after == "" {
			return n, failed.and(nil)
		}
	}
}

// bringBack hands one item to every consumer if it is lost.
func (f *Feed) bringBack(ctx context.Context, it *table.Item, lost func(context.Context, *table.Item) (bool, error)) (bool, error) {
	gone, err := lost(ctx, it)
	if err == nil && gone {
		f.log.Error("a change never came: the feed was cut", "item", it.String(), "version", it.Version)
		err = f.Apply(ctx, []table.Change{{Seq: "missed", New: it}})
	}
	if err != nil {
		return gone, fmt.Errorf("feed: %s: %w", it, err)
	}
	return gone, nil
}

// toldFailures is how many failures of one share are told in full: where thousands
// fail they fail alike.
const toldFailures = 10

// failures of many items.
type failures struct {
	told  []error
	count int
}

func (f *failures) add(err error) {
	if err == nil {
		return
	}
	if f.count++; f.count <= toldFailures {
		f.told = append(f.told, err)
	}
}

// and joins them with one more.
func (f *failures) and(err error) error {
	all := f.told
	if more := f.count - len(f.told); more > 0 {
		all = append(all, fmt.Errorf("feed: %d more items failed", more))
	}
	return errors.Join(append(all, err)...)
}
