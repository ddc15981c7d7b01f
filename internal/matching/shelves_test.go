package matching_test

import (
	"iter"
	"slices"
	"strings"

	"panah/internal/matching"
)

// shelves are candidates by id, under their place in the list.
type shelves []matching.Candidate

func (s shelves) Open(slot uint32) *matching.Candidate { c := s[slot]; return &c }

func (s shelves) ID(slot uint32) string { return s[slot].ID }

func (s shelves) Find(id string) (uint32, bool) {
	i, ok := slices.BinarySearchFunc(s, id, func(c matching.Candidate, id string) int { return strings.Compare(c.ID, id) })
	return uint32(i), ok
}

func (s shelves) Slots() iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		for i := range s {
			if !yield(uint32(i)) {
				return
			}
		}
	}
}
