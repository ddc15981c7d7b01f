// Package names gives languages their names for people to read. It stands apart
// from package language because the name tables add 2.3 MB to a binary and half
// a millisecond to its start.
package names

import (
	xlanguage "golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"panah/internal/language"
)

// Name is t's name in another language; in English where that has no name for
// it, and the tag itself where English has none either.
func Name(t, in language.Tag) string {
	if in.Base() == t.Base() {
		return Self(t)
	}
	if name := displayed(t, in); name != "" {
		return name
	}
	if english, _ := language.OwnNames(t); english != "" {
		return english
	}
	if name := displayed(t, "en"); name != "" {
		return name
	}
	return string(t)
}

// Self is t's name for itself: what a person looks for in a list. Sign languages
// and a few without a settled spelling carry another name.
func Self(t language.Tag) string {
	if name := display.Self.Name(xlanguage.Make(string(t))); name != "" {
		return name
	}
	english, self := language.OwnNames(t)
	for _, name := range []string{self, english, displayed(t, "en")} {
		if name != "" {
			return name
		}
	}
	return string(t)
}

// displayed is the name that x/text has, or empty. For the main member of a
// macrolanguage x/text gives the name of the whole (Malvi as Rajasthani), which
// would stand twice in a list, so that counts as none.
func displayed(t, in language.Tag) string {
	tag := xlanguage.Make(string(t))
	n := display.Tags(xlanguage.Make(string(in)))
	if n == nil || partOfMacrolanguage(tag) {
		return ""
	}
	return n.Name(tag)
}

func partOfMacrolanguage(t xlanguage.Tag) bool {
	whole, err := xlanguage.Macro.Canonicalize(t)
	if err != nil {
		return false
	}
	part, _, _ := t.Raw()
	base, _, _ := whole.Raw()
	return part != base
}
