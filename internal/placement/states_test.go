package placement

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// fhirTask is the value set task-status of FHIR R4.
var fhirTask = []string{"draft", "requested", "received", "accepted", "rejected", "ready", "cancelled", "in-progress", "on-hold", "failed", "completed", "entered-in-error"}

func TestEveryStateMapsToAFHIRTaskStatus(t *testing.T) {
	for _, s := range States {
		if !slices.Contains(fhirTask, FHIR[s]) {
			t.Errorf("%s maps to %q", s, FHIR[s])
		}
	}
	if len(FHIR) != len(States) {
		t.Errorf("%d states, %d mapped", len(States), len(FHIR))
	}
}

// The README's table of moves is the code's own.
func TestTheReadmeTellsTheTableOfMoves(t *testing.T) {
	raw, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := table(); !strings.Contains(string(raw), want) {
		t.Errorf("README.md does not hold this table:\n%s", want)
	}
}

var sides = map[Side]string{Team: "team", House: "shelter", Clock: "clock", Office: "desk", Survivor: "survivor"}

// table writes the rules as a Markdown table.
func table() string {
	var out strings.Builder
	out.WriteString("| move | who | from | a fact |\n|---|---|---|---|\n")
	for _, r := range rules {
		from := make([]string, len(r.from))
		for i, s := range r.from {
			from[i] = string(s)
		}
		fact := ""
		if r.fact {
			fact = "yes"
		}
		out.WriteString("| " + string(r.move) + " | " + sides[r.side] + " | " + strings.Join(from, ", ") + " | " + fact + " |\n")
	}
	return out.String()
}

func TestEveryMoveStartsInStatesThatAreThere(t *testing.T) {
	for _, r := range rules {
		for _, s := range r.from {
			if !slices.Contains(States, s) {
				t.Errorf("%s starts in %q", r.move, s)
			}
		}
	}
}
