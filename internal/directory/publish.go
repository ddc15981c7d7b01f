package directory

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"panah/internal/packed"
	"panah/internal/table"
)

// Publisher writes the log and the pages from the change feed. Several may run
// at once: log entries are numbered without gaps by conditional puts.
type Publisher struct {
	store   table.Store
	newID   func() string
	now     func() time.Time
	log     *slog.Logger
	compact uint64
}

// CompactEvery is how many log entries may follow the pages before new pages are written.
const CompactEvery = 256

// keepSuperseded is how long superseded pages and log entries stay readable
// before an engine may drop them.
const keepSuperseded = time.Hour

// NewPublisher writes to store; newID gives unique write ids.
func NewPublisher(store table.Store, newID func() string, now func() time.Time, log *slog.Logger) *Publisher {
	return &Publisher{store: store, newID: newID, now: now, log: log, compact: CompactEvery}
}

// Apply appends the shelters and units among the changes to the log. It may be
// called again with the same changes: readers apply only newer versions.
func (p *Publisher) Apply(ctx context.Context, changes []table.Change) error {
	newest := map[string]entry{}
	var order []string
	for _, c := range changes {
		if c.New == nil {
			continue
		}
		e, ok, err := entryOf(c.New)
		if err != nil { // one broken item must not keep the others from being seen
			p.log.Error("directory: an item cannot be read and is left as it was", "item", c.New.String(), "error", err.Error())
			continue
		}
		if !ok {
			continue
		}
		id, version := e.id()
		old, seen := newest[id]
		if !seen {
			order = append(order, id)
		} else if _, have := old.id(); have >= version {
			continue
		}
		newest[id] = e
	}
	if len(order) == 0 {
		return nil
	}
	w := packed.NewWriter(128 * len(order))
	for _, id := range order {
		newest[id].write(w)
	}
	return p.append(ctx, w.Bytes())
}

// appendTries bounds how often an append chases the end of the log.
const appendTries = 50

func (p *Publisher) append(ctx context.Context, raw []byte) error {
	body, err := pack(raw)
	if err != nil {
		return err
	}
	if len(body) > table.MaxItemBytes/2 {
		return fmt.Errorf("directory: a log entry of %d bytes is too large: feed smaller batches", len(body))
	}
	for range appendTries {
		seq, err := p.lastSeq(ctx)
		if err != nil {
			return err
		}
		seq++
		it := table.Item{Key: logKey(seq), Body: body}
		err = p.store.Write(ctx, table.Batch{WriteID: p.newID(), Ops: []table.Op{table.PutOp(it, 0)}})
		if _, stale := table.IsStale(err); stale {
			continue
		}
		if errors.Is(err, table.ErrUnknown) {
			continue // perhaps written: writing it once more at the next number does no harm
		}
		if err != nil {
			return err
		}
		return p.compactIfDue(ctx, seq)
	}
	return table.ErrBusy
}

func (p *Publisher) lastSeq(ctx context.Context) (uint64, error) {
	page, err := p.store.Query(ctx, table.Query{PK: logPartition, Descending: true, Limit: 1})
	if err != nil {
		return 0, err
	}
	if len(page.Items) > 0 {
		var seq uint64
		if _, err := fmt.Sscanf(page.Items[0].SK, "%d", &seq); err != nil {
			return 0, fmt.Errorf("directory: log key: %w", err)
		}
		return seq, nil
	}
	h, _, err := readHead(ctx, p.store)
	return h.seq, err
}

func (p *Publisher) compactIfDue(ctx context.Context, seq uint64) error {
	if seq%32 != 0 { // looking at the head costs a read: not every time
		return nil
	}
	h, _, err := readHead(ctx, p.store)
	if err != nil || seq-h.seq < p.compact {
		return err
	}
	return p.Compact(ctx)
}

// Compact writes all that is known as new pages and makes them the ones in
// force. When another publisher was faster, its pages stand. The log entries
// that the old pages had included already are then marked as superseded; those
// since stay, for readers that are a generation behind.
func (p *Publisher) Compact(ctx context.Context) error {
	old, version, err := readHead(ctx, p.store)
	if err != nil {
		return err
	}
	s, seq, err := readAll(ctx, p.store, 1)
	if err != nil {
		return err
	}
	s.world()
	pages, err := packAll(s.shelves)
	if err != nil {
		return err
	}
	next := head{gen: p.newID(), seq: seq, pages: len(pages)}
	for i, body := range pages {
		it := table.Item{Key: pageKey(next.gen, i), Body: body}
		if err := p.write(ctx, table.PutOp(it, 0)); err != nil {
			return err
		}
	}
	err = p.write(ctx, table.PutOp(table.Item{Key: headKey, Body: next.encode()}, version))
	if _, stale := table.IsStale(err); stale {
		now, _, err := readHead(ctx, p.store)
		if err != nil || now.gen == next.gen { // it was ours after all: never retire the pages in force
			return err
		}
		return p.retire(ctx, pagesPartition(next.gen), "")
	}
	if err != nil {
		return err
	}
	p.log.Info("directory pages written", "pages", len(pages), "seq", seq)
	if old.gen != "" {
		if err := p.retire(ctx, pagesPartition(old.gen), ""); err != nil {
			return err
		}
		return p.retire(ctx, logPartition, seqSK(old.seq))
	}
	return nil
}

// write sends one put again until its outcome is known.
func (p *Publisher) write(ctx context.Context, op table.Op) error {
	b := table.Batch{WriteID: p.newID(), Ops: []table.Op{op}}
	for range appendTries {
		if err := p.store.Write(ctx, b); !errors.Is(err, table.ErrUnknown) {
			return err // an engine knows its own earlier write by its id
		}
	}
	return table.ErrUnknown
}

// retire marks a partition's items as superseded, up to a sort key: an engine
// may drop them after a while, and a reader that meets one starts over.
func (p *Publisher) retire(ctx context.Context, partition, upTo string) error {
	q := table.Query{PK: partition, To: upTo}
	for {
		page, err := p.store.Query(ctx, q)
		if err != nil {
			return err
		}
		for _, it := range page.Items {
			if it.Tombstone {
				continue
			}
			dead := table.Item{Key: it.Key, Tombstone: true, Expires: p.now().Add(keepSuperseded)}
			err := p.write(ctx, table.PutOp(dead, it.Version))
			if _, stale := table.IsStale(err); err != nil && !stale {
				return err
			}
		}
		if q.After = page.Next; page.Next == "" {
			return nil
		}
	}
}
