package matching

import (
	"strings"
	"sync"
	"sync/atomic"

	"panah/internal/language"
)

// spoken remembers, for the languages a person speaks, how well each list of
// languages of the index serves that person: what one ask has worked out, the
// next with the same languages finds.
type spoken struct {
	by    sync.Map // of the languages, to []language.Match by list
	known atomic.Int32
}

// mostSpoken bounds how many are remembered: there are fewer combinations that
// people really speak, and others are worked out each time.
const mostSpoken = 256

// serving is how well each list serves somebody who speaks these languages.
func (x *Index) serving(wanted []language.Tag) []language.Match {
	key := speakers(wanted)
	if known, ok := x.spoken.by.Load(key); ok {
		if list, ok := known.([]language.Match); ok {
			return list
		}
	}
	list := x.serve(wanted)
	if x.spoken.known.Load() < mostSpoken {
		if _, there := x.spoken.by.LoadOrStore(key, list); !there {
			x.spoken.known.Add(1)
		}
	}
	return list
}

func speakers(wanted []language.Tag) string {
	if len(wanted) == 1 {
		return string(wanted[0])
	}
	var key strings.Builder
	for _, tag := range wanted {
		key.WriteString(string(tag))
		key.WriteByte(' ')
	}
	return key.String()
}

func (x *Index) serve(wanted []language.Tag) []language.Match {
	staff := make([]language.Match, len(x.tags))
	for i, tag := range x.tags {
		for _, w := range wanted {
			staff[i] = max(staff[i], language.Serves(tag, w))
		}
	}
	list := make([]language.Match, len(x.tongues))
	for i, tongues := range x.tongues {
		for _, t := range tongues {
			m := staff[t.tag]
			if m != language.None && !t.staff {
				m = language.Interpreter
			}
			list[i] = max(list[i], m)
		}
	}
	return list
}
