// Package logbook keeps a book for each rescue team and each shelter, of which of
// its placements have changed: what a device that was without a network asks for
// first. Pages of a book are numbered without gaps, and each is written only after
// the one before was seen, so that whoever has read up to a page has missed nothing
// before it, however late, often or out of order the change feed came, and whatever
// any clock said. A book names placements and versions and says nothing else; the
// reader looks each placement up, and finds it at that version or a later one.
package logbook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/table"
)

// Book is whose changes are noted.
type Book string

// OfTeam is a rescue team's book.
func OfTeam(team string) Book { return Book("T#" + team) }

// OfShelter is a shelter's book.
func OfShelter(id string) Book { return Book("S#" + id) }

// Entry is one change of one placement.
type Entry struct {
	Placement string `json:"p"`
	Version   uint64 `json:"v"`
	Gone      string `json:"g,omitempty"` // why it was gone at that version; a later one has an entry of its own
}

// Page is some entries that were written together.
type Page struct {
	No      uint64
	Mark    string // names the write that made the page: another table's has another
	Entries []Entry
}

// perPage bounds a page, so that an answer stays small.
const perPage = 20

func partition(b Book) string { return "LOG#" + string(b) }

func sortKey(no uint64) string { return fmt.Sprintf("%016d", no) }

// Read returns up to n pages from page number from on, in order. A book that was
// never written in is empty. It sees every page that was written before it began.
func Read(ctx context.Context, store table.Store, b Book, from uint64, n int) ([]Page, error) {
	got, err := store.Query(ctx, table.Query{PK: partition(b), From: sortKey(from), Limit: n})
	if err != nil {
		return nil, err
	}
	out := make([]Page, len(got.Items))
	for i, it := range got.Items {
		if out[i].No, err = strconv.ParseUint(it.SK, 10, 64); err != nil {
			return nil, fmt.Errorf("logbook: %s: %w", it.Key, err)
		}
		if err := json.Unmarshal(it.Body, &out[i].Entries); err != nil {
			return nil, fmt.Errorf("logbook: %s: %w", it.Key, err)
		}
		out[i].Mark = it.WriteID
	}
	return out, nil
}

// Keeper writes the books from the change feed. Several may run at once.
type Keeper struct {
	store table.Store
	newID func() string
}

// NewKeeper writes to store; newID gives unique write ids.
func NewKeeper(store table.Store, newID func() string) *Keeper { return &Keeper{store, newID} }

// Apply notes the placements among the changes. Noted again, a change does no harm:
// a reader finds the placement as it is.
func (k *Keeper) Apply(ctx context.Context, changes []table.Change) error {
	books := map[Book][]Entry{}
	var order []Book
	for _, c := range changes {
		noted, err := notes(c)
		if err != nil {
			return err
		}
		for _, n := range noted {
			if _, ok := books[n.book]; !ok {
				order = append(order, n.book)
			}
			books[n.book] = add(books[n.book], n.Entry)
		}
	}
	for _, b := range order {
		for entries := range slices.Chunk(books[b], perPage) {
			if err := k.append(ctx, b, entries); err != nil {
				return err
			}
		}
	}
	return nil
}

// add keeps of a placement its newest version only.
func add(list []Entry, e Entry) []Entry {
	i := slices.IndexFunc(list, func(have Entry) bool { return have.Placement == e.Placement })
	switch {
	case i < 0:
		return append(list, e)
	case list[i].Version < e.Version:
		list[i] = e
	}
	return list
}

type note struct {
	book Book
	Entry
}

// notes are what a change is to its team, to the shelter that has the party, and to
// those that had it before.
func notes(c table.Change) (out []note, err error) {
	if c.New == nil || !record.IsPlacement(c.New.Key) {
		return nil, nil
	}
	if c.New.Tombstone { // what is erased says of itself no more whose it was
		return erased(c)
	}
	p, err := record.ToPlacement(c.New)
	if err != nil {
		return nil, err
	}
	code, _ := p.Gone()
	out = append(out, note{OfTeam(p.Team), Entry{p.ID, p.Version, code}})
	for _, id := range shelters(p, c.Old) {
		code, gone := p.GoneFrom(id)
		if !gone {
			code = ""
		}
		out = append(out, note{OfShelter(id), Entry{p.ID, p.Version, code}})
	}
	return out, nil
}

// erased is the last change of a placement: to all who ever had it.
func erased(c table.Change) (out []note, err error) {
	if c.Old == nil || c.Old.Tombstone {
		return nil, nil
	}
	p, err := record.ToPlacement(c.Old)
	if err != nil {
		return nil, err
	}
	e := Entry{p.ID, c.New.Version, placement.GoneErased}
	out = append(out, note{OfTeam(p.Team), e})
	for _, id := range shelters(p, nil) {
		out = append(out, note{OfShelter(id), e})
	}
	return out, nil
}

// shelters are who has to know: whoever has the party and whoever had it in the
// version before; where that is not known, or consent was taken back, all who ever
// had it.
func shelters(p placement.Placement, old *table.Item) (out []string) {
	had := append([]placement.Hold{p.Hold}, p.Past...)
	if old != nil && !old.Tombstone && p.Withdrawn.IsZero() {
		if before, err := record.ToPlacement(old); err == nil && old.Version+1 == p.Version {
			had = []placement.Hold{p.Hold, before.Hold}
		}
	}
	for _, h := range had {
		if h.Shelter != "" && !slices.Contains(out, h.Shelter) {
			out = append(out, h.Shelter)
		}
	}
	return out
}

// appendTries bounds how often an append chases the end of a book.
const appendTries = 50

// append writes the page after the last one there is.
func (k *Keeper) append(ctx context.Context, b Book, entries []Entry) error {
	body, err := json.Marshal(entries)
	if err != nil {
		return err
	}
	for range appendTries {
		no, err := k.last(ctx, b)
		if err != nil {
			return err
		}
		it := table.Item{Key: table.Key{PK: partition(b), SK: sortKey(no + 1)}, Body: body}
		err = k.store.Write(ctx, table.Batch{WriteID: k.newID(), Ops: []table.Op{table.PutOp(it, 0)}})
		if _, lost := table.IsStale(err); !lost && !errors.Is(err, table.ErrUnknown) { // perhaps written: once more at the next number does no harm
			return err
		}
	}
	return table.ErrBusy
}

func (k *Keeper) last(ctx context.Context, b Book) (uint64, error) {
	page, err := k.store.Query(ctx, table.Query{PK: partition(b), Descending: true, Limit: 1})
	if err != nil || len(page.Items) == 0 {
		return 0, err
	}
	no, err := strconv.ParseUint(page.Items[0].SK, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("logbook: %s: %w", page.Items[0].Key, err)
	}
	return no, nil
}
