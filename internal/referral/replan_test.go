package referral_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
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

// rivals is a store in which others are a moment faster than writes that take beds.
type rivals struct {
	table.Store
	takes int // writes that take beds
	do    func(n int, taken []table.Key)
}

func (r *rivals) Write(ctx context.Context, b table.Batch) error {
	var taken []table.Key
	for _, op := range b.Ops {
		if record.IsUnit(op.Key()) {
			taken = append(taken, op.Key())
		}
	}
	if do := r.do; len(taken) > 0 && do != nil {
		r.do = nil // not before what it does itself
		r.takes++
		do(r.takes, taken)
		r.do = do
	}
	return r.Store.Write(ctx, b)
}

func openRivals(t *testing.T) (*testworld.World, *rivals) {
	t.Helper()
	raw, err := embedded.Open(filepath.Join(t.TempDir(), "panah.db"), embedded.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close() })
	r := &rivals{Store: raw}
	return testworld.On(t, r), r
}

// Where the beds of a plan are gone, and those of the next plan too, a third is made.
func TestAPartyWhoseBedsAreGoneTwiceIsPlannedAThirdTime(t *testing.T) {
	ctx := context.Background()
	w, r := openRivals(t)
	o, err := w.Service.NewRescue(ctx, team, raid(1, 0, 0), command("raid", 0))
	if err != nil {
		t.Fatal(err)
	}
	var gone []string
	r.do = func(_ int, taken []table.Key) {
		for _, id := range []string{"GRLS", "HOMA", "HOMB"} {
			if len(gone) == 2 || !slices.Contains(taken, record.UnitKey(id, "girls")) {
				continue
			}
			gone = append(gone, id)
			how := referral.CensusCommand{IfMatch: w.Unit(t, id, "girls").Census, Census: shelter.Census{CountedAt: w.Now(), Present: 40, Staffed: w.Unit(t, id, "girls").Sanctioned}}
			if _, err := w.Service.Count(ctx, staff(id), id, "girls", how); err != nil {
				t.Error(err)
			}
		}
	}
	if o, err = w.Service.ConfirmRescue(ctx, team, o.ID, command("go", 0)); err != nil {
		t.Fatal(err)
	}
	if p := o.Parties[0].Placement; p == nil || p.State != placement.Held || slices.Contains(gone, p.Hold.Shelter) || len(gone) != 2 {
		t.Errorf("%+v, though only %v are full", p, gone)
	}
}

// One of a group that is held together moves at the very instant: the others are
// held with the next write, and not after many.
func TestAPartyThatMovesMeanwhileCostsItsGroupOneWrite(t *testing.T) {
	ctx := context.Background()
	w, r := openRivals(t)
	plan := raid(2, 0, 0)
	plan.Common.ExcludedShelters = []string{"HOMA", "HOMB"}
	for i := range plan.Parties {
		plan.Parties[i].ExcludedShelters = plan.Common.ExcludedShelters
	}
	o, err := w.Service.NewRescue(ctx, team, plan, command("raid", 0))
	if err != nil {
		t.Fatal(err)
	}
	other := o.PartyID(o.Plan[1].Party)
	r.do = func(n int, _ []table.Key) {
		if n == 1 {
			if _, err := w.Service.Cancel(ctx, team, other, 0, command("cancel", 1)); err != nil {
				t.Error(err)
			}
		}
	}
	if o, err = w.Service.ConfirmRescue(ctx, team, o.ID, command("go", 0)); err != nil {
		t.Fatal(err)
	}
	if got := tally(o); got["held"] != 1 || got["cancelled"] != 1 || r.takes > 3 {
		t.Errorf("%v after %d writes", got, r.takes)
	}
}

// Who has been cancelled before anybody came takes no bed of a new plan.
func TestANewPlanHasNoBedsForWhoIsCancelled(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	s := w.Service
	r := raid(6, 0, 0)
	r.Common.ExcludedShelters = []string{"HOMA", "HOMB", "FULL", "LATE"}
	for i := range r.Parties {
		r.Parties[i].ExcludedShelters = r.Common.ExcludedShelters
	}
	full := referral.CensusCommand{IfMatch: w.Unit(t, "GRLS", "girls").Census, Census: shelter.Census{CountedAt: w.Now(), Present: 40, Staffed: 40}}
	if _, err := s.Count(ctx, staff("GRLS"), "GRLS", "girls", full); err != nil {
		t.Fatal(err)
	}
	o, err := s.NewRescue(ctx, team, r, command("raid", 0))
	if err != nil {
		t.Fatal(err)
	}
	if o, err = s.ConfirmRescue(ctx, team, o.ID, command("go", 0)); err != nil || tally(o)["waitlisted"] != 6 {
		t.Fatal(tally(o), err)
	}
	for i, p := range o.Parties[:5] {
		made(t)(s.Cancel(ctx, team, p.Placement.ID, 0, command(fmt.Sprint("cancel ", i), p.Placement.Version)))
	}
	w.Pass(time.Minute)
	one := referral.CensusCommand{IfMatch: w.Unit(t, "GRLS", "girls").Census, Census: shelter.Census{CountedAt: w.Now(), Present: 39, Staffed: 40}}
	if _, err := s.Count(ctx, staff("GRLS"), "GRLS", "girls", one); err != nil {
		t.Fatal(err)
	}
	if o, err = s.PlanRescue(ctx, team, o.ID, command("again", 0)); err != nil {
		t.Fatal(err)
	}
	if p := o.Parties[5].Plan; p.Option == nil || p.Option.Candidate.ID != "GRLS" {
		t.Errorf("the one who is left is planned nowhere: %+v", p)
	}
}

// A store that breaks while beds are being held is told, and nobody waits for beds
// that are there: the clock goes on with the rescue.
func TestNobodyWaitsForBedsBecauseTheStoreBroke(t *testing.T) {
	ctx := context.Background()
	w, m := openMoody(t)
	s := w.Service
	o, err := s.NewRescue(ctx, team, raid(2, 0, 0), command("raid", 0))
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("no space left")
	m.write = func(b table.Batch) error {
		if slices.ContainsFunc(b.Ops, func(op table.Op) bool { return record.IsUnit(op.Key()) }) {
			return broken
		}
		return errPass
	}
	if _, err := s.ConfirmRescue(ctx, team, o.ID, command("go", 0)); !errors.Is(err, broken) {
		t.Errorf("it says %v", err)
	}
	if o, err = s.Rescue(ctx, team, o.ID); err != nil || o.State != placement.RescueConfirming || tally(o)["requested"] != 2 {
		t.Errorf("%s: %v, %v", o.State, tally(o), err)
	}
	m.write = nil
	w.Pass(time.Minute)
	if _, err := s.Lapse(ctx); err != nil {
		t.Fatal(err)
	}
	if o, err = s.Rescue(ctx, team, o.ID); err != nil || o.State != placement.RescueConfirmed || tally(o)["held"] != 2 {
		t.Errorf("%s: %v, %v", o.State, tally(o), err)
	}
}
