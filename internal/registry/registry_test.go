package registry_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"panah/internal/code"
	"panah/internal/registry"
	"panah/internal/shelter"
)

func read(t testing.TB, form registry.Form, m registry.Mapping, text string) registry.File {
	t.Helper()
	f, err := registry.Read(strings.NewReader(text), form, m, registry.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func named(t testing.TB, id string) registry.Mapping {
	t.Helper()
	m, ok := registry.Named(id)
	if !ok {
		t.Fatalf("no mapping %s", id)
	}
	return m
}

const own = "key,district,type,registeredUntil,languages,houseRules,unit,population,ages,kind,sanctioned,day,staffed,present\n" +
	"WB-17,IN-LGD-315,childrens_home,2027-03-31,bn;hi:interpreter_phone,no_visits,girls,girls,6-11;12-14,bed,25,2026-11-24,20,22\n" +
	"WB-17,IN-LGD-315,childrens_home,2027-03-31,,,boys,boys,6-11,bed,10,2026-11-24,10,3.0\n"

func TestAFileInPanahsOwnColumns(t *testing.T) {
	f := read(t, registry.CSV, registry.Own(), "\xef\xbb\xbf"+own)
	if len(f.Problems) != 0 || f.Rows != 2 || len(f.Entries) != 1 || len(f.Entries[0].Units) != 2 {
		t.Fatalf("%+v", f)
	}
	r, missing := f.Entries[0].Facts(shelter.Registration{})
	if len(missing) != 0 || r.Check(time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)) != nil {
		t.Fatalf("%v %+v", missing, r)
	}
	if r.RegistryKey != "WB-17" || r.Type != code.ChildrensHome || len(r.Languages) != 2 || r.Languages[1].Via != code.ViaInterpreterPhone || !r.RulesKnown {
		t.Errorf("%+v", r)
	}
	if u := r.Units[0]; u.ID != "girls" || u.Sanctioned != 25 || u.Ages != code.Of(code.Age6To11, code.Age12To14) {
		t.Errorf("%+v", u)
	}
	if d, ok := f.Entries[0].Units[0].Last(); !ok || d.Occupied != 22 || d.Staffed != 20 || d.Persons != 22 || d.Free() != -2 {
		t.Errorf("%+v", d)
	}
}

func TestTheSameInJSONLines(t *testing.T) {
	f := read(t, registry.Lines, registry.Own(), `
{"key":"WB-17","district":"IN-LGD-315","type":"childrens_home","registeredUntil":"2027-03-31","languages":["bn","hi:interpreter_phone"],"houseRules":[],"unit":"girls","population":"girls","ages":["6-11"],"sanctioned":25,"separateSleeping":true,"dailyIntake":4,"stepFree":0}
`)
	if len(f.Problems) != 0 || len(f.Entries) != 1 {
		t.Fatalf("%+v", f)
	}
	r, _ := f.Entries[0].Facts(shelter.Registration{})
	if len(r.Languages) != 2 || !r.RulesKnown || r.HouseRules != 0 || !r.Units[0].SeparateSleeping || r.Units[0].Sanctioned != 25 {
		t.Errorf("%+v", r)
	}
	if r.DailyIntake != shelter.LimitOf(4) || r.Units[0].StepFree != shelter.LimitOf(0) || r.Units[0].Medical.Said() {
		t.Errorf("limits %+v", r)
	}
	f = read(t, registry.CSV, registry.Own(), "key,dailyIntake,unit,stepFree,medical\nWB-17,none,girls,none,3\n")
	if r, _ := f.Entries[0].Facts(r); r.DailyIntake.Said() || r.Units[0].StepFree.Said() || r.Units[0].Medical != shelter.LimitOf(3) {
		t.Errorf("limits taken back %+v", r)
	}
}

// A file that says a part leaves the rest as it is.
func TestWhatAFileDoesNotSayStays(t *testing.T) {
	first, _ := read(t, registry.CSV, registry.Own(), own).Entries[0].Facts(shelter.Registration{})
	f := read(t, registry.CSV, registry.Own(), "key,registeredUntil,languages,unit,sanctioned\nWB-17,2028-03-31,none,boys,12\n")
	next, missing := f.Entries[0].Facts(first)
	want := first
	want.RegisteredUntil, want.Languages = time.Date(2028, 3, 31, 0, 0, 0, 0, time.UTC), nil
	want.Units = slices.Clone(first.Units)
	want.Units[1].Sanctioned = 12
	if len(missing) != 0 || fmt.Sprint(next) != fmt.Sprint(want) {
		t.Errorf("%v\n%v\n%v", missing, next, want)
	}
}

// Each row that is refused says where and why, and never what was sent.
func TestProblemsNameLineAndField(t *testing.T) {
	for _, tt := range []struct {
		what, row string
		field     string
		line      int
	}{
		{"no key", ",IN-LGD-315,childrens_home,,,,,,,,,,,", "key", 2},
		{"a key that is a sentence", "Secret Street 12,IN-LGD-315,other,,,,,,,,,,,", "key", 2},
		{"an unknown district", "A,Secret,other,,,,,,,,,,,", "district", 2},
		{"an unknown type", "A,IN-LGD-315,Secret,,,,,,,,,,,", "type", 2},
		{"no date", "A,IN-LGD-315,other,Secret,,,,,,,,,,", "registeredUntil", 2},
		{"no language", "A,IN-LGD-315,other,,Secret speech,,,,,,,,,", "languages", 2},
		{"no rule", "A,IN-LGD-315,other,,,Secret,,,,,,,,", "houseRules", 2},
		{"a unit that is a sentence", "A,IN-LGD-315,other,,,,Secret wing,girls,6-11,,,,,", "unit", 2},
		{"half a bed", "A,IN-LGD-315,other,,,,g,girls,6-11,bed,25.5,,,", "sanctioned", 2},
		{"too many beds", "A,IN-LGD-315,other,,,,g,girls,6-11,bed,99999,,,", "sanctioned", 2},
		{"people without a day", "A,IN-LGD-315,other,,,,g,girls,6-11,bed,25,,20,22", "day", 2},
		{"a day without people", "A,IN-LGD-315,other,,,,g,girls,6-11,bed,25,2026-11-24,20,", "present", 2},
		{"rooms without people", "A,IN-LGD-315,other,,,,g,girls,6-11,room,25,2026-11-24,20,20", "persons", 2},
		{"beds of no unit", "A,IN-LGD-315,other,,,,,,,,25,,,", "unit", 2},
		{"a field too few", "A,Secret", "row", 2},
		{"a quote too many", "\"A\"Secret,", "row", 2},
		{"another type for the same shelter", "A,IN-LGD-315,other,,,,,,,,,,,\nA,IN-LGD-315,fit_person,,,,,,,,,,,", "type", 3},
		{"another kind for the same unit", "A,IN-LGD-315,other,,,,g,girls,6-11,bed,,,,\nA,IN-LGD-315,other,,,,g,girls,6-11,cot,,,,", "kind", 3},
		{"other numbers for the same day", "A,IN-LGD-315,other,,,,g,girls,6-11,bed,5,2026-11-24,5,5\nA,IN-LGD-315,other,,,,g,girls,6-11,bed,5,2026-11-24,5,4", "day", 3},
	} {
		header, _, _ := strings.Cut(own, "\n")
		f := read(t, registry.CSV, registry.Own(), header+"\n"+tt.row+"\n")
		if len(f.Problems) != 1 || f.Problems[0].Field != tt.field || f.Problems[0].Line != tt.line || f.Refused != 1 {
			t.Errorf("%s: %+v, %d refused", tt.what, f.Problems, f.Refused)
		}
		if strings.Contains(fmt.Sprint(f.Problems), "Secret") {
			t.Errorf("%s: repeats what was sent: %v", tt.what, f.Problems)
		}
	}
}

func TestAColumnNobodyAccountsForStopsTheFile(t *testing.T) {
	for what, header := range map[string]string{"unknown": "key,victimName\nA,Rani\n", "twice": "key,key\nA,A\n", "none": ""} {
		f := read(t, registry.CSV, registry.Own(), header)
		if len(f.Entries) != 0 || len(f.Problems) != 1 || f.Problems[0].Field != "column" || strings.Contains(fmt.Sprint(f.Problems), "victim") {
			t.Errorf("%s: %+v", what, f)
		}
	}
	f := read(t, registry.CSV, named(t, "toronto-occupancy"), "PROGRAM_ID\n1\n")
	if len(f.Entries) != 0 || f.Refused != 1 || len(f.Problems) == 0 {
		t.Errorf("a mapped column is missing: %+v", f)
	}
	f = read(t, registry.Lines, registry.Own(), `{"key":"A","victimName":"Rani"}`+"\n"+`{"key":"A","key":"B"}`+"\n"+`{"key":{"a":1}}`+"\n[]\n{\"key\":\"A\"}{}\n"+
		`{"key":"`+strings.Repeat("s", 70_000)+"\"}\nnot JSON")
	if f.Rows != 7 || f.Refused != 7 || len(f.Problems) != 7 || strings.Contains(fmt.Sprint(f.Problems), "Rani") {
		t.Errorf("%+v", f)
	}
}

func TestMoreRowsThanTheLimitAreNoFile(t *testing.T) {
	_, err := registry.Read(strings.NewReader("key\nA\nB\nC\n"), registry.CSV, registry.Own(), registry.Limits{Rows: 2})
	if !errors.Is(err, registry.ErrTooMany) {
		t.Error(err)
	}
}

// Two programmes of one day each, made up, in the shape of Toronto's file: one
// counts beds, the other rooms; the half that does not apply is blank.
const toronto = "_id,OCCUPANCY_DATE,ORGANIZATION_ID,ORGANIZATION_NAME,SHELTER_ID,SHELTER_GROUP,LOCATION_ID,LOCATION_NAME,LOCATION_ADDRESS,LOCATION_POSTAL_CODE,LOCATION_CITY,LOCATION_PROVINCE,PROGRAM_ID,PROGRAM_NAME,SECTOR,PROGRAM_MODEL,OVERNIGHT_SERVICE_TYPE,PROGRAM_AREA,SERVICE_USER_COUNT,CAPACITY_TYPE,CAPACITY_ACTUAL_BED,CAPACITY_FUNDING_BED,OCCUPIED_BEDS,UNOCCUPIED_BEDS,UNAVAILABLE_BEDS,CAPACITY_ACTUAL_ROOM,CAPACITY_FUNDING_ROOM,OCCUPIED_ROOMS,UNOCCUPIED_ROOMS,UNAVAILABLE_ROOMS,OCCUPANCY_RATE_BEDS,OCCUPANCY_RATE_ROOMS\n" +
	"1,2022-01-01,1,Made up,1,Made up,1.0,Made up,Nowhere,A1A,Toronto,ON,901,Made up,Women,Emergency,Shelter,Base,14,Bed Based Capacity,15.0,20.0,14.0,1.0,5.0,,,,,,93.3,\n" +
	"2,2022-01-01,1,Made up,1,Made up,1.0,Made up,Nowhere,A1A,Toronto,ON,902,Made up,Families,Emergency,Shelter,Base,31,Room Based Capacity,,,,,,9.0,10.0,8.0,1.0,1.0,,88.9\n"

func TestTorontosShape(t *testing.T) {
	f := read(t, registry.CSV, named(t, "toronto-occupancy"), toronto)
	if len(f.Problems) != 0 || len(f.Entries) != 2 {
		t.Fatalf("%+v", f.Problems)
	}
	beds, _ := f.Entries[0].Units[0].Last()
	roomed, _ := f.Entries[1].Units[0].Last()
	if beds.Occupied != 14 || beds.Free() != 1 || beds.OutOfService != 5 || beds.Sanctioned != 20 || beds.Persons != 14 {
		t.Errorf("beds %+v", beds)
	}
	if roomed.Occupied != 8 || roomed.Free() != 1 || roomed.Persons != 31 {
		t.Errorf("rooms %+v", roomed)
	}
	r, missing := f.Entries[1].Facts(shelter.Registration{})
	if len(missing) != 0 || code.UnitKinds.Name(r.Units[0].Kind) != "room" || r.Units[0].Population != code.Family {
		t.Errorf("%v %+v", missing, r)
	}
}

func TestLosAngelesShape(t *testing.T) {
	f := read(t, registry.CSV, named(t, "los-angeles-inventory"), "row,agency_no,prog_type,inv_type,bed_type,target_pop,sub_pop,pop_b,spa,beds,units,pit,utiliz_rate,dv\n"+
		"1,9,ES,C,0,HC,Family,NA,SPA 6,20.0,,26.0,1.3,\n2,9,,,,,,,,,,,,\n")
	if len(f.Entries) != 1 || f.Refused != 1 || f.Problems[0].Line != 3 {
		t.Fatalf("%+v", f)
	}
	if d, _ := f.Entries[0].Units[0].Last(); d.Free() != -6 {
		t.Errorf("an over-full project lost its people: %+v", d)
	}
}

func TestMappingsAreChecked(t *testing.T) {
	for _, id := range registry.Names() {
		if m := named(t, id); m.ID != id || (id != "panah" && (m.Source == "" || m.Note == "")) {
			t.Errorf("%s: needs its id, a source and a note", id)
		}
	}
	for what, raw := range map[string]string{
		"not JSON": "{secret", "unknown member": `{"id":"a","register":"b","secret":1}`, "no key": `{"id":"a","register":"b","fields":{}}`,
		"unknown field":  `{"id":"a","register":"b","fields":{"key":{"column":"k"},"secret":{"column":"s"}}}`,
		"two sources":    `{"id":"a","register":"b","fields":{"key":{"column":"k","constant":"secret"}}}`,
		"no source":      `{"id":"a","register":"b","fields":{"key":{}}}`,
		"an unknown way": `{"id":"a","register":"b","fields":{"key":{"columns":["a"],"take":"secret"}}}`,
		"no register":    `{"id":"a","fields":{"key":{"column":"k"}}}`,
		"more after it":  `{"id":"a","register":"b","fields":{"key":{"column":"k"}}}{}`,
		"too long":       strings.Repeat(" ", registry.MaxMapping+1),
	} {
		if _, err := registry.ParseMapping([]byte(raw)); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, id := range []string{"none-such", "../mapping", "a/b"} {
		if _, ok := registry.Named(id); ok {
			t.Errorf("%s is a mapping", id)
		}
	}
}

func TestSumsAndDefaults(t *testing.T) {
	m, err := registry.ParseMapping([]byte(`{"id":"a","register":"b","fields":{"key":{"column":"k"},"population":{"constant":"women"},
		"sanctioned":{"columns":["x","y"],"take":"sum"},"ages":{"column":"a","default":"18-24"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	f := read(t, registry.CSV, m, "k,x,y,a\n1,2,3,\n2,,,60+\n3,two,3,\n")
	if len(f.Problems) != 1 || f.Problems[0].Field != "sanctioned" || f.Problems[0].Line != 4 {
		t.Fatalf("%+v", f.Problems)
	}
	r, _ := f.Entries[0].Facts(shelter.Registration{})
	if r.Units[0].Sanctioned != 5 || r.Units[0].Ages != code.Of(code.Age18To24) || r.Units[0].ID != "women" {
		t.Errorf("%+v", r.Units)
	}
}

// Whatever is sent, every row is either taken or named, and nothing comes back.
func FuzzRead(f *testing.F) {
	f.Add(own, true)
	f.Add(toronto, true)
	f.Add(`{"key":"WB-17","population":"girls","present":3,"day":"2026-11-24","staffed":3}`, false)
	f.Add("key\n\"A\n", true)
	f.Fuzz(func(t *testing.T, text string, isCSV bool) {
		form := registry.Lines
		if isCSV {
			form = registry.CSV
		}
		for _, id := range registry.Names() {
			file, err := registry.Read(strings.NewReader(text), form, named(t, id), registry.Limits{Rows: 1000})
			if err != nil {
				if !errors.Is(err, registry.ErrTooMany) {
					t.Fatal(err)
				}
				continue
			}
			taken := 0
			for _, e := range file.Entries {
				taken += e.Rows
				r, _ := e.Facts(shelter.Registration{})
				r.Problems(time.Unix(1e9, 0))
			}
			if taken+file.Refused != file.Rows || (file.Refused > 0) && len(file.Problems) == 0 {
				t.Fatalf("%d rows, %d taken, %d refused, %d problems", file.Rows, taken, file.Refused, len(file.Problems))
			}
		}
	})
}

func FuzzParseMapping(f *testing.F) {
	f.Add([]byte(`{"id":"a","register":"b","fields":{"key":{"column":"k"}}}`))
	f.Fuzz(func(_ *testing.T, raw []byte) {
		m, err := registry.ParseMapping(raw)
		if err == nil {
			_, _ = registry.Read(strings.NewReader("k\n1\n"), registry.CSV, m, registry.Limits{})
		}
	})
}
