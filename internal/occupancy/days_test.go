package occupancy

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"panah/internal/code"
	"panah/internal/place"
	"panah/internal/shelter"
)

// declaredDay is a day of files from some districts: beds and rooms, full houses,
// over-full ones and small ones.
func declaredDay(dice *rand.Rand, shelters int, districts ...place.Code) (out []shelter.DayCount) {
	for i := range shelters {
		d := shelter.DayCount{District: districts[dice.IntN(len(districts))], Shelter: fmt.Sprint("S", i), Unit: "u", Day: noon.Truncate(24 * time.Hour),
			Population: []code.Population{code.Men, code.Women, code.Girls, code.Family}[dice.IntN(4)], Sanctioned: 5 + dice.IntN(60)}
		d.Staffed = d.Sanctioned
		d.Occupied = dice.IntN(d.Staffed + 3)
		d.Persons = d.Occupied
		if dice.IntN(3) == 0 {
			d.Kind, d.Occupied = roomKind, min(d.Occupied, d.Staffed)
			d.Persons = d.Occupied + dice.IntN(d.Occupied+1)
		}
		out = append(out, d)
	}
	return out
}

var karnataka = []place.Code{"IN-LGD-524", "IN-LGD-525", "IN-LGD-526", "IN-LGD-527"}

func TestDaysFromFilesAreProtected(t *testing.T) {
	for seed := range uint64(60) {
		dice := rand.New(rand.NewPCG(seed, 5))
		c := AddDay(declaredDay(dice, 3+dice.IntN(60), append([]place.Code{"IN-LGD-315"}, karnataka...)...), "IN", true)
		mask, proofs := c.protect(small, Before{})
		proved(t, c, mask, proofs)
		for _, w := range proofs { // everybody knows that files say nothing of promises and reviews
			for _, s := range w.Steps {
				if s.Measure == Held || s.Measure == Overdue || s.Measure == Surge {
					t.Fatalf("seed %d: a witness hides behind figure %d, which is nothing in every file", seed, s.Measure)
				}
			}
		}
	}
}

func TestDaysFromFilesAddUpWithRoomsBesideBeds(t *testing.T) {
	days := []shelter.DayCount{
		{District: "IN-LGD-525", Shelter: "A", Unit: "beds", Population: code.Women, Sanctioned: 30, Staffed: 28, OutOfService: 2, Occupied: 20, Persons: 20},
		{District: "IN-LGD-525", Shelter: "A", Unit: "more", Population: code.Women, Sanctioned: 10, Staffed: 10, Occupied: 12, Persons: 12},
		{District: "IN-LGD-526", Shelter: "B", Unit: "rooms", Population: code.Family, Kind: roomKind, Sanctioned: 15, Staffed: 14, OutOfService: 1, Occupied: 9, Persons: 31},
		{District: "CA-CD-3520", Shelter: "C", Unit: "beds", Population: code.Women, Sanctioned: 30, Staffed: 30, Occupied: 20, Persons: 20},
	}
	found := map[place.Code]Row{}
	for _, r := range AddDay(days, "IN", true).Rows() {
		if r.Population == Any {
			found[r.Place] = r
		}
	}
	want := [Figures]int{Sanctioned: 40, Staffed: 38, OutOfService: 2, Occupied: 32, Free: 6, OverCapacity: 2,
		Rooms: 14, RoomsOccupied: 9, RoomsSanctioned: 15, RoomsOutOfService: 1, RoomPersons: 31}
	if len(found) != 4 || found["IN"].Figures != want || found["IN-KA"].Figures != want || found["IN"].Shelters != 2 || found["IN-LGD-525"].Figures[Occupied] != 32 {
		t.Errorf("%+v", found)
	}
	for _, r := range AddDay(days, "IN", false).Rows() {
		if r.Place == "IN" {
			t.Errorf("a country that was published before is added up again: %+v", r)
		}
	}
}

func TestSmallRoomsCostNoBeds(t *testing.T) {
	var days []shelter.DayCount
	for i := range 12 {
		d := shelter.DayCount{District: karnataka[i%3], Shelter: fmt.Sprint("S", i), Unit: "u", Population: code.Women, Sanctioned: 40, Staffed: 40, Occupied: 30 + i, Persons: 30 + i}
		if i%3 == 0 {
			d.Kind, d.Staffed, d.Sanctioned, d.Occupied, d.Persons = roomKind, 3, 3, 1, 2
		}
		days = append(days, d)
	}
	for _, r := range AddDay(days, "IN", true).Published(small, Before{}) {
		if r.Place == "IN" && r.Population == Any {
			if n, ok := r.Shows(Occupied); !ok || n < 200 {
				t.Errorf("beds are withheld for a few rooms: %+v", r)
			}
			if _, ok := r.Shows(RoomPersons); ok {
				t.Errorf("eight people in rooms are shown: %+v", r)
			}
		}
	}
}

// Over the days of a month what is withheld once stays so, whichever way the
// people come and go.
func TestAMonthOfDaysFromFilesKeepsWhatItWithholds(t *testing.T) {
	var before []Row
	dice := rand.New(rand.NewPCG(9, 9))
	withheld := map[node]uint16{}
	for range 12 {
		c := AddDay(declaredDay(dice, 30, karnataka...), "IN", true)
		mask, proofs := c.protect(small, Before{Stays: before})
		proved(t, c, mask, proofs)
		rows := c.Published(small, Before{Stays: before})
		for _, r := range rows {
			n := node{r.Place, r.Type, r.Population}
			if withheld[n]&^r.Withheld != 0 {
				t.Fatalf("%+v shows again what was withheld: %b", r, withheld[n])
			}
			withheld[n] |= r.Withheld
		}
		before = append(before, rows...)
	}
}
