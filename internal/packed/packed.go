// Package packed writes and reads small binary records: variable-length numbers
// and length-prefixed strings. A reader never panics on broken input: it
// remembers the first fault and answers zero values from then on.
package packed

import (
	"encoding/binary"
	"errors"
	"time"
)

// ErrCorrupt says that a record cannot be read.
var ErrCorrupt = errors.New("packed: corrupt record")

// Writer appends values.
type Writer struct{ b []byte }

// NewWriter has room for size bytes before it grows.
func NewWriter(size int) *Writer { return &Writer{b: make([]byte, 0, size)} }

// NewWriterOn appends to b.
func NewWriterOn(b []byte) *Writer { return &Writer{b: b} }

// Bytes is what was written.
func (w *Writer) Bytes() []byte { return w.b }

// Num appends an unsigned number.
func (w *Writer) Num(n uint64) { w.b = binary.AppendUvarint(w.b, n) }

// Int appends a number that is not negative.
func (w *Writer) Int(n int) { w.Num(uint64(max(0, n))) }

// Signed appends a number that may be negative.
func (w *Writer) Signed(n int64) { w.b = binary.AppendVarint(w.b, n) }

// Text appends a string of any bytes.
func (w *Writer) Text(s string) { w.Num(uint64(len(s))); w.b = append(w.b, s...) }

// Flag appends a yes or no.
func (w *Writer) Flag(f bool) {
	if f {
		w.Num(1)
	} else {
		w.Num(0)
	}
}

// Instant appends a time to the second; the zero time is kept.
func (w *Writer) Instant(t time.Time) {
	if t.IsZero() {
		w.Signed(0)
	} else {
		w.Signed(t.Unix())
	}
}

// Reader takes values off in the order they were written.
type Reader struct {
	b     []byte
	err   error
	names map[string]string
}

// NewReader reads raw.
func NewReader(raw []byte) *Reader { return &Reader{b: raw} }

// Naming makes Name keep what it reads in names, each once; nil keeps nothing.
func (r *Reader) Naming(names map[string]string) *Reader { r.names = names; return r }

// Left is how many bytes are left.
func (r *Reader) Left() int { return len(r.b) }

// Err is the first fault met.
func (r *Reader) Err() error { return r.err }

// More reports whether bytes are left and no fault was met.
func (r *Reader) More() bool { return len(r.b) > 0 }

func (r *Reader) fail() { r.err, r.b = ErrCorrupt, nil }

// Num takes an unsigned number.
func (r *Reader) Num() uint64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[size:]
	return n
}

// Int takes a number that is not negative and fits an int32.
func (r *Reader) Int() int {
	n := r.Num()
	if n > 1<<31-1 {
		r.fail()
		return 0
	}
	return int(n)
}

// Signed takes a number that may be negative.
func (r *Reader) Signed() int64 {
	n, size := binary.Varint(r.b)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[size:]
	return n
}

// Text takes a string.
func (r *Reader) Text() string { return string(r.text()) }

func (r *Reader) text() []byte {
	n := r.Num()
	if uint64(len(r.b)) < n {
		r.fail()
		return nil
	}
	s := r.b[:n]
	r.b = r.b[n:]
	return s
}

// maxNames bounds what is kept of names.
const maxNames = 1 << 14

// Name takes a string that many records share.
func (r *Reader) Name() string {
	text := r.text()
	if s, ok := r.names[string(text)]; ok {
		return s
	}
	s := string(text)
	if r.names != nil && len(r.names) < maxNames {
		r.names[s] = s
	}
	return s
}

// SecondText is the string after the first number of a record that was checked
// before.
func SecondText(b []byte) []byte {
	r := Reader{b: b}
	r.Num()
	return r.text()
}

// Count takes a number of entries; more than there are bytes left is corrupt.
func (r *Reader) Count() int {
	n := r.Num()
	if n > uint64(len(r.b)) {
		r.fail()
		return 0
	}
	return int(n)
}

// Flag takes a yes or no.
func (r *Reader) Flag() bool { return r.Num() == 1 }

// Instant takes a time, in UTC.
func (r *Reader) Instant() time.Time {
	if n := r.Signed(); n != 0 {
		return time.Unix(n, 0).UTC()
	}
	return time.Time{}
}
