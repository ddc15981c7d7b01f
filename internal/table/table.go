// Package table is the storage contract: what Panah asks of an engine, small
// enough that two engines (DynamoDB and bbolt) can be honest about it and a
// third could be written from this page. tabletest.Run is the contract as code.
//
// # Items
//
// An Item is found by its Key. Its Version starts at 1 and only grows, by one
// with every write that touches it. WriteID names the write that made this
// version. Nothing is deleted: a tombstone is an item whose Tombstone is set,
// and it continues the version. An item may carry entries for the indexes
// (sparse: no entry, not listed) and a Guard, the part that Take can change.
//
// # Consistency
//
// Get and a Query of a partition with Strong see every write that was
// acknowledged before they began. With Relaxed they may lag. Queries of an
// index always lag: an index carries keys only, so the caller re-reads the item
// and checks it before acting on it.
//
// # Atomicity
//
// A Write is all or nothing over at most MaxOps different items and MaxBytes.
// Each operation has its own condition; if one fails, nothing is written and
// the answer is Stale with what the engine knows of each item. There is no read
// inside a write: read, decide in Go, write if unchanged, and on a lost race
// decide again on what came back.
//
// Take is the only operation not conditional on a version. It succeeds when the
// guard has at least N free, Rev is the guard's, and ClaimID is absent; it
// lowers Free by N, stores Claims[ClaimID] = {N, Until} and raises the item's
// version. What is held is the sum of the claims and never a number of its own.
//
// # Durability
//
// When Write returns nil, the write survives the loss of the process and of
// power. When it returns Stale, nothing was written. When it returns Unknown,
// it may or may not have been written, now or a moment later.
//
// # Retry
//
// An engine resends a write whose reply was lost, with the same token and the
// same bytes, and recognises its own earlier success: an item that carries the
// batch's WriteID at the version this write would have made is success, not a
// lost race. What it cannot settle within about two seconds is Unknown. It
// retries conflicts and throttling with full jitter (20 to 100 ms) for the same
// two seconds and then answers Busy; it never retries a failed condition.
//
// A write can also be delivered a second time, late, by the network. A put then
// fails on its version. A lone take could land twice once its claim was dropped,
// so a take always travels with a put of the thing it is for.
//
// # Concurrency
//
// Every method may be called from many goroutines and processes at once. Of
// writes that race for one version exactly one succeeds; takes that race for
// the last beds succeed for exactly as many as there are.
//
// # Changes
//
// Each committed write appears on the change feed at least once, per item in
// order, with the old and the new image. Changes of different items that were
// written together may arrive apart and in any order. A consumer therefore sets
// what it keeps and never adds to it, and skips a version it has already seen.
package table

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"
)

// Limits every engine holds.
const (
	MaxOps       = 100       // operations in one write
	MaxBytes     = 4 << 20   // bytes in one write
	MaxItemBytes = 400 << 10 // bytes in one item
	MaxPageBytes = 1 << 20   // a page of a query ends before it passes this
	MaxPKBytes   = 2048      // bytes of a partition key
	MaxSKBytes   = 1024      // bytes of a sort key
	MaxClaimID   = 64        // bytes of a claim id
	maxIndexes   = 3         // entries of one item
)

// Key finds one item.
type Key struct{ PK, SK string }

// String is for logs: a key holds no personal data by design.
func (k Key) String() string { return k.PK + "/" + k.SK }

// Index names one of the sparse indexes. The empty Index is the table itself.
type Index string

// The indexes.
const (
	Base   Index = ""
	ByTeam Index = "byTeam" // T#team / createdAt#id
	Work   Index = "work"   // A#shelter / eta#id, or W#region / urgency#since#id
	Due    Index = "due"    // DUE#shard / dueAt#id
)

// Indexes lists every sparse index.
var Indexes = []Index{ByTeam, Work, Due}

// Claim is n beds of a guard taken until an instant. A claim past Until counts
// for nothing, but stays until a versioned write drops it.
type Claim struct {
	N     int
	Until time.Time // to the second, UTC
}

// Guard is the part of an item that Take can change.
type Guard struct {
	Free   int
	Rev    uint64
	Claims map[string]Claim
}

// Clone copies g deeply.
func (g *Guard) Clone() *Guard {
	if g == nil {
		return nil
	}
	out := &Guard{Free: g.Free, Rev: g.Rev, Claims: make(map[string]Claim, len(g.Claims))}
	for id, c := range g.Claims {
		out.Claims[id] = c
	}
	return out
}

// Item is one stored thing.
type Item struct {
	Key
	Version   uint64
	WriteID   string
	Index     map[Index]Key
	Guard     *Guard
	Tombstone bool
	Body      []byte
	// Expires lets an engine drop the item some time after this instant, to
	// save space. Nothing may rely on it being dropped. Zero means never.
	Expires time.Time
}

// Op is one operation of a write: exactly one of Put and Take is set.
type Op struct {
	Put  *Put
	Take *Take
}

// Put writes Item when the stored version is exactly IfVersion; 0 means the
// item must be absent. The engine sets Version to IfVersion+1 and WriteID to
// the batch's; what the caller left there is ignored.
type Put struct {
	Item      Item
	IfVersion uint64
}

// Take reserves N of a guard. See the package comment.
type Take struct {
	Key     Key
	ClaimID string
	N       int
	Until   time.Time
	Rev     uint64
}

// Key returns the key of the item the operation is on.
func (o Op) Key() Key {
	if o.Put != nil {
		return o.Put.Item.Key
	}
	return o.Take.Key
}

// PutOp makes a put operation.
func PutOp(item Item, ifVersion uint64) Op { return Op{Put: &Put{Item: item, IfVersion: ifVersion}} }

// TakeOp makes a take operation.
func TakeOp(t Take) Op { return Op{Take: &t} }

// Batch is one write: WriteID must be unique to this decision in all tables of
// an account (never reused for another), at most 36 bytes; it is also the
// engine's idempotency token, so a batch is sent again only with the same content.
type Batch struct {
	WriteID string
	Ops     []Op
}

// Consistency says how fresh a read must be.
type Consistency bool

// The two consistencies.
const (
	Strong  Consistency = false
	Relaxed Consistency = true
)

// Query asks for one partition, of the table or of an index, by range.
type Query struct {
	Index       Index
	PK          string
	From, To    string // sort keys, both included; an empty To means no upper end
	Descending  bool
	Limit       int    // at most so many; 0 means as many as fit a page
	After       string // Page.Next of the page before
	Consistency Consistency
}

// Page is one page of a query. Items of an index query carry keys only: Key,
// and in Index the entry it was found by.
type Page struct {
	Items []Item
	Next  string // empty when there is no more
}

// Image is what an engine knows of an item after a failed write.
type Image struct {
	Known bool  // false: the engine could not say
	Item  *Item // nil when Known: the item is absent
}

// Store is an engine.
type Store interface {
	// Get returns the item, or nil when it is absent. A tombstone is an item.
	Get(ctx context.Context, key Key, c Consistency) (*Item, error)
	// Query returns one page in sort-key order.
	Query(ctx context.Context, q Query) (Page, error)
	// Write commits the batch or answers *Stale, ErrUnknown, ErrBusy, or an
	// error of *Refused for a batch that no engine may accept.
	Write(ctx context.Context, b Batch) error
}

// Change is one change of one item, as the feed tells it.
type Change struct {
	Seq      string // names the change in logs and partial answers; not a position to go on from
	Old, New *Item  // Old is nil for a new item, New for one that an engine dropped after Expires
}

// Feed is the change feed of an engine that keeps one a process can read.
type Feed interface {
	// Changes returns up to limit changes after the position, oldest first, and
	// the position to go on from. An empty position is the beginning.
	Changes(ctx context.Context, after string, limit int) (changes []Change, next string, err error)
}

// ErrUnknown says that the outcome of a write is not known: re-read before acting.
var ErrUnknown = errors.New("table: outcome of the write is not known")

// ErrBusy says that the engine was throttled or in conflict for too long and
// that nothing was written.
var ErrBusy = errors.New("table: busy")

// Scanner is an engine that can be read from end to end. It is for those who look
// at everything from time to time, never for an answer to anybody.
type Scanner interface {
	// Scan reads one of so many shares of all items page by page, in no particular
	// order; together the shares are everything. after is Page.Next of the page
	// before. What is written meanwhile may or may not be seen.
	Scan(ctx context.Context, share, of int, after string) (Page, error)
}

// ErrNoScan says that an engine cannot be read from end to end.
var ErrNoScan = errors.New("table: this engine cannot be scanned")

// Stale says that a condition failed and nothing was written. Images has one
// entry for each operation of the batch, in order.
type Stale struct{ Images []Image }

func (s *Stale) Error() string { return "table: a condition failed, nothing was written" }

// IsStale returns the Stale inside err, if there is one.
func IsStale(err error) (*Stale, bool) {
	var s *Stale
	ok := errors.As(err, &s)
	return s, ok
}

// Landed reports whether one of the images proves that b itself was written: it
// carries b's write id at the version b would have made. Because a write is all
// or nothing, one proof is proof for every item of it.
func (b Batch) Landed(images []Image) bool {
	for i, im := range images {
		if i >= len(b.Ops) || im.Item == nil || im.Item.WriteID != b.WriteID {
			continue
		}
		if put := b.Ops[i].Put; put == nil || im.Item.Version == put.IfVersion+1 {
			return true
		}
	}
	return false
}

// Refused says that the batch or key breaks a limit of the contract.
type Refused struct{ Reason string }

func (r *Refused) Error() string { return "table: refused: " + r.Reason }

// Check holds a batch against the limits that are the same for every engine.
func (b Batch) Check() error {
	switch {
	case b.WriteID == "" || len(b.WriteID) > 36:
		return &Refused{"write id must have 1 to 36 bytes"}
	case len(b.Ops) == 0 || len(b.Ops) > MaxOps:
		return &Refused{fmt.Sprintf("%d operations", len(b.Ops))}
	}
	seen := make(map[Key]bool, len(b.Ops))
	total := 0
	for _, op := range b.Ops {
		if (op.Put == nil) == (op.Take == nil) {
			return &Refused{"an operation is either a put or a take"}
		}
		k := op.Key()
		if seen[k] {
			return &Refused{"item twice in one write: " + k.String()}
		}
		seen[k] = true
		n, err := op.check()
		if err != nil {
			return err
		}
		total += n
	}
	if total > MaxBytes {
		return &Refused{"write over 4 MB"}
	}
	return nil
}

func (o Op) check() (size int, err error) {
	if err := o.Key().Check(); err != nil {
		return 0, err
	}
	if t := o.Take; t != nil {
		if t.ClaimID == "" || len(t.ClaimID) > MaxClaimID || t.N < 1 || t.Rev == 0 {
			return 0, &Refused{"a take needs a claim id, beds and a rev"}
		}
		return len(t.Key.PK) + len(t.Key.SK) + len(t.ClaimID) + 64, nil
	}
	it := o.Put.Item
	if len(it.Index) > maxIndexes {
		return 0, &Refused{"too many index entries"}
	}
	for name, k := range it.Index {
		if !slices.Contains(Indexes, name) || k.Check() != nil {
			return 0, &Refused{"bad index entry"}
		}
	}
	if n := it.Size(); n > MaxItemBytes {
		return 0, &Refused{"item over 400 KB: " + it.String()}
	}
	return it.Size(), nil
}

// Check refuses empty, over-long and broken keys.
func (k Key) Check() error {
	if !utf8.ValidString(k.PK) || !utf8.ValidString(k.SK) {
		return &Refused{"a key part is not UTF-8"}
	}
	if k.PK == "" || k.SK == "" || len(k.PK) > MaxPKBytes || len(k.SK) > MaxSKBytes {
		return &Refused{"a key part is empty or over-long"}
	}
	return nil
}

// Size is the item's size in bytes as both engines count it: names, keys,
// index entries, claims and body, close to DynamoDB's own count.
func (it Item) Size() int {
	n := len("pk") + len(it.PK) + len("sk") + len(it.SK) + len("v") + 8 + len("w") + 36 + len("b") + len(it.Body)
	for name, k := range it.Index {
		n += 2*(len(name)+2) + len(k.PK) + len(k.SK)
	}
	if it.Tombstone {
		n += len("x") + 1
	}
	if !it.Expires.IsZero() {
		n += len("ttl") + 7
	}
	if it.Guard != nil {
		n += len("free") + 4 + len("rev") + 4 + len("claims") + 3
		for id := range it.Guard.Claims {
			n += len(id) + 20
		}
	}
	return n
}

// Clone copies the item deeply.
func (it *Item) Clone() *Item {
	if it == nil {
		return nil
	}
	out := *it
	out.Guard = it.Guard.Clone()
	out.Body = append([]byte(nil), it.Body...)
	if it.Index != nil {
		out.Index = make(map[Index]Key, len(it.Index))
		for n, k := range it.Index {
			out.Index[n] = k
		}
	}
	return &out
}
