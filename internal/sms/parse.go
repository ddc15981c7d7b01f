// Package sms is counting by text message, for staff who have any phone and no
// data: what they may write, and the short plain answers they get. One message
// changes one counter. Nothing about a person can be written or asked, and an
// answer never says more than the counts of the sender's own shelter.
//
//	BEDS unit n      n beds are empty now
//	PRESENT unit n   n people sleep here now
//	SAME             nothing has changed since the last count
//	UNDO             the last count by this phone was a mistake, up to 15 minutes ago
//	HELP             how to write
package sms

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Word is what a message asks for.
type Word uint8

// The words.
const (
	Beds Word = iota + 1
	Present
	Same
	Undo
	Help
)

var words = map[string]Word{"BEDS": Beds, "BED": Beds, "PRESENT": Present, "SAME": Same, "UNDO": Undo, "HELP": Help}

// Message is a message that was understood.
type Message struct {
	Word Word
	Unit string // as it was written; empty: not named
	N    int
}

// MaxText is more than any message needs, in bytes: three parts of a long one.
const MaxText = 480

// Parse reads a message: letters of either case, digits of any script of South
// Asia and its neighbors, unit and number in either order; of two numbers the first
// is the unit. A unit of one letter may
// be written together with its number (W3). Anything more or less than it takes is
// not understood: it is better to ask again than to guess a count.
func Parse(text string) (m Message, ok bool) {
	if len(text) > MaxText || !utf8.ValidString(text) {
		return m, false
	}
	parts := strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(",;:=.!?\"'", r) })
	if len(parts) == 0 {
		return m, false
	}
	m.Word = words[strings.ToUpper(parts[0])]
	rest := parts[1:]
	switch m.Word {
	case Same, Undo, Help:
		return m, len(rest) == 0
	case Beds, Present:
		return m.counted(apart(rest))
	}
	return m, false
}

// apart writes W3 as W 3.
func apart(rest []string) []string {
	if len(rest) != 1 {
		return rest
	}
	if first, size := utf8.DecodeRuneInString(rest[0]); unicode.IsLetter(first) && size < len(rest[0]) {
		if _, ok := number(rest[0][size:]); ok {
			return []string{rest[0][:size], rest[0][size:]}
		}
	}
	return rest
}

// counted reads unit and number. Of two numbers the first is the unit and the second
// the count, as in the example an answer gives; the other way round is never tried.
func (m Message) counted(rest []string) (_ Message, ok bool) {
	switch len(rest) {
	case 1:
		m.N, ok = number(rest[0])
		return m, ok
	case 2:
		unit, count := rest[0], rest[1]
		first, isNumber := plain(unit)
		if _, both := plain(count); isNumber && both {
			unit = first
		} else if isNumber {
			unit, count = count, unit
		}
		m.Unit = unit
		m.N, ok = number(count)
		return m, ok
	}
	return m, false
}

// number reads up to four decimal digits.
func number(s string) (n int, ok bool) {
	if s, ok = plain(s); !ok || len(s) > 4 {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil
}

// plain writes decimal digits of any script as Latin ones; ok is false for anything
// but digits.
func plain(s string) (digits string, ok bool) {
	var out strings.Builder
	for _, r := range s {
		d, ok := digit(r)
		if !ok {
			return "", false
		}
		out.WriteByte(byte('0' + d))
	}
	return out.String(), out.Len() > 0
}

// zeros are the digits nought of the scripts that are read; the nine others of a
// script follow each (Unicode 16, general category Nd).
var zeros = []rune{
	'0',    // Latin
	0x0660, // Arabic
	0x06F0, // Urdu, Persian, Sindhi
	0x0966, // Devanagari: Hindi, Nepali, Marathi
	0x09E6, // Bengali, Assamese
	0x0A66, // Gurmukhi
	0x0AE6, // Gujarati
	0x0B66, // Odia
	0x0BE6, // Tamil
	0x0C66, // Telugu
	0x0CE6, // Kannada
	0x0D66, // Malayalam
	0x0DE6, // Sinhala
	0x0E50, // Thai
	0x0ED0, // Lao
	0x0F20, // Tibetan, Dzongkha
	0x1040, // Burmese
	0x17E0, // Khmer
	0x1C50, // Ol Chiki: Santali
	0xABF0, // Meetei: Manipuri
	0xFF10, // full width
}

func digit(r rune) (int, bool) {
	for _, zero := range zeros {
		if r >= zero && r <= zero+9 {
			return int(r - zero), true
		}
	}
	return 0, false
}
