// Package registry reads registers of shelters: CSV and JSON Lines, in Panah's
// own columns or, through a mapping, in anybody's. It promises that nothing is
// lost in silence: every row either becomes facts or is named with its line, the
// field and what is wrong, and a column nobody has accounted for is a problem,
// too. A problem never repeats what the file says. It does no input or output
// beyond the reader it is given.
package registry

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Mapping says how the columns of a file become Panah's fields.
type Mapping struct {
	ID       string          // of this mapping
	Register string          // whose numbers the keys are: part of a shelter's identity
	Note     string          // what the file is
	Source   string          // where it is from, and its licence
	Fields   map[string]Rule // by Panah's field
	Ignore   []string        // columns that say nothing we keep
	Optional bool            // mapped columns may be missing
}

// Rule is where one field comes from: a constant, or columns.
type Rule struct {
	Constant string
	Column   string
	Columns  []string
	Take     string            // of several columns: first (that is not blank), all (joined by |) or sum
	Codes    map[string]string // translates what is found; what is not listed is a problem
	Default  string            // where it is blank
	Required bool              // a row without it is refused
}

func (r Rule) columns() []string {
	if r.Column != "" {
		return []string{r.Column}
	}
	return r.Columns
}

// MaxMapping is the largest mapping file.
const MaxMapping = 64 << 10

// ParseMapping reads a mapping file and checks it. Its errors never repeat what
// the file says.
func ParseMapping(raw []byte) (Mapping, error) {
	var m Mapping
	if len(raw) > MaxMapping {
		return m, fmt.Errorf("the mapping has more than %d bytes", MaxMapping)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return m, errors.New("the mapping is not JSON of the form described, or has a member that is not known")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return m, errors.New("the mapping goes on after its end")
	}
	return m, m.check()
}

func (m Mapping) check() error {
	if !word(m.ID) || !word(m.Register) {
		return errors.New("a mapping needs an id and a register, of letters, digits, dots and dashes")
	}
	if _, ok := m.Fields["key"]; !ok {
		return errors.New("a mapping needs a rule for the field key")
	}
	for name, r := range m.Fields {
		at := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
		if at < 0 {
			return errors.New("a mapping has a rule for a field that does not exist")
		}
		if (r.Constant != "") == (len(r.columns()) > 0) || (r.Column != "" && len(r.Columns) > 0) {
			return fmt.Errorf("the rule for %s needs either a constant or columns", fields[at].name)
		}
		if !slices.Contains([]string{"", "first", "all", "sum"}, r.Take) {
			return fmt.Errorf("the rule for %s takes first, all or sum", fields[at].name)
		}
	}
	return nil
}

func word(s string) bool {
	return s != "" && len(s) <= 40 && strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz0123456789-.") == ""
}

// known lists every column the mapping accounts for.
func (m Mapping) known() map[string]bool {
	out := map[string]bool{}
	for _, r := range m.Fields {
		for _, c := range r.columns() {
			out[c] = true
		}
	}
	for _, c := range m.Ignore {
		out[c] = true
	}
	return out
}

// value finds a field in a row: present is false where the file says nothing.
func (r Rule) value(row map[string]string) (value, problem string) {
	value = r.Constant
	if value == "" {
		value, problem = r.found(row)
	}
	if problem == "" && r.Codes != nil && strings.Trim(value, "| ") != "" {
		translated, ok := r.Codes[value]
		if !ok {
			return "", "is not among the codes of the mapping"
		}
		value = translated
	}
	if value = strings.TrimSpace(value); value == "" || strings.Trim(value, "|") == "" {
		value = r.Default
	}
	if value == "" && problem == "" && r.Required {
		problem = "is blank, and the mapping requires it"
	}
	return value, problem
}

func (r Rule) found(row map[string]string) (value, problem string) {
	var parts []string
	sum, any := 0, false
	for _, c := range r.columns() {
		v := strings.TrimSpace(row[c])
		parts = append(parts, v)
		switch {
		case v == "":
		case r.Take == "sum":
			n, ok := whole(v)
			if !ok {
				return "", "is not a whole number"
			}
			sum, any = sum+n, true
		case r.Take != "all":
			return v, ""
		}
	}
	switch {
	case r.Take == "all":
		return strings.Join(parts, "|"), ""
	case any:
		return fmt.Sprint(sum), ""
	}
	return "", ""
}

//go:embed mappings/*.json
var mappings embed.FS

// Own is the mapping of files in Panah's own columns: each is named as its field.
func Own() Mapping {
	m := Mapping{ID: "panah", Register: "panah", Fields: map[string]Rule{}, Optional: true}
	for _, f := range fields {
		m.Fields[f.name] = Rule{Column: f.name}
	}
	return m
}

// Named is a mapping that comes with Panah.
func Named(id string) (Mapping, bool) {
	if id == "" || id == "panah" {
		return Own(), true
	}
	if !word(id) {
		return Mapping{}, false
	}
	raw, err := mappings.ReadFile("mappings/" + id + ".json")
	if err != nil {
		return Mapping{}, false
	}
	m, err := ParseMapping(raw)
	return m, err == nil
}

// Names lists the mappings that come with Panah.
func Names() []string {
	out := []string{"panah"}
	list, _ := mappings.ReadDir("mappings") // embedded: it is there
	for _, e := range list {
		out = append(out, strings.TrimSuffix(e.Name(), ".json"))
	}
	return out
}
