package httpapi

import (
	"context"
	"slices"

	"panah/internal/code"
)

// The columns of every table a ministry can take away. Names are stable: a
// column may be added, none is renamed or given another meaning.
var (
	placeColumns = []column{
		{Name: "place", Meaning: "Code of the place: ISO 3166-1 and -2 for countries and states, IN-LGD and the Local Government Directory number for districts of India, ISO 3166-2 for those of Bangladesh, a name in capitals for those of Nepal", Tag: "#geo+code"},
		{Name: "name", Meaning: "Name of the place", Tag: "#loc+name"},
		{Name: "level", Meaning: "What kind of place", Tag: "#meta+level", Codes: []string{"country", "state", "district"}},
		{Name: "country", Meaning: "Code of the country it lies in", Tag: "#country+code+iso2"},
		{Name: "state", Meaning: "Code of the state it lies in", Tag: "#adm1+code"},
		{Name: "district", Meaning: "Code of the district", Tag: "#adm2+code"},
	}
	groupColumns = []column{
		{Name: "type", Meaning: "Institution type, or all", Tag: "#org+type", Codes: withAll(code.Institutions.Names())},
		{Name: "population", Meaning: "For whom the beds are, or all", Tag: "#population+type", Codes: withAll(code.Populations.Names())},
	}
	figureColumns = []column{ // the first ones in the order of occupancy's figures
		{Name: "sanctioned", Meaning: "Beds the authority allows", Unit: "beds", Tag: "#capacity+beds+sanctioned"},
		{Name: "staffed", Meaning: "Beds that have staff", Unit: "beds", Tag: "#capacity+beds+staffed"},
		{Name: "outOfService", Meaning: "Staffed beds that cannot be used now", Unit: "beds", Tag: "#capacity+beds+unusable"},
		{Name: "occupied", Meaning: "People who sleep here", Unit: "persons", Tag: "#inneed+occupied"},
		{Name: "held", Meaning: "Beds promised to people on their way", Unit: "persons", Tag: "#inneed+held"},
		{Name: "free", Meaning: "Beds that can be promised now; an over-full unit counts as none", Unit: "beds", Tag: "#capacity+beds+free"},
		{Name: "overCapacity", Meaning: "People too many, unit by unit", Unit: "persons", Tag: "#inneed+over"},
		{Name: "overdueReviews", Meaning: "People in a stay whose legal clock has run out without a recorded decision", Unit: "persons", Tag: "#inneed+overdue"},
		{Name: "surge", Meaning: "Staffed beds that are there for a time only: not among staffed or sanctioned", Unit: "beds", Tag: "#capacity+beds+surge"},
		{Name: "rooms", Meaning: "Rooms that staffed beds make, where a party has rooms to itself", Unit: "rooms", Tag: "#capacity+rooms"},
		{Name: "roomsOccupied", Meaning: "Rooms somebody sleeps in: a family room with one child in it is full", Unit: "rooms", Tag: "#inneed+rooms"},
		{Name: "roomsSanctioned", Meaning: "Rooms the authority allows, where rooms are counted and beds are not", Unit: "rooms", Tag: "#capacity+rooms+sanctioned"},
		{Name: "roomsOutOfService", Meaning: "Rooms that cannot be used, where rooms are counted and beds are not", Unit: "rooms", Tag: "#capacity+rooms+unusable"},
		{Name: "roomPersons", Meaning: "People in rooms whose beds nobody counts: not among occupied", Unit: "persons", Tag: "#inneed+rooms+persons"},
		{Name: "shelters", Meaning: "Shelters counted", Unit: "shelters", Tag: "#org+num+shelters"},
		{Name: "sheltersReporting", Meaning: "Of them, those whose counts somebody has vouched for lately", Unit: "shelters", Tag: "#org+num+reporting"},
		{Name: "sheltersUnconfirmed", Meaning: "Of them, those with counts nobody has vouched for lately", Unit: "shelters", Tag: "#org+num+unconfirmed"},
		{Name: "medianStayDays", Meaning: "Days that half of the people here have stayed at most, where enough stays are known", Unit: "days", Tag: "#indicator+stay+median"},
	}
	suppressedColumn = column{Name: "suppressed", Meaning: "Names of the columns withheld in this row, with spaces between: a withheld figure is small, or would tell a small one", Tag: "#meta+suppressed"}
	sourceColumn     = column{Name: "source", Meaning: "Where the figures come from: counted by the shelters here, or imported, declared by a file of daily counts for days and states that were not counted here. Imported days say nothing of held, overdueReviews and surge", Tag: "#meta+source", Codes: []string{"counted", "imported"}}
	statesColumn     = column{Name: "states", Meaning: "Of a country's days and months: the states that the row adds up, with spaces between. A state whose file came in later, or that was counted another way that day, is in none of its figures", Tag: "#meta+states"}
	atColumn         = column{Name: "at", Meaning: "When it was counted, UTC", Tag: "#date+counted"}
	monthColumn      = column{Name: "month", Meaning: "The month it happened in, UTC", Tag: "#date+month"}
	codeColumns      = []column{
		{Name: "what", Meaning: "What is counted", Tag: "#indicator+type"},
		{Name: "code", Meaning: "The code it is counted under, or all", Tag: "#indicator+code"},
		{Name: "ageBand", Meaning: "Age band, or all, where it is counted by age too", Tag: "#population+age", Codes: withAll(code.AgeBands.Names())},
	}
	countColumns = []column{
		{Name: "requested", Meaning: "Requests made", Unit: "requests", Tag: "#indicator+requested+num"},
		{Name: "offered", Meaning: "Of them, those for which beds were held", Unit: "requests", Tag: "#indicator+offered+num"},
		{Name: "accepted", Meaning: "Of them, those a shelter accepted", Unit: "requests", Tag: "#indicator+accepted+num"},
		{Name: "arrived", Meaning: "Of them, those whose party arrived", Unit: "requests", Tag: "#indicator+arrived+num"},
		{Name: "offeredP50", Meaning: "From the request to the first beds held: half took no longer", Unit: "minutes", Tag: "#indicator+offered+p50"},
		{Name: "offeredP90", Meaning: "From the request to the first beds held: nine in ten took no longer", Unit: "minutes", Tag: "#indicator+offered+p90"},
		{Name: "acceptedP50", Meaning: "From the request to a shelter's yes: half took no longer", Unit: "minutes", Tag: "#indicator+accepted+p50"},
		{Name: "acceptedP90", Meaning: "From the request to a shelter's yes: nine in ten took no longer", Unit: "minutes", Tag: "#indicator+accepted+p90"},
		{Name: "arrivedP50", Meaning: "From the request to arrival: half took no longer", Unit: "minutes", Tag: "#indicator+arrived+p50"},
		{Name: "arrivedP90", Meaning: "From the request to arrival: nine in ten took no longer", Unit: "minutes", Tag: "#indicator+arrived+p90"},
		{Name: "count", Meaning: "How many; 'what' says of what", Tag: "#indicator+num"},
		{Name: "waiting", Meaning: "Persons who waited at the end of the month to be brought home across a border, or to another state; the code is the country they wait for", Unit: "persons", Tag: "#inneed+returns+num"},
		{Name: "over90", Meaning: "Of them, those who have waited 90 days or more", Unit: "persons", Tag: "#inneed+returns+over90"},
		{Name: "over180", Meaning: "Of them, those who have waited 180 days or more", Unit: "persons", Tag: "#inneed+returns+over180"},
		{Name: "over365", Meaning: "Of them, those who have waited 365 days or more", Unit: "persons", Tag: "#inneed+returns+over365"},
		{Name: "due", Meaning: "Legal clocks that ran in requests of the month", Unit: "clocks", Tag: "#indicator+due+num"},
		{Name: "met", Meaning: "Of them, those stopped by a recorded decision in time", Unit: "clocks", Tag: "#indicator+met+num"},
		{Name: "broken", Meaning: "Of them, the others", Unit: "clocks", Tag: "#indicator+broken+num"},
	}
)

func withAll(codes []string) []string { return append(slices.Clone(codes), "all") }

// named are columns of the dictionary by name.
func named(from []column, names ...string) []column {
	out := make([]column, len(names))
	for i, n := range names {
		out[i] = from[slices.IndexFunc(from, func(c column) bool { return c.Name == n })]
	}
	return out
}

type dictionaryOutput struct {
	Cache string `header:"Cache-Control"`
	Body  struct {
		Columns []column `json:"columns"`
		Notes   []string `json:"notes"`
	}
}

// getDictionary serves GET /v1/dictionary.
func (a *API) getDictionary(context.Context, *struct{}) (*dictionaryOutput, error) {
	out := &dictionaryOutput{Cache: "public, max-age=3600"}
	out.Body.Columns = slices.Concat([]column{atColumn, monthColumn}, placeColumns, groupColumns, figureColumns, codeColumns, countColumns, []column{suppressedColumn, sourceColumn, statesColumn})
	out.Body.Notes = []string{
		"Counts of one to ten persons are withheld, with as many others as it takes that no combination of answers tells them. Rows about fewer than three shelters are left out; their figures are in the row of the place above.",
		"Before anything is withheld, the figures of the parts of a place add up to the place's own. Shelters add up over places and types but not over populations: one shelter may serve several.",
		"Countries and states are counted each hour, districts once a day; a day's figure is that of its first snapshot (UTC), a month's that of its first day. Months of requests are published eight days after their end.",
		"Daily counts that come in by file are published an hour after the file, in the series of days and months, protected by the same rules as what is counted here. A day of a state is either counted or imported and is published once: a file that changes it later changes no figure that was shown. A country can have both of one day, of different states.",
		"An empty cell is a figure withheld or not known; none is a zero.",
		"Fullness is no target: read it beside overdueReviews and medianStayDays.",
		"Waits for repatriation begin with a recorded decision and end when the person leaves or the decision is withdrawn; they are counted where the placement was asked for, at the end of each month.",
	}
	return out, nil
}
