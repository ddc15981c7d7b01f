package registry

import (
	"cmp"
	"slices"
)

// Tally counts what became of shelters or of days.
type Tally struct{ Created, Updated, Unchanged, Refused int }

// Add adds another tally.
func (t *Tally) Add(o Tally) {
	t.Created += o.Created
	t.Updated += o.Updated
	t.Unchanged += o.Unchanged
	t.Refused += o.Refused
}

// Report is what an import did or, in a dry run, would do.
type Report struct {
	Replayed bool // the same was sent under the same key before
	DryRun   bool
	Finished bool // false: time ran out; the same file sent again goes on where this stopped
	Rows     int
	Refused  int // rows that could not be read
	Shelters Tally
	Days     Tally // daily counts of units
	Problems []Problem
}

// Sort puts the problems in order of lines.
func (r *Report) Sort() {
	slices.SortStableFunc(r.Problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Field, b.Field))
	})
}
