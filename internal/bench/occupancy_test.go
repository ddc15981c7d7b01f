//go:build bench

package bench

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"panah/internal/caller"
	"panah/internal/demo"
	dynamolocal "panah/internal/dynamo/local"
	"panah/internal/embedded"
	"panah/internal/history"
	"panah/internal/httpapi"
	"panah/internal/matching"
	"panah/internal/occupancy"
	"panah/internal/place"
	"panah/internal/policy"
	"panah/internal/record"
	"panah/internal/referral"
	"panah/internal/rollup"
	"panah/internal/table"
	"panah/internal/testworld"
)

const many = 100_000

// crowd is the demo directory, over and over, up to many shelters.
func crowd(now time.Time) matching.World {
	base := demo.Build(seed, now)
	var all []matching.Candidate
	for i := 0; len(all) < many; i++ {
		for _, s := range base.Shelters {
			if !place.Within(s.District, demo.India) {
				continue
			}
			home := s.Shelter
			home.ID = fmt.Sprintf("%s-%d", s.ID, i)
			units := slices.Clone(s.Units)
			for u := range units {
				units[u].Shelter = home.ID
			}
			all = append(all, matching.Candidate{Shelter: home, Units: units})
		}
	}
	return matching.WorldOf(all[:many], 3)
}

// handlerOver serves the occupancy routes to a ministry over a store.
func handlerOver(b *testing.B, store table.Store, now time.Time) http.Handler {
	b.Helper()
	s := referral.New(referral.Config{Store: store, Policy: rules(b), Now: func() time.Time { return now }, Log: quiet})
	member := record.FromMembership(caller.Caller{Subject: testworld.Ministry, Role: caller.Ministry, Scope: "IN"})
	if err := store.Write(context.Background(), table.Batch{WriteID: s.NewID(), Ops: []table.Op{table.PutOp(member, 0)}}); err != nil {
		b.Fatal(err)
	}
	return httpapi.Handler(s, quiet, httpapi.Occupancy)
}

// ask100 asks the same question some times and answers with the median time.
func ask100(b *testing.B, h http.Handler, path string) (median time.Duration, bytes int) {
	b.Helper()
	var took []time.Duration
	for range 30 {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		w := httptest.NewRecorder()
		began := time.Now()
		h.ServeHTTP(w, r.WithContext(httpapi.WithSubject(r.Context(), testworld.Ministry, nil)))
		took = append(took, time.Since(began))
		if w.Code != http.StatusOK {
			b.Fatalf("%s: %d %s", path, w.Code, w.Body)
		}
		bytes = w.Body.Len()
	}
	slices.Sort(took)
	return took[len(took)/2], bytes
}

// BenchmarkOccupancy answers what a ministry asks of 100 000 shelters.
func BenchmarkOccupancy(b *testing.B) {
	store, err := embedded.Open(filepath.Join(b.TempDir(), "panah.db"), embedded.Options{NoSync: true})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	now := time.Now().UTC().Truncate(time.Second)
	w := crowd(now)
	ids := 0
	p := policy.Disclosure()
	figures := &rollup.Publisher{Store: store, World: func(context.Context) (matching.World, error) { return w, nil }, Policy: p.Policy, PolicyID: p.ID,
		Unconfirmed: 24 * time.Hour, NewID: func() string { ids++; return fmt.Sprint("b", ids) }, Now: func() time.Time { return now }}
	began := time.Now()
	if err := figures.Publish(b.Context()); err != nil {
		b.Fatal(err)
	}
	title("GET /v1/occupancy over %d shelters, warm, through the handler", many)
	line("counting and publishing a day", "%v", time.Since(began).Round(time.Millisecond))
	h := handlerOver(b, store, now)
	for b.Loop() {
		for _, path := range []string{"by=country&breakdown=none", "by=state", "by=district&within=IN-UP", "by=district", "by=district&breakdown=both&form=csv"} {
			took, bytes := ask100(b, h, "/v1/occupancy?"+path)
			line(path, "%v, %d KB", took.Round(10*time.Microsecond), bytes>>10)
		}
	}
}

// BenchmarkHistory answers with three years of hours of one state, from
// DynamoDB Local.
func BenchmarkHistory(b *testing.B) {
	store := dynamolocal.ForTest(b).Store(b)
	now := time.Now().UTC().Truncate(time.Hour)
	from := now.AddDate(-3, 0, 0)
	for month := history.Floor(from, history.Month); month.Before(now); month = history.Next(month, history.Month) {
		var body []byte
		for t := month; t.Before(history.Next(month, history.Month)) && t.Before(now); t = t.Add(time.Hour) {
			row := occupancy.Row{Place: "IN-UP", Type: occupancy.Any, Population: occupancy.Any, Shelters: 900, Unconfirmed: 40, MedianStay: 61}
			for f := range row.Figures {
				row.Figures[f] = 9000 + f*t.Hour()
			}
			var err error
			if body, err = history.WithPoint(body, history.Snapshot{At: t, Rows: []occupancy.Row{row}}, "IN-UP", history.Hour); err != nil {
				b.Fatal(err)
			}
		}
		it := table.Item{Key: history.SeriesKey("IN-UP", history.Hour, month), Body: body}
		if err := store.Write(b.Context(), table.Batch{WriteID: "h" + month.Format("200601"), Ops: []table.Op{table.PutOp(it, 0)}}); err != nil {
			b.Fatal(err)
		}
	}
	h := handlerOver(b, store, now)
	title("GET /v1/occupancy/history of one state, from DynamoDB Local, through the handler")
	for b.Loop() {
		span := "place=IN-UP&every=hour&from=" + from.Format(time.RFC3339)
		for _, path := range []string{span, span + "&limit=20000", span + "&limit=20000&form=csv"} {
			took, bytes := ask100(b, h, "/v1/occupancy/history?"+path)
			line(path[len(span):]+" (3 years)", "%v, %d KB", took.Round(100*time.Microsecond), bytes>>10)
		}
	}
}
