package matching

import (
	"slices"

	"panah/internal/placement"
	"panah/internal/shelter"
)

// room is the beds of one unit as one party sees them. Only units with fresh
// counts, a bed free and somebody they suit become rooms.
type room struct {
	unit int    // index into the shelter's units
	who  uint32 // the persons it suits, as bits
	free int    // how many persons it can take
	site uint8

	places shelter.Places // left
}

// bedding works out who sleeps where. Its memory is used again from one shelter
// to the next, so that it allocates nothing.
type bedding struct {
	rooms []room // of the shelter, in order of its units
	used  []room // of them, those somebody sleeps in
	site  bool   // used are all in one building

	some []room
	in   [][]int // persons by room of some
	seen []bool
	done []uint8 // sites tried

	settled uint32 // persons who are not moved on any more
	tries   int    // left of settling them
}

// assign puts every one of n persons into a room that suits them: all in one if
// one can take them, else in one building, else anywhere in the shelter. It
// reports whether everybody found a bed.
func (b *bedding) assign(n int) bool {
	everybody := uint32(1)<<n - 1
	b.site, b.used, b.in = true, b.used[:0], b.in[:0]
	for _, r := range b.rooms {
		if r.free >= n && r.who == everybody {
			b.used = append(b.used, r)
			return true
		}
	}
	if n == 1 {
		return false
	}
	return b.bySite(func() bool { return b.share(n, wants{}) })
}

// bySite shares a party among the rooms of one building, else among all.
func (b *bedding) bySite(share func() bool) bool {
	if len(b.rooms) == 0 {
		return false
	}
	b.done = b.done[:0]
	for _, r := range b.rooms {
		if slices.Contains(b.done, r.site) {
			continue
		}
		b.done, b.some = append(b.done, r.site), b.some[:0]
		for _, o := range b.rooms {
			if o.site == r.site {
				b.some = append(b.some, o)
			}
		}
		if share() {
			return true
		}
	}
	b.site, b.some = false, append(b.some[:0], b.rooms...)
	return share()
}

// share finds a room of some for each person by augmenting paths, so that it
// finds an assignment whenever there is one. Those who need more than a bed are
// settled first.
func (b *bedding) share(n int, w wants) bool {
	total := 0
	for _, r := range b.some {
		total += r.free
	}
	if total < n {
		return false
	}
	b.in = slices.Grow(b.in[:0], len(b.some))[:len(b.some)]
	b.seen = slices.Grow(b.seen[:0], len(b.some))[:len(b.some)]
	for i := range b.in {
		b.in[i] = b.in[i][:0]
	}
	if b.settled = 0; !b.settle(0, n, w) {
		return false
	}
	b.used = b.used[:0]
	for i, who := range b.in {
		if len(who) > 0 {
			b.used = append(b.used, b.some[i])
		}
	}
	return true
}

// place finds person p a bed, moving others on where that makes room.
func (b *bedding) place(p int) bool {
	for i := range b.some {
		if b.seen[i] || b.some[i].who&(1<<p) == 0 {
			continue
		}
		b.seen[i] = true
		if len(b.in[i]) < b.some[i].free {
			b.in[i] = append(b.in[i], p)
			return true
		}
		for j, other := range b.in[i] {
			if b.settled&(1<<other) == 0 && b.place(other) {
				b.in[i][j] = p
				return true
			}
		}
	}
	return false
}

// parts are who sleeps where after an assignment that succeeded. Units come in
// their order.
func (b *bedding) parts(units []shelter.Unit, everybody []int) []placement.Part {
	if len(b.in) == 0 {
		return []placement.Part{part(&units[b.used[0].unit], everybody)}
	}
	parts := make([]placement.Part, 0, len(b.used))
	for i, who := range b.in {
		if len(who) > 0 {
			parts = append(parts, part(&units[b.some[i].unit], slices.Sorted(slices.Values(who))))
		}
	}
	return parts
}

// part is the beds of a unit for some of a party: whole rooms, where a party has
// rooms to itself.
func part(u *shelter.Unit, who []int) placement.Part {
	p := placement.Part{Unit: u.ID, Persons: who}
	if beds := u.BedsFor(len(who)); u.RoomBeds > 1 {
		p.Beds = beds
	}
	return p
}
