package httpapi

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"panah/internal/code"
	"panah/internal/fault"
	"panah/internal/language"
	"panah/internal/matching"
	"panah/internal/place"
	"panah/internal/referral"
	"panah/internal/shelter"
)

// registrationBody is what the register says of a shelter. There is no field for
// a name, an address or a phone number.
type registrationBody struct {
	RegistryKey     string          `json:"registryKey,omitempty" maxLength:"40" pattern:"^[A-Za-z0-9._/-]*$" doc:"Its number in the register; the same number is the same shelter"`
	District        string          `json:"district" maxLength:"40" example:"IN-LGD-315"`
	Type            institutionCode `json:"type"`
	RegisteredUntil string          `json:"registeredUntil,omitempty" format:"date" doc:"The day registration ends; nobody is placed without one"`
	Languages       []languageBody  `json:"languages,omitempty" maxItems:"20"`
	NeedsOnSite     []needCode      `json:"needsOnSite,omitempty" maxItems:"12"`
	NeedsArranged   []needCode      `json:"needsArranged,omitempty" maxItems:"12"`
	Features        []featureCode   `json:"features,omitempty" maxItems:"10"`
	HouseRules      []houseRuleCode `json:"houseRules,omitempty" maxItems:"10" doc:"Absent: not recorded, so the shelter cannot take part; empty: there are none of these"`
	Intake          *intakeBody     `json:"intake,omitempty" doc:"When people are taken in, local time; round the clock when absent"`
	MaxStayDays     int             `json:"maxStayDays,omitempty" minimum:"0" maximum:"3650"`
	DailyIntake     *int            `json:"dailyIntake,omitempty" minimum:"0" maximum:"5000" doc:"How many people are taken in on one local day; absent: no limit"`
	Units           []unitBody      `json:"units" maxItems:"40"`
}

type languageBody struct {
	Tag string          `json:"tag" maxLength:"35" doc:"BCP 47" example:"bn"`
	Via languageViaCode `json:"via,omitempty" default:"staff"`
}

type intakeBody struct {
	From string `json:"from" pattern:"^([01][0-9]|2[0-3]):[0-5][0-9]$" example:"08:00"`
	To   string `json:"to" pattern:"^([01][0-9]|2[0-3]):[0-5][0-9]$" example:"22:00"`
}

type unitBody struct {
	Unit             string            `json:"unit" minLength:"1" maxLength:"20" pattern:"^[A-Za-z0-9_-]+$" example:"girls"`
	Population       anyPopulationCode `json:"population" doc:"mixed: reported, nobody is placed there"`
	Ages             []ageBandCode     `json:"ages" minItems:"1" maxItems:"7"`
	Kind             unitKindCode      `json:"kind,omitempty" default:"bed"`
	SeparateSleeping bool              `json:"separateSleeping,omitempty"`
	Site             int               `json:"site,omitempty" minimum:"0" maximum:"9"`
	RoomBeds         int               `json:"roomBeds,omitempty" minimum:"0" maximum:"20" doc:"Beds of a room, where a party has rooms to itself; 0 where beds are let singly"`
	Sanctioned       int               `json:"sanctioned" minimum:"0" maximum:"5000" doc:"What the authority allows; 0 for a unit no longer used"`
	StepFree         *int              `json:"stepFree,omitempty" minimum:"0" maximum:"5000" doc:"How many of the beds are step-free, less those used by people whom nobody placed here; absent: not limited"`
	Medical          *int              `json:"medical,omitempty" minimum:"0" maximum:"5000" doc:"How many of the beds have medical care, in the same way"`
}

// registration turns the body into facts; the schema has checked the codes.
func (b registrationBody) registration() (shelter.Registration, error) {
	r := shelter.Registration{RegistryKey: b.RegistryKey, District: place.Code(b.District), MaxStayDays: b.MaxStayDays, RulesKnown: b.HouseRules != nil}
	r.DailyIntake = limit(b.DailyIntake)
	r.Type, _ = code.Institutions.Parse(string(b.Type))
	r.OnSite, _ = code.Needs.ParseSet(texts(b.NeedsOnSite))
	r.Arranged, _ = code.Needs.ParseSet(texts(b.NeedsArranged))
	r.Features, _ = code.Features.ParseSet(texts(b.Features))
	r.HouseRules, _ = code.HouseRules.ParseSet(texts(b.HouseRules))
	if b.RegisteredUntil != "" {
		until, err := time.Parse(time.DateOnly, b.RegisteredUntil)
		if err != nil {
			return r, fault.Field("registeredUntil", "is not a date such as 2026-11-24")
		}
		r.RegisteredUntil = until
	}
	if b.Intake != nil {
		r.Intake = shelter.Hours{From: minutes(b.Intake.From), To: minutes(b.Intake.To)}
	}
	for i, l := range b.Languages {
		tag, err := language.Parse(l.Tag)
		if err != nil {
			return r, fault.Field(indexed("languages", i)+".tag", "is not a language tag (BCP 47)")
		}
		via, _ := code.LanguageVias.Parse(string(l.Via))
		r.Languages = append(r.Languages, shelter.Language{Tag: tag, Via: via})
	}
	for _, u := range b.Units {
		f := shelter.UnitFacts{ID: u.Unit, SeparateSleeping: u.SeparateSleeping, Site: uint8(u.Site), Sanctioned: u.Sanctioned, RoomBeds: u.RoomBeds,
			StepFree: limit(u.StepFree), Medical: limit(u.Medical)}
		f.Population, _ = code.Populations.Parse(string(u.Population))
		f.Ages, _ = code.AgeBands.ParseSet(texts(u.Ages))
		f.Kind, _ = code.UnitKinds.Parse(string(u.Kind))
		r.Units = append(r.Units, f)
	}
	return r, nil
}

// limit is no limit where none is said.
func limit(n *int) shelter.Limit {
	if n == nil {
		return 0
	}
	return shelter.LimitOf(*n)
}

// minutes reads a time of day the schema has checked.
func minutes(clock string) int {
	h, m, _ := strings.Cut(clock, ":")
	hour, _ := strconv.Atoi(h)
	minute, _ := strconv.Atoi(m)
	return hour*60 + minute
}

type registerInput struct {
	Keyed
	Body registrationBody
}

type registerOutput struct {
	Status   int
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Replayed string `header:"Idempotency-Replayed"`
	Body     shelterView
}

// registerShelter serves POST /v1/shelters.
func (a *API) registerShelter(ctx context.Context, in *registerInput) (*registerOutput, error) {
	c, err := a.who(ctx)
	if err != nil {
		return nil, err
	}
	r, err := in.Body.registration()
	if err != nil {
		return nil, err
	}
	s, replayed, err := a.referrals.Register(ctx, c, r, referral.Command{Key: in.Key, Payload: "register " + canonical(in.Body)})
	if err != nil {
		return nil, err
	}
	out := &registerOutput{Status: http.StatusCreated, ETag: etag(s.Edition()), Location: "/v1/shelters/" + s.ID, Body: a.viewShelter(s)}
	if replayed {
		out.Status, out.Replayed = http.StatusOK, "true"
	}
	return out, nil
}

type updateInput struct {
	One
	IfMatch string `header:"If-Match" doc:"The shelter's version the change was made on"`
	Body    registrationBody
}

// updateShelter serves PUT /v1/shelters/{id}.
func (a *API) updateShelter(ctx context.Context, in *updateInput) (*shelterOutput, error) {
	c, err := a.who(ctx)
	if err != nil {
		return nil, err
	}
	seen, err := version(in.IfMatch)
	if err != nil {
		return nil, err
	}
	r, err := in.Body.registration()
	if err != nil {
		return nil, err
	}
	s, err := a.referrals.Update(ctx, c, in.ID, seen, r)
	if err != nil {
		return nil, err
	}
	return a.shelterAnswer(s), nil
}

type sheltersInput struct {
	Within   string `query:"within" maxLength:"40" doc:"A country, state or district of your region; the whole region when absent" example:"IN-WB"`
	Status   string `query:"status" enum:"registered,vetted,active,suspended,closed"`
	Expiring string `query:"expiringWithin" pattern:"^[0-9]{1,4}d$" doc:"Only shelters whose registration has ended or ends within so many days, the first to end first" example:"90d"`
	Limit    int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	After    string `query:"after" maxLength:"60" doc:"The cursor of the page before"`
}

type sheltersOutput struct {
	Body struct {
		Shelters []shelterRow `json:"shelters"`
		Next     string       `json:"nextCursor,omitempty"`
	}
}

// shelterRow is a shelter in a list.
type shelterRow struct {
	ID              string     `json:"id"`
	District        string     `json:"district"`
	Type            string     `json:"type"`
	Status          string     `json:"status"`
	RegisteredUntil *time.Time `json:"registeredUntil,omitempty"`
	Registration    string     `json:"registration" enum:"current,ended,never"`
	Units           int        `json:"units"`
	Sanctioned      int        `json:"sanctioned"`
	Staffed         int        `json:"staffed"`
	Occupied        int        `json:"occupied"`
	Synthetic       bool       `json:"synthetic,omitempty"`
}

// listShelters serves GET /v1/shelters.
func (a *API) listShelters(ctx context.Context, in *sheltersInput) (*sheltersOutput, error) {
	c, err := a.who(ctx)
	if err != nil {
		return nil, err
	}
	f := referral.ShelterFilter{Within: place.Code(in.Within), Limit: in.Limit, After: in.After}
	if s, ok := shelter.Statuses.Parse(in.Status); ok {
		f.Status = &s
	}
	if days, err := strconv.Atoi(strings.TrimSuffix(in.Expiring, "d")); err == nil {
		f.Expiring = max(1, time.Duration(days)*24*time.Hour)
	}
	list, next, err := a.referrals.Shelters(ctx, c, f)
	if err != nil {
		return nil, err
	}
	out := &sheltersOutput{}
	out.Body.Shelters, out.Body.Next = []shelterRow{}, next
	for _, s := range list {
		out.Body.Shelters = append(out.Body.Shelters, viewRow(s, a.referrals.Now()))
	}
	return out, nil
}

func viewRow(s *matching.Candidate, now time.Time) shelterRow {
	v := shelterRow{ID: s.ID, District: string(s.District), Type: code.Institutions.Name(s.Type), Status: shelter.Statuses.Name(s.Status),
		RegisteredUntil: timeOrNil(s.RegisteredUntil), Registration: "current", Units: len(s.Units), Synthetic: s.Synthetic}
	switch {
	case s.RegisteredUntil.IsZero():
		v.Registration = "never"
	case !s.RegisteredAt(now):
		v.Registration = "ended"
	}
	for _, u := range s.Units {
		c := u.Counts()
		v.Sanctioned += u.Sanctioned
		v.Staffed += c.Staffed()
		v.Occupied += c.Occupied()
	}
	return v
}

type mustMoveOutput struct {
	Body struct {
		Shelter    string        `json:"shelter"`
		Status     string        `json:"status"`
		Counted    *int          `json:"countedPresent,omitempty" doc:"People who sleep there by the shelter's own counts, those without a placement too"`
		Placements int           `json:"placements" doc:"Parties held, coming and here, as far as you may count them"`
		Persons    int           `json:"persons"`
		List       []arrivalView `json:"mustMove" doc:"The shelter's own staff see all, a desk those of its district, a ministry none"`
	}
}

// listMustMove serves GET /v1/shelters/{id}/must-move.
func (a *API) listMustMove(ctx context.Context, in *One) (*mustMoveOutput, error) {
	c, err := a.who(ctx)
	if err != nil {
		return nil, err
	}
	m, err := a.referrals.MustMove(ctx, c, in.ID)
	if err != nil {
		return nil, err
	}
	out := &mustMoveOutput{}
	b := &out.Body
	b.Shelter, b.Status, b.Placements, b.Persons = m.Shelter, shelter.Statuses.Name(m.Status), m.Placements, m.Persons
	if m.Counted >= 0 {
		b.Counted = &m.Counted
	}
	b.List = a.arrivals(ctx, c, m.List)
	return out, nil
}
