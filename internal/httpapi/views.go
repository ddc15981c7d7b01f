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
	Late        bool            `json:"late,omitempty" doc:"A hold reached us hours after it was pressed, so nothing was held by it"`
	NeededUntil *time.Time      `json:"neededUntil,omitempty" doc:"How long a waiting request waits"`
	Hold        *holdView       `json:"hold,omitempty"`
	Stopped     *time.Time      `json:"shelterStopped,omitempty" doc:"Since when the shelter that is held, or has the party, takes nobody any more, closed or suspended: nobody departs for it, and who is there must move"`
	Choice      *choiceView     `json:"choice,omitempty"`
	Persons     []personView    `json:"persons,omitempty" doc:"The party, for its team and the desk"`
	Arrived     *arrivedView    `json:"arrived,omitempty"`
	Earlier     []stayedView    `json:"earlierStays,omitempty" doc:"Stays that had ended when the party arrived again, the first first"`
	DoorCode    string          `json:"doorCode,omitempty" doc:"This side's half of the code compared at the door"`
	FoundAt     *time.Time      `json:"bedsFoundAt,omitempty" doc:"Beds are to be had, after waiting or after a hold that was lost: choose now, nothing is held"`
	Clocks      []clockView     `json:"clocks,omitempty" doc:"Time limits of law"`
	Committee   bool            `json:"pendingCommittee,omitempty" doc:"Someone is under 18 and no decision is recorded yet"`
	Return      *returnView     `json:"return,omitempty" doc:"Where the party waits to be brought home, for the desk"`
	Stay        *stayView       `json:"stay,omitempty" doc:"On what ground the party stays, and when that is looked at again"`
	ByPhone     string          `json:"acceptedByPhone,omitempty" enum:"verified,unverified" doc:"Whether the team knew the shelter's code"`
	PhoneTries  *int            `json:"phoneCodesLeft,omitempty" doc:"How many wrong codes may still be said to make an unverified yes sure"`
	Apart       []apartView     `json:"apart,omitempty" doc:"Who was placed apart, by decision"`
	Looks       []time.Time     `json:"handoverLooks,omitempty" doc:"For the desk: when escorts looked at handover points"`
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
	v.Committee = p.PendingCommittee()
	v.Withdrawn = timeOrNil(p.Withdrawn)
	if !p.Basis.From.IsZero() {
		v.Stay = &stayView{code.StayBases.Name(p.Basis.Ground), p.Basis.ReviewBy}
	}
	if p.ByPhone && p.State.Live() && p.State != placement.Held {
		v.ByPhone = map[bool]string{true: "verified", false: "unverified"}[p.Verified]
		if left := p.PhoneTriesLeft(); !p.Verified && side != placement.House {
			v.PhoneTries = &left
		}
	}
	for _, l := range p.LooksFor(side, p.Hold.Shelter) {
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
		v.Hold, v.Stopped = viewHold(p), timeOrNil(p.Hold.Stopped)
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
	if v = v.sideRoads(p, side, now); p.Sealed && side == placement.House { // the stay in its beds, and nothing of how they came
		v.Late, v.Choice, v.Looks, v.ByPhone = false, nil, nil, ""
	}
	return v
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

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func timeOfDay(minutes int) string { return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60) }

func etag(version uint64) string { return strconv.Quote(strconv.FormatUint(version, 10)) }

func indexed(field string, i int) string { return fmt.Sprintf("%s[%d]", field, i) }
