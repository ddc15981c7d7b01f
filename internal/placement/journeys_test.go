package placement_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"panah/internal/code"
	"panah/internal/placement"
)

func TestAChoiceCountsWhenItWasInformedAndTheirs(t *testing.T) {
	girl, woman := persons(1)[0], placement.Person{Age: code.Age25To59, PlaceWith: code.Women}
	for _, c := range []struct {
		name   string
		who    []placement.Person
		choice placement.Choice
		want   string
	}{
		{"a woman for herself", []placement.Person{woman}, placement.Choice{By: code.ChosenBySelf, HouseRulesShown: true}, ""},
		{"without the house rules", []placement.Person{woman}, placement.Choice{By: code.ChosenBySelf}, "invalid houseRulesShown"},
		{"the committee for a woman", []placement.Person{woman}, placement.Choice{By: code.ChosenByCommittee, HouseRulesShown: true}, "invalid chosenBy"},
		{"the committee for a girl, heard", []placement.Person{girl}, placement.Choice{By: code.ChosenByCommittee, HouseRulesShown: true, Viewed: true}, ""},
		{"the committee for a girl, not heard", []placement.Person{girl}, placement.Choice{By: code.ChosenByCommittee, HouseRulesShown: true}, "invalid childView"},
		{"a girl for herself", []placement.Person{girl}, placement.Choice{By: code.ChosenBySelf, HouseRulesShown: true, Viewed: true}, "invalid chosenBy"},
		{"a mother for herself and her girl, heard", []placement.Person{girl, woman}, placement.Choice{By: code.ChosenBySelf, HouseRulesShown: true, Viewed: true}, ""},
	} {
		p := held(t, 1)
		p.Request.Persons = c.who
		got, err := p.Choose(c.choice, minutes(3))
		if said(err) != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
		if c.want == "" && (got.Choice.At != minutes(3) || got.Choice.By != c.choice.By || got.ChangedAt != minutes(3)) {
			t.Errorf("%s: %+v", c.name, got.Choice)
		}
	}
}

// The journey begins with a choice of this very shelter and somebody who goes along.
func TestAJourneyBeginsWithAChoiceAndASocialWorker(t *testing.T) {
	ready := accepted(t, 1)
	ready.Choice = placement.Choice{Shelter: "HOME", HouseRulesShown: true, At: now}
	for _, c := range []struct {
		name             string
		change           func(*placement.Placement)
		worker, override bool
		want             string
		overridden       bool
	}{
		{"with a social worker", nil, true, false, "", false},
		{"without, and why", nil, false, true, "", true},
		{"with one, and a reason all the same", nil, true, true, "", false},
		{"without, and no reason", nil, false, false, "invalid socialWorker", false},
		{"no choice", func(p *placement.Placement) { p.Choice.At = time.Time{} }, true, false, "illegal_move ", false},
		{"a choice of another shelter", func(p *placement.Placement) { p.Choice.Shelter = "ELSE" }, true, false, "illegal_move ", false},
		{"a choice without the rules", func(p *placement.Placement) { p.Choice.HouseRulesShown = false }, true, false, "illegal_move ", false},
	} {
		p := ready
		if c.change != nil {
			c.change(&p)
		}
		got, err := p.Depart(c.worker, 1, c.override, minutes(3))
		if said(err) != c.want || err == nil && (got.State != placement.InTransit || got.Overridden != c.overridden || got.Override != 1) {
			t.Errorf("%s: %+v, %v", c.name, got, err)
		}
		if slices.Contains(p.Next(placement.Team, now), placement.MoveDepart) != (c.want != "illegal_move ") {
			t.Errorf("%s: next is %v", c.name, p.Next(placement.Team, now))
		}
	}
	road, _ := ready.Depart(true, 0, false, minutes(3))
	off, err := road.Divert(2, minutes(4))
	if err != nil || off.State != placement.Diverted || off.Reason != 2 || !off.State.Promised() {
		t.Fatalf("diverted: %+v, %v", off, err)
	}
	off.Choice = placement.Choice{}
	if on, err := off.Depart(false, 0, false, minutes(5)); err != nil || on.State != placement.InTransit {
		t.Errorf("goes on without being asked again: %+v, %v", on, err)
	}
}

// An arrival is a fact: never in the future, taken where beds were ever held,
// and said twice it is said once.
func TestAnArrivalIsTakenWhereBedsWereHeld(t *testing.T) {
	p := accepted(t, 2)
	got, moves, err := p.Receive("HOME", minutes(99), minutes(5))
	if err != nil || got.State != placement.Arrived || got.ArrivedAt != minutes(5) || got.PersonsHere() != 2 || len(moves) != 1 || moves[0].Kind != placement.FillBeds || moves[0].Until != minutes(5) {
		t.Errorf("%+v, %+v, %v", got, moves, err)
	}
	if early, _, _ := p.Receive("HOME", minutes(3), minutes(5)); early.ArrivedAt != minutes(3) {
		t.Errorf("arrived at %v", early.ArrivedAt)
	}
	if _, moves, err := got.Receive("HOME", minutes(6), minutes(6)); err != nil || moves != nil {
		t.Errorf("said twice: %+v, %v", moves, err)
	}
	if _, _, err := p.Receive("ELSE", minutes(5), minutes(5)); said(err) != "illegal_move " {
		t.Errorf("a shelter that never held: %v", err)
	}
	swapped, _, _ := held(t, 2).TakeHold(placement.Option{Shelter: "ELSE", Parts: []placement.Part{{Unit: "a", Persons: upTo(2)}}}, minutes(60), now)
	there, moves, err := swapped.Receive("HOME", minutes(5), minutes(5))
	if err != nil || there.Hold.Shelter != "HOME" || len(moves) != 2 || moves[0].Kind != placement.DropBeds || moves[0].Shelter != "ELSE" || moves[1].Kind != placement.FillBeds || moves[1].Shelter != "HOME" {
		t.Errorf("at the earlier shelter: %+v, %+v, %v", there.Hold, moves, err)
	}
	if there.Back.Replaced != "ELSE" {
		t.Errorf("an undo would not know what was given back: %+v", there.Back)
	}
	if _, _, err := there.Receive("ELSE", minutes(6), minutes(6)); said(err) != "illegal_move " {
		t.Errorf("in two places: %v", err)
	}
	if fresh := placement.New("p_2", "team", "v1", request(1), now, placement.Command{}); slices.Contains(fresh.Next(placement.House, now), placement.MoveReceive) {
		t.Error("an arrival is offered where nothing was held")
	}
}

// Persons leave one by one; rooms the party has to itself stay its own until
// the last has left them.
func TestBedsComeFreeAsPersonsLeave(t *testing.T) {
	p := arrived(t, 3, placement.Part{Unit: "room", Persons: []int{0, 2}, Beds: 4}, placement.Part{Unit: "hall", Persons: []int{1}})
	first, moves, err := p.End([]int{0, 1}, code.EndHome, minutes(5), minutes(9))
	want := []placement.BedMove{
		{Kind: placement.VacateBeds, Shelter: "HOME", Unit: "room", Claim: "p_1.1", Persons: 1, N: -1, Until: minutes(5)},
		{Kind: placement.VacateBeds, Shelter: "HOME", Unit: "hall", Claim: "p_1.1", Persons: 1, Until: minutes(5)},
	}
	if err != nil || !reflect.DeepEqual(moves, want) || first.State != placement.Arrived || first.PersonsHere() != 1 {
		t.Fatalf("%+v, %+v, %v", first, moves, err)
	}
	last, moves, err := first.End(nil, code.EndOwnWish, minutes(7), minutes(9))
	want = []placement.BedMove{{Kind: placement.VacateBeds, Shelter: "HOME", Unit: "room", Claim: "p_1.1", Persons: 1, N: 3, Until: minutes(7)}}
	if err != nil || !reflect.DeepEqual(moves, want) || last.State != placement.Ended || last.Stays[2] != (placement.Stay{Gone: true, Reason: code.EndOwnWish, At: minutes(7)}) {
		t.Fatalf("%+v, %+v, %v", last, moves, err)
	}
	for name, who := range map[string][]int{"somebody before the first": {-1}, "somebody after the last": {3}, "somebody who has left": {0}} {
		if _, _, err := first.End(who, code.EndHome, minutes(7), minutes(9)); said(err) != "invalid persons" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for at, want := range map[time.Time]time.Time{minutes(1): minutes(2), minutes(10): minutes(9)} {
		if off, _, _ := p.End(nil, code.EndHome, at, minutes(9)); off.Stays[0].At != want {
			t.Errorf("left at %v, noted as %v", at, off.Stays[0].At)
		}
	}
	if exact, _, _ := p.End(nil, code.EndHome, minutes(2), minutes(9)); exact.Stays[0].At != minutes(2) {
		t.Errorf("left as they came, noted as %v", exact.Stays[0].At)
	}
	if !first.ChildGone(p) || last.ChildGone(last) || p.ChildGone(placement.Placement{}) {
		t.Error("who is told of a child that left is wrong")
	}
	if _, _, err := accepted(t, 1).End(nil, code.EndHome, now, now); said(err) != "illegal_move " {
		t.Errorf("a shelter ends what has not arrived: %v", err)
	}
}

// Before arrival only so much can be over: by own wish, unannounced, dead, or
// never a party at all.
func TestAPartyThatWillNotArriveEndsForAReasonThatFits(t *testing.T) {
	for reason := range code.EndReason(code.EndReasons.Len()) {
		fits := slices.Contains([]code.EndReason{code.EndOwnWish, code.EndLeftUnannounced, code.EndDied, code.EndEntryError}, reason)
		got, moves, err := accepted(t, 2).EndBefore(reason, minutes(99), minutes(9))
		if (err == nil) != fits || !fits && said(err) != "invalid reason" {
			t.Errorf("%s: %v", code.EndReasons.Name(reason), err)
		}
		if fits && (got.State != placement.Ended || got.PersonsHere() != 0 || got.Stays[1].At != minutes(9) || len(moves) != 1 || moves[0].Kind != placement.DropBeds) {
			t.Errorf("%s: %+v, %+v", code.EndReasons.Name(reason), got, moves)
		}
	}
	if _, _, err := arrived(t, 1).EndBefore(code.EndOwnWish, now, minutes(9)); said(err) != "illegal_move " {
		t.Errorf("after arrival: %v", err)
	}
}

// The escort is who looks first, and looks so often and no more.
func TestTheEscortAloneLooksAndNotForEver(t *testing.T) {
	p := accepted(t, 1)
	p.RevealUntil = minutes(60)
	p, err := p.Reveal("escort", minutes(2))
	if err != nil || !p.CanLook("escort", minutes(59)) || p.CanLook("other", minutes(59)) || p.CanLook("escort", minutes(60)) {
		t.Fatalf("%+v, %v", p.Looks, err)
	}
	if _, err := p.Reveal("other", minutes(3)); said(err) != "forbidden " {
		t.Errorf("another looks: %v", err)
	}
	if _, err := p.Reveal("escort", minutes(60)); said(err) != "illegal_move " {
		t.Errorf("after its time: %v", err)
	}
	for range placement.MaxLooks - 1 {
		if p, err = p.Reveal("escort", minutes(3)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := p.Reveal("escort", minutes(4)); said(err) != "illegal_move " || slices.Contains(p.Next(placement.Team, minutes(4)), placement.MoveReveal) {
		t.Errorf("look %d: %v", len(p.Looks)+1, err)
	}
	if accepted(t, 1).CanLook("escort", now) {
		t.Error("who has not looked may see it again")
	}
}

// A split keeps everybody, each once, and says who may decide it.
func TestASplitLosesNobody(t *testing.T) {
	woman := placement.Person{Age: code.Age25To59, PlaceWith: code.Women}
	party := func() placement.Placement {
		p := held(t, 4, placement.Part{Unit: "a", Persons: []int{0, 3}, Beds: 4}, placement.Part{Unit: "b", Persons: []int{1}}, placement.Part{Unit: "c", Persons: []int{2}})
		p.Request.Persons = []placement.Person{woman, woman, woman, woman}
		for i := range p.Request.Persons {
			p.Request.Persons[i].Needs = code.Set[code.Need](1 << i) // to know them by
		}
		p.Refused, p.Unwanted, p.KeepFrom, p.By = []string{"NO"}, []string{"NEVER"}, []string{"p_9"}, "subject"
		p.Past = []placement.Hold{{No: 7, Shelter: "PAST", Parts: []placement.Part{{Unit: "x", Persons: []int{2, 3}}, {Unit: "y", Persons: []int{0, 1}}}}}
		return p
	}
	stay, apart, moves, err := party().SplitOff("p_2", []int{1, 0}, 0, false, minutes(3))
	if err != nil {
		t.Fatal(err)
	}
	names := func(p placement.Placement) (out []code.Set[code.Need]) {
		for _, one := range p.Request.Persons {
			out = append(out, one.Needs)
		}
		return out
	}
	if fmt.Sprint(names(stay), names(apart)) != "[4 8] [1 2]" || len(moves) != 6 || stay.State != placement.Requested || apart.State != placement.Requested {
		t.Errorf("%v stay, %v go, beds move %+v", names(stay), names(apart), moves)
	}
	if want := []placement.BedMove{
		{Kind: placement.PartBeds, Shelter: "HOME", Unit: "a", Claim: "p_1.1", Other: "p_2.0", Persons: 1},
		{Kind: placement.PartBeds, Shelter: "HOME", Unit: "b", Claim: "p_1.1", Other: "p_2.0", Persons: 1},
		{Kind: placement.PartBeds, Shelter: "PAST", Unit: "y", Claim: "p_1.7", Other: "p_2.0", Persons: 2},
	}; !reflect.DeepEqual(moves[3:], want) {
		t.Errorf("whom a census has counted: %+v", moves[3:])
	}
	if want := []placement.Part{{Unit: "a", Persons: []int{1}, Beds: 4}, {Unit: "c", Persons: []int{0}}}; !reflect.DeepEqual(stay.Hold.Parts, want) {
		t.Errorf("who stays was held as %+v", stay.Hold.Parts)
	}
	if !slices.Equal(apart.Refused, []string{"NO"}) || !slices.Equal(apart.Unwanted, []string{"NEVER"}) || !slices.Equal(apart.KeepFrom, []string{"p_9"}) || apart.By != "subject" || apart.Commands != nil {
		t.Errorf("who goes: %+v", apart)
	}
	if want := []placement.Split{{Placement: "p_2", Persons: 2}}; !reflect.DeepEqual(stay.Apart, want) || stay.Choice != (placement.Choice{}) {
		t.Errorf("who stays knows of %+v", stay.Apart)
	}
	for name, who := range map[string][]int{"nobody": nil, "everybody": {0, 1, 2, 3}, "one twice": {1, 1}, "somebody else": {7}} {
		if _, _, _, err := party().SplitOff("p_2", who, 0, false, now); said(err) != "invalid persons" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, _, err := held(t, 2).SplitOff("p_2", []int{0}, 0, false, now); said(err) != "invalid agreedBy" {
		t.Errorf("children without the committee: %v", err)
	}
	if _, _, _, err := held(t, 2).SplitOff("p_2", []int{0}, 2, true, now); err != nil {
		t.Errorf("children by the committee: %v", err)
	}
	if _, _, _, err := held(t, 1).SplitOff("p_2", []int{0}, 2, true, now); said(err) != "illegal_move " {
		t.Errorf("one person: %v", err)
	}
}

// A move is taken back by the side that made it, for fifteen minutes.
func TestAMoveIsTakenBackByWhoMadeItWhileItIsFresh(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func() (placement.Placement, error)
		side placement.Side
	}{
		{"release", func() (placement.Placement, error) {
			p, _, err := held(t, 1).Release(placement.Team, now)
			return p, err
		}, placement.Team},
		{"cancel", func() (placement.Placement, error) { p, _, err := held(t, 1).Cancel(1, now); return p, err }, placement.Team},
		{"decline", func() (placement.Placement, error) { p, _, err := held(t, 1).Decline(1, now); return p, err }, placement.House},
		{"receive", func() (placement.Placement, error) {
			p, _, err := accepted(t, 1).Receive("HOME", now, now)
			return p, err
		}, placement.House},
		{"supersede", func() (placement.Placement, error) { p, _, err := held(t, 1).Supersede(now); return p, err }, placement.Office},
		{"decisions", func() (placement.Placement, error) { return accepted(t, 1).Decide(1, nil, now, now) }, placement.Office},
	} {
		p, err := c.do()
		if err != nil {
			t.Fatal(err)
		}
		last := now.Add(placement.UndoFor)
		if p.UndoUntil() != last {
			t.Errorf("%s can be taken back until %v", c.name, p.UndoUntil())
		}
		for _, side := range []placement.Side{placement.Team, placement.House, placement.Office} {
			for at, open := range map[time.Time]bool{last.Add(-1): side == c.side, last: false} {
				_, _, _, err := p.Undo(side, at)
				if (err == nil) != open || slices.Contains(p.Next(side, at), placement.MoveUndo) != open {
					t.Errorf("%s by side %d at %v: %v, next %v", c.name, side, at, err, p.Next(side, at))
				}
			}
		}
	}
	if fresh := held(t, 1); !fresh.UndoUntil().IsZero() {
		t.Errorf("nothing can be taken back until %v", fresh.UndoUntil())
	}
}
