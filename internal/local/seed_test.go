package local

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"panah/internal/code"
	"panah/internal/demo"
	"panah/internal/embedded"
	"panah/internal/record"
	"panah/internal/table"
	"panah/internal/table/tabletest"
	"panah/internal/testworld"
)

// The seed's part of the fault matrix (internal/simulation has the rest): each
// call of the store has each trouble, the seed is begun again as the next run
// would, and the directory is whole.
func TestTheSeedUnderTheFaultMatrix(t *testing.T) {
	home := testworld.Home("ONLY", testworld.District, code.ChildrensHome, testworld.Unit("ONLY", "girls", code.Girls, testworld.SchoolAge, 5, 1))
	d := demo.Directory{Shelters: []demo.Shelter{{Shelter: home.Shelter, Units: home.Units}}}
	seeded := func(trouble tabletest.Trouble, at int) (*tabletest.Probe, error) {
		s, err := embedded.Open(filepath.Join(t.TempDir(), "panah.db"), embedded.Options{NoSync: true})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		probe := &tabletest.Probe{Store: s, Trouble: trouble, At: at}
		clock, ids := testworld.Start, 0
		r := &runner{Options: Options{Now: func() time.Time { return clock }}, store: probe, newID: func() string { ids++; return fmt.Sprint("w", ids) }}
		for _, later := range []time.Duration{0, 13 * time.Hour} { // filled, then made fresh
			clock = clock.Add(later)
			for range 5 {
				if err = r.seed(t.Context(), d); err == nil {
					break
				}
			}
			if err != nil {
				return probe, err
			}
		}
		it, err := s.Get(t.Context(), record.UnitKey("ONLY", "girls"), table.Strong)
		if err != nil || it == nil {
			return probe, fmt.Errorf("the unit is not there: %w", err)
		}
		u, err := record.ToUnit(it)
		if err == nil && u.ConfirmedAt.Before(clock.Add(-2*time.Hour)) {
			err = fmt.Errorf("its counts are as old as %s", u.ConfirmedAt)
		}
		return probe, err
	}
	plain, err := seeded(tabletest.None, 0)
	if err != nil {
		t.Fatal(err)
	}
	for at, site := range plain.Sites {
		for _, trouble := range tabletest.Troubles {
			if _, err := seeded(trouble, at); err != nil {
				t.Errorf("%s %s (call %d): %v", site, trouble, at, err)
			}
		}
	}
	sites, err := tabletest.CallSites(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sites {
		if strings.Contains(s, "seed.go") && !slices.Contains(plain.Sites, s) {
			t.Errorf("%s is a call of the store that is not reached", s)
		}
	}
}
