package matching_test

import (
	"reflect"
	"slices"
	"testing"

	"panah/internal/code"
	"panah/internal/matching"
	"panah/internal/placement"
	"panah/internal/testworld"
)

// Trying what would help is a trial: the ask it was tried on is what it was, and
// no trial knows of the one before.
func TestWhatWouldHelpIsTriedOnACopyOfTheAsk(t *testing.T) {
	interpreter, _ := code.Needs.Parse("interpreter")
	sign, _ := code.Needs.Parse("sign_language")
	home := testworld.Home("HOME", testworld.District, code.ChildrensHome, testworld.Unit("HOME", "girls", code.Girls, testworld.SchoolAge, 5, 1))
	w, p := world([]testworld.Place{home}), rules(t)
	one, both, none := girl(), girl(), girl()
	one.Needs, both.Needs = code.Of(interpreter), code.Of(interpreter, sign)
	for _, c := range []struct {
		name    string
		persons []placement.Person
		help    []string
	}{
		{"an interpreter is missing", []placement.Person{one}, []string{"interpreter_by_phone"}},
		{"for one of two, the first", []placement.Person{one, none}, []string{"interpreter_by_phone"}},
		{"for one of two, the last", []placement.Person{none, one}, []string{"interpreter_by_phone"}},
		{"an interpreter and sign language, neither helps alone", []placement.Person{both}, []string{"interpreter_by_phone+need_met_elsewhere"}},
		{"each is missing for another person", []placement.Person{one, both}, []string{"interpreter_by_phone+need_met_elsewhere"}},
	} {
		a := ask(c.persons...)
		before := slices.Clone(a.Persons)
		got := matching.Rank(w, a, p, 3)
		if len(got.Options) > 0 || !slices.Equal(got.WouldHelp, c.help) {
			t.Errorf("%s: %d options, would help %v, want %v", c.name, len(got.Options), got.WouldHelp, c.help)
		}
		if !reflect.DeepEqual(a.Persons, before) {
			t.Errorf("%s: the ask has become %v", c.name, a.Persons)
		}
	}
}
