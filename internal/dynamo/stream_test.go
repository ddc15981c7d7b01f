package dynamo_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"panah/internal/dynamo"
	"panah/internal/table"
)

// lambdaRecord is a record as AWS's documentation of Lambda shows one.
const lambdaRecord = `{"eventID":"c4ca","eventName":"MODIFY","eventVersion":"1.1","eventSource":"aws:dynamodb","awsRegion":"ap-south-1",
"dynamodb":{"ApproximateCreationDateTime":1479499740,"Keys":{"pk":{"S":"S#1"},"sk":{"S":"U"}},
"NewImage":{"pk":{"S":"S#1"},"sk":{"S":"U"},"v":{"N":"2"},"w":{"S":"w2"},"b":{"B":"AP8="},"f":{"N":"-1"},"r":{"N":"3"},
 "c":{"M":{"p_1.1":{"M":{"n":{"N":"2"},"u":{"N":"1795550400"}}}}},"duePk":{"S":"DUE#1"},"dueSk":{"S":"x"},"later":{"L":[]}},
"OldImage":{"pk":{"S":"S#1"},"sk":{"S":"U"},"v":{"N":"1"},"w":{"S":"w1"},"b":{"B":""},"x":{"BOOL":true}},
"SequenceNumber":"111","SizeBytes":26,"StreamViewType":"NEW_AND_OLD_IMAGES"},"eventSourceARN":"arn:aws:dynamodb:x"}`

func TestChangeRoundTrip(t *testing.T) {
	k := table.Key{PK: "S#1", SK: "U"}
	want := table.Change{
		Seq: "111",
		Old: &table.Item{Key: k, Version: 1, WriteID: "w1", Body: []byte{}, Tombstone: true},
		New: &table.Item{
			Key: k, Version: 2, WriteID: "w2", Body: []byte{0, 255},
			Guard: &table.Guard{Free: -1, Rev: 3, Claims: map[string]table.Claim{
				"p_1.1": {N: 2, Until: time.Unix(1795550400, 0).UTC()},
			}},
			Index: map[table.Index]table.Key{table.Due: {PK: "DUE#1", SK: "x"}},
		},
	}
	got, err := dynamo.DecodeChange(json.RawMessage(lambdaRecord))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v %+v, %v", got.Old, got.New, err)
	}
	want.New.Expires = time.Unix(1795550500, 0).UTC()
	want.New.Guard.Claims["never"] = table.Claim{N: 1}
	for name, c := range map[string]table.Change{
		"modify": want, "insert": {Seq: "1", New: want.New}, "dropped by expiry": {Seq: "1", Old: want.New},
	} {
		raw, err := dynamo.EncodeChange(c)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := dynamo.DecodeChange(raw); err != nil || !reflect.DeepEqual(got, c) {
			t.Errorf("%s: %s came back as %+v %v", name, raw, got, err)
		}
	}
	if _, err := dynamo.EncodeChange(table.Change{Seq: "1"}); err == nil {
		t.Error("a change without images was encoded")
	}
}

func FuzzDecodeChange(f *testing.F) {
	f.Add([]byte(lambdaRecord))
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"dynamodb":{"SequenceNumber":"1","NewImage":{"pk":{"S":"a"},"sk":{"S":"b"},"v":{"N":"1"},"w":{"S":"w"},"b":{"B":""},"c":{"M":null},"f":{"N":"0"}}}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := dynamo.DecodeChange(raw)
		if err != nil {
			return
		}
		first, err := dynamo.EncodeChange(c)
		if err != nil {
			t.Fatalf("%+v cannot be encoded: %v", c, err)
		}
		again, err := dynamo.DecodeChange(first)
		if err != nil {
			t.Fatalf("%s: %v", first, err)
		}
		if second, _ := dynamo.EncodeChange(again); string(second) != string(first) {
			t.Fatalf("%s became %s", first, second)
		}
	})
}
