package httpapi_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"panah/internal/code"
	"panah/internal/httpapi"
	"panah/internal/place"
	"panah/internal/testworld"
	"panah/internal/workbook"
)

// state fills three districts of Karnataka with shelters large enough to be
// spoken of, and one with a single shelter.
func state(t *testing.T, w *testworld.World) {
	t.Helper()
	n := 0
	for i, d := range []place.Code{"IN-LGD-524", "IN-LGD-525", "IN-LGD-526", "IN-LGD-527"} {
		shelters := 4
		if i == 3 {
			shelters = 1
		}
		for s := range shelters {
			n++
			id := fmt.Sprintf("KA%02d", n)
			w.Add(t, testworld.Home(id, d, code.ChildrensHome,
				testworld.Unit(id, "girls", code.Girls, testworld.SchoolAge, 60, 30+5*s+i), testworld.Unit(id, "boys", code.Boys, testworld.SchoolAge, 50, 20+3*s+i)))
		}
	}
	w.Service.Directory.Refresh(t.Context(), w.Now())
}

func rowsOf(a answer) (out []map[string]any) {
	list, _ := a.Body["rows"].([]any)
	for _, r := range list {
		out = append(out, r.(map[string]any))
	}
	return out
}

func TestOccupancyAddsUpAndStandsStill(t *testing.T) {
	eachWay(t, func(t *testing.T, w *testworld.World, as func(string) client) {
		ministry := as(testworld.Ministry)
		none := ministry.do("GET", "/v1/occupancy", "", nil).want(t, 200)
		if none.get("snapshot") != nil || len(rowsOf(none)) != 0 {
			t.Fatalf("before anything was published: %s", none.Raw)
		}
		state(t, w)
		w.Publish(t)
		for _, by := range []string{"country", "state", "district"} {
			a := ministry.do("GET", "/v1/occupancy?breakdown=none&by="+by, "", nil).want(t, 200)
			for _, figure := range []string{"staffed", "occupied"} {
				sum, withheld := 0.0, 0
				for _, r := range rowsOf(a) {
					if v, ok := r[figure].(float64); ok {
						sum += v
					} else {
						withheld++
					}
				}
				rolledUp, _ := a.Body["rolledUp"].([]any)
				total, _ := a.get("totals", figure).(float64)
				if sum == 0 || total == 0 || (withheld+len(rolledUp) == 0 && sum != total) || sum > total {
					t.Errorf("by %s: rows %v of %s, total %v, %d withheld, rolled up %v", by, sum, figure, total, withheld, rolledUp)
				}
			}
		}
		alone := ministry.do("GET", "/v1/occupancy?by=district&within=IN-KA", "", nil).want(t, 200)
		if !strings.Contains(fmt.Sprint(alone.Body["rolledUp"]), "IN-LGD-527") || strings.Contains(fmt.Sprint(alone.Body["rows"]), "IN-LGD-527") {
			t.Errorf("a district with one shelter has a row: %s", alone.Raw)
		}
		asOf := "/v1/occupancy?by=district&asOf=" + w.Now().Format(time.RFC3339)
		then := ministry.do("GET", asOf, "", nil).want(t, 200)
		w.Pass(26 * time.Hour)
		w.Add(t, testworld.Home("KA99", "IN-LGD-525", code.ChildrensHome, testworld.Unit("KA99", "girls", code.Girls, testworld.SchoolAge, 60, 50)))
		w.Service.Directory.Refresh(t.Context(), w.Now())
		w.Publish(t)
		if again := ministry.do("GET", asOf, "", nil).want(t, 200); again.Raw != then.Raw {
			t.Errorf("the same instant, another answer:\n%s\n%s", then.Raw, again.Raw)
		}
		later := ministry.do("GET", "/v1/occupancy?by=state&asOf="+w.Now().Add(-2*time.Hour).Format(time.RFC3339), "", nil).want(t, 200)
		if later.str("gap", "from") != "2026-11-24T21:00:00Z" || later.str("snapshot") != "2026-11-24T20:00:00Z" {
			t.Errorf("a gap is not said: %s", later.Raw[:300])
		}
		ministry.do("GET", "/v1/occupancy?asOf=2030-01-01T00:00:00Z", "", nil).want(t, 422)
		ministry.do("GET", "/v1/occupancy?by=street", "", nil).want(t, 422)
		ministry.do("GET", "/v1/occupancy?secret=1", "", nil).want(t, 422)
	})
}

func TestADistrictSeesItselfAndNothingElse(t *testing.T) {
	eachWay(t, func(t *testing.T, w *testworld.World, as func(string) client) {
		state(t, w)
		w.Publish(t)
		desk := as(testworld.Desk)
		own := desk.do("GET", "/v1/occupancy?breakdown=none", "", nil).want(t, 200)
		if own.str("within") != string(testworld.District) || own.str("every") != "day" || len(rowsOf(own)) == 0 {
			t.Fatalf("its own %s", own.Raw)
		}
		for _, r := range rowsOf(own) {
			if r["place"] != string(testworld.District) {
				t.Fatalf("another place: %v", r)
			}
		}
		for _, path := range []string{"/v1/occupancy?within=%s", "/v1/occupancy/history?place=%s", "/v1/unmet-need?within=%s", "/v1/response-times?within=%s", "/v1/clocks?within=%s", "/v1/moves?within=%s", "/v1/repatriation-waits?within=%s"} {
			missing := desk.do("GET", fmt.Sprintf(path, "IN-LGD-999999"), "", nil).want(t, 404)
			for _, other := range []string{"IN-LGD-525", "IN-WB", "IN", "NP"} {
				if a := desk.do("GET", fmt.Sprintf(path, other), "", nil).want(t, 404); a.Raw != missing.Raw {
					t.Errorf("%s: %s and %s", path, a.Raw, missing.Raw)
				}
			}
			as(testworld.Team).do("GET", fmt.Sprintf(path, "IN-LGD-315"), "", nil).want(t, 403)
		}
	})
}

func TestHistoryByHourDayAndMonth(t *testing.T) {
	eachWay(t, func(t *testing.T, w *testworld.World, as func(string) client) {
		state(t, w)
		for range 30 {
			w.Publish(t)
			w.Pass(time.Hour)
		}
		w.Pass(3 * time.Hour)
		w.Publish(t)
		ministry := as(testworld.Ministry)
		hours := ministry.do("GET", "/v1/occupancy/history?place=IN-KA&every=hour", "", nil).want(t, 200)
		points := hours.Body["points"].([]any)
		if len(points) != 31 || hours.Body["missing"].([]any)[0].(map[string]any)["from"] != "2026-11-26T02:00:00Z" || points[0].(map[string]any)["staffed"] == nil {
			t.Fatalf("%d hours: %s", len(points), hours.Raw[:400])
		}
		if days := ministry.do("GET", "/v1/occupancy/history?place=IN-LGD-525&population=girls", "", nil).want(t, 200); len(days.Body["points"].([]any)) != 3 {
			t.Fatalf("days %s", days.Raw)
		}
		if months := ministry.do("GET", "/v1/occupancy/history?place=IN&every=month", "", nil).want(t, 200); len(months.Body["points"].([]any)) != 1 {
			t.Fatalf("months %s", months.Raw)
		}
		ministry.do("GET", "/v1/occupancy/history?place=IN-LGD-525&every=hour", "", nil).want(t, 422)
		ministry.do("GET", "/v1/occupancy/history?place=IN&every=hour&population=girls", "", nil).want(t, 422)
		seen, after := 0, ""
		for range 10 {
			a := ministry.do("GET", "/v1/occupancy/history?place=IN-KA&every=hour&limit=10"+after, "", nil).want(t, 200)
			seen += len(a.Body["points"].([]any))
			if a.str("nextCursor") == "" {
				break
			}
			after = "&after=" + a.str("nextCursor")
		}
		if seen != 31 {
			t.Errorf("%d of 31 on pages", seen)
		}
	})
}

// hxl is the form of a hashtag with its attributes (hxlstandard.org, 1.1).
var hxl = regexp.MustCompile(`^#[a-z][a-z0-9_]*(\+[a-z][a-z0-9_]*)*$`)

func TestExportsAreReadByOthers(t *testing.T) {
	w := testworld.Open(t)
	state(t, w)
	w.Publish(t)
	log := slog.New(slog.DiscardHandler)
	ministry := client{t, direct(httpapi.Handler(w.Service, log, httpapi.OccupancyWith(workbook.Write))), testworld.Ministry}
	known := map[string]bool{}
	dictionary := client{t, ministry.send, ""}.do("GET", "/v1/dictionary", "", nil).want(t, 200)
	for _, c := range dictionary.Body["columns"].([]any) {
		known[c.(map[string]any)["name"].(string)] = true
	}
	for _, path := range []string{"/v1/occupancy?by=district", "/v1/occupancy/history?place=IN-KA", "/v1/unmet-need?by=state", "/v1/response-times?by=state", "/v1/clocks?by=state", "/v1/moves?by=state", "/v1/repatriation-waits?by=state"} {
		plain := ministry.do("GET", path+"&form=csv", "", nil).want(t, 200)
		table, err := csv.NewReader(strings.NewReader(plain.Raw)).ReadAll()
		if err != nil || !strings.Contains(plain.Raw, "\r\n") || plain.Header.Get("Content-Type") != "text/csv; charset=utf-8; header=present" {
			t.Fatalf("%s: %v %v", path, err, plain.Header)
		}
		tagged, err := csv.NewReader(strings.NewReader(ministry.do("GET", path+"&form=csv-hxl", "", nil).want(t, 200).Raw)).ReadAll()
		if err != nil || len(tagged) != len(table)+1 {
			t.Fatalf("%s: %d and %d lines, %v", path, len(table), len(tagged), err)
		}
		for i, tag := range tagged[1] {
			if !hxl.MatchString(tag) || slices.Index(tagged[1], tag) != i {
				t.Errorf("%s: %s is not a tag of its own", path, tag)
			}
			if !known[table[0][i]] {
				t.Errorf("%s: column %s is not in the dictionary", path, table[0][i])
			}
		}
		book := ministry.do("GET", path+"&form=xlsx", "", nil).want(t, 200)
		f, err := excelize.OpenReader(bytes.NewReader([]byte(book.Raw)))
		if err != nil {
			t.Fatal(err)
		}
		cells, err := f.GetRows(f.GetSheetName(0))
		if err != nil || len(cells) != len(tagged) {
			t.Fatalf("%s: %d lines in the workbook, %d in the file, %v", path, len(cells), len(tagged), err)
		}
		for i := range cells { // a workbook leaves empty cells at a row's end away
			for j := range cells[i] {
				if cells[i][j] != tagged[i][j] {
					t.Errorf("%s: line %d: %q in the workbook, %q in the file", path, i, cells[i][j], tagged[i][j])
				}
			}
		}
		if strings.HasPrefix(path, "/v1/occupancy") && (len(table) < 2 || !strings.HasPrefix(table[1][slices.Index(table[0], "place")], "IN-")) {
			t.Errorf("%s: no row with a code: %v", path, table)
		}
	}
}

func TestAnAnswerThatHasNotChangedIsNotSentAgain(t *testing.T) {
	w := testworld.Open(t)
	state(t, w)
	w.Publish(t)
	log := slog.New(slog.DiscardHandler)
	ministry := client{t, direct(httpapi.Handler(w.Service, log, httpapi.OccupancyWith(workbook.Write))), testworld.Ministry}
	tags := map[string]bool{}
	for _, form := range []string{"json", "csv", "csv-hxl", "xlsx"} {
		path := "/v1/occupancy?by=district&asOf=2026-11-24T20:00:00Z&form=" + form
		a := ministry.do("GET", path, "", nil).want(t, 200)
		again := ministry.do("GET", path, "", nil, "If-None-Match", a.Header.Get("ETag")).want(t, 304)
		if again.Raw != "" || tags[a.Header.Get("ETag")] || strings.Join(a.Header.Values("Cache-Control"), ",") != "private, max-age=60" {
			t.Errorf("%s: %q, %v", form, again.Raw, a.Header)
		}
		tags[a.Header.Get("ETag")] = true
	}
	if a := ministry.do("GET", "/v1/occupancy", "", nil, "Accept", "text/csv").want(t, 200); !strings.HasPrefix(a.Raw, "place,name") {
		t.Errorf("by Accept: %s", a.Raw)
	}
}

// Whoever asks everything there is to ask, by place, level, type, population and
// hour, and puts the answers beside each other, finds no small number and no row
// about one shelter.
func TestADifferencingAttackerFindsNoSmallNumber(t *testing.T) {
	w := testworld.Open(t)
	state(t, w)
	secret := map[string]int{} // of the district with one shelter, and a small house in another
	w.Add(t, testworld.Home("TINY", "IN-LGD-524", code.ShaktiSadan, testworld.Unit("TINY", "women", code.Women, code.AdultBands, 12, 4)))
	w.Service.Directory.Refresh(t.Context(), w.Now())
	log := slog.New(slog.DiscardHandler)
	ministry := client{t, direct(httpapi.Handler(w.Service, log, httpapi.Occupancy)), testworld.Ministry}
	secret["IN-LGD-524 women"], secret["IN-LGD-527 all"] = 4, 30+3+20+3
	for hour := range 4 {
		w.Publish(t)
		type key struct{ place, kind, population string }
		figures := map[key]float64{}
		for _, within := range []string{"IN", "IN-KA", "IN-LGD-524", "IN-LGD-525", "IN-LGD-526", "IN-LGD-527"} {
			for _, by := range []string{"country", "state", "district"} {
				for _, breakdown := range []string{"none", "population", "type", "both"} {
					for _, kind := range append([]string{""}, code.Institutions.Names()...) {
						a := ministry.do("GET", fmt.Sprintf("/v1/occupancy?within=%s&by=%s&breakdown=%s", within, by, breakdown)+strings.TrimSuffix("&type="+kind, "&type="), "", nil).want(t, 200)
						for _, r := range rowsOf(a) {
							if v, ok := r["occupied"].(float64); ok {
								k := key{r["place"].(string), r["type"].(string), r["population"].(string)}
								if was, twice := figures[k]; twice && was != v && hour == 0 {
									t.Fatalf("%v is %v and %v", k, was, v)
								}
								figures[k] = v
								if v > 0 && v < 11 {
									t.Fatalf("%v shows %v persons", k, v)
								}
							}
						}
					}
				}
			}
		}
		parts := map[string]string{"IN-LGD-524": "IN-KA", "IN-LGD-525": "IN-KA", "IN-LGD-526": "IN-KA", "IN-LGD-527": "IN-KA"}
		for _, population := range append(code.Populations.Names(), "all") { // a parent less the children shown
			rest, hidden := figures[key{"IN-KA", "all", population}], []string{}
			if _, ok := figures[key{"IN-KA", "all", population}]; !ok {
				continue
			}
			for d := range parts {
				if v, ok := figures[key{d, "all", population}]; ok {
					rest -= v
				} else {
					hidden = append(hidden, d)
				}
			}
			if len(hidden) == 1 && rest > 0 {
				t.Errorf("hour %d, %s: %s must have %v", hour, population, hidden[0], rest)
			}
		}
		w.Pass(time.Hour)
	}
}
