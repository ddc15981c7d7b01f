package shelter_test

import (
	"strings"
	"testing"

	"panah/internal/fault"
	"panah/internal/shelter"
)

func TestANumberInTheRegisterIsShortAndPlain(t *testing.T) {
	for key, taken := range map[string]bool{
		strings.Repeat("z", shelter.MaxKey): true, strings.Repeat("z", shelter.MaxKey+1): false,
		"aAzZ09._/-": true, "{": false, "`": false, "[": false, "@": false, ":": false,
	} {
		r := registration()
		r.RegistryKey = key
		if err := r.Check(now); (err == nil) != taken {
			t.Errorf("%q: %v", key, err)
		}
	}
}

func TestADaysCountsAreWithinTheirLimits(t *testing.T) {
	for _, c := range []struct {
		name                string
		sanctioned, persons int
		field               string
	}{
		{"none", 0, 0, ""},
		{"the most", shelter.MaxBeds, shelter.MaxBeds, ""},
		{"fewer than none sanctioned", -1, 0, "sanctioned"},
		{"more than any unit sanctioned", shelter.MaxBeds + 1, 0, "sanctioned"},
		{"fewer than nobody", 0, -1, "persons"},
		{"more people than any unit has", 0, shelter.MaxBeds + 1, "persons"},
	} {
		f, _ := fault.Of(shelter.DayCount{Day: now, Sanctioned: c.sanctioned, Persons: c.persons}.Check(now))
		if (f == nil) != (c.field == "") || f != nil && f.Field != c.field {
			t.Errorf("%s: %v", c.name, f)
		}
	}
}
