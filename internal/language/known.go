package language

import (
	_ "embed"
	"slices"
	"sync"
)

//go:embed data/languages.csv
var languagesCSV string

// known is the table of languages: in order, and the names kept for each.
type known struct {
	tags  []Tag
	names map[Tag][2]string
}

var languages = sync.OnceValue(func() known {
	k := known{names: make(map[Tag][2]string, 128)}
	eachRow(languagesCSV, func(f [5]string) {
		t := Tag(f[0])
		k.tags = append(k.tags, t)
		k.names[t] = [2]string{f[1], f[2]}
	})
	return k
})

// Known returns the languages with a row in the tables, sorted: those of the
// region, those of people trafficked into it, and their sign languages. Other
// tags parse and serve themselves as well.
func Known() []Tag { return slices.Clone(languages().tags) }

// OwnNames returns the English name and the language's name for itself that are
// kept here for languages which golang.org/x/text has none for; either may be
// empty. Package names puts the two sources together.
func OwnNames(t Tag) (english, self string) {
	n := languages().names[Tag(t.Base())]
	return n[0], n[1]
}
