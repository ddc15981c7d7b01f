package directory

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"

	"panah/internal/packed"
	"panah/internal/table"
)

// Keys of the directory. DIR#HEAD names the generation of pages in force and
// the log entry they include.
var headKey = table.Key{PK: "DIR#HEAD", SK: "H"}

const logPartition = "DIR#LOG"

func logKey(seq uint64) table.Key { return table.Key{PK: logPartition, SK: seqSK(seq)} }

func seqSK(seq uint64) string { return fmt.Sprintf("%016d", seq) }

func pagesPartition(gen string) string { return "DIR#PAGE#" + gen }

// head is the content of DIR#HEAD.
type head struct {
	gen   string // empty: no pages yet
	seq   uint64 // the last log entry the pages include
	pages int
}

func (h head) encode() []byte {
	w := packed.NewWriter(48)
	w.Text(h.gen)
	w.Num(h.seq)
	w.Int(h.pages)
	return w.Bytes()
}

func decodeHead(raw []byte) (head, error) {
	r := packed.NewReader(raw)
	h := head{gen: r.Text(), seq: r.Num(), pages: r.Int()}
	return h, r.Err()
}

// pageTarget is how many bytes of entries go on a page before it is packed:
// small enough that several are unpacked at once, and far below what an item
// may hold however badly they pack.
const pageTarget = 256 << 10

// pack compresses a run of entries.
func pack(raw []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.DefaultCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(raw); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// unpackLimit stops a broken page from filling memory.
const unpackLimit = 16 << 20

func unpack(raw []byte) ([]byte, error) {
	r := flate.NewReader(bytes.NewReader(raw))
	var out bytes.Buffer
	out.Grow(min(8*len(raw), pageTarget+pageTarget/8))
	if _, err := out.ReadFrom(io.LimitReader(r, unpackLimit)); err != nil {
		return nil, fmt.Errorf("directory: page: %w", err)
	}
	return out.Bytes(), nil
}

// packAll spreads what is known over pages, shelter by shelter in order of id. A
// shelter and its units stay on one page.
func packAll(s *shelves) ([][]byte, error) {
	var pages [][]byte
	raw := make([]byte, 0, pageTarget)
	n := 0
	for slot := range s.Slots() {
		raw = append(raw, s.record(slot)...)
		if n++; len(raw) >= pageTarget || n == s.len() {
			page, err := pack(raw)
			if err != nil {
				return nil, err
			}
			pages, raw = append(pages, page), raw[:0]
		}
	}
	return pages, nil
}
