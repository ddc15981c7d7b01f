package referral_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"panah/internal/embedded"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/referral"
	"panah/internal/shelter"
	"panah/internal/table"
	"panah/internal/testworld"
)

// limitTo sets how many people a shelter takes in a day.
func limitTo(t *testing.T, w *testworld.World, n int) {
	t.Helper()
	v, err := w.Service.Shelter(context.Background(), ministry, "LIMI")
	if err != nil {
		t.Fatal(err)
	}
	facts := shelter.Facts(v.Shelter, v.Units)
	facts.DailyIntake = shelter.LimitOf(n)
	if _, err := w.Service.Update(context.Background(), ministry, "LIMI", v.Edition(), facts); err != nil {
		t.Fatal(err)
	}
}

// Four were on their way, here or only held before the limit was set.
func TestALimitOfPeopleADayCountsThoseWhoWereToComeBeforeItWasSet(t *testing.T) {
	w := testworld.Open(t)
	wanted := limitedHome(t, w, 0)
	ctx, s := context.Background(), w.Service
	ask := func(key string) referral.Outcome {
		t.Helper()
		o, err := s.Request(ctx, team, wanted(), command(key, 0))
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	moved := func(o referral.Outcome, err error) referral.Outcome {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	here, road, held, away := ask("here"), ask("road"), ask("held"), ask("away")
	moved(s.Receive(ctx, staff("LIMI"), here.ID, command("came", 0)))
	moved(s.Accept(ctx, staff("LIMI"), road.ID, command("yes", road.Version)))
	limitTo(t, w, 5)
	expected := func(when string, n int) {
		t.Helper()
		if d := door(t, w); d.On(today(w), w.Now()) != n {
			t.Errorf("%s: the door expects %d, want %d: %v", when, d.On(today(w), w.Now()), n, d.All())
		}
		clean(t, w, when)
	}
	expected("the limit is set", 4)
	moved(s.Cancel(ctx, team, away.ID, 0, command("cancel", away.Version)))
	expected("one does not come", 3)
	held = moved(s.Accept(ctx, staff("LIMI"), held.ID, command("yes too", held.Version)))
	w.Pass(time.Hour)
	expected("a hold is accepted and does not lapse", 3)
	if a, b, c := ask("a"), ask("b"), ask("c"); a.State != placement.Held || b.State != placement.Held || c.State == placement.Held {
		t.Errorf("beside three of five a day: %s, %s, %s", a.State, b.State, c.State)
	}
	moved(s.Receive(ctx, staff("LIMI"), held.ID, command("came too", 0)))
	expected("it has come", 5)
}

// The door is lost, or the process was before it could write it.
// Whoever sets a limit is a moment slower than a move at the same door: who was to
// come is noted all the same.
func TestANewLimitCountsThoseWhoWereToComeThoughItsDoorIsWrittenMeanwhile(t *testing.T) {
	raw, err := embedded.Open(filepath.Join(t.TempDir(), "panah.db"), embedded.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close() })
	m := &meanwhile{Store: raw}
	w := testworld.On(t, m)
	wanted := limitedHome(t, w, 0)
	ctx, s := context.Background(), w.Service
	for i := range 2 {
		made(t)(s.Request(ctx, team, wanted(), command(fmt.Sprint("ask ", i), 0)))
	}
	m.item = record.DoorKey("LIMI")
	m.do = func() {
		it := record.FromDoor(shelter.Door{Shelter: "LIMI"})
		if err := raw.Write(ctx, table.Batch{WriteID: w.NewID(), Ops: []table.Op{table.PutOp(it, 0)}}); err != nil {
			t.Error(err)
		}
	}
	limitTo(t, w, 5)
	if d := door(t, w); m.do != nil || d.On(today(w), w.Now()) != 2 {
		t.Errorf("the door expects %d: %v", d.On(today(w), w.Now()), d.All())
	}
	clean(t, w, "limited")
}

func TestAShelterAnsweringYesNotesAtTheDoorWhoWasHeldBeforeTheLimit(t *testing.T) {
	w := testworld.Open(t)
	wanted := limitedHome(t, w, 0)
	ctx, s := context.Background(), w.Service
	o, err := s.Request(ctx, team, wanted(), command("ask", 0))
	if err != nil {
		t.Fatal(err)
	}
	limitTo(t, w, 1)
	lost := shelter.Door{Shelter: "LIMI"}
	if err := w.Store.Write(ctx, table.Batch{WriteID: w.NewID(), Ops: []table.Op{table.PutOp(record.FromDoor(lost), door(t, w).Version)}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Accept(ctx, staff("LIMI"), o.ID, command("yes", o.Version)); err != nil {
		t.Fatal(err)
	}
	if d := door(t, w); d.On(today(w), w.Now()) != 1 {
		t.Errorf("the door expects %v", d.All())
	}
	clean(t, w, "accepted")
}

// It was said that they came yesterday, and taken back: they come today, as was
// promised, and nobody else does beyond the limit.
func TestAnArrivalTakenBackGivesTheDoorBackItsDay(t *testing.T) {
	w := testworld.Open(t)
	wanted := limitedHome(t, w, shelter.LimitOf(1))
	ctx, s := context.Background(), w.Service
	ask := func(key string) referral.Outcome {
		t.Helper()
		r := wanted()
		r.RescuedAt = w.Now().Add(-48 * time.Hour)
		o, err := s.Request(ctx, team, r, command(key, 0))
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	o := ask("ask")
	o, err := s.Accept(ctx, staff("LIMI"), o.ID, command("yes", o.Version))
	if err != nil {
		t.Fatal(err)
	}
	came := command("came", 0)
	came.OccurredAt = w.Now().Add(-24 * time.Hour)
	if o, err = s.Receive(ctx, staff("LIMI"), o.ID, came); err != nil || o.Hold.Day != today(w)-1 {
		t.Fatal(o.Hold.Day, err)
	}
	if o, err = s.Undo(ctx, staff("LIMI"), o.ID, command("undo", o.Version)); err != nil || o.Hold.Day != today(w) {
		t.Errorf("taken back it is expected on day %d of %d, %v", o.Hold.Day, today(w), err)
	}
	if d := door(t, w); d.On(today(w), w.Now()) != 1 || d.On(today(w)-1, w.Now()) != 0 {
		t.Errorf("the door expects %v", d.All())
	}
	if second := ask("second"); second.State == placement.Held {
		t.Error("a second one is held where one a day comes")
	}
	clean(t, w, "taken back")
}

// The answer to a new limit is lost before its door was written; who sends it again
// has those counted who were to come.
func TestANewLimitWhoseAnswerWasLostCountsThoseWhoWereToCome(t *testing.T) {
	ctx := context.Background()
	w, m := openMoody(t)
	wanted := limitedHome(t, w, 0)
	if _, err := w.Service.Request(ctx, team, wanted(), command("ask", 0)); err != nil {
		t.Fatal(err)
	}
	m.write = func(b table.Batch) error {
		m.write = nil
		return errors.Join(table.ErrUnknown, m.Store.Write(ctx, b))
	}
	limitTo(t, w, 5)
	if d := door(t, w); d.On(today(w), w.Now()) != 1 {
		t.Errorf("the door expects %d", d.On(today(w), w.Now()))
	}
	clean(t, w, "the limit is set")
}
