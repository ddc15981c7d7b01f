package httpapi

import (
	"context"
	"time"

	"panah/internal/audit"
	"panah/internal/code"
	"panah/internal/referral"
	"panah/internal/shelter"
)

type undoCountInput struct {
	Keyed
	ID   string `path:"id" maxLength:"40"`
	Unit string `path:"unit" maxLength:"40"`
	Body struct {
		Version uint64 `json:"version" minimum:"1" doc:"The unit's version you saw: the count that is taken back. Where it was counted anew since it is refused with 409"`
	}
}

// undoCount serves POST /v1/shelters/{id}/units/{unit}/undo.
func (a *API) undoCount(ctx context.Context, in *undoCountInput) (*unitOutput, error) {
	c, err := a.who(ctx)
	if err != nil {
		return nil, err
	}
	u, err := a.referrals.UndoCount(ctx, c, in.ID, in.Unit, referral.Command{Key: in.Key, Payload: "undo " + in.Unit + " " + canonical(in.Body), Version: in.Body.Version})
	if err != nil {
		return nil, err
	}
	return &unitOutput{ETag: etag(u.Census), Body: a.viewUnit(u)}, nil
}

type surgeInput struct {
	Keyed
	One
	Body struct {
		Population populationCode `json:"population"`
		Ages       []ageBandCode  `json:"ages" minItems:"1" maxItems:"7"`
		Beds       int            `json:"beds" minimum:"1" maximum:"5000"`
		EndsAt     time.Time      `json:"endsAt" doc:"From then on nobody is taken in; at most ninety days ahead"`
	}
}

type surgeOutput struct {
	Status   int
	ETag     string `header:"ETag"`
	Replayed string `header:"Idempotency-Replayed"`
	Body     unitView
}

// openSurge serves POST /v1/shelters/{id}/surge.
func (a *API) openSurge(ctx context.Context, in *surgeInput) (*surgeOutput, error) {
	c, err := a.who(ctx)
	if err != nil {
		return nil, err
	}
	cmd := referral.SurgeCommand{Key: c.Scope + "\x00" + in.Key, Beds: in.Body.Beds, EndsAt: in.Body.EndsAt}
	cmd.Population, _ = code.Populations.Parse(string(in.Body.Population))
	cmd.Ages, _ = code.AgeBands.ParseSet(texts(in.Body.Ages))
	u, replayed, err := a.referrals.Surge(ctx, c, in.ID, cmd)
	if err != nil {
		return nil, err
	}
	out := &surgeOutput{Status: 201, ETag: etag(u.Census), Body: a.viewUnit(u)}
	if replayed {
		out.Status, out.Replayed = 200, "true"
	}
	return out, nil
}

type handoverOutput struct {
	ETag string `header:"ETag"`
	Body struct {
		Point     string `json:"point,omitempty"`
		Meeting   string `json:"meetingPoint,omitempty"`
		PhoneCode string `json:"phoneCode,omitempty" doc:"Say it on the phone to a team that asks whether it is really you"`
	}
}

func viewHandover(h shelter.Handover) *handoverOutput {
	out := &handoverOutput{ETag: etag(h.Version)}
	out.Body.Point, out.Body.Meeting, out.Body.PhoneCode = h.Point, h.Meeting, h.Code
	return out
}

// getHandover serves GET /v1/shelters/{id}/handover, for the shelter's staff.
func (a *API) getHandover(ctx context.Context, in *One) (*handoverOutput, error) {
	c, err := a.who(ctx)
	if err != nil {
		return nil, err
	}
	h, err := a.referrals.Handover(ctx, c, in.ID)
	if err != nil {
		return nil, err
	}
	return viewHandover(h), nil
}

type setHandoverInput struct {
	One
	IfMatch string `header:"If-Match" doc:"The ETag you saw; 0 where none is written yet"`
	Body    struct {
		Point   string `json:"point" minLength:"1" maxLength:"280" doc:"Where an escort brings a party: shown to the escort of an accepted party alone"`
		Meeting string `json:"meetingPoint" minLength:"1" maxLength:"280" doc:"Where you meet an escort who could not name your code; not your own place"`
	}
}

// setHandover serves PUT /v1/shelters/{id}/handover.
func (a *API) setHandover(ctx context.Context, in *setHandoverInput) (*handoverOutput, error) {
	c, err := a.who(ctx)
	if err != nil {
		return nil, err
	}
	seen, err := version(in.IfMatch)
	if err != nil {
		return nil, err
	}
	h, err := a.referrals.SetHandover(ctx, c, in.ID, shelter.Handover{Point: in.Body.Point, Meeting: in.Body.Meeting}, seen)
	if err != nil {
		return nil, err
	}
	return viewHandover(h), nil
}

type unitLogInput struct {
	ID   string `path:"id" maxLength:"40"`
	Unit string `path:"unit" maxLength:"40"`
	Listing
}

type unitLogOutput struct {
	Body struct {
		Changes []unitChange `json:"changes"`
		Next    string       `json:"nextCursor,omitempty"`
	}
}

type unitChange struct {
	Version      uint64    `json:"version"`
	By           string    `json:"by,omitempty" doc:"The subject who counted or confirmed last; absent for the system"`
	SeenAt       time.Time `json:"seenAt"`
	Staffed      int       `json:"staffed"`
	OutOfService int       `json:"outOfService"`
	Occupied     int       `json:"occupied"`
	Held         int       `json:"held"`
}

// unitLog serves GET /v1/shelters/{id}/units/{unit}/log.
func (a *API) unitLog(ctx context.Context, in *unitLogInput) (*unitLogOutput, error) {
	c, err := a.who(ctx)
	if err != nil {
		return nil, err
	}
	list, next, err := a.referrals.UnitLog(ctx, c, in.ID, in.Unit, in.Limit, in.After)
	if err != nil {
		return nil, err
	}
	out := &unitLogOutput{}
	out.Body.Changes, out.Body.Next = viewChanges(list), next
	return out, nil
}

func viewChanges(list []audit.Entry) []unitChange {
	out := []unitChange{}
	for _, e := range list {
		v := unitChange{Version: e.Version, By: e.By, SeenAt: e.Seen}
		if e.What != nil {
			v.Staffed, v.OutOfService, v.Occupied, v.Held = e.What.Staffed, e.What.OutOfService, e.What.Occupied, e.What.Held
		}
		out = append(out, v)
	}
	return out
}
