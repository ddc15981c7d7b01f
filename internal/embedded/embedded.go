// Package embedded keeps the storage contract in one bbolt file: for the local
// runner, for tests and for simulation. Writes that wait for the disk at the
// same time share one transaction and one sync; each keeps its own conditions.
package embedded

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"panah/internal/table"
)

var (
	itemsBucket     = []byte("items")
	changesBucket   = []byte("changes")
	positionsBucket = []byte("positions")
)

// Options say how to open a file.
type Options struct {
	// NoSync skips the sync to disk: for simulation only, a crash of the machine
	// loses what was acknowledged.
	NoSync bool
}

// Store is an open file. It implements table.Store and table.Feed.
type Store struct {
	db     *bolt.DB
	queue  chan *pending
	closed chan struct{} // no more writes are taken
	done   chan struct{} // none is under way any more
}

// pending is one write waiting for its turn.
type pending struct {
	batch table.Batch
	err   error
	ready chan struct{}
}

// Open opens or creates the file at path; it gives up after one second when
// another process has it open.
func Open(path string, o Options) (*Store, error) {
	db, err := bolt.Open(path, 0o600, &bolt.Options{
		Timeout: time.Second, NoSync: o.NoSync, NoFreelistSync: true, FreelistType: bolt.FreelistMapType,
	})
	if errors.Is(err, berrors.ErrTimeout) {
		return nil, fmt.Errorf("embedded: another process has the data file open: %w", err)
	}
	if err != nil {
		return nil, fmt.Errorf("embedded: %w", err)
	}
	if err := db.Update(createBuckets); err != nil {
		return nil, errors.Join(fmt.Errorf("embedded: %w", err), db.Close())
	}
	s := &Store{db: db, queue: make(chan *pending, 256), closed: make(chan struct{}), done: make(chan struct{})}
	go s.commitLoop()
	return s, nil
}

func createBuckets(tx *bolt.Tx) error {
	names := [][]byte{itemsBucket, changesBucket, positionsBucket}
	for _, ix := range table.Indexes {
		names = append(names, []byte(ix))
	}
	for _, n := range names {
		if _, err := tx.CreateBucketIfNotExists(n); err != nil {
			return err
		}
	}
	return nil
}

// Close waits for writes under way and closes the file.
func (s *Store) Close() error {
	close(s.closed)
	<-s.done
	return s.db.Close()
}

// Get implements table.Store; every read is strong.
func (s *Store) Get(ctx context.Context, key table.Key, _ table.Consistency) (*table.Item, error) {
	if err := errors.Join(ctx.Err(), key.Check()); err != nil {
		return nil, err
	}
	var found *table.Item
	err := s.db.View(func(tx *bolt.Tx) (err error) {
		found, err = load(tx, key)
		return err
	})
	return found, err
}

func load(tx *bolt.Tx, key table.Key) (*table.Item, error) {
	raw := tx.Bucket(itemsBucket).Get(itemKey(key))
	if raw == nil {
		return nil, nil
	}
	return decodeItem(raw)
}

// Write implements table.Store.
func (s *Store) Write(ctx context.Context, b table.Batch) error {
	if err := errors.Join(ctx.Err(), b.Check()); err != nil {
		return err
	}
	p := &pending{batch: b, ready: make(chan struct{})}
	select {
	case s.queue <- p:
	case <-s.closed:
		return table.ErrBusy
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-p.ready:
		return p.err
	case <-s.done: // it came too late to be committed, or just in time
		select {
		case <-p.ready:
			return p.err
		default:
			return table.ErrBusy
		}
	case <-ctx.Done():
		return table.ErrUnknown
	}
}

// commitLoop commits what waits, together.
func (s *Store) commitLoop() {
	defer close(s.done)
	for {
		select {
		case <-s.closed:
			for { // what was queued before closing is still answered
				select {
				case p := <-s.queue:
					s.commit([]*pending{p})
				default:
					return
				}
			}
		case first := <-s.queue:
			s.commit(s.waiting(first))
		}
	}
}

const groupLimit = 128

func (s *Store) waiting(first *pending) []*pending {
	group := []*pending{first}
	for len(group) < groupLimit {
		select {
		case p := <-s.queue:
			group = append(group, p)
		default:
			return group
		}
	}
	return group
}

func (s *Store) commit(group []*pending) {
	err := s.db.Update(func(tx *bolt.Tx) error {
		for _, p := range group {
			if err := apply(tx, p); err != nil {
				return err
			}
		}
		return nil
	})
	for _, p := range group {
		if err != nil { // the sync failed: the data may be there or not
			p.err = errors.Join(table.ErrUnknown, err)
		}
		close(p.ready)
	}
}

// apply decides one batch inside a transaction. A lost race is the batch's own
// answer (p.err) and writes nothing; an error return aborts the whole group.
func apply(tx *bolt.Tx, p *pending) error {
	p.err = nil
	images := make([]table.Image, len(p.batch.Ops))
	next := make([]*table.Item, len(p.batch.Ops))
	failed := false
	for i, op := range p.batch.Ops {
		old, err := load(tx, op.Key())
		if err != nil { // its own trouble, not that of those who share the commit
			p.err = err
			return nil //nolint:nilerr // the others go on
		}
		images[i] = table.Image{Known: true, Item: old}
		next[i] = outcome(op, old, p.batch.WriteID)
		failed = failed || next[i] == nil
	}
	if failed {
		if !p.batch.Landed(images) {
			p.err = &table.Stale{Images: images}
		}
		return nil
	}
	for _, it := range next { // all of them before any is stored: a claim may have made one too large
		if it.Size() > table.MaxItemBytes {
			p.err = &table.Refused{Reason: "item over 400 KB: " + it.String()}
			return nil
		}
	}
	for i, it := range next {
		if err := store(tx, images[i].Item, it); err != nil {
			return err
		}
	}
	return nil
}

// outcome is the item after op, or nil when its condition fails.
func outcome(op table.Op, old *table.Item, writeID string) *table.Item {
	if put := op.Put; put != nil {
		var have uint64
		if old != nil {
			have = old.Version
		}
		if have != put.IfVersion {
			return nil
		}
		it := put.Item.Clone()
		it.Version, it.WriteID = have+1, writeID
		if it.Guard != nil && it.Guard.Claims == nil {
			it.Guard.Claims = map[string]table.Claim{}
		}
		return it
	}
	t := op.Take
	if old == nil || old.Guard == nil || old.Guard.Free < t.N || old.Guard.Rev != t.Rev {
		return nil
	}
	if _, taken := old.Guard.Claims[t.ClaimID]; taken {
		return nil
	}
	it := old.Clone()
	it.Version, it.WriteID = old.Version+1, writeID
	it.Guard.Free -= t.N
	it.Guard.Claims[t.ClaimID] = table.Claim{N: t.N, Until: t.Until.UTC().Truncate(time.Second)}
	return it
}

func store(tx *bolt.Tx, old, it *table.Item) error {
	if err := tx.Bucket(itemsBucket).Put(itemKey(it.Key), encodeItem(it)); err != nil {
		return err
	}
	for _, ix := range table.Indexes {
		if err := moveIndex(tx.Bucket([]byte(ix)), ix, old, it); err != nil {
			return err
		}
	}
	changes := tx.Bucket(changesBucket)
	seq, err := changes.NextSequence()
	if err != nil {
		return err
	}
	return changes.Put(binary.BigEndian.AppendUint64(nil, seq), encodeChange(old, it))
}

func moveIndex(b *bolt.Bucket, ix table.Index, old, it *table.Item) error {
	var before table.Key
	if old != nil {
		before = old.Index[ix]
	}
	after := it.Index[ix]
	if before == after {
		return nil
	}
	if before.PK != "" {
		if err := b.Delete(indexKey(before, it.Key)); err != nil {
			return err
		}
	}
	if after.PK == "" {
		return nil
	}
	return b.Put(indexKey(after, it.Key), encodeKeys(after, it.Key))
}

// Changes implements table.Feed.
func (s *Store) Changes(ctx context.Context, after string, limit int) ([]table.Change, string, error) {
	if ctx.Err() != nil {
		return nil, after, ctx.Err()
	}
	from := make([]byte, 8)
	if after != "" {
		var n uint64
		if _, err := fmt.Sscanf(after, "%d", &n); err != nil {
			return nil, after, &table.Refused{Reason: "malformed feed position"}
		}
		binary.BigEndian.PutUint64(from, n)
	}
	binary.BigEndian.PutUint64(from, binary.BigEndian.Uint64(from)+1)
	var out []table.Change
	err := s.db.View(func(tx *bolt.Tx) error {
		c := tx.Bucket(changesBucket).Cursor()
		for k, v := c.Seek(from); k != nil && len(out) < limit; k, v = c.Next() {
			change, err := decodeChange(v)
			if err != nil {
				return err
			}
			change.Seq = fmt.Sprintf("%d", binary.BigEndian.Uint64(k))
			after = change.Seq
			out = append(out, change)
		}
		return nil
	})
	return out, after, err
}

// Position returns how far a consumer of the feed has come.
func (s *Store) Position(consumer string) (pos string, err error) {
	err = s.db.View(func(tx *bolt.Tx) error {
		pos = string(tx.Bucket(positionsBucket).Get([]byte(consumer)))
		return nil
	})
	return pos, err
}

// SavePosition records how far a consumer has come. The file has one consumer,
// so what lies before the position is dropped from the log.
func (s *Store) SavePosition(consumer, pos string) error {
	return s.db.Update(func(tx *bolt.Tx) error {
		var upTo uint64
		if _, err := fmt.Sscanf(pos, "%d", &upTo); err != nil {
			return &table.Refused{Reason: "malformed feed position"}
		}
		c := tx.Bucket(changesBucket).Cursor()
		for k, _ := c.First(); k != nil && binary.BigEndian.Uint64(k) <= upTo; k, _ = c.Next() {
			if err := c.Delete(); err != nil {
				return err
			}
		}
		return tx.Bucket(positionsBucket).Put([]byte(consumer), []byte(pos))
	})
}

// TempPath is a fresh path for a store that need not outlive the process, in
// memory-backed storage where the system has it.
func TempPath() (path string, remove func(), err error) {
	base := ""
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		base = "/dev/shm"
	}
	dir, err := os.MkdirTemp(base, "panah-")
	if err != nil {
		return "", nil, err
	}
	return dir + "/panah.db", func() { _ = os.RemoveAll(dir) }, nil
}
