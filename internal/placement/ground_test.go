package placement

import (
	"testing"
	"time"

	"panah/internal/code"
)

// party is a request of persons of such ages.
func party(ages ...code.AgeBand) (r Request) {
	for _, a := range ages {
		r.Persons = append(r.Persons, Person{Age: a, AgeStatus: code.AgeDocumented})
	}
	return r
}

const (
	anAdult = code.Age25To59
	aChild  = code.Age12To14
)

func TestSomebodyAnswersForAChildUntilItIsGoneOrDecided(t *testing.T) {
	for _, s := range States {
		for i, name := range code.CancelReasons.Names() {
			for age, child := range map[code.AgeBand]bool{anAdult: false, aChild: true} {
				p := Placement{State: s, Reason: uint8(i), Request: party(age)}
				want := s != Ended && s != Superseded
				if s == Cancelled {
					want = child && name != "went_home" && name != "entry_error"
				}
				if p.InCustody() != want || p.PendingCommittee() != (want && child) {
					t.Errorf("%s, %s, age %d: in custody %v, pending %v", s, name, age, p.InCustody(), p.PendingCommittee())
				}
				if p.Ruling.At = noon; p.PendingCommittee() {
					t.Errorf("%s: pending after a decision", s)
				}
			}
		}
	}
}

// Mother and child: whoever is placed apart, and whoever stays, is under what was
// decided of them; the committee's order is about the child.
func TestWhatWasDecidedOfAPartyBindsThePartItIsAbout(t *testing.T) {
	for name, c := range map[string]struct {
		ages       []code.AgeBand
		goes       int
		ground     code.StayBasis
		stay, gone bool // still on that ground
	}{
		"the mother goes":                      {[]code.AgeBand{aChild, anAdult}, 1, code.StayCommitteeOrder, true, false},
		"the child goes":                       {[]code.AgeBand{aChild, anAdult}, 0, code.StayCommitteeOrder, false, true},
		"the mother goes, nothing was ordered": {[]code.AgeBand{aChild, anAdult}, 1, code.StayAwaitingCommittee, true, false},
		"a child of two goes":                  {[]code.AgeBand{aChild, aChild}, 1, code.StayCommitteeOrder, true, true},
		"a mother goes whom a magistrate sent": {[]code.AgeBand{aChild, anAdult}, 1, code.StayCommitteeOrder + 1, true, true},
		"one of two adults goes":               {[]code.AgeBand{anAdult, anAdult}, 1, code.StayVoluntary, true, true},
	} {
		p := Placement{ID: "p_A", State: Requested, Request: party(c.ages...), WarnedAt: noon.Add(-time.Hour)}
		p, err := p.Decide(1, &Basis{Ground: c.ground, From: noon, ReviewBy: noon.AddDate(0, 0, 9)}, noon, noon)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		stay, apart, _, err := p.SplitOff("p_B", []int{c.goes}, uint8(code.ChosenByCommittee), true, noon)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for part, keeps := range map[*Placement]bool{&stay: c.stay, &apart: c.gone} {
			if on := !part.Basis.From.IsZero(); on != keeps || on && part.Basis != p.Basis {
				t.Errorf("%s: %s is on %+v", name, part.ID, part.Basis)
			}
			if part.First != p.First || part.Ruling != p.Ruling || part.WarnedAt != p.WarnedAt {
				t.Errorf("%s: %s is under %+v", name, part.ID, part.Ruling)
			}
		}
	}
}

// A transfer says anew who moves: as with a correction, an adult's ground is no child's.
func TestATransferOfWhoIsSaidToBeAChildCarriesNoAdultsGround(t *testing.T) {
	will := Basis{Ground: code.StayVoluntary, From: noon, ReviewBy: noon.AddDate(0, 0, 9)}
	ordered := Basis{Ground: code.StayCommitteeOrder + 1, From: noon, ReviewBy: noon.AddDate(0, 0, 9)}
	ruling := Ruling{What: 1, At: noon}
	for _, basis := range []Basis{will, ordered} {
		stay := Placement{State: Arrived, Request: party(anAdult), Ruling: ruling, First: ruling, Basis: basis, WarnedAt: noon}
		move := Placement{State: Held, Request: party(aChild)}.MovesFrom(stay)
		if move.Basis == will || (basis == ordered) != (move.Basis == ordered) || move.Ruling != (Ruling{}) || move.First != (Ruling{}) || !move.WarnedAt.IsZero() {
			t.Errorf("asked for: %+v", move)
		}
		if came := move.StillUnder(stay); came.Basis != move.Basis || came.First != (Ruling{}) {
			t.Errorf("arrived: %+v", came)
		}
		decided, err := move.Decide(1, nil, noon, noon)
		if err != nil {
			t.Fatal(err)
		}
		if came := decided.StillUnder(stay); came.First != ruling || came.Ruling != ruling || came.Basis != move.Basis {
			t.Errorf("decided of as a child: %+v", came)
		}
	}
}

func TestTheFirstDecisionOfStayOrTransferStopsTheClock(t *testing.T) {
	early, late := Ruling{What: 1, At: noon}, Ruling{What: 2, At: noon.Add(time.Hour)}
	for name, c := range map[string]struct{ stay, move, first, last Ruling }{
		"the stay was decided first":     {early, late, early, late},
		"the transfer was decided first": {late, early, early, late},
		"the transfer alone":             {Ruling{}, late, late, late},
		"the stay alone":                 {late, Ruling{}, late, late},
		"neither":                        {},
	} {
		stay := Placement{State: Arrived, Request: party(aChild), Ruling: c.stay, First: c.stay}
		move := Placement{Request: party(aChild), Ruling: c.move, First: c.move}
		if came := move.StillUnder(stay); came.First != c.first || came.Ruling != c.last {
			t.Errorf("%s: first %+v, last %+v", name, came.First, came.Ruling)
		}
	}
}

func TestOfACancelledRequestSomebodyDecidesUnlessConsentWasWithdrawn(t *testing.T) {
	for name, c := range map[string]struct {
		withdrawn time.Time
		may       bool
	}{"cancelled": {time.Time{}, true}, "withdrawn": {noon, false}} {
		p := Placement{State: Cancelled, Withdrawn: c.withdrawn, Request: party(anAdult)}
		if next, err := p.Decide(1, nil, noon, noon); (err == nil) != c.may || err == nil && (next.State != Cancelled || next.First.At != noon) {
			t.Errorf("%s: %+v, %v", name, next.Ruling, err)
		}
	}
}

func TestAnOrderRunsUntilItsReview(t *testing.T) {
	for name, c := range map[string]struct {
		ground code.StayBasis
		at     time.Time
		want   bool
	}{
		"an order":              {code.StayCommitteeOrder, noon, true},
		"as it is reviewed":     {code.StayCommitteeOrder, noon.AddDate(0, 0, 9), false},
		"of one's own will":     {code.StayVoluntary, noon, false},
		"nobody has decided":    {code.StayAwaitingCommittee, noon, false},
		"a magistrate's, later": {code.StayCommitteeOrder + 1, noon.AddDate(0, 0, 8), true},
	} {
		if got := (Placement{Basis: Basis{Ground: c.ground, From: noon, ReviewBy: noon.AddDate(0, 0, 9)}}).Ordered(c.at); got != c.want {
			t.Errorf("%s: runs %v", name, got)
		}
	}
	if (Placement{Basis: Basis{Ground: code.StayCommitteeOrder}}).Ordered(time.Time{}.Add(-1)) {
		t.Error("no ground is an order")
	}
}

// A correction keeps a choice that counts for who they are, and no other.
func TestACorrectionKeepsAChoiceThatCounts(t *testing.T) {
	self := Choice{By: code.ChosenBySelf, Shelter: "HOME", HouseRulesShown: true, At: noon}
	guardian := Choice{By: code.ChosenByGuardian, Shelter: "HOME", HouseRulesShown: true, Viewed: true, At: noon}
	heard := self
	heard.Viewed = true
	for name, c := range map[string]struct {
		choice Choice
		is     []code.AgeBand
		keeps  bool
	}{
		"an adult's own, an adult still":           {self, []code.AgeBand{anAdult, anAdult}, true},
		"an adult's own, one is a child":           {self, []code.AgeBand{anAdult, aChild}, false},
		"an adult's own, the child was heard":      {heard, []code.AgeBand{anAdult, aChild}, true},
		"an adult's own, both are children":        {heard, []code.AgeBand{aChild, aChild}, false},
		"a guardian's, children still":             {guardian, []code.AgeBand{aChild, aChild}, true},
		"a guardian's, adults choose for themself": {guardian, []code.AgeBand{anAdult, anAdult}, false},
	} {
		p := Placement{State: Accepted, Request: party(aChild, anAdult), Choice: c.choice}
		next, _, err := p.Correct(party(c.is...).Persons, noon)
		if err != nil || (next.Choice == c.choice) != c.keeps || !c.keeps && next.Choice != (Choice{}) {
			t.Errorf("%s: %+v, %v", name, next.Choice, err)
		}
	}
}
