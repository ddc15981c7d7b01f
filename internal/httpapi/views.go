package httpapi

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"panah/internal/code"
	"panah/internal/language"
	"panah/internal/matching"
	"panah/internal/place"
	"panah/internal/placement"
	"panah/internal/referral"
	"panah/internal/shelter"
)

// placementView is a placement as an answer shows it.
type placementView struct {
	ID          string          `json:"id"`
	State       string          `json:"state"`
	FHIRStatus  string          `json:"fhirTaskStatus" doc:"The state as a status of a FHIR Task"`
	Version     uint64          `json:"version"`
	Policy      string          `json:"policy" doc:"The policy the decision was made under"`
	CreatedAt   time.Time       `json:"createdAt"`
	ChangedAt   time.Time       `json:"changedAt"`
	Late        bool            `json:"late,omitempty" doc:"It reached us hours after it was pressed, so nothing was held"`
	NeededUntil *time.Time      `json:"neededUntil,omitempty" doc:"How long a waiting request waits"`
	Hold        *holdView       `json:"hold,omitempty"`
	Choice      *choiceView     `json:"choice,omitempty"`
	Persons     []personView    `json:"persons,omitempty" doc:"The party, for its team and the desk"`
	Arrived     *arrivedView    `json:"arrived,omitempty"`
	Earlier     []stayedView    `json:"earlierStays,omitempty" doc:"Stays that had ended when the party arrived again, the first first"`
	DoorCode    string          `json:"doorCode,omitempty" doc:"This side's half of the code compared at the door"`
	FoundAt     *time.Time      `json:"bedsFoundAt,omitempty" doc:"Beds are to be had, after waiting or after a hold that lapsed: choose now, nothing is held"`
	Clocks      []clockView     `json:"clocks,omitempty" doc:"Time limits of law"`
	Committee   bool            `json:"pendingCommittee,omitempty" doc:"Someone is under 18 and no decision is recorded yet"`
	Return      *returnView     `json:"return,omitempty" doc:"Where the party waits to be brought home, for the desk"`
	Stay        *stayView       `json:"stay,omitempty" doc:"On what ground the party stays, and when that is looked at again"`
	ByPhone     string          `json:"acceptedByPhone,omitempty" enum:"verified,unverified" doc:"Whether the team knew the shelter's code"`
	PhoneTries  *int            `json:"phoneCodesLeft,omitempty" doc:"How many wrong codes may still be said to make an unverified yes sure"`
	Apart       []apartView     `json:"apart,omitempty" doc:"Who was placed apart, by decision"`
	Looks       []time.Time     `json:"handoverLooks,omitempty" doc:"When the escort looked at the handover point"`
	Withdrawn   *time.Time      `json:"consentWithdrawnAt,omitempty" doc:"Since then nothing more is shared"`
	UndoUntil   *time.Time      `json:"undoUntil,omitempty" doc:"Until when the last move can be taken back by whoever made it"`
	Options     []optionView    `json:"options,omitempty"`
	NonMatches  *nonMatchesView `json:"nonMatches,omitempty"`
	Explained   *explainedView  `json:"explained,omitempty" doc:"For the desk, with explain=true"`
	WouldHelp   []string        `json:"wouldHelp,omitempty" doc:"What would open an option"`
	Fallback    *fallbackView   `json:"fallback,omitempty" doc:"Where to turn when nothing fits"`
	Next        []nextView      `json:"next" doc:"The moves that would succeed now"`
}

type clockView struct {
	ID        string     `json:"id"`
	What      string     `json:"what"`
	DueAt     time.Time  `json:"dueAt"`
	StoppedBy string     `json:"stoppedBy" doc:"The move that stops it"`
	Stopped   bool       `json:"stopped,omitempty"`
	Decision  string     `json:"decision,omitempty" doc:"The decision that stopped it"`
	StoppedAt *time.Time `json:"stoppedAt,omitempty" doc:"When that was decided; after dueAt the clock was broken"`
}

// clocked adds the legal clocks that run for a placement.
func (v placementView) clocked(p placement.Placement, policy matching.Policy) placementView {
	for _, c := range policy.Clocks(p) {
		v.Clocks = append(v.Clocks, viewClock(c))
	}
	return v
}

func viewClock(c matching.Running) clockView {
	v := clockView{ID: c.ID, What: c.What, DueAt: c.DueAt, StoppedBy: c.StoppedBy, Stopped: c.Stopped, StoppedAt: timeOrNil(c.Stop.At)}
	if c.Stopped {
		v.Decision = code.Decisions.Name(c.Stop.What)
	}
	return v
}

type stayedView struct {
	Shelter   string     `json:"shelter"`
	ArrivedAt *time.Time `json:"arrivedAt,omitempty" doc:"Absent where it had ended before they came"`
	Left      []leftView `json:"left"`
}

type leftView struct {
	Person int       `json:"person" doc:"Position in the party, from 0"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

// viewEarlier are the earlier stays; a shelter sees its own.
func viewEarlier(p placement.Placement, side placement.Side) (out []stayedView) {
	for _, e := range p.Earlier {
		if side == placement.House && e.Shelter != p.Hold.Shelter {
			continue
		}
		v := stayedView{Shelter: e.Shelter, ArrivedAt: timeOrNil(e.ArrivedAt), Left: []leftView{}}
		for i, s := range e.Stays {
			if s.Gone {
				v.Left = append(v.Left, leftView{i, code.EndReasons.Name(s.Reason), s.At})
			}
		}
		out = append(out, v)
	}
	return out
}

type returnView struct {
	To           string    `json:"to" doc:"The country or state"`
	WaitingSince time.Time `json:"waitingSince"`
}

type stayView struct {
	Basis    string    `json:"basis"`
	ReviewBy time.Time `json:"reviewBy"`
}

type apartView struct {
	Placement string `json:"placement"`
	Persons   int    `json:"persons"`
	AgreedBy  string `json:"agreedBy"`
	Href      string `json:"href"`
}

// sideRoads shows what has happened to a placement off the main road.
func (v placementView) sideRoads(p placement.Placement, side placement.Side, now time.Time) placementView {
	v.Committee = p.Request.Children() && p.Ruling.At.IsZero() && p.State != placement.Ended && p.State != placement.Cancelled && p.State != placement.Superseded
	v.Withdrawn = timeOrNil(p.Withdrawn)
	if !p.Basis.From.IsZero() {
		v.Stay = &stayView{code.StayBases.Name(p.Basis.Ground), p.Basis.ReviewBy}
	}
	if p.ByPhone && p.State.Live() {
		v.ByPhone = map[bool]string{true: "verified", false: "unverified"}[p.Verified]
		if left := p.PhoneTriesLeft(); !p.Verified && side != placement.House {
			v.PhoneTries = &left
		}
	}
	for _, l := range p.Looks {
		v.Looks = append(v.Looks, l.At)
	}
	v.Earlier = viewEarlier(p, side)
	if side == placement.Team || side == placement.Office {
		v.Persons = viewPersons(p)
	}
	if side == placement.Office && p.Return.To != "" {
		v.Return = &returnView{string(p.Return.To), p.Return.Since}
	}
	if side != placement.House {
		for _, s := range p.Apart {
			v.Apart = append(v.Apart, apartView{s.Placement, s.Persons, code.ChosenBys.Name(code.ChosenBy(s.By)), "/v1/placements/" + s.Placement})
		}
	}
	if until := p.UndoUntil(); p.Back.Side == side && now.Before(until) {
		v.UndoUntil = &until
	}
	return v
}

type holdView struct {
	No        int        `json:"no"`
	Option    string     `json:"option"`
	Shelter   string     `json:"shelter"`
	Beds      int        `json:"beds"`
	Units     []unitPart `json:"units"`
	ExpiresAt *time.Time `json:"expiresAt,omitempty" doc:"Absent once accepted: the bed of someone on the road is not resold"`
	IfLapses  string     `json:"ifLapses,omitempty" enum:"next_option,asks_again"`
}

type unitPart struct {
	Unit    string `json:"unit"`
	Persons []int  `json:"persons" doc:"Positions in the party"`
}

type choiceView struct {
	ChosenBy        string    `json:"chosenBy"`
	Option          string    `json:"option"`
	HouseRulesShown bool      `json:"houseRulesShown"`
	ChildView       string    `json:"childView,omitempty"`
	At              time.Time `json:"at"`
}

type arrivedView struct {
	At      time.Time `json:"at"`
	Persons int       `json:"personsHere"`
}

type optionView struct {
	ID          string         `json:"id"`
	Shelter     string         `json:"shelter"`
	Zone        string         `json:"zone" doc:"An area of at least three shelters: all that is told of where it is"`
	Type        string         `json:"type"`
	OptionType  string         `json:"optionType" enum:"residential,kinship,community" doc:"A house, a family or fit person, or support where the person lives"`
	Together    bool           `json:"together"`
	Journey     string         `json:"journey" doc:"under_1h, 1_3h, 3_6h or over_6h, between the middles of areas"`
	Approximate bool           `json:"journeyApproximate,omitempty"`
	Intake      string         `json:"intake"`
	Counts      string         `json:"counts" enum:"fresh,unconfirmed"`
	Languages   []string       `json:"languages" doc:"For each person: exact, macrolanguage, intelligible, interpreter or none"`
	HouseRules  []string       `json:"houseRules" doc:"To be shown before anybody chooses"`
	MaxStayDays int            `json:"maxStayDays,omitempty"`
	Score       int            `json:"score"`
	Parts       map[string]int `json:"parts" doc:"The parts sum to the score"`
	Reasons     []string       `json:"reasons"`
	Why         []string       `json:"why" doc:"The reasons in plain words"`
}

type nonMatchesView struct {
	Considered int            `json:"considered"`
	FirstRule  map[string]int `json:"firstRule,omitempty" doc:"How many shelters failed each rule first; only where enough were considered"`
	Why        []string       `json:"why,omitempty" doc:"The same in plain words"`
}

type fallbackView struct {
	Desk  string `json:"desk" doc:"District whose child-protection or coordination desk answers"`
	Call  string `json:"call"`
	Place string `json:"place"`
}

type nextView struct {
	Move string `json:"move"`
	Href string `json:"href"`
}

// optionID names an option of any placement by its shelter.
func optionID(shelter string) string { return "o-" + shelter }

func shelterOf(option string) string { return strings.TrimPrefix(option, "o-") }

// view shows a placement to one side. Whoever only looks on has no half of the
// door code and no moves.
func view(p placement.Placement, side placement.Side, next []placement.Move, now time.Time) placementView {
	v := placementView{ID: p.ID, State: string(p.State), FHIRStatus: placement.FHIR[p.State], Version: p.Version,
		Policy: p.Policy, CreatedAt: p.CreatedAt, ChangedAt: p.ChangedAt, Late: p.Late, Next: []nextView{}}
	if p.State == placement.Waitlisted {
		v.NeededUntil = &p.Request.NeededUntil
	}
	if p.State == placement.Requested {
		v.FoundAt = timeOrNil(p.FoundAt)
	}
	if p.State.Live() {
		v.Hold = viewHold(p)
	}
	if c := p.Choice; !c.At.IsZero() {
		v.Choice = &choiceView{code.ChosenBys.Name(c.By), optionID(c.Shelter), c.HouseRulesShown, "", c.At}
		if c.Viewed {
			v.Choice.ChildView = code.Views.Name(c.ChildView)
		}
	}
	if !p.ArrivedAt.IsZero() {
		v.Arrived = &arrivedView{p.ArrivedAt, p.PersonsHere()}
	}
	if p.State.Promised() && p.State != placement.Held {
		v.DoorCode = map[placement.Side]string{placement.Team: p.DoorTeam, placement.House: p.DoorHouse}[side]
	}
	for _, m := range next {
		v.Next = append(v.Next, nextView{string(m), "/v1/placements/" + p.ID + "/" + string(m)})
	}
	return v.sideRoads(p, side, now)
}

func viewHold(p placement.Placement) *holdView {
	h := &holdView{No: p.Hold.No, Option: optionID(p.Hold.Shelter), Shelter: p.Hold.Shelter, Beds: p.Hold.Beds()}
	for _, part := range p.Hold.Parts {
		h.Units = append(h.Units, unitPart{part.Unit, part.Persons})
	}
	if p.State == placement.Held {
		h.ExpiresAt = &p.Hold.ExpiresAt
		h.IfLapses = "asks_again"
		if p.Request.HoldBest {
			h.IfLapses = "next_option"
		}
	}
	return h
}

// matched adds what matching said.
func (v placementView) matched(p placement.Placement, m *matching.Result, policy matching.Policy) placementView {
	if m == nil || p.State == placement.Arrived || p.State == placement.Ended || p.State == placement.Cancelled {
		return v
	}
	v.Options = []optionView{}
	for _, o := range m.Options {
		v.Options = append(v.Options, viewOption(o))
	}
	v.NonMatches = &nonMatchesView{Considered: m.Considered, FirstRule: m.FirstRule, Why: histogramWords(m.FirstRule)}
	v.WouldHelp = m.WouldHelp
	fb := matching.FallbackFor(matching.Ask{Request: p.Request}, policy)
	v.Fallback = &fallbackView{string(fb.Desk), fb.Call, fb.Place}
	return v
}

func viewOption(o matching.Option) optionView {
	v := optionView{ID: optionID(o.Candidate.ID), Shelter: o.Candidate.ID, Zone: o.Zone.ID, Type: code.Institutions.Name(o.Candidate.Type),
		OptionType: string(matching.OptionTypeOf(o.Candidate.Type)),
		Together:   true, Journey: place.BandOf(o.Minutes).String(), Approximate: o.Approximate, Intake: matching.Intakes.Name(o.Intake),
		Counts: "fresh", HouseRules: code.HouseRules.SetNames(o.Candidate.HouseRules), MaxStayDays: o.Candidate.MaxStayDays,
		Score: o.Score, Parts: map[string]int{}, Reasons: o.Reasons, Why: []string{}, Languages: []string{}}
	if o.Unconfirmed {
		v.Counts = "unconfirmed"
	}
	for _, m := range o.Languages {
		v.Languages = append(v.Languages, m.String())
	}
	for _, part := range o.Points {
		v.Parts[part.Part] = part.Points
	}
	for _, r := range o.Reasons {
		v.Why = append(v.Why, reasonWords[r])
	}
	return v
}

// reasonWords are the reasons in plain words.
var reasonWords = map[string]string{
	"language." + language.Exact.String():         "Staff speak everyone's language.",
	"language." + language.Macrolanguage.String(): "Staff speak a close form of the language.",
	"language." + language.Intelligible.String():  "Staff speak a language the person can understand.",
	"language." + language.Interpreter.String():   "An interpreter speaks the language.",
	"language." + language.None.String():          "No shared language: bring an interpreter by phone.",
	"together.same_unit":                          "Everyone sleeps in the same part of the house.",
	"together.adjacent_units":                     "Everyone stays in the same building.",
	"together.same_shelter":                       "Everyone stays in the same shelter, in different buildings.",
	"needs.on_site":                               "Every need is met in the house.",
	"needs.partner_nearby":                        "Some needs are met by a partner nearby.",
	"freedom.open_doors":                          "Doors are open.",
	"freedom.locked":                              "Doors are locked: residents cannot leave by themselves.",
	"preference.all_met":                          "Every wish is met.",
	"stay.shorter_than_needed":                    "They may stay here for a shorter time than is needed.",
	"counts.unconfirmed":                          "Bed counts are more than a day old: phone ahead.",
	"intake.opens_later":                          "The door opens later: plan the arrival.",
	"journey.short":                               "Less than an hour away.",
	"journey.approximate":                         "The distance is approximate.",
}

// histogramWords says failed rules in plain words, most frequent first.
func histogramWords(failed map[string]int) []string {
	type row struct {
		n  int
		at int
	}
	var rows []row
	for i, r := range matching.Rules {
		if n := failed[r.ID]; n > 0 {
			rows = append(rows, row{n, i})
		}
	}
	slices.SortStableFunc(rows, func(a, b row) int { return b.n - a.n })
	var out []string
	for _, r := range rows {
		out = append(out, fmt.Sprintf("%d %s", r.n, matching.Rules[r.at].Many))
	}
	return out
}

// explainedView is every shelter considered, a page of it.
type explainedView struct {
	Considered int           `json:"considered"`
	Shelters   []verdictView `json:"shelters" doc:"Options first, as ranked; then the others from near to far"`
	Next       int           `json:"nextCursor,omitempty" doc:"Give it as after for the next page"`
}

type verdictView struct {
	Shelter string         `json:"shelter"`
	Zone    string         `json:"zone"`
	Journey string         `json:"journey"`
	Rank    int            `json:"rank,omitempty" doc:"Absent where it does not fit"`
	Score   int            `json:"score,omitempty"`
	Parts   map[string]int `json:"parts,omitempty" doc:"They sum to the score"`
	Failed  []string       `json:"failed,omitempty" doc:"Every rule it fails"`
	Why     []string       `json:"why" doc:"The same in plain words"`
}

func viewExplained(verdicts []matching.Verdict, after, limit int) *explainedView {
	after = min(after, len(verdicts))
	end := min(after+limit, len(verdicts))
	v := &explainedView{Considered: len(verdicts), Shelters: make([]verdictView, 0, end-after)}
	for _, one := range verdicts[after:end] {
		v.Shelters = append(v.Shelters, viewVerdict(one))
	}
	if end < len(verdicts) {
		v.Next = end
	}
	return v
}

func viewVerdict(one matching.Verdict) verdictView {
	o := one.Option
	v := verdictView{Shelter: o.Candidate.ID, Zone: o.Zone.ID, Journey: place.BandOf(o.Minutes).String(), Rank: one.Rank, Score: o.Score,
		Failed: one.Failed, Why: []string{}}
	if one.Rank > 0 {
		v.Parts = map[string]int{}
	}
	for _, part := range o.Points {
		v.Parts[part.Part] = part.Points
	}
	for _, r := range o.Reasons {
		v.Why = append(v.Why, reasonWords[r])
	}
	for _, id := range one.Failed {
		i := slices.IndexFunc(matching.Rules, func(r matching.Rule) bool { return r.ID == id })
		v.Why = append(v.Why, "It "+matching.Rules[i].Why+".")
	}
	return v
}

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
		Looks: full.Looks, UndoUntil: full.UndoUntil, Earlier: full.Earlier}
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

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
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

func timeOfDay(minutes int) string { return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60) }

func etag(version uint64) string { return strconv.Quote(strconv.FormatUint(version, 10)) }

func indexed(field string, i int) string { return fmt.Sprintf("%s[%d]", field, i) }
