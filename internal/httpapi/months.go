package httpapi

import (
	"context"
	"slices"
	"strings"
	"time"

	"panah/internal/fault"
	"panah/internal/occupancy"
)

type monthsInput struct {
	Wanted
	By     string `query:"by" enum:"country,state,district" default:"state" doc:"One row for each of these; within is the coarsest"`
	Within string `query:"within" maxLength:"40" doc:"A country, state or district of your scope; the whole scope when absent" example:"IN-KA"`
	From   string `query:"from" pattern:"^[0-9]{4}-(0[1-9]|1[0-2])$" doc:"The first month; twelve months before to when absent" example:"2026-01"`
	To     string `query:"to" pattern:"^[0-9]{4}-(0[1-9]|1[0-2])$" doc:"The last month; the last one published when absent" example:"2026-10"`
}

// monthsBody is what an answer about whole months holds.
type monthsBody struct {
	Within string    `json:"within"`
	From   string    `json:"from"`
	To     string    `json:"to"`
	Months []string  `json:"months" doc:"The months of it that are published: a month comes eight days after its end"`
	Rows   []factRow `json:"rows"`
	Next   string    `json:"nextCursor,omitempty" doc:"Give it as after for the next page"`
}

// factRow is one figure of a month, as its kind has it. A figure that is
// withheld is null, and the row says so.
type factRow struct {
	Month string `json:"month"`
	placeView
	What        string   `json:"what"`
	Code        string   `json:"code"`
	AgeBand     string   `json:"ageBand,omitempty"`
	Count       *int     `json:"count,omitempty"`
	Requested   *int     `json:"requested,omitempty"`
	Offered     *int     `json:"offered,omitempty"`
	Accepted    *int     `json:"accepted,omitempty"`
	Arrived     *int     `json:"arrived,omitempty"`
	OfferedP50  *int     `json:"offeredP50,omitempty" doc:"Minutes"`
	OfferedP90  *int     `json:"offeredP90,omitempty" doc:"Minutes"`
	AcceptedP50 *int     `json:"acceptedP50,omitempty" doc:"Minutes"`
	AcceptedP90 *int     `json:"acceptedP90,omitempty" doc:"Minutes"`
	ArrivedP50  *int     `json:"arrivedP50,omitempty" doc:"Minutes"`
	ArrivedP90  *int     `json:"arrivedP90,omitempty" doc:"Minutes"`
	Waiting     *int     `json:"waiting,omitempty"`
	Over90      *int     `json:"over90,omitempty"`
	Over180     *int     `json:"over180,omitempty"`
	Over365     *int     `json:"over365,omitempty"`
	Due         *int     `json:"due,omitempty"`
	Met         *int     `json:"met,omitempty"`
	Broken      *int     `json:"broken,omitempty"`
	Suppressed  []string `json:"suppressed,omitempty" doc:"The figures withheld"`
}

// report is one of the answers about whole months.
type report struct {
	name     string
	columns  []string // of countColumns
	families []string
}

var (
	unmetNeed = report{"unmet-need", []string{"count"}, []string{occupancy.GapRequests.Name, occupancy.GapPersons.Name, occupancy.GapNeeds.Name,
		occupancy.GapLanguages.Name, occupancy.Refusals.Name, occupancy.Waits.Name}}
	responseTimes = report{"response-times", []string{"requested", "offered", "accepted", "arrived", "offeredP50", "offeredP90", "acceptedP50", "acceptedP90", "arrivedP50", "arrivedP90"},
		[]string{occupancy.Responses.Name}}
	legalClocks = report{"clocks", []string{"due", "met", "broken"}, []string{occupancy.Clocks.Name}}
	journeys    = report{"moves", []string{"count"}, []string{occupancy.Travels.Name}}
	returns     = report{"repatriation-waits", []string{"waiting", "over90", "over180", "over365"}, []string{occupancy.Returns.Name}}
)

// serve answers with a report.
func (r report) serve(a *API) func(context.Context, *monthsInput) (*sheetOutput, error) {
	return func(ctx context.Context, in *monthsInput) (*sheetOutput, error) {
		within, err := a.scope(ctx, in.Within)
		if err != nil {
			return nil, err
		}
		from, to, err := in.span(a.referrals.Now().UTC())
		if err != nil {
			return nil, err
		}
		found, err := a.history.Facts(ctx, within, max(levels[in.By], within.Level), from, to, r.families...)
		if err != nil {
			return nil, err
		}
		body := monthsBody{Within: string(within.Code), From: from.Format(monthForm), To: to.Format(monthForm), Months: []string{}, Rows: []factRow{}}
		var all []factRow
		for _, m := range found {
			if !slices.Contains(body.Months, m.Month) {
				body.Months = append(body.Months, m.Month)
			}
			if m.Family == occupancy.Returns.Name {
				all = append(all, waits(m.Month, m.Facts)...)
				continue
			}
			for _, f := range m.Facts {
				all = append(all, r.row(m.Month, m.Family, f))
			}
		}
		part, next := page(all, in.Wanted, from)
		body.Rows, body.Next = append(body.Rows, part...), next
		return a.send(in.Wanted, body, r.sheet(body.Rows), next, fresh(false))
	}
}

const (
	monthForm = "2006-01"
	maxMonths = 60
)

func (in *monthsInput) span(now time.Time) (from, to time.Time, err error) {
	to = time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	if in.To != "" {
		to, _ = time.Parse(monthForm, in.To) // the schema has checked its form
	}
	from = to.AddDate(-1, 0, 0)
	if in.From != "" {
		from, _ = time.Parse(monthForm, in.From)
	}
	if pinned, _ := in.from(); !pinned.IsZero() {
		from = pinned
	}
	if from.After(to) || from.Before(to.AddDate(0, -maxMonths, 0)) {
		return from, to, fault.Field("from", "must be at most %d months before to", maxMonths)
	}
	return from, to, nil
}

func (r report) row(month, family string, f occupancy.Fact) factRow {
	row := factRow{Month: month, placeView: viewPlace(f.Place), What: family, Code: orAll(f.Code)}
	if family == occupancy.GapPersons.Name {
		row.AgeBand = orAll(f.Second)
	}
	if f.Withheld {
		row.Suppressed = r.columns
		return row
	}
	values := map[string][]**int{
		occupancy.Responses.Name: {&row.Requested, &row.Offered, &row.Accepted, &row.Arrived},
		occupancy.Clocks.Name:    {&row.Due, &row.Met, &row.Broken},
	}[family]
	if values == nil {
		values = []**int{&row.Count}
	}
	for i, to := range values {
		*to = &f.Values[i]
	}
	for stage, to := range [][2]**int{{}, {&row.OfferedP50, &row.OfferedP90}, {&row.AcceptedP50, &row.AcceptedP90}, {&row.ArrivedP50, &row.ArrivedP90}} {
		if to[0] != nil && f.P50 != nil && f.P50[stage] >= 0 {
			*to[0], *to[1] = &f.P50[stage], &f.P90[stage]
		}
	}
	return row
}

// waits puts the figures of a place and country beside each other. Nobody is in
// what is not among the facts.
func waits(month string, facts []occupancy.Fact) (rows []factRow) {
	columns := map[string]int{"": 0, occupancy.Over(90): 1, occupancy.Over(180): 2, occupancy.Over(365): 3}
	for i, f := range facts {
		if i == 0 || f.Place != facts[i-1].Place || f.Code != facts[i-1].Code {
			rows = append(rows, factRow{Month: month, placeView: viewPlace(f.Place), What: occupancy.Returns.Name, Code: orAll(f.Code),
				Waiting: new(int), Over90: new(int), Over180: new(int), Over365: new(int)})
		}
		at, ok := columns[f.Second]
		if !ok {
			continue // a band between two of them
		}
		row := &rows[len(rows)-1]
		to := []**int{&row.Waiting, &row.Over90, &row.Over180, &row.Over365}[at]
		if f.Withheld {
			*to = nil
			row.Suppressed = append(row.Suppressed, returns.columns[at])
			continue
		}
		*to = &f.Values[0]
	}
	return rows
}

func orAll(code string) string {
	if code == "" {
		return "all"
	}
	return code
}

func (r report) sheet(rows []factRow) sheet {
	s := sheet{name: r.name, columns: slices.Concat([]column{monthColumn}, placeColumns, codeColumns, named(countColumns, r.columns...), []column{suppressedColumn})}
	for _, row := range rows {
		cells := slices.Concat([]any{row.Month}, row.cells(), []any{row.What, row.Code, row.AgeBand})
		for _, name := range r.columns {
			cells = append(cells, cell(row.figure(name)))
		}
		suppressed := strings.Join(row.Suppressed, " ")
		if len(row.Suppressed) == len(r.columns) {
			suppressed = "all"
		}
		s.rows = append(s.rows, append(cells, suppressed))
	}
	return s
}

func (row factRow) figure(name string) *int {
	return map[string]*int{"count": row.Count, "requested": row.Requested, "offered": row.Offered, "accepted": row.Accepted, "arrived": row.Arrived,
		"offeredP50": row.OfferedP50, "offeredP90": row.OfferedP90, "acceptedP50": row.AcceptedP50, "acceptedP90": row.AcceptedP90,
		"arrivedP50": row.ArrivedP50, "arrivedP90": row.ArrivedP90, "waiting": row.Waiting, "over90": row.Over90, "over180": row.Over180, "over365": row.Over365, "due": row.Due, "met": row.Met, "broken": row.Broken}[name]
}
