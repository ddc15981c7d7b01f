package placement

import (
	"testing"
	"time"
)

// Nobody waits for longer than twenty years, and just that long is believed.
func TestAReturnIsNotWaitedForLongerThanBelieved(t *testing.T) {
	p := shared(Arrived)
	p.Request.Place = "IN-LGD-315"
	for name, c := range map[string]struct {
		since time.Time
		taken bool
	}{
		"as long as is believed": {noon.Add(-longestWait), true},
		"longer":                 {noon.Add(-longestWait - time.Second), false},
		"since now":              {noon, true},
		"since later":            {noon.Add(time.Second), false},
	} {
		if _, err := p.Repatriate("BD", c.since, noon, noon); (err == nil) != c.taken {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Who did not come waits until that was said; of those who came each waits until
// they leave.
func TestWhoeverDidNotComeWaitsNoMoreOnceThatIsSaid(t *testing.T) {
	never := Placement{State: Ended, ChangedAt: noon, Return: Return{To: "BD"}, Request: Request{Persons: make([]Person, 2)}}
	came := never
	came.Stays = []Stay{{Gone: true, At: noon.Add(-time.Hour)}, {Gone: true, At: noon.Add(-time.Minute)}}
	for name, c := range map[string]struct {
		p    Placement
		want []time.Time
	}{
		"nobody came": {never, []time.Time{noon, noon}},
		"both came":   {came, []time.Time{noon.Add(-time.Hour), noon.Add(-time.Minute)}},
	} {
		got := c.p.Awaiting()
		if len(got) != 2 || !got[0].Equal(c.want[0]) || !got[1].Equal(c.want[1]) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Before anybody has looked at the handover point nobody may look again.
func TestNobodyLooksAgainBeforeTheFirstLook(t *testing.T) {
	p := Placement{State: Accepted, RevealUntil: noon.Add(time.Hour)}
	if p.CanLook("escort", noon) {
		t.Error("somebody may, who has not looked")
	}
	p.Looks = []Look{{By: "escort", At: noon}}
	if !p.CanLook("escort", noon) || p.CanLook("another", noon) {
		t.Error("the escort alone may")
	}
}

// What a confirmation erases it erases in its own copy: a write that is refused is
// decided again on what is still there.
func TestAConfirmationErasesNothingOfWhatItWasMadeFrom(t *testing.T) {
	r := Rescue{Parties: []Request{{Consent: Consent{HeardIn: "hi"}}}, Made: 1}
	if done := r.Confirmed(noon); done.Parties[0].Consent.HeardIn != "" || r.Parties[0].Consent.HeardIn != "hi" {
		t.Errorf("confirmed: %q, before: %q", done.Parties[0].Consent.HeardIn, r.Parties[0].Consent.HeardIn)
	}
}

// A rescue departs so often in one command, and no more.
func TestSoManyDepartInOneCommandSoOften(t *testing.T) {
	r := Rescue{Departs: make([]Departure, MaxDeparts-1)}
	r, err := r.Departing(Command{Key: 1}, nil, noon)
	if err != nil || len(r.Departs) != MaxDeparts || !r.ChangedAt.Equal(noon) {
		t.Fatal(len(r.Departs), r.ChangedAt, err)
	}
	if _, err := r.Departing(Command{Key: 2}, nil, noon); err == nil {
		t.Error("once more")
	}
}

// A stay that had ended stands again where it was, once an arrival elsewhere is
// taken back.
func TestAnArrivalElsewhereTakenBackLeavesTheStayWhereItWas(t *testing.T) {
	p := shared(Ended)
	again, _, err := p.Receive("FIRS", noon.Add(time.Hour), noon.Add(time.Hour))
	if err != nil || again.Hold.Shelter != "FIRS" {
		t.Fatal(again.Hold.Shelter, err)
	}
	back, _, _, err := again.Undo(House, noon.Add(time.Hour))
	if err != nil || back.State != Ended || back.Hold.Shelter != "SECO" || !back.ArrivedAt.Equal(p.ArrivedAt) || !back.HeldBy("FIRS") {
		t.Errorf("%s at %s since %v, once %v, %v", back.State, back.Hold.Shelter, back.ArrivedAt, back.Past, err)
	}
}

// What is taken back whatever became of the beds: facts, and that a request was closed.
func TestWhatIsTakenBackWhateverBecameOfTheBeds(t *testing.T) {
	for move, want := range map[Move]bool{MoveReceive: true, MoveEnd: true, MoveCancel: true, MoveSupersede: true, MoveDecline: false, MoveRefuse: false, MoveRelease: false} {
		if got := (Back{Move: move}).Fact(); got != want {
			t.Errorf("%s: %t", move, got)
		}
	}
}
