package simulation

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"panah/internal/embedded"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/table"
)

// broken is an engine with a fault planted in its writes.
type broken struct {
	*embedded.Store
	write func(ctx context.Context, s *embedded.Store, b table.Batch) error
}

func (b broken) Write(ctx context.Context, batch table.Batch) error {
	return b.write(ctx, b.Store, batch)
}

// changing plants a fault into the items that are put; an item it answers nil for
// is not written at all. old is the item as it is stored.
func changing(change func(it table.Item, old *table.Item) *table.Item) func(ctx context.Context, s *embedded.Store, b table.Batch) error {
	return func(ctx context.Context, s *embedded.Store, b table.Batch) error {
		out := table.Batch{WriteID: b.WriteID}
		for _, op := range b.Ops {
			if op.Put == nil {
				out.Ops = append(out.Ops, op)
				continue
			}
			old, err := s.Get(ctx, op.Key(), table.Strong)
			if err != nil {
				return err
			}
			if it := change(*op.Put.Item.Clone(), old); it != nil {
				out.Ops = append(out.Ops, table.PutOp(*it, op.Put.IfVersion))
			}
		}
		if len(out.Ops) == 0 {
			return nil
		}
		return s.Write(ctx, out)
	}
}

// swallowed acknowledges writes of a partition and makes none of every third.
func swallowed(partition, sort string) func(ctx context.Context, s *embedded.Store, b table.Batch) error {
	n := 0
	return func(ctx context.Context, s *embedded.Store, b table.Batch) error {
		k := b.Ops[0].Key()
		if strings.HasPrefix(k.PK, partition) && strings.HasPrefix(k.SK, sort) {
			if n++; n%3 == 0 {
				return nil
			}
		}
		return s.Write(ctx, b)
	}
}

// overbooked takes beds that are not free.
func overbooked(ctx context.Context, s *embedded.Store, b table.Batch) error {
	err := s.Write(ctx, b)
	if _, stale := table.IsStale(err); !stale {
		return err
	}
	out := table.Batch{WriteID: b.WriteID}
	for _, op := range b.Ops {
		t := op.Take
		if t == nil {
			out.Ops = append(out.Ops, op)
			continue
		}
		it, gerr := s.Get(ctx, t.Key, table.Strong)
		if gerr != nil || it == nil || it.Guard == nil || it.Guard.Rev != t.Rev {
			return err
		}
		it.Guard = it.Guard.Clone()
		it.Guard.Free -= t.N
		it.Guard.Claims = maps.Clone(it.Guard.Claims)
		if it.Guard.Claims == nil {
			it.Guard.Claims = map[string]table.Claim{}
		}
		it.Guard.Claims[t.ClaimID] = table.Claim{N: t.N, Until: t.Until}
		out.Ops = append(out.Ops, table.PutOp(*it, it.Version))
	}
	if s.Write(ctx, out) != nil {
		return err
	}
	return nil
}

// A simulation that finds nothing proves something only if it finds what is there:
// each invariant meets an engine that breaks it.
func TestEachInvariantCatchesAFaultPlantedForIt(t *testing.T) {
	without := func(ix table.Index, of func(*table.Item) bool) func(it table.Item, old *table.Item) *table.Item {
		return func(it table.Item, _ *table.Item) *table.Item {
			if of(&it) {
				delete(it.Index, ix)
			}
			return &it
		}
	}
	isPlacement := func(it *table.Item) bool { return record.IsPlacement(it.Key) }
	for name, c := range map[string]struct {
		plant  func() func(ctx context.Context, s *embedded.Store, b table.Batch) error
		forget bool // the clock never looks for what the feed has lost
		says   []string
	}{
		"a hold is taken from fewer free beds than it needs": {plant: func() func(context.Context, *embedded.Store, table.Batch) error { return overbooked },
			says: []string{"too few beds were free"}},
		"beds that were given back stay claimed: two holds for one placement": {plant: func() func(context.Context, *embedded.Store, table.Batch) error {
			return changing(func(it table.Item, old *table.Item) *table.Item {
				if record.IsUnit(it.Key) && old != nil && it.Guard != nil && len(it.Guard.Claims) < len(old.Guard.Claims) {
					return nil
				}
				return &it
			})
		}, says: []string{"stands for nobody's hold"}},
		"a placement is held and its beds are not": {plant: func() func(context.Context, *embedded.Store, table.Batch) error {
			return func(ctx context.Context, s *embedded.Store, b table.Batch) error {
				b.Ops = slices.DeleteFunc(slices.Clone(b.Ops), func(op table.Op) bool { return op.Take != nil })
				return s.Write(ctx, b)
			}
		}, says: []string{"has no claim"}},
		"people who arrive are not counted": {plant: func() func(context.Context, *embedded.Store, table.Batch) error {
			return changing(func(it table.Item, old *table.Item) *table.Item {
				if !record.IsUnit(it.Key) || old == nil {
					return &it
				}
				was, err := record.ToUnit(old)
				u, err2 := record.ToUnit(&it)
				if err == nil && err2 == nil && u.Census == was.Census && u.Counts().Occupied() > was.Counts().Occupied() {
					for id := range was.Claims() {
						if _, still := u.Claim(id); !still {
							was = was.Release(id)
						}
					}
					it = record.FromUnit(was)
				}
				return &it
			})
		}, says: []string{"people,", "at version"}},
		"a command is acknowledged and not written": {plant: func() func(context.Context, *embedded.Store, table.Batch) error { return swallowed("P#", "P") },
			says: []string{"cannot be seen"}},
		"a placement forgets its commands": {plant: func() func(context.Context, *embedded.Store, table.Batch) error {
			return changing(func(it table.Item, _ *table.Item) *table.Item {
				if p, err := record.ToPlacement(&it); isPlacement(&it) && err == nil && len(p.Commands) > 1 {
					p.Commands = p.Commands[1:]
					v := it.Index
					it = record.FromPlacement(p)
					it.Index = v
				}
				return &it
			})
		}, says: []string{"forgot a command", "carried out twice"}},
		"nothing is ever due": {plant: func() func(context.Context, *embedded.Store, table.Batch) error {
			return changing(without(table.Due, isPlacement))
		},
			says: []string{"is still held", "was due"}},
		"who waits is not found": {plant: func() func(context.Context, *embedded.Store, table.Batch) error {
			return changing(without(table.Work, func(it *table.Item) bool {
				p, err := record.ToPlacement(it)
				return isPlacement(it) && err == nil && p.State == placement.Waitlisted
			}))
		}, says: []string{"waits though"}},
		"the directory's log loses entries":      {plant: func() func(context.Context, *embedded.Store, table.Batch) error { return swallowed("DIR#", "") }, says: []string{"at version", "directory", "waits though"}},
		"the audit chain loses entries":          {plant: func() func(context.Context, *embedded.Store, table.Batch) error { return swallowed("", "A#") }, says: []string{"audit chain"}},
		"the figures lose entries":               {plant: func() func(context.Context, *embedded.Store, table.Batch) error { return swallowed("ROLL#", "") }, says: []string{"the figures"}},
		"what the feed has lost is never missed": {forget: true, says: []string{"at version", "audit chain", "the figures"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const seeds = 40
			for seed := uint64(4); seed < 4*seeds; seed += 4 { // clocks agree: everything is held against everything
				o := options(seed)
				if c.plant != nil {
					plant := c.plant()
					o.Engine = func(s *embedded.Store) table.Store { return broken{s, plant} }
				}
				if o.Outage = c.forget; c.forget {
					o.Forget = true
				}
				r, err := Run(seed, o)
				if err != nil {
					t.Fatal(err)
				}
				if r.Failed == "" {
					continue
				}
				if !slices.ContainsFunc(c.says, func(s string) bool { return strings.Contains(r.Failed, s) }) {
					t.Errorf("seed %d notices something else: %s", seed, r.Failed)
				}
				t.Logf("seed %d: %s", seed, r.Failed)
				return
			}
			t.Errorf("%d seeds noticed nothing", seeds)
		})
	}
}
