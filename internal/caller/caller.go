// Package caller says who is asking: a role and its scope. The token only names
// the person; role and scope come from the membership kept in the table, so that
// taking someone off a team works within a minute. What each role may do is
// written as Cedar policies in policies.cedar.
package caller

import (
	"cmp"
	_ "embed"
	"fmt"
	"sync"

	"github.com/cedar-policy/cedar-go"

	"panah/internal/fault"
	"panah/internal/place"
)

// Role is what someone is here as.
type Role string

// The roles.
const (
	Rescue   Role = "rescue"
	Shelter  Role = "shelter"
	Desk     Role = "desk"
	Ministry Role = "ministry"
	Carrier  Role = "carrier"  // software that brings text messages in
	Survivor Role = "survivor" // by a code of their own: nobody has it as a membership
)

// Roles lists the roles somebody can be a member as.
var Roles = []Role{Rescue, Shelter, Desk, Ministry, Carrier}

// Caller is who is asking. Scope is a team id, a shelter id, a region code or a
// placement, as the role has it.
type Caller struct {
	Subject string
	Role    Role
	Scope   string
}

// Team is the caller's team, for a rescue team member.
func (c Caller) Team() string { return c.only(Rescue) }

// House is what asks for those who live in a shelter: its staff's counterpart of a
// team.
func (c Caller) House() string {
	if id := c.Shelter(); id != "" {
		return "house:" + id
	}
	return ""
}

// Asks is what the caller asks for placements as: a team, or a house for those who
// live in it. It is empty for everybody else.
func (c Caller) Asks() string { return cmp.Or(c.Team(), c.House()) }

// Shelter is the caller's shelter, for shelter staff.
func (c Caller) Shelter() string { return c.only(Shelter) }

// Region is the caller's region, for a desk, a ministry or a carrier.
func (c Caller) Region() place.Code {
	if c.Role == Desk || c.Role == Ministry || c.Role == Carrier {
		return place.Code(c.Scope)
	}
	return ""
}

func (c Caller) only(r Role) string {
	if c.Role == r {
		return c.Scope
	}
	return ""
}

// Action is what someone asks to do, named as in the policies.
type Action string

// The actions.
const (
	RequestPlacement Action = "requestPlacement"
	ReadPlacement    Action = "readPlacement"
	MovePlacement    Action = "movePlacement"
	AnswerPlacement  Action = "answerPlacement"
	ReadShelter      Action = "readShelter"
	CountUnit        Action = "countUnit"
	ReadArrivals     Action = "readArrivals"
	ReadOccupancy    Action = "readOccupancy"
	ReadAlerts       Action = "readAlerts"
	AcknowledgeAlert Action = "acknowledgeAlert"
	RulePlacement    Action = "rulePlacement"
	AdmitPerson      Action = "admitPerson"
	CloseShelter     Action = "closeShelter"
	KeepHandover     Action = "keepHandover"
	OpenSurge        Action = "openSurge"
	ReadAudit        Action = "readAudit"
	VetShelter       Action = "vetShelter"
	ExplainOptions   Action = "explainOptions"
	RegisterShelter  Action = "registerShelter"
	ListShelters     Action = "listShelters"
	ReadMustMove     Action = "readMustMove"
	TransferResident Action = "transferResident"
	KeepMember       Action = "keepMember"
	ListMembers      Action = "listMembers"
	SyncDevice       Action = "syncDevice"
	KeepNumbers      Action = "keepNumbers"
	CarryMessage     Action = "carryMessage"
	GiveStayCode     Action = "giveStayCode"
	ReadReceipts     Action = "readReceipts"
	ReadOwnStay      Action = "readOwnStay"
	SpeakOfStay      Action = "speakOfStay"
)

// Resource is what the action is on. Fields that do not apply are empty.
type Resource struct {
	Team     string     // that asked for the placement
	Shelter  string     // that the placement or unit belongs to
	District place.Code // where the shelter or party is, or a membership is kept
	Grants   Role       // of a membership: what it gives
	Stay     string     // the placement, for its survivor
}

//go:embed policies.cedar
var source []byte

var policies = sync.OnceValues(func() (*cedar.PolicySet, error) {
	return cedar.NewPolicySetFromBytes("policies.cedar", source)
})

// Allow answers nil when the caller may, fault.Forbidden when the role may never
// do this, and fault.NotFound when it is somebody else's: a foreign id answers
// exactly as a missing one.
func (c Caller) Allow(a Action, r Resource) error {
	set, err := policies()
	if err != nil {
		return fmt.Errorf("caller: %w", err)
	}
	if decide(set, c, a, r) {
		return nil
	}
	if decide(set, c, a, c.own()) {
		return fault.New(fault.NotFound, "there is nothing here under this id")
	}
	return fault.New(fault.Forbidden, "your role does not allow this")
}

// own is a resource that is the caller's in every way: if even this is
// refused, the role lacks the action itself.
func (c Caller) own() Resource {
	return Resource{Team: c.Asks(), Shelter: c.Shelter(), District: c.Region(), Grants: Desk, Stay: c.only(Survivor)}
}

// Keeping is the least membership a caller could be asked to keep: whether its
// role keeps members at all.
func (c Caller) Keeping() Resource { return c.own() }

func decide(set *cedar.PolicySet, c Caller, a Action, r Resource) bool {
	decision, _ := cedar.Authorize(set, cedar.EntityMap{}, cedar.Request{
		Principal: cedar.NewEntityUID("Role", cedar.String(c.Role)),
		Action:    cedar.NewEntityUID("Action", cedar.String(a)),
		Resource:  cedar.NewEntityUID("Resource", "asked"),
		Context: cedar.NewRecord(cedar.RecordMap{
			"ownTeam":    cedar.Boolean(c.Asks() != "" && c.Asks() == r.Team),
			"ownShelter": cedar.Boolean(c.Shelter() != "" && c.Shelter() == r.Shelter),
			"ownStay":    cedar.Boolean(c.only(Survivor) != "" && c.only(Survivor) == r.Stay),
			"ownRegion":  cedar.Boolean(c.Region() != "" && place.Within(r.District, c.Region())),
			"below":      cedar.Boolean(r.District != c.Region()),
			"grants":     cedar.String(r.Grants),
		}),
	})
	return decision == cedar.Allow
}
