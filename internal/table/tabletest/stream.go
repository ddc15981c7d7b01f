package tabletest

import (
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"time"

	"panah/internal/table"
)

// Stream is a change feed on a bad day: per item in order and at least once,
// but delayed, repeated and in any order across items.
type Stream struct {
	random  *rand.Rand
	shards  []shard
	Repeats float64 // the chance that a change comes again later
	Now     func() time.Time
}

type shard struct {
	order   []table.Key // items in the order they were first seen: no map decides
	waiting []table.Key // of those, the ones with changes not consumed
	items   map[table.Key]*line
}

// line is one item's changes and how many have been consumed.
type line struct {
	changes []table.Change
	at      []time.Time // when each was made
	done    int
}

// NewStream makes a stream of so many shards; what an item's partition hashes to
// decides on its shard.
func NewStream(seed uint64, shards int) *Stream {
	s := &Stream{random: rand.New(rand.NewPCG(seed, 2)), Repeats: 0.1}
	for range shards {
		s.shards = append(s.shards, shard{items: map[table.Key]*line{}})
	}
	return s
}

func (s *Stream) shardOf(k table.Key) *shard {
	h := fnv.New32a()
	_, _ = h.Write([]byte(k.PK))
	return &s.shards[int(h.Sum32())%len(s.shards)]
}

func changed(c table.Change) table.Key {
	if c.New != nil {
		return c.New.Key
	}
	return c.Old.Key
}

// Add takes changes in the order they were committed.
func (s *Stream) Add(changes ...table.Change) {
	for _, c := range changes {
		k := changed(c)
		sh := s.shardOf(k)
		if sh.items[k] == nil {
			sh.items[k] = &line{}
			sh.order = append(sh.order, k)
		}
		l := sh.items[k]
		if l.done == len(l.changes) {
			sh.waiting = append(sh.waiting, k)
		}
		l.changes, l.at = append(l.changes, c), append(l.at, s.now())
	}
}

func (s *Stream) now() time.Time {
	if s.Now == nil {
		return time.Time{}
	}
	return s.Now()
}

// Cut drops what was made before an instant, whether anybody has consumed it or
// not: a stream keeps a change for a day. It answers how many were never consumed.
func (s *Stream) Cut(before time.Time) (lost int) {
	for i := range s.shards {
		sh := &s.shards[i]
		for _, k := range sh.order {
			l := sh.items[k]
			n := 0
			for n < len(l.at) && l.at[n].Before(before) {
				n++
			}
			lost += max(0, n-l.done)
			l.changes, l.at, l.done = l.changes[n:], l.at[n:], max(0, l.done-n)
		}
		sh.waiting = slices.DeleteFunc(sh.waiting, func(k table.Key) bool { l := sh.items[k]; return l.done == len(l.changes) })
	}
	return lost
}

// Pending is how many items of a shard have changes that have not been consumed.
func (s *Stream) Pending(n int) int { return len(s.shards[n].waiting) }

// Batch is what a shard delivers next: at most limit changes of items in any
// order, some of them not for the first time.
func (s *Stream) Batch(n, limit int) (batch []table.Change) {
	sh := &s.shards[n]
	if len(sh.order) > 0 && s.random.Float64() < s.Repeats {
		l := sh.items[sh.order[s.random.IntN(len(sh.order))]]
		batch = append(batch, l.changes[s.again(l):l.done]...)
	}
	repeated := len(batch)
	for _, i := range s.random.Perm(len(sh.waiting)) {
		l := sh.items[sh.waiting[i]]
		from := l.done
		if repeated == 0 {
			from = s.again(l)
		}
		for _, c := range l.changes[from:] {
			if len(batch) >= limit {
				return batch
			}
			if !slices.ContainsFunc(batch[:repeated], func(b table.Change) bool { return b.Seq == c.Seq }) {
				batch = append(batch, c)
			}
		}
	}
	return batch
}

// again is from where an item's changes are told: sometimes from earlier ones.
func (s *Stream) again(l *line) int {
	if l.done > 0 && s.random.Float64() < s.Repeats {
		return l.done - 1 - s.random.IntN(min(l.done, 3))
	}
	return l.done
}

// Consumed says that a batch was consumed up to n changes; the rest comes again.
func (s *Stream) Consumed(batch []table.Change, n int) {
	for _, c := range batch[:n] {
		k := changed(c)
		sh := s.shardOf(k)
		l := sh.items[k]
		at := slices.IndexFunc(l.changes[l.done:], func(have table.Change) bool { return have.Seq == c.Seq })
		if at < 0 {
			continue // told again
		}
		if l.done += at + 1; l.done == len(l.changes) {
			sh.waiting = slices.DeleteFunc(sh.waiting, func(w table.Key) bool { return w == k })
		}
	}
}
