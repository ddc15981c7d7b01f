package occupancy

import (
	"flag"
	"math/rand/v2"
	"testing"
	"time"

	"panah/internal/code"
	"panah/internal/matching"
	"panah/internal/place"
	"panah/internal/shelter"
)

// asLive are the houses of a file's day, counted live when nothing has changed
// since: what the unit's own counts say once the file has been taken in.
func asLive(t *testing.T, dice *rand.Rand, days []shelter.DayCount) Source {
	t.Helper()
	var homes []matching.Candidate
	for _, d := range days {
		c, err := shelter.NewCounts(d.Staffed, 0, d.Occupied, 0)
		if err != nil {
			t.Fatal(err)
		}
		u := shelter.Restore(shelter.Unit{Shelter: d.Shelter, ID: "u", Population: d.Population, Sanctioned: d.Sanctioned, ConfirmedAt: noon}, c, nil)
		kind := []code.Institution{code.ShaktiSadan, code.ChildrensHome}[dice.IntN(2)]
		homes = append(homes, matching.Candidate{Shelter: shelter.Shelter{ID: d.Shelter, District: d.District, Type: kind, Status: shelter.Active, RegisteredUntil: noon.AddDate(1, 0, 0)}, Units: []shelter.Unit{u}})
	}
	return Source{World: matching.WorldOf(homes, 3), At: noon, Unconfirmed: 24 * time.Hour}
}

// attacker knows what anybody was shown of how many people are where, in any
// table, and that nothing has changed from one to the other.
type attacker struct {
	truth map[node]int
	known map[node]bool
}

func (a attacker) sees(rows []Row) (shown int) {
	for _, r := range rows {
		if v, ok := r.Shows(Occupied); ok && v == a.truth[node{r.Place, r.Type, r.Population}] {
			a.known[node{r.Place, r.Type, r.Population}] = true
			shown++
		}
	}
	return shown
}

// sums are the ways a row adds up: over its populations, over its types, over the
// places in it.
func (a attacker) sums(whole node) (out [][]node) {
	parts := func(of func(node) bool) {
		var list []node
		for n := range a.truth {
			if of(n) {
				list = append(list, n)
			}
		}
		out = append(out, list)
	}
	p, _ := place.Lookup(whole.place)
	if whole.population == Any {
		parts(func(n node) bool { return n.place == whole.place && n.kind == whole.kind && n.population != Any })
	}
	if whole.kind == Any {
		parts(func(n node) bool { return n.place == whole.place && n.population == whole.population && n.kind != Any })
	}
	if p.Level != place.District {
		parts(func(n node) bool {
			q, _ := place.Lookup(n.place)
			return q.Level == p.Level+1 && place.Within(n.place, whole.place) && n.kind == whole.kind && n.population == whole.population
		})
	}
	return out
}

// finds adds and subtracts what is known until nothing new comes of it, and
// answers the small counts found.
func (a attacker) finds() (found []node) {
	var sums [][]node
	for n := range a.truth {
		for _, parts := range a.sums(n) {
			sums = append(sums, append(parts, n))
		}
	}
	for again := true; again; {
		again = false
		for _, sum := range sums {
			var unknown []node
			for _, n := range sum {
				if !a.known[n] {
					unknown = append(unknown, n)
				}
			}
			if len(unknown) == 1 && len(sum) > 1 {
				a.known[unknown[0]], again = true, true
			}
		}
	}
	for n, v := range a.truth {
		if a.known[n] && v > 0 && v < small.K {
			found = append(found, n)
		}
	}
	return found
}

// worlds is of how many worlds tables are put together; more than a few take long.
var worlds = flag.Int("worlds", 2, "how many worlds whose tables are put beside each other")

// The last day of a file, and the hours and days counted live after it while
// nothing changes, in whatever order they are published and however far apart,
// tell no small count together. Each by itself, put beside the others, does.
func TestTablesOfTheSameCountsTellNothingTogether(t *testing.T) {
	orders := map[string][]string{
		"a file, then the first day counted":      {"file", "day"},
		"days and hours, then a file":             {"day", "hour", "hour", "file"},
		"hours after a file, and the day after":   {"file", "day", "hour", "day", "hour"},
		"a file between an hour and the next day": {"day", "hour", "file", "day"},
	}
	alone := 0
	for seed := range uint64(*worlds) {
		seed = []uint64{3, 5, 18, 20}[seed%4] + 100*(seed/4)
		dice := rand.New(rand.NewPCG(seed, 77))
		days := declaredDay(dice, 40+dice.IntN(60), append([]place.Code{"IN-LGD-303", "IN-LGD-315", "IN-LGD-304"}, karnataka...)...)
		for i := range days {
			d := &days[i]
			d.Kind, d.Occupied = 0, min(d.Occupied, d.Staffed)
			d.Persons = d.Occupied
		}
		source := asLive(t, dice, days)
		file, day, hour := AddDay(days, "IN", true), Add(source, "IN", place.District), Add(source, "IN", place.State)
		truth := map[node]int{}
		for _, r := range day.Rows() {
			truth[node{r.Place, r.Type, r.Population}] = r.Figures[Occupied]
		}
		mallory := attacker{truth, map[node]bool{}}
		mallory.sees(file.Published(small, Before{}))
		mallory.sees(day.Published(small, Before{}))
		alone += len(mallory.finds())
		for name, order := range orders {
			var told Told
			mallory := attacker{truth, map[node]bool{}}
			for i, what := range order {
				var rows []Row
				switch what {
				case "file":
					rows = file.Published(small, told.Before())
					told = told.With(rows)
				case "day":
					rows = day.Published(small, told.Before())
					told = told.With(rows)
				case "hour":
					rows, told = told.Hour(hour, small, nil)
				}
				if mallory.sees(rows) == 0 && i == 0 {
					t.Fatalf("seed %d, %s: nothing is shown: the test tests nothing", seed, name)
				}
			}
			for _, n := range mallory.finds() {
				t.Errorf("seed %d, %s: %+v is exactly %d", seed, name, n, truth[n])
			}
		}
	}
	if alone == 0 {
		t.Error("tables that know nothing of each other told nothing: the attacker is too weak to be a test")
	}
}

func TestWhatAnHourNeverShowsADayMay(t *testing.T) {
	source := nation(1)
	day, hour := Add(source, "IN", place.District), Add(source, "IN", place.State)
	var told Told
	first := day.Published(small, told.Before())
	told = told.With(first)
	delhi := func(at place.Code) bool { return at == "IN-DL" }
	rows, told := told.Hour(hour, small, delhi)
	for _, r := range rows {
		if r.Place == "IN-DL" && !r.Hides(Beds) {
			t.Errorf("%+v is shown in an hour", r)
		}
	}
	again := day.Published(small, told.Before())
	shown := 0
	for _, r := range again {
		if r.Place == "IN-DL" && !r.Hides(People) {
			shown++
		}
	}
	if shown == 0 || len(again) != len(first) {
		t.Errorf("the days show nothing of it either: %d of %d rows", len(again), len(first))
	}
}
