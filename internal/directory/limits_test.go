package directory

import (
	"context"
	"log/slog"
	"reflect"
	"testing"
	"time"

	"panah/internal/code"
	"panah/internal/packed"
	"panah/internal/record"
	"panah/internal/shelter"
	"panah/internal/table"
)

// limitedItems are a shelter that limits people a day, its unit with limited
// places, claims and people in it, and its door, each at a version.
func limitedItems(t *testing.T, version uint64) []*table.Item {
	t.Helper()
	counts, err := shelter.NewCounts(20, 0, 4, 0)
	if err != nil {
		t.Fatal(err)
	}
	u := shelter.Restore(shelter.Unit{Shelter: "AAAA", ID: "girls", Population: code.Girls, Ages: code.ChildBands, Rev: 1, ConfirmedAt: start,
		StepFree: shelter.LimitOf(5), Medical: shelter.LimitOf(0)}, counts, map[string]shelter.Claim{
		"p_A.1": {N: 1, Until: start.Add(time.Hour), Places: shelter.Places{StepFree: 1}},
		"p_B.1": {N: 2},
		"p_C.1": {N: 1, Places: shelter.Places{StepFree: 1, Medical: 1}},
	}).Occupy(shelter.Places{StepFree: 1})
	u.Counted = map[string]int{"p_C.1": 1} // counted by a census before the arrival was recorded
	s := shelter.Shelter{ID: "AAAA", District: "IN-LGD-315", Type: code.OpenShelter, Rev: 1, RegisteredUntil: start.AddDate(1, 0, 0), DailyIntake: shelter.LimitOf(7)}
	today := shelter.DayAt(start, 330)
	d := shelter.DoorOf("AAAA", 0, map[string]shelter.Coming{"p_A.1": {Day: today, N: 1, Until: start.Add(time.Hour)}, "p_B.1": {Day: today, N: 2}, "p_D.1": {Day: today, N: 1}, "p_E.1": {Day: today + 1, N: 3}})
	items := []table.Item{record.FromShelter(s), record.FromUnit(u), record.FromDoor(d)}
	var out []*table.Item
	for i := range items {
		items[i].Version = version
		out = append(out, &items[i])
	}
	return out
}

// Limits and what is used of them come through log and pages alike, with no
// placement named.
func TestLimitsReachAReaderThroughLogAndPages(t *testing.T) {
	s, m, ctx := store(t), &maker{now: start}, context.Background()
	p := publisher(s, m)
	must(t, p.Apply(ctx, changes(limitedItems(t, 2)...)))
	for _, from := range []string{"log", "pages"} {
		w, err := New(s, 3, slog.New(slog.DiscardHandler)).World(ctx, start)
		if err != nil {
			t.Fatal(err)
		}
		c := first(w)
		today := shelter.DayAt(start, 330)
		for _, at := range []struct {
			when           time.Time
			stepFree, left int
			coming         int
		}{{start, 2, 0, 4}, {start.Add(2 * time.Hour), 3, 0, 3}} {
			places := c.Units[0].PlacesAt(at.when)
			if places.StepFree != at.stepFree || max(0, places.Medical) != at.left || c.Door.On(today, at.when) != at.coming || c.Door.On(today+1, at.when) != 3 || c.DailyIntake.N() != 7 {
				t.Errorf("%s: places %+v, %d come today of %d", from, places, c.Door.On(today, at.when), c.DailyIntake.N())
			}
		}
		for claim := range c.Door.All() {
			if len(claim) > 2 {
				t.Errorf("%s: the door names %s", from, claim)
			}
		}
		must(t, p.Compact(ctx))
	}
}

// What is read back is written as it was, so that records stay as they are.
func TestLimitedEntriesAreStable(t *testing.T) {
	for _, it := range limitedItems(t, 3) {
		e, ok, err := entryOf(it)
		if !ok || err != nil {
			t.Fatal(ok, err)
		}
		w := packed.NewWriter(64)
		e.write(w)
		once, err := readEntry(packed.NewReader(w.Bytes()), "")
		if err != nil {
			t.Fatal(err)
		}
		again := packed.NewWriter(64)
		once.write(again)
		if !reflect.DeepEqual(w.Bytes(), again.Bytes()) {
			t.Errorf("%s: %x and then %x", it.Key, w.Bytes(), again.Bytes())
		}
	}
}
