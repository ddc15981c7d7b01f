package placement_test

import (
	"testing"
	"time"

	"panah/internal/code"
	"panah/internal/placement"
)

// Whatever changes a placement or a rescue, it says when that was.
func TestAChangeSaysWhenItWas(t *testing.T) {
	when := minutes(9)
	decided := func(t *testing.T) placement.Placement {
		p, err := arrived(t, 1).Decide(0, nil, minutes(3), minutes(3))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	grownUp := func(p placement.Placement) placement.Placement {
		p.Request.Persons = []placement.Person{{Age: code.Age25To59, PlaceWith: code.Women}}
		return p
	}
	for name, do := range map[string]func(t *testing.T) (time.Time, error){
		"a choice": func(t *testing.T) (time.Time, error) {
			c := placement.Choice{By: code.ChosenByGuardian, Shelter: "HOME", HouseRulesShown: true, Viewed: true}
			p, err := held(t, 1).Choose(c, when)
			return p.ChangedAt, err
		},
		"more time": func(t *testing.T) (time.Time, error) {
			p, _, err := held(t, 1).Extend(minutes(60), when)
			return p.ChangedAt, err
		},
		"a correction": func(t *testing.T) (time.Time, error) {
			p, _, err := accepted(t, 1).Correct(persons(1), when)
			return p.ChangedAt, err
		},
		"a decision": func(t *testing.T) (time.Time, error) {
			p, err := arrived(t, 1).Decide(0, nil, minutes(3), when)
			return p.ChangedAt, err
		},
		"a decision taken back": func(t *testing.T) (time.Time, error) {
			p, _, _, err := decided(t).Undo(placement.Office, when)
			return p.ChangedAt, err
		},
		"a return": func(t *testing.T) (time.Time, error) {
			p, err := arrived(t, 1).Repatriate("BD", minutes(3), minutes(3), when)
			return p.ChangedAt, err
		},
		"consent taken back before arrival": func(t *testing.T) (time.Time, error) {
			p, _, err := grownUp(held(t, 1)).Withdraw(when)
			return p.ChangedAt, err
		},
		"consent taken back after it": func(t *testing.T) (time.Time, error) {
			p, _, err := grownUp(arrived(t, 1)).Withdraw(when)
			return p.ChangedAt, err
		},
		"parties found later": func(*testing.T) (time.Time, error) {
			r, err := rescue(1, 2).With([]placement.Request{request(1)}, nil, when)
			return r.ChangedAt, err
		},
		"a plan": func(*testing.T) (time.Time, error) { return rescue(1).Planned(nil, 7, when).ChangedAt, nil },
		"a confirmation begun": func(*testing.T) (time.Time, error) {
			return rescue(1).Confirming(minutes(10), when).ChangedAt, nil
		},
		"a confirmation ended": func(*testing.T) (time.Time, error) {
			return rescue(1).Confirming(minutes(10), minutes(8)).Confirmed(when).ChangedAt, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			if at, err := do(t); err != nil || !at.Equal(when) {
				t.Errorf("changed at %v, want %v, %v", at, when, err)
			}
		})
	}
}

// The yes of a shelter that is made sure on the road is the last move: what was done
// before it is not taken back any more.
func TestNothingIsTakenBackAfterAYesWasMadeSure(t *testing.T) {
	p, _, err := held(t, 1).AcceptByPhone(placement.CodeUnsaid, "AB", "CD", minutes(1))
	if err != nil {
		t.Fatal(err)
	}
	p.Choice = placement.Choice{By: code.ChosenByGuardian, Shelter: "HOME", HouseRulesShown: true, Viewed: true, At: minutes(1)}
	if p, err = p.Depart(true, 0, false, minutes(2)); err != nil || p.UndoUntil().IsZero() {
		t.Fatal(p.UndoUntil(), err)
	}
	if p, _, err = p.AcceptByPhone(placement.CodeRight, "AB", "CD", minutes(3)); err != nil || !p.Verified || !p.UndoUntil().IsZero() {
		t.Errorf("sure %v, to be taken back until %v, %v", p.Verified, p.UndoUntil(), err)
	}
}
