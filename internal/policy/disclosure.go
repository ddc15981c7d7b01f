package policy

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"sync"

	"panah/internal/disclosure"
)

//go:embed disclosure-2026.11.json
var disclosureNow []byte

// Disclosure is the policy for published figures in force, and its id.
var Disclosure = sync.OnceValue(func() Published {
	p, err := ParseDisclosure(disclosureNow)
	if err != nil {
		panic(err) // the file is part of the program; a test reads it
	}
	return p
})

// Published is a policy for published figures.
type Published struct {
	ID string
	disclosure.Policy
}

// ParseDisclosure reads a policy file for published figures. A threshold
// without a source, or one that protects nothing, is refused.
func ParseDisclosure(raw []byte) (Published, error) {
	var f struct {
		ID       string `json:"id"`
		K        int    `json:"k"`
		Width    int    `json:"width"`
		Shelters int    `json:"shelters"`
		Source   string `json:"source"`
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return Published{}, fmt.Errorf("policy: %w", err)
	}
	if f.ID == "" || f.Source == "" || f.K < 2 || f.Width < 1 || f.Shelters < 3 {
		return Published{}, fmt.Errorf("policy %s: id, source, k (at least 2), width and shelters (at least 3) are required", f.ID)
	}
	return Published{f.ID, disclosure.Policy{K: f.K, Width: f.Width, Sources: f.Shelters}}, nil
}
