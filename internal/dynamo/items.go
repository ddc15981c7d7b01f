package dynamo

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"panah/internal/table"
)

// The attributes of a stored item. They are short because every byte of every
// item pays for them, and always written as #name because some are reserved.
const (
	attrPK        = "pk"
	attrSK        = "sk"
	attrVersion   = "v"
	attrWriteID   = "w"
	attrBody      = "b"
	attrFree      = "f"
	attrRev       = "r"
	attrClaims    = "c"
	attrTombstone = "x"
	attrExpires   = "ttl"

	claimBeds  = "n"
	claimUntil = "u" // unix seconds, 0 for never
)

// indexAttrs are the names of an index's partition and sort key attributes.
func indexAttrs(ix table.Index) (pk, sk string) { return string(ix) + "Pk", string(ix) + "Sk" }

type attrs = map[string]types.AttributeValue

func str(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func num[T ~int | ~int64 | ~uint64](n T) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: fmt.Sprintf("%d", n)}
}

func keyAttrs(k table.Key) attrs { return attrs{attrPK: str(k.PK), attrSK: str(k.SK)} }

// encodeItem turns an item into attributes. An item with a guard always has its
// claims map, even empty: a nested SET needs the map to be there.
func encodeItem(it *table.Item) attrs {
	out := keyAttrs(it.Key)
	out[attrVersion] = num(it.Version)
	out[attrWriteID] = str(it.WriteID)
	out[attrBody] = &types.AttributeValueMemberB{Value: append([]byte{}, it.Body...)}
	if g := it.Guard; g != nil {
		claims := make(attrs, len(g.Claims))
		for id, c := range g.Claims {
			claims[id] = encodeClaim(c.N, c.Until)
		}
		out[attrFree], out[attrRev] = num(g.Free), num(g.Rev)
		out[attrClaims] = &types.AttributeValueMemberM{Value: claims}
	}
	if it.Tombstone {
		out[attrTombstone] = &types.AttributeValueMemberBOOL{Value: true}
	}
	if !it.Expires.IsZero() {
		out[attrExpires] = num(it.Expires.Unix())
	}
	for ix, k := range it.Index {
		pk, sk := indexAttrs(ix)
		out[pk], out[sk] = str(k.PK), str(k.SK)
	}
	return out
}

func encodeClaim(n int, until time.Time) types.AttributeValue {
	var at int64
	if !until.IsZero() {
		at = until.Unix()
	}
	return &types.AttributeValueMemberM{Value: attrs{claimBeds: num(n), claimUntil: num(at)}}
}

// decodeItem turns attributes into an item.
func decodeItem(in attrs) (*table.Item, error) {
	r := reader{in: in}
	it := &table.Item{
		Key:       table.Key{PK: r.str(attrPK), SK: r.str(attrSK)},
		Version:   r.uint(attrVersion),
		WriteID:   r.str(attrWriteID),
		Tombstone: r.bool(attrTombstone),
		Body:      r.bytes(attrBody),
		Index:     r.index(),
		Guard:     r.guard(),
	}
	if r.has(attrExpires) {
		it.Expires = time.Unix(r.int(attrExpires), 0).UTC()
	}
	if r.err == nil && (it.PK == "" || it.SK == "" || it.Version == 0) {
		r.err = fmt.Errorf("no key or no version")
	}
	if r.err != nil {
		return nil, fmt.Errorf("dynamo: item %s: %w", it.Key, r.err)
	}
	return it, nil
}

// decodeEntry turns the attributes an index carries into an item with keys only.
func decodeEntry(ix table.Index, in attrs) (*table.Item, error) {
	r := reader{in: in}
	pk, sk := indexAttrs(ix)
	it := &table.Item{
		Key:   table.Key{PK: r.str(attrPK), SK: r.str(attrSK)},
		Index: map[table.Index]table.Key{ix: {PK: r.str(pk), SK: r.str(sk)}},
	}
	if r.err != nil {
		return nil, fmt.Errorf("dynamo: entry of %s: %w", ix, r.err)
	}
	return it, nil
}

// reader reads attributes and keeps the first error.
type reader struct {
	in  attrs
	err error
}

func (r *reader) has(name string) bool { _, ok := r.in[name]; return ok }

func (r *reader) fail(name, want string) {
	if r.err == nil {
		r.err = fmt.Errorf("attribute %s is not %s", name, want)
	}
}

func (r *reader) str(name string) string {
	v, ok := r.in[name].(*types.AttributeValueMemberS)
	if !ok {
		r.fail(name, "a string")
		return ""
	}
	return v.Value
}

func (r *reader) digits(name string) string {
	v, ok := r.in[name].(*types.AttributeValueMemberN)
	if !ok {
		r.fail(name, "a number")
		return ""
	}
	return v.Value
}

func (r *reader) int(name string) int64 {
	n, err := strconv.ParseInt(r.digits(name), 10, 64)
	if err != nil {
		r.fail(name, "an integer")
	}
	return n
}

func (r *reader) uint(name string) uint64 {
	n, err := strconv.ParseUint(r.digits(name), 10, 64)
	if err != nil {
		r.fail(name, "a count")
	}
	return n
}

func (r *reader) bool(name string) bool {
	if !r.has(name) {
		return false
	}
	v, ok := r.in[name].(*types.AttributeValueMemberBOOL)
	if !ok {
		r.fail(name, "a truth value")
		return false
	}
	return v.Value
}

func (r *reader) bytes(name string) []byte {
	v, ok := r.in[name].(*types.AttributeValueMemberB)
	if !ok {
		r.fail(name, "bytes")
		return nil
	}
	return v.Value
}

func (r *reader) index() map[table.Index]table.Key {
	var out map[table.Index]table.Key
	for _, ix := range table.Indexes {
		pk, sk := indexAttrs(ix)
		if !r.has(pk) {
			continue
		}
		if out == nil {
			out = make(map[table.Index]table.Key, len(table.Indexes))
		}
		out[ix] = table.Key{PK: r.str(pk), SK: r.str(sk)}
	}
	return out
}

func (r *reader) guard() *table.Guard {
	if !r.has(attrFree) {
		return nil
	}
	m, ok := r.in[attrClaims].(*types.AttributeValueMemberM)
	if !ok {
		r.fail(attrClaims, "a map")
		return nil
	}
	g := &table.Guard{Free: int(r.int(attrFree)), Rev: r.uint(attrRev), Claims: make(map[string]table.Claim, len(m.Value))}
	for id, v := range m.Value {
		fields, ok := v.(*types.AttributeValueMemberM)
		if !ok {
			r.fail(attrClaims, "a map of claims")
			return nil
		}
		f := reader{in: fields.Value}
		claim := table.Claim{N: int(f.int(claimBeds))}
		if at := f.int(claimUntil); at != 0 {
			claim.Until = time.Unix(at, 0).UTC()
		}
		if f.err != nil {
			r.err = fmt.Errorf("claim %s: %w", id, f.err)
			return nil
		}
		g.Claims[id] = claim
	}
	return g
}

// check refuses, beyond what the contract does, what this engine would store as
// something else: text that is not UTF-8, and an index it does not have.
func check(b table.Batch) error {
	if err := b.Check(); err != nil {
		return err
	}
	texts := []string{b.WriteID}
	for _, op := range b.Ops {
		k := op.Key()
		texts = append(texts, k.PK, k.SK)
		if op.Take != nil {
			texts = append(texts, op.Take.ClaimID)
			continue
		}
		for ix, k := range op.Put.Item.Index {
			if !slices.Contains(table.Indexes, ix) {
				return &table.Refused{Reason: "no such index: " + string(ix)}
			}
			texts = append(texts, k.PK, k.SK)
		}
		if g := op.Put.Item.Guard; g != nil {
			texts = slices.AppendSeq(texts, maps.Keys(g.Claims))
		}
	}
	return checkText(texts...)
}

func checkText(texts ...string) error {
	for _, s := range texts {
		if !utf8.ValidString(s) {
			return &table.Refused{Reason: "a key part or id is not UTF-8"}
		}
	}
	return nil
}

func checkKey(k table.Key) error {
	if err := k.Check(); err != nil {
		return err
	}
	return checkText(k.PK, k.SK)
}
