package names_test

import (
	"testing"

	"panah/internal/language"
	"panah/internal/language/names"
)

func TestName(t *testing.T) {
	for _, tt := range []struct{ tag, in, want language.Tag }{
		{"ta", "en", "Tamil"},
		{"ta", "hi", "तमिल"},
		{"mai", "hi", "मैथिली"},
		{"mai", "en", "Maithili"},
		{"hne-IN", "en", "Chhattisgarhi"},
		{"prs", "en", "Dari"},
		{"mup", "en", "Malvi"},        // not Rajasthani, the whole it is a part of
		{"ctg", "ta", "Chittagonian"}, // English where Tamil has no name
		{"ins", "en", "Indian Sign Language"},
		{"hi", "hi", "हिन्दी"},
		{"tlh", "tlh", "Klingon"},
	} {
		if got := names.Name(tt.tag, tt.in); got != string(tt.want) {
			t.Errorf("%s in %s: %q, want %q", tt.tag, tt.in, got, tt.want)
		}
	}
}

func TestSelf(t *testing.T) {
	for tag, want := range map[language.Tag]string{
		"bn-BD": "বাংলা", "mai": "मैथिली", "bho": "भोजपुरी", "sat": "ᱥᱟᱱᱛᱟᱲᱤ", "mni": "মৈতৈলোন্",
		"pa-Arab": "پنجابی", "fa-AF": "دری", "prs": "دری", "ase": "American Sign Language",
	} {
		if got := names.Self(tag); got != want {
			t.Errorf("%s: %q, want %q", tag, got, want)
		}
	}
}

func TestEveryKnownLanguageHasNamesOfItsOwn(t *testing.T) {
	english := map[string]language.Tag{}
	for _, tag := range language.Known() {
		name := names.Name(tag, "en")
		if name == "" || name == string(tag) || names.Self(tag) == string(tag) {
			t.Errorf("%s has no name: %q, %q", tag, name, names.Self(tag))
		}
		english[name] = tag
	}
	if len(english) < len(language.Known())-5 { // npi, knn, ory, dgo and swh share their macrolanguage's
		t.Errorf("%d names for %d languages", len(english), len(language.Known()))
	}
}

func TestATagWithoutANameIsItsOwnName(t *testing.T) {
	if got := names.Name("zzj", "en"); got != "zzj" {
		t.Errorf("%q", got)
	}
}
