package demo

import "panah/internal/code"

// likely is a code, and how probable it is.
type likely struct {
	name string
	p    float64
}

// met is a need, how probable it is met in the house and, where it is not, by a
// fixed partner nearby.
type met struct {
	name             string
	onSite, arranged float64
}

// manner is how shelters of one type tend to be.
type manner struct {
	needs         []met
	locked, night float64 // doors locked always, at night
	withStaff     float64 // phone with staff; half of the rest let people keep theirs
	permission    float64 // to leave
	always        float64 // intake round the clock
	from, to      int     // else these hours, in minutes
	features      []likely
	stay          int // most days, 0 for no limit
}

var childNeeds = []met{
	{"education", .75, .90}, {"psychosocial", .55, .75}, {"health_medical", .35, .85}, {"family_reunification", .55, .70},
	{"legal_assistance", .20, .70}, {"interpreter", .05, .35}, {"step_free", .15, 0}, {"substance_withdrawal", .02, .25},
}

var womenNeeds = []met{
	{"psychosocial", .70, .80}, {"health_medical", .30, .90}, {"legal_assistance", .45, .85}, {"pregnancy", .25, .75},
	{"infant_care", .40, .50}, {"livelihood", .45, .50}, {"family_reunification", .35, .50}, {"interpreter", .05, .35}, {"step_free", .20, 0},
}

var adultNeeds = []met{
	{"health_medical", .25, .75}, {"psychosocial", .40, .50}, {"legal_assistance", .25, .60}, {"livelihood", .35, .40},
	{"substance_withdrawal", .10, .30}, {"infant_care", .10, .20}, {"step_free", .20, 0},
}

var childFeatures = []likely{
	{"woman_staff_at_night", .60}, {"visits_allowed", .55}, {"vegetarian_kitchen", .35}, {"halal_kitchen", .10},
	{"school_nearby", .75},
}

var womenFeatures = []likely{
	{"woman_staff_at_night", .92}, {"visits_allowed", .50}, {"vegetarian_kitchen", .40}, {"halal_kitchen", .12},
	{"work_allowed", .30}, {"school_nearby", .35},
}

var adultFeatures = []likely{
	{"woman_staff_at_night", .30}, {"visits_allowed", .70}, {"vegetarian_kitchen", .35}, {"halal_kitchen", .20},
	{"work_allowed", .85}, {"school_nearby", .40},
}

// An adoption agency cares for infants; a One Stop Centre has a lawyer, a
// counsellor and the police at hand.
var infantNeeds = []met{
	{"infant_care", 1, 0}, {"health_medical", .60, .98}, {"family_reunification", .30, .50}, {"legal_assistance", .20, .70},
}

var infantFeatures = []likely{{"woman_staff_at_night", .95}, {"visits_allowed", .30}}

var centreNeeds = []met{
	{"psychosocial", .90, .90}, {"legal_assistance", .80, .95}, {"health_medical", .45, 1}, {"pregnancy", .30, .90},
	{"infant_care", .35, .50}, {"family_reunification", .30, .40}, {"interpreter", .05, .45}, {"step_free", .40, 0},
}

// hour is in minutes, as intake hours are.
const hour = 60

var manners = map[code.Institution]manner{
	code.ChildrensHome: {
		needs: childNeeds, features: childFeatures,
		locked: .08, night: .85, withStaff: .80, permission: .70,
		always: .60, from: 6 * hour, to: 22 * hour,
	},
	code.OpenShelter: {
		needs: childNeeds, features: childFeatures,
		night: .45, withStaff: .55, permission: .30, always: 1,
	},
	code.FitFacility: {
		needs: childNeeds, features: childFeatures,
		locked: .03, night: .75, withStaff: .75, permission: .60,
		always: .60, from: 6 * hour, to: 22 * hour,
	},
	code.ObservationHome: {
		needs: childNeeds, features: childFeatures,
		locked: 1, withStaff: .95, permission: .95, always: 1,
	},
	code.AdoptionAgency: {
		needs: infantNeeds, features: infantFeatures,
		night: .90, withStaff: 1,
		always: .80, from: 6 * hour, to: 22 * hour,
	},
	code.OneStopCentre: { // at most five days, by the scheme
		needs: centreNeeds, features: womenFeatures, stay: 5,
		locked: .02, night: .70, withStaff: .30, permission: .20, always: 1,
	},
	code.ShaktiSadan: { // up to three years
		needs: womenNeeds, features: womenFeatures, stay: 3 * 365,
		locked: .18, night: .70, withStaff: .65, permission: .70,
		always: .60, from: 6 * hour, to: 22 * hour,
	},
	code.ProtectiveHome: {
		needs: womenNeeds, features: womenFeatures, stay: 3 * 365,
		locked: .92, night: .08, withStaff: .95, permission: .95,
		always: .30, from: 9 * hour, to: 18 * hour,
	},
	code.Other: { // those with hours are night shelters
		needs: adultNeeds, features: adultFeatures,
		night: .50, withStaff: .10, permission: .10,
		always: .60, from: 18 * hour, to: 9 * hour,
	},
	code.CommunityBased: {
		needs: adultNeeds, features: adultFeatures, stay: 180,
		night: .15, always: .25, from: 8 * hour, to: 21 * hour,
	},
}
