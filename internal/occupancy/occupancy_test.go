package occupancy

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"panah/internal/code"
	"panah/internal/demo"
	"panah/internal/disclosure"
	"panah/internal/matching"
	"panah/internal/place"
	"panah/internal/shelter"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

var small = disclosure.Policy{K: 11, Width: 10, Sources: 3}

// nation is the synthetic national directory, with stays of every person in it.
func nation(seed uint64) Source {
	dice := rand.New(rand.NewPCG(seed, 1))
	s := Source{At: noon, Unconfirmed: 24 * time.Hour, Stays: map[string][]Stay{}}
	var all []matching.Candidate
	for _, home := range demo.Build(seed, noon).Shelters {
		all = append(all, matching.Candidate{Shelter: home.Shelter, Units: home.Units})
		for _, u := range home.Units {
			for range u.Counts().Occupied() {
				s.Stays[StayKey(u.Shelter, u.ID)] = append(s.Stays[StayKey(u.Shelter, u.ID)],
					Stay{Since: noon.Add(-time.Duration(dice.IntN(400*24)) * time.Hour), Overdue: dice.IntN(9) == 0})
			}
		}
	}
	s.World = matching.WorldOf(all, 3)
	return s
}

func TestThePartsAddUpToTheWholeAtEveryLevel(t *testing.T) {
	dice := rand.New(rand.NewPCG(3, 3))
	for range 20 { // scopes and instants
		source := nation(1 + dice.Uint64N(3))
		source.At = noon.Add(time.Duration(dice.IntN(72)) * time.Hour)
		rows := Add(source, "IN", place.District).Rows()
		r := rows[dice.IntN(len(rows))]
		p, _ := place.Lookup(r.Place)
		var figures [Figures]int
		shelters, parts := 0, 0
		for _, c := range rows {
			q, _ := place.Lookup(c.Place)
			child := q.Level == p.Level+1 && place.Within(c.Place, r.Place)
			if p.Level == place.District { // a district's parts are its types
				child = c.Place == r.Place && (r.Type != Any || c.Type != Any)
			}
			if !child || (c.Type != r.Type && p.Level != place.District) || c.Population != r.Population || (p.Level == place.District && r.Type != Any && c.Type != r.Type) {
				continue
			}
			parts++
			shelters += c.Shelters
			for f := range figures {
				figures[f] += c.Figures[f]
			}
		}
		if parts == 0 || figures != r.Figures || shelters != r.Shelters {
			t.Errorf("%s, type %d, population %d: %v, its %d parts %v", r.Place, r.Type, r.Population, r.Figures, parts, figures)
		}
	}
}

func TestAnHourCountsStatesAsADayDoes(t *testing.T) {
	source := nation(2)
	byState, byDistrict := Add(source, "IN", place.State).Rows(), Add(source, "IN", place.District).Rows()
	byDistrict = slices.DeleteFunc(byDistrict, func(r Row) bool { return strings.Contains(string(r.Place), "LGD") })
	if !slices.Equal(byState, byDistrict) || len(byState) == 0 {
		t.Errorf("%d and %d rows differ", len(byState), len(byDistrict))
	}
}

// proved checks that every witness is another possible nation that shows the
// same, and that each small figure and each row about few shelters has one.
func proved(t *testing.T, c Count, mask disclosure.Mask, proofs []disclosure.Witness) {
	t.Helper()
	sure := map[[2]int]bool{}
	for _, w := range proofs {
		deltas, cells := map[[2]int]int{}, map[int][]int{}
		for _, s := range w.Steps {
			if cells[s.Cell] == nil {
				cells[s.Cell] = slices.Clone(c.table.Cells[s.Cell].Values)
			}
			cells[s.Cell][s.Measure] += s.By
			for _, n := range c.table.Cells[s.Cell].Nodes {
				deltas[[2]int{int(n), s.Measure}] += s.By
			}
		}
		for i, v := range cells {
			was := c.table.Cells[i].Values
			slack := func(v []int) int {
				return v[Staffed] - v[OutOfService] - v[Occupied] - v[Held] - v[Free] + v[OverCapacity]
			}
			if slices.Min(v) < 0 || slack(v) != slack(was) || v[Occupied] != v[Overdue]+v[onTime] || v[Rooms]-v[RoomsOccupied]-v[roomsEmpty] != was[Rooms]-was[RoomsOccupied]-was[roomsEmpty] ||
				(c.table.Scheme.Within[RoomUse] == Beds && v[RoomPersons] != v[RoomsOccupied]+v[roomShared]) {
				t.Fatalf("not a possible cell: %v instead of %v", v, was)
			}
		}
		for at, by := range deltas {
			if by != 0 && !mask.Hides(at[0], groupOf[at[1]]) {
				t.Fatalf("a witness changes a figure that is shown: %+v figure %d", c.rows[at[0]], at[1])
			}
			if max(by, -by) >= small.Width {
				sure[at] = true
			}
		}
	}
	for n, r := range c.rows {
		for m, person := range scheme.Person {
			if !person || m >= Figures || r.Figures[m] == 0 {
				continue
			}
			few := r.Shelters < small.Sources
			if (r.Figures[m] < small.K || few) && (!sure[[2]int{n, m}] || !mask.Hides(n, groupOf[m])) {
				t.Fatalf("%+v: figure %d is not protected", r, m)
			}
		}
		if r.Shelters < small.Sources && !mask.Hides(n, Beds) {
			t.Fatalf("%+v is shown", r)
		}
	}
}

func shelves(w matching.World) (out []matching.Candidate) {
	for c := range w.All() {
		out = append(out, *c)
	}
	return out
}

func TestANationIsProtectedAndStaysUseful(t *testing.T) {
	for _, base := range []place.Level{place.State, place.District} {
		source := nation(1)
		if base == place.District { // all of it takes a minute under the race detector
			source.World = matching.WorldOf(slices.DeleteFunc(shelves(source.World), func(c matching.Candidate) bool {
				d, _ := place.Lookup(c.District)
				return d.State > "IN-DL"
			}), 3)
		}
		c := Add(source, "IN", base)
		began := time.Now()
		mask, proofs := c.protect(small, Before{})
		took := time.Since(began)
		proved(t, c, mask, proofs)
		all, shown := map[place.Level]int{}, map[place.Level]int{}
		for n, r := range c.rows {
			if r.Type == Any && r.Population == Any && r.Shelters >= small.Sources && r.Figures[Occupied] >= small.K {
				p, _ := place.Lookup(r.Place)
				all[p.Level]++
				if !mask.Hides(n, People) {
					shown[p.Level]++
				}
			}
		}
		t.Logf("down to %v: %d cells, %d rows, %d witnesses in %v; people shown of %v of %v", base, len(c.table.Cells), len(c.rows), len(proofs), took, shown, all)
		if shown[place.Country] != 1 || shown[place.State]*10 < all[place.State]*7 || shown[place.District]*10 < all[place.District]*6 {
			t.Errorf("too little is shown: %v of %v", shown, all)
		}
	}
}

func TestRoomsAndSurgeStandBesideBeds(t *testing.T) {
	counts, err := shelter.NewCounts(12, 0, 4, 0)
	if err != nil {
		t.Fatal(err)
	}
	rooms := shelter.Restore(shelter.Unit{Shelter: "FAM", ID: "rooms", Population: code.Family, RoomBeds: 4, Sanctioned: 12, Rev: 1}, counts.WithBlocked(4), nil)
	extra, _ := shelter.NewCounts(30, 0, 10, 0)
	surge := shelter.Restore(shelter.Unit{Shelter: "FAM", ID: "surge", Population: code.Women, Sanctioned: 30, EndsAt: noon.Add(time.Hour), Rev: 1}, extra, nil)
	home := shelter.Shelter{ID: "FAM", District: "IN-LGD-525", RegisteredUntil: noon.AddDate(1, 0, 0), Rev: 1}
	w := matching.WorldOf([]matching.Candidate{{Shelter: home, Units: []shelter.Unit{rooms, surge}}}, 3)
	for _, r := range Add(Source{World: w, At: noon, Unconfirmed: time.Hour}, "IN", place.District).Rows() {
		if r.Type != Any || r.Population != Any {
			continue
		}
		f := r.Figures // two rooms of three are taken by four people, and the surge counts in no base
		if f[Rooms] != 3 || f[RoomsOccupied] != 2 || f[Occupied] != 14 || f[Sanctioned] != 12 || f[Staffed] != 12 || f[Surge] != 30 || r.Shelters != 1 {
			t.Errorf("%s: %+v", r.Place, r)
		}
	}
}

func TestSurgeBedsThatHaveEndedAreBedsNoMore(t *testing.T) {
	surge := func(id string, present int, ends time.Time) shelter.Unit {
		c, err := shelter.NewCounts(30, 2, present, 0)
		if err != nil {
			t.Fatal(err)
		}
		return shelter.Restore(shelter.Unit{Shelter: id, ID: "surge", Population: code.Women, Sanctioned: 30, RoomBeds: 2, EndsAt: ends, Rev: 1}, c, nil)
	}
	home := func(id string, u shelter.Unit) matching.Candidate {
		return matching.Candidate{Shelter: shelter.Shelter{ID: id, District: "IN-LGD-525", RegisteredUntil: noon.AddDate(1, 0, 0), Rev: 1}, Units: []shelter.Unit{u}}
	}
	w := matching.WorldOf([]matching.Candidate{home("A", surge("A", 10, noon.Add(time.Hour))), home("B", surge("B", 7, noon)), home("C", surge("C", 0, noon))}, 3)
	for _, r := range Add(Source{World: w, At: noon, Unconfirmed: time.Hour}, "IN", place.District).Rows() {
		f := r.Figures // A is there still, in B people are left, C is gone
		if f[Surge] != 30 || f[OutOfService] != 2 || f[Rooms] != 15 || f[Occupied] != 17 || r.Shelters != 2 || r.Unconfirmed != 2 {
			t.Errorf("%s: %+v", r.Place, r)
		}
	}
}

// What was withheld stays so while the period lasts, though it has grown: else
// the difference of two days would tell it.
func TestWhatWasWithheldStaysWithheld(t *testing.T) {
	first := Add(nation(1), "IN", place.State).Published(small, Before{})
	grown := nation(2)
	second := Add(grown, "IN", place.State).Published(small, Before{Stays: first})
	withheld := map[node]uint16{}
	for _, r := range second {
		withheld[node{r.Place, r.Type, r.Population}] = r.Withheld
	}
	both := 0
	for _, r := range first {
		now, ok := withheld[node{r.Place, r.Type, r.Population}]
		if ok && r.Withheld != 0 {
			both++
		}
		if ok && r.Withheld&^now != 0 {
			t.Errorf("%+v is shown again: %b", r, now)
		}
	}
	if both == 0 {
		t.Error("nothing was withheld: the test tests nothing")
	}
}
