package policy

import (
	"strings"
	"testing"
	"time"
)

func TestARetentionPolicyNeedsASourceAndTimeToMakeFigures(t *testing.T) {
	good := string(retention)
	if k, err := ParseRetention(retention); err != nil || k.Detail != 90*24*time.Hour || k != Retention() {
		t.Fatalf("%v, %v", k, err)
	}
	for name, bad := range map[string]string{
		"no source":           strings.Replace(good, `"source": "W`, `"source": "", "x": "W`, 1),
		"too short":           strings.Replace(good, `"detailDays": 90`, `"detailDays": 44`, 1),
		"an unknown field":    strings.Replace(good, `"detailDays"`, `"days"`, 1),
		"not a policy at all": "[]",
	} {
		if _, err := ParseRetention([]byte(bad)); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}
