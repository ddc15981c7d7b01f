package httpapi

import (
	"time"

	"panah/internal/code"
	"panah/internal/placement"
	"panah/internal/referral"
	"panah/internal/shelter"
)

// arrivalView is what a shelter sees of who is coming: before acceptance only
// beds, unit and needs.
type arrivalView struct {
	ID         string       `json:"id"`
	State      string       `json:"state"`
	Version    uint64       `json:"version"`
	HoldNo     int          `json:"holdNo"`
	Beds       int          `json:"beds"`
	Units      []unitPart   `json:"units"`
	Needs      []string     `json:"needs"`
	ExpiresAt  *time.Time   `json:"expiresAt,omitempty"`
	AcceptedAt *time.Time   `json:"changedAt,omitempty"`
	ByPhone    string       `json:"acceptedByPhone,omitempty" enum:"verified,unverified" doc:"The team says that you said yes on the phone; unverified: accept makes it sure"`
	Looks      []time.Time  `json:"handoverLooks,omitempty" doc:"When the escort looked at your handover point"`
	UndoUntil  *time.Time   `json:"undoUntil,omitempty"`
	Persons    []personView `json:"persons,omitempty" doc:"After acceptance"`
	Earlier    []stayedView `json:"earlierStays,omitempty" doc:"Earlier stays of the party with you"`
	DoorCode   string       `json:"doorCode,omitempty"`
	Next       []nextView   `json:"next"`
}

type personView struct {
	Person    int      `json:"person" doc:"Position in the party, from 0"`
	AgeBand   string   `json:"ageBand"`
	AgeStatus string   `json:"ageStatus"`
	PlaceWith string   `json:"placeWith"`
	Languages []string `json:"languages"`
	Needs     []string `json:"needs"`
}

func viewArrival(p placement.Placement, side placement.Side, next []placement.Move, now time.Time) arrivalView {
	full := view(p, side, next, now)
	v := arrivalView{ID: p.ID, State: full.State, Version: p.Version, Next: full.Next, DoorCode: full.DoorCode, Needs: []string{}, Units: []unitPart{},
		ByPhone: full.ByPhone, Looks: full.Looks, UndoUntil: full.UndoUntil, Earlier: full.Earlier}
	if full.Hold != nil {
		v.HoldNo, v.Beds, v.Units, v.ExpiresAt = full.Hold.No, full.Hold.Beds, full.Hold.Units, full.Hold.ExpiresAt
	}
	var needs code.Set[code.Need]
	for _, person := range p.Request.Persons {
		needs = needs.Union(person.Needs)
	}
	v.Needs = code.Needs.SetNames(needs)
	if p.State == placement.Held || !p.State.Live() {
		return v
	}
	v.AcceptedAt = &p.ChangedAt
	v.Persons = viewPersons(p)
	if p.State == placement.Arrived {
		v.Beds = p.PersonsHere()
	}
	return v
}

// viewPersons are the persons of a party, without those who have left.
func viewPersons(p placement.Placement) (out []personView) {
	for i, person := range p.Request.Persons {
		if i < len(p.Stays) && p.Stays[i].Gone && p.State == placement.Arrived {
			continue
		}
		out = append(out, personView{i, code.AgeBands.Name(person.Age), code.AgeStatuses.Name(person.AgeStatus),
			code.Populations.Name(person.PlaceWith), texts(person.Languages), code.Needs.SetNames(person.Needs)})
	}
	return out
}

// unitView is one unit's counts.
type unitView struct {
	Unit         string     `json:"unit"`
	Population   string     `json:"population"`
	Ages         []string   `json:"ages"`
	Kind         string     `json:"kind" doc:"What is counted: beds, cots, rooms or family units"`
	Apart        bool       `json:"separateSleeping,omitempty"`
	Site         int        `json:"site,omitempty" doc:"Units of one site are in one building"`
	Version      uint64     `json:"version" doc:"Of the census: the unit's ETag"`
	Sanctioned   int        `json:"sanctioned,omitempty"`
	Staffed      int        `json:"staffed"`
	OutOfService int        `json:"outOfService"`
	Occupied     int        `json:"occupied"`
	Held         int        `json:"held"`
	Free         int        `json:"free" doc:"Negative when over capacity"`
	Available    int        `json:"available"`
	OverCapacity int        `json:"overCapacity" doc:"People too many for the staffed beds, those promised one counted in"`
	OverAllowed  int        `json:"overSanctioned,omitempty" doc:"People more than the authority allows"`
	CountedAt    *time.Time `json:"countedAt,omitempty"`
	ConfirmedAt  *time.Time `json:"confirmedAt,omitempty"`
	ByPhone      bool       `json:"confirmedByPhone,omitempty" doc:"Vouched for on the phone, to a rescue team that knew the shelter's code"`
	Blocked      int        `json:"blocked,omitempty" doc:"Empty beds of rooms that a party has to itself"`
	RoomBeds     int        `json:"roomBeds,omitempty" doc:"Beds of a room, where a party has rooms to itself"`
	Rooms        int        `json:"rooms,omitempty" doc:"Where a party has rooms to itself"`
	RoomsTaken   int        `json:"roomsOccupied,omitempty"`
	SurgeUntil   *time.Time `json:"surgeUntil,omitempty" doc:"Extra beds, beside the sanctioned ones, until then"`
	Capacity     string     `json:"capacity" enum:"has_capacity,no_capacity,waitlist,additional_assessment_required" doc:"What to expect, in the four codes of the FHIR capacity status"`
	UndoUntil    *time.Time `json:"undoUntil,omitempty" doc:"Until when the last count can be taken back"`
	StepFree     *limitView `json:"stepFree,omitempty" doc:"Step-free places, where they are limited"`
	Medical      *limitView `json:"medical,omitempty" doc:"Places with medical care, where they are limited"`
}

// limitView is what is left of a limit.
type limitView struct {
	Places int `json:"places"`
	Free   int `json:"free" doc:"Negative where more are used than there are"`
}

func viewLimit(l shelter.Limit, free int) *limitView {
	if !l.Said() {
		return nil
	}
	return &limitView{l.N(), free}
}

func (a *API) viewUnit(u shelter.Unit) unitView {
	c, now := u.Counts(), a.referrals.Now()
	free := c.Free()
	if u.Over(now) {
		free = min(0, free) // surge beds that have ended
	}
	undo := u.UndoUntil()
	if !now.Before(undo) {
		undo = time.Time{}
	}
	left := u.PlacesAt(now)
	return unitView{StepFree: viewLimit(u.StepFree, left.StepFree), Medical: viewLimit(u.Medical, left.Medical), ByPhone: u.ByPhone, Blocked: c.Blocked(), RoomBeds: u.RoomBeds, Rooms: u.Rooms(), RoomsTaken: u.RoomsOccupied(), SurgeUntil: timeOrNil(u.EndsAt),
		Capacity: string(u.CapacityAt(now, a.referrals.Policy.Fresh.NoOffer)), UndoUntil: timeOrNil(undo), Unit: u.ID, Population: code.Populations.Name(u.Population), Ages: code.AgeBands.SetNames(u.Ages),
		Kind: code.UnitKinds.Name(u.Kind), Apart: u.SeparateSleeping, Site: int(u.Site),
		Version: u.Census, Sanctioned: u.Sanctioned, Staffed: c.Staffed(), OutOfService: c.OutOfService(), Occupied: c.Occupied(), Held: c.Held(),
		Free: free, Available: max(0, free), OverCapacity: c.OverCapacity(), OverAllowed: u.OverSanctioned(), CountedAt: timeOrNil(u.CountedAt), ConfirmedAt: timeOrNil(u.ConfirmedAt)}
}

// shelterView is a shelter for its staff, desk and ministry. Where it stands is
// its district, nothing finer.
type shelterView struct {
	ID              string         `json:"id"`
	Version         uint64         `json:"version" doc:"The shelter's ETag"`
	RegistryKey     string         `json:"registryKey,omitempty" doc:"Its number in the register it came from"`
	District        string         `json:"district"`
	Type            string         `json:"type"`
	Status          string         `json:"status" enum:"registered,vetted,active,suspended,closed"`
	RegisteredUntil *time.Time     `json:"registeredUntil,omitempty"`
	Languages       []string       `json:"languages"`
	LanguagesVia    []languageBody `json:"languagesVia" doc:"The same with how each is spoken"`
	HouseRules      []string       `json:"houseRules"`
	RulesRecorded   bool           `json:"houseRulesRecorded" doc:"False: nobody has said yet what the rules are"`
	NeedsOnSite     []string       `json:"needsOnSite"`
	NeedsArranged   []string       `json:"needsArranged"`
	Features        []string       `json:"features"`
	Intake          *intakeBody    `json:"intake,omitempty" doc:"Absent: round the clock"`
	MaxStayDays     int            `json:"maxStayDays,omitempty"`
	DailyIntake     *intakeView    `json:"dailyIntake,omitempty" doc:"Where the shelter limits how many people it takes in on one local day"`
	Synthetic       bool           `json:"synthetic,omitempty" doc:"Demo data: no real place"`
	Units           []unitView     `json:"units"`
}

// intakeView is the limit of a day.
type intakeView struct {
	Persons int `json:"persons" doc:"A day"`
	Today   int `json:"today" doc:"Who have come today or are expected"`
}

func (a *API) viewShelter(s referral.ShelterView) shelterView {
	v := shelterView{ID: s.ID, Version: s.Edition(), RegistryKey: s.RegistryKey, District: string(s.District), Type: code.Institutions.Name(s.Type),
		Status: shelter.Statuses.Name(s.Status), RegisteredUntil: timeOrNil(s.RegisteredUntil), HouseRules: code.HouseRules.SetNames(s.HouseRules),
		RulesRecorded: s.RulesRecorded(), Languages: []string{}, LanguagesVia: []languageBody{}, NeedsOnSite: code.Needs.SetNames(s.OnSite),
		NeedsArranged: code.Needs.SetNames(s.Arranged), Features: code.Features.SetNames(s.Features), MaxStayDays: s.MaxStayDays,
		Synthetic: s.Synthetic, Units: []unitView{}}
	if s.DailyIntake.Said() {
		now := a.referrals.Now()
		today := shelter.DayAt(now, a.referrals.Policy.Where(s.District).UTCOffset)
		v.DailyIntake = &intakeView{s.DailyIntake.N(), s.Door.On(today, now)}
	}
	for _, l := range s.Languages {
		v.Languages = append(v.Languages, string(l.Tag))
		v.LanguagesVia = append(v.LanguagesVia, languageBody{string(l.Tag), languageViaCode(code.LanguageVias.Name(l.Via))})
	}
	if !s.Intake.RoundTheClock() {
		v.Intake = &intakeBody{timeOfDay(s.Intake.From), timeOfDay(s.Intake.To)}
	}
	for _, u := range s.Units {
		v.Units = append(v.Units, a.viewUnit(u))
	}
	return v
}
