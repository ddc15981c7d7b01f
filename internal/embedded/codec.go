package embedded

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"time"

	"panah/internal/table"
)

// The file's own form of items: length-prefixed fields after a format byte.

const format = 1

var errCorrupt = errors.New("embedded: a stored item cannot be read")

func prefix(pk string) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(pk))), pk...)
}

func itemKey(k table.Key) []byte { return append(prefix(k.PK), k.SK...) }

func indexKey(entry, item table.Key) []byte {
	return append(append(itemKey(entry), 0), itemKey(item)...)
}

func encodeKeys(entry, item table.Key) []byte {
	w := writer{}
	w.text(entry.PK)
	w.text(entry.SK)
	w.text(item.PK)
	w.text(item.SK)
	return w.b
}

func decodeKeys(raw []byte) (entry, item table.Key, err error) {
	r := reader{b: raw}
	entry = table.Key{PK: r.text(), SK: r.text()}
	item = table.Key{PK: r.text(), SK: r.text()}
	return entry, item, r.err
}

func encodeItem(it *table.Item) []byte {
	w := writer{b: make([]byte, 0, it.Size()+64)}
	w.b = append(w.b, format)
	w.text(it.PK)
	w.text(it.SK)
	w.num(it.Version)
	w.text(it.WriteID)
	w.flag(it.Tombstone)
	w.instant(it.Expires)
	w.num(uint64(len(it.Index)))
	for _, name := range slices.Sorted(maps.Keys(it.Index)) {
		w.text(string(name))
		w.text(it.Index[name].PK)
		w.text(it.Index[name].SK)
	}
	w.flag(it.Guard != nil)
	if g := it.Guard; g != nil {
		w.signed(int64(g.Free))
		w.num(g.Rev)
		w.num(uint64(len(g.Claims)))
		for _, id := range slices.Sorted(maps.Keys(g.Claims)) {
			w.text(id)
			w.num(uint64(g.Claims[id].N))
			w.instant(g.Claims[id].Until)
		}
	}
	w.text(string(it.Body))
	return w.b
}

func decodeItem(raw []byte) (*table.Item, error) {
	if len(raw) == 0 || raw[0] != format {
		return nil, errCorrupt
	}
	r := reader{b: raw[1:]}
	it := &table.Item{Key: table.Key{PK: r.text(), SK: r.text()}}
	it.Version, it.WriteID, it.Tombstone, it.Expires = r.num(), r.text(), r.flag(), r.instant()
	if n := r.count(); n > 0 {
		it.Index = make(map[table.Index]table.Key, n)
		for range n {
			name := table.Index(r.text())
			it.Index[name] = table.Key{PK: r.text(), SK: r.text()}
		}
	}
	if r.flag() {
		it.Guard = &table.Guard{Free: int(r.signed()), Rev: r.num(), Claims: map[string]table.Claim{}}
		for range r.count() {
			id := r.text()
			it.Guard.Claims[id] = table.Claim{N: int(r.num()), Until: r.instant()}
		}
	}
	it.Body = []byte(r.text())
	return it, r.err
}

func encodeChange(old, it *table.Item) []byte {
	w := writer{}
	if old != nil {
		w.text(string(encodeItem(old)))
	} else {
		w.text("")
	}
	w.text(string(encodeItem(it)))
	return w.b
}

func decodeChange(raw []byte) (table.Change, error) {
	r := reader{b: raw}
	old, now := r.text(), r.text()
	if r.err != nil {
		return table.Change{}, r.err
	}
	var c table.Change
	var err error
	if old != "" {
		if c.Old, err = decodeItem([]byte(old)); err != nil {
			return c, err
		}
	}
	c.New, err = decodeItem([]byte(now))
	return c, err
}

type writer struct{ b []byte }

func (w *writer) num(n uint64)   { w.b = binary.AppendUvarint(w.b, n) }
func (w *writer) signed(n int64) { w.b = binary.AppendVarint(w.b, n) }
func (w *writer) text(s string)  { w.num(uint64(len(s))); w.b = append(w.b, s...) }
func (w *writer) flag(f bool) {
	if f {
		w.num(1)
	} else {
		w.num(0)
	}
}

func (w *writer) instant(t time.Time) {
	if t.IsZero() {
		w.signed(0)
	} else {
		w.signed(t.Unix())
	}
}

type reader struct {
	b   []byte
	err error
}

func (r *reader) num() uint64 {
	n, size := binary.Uvarint(r.b)
	return uint64(advance(r, n, size))
}

func (r *reader) signed() int64 {
	n, size := binary.Varint(r.b)
	return advance(r, n, size)
}

func advance[N int64 | uint64](r *reader, n N, size int) N {
	if size <= 0 {
		r.err, r.b = errCorrupt, nil
		return 0
	}
	r.b = r.b[size:]
	return n
}

func (r *reader) text() string {
	n := r.num()
	if uint64(len(r.b)) < n {
		r.err, r.b = errCorrupt, nil
		return ""
	}
	s := string(r.b[:n])
	r.b = r.b[n:]
	return s
}

// count is a number of entries; more than there are bytes left is corrupt.
func (r *reader) count() int {
	n := r.num()
	if n > uint64(len(r.b)) {
		r.err, r.b = errCorrupt, nil
		return 0
	}
	return int(n)
}

func (r *reader) flag() bool { return r.num() == 1 }

func (r *reader) instant() time.Time {
	if n := r.signed(); n != 0 {
		return time.Unix(n, 0).UTC()
	}
	return time.Time{}
}
