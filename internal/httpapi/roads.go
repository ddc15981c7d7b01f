package httpapi

import (
	"context"
	"net/http"
	"strings"
	"time"

	"panah/internal/caller"
	"panah/internal/code"
	"panah/internal/fault"
	"panah/internal/place"
	"panah/internal/placement"
	"panah/internal/referral"
)

// command carries out a move and answers with the placement.
func (a *API) command(ctx context.Context, do func(caller.Caller) (referral.Outcome, error)) (*placementOutput, error) {
	c, err := a.who(ctx)
	if err != nil {
		return nil, err
	}
	o, err := do(c)
	if err == nil && c.Role == caller.Shelter && o.Team != c.House() {
		return a.answerHouse(ctx, c, o), nil
	}
	return a.answer(ctx, c, o, err)
}

// answerHouse shows a shelter no more of a placement than its arrivals do: beds,
// state and moves, and of one that is not with it any more only that.
func (a *API) answerHouse(ctx context.Context, c caller.Caller, o referral.Outcome) *placementOutput {
	out := &placementOutput{Status: http.StatusOK, ETag: etag(o.Version)}
	if o.Replayed {
		out.Replayed = "true"
	}
	full := a.view(ctx, c, o.Placement, placement.House)
	out.Body = placementView{ID: o.ID, State: string(placement.Requested), Version: o.Version, Policy: o.Policy, CreatedAt: o.CreatedAt, ChangedAt: o.ChangedAt, Next: full.Next}
	out.Body.FHIRStatus = placement.FHIR[placement.Requested]
	if o.Hold.Shelter == c.Shelter() && o.State.Live() {
		out.Body.State, out.Body.FHIRStatus, out.Body.Hold, out.Body.Arrived = full.State, full.FHIRStatus, full.Hold, full.Arrived
		out.Body.DoorCode, out.Body.UndoUntil = full.DoorCode, full.UndoUntil
	}
	return out
}

// refusePlacement serves POST /v1/placements/{id}/refuse.
func (a *API) refusePlacement(ctx context.Context, in *moveInput[refuseBody]) (*placementOutput, error) {
	return a.command(ctx, func(c caller.Caller) (referral.Outcome, error) {
		why, _ := code.RefuseReasons.Parse(string(in.Body.Reason))
		return a.referrals.Refuse(ctx, c, in.ID, why, in.command("refuse", in.Body.Moved))
	})
}

// correctPlacement serves POST /v1/placements/{id}/correct.
func (a *API) correctPlacement(ctx context.Context, in *moveInput[correctBody]) (*placementOutput, error) {
	return a.command(ctx, func(c caller.Caller) (referral.Outcome, error) {
		persons, err := personsOf(in.Body.Persons)
		if err != nil {
			return referral.Outcome{}, err
		}
		return a.referrals.Correct(ctx, c, in.ID, persons, in.command("correct", in.Body.Moved))
	})
}

// personsOf reads the persons of a body's own list.
func personsOf(bodies []personBody) ([]placement.Person, error) {
	var persons []placement.Person
	for i, b := range bodies {
		p, err := b.person("persons", i)
		if err != nil {
			return nil, err
		}
		persons = append(persons, p)
	}
	return persons, nil
}

// extendHold serves POST /v1/placements/{id}/extend.
func (a *API) extendHold(ctx context.Context, in *moveInput[plainBody]) (*placementOutput, error) {
	return a.command(ctx, func(c caller.Caller) (referral.Outcome, error) {
		return a.referrals.Extend(ctx, c, in.ID, in.command("extend", in.Body.Moved))
	})
}

// divertPlacement serves POST /v1/placements/{id}/divert.
func (a *API) divertPlacement(ctx context.Context, in *moveInput[divertBody]) (*placementOutput, error) {
	return a.command(ctx, func(c caller.Caller) (referral.Outcome, error) {
		why, _ := code.DivertReasons.Parse(string(in.Body.Reason))
		return a.referrals.Divert(ctx, c, in.ID, why, in.command("divert", in.Body.Moved))
	})
}

// turnAway serves POST /v1/placements/{id}/turn-away, for team and shelter. A
// shelter does not learn where the party goes next.
func (a *API) turnAway(ctx context.Context, in *moveInput[declineBody]) (*placementOutput, error) {
	return a.command(ctx, func(c caller.Caller) (referral.Outcome, error) {
		why, _ := code.DeclineReasons.Parse(string(in.Body.Reason))
		o, err := a.referrals.TurnAway(ctx, c, in.ID, why, in.command("turn-away", in.Body.Moved))
		return o, err
	})
}

// supersedePlacement serves POST /v1/placements/{id}/supersede.
func (a *API) supersedePlacement(ctx context.Context, in *moveInput[plainBody]) (*placementOutput, error) {
	return a.command(ctx, func(c caller.Caller) (referral.Outcome, error) {
		return a.referrals.Supersede(ctx, c, in.ID, in.command("supersede", in.Body.Moved))
	})
}

// decidePlacement serves POST /v1/placements/{id}/decisions.
func (a *API) decidePlacement(ctx context.Context, in *moveInput[decisionBody]) (*placementOutput, error) {
	return a.command(ctx, func(c caller.Caller) (referral.Outcome, error) {
		cmd := referral.DecideCommand{Command: in.command("decisions", in.Body.Moved), ReviewBy: at(in.Body.ReviewBy)}
		cmd.What, _ = code.Decisions.Parse(string(in.Body.Decision))
		cmd.ReturnTo, cmd.WaitingSince = place.Code(in.Body.ReturnTo), at(in.Body.WaitingSince)
		if err := in.Body.onReturn(); err != nil {
			return referral.Outcome{}, err
		}
		if ground, ok := code.StayBases.Parse(string(in.Body.Basis)); ok {
			cmd.Ground = &ground
		} else if in.Body.ReviewBy != nil {
			return referral.Outcome{}, fault.Field("basis", "is required with reviewBy")
		}
		return a.referrals.Decide(ctx, c, in.ID, cmd)
	})
}

// onReturn refuses facts that do not go with the decision.
func (b decisionBody) onReturn() error {
	ordered := string(b.Decision) == code.Decisions.Name(code.RepatriationOrdered)
	switch {
	case ordered && b.ReturnTo == "":
		return fault.Field("returnTo", "is required with repatriation_ordered")
	case !ordered && b.ReturnTo != "":
		return fault.Field("returnTo", "goes with repatriation_ordered alone")
	case !ordered && b.WaitingSince != nil:
		return fault.Field("waitingSince", "goes with repatriation_ordered alone")
	case (ordered || string(b.Decision) == code.Decisions.Name(code.RepatriationWithdrawn)) && b.Basis != "":
		return fault.Field("basis", "is another decision's")
	}
	return nil
}

// acceptByPhone serves POST /v1/placements/{id}/accept-by-phone.
func (a *API) acceptByPhone(ctx context.Context, in *moveInput[phoneBody]) (*placementOutput, error) {
	return a.command(ctx, func(c caller.Caller) (referral.Outcome, error) {
		return a.referrals.AcceptByPhone(ctx, c, in.ID, in.Body.PhoneCode, in.command("accept-by-phone", in.Body.Moved))
	})
}

// undoMove serves POST /v1/placements/{id}/undo, for whoever made the last move.
func (a *API) undoMove(ctx context.Context, in *moveInput[plainBody]) (*placementOutput, error) {
	return a.command(ctx, func(c caller.Caller) (referral.Outcome, error) {
		return a.referrals.Undo(ctx, c, in.ID, in.command("undo", in.Body.Moved))
	})
}

// splitParty serves POST /v1/placements/{id}/split.
func (a *API) splitParty(ctx context.Context, in *moveInput[splitBody]) (*placementOutput, error) {
	return a.command(ctx, func(c caller.Caller) (referral.Outcome, error) {
		by, _ := code.ChosenBys.Parse(string(in.Body.AgreedBy))
		o, _, err := a.referrals.Split(ctx, c, in.ID, in.Body.Persons, by, in.command("split", in.Body.Moved))
		return o, err
	})
}

type revealOutput struct {
	ETag     string `header:"ETag"`
	Replayed string `header:"Idempotency-Replayed"`
	Body     struct {
		Where        string    `json:"where" doc:"Where to bring the party"`
		MeetingPoint bool      `json:"meetingPoint,omitempty" doc:"Only a meeting place: the yes came by phone without the shelter's code"`
		Until        time.Time `json:"until" doc:"How long it is shown"`
		Version      uint64    `json:"version"`
	}
}

// reveal serves POST /v1/placements/{id}/reveal.
func (a *API) reveal(ctx context.Context, in *moveInput[plainBody]) (*revealOutput, error) {
	c, err := a.who(ctx)
	if err != nil {
		return nil, err
	}
	p, err := a.referrals.Reveal(ctx, c, in.ID, in.command("reveal", in.Body.Moved))
	if err != nil {
		return nil, err
	}
	out := &revealOutput{ETag: etag(p.Version)}
	if p.Replayed {
		out.Replayed = "true"
	}
	out.Body.Where, out.Body.MeetingPoint, out.Body.Until, out.Body.Version = p.Where, p.Meeting, p.Until, p.Version
	return out, nil
}

type alertView struct {
	ID           string     `json:"id"`
	Kind         string     `json:"kind"`
	Placement    string     `json:"placement,omitempty" doc:"What it is about, or a unit of a shelter"`
	Shelter      string     `json:"shelter,omitempty"`
	Unit         string     `json:"unit,omitempty"`
	Over         *time.Time `json:"overAt,omitempty" doc:"When what it tells of was over by itself"`
	District     string     `json:"district"`
	At           time.Time  `json:"at"`
	Clock        string     `json:"clock,omitempty" doc:"The legal clock that warns"`
	Percent      int        `json:"percent,omitempty" doc:"How much of its time has passed"`
	DueAt        *time.Time `json:"dueAt,omitempty"`
	About        string     `json:"about,omitempty" doc:"What a survivor complains of"`
	Serious      bool       `json:"serious,omitempty" doc:"A complaint of harm or of a crime"`
	Pauses       string     `json:"pauses,omitempty" doc:"Nobody new is offered this shelter until the complaint was looked into and the alert is acknowledged; the shelter is not told"`
	Acknowledged *time.Time `json:"acknowledgedAt,omitempty"`
	Href         string     `json:"href"`
}

func viewAlert(a placement.Alert) alertView {
	href := "/v1/placements/" + a.Placement
	if a.Shelter != "" {
		href = "/v1/shelters/" + a.Shelter
	}
	about, complained := code.Complaints.Parse(a.What)
	return alertView{Shelter: a.Shelter, Unit: a.Unit, Over: timeOrNil(a.Over), Pauses: a.Pauses, Serious: complained && about.Serious(),
		ID: string(a.District) + "." + a.ID, Kind: placement.AlertKinds.Name(a.Kind), Placement: a.Placement, District: string(a.District),
		At: a.At, Clock: a.Clock, Percent: a.Percent, DueAt: timeOrNil(a.DueAt), About: a.What, Acknowledged: timeOrNil(a.Acknowledged), Href: href}
}

type alertsInput struct {
	Listing
	All bool `query:"all" doc:"Also those acknowledged"`
}

type alertsOutput struct {
	Body struct {
		Alerts []alertView `json:"alerts"`
		Next   string      `json:"nextCursor,omitempty" doc:"Give it as after for the next page; a page may hold few though more follow"`
	}
}

// listAlerts serves GET /v1/alerts.
func (a *API) listAlerts(ctx context.Context, in *alertsInput) (*alertsOutput, error) {
	c, err := a.who(ctx)
	if err != nil {
		return nil, err
	}
	list, next, err := a.referrals.Alerts(ctx, c, in.All, in.Limit, in.After)
	if err != nil {
		return nil, err
	}
	out := &alertsOutput{}
	out.Body.Alerts, out.Body.Next = []alertView{}, next
	for _, alert := range list {
		out.Body.Alerts = append(out.Body.Alerts, viewAlert(alert))
	}
	return out, nil
}

type acknowledgeInput struct {
	Keyed
	ID string `path:"id" maxLength:"160"`
}

type alertOutput struct {
	Status int
	Body   alertView
}

// acknowledgeAlert serves POST /v1/alerts/{id}/acknowledge.
func (a *API) acknowledgeAlert(ctx context.Context, in *acknowledgeInput) (*alertOutput, error) {
	c, err := a.who(ctx)
	if err != nil {
		return nil, err
	}
	district, id, _ := strings.Cut(in.ID, ".")
	alert, err := a.referrals.Acknowledge(ctx, c, place.Code(district), id)
	if err != nil {
		return nil, err
	}
	return &alertOutput{http.StatusOK, viewAlert(alert)}, nil
}
