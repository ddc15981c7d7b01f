package embedded

import (
	"bytes"
	"context"
	"encoding/base64"
	"hash/fnv"

	bolt "go.etcd.io/bbolt"

	"panah/internal/table"
)

// Query implements table.Store.
func (s *Store) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if ctx.Err() != nil {
		return table.Page{}, ctx.Err()
	}
	r, err := newRange(q)
	if err != nil {
		return table.Page{}, err
	}
	var page table.Page
	err = s.db.View(func(tx *bolt.Tx) error { return r.collect(tx, &page) })
	return page, err
}

// Scan implements table.Scanner: a partition's share is decided by its key.
func (s *Store) Scan(ctx context.Context, share, of int, after string) (page table.Page, err error) {
	if ctx.Err() != nil {
		return page, ctx.Err()
	}
	from, err := base64.RawURLEncoding.DecodeString(after)
	if err != nil || of < 1 || share < 0 || share >= of {
		return page, &table.Refused{Reason: "malformed cursor or share"}
	}
	err = s.db.View(func(tx *bolt.Tx) error {
		c := tx.Bucket(itemsBucket).Cursor()
		k, v := c.First()
		if after != "" {
			if k, v = c.Seek(from); bytes.Equal(k, from) {
				k, v = c.Next()
			}
		}
		for size := 0; k != nil; k, v = c.Next() {
			if size += len(v); size >= table.MaxPageBytes { // as read, not as found: a page ends
				page.Next = base64.RawURLEncoding.EncodeToString(k)
			}
			it, err := decodeItem(v)
			if err != nil {
				return err
			}
			h := fnv.New32a()
			_, _ = h.Write([]byte(it.PK))
			if int(h.Sum32()%uint32(of)) == share {
				page.Items = append(page.Items, *it)
			}
			if page.Next != "" {
				return nil
			}
		}
		return nil
	})
	return page, err
}

// keyRange is a query as a range of bbolt keys.
type keyRange struct {
	q        table.Query
	low, end []byte // low included, end excluded
	after    []byte
}

func newRange(q table.Query) (keyRange, error) {
	r := keyRange{q: q}
	if err := (table.Key{PK: q.PK, SK: "x"}).Check(); err != nil {
		return r, err
	}
	if q.After != "" {
		raw, err := base64.RawURLEncoding.DecodeString(q.After)
		if err != nil || !bytes.HasPrefix(raw, prefix(q.PK)) {
			return r, &table.Refused{Reason: "malformed cursor"}
		}
		r.after = raw
	}
	p := prefix(q.PK)
	r.low = append(bytes.Clone(p), q.From...)
	switch {
	case q.To == "":
		r.end = successor(p)
	case q.Index == table.Base:
		r.end = append(append(bytes.Clone(p), q.To...), 0)
	default: // every item under the sort key q.To: they follow a zero byte
		r.end = append(append(bytes.Clone(p), q.To...), 1)
	}
	return r, nil
}

// successor is the first key after every key that starts with p.
func successor(p []byte) []byte {
	out := bytes.Clone(p)
	for i := len(out) - 1; i >= 0; i-- {
		out[i]++
		if out[i] != 0 {
			return out[:i+1]
		}
	}
	return nil
}

func (r keyRange) collect(tx *bolt.Tx, page *table.Page) error {
	name := itemsBucket
	if r.q.Index != table.Base {
		name = []byte(r.q.Index)
	}
	b := tx.Bucket(name)
	if b == nil {
		return &table.Refused{Reason: "no such index"}
	}
	c := b.Cursor()
	size := 0
	for k, v := r.first(c); k != nil && r.inside(k); k, v = r.step(c) {
		it, err := r.item(v)
		if err != nil {
			return err
		}
		page.Items = append(page.Items, *it)
		size += it.Size()
		if len(page.Items) == r.q.Limit || size >= table.MaxPageBytes {
			page.Next = base64.RawURLEncoding.EncodeToString(k)
			return nil
		}
	}
	return nil
}

func (r keyRange) item(v []byte) (*table.Item, error) {
	if r.q.Index == table.Base {
		return decodeItem(v)
	}
	entry, key, err := decodeKeys(v)
	return &table.Item{Key: key, Index: map[table.Index]table.Key{r.q.Index: entry}}, err
}

func (r keyRange) first(c *bolt.Cursor) (k, v []byte) {
	if !r.q.Descending {
		if r.after == nil {
			return c.Seek(r.low)
		}
		k, v = c.Seek(r.after)
		if bytes.Equal(k, r.after) {
			return c.Next()
		}
		return k, v
	}
	end := r.end
	if r.after != nil {
		end = r.after
	}
	if k, _ = c.Seek(end); k == nil {
		return c.Last()
	}
	return c.Prev()
}

func (r keyRange) step(c *bolt.Cursor) (k, v []byte) {
	if r.q.Descending {
		return c.Prev()
	}
	return c.Next()
}

func (r keyRange) inside(k []byte) bool {
	return bytes.Compare(k, r.low) >= 0 && (r.end == nil || bytes.Compare(k, r.end) < 0)
}
