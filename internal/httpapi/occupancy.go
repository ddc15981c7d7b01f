package httpapi

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"panah/internal/code"
	"panah/internal/fault"
	"panah/internal/history"
	"panah/internal/occupancy"
	"panah/internal/place"
)

type occupancyInput struct {
	Wanted
	By        string          `query:"by" enum:"country,state,district" default:"state" doc:"One row for each of these; within is the coarsest"`
	Within    string          `query:"within" maxLength:"40" doc:"A country, state or district of your scope; the whole scope when absent" example:"IN-KA"`
	Type      institutionCode `query:"type" doc:"One institution type; all together when absent"`
	Breakdown string          `query:"breakdown" enum:"none,population,type,both" default:"population" doc:"What each place is broken down by"`
	AsOf      time.Time       `query:"asOf" doc:"The instant asked about; now when absent. The same instant has the same answer for ever, once its hour has passed"`
}

// occupancyBody is what GET /v1/occupancy answers.
type occupancyBody struct {
	AsOf      time.Time      `json:"asOf" doc:"The instant asked about"`
	Snapshot  *time.Time     `json:"snapshot" doc:"When the figures were counted: the last snapshot at or before asOf; null when there is none yet"`
	Every     history.Every  `json:"every" enum:"hour,day" doc:"How often places of this level are counted"`
	Gap       *gapView       `json:"gap,omitempty" doc:"The snapshots that should be there between this one and asOf, and are not"`
	Policy    string         `json:"policy" doc:"The policy under which figures were withheld"`
	Within    string         `json:"within"`
	Rows      []occupancyRow `json:"rows"`
	RolledUp  []string       `json:"rolledUp,omitempty" doc:"Places of this page without a row, for no group of theirs has three shelters: their figures are in the place above, or under breakdown=none"`
	Totals    *SumsView      `json:"totals" doc:"The whole of within, from the same snapshot"`
	Next      string         `json:"nextCursor,omitempty" doc:"Give it as after for the next page"`
	Attention string         `json:"attention" doc:"How to read fullness"`
}

type gapView struct {
	From time.Time `json:"from" doc:"The first hour or day that is missing"`
	To   time.Time `json:"to" doc:"The last one"`
}

type occupancyRow struct {
	placeView
	Type       string `json:"type"`
	Population string `json:"population"`
	SumsView
}

// placeView is how a row says where it is.
type placeView struct {
	Place    string `json:"place" doc:"ISO 3166 or LGD code"`
	Name     string `json:"name"`
	Level    string `json:"level"`
	Country  string `json:"country"`
	State    string `json:"state,omitempty"`
	District string `json:"district,omitempty"`
}

func viewPlace(at place.Code) placeView {
	p, _ := place.Lookup(at)
	v := placeView{Place: string(at), Name: p.Name, Level: p.Level.String(), Country: string(p.Country), State: string(p.State)}
	if p.Level == place.District {
		v.District = string(at)
	}
	return v
}

func (v placeView) cells() []any {
	return []any{v.Place, v.Name, v.Level, v.Country, v.State, v.District}
}

// SumsView is beds added up. A figure that is withheld is null and named under
// suppressed.
type SumsView struct {
	Sanctioned          *int     `json:"sanctioned"`
	Staffed             *int     `json:"staffed"`
	OutOfService        *int     `json:"outOfService"`
	Occupied            *int     `json:"occupied"`
	Held                *int     `json:"held"`
	Free                *int     `json:"free" doc:"Beds that can be promised now; an over-full unit counts as none"`
	OverCapacity        *int     `json:"overCapacity" doc:"People too many, unit by unit"`
	OverdueReviews      *int     `json:"overdueReviews" doc:"People in a stay whose legal clock has run out without a recorded decision"`
	Surge               *int     `json:"surge" doc:"Staffed beds that are there for a time only, beside staffed"`
	Rooms               *int     `json:"rooms" doc:"Rooms, where a party has rooms to itself"`
	RoomsOccupied       *int     `json:"roomsOccupied" doc:"Rooms somebody sleeps in: a family room with one child in it is full"`
	RoomsSanctioned     *int     `json:"roomsSanctioned" doc:"Rooms the authority allows, where rooms are counted and beds are not"`
	RoomsOutOfService   *int     `json:"roomsOutOfService" doc:"Rooms that cannot be used, where rooms are counted and beds are not"`
	RoomPersons         *int     `json:"roomPersons" doc:"People in rooms whose beds nobody counts: not among occupied"`
	Shelters            *int     `json:"shelters"`
	SheltersReporting   *int     `json:"sheltersReporting" doc:"Shelters whose counts somebody has vouched for lately"`
	SheltersUnconfirmed *int     `json:"sheltersUnconfirmed" doc:"Shelters with counts nobody has vouched for lately"`
	MedianStayDays      *int     `json:"medianStayDays" doc:"Days that half of the people here have stayed at most; null where too few stays are known"`
	Suppressed          []string `json:"suppressed,omitempty" doc:"The figures withheld"`
}

var levels = map[string]place.Level{"country": place.Country, "state": place.State, "district": place.District}

// attention is said with every answer about fullness.
const attention = "Occupancy is no target: full is not good, empty is not bad. Read it beside overdueReviews and medianStayDays."

// getOccupancy serves GET /v1/occupancy.
func (a *API) getOccupancy(ctx context.Context, in *occupancyInput) (*sheetOutput, error) {
	within, err := a.scope(ctx, in.Within)
	if err != nil {
		return nil, err
	}
	now := a.referrals.Now().UTC().Truncate(time.Second)
	asOf := in.AsOf.UTC()
	switch {
	case in.AsOf.IsZero():
		asOf = now
	case asOf.After(now):
		return nil, fault.Field("asOf", "is in the future")
	}
	body := occupancyBody{AsOf: asOf, Within: string(within.Code), Rows: []occupancyRow{}, Attention: attention}
	if pinned, _ := in.from(); !pinned.IsZero() {
		asOf = pinned // the pages of an answer are of one snapshot
	}
	by := max(levels[in.By], within.Level)
	rows, own, from, every, err := a.history.Rows(ctx, within, by, asOf)
	body.Every = every
	if errors.Is(err, history.ErrNone) {
		return a.send(in.Wanted, body, occupancySheet(nil), "", fresh(false))
	}
	if err != nil {
		return nil, err
	}
	body.Snapshot, body.Policy, body.Gap = &from.At, from.Policy, gapAfter(from.At, body.AsOf, every)
	shown, rolledUp := in.pick(rows)
	part, next := page(shown, in.Wanted, from.At)
	body.Next = next
	for _, r := range part {
		body.Rows = append(body.Rows, viewOccupancy(r))
	}
	if in.After == "" {
		body.RolledUp = rolledUp
	}
	for i := range own {
		if whole(&own[i], in.kind()) {
			totals := viewSums(own[i])
			body.Totals = &totals
		}
	}
	return a.send(in.Wanted, body, occupancySheet(body.Rows), next, fresh(now.Sub(body.AsOf) > 2*time.Hour))
}

// scope is the place asked about, if the caller may ask about it.
func (a *API) scope(ctx context.Context, within string) (place.Place, error) {
	c, err := a.who(ctx)
	if err != nil {
		return place.Place{}, err
	}
	return a.referrals.OccupancyScope(c, place.Code(within))
}

func (in *occupancyInput) kind() int8 {
	if t, ok := code.Institutions.Parse(string(in.Type)); ok && in.Type != "" {
		return int8(t)
	}
	return occupancy.Any
}

// whole reports whether a row is a place's, not broken down.
func whole(r *occupancy.Row, kind int8) bool {
	return r.Type == kind && r.Population == occupancy.Any
}

// pick are the rows of the breakdown asked for, and the places that have none.
func (in *occupancyInput) pick(rows []occupancy.Row) (out []occupancy.Row, rolledUp []string) {
	types, populations := in.Breakdown == "type" || in.Breakdown == "both", in.Breakdown == "population" || in.Breakdown == "both"
	kind := in.kind()
	each := types && kind == occupancy.Any
	for i := range rows {
		r := &rows[i]
		switch {
		case r.Hides(occupancy.Beds):
			if whole(r, kind) {
				rolledUp = append(rolledUp, string(r.Place))
			}
		case populations != (r.Population != occupancy.Any):
		case (each && r.Type != occupancy.Any) || (!each && r.Type == kind):
			out = append(out, *r)
		}
	}
	shown := map[place.Code]bool{}
	for i := range out {
		shown[out[i].Place] = true
	}
	for i := range rows { // shown as a whole, and in none of the parts asked for
		if r := &rows[i]; whole(r, kind) && !r.Hides(occupancy.Beds) && !shown[r.Place] {
			rolledUp = append(rolledUp, string(r.Place))
		}
	}
	return out, rolledUp
}

func viewOccupancy(r occupancy.Row) occupancyRow {
	v := occupancyRow{placeView: viewPlace(r.Place), Type: "all", Population: "all", SumsView: viewSums(r)}
	if r.Type != occupancy.Any {
		v.Type = code.Institutions.Name(code.Institution(r.Type))
	}
	if r.Population != occupancy.Any {
		v.Population = code.Populations.Name(code.Population(r.Population))
	}
	return v
}

func viewSums(r occupancy.Row) (v SumsView) {
	if r.Hides(occupancy.Beds) {
		v.Suppressed = append(v.Suppressed, "all")
		return v
	}
	for i, to := range []**int{&v.Sanctioned, &v.Staffed, &v.OutOfService, &v.Occupied, &v.Held, &v.Free, &v.OverCapacity, &v.OverdueReviews,
		&v.Surge, &v.Rooms, &v.RoomsOccupied, &v.RoomsSanctioned, &v.RoomsOutOfService, &v.RoomPersons} {
		n, ok := r.Shows(i)
		if !ok {
			v.Suppressed = append(v.Suppressed, figureColumns[i].Name)
			continue
		}
		*to = &n
	}
	reporting := r.Shelters - r.Unconfirmed
	v.Shelters, v.SheltersReporting, v.SheltersUnconfirmed = &r.Shelters, &reporting, &r.Unconfirmed
	if r.MedianStay >= 0 {
		v.MedianStayDays = &r.MedianStay
	}
	return v
}

func (v SumsView) cells() []any {
	var out []any
	for _, n := range []*int{v.Sanctioned, v.Staffed, v.OutOfService, v.Occupied, v.Held, v.Free, v.OverCapacity, v.OverdueReviews,
		v.Surge, v.Rooms, v.RoomsOccupied, v.RoomsSanctioned, v.RoomsOutOfService, v.RoomPersons, v.Shelters, v.SheltersReporting, v.SheltersUnconfirmed, v.MedianStayDays} {
		out = append(out, cell(n))
	}
	return append(out, strings.Join(v.Suppressed, " "))
}

func cell(n *int) any {
	if n == nil {
		return nil
	}
	return *n
}

func occupancySheet(rows []occupancyRow) sheet {
	s := sheet{name: "occupancy", columns: slices.Concat(placeColumns, groupColumns, figureColumns, []column{suppressedColumn})}
	for _, r := range rows {
		s.rows = append(s.rows, slices.Concat(r.placeView.cells(), []any{r.Type, r.Population}, r.SumsView.cells()))
	}
	return s
}

// gapAfter is the hours or days missing between a snapshot and the instant asked
// about. The hour or day of that instant may still be counted.
func gapAfter(at, asOf time.Time, every history.Every) *gapView {
	each := time.Hour
	if every == history.Day {
		each = 24 * time.Hour
	}
	first, last := history.Floor(at, every).Add(each), history.Floor(asOf, every).Add(-each)
	if last.Before(first) {
		return nil
	}
	return &gapView{first, last}
}

type historyInput struct {
	Wanted
	Place      string    `query:"place" maxLength:"40" doc:"A country, state or district of your scope; the whole scope when absent" example:"IN-KA"`
	Every      string    `query:"every" enum:"hour,day,month" default:"day" doc:"Hours only of a whole state or country, and over all populations"`
	Population string    `query:"population" maxLength:"40" doc:"One population; all together when absent"`
	From       time.Time `query:"from" doc:"The first instant; 31 days (of months: three years) before to when absent"`
	To         time.Time `query:"to" doc:"The instant the series ends before; now when absent"`
}

// historyBody is what GET /v1/occupancy/history answers.
type historyBody struct {
	Place      placeView   `json:"place"`
	Every      string      `json:"every"`
	From       time.Time   `json:"from"`
	To         time.Time   `json:"to"`
	Population string      `json:"population"`
	Points     []pointView `json:"points"`
	Missing    []gapView   `json:"missing,omitempty" doc:"Stretches of this page without a snapshot"`
	Next       string      `json:"nextCursor,omitempty" doc:"Give it as after for the next page"`
	Attention  string      `json:"attention" doc:"How to read fullness"`
}

type pointView struct {
	At     time.Time `json:"at" doc:"When it was counted; of an imported day its midnight"`
	Source string    `json:"source" enum:"counted,imported" doc:"counted: from the shelters' own counts here; imported: declared by a file of daily counts, for days and states that were not counted here"`
	States []string  `json:"states,omitempty" doc:"Of a country's days and months: the states that this point adds up. A state whose file came in later, or that was counted another way that day, is in none of its figures"`
	SumsView
}

// sourceOf says where a point comes from. Files say nothing of promises, reviews
// and surge beds: those are not known, not nothing.
func (v *pointView) sourceOf(p history.Point) {
	if v.Source = "counted"; p.Imported {
		v.Source = "imported"
		v.Held, v.OverdueReviews, v.Surge, v.MedianStayDays = nil, nil, nil, nil
		v.Suppressed = slices.DeleteFunc(v.Suppressed, func(name string) bool { return name == "held" || name == "overdueReviews" || name == "surge" })
	}
}

// getHistory serves GET /v1/occupancy/history.
func (a *API) getHistory(ctx context.Context, in *historyInput) (*sheetOutput, error) {
	at, err := a.scope(ctx, in.Place)
	if err != nil {
		return nil, err
	}
	population := int8(occupancy.Any)
	if p, ok := code.Populations.Parse(in.Population); ok && in.Population != "" {
		population = int8(p)
	} else if in.Population != "" && in.Population != "all" {
		return nil, fault.Field("population", "is not a population Panah knows")
	}
	every := history.Every(in.Every)
	if every == history.Hour && (at.Level == place.District || population != occupancy.Any) {
		return nil, fault.Field("every", "hours are only shown of a whole state or country, over all populations")
	}
	from, to := in.span(a.referrals.Now().UTC(), every)
	if !from.Before(to) {
		return nil, fault.Field("from", "must be before to")
	}
	points, missing, err := a.history.Series(ctx, at.Code, every, from, to)
	if err != nil {
		return nil, err
	}
	part, next := page(points, in.Wanted, from)
	body := historyBody{Place: viewPlace(at.Code), Every: in.Every, From: from, To: to, Population: cmp.Or(in.Population, "all"),
		Points: []pointView{}, Next: next, Attention: attention}
	for _, p := range part {
		v := pointView{At: p.At}
		for _, state := range p.Covers() {
			v.States = append(v.States, string(state))
		}
		for _, r := range p.Rows() {
			if r.Population == population {
				v.SumsView = viewSums(r)
			}
		}
		v.sourceOf(p)
		body.Points = append(body.Points, v)
	}
	if len(part) > 0 {
		body.Missing = stretches(missing, part[0].At, part[len(part)-1].At, every)
	}
	return a.send(in.Wanted, body, historySheet(body), next, fresh(false))
}

// span is the stretch of time asked for. A page after the first keeps the start
// of the first.
func (in *historyInput) span(now time.Time, every history.Every) (from, to time.Time) {
	to = in.To.UTC()
	if in.To.IsZero() {
		to = now.Add(time.Second) // with what was counted at this moment
	}
	from = in.From.UTC()
	if pinned, _ := in.from(); !pinned.IsZero() {
		from = pinned
	} else if in.From.IsZero() {
		from = to.AddDate(0, 0, -31)
		if every == history.Month {
			from = to.AddDate(-3, 0, 0)
		}
	}
	return from.Truncate(time.Second), to.Truncate(time.Second)
}

// stretches puts missing points that follow each other together.
func stretches(missing []time.Time, from, to time.Time, every history.Every) (out []gapView) {
	for _, t := range missing {
		if t.Before(from) || t.After(to) {
			continue
		}
		if n := len(out); n > 0 && history.Next(out[n-1].To, every).Equal(t) {
			out[n-1].To = t
			continue
		}
		out = append(out, gapView{t, t})
	}
	return out
}

func historySheet(b historyBody) sheet {
	s := sheet{name: "occupancy-history", columns: slices.Concat([]column{atColumn}, placeColumns, groupColumns[1:], figureColumns, []column{suppressedColumn, sourceColumn, statesColumn})}
	for _, p := range b.Points {
		s.rows = append(s.rows, slices.Concat([]any{p.At.Format(time.RFC3339)}, b.Place.cells(), []any{b.Population}, p.cells(), []any{p.Source, strings.Join(p.States, " ")}))
	}
	return s
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
