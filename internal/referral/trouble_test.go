package referral_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"testing"
	"time"

	"panah/internal/caller"
	"panah/internal/code"
	"panah/internal/embedded"
	"panah/internal/fault"
	"panah/internal/matching"
	"panah/internal/placement"
	"panah/internal/referral"
	"panah/internal/shelter"
	"panah/internal/table"
	"panah/internal/testworld"
)

// moody is a store that can be told to fail.
type moody struct {
	*embedded.Store
	write func(b table.Batch) error // nil: writes as it should; errPass: this one does
	read  func() error
	lags  bool // indexes show nothing yet
}

var errPass = errors.New("pass")

func (m *moody) Write(ctx context.Context, b table.Batch) error {
	if m.write != nil {
		if err := m.write(b); !errors.Is(err, errPass) {
			return err
		}
	}
	return m.Store.Write(ctx, b)
}

func (m *moody) Get(ctx context.Context, k table.Key, c table.Consistency) (*table.Item, error) {
	if m.read != nil {
		if err := m.read(); err != nil {
			return nil, err
		}
	}
	return m.Store.Get(ctx, k, c)
}

func (m *moody) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if m.read != nil {
		if err := m.read(); err != nil {
			return table.Page{}, err
		}
	}
	if m.lags && q.Index != table.Base {
		return table.Page{}, nil
	}
	return m.Store.Query(ctx, q)
}

// blind says that a condition failed, and not which.
func blind(b table.Batch) error { return &table.Stale{Images: make([]table.Image, len(b.Ops))} }

func openMoody(t *testing.T) (*testworld.World, *moody) {
	t.Helper()
	s, err := embedded.Open(filepath.Join(t.TempDir(), "panah.db"), embedded.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	m := &moody{Store: s}
	w := testworld.On(t, m)
	w.Service.Abreast = 1 // one call of the store at a time: what the store is told is not for many
	return w, m
}

// commands are use cases that write, each with what must be there before.
func commands() map[string]func(t *testing.T, w *testworld.World) func() error {
	ctx, point := context.Background(), shelter.Handover{Point: "the gate", Meeting: "the station"}
	party := girl()
	all := map[string]func(t *testing.T, w *testworld.World) func() error{
		"request": func(_ *testing.T, w *testworld.World) func() error {
			return func() error { _, err := w.Service.Request(ctx, team, girl(), command("one", 0)); return err }
		},
		"accept": func(t *testing.T, w *testworld.World) func() error {
			o := request(t, w, "one", true)
			return func() error {
				_, err := w.Service.Accept(ctx, staff(o.Hold.Shelter), o.ID, command("accept", 1))
				return err
			}
		},
		"hold": func(t *testing.T, w *testworld.World) func() error {
			o := request(t, w, "one", false)
			return func() error {
				_, err := w.Service.Hold(ctx, team, o.ID, "GRLS", command("hold", 1))
				return err
			}
		},
		"count": func(_ *testing.T, w *testworld.World) func() error {
			return func() error {
				_, err := w.Service.Count(ctx, staff("GRLS"), "GRLS", "girls", census(7, w.Now(), 1))
				return err
			}
		},
		"undo count": func(t *testing.T, w *testworld.World) func() error {
			if _, err := w.Service.Count(ctx, staff("GRLS"), "GRLS", "girls", census(7, w.Now(), 1)); err != nil {
				t.Fatal(err)
			}
			return func() error {
				_, err := w.Service.UndoCount(ctx, staff("GRLS"), "GRLS", "girls", command("undo", 2))
				return err
			}
		},
		"confirm": func(_ *testing.T, w *testworld.World) func() error {
			return func() error {
				_, err := w.Service.Confirm(ctx, staff("GRLS"), "GRLS", command("confirm", 0))
				return err
			}
		},
		"admit": func(_ *testing.T, w *testworld.World) func() error {
			return func() error {
				_, err := w.Service.Admit(ctx, staff("GRLS"), "GRLS", "girls", party.Persons, placement.Consent{}, command("walk-in", 0))
				return err
			}
		},
		"status": func(_ *testing.T, w *testworld.World) func() error {
			return func() error {
				_, err := w.Service.SetStatus(ctx, staff("GRLS"), "GRLS", shelter.Closed, command("close", 0))
				return err
			}
		},
		"surge": func(_ *testing.T, w *testworld.World) func() error {
			return func() error {
				_, _, err := w.Service.Surge(ctx, desk, "GRLS", referral.SurgeCommand{Key: "surge", Population: code.Girls, Ages: testworld.SchoolAge, Beds: 4, EndsAt: w.Now().AddDate(0, 0, 2)})
				return err
			}
		},
		"handover": func(_ *testing.T, w *testworld.World) func() error {
			return func() error { _, err := w.Service.SetHandover(ctx, staff("GRLS"), "GRLS", point, 0); return err }
		},
		"register": func(_ *testing.T, w *testworld.World) func() error {
			return func() error {
				_, _, err := w.Service.Register(ctx, ministry, home("WB-1"), command("reg", 0))
				return err
			}
		},
		"update": func(t *testing.T, w *testworld.World) func() error {
			v, _, err := w.Service.Register(ctx, ministry, home("WB-1"), command("reg", 0))
			if err != nil {
				t.Fatal(err)
			}
			next := home("WB-1")
			next.MaxStayDays = 30
			return func() error { _, err := w.Service.Update(ctx, ministry, v.ID, v.Version, next); return err }
		},
		"acknowledge": func(t *testing.T, w *testworld.World) func() error {
			o := onTheRoad(t, w)
			if _, err := w.Service.TurnAway(ctx, staff(o.Hold.Shelter), o.ID, 0, command("away", 4)); err != nil {
				t.Fatal(err)
			}
			a := alerts(t, w)[0]
			return func() error { _, err := w.Service.Acknowledge(ctx, desk, a.District, a.ID); return err }
		},
		"rescue": func(_ *testing.T, w *testworld.World) func() error {
			return func() error { _, err := w.Service.NewRescue(ctx, team, raid(2, 1, 0), command("raid", 0)); return err }
		},
		"confirm rescue": func(t *testing.T, w *testworld.World) func() error {
			o, err := w.Service.NewRescue(ctx, team, raid(2, 1, 0), command("raid", 0))
			if err != nil {
				t.Fatal(err)
			}
			return func() error { _, err := w.Service.ConfirmRescue(ctx, team, o.ID, command("go", 0)); return err }
		},
	}
	maps.Copy(all, heardCommands())
	return all
}

// A lost race and a lost answer are settled inside the call, whichever write it
// was: whoever sent it need not send it again.
func TestALostRaceOrAnswerIsSettledInsideTheCall(t *testing.T) {
	for name, prepare := range commands() {
		for trouble, once := range map[string]func(m *moody, b table.Batch) error{
			"lost race":               func(_ *moody, b table.Batch) error { return blind(b) },
			"lost before it was sent": func(*moody, table.Batch) error { return table.ErrUnknown },
			"written, the answer lost": func(m *moody, b table.Batch) error {
				return errors.Join(table.ErrUnknown, m.Store.Write(context.Background(), b))
			},
		} {
			for at, writes := 1, 1; at <= min(writes, 6); at++ {
				w, m := openMoody(t)
				do := prepare(t, w)
				sent := 0
				m.write = func(b table.Batch) error {
					if sent++; sent == at {
						return once(m, b)
					}
					return errPass
				}
				if err := do(); err != nil {
					t.Errorf("%s, %s at write %d: %v", name, trouble, at, err)
				}
				if writes = sent; sent < at {
					break
				}
			}
		}
	}
}

// Where the store does not take it, the answer is that it is busy, never that it
// was done, and it has not been tried for ever.
func TestAStoreThatNeverTakesItIsToldAsBusy(t *testing.T) {
	for name, prepare := range commands() {
		for trouble, always := range map[string]func(b table.Batch) error{
			"lost races":  blind,
			"unknown":     func(table.Batch) error { return table.ErrUnknown },
			"throttled":   func(table.Batch) error { return table.ErrBusy },
			"a full disk": func(table.Batch) error { return errors.New("no space left") },
		} {
			w, m := openMoody(t)
			do := prepare(t, w)
			sent := 0
			m.write = func(b table.Batch) error {
				if sent++; sent > 2000 {
					t.Fatalf("%s, %s: still trying", name, trouble)
				}
				return always(b)
			}
			if name == "count" && (trouble == "lost races" || trouble == "unknown") {
				continue // a census is sent until the caller's time is up
			}
			err := do()
			if broken := trouble == "a full disk"; err == nil || fault.Is(err, fault.Busy) == broken && name != "confirm rescue" {
				t.Errorf("%s, %s: %v", name, trouble, err)
			}
			if trouble == "throttled" && sent > 1 && name != "confirm rescue" {
				t.Errorf("%s, %s: %d times, though the store had tried for two seconds itself", name, trouble, sent)
			}
			m.write = nil
			if err := do(); err != nil {
				t.Errorf("%s, sent again after %s: %v", name, trouble, err)
			}
		}
	}
}

// What cannot be read is told as busy too: nothing is decided on half of it.
func TestWhatCannotBeReadIsToldAsBusy(t *testing.T) {
	ctx := context.Background()
	questions := map[string]func(w *testworld.World, o referral.Outcome) error{
		"placement": func(w *testworld.World, o referral.Outcome) error {
			_, err := w.Service.Placement(ctx, team, o.ID)
			return err
		},
		"options": func(w *testworld.World, o referral.Outcome) error {
			_, err := w.Service.Options(ctx, team, o.ID)
			return err
		},
		"explain": func(w *testworld.World, o referral.Outcome) error {
			_, _, err := w.Service.Explain(ctx, desk, o.ID)
			return err
		},
		"mine": func(w *testworld.World, _ referral.Outcome) error {
			_, _, err := w.Service.Mine(ctx, team, 5, "")
			return err
		},
		"arrivals": func(w *testworld.World, o referral.Outcome) error {
			_, _, err := w.Service.Arrivals(ctx, staff(o.Hold.Shelter), o.Hold.Shelter, 5, "")
			return err
		},
		"alerts": func(w *testworld.World, _ referral.Outcome) error {
			_, _, err := w.Service.Alerts(ctx, desk, true, 50, "")
			return err
		},
		"shelter": func(w *testworld.World, _ referral.Outcome) error {
			_, err := w.Service.Shelter(ctx, desk, "GRLS")
			return err
		},
		"handover": func(w *testworld.World, _ referral.Outcome) error {
			_, err := w.Service.Handover(ctx, staff("GRLS"), "GRLS")
			return err
		},
		"unit log": func(w *testworld.World, _ referral.Outcome) error {
			_, _, err := w.Service.UnitLog(ctx, staff("GRLS"), "GRLS", "girls", 5, "")
			return err
		},
		"must move": func(w *testworld.World, _ referral.Outcome) error {
			_, err := w.Service.MustMove(ctx, staff("GRLS"), "GRLS")
			return err
		},
		"caller": func(w *testworld.World, _ referral.Outcome) error {
			w.Pass(2 * time.Minute)
			_, err := w.Service.Caller(ctx, testworld.Team)
			return err
		},
		"lapse": func(w *testworld.World, _ referral.Outcome) error { _, err := w.Service.Lapse(ctx); return busy(err) },
		"match": func(w *testworld.World, _ referral.Outcome) error {
			_, err := w.Service.MatchWaiting(ctx)
			return busy(err)
		},
		"days": func(w *testworld.World, _ referral.Outcome) error {
			_, err := w.Service.DailyCensus(ctx, ministry, testworld.District, w.Now().AddDate(0, 0, -9), w.Now())
			return err
		},
		"verify": func(w *testworld.World, _ referral.Outcome) error {
			_, err := w.Service.Verify(ctx, false)
			return busy(err)
		},
	}
	maps.Copy(questions, heardQuestions())
	for name, ask := range questions {
		w, m := openMoody(t)
		o := request(t, w, "before", true)
		reads := 0
		m.read = func() error { reads++; return nil }
		if err := ask(w, o); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for n := range min(reads, 8) {
			w, m := openMoody(t)
			o := request(t, w, "before", true)
			left := n
			m.read = func() error {
				if left--; left < 0 {
					return table.ErrBusy
				}
				return nil
			}
			if err := ask(w, o); !fault.Is(err, fault.Busy) && !fault.Is(err, fault.DirectoryCold) {
				t.Errorf("%s with read %d of %d in trouble: %v", name, n+1, reads, err)
			}
		}
	}
}

// busy is what a caller would be told of the clock's own errors.
func busy(err error) error {
	if errors.Is(err, table.ErrBusy) {
		return fault.New(fault.Busy, "busy")
	}
	return err
}

// Each change says who asked for it; what the clock does by itself names nobody.
func TestAChangeNamesWhoAskedForIt(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	s := w.Service
	by := func(what string, p placement.Placement, err error, want string) {
		t.Helper()
		if err != nil || p.By != want {
			t.Errorf("%s: by %q, want %q, %v", what, p.By, want, err)
		}
	}
	o := request(t, w, "one", true)
	by("request", o.Placement, nil, team.Subject)
	first := o.Hold.Shelter
	o, err := s.Decline(ctx, staff(first), o.ID, 0, command("decline", 1))
	by("decline", o.Placement, err, staff(first).Subject)
	w.Pass(time.Hour)
	if _, err := s.Lapse(ctx); err != nil {
		t.Fatal(err)
	}
	p, err := s.Placement(ctx, team, o.ID)
	by("lapse", p, err, "")
	ruled, err := s.Decide(ctx, desk, o.ID, referral.DecideCommand{Command: command("decide", 0), What: 1})
	by("decide", ruled.Placement, err, desk.Subject)
	walk, err := s.Admit(ctx, staff("GRLS"), "GRLS", "girls", girl().Persons, placement.Consent{}, command("walk-in", 0))
	by("admit", walk.Placement, err, staff("GRLS").Subject)
	two := girl()
	two.Persons = append(two.Persons, two.Persons[0])
	pair, err := s.Request(ctx, team, two, command("two", 0))
	by("request of two", pair.Placement, err, team.Subject)
	if pair, err = s.Decline(ctx, staff(pair.Hold.Shelter), pair.ID, 0, command("decline two", 1)); err != nil {
		t.Fatal(err)
	}
	stay, apart, err := s.Split(ctx, team, pair.ID, []int{1}, code.ChosenByCommittee, command("split", 2))
	by("split", stay.Placement, err, team.Subject)
	p, err = s.Placement(ctx, team, apart)
	by("who goes apart", p, err, team.Subject)
	r, err := s.NewRescue(ctx, team, raid(1, 1, 0), command("raid", 0))
	if err == nil {
		r, err = s.ConfirmRescue(ctx, team, r.ID, command("go", 0))
	}
	if err != nil {
		t.Fatal(err)
	}
	for i, party := range r.Parties {
		by(fmt.Sprint("party ", i), *party.Placement, nil, team.Subject)
	}
	mate := team
	mate.Subject = "another of the team"
	full := raid(0, 0, 8) // five beds for women are free
	late, err := s.NewRescue(ctx, team, full, command("full raid", 0))
	if err == nil {
		late, err = s.ConfirmRescue(ctx, team, late.ID, command("full go", 0))
	}
	if err == nil {
		_, err = s.Count(ctx, staff("WOMN"), "WOMN", "women", referral.CensusCommand{IfMatch: 1, Census: shelter.Census{CountedAt: w.Now(), Present: 10, Staffed: 25}})
	}
	if err == nil {
		late, err = s.PlanRescue(ctx, mate, late.ID, command("again", 0))
	}
	if err == nil {
		late, err = s.ConfirmRescue(ctx, mate, late.ID, command("again go", 0))
	}
	names := map[string]int{}
	for _, party := range late.Parties {
		if party.Placement != nil && party.Placement.State == placement.Held {
			names[party.Placement.By]++
		}
	}
	if err != nil || names[team.Subject] != 5 || names[mate.Subject] != 3 {
		t.Errorf("parties are held by %v, %v", names, err)
	}
	imported(t, s, ministry, header+"S-1,IN-LGD-315,childrens_home,none,2027-12-31,active,a,girls,6-11;12-14;15-17,30,2026-11-24,20,2,15\n", referral.Import{})
	for x := range mustWorld(t, s).All() {
		if x.RegistryKey == "S-1" && (x.By != ministry.Subject || x.Units[0].By != ministry.Subject) {
			t.Errorf("import: by %q and %q", x.By, x.Units[0].By)
		}
	}
	for name, who := range map[string]func() (string, error){
		"count": func() (string, error) {
			u, err := s.Count(ctx, staff("GRLS"), "GRLS", "girls", census(7, w.Now(), 1))
			return u.By, err
		},
		"confirm": func() (string, error) {
			w.Pass(time.Minute)
			v, err := s.Confirm(ctx, staff("HOMB"), "HOMB", command("confirm", 0))
			return v.Units[0].By, err
		},
		"close": func() (string, error) {
			v, err := s.SetStatus(ctx, staff("MENS"), "MENS", shelter.Closed, command("close", 0))
			return v.By, err
		},
	} {
		got, err := who()
		if want := map[string]string{"count": "GRLS", "confirm": "HOMB", "close": "MENS"}[name]; err != nil || got != staff(want).Subject {
			t.Errorf("%s: by %q, %v", name, got, err)
		}
	}
	v, _, err := s.Register(ctx, ministry, home("WB-9"), command("reg", 0))
	if err != nil || v.By != ministry.Subject {
		t.Errorf("register: by %q, %v", v.By, err)
	}
	u, _, err := s.Surge(ctx, desk, "WOMN", referral.SurgeCommand{Key: "surge", Population: code.Women, Ages: code.AdultBands, Beds: 4, EndsAt: w.Now().AddDate(0, 0, 2)})
	if err != nil || u.By != desk.Subject {
		t.Errorf("surge: by %q, %v", u.By, err)
	}
}

// A refused move lists what the sender could do instead, at that instant.
func TestARefusedMoveListsWhatTheSenderCouldDo(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	s := w.Service
	o := request(t, w, "one", true)
	allowed := func(err error) string {
		f, ok := fault.Of(err)
		if !ok {
			return fmt.Sprint(err)
		}
		return fmt.Sprint(f.Kind, f.Allowed)
	}
	_, err := s.Depart(ctx, team, o.ID, true, nil, command("depart", 1))
	if f, _ := fault.Of(err); f == nil || f.Kind != fault.IllegalMove || contains(f.Allowed, "depart") || contains(f.Allowed, "accept") || !contains(f.Allowed, "release") {
		t.Errorf("depart while held: %s", allowed(err))
	}
	_, err = s.Extend(ctx, team, o.ID, command("extend", 7))
	if f, _ := fault.Of(err); f == nil || f.Kind != fault.StaleVersion || fmt.Sprint(f.Allowed) == "[]" {
		t.Errorf("on another version: %v", err)
	} else if got := fmt.Sprint(f.Allowed); !contains(f.Allowed, "extend") || !contains(f.Allowed, "cancel") {
		t.Errorf("on another version, allowed are %s", got)
	}
	w.Pass(31 * time.Minute)
	_, err = s.Extend(ctx, team, o.ID, command("late", 1))
	if f, _ := fault.Of(err); f == nil || f.Kind != fault.HoldLapsed || contains(f.Allowed, "extend") || !contains(f.Allowed, "cancel") {
		t.Errorf("after its end: %s", allowed(err))
	}
	_, err = s.Accept(ctx, staff(o.Hold.Shelter), o.ID, command("accept", 1))
	if f, _ := fault.Of(err); f == nil || f.Kind != fault.HoldLapsed || contains(f.Allowed, "accept") || contains(f.Allowed, "cancel") {
		t.Errorf("the shelter after its end: %s", allowed(err))
	}
	_, err = s.Correct(ctx, team, o.ID, nil, command("correct", 1))
	if f, _ := fault.Of(err); f == nil || f.Kind != fault.Invalid || f.Allowed != nil {
		t.Errorf("a wrong field lists moves: %s", allowed(err))
	}
}

func contains(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}

// After a correction the desk is told where the shelter may not keep the party;
// what passes by itself, or is about beds they have already, is no reason.
func TestACorrectionTellsTheDeskWhereThePartyMayNotStay(t *testing.T) {
	ctx := context.Background()
	for _, c := range []struct {
		name   string
		change func(p *placement.Person)
		told   bool
	}{
		{"nothing is wrong", func(*placement.Person) {}, false},
		{"she is an adult", func(p *placement.Person) { p.Age, p.PlaceWith = code.Age25To59, code.Women }, true},
		{"she is five", func(p *placement.Person) { p.Age = code.Age0To5 }, true},
		{"she sleeps with boys", func(p *placement.Person) { p.PlaceWith = code.Boys }, true},
		{"she needs what the house has not", func(p *placement.Person) { p.Needs = code.Of(code.Need(5)) }, true},
	} {
		w := testworld.Open(t)
		r := girl()
		r.ExcludedShelters = []string{"HOMA", "HOMB"}
		o, err := w.Service.Request(ctx, team, r, command("one", 0))
		if err != nil || o.Hold.Shelter != "GRLS" {
			t.Fatalf("held at %s, %v", o.Hold.Shelter, err)
		}
		// Meanwhile it is full, its counts are old and it is closed for the night.
		for _, key := range []string{"two", "three"} {
			if _, err := w.Service.Request(ctx, team, r, command(key, 0)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.Service.Count(ctx, staff("GRLS"), "GRLS", "girls", census(38, w.Now(), 1)); err != nil {
			t.Fatal(err)
		}
		persons := []placement.Person{o.Request.Persons[0]}
		c.change(&persons[0])
		if _, err := w.Service.Correct(ctx, team, o.ID, persons, command("correct", 1)); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		list := alerts(t, w)
		if told := len(list) == 1 && list[0].Kind == placement.AlertMustMove; told != c.told || len(list) > 1 {
			t.Errorf("%s: alerts %+v", c.name, list)
		}
	}
}

// Beds came free where a unit has more of them than before, and some at all.
func TestBedsCameFreeWhereThereAreMoreThanBefore(t *testing.T) {
	unit := func(free int) *table.Item {
		return &table.Item{Key: table.Key{PK: "S#HOME", SK: "U#girls"}, Guard: &table.Guard{Free: free}}
	}
	other := &table.Item{Key: table.Key{PK: "S#HOME", SK: "S"}, Guard: &table.Guard{Free: 9}}
	for _, c := range []struct {
		name     string
		old, new *table.Item
		freed    bool
	}{
		{"one more", unit(1), unit(2), true}, {"as many", unit(2), unit(2), false}, {"fewer", unit(2), unit(1), false},
		{"over capacity before, full now", unit(-2), unit(0), false}, {"over capacity before, one free now", unit(-2), unit(1), true},
		{"a new unit with beds", nil, unit(1), true}, {"a new unit without", nil, unit(0), false},
		{"a unit that was dropped", unit(1), nil, false}, {"no unit", nil, other, false},
		{"a unit without a guard", unit(1), &table.Item{Key: unit(1).Key}, false},
		{"a unit that had no guard", &table.Item{Key: unit(1).Key}, unit(1), true},
	} {
		if got := referral.Freed([]table.Change{{Old: unit(5), New: unit(5)}, {Old: c.old, New: c.new}}); got != c.freed {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// The clock looks at once, and again until its time is up or it is told to stop.
func TestTheClockWatchesForItsSpan(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	o := request(t, w, "one", true)
	w.Pass(time.Hour)
	if err := w.Service.Watch(ctx, 0, time.Hour); err != nil {
		t.Fatal(err)
	}
	if p, err := w.Service.Placement(ctx, team, o.ID); err != nil || p.Hold.No != 2 {
		t.Errorf("nothing lapsed: %+v, %v", p.Hold, err)
	}
	stopped, stop := context.WithCancel(ctx)
	stop()
	if err := w.Service.Watch(stopped, time.Hour, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("told to stop: %v", err)
	}
}

// Who is asked again within a minute is not read again; whoever is in no team is
// remembered too.
func TestACallerIsReadOnceAMinute(t *testing.T) {
	ctx := context.Background()
	w, m := openMoody(t)
	reads := 0
	m.read = func() error { reads++; return nil }
	for _, who := range []string{testworld.Team, testworld.Nobody} {
		reads = 0
		for range 3 {
			c, err := w.Service.Caller(ctx, who)
			if known := who == testworld.Team; (err == nil) != known || known && c != (caller.Caller{Subject: testworld.Team, Role: caller.Rescue, Scope: "team-a"}) {
				t.Errorf("%s: %+v, %v", who, c, err)
			}
		}
		if w.Pass(time.Minute - time.Second); reads != 1 {
			t.Errorf("%s was read %d times", who, reads)
		}
		_, _ = w.Service.Caller(ctx, who)
		if reads != 1 {
			t.Errorf("%s was read %d times within a minute", who, reads)
		}
		w.Pass(time.Second)
		if _, _ = w.Service.Caller(ctx, who); reads != 2 {
			t.Errorf("%s was read %d times after a minute", who, reads)
		}
	}
	if _, err := w.Service.Caller(ctx, ""); !fault.Is(err, fault.Unauthorized) {
		t.Errorf("nobody at all: %v", err)
	}
}

// A process is warm once the directory is there: no request waits for it.
func TestAWarmProcessReadsNoDirectoryForARequest(t *testing.T) {
	ctx := context.Background()
	w, m := openMoody(t)
	reads := 0
	m.read = func() error { reads++; return nil }
	if err := w.Service.Warm(ctx); err != nil || reads == 0 {
		t.Fatalf("%d reads, %v", reads, err)
	}
	cold, mc := openMoody(t)
	mc.read = func() error { return table.ErrBusy }
	if err := cold.Service.Warm(ctx); !fault.Is(err, fault.DirectoryCold) {
		t.Errorf("without a store: %v", err)
	}
}

func mustWorld(t *testing.T, s *referral.Service) matching.World {
	t.Helper()
	w, err := s.World(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return w
}
