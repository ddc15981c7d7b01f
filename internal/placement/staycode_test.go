package placement

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func aCode(t *rapid.T) StayCode {
	return MakeStayCode([]byte("a secret"), rapid.StringMatching(`p_[A-Z2-7]{26}`).Draw(t, "id"), rapid.IntRange(1, 9).Draw(t, "no"))
}

func TestACodeIsHeardHoweverItIsSaid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := aCode(t)
		sloppy := strings.NewReplacer("1", rapid.SampledFrom([]string{"1", "I", "l"}).Draw(t, "one"), "0", rapid.SampledFrom([]string{"0", "o"}).Draw(t, "zero"),
			"-", rapid.SampledFrom([]string{"-", " ", ""}).Draw(t, "gap")).Replace(strings.ToLower(c.String()))
		if got := HearStayCode(sloppy); got != c || !got.Whole() {
			t.Fatalf("%s was heard as %s, not %s", sloppy, got, c)
		}
	})
}

func TestOneMistakenSymbolAndTwoExchangedAreNoticed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := aCode(t)
		at := rapid.IntRange(0, staySymbols-1).Draw(t, "at")
		for _, r := range stayAlphabet {
			wrong := c[:at] + StayCode(r) + c[at+1:]
			if wrong.Whole() != (wrong == c) {
				t.Fatalf("%s passes for %s", wrong, c)
			}
		}
		if at > 0 {
			swapped := c[:at-1] + c[at:at+1] + c[at-1:at] + c[at+1:]
			if swapped.Whole() != (swapped == c) {
				t.Fatalf("%s passes for %s", swapped, c)
			}
		}
	})
}

func TestACodeFollowsFromSecretPlacementAndNumberAlone(t *testing.T) {
	seen := map[StayCode]string{}
	for _, secret := range []string{"a", "b"} {
		for _, id := range []string{"p_A", "p_B"} {
			for no := 1; no < 50; no++ {
				what := fmt.Sprint(secret, id, no)
				c := MakeStayCode([]byte(secret), id, no)
				if c != MakeStayCode([]byte(secret), id, no) || !c.Whole() {
					t.Fatalf("%s: %s", what, c)
				}
				if other, twice := seen[c]; twice {
					t.Fatalf("%s and %s have one code", what, other)
				}
				seen[c] = what
			}
		}
	}
	if c := MakeStayCode([]byte("a"), "p_A", 1); c.Hash() == HearStayCode("x").Hash() || len(c.Hash()) != 64 || len(c.String()) != 19 {
		t.Errorf("%s, %s", c, c.Hash())
	}
}

func FuzzHearStayCode(f *testing.F) {
	f.Add("7QK2-V0MC-93XA-TB5H")
	f.Add("ilo u\x00é")
	f.Fuzz(func(t *testing.T, said string) {
		c := HearStayCode(said)
		if c.Whole() && HearStayCode(c.String()) != c {
			t.Errorf("%q is heard as %q and that as %q", said, c, HearStayCode(c.String()))
		}
	})
}
