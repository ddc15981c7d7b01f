package registry

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Form is how a file is written.
type Form string

// The forms.
const (
	CSV   Form = "csv"   // RFC 4180 with a line of column names, UTF-8
	Lines Form = "jsonl" // one flat JSON object a line
)

// Problem is one thing that is wrong. Field is one of Panah's fields, "column"
// for the file's own columns, or "row".
type Problem struct {
	Line  int
	Field string
	What  string
}

// Limits say how much a reader takes.
type Limits struct {
	Rows int // 0: any number
}

// maxLine is the longest line of JSON.
const maxLine = 64 << 10

// ErrTooMany says that a file has more rows than the limit: nothing is imported.
var ErrTooMany = errors.New("registry: more rows than the limit")

// reader hands out rows by column.
type reader interface {
	// next returns the columns of the next row and its line. A problem is about
	// this row alone; io.EOF ends the file.
	next() (row map[string]string, line int, problem *Problem, err error)
}

// Read reads a whole file through a mapping. Only a file that cannot be read at
// all is an error: whatever else is wrong is in the file's problems.
func Read(r io.Reader, form Form, m Mapping, l Limits) (File, error) {
	in := bufio.NewReaderSize(r, maxLine)
	if bom, err := in.Peek(3); err == nil && bytes.Equal(bom, []byte("\xef\xbb\xbf")) {
		_, _ = in.Discard(3)
	}
	f := newFile(m)
	var rows reader
	switch form {
	case CSV:
		rows = f.csv(in)
	case Lines:
		rows = &jsonRows{in: in, known: m.known()}
	default:
		return f, fmt.Errorf("registry: unknown form")
	}
	for {
		row, line, problem, err := rows.next()
		if errors.Is(err, io.EOF) {
			f.finish()
			return f, nil
		}
		if err != nil {
			return f, err
		}
		if f.Rows++; l.Rows > 0 && f.Rows > l.Rows {
			return f, ErrTooMany
		}
		if problem != nil {
			f.refuse(*problem)
			continue
		}
		f.row(row, line)
	}
}

type csvRows struct {
	in      *csv.Reader
	columns []string
}

// csv reads the line of names: a name that nothing accounts for, comes twice or
// is missing is a problem of the whole file, and no row is taken.
func (f *File) csv(in io.Reader) reader {
	c := csv.NewReader(in)
	c.FieldsPerRecord = -1
	c.ReuseRecord = true
	names, err := c.Read()
	if errors.Is(err, io.EOF) {
		f.fatal(Problem{1, "column", "there is no line of column names"})
		return nothing{}
	}
	if err != nil {
		f.fatal(Problem{1, "column", "the line of column names is not CSV"})
		return nothing{}
	}
	known, seen := f.mapping.known(), map[string]bool{}
	rows := &csvRows{in: c}
	for i, n := range names {
		n = strings.TrimSpace(n)
		switch {
		case seen[n]:
			f.fatal(Problem{1, "column", fmt.Sprintf("column %d has the name of an earlier one", i+1)})
		case !known[n]:
			f.fatal(Problem{1, "column", fmt.Sprintf("column %d is not known to the mapping: map it or list it under ignore", i+1)})
		}
		seen[n] = true
		rows.columns = append(rows.columns, n)
	}
	if !f.mapping.Optional {
		for _, field := range fields {
			for _, c := range f.mapping.Fields[field.name].columns() {
				if !seen[c] {
					f.fatal(Problem{1, field.name, "its column is missing"})
				}
			}
		}
	}
	return rows
}

func (c *csvRows) next() (map[string]string, int, *Problem, error) {
	record, err := c.in.Read()
	var bad *csv.ParseError
	switch {
	case errors.As(err, &bad):
		return nil, bad.StartLine, &Problem{bad.StartLine, "row", "is not CSV: a quote is missing or too many"}, nil
	case err != nil:
		return nil, 0, nil, err
	}
	line, _ := c.in.FieldPos(0)
	if len(record) != len(c.columns) {
		return nil, line, &Problem{line, "row", fmt.Sprintf("has %d fields, the line of names %d", len(record), len(c.columns))}, nil
	}
	row := make(map[string]string, len(record))
	for i, v := range record {
		if !utf8.ValidString(v) {
			return nil, line, &Problem{line, "row", "is not UTF-8"}, nil
		}
		row[c.columns[i]] = v
	}
	return row, line, nil, nil
}

// nothing has no rows: the file was refused as a whole.
type nothing struct{}

func (nothing) next() (map[string]string, int, *Problem, error) { return nil, 0, nil, io.EOF }

type jsonRows struct {
	in    *bufio.Reader
	known map[string]bool
	line  int
}

func (j *jsonRows) next() (map[string]string, int, *Problem, error) {
	for {
		raw, err := j.in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			j.line++
			return nil, j.line, &Problem{j.line, "row", "is longer than 64 KB"}, j.skip()
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, 0, nil, err
		}
		j.line++
		if text := bytes.TrimSpace(raw); len(text) > 0 {
			row, what := j.object(text)
			if what != "" {
				return nil, j.line, &Problem{j.line, "row", what}, nil
			}
			return row, j.line, nil, nil
		}
		if err != nil {
			return nil, 0, nil, io.EOF
		}
	}
}

// skip passes over the rest of a line that is too long.
func (j *jsonRows) skip() error {
	for {
		_, err := j.in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		return err
	}
}

// object reads one flat object, member by member, so that one that comes twice is seen.
func (j *jsonRows) object(text []byte) (row map[string]string, problem string) {
	if !utf8.Valid(text) {
		return nil, "is not UTF-8"
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, "is not a JSON object"
	}
	row = map[string]string{}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, "is not a JSON object"
		}
		if _, twice := row[name]; twice {
			return nil, "has a member twice"
		}
		if !j.known[name] {
			return nil, "has a member that is not known to the mapping"
		}
		var v any
		if err := d.Decode(&v); err != nil {
			return nil, "is not a JSON object"
		}
		if row[name], ok = flat(v); !ok {
			return nil, "has a member that is neither plain nor a list of plain values"
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, "is not a JSON object"
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, "goes on after its object"
	}
	return row, ""
}

// flat writes a value as a CSV file would. An empty list is known to be empty.
func flat(v any) (string, bool) {
	switch v := v.(type) {
	case nil:
		return "", true
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return fmt.Sprint(v), true
	case []any:
		var parts []string
		for _, e := range v {
			p, ok := e.(string)
			if !ok || strings.Contains(p, ";") {
				return "", false
			}
			parts = append(parts, p)
		}
		if len(parts) == 0 {
			return none, true
		}
		return strings.Join(parts, ";"), true
	}
	return "", false
}
