package directory

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"panah/internal/code"
	"panah/internal/matching"
	"panah/internal/place"
	"panah/internal/placement"
	"panah/internal/policy"
	"panah/internal/record"
	"panah/internal/shelter"
	"panah/internal/table"
	"panah/internal/table/tabletest"
)

// lagging answers eventually consistent reads from the past now and then: an
// item as it was before its last write, a query without some of the newest items.
type lagging struct {
	table.Store
	mu     sync.Mutex
	r      *rand.Rand
	before map[table.Key]*table.Item
	lag    bool
}

func (l *lagging) behind() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lag && l.r.IntN(3) == 0
}

func (l *lagging) Write(ctx context.Context, b table.Batch) error {
	for _, op := range b.Ops {
		old, err := l.Store.Get(ctx, op.Key(), table.Strong)
		if err == nil {
			l.mu.Lock()
			l.before[op.Key()] = old
			l.mu.Unlock()
		}
	}
	return l.Store.Write(ctx, b)
}

func (l *lagging) Get(ctx context.Context, k table.Key, c table.Consistency) (*table.Item, error) {
	if c == table.Relaxed && l.behind() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if old, ok := l.before[k]; ok {
			return old, nil
		}
	}
	return l.Store.Get(ctx, k, c)
}

func (l *lagging) Query(ctx context.Context, q table.Query) (table.Page, error) {
	page, err := l.Store.Query(ctx, q)
	if err == nil && q.Consistency == table.Relaxed && len(page.Items) > 0 && l.behind() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.r.IntN(2) == 0 { // the newest are not there yet
			page.Items, page.Next = page.Items[:l.r.IntN(len(page.Items))], ""
		} else { // one in the middle is not there yet
			i := l.r.IntN(len(page.Items))
			page.Items = slices.Delete(slices.Clone(page.Items), i, i+1)
		}
	}
	return page, err
}

// truth is the table of shelters and units, and the feed of its changes not yet
// published.
type truth struct {
	r        *rand.Rand
	shelters map[string]shelter.Shelter
	units    map[string]shelter.Unit
	feed     []table.Change
}

var simDistricts = []place.Code{"IN-LGD-315", "IN-LGD-316", "IN-LGD-320", "IN-LGD-304"}

// change makes one thing happen: a count, a claim, a suspension, a house rule, a
// move to another district, a new shelter. Clocks of who counts are askew.
func (w *truth) change() {
	id := fmt.Sprintf("S%03d", w.r.IntN(24))
	s, known := w.shelters[id]
	skew := time.Duration(w.r.IntN(600)-300) * time.Second
	switch n := w.r.IntN(20); {
	case !known:
		s = *must1(record.ToShelter(shelterItem(id, 1, simDistricts[w.r.IntN(len(simDistricts))])))
		s.Type = code.Institution(w.r.IntN(3))
		w.putShelter(s)
		for u := range 1 + w.r.IntN(5) {
			unit := *must1(record.ToUnit(unitItem(id, 1, 20, w.r.IntN(22))))
			unit.ID = fmt.Sprint("u", u)
			w.putUnit(unit)
		}
	case n == 0:
		s.Status = shelter.Status(w.r.IntN(2))
		s.Version++
		w.putShelter(s)
	case n == 1:
		s.District = simDistricts[w.r.IntN(len(simDistricts))]
		s.Version++
		w.putShelter(s)
	case n == 2:
		s.HouseRules = code.Set[code.HouseRule](w.r.IntN(4))
		s.Version++
		w.putShelter(s)
	default:
		u, ok := w.units[fmt.Sprint(id, "/u", w.r.IntN(5))]
		if !ok {
			return
		}
		counts, _ := shelter.NewCounts(20, 0, w.r.IntN(24), 0)
		claims := map[string]shelter.Claim{}
		for c := range w.r.IntN(3) {
			claims[fmt.Sprintf("p_%d.1", c)] = shelter.Claim{N: 1 + c, Until: start.Add(time.Duration(w.r.IntN(40)-5) * time.Minute)}
		}
		u.ConfirmedAt = start.Add(skew)
		u = shelter.Restore(u, counts, claims)
		u.Version++
		w.putUnit(u)
	}
}

// take takes a bed of a unit by way of one reader, who notes it before the feed tells.
func (w *truth) take(d *Directory) {
	u, ok := w.units[fmt.Sprintf("S%03d/u%d", w.r.IntN(24), w.r.IntN(5))]
	if !ok {
		return
	}
	claim := fmt.Sprintf("p_T%d.1", u.Version)
	d.Took(table.Take{Key: record.UnitKey(u.Shelter, u.ID), ClaimID: claim, N: 1, Until: start.Add(time.Hour)}, u.Version)
	u = u.WithClaim(claim, shelter.Claim{N: 1, Until: start.Add(time.Hour)})
	u.Version++
	w.putUnit(u)
}

func must1[T any](v T, err error) *T {
	if err != nil {
		panic(err)
	}
	return &v
}

func (w *truth) putShelter(s shelter.Shelter) {
	w.shelters[s.ID] = s
	it := record.FromShelter(s)
	it.Version = s.Version
	w.feed = append(w.feed, table.Change{New: &it})
}

func (w *truth) putUnit(u shelter.Unit) {
	w.units[u.Shelter+"/"+u.ID] = u
	it := record.FromUnit(u)
	it.Version = u.Version
	w.feed = append(w.feed, table.Change{New: &it})
}

// same holds a reader's world against the truth.
func (w *truth) same(got *matching.World) string {
	seen := 0
	for c := range got.All() {
		seen++
		want := w.shelters[c.ID]
		if c.Version != want.Version || c.District != want.District || c.Status != want.Status || c.HouseRules != want.HouseRules {
			return fmt.Sprintf("%s is %+v, stored is %+v", c.ID, c.Shelter, want)
		}
		for _, u := range c.Units {
			stored := w.units[c.ID+"/"+u.ID]
			if u.Version != stored.Version || u.Counts() != stored.Counts() || u.FreeAt(start) != stored.FreeAt(start) || !u.ConfirmedAt.Equal(stored.ConfirmedAt) {
				return fmt.Sprintf("%s/%s is %+v, stored is %+v", c.ID, u.ID, u, stored)
			}
		}
		if z := got.Zones[c.Zone]; !slices.Contains(z.Districts, c.District) {
			return c.ID + " is in a zone without its district"
		}
	}
	if seen != len(w.shelters) {
		return fmt.Sprintf("%d shelters of %d", seen, len(w.shelters))
	}
	return ""
}

// indexed holds the index against the shelves: what is ranked fast from the one
// must be what is found by looking at each of the others.
func indexed(w *matching.World, p matching.Policy, seed string) string {
	ask := matching.Ask{At: start.Add(time.Minute), Seed: seed, Request: placement.Request{Place: "IN-LGD-315", Urgency: code.UrgencyToday,
		Persons: []placement.Person{{Age: code.Age12To14, PlaceWith: code.Girls}}}}
	p.Histogram = 0
	fast, plain := matching.Rank(*w, ask, p, 100), matching.Explain(*w, ask, p)
	var a, b []string
	for _, o := range fast.Options {
		a = append(a, fmt.Sprint(o.Candidate.ID, o.Score))
	}
	for _, v := range plain {
		if v.Rank > 0 {
			b = append(b, fmt.Sprint(v.Option.Candidate.ID, v.Option.Score))
		}
	}
	if !slices.Equal(a, b) || fast.Considered != len(plain) {
		return fmt.Sprintf("ranked %s of %d, found %s of %d", strings.Join(a, " "), fast.Considered, strings.Join(b, " "), len(plain))
	}
	return ""
}

// Under lag, skewed clocks, writes that fail, land twice or late, a feed that is
// delivered again and in another order, compaction at any moment and readers who
// also learn from refusals, no change is ever lost: every reader comes to what
// the table says, and its index says the same as its shelves at every step.
func TestReadersConvergeToTheTable(t *testing.T) {
	rules, err := policy.Current()
	must(t, err)
	for seed := range uint64(10) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			ctx, r := context.Background(), rand.New(rand.NewPCG(seed, 11))
			slow := &lagging{Store: store(t), r: rand.New(rand.NewPCG(seed, 12)), before: map[table.Key]*table.Item{}, lag: true}
			faulty := tabletest.NewFaulty(slow, seed, tabletest.Faults{Busy: 0.05, UnknownBefore: 0.05, UnknownAfter: 0.05, LateSecond: 0.1})
			m := &maker{now: start}
			quiet := slog.New(slog.DiscardHandler)
			publishers := []*Publisher{publisher(faulty, m), publisher(faulty, m)}
			readers := []*Directory{New(faulty, 3, quiet), New(faulty, 3, quiet), New(faulty, 2, quiet)}
			w := &truth{r: r, shelters: map[string]shelter.Shelter{}, units: map[string]shelter.Unit{}}
			for step := range 300 {
				w.change()
				if r.IntN(4) == 0 && len(w.feed) > 0 {
					batch := slices.Clone(w.feed)
					r.Shuffle(len(batch), func(i, j int) { batch[i], batch[j] = batch[j], batch[i] })
					if err := publishers[r.IntN(2)].Apply(ctx, batch); err == nil && r.IntN(3) > 0 {
						w.feed = nil
					}
				}
				d := readers[step%len(readers)]
				switch r.IntN(12) {
				case 0:
					_ = publishers[r.IntN(2)].Compact(ctx) // may be refused; the next one will do
				case 1, 2:
					_ = d.Refresh(ctx, m.now)
				case 3:
					if len(w.feed) > 0 {
						d.Learn(w.feed[r.IntN(len(w.feed))].New)
					}
				case 4:
					w.take(d)
				}
				if now := d.world.Load(); now != nil && step%5 == 0 {
					if wrong := indexed(now, rules, fmt.Sprint("p_", step)); wrong != "" {
						t.Fatalf("step %d: %s", step, wrong)
					}
				}
			}
			faulty.Set(tabletest.Faults{})
			slow.lag = false
			must(t, publishers[0].Apply(ctx, w.feed)) // what was delivered before is not told again
			for i, d := range append(readers, New(faulty, 3, quiet)) {
				must(t, d.Refresh(ctx, m.now))
				now := d.world.Load()
				if wrong := w.same(now); wrong != "" {
					t.Errorf("reader %d: %s", i, wrong)
				}
				if wrong := indexed(now, rules, "p_END"); wrong != "" {
					t.Errorf("reader %d: %s", i, wrong)
				}
			}
		})
	}
}
