package referral_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"panah/internal/caller"
	"panah/internal/code"
	"panah/internal/embedded"
	"panah/internal/fault"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/referral"
	"panah/internal/shelter"
	"panah/internal/table"
	"panah/internal/testworld"
)

// asked counts questions about pauses.
type asked struct {
	table.Store
	pauses int
}

func (a *asked) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if q.PK == record.PausePartition {
		a.pauses++
	}
	return a.Store.Query(ctx, q)
}

// What is paused is believed for half a minute, and no longer.
func TestPausesAreReadOnceInHalfAMinute(t *testing.T) {
	raw, err := embedded.Open(filepath.Join(t.TempDir(), "panah.db"), embedded.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close() })
	a := &asked{Store: raw}
	w := testworld.On(t, a)
	for i, c := range []struct {
		after time.Duration
		want  int
	}{{0, 1}, {time.Second, 1}, {28 * time.Second, 1}, {time.Second, 2}, {29 * time.Second, 2}, {time.Hour, 3}} {
		w.Pass(c.after)
		request(t, w, fmt.Sprint("ask ", i), false)
		if a.pauses != c.want {
			t.Errorf("%s later: read %d times, want %d", c.after, a.pauses, c.want)
		}
	}
}

// A shelter has so many units and no more, with those of earlier surges.
func TestAShelterHasSoManyUnitsAndNoMore(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	var units []shelter.Unit
	for i := range shelter.MaxUnits - 1 {
		units = append(units, testworld.Unit("MANY", fmt.Sprintf("u%02d", i), code.Girls, testworld.SchoolAge, 5, 0))
	}
	w.Add(t, testworld.Home("MANY", testworld.District, code.ChildrensHome, units...))
	for i, want := range []fault.Kind{"", fault.TooManyMoves} {
		_, _, err := w.Service.Surge(ctx, desk, "MANY", referral.SurgeCommand{Key: fmt.Sprint("surge ", i), Population: code.Girls, Ages: testworld.SchoolAge, Beds: 4, EndsAt: w.Now().AddDate(0, 0, 2)})
		if want == "" && err != nil || want != "" && !fault.Is(err, want) {
			t.Errorf("unit %d: %v", shelter.MaxUnits+i, err)
		}
	}
}

// Where the last answer of a confirmation is lost on its way, or another process was
// faster to finish it, what is told is what is stored.
func TestAConfirmationThatMissesItsLastAnswerTellsWhatIsStored(t *testing.T) {
	ctx := context.Background()
	writes := 0
	for _, lost := range []bool{false, true} { // first to count them
		w, m := openMoody(t)
		o, err := w.Service.NewRescue(ctx, team, raid(1, 1, 0), command("raid", 0))
		if err != nil {
			t.Fatal(err)
		}
		last := writes
		writes = 0
		m.write = func(b table.Batch) error {
			if writes++; lost && writes == last {
				return errors.Join(table.ErrUnknown, m.Store.Write(ctx, b))
			}
			return errPass
		}
		o, err = w.Service.ConfirmRescue(ctx, team, o.ID, command("go", 0))
		if err != nil || o.State != placement.RescueConfirmed || tally(o)["held"] != 2 {
			t.Errorf("lost %t: %v, %v, %v", lost, o.State, tally(o), err)
		}
	}
}

// Who is refused because of a newer count is shown both: what is stored, and what
// they sent.
func TestACountThatIsRefusedShowsBoth(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	at := w.Now().Add(-time.Minute)
	_, err := w.Service.Count(ctx, staff("GRLS"), "GRLS", "girls", census(7, at, 9))
	f, ok := fault.Of(err)
	stored := w.Unit(t, "GRLS", "girls")
	if !ok || f.Kind != fault.Precondition || f.Sent != (referral.Both{Census: 9, Staffed: 40, Present: 7, CountedAt: at}) ||
		f.Current != (referral.Both{Census: 1, Staffed: 40, Present: 10, CountedAt: stored.CountedAt}) {
		t.Errorf("%+v", f)
	}
}

// What is answered of a handover point has the version that is stored.
func TestAHandoverPointIsAnsweredAtItsVersion(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	for want := range uint64(3) {
		point := shelter.Handover{Point: fmt.Sprint("gate ", want), Meeting: "the station"}
		h, err := w.Service.SetHandover(ctx, staff("GRLS"), "GRLS", point, want)
		if err != nil || h.Version != want+1 {
			t.Fatalf("answered version %d, %v", h.Version, err)
		}
		if stored, err := w.Service.Handover(ctx, staff("GRLS"), "GRLS"); err != nil || stored.Version != h.Version || stored.Point != point.Point {
			t.Errorf("stored %+v, %v", stored, err)
		}
	}
}

// A device is given so many changes at a time: pages of its book are not divided,
// and no further one is begun once there are enough.
func TestADeviceIsGivenSoManyAtATime(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	for page, n := range []int{2, 1, 1} {
		for i := range n {
			request(t, w, fmt.Sprint("page ", page, " ", i), false)
		}
		w.Feed(t)
	}
	var since string
	for _, want := range []struct {
		n    int
		more bool
	}{{2, true}, {2, false}, {0, false}} {
		d, err := w.Service.Sync(ctx, testworld.Team, since, 2)
		if err != nil || len(d.Placements) != want.n || d.More != want.more || d.Reset != (since == "") {
			t.Errorf("given %d, more %t, anew %t, %v, want %+v", len(d.Placements), d.More, d.Reset, err, want)
		}
		since = d.Cursor
	}
}

// Facts of a shelter are signed by whoever changed them last.
func TestAnUpdateIsSignedByWhoeverSentIt(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	v, _, err := w.Service.Register(ctx, ministry, home("WB-1"), command("reg", 0))
	if err != nil {
		t.Fatal(err)
	}
	other := ministry
	other.Subject = "subject-another-ministry"
	facts := home("WB-1")
	facts.MaxStayDays = 30
	next, err := w.Service.Update(ctx, other, v.ID, v.Version, facts)
	stored, serr := w.Service.Shelter(ctx, ministry, v.ID)
	if err != nil || serr != nil || next.By != other.Subject || stored.By != other.Subject {
		t.Errorf("by %q, stored %q, %v, %v", next.By, stored.By, err, serr)
	}
}

// Only the same words of the same person over the same version are a repeat; whoever
// else writes over it is told that it was changed.
func TestOnlyTheSameHandoverPointSentAgainIsARepeat(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	s, first := w.Service, shelter.Handover{Point: "the gate", Meeting: "the station"}
	made, err := s.SetHandover(ctx, staff("GRLS"), "GRLS", first, 0)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := s.SetHandover(ctx, staff("GRLS"), "GRLS", first, 0); err != nil || again.Code != made.Code || again.Version != made.Version {
		t.Errorf("sent again: %+v, %v", again, err)
	}
	other := staff("GRLS")
	other.Subject = "another of the house"
	for name, c := range map[string]struct {
		who caller.Caller
		h   shelter.Handover
	}{
		"another person":        {other, first},
		"another gate":          {staff("GRLS"), shelter.Handover{Point: "the back gate", Meeting: first.Meeting}},
		"another meeting place": {staff("GRLS"), shelter.Handover{Point: first.Point, Meeting: "the market"}},
	} {
		if _, err := s.SetHandover(ctx, c.who, "GRLS", c.h, 0); !fault.Is(err, fault.Precondition) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if now, err := s.Handover(ctx, staff("GRLS"), "GRLS"); err != nil || now != made {
		t.Errorf("it is %+v, %v", now, err)
	}
}

// Numbers count as whoever wrote them: the same numbers of another person are no repeat.
func TestTheSameNumbersOfAnotherPersonAreNoRepeat(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	registerPhone(t, w)
	if have, err := w.Service.SetNumbers(ctx, staff("HOMA"), "HOMA", []string{staffPhone}, 0); err != nil || have.Version != 1 {
		t.Errorf("sent again: %+v, %v", have, err)
	}
	other := staff("HOMA")
	other.Subject = "another of the house"
	if have, err := w.Service.SetNumbers(ctx, other, "HOMA", []string{staffPhone}, 0); !fault.Is(err, fault.Precondition) {
		t.Errorf("another person: %+v, %v", have, err)
	}
}
