package placement

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"strconv"
	"strings"
	"unicode"
)

// StayCode is a survivor's own code, as it is compared: 15 symbols of Crockford's
// base 32 (75 bits) and one that checks them, without spaces. Whoever says it
// speaks for the survivor of one placement.
type StayCode string

const (
	staySymbols = 16 // the last one checks the others
	stayGroup   = 4  // symbols read out at a time
	// stayAlphabet has no I, L, O and U: what is misheard or misread is told apart.
	stayAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
)

// MakeStayCode makes the no-th code of a placement from a secret: the same again
// whenever it is asked for, so that an answer that was lost can be given again
// though only a hash is stored. Who does not know the secret learns nothing of one
// code from another.
func MakeStayCode(secret []byte, id string, no int) StayCode {
	mac := hmac.New(sha256.New, secret)
	_, _ = mac.Write([]byte("stay code\x00" + id + "\x00" + strconv.Itoa(no))) // never fails
	code := make([]byte, staySymbols-1, staySymbols)
	for i, b := range mac.Sum(nil)[:staySymbols-1] {
		code[i] = stayAlphabet[b&31]
	}
	return StayCode(append(code, stayAlphabet[double(residue(string(code)))]))
}

// HearStayCode is what somebody said of a code; what is no code is kept as it is: it
// answers to nothing.
func HearStayCode(said string) StayCode { return StayCode(heard(said)) }

// heard is a code as it is compared: in any case, with or without spaces and dashes of
// any kind; I and L are heard as 1 and O as 0.
func heard(said string) string {
	return strings.Map(func(r rune) rune {
		switch r = unicode.ToUpper(r); {
		case unicode.IsSpace(r) || unicode.In(r, unicode.Pd, unicode.Cf) || r == '\u2212': // the minus of a phone's keyboard
			return -1
		case r == 'I' || r == 'L':
			return '1'
		case r == 'O':
			return '0'
		}
		return r
	}, said)
}

// Whole reports whether the symbols are a code's: one that was mistaken, and two
// neighbors that were exchanged, are noticed.
func (c StayCode) Whole() bool {
	return len(c) == staySymbols && strings.Trim(string(c), stayAlphabet) == "" && residue(string(c)) == 0
}

// String is the code in groups, as it is written down and read out.
func (c StayCode) String() string {
	var out strings.Builder
	for i, r := range string(c) {
		if i > 0 && i%stayGroup == 0 {
			out.WriteByte('-')
		}
		out.WriteRune(r)
	}
	return out.String()
}

// Hash is all that is stored of a code. A plain hash is enough: of 75 random bits
// there is nothing to try out, unlike of a word somebody chose.
func (c StayCode) Hash() string {
	sum := sha256.Sum256([]byte("stay code\x00" + string(c)))
	return hex.EncodeToString(sum[:])
}

// sameHash compares in a time that does not depend on where two hashes differ.
func sameHash(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// residue is the remainder of the symbols read as a polynomial over the field of
// 32 elements, by Horner's rule. Its root has order 31, longer than any code:
// every symbol counts with a weight of its own.
func residue(symbols string) (sum byte) {
	for i := range len(symbols) {
		sum = double(sum) ^ byte(strings.IndexByte(stayAlphabet, symbols[i]))
	}
	return sum
}

// double multiplies by the root of x⁵+x²+1.
func double(v byte) byte {
	v <<= 1
	if v&32 != 0 {
		v ^= 0b100101
	}
	return v
}
