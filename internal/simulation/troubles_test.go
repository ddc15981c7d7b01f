//go:build mutants

package simulation

import (
	"path/filepath"
	"strings"
	"testing"

	"panah/internal/table/tabletest"
)

// The fault matrix a file of use cases at a time, for make mutants: who changes
// one file asks only for the troubles of its calls.
func TestTroubles(t *testing.T) {
	files, err := filepath.Glob("../referral/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		t.Run(filepath.Base(path), func(t *testing.T) {
			th, done := openTheatre(t)
			want := th.perform()
			done()
			if th.failed != "" {
				t.Fatal(th.failed)
			}
			covered := map[string]bool{}
			for at, site := range th.probe.Sites {
				if covered[site] || !strings.HasPrefix(site, "referral/"+filepath.Base(path)+":") {
					continue
				}
				covered[site] = true
				troubles := tabletest.Troubles
				if !strings.HasPrefix(th.probe.Kinds[at], "write") {
					troubles = []tabletest.Trouble{tabletest.Before}
				}
				for _, trouble := range troubles {
					inTrouble(t, want, site, trouble, at)
				}
			}
		})
	}
}
