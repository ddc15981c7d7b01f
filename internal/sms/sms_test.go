package sms_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"panah/internal/code"
	"panah/internal/shelter"
	"panah/internal/sms"
)

func TestWhatIsUnderstood(t *testing.T) {
	for text, want := range map[string]sms.Message{
		"BEDS W 3":             {Word: sms.Beds, Unit: "W", N: 3},
		"beds w 3":             {Word: sms.Beds, Unit: "w", N: 3},
		"  Bed\twomen:  12. ":  {Word: sms.Beds, Unit: "women", N: 12},
		"BEDS 3 W":             {Word: sms.Beds, Unit: "W", N: 3},
		"BEDS W3":              {Word: sms.Beds, Unit: "W", N: 3},
		"BEDS 0":               {Word: sms.Beds, N: 0},
		"BEDS W=3!":            {Word: sms.Beds, Unit: "W", N: 3},
		"BEDS girls-2 4":       {Word: sms.Beds, Unit: "girls-2", N: 4},
		"PRESENT girls 17":     {Word: sms.Present, Unit: "girls", N: 17},
		"BEDS W ३":             {Word: sms.Beds, Unit: "W", N: 3},
		"BEDS W ১২":            {Word: sms.Beds, Unit: "W", N: 12},
		"BEDS W ۴۵":            {Word: sms.Beds, Unit: "W", N: 45},
		"BEDS W ௧௦":            {Word: sms.Beds, Unit: "W", N: 10},
		"BEDS W \uFF13":        {Word: sms.Beds, Unit: "W", N: 3},
		"BEDS 1 2":             {Word: sms.Beds, Unit: "1", N: 2},
		"BEDS १ 12":            {Word: sms.Beds, Unit: "1", N: 12},
		"PRESENT 12345 3":      {Word: sms.Present, Unit: "12345", N: 3},
		"BEDS 3 2b":            {Word: sms.Beds, Unit: "2b", N: 3},
		"same":                 {Word: sms.Same},
		"Undo.":                {Word: sms.Undo},
		"HELP":                 {Word: sms.Help},
		"beds\u00a0girls\n\n7": {Word: sms.Beds, Unit: "girls", N: 7},
	} {
		if got, ok := sms.Parse(text); !ok || got != want {
			t.Errorf("%q: %+v %v", text, got, ok)
		}
	}
}

func TestWhatIsNotGuessed(t *testing.T) {
	for _, text := range []string{"", " ", "?", "BEDS", "BEDS W", "BEDS W three", "BEDS W 3 G 2", "BEDS W -3", "BEDS W 3/4", "BEDS W 99999", "BEDS ward2", "W 3", "SAME W", "UNDO W 3",
		"who is Rani", "BEDS W 3 \xff", "PRESENT", "BEDS 2 12345", strings.Repeat("BEDS W 3 ", 100), "BEDS W 3\u0664\u0664\u0664\u0664"} {
		if got, ok := sms.Parse(text); ok {
			t.Errorf("%q is taken for %+v", text, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"BEDS W 3", "present girls ১২", "SAME", "UNDO", "BEDS W3", "\xff\x00", "BEDS ३"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, ok := sms.Parse(text)
		if !ok {
			return
		}
		if m.Word == 0 || m.N < 0 || m.N > 9999 || !utf8.ValidString(m.Unit) {
			t.Fatalf("%q: %+v", text, m)
		}
		if (m.Word != sms.Beds && m.Word != sms.Present) && (m.Unit != "" || m.N != 0) {
			t.Fatalf("%q: %+v", text, m)
		}
		if again, ok := sms.Parse(strings.ToLower(text)); ok && (again.Word != m.Word || again.N != m.N) {
			t.Fatalf("%q is another thing in small letters: %+v", text, again)
		}
	})
}

func unit(id string, p code.Population, staffed, out, occupied int) shelter.Unit {
	c, err := shelter.NewCounts(staffed, out, occupied, 0)
	if err != nil {
		panic(err)
	}
	return shelter.Restore(shelter.Unit{Shelter: "X", ID: id, Population: p}, c, nil)
}

func TestTheUnitSomebodyMeans(t *testing.T) {
	wings := []shelter.Unit{unit("north", code.Women, 9, 0, 0), unit("south", code.Girls, 9, 0, 0), unit("south-2", code.Girls, 9, 0, 0)}
	for name, want := range map[string]string{"W": "north", "wom": "north", "NORTH": "north", "n": "north", "south": "south", "South-2": "south-2",
		"s": "", "G": "", "": "", "boys": "", "ﬀ": ""} {
		if u, ok := sms.Find(wings, name); ok != (want != "") || u.ID != want {
			t.Errorf("%q means %q", name, u.ID)
		}
	}
	if u, ok := sms.Find(wings[:1], ""); !ok || u.ID != "north" {
		t.Errorf("the only unit is not found: %v", u.ID)
	}
}

// A number is the name of a unit that is called just so, never the beginning of one:
// it may be the count that was meant.
func TestANumberIsAUnitOnlyByItsWholeName(t *testing.T) {
	floors := []shelter.Unit{unit("2", code.Women, 9, 0, 0), unit("1st", code.Girls, 9, 0, 0), unit("30", code.Boys, 9, 0, 0)}
	for name, want := range map[string]string{"2": "2", "1": "", "3": "", "30": "30", "1s": "1st"} {
		if u, ok := sms.Find(floors, name); ok != (want != "") || u.ID != want {
			t.Errorf("%q means %q", name, u.ID)
		}
	}
}

// gsm are the letters a plain message may have (3GPP TS 23.038, without the escape
// table); with any other it would cost two or be cut.
const gsm = "@_ !\"#%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// Every answer is one plain message, whatever the shelter.
func TestEveryAnswerIsOneMessage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var units []shelter.Unit
		for range rapid.IntRange(0, shelter.MaxUnits).Draw(t, "units") {
			staffed := rapid.IntRange(0, shelter.MaxBeds).Draw(t, "staffed")
			units = append(units, unit(rapid.StringMatching(`[A-Za-z0-9_-]{1,20}`).Draw(t, "id"), code.Women, staffed, rapid.IntRange(0, staffed).Draw(t, "out"), rapid.IntRange(0, shelter.MaxBeds).Draw(t, "occupied")))
		}
		answers := []string{sms.Neutral, sms.Late(), sms.NothingToUndo(), sms.NotUnderstood(units), sms.WhichUnit(units), sms.Helped(units), sms.Confirmed(units)}
		for _, u := range units {
			answers = append(answers, sms.Counted(u), sms.Undone(u), sms.TooMany(u), sms.Rooms(u))
		}
		for _, a := range answers {
			if len(a) > sms.MaxReply || strings.Trim(a, gsm) != "" || a == "" {
				t.Fatalf("%d bytes: %s", len(a), a)
			}
		}
	})
}
