package policy

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"time"
)

//go:embed retention-2026.11.json
var retention []byte

// Kept is how long what belongs to one placement is kept after it has closed.
type Kept struct {
	ID     string
	Detail time.Duration // needs, languages and wishes of the persons, and what figures were made from
}

// leastDetail is how many days after a closure the figures of its month are made
// at the latest, with a few to spare.
const leastDetail = 45

// ParseRetention reads a policy file on how long things are kept. One without a
// source, or so short that figures would change, is refused.
func ParseRetention(raw []byte) (Kept, error) {
	var f struct {
		ID     string `json:"id"`
		Days   int    `json:"detailDays"`
		Source string `json:"source"`
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return Kept{}, fmt.Errorf("policy: %w", err)
	}
	if f.ID == "" || f.Source == "" || f.Days < leastDetail {
		return Kept{}, fmt.Errorf("policy %s: id, source and detailDays (at least %d) are required", f.ID, leastDetail)
	}
	return Kept{f.ID, time.Duration(f.Days) * 24 * time.Hour}, nil
}

// Retention is the policy on how long things are kept.
func Retention() Kept {
	k, err := ParseRetention(retention)
	if err != nil {
		panic(err) // the file is part of the program and a test reads it
	}
	return k
}
