package demo

import (
	"slices"

	"panah/internal/code"
	"panah/internal/language"
	"panah/internal/shelter"
)

// link are the languages staff learn besides those of the state, as shares of
// its speakers.
var link = []share{{"hi", .25}, {"en", .20}}

// languages draws one to four. The first is spoken by staff and drawn from the
// people of the state; later ones may be Hindi or English as well, and some come
// through an interpreter.
func (w *world) languages(s site) []shelter.Language {
	pool := slices.Clone(w.speakers[s.district.State])
	n := 1 + w.dice.pick(.18, .43, .32, .06)
	first := w.dice.speaker(pool)
	if s.reception {
		first = 0
	}
	out := []shelter.Language{{Tag: pool[first].tag}}
	pool = withLink(pool)
	for len(out) < min(n, len(pool)) {
		for i := range pool {
			if spoken(out, pool[i].tag) {
				pool[i].persons = 0
			}
		}
		via := code.LanguageVia(w.dice.pick(.78, .08, .14))
		out = append(out, shelter.Language{Tag: pool[w.dice.speaker(pool)].tag, Via: via})
	}
	return out
}

// withLink adds Hindi and English to the languages of a state.
func withLink(pool []share) []share {
	all := 0.0
	for _, s := range pool {
		all += s.persons
	}
	for _, l := range link {
		i := slices.IndexFunc(pool, func(s share) bool { return s.tag == l.tag })
		if i < 0 {
			i = len(pool)
			pool = append(pool, share{tag: l.tag})
		}
		pool[i].persons += l.persons * all
	}
	return pool
}

func spoken(list []shelter.Language, t language.Tag) bool {
	return slices.ContainsFunc(list, func(l shelter.Language) bool { return l.Tag == t })
}

// speaker is the index of a language, each as likely as it is spoken.
func (d dice) speaker(pool []share) int {
	weights := make([]float64, len(pool))
	for i, s := range pool {
		weights[i] = s.persons
	}
	return d.pick(weights...)
}

// signs gives one shelter in fifty Indian Sign Language.
func (w *world) signs(s *shelter.Shelter) {
	signs, via := w.dice.chance(.02), code.LanguageVia(w.dice.pick(.5, .5))
	if !signs {
		return
	}
	s.Languages = append(s.Languages, shelter.Language{Tag: "ins", Via: via})
	if via == code.ViaStaff {
		s.OnSite = s.OnSite.With(signLanguage)
	} else {
		s.Arranged = s.Arranged.With(signLanguage)
	}
}
