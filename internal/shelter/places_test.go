package shelter_test

import (
	"testing"
	"time"

	"panah/internal/fault"
	"panah/internal/shelter"
)

func TestALimitOfNothingIsNotTheSameAsNoLimit(t *testing.T) {
	for _, c := range []struct {
		name  string
		limit shelter.Limit
		said  bool
		n     int
	}{
		{"nobody has said", 0, false, 0},
		{"there are none", shelter.LimitOf(0), true, 0},
		{"there is one", shelter.LimitOf(1), true, 1},
		{"there are five", shelter.LimitOf(5), true, 5},
	} {
		if c.limit.Said() != c.said || c.limit.N() != c.n {
			t.Errorf("%s: said %t, %d", c.name, c.limit.Said(), c.limit.N())
		}
	}
}

func TestPlacesAreCountedEachByItself(t *testing.T) {
	a, b := shelter.Places{StepFree: 5, Medical: 3}, shelter.Places{StepFree: 1, Medical: 2}
	if got := a.Plus(b); got != (shelter.Places{StepFree: 6, Medical: 5}) {
		t.Errorf("together %+v", got)
	}
	if got := a.Minus(b); got != (shelter.Places{StepFree: 4, Medical: 1}) {
		t.Errorf("without %+v", got)
	}
	for _, c := range []struct {
		name         string
		have, needed shelter.Places
		want         bool
	}{
		{"just enough of both", a, a, true},
		{"one step-free place too few", shelter.Places{StepFree: 4, Medical: 3}, a, false},
		{"one medical place too few", shelter.Places{StepFree: 5, Medical: 2}, a, false},
		{"a fact went beyond both, and neither is needed", shelter.Places{StepFree: -1, Medical: -1}, shelter.Places{}, true},
		{"a fact went beyond one, and the other is needed", shelter.Places{StepFree: -1, Medical: 1}, shelter.Places{Medical: 1}, true},
	} {
		if got := c.have.Covers(c.needed); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}

// limitedUnit has two step-free places and one medical place.
func limitedUnit() shelter.Unit {
	return shelter.Unit{StepFree: shelter.LimitOf(2), Medical: shelter.LimitOf(1)}
}

func TestAUnitLimitsWhatIsNeededAndSaid(t *testing.T) {
	both, stepFree, medical := limitedUnit(), shelter.Unit{StepFree: shelter.LimitOf(0)}, shelter.Unit{Medical: shelter.LimitOf(0)}
	for _, c := range []struct {
		name   string
		unit   shelter.Unit
		needed shelter.Places
		want   bool
	}{
		{"nothing is needed", both, shelter.Places{}, false},
		{"a step-free place is", both, shelter.Places{StepFree: 1}, true},
		{"a medical place is", both, shelter.Places{Medical: 1}, true},
		{"a medical place where only step-free ones are limited", stepFree, shelter.Places{Medical: 1}, false},
		{"a step-free place where only medical ones are limited", medical, shelter.Places{StepFree: 1}, false},
	} {
		if got := c.unit.Limits(c.needed); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}

func TestPlacesLeftAreThoseNobodySleepsInOrIsPromised(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	u := limitedUnit().WithClaim("a.1", shelter.Claim{N: 1, Until: now, Places: shelter.Places{StepFree: 1, Medical: 1}}).
		Occupy(shelter.Places{StepFree: 1})
	for _, c := range []struct {
		name string
		at   time.Time
		want shelter.Places
	}{
		{"while the promise lasts", now.Add(-time.Second), shelter.Places{}},
		{"when its time has passed", now, shelter.Places{StepFree: 1, Medical: 1}},
		{"at no time in particular every promise counts", time.Time{}, shelter.Places{}},
	} {
		if got := u.PlacesAt(c.at); got != c.want {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
	crowded := u.Occupy(shelter.Places{StepFree: 2})
	if got := crowded.PlacesAt(now); got.StepFree != -1 {
		t.Errorf("beyond the limit: %+v", got)
	}
	if got := (&shelter.Unit{}).PlacesAt(now); got != (shelter.Places{StepFree: shelter.MaxBeds, Medical: shelter.MaxBeds}) {
		t.Errorf("no limit: %+v", got)
	}
}

func TestNoFewerThanNobodyNeedAPlace(t *testing.T) {
	u := limitedUnit().Occupy(shelter.Places{StepFree: -1, Medical: -1})
	if got := u.UsedPlaces(); got != (shelter.Places{}) {
		t.Errorf("%+v", got)
	}
	used := u.Occupy(shelter.Places{StepFree: 2, Medical: 1})
	if got := used.UsedPlaces(); got != (shelter.Places{StepFree: 2, Medical: 1}) {
		t.Errorf("%+v", got)
	}
}

func TestAClaimTakesNoMorePlacesThanAreLeft(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	full := shelter.Places{StepFree: 2, Medical: 1}
	for _, c := range []struct {
		name         string
		used, needed shelter.Places
		refused      string
	}{
		{"the last of both", shelter.Places{}, full, ""},
		{"one step-free place more than there are", shelter.Places{}, shelter.Places{StepFree: 3}, "places.step_free"},
		{"one medical place more than there are", shelter.Places{}, shelter.Places{Medical: 2}, "places.medical"},
		{"none, where all are used", full, shelter.Places{}, ""},
		{"none, where facts went beyond both", shelter.Places{StepFree: 3, Medical: 2}, shelter.Places{}, ""},
	} {
		u, err := limitedUnit().Occupy(c.used).WithClaim("a.1", shelter.Claim{N: 3}).HoldPlaces("a.1", c.needed, now)
		got, _ := u.Claim("a.1")
		if c.refused == "" {
			if err != nil || got.Places != c.needed {
				t.Errorf("%s: %+v, %v", c.name, got, err)
			}
			continue
		}
		f, ok := fault.Of(err)
		if !ok || f.Kind != fault.ShelterFull || len(f.Rules) != 1 || f.Rules[0] != c.refused || got.Places != (shelter.Places{}) {
			t.Errorf("%s: %+v, %v", c.name, got, err)
		}
	}
}

func TestWithoutItsClaimNobodyNeedsAPlace(t *testing.T) {
	u := limitedUnit().Needing("a.1", shelter.Places{Medical: 1})
	if _, there := u.Claim("a.1"); there {
		t.Error("a claim was made of nothing")
	}
}
