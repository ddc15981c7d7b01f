package httpapi

import (
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"panah/internal/placement"
)

// tags are the chapters of the document.
var tags = []*huma.Tag{
	{Name: "placements", Description: "One party's request and everything that then happens to it"},
	{Name: "rescues", Description: "One operation with many parties, planned together"},
	{Name: "alerts", Description: "What the desk must look at"},
	{Name: "shelters", Description: "A shelter, its units and their counts, who comes and who lives there"},
	{Name: "register", Description: "Which shelters there are, and which take part"},
	{Name: "stays", Description: "A survivor's own word, with a code instead of an account"},
	{Name: "members", Description: "Who belongs to which team, shelter, desk or ministry"},
	{Name: "phones", Description: "What phones away from the network, or without it, need"},
	{Name: "figures", Description: "What a ministry sees: counted by the clock, small numbers withheld"},
	{Name: "service", Description: "The service itself"},
}

// tagOf is the chapter of a route.
func tagOf(path, id string) string {
	switch head := strings.Split(strings.TrimPrefix(path, "/v1/"), "/")[0]; {
	case slices.Contains([]string{"registerShelter", "listShelters", "updateShelter", "vetShelter", "activateShelter", "suspendShelter", "resumeShelter", "importShelters"}, id):
		return "register"
	case head == "placements", head == "rescues", head == "alerts", head == "shelters":
		return head
	case head == "stay":
		return "stays"
	case head == "memberships":
		return "members"
	case head == "sync", head == "messages":
		return "phones"
	case path == "/healthz":
		return "service"
	}
	return "figures"
}

// sideNames are who makes a move.
var sideNames = map[placement.Side]string{placement.Team: "the team that asked", placement.House: "the shelter", placement.Office: "the desk of the district"}

// aboutMove says of a move what the table of moves says; empty for what is none.
func aboutMove(path string) string {
	move, ok := strings.CutPrefix(path, "/v1/placements/{id}/")
	if !ok {
		return ""
	}
	var out []string
	for _, row := range placement.Rows() {
		if who := sideNames[row.Side]; string(row.Move) == move && who != "" {
			from := make([]string, len(row.From))
			for i, s := range row.From {
				from[i] = string(s)
			}
			line := "By " + who + ", from " + strings.Join(from, ", ") + "."
			if row.Fact {
				line += " A fact: it needs no version."
			}
			out = append(out, line)
		}
	}
	if out == nil {
		return ""
	}
	return strings.Join(append(out, "Refused with 409 and the moves this caller could make now."), " ")
}

// about says of the other operations who may call them, and what is not in the summary.
var about = map[string]string{
	"requestPlacement": "By a rescue team; with transferOf also by the shelter the party lives in: one transfer at a time, a new one replaces one that has no beds. The id comes from team and key, so that a repeat finds the first.",
	"listPlacements":   "For a rescue team; for a shelter what it asked for itself.",
	"getPlacement":     "For the team that asked and the desk of the district. next lists what would succeed for this caller now.",
	"getOptions":       "For the team that asked and the desk; with explain the desk sees why each shelter fits or not.",
	"startRescue":      "By a rescue team. The answer is a plan: nothing is held before it is confirmed.",
	"getRescue":        "For its team and the desk of the district. 202 while it is being confirmed.",
	"addParties":       "By its team.",
	"planRescue":       "By its team, while a party has no beds yet.",
	"confirmRescue":    "By its team, while a party has no beds yet. What was cut short the clock goes on with; whoever finds no beds waits.",
	"departRescue":     "By its team. The command remembers whom it took: sent again it takes along nobody accepted since.",
	"listAlerts":       "For the desk of the region, district by district, in each the oldest first; a ministry sees those about shelters.",
	"acknowledgeAlert": "By the desk of the district. Said twice, it is the same.",
	"registerShelter":  "By the ministry of the region. A shelter takes part once it is vetted and active.",
	"listShelters":     "For the desk or ministry of the region; some seconds old.",
	"updateShelter":    "By the ministry, over the version it saw. Every unit must be named.",
	"vetShelter":       "By the ministry.",
	"activateShelter":  "By the ministry; house rules, a unit and current registration are needed.",
	"importShelters":   "By the ministry. The same file twice changes nothing; every row is taken or named.",
	"suspendShelter":   "By the ministry. Nobody is placed there any more; the desks of who is there are told.",
	"resumeShelter":    "By the ministry.",
	"closeShelter":     "By the shelter's staff. The desks of who is there are told; the staff ask for places elsewhere with transferOf.",
	"listMustMove":     "For the shelter's staff everybody, for a desk those of its district, for a ministry numbers.",
	"getShelter":       "For its staff, its desk and its ministry.",
	"countUnit":        "By the shelter's staff. More people than beds are taken and reported, and the desk is told once.",
	"confirmCounts":    "By the shelter's staff: the counts are fresh again.",
	"admitPersons":     "By the shelter's staff: a fact, taken over capacity too.",
	"undoCount":        "By the shelter's staff, while nobody has come or gone since. It names the count it takes back by the unit's version: one that was sent late takes back no newer count.",
	"unitLog":          "For the shelter's staff, desk and ministry.",
	"openSurge":        "By desk or ministry, for at most ninety days; beside the sanctioned beds.",
	"getHandover":      "For the shelter's staff alone.",
	"setHandover":      "By the shelter's staff, over the version they saw.",
	"receiveMany":      "By the shelter's staff: each placement is received or says why not.",
	"listArrivals":     "For the shelter's staff and its desk; before acceptance only beds, units and needs.",
	"getOccupancy":     "For desk and ministry, within their region.",
	"getHistory":       "For desk and ministry, within their region.",
	"getUnmetNeed":     "For desk and ministry, within their region.",
	"getResponseTimes": "For desk and ministry, within their region.",
	"getClocks":        "For desk and ministry, within their region.",
	"getMoves":         "For desk and ministry, within their region.",
	"giveStayCode":     "By the team that asked or the desk of the district. It names the code it replaces: one that was sent late replaces no newer one.",
	"listReceipts":     "For the desk of the district.",
	"speakOfStay":      "By a survivor, with the code instead of a token; a wish goes to the desk, never to the shelter.",
	"sync":             "For the phones of teams and shelters; who is a member no more is told to erase.",
	"setNumbers":       "By the shelter's staff.",
	"carryMessage":     "By software that carries text messages, for its region.",
	"listMembers":      "For the ministry of the region.",
	"setMember":        "By the ministry above; nobody gives what they do not have.",
	"revokeMember":     "By the ministry above.",

	"getRepatriationWaits": "For desk and ministry, within their region.",
	"getDictionary":        "For anyone.",
	"getHealth":            "For anyone.",
}

// goesOn says that a rescue's answer is 202 while its holds are being taken.
func goesOn(r huma.API) change {
	return func(op *huma.Operation) {
		form := r.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[rescueView](), true, "RescueView")
		op.Responses = map[string]*huma.Response{"202": {Description: "Accepted: holds are being taken; read the rescue again shortly",
			Content: map[string]*huma.MediaType{"application/json": {Schema: form}}}}
	}
}
