package demo

import (
	"fmt"

	"panah/internal/caller"
	"panah/internal/place"
)

// Teams is how many rescue teams the directory has. A team works anywhere.
const Teams = 40

// members are who may ask: subjects that say what they are, never a name.
func members(shelters []Shelter) []caller.Caller {
	districts, states := place.Districts(India), place.States(India)
	out := make([]caller.Caller, 0, Teams+len(shelters)+len(districts)+len(states)+1)
	for i := range Teams {
		out = append(out, caller.Caller{Subject: fmt.Sprintf("demo-rescue-%02d", i+1), Role: caller.Rescue, Scope: fmt.Sprintf("team-%02d", i+1)})
	}
	for _, s := range shelters {
		out = append(out, caller.Caller{Subject: "demo-shelter-" + s.ID, Role: caller.Shelter, Scope: s.ID})
	}
	for _, d := range districts {
		out = append(out, region("demo-desk-", caller.Desk, d.Code))
	}
	out = append(out, region("demo-ministry-", caller.Ministry, India), region("demo-carrier-", caller.Carrier, India))
	for _, s := range states {
		out = append(out, region("demo-ministry-", caller.Ministry, s.Code))
	}
	for _, country := range reporting {
		out = append(out, region("demo-ministry-", caller.Ministry, country))
		for _, s := range place.States(country) {
			out = append(out, region("demo-ministry-", caller.Ministry, s.Code))
		}
	}
	return out
}

// reporting are the countries without a synthetic shelter, whose ministries look at
// what was imported.
var reporting = []place.Code{"CA", "US"}

func region(prefix string, r caller.Role, c place.Code) caller.Caller {
	return caller.Caller{Subject: prefix + string(c), Role: r, Scope: string(c)}
}
