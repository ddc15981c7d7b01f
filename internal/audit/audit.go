// Package audit keeps, for every placement, shelter, unit and membership, an append-only
// chain of its versions, written from the change feed: who made the version,
// when it was seen, and a hash over the version and the one before. A version
// that is changed, dropped or slipped in later breaks the chain. Entries hold
// hashes, never content, so that erasing a placement leaves its chain whole; of
// a unit also its counts, which are no person's.
package audit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"panah/internal/record"
	"panah/internal/table"
)

// Entry is one version of one item.
type Entry struct {
	Version uint64    `json:"v"`
	WriteID string    `json:"w"`
	By      string    `json:"b,omitempty"` // the subject who asked for it; empty: the system
	Seen    time.Time `json:"t"`
	Image   string    `json:"i"`           // hash of the version
	Chain   string    `json:"c"`           // hash of the chain before and this version
	Gap     bool      `json:"g,omitempty"` // the version before was never seen
	What    *Counts   `json:"n,omitempty"` // of a unit: its counts at this version
}

// Counts are a unit's beds at one version. They are no person's.
type Counts struct {
	Staffed      int `json:"s"`
	OutOfService int `json:"o,omitempty"`
	Occupied     int `json:"c"`
	Held         int `json:"h,omitempty"`
}

// counts are those of a unit's version; anything else has none.
func counts(it *table.Item) *Counts {
	if !record.IsUnit(it.Key) {
		return nil
	}
	u, err := record.ToUnit(it)
	if err != nil {
		return nil // the chain holds its hash all the same
	}
	c := u.Counts()
	return &Counts{c.Staffed(), c.OutOfService(), c.Occupied(), c.Held()}
}

// List reads an item's entries, the newest first.
func List(ctx context.Context, store table.Store, item table.Key, limit int, after string) ([]Entry, string, error) {
	page, err := store.Query(ctx, table.Query{PK: item.PK, From: prefix(item), To: prefix(item) + "~", Descending: true, Limit: limit, After: after})
	if err != nil {
		return nil, "", err
	}
	out := make([]Entry, len(page.Items))
	for i, it := range page.Items {
		if err := json.Unmarshal(it.Body, &out[i]); err != nil {
			return nil, "", fmt.Errorf("audit: %s: %w", it.Key, err)
		}
	}
	return out, page.Next, nil
}

// Keeper writes the chains.
type Keeper struct {
	store table.Store
	newID func() string
	now   func() time.Time
	log   *slog.Logger
}

// NewKeeper writes to store; newID gives unique write ids.
func NewKeeper(store table.Store, newID func() string, now func() time.Time, log *slog.Logger) *Keeper {
	return &Keeper{store, newID, now, log}
}

// Kept reports whether an item has a chain.
func Kept(k table.Key) bool {
	return record.IsPlacement(k) || record.IsVoice(k) || record.IsShelter(k) || record.IsUnit(k) || record.IsMembership(k) || record.IsNumbers(k)
}

// Key is where the entry of one version of an item lies: in the item's own
// partition, before it.
func Key(item table.Key, version uint64) table.Key {
	return table.Key{PK: item.PK, SK: fmt.Sprintf("%s%016d", prefix(item), version)}
}

func prefix(item table.Key) string { return "A#" + item.SK + "#" }

// Apply appends the versions among the changes. Applied again it changes
// nothing: an entry is only ever written where there is none.
func (k *Keeper) Apply(ctx context.Context, changes []table.Change) error {
	fresh := map[table.Key]Entry{} // entries of this call, found before they are written
	var ops []table.Op
	for _, c := range changes {
		if c.New == nil || !Kept(c.New.Key) {
			continue
		}
		key := Key(c.New.Key, c.New.Version)
		if _, twice := fresh[key]; twice {
			continue
		}
		e, err := k.entry(ctx, c.New, fresh)
		if err != nil {
			return err
		}
		fresh[key] = e
		body, err := json.Marshal(e)
		if err != nil {
			return err
		}
		ops = append(ops, table.PutOp(table.Item{Key: key, Body: body}, 0))
	}
	for len(ops) > 0 {
		n := min(len(ops), table.MaxOps)
		if err := k.write(ctx, ops[:n]); err != nil {
			return err
		}
		ops = ops[n:]
	}
	return nil
}

// Seen reports whether the version of an item that is stored is in its chain; what
// has no chain has nothing to be seen of.
func (k *Keeper) Seen(ctx context.Context, it *table.Item) (bool, error) {
	if !Kept(it.Key) {
		return true, nil
	}
	_, found, err := k.find(ctx, Key(it.Key, it.Version), nil)
	return found, err
}

func (k *Keeper) entry(ctx context.Context, it *table.Item, fresh map[table.Key]Entry) (Entry, error) {
	e := Entry{Version: it.Version, WriteID: it.WriteID, By: by(it), Seen: k.now().UTC().Truncate(time.Second), Image: Image(it), What: counts(it)}
	before := ""
	if it.Version > 1 {
		last, found, err := k.find(ctx, Key(it.Key, it.Version-1), fresh)
		if err != nil {
			return e, err
		}
		if before = last.Chain; !found {
			e.Gap = true
			k.log.Error("audit: a version was never seen", "item", it.String(), "version", it.Version-1)
		}
	}
	e.Chain = link(before, e)
	return e, nil
}

func (k *Keeper) find(ctx context.Context, key table.Key, fresh map[table.Key]Entry) (e Entry, found bool, err error) {
	if e, found = fresh[key]; found {
		return e, true, nil
	}
	it, err := k.store.Get(ctx, key, table.Strong)
	if err != nil || it == nil {
		return e, false, err
	}
	return e, true, json.Unmarshal(it.Body, &e)
}

// write puts entries that are not there; those that are stay as they are.
func (k *Keeper) write(ctx context.Context, ops []table.Op) error {
	err := k.store.Write(ctx, table.Batch{WriteID: k.newID(), Ops: ops})
	_, lost := table.IsStale(err)
	if !lost && !errors.Is(err, table.ErrUnknown) {
		return err
	}
	if len(ops) == 1 && lost {
		return nil
	}
	for _, op := range ops {
		if err := k.write(ctx, []table.Op{op}); err != nil {
			return err
		}
	}
	return nil
}

// by is who asked for this version, where the item says so.
func by(it *table.Item) string {
	var form struct {
		By string `json:"by"`
	}
	_ = json.Unmarshal(it.Body, &form) // an item without it is the system's
	return form.By
}

// Image is a hash over everything of an item that means something.
func Image(it *table.Item) string {
	h := sha256.New()
	say := func(parts ...any) { _, _ = fmt.Fprintln(h, parts...) }
	say(it.PK, it.SK, it.Version, it.WriteID, it.Tombstone, hex.EncodeToString(it.Body))
	if g := it.Guard; g != nil {
		say(g.Free, g.Rev)
		for _, id := range slices.Sorted(maps.Keys(g.Claims)) {
			say(id, g.Claims[id].N, g.Claims[id].Until.Unix())
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func link(before string, e Entry) string {
	parts := []string{before, fmt.Sprint(e.Version), e.WriteID, e.By, e.Image, fmt.Sprint(e.Gap)}
	if e.What != nil {
		parts = append(parts, fmt.Sprint(*e.What))
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	return hex.EncodeToString(sum[:16])
}

// Check reads an item's chain and answers what is wrong with it: nothing, for a
// chain that is whole and ends at the version that is stored.
func Check(ctx context.Context, store table.Store, item table.Key) (problems []string, err error) {
	var chain []Entry
	q := table.Query{PK: item.PK, From: prefix(item), To: prefix(item) + "~"}
	for {
		page, err := store.Query(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, it := range page.Items {
			var e Entry
			if err := json.Unmarshal(it.Body, &e); err != nil {
				return nil, fmt.Errorf("audit: %s: %w", it.Key, err)
			}
			chain = append(chain, e)
		}
		if q.After = page.Next; page.Next == "" {
			break
		}
	}
	before, next := "", uint64(1)
	for _, e := range chain {
		switch {
		case e.Gap && e.Version > next: // a feed that was cut: noted when it happened
			problems = append(problems, fmt.Sprintf("version %d followed a version never seen", e.Version))
		case e.Version != next:
			problems = append(problems, fmt.Sprintf("version %d is missing", next))
			return problems, nil
		case e.Gap: // the one before came later
			problems = append(problems, fmt.Sprintf("version %d followed a version never seen", e.Version))
		case e.Chain != link(before, e):
			problems = append(problems, fmt.Sprintf("version %d does not follow from the one before", e.Version))
		}
		before, next = e.Chain, e.Version+1
	}
	it, err := store.Get(ctx, item, table.Strong)
	if err != nil || it == nil {
		return problems, err
	}
	if n := len(chain); n > 0 && chain[n-1].Version == it.Version && chain[n-1].Image != Image(it) {
		problems = append(problems, fmt.Sprintf("the stored version %d is not the one that was seen", it.Version))
	}
	return problems, nil
}
