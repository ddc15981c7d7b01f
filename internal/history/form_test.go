package history

import (
	"bytes"
	"testing"
	"time"

	"pgregory.net/rapid"

	"panah/internal/occupancy"
	"panah/internal/place"
)

func drawn(t *rapid.T) Snapshot {
	s := Snapshot{At: time.Unix(rapid.Int64Range(1, 1<<32).Draw(t, "at"), 0).UTC(), Policy: "p", Rows: []occupancy.Row{}}
	for range rapid.IntRange(0, 9).Draw(t, "rows") {
		r := occupancy.Row{Place: place.Code(rapid.SampledFrom([]string{"IN", "IN-KA", "IN-LGD-525"}).Draw(t, "place")), MedianStay: -1,
			Type: int8(rapid.IntRange(-1, 13).Draw(t, "type")), Population: int8(rapid.IntRange(-1, 7).Draw(t, "pop"))}
		if rapid.Bool().Draw(t, "withheld") {
			r.Withheld = 0b1111
		} else {
			r.Shelters, r.Unconfirmed, r.Withheld = 5, 2, uint16(rapid.SampledFrom([]int{0, 0b1000, 0b1110, 0b100}).Draw(t, "groups"))
			for f := range r.Figures {
				if _, ok := r.Shows(f); ok {
					r.Figures[f] = rapid.IntRange(0, 99999).Draw(t, "n")
				}
			}
		}
		s.Rows = append(s.Rows, r)
	}
	return s
}

func TestASnapshotComesBackAsItWas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawn(t)
		back, err := Decode(Encode(s))
		if err != nil || !bytes.Equal(Encode(back), Encode(s)) || len(back.Rows) != len(s.Rows) {
			t.Fatalf("%v: %+v became %+v", err, s, back)
		}
		for i := range s.Rows {
			if s.Rows[i] != back.Rows[i] {
				t.Fatalf("%+v became %+v", s.Rows[i], back.Rows[i])
			}
		}
	})
}

func TestAPointSetTwiceIsThereOnceAndInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var body []byte
		hours := rapid.SliceOfN(rapid.IntRange(0, 20), 1, 30).Draw(t, "hours")
		for _, h := range hours {
			var err error
			at := time.Unix(int64(h)*3600, 0).UTC()
			if body, err = WithPoint(body, Snapshot{At: at, Rows: []occupancy.Row{{Place: "IN", Type: occupancy.Any, Population: occupancy.Any}}}, "IN", Hour); err != nil {
				t.Fatal(err)
			}
		}
		points, err := readPoints(body)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[int]bool{}
		for _, h := range hours {
			seen[h] = true
		}
		for i := 1; i < len(points); i++ {
			if points[i].at <= points[i-1].at {
				t.Fatalf("out of order: %v", points)
			}
		}
		if len(points) != len(seen) {
			t.Fatalf("%d points of %d instants", len(points), len(seen))
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add(Encode(Snapshot{At: time.Unix(1e9, 0), Policy: "p", Rows: []occupancy.Row{{Place: "IN", Type: -1, Population: 2, Shelters: 4}}}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := Decode(raw)
		if err == nil && len(s.Rows) > len(raw) {
			t.Errorf("%d rows from %d bytes", len(s.Rows), len(raw))
		}
		_, _ = readPoints(raw)
	})
}
