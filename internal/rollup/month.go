package rollup

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"panah/internal/code"
	"panah/internal/history"
	"panah/internal/occupancy"
	"panah/internal/place"
	"panah/internal/record"
	"panah/internal/table"
)

// settle is how long after its end a month is published: facts may come in for
// seven days.
const settle = 8 * 24 * time.Hour

// settled is the first day of the last month that can be published.
func settled(now time.Time) time.Time {
	return history.Floor(history.Floor(now.Add(-settle), history.Month).Add(-time.Hour), history.Month)
}

// month publishes what happened in a month, once.
func (p *Publisher) month(ctx context.Context, country place.Code, first time.Time) error {
	if it, err := p.Store.Get(ctx, history.MonthKey(country, first), table.Strong); err != nil || it != nil {
		return err
	}
	m := newMonth(first.AddDate(0, 1, 0).Add(settle))
	m.last = first.AddDate(0, 1, 0)
	for _, d := range place.Districts(country) {
		if err := p.district(ctx, m, d, first); err != nil {
			return err
		}
	}
	if len(m.tallies) == 0 {
		return nil
	}
	facts := map[string][]occupancy.Fact{}
	before, err := p.waitsBefore(ctx, country, first)
	if err != nil {
		return err
	}
	for _, f := range occupancy.Families {
		var kept []occupancy.Fact
		if f.Name == occupancy.Returns.Name {
			kept = before
		}
		facts[f.Name] = f.Publish(m.tallies[f.Name], p.Policy, kept)
	}
	m.times(facts[occupancy.Responses.Name], p.Policy.K)
	return p.dealMonth(ctx, country, first, facts)
}

// dealMonth writes every place's own item, the country's last: it says that the
// month is complete.
func (p *Publisher) dealMonth(ctx context.Context, country place.Code, first time.Time, facts map[string][]occupancy.Fact) error {
	places := map[place.Code]bool{}
	for _, list := range facts {
		for _, f := range list {
			places[f.Place] = true
		}
	}
	put := func(at place.Code) error {
		flow := history.Flow{Month: first.Format("2006-01"), Policy: p.PolicyID, At: p.Now().UTC().Truncate(time.Second), Facts: map[string][]occupancy.Fact{}}
		for family, list := range facts {
			for _, f := range list {
				// a country's item has its states, a state's its districts
				if of, _ := place.Lookup(f.Place); f.Place == at || (of.Level == place.State && of.Country == at) || (of.Level == place.District && of.State == at) {
					flow.Facts[family] = append(flow.Facts[family], f)
				}
			}
		}
		body, err := history.EncodeFlow(flow)
		if err != nil {
			return err
		}
		return p.putOnce(ctx, table.Item{Key: history.MonthKey(at, first), Body: body})
	}
	var work []func() error
	for at := range places {
		if at != country {
			work = append(work, func() error { return put(at) })
		}
	}
	if err := abreast(work); err != nil {
		return err
	}
	return put(country)
}

// month is what happened in one, as it is being read.
type month struct {
	end     time.Time // clocks that run out later are not told
	last    time.Time // the instant the month ends
	tallies map[string][]occupancy.Tally
	minutes map[occupancy.FactKey]*[stages]times // of every request, so that medians of states are medians and not means of medians
}

// stages are as the measures of occupancy.Responses; nothing is timed for the first.
const stages = 4

func newMonth(end time.Time) *month {
	return &month{end: end, tallies: map[string][]occupancy.Tally{}, minutes: map[occupancy.FactKey]*[stages]times{}}
}

func (m *month) add(f occupancy.Family, d place.Code, codes [2]string, values ...int) {
	m.tallies[f.Name] = append(m.tallies[f.Name], occupancy.Tally{District: d, Code: codes[0], Second: codes[1], Values: values})
}

func (p *Publisher) district(ctx context.Context, m *month, d place.Place, first time.Time) error {
	last := first.AddDate(0, 1, 0).Add(-time.Second)
	gaps := table.Query{PK: record.GapPartition(d.Code), From: record.Stamp(first), To: record.Stamp(last) + "~", Consistency: table.Relaxed}
	if err := each(ctx, p.Store, gaps, func(it *table.Item) error { return m.gap(d.Code, it) }); err != nil {
		return err
	}
	home := table.Query{PK: "ROLL#" + string(d.Code), From: "HOME#", To: "HOME#~", Consistency: table.Relaxed}
	if err := each(ctx, p.Store, home, func(it *table.Item) error {
		var waits map[string]wait
		if err := json.Unmarshal(it.Body, &waits); err != nil {
			return err
		}
		for _, w := range waits {
			m.wait(d.Code, w)
		}
		return nil
	}); err != nil {
		return err
	}
	went := table.Query{PK: "ROLL#" + string(d.Code), From: "GO#" + first.Format(time.DateOnly), To: "GO#" + last.Format(time.DateOnly), Consistency: table.Relaxed}
	return each(ctx, p.Store, went, func(it *table.Item) error {
		var journeys map[string]journey
		if err := json.Unmarshal(it.Body, &journeys); err != nil {
			return err
		}
		for _, j := range journeys {
			m.journey(d, j)
		}
		return nil
	})
}

func (m *month) gap(d place.Code, it *table.Item) error {
	g, err := record.ToGap(it)
	if err != nil {
		return err
	}
	m.add(occupancy.GapRequests, d, [2]string{code.Urgencies.Name(g.Urgency)}, 1)
	for _, p := range g.Persons {
		m.add(occupancy.GapPersons, d, [2]string{code.Populations.Name(p.With), code.AgeBands.Name(p.Age)}, 1)
	}
	for _, need := range code.Needs.Names() {
		if n, _ := code.Needs.Parse(need); g.Needs.Has(n) {
			m.add(occupancy.GapNeeds, d, [2]string{need}, 1)
		}
	}
	for _, l := range g.Languages {
		m.add(occupancy.GapLanguages, d, [2]string{string(l)}, 1)
	}
	return nil
}

// wait counts who waited at the end of the month.
func (m *month) wait(d place.Code, w wait) {
	since := time.Unix(w.Since, 0)
	to, ok := place.Lookup(w.To)
	if !ok || !since.Before(m.last) {
		return
	}
	n := 0
	for _, until := range w.Until {
		if until == 0 || !time.Unix(until, 0).Before(m.last) {
			n++
		}
	}
	if n > 0 {
		m.add(occupancy.Returns, d, [2]string{string(to.Country), occupancy.Waited(int(m.last.Sub(since).Hours() / 24))}, n)
	}
}

// waitsBefore are the waits published last before a month, however long ago: most
// of those persons still wait.
func (p *Publisher) waitsBefore(ctx context.Context, country place.Code, first time.Time) (facts []occupancy.Fact, err error) {
	page, err := p.Store.Query(ctx, table.Query{PK: history.MonthKey(country, first).PK, From: "flow#", To: history.MonthKey(country, first.AddDate(0, -1, 0)).SK, Descending: true, Limit: 1, Consistency: table.Strong})
	if err != nil || len(page.Items) == 0 {
		return nil, err
	}
	last, err := history.DecodeFlow(&page.Items[0])
	if err != nil {
		return nil, err
	}
	before, err := time.Parse(monthForm, last.Month)
	if err != nil {
		return nil, err
	}
	c, _ := place.Lookup(country)
	for _, level := range []place.Level{place.Country, place.State, place.District} {
		months, err := history.NewReader(p.Store).Facts(ctx, c, level, before, before, occupancy.Returns.Name)
		if err != nil {
			return nil, err
		}
		for _, m := range months {
			facts = append(facts, m.Facts...)
		}
	}
	return facts, nil
}

func (m *month) journey(d place.Place, j journey) {
	urgency := [2]string{code.Urgencies.Name(j.Urgency)}
	for _, why := range j.Declines {
		m.add(occupancy.Refusals, d.Code, [2]string{code.DeclineReasons.Name(why)}, 1)
	}
	if j.Waited {
		m.add(occupancy.Waits, d.Code, urgency, 1)
	}
	if to, ok := place.Lookup(j.To); ok && j.Arrived != 0 && !j.WalkIn {
		m.add(occupancy.Travels, d.Code, [2]string{crossed(d, to)}, j.Persons)
	}
	for _, c := range j.Clocks {
		if time.Unix(c.Due, 0).After(m.end) { // not due in time to be told
			continue
		}
		if c.Done != 0 && c.Done <= c.Due {
			m.add(occupancy.Clocks, d.Code, [2]string{c.ID}, 1, 1, 0)
		} else {
			m.add(occupancy.Clocks, d.Code, [2]string{c.ID}, 1, 0, 1)
		}
	}
	if !j.WalkIn {
		m.response(d.Code, urgency, j)
	}
}

// crossed is what a party had to cross to reach its shelter.
func crossed(from, to place.Place) string {
	switch {
	case from.Code == to.Code:
		return "within_district"
	case from.State == to.State:
		return "across_districts"
	case from.Country == to.Country:
		return "across_states"
	}
	return "across_borders"
}

// response counts how far a request came, and times it. A stage counts only
// where the ones before it happened.
func (m *month) response(d place.Code, urgency [2]string, j journey) {
	values, at := make([]int, stages), []int64{j.Created, j.Offered, j.Accepted, j.Arrived}
	for stage := range at {
		if at[stage] == 0 {
			break
		}
		values[stage] = 1
	}
	m.add(occupancy.Responses, d, urgency, values...)
	for _, key := range occupancy.Responses.Above(occupancy.Tally{District: d, Code: urgency[0]}) {
		if m.minutes[key] == nil {
			m.minutes[key] = new([stages]times)
		}
		for stage := 1; stage < stages && values[stage] == 1; stage++ {
			m.minutes[key][stage].add(int(max(0, at[stage]-j.Created)+30) / 60)
		}
	}
}

// times fills in the minutes within which half, and nine in ten, of the requests
// reached a stage, where enough of them did.
func (m *month) times(facts []occupancy.Fact, enough int) {
	for i := range facts {
		f := &facts[i]
		f.P50, f.P90 = slices.Repeat([]int{-1}, stages), slices.Repeat([]int{-1}, stages)
		minutes := m.minutes[occupancy.FactKey{Place: f.Place, Code: f.Code, Second: f.Second}]
		if f.Withheld || minutes == nil {
			continue
		}
		for stage, all := range minutes {
			if all.n >= enough {
				f.P50[stage], f.P90[stage] = all.quantile(50), all.quantile(90)
			}
		}
	}
}

// times counts requests by the whole minutes they took: exact, added up by adding
// counts, and no larger than there are different minutes.
type times struct {
	n  int
	by map[int]int
}

func (t *times) add(minutes int) {
	if t.by == nil {
		t.by = map[int]int{}
	}
	t.n++
	t.by[minutes]++
}

// quantile is the least number of minutes that percent of the requests do not exceed.
func (t *times) quantile(percent int) int {
	rank := (t.n*percent + 99) / 100
	for _, minutes := range slices.Sorted(maps.Keys(t.by)) {
		if rank -= t.by[minutes]; rank <= 0 {
			return minutes
		}
	}
	return -1 // of none
}
