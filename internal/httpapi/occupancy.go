package httpapi

import (
	"context"
	"time"

	"panah/internal/code"
	"panah/internal/occupancy"
	"panah/internal/place"
)

type occupancyInput struct {
	By     string `query:"by" enum:"country,state,district" default:"state"`
	Within string `query:"within" maxLength:"40" doc:"A country, state or district of your scope; the whole scope when absent" example:"IN-KA"`
}

type occupancyOutput struct {
	Body struct {
		AsOf     time.Time      `json:"asOf"`
		Policy   string         `json:"policy"`
		Within   string         `json:"within"`
		Shelters int            `json:"shelters"`
		Rows     []occupancyRow `json:"rows"`
		Totals   SumsView       `json:"totals"`
	}
}

type occupancyRow struct {
	Place      string `json:"place"`
	Name       string `json:"name"`
	Population string `json:"population"`
	SumsView
}

// SumsView is beds added up.
type SumsView struct {
	Sanctioned       int `json:"sanctioned"`
	Staffed          int `json:"staffed"`
	OutOfService     int `json:"outOfService"`
	Occupied         int `json:"occupied"`
	Held             int `json:"held"`
	Free             int `json:"free" doc:"Beds that can be promised now; an over-full unit counts as none"`
	OverCapacity     int `json:"overCapacity" doc:"People too many, unit by unit"`
	Units            int `json:"units"`
	UnitsUnconfirmed int `json:"unitsUnconfirmed" doc:"Units whose counts nobody has vouched for lately"`
}

var levels = map[string]place.Level{"country": place.Country, "state": place.State, "district": place.District}

// getOccupancy serves GET /v1/occupancy.
func (a *API) getOccupancy(ctx context.Context, in *occupancyInput) (*occupancyOutput, error) {
	c, err := a.who(ctx)
	if err != nil {
		return nil, err
	}
	answer, within, at, err := a.referrals.Occupancy(ctx, c, place.Code(in.Within), levels[in.By])
	if err != nil {
		return nil, err
	}
	out := &occupancyOutput{}
	b := &out.Body
	b.AsOf, b.Policy, b.Within, b.Shelters, b.Totals = at, a.referrals.Policy.ID, string(within), answer.Shelters, viewSums(answer.Totals)
	b.Rows = []occupancyRow{}
	for _, r := range answer.Rows {
		p, _ := place.Lookup(r.Place)
		b.Rows = append(b.Rows, occupancyRow{string(r.Place), p.Name, code.Populations.Name(r.Population), viewSums(r.Sums)})
	}
	return out, nil
}

func viewSums(s occupancy.Sums) SumsView {
	return SumsView{s.Sanctioned, s.Staffed, s.OutOfService, s.Occupied, s.Held, s.Free, s.OverCapacity, s.Units, s.Unconfirmed}
}

type healthOutput struct {
	Body struct {
		Status string `json:"status"`
	}
}

// getHealth serves GET /healthz.
func (a *API) getHealth(context.Context, *struct{}) (*healthOutput, error) {
	out := &healthOutput{}
	out.Body.Status = "ok"
	return out, nil
}
