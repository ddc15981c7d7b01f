package code

import (
	"slices"
	"strings"
	"testing"
)

// Numbers are stored in packed pages, so a list may only grow at its end. This
// pins the beginning of each; a new code is added here too.
func TestListsOnlyGrow(t *testing.T) {
	for name, c := range map[string]struct{ got, want string }{
		"age bands":    {AgeBands.String(), "0-5, 6-11, 12-14, 15-17, 18-24, 25-59, 60+"},
		"populations":  {Populations.String(), "women, men, girls, boys, mother_and_child, family, own_room, transgender_unit, mixed"},
		"institutions": {Institutions.String(), "childrens_home, open_shelter, specialised_adoption_agency, fit_facility, fit_person, observation_home, special_home, place_of_safety, one_stop_centre, shakti_sadan, protective_home, other, kinship, community_based"},
		"needs":        {Needs.String(), "health_medical, psychosocial, legal_assistance, family_reunification, pregnancy, infant_care, step_free, sign_language, substance_withdrawal, interpreter, education, livelihood"},
		"features":     {Features.String(), "woman_staff_at_night, own_phone, visits_allowed, exit_on_request, own_room, vegetarian_kitchen, halal_kitchen, school_nearby, work_allowed, open_doors"},
		"house rules":  {HouseRules.String(), "doors_locked_always, doors_locked_at_night, phone_with_staff, no_phone, visits_by_appointment, no_visits, leave_with_permission, boys_over_10_apart, shared_kitchen, daily_prayer_optional"},
		"end reasons":  {EndReasons.String(), "home, own_wish, left_unannounced, transferred, hospital, aged_out, died, entry_error"},
		"cancels":      {CancelReasons.String(), "own_wish, went_home, placed_elsewhere, hospital, entry_error, no_longer_needed, consent_withdrawn"},
		"complaints":   {Complaints.String(), "locked_in, unsafe, no_care, money_or_work, mistreated, other"},
		"stay asks":    {StayAsks.String(), "view, leave, move, complain, withdraw"},
		"refusals":     {DeclineReasons.String(), "full, not_registered_for_group, staffing, safety_conflict, medical_need_unmet, duplicate"},
	} {
		if !strings.HasPrefix(c.got, c.want) {
			t.Errorf("%s: %s", name, c.got)
		}
	}
}

func TestSets(t *testing.T) {
	set, at := Needs.ParseSet([]string{"step_free", "pregnancy"})
	if at != -1 || set.Len() != 2 || !slices.Equal(Needs.SetNames(set), []string{"pregnancy", "step_free"}) {
		t.Errorf("set %v at %d", Needs.SetNames(set), at)
	}
	if _, at := Needs.ParseSet([]string{"pregnancy", "a story"}); at != 1 {
		t.Errorf("an unknown code was found at %d", at)
	}
	if ChildBands.Has(Age18To24) || !ChildBands.Has(Age15To17) || ChildBands.Union(AdultBands).Len() != AgeBands.Len() {
		t.Error("the bands do not split at 18")
	}
}
