package language_test

import (
	"errors"
	"strings"
	"testing"

	"panah/internal/fault"
	"panah/internal/language"
)

func TestParseBringsTagsIntoOneForm(t *testing.T) {
	for in, want := range map[string]language.Tag{
		"bn": "bn", "BN-bd": "bn-BD", "ben": "bn", "bn_IN": "bn-IN",
		"iw": "he", "tl": "fil", "hi-latn": "hi-Latn", "ne-Deva": "ne", "npi": "npi", "dty": "dty",
		"pa-Arab-PK": "pa-Arab-PK", "mni-Mtei": "mni-Mtei", "zh-min-nan": "nan",
		"sgn-ase": "ase", "ins": "ins", "nsp-NP": "nsp-NP", "sq-XK": "sq-XK", "de-1996": "de-1996",
		"bn-u-nu-latn": "bn", "hi-t-en": "hi", "prs": "prs", "fa-AF": "fa-AF",
	} {
		got, err := language.Parse(in)
		if err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", in, got, err, want)
		}
	}
}

func TestParseRefusesInWordsThatRepeatNothing(t *testing.T) {
	for name, in := range map[string]string{
		"nothing": "", "unknown": "xx", "not a tag": "bengali please", "a name": "Bengali1",
		"undetermined": "und", "undetermined with a script": "und-Deva", "many": "mul",
		"no language": "zxx", "uncoded": "mis", "some sign language": "sgn", "a family": "inc",
		"Bihari": "bh", "Bihari by its old code": "bih", "private language": "qaa", "private": "x-secret",
		"private part": "bn-x-secret", "private script": "bn-Qaaa", "private region": "bn-XA",
		"an unknown extension order": "bn-x", "36 bytes": "bn-" + strings.Repeat("a", 33),
		"not UTF-8": "\xff\xfe", "a newline": "bn\n", "root": "root",
	} {
		got, err := language.Parse(in)
		f, ok := fault.Of(err)
		if !ok || f.Kind != fault.Invalid || got != "" {
			t.Errorf("%s: %q, %v", name, got, err)
			continue
		}
		if want := "not the tag of a language (BCP 47, such as bn or bn-BD)"; f.Detail != want {
			t.Errorf("%s: detail %q", name, f.Detail)
		}
	}
}

func TestParseFailsWithAFaultAndSucceedsWithNil(t *testing.T) {
	if _, err := language.Parse("hi"); err != nil {
		t.Error(err)
	}
	var f *fault.Fault
	if _, err := language.Parse("und"); !errors.As(err, &f) {
		t.Errorf("%T", err)
	}
}

func TestSigned(t *testing.T) {
	for tag, want := range map[language.Tag]bool{
		"ins": true, "nsp": true, "pks": true, "ase": true, "ase-US": true, "bfi": true, "ils": true,
		"hi": false, "bn-BD": false, "sa": false, "as": false, "": false, " ": false,
	} {
		if tag.Signed() != want {
			t.Errorf("%q: %v", tag, !want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"bn", "BN_bd", "und", "x-a", "pa-Arab-PK-u-nu-latn", "sgn-ins", "zh-min-nan", "i-klingon", "\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		tag, err := language.Parse(s)
		if err != nil {
			if f, ok := fault.Of(err); !ok || f.Kind != fault.Invalid {
				t.Fatalf("%q: not a fault: %v", s, err)
			}
			return
		}
		if again, err := language.Parse(string(tag)); err != nil || again != tag {
			t.Fatalf("%q gives %q, which gives %q, %v", s, tag, again, err)
		}
		if b := tag.Base(); len(b) < 2 || len(b) > 8 || b != strings.ToLower(b) {
			t.Fatalf("%q has base %q", s, b)
		}
		if language.Serves(tag, tag) != language.Exact {
			t.Fatalf("%q does not serve itself", tag)
		}
	})
}
