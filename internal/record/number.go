package record

import (
	"strings"
	"time"

	"panah/internal/placement"
	"panah/internal/table"
)

// Number is what a shelter's phone number does: a keyed hash of it stands for it
// everywhere, and the number itself nowhere.
type Number struct {
	Hash    string
	Shelter string    // empty: it does nothing any more
	Subject string    // the staff member who registered it, as whom it counts
	Unit    string    // of the last count by this number
	Mark    uint64    // of that count
	At      time.Time // when that message was received
	Heard   []Heard   // the latest messages
	Version uint64    // of the stored item
}

// Heard is a message that was answered: hashes, and the answer.
type Heard struct {
	placement.Command
	Reply   string
	Changed bool
}

type numberForm struct {
	Shelter string      `json:"s"`
	Subject string      `json:"m"`
	Unit    string      `json:"u,omitempty"`
	Mark    uint64      `json:"x,omitempty"`
	At      int64       `json:"t,omitempty"`
	Heard   []heardForm `json:"h,omitempty"`
}

type heardForm struct {
	Key     uint64 `json:"k"`
	Payload uint64 `json:"p"`
	Reply   string `json:"r"`
	Changed bool   `json:"c,omitempty"`
}

// NumberKey is where a number lies, by its keyed hash in hexadecimal.
func NumberKey(hash string) table.Key { return table.Key{PK: "NUM#" + hash, SK: "N"} }

// FromNumber makes the item of a number; of one that does nothing any more, a tombstone.
func FromNumber(n Number) table.Item {
	if n.Shelter == "" {
		return table.Item{Key: NumberKey(n.Hash), Tombstone: true}
	}
	f := numberForm{Shelter: n.Shelter, Subject: n.Subject, Unit: n.Unit, Mark: n.Mark, At: seconds(n.At)}
	for _, h := range n.Heard {
		f.Heard = append(f.Heard, heardForm{h.Key, h.Payload, h.Reply, h.Changed})
	}
	return table.Item{Key: NumberKey(n.Hash), Body: marshal(f)}
}

// ToNumber reads a number back.
func ToNumber(it *table.Item) (Number, error) {
	n := Number{Hash: strings.TrimPrefix(it.PK, "NUM#"), Version: it.Version}
	if it.Tombstone {
		return n, nil
	}
	var f numberForm
	if err := unmarshal(it, &f); err != nil {
		return n, err
	}
	n.Shelter, n.Subject, n.Unit, n.Mark, n.At = f.Shelter, f.Subject, f.Unit, f.Mark, instant(f.At)
	for _, h := range f.Heard {
		n.Heard = append(n.Heard, Heard{placement.Command{Key: h.Key, Payload: h.Payload}, h.Reply, h.Changed})
	}
	return n, nil
}

// Numbers are a shelter's numbers, as keyed hashes.
type Numbers struct {
	Hashes  []string
	By      string // the subject who wrote them
	Version uint64 // of the stored item; 0: none is written yet
}

type numbersForm struct {
	Hashes []string `json:"n"`
	By     string   `json:"by,omitempty"`
}

// NumbersKey is where the list of a shelter's numbers lies.
func NumbersKey(shelterID string) table.Key { return table.Key{PK: "NUM#S#" + shelterID, SK: "L"} }

// IsNumbers reports whether the item is a shelter's list of numbers.
func IsNumbers(k table.Key) bool { return strings.HasPrefix(k.PK, "NUM#S#") && k.SK == "L" }

// FromNumbers makes the item of a shelter's list of numbers.
func FromNumbers(shelterID string, n Numbers) table.Item {
	return table.Item{Key: NumbersKey(shelterID), Body: marshal(numbersForm{n.Hashes, n.By})}
}

// ToNumbers reads a list of numbers back.
func ToNumbers(it *table.Item) (Numbers, error) {
	var f numbersForm
	err := unmarshal(it, &f)
	return Numbers{f.Hashes, f.By, it.Version}, err
}
