package embedded

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"

	"panah/internal/packed"
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
	w := packed.NewWriter(128)
	w.Text(entry.PK)
	w.Text(entry.SK)
	w.Text(item.PK)
	w.Text(item.SK)
	return w.Bytes()
}

func decodeKeys(raw []byte) (entry, item table.Key, err error) {
	r := packed.NewReader(raw)
	entry = table.Key{PK: r.Text(), SK: r.Text()}
	item = table.Key{PK: r.Text(), SK: r.Text()}
	return entry, item, r.Err()
}

func encodeItem(it *table.Item) []byte {
	w := packed.NewWriter(it.Size() + 64)
	w.Num(format)
	w.Text(it.PK)
	w.Text(it.SK)
	w.Num(it.Version)
	w.Text(it.WriteID)
	w.Flag(it.Tombstone)
	w.Instant(it.Expires)
	w.Num(uint64(len(it.Index)))
	for _, name := range slices.Sorted(maps.Keys(it.Index)) {
		w.Text(string(name))
		w.Text(it.Index[name].PK)
		w.Text(it.Index[name].SK)
	}
	w.Flag(it.Guard != nil)
	if g := it.Guard; g != nil {
		w.Signed(int64(g.Free))
		w.Num(g.Rev)
		w.Num(uint64(len(g.Claims)))
		for _, id := range slices.Sorted(maps.Keys(g.Claims)) {
			w.Text(id)
			w.Num(uint64(g.Claims[id].N))
			w.Instant(g.Claims[id].Until)
		}
	}
	w.Text(string(it.Body))
	return w.Bytes()
}

func decodeItem(raw []byte) (*table.Item, error) {
	if len(raw) == 0 || raw[0] != format {
		return nil, errCorrupt
	}
	r := packed.NewReader(raw[1:])
	it := &table.Item{Key: table.Key{PK: r.Text(), SK: r.Text()}}
	it.Version, it.WriteID, it.Tombstone, it.Expires = r.Num(), r.Text(), r.Flag(), r.Instant()
	if n := r.Count(); n > 0 {
		it.Index = make(map[table.Index]table.Key, n)
		for range n {
			name := table.Index(r.Text())
			it.Index[name] = table.Key{PK: r.Text(), SK: r.Text()}
		}
	}
	if r.Flag() {
		it.Guard = &table.Guard{Free: int(r.Signed()), Rev: r.Num(), Claims: map[string]table.Claim{}}
		for range r.Count() {
			id := r.Text()
			it.Guard.Claims[id] = table.Claim{N: int(r.Num()), Until: r.Instant()}
		}
	}
	it.Body = []byte(r.Text())
	return it, r.Err()
}

func encodeChange(old, it *table.Item) []byte {
	w := packed.NewWriter(128)
	if old != nil {
		w.Text(string(encodeItem(old)))
	} else {
		w.Text("")
	}
	w.Text(string(encodeItem(it)))
	return w.Bytes()
}

func decodeChange(raw []byte) (table.Change, error) {
	r := packed.NewReader(raw)
	old, now := r.Text(), r.Text()
	if r.Err() != nil {
		return table.Change{}, r.Err()
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
