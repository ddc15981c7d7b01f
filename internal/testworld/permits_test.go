package testworld_test

import (
	"net/http"
	"testing"

	"panah/internal/table"
	"panah/internal/testworld"
)

// What a survivor said, and what it makes of a shelter, is kept from the shelters'
// own function; who only reads something may not write it.
func TestWhatTheTemplateMustNotPermit(t *testing.T) {
	permits, err := testworld.Template()
	if err != nil {
		t.Fatal(err)
	}
	for _, no := range []struct {
		function, action string
		index            table.Index
		partition        string
	}{
		{"SheltersFunction", "Query", table.Base, "AL#IN-LGD-315"},
		{"SheltersFunction", "GetItem", table.Base, "PAUSE"},
		{"SheltersFunction", "GetItem", table.Base, "VOICE#p_1"},
		{"SheltersFunction", "GetItem", table.Base, "CODE#1"},
		{"OccupancyFunction", "PutItem", table.Base, "H#IN"},
		{"OccupancyFunction", "GetItem", table.Base, "P#p_1"},
		{"ChangesFunction", "PutItem", table.Base, "PAUSE"},
		{"ClockFunction", "PutItem", table.Base, "PAUSE"},
		{"PlacementsFunction", "Scan", table.Base, ""},
		{"PlacementsFunction", "PutItem", table.Base, "M#subject"},
		{"nobody", "GetItem", table.Base, "P#p_1"},
	} {
		if permits.May(no.function, no.action, no.index, no.partition) {
			t.Errorf("%s may %s %s %s", no.function, no.action, no.index, no.partition)
		}
	}
	if !permits.May("ChangesFunction", "Query", table.Base, "PAUSE") || !permits.May("ClockFunction", "Scan", table.Base, "") || !permits.May("ClockFunction", "Query", table.Due, "DUE#3") {
		t.Error("what they need is not found in the template")
	}
	r, _ := http.NewRequest("POST", "/v1/shelters/HOMA/units/girls/undo", http.NoBody)
	if function := permits.Route(r); function != "SheltersFunction" {
		t.Errorf("served by %q", function)
	}
}

func TestATemplateThatIsNotUnderstoodIsRefused(t *testing.T) {
	for _, statement := range []string{
		`{ Effect: Allow, Action: "dynamodb:GetItem", Resource: !GetAtt Table.Arn }`,
		`{ Effect: Deny, Action: "dynamodb:GetItem", Resource: !GetAtt Table.Arn, Condition: { "ForAllValues:StringLike": { "dynamodb:LeadingKeys": "P#*" } } }`,
		`{ Effect: Allow, Action: "dynamodb:GetItem", Resource: !GetAtt Table.Arn, Condition: { StringEquals: { "dynamodb:LeadingKeys": "P#*" } } }`,
	} {
		raw := "Resources: { F: { Type: AWS::Serverless::Function, Properties: { Policies: [ { Statement: [ " + statement + " ] } ] } } }"
		if _, err := testworld.ReadPermits([]byte(raw)); err == nil {
			t.Errorf("taken: %s", statement)
		}
	}
}
