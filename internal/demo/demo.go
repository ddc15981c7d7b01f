// Package demo invents a national directory of India for the local runner:
// about 4 300 shelters with units and counts, and who works in them. Every
// shelter is marked Synthetic and none is a real place. Districts, language
// shares, numbers of places by type, bed numbers and occupancy have realistic
// proportions (data/SOURCES.md says which rest on what); everything else is a
// judgement that makes the directory behave as a real one would: homes for one
// sex are the common case, some are over capacity, places for men are rare, some
// counts are old, some registrations have ended.
//
// It is pure: the same seed and instant give the same directory, and another
// instant moves only the times in it.
package demo

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"

	"panah/internal/caller"
	"panah/internal/place"
	"panah/internal/shelter"
)

// Directory is every shelter, by id, and every member.
type Directory struct {
	Shelters []Shelter
	Members  []caller.Caller
}

// Shelter is one shelter with its units, by id. It is at Rev 1, its units at
// Census 1, and nothing is stored yet: Version is 0.
type Shelter struct {
	shelter.Shelter
	Units []shelter.Unit
}

// India is the country of the directory.
const India place.Code = "IN"

// Build invents the directory. Counts were confirmed, and registrations end, at
// instants relative to now.
func Build(seed uint64, now time.Time) Directory { return BuildOf(seed, now, 0) }

// BuildOf invents a directory of n shelters of the same kinds spread in the same
// way, for measuring: below the real number by leaving some out, above it by
// drawing the country again and again. 0 is the real number.
func BuildOf(seed uint64, now time.Time, n int) Directory {
	w := &world{dice: dice{rand.New(rand.NewPCG(seed, golden))}, now: now.UTC().Truncate(time.Second), speakers: readSpeakers()}
	sites := w.sites(readCountry())
	if n > 0 {
		for len(sites) < n {
			sites = append(sites, w.sites(readCountry())...)
		}
		w.dice.Shuffle(len(sites), func(i, j int) { sites[i], sites[j] = sites[j], sites[i] })
		sites = sites[:n]
	}
	ids := w.dice.ids(len(sites))
	d := Directory{Shelters: make([]Shelter, len(sites))}
	for i, s := range sites {
		d.Shelters[i] = w.shelter(ids[i], s)
	}
	slices.SortFunc(d.Shelters, func(a, b Shelter) int { return cmp.Compare(a.ID, b.ID) })
	d.Members = members(d.Shelters)
	return d
}

// golden keeps seeds 0, 1, 2 … apart in the generator's second word.
const golden = 0x9e3779b97f4a7c15

// world is what every invented shelter draws on.
type world struct {
	dice     dice
	now      time.Time
	speakers map[place.Code][]share
}
