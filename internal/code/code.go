// Package code turns closed code lists into small numbers and bit sets and
// back. Lists are append-only: a code keeps its number for ever, because packed
// directory pages store the number.
package code

import (
	"math/bits"
	"strings"
)

// List is a closed list of at most 64 codes, numbered from 0.
type List[T ~uint8] struct {
	names []string
	index map[string]T
}

// NewList numbers names in order.
func NewList[T ~uint8](names ...string) List[T] {
	l := List[T]{names: names, index: make(map[string]T, len(names))}
	for i, n := range names {
		l.index[n] = T(i)
	}
	return l
}

// Parse returns the number of a code.
func (l List[T]) Parse(name string) (T, bool) { v, ok := l.index[name]; return v, ok }

// Name returns the code of a number, or "unknown".
func (l List[T]) Name(v T) string {
	if int(v) < len(l.names) {
		return l.names[v]
	}
	return "unknown"
}

// Names returns every code in order.
func (l List[T]) Names() []string { return append([]string(nil), l.names...) }

// Len is how many codes the list has.
func (l List[T]) Len() int { return len(l.names) }

// Valid reports whether v is on the list.
func (l List[T]) Valid(v T) bool { return int(v) < len(l.names) }

// ParseSet turns names into a set; at is the index of the first name that is
// not on the list, or -1.
func (l List[T]) ParseSet(names []string) (set Set[T], at int) {
	for i, n := range names {
		v, ok := l.index[n]
		if !ok {
			return 0, i
		}
		set = set.With(v)
	}
	return set, -1
}

// SetNames returns the codes of a set in list order.
func (l List[T]) SetNames(s Set[T]) []string {
	out := make([]string, 0, s.Len())
	for _, v := range s.Members() {
		out = append(out, l.Name(v))
	}
	return out
}

// String joins the codes, for messages about the list itself.
func (l List[T]) String() string { return strings.Join(l.names, ", ") }

// Set is a set of codes of one list. The zero value is empty.
type Set[T ~uint8] uint64

// Of makes a set.
func Of[T ~uint8](members ...T) Set[T] {
	var s Set[T]
	for _, m := range members {
		s = s.With(m)
	}
	return s
}

// With returns s and v.
func (s Set[T]) With(v T) Set[T] { return s | 1<<(v&63) }

// Has reports whether v is in s.
func (s Set[T]) Has(v T) bool { return s&(1<<(v&63)) != 0 }

// HasAll reports whether every member of o is in s.
func (s Set[T]) HasAll(o Set[T]) bool { return s&o == o }

// Union returns the members of either.
func (s Set[T]) Union(o Set[T]) Set[T] { return s | o }

// And returns the members of both.
func (s Set[T]) And(o Set[T]) Set[T] { return s & o }

// Minus returns the members of s that are not in o.
func (s Set[T]) Minus(o Set[T]) Set[T] { return s &^ o }

// Len is how many members s has.
func (s Set[T]) Len() int { return bits.OnesCount64(uint64(s)) }

// Members lists s in order.
func (s Set[T]) Members() []T {
	out := make([]T, 0, s.Len())
	for r := uint64(s); r != 0; r &= r - 1 {
		out = append(out, T(bits.TrailingZeros64(r)))
	}
	return out
}
