package placement_test

import (
	"slices"
	"testing"

	"panah/internal/code"
	"panah/internal/placement"
)

// What was noted for one state is not carried into the next.
func TestAMoveLeavesNothingOfTheStateBefore(t *testing.T) {
	p := accepted(t, 1)
	p.LateTold, p.Seek, p.Same = true, true, 2
	p, _, err := p.Cancel(0, minutes(5))
	if err != nil || p.LateTold || p.Seek || p.Same != 0 {
		t.Errorf("told late %v, sought %v, the same as version %d, %v", p.LateTold, p.Seek, p.Same, err)
	}
}

// Each yes begins anew: who looked at the door of the shelter before, and how sure
// its yes was, is of no account.
func TestANewYesKnowsNothingOfTheLast(t *testing.T) {
	p := held(t, 1)
	p.ByPhone, p.Looks = true, []placement.Look{{By: "escort", At: now}}
	p, _, err := p.Accept("AB", "CD", minutes(1))
	if err != nil || p.ByPhone || !p.EscortMayBe("another") {
		t.Errorf("by phone %v, looked at by %v, %v", p.ByPhone, p.Looks, err)
	}
}

// After a correction, and after a transfer has ended a stay, nothing done before is
// taken back.
func TestWhatMayNotBeTakenBackAnyMore(t *testing.T) {
	p := arrived(t, 1)
	if p.UndoUntil().IsZero() {
		t.Fatal("an arrival cannot be taken back")
	}
	corrected, _, err := p.Correct(persons(1), minutes(3))
	if err != nil || !corrected.UndoUntil().IsZero() {
		t.Errorf("corrected: until %v, %v", corrected.UndoUntil(), err)
	}
	ended, _, err := p.EndByTransfer(minutes(3), minutes(3))
	if err != nil || ended.State != placement.Ended || !ended.UndoUntil().IsZero() {
		t.Errorf("%s: until %v, %v", ended.State, ended.UndoUntil(), err)
	}
}

// The ground of a stay is what it was before a decision, or an arrival, that is taken back.
func TestAGroundGoesWithWhatIsTakenBack(t *testing.T) {
	first, order := placement.Basis{Ground: code.StayAwaitingCommittee, From: minutes(2)}, placement.Basis{Ground: code.StayCommitteeOrder, From: minutes(3)}
	p := arrived(t, 1)
	p.Basis = first
	ruled, err := p.Decide(0, &order, minutes(3), minutes(3))
	if err != nil || ruled.Basis != order {
		t.Fatal(ruled.Basis, err)
	}
	if back, _, _, err := ruled.Undo(placement.Office, minutes(4)); err != nil || back.Basis != first {
		t.Errorf("the ground is %+v, %v", back.Basis, err)
	}
	if back, _, _, err := p.Undo(placement.House, minutes(4)); err != nil || back.State != placement.Accepted || back.Basis != (placement.Basis{}) {
		t.Errorf("%s on the ground %+v, %v", back.State, back.Basis, err)
	}
}

// A no that is taken back keeps the shelter out no more, and is taken back once.
func TestANoThatIsTakenBackKeepsNothingOut(t *testing.T) {
	declined, _, err := held(t, 1).Decline(0, minutes(1))
	if err != nil {
		t.Fatal(err)
	}
	refused, _, err := held(t, 1).Refuse(0, minutes(1))
	if err != nil {
		t.Fatal(err)
	}
	for side, p := range map[placement.Side]placement.Placement{placement.House: declined, placement.Team: refused} {
		back, _, again, err := p.Undo(side, minutes(2))
		if err != nil || again != "HOME" || len(back.Refused)+len(back.Unwanted) > 0 || !back.UndoUntil().IsZero() {
			t.Errorf("refused %v, unwanted %v, again %q until %v, %v", back.Refused, back.Unwanted, again, back.UndoUntil(), err)
		}
	}
}

// Who is placed apart takes along what was decided of everybody; those who stay are
// offered, and choose, anew.
func TestASplitTakesAlongWhatIsOfEverybody(t *testing.T) {
	p := held(t, 2)
	p.Offered, p.Choice.Shelter = []string{"HOME"}, "HOME"
	p.Return = placement.Return{To: "BD", Since: now}
	p.Past = []placement.Hold{{No: 1, Shelter: "FIRS", Parts: []placement.Part{{Unit: "girls", Persons: []int{0, 1}}}}}
	stay, apart, _, err := p.SplitOff("p_2", []int{0}, 0, true, minutes(1))
	if err != nil || apart.Return != p.Return || len(stay.Offered) > 0 || stay.Choice != (placement.Choice{}) {
		t.Errorf("return %+v, offered %v, chosen %+v, %v", apart.Return, stay.Offered, stay.Choice, err)
	}
	if who := stay.Past[0].Parts[0].Persons; !slices.Equal(who, []int{0}) {
		t.Errorf("those who stay were held as %v", who)
	}
}

// Each departure of many is of those it named.
func TestADepartureIsOfThoseItNamed(t *testing.T) {
	r := rescue(1, 1)
	for i := range 2 {
		var err error
		if r, err = r.Departing(placement.Command{Key: uint64(i + 1)}, []placement.Departing{{Party: i, Version: 4}}, minutes(i)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 2 {
		if got := r.Departure(uint64(i + 1)); len(got) != 1 || got[0].Party != i {
			t.Errorf("departure %d is of %v", i+1, got)
		}
	}
	if got := r.Departure(9); got != nil {
		t.Errorf("one that never was is of %v", got)
	}
}

// What the team has said of how long a place is needed stands, and ends the waiting.
func TestWhatIsLeftToChooseWaitsAsLongAsWasSaid(t *testing.T) {
	p := placement.New("p_1", "team", "v1", request(1), now, placement.Command{})
	p.Request.NeededUntil = minutes(90)
	if got := p.LeftToChoose(minutes(500), now).Request.NeededUntil; !got.Equal(minutes(90)) {
		t.Errorf("said was %v, it waits until %v", minutes(90), got)
	}
	p.Request.NeededUntil = now
	if got := p.LeftToChoose(minutes(500), now).Request.NeededUntil; !got.Equal(minutes(500)) {
		t.Errorf("over since, it waits until %v", got)
	}
}
