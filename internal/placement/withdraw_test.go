package placement

import (
	"fmt"
	"testing"
	"time"

	"panah/internal/code"
	"panah/internal/fault"
	"panah/internal/language"
)

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// shared is a placement in a state, with everything told that can be.
func shared(s State) Placement {
	p := Placement{ID: "p_A", Team: "team-a", State: s, Version: 4, Request: Request{HoldBest: true, Consent: Consent{View: 1, HeardIn: "bn"}, Preferences: 3, ExcludedShelters: []string{"BADS"}, Persons: []Person{{Age: code.Age25To59,
		Languages: []language.Tag{"bn"}, Needs: 7}}}, Hold: Hold{No: 2, Shelter: "SECO", Parts: []Part{{Unit: "women", Persons: []int{0}}}},
		Past: []Hold{{No: 1, Shelter: "FIRS", Parts: []Part{{Unit: "women", Persons: []int{0}}}}}, Back: Back{Move: MoveDepart, Side: Team, At: noon}}
	if s == Arrived || s == Ended {
		p.ArrivedAt = noon.Add(-time.Hour)
		p.Stays = []Stay{{Gone: s == Ended, At: noon}}
	}
	return p
}

func TestWithdrawalEndsTheSharingInEveryState(t *testing.T) {
	for _, s := range States {
		p, moves, err := shared(s).Withdraw(noon)
		if err != nil {
			t.Errorf("%s: %v", s, err)
			continue
		}
		here := s == Arrived || s == Ended
		want := Cancelled
		if here || s == Superseded {
			want = s
		}
		if p.State != want || len(moves) != map[bool]int{true: 1, false: 0}[s.Promised()] {
			t.Errorf("%s became %s, beds %v", s, p.State, moves)
		}
		person := p.Request.Persons[0]
		if person.Needs != 0 || person.Languages != nil || p.Request.Preferences != 0 || p.Request.ExcludedShelters != nil || p.Request.Consent != (Consent{View: 1}) || person.Age != code.Age25To59 {
			t.Errorf("%s: still told: %+v", s, p.Request)
		}
		for side, whole := range map[Side]bool{Team: false, House: false, Observer: false, Office: true, Survivor: true, Clock: true} {
			got := p.ReadableBy(side, "SECO")
			if whole != (got == ReadWhole) || (!whole && (got == ReadGone) == here) {
				t.Errorf("%s: side %d reads %d", s, side, got)
			}
			if shared(s).ReadableBy(side, "SECO") != ReadWhole {
				t.Errorf("%s: side %d reads less before", s, side)
			}
		}
		if !p.UndoUntil().IsZero() || len(p.Notices()) != 3 || p.Notices()[0].Closed == here {
			t.Errorf("%s: undo until %s, notices %+v", s, p.UndoUntil(), p.Notices())
		}
		if _, _, err := p.Withdraw(noon); err == nil {
			t.Errorf("%s: withdrawn twice", s)
		}
	}
	if shared(Held).Request.Persons[0].Needs == 0 {
		t.Error("the placement before was changed")
	}
}

// A withdrawal before arrival says why the request was closed, and no half of a code
// for the door is left.
func TestAWithdrawalBeforeArrivalLeavesNoDoorCode(t *testing.T) {
	for _, s := range []State{Requested, Waitlisted, Held, Accepted, InTransit, Diverted} {
		p := shared(s)
		p.DoorTeam, p.DoorHouse = "AB", "CD"
		p, _, err := p.Withdraw(noon)
		if err != nil || p.DoorTeam != "" || p.DoorHouse != "" || p.Reason != uint8(code.CancelConsentWithdrawn) {
			t.Errorf("%s: door %q and %q, reason %d, %v", s, p.DoorTeam, p.DoorHouse, p.Reason, err)
		}
	}
}

func TestPlacesKeptAfterAWithdrawalAreForgottenWithTheRest(t *testing.T) {
	p := shared(Arrived)
	p.Request.Persons[0].Needs = code.Of(code.NeedMedical)
	p, _, err := p.Withdraw(noon)
	if err != nil || p.PlacesOf(p.Hold.Parts[0]).Medical != 1 {
		t.Fatalf("kept %+v, %v", p.Hold.Parts, err)
	}
	p, moves, err := p.End(nil, code.EndOwnWish, noon, noon)
	if err != nil || moves[0].Places.Medical != 1 {
		t.Fatalf("they leave with %+v, %v", moves, err)
	}
	forgotten, changed := p.Forget()
	if !changed || forgotten.Hold.Parts[0].Kept.Medical != 0 || p.Hold.Parts[0].Kept.Medical != 1 {
		t.Errorf("changed %v: %+v, before it %+v", changed, forgotten.Hold.Parts, p.Hold.Parts)
	}
	if _, again := forgotten.Forget(); again {
		t.Error("forgotten twice")
	}
}

func TestWhatDoesNotRestOnConsentIsNotEndedByIt(t *testing.T) {
	for name, change := range map[string]func(*Request){
		"a child":         func(r *Request) { r.Persons[0].Age = code.Age12To14 },
		"a disputed age":  func(r *Request) { r.Persons[0].AgeStatus = code.AgeDisputed },
		"a court's order": func(r *Request) { r.Consent.Basis = code.BasisCourtOrder },
	} {
		p := shared(Held)
		change(&p.Request)
		if _, _, err := p.Withdraw(noon); err == nil || p.Request.OnConsent() || p.MayLeave() {
			t.Errorf("%s: the placement was ended by a code alone", name)
		}
	}
}

func TestWhoDecidesAndWhoMayLeave(t *testing.T) {
	for i, c := range []struct {
		age    code.AgeBand
		ground code.StayBasis
		stays  bool
		want   code.Decider
	}{
		{code.Age25To59, code.StayVoluntary, true, code.DecidedBySelf},
		{code.Age25To59, 0, false, code.DecidedBySelf},
		{code.Age12To14, 0, false, code.DecidedByCommittee},
		{code.Age12To14, code.StayAwaitingCommittee, true, code.DecidedByCommittee},
		{code.Age12To14, code.StayCommitteeOrder, true, code.DecidedByCommittee},
		{code.Age25To59, 3, true, code.DecidedByMagistrate},
		{code.Age25To59, 5, true, code.DecidedByMagistrate},
	} {
		p := shared(Arrived)
		p.Request.Persons[0].Age = c.age
		if c.stays {
			p.Basis = Basis{Ground: c.ground, From: noon}
		}
		if p.Decider() != c.want || p.MayLeave() != (c.want == code.DecidedBySelf) {
			t.Errorf("%d: decided by %d, may leave %v", i, p.Decider(), p.MayLeave())
		}
	}
}

func TestAVoiceRemembersTheLatestAndForgetsNoCommandSoon(t *testing.T) {
	v, err := Voice{}, error(nil)
	for i := range MaxSpoken {
		if v, err = v.Say(Said{What: code.AskComplain, At: noon.Add(time.Duration(i))}, Command{Key: uint64(i) + 1}); err != nil {
			t.Fatal(err)
		}
	}
	if len(v.Said) != MaxSaid || v.By != SurvivorSubject || !v.Said[MaxSaid-1].At.Equal(noon.Add(MaxSpoken-1)) {
		t.Errorf("%d said", len(v.Said))
	}
	if done, err := v.Replay(Command{Key: 1}); !done || err != nil {
		t.Errorf("the first thing said is forgotten: %v", err)
	}
	if _, err := v.Say(Said{What: code.AskLeave}, Command{Key: 1 << 40}); !fault.Is(err, fault.TooManyMoves) {
		t.Errorf("more than is remembered: %v", err)
	}
	c := MakeStayCode([]byte("s"), "p_A", 1)
	if v, err = v.Coded(c, Command{Key: 7}, "desk", noon); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Say(Said{What: code.AskLeave}, Command{Key: 1 << 40}); err != nil {
		t.Errorf("a new code can say nothing: %v", err)
	}
	coded := v
	for i := range MaxCodes - 1 {
		if coded, err = coded.Coded(c, Command{Key: uint64(1000 + i)}, "desk", noon); err != nil {
			t.Fatal(err)
		}
	}
	if done, err := coded.Replay(Command{Key: 7}); !done || err != nil {
		t.Errorf("an old command would make another code: %v", err)
	}
	if _, err := coded.Coded(c, Command{Key: 1 << 40}, "desk", noon); !fault.Is(err, fault.TooManyMoves) {
		t.Errorf("one code too many: %v", err)
	}
	for name, shown := range map[string]bool{
		"the same command soon":  v.Shows(c, Command{Key: 7}, time.Hour, noon.Add(time.Minute)),
		"another command":        !v.Shows(c, Command{Key: 8}, time.Hour, noon),
		"an hour later":          !v.Shows(c, Command{Key: 7}, time.Hour, noon.Add(time.Hour)),
		"another code":           !v.Shows(MakeStayCode([]byte("t"), "p_A", 1), Command{Key: 7}, time.Hour, noon),
		"a voice without a code": !(Voice{}).Answers(""),
	} {
		if !shown {
			t.Error(name)
		}
	}
	if fmt.Sprint(v.CodeNo) != "1" {
		t.Error(v.CodeNo)
	}
}
