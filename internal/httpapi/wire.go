package httpapi

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"panah/internal/code"
	"panah/internal/fault"
	"panah/internal/language"
	"panah/internal/place"
	"panah/internal/placement"
	"panah/internal/referral"
)

// coded is a code of a closed list on the wire; its schema lists them.
func enum(names []string) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString}
	for _, n := range names {
		s.Enum = append(s.Enum, n)
	}
	return s
}

type (
	ageBandCode    string
	ageStatusCode  string
	populationCode string
	needCode       string
	featureCode    string
	urgencyCode    string
	togetherCode   string
	basisCode      string
	viewCode       string
	heardViaCode   string
	chosenByCode   string
	declineCode    string
	cancelCode     string
	endCode        string
	overrideCode   string
	holdCode       string
	shelterRef     string
	refuseCode     string
	divertCode     string
	decisionCode   string
	stayBasisCode  string
	placementRef   string

	anyPopulationCode string
	institutionCode   string
	houseRuleCode     string
	unitKindCode      string
	languageViaCode   string
)

// Schema is the form of a placement's id.
func (placementRef) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Pattern: "^p_[A-Z2-7]{26}$"}
}

// Schema lets a shelter's or option's id through and nothing else: it is stored.
func (shelterRef) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Pattern: "^(o-)?[A-Za-z0-9]{1,12}$", Examples: []any{"K7F2"}}
}

func (ageBandCode) Schema(huma.Registry) *huma.Schema    { return enum(code.AgeBands.Names()) }
func (ageStatusCode) Schema(huma.Registry) *huma.Schema  { return enum(code.AgeStatuses.Names()) }
func (populationCode) Schema(huma.Registry) *huma.Schema { return enum(askedPopulations()) }
func (needCode) Schema(huma.Registry) *huma.Schema       { return enum(code.Needs.Names()) }
func (featureCode) Schema(huma.Registry) *huma.Schema    { return enum(code.Features.Names()) }
func (urgencyCode) Schema(huma.Registry) *huma.Schema    { return enum(code.Urgencies.Names()) }
func (togetherCode) Schema(huma.Registry) *huma.Schema   { return enum(code.Togethers.Names()) }
func (basisCode) Schema(huma.Registry) *huma.Schema      { return enum(code.ConsentBases.Names()) }
func (viewCode) Schema(huma.Registry) *huma.Schema       { return enum(code.Views.Names()) }
func (heardViaCode) Schema(huma.Registry) *huma.Schema   { return enum(code.HeardVias.Names()) }
func (chosenByCode) Schema(huma.Registry) *huma.Schema   { return enum(code.ChosenBys.Names()) }
func (declineCode) Schema(huma.Registry) *huma.Schema    { return enum(code.DeclineReasons.Names()) }
func (cancelCode) Schema(huma.Registry) *huma.Schema     { return enum(teamsCancels()) }
func (endCode) Schema(huma.Registry) *huma.Schema        { return enum(code.EndReasons.Names()) }
func (overrideCode) Schema(huma.Registry) *huma.Schema   { return enum(code.Overrides.Names()) }
func (holdCode) Schema(huma.Registry) *huma.Schema       { return enum([]string{"best", "none"}) }

func (refuseCode) Schema(huma.Registry) *huma.Schema    { return enum(code.RefuseReasons.Names()) }
func (divertCode) Schema(huma.Registry) *huma.Schema    { return enum(code.DivertReasons.Names()) }
func (stayBasisCode) Schema(huma.Registry) *huma.Schema { return enum(code.StayBases.Names()) }
func (decisionCode) Schema(huma.Registry) *huma.Schema  { return enum(code.Decisions.Names()) }

func (anyPopulationCode) Schema(huma.Registry) *huma.Schema { return enum(code.Populations.Names()) }
func (institutionCode) Schema(huma.Registry) *huma.Schema   { return enum(code.Institutions.Names()) }
func (houseRuleCode) Schema(huma.Registry) *huma.Schema     { return enum(code.HouseRules.Names()) }
func (unitKindCode) Schema(huma.Registry) *huma.Schema      { return enum(code.UnitKinds.Names()) }
func (languageViaCode) Schema(huma.Registry) *huma.Schema   { return enum(code.LanguageVias.Names()) }

// teamsCancels are the reasons a team can give: that consent is withdrawn is the
// survivor's own word, with their code.
func teamsCancels() []string { return code.CancelReasons.Names()[:code.CancelConsentWithdrawn] }

// askedPopulations are those a person can ask for.
func askedPopulations() (names []string) {
	for i, name := range code.Populations.Names() {
		if code.Population(i).Asked() {
			names = append(names, name)
		}
	}
	return names
}

// placementRequest is the body of POST /v1/placements.
type placementRequest struct {
	RescuedAt         time.Time      `json:"rescuedAt" doc:"When the party was rescued: legal clocks run from here"`
	OccurredAt        *time.Time     `json:"occurredAt,omitempty" doc:"When the button was pressed, if the request waited for a network; now when absent"`
	Place             placeBody      `json:"place"`
	Urgency           urgencyCode    `json:"urgency" doc:"How soon a bed is needed; sets how long a hold lasts"`
	JourneyMinutes    int            `json:"journeyMinutes,omitempty" minimum:"0" maximum:"10080" doc:"Journey from the place of rescue that the law does not count"`
	Party             partyBody      `json:"party"`
	Consent           consentBody    `json:"consent"`
	Escort            escortBody     `json:"escort"`
	Preferences       []featureCode  `json:"preferences,omitempty" maxItems:"10" doc:"Wishes: they rank, they never exclude"`
	Exclusions        exclusionsBody `json:"exclusions,omitempty"`
	MaxJourneyMinutes int            `json:"maxJourneyMinutes,omitempty" minimum:"0" maximum:"2880"`
	StayDays          int            `json:"stayDays,omitempty" minimum:"0" maximum:"3660" doc:"How long a place is needed, in days; shelters that may not keep people so long rank lower"`
	TransferOf        placementRef   `json:"transferOf,omitempty" doc:"The placement of the stay this one moves the party from"`
	NeededUntil       *time.Time     `json:"neededUntil,omitempty" doc:"How long to wait for a bed when nothing fits now"`
	Hold              holdCode       `json:"hold,omitempty" doc:"best: hold the best option at once; none: only ask" default:"none"`
	Limit             int            `json:"limit,omitempty" minimum:"1" maximum:"10" default:"3" doc:"How many options to show"`
}

type placeBody struct {
	District string `json:"district" maxLength:"40" doc:"District where the party is now, e.g. IN-LGD-315" example:"IN-LGD-315"`
}

type partyBody struct {
	Together togetherCode `json:"together"`
	Persons  []personBody `json:"persons" minItems:"1" maxItems:"20"`
}

type personBody struct {
	AgeBand   ageBandCode    `json:"ageBand"`
	AgeStatus ageStatusCode  `json:"ageStatus"`
	PlaceWith populationCode `json:"placeWith" doc:"With whom the person is to sleep, by their own word; not who they are"`
	Languages []string       `json:"languages,omitempty" maxItems:"5" doc:"BCP 47 tags, best first; sign languages too" example:"bn"`
	Needs     []needCode     `json:"needs,omitempty" maxItems:"12"`
}

type consentBody struct {
	Basis    basisCode    `json:"basis"`
	View     viewCode     `json:"view" doc:"What the person says of it"`
	HeardIn  string       `json:"heardIn" maxLength:"35" doc:"Language in which the person was heard" example:"bn"`
	HeardVia heardViaCode `json:"heardVia"`
}

type escortBody struct {
	SocialWorker bool `json:"socialWorker"`
	Woman        bool `json:"woman"`
}

type exclusionsBody struct {
	Districts []string     `json:"districts,omitempty" maxItems:"20" doc:"Areas that are not safe; shelters never learn of them"`
	Shelters  []shelterRef `json:"shelters,omitempty" maxItems:"20" doc:"Shelters or options that are not safe"`
}

// request turns the body into the domain's request; the schema has checked the
// codes, this checks what a schema cannot.
func (b placementRequest) request() (placement.Request, error) {
	r := placement.Request{RescuedAt: b.RescuedAt.UTC(), Place: place.Code(b.Place.District), JourneyMinutes: b.JourneyMinutes,
		Escort: placement.Escort(b.Escort), MaxJourneyMinutes: b.MaxJourneyMinutes, HoldBest: b.Hold == "best", Limit: b.Limit,
		OccurredAt: at(b.OccurredAt), NeededUntil: at(b.NeededUntil), StayDays: b.StayDays}
	if r.Limit == 0 {
		r.Limit = placement.DefaultOptions
	}
	r.Urgency, _ = code.Urgencies.Parse(string(b.Urgency))
	r.Together, _ = code.Togethers.Parse(string(b.Party.Together))
	r.Preferences, _ = code.Features.ParseSet(texts(b.Preferences))
	for _, s := range b.Exclusions.Shelters {
		r.ExcludedShelters = append(r.ExcludedShelters, strings.ToUpper(shelterOf(string(s))))
	}
	for _, d := range b.Exclusions.Districts {
		r.ExcludedDistricts = append(r.ExcludedDistricts, place.Code(d))
	}
	var err error
	if r.Consent, err = b.Consent.consent(); err != nil {
		return r, err
	}
	for i, p := range b.Party.Persons {
		person, err := p.person("party.persons", i)
		if err != nil {
			return r, err
		}
		r.Persons = append(r.Persons, person)
	}
	return r, nil
}

func (b consentBody) consent() (placement.Consent, error) {
	c := placement.Consent{}
	c.Basis, _ = code.ConsentBases.Parse(string(b.Basis))
	c.View, _ = code.Views.Parse(string(b.View))
	c.HeardVia, _ = code.HeardVias.Parse(string(b.HeardVia))
	tag, err := language.Parse(b.HeardIn)
	if err != nil {
		return c, fault.Field("consent.heardIn", "is not a language tag (BCP 47)")
	}
	c.HeardIn = tag
	return c, nil
}

func (b personBody) person(list string, i int) (placement.Person, error) {
	p := placement.Person{}
	p.Age, _ = code.AgeBands.Parse(string(b.AgeBand))
	p.AgeStatus, _ = code.AgeStatuses.Parse(string(b.AgeStatus))
	p.PlaceWith, _ = code.Populations.Parse(string(b.PlaceWith))
	p.Needs, _ = code.Needs.ParseSet(texts(b.Needs))
	for j, raw := range b.Languages {
		tag, err := language.Parse(raw)
		if err != nil {
			return p, fault.Field(indexed(list, i)+"."+indexed("languages", j), "is not a language tag (BCP 47)")
		}
		p.Languages = append(p.Languages, tag)
	}
	return p, nil
}

func at(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Second)
}

func texts[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = string(v)
	}
	return out
}

// Keyed is a POST: every one carries an idempotency key.
type Keyed struct {
	Key string `header:"Idempotency-Key" required:"true" minLength:"8" maxLength:"100" doc:"A fresh random key for each command, the same on every retry: the command acts once"`
}

// moveInput is what every move of a placement has.
type moveInput[B any] struct {
	Keyed
	ID   string `path:"id" maxLength:"40"`
	Body B
}

// Moved is the part of a body that names what the sender acted on.
type Moved struct {
	Version    uint64     `json:"version,omitempty" doc:"The placement's version the sender saw"`
	HoldNo     int        `json:"holdNo,omitempty" minimum:"0" doc:"The hold the sender acted on, instead of a version"`
	OccurredAt *time.Time `json:"occurredAt,omitempty" doc:"When it happened, up to seven days ago; now when absent"`
}

type (
	plainBody struct{ Moved }
	holdBody  struct {
		Moved
		Option string `json:"option,omitempty" maxLength:"20" doc:"The option to hold; the best one when absent" example:"o-K7F2"`
	}
	chooseBody struct {
		Moved
		Option          string       `json:"option" maxLength:"20" doc:"The option chosen; instead of another one, held or accepted, it is held, and the shelter asked"`
		ChosenBy        chosenByCode `json:"chosenBy"`
		HouseRulesShown bool         `json:"houseRulesShown" doc:"The house rules were shown before the choice"`
		ChildView       viewCode     `json:"childView,omitempty" doc:"Required when anyone is under 18"`
	}
	declineBody struct {
		Moved
		Reason declineCode `json:"reason"`
	}
	refuseBody struct {
		Moved
		Reason refuseCode `json:"reason"`
	}
	divertBody struct {
		Moved
		Reason divertCode `json:"reason"`
	}
	correctBody struct {
		Moved
		Persons []personBody `json:"persons" minItems:"1" maxItems:"20" doc:"The same persons in the same order, as they are"`
	}
	decisionBody struct {
		Moved
		Decision     decisionCode  `json:"decision"`
		Basis        stayBasisCode `json:"basis,omitempty" doc:"On what ground the party stays from then on; voluntary is for adults alone"`
		ReviewBy     *time.Time    `json:"reviewBy,omitempty" doc:"By when the stay is looked at again, where an order says so: after the decision, at most what the law allows"`
		ReturnTo     string        `json:"returnTo,omitempty" maxLength:"10" doc:"With repatriation_ordered alone: the country, or the state, to which the party wants to be and is to be brought home" example:"BD"`
		WaitingSince *time.Time    `json:"waitingSince,omitempty" doc:"With repatriation_ordered alone: since when they wait, where that is longer ago"`
	}
	phoneBody struct {
		Moved
		PhoneCode string `json:"phoneCode,omitempty" maxLength:"40" doc:"What the shelter says its code is, in any case, with or without spaces and dashes; without it the escort learns only a meeting place"`
	}
	splitBody struct {
		Moved
		Persons  []int        `json:"persons" minItems:"1" maxItems:"19" doc:"Who is placed apart, as positions in the party from 0"`
		AgreedBy chosenByCode `json:"agreedBy" doc:"With someone under 18 in the party only the committee"`
	}
	departBody struct {
		Moved
		SocialWorker bool         `json:"socialWorker" doc:"A social worker travels with the party"`
		Override     overrideCode `json:"override,omitempty" doc:"Why not; reported to the desk"`
	}
	cancelBody struct {
		Moved
		Reason cancelCode `json:"reason"`
	}
	endBody struct {
		Moved
		Reason  endCode `json:"reason"`
		Persons []int   `json:"persons,omitempty" minItems:"1" maxItems:"20" doc:"Who leaves, as positions in the party from 0; everybody when absent"`
	}
)

// command makes the use case's command; the payload is the request in canonical
// form, so that a phone may write the same JSON in another order.
func (in moveInput[B]) command(move string, m Moved) referral.Command {
	return referral.Command{Key: in.Key, Payload: move + " " + canonical(in.Body), Version: m.Version, HoldNo: m.HoldNo, OccurredAt: at(m.OccurredAt)}
}

func canonical(body any) string {
	raw, err := json.Marshal(body)
	if err != nil {
		return "" // bodies are plain data and always marshal
	}
	return string(raw)
}
