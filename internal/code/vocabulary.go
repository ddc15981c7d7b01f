package code

// The vocabulary: every closed list the API speaks. Numbers are stored, so a
// list only ever grows at its end (TestListsOnlyGrow pins them).

// AgeBand is an age range. Bands, never a birth date.
type AgeBand uint8

// The age bands.
const (
	Age0To5 AgeBand = iota
	Age6To11
	Age12To14
	Age15To17
	Age18To24
	Age25To59
	Age60Up
)

// AgeBands lists the age bands.
var AgeBands = NewList[AgeBand]("0-5", "6-11", "12-14", "15-17", "18-24", "25-59", "60+")

// Child reports whether the band lies under 18.
func (a AgeBand) Child() bool { return a < Age18To24 }

// ChildBands and AdultBands split the bands at 18.
const (
	ChildBands = Set[AgeBand](1<<Age18To24 - 1)
	AdultBands = Set[AgeBand](1<<Age18To24 | 1<<Age25To59 | 1<<Age60Up)
)

// AgeStatus says how an age is known.
type AgeStatus uint8

// The age statuses.
const (
	AgeDocumented AgeStatus = iota
	AgeStated
	AgeDisputed
	AgeUnknown
)

// AgeStatuses lists the age statuses.
var AgeStatuses = NewList[AgeStatus]("documented", "stated", "disputed", "unknown")

// Population is who a unit's beds are for, and where a person is to sleep
// (placeWith): not who the person is.
type Population uint8

// The populations.
const (
	Women Population = iota
	Men
	Girls
	Boys
	MotherAndChild
	Family
	OwnRoom
	TransgenderUnit
	Mixed
)

// Populations lists the populations.
var Populations = NewList[Population]("women", "men", "girls", "boys", "mother_and_child", "family", "own_room", "transgender_unit", "mixed")

// Asked reports whether a person can ask to sleep in a unit of this population:
// mixed units are reported, and nobody is placed there.
func (p Population) Asked() bool { return p != Mixed && Populations.Valid(p) }

// Has reports whether people of such ages can be of a population: girls and boys are
// under 18; with women and men there may be their children, and somebody of age.
func (p Population) Has(ages Set[AgeBand]) bool {
	switch p {
	case Girls, Boys:
		return ages.And(AdultBands) == 0
	case Women, Men:
		return ages.And(AdultBands) != 0
	default:
		return true
	}
}

// Institution is a kind of place in law.
type Institution uint8

// The institution types (India's law first; elsewhere Other).
const (
	ChildrensHome Institution = iota
	OpenShelter
	AdoptionAgency
	FitFacility
	FitPerson
	ObservationHome
	SpecialHome
	PlaceOfSafety
	OneStopCentre
	ShaktiSadan
	ProtectiveHome
	Other
	Kinship
	CommunityBased
)

// Institutions lists the institution types.
var Institutions = NewList[Institution]("childrens_home", "open_shelter", "specialised_adoption_agency", "fit_facility",
	"fit_person", "observation_home", "special_home", "place_of_safety", "one_stop_centre", "shakti_sadan",
	"protective_home", "other", "kinship", "community_based")

// UnitKind is what a unit is counted in.
type UnitKind uint8

// UnitKinds lists the kinds of unit (HSDS unit: scheme and identifier).
var UnitKinds = NewList[UnitKind]("bed", "cot", "room", "family_unit")

// Need is what a person needs of the place.
type Need uint8

// Needs lists the needs: Primero's service types as seed, and what they lack.
var Needs = NewList[Need]("health_medical", "psychosocial", "legal_assistance", "family_reunification", "pregnancy",
	"infant_care", "step_free", "sign_language", "substance_withdrawal", "interpreter", "education", "livelihood")

// The needs for which a unit may have fewer places than beds.
const (
	NeedMedical  Need = 0 // health_medical
	NeedStepFree Need = 6
)

// Feature is something a person may prefer; preferences only rank.
type Feature uint8

// Features lists the preferences a party can state.
var Features = NewList[Feature]("woman_staff_at_night", "own_phone", "visits_allowed", "exit_on_request", "own_room",
	"vegetarian_kitchen", "halal_kitchen", "school_nearby", "work_allowed", "open_doors")

// HouseRule is a rule of the house a person is shown before choosing.
type HouseRule uint8

// The house rules that make a place locked.
const (
	DoorsLockedAlways HouseRule = iota
	DoorsLockedAtNight
)

// HouseRules lists the house rules.
var HouseRules = NewList[HouseRule]("doors_locked_always", "doors_locked_at_night", "phone_with_staff", "no_phone",
	"visits_by_appointment", "no_visits", "leave_with_permission", "boys_over_10_apart", "shared_kitchen", "daily_prayer_optional")

// LanguageVia is how a shelter speaks a language.
type LanguageVia uint8

// The ways a language is spoken.
const (
	ViaStaff LanguageVia = iota
	ViaInterpreter
	ViaInterpreterPhone
)

// LanguageVias lists the ways a language is spoken.
var LanguageVias = NewList[LanguageVia]("staff", "interpreter_present", "interpreter_phone")

// Urgency is how soon a bed is needed.
type Urgency uint8

// The urgencies.
const (
	UrgencyNow Urgency = iota
	UrgencyToday
	UrgencyPlanned
)

// Urgencies lists the urgencies.
var Urgencies = NewList[Urgency]("now", "today", "planned")

// Together says whether a party may be split over shelters.
type Together uint8

// The two kinds of togetherness.
const (
	TogetherRequired Together = iota
	TogetherPreferred
)

// Togethers lists the kinds of togetherness.
var Togethers = NewList[Together]("required", "preferred")

// ConsentBasis is on what ground the request is made.
type ConsentBasis uint8

// The grounds a rule looks at.
const (
	BasisConsent    ConsentBasis = 0 // the person's own yes
	BasisCourtOrder ConsentBasis = 3
)

// ConsentBases lists the grounds.
var ConsentBases = NewList[ConsentBasis]("consent", "guardian_consent", "child_protection", "court_order", "vital_interest")

// View is what the person says of it.
type View uint8

// The views that matter to a rule.
const (
	ViewAgrees View = iota
	ViewDisagrees
	ViewNotAble
)

// Views lists the views.
var Views = NewList[View]("agrees", "disagrees", "not_able")

// HeardVia is how the person was heard.
type HeardVia uint8

// HeardVias lists the ways.
var HeardVias = NewList[HeardVia]("directly", "interpreter_present", "interpreter_phone", "relative", "signs")

// ChosenBy says who chose an option; silence is not consent.
type ChosenBy uint8

// The choosers.
const (
	ChosenBySelf ChosenBy = iota
	ChosenByGuardian
	ChosenByCommittee
)

// ChosenBys lists who may choose.
var ChosenBys = NewList[ChosenBy]("self", "guardian", "committee")

// DeclineReason is why a shelter says no. "No reason" and discriminatory
// reasons are absent by design.
type DeclineReason uint8

// DeclineReasons lists a shelter's reasons.
var DeclineReasons = NewList[DeclineReason]("full", "not_registered_for_group", "staffing", "safety_conflict", "medical_need_unmet", "duplicate")

// CancelReason is why a request ends before arrival.
type CancelReason uint8

// The cancel reasons a rule looks at. CancelConsentWithdrawn is the survivor's own
// word, with their code: a team cannot give it.
const (
	CancelWentHome         CancelReason = 1
	CancelEntryError       CancelReason = 4
	CancelConsentWithdrawn CancelReason = 6
)

// CancelReasons lists why a request is withdrawn.
var CancelReasons = NewList[CancelReason]("own_wish", "went_home", "placed_elsewhere", "hospital", "entry_error", "no_longer_needed", "consent_withdrawn")

// EndReason is why a stay ends.
type EndReason uint8

// The end reasons a rule looks at.
const (
	EndHome EndReason = iota
	EndOwnWish
	EndLeftUnannounced
	EndTransferred
	EndHospital
	EndAgedOut
	EndDied
	EndEntryError
)

// EndReasons lists why a stay ends.
var EndReasons = NewList[EndReason]("home", "own_wish", "left_unannounced", "transferred", "hospital", "aged_out", "died", "entry_error")

// Override is why a journey starts without a social worker.
type Override uint8

// Overrides lists the reasons, each reported.
var Overrides = NewList[Override]("none_reachable", "danger_in_waiting", "medical_emergency")

// RefuseReason is why the party says no to a shelter. No reason is always allowed.
type RefuseReason uint8

// RefuseReasons lists a party's reasons.
var RefuseReasons = NewList[RefuseReason]("no_reason", "prefers_other", "location", "rules", "wants_family")

// DivertReason is why a journey leaves its way.
type DivertReason uint8

// DivertReasons lists why a journey is diverted.
var DivertReasons = NewList[DivertReason]("medical", "safety", "vehicle")

// Decision is what the Committee, a magistrate or the desk decided.
type Decision uint8

// The decisions that begin and end a wait to be brought home across a border of
// a country or state; they stop no legal clock.
const (
	RepatriationOrdered Decision = iota + 6
	RepatriationWithdrawn
)

// Decisions lists the decisions; all but the two on repatriation stop a legal clock.
var Decisions = NewList[Decision]("produced", "interim_order", "stay", "transfer", "restored_to_family", "extended",
	"repatriation_ordered", "repatriation_withdrawn")

// StayBasis is on what ground somebody stays: every stay has one, and a date by
// which it must be looked at again.
type StayBasis uint8

// The grounds a rule looks at.
const (
	StayVoluntary StayBasis = iota
	StayAwaitingCommittee
	StayCommitteeOrder
)

// Order reports whether somebody has ordered the stay: the other grounds are those of
// a stay of which nobody has decided yet, or the person alone.
func (b StayBasis) Order() bool { return b != StayVoluntary && b != StayAwaitingCommittee }

// StayBases lists the grounds of a stay.
var StayBases = NewList[StayBasis]("voluntary", "awaiting_committee", "cwc_order", "interim_magistrate", "magistrate_inquiry", "protective_order")

// StayAsk is what a survivor asks with their own code.
type StayAsk uint8

// What a survivor asks.
const (
	AskView StayAsk = iota
	AskLeave
	AskMove
	AskComplain
	AskWithdraw
)

// StayAsks lists what a survivor can ask.
var StayAsks = NewList[StayAsk]("view", "leave", "move", "complain", "withdraw")

// Complaint is what a survivor complains of: a code, never a story.
type Complaint uint8

// Complaints lists what can be complained of.
var Complaints = NewList[Complaint]("locked_in", "unsafe", "no_care", "money_or_work", "mistreated", "other")

// Serious reports whether a complaint is of harm or of a crime: it is looked into
// at once, and nobody new should come to the house before.
func (c Complaint) Serious() bool {
	name := Complaints.Name(c)
	return name != "no_care" && name != "other"
}

// Decider is who decides where somebody stays.
type Decider uint8

// The deciders.
const (
	DecidedBySelf Decider = iota
	DecidedByCommittee
	DecidedByMagistrate
)

// Deciders lists who may decide.
var Deciders = NewList[Decider]("you", "committee", "magistrate")
