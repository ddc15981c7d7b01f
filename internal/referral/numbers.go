package referral

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"panah/internal/caller"
	"panah/internal/fault"
	"panah/internal/record"
	"panah/internal/table"
)

// MaxNumbers is how many phone numbers of a shelter may count its beds.
const MaxNumbers = 5

// international is a phone number as E.164 writes it: plus and eight to fifteen
// digits. What merely sets digits apart is left out.
func international(number string) (string, bool) {
	number = strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -().\u00a0", r) {
			return -1
		}
		return r
	}, number)
	if rest, ok := strings.CutPrefix(number, "00"); ok {
		number = "+" + rest
	}
	digits, ok := strings.CutPrefix(number, "+")
	return number, ok && len(digits) >= 8 && len(digits) <= 15 && digits[0] != '0' && strings.Trim(digits, "0123456789") == ""
}

// keyed is a keyed hash: without the secret nobody finds out which number, or what
// text, it is of, though there are few enough of either to try.
func (s *Service) keyed(kind, text string) []byte {
	h := hmac.New(sha256.New, s.NumberSecret)
	_, _ = h.Write([]byte(kind + "\x00" + text)) // never fails
	return h.Sum(nil)
}

func (s *Service) numberHash(number string) string {
	return hex.EncodeToString(s.keyed("number", number)[:16])
}

// SetNumbers says which phone numbers count a shelter's beds by text message, over
// the version the sender saw: all of them, at once. What is kept of a number is a
// keyed hash, and nobody reads it back. The same again over the same version is the
// same success. From then on they count as the sender does, and stop with the
// sender's membership.
func (s *Service) SetNumbers(ctx context.Context, c caller.Caller, shelterID string, numbers []string, ifMatch uint64) (record.Numbers, error) {
	if err := c.Allow(caller.KeepNumbers, caller.Resource{Shelter: shelterID}); err != nil {
		return record.Numbers{}, err
	}
	hashes, err := s.hashes(numbers)
	if err != nil {
		return record.Numbers{}, err
	}
	for range attempts {
		have, err := s.numbers(ctx, shelterID)
		if err != nil {
			return have, err
		}
		if have.By == c.Subject && slices.Equal(have.Hashes, hashes) && have.Version == ifMatch+1 {
			return have, nil // sent again: the answer was lost
		}
		if have.Version != ifMatch {
			f := fault.New(fault.Precondition, "the numbers were changed since you saw their version")
			f.Current, f.Sent = Seen{have.Version}, Seen{ifMatch}
			return have, f
		}
		next := record.Numbers{Hashes: hashes, By: c.Subject}
		ops := []table.Op{table.PutOp(record.FromNumbers(shelterID, next), have.Version)}
		for i, hash := range union(hashes, have.Hashes) {
			op, err := s.link(ctx, c, shelterID, hash, i, i < len(hashes))
			if err != nil {
				return have, err
			}
			ops = append(ops, op...)
		}
		if err = s.Store.Write(ctx, table.Batch{WriteID: s.NewID(), Ops: ops}); err == nil {
			next.Version = have.Version + 1
			return next, nil
		}
		if _, lost := table.IsStale(err); !lost && !errors.Is(err, table.ErrUnknown) {
			return have, refusal(err)
		}
	}
	return record.Numbers{}, errBusyShelter()
}

func (s *Service) hashes(numbers []string) (out []string, err error) {
	if len(numbers) > MaxNumbers {
		return nil, fault.Field("numbers", "must be at most %d", MaxNumbers)
	}
	for i, raw := range numbers {
		number, ok := international(raw)
		if !ok {
			return nil, fault.Field(fmt.Sprintf("numbers[%d]", i), "is not a phone number with its country, such as +1 202 555 0143")
		}
		hash := s.numberHash(number)
		if slices.Contains(out, hash) {
			return nil, fault.Field(fmt.Sprintf("numbers[%d]", i), "is there twice")
		}
		out = append(out, hash)
	}
	return out, nil
}

func union(first, more []string) []string {
	out := slices.Clone(first)
	for _, v := range more {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// numbers is a shelter's list; one that wrote none has version 0.
func (s *Service) numbers(ctx context.Context, shelterID string) (record.Numbers, error) {
	it, err := s.Store.Get(ctx, record.NumbersKey(shelterID), table.Strong)
	if err != nil || it == nil {
		return record.Numbers{}, refusal(err)
	}
	return record.ToNumbers(it)
}

// link makes a number count for a shelter, or for nobody any more. A number is one
// shelter's; nothing is said of whose it is otherwise.
func (s *Service) link(ctx context.Context, c caller.Caller, shelterID, hash string, i int, wanted bool) ([]table.Op, error) {
	n, err := s.number(ctx, hash)
	if err != nil {
		return nil, err
	}
	switch {
	case wanted && n.Shelter != "" && n.Shelter != shelterID:
		return nil, fault.Field(fmt.Sprintf("numbers[%d]", i), "cannot be used here")
	case !wanted && n.Shelter != shelterID, wanted && n.Shelter == shelterID && n.Subject == c.Subject:
		return nil, nil
	case wanted:
		n.Shelter, n.Subject = shelterID, c.Subject
	default:
		n = record.Number{Hash: hash, Version: n.Version}
	}
	return []table.Op{table.PutOp(record.FromNumber(n), n.Version)}, nil
}

// number is what a number does; one that was never registered has version 0.
func (s *Service) number(ctx context.Context, hash string) (record.Number, error) {
	it, err := s.Store.Get(ctx, record.NumberKey(hash), table.Strong)
	if err != nil || it == nil {
		return record.Number{Hash: hash}, refusal(err)
	}
	return record.ToNumber(it)
}
