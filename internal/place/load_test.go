package place

import (
	"strings"
	"testing"
)

func TestTheTablesHaveSevenAndFourFields(t *testing.T) {
	for _, tt := range []struct {
		table  string
		commas int
	}{{districtsCSV, 6}, {statesCSV, 3}} {
		for i, line := range strings.Split(strings.TrimSuffix(tt.table, "\n"), "\n") {
			if strings.Count(line, ",") != tt.commas || strings.ContainsAny(line, "\"\r") {
				t.Errorf("line %d: %q", i+1, line)
			}
		}
	}
	eachRow(districtsCSV, func(f [7]string) {
		switch f[6] {
		case "exact", "headquarters", "approximate":
		default:
			t.Errorf("%s has precision %q", f[0], f[6])
		}
	})
}

// lgdStates is the join of the directory's state numbers with ISO 3166-2,
// written down once more by hand so that a slip in the table shows.
const lgdStates = "1JK 2HP 3PB 4CH 5UK 6HR 7DL 8RJ 9UP 10BR 11SK 12AR 13NL 14MN 15MZ 16TR 17ML 18AS " +
	"19WB 20JH 21OD 22CG 23MP 24GJ 27MH 28AP 29KA 30GA 31LD 32KL 33TN 34PY 35AN 36TS 37LA 38DH"

func TestStateNumbersMatchISO(t *testing.T) {
	want := map[string]bool{}
	for _, s := range strings.Fields(lgdStates) {
		want[s] = true
	}
	n := 0
	eachRow(statesCSV, func(f [7]string) {
		if f[1] != "IN" {
			return
		}
		n++
		if !want[f[3]+strings.TrimPrefix(f[0], "IN-")] {
			t.Errorf("%s has number %s", f[0], f[3])
		}
	})
	if n != 36 || len(want) != 36 {
		t.Errorf("%d states, %d numbers, want 36", n, len(want))
	}
}

// BenchmarkLoad is what the first look-up of a cold start pays.
func BenchmarkLoad(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		read()
	}
}

func BenchmarkLookup(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Lookup("IN-LGD-525")
	}
}
