package language_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"panah/internal/language"
)

func TestServes(t *testing.T) {
	for _, tt := range []struct {
		name          string
		staff, person language.Tag
		want          language.Match
	}{
		{"the same language", "bn", "bn", language.Exact},
		{"the same language in two countries", "bn-IN", "bn-BD", language.Exact},
		{"the same language in two scripts", "pa", "pa-Arab", language.Exact},
		{"Dari, written as the Persian of Afghanistan", "fa-IR", "fa-AF", language.Exact},
		{"Nepali and its macrolanguage", "npi", "ne-NP", language.Macrolanguage},
		{"Persian and Dari", "fa", "prs", language.Macrolanguage},
		{"Goan Konkani and Konkani", "gom", "kok", language.Macrolanguage},
		{"spoken Hindi and Urdu", "hi", "ur", language.Intelligible},
		{"Bhojpuri speakers with staff who speak Hindi", "hi", "bho", language.Intelligible},
		{"Hindi speakers with staff who speak Bhojpuri", "bho", "hi", language.None},
		{"Maithili speakers with staff who speak Hindi", "hi", "mai", language.None},
		{"Sylheti speakers with staff who speak Bengali", "bn", "syl", language.Intelligible},
		{"Bengali speakers with staff who speak Sylheti", "syl", "bn", language.None},
		{"Bengali and Assamese", "bn", "as", language.None},
		{"Rohingya and Chittagonian", "ctg", "rhg", language.None},
		{"Mandarin and Cantonese", "zh", "yue", language.None},
		{"Khmer and English", "en", "km", language.None},
		{"Lao and English", "en", "lo", language.None},
		{"Sindhi and English", "en", "sd", language.None},
		{"Persian and Urdu", "ur", "fa", language.None},
		{"a Tamil speaker and Hindi", "hi", "ta", language.None},
		{"Indian Sign Language and Hindi", "ins", "hi", language.None},
		{"Hindi and Indian Sign Language", "hi", "ins", language.None},
		{"two sign languages", "ase", "ins", language.None},
		{"no language at all", "", "", language.None},
		{"no language on one side", "hi", "", language.None},
	} {
		if got := language.Serves(tt.staff, tt.person); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestEveryKnownLanguageServesItself(t *testing.T) {
	for _, tag := range language.Known() {
		if got := language.Serves(tag, tag); got != language.Exact {
			t.Errorf("%s: %s", tag, got)
		}
	}
}

func TestNoPairCallsForAnInterpreterAndMacrolanguagesHoldBothWays(t *testing.T) {
	for _, a := range language.Known() {
		for _, b := range language.Known() {
			m := language.Serves(a, b)
			if m == language.Interpreter {
				t.Errorf("%s for %s is interpreter", a, b)
			}
			if back := language.Serves(b, a); m == language.Macrolanguage && back != m {
				t.Errorf("%s for %s is %s, back %s", a, b, m, back)
			}
			if m != language.None && a.Signed() != b.Signed() {
				t.Errorf("%s serves %s: one is signed", a, b)
			}
		}
	}
}

func TestTheTableIsWellFormed(t *testing.T) {
	listed := map[string]bool{}
	for i, row := range rows(t, "data/serves.csv", 5) {
		staff, person := row[0], row[1]
		pairs := []string{staff + ">" + person}
		switch row[4] {
		case "both":
			pairs = append(pairs, person+">"+staff)
		case "one":
		default:
			t.Errorf("row %d has direction %q", i+1, row[4])
		}
		for _, p := range pairs {
			if listed[p] {
				t.Errorf("%s is listed twice", p)
			}
			listed[p] = true
		}
		if row[2] != "macrolanguage" && row[2] != "intelligible" || row[3] == "" || staff == person {
			t.Errorf("row %d: %v", i+1, row)
		}
		for _, s := range row[:2] {
			if !slices.Contains(language.Known(), language.Tag(s)) {
				t.Errorf("%s is not in languages.csv", s)
			}
		}
	}
}

func TestKnownLanguagesAreCanonicalSortedAndOnce(t *testing.T) {
	known := language.Known()
	if !slices.IsSorted(known) || len(slices.Compact(slices.Clone(known))) != len(known) {
		t.Error("not sorted, or one twice")
	}
	for _, tag := range known {
		if got, err := language.Parse(string(tag)); err != nil || got != tag {
			t.Errorf("%s parses as %s, %v", tag, got, err)
		}
	}
	if n := len(rows(t, "data/languages.csv", 3)); n != len(known) {
		t.Errorf("%d rows, %d languages", n, len(known))
	}
}

// The languages of 99 % of those counted in India in 2011.
func TestTheLanguagesOfTheCensusAreKnown(t *testing.T) {
	census := "ps ar as bn bhb brx doi en grt gon gu hi hoc kn mjw ks khn khr kha kok kru lep lif lus mai " +
		"ml mni mr unr ne or pa sa sat sd taj ta te bo trp tcy ur"
	for _, s := range strings.Fields(census) {
		if !slices.Contains(language.Known(), language.Tag(s)) {
			t.Errorf("%s is missing", s)
		}
	}
}

func TestMatchesAreOrderedAndNamed(t *testing.T) {
	got := fmt.Sprint(language.None, language.Interpreter, language.Intelligible, language.Macrolanguage, language.Exact, language.Match(9))
	if want := "none interpreter intelligible macrolanguage exact unknown"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if !(language.None < language.Interpreter && language.Interpreter < language.Intelligible &&
		language.Intelligible < language.Macrolanguage && language.Macrolanguage < language.Exact) {
		t.Error("bigger is not better")
	}
}

func rows(t *testing.T, file string, fields int) [][]string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out [][]string
	for _, line := range strings.Split(strings.TrimSpace(string(b)), "\n")[1:] {
		row := strings.Split(line, ",")
		if len(row) != fields || strings.ContainsAny(line, "\"\r") {
			t.Fatalf("%s: %q", file, line)
		}
		out = append(out, row)
	}
	return out
}

func BenchmarkServes(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		language.Serves("hi-IN", "bho-IN")
	}
}

func ExampleServes() {
	fmt.Println(language.Serves("bn-IN", "bn-BD"))
	fmt.Println(language.Serves("hi", "bho"))
	fmt.Println(language.Serves("en", "km"))
	// Output:
	// exact
	// intelligible
	// none
}
