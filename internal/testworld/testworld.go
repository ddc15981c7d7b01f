// Package testworld is a small world for tests: a few shelters, teams and desks
// with known answers, a store, a service and a clock that stands still until it
// is moved. Nothing in it is a real place.
package testworld

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"panah/internal/caller"
	"panah/internal/code"
	"panah/internal/directory"
	"panah/internal/embedded"
	"panah/internal/language"
	"panah/internal/logbook"
	"panah/internal/place"
	"panah/internal/policy"
	"panah/internal/record"
	"panah/internal/referral"
	"panah/internal/rollup"
	"panah/internal/shelter"
	"panah/internal/table"
)

// Start is when a world's clock begins: 2026-11-24 20:00 UTC, half past one at
// night in India.
var Start = time.Date(2026, 11, 24, 20, 0, 0, 0, time.UTC)

// District is where the world's parties are.
const District place.Code = "IN-LGD-315"

// Subjects of the world.
const (
	Team      = "subject-team-a"
	OtherTeam = "subject-team-b"
	Desk      = "subject-desk"
	Ministry  = "subject-ministry"
	Nobody    = "subject-nobody"
	Carrier   = "subject-carrier"
)

// StaffOf is the subject of a shelter's staff.
func StaffOf(shelter string) string { return "subject-staff-" + shelter }

// World is one test's world.
type World struct {
	Store     table.Store
	Service   *referral.Service
	Publisher *directory.Publisher
	Keeper    *rollup.Keeper    // of stays and journeys
	Books     *logbook.Keeper   // of what devices ask for
	Figures   *rollup.Publisher // of what a ministry sees
	clock     atomic.Int64
	ids       atomic.Int64
	mu        sync.Mutex
	feed      string
	name      string // of the world: write ids are unique to it
}

// Open makes a world on an embedded store.
func Open(t testing.TB) *World {
	t.Helper()
	s, err := embedded.Open(filepath.Join(t.TempDir(), "panah.db"), embedded.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return On(t, s)
}

// On makes a world on a store and fills it. Who acts as a function of the template
// (As) is held to what the template permits.
func On(t testing.TB, store table.Store) *World {
	t.Helper()
	store = Guard(t, store)
	w := &World{Store: store, name: fmt.Sprintf("%x", time.Now().UnixNano())}
	w.clock.Store(Start.UnixNano())
	rules, err := policy.Current()
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	w.Service = referral.New(referral.Config{Store: store, Policy: rules, Now: w.Now, NewID: w.NewID,
		Code: func() string { return fmt.Sprintf("D%04d", w.ids.Add(1)) }, Log: log})
	w.Publisher = directory.NewPublisher(store, w.NewID, w.Now, log)
	w.Keeper = rollup.NewKeeper(store, rules, w.NewID, log)
	w.Books = logbook.NewKeeper(store, w.NewID)
	w.Figures = rollup.NewPublisher(w.Service, policy.Disclosure())
	for _, c := range []caller.Caller{
		{Subject: Team, Role: caller.Rescue, Scope: "team-a"}, {Subject: OtherTeam, Role: caller.Rescue, Scope: "team-b"},
		{Subject: Desk, Role: caller.Desk, Scope: string(District)}, {Subject: Ministry, Role: caller.Ministry, Scope: "IN"}, {Subject: Carrier, Role: caller.Carrier, Scope: "IN"},
	} {
		w.Put(t, record.FromMembership(c))
	}
	for _, team := range []string{"team-a", "team-b"} {
		w.Put(t, record.FromTeam(team, "IN", ""))
	}
	for _, s := range Shelters() {
		w.Add(t, s)
	}
	return w
}

// Now is the world's clock.
func (w *World) Now() time.Time { return time.Unix(0, w.clock.Load()).UTC() }

// Pass moves the clock on.
func (w *World) Pass(d time.Duration) { w.clock.Add(int64(d)) }

// NewID numbers writes.
func (w *World) NewID() string { return fmt.Sprintf("%s-%d", w.name, w.ids.Add(1)) }

// Put writes an item that is not there yet.
func (w *World) Put(t testing.TB, it table.Item) {
	t.Helper()
	if err := w.Store.Write(context.Background(), table.Batch{WriteID: w.NewID(), Ops: []table.Op{table.PutOp(it, 0)}}); err != nil {
		t.Fatal(err)
	}
}

// Add puts a shelter, its units and its staff into table and directory.
func (w *World) Add(t testing.TB, s Place) {
	t.Helper()
	var changes []table.Change
	items := []table.Item{record.FromShelter(s.Shelter)}
	for _, u := range s.Units {
		items = append(items, record.FromUnit(u))
	}
	for _, it := range items {
		w.Put(t, it)
		it.Version = 1
		changes = append(changes, table.Change{New: &it})
	}
	w.Put(t, record.FromMember(caller.Membership{Caller: caller.Caller{Subject: StaffOf(s.ID), Role: caller.Shelter, Scope: s.ID}, Region: s.District}))
	if err := w.Publisher.Apply(context.Background(), changes); err != nil {
		t.Fatal(err)
	}
}

// Feed publishes what has changed since the last call, as functions/changes does.
func (w *World) Feed(t testing.TB) {
	t.Helper()
	feed, ok := w.Store.(table.Feed)
	if !ok {
		t.Fatal("this store has no feed to read")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		changes, next, err := feed.Changes(context.Background(), w.feed, 100)
		if err != nil {
			t.Fatal(err)
		}
		if len(changes) == 0 {
			return
		}
		as := As(context.Background(), "ChangesFunction")
		if err := errors.Join(w.Publisher.Apply(as, changes), w.Keeper.Apply(as, changes), w.Books.Apply(as, changes)); err != nil {
			t.Fatal(err)
		}
		w.feed = next
	}
}

// Publish counts what a ministry sees, as functions/clock does.
func (w *World) Publish(t testing.TB) {
	t.Helper()
	if err := w.Figures.Publish(As(context.Background(), "ClockFunction")); err != nil {
		t.Fatal(err)
	}
}

// Unit reads a unit as it is stored.
func (w *World) Unit(t testing.TB, shelterID, unit string) shelter.Unit {
	t.Helper()
	it, err := w.Store.Get(context.Background(), record.UnitKey(shelterID, unit), table.Strong)
	if err != nil || it == nil {
		t.Fatalf("unit %s/%s: %v", shelterID, unit, err)
	}
	u, err := record.ToUnit(it)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// Place is a shelter with its units.
type Place struct {
	shelter.Shelter
	Units []shelter.Unit
	Door  shelter.Door // who comes on which day, where the shelter limits it
}

// Unit makes one unit with counts confirmed at Start.
func Unit(shelterID, id string, p code.Population, ages code.Set[code.AgeBand], staffed, occupied int) shelter.Unit {
	counts, err := shelter.NewCounts(staffed, 0, occupied, 0)
	if err != nil {
		panic(err)
	}
	return shelter.Restore(shelter.Unit{Shelter: shelterID, ID: id, Population: p, Ages: ages, Rev: 1, Census: 1, Sanctioned: staffed,
		CountedAt: Start.Add(-time.Hour), ConfirmedAt: Start.Add(-time.Hour)}, counts, nil)
}

// Home makes a registered open shelter with staff who speak Bangla.
func Home(id string, district place.Code, kind code.Institution, units ...shelter.Unit) Place {
	return Place{shelter.Shelter{ID: id, District: district, Type: kind, RegisteredUntil: Start.AddDate(1, 0, 0),
		Languages: []shelter.Language{{Tag: language.Tag("bn")}}, Rev: 1, Synthetic: true, RulesKnown: true,
		OnSite: code.Of(need("health_medical"))}, units, shelter.Door{}}
}

func need(name string) code.Need { n, _ := code.Needs.Parse(name); return n }

// SchoolAge is what children's homes here take.
var SchoolAge = code.Of(code.Age6To11, code.Age12To14, code.Age15To17)

// Shelters are the world's: HOMA and HOMB have wings for girls and boys, GRLS
// takes girls only, WOMN women, MENS men, OBSV is for children in conflict with
// the law, LATE has lost its registration, and FULL is full.
func Shelters() []Place {
	homa := Home("HOMA", District, code.ChildrensHome,
		Unit("HOMA", "boys", code.Boys, SchoolAge, 20, 15), Unit("HOMA", "girls", code.Girls, SchoolAge, 30, 20))
	homb := Home("HOMB", District, code.OpenShelter,
		Unit("HOMB", "boys", code.Boys, SchoolAge, 10, 5), Unit("HOMB", "girls", code.Girls, SchoolAge, 10, 9))
	homb.Languages = []shelter.Language{{Tag: "hi"}}
	late := Home("LATE", District, code.ChildrensHome, Unit("LATE", "girls", code.Girls, SchoolAge, 30, 0))
	late.RegisteredUntil = Start.AddDate(0, -1, 0)
	return []Place{
		homa, homb, late,
		Home("GRLS", District, code.ChildrensHome, Unit("GRLS", "girls", code.Girls, SchoolAge, 40, 10)),
		Home("WOMN", District, code.ShaktiSadan, Unit("WOMN", "women", code.Women, code.AdultBands, 25, 20)),
		Home("MENS", District, code.Other, Unit("MENS", "men", code.Men, code.AdultBands, 8, 2)),
		Home("OBSV", District, code.ObservationHome, Unit("OBSV", "boys", code.Boys, SchoolAge, 50, 0), Unit("OBSV", "girls", code.Girls, SchoolAge, 50, 0)),
		Home("FULL", District, code.ChildrensHome, Unit("FULL", "girls", code.Girls, SchoolAge, 10, 10), Unit("FULL", "boys", code.Boys, SchoolAge, 10, 12)),
	}
}
