package language

import (
	_ "embed"
	"strings"
	"sync"
)

// Match says how well a language serves a person. Bigger is better.
type Match uint8

// The matches. Serves never returns Interpreter: whether there is one is not a
// property of two languages.
const (
	None          Match = iota // no language in common
	Interpreter                // through an interpreter, by phone or in the room
	Intelligible               // another language, understood in everyday talk
	Macrolanguage              // two names for one language, or a part of the other, in ISO 639-3
	Exact                      // the same language
)

// String returns none, interpreter, intelligible, macrolanguage, exact or unknown.
func (m Match) String() string {
	switch m {
	case None:
		return "none"
	case Interpreter:
		return "interpreter"
	case Intelligible:
		return "intelligible"
	case Macrolanguage:
		return "macrolanguage"
	case Exact:
		return "exact"
	}
	return "unknown"
}

// Serves says how well staff who speak one language serve a person who speaks
// another. It is not symmetric: a Bhojpuri speaker follows Hindi more often than
// staff who speak Hindi follow Bhojpuri. A language serves itself, whatever the
// script or country; else only what the table lists counts.
func Serves(staff, person Tag) Match {
	s, p := staff.Base(), person.Base()
	if s == "" || p == "" {
		return None
	}
	if s == p {
		return Exact
	}
	return serves()[pair{s, p}]
}

// pair is what staff speak, then what the person speaks.
type pair struct{ staff, person string }

//go:embed data/serves.csv
var servesCSV string

var serves = sync.OnceValue(func() map[pair]Match {
	table := make(map[pair]Match, 128)
	eachRow(servesCSV, func(f [5]string) {
		m := matchOf(f[2])
		table[pair{f[0], f[1]}] = m
		if f[4] == "both" {
			table[pair{f[1], f[0]}] = m
		}
	})
	return table
})

func matchOf(name string) Match {
	switch name {
	case "macrolanguage":
		return Macrolanguage
	case "intelligible":
		return Intelligible
	}
	return None
}

// eachRow calls do with the fields of every line after the header; no field has
// a comma or a quote in it.
func eachRow(table string, do func(fields [5]string)) {
	_, rest, _ := strings.Cut(table, "\n")
	for rest != "" {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		var f [5]string
		for i := range f {
			f[i], line, _ = strings.Cut(line, ",")
		}
		do(f)
	}
}
