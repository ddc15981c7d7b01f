package placement_test

import (
	"slices"
	"testing"

	"panah/internal/fault"
	"panah/internal/placement"
)

func TestARescueAtALimitPassesAndOneOverItNamesTheField(t *testing.T) {
	full := slices.Repeat([]int{20}, placement.MaxRescued/20)
	for _, c := range []struct {
		name  string
		r     placement.Rescue
		apart [][2]int
		field string
	}{
		{"one party", rescue(1), nil, ""},
		{"no party", rescue(), nil, "parties"},
		{"as many parties as may be", rescue(slices.Repeat([]int{1}, placement.MaxTogether)...), nil, ""},
		{"one more", rescue(slices.Repeat([]int{1}, placement.MaxTogether+1)...), nil, "parties"},
		{"as many persons as may be", rescue(full...), nil, ""},
		{"one more person", rescue(append(full, 1)...), nil, "parties"},
		{"a party without persons", rescue(1, 0), nil, "parties[1].persons"},
		{"as many pairs as may be", rescue(1, 1), slices.Repeat([][2]int{{0, 1}}, placement.MaxApart), ""},
		{"one pair more", rescue(1, 1), slices.Repeat([][2]int{{0, 1}}, placement.MaxApart+1), "keepApart"},
		{"a party kept from itself", rescue(1, 1), [][2]int{{0, 1}, {1, 1}}, "keepApart[1]"},
		{"a party before the first", rescue(1, 1), [][2]int{{-1, 1}}, "keepApart[0]"},
		{"a party after the last", rescue(1, 1), [][2]int{{0, 2}}, "keepApart[0]"},
	} {
		c.r.Apart = c.apart
		err := c.r.Check(now)
		if f, _ := fault.Of(err); (err == nil) != (c.field == "") || f != nil && f.Field != c.field {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestThePartiesOfARescueKnowWhomTheyAreKeptFrom(t *testing.T) {
	r, err := rescue(1, 2).With([]placement.Request{request(3)}, [][2]int{{0, 2}, {2, 1}}, minutes(3))
	if err != nil || r.Persons() != 6 || r.State != placement.RescueOpen || r.ChangedAt != minutes(3) {
		t.Fatalf("%+v, %v", r, err)
	}
	for i, want := range [][]int{{2}, {2}, {0, 1}} {
		if got := r.KeptFrom(i); !slices.Equal(got, want) {
			t.Errorf("party %d is kept from %v", i, got)
		}
	}
	if r.PartyID(0) == r.PartyID(1) {
		t.Error("two parties are one placement")
	}
	for key := range uint64(placement.MaxRescueCommands) {
		if r, err = r.Remember(placement.Command{Key: key, Payload: 10 * key}); err != nil {
			t.Fatal(key, err)
		}
	}
	for key := range uint64(placement.MaxRescueCommands) { // none is forgotten: an old one must not add its parties again
		if done, err := r.Replay(placement.Command{Key: key, Payload: 10 * key}); !done || err != nil {
			t.Fatalf("command %d of %d: done %v, %v", key, len(r.Commands), done, err)
		}
	}
	if again, err := r.Remember(placement.Command{Key: 3, Payload: 30}); err != nil || len(again.Commands) != len(r.Commands) {
		t.Errorf("remembered twice: %v", err)
	}
	if _, err := r.Remember(placement.Command{Key: 1 << 40}); !fault.Is(err, fault.TooManyMoves) {
		t.Errorf("one too many: %v", err)
	}
	r = r.Planned([]placement.Picked{{Shelter: "HOME"}}, 5, minutes(4)).Confirming(minutes(9), minutes(5))
	if r.State != placement.RescueConfirming || r.LeaseTill != minutes(9) || r.Made != 3 || r.Round != 1 || len(r.Plan) != 1 || r.Seed != 5 || r.ChangedAt != minutes(5) {
		t.Errorf("confirming: %+v", r)
	}
	r = r.Confirmed(minutes(6))
	if r.State != placement.RescueConfirmed || !r.LeaseTill.IsZero() || r.Round != 0 || r.Plan != nil || r.Seed != 0 || r.ChangedAt != minutes(6) {
		t.Errorf("confirmed: %+v", r)
	}
}
