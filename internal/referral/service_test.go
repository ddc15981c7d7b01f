package referral_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"panah/internal/embedded"
	"panah/internal/policy"
	"panah/internal/referral"
)

// A service made of a store and the rules alone reads the wall clock and draws
// its ids and door codes: none twice, none longer than its place.
func TestAServiceOfStoreAndRulesAloneHasAClockIdsAndCodes(t *testing.T) {
	store, err := embedded.Open(filepath.Join(t.TempDir(), "panah.db"), embedded.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	rules, err := policy.Current()
	if err != nil {
		t.Fatal(err)
	}
	s := referral.New(referral.Config{Store: store, Policy: rules})
	if off := time.Since(s.Now()).Abs(); off > time.Minute {
		t.Errorf("its clock is %s off", off)
	}
	ids, codes := map[string]bool{}, map[string]bool{}
	for range 100 {
		id, code := s.NewID(), s.Code()
		ids[id], codes[code] = true, true
		if len(id) < 16 || len(id) > 36 || len(code) != 5 {
			t.Fatalf("id %q, code %q", id, code)
		}
	}
	if len(ids) != 100 || len(codes) < 95 {
		t.Errorf("of 100 ids %d differ, of 100 door codes %d", len(ids), len(codes))
	}
	if s.Log == nil || s.Abreast < 1 || s.LookFirst < 1 {
		t.Errorf("it has log %v, does %d at once and looks at %d first", s.Log, s.Abreast, s.LookFirst)
	}
	w, err := s.World(context.Background())
	if err != nil {
		t.Fatalf("no directory: %v", err)
	}
	for range w.All() {
		t.Error("an empty store has a shelter")
	}
}
