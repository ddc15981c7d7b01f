package httpapi

import (
	"context"
	"strconv"
	"strings"
	"time"

	"panah/internal/caller"
	"panah/internal/fault"
	"panah/internal/placement"
	"panah/internal/referral"
	"panah/internal/shelter"
)

type shelterOutput struct {
	ETag string `header:"ETag"`
	Body shelterView
}

func (a *API) shelterAnswer(s referral.ShelterView) *shelterOutput {
	return &shelterOutput{etag(s.Edition()), a.viewShelter(s)}
}

// getShelter serves GET /v1/shelters/{id}.
func (a *API) getShelter(ctx context.Context, in *One) (*shelterOutput, error) {
	c, err := a.who(ctx)
	if err != nil {
		return nil, err
	}
	s, err := a.referrals.Shelter(ctx, c, in.ID)
	if err != nil {
		return nil, err
	}
	return a.shelterAnswer(s), nil
}

type censusInput struct {
	ID      string `path:"id" maxLength:"40"`
	Unit    string `path:"unit" maxLength:"40"`
	IfMatch string `header:"If-Match" doc:"The unit's version the count was made on"`
	Body    struct {
		CountedAt         time.Time      `json:"countedAt" doc:"When the beds were counted"`
		Present           int            `json:"present" minimum:"0" maximum:"5000" doc:"People who sleep here; more than staffed is taken and reported"`
		Staffed           int            `json:"staffed" minimum:"0" maximum:"5000" doc:"Beds with staff; no more than the authority allows, where it has said"`
		OutOfService      int            `json:"outOfService" minimum:"0" maximum:"5000"`
		RoomsOccupied     int            `json:"roomsOccupied,omitempty" minimum:"0" maximum:"5000" doc:"Rooms somebody sleeps in, where a party has rooms to itself; as few as the people fill when absent"`
		CountedPlacements []placementRef `json:"countedPlacements,omitempty" maxItems:"50" doc:"Placements whose people are among those present: they are counted once, however their arrival is recorded, taken back and recorded again"`
	}
}

type unitOutput struct {
	ETag string `header:"ETag"`
	Body unitView
}

// countUnit serves PUT /v1/shelters/{id}/units/{unit}.
func (a *API) countUnit(ctx context.Context, in *censusInput) (*unitOutput, error) {
	c, err := a.who(ctx)
	if err != nil {
		return nil, err
	}
	seen, err := version(in.IfMatch)
	if err != nil {
		return nil, err
	}
	u, err := a.referrals.Count(ctx, c, in.ID, in.Unit, referral.CensusCommand{
		Census: shelter.Census{CountedAt: in.Body.CountedAt.UTC().Truncate(time.Second), Present: in.Body.Present,
			Staffed: in.Body.Staffed, OutOfService: in.Body.OutOfService, Rooms: in.Body.RoomsOccupied},
		Placements: texts(in.Body.CountedPlacements), IfMatch: seen,
	})
	if err != nil {
		return nil, err
	}
	return &unitOutput{ETag: etag(u.Census), Body: a.viewUnit(u)}, nil
}

// version reads an If-Match header.
func version(ifMatch string) (uint64, error) {
	if ifMatch == "" {
		f := fault.New(fault.NeedIfMatch, "send the ETag you saw as If-Match, so that nothing newer is overwritten")
		f.Field = "If-Match"
		return 0, f
	}
	n, err := strconv.ParseUint(strings.Trim(strings.TrimPrefix(ifMatch, "W/"), `"`), 10, 64)
	if err != nil {
		f := fault.New(fault.Malformed, "is not an ETag of this resource")
		f.Field = "If-Match"
		return 0, f
	}
	return n, nil
}

type statusInput struct {
	Keyed
	One
}

// closeShelter serves POST /v1/shelters/{id}/close.
func (a *API) closeShelter(ctx context.Context, in *statusInput) (*shelterOutput, error) {
	return a.setStatus(ctx, in, shelter.Closed, "close")
}

// vetShelter serves POST /v1/shelters/{id}/vet.
func (a *API) vetShelter(ctx context.Context, in *statusInput) (*shelterOutput, error) {
	return a.setStatus(ctx, in, shelter.Vetted, "vet")
}

// activateShelter serves POST /v1/shelters/{id}/activate.
func (a *API) activateShelter(ctx context.Context, in *statusInput) (*shelterOutput, error) {
	return a.setStatus(ctx, in, shelter.Active, "activate")
}

// suspendShelter serves POST /v1/shelters/{id}/suspend.
func (a *API) suspendShelter(ctx context.Context, in *statusInput) (*shelterOutput, error) {
	return a.setStatus(ctx, in, shelter.Suspended, "suspend")
}

// resumeShelter serves POST /v1/shelters/{id}/resume.
func (a *API) resumeShelter(ctx context.Context, in *statusInput) (*shelterOutput, error) {
	return a.setStatus(ctx, in, shelter.Active, "resume")
}

func (a *API) setStatus(ctx context.Context, in *statusInput, to shelter.Status, move string) (*shelterOutput, error) {
	c, err := a.who(ctx)
	if err != nil {
		return nil, err
	}
	s, err := a.referrals.SetStatus(ctx, c, in.ID, to, referral.Command{Key: in.Key, Payload: move + " " + in.ID})
	if err != nil {
		return nil, err
	}
	return a.shelterAnswer(s), nil
}

type confirmInput struct {
	Keyed
	One
	Body struct {
		OccurredAt *time.Time `json:"occurredAt,omitempty" doc:"When it was pressed; now when absent"`
	}
}

// confirmCounts serves POST /v1/shelters/{id}/confirm-counts.
func (a *API) confirmCounts(ctx context.Context, in *confirmInput) (*shelterOutput, error) {
	c, err := a.who(ctx)
	if err != nil {
		return nil, err
	}
	s, err := a.referrals.Confirm(ctx, c, in.ID, referral.Command{Key: in.Key, OccurredAt: at(in.Body.OccurredAt)})
	if err != nil {
		return nil, err
	}
	return a.shelterAnswer(s), nil
}

type admitInput struct {
	Keyed
	One
	Body admitBody
}

type admitBody struct {
	Unit       string       `json:"unit" maxLength:"40"`
	Persons    []personBody `json:"persons" minItems:"1" maxItems:"20"`
	Consent    consentBody  `json:"consent"`
	OccurredAt *time.Time   `json:"occurredAt,omitempty" doc:"When they came; now when absent"`
}

// admitPersons serves POST /v1/shelters/{id}/admissions.
func (a *API) admitPersons(ctx context.Context, in *admitInput) (*arrivalOutput, error) {
	return a.house(ctx, func(c caller.Caller) (referral.Outcome, error) {
		consent, err := in.Body.Consent.consent()
		if err != nil {
			return referral.Outcome{}, err
		}
		persons, err := personsOf(in.Body.Persons)
		if err != nil {
			return referral.Outcome{}, err
		}
		return a.referrals.Admit(ctx, c, in.ID, in.Body.Unit, persons, consent,
			referral.Command{Key: in.Key, Payload: "admit " + in.ID + " " + canonical(in.Body), OccurredAt: at(in.Body.OccurredAt)})
	})
}

type arrivalsInput struct {
	One
	Listing
}

type arrivalsOutput struct {
	Body struct {
		Arrivals []arrivalView `json:"arrivals"`
		Gone     []goneView    `json:"withdrawn" doc:"Consent was withdrawn: what is to be deleted of whom"`
		Next     string        `json:"nextCursor,omitempty"`
	}
}

// listArrivals serves GET /v1/shelters/{id}/arrivals.
func (a *API) listArrivals(ctx context.Context, in *arrivalsInput) (*arrivalsOutput, error) {
	c, err := a.who(ctx)
	if err != nil {
		return nil, err
	}
	list, told, next, err := a.referrals.ArrivalsTold(ctx, c, in.ID, in.Limit, in.After)
	if err != nil {
		return nil, err
	}
	out := &arrivalsOutput{}
	out.Body.Arrivals, out.Body.Gone, out.Body.Next = a.arrivals(ctx, c, list), []goneView{}, next
	for _, n := range told {
		out.Body.Gone = append(out.Body.Gone, viewGone(n.Placement, n.At, n.Closed))
	}
	return out, nil
}

func (a *API) arrivals(ctx context.Context, c caller.Caller, list []placement.Placement) []arrivalView {
	out := []arrivalView{}
	for _, p := range list {
		out = append(out, a.arrival(ctx, c, p))
	}
	return out
}
