package shelter_test

import "testing"

// How many too many sleep somewhere is known only where the authority has said how
// many may.
func TestHowManyTooManySleepThere(t *testing.T) {
	for sanctioned, want := range map[int]int{0: 0, 10: 2, 12: 0, 20: 0} {
		u := unit(t, 12, 0, 12, nil)
		u.Sanctioned = sanctioned
		if got := u.OverSanctioned(); got != want {
			t.Errorf("%d are allowed: %d too many, want %d", sanctioned, got, want)
		}
	}
}
