package placement

import (
	"slices"
	"testing"

	"panah/internal/code"
	"panah/internal/place"
)

// Who keeps a placement on a device forgets it when it is over or theirs no more,
// and is told why.
func TestWhatADeviceForgetsAndWhy(t *testing.T) {
	for _, s := range States {
		p := shared(s)
		over := s == Ended || s == Cancelled || s == Superseded
		why, gone := p.Gone()
		if gone != over || over && why != string(s) {
			t.Errorf("%s: gone %t, %q for its team", s, gone, why)
		}
		why, gone = p.GoneFrom("SECO")
		switch {
		case over && (!gone || why != string(s)):
			t.Errorf("%s: gone %t, %q from where it was", s, gone, why)
		case !over && gone != !s.Live() || gone && !over && why != GoneMovedOn:
			t.Errorf("%s: gone %t, %q from where it is", s, gone, why)
		}
		for _, elsewhere := range []string{"FIRS", ""} {
			if why, gone := p.GoneFrom(elsewhere); !gone || why != GoneMovedOn {
				t.Errorf("%s: gone %t, %q from %q", s, gone, why, elsewhere)
			}
		}
		w, _, err := p.Withdraw(noon)
		if err != nil {
			t.Fatal(err)
		}
		came := !w.ArrivedAt.IsZero()
		if why, gone := w.Gone(); gone != (over || !came) || !came && why != GoneWithdrawn {
			t.Errorf("%s, withdrawn: gone %t, %q for its team", s, gone, why)
		}
		if why, gone := w.GoneFrom("FIRS"); !gone || why != GoneWithdrawn {
			t.Errorf("%s, withdrawn: gone %t, %q from where it was once", s, gone, why)
		}
		if why, gone := w.GoneFrom("SECO"); gone != (over || !came) || !came && why != GoneWithdrawn || came && over && why != string(s) {
			t.Errorf("%s, withdrawn: gone %t, %q from where it is", s, gone, why)
		}
	}
}

func TestWhoAPlacementWasSharedWith(t *testing.T) {
	house := func(id string) Recipient { return Recipient{House, id} }
	for _, c := range []struct {
		name string
		p    Placement
		want []Recipient
	}{
		{"a team and two shelters", shared(Held), []Recipient{{Team, "team-a"}, house("SECO"), house("FIRS")}},
		{"a team that holds nothing", Placement{Team: "team-a"}, []Recipient{{Team, "team-a"}}},
		{"a walk-in", Placement{Team: "house:SECO", Hold: Hold{Shelter: "SECO"}}, []Recipient{house("SECO")}},
		{"a shelter that asked for a place elsewhere", Placement{Team: "house:FIRS", Hold: Hold{Shelter: "SECO"}}, []Recipient{house("FIRS"), house("SECO")}},
	} {
		if got := c.p.Recipients(); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// A pause begins with the first alert, is as old as that, and ends with the last.
func TestAPauseLastsAsLongAsAnAlertIsOpen(t *testing.T) {
	first := Pause{Shelter: "HOME"}.For("a", noon)
	both := first.For("b", noon.AddDate(0, 0, 1)).For("a", noon.AddDate(0, 0, 2))
	if !both.Since.Equal(noon) || !slices.Equal(both.Alerts, []string{"a", "b"}) {
		t.Errorf("two alerts: %+v", both)
	}
	one := both.Without("a")
	if !slices.Equal(one.Alerts, []string{"b"}) || len(both.Alerts) != 2 {
		t.Errorf("one was looked into: %+v, before %+v", one, both)
	}
	none := one.Without("b").Without("b")
	if len(none.Alerts) != 0 {
		t.Errorf("both were looked into: %+v", none)
	}
	if anew := none.For("c", noon.AddDate(0, 0, 3)); !anew.Since.Equal(noon.AddDate(0, 0, 3)) {
		t.Errorf("paused anew: %+v", anew)
	}
	if got := (Placement{Hold: Hold{Shelter: "HOME"}}).ComplainedOf(); got != "" {
		t.Errorf("before arrival a complaint is of %q", got)
	}
	if got := (Placement{Hold: Hold{Shelter: "HOME"}, ArrivedAt: noon}).ComplainedOf(); got != "HOME" {
		t.Errorf("after arrival a complaint is of %q", got)
	}
}

// The first decision stops the clock of the law. Taken back it runs again; a later
// one taken back changes nothing of that.
func TestOnlyTheFirstDecisionTakenBackStartsTheClockAgain(t *testing.T) {
	p := shared(Arrived)
	first, err := p.Decide(code.Decision(1), nil, noon, noon)
	if err != nil {
		t.Fatal(err)
	}
	back, _, _, err := first.Undo(Office, noon)
	if err != nil || !back.First.At.IsZero() || !back.Ruling.At.IsZero() {
		t.Errorf("the first taken back: %+v, %v", back.First, err)
	}
	later := noon.AddDate(0, 0, 1)
	second, err := first.Decide(code.Decision(1), nil, later, later)
	if err != nil {
		t.Fatal(err)
	}
	back, _, _, err = second.Undo(Office, later)
	if err != nil || !back.First.At.Equal(noon) || !back.Ruling.At.Equal(noon) {
		t.Errorf("the second taken back: %+v, %+v, %v", back.First, back.Ruling, err)
	}
}

// What is forgotten of a closed placement is forgotten once.
func TestAClosedPlacementIsForgottenOnce(t *testing.T) {
	for _, s := range States {
		next, changed := shared(s).Forget()
		if changed != s.Closed() {
			t.Errorf("%s: forgotten %t", s, changed)
		}
		if _, again := next.Forget(); again {
			t.Errorf("%s: forgotten again", s)
		}
	}
	bare := Placement{State: Ended, Request: Request{Persons: []Person{{Age: code.Age25To59}}}}
	if _, changed := bare.Forget(); changed {
		t.Error("nothing was known, and something was forgotten")
	}
	for name, tell := range map[string]func(*Placement){
		"wishes":                 func(p *Placement) { p.Request.Preferences = 1 },
		"places not safe":        func(p *Placement) { p.Request.ExcludedDistricts = []place.Code{"IN-WB"} },
		"shelters not safe":      func(p *Placement) { p.Request.ExcludedShelters = []string{"BADS"} },
		"how consent was heard":  func(p *Placement) { p.Request.Consent.HeardIn = "bn" },
		"where they go home to":  func(p *Placement) { p.Return.To = "BD" },
		"what the last move was": func(p *Placement) { p.Back.Move = MoveEnd },
		"needs":                  func(p *Placement) { p.Request.Persons[0].Needs = 1 },
		"languages":              func(p *Placement) { p.Request.Persons[0].Languages = append(p.Request.Persons[0].Languages, "bn") },
	} {
		told := bare
		told.Request.Persons = slices.Clone(bare.Request.Persons)
		tell(&told)
		if _, changed := told.Forget(); !changed {
			t.Errorf("%s are kept", name)
		}
	}
}
