package httpapi

import (
	"context"
	"net/http"

	"panah/internal/caller"
	"panah/internal/code"
	"panah/internal/fault"
	"panah/internal/placement"
	"panah/internal/referral"
)

type placementOutput struct {
	Status   int
	ETag     string `header:"ETag"`
	Replayed string `header:"Idempotency-Replayed" doc:"true when this command had been carried out before"`
	Location string `header:"Location"`
	Body     placementView
}

// answer shows the outcome of a command to whoever sent it.
func (a *API) answer(ctx context.Context, c caller.Caller, o referral.Outcome, err error) (*placementOutput, error) {
	if err != nil {
		return nil, err
	}
	out := &placementOutput{Status: http.StatusOK, ETag: etag(o.Version)}
	if o.Replayed {
		out.Replayed = "true"
	}
	out.Body = a.view(ctx, c, o.Placement, referral.SideOf(c, o.Placement)).clocked(o.Placement, a.referrals.Policy).matched(o.Placement, o.Match, a.referrals.Policy)
	return out, nil
}

// view shows a placement from a side, with what this very caller could do.
func (a *API) view(ctx context.Context, c caller.Caller, p placement.Placement, side placement.Side) placementView {
	return view(p, side, a.referrals.Next(ctx, c, p), a.referrals.Now())
}

type requestInput struct {
	Keyed
	Body placementRequest
}

// requestPlacement serves POST /v1/placements.
func (a *API) requestPlacement(ctx context.Context, in *requestInput) (*placementOutput, error) {
	c, err := a.who(ctx)
	if err != nil {
		return nil, err
	}
	r, err := in.Body.request()
	if err != nil {
		return nil, err
	}
	o, err := a.referrals.Transfer(ctx, c, r, string(in.Body.TransferOf), referral.Command{Key: in.Key, Payload: canonical(in.Body)})
	out, err := a.answer(ctx, c, o, err)
	if err == nil {
		out.Location = "/v1/placements/" + o.ID
		if !o.Replayed {
			out.Status = http.StatusCreated
		}
	}
	return out, err
}

// Listing is one page of a list.
type Listing struct {
	Limit int    `query:"limit" minimum:"1" maximum:"50" default:"20"`
	After string `query:"after" maxLength:"400" doc:"The cursor of the page before"`
}

type listOutput struct {
	Body struct {
		Placements []placementView `json:"placements"`
		Gone       []goneView      `json:"withdrawn" doc:"Consent was withdrawn: they are gone"`
		Next       string          `json:"nextCursor,omitempty" doc:"Give it as after for the next page"`
	}
}

// listPlacements serves GET /v1/placements.
func (a *API) listPlacements(ctx context.Context, in *Listing) (*listOutput, error) {
	c, err := a.who(ctx)
	if err != nil {
		return nil, err
	}
	list, next, err := a.referrals.Mine(ctx, c, in.Limit, in.After)
	if err != nil {
		return nil, err
	}
	out := &listOutput{}
	out.Body.Placements, out.Body.Gone, out.Body.Next = []placementView{}, []goneView{}, next
	for _, p := range list {
		if p.ReadableBy(placement.Team, "") == placement.ReadGone {
			out.Body.Gone = append(out.Body.Gone, viewGone(p.ID, p.Withdrawn, true))
			continue
		}
		out.Body.Placements = append(out.Body.Placements, a.view(ctx, c, p, placement.Team))
	}
	return out, nil
}

// One names one thing. Embedded parts of inputs are exported: huma fills no others.
type One struct {
	ID string `path:"id" maxLength:"40"`
}

// getPlacement serves GET /v1/placements/{id}.
func (a *API) getPlacement(ctx context.Context, in *One) (*placementOutput, error) {
	c, err := a.who(ctx)
	if err != nil {
		return nil, err
	}
	p, err := a.referrals.Placement(ctx, c, in.ID)
	return a.answer(ctx, c, referral.Outcome{Placement: p}, err)
}

type optionsInput struct {
	One
	Explain bool `query:"explain" doc:"For the desk: every shelter considered, with the rules it fails or the parts of its score"`
	Limit   int  `query:"limit" minimum:"1" maximum:"1000" default:"200" doc:"Of explained shelters"`
	After   int  `query:"after" minimum:"0" doc:"How many explained shelters to leave out: nextCursor of the page before"`
}

// getOptions serves GET /v1/placements/{id}/options.
func (a *API) getOptions(ctx context.Context, in *optionsInput) (*placementOutput, error) {
	c, err := a.who(ctx)
	if err != nil {
		return nil, err
	}
	if in.Explain {
		o, verdicts, err := a.referrals.Explain(ctx, c, in.ID)
		out, err := a.answer(ctx, c, o, err)
		if err == nil {
			out.Body.Explained = viewExplained(verdicts, in.After, in.Limit)
		}
		return out, err
	}
	o, err := a.referrals.Options(ctx, c, in.ID)
	return a.answer(ctx, c, o, err)
}

// holdOption serves POST /v1/placements/{id}/hold.
func (a *API) holdOption(ctx context.Context, in *moveInput[holdBody]) (*placementOutput, error) {
	c, err := a.who(ctx)
	if err != nil {
		return nil, err
	}
	o, err := a.referrals.Hold(ctx, c, in.ID, shelterOf(in.Body.Option), in.command("hold", in.Body.Moved))
	return a.answer(ctx, c, o, err)
}

// releaseHold serves POST /v1/placements/{id}/release.
func (a *API) releaseHold(ctx context.Context, in *moveInput[plainBody]) (*placementOutput, error) {
	c, err := a.who(ctx)
	if err != nil {
		return nil, err
	}
	o, err := a.referrals.Release(ctx, c, in.ID, in.command("release", in.Body.Moved))
	return a.answer(ctx, c, o, err)
}

// chooseOption serves POST /v1/placements/{id}/choose.
func (a *API) chooseOption(ctx context.Context, in *moveInput[chooseBody]) (*placementOutput, error) {
	c, err := a.who(ctx)
	if err != nil {
		return nil, err
	}
	if in.Body.Option == "" {
		return nil, fault.Field("option", "is required")
	}
	choice := placement.Choice{Shelter: shelterOf(in.Body.Option), HouseRulesShown: in.Body.HouseRulesShown, Viewed: in.Body.ChildView != ""}
	choice.By, _ = code.ChosenBys.Parse(string(in.Body.ChosenBy))
	choice.ChildView, _ = code.Views.Parse(string(in.Body.ChildView))
	o, err := a.referrals.Choose(ctx, c, in.ID, choice, in.command("choose", in.Body.Moved))
	return a.answer(ctx, c, o, err)
}

// acceptPlacement serves POST /v1/placements/{id}/accept.
func (a *API) acceptPlacement(ctx context.Context, in *moveInput[plainBody]) (*arrivalOutput, error) {
	return a.house(ctx, func(c caller.Caller) (referral.Outcome, error) {
		return a.referrals.Accept(ctx, c, in.ID, in.command("accept", in.Body.Moved))
	})
}

// declinePlacement serves POST /v1/placements/{id}/decline.
func (a *API) declinePlacement(ctx context.Context, in *moveInput[declineBody]) (*arrivalOutput, error) {
	return a.house(ctx, func(c caller.Caller) (referral.Outcome, error) {
		why, _ := code.DeclineReasons.Parse(string(in.Body.Reason))
		return a.referrals.Decline(ctx, c, in.ID, why, in.command("decline", in.Body.Moved))
	})
}

// receivePlacement serves POST /v1/placements/{id}/receive.
func (a *API) receivePlacement(ctx context.Context, in *moveInput[plainBody]) (*arrivalOutput, error) {
	return a.house(ctx, func(c caller.Caller) (referral.Outcome, error) {
		return a.referrals.Receive(ctx, c, in.ID, in.command("receive", in.Body.Moved))
	})
}

// endStay serves POST /v1/placements/{id}/end.
func (a *API) endStay(ctx context.Context, in *moveInput[endBody]) (*arrivalOutput, error) {
	return a.house(ctx, func(c caller.Caller) (referral.Outcome, error) {
		why, _ := code.EndReasons.Parse(string(in.Body.Reason))
		return a.referrals.End(ctx, c, in.ID, in.Body.Persons, why, in.command("end", in.Body.Moved))
	})
}

type arrivalOutput struct {
	ETag     string `header:"ETag"`
	Replayed string `header:"Idempotency-Replayed"`
	Body     arrivalView
}

// house carries out a shelter's move. What the shelter sees afterwards is its
// arrival; once the placement has moved on to another shelter, only that it is
// no longer here.
func (a *API) house(ctx context.Context, do func(caller.Caller) (referral.Outcome, error)) (*arrivalOutput, error) {
	c, err := a.who(ctx)
	if err != nil {
		return nil, err
	}
	o, err := do(c)
	if err != nil {
		return nil, err
	}
	out := &arrivalOutput{ETag: etag(o.Version), Body: a.arrival(ctx, c, o.Placement)}
	if o.Replayed {
		out.Replayed = "true"
	}
	if c.Role == caller.Shelter && o.Hold.Shelter != c.Shelter() && o.Team != c.House() {
		out.Body = arrivalView{ID: o.ID, State: string(placement.Requested), Version: o.Version, Units: []unitPart{}, Needs: []string{}, Next: out.Body.Next}
	}
	return out, nil
}

// arrival shows a placement as one of a shelter's arrivals.
func (a *API) arrival(ctx context.Context, c caller.Caller, p placement.Placement) arrivalView {
	side := referral.SideOf(c, p)
	if c.Role == caller.Shelter && p.Hold.Shelter == c.Shelter() {
		side = placement.House // also where the house asked for it
	}
	return viewArrival(p, side, a.referrals.Next(ctx, c, p), a.referrals.Now())
}

// departPlacement serves POST /v1/placements/{id}/depart.
func (a *API) departPlacement(ctx context.Context, in *moveInput[departBody]) (*placementOutput, error) {
	c, err := a.who(ctx)
	if err != nil {
		return nil, err
	}
	var override *code.Override
	if in.Body.Override != "" {
		o, _ := code.Overrides.Parse(string(in.Body.Override))
		override = &o
	}
	o, err := a.referrals.Depart(ctx, c, in.ID, in.Body.SocialWorker, override, in.command("depart", in.Body.Moved))
	return a.answer(ctx, c, o, err)
}

// cancelPlacement serves POST /v1/placements/{id}/cancel.
func (a *API) cancelPlacement(ctx context.Context, in *moveInput[cancelBody]) (*placementOutput, error) {
	c, err := a.who(ctx)
	if err != nil {
		return nil, err
	}
	why, _ := code.CancelReasons.Parse(string(in.Body.Reason))
	o, err := a.referrals.Cancel(ctx, c, in.ID, why, in.command("cancel", in.Body.Moved))
	return a.answer(ctx, c, o, err)
}
