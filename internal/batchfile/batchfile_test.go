package batchfile

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"panah/internal/matching/batch"
)

const tiny = `{"seed":3,"cap":[2,1],"groups":[{"n":2,"opts":[[700,0,2,1,1],[400,0,2]]},{"n":1,"opts":[]}]}`

func TestAnInstanceIsReadAsWritten(t *testing.T) {
	p, err := Read(strings.NewReader(tiny))
	if err != nil {
		t.Fatal(err)
	}
	want := batch.Problem{Cap: []int{2, 1}, Groups: []batch.Group{
		{Persons: 2, Options: []batch.Option{
			{Score: 700, Uses: []batch.Use{{Resource: 0, Amount: 2}, {Resource: 1, Amount: 1}}},
			{Score: 400, Uses: []batch.Use{{Resource: 0, Amount: 2}}},
		}},
		{Persons: 1, Options: []batch.Option{}},
	}}
	if !reflect.DeepEqual(p, want) {
		t.Errorf("got %+v", p)
	}
}

func TestABrokenInstanceIsRefusedAndSaysWhere(t *testing.T) {
	for in, says := range map[string]string{
		"":                                 "reading the instance: EOF",
		"[]":                               "reading the instance",
		`{"cap":[1.5]}`:                    "reading the instance",
		tiny + tiny:                        "something follows it",
		`{"groups":[{"n":1,"opts":[[]]}]}`: "group 0, option 0: not a score",
		`{"cap":[1],"groups":[{"n":1,"opts":[[5,0,1],[5,0]]}]}`: "group 0, option 1: not a score",
		`{"cap":[1],"groups":[{"n":1,"opts":[[5,1,1]]}]}`:       "resource 1, which does not exist",
		`{"cap":[1],"groups":[{"n":0,"opts":[]}]}`:              "persons of group 0",
	} {
		if _, err := Read(strings.NewReader(in)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func TestTheAnswerIsOneLine(t *testing.T) {
	var out bytes.Buffer
	if err := Solve(strings.NewReader(tiny), &out, func() float64 { return 0.25 }); err != nil {
		t.Fatal(err)
	}
	if want := `{"persons":2,"score":700,"picks":[0,-1],"cpuSeconds":0.25}` + "\n"; out.String() != want {
		t.Errorf("got %s", out.String())
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(tiny))
	f.Add([]byte(`{"cap":[1073741824],"groups":[{"n":1,"opts":[[0,0,1073741824,0,1073741824]]}]}`))
	f.Add([]byte(`{"groups":[{"n":1,"opts":[[5,-1,1]]}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := Read(bytes.NewReader(raw))
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := WriteInstance(&again, p); err != nil {
			t.Fatal(err)
		}
		if q, err := Read(&again); err != nil || !reflect.DeepEqual(p.Groups, q.Groups) {
			t.Fatalf("written and read again: %v", err)
		}
		plan, err := batch.Solve(p, 1, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if persons, score, err := p.Value(plan.Picks); err != nil || persons != plan.Persons || score != plan.Score {
			t.Fatalf("%d persons, score %d, %v; plan says %d, %d", persons, score, err, plan.Persons, plan.Score)
		}
	})
}
