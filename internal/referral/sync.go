package referral

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"time"

	"panah/internal/caller"
	"panah/internal/fault"
	"panah/internal/logbook"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/table"
)

// Tombstone tells a device to forget a placement, unless it knows a later version.
type Tombstone struct {
	ID      string
	Version uint64
	Why     string
}

// Delta is what has changed for a team or a shelter since a cursor.
type Delta struct {
	Caller     caller.Caller
	Reset      bool // the device forgets all it has: this is the beginning
	Placements []placement.Placement
	Gone       []Tombstone
	Cursor     string
	More       bool // ask again at once
}

// cursorFor is how long a cursor is good for: after that it is cheaper to begin
// anew. It bounds the work and nothing rests on it, so no clock can lose a change.
const cursorFor = 30 * 24 * time.Hour

// Sync answers what has changed since a cursor for whoever keeps placements on a
// device: a rescue team, or a shelter its arrivals. It goes through the book of the
// team or shelter in order and looks each placement up as it is now, so that no
// change that is in the book is missed; one that is not yet comes next time. A
// subject whose membership was taken away is told to erase the device: here the
// membership is read afresh.
func (s *Service) Sync(ctx context.Context, subject, since string, limit int) (d Delta, err error) {
	if d.Caller, err = s.device(ctx, subject, since); err != nil {
		return d, err
	}
	book := logbook.OfTeam(d.Caller.Team())
	if d.Caller.Shelter() != "" {
		book = logbook.OfShelter(d.Caller.Shelter())
	}
	at, err := readCursor(since)
	if err != nil {
		return d, err
	}
	now := s.now()
	if at.page == 0 || at.book != placement.Hash(string(book)) || now.Sub(at.made) > cursorFor {
		at = cursor{}
	}
	// From the page read last on: it is there, and the same, or the book is another one.
	pages, err := logbook.Read(ctx, s.Store, book, max(1, at.page), limit+2)
	if err != nil {
		return d, refusal(err)
	}
	if at.page > 0 && (len(pages) == 0 || pages[0].No != at.page || placement.Hash(pages[0].Mark) != at.mark) {
		at = cursor{}
		if pages, err = logbook.Read(ctx, s.Store, book, 1, limit+2); err != nil {
			return d, refusal(err)
		}
	}
	d.Reset = at.page == 0
	if at.page > 0 {
		pages = pages[1:]
	}
	next := cursor{book: placement.Hash(string(book)), page: at.page, mark: at.mark, made: now}
	changed := newest{at: map[string]int{}}
	for i, p := range pages {
		if p.No != next.page+1 { // never in a whole book
			return d, fault.New(fault.Busy, "changes are being written at this moment; send the same request again shortly")
		}
		if i >= limit || len(changed.list) >= limit {
			d.More = true
			break
		}
		changed.add(p.Entries)
		next.page, next.mark = p.No, placement.Hash(p.Mark)
	}
	d.Cursor = next.String()
	return d, s.lookUp(ctx, &d, changed.list)
}

// newest is the entries of some pages, of each placement the newest version.
type newest struct {
	list []logbook.Entry
	at   map[string]int
}

func (n *newest) add(entries []logbook.Entry) {
	for _, e := range entries {
		i, ok := n.at[e.Placement]
		switch {
		case !ok:
			n.at[e.Placement] = len(n.list)
			n.list = append(n.list, e)
		case n.list[i].Version < e.Version:
			n.list[i] = e
		}
	}
}

// lookUp shows each changed placement as it is, or that it is gone.
func (s *Service) lookUp(ctx context.Context, d *Delta, changed []logbook.Entry) error {
	for _, e := range changed {
		if e.Gone != "" { // if it has come back, a later entry says so
			s.told(ctx, d.Caller, e.Placement, e.Gone == placement.GoneWithdrawn)
			d.Gone = append(d.Gone, Tombstone{e.Placement, e.Version, e.Gone})
			continue
		}
		it, err := s.Store.Get(ctx, record.PlacementKey(e.Placement), table.Strong)
		if err != nil {
			return refusal(err)
		}
		if it == nil || it.Tombstone {
			if it != nil {
				e.Version = it.Version
			}
			d.Gone = append(d.Gone, Tombstone{e.Placement, e.Version, placement.GoneErased})
			continue
		}
		p, err := record.ToPlacement(it)
		if err != nil {
			return err
		}
		s.told(ctx, d.Caller, p.ID, !p.Withdrawn.IsZero())
		if why, gone := goneFor(d.Caller, p); gone {
			d.Gone = append(d.Gone, Tombstone{p.ID, p.Version, why})
			continue
		}
		d.Placements = append(d.Placements, p)
	}
	return nil
}

// told notes that a device was told of consent that was taken back.
func (s *Service) told(ctx context.Context, c caller.Caller, id string, withdrawn bool) {
	if withdrawn {
		s.delivered(ctx, id, placement.Recipient{Side: roleSide(c), ID: c.Scope}, placement.ByList)
	}
}

// goneFor says whether a caller's device has to forget a placement.
func goneFor(c caller.Caller, p placement.Placement) (string, bool) {
	switch {
	case c.Shelter() != "":
		return p.GoneFrom(c.Shelter())
	case p.Team != c.Team():
		return placement.GoneNotYours, true
	}
	return p.Gone()
}

// device is who asks for the changes, by the membership as it is this instant.
// Whoever had one and has it no more is to erase what the device holds.
func (s *Service) device(ctx context.Context, subject, since string) (caller.Caller, error) {
	if subject == "" {
		return caller.Caller{}, fault.New(fault.Unauthorized, "sign in first")
	}
	m, err := s.membership(ctx, subject)
	if err != nil {
		return caller.Caller{}, err
	}
	switch {
	case m.InForce():
		err = m.Allow(caller.SyncDevice, caller.Resource{Team: m.Team(), Shelter: m.Shelter()})
	case m.Version > 0:
		err = fault.New(fault.Wipe, "you are not a member any more")
	default:
		err = fault.New(fault.Forbidden, "you are not a member of a team, shelter, desk or ministry")
	}
	if since != "" && fault.Is(err, fault.Forbidden) { // the device holds what its owner may not have any more
		err = fault.New(fault.Wipe, "your role keeps nothing on a device any more")
	}
	if err != nil {
		s.forget(subject)
	}
	return m.Caller, err
}

// cursor is how far a device has read: whose book, up to which page, which write
// made that page, and when. It grants nothing.
type cursor struct {
	book, page, mark uint64
	made             time.Time
}

const cursorBytes = 1 + 4*8

// String is opaque to whoever keeps it.
func (c cursor) String() string {
	b := []byte{1} // the form
	for _, n := range []uint64{c.book, c.page, c.mark, uint64(c.made.Unix())} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func readCursor(s string) (c cursor, err error) {
	if s == "" {
		return c, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) != cursorBytes || b[0] != 1 {
		return c, fault.Field("since", "is not a cursor of this list")
	}
	n := func(i int) uint64 { return binary.BigEndian.Uint64(b[1+8*i:]) }
	return cursor{n(0), n(1), n(2), time.Unix(int64(n(3)), 0)}, nil
}
