package httpapi

import (
	"context"
	"net/http"
	"time"

	"panah/internal/caller"
	"panah/internal/code"
	"panah/internal/fault"
	"panah/internal/matching"
	"panah/internal/placement"
	"panah/internal/referral"
)

// rescueRequest is the body of POST /v1/rescues: what is the same for everybody,
// and the parties.
type rescueRequest struct {
	RescuedAt         time.Time      `json:"rescuedAt" doc:"When the people were rescued: legal clocks run from here"`
	Place             placeBody      `json:"place"`
	Urgency           urgencyCode    `json:"urgency"`
	JourneyMinutes    int            `json:"journeyMinutes,omitempty" minimum:"0" maximum:"10080"`
	Consent           consentBody    `json:"consent" doc:"On what ground the request is made; each party's choice is recorded with choose"`
	Escort            escortBody     `json:"escort"`
	Exclusions        exclusionsBody `json:"exclusions,omitempty"`
	MaxJourneyMinutes int            `json:"maxJourneyMinutes,omitempty" minimum:"0" maximum:"2880"`
	NeededUntil       *time.Time     `json:"neededUntil,omitempty"`
	PartiesBody
}

// PartiesBody is the parties of a rescue. It is exported because huma fills no
// other embedded part.
type PartiesBody struct {
	Parties   []rescueParty `json:"parties" minItems:"1" maxItems:"500" doc:"At most 500 persons in all; what does not fit into one body of 64 KiB follows with parties"`
	KeepApart [][]int       `json:"keepApart,omitempty" maxItems:"200" doc:"Pairs of parties that must not be in one shelter, as positions from 0, counting parties with a count as so many"`
	Plan      string        `json:"plan,omitempty" enum:"now,later" default:"now" doc:"later: more parties follow with parties; the rescue is planned by plan or confirm"`
}

// planLater says that more parties follow before a plan is wanted.
const planLater = "later"

type rescueParty struct {
	Count       int           `json:"count,omitempty" minimum:"1" maximum:"500" default:"1" doc:"So many parties like this one"`
	Together    togetherCode  `json:"together"`
	Persons     []personBody  `json:"persons" minItems:"1" maxItems:"20"`
	Preferences []featureCode `json:"preferences,omitempty" maxItems:"10"`
}

func (b rescueRequest) rescue() (placement.Rescue, error) {
	one := placementRequest{RescuedAt: b.RescuedAt, Place: b.Place, Urgency: b.Urgency, JourneyMinutes: b.JourneyMinutes, Consent: b.Consent,
		Escort: b.Escort, Exclusions: b.Exclusions, MaxJourneyMinutes: b.MaxJourneyMinutes, NeededUntil: b.NeededUntil, Hold: "best",
		Party: partyBody{Together: togetherCode(code.Togethers.Name(code.TogetherRequired))}}
	common, err := one.request()
	if err != nil {
		return placement.Rescue{}, err
	}
	r := placement.Rescue{Common: common}
	if r.Parties, err = b.parties(common); err != nil {
		return r, err
	}
	r.Apart, err = b.apart()
	return r, err
}

// parties reads the parties, each as often as its count says.
func (b PartiesBody) parties(common placement.Request) (out []placement.Request, err error) {
	for i, p := range b.Parties {
		party := common
		party.Persons = nil
		for j, person := range p.Persons {
			read, err := person.person(indexed("parties", i)+".persons", j)
			if err != nil {
				return nil, err
			}
			party.Persons = append(party.Persons, read)
		}
		party.Together, _ = code.Togethers.Parse(string(p.Together))
		party.Preferences, _ = code.Features.ParseSet(texts(p.Preferences))
		for range max(1, p.Count) {
			out = append(out, party)
		}
	}
	return out, nil
}

func (b PartiesBody) apart() (out [][2]int, err error) {
	for i, pair := range b.KeepApart {
		if len(pair) != 2 {
			return nil, fault.Field(indexed("keepApart", i), "must be two positions")
		}
		out = append(out, [2]int{pair[0], pair[1]})
	}
	return out, nil
}

type rescueView struct {
	ID        string            `json:"id"`
	State     string            `json:"state" enum:"open,confirming,confirmed"`
	Version   uint64            `json:"version"`
	Policy    string            `json:"policy"`
	CreatedAt time.Time         `json:"createdAt"`
	Persons   int               `json:"persons"`
	Placed    int               `json:"personsPlaced" doc:"With beds, by plan or held already"`
	Parties   []rescuePartyView `json:"parties"`
	Fallback  *fallbackView     `json:"fallback,omitempty" doc:"Where to turn for those who find no place"`
	Next      []nextView        `json:"next"`
}

type rescuePartyView struct {
	Party     int             `json:"party" doc:"Position, from 0"`
	Persons   int             `json:"persons"`
	State     string          `json:"state" doc:"planned, unplaced or, where no plan was made since it came, unplanned before confirmation; then the placement's state"`
	Placement string          `json:"placement,omitempty" doc:"Its placement, once the plan was confirmed"`
	Href      string          `json:"href,omitempty"`
	Hold      *holdView       `json:"hold,omitempty"`
	Option    *optionView     `json:"option,omitempty" doc:"Where the plan puts it, with reasons"`
	Units     []unitPart      `json:"units,omitempty"`
	Why       []string        `json:"why,omitempty" doc:"For a party that finds no place"`
	Failed    *nonMatchesView `json:"nonMatches,omitempty"`
}

// viewRescue shows a rescue; only its team has moves.
func (a *API) viewRescue(c caller.Caller, o referral.RescueOutcome) rescueView {
	v := rescueView{ID: o.ID, State: string(o.State), Version: o.Version, Policy: a.referrals.Policy.ID, CreatedAt: o.CreatedAt,
		Persons: o.Persons(), Parties: []rescuePartyView{}, Next: []nextView{}}
	lost := false
	for i, p := range o.Parties {
		pv, placed := viewRescueParty(i, o.Rescue.Parties[i], p)
		if pv.State == "unplaced" && i >= o.PlannedTo {
			pv.State, pv.Why = "unplanned", nil
		}
		if placed {
			v.Placed += pv.Persons
		}
		lost = lost || pv.State == "unplaced" || pv.State == string(placement.Waitlisted)
		v.Parties = append(v.Parties, pv)
	}
	if lost {
		fb := matching.FallbackFor(matching.Ask{Request: o.Common}, a.referrals.Policy)
		v.Fallback = &fallbackView{string(fb.Desk), fb.Call, fb.Place}
	}
	if c.Team() == o.Team {
		for _, m := range o.Next() {
			v.Next = append(v.Next, nextView{m, "/v1/rescues/" + o.ID + "/" + m})
		}
	}
	return v
}

func viewRescueParty(i int, r placement.Request, p referral.PartyOutcome) (v rescuePartyView, placed bool) {
	v = rescuePartyView{Party: i, Persons: len(r.Persons)}
	if made := p.Placement; made != nil {
		v.State, v.Placement, v.Href = string(made.State), made.ID, "/v1/placements/"+made.ID
		if made.ReadableBy(placement.Team, "") == placement.ReadGone {
			v.State = "gone"
			return v, false
		}
		if made.State.Live() {
			v.Hold = viewHold(*made)
			return v, true
		}
		if made.State != placement.Requested && made.State != placement.Waitlisted {
			return v, false
		}
	}
	switch {
	case p.Plan.Option != nil:
		o := viewOption(*p.Plan.Option)
		v.Option = &o
		for _, part := range p.Plan.Option.Parts {
			v.Units = append(v.Units, unitPart{part.Unit, part.Persons})
		}
		if v.State == "" {
			v.State = "planned"
		}
		return v, true
	case v.State == "":
		v.State = "unplaced"
	}
	if p.Plan.Taken {
		v.Why = append(v.Why, "Shelters fit, and their beds are needed for others of this rescue.")
	} else if len(p.Plan.Failed) > 0 {
		v.Why = histogramWords(p.Plan.Failed)
	}
	return v, false
}

type rescueInput struct {
	Keyed
	Body rescueRequest
}

type rescueOutput struct {
	Status   int
	ETag     string `header:"ETag"`
	Replayed string `header:"Idempotency-Replayed"`
	Location string `header:"Location"`
	Body     rescueView
}

func (a *API) rescueAnswer(c caller.Caller, o referral.RescueOutcome, err error) (*rescueOutput, error) {
	if err != nil {
		return nil, err
	}
	out := &rescueOutput{Status: http.StatusOK, ETag: etag(o.Version), Body: a.viewRescue(c, o)}
	if o.State == placement.RescueConfirming {
		out.Status = http.StatusAccepted
	}
	if o.Replayed {
		out.Replayed = "true"
	}
	return out, nil
}

// startRescue serves POST /v1/rescues.
func (a *API) startRescue(ctx context.Context, in *rescueInput) (*rescueOutput, error) {
	c, err := a.who(ctx)
	if err != nil {
		return nil, err
	}
	r, err := in.Body.rescue()
	if err != nil {
		return nil, err
	}
	o, err := a.referrals.NewRescue(ctx, c, r, referral.Command{Key: in.Key, Payload: "rescue " + canonical(in.Body), PlanLater: in.Body.Plan == planLater})
	out, err := a.rescueAnswer(c, o, err)
	if err == nil {
		out.Location = "/v1/rescues/" + o.ID
		if !o.Replayed {
			out.Status = http.StatusCreated
		}
	}
	return out, err
}

// getRescue serves GET /v1/rescues/{id}.
func (a *API) getRescue(ctx context.Context, in *One) (*rescueOutput, error) {
	c, err := a.who(ctx)
	if err != nil {
		return nil, err
	}
	o, err := a.referrals.Rescue(ctx, c, in.ID)
	return a.rescueAnswer(c, o, err)
}

type rescuePartiesInput struct {
	Keyed
	One
	Body PartiesBody
}

// addParties serves POST /v1/rescues/{id}/parties.
func (a *API) addParties(ctx context.Context, in *rescuePartiesInput) (*rescueOutput, error) {
	return a.rescueCommand(ctx, func(c caller.Caller) (referral.RescueOutcome, error) {
		parties, err := in.Body.parties(placement.Request{})
		if err != nil {
			return referral.RescueOutcome{}, err
		}
		apart, err := in.Body.apart()
		if err != nil {
			return referral.RescueOutcome{}, err
		}
		return a.referrals.AddParties(ctx, c, in.ID, parties, apart, referral.Command{Key: in.Key, Payload: "parties " + in.ID + " " + canonical(in.Body), PlanLater: in.Body.Plan == planLater})
	})
}

type rescueMoveInput struct {
	Keyed
	One
}

// planRescue serves POST /v1/rescues/{id}/plan.
func (a *API) planRescue(ctx context.Context, in *rescueMoveInput) (*rescueOutput, error) {
	return a.rescueCommand(ctx, func(c caller.Caller) (referral.RescueOutcome, error) {
		return a.referrals.PlanRescue(ctx, c, in.ID, referral.Command{Key: in.Key, Payload: "plan " + in.ID})
	})
}

// confirmRescue serves POST /v1/rescues/{id}/confirm.
func (a *API) confirmRescue(ctx context.Context, in *rescueMoveInput) (*rescueOutput, error) {
	return a.rescueCommand(ctx, func(c caller.Caller) (referral.RescueOutcome, error) {
		return a.referrals.ConfirmRescue(ctx, c, in.ID, referral.Command{Key: in.Key, Payload: "confirm " + in.ID})
	})
}

func (a *API) rescueCommand(ctx context.Context, do func(caller.Caller) (referral.RescueOutcome, error)) (*rescueOutput, error) {
	c, err := a.who(ctx)
	if err != nil {
		return nil, err
	}
	o, err := do(c)
	return a.rescueAnswer(c, o, err)
}

type bulkOutput struct {
	Status   int
	Replayed string `header:"Idempotency-Replayed"`
	Body     struct {
		Placements []bulkView `json:"placements"`
	}
}

type bulkView struct {
	Placement string `json:"placement"`
	State     string `json:"state,omitempty"`
	Refused   string `json:"refused,omitempty" doc:"The kind of refusal; absent when it was done"`
	Detail    string `json:"detail,omitempty"`
}

func viewBulk(list []referral.Bulk) *bulkOutput {
	out := &bulkOutput{Status: http.StatusOK}
	out.Body.Placements = []bulkView{}
	for _, b := range list {
		v := bulkView{Placement: b.ID, State: string(b.State)}
		if f, ok := fault.Of(b.Err); ok {
			v.State, v.Refused, v.Detail = "", string(f.Kind), f.Detail
		}
		out.Body.Placements = append(out.Body.Placements, v)
	}
	return out
}

type bulkDepartInput struct {
	Keyed
	One
	Body struct {
		SocialWorker bool       `json:"socialWorker" doc:"A social worker travels with each party"`
		OccurredAt   *time.Time `json:"occurredAt,omitempty"`
	}
}

// departRescue serves POST /v1/rescues/{id}/depart.
func (a *API) departRescue(ctx context.Context, in *bulkDepartInput) (*bulkOutput, error) {
	c, err := a.who(ctx)
	if err != nil {
		return nil, err
	}
	list, replayed, err := a.referrals.DepartAll(ctx, c, in.ID, in.Body.SocialWorker,
		referral.Command{Key: in.Key, Payload: "depart " + canonical(in.Body), OccurredAt: at(in.Body.OccurredAt)})
	if err != nil {
		return nil, err
	}
	out := viewBulk(list)
	if replayed {
		out.Replayed = "true"
	}
	return out, nil
}

type bulkReceiveInput struct {
	Keyed
	One
	Body struct {
		Placements []placementRef `json:"placements" minItems:"1" maxItems:"100"`
		OccurredAt *time.Time     `json:"occurredAt,omitempty" doc:"When they came; now when absent"`
	}
}

// receiveMany serves POST /v1/shelters/{id}/receive.
func (a *API) receiveMany(ctx context.Context, in *bulkReceiveInput) (*bulkOutput, error) {
	c, err := a.who(ctx)
	if err != nil {
		return nil, err
	}
	list, replayed, err := a.referrals.ReceiveAll(ctx, c, in.ID, texts(in.Body.Placements),
		referral.Command{Key: in.Key, Payload: "receive many " + canonical(in.Body), OccurredAt: at(in.Body.OccurredAt)})
	if err != nil {
		return nil, err
	}
	out := viewBulk(list)
	if replayed {
		out.Replayed = "true"
	}
	return out, nil
}
