package referral_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"panah/internal/caller"
	"panah/internal/code"
	"panah/internal/fault"
	"panah/internal/place"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/referral"
	"panah/internal/registry"
	"panah/internal/shelter"
	"panah/internal/table"
	"panah/internal/table/tabletest"
	"panah/internal/testworld"
)

var ministry = caller.Caller{Subject: testworld.Ministry, Role: caller.Ministry, Scope: "IN"}

func home(key string) shelter.Registration {
	return shelter.Registration{RegistryKey: key, District: testworld.District, Type: code.ChildrensHome, RegisteredUntil: testworld.Start.AddDate(1, 0, 0),
		Languages: []shelter.Language{{Tag: "bn"}}, RulesKnown: true, OnSite: code.Of(code.Need(0)),
		Units: []shelter.UnitFacts{{ID: "girls", Population: code.Girls, Ages: testworld.SchoolAge, Sanctioned: 25}}}
}

// A shelter is registered, vetted, activated and counted, and then takes a girl.
func TestANewShelterTakesSomebodyOnlyWhenItIsActive(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	v, replayed, err := s.Register(ctx, ministry, home("WB-1"), command("reg-1", 0))
	if err != nil || replayed || v.Status != shelter.Registered || len(v.ID) != 10 {
		t.Fatal(v, err)
	}
	again, replayed, err := s.Register(ctx, ministry, home("WB-1"), command("reg-1", 0))
	if err != nil || !replayed || again.ID != v.ID {
		t.Fatal(again, err)
	}
	if _, _, err := s.Register(ctx, ministry, home("WB-1"), command("reg-2", 0)); !fault.Is(err, fault.Invalid) {
		t.Errorf("a number was given twice: %v", err)
	}
	o := request(t, w, "one", false)
	held := func() error {
		_, err := s.Hold(ctx, team, o.ID, v.ID, command(fmt.Sprint("hold", w.NewID()), 1))
		return err
	}
	own := caller.Caller{Subject: "staff", Role: caller.Shelter, Scope: v.ID}
	if _, err := s.Count(ctx, own, v.ID, "girls", referral.CensusCommand{Census: shelter.Census{CountedAt: w.Now(), Present: 3, Staffed: 25}}); err != nil {
		t.Fatal(err)
	}
	for _, to := range []shelter.Status{shelter.Vetted, shelter.Active} {
		if held() == nil {
			t.Fatalf("a bed was held before the shelter was %s", shelter.Statuses.Name(to))
		}
		if _, err := s.SetStatus(ctx, ministry, v.ID, to, command("status "+shelter.Statuses.Name(to), 0)); err != nil {
			t.Fatal(err)
		}
	}
	if err := held(); err != nil {
		t.Fatal(err)
	}
	if u := w.Unit(t, v.ID, "girls"); u.Counts().Held() != 1 || u.Rev != 3 {
		t.Errorf("%+v", u)
	}
}

// What the register says may change under a hold; the beds stay held, and the new
// rev makes everybody look again.
func TestAnUpdateRaisesRevInShelterAndUnits(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o := request(t, w, "one", false)
	mustHold(t, w, o.ID, "HOMA", "hold", 1)
	before, err := s.Shelter(ctx, ministry, "HOMA")
	if err != nil {
		t.Fatal(err)
	}
	r := shelter.Facts(before.Shelter, before.Units)
	if same, err := s.Update(ctx, ministry, "HOMA", 99, r); err != nil || same.Version != before.Version {
		t.Fatalf("saying the same again: %v", err)
	}
	r.MaxStayDays = 90
	_, err = s.Update(ctx, ministry, "HOMA", before.Version+1, r)
	if f, ok := fault.Of(err); !ok || f.Kind != fault.Precondition || f.Current == nil || f.Sent == nil {
		t.Fatalf("a stale change: %v", err)
	}
	after, err := s.Update(ctx, ministry, "HOMA", before.Version, r)
	if err != nil || after.Rev != before.Rev+1 || after.MaxStayDays != 90 {
		t.Fatal(after, err)
	}
	if u := w.Unit(t, "HOMA", "girls"); u.Rev != after.Rev || u.Counts().Held() != 1 || u.Counts().Occupied() != 20 {
		t.Errorf("%+v", u)
	}
	if again, err := s.Update(ctx, ministry, "HOMA", before.Version, r); err != nil || again.Version != after.Version {
		t.Errorf("the same change sent again: %v", err)
	}
	for _, c := range []caller.Caller{desk, staff("HOMA"), team} {
		if _, err := s.Update(ctx, c, "HOMA", after.Version, r); !fault.Is(err, fault.Forbidden) {
			t.Errorf("%s: %v", c.Role, err)
		}
	}
	elsewhere := caller.Caller{Subject: "x", Role: caller.Ministry, Scope: "IN-KA"}
	foreign, missing := func(id string) error { _, err := s.Update(ctx, elsewhere, id, 1, r); return err }("HOMA"), func() error { _, err := s.Update(ctx, elsewhere, "NONE", 1, r); return err }()
	if !fault.Is(foreign, fault.NotFound) || foreign.Error() != missing.Error() {
		t.Errorf("a foreign shelter answers %v, a missing one %v", foreign, missing)
	}
	if _, _, err := s.Register(ctx, elsewhere, home("KA-1"), command("reg-3", 0)); !fault.Is(err, fault.Invalid) {
		t.Errorf("registered in another region: %v", err)
	}
	r.RulesKnown = false
	if _, err := s.Update(ctx, ministry, "HOMA", after.Version, r); !fault.Is(err, fault.Invalid) {
		t.Errorf("an active shelter lost its house rules: %v", err)
	}
}

func TestTheListIsTheRegionsAndPages(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	var ids []string
	f := referral.ShelterFilter{Limit: 3}
	for {
		page, next, err := s.Shelters(ctx, desk, f)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range page {
			ids = append(ids, c.ID)
		}
		if f.After = next; next == "" {
			break
		}
	}
	if got := strings.Join(ids, " "); got != "FULL GRLS HOMA HOMB LATE MENS OBSV WOMN" {
		t.Errorf("listed %s", got)
	}
	ending, _, err := s.Shelters(ctx, ministry, referral.ShelterFilter{Limit: 10, Expiring: 90 * 24 * time.Hour})
	if err != nil || len(ending) != 1 || ending[0].ID != "LATE" {
		t.Errorf("ending %v %v", ending, err)
	}
	ending, _, err = s.Shelters(ctx, ministry, referral.ShelterFilter{Limit: 10, Expiring: 400 * 24 * time.Hour})
	if err != nil || len(ending) != 8 || ending[0].ID != "LATE" {
		t.Errorf("the first to end comes first: %v %v", ending, err)
	}
	if _, err := s.SetStatus(ctx, staff("LATE"), "LATE", shelter.Closed, command("close", 0)); err != nil {
		t.Fatal(err)
	}
	ending, _, err = s.Shelters(ctx, ministry, referral.ShelterFilter{Limit: 10, Expiring: 90 * 24 * time.Hour})
	if err != nil || len(ending) != 0 {
		t.Errorf("of a shelter that is closed nothing is to be renewed: %v %v", ending, err)
	}
	vetted := shelter.Vetted
	if none, _, err := s.Shelters(ctx, ministry, referral.ShelterFilter{Limit: 10, Status: &vetted}); err != nil || len(none) != 0 {
		t.Errorf("%v %v", none, err)
	}
	for _, within := range []place.Code{"IN-LGD-525", "IN", "nowhere"} {
		if _, _, err := s.Shelters(ctx, desk, referral.ShelterFilter{Within: within, Limit: 10}); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: %v", within, err)
		}
	}
	if _, _, err := s.Shelters(ctx, team, referral.ShelterFilter{Limit: 10}); !fault.Is(err, fault.Forbidden) {
		t.Error(err)
	}
}

// Who must move is told to those who must act, and to nobody else.
func TestWhoMustMove(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o := request(t, w, "one", false)
	mustHold(t, w, o.ID, "GRLS", "hold", 1)
	if m, err := s.MustMove(ctx, staff("GRLS"), "GRLS"); err != nil || m.Placements != 0 || m.Counted != 10 {
		t.Fatalf("an open shelter: %+v %v", m, err)
	}
	if _, err := s.SetStatus(ctx, staff("GRLS"), "GRLS", shelter.Closed, command("close", 0)); err != nil {
		t.Fatal(err)
	}
	otherDesk := caller.Caller{Subject: "x", Role: caller.Desk, Scope: "IN-LGD-525"}
	for _, tt := range []struct {
		who    caller.Caller
		listed int
		kind   fault.Kind
	}{
		{staff("GRLS"), 1, ""}, {desk, 1, ""}, {ministry, 0, ""},
		{staff("HOMA"), 0, fault.NotFound}, {otherDesk, 0, fault.NotFound}, {team, 0, fault.Forbidden},
		{caller.Caller{Subject: "x", Role: caller.Ministry, Scope: "IN-KA"}, 0, fault.NotFound},
	} {
		m, err := s.MustMove(ctx, tt.who, "GRLS")
		if tt.kind != "" {
			_, missing := s.MustMove(ctx, tt.who, "NONE")
			if !fault.Is(err, tt.kind) || err.Error() != missing.Error() {
				t.Errorf("%s: %v, missing %v", tt.who.Role, err, missing)
			}
			continue
		}
		if err != nil || len(m.List) != tt.listed || m.Placements != 1 || m.Persons != 1 || m.Counted != 10 {
			t.Errorf("%s: %+v %v", tt.who.Role, m, err)
		}
	}
}

// A desk of another district sees its own child in a shelter that closed, no other.
func TestADeskElsewhereSeesItsOwn(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	r := girl()
	r.Place, r.HoldBest = "IN-LGD-303", false
	away, err := s.Request(ctx, team, r, command("away", 0))
	if err != nil {
		t.Fatal(err)
	}
	mustHold(t, w, away.ID, "GRLS", "hold-away", 1)
	near := request(t, w, "near", false)
	mustHold(t, w, near.ID, "GRLS", "hold-near", 1)
	if _, err := s.SetStatus(ctx, ministry, "GRLS", shelter.Suspended, command("suspend", 0)); err != nil {
		t.Fatal(err)
	}
	m, err := s.MustMove(ctx, caller.Caller{Subject: "x", Role: caller.Desk, Scope: "IN-LGD-303"}, "GRLS")
	if err != nil || len(m.List) != 1 || m.List[0].ID != away.ID || m.Placements != 1 || m.Counted != -1 {
		t.Errorf("%+v %v", m, err)
	}
	m, err = s.MustMove(ctx, desk, "GRLS")
	if err != nil || len(m.List) != 1 || m.List[0].ID != near.ID || m.Placements != 2 {
		t.Errorf("%+v %v", m, err)
	}
}

const header = "key,district,type,houseRules,registeredUntil,status,unit,population,ages,sanctioned,day,staffed,outOfService,present\n"

// register makes n shelters with a unit and days of counts each.
func register(n, days int) string {
	var b strings.Builder
	b.WriteString(header)
	for i := range n {
		for d := range days {
			fmt.Fprintf(&b, "S-%d,IN-LGD-315,childrens_home,none,2027-12-31,active,girls,girls,6-11;12-14;15-17,%d,%s,%d,1,%d\n",
				i, 20+i%5, testworld.Start.AddDate(0, 0, d-days).Format(time.DateOnly), 20+i%5, 10+(i+d)%15)
		}
	}
	return b.String()
}

func parse(t testing.TB, text string) registry.File {
	t.Helper()
	f, err := registry.Read(strings.NewReader(text), registry.CSV, registry.Own(), registry.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func imported(t testing.TB, s *referral.Service, c caller.Caller, text string, how referral.Import) registry.Report {
	t.Helper()
	r, err := s.Import(context.Background(), c, parse(t, text), how)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTheSameFileTwiceChangesNothing(t *testing.T) {
	w := testworld.Open(t)
	text := register(60, 40)
	dry := imported(t, w.Service, ministry, text, referral.Import{DryRun: true})
	first := imported(t, w.Service, ministry, text, referral.Import{})
	if dry.Shelters != first.Shelters || dry.Days != first.Days || first.Shelters != (registry.Tally{Created: 60}) || first.Days != (registry.Tally{Created: 2400}) || !first.Finished {
		t.Fatalf("dry %+v first %+v", dry, first)
	}
	id, _ := shelter.Identity("IN", "panah", "S-7")
	v, err := w.Service.Shelter(context.Background(), ministry, id)
	if err != nil || v.Status != shelter.Active || v.RegistryKey != "S-7" || v.Units[0].Counts().Occupied() != 10+(7+39)%15 {
		t.Fatal(v, err)
	}
	again := imported(t, w.Service, ministry, text, referral.Import{})
	if again.Shelters != (registry.Tally{Unchanged: 60}) || again.Days != (registry.Tally{Unchanged: 2400}) {
		t.Fatalf("again %+v", again)
	}
	if now, err := w.Service.Shelter(context.Background(), ministry, id); err != nil || now.Version != v.Version || now.Units[0].Version != v.Units[0].Version {
		t.Error("the second time something was written")
	}
}

// Daily sums are the file's own, whatever is asked for.
func TestDailySumsAreTheFiles(t *testing.T) {
	w := testworld.Open(t)
	text := register(30, 45)
	want := map[time.Time]int{}
	for _, e := range parse(t, text).Entries {
		for day, d := range e.Units[0].Days {
			want[day] += d.Occupied
		}
	}
	imported(t, w.Service, ministry, text, referral.Import{})
	from, to := testworld.Start.AddDate(0, 0, -45), testworld.Start
	for _, within := range []place.Code{"", "IN", "IN-WB", "IN-LGD-315"} {
		sums, err := w.Service.DailyCensus(context.Background(), ministry, within, from, to)
		if err != nil || len(sums) != 45 {
			t.Fatal(within, len(sums), err)
		}
		for _, s := range sums {
			if s.Occupied != want[s.Day] || s.Shelters != 30 || s.Persons != s.Occupied || s.Staffed-s.OutOfService-s.Occupied != s.Free-s.OverCapacity {
				t.Errorf("%s: %+v, want %d", within, s, want[s.Day])
			}
		}
	}
	if sums, err := w.Service.DailyCensus(context.Background(), ministry, "IN-LGD-319", from, to); err != nil || len(sums) != 0 {
		t.Errorf("next door: %v %v", sums, err)
	}
	if _, err := w.Service.DailyCensus(context.Background(), team, "nowhere", from, to); !fault.Is(err, fault.Forbidden) {
		t.Errorf("who may not ask at all, of a place that is not there: %v", err)
	}
	for c, kind := range map[caller.Caller]fault.Kind{team: fault.Forbidden, {Subject: "x", Role: caller.Ministry, Scope: "IN-KA"}: fault.NotFound} {
		if _, err := w.Service.DailyCensus(context.Background(), c, "IN-LGD-315", from, to); !fault.Is(err, kind) {
			t.Errorf("%s: %v", c.Role, err)
		}
	}
}

// One bad row is told and costs the others nothing.
func TestWhatIsWrongIsToldAndTheRestTaken(t *testing.T) {
	w := testworld.Open(t)
	other := caller.Caller{Subject: "x", Role: caller.Ministry, Scope: "IN-WB"}
	imported(t, w.Service, other, header+"MINE,IN-LGD-315,other,none,,,w,women,18-24,5,,,,\n", referral.Import{})
	text := header +
		"A,IN-LGD-315,other,none,,,w,women,18-24,5,2026-11-01,5,0,5\n" + // 2: taken
		"B,,other,none,,,w,women,18-24,5,,,,\n" + // 3: a new shelter needs a district
		"C,IN-LGD-315,other,,,active,w,women,18-24,5,,,,\n" + // 4: active without house rules
		"D,IN-LGD-315,other,none,,,w,,,5,,,,\n" + // 5: a new unit needs its population
		"E,IN-LGD-315,other,none,,,w,women,18-24,5,2030-01-01,5,0,5\n" + // 6: its day has not come
		"F,IN-LGD-999999,other,none,,,w,women,18-24,5,,,,\n" + // 7: no such district
		"G,NP-D-KASKI,other,none,,,w,women,18-24,5,,,,\n" // 8: not this ministry's
	r := imported(t, w.Service, ministry, text, referral.Import{})
	got := ""
	for _, p := range r.Problems {
		got += fmt.Sprintf("%d:%s ", p.Line, p.Field)
	}
	if got != "3:district 4:houseRules 5:population 6:day 6:day 7:district 8:district " {
		t.Errorf("problems %s %+v", got, r.Problems)
	}
	if r.Shelters.Created != 2 || r.Shelters.Refused != 4 || r.Refused != 1 || r.Days != (registry.Tally{Created: 1, Refused: 1}) {
		t.Errorf("%+v", r)
	}
	karnataka := caller.Caller{Subject: "x", Role: caller.Ministry, Scope: "IN-KA"}
	r = imported(t, w.Service, karnataka, header+"MINE,IN-LGD-525,other,none,,,w,women,18-24,5,,,,\n", referral.Import{})
	if r.Shelters.Refused != 1 || r.Problems[0].Field != "key" {
		t.Errorf("another office's shelter: %+v", r)
	}
	if _, err := w.Service.Import(context.Background(), desk, parse(t, text), referral.Import{}); !fault.Is(err, fault.Forbidden) {
		t.Error(err)
	}
}

// Somebody's own later count is not undone by an older file, and people on their
// way keep their beds.
func TestAFileNeverUndoesALaterCount(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	imported(t, s, ministry, register(1, 3), referral.Import{})
	w.Feed(t)
	id, _ := shelter.Identity("IN", "panah", "S-0")
	o := request(t, w, "one", false)
	before := w.Unit(t, id, "girls")
	if _, err := s.Count(ctx, staff(id), id, "girls", referral.CensusCommand{Census: shelter.Census{CountedAt: w.Now(), Present: 4, Staffed: 20}, IfMatch: before.Census}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Hold(ctx, team, o.ID, id, command("h", 1)); err != nil {
		t.Fatal(err)
	}
	changed := strings.ReplaceAll(register(1, 3), ",1,1", ",2,1") // other numbers for days gone by
	r := imported(t, s, ministry, changed, referral.Import{})
	after := w.Unit(t, id, "girls")
	if r.Days.Updated == 0 || after.Counts().Occupied() != 4 || after.Counts().OutOfService() != 0 || after.Counts().Held() != 1 {
		t.Errorf("%+v %+v", r, after.Counts())
	}
}

// Counts from a file are a census like any other: a unit that is too full by one is told
// of once, and no longer than it is.
func TestAFileTellsOfAUnitOverCapacityAsACensusDoes(t *testing.T) {
	w := testworld.Open(t)
	row := func(day string, present int) string {
		return header + fmt.Sprintf("A,IN-LGD-315,other,none,,,w,women,18-24,5,%s,5,0,%d\n", day, present)
	}
	told := func(text string, want int) []placement.Alert {
		t.Helper()
		imported(t, w.Service, ministry, text, referral.Import{DryRun: true})
		imported(t, w.Service, ministry, text, referral.Import{})
		list := alerts(t, w)
		if len(list) != want {
			t.Fatalf("%d alerts, want %d: %+v", len(list), want, list)
		}
		return list
	}
	told(row("2026-11-01", 5), 0)
	first := told(row("2026-11-02", 7), 1)[0]
	if first.Kind != placement.AlertOverCapacity || first.Unit != "w" || first.District != testworld.District {
		t.Fatalf("%+v", first)
	}
	told(row("2026-11-02", 7), 1)
	told(row("2026-11-03", 8), 1)
	told(row("2026-11-04", 4), 0)
	told(strings.Replace(row("2026-11-04", 9), "\nA,", "\nB,", 1), 1) // one that is new
}

// An import that had no time left is finished by sending the file again; lost
// races and lost replies change nothing in the end.
func TestAnImportGoesOnWhereItStopped(t *testing.T) {
	w := testworld.Open(t)
	text := register(200, 2)
	passing := referral.New(referral.Config{Store: w.Store, Policy: w.Service.Policy, NewID: w.NewID, Now: func() time.Time { w.Pass(time.Second); return w.Now() }, Log: w.Service.Log})
	r := imported(t, passing, ministry, text, referral.Import{Within: 30 * time.Second})
	if r.Finished || r.Shelters.Created == 0 || r.Shelters.Created == 200 {
		t.Fatalf("first %+v", r)
	}
	rest := imported(t, w.Service, ministry, text, referral.Import{})
	if !rest.Finished || rest.Shelters.Created != 200-r.Shelters.Created || rest.Shelters.Unchanged != r.Shelters.Created {
		t.Errorf("rest %+v", rest)
	}
}

func TestAnImportUnderFaultsEndsAsWithout(t *testing.T) {
	w := testworld.Open(t)
	text := register(80, 3)
	faulty := tabletest.NewFaulty(w.Store, 7, tabletest.Faults{UnknownBefore: .1, UnknownAfter: .1, Busy: .02, NoImage: .5})
	s := referral.New(referral.Config{Store: faulty, Policy: w.Service.Policy, NewID: w.NewID, Now: w.Now, Log: w.Service.Log})
	for range 50 {
		_, err := s.Import(context.Background(), ministry, parse(t, text), referral.Import{})
		if err == nil {
			break
		}
		if !fault.Is(err, fault.Busy) && !errors.Is(err, table.ErrBusy) {
			t.Fatal(err)
		}
	}
	r := imported(t, w.Service, ministry, text, referral.Import{})
	if r.Shelters != (registry.Tally{Unchanged: 80}) || r.Days != (registry.Tally{Unchanged: 240}) {
		t.Errorf("%+v", r)
	}
}

// Two offices that send the same file at once make each shelter once.
func TestTwoImportsAtOnce(t *testing.T) {
	w := testworld.Open(t)
	text := register(60, 5)
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			if _, err := w.Service.Import(context.Background(), ministry, parse(t, text), referral.Import{}); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	r := imported(t, w.Service, ministry, text, referral.Import{})
	if r.Shelters != (registry.Tally{Unchanged: 60}) || r.Days != (registry.Tally{Unchanged: 300}) {
		t.Errorf("%+v", r)
	}
}

func TestDailyCountsComeBackFromStorage(t *testing.T) {
	day := time.Date(2026, 2, 28, 0, 0, 0, 0, time.UTC)
	d := shelter.DayCount{District: "IN-LGD-315", Shelter: "K7F2", Unit: "girls", Day: day, Population: code.Girls, Kind: 2, Sanctioned: 5, Staffed: 4, OutOfService: 1, Occupied: 6, Persons: 7}
	first := d
	first.Day = day.AddDate(0, 0, -27)
	it := record.FromMonth([]shelter.DayCount{d, first})
	if it.PK != "C#IN-WB#202602" || it.SK != "IN-LGD-315#K7F2#girls" {
		t.Error(it.Key)
	}
	back, err := record.ToMonth(&it)
	if err != nil || len(back) != 2 || back[0] != first || back[1] != d {
		t.Errorf("%+v %v", back, err)
	}
}
