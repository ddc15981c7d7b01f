package placement

import (
	"testing"
	"time"

	"panah/internal/code"
	"panah/internal/fault"
	"panah/internal/place"
)

func TestAReturnIsAcrossABorderAndHasADay(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	p := New("p_1", "team", "policy", Request{Place: "IN-LGD-315", Persons: make([]Person, 2)}, now, Command{})
	for name, c := range map[string]struct {
		to    place.Code
		since time.Time
		field string
	}{
		"to another country":                 {"BD", time.Time{}, ""},
		"to another state":                   {"IN-BR", now.AddDate(0, -7, 0), ""},
		"to a state of another country":      {"BD-13", now.AddDate(0, -7, 0), "returnTo"}, // divisions are letters there
		"to the state they are in":           {"IN-WB", time.Time{}, "returnTo"},
		"to the country they are in":         {"IN", time.Time{}, "returnTo"},
		"to a district: finer than is asked": {"IN-LGD-525", time.Time{}, "returnTo"},
		"to nowhere Panah knows":             {"XX", time.Time{}, "returnTo"},
		"from a day to come":                 {"BD", now.Add(time.Hour), "waitingSince"},
		"from a day nobody remembers":        {"BD", now.AddDate(-30, 0, 0), "waitingSince"},
		"withdrawn and never ordered":        {"", time.Time{}, "decision"},
	} {
		t.Run(name, func(t *testing.T) {
			next, err := p.Repatriate(c.to, c.since, now, now)
			wrong, refused := fault.Of(err)
			if refused != (c.field != "") || (refused && wrong.Field != c.field) {
				t.Fatalf("%v", err)
			}
			if !refused && (next.Return.To != c.to || next.Return.Since.IsZero() || !next.First.At.IsZero() || len(next.Awaiting()) != 2) {
				t.Errorf("%+v", next.Return)
			}
		})
	}
	if _, err := p.Decide(code.RepatriationOrdered, nil, now, now); err == nil {
		t.Error("a return without where to stops a legal clock")
	}
}

func TestWhoeverLeavesWaitsNoMore(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	left := now.Add(time.Hour)
	ordered := New("p_1", "team", "policy", Request{Place: "IN-LGD-315", Persons: make([]Person, 2)}, now, Command{})
	ordered, err := ordered.Repatriate("BD", now.AddDate(0, 0, -100), now, now)
	if err != nil {
		t.Fatal(err)
	}
	gone := ordered
	gone.State, gone.ArrivedAt, gone.Stays = Arrived, now, []Stay{{Gone: true, At: left}, {}}
	cancelled := ordered
	cancelled.State, cancelled.ChangedAt = Cancelled, left
	moving := ordered
	moving.TransferOf = "p_0"
	for name, c := range map[string]struct {
		p    Placement
		want []time.Time
	}{
		"both wait":                           {ordered, []time.Time{{}, {}}},
		"one has left":                        {gone, []time.Time{left, {}}},
		"nobody after a cancel":               {cancelled, []time.Time{left, left}},
		"a stay that moves counts once: here": {moving, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := c.p.Awaiting()
			if len(got) != len(c.want) {
				t.Fatalf("%v", got)
			}
			for i := range got {
				if !got[i].Equal(c.want[i]) {
					t.Errorf("%v", got)
				}
			}
		})
	}
	back, _, _, err := ordered.Undo(Office, now.Add(time.Minute))
	if err != nil || back.Return.To != "" {
		t.Errorf("taken back, they wait for %q: %v", back.Return.To, err)
	}
}
