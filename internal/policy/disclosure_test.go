package policy

import (
	"strings"
	"testing"
)

func TestADisclosurePolicyNeedsASourceAndThresholdsThatProtect(t *testing.T) {
	good := string(disclosureNow)
	if p, err := ParseDisclosure(disclosureNow); err != nil || p.K != 11 || p.Width != 10 || p.Sources != 3 {
		t.Fatalf("%v, %v", p, err)
	}
	for name, bad := range map[string]string{
		"no source":           strings.Replace(good, `"source": "k`, `"source": "", "x": "k`, 1),
		"k of one":            strings.Replace(good, `"k": 11`, `"k": 1`, 1),
		"rows of two":         strings.Replace(good, `"shelters": 3`, `"shelters": 2`, 1),
		"an unknown field":    strings.Replace(good, `"width"`, `"wide"`, 1),
		"not a policy at all": "[]",
	} {
		if _, err := ParseDisclosure([]byte(bad)); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}
