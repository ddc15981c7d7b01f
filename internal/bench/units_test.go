//go:build bench

package bench

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"panah/internal/demo"
	"panah/internal/dynamo"
	"panah/internal/dynamo/local"
	"panah/internal/matching"
	"panah/internal/table"
)

const (
	placements = 60
	readGoal   = 1.0
	writeGoal  = 8.0
	emptyQuery = 0.5 // is documented as the least; DynamoDB Local tells 0
)

// meter adds up what calls consumed, by operation.
type meter struct {
	mu          sync.Mutex
	read, write map[string]float64
}

func (m *meter) add(op string, read, write float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.read[op] += read
	m.write[op] += write
}

// take hands out what was added up.
func (m *meter) take() (read, write map[string]float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	read, write = m.read, m.write
	m.read, m.write = map[string]float64{}, map[string]float64{}
	return read, write
}

// BenchmarkUnits is what one placement consumes of DynamoDB, from a warm function
// that reads all it may have to: the log because a second has passed, and the
// membership because the team is new to it. The goal is set for beds in one unit;
// each further unit is an item more.
func BenchmarkUnits(b *testing.B) {
	b.Run("one unit", func(b *testing.B) { benchUnits(b, 1, girl) })
	b.Run("two units", func(b *testing.B) { benchUnits(b, 2, girl, boy) })
}

func benchUnits(b *testing.B, units int, party ...person) {
	server, err := local.Start(b.Context(), local.Options{})
	if errors.Is(err, local.ErrMissing) {
		title("Units of DynamoDB per placement: not measured, %v", err)
		b.Skip(err)
	}
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = server.Close() }()
	m := &meter{}
	m.take()
	o := server.Options("bench")
	o.Meter = m.add
	store, err := dynamo.Open(o)
	if err = errors.Join(err, local.CreateTable(b.Context(), o)); err != nil {
		b.Fatal(err)
	}
	at := time.Now().UTC() // the function's clock, moved on by hand
	now := func() time.Time { return at }
	d := demo.Build(seed, at)
	fill(b, store, d, now)
	parties := asks(d, rules(b), at, func(o matching.Option) bool { return len(o.Parts) == units }, party)
	known := knownWrite(b, store, m)

	rec := &recorder{Store: store}
	h := warm(b, rec, now)
	var member, poll, write, documented []float64
	largest, claims, taken := 0, 0, map[table.Key]int{}
	for i := range placements {
		if at = at.Add(2 * time.Second); i%demo.Teams == 0 {
			at = at.Add(2 * time.Minute) // memberships are forgotten
		}
		m.take()
		if err := hold(b.Context(), h, event(parties[i%len(parties)], team(i), newKey(i), at)); err != nil {
			b.Fatal(err)
		}
		r, w := m.take()
		batches := rec.take()
		if len(batches) != 1 || len(batches[0].Ops) != 1+units {
			b.Fatalf("%d writes, not one of a placement and %d units", len(batches), units)
		}
		want, size := documentedUnits(b, o, batches[0])
		largest = max(largest, size)
		for _, op := range batches[0].Ops[1:] {
			taken[op.Key()]++
			claims = max(claims, taken[op.Key()])
		}
		member, poll = append(member, r["get"]), append(poll, max(r["query"], emptyQuery))
		write, documented = append(write, w["transact"]*knownUnits/known), append(documented, want)
		if len(r) != 3 || len(w) != 3 { // each operation has an entry in both
			b.Fatalf("unexpected operations: %v %v", r, w)
		}
	}
	reads, told := mean(member)+mean(poll), mean(documented)
	title("Units of DynamoDB per placement with beds in %d units, warm function, %d placements", units, placements)
	line("read units", "%s   goal: <= %.0f, %s", spreadOf(sums(member, poll)).with("%.1f"), readGoal, met(reads <= readGoal))
	line("  membership", "%s   once a minute for each caller", spreadOf(member).with("%.1f"))
	line("  log poll", "%s   once a second for each process", spreadOf(poll).with("%.1f"))
	goal := "no goal: a second unit is a second item"
	if units == 1 {
		goal = fmt.Sprintf("goal: <= %.0f, %s", writeGoal, met(told <= writeGoal))
	}
	line("write units", "%s   %s", spreadOf(documented).with("%.1f"), goal)
	line("  the same, measured", "%s   DynamoDB Local tells %.0f of a known write of %.0f", spreadOf(write).with("%.1f"), known, knownUnits)
	line("  of items", "of %d bytes at most, units with up to %d claims", largest, claims)
	b.ReportMetric(reads, "RCU")
	metric(b, told, "WCU")
}

// knownWrite is a transaction of the shape of a placement, with items as small as
// can be: a put with an entry in every index and two takes. It returns what
// DynamoDB Local tells of it; what is documented is knownUnits.
func knownWrite(b *testing.B, store table.Store, m *meter) float64 {
	b.Helper()
	put := table.Item{Key: table.Key{PK: "KNOWN", SK: "K"}, Index: map[table.Index]table.Key{}}
	for _, ix := range table.Indexes {
		put.Index[ix] = table.Key{PK: "KNOWN", SK: "K"}
	}
	var units, known []table.Op
	known = append(known, table.PutOp(put, 0))
	for i := range 2 {
		k := table.Key{PK: "KNOWN", SK: fmt.Sprintf("U#%d", i)}
		units = append(units, table.PutOp(table.Item{Key: k, Guard: &table.Guard{Free: 1, Rev: 1}}, 0))
		known = append(known, table.TakeOp(table.Take{Key: k, ClaimID: "c", N: 1, Rev: 1}))
	}
	if err := store.Write(b.Context(), table.Batch{WriteID: "bench-known-1", Ops: units}); err != nil {
		b.Fatal(err)
	}
	m.take()
	if err := store.Write(b.Context(), table.Batch{WriteID: "bench-known-2", Ops: known}); err != nil {
		b.Fatal(err)
	}
	_, w := m.take()
	return w["transact"]
}

// knownUnits are documented for knownWrite: two for each of three items, one for
// each index entry. Entries follow a transaction by themselves, at the price of
// a standard write.
var knownUnits = float64(2*3 + len(table.Indexes))

// documentedUnits is what AWS's documentation says a batch costs: two units for
// each KB of each item in a transaction, and one for each index entry of a new item.
func documentedUnits(b *testing.B, o dynamo.Options, batch table.Batch) (units float64, largest int) {
	b.Helper()
	client := o.Client()
	for _, op := range batch.Ops {
		k := op.Key()
		out, err := client.GetItem(b.Context(), &dynamodb.GetItemInput{TableName: &o.Table, ConsistentRead: aws.Bool(true),
			Key: map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: k.PK}, "sk": &types.AttributeValueMemberS{Value: k.SK}}})
		if err != nil {
			b.Fatal(err)
		}
		size := bytesOf(&types.AttributeValueMemberM{Value: out.Item}) - 3 - len(out.Item)
		units += 2 * math.Ceil(float64(size)/1024)
		if op.Put != nil {
			units += float64(len(op.Put.Item.Index))
		}
		largest = max(largest, size)
	}
	return units, largest
}

// bytesOf is the size of a value as DynamoDB counts it: the developer guide, "Item
// sizes and formats".
func bytesOf(v types.AttributeValue) int {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return len(v.Value)
	case *types.AttributeValueMemberB:
		return len(v.Value)
	case *types.AttributeValueMemberN:
		return (len(strings.TrimLeft(v.Value, "-"))+1)/2 + 1
	case *types.AttributeValueMemberBOOL:
		return 1
	case *types.AttributeValueMemberM:
		n := 3
		for name, inner := range v.Value {
			n += len(name) + bytesOf(inner) + 1
		}
		return n
	}
	panic(fmt.Sprintf("bench: no item holds a %T", v))
}

func mean(values []float64) (sum float64) {
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

func sums(a, b []float64) []float64 {
	out := make([]float64, len(a))
	for i := range a {
		out[i] = a[i] + b[i]
	}
	return out
}
