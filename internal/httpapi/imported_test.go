package httpapi_test

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"panah/internal/httpapi"
	"panah/internal/referral"
	"panah/internal/shelter"
	"panah/internal/testworld"
)

// day is what a file of these tests says of one unit and day.
type day struct {
	key, district, population, kind            string
	at                                         time.Time
	sanctioned, staffed, out, present, persons int
}

// days makes a file of daily counts: large houses in three districts, one house
// alone in a fourth, a small one among the large, some that count rooms.
func days(from time.Time, n int) (out []day) {
	dice := rand.New(rand.NewPCG(11, uint64(from.Unix())))
	for i := range 14 {
		d := day{key: fmt.Sprint("F", i), district: []string{"IN-LGD-524", "IN-LGD-525", "IN-LGD-526"}[i%3], population: []string{"women", "men"}[i/3%2], kind: "bed", sanctioned: 60, staffed: 58, out: 2}
		switch {
		case i == 12:
			d.district = "IN-LGD-527"
		case i == 13:
			d.population = "girls"
		case i%4 == 3:
			d.kind = "room"
		}
		for k := range n {
			d.at = from.AddDate(0, 0, k)
			d.present = 30 + dice.IntN(26)
			if d.population == "girls" {
				d.present = 3 + k%4
			}
			d.persons = d.present
			if d.kind == "room" {
				d.persons += dice.IntN(30)
			}
			out = append(out, d)
		}
	}
	return out
}

func daily(all []day) string {
	var b strings.Builder
	b.WriteString("key,district,type,population,ages,kind,day,sanctioned,staffed,outOfService,present,persons\n")
	for _, d := range all {
		ages := "18-24;25-59"
		if d.population == "girls" {
			ages = "12-14;15-17"
		}
		fmt.Fprintf(&b, "%s,%s,other,%s,%s,%s,%s,%d,%d,%d,%d,%d\n", d.key, d.district, d.population, ages, d.kind, d.at.Format(time.DateOnly), d.sanctioned, d.staffed, d.out, d.present, d.persons)
	}
	return b.String()
}

// totals of a day by figure.
func totals(all []day, at time.Time) map[string]float64 {
	t := map[string]float64{}
	for _, d := range all {
		if !d.at.Equal(at) {
			continue
		}
		if d.kind == "room" {
			for name, v := range map[string]int{"roomsSanctioned": d.sanctioned, "rooms": d.staffed, "roomsOutOfService": d.out, "roomsOccupied": d.present, "roomPersons": d.persons} {
				t[name] += float64(v)
			}
			continue
		}
		for name, v := range map[string]int{"sanctioned": d.sanctioned, "staffed": d.staffed, "outOfService": d.out, "occupied": d.present, "free": max(0, d.staffed-d.out-d.present)} {
			t[name] += float64(v)
		}
	}
	return t
}

func points(a answer) (out []map[string]any) {
	list, _ := a.Body["points"].([]any)
	for _, p := range list {
		out = append(out, p.(map[string]any))
	}
	return out
}

// october is when the files of these tests begin.
var october = time.Date(2026, 10, 20, 0, 0, 0, 0, time.UTC)

const stretch = "&from=2026-10-01T00:00:00Z&to=2026-12-01T00:00:00Z"

func TestImportedDaysAreTheFilesOwnInEveryForm(t *testing.T) {
	eachWay(t, func(t *testing.T, w *testworld.World, as func(string) client) {
		ministry, all := as(testworld.Ministry), days(october.AddDate(0, 0, -15), 20)
		all = append(all[:7*20], all[9*20:]...) // two of the houses say nothing of the last days
		ministry.do("POST", "/v1/imports", "days-1-00000000", daily(all), "Content-Type", "text/csv").want(t, 200)
		w.Publish(t)
		if p := points(ministry.do("GET", "/v1/occupancy/history?place=IN-KA"+stretch, "", nil).want(t, 200)); len(p) != 0 {
			t.Fatalf("published at once: a mistake could not be set right: %v", p)
		}
		w.Pass(61 * time.Minute)
		w.Publish(t)
		for _, place := range []string{"IN", "IN-KA"} {
			found := points(ministry.do("GET", "/v1/occupancy/history?place="+place+stretch, "", nil).want(t, 200))
			seen := 0
			for _, p := range found {
				if p["source"] != "imported" {
					continue
				}
				seen++
				at, _ := time.Parse(time.RFC3339, p["at"].(string))
				for name, v := range totals(all, at) {
					if p[name] != v {
						t.Errorf("%s %s: %s is %v, the file says %v", place, at, name, p[name], v)
					}
				}
				if p["held"] != nil || p["overdueReviews"] != nil || p["surge"] != nil || p["medianStayDays"] != nil {
					t.Errorf("a file says nothing of %v", p)
				}
			}
			if seen != 20 {
				t.Errorf("%s: %d of 20 days", place, seen)
			}
		}
		csv := ministry.do("GET", "/v1/occupancy/history?place=IN-KA&form=csv"+stretch, "", nil).want(t, 200).Raw
		tagged := ministry.do("GET", "/v1/occupancy/history?place=IN-KA&form=csv-hxl"+stretch, "", nil).want(t, 200).Raw
		if strings.Count(csv, ",imported,\r\n") != 20 || strings.Count(tagged, ",imported,\r\n") != 20 || !strings.Contains(tagged, "#meta+source") {
			t.Errorf("%s", tagged[:600])
		}
	})
}

// A state whose file comes in after the country's day was published is in no
// figure of it: the point says which states it adds up, and adds up those.
func TestACountrysDaySaysWhichStatesItAddsUp(t *testing.T) {
	w := testworld.Open(t)
	ministry := client{t, direct(httpapi.Handler(w.Service, slog.New(slog.DiscardHandler), httpapi.Shelters, httpapi.Occupancy)), testworld.Ministry}
	early, late := days(october, 3), days(october, 3)
	for i := range late {
		late[i].key, late[i].district = "L"+late[i].key, "IN-LGD-303"
	}
	ministry.do("POST", "/v1/imports", "early-00000000", daily(early), "Content-Type", "text/csv").want(t, 200)
	w.Pass(2 * time.Hour)
	w.Publish(t)
	ministry.do("POST", "/v1/imports", "later-00000000", daily(late), "Content-Type", "text/csv").want(t, 200)
	w.Pass(2 * time.Hour)
	w.Publish(t)
	of := func(place string) map[string]map[string]any {
		out := map[string]map[string]any{}
		for _, p := range points(ministry.do("GET", "/v1/occupancy/history?place="+place+stretch, "", nil).want(t, 200)) {
			out[p["source"].(string)+p["at"].(string)] = p
		}
		return out
	}
	other, compared := of("IN-WB"), 0
	if len(other) == 0 {
		t.Fatal("the state that came later is not published at all")
	}
	for at, whole := range of("IN") {
		states, _ := whole["states"].([]any)
		if len(states) == 0 {
			t.Errorf("%s does not say what it adds up", at)
		}
		if strings.HasPrefix(at, "imported") && len(states) != 1 {
			t.Errorf("%s adds up %v", at, states)
		}
		for _, figure := range []string{"staffed", "occupied", "rooms", "roomPersons"} {
			sum, all := 0.0, true
			for _, s := range states {
				v, ok := of(s.(string))[at][figure].(float64)
				sum, all = sum+v, all && ok
			}
			if v, ok := whole[figure].(float64); ok && all {
				if compared++; v != sum {
					t.Errorf("%s: %s is %v, its states have %v", at, figure, v, sum)
				}
			}
		}
	}
	if compared == 0 {
		t.Error("nothing was compared")
	}
}

func TestAGapOfImportedDaysIsSaid(t *testing.T) {
	w := testworld.Open(t)
	ministry := client{t, direct(httpapi.Handler(w.Service, slog.New(slog.DiscardHandler), httpapi.Shelters, httpapi.Occupancy)), testworld.Ministry}
	all := append(days(october, 3), days(october.AddDate(0, 0, 13), 2)...)
	ministry.do("POST", "/v1/imports", "days-1-00000000", daily(all), "Content-Type", "text/csv").want(t, 200)
	w.Pass(2 * time.Hour)
	w.Publish(t)
	a := ministry.do("GET", "/v1/occupancy/history?place=IN-KA"+stretch, "", nil).want(t, 200)
	gap := a.Body["missing"].([]any)[0].(map[string]any)
	if gap["from"] != "2026-10-23T00:00:00Z" || gap["to"] != "2026-11-01T00:00:00Z" {
		t.Errorf("%v", gap)
	}
	months := points(ministry.do("GET", "/v1/occupancy/history?place=IN-KA&every=month"+stretch, "", nil).want(t, 200))
	if len(months) != 2 || months[0]["source"] != "imported" || months[0]["at"] != "2026-10-20T00:00:00Z" {
		t.Errorf("months %v", months)
	}
}

// seen is everything an attacker who asks everything finds: by place, population,
// calendar, source, instant and figure.
func seen(t *testing.T, ministry client) map[[6]string]float64 {
	t.Helper()
	out := map[[6]string]float64{}
	for _, place := range []string{"IN", "IN-KA", "IN-LGD-524", "IN-LGD-525", "IN-LGD-526", "IN-LGD-527"} {
		for _, population := range []string{"all", "women", "men", "girls", "boys"} {
			for _, every := range []string{"day", "month"} {
				a := ministry.do("GET", "/v1/occupancy/history?place="+place+"&population="+population+"&every="+every+stretch, "", nil).want(t, 200)
				for _, p := range points(a) {
					for _, figure := range []string{"occupied", "roomsOccupied", "roomPersons", "overCapacity", "free", "staffed", "rooms"} {
						if v, ok := p[figure].(float64); ok {
							out[[6]string{place, population, every, p["source"].(string), p["at"].(string)[:10], figure}] = v
						}
					}
				}
			}
		}
	}
	return out
}

// What is shown of imported days, of live ones beside them, of months, and of the
// same days after other files came in, tells no small number and no single house.
func TestADifferencingAttackerFindsNothingInImportedDays(t *testing.T) {
	w := testworld.Open(t)
	ministry := client{t, direct(httpapi.Handler(w.Service, slog.New(slog.DiscardHandler), httpapi.Shelters, httpapi.Occupancy)), testworld.Ministry}
	all := days(october, 34) // until the day before the world begins
	ministry.do("POST", "/v1/imports", "days-1-00000000", daily(all), "Content-Type", "text/csv").want(t, 200)
	w.Pass(2 * time.Hour)
	w.Publish(t)
	w.Feed(t) // from here on the houses of the file are counted live
	w.Service.Directory.Refresh(t.Context(), w.Now())
	for range 3 {
		w.Pass(24 * time.Hour)
		w.Publish(t)
	}
	first := seen(t, ministry)
	persons := map[string]bool{"occupied": true, "roomsOccupied": true, "roomPersons": true, "overCapacity": true}
	imported, live := 0, 0
	for k, v := range first {
		if persons[k[5]] && v > 0 && v < 11 {
			t.Errorf("%v shows %v", k, v)
		}
		if k[0] == "IN-LGD-527" {
			t.Errorf("%v: a row about one house", k)
		}
		other := k
		if other[3] = "counted"; k[3] == "imported" {
			imported++
		} else {
			live++
			other[3] = "imported"
		}
		if _, both := first[other]; both && k[0] != "IN" {
			t.Errorf("%v is counted and imported", k)
		}
	}
	if imported == 0 || live == 0 {
		t.Fatalf("%d figures imported, %d live: the test tests nothing", imported, live)
	}
	alone(t, first)
	// the same days again with one house changed, and another house come late
	late := days(october, 34)
	for i := range late {
		if late[i].key == "F0" {
			late[i].present, late[i].persons = late[i].present+1, late[i].persons+1
		}
		if late[i].key == "F1" {
			late[i].key = "LATE"
		}
	}
	ministry.do("POST", "/v1/imports", "days-2-00000000", daily(late), "Content-Type", "text/csv").want(t, 200)
	w.Pass(2 * time.Hour)
	w.Publish(t)
	for k, v := range seen(t, ministry) {
		if was, known := first[k]; k[3] == "imported" && (!known || was != v) {
			t.Errorf("%v was %v and is %v: the difference is one house", k, was, v)
		}
	}
}

// alone fails where a parent less what is shown of its parts leaves one part that
// is withheld and somebody in it.
func alone(t *testing.T, seen map[[6]string]float64) {
	t.Helper()
	districts, populations := []string{"IN-LGD-524", "IN-LGD-525", "IN-LGD-526", "IN-LGD-527"}, []string{"women", "men", "girls"}
	for k, v := range seen {
		if k[5] == "free" || k[3] != "imported" {
			continue // the live houses of the test world have other parts
		}
		for at, parts := range map[int][]string{0: districts, 1: populations} {
			if (at == 0 && k[0] != "IN-KA") || (at == 1 && k[1] != "all") {
				continue
			}
			rest, hidden := v, []string{}
			for _, part := range parts {
				q := k
				q[at] = part
				if got, ok := seen[q]; ok {
					rest -= got
				} else {
					hidden = append(hidden, part)
				}
			}
			if len(hidden) == 1 && rest > 0 {
				t.Errorf("%v: %s must have %v", k, hidden[0], rest)
			}
		}
	}
}

func TestAUnitWhoseRoomsAreCountedHasRooms(t *testing.T) {
	w := testworld.Open(t)
	ministry := client{t, direct(httpapi.Handler(w.Service, slog.New(slog.DiscardHandler), httpapi.Shelters, httpapi.Occupancy)), testworld.Ministry}
	send := func(key, rows string) {
		t.Helper()
		a := ministry.do("POST", "/v1/imports", key, "key,district,type,population,ages,kind,roomBeds,day,sanctioned,staffed,outOfService,present,persons\n"+rows, "Content-Type", "text/csv").want(t, 200)
		if a.Body["refusedRows"] != 0.0 || len(a.Body["problems"].([]any)) != 0 {
			t.Fatal(a.Raw)
		}
	}
	unit := func(key string) shelter.Unit {
		id, _ := shelter.Identity("IN", referral.OwnRegister, key)
		return w.Unit(t, id, "family")
	}
	const guessed = "R1,IN-LGD-525,other,family,0-5;25-59,room,,%s,15,14,1,9,%d\n"
	send("rooms-0000001", fmt.Sprintf(guessed, "2026-11-01", 31)+"R2,IN-LGD-525,other,family,0-5;25-59,room,5,2026-11-01,10,10,0,4,6\n")
	u := unit("R1") // 31 people in 9 rooms: at least four beds in a room
	if u.RoomBeds != 4 || u.Rooms() != 14 || u.RoomsOccupied() != 9 || u.Counts().Occupied() != 31 || u.Sanctioned != 60 || u.Counts().Free() != (14-1-9)*4 {
		t.Errorf("%+v: %d of %d rooms, %+v", u, u.RoomsOccupied(), u.Rooms(), u.Counts())
	}
	if u := unit("R2"); u.RoomBeds != 5 || u.Rooms() != 10 || u.RoomsOccupied() != 4 || u.Counts().Occupied() != 6 || u.Sanctioned != 50 {
		t.Errorf("%+v: %d of %d rooms", u, u.RoomsOccupied(), u.Rooms())
	}
	send("rooms-0000002", fmt.Sprintf(guessed, "2026-11-02", 20))
	if again := unit("R1"); again.RoomBeds != 4 || again.Rooms() != 14 || again.RoomsOccupied() != 9 || again.Counts().Occupied() != 20 {
		t.Errorf("rooms have lost beds for a day with fewer people: %+v", again)
	}
}

func TestAnImportsKeyIsForOneFile(t *testing.T) {
	eachWay(t, func(t *testing.T, _ *testworld.World, as func(string) client) {
		ministry := as(testworld.Ministry)
		first := ministry.do("POST", "/v1/imports", "file-0000001", daily(days(october, 1)), "Content-Type", "text/csv").want(t, 200)
		again := ministry.do("POST", "/v1/imports", "file-0000001", daily(days(october, 1)), "Content-Type", "text/csv").want(t, 200)
		if first.Header.Get("Idempotency-Replayed") != "" || again.Header.Get("Idempotency-Replayed") != "true" || again.get("days", "unchanged") != 14.0 {
			t.Errorf("%v %s", again.Header, again.Raw)
		}
		ministry.do("POST", "/v1/imports", "file-0000001", daily(days(october, 2)), "Content-Type", "text/csv").want(t, 422)
		ministry.do("POST", "/v1/imports?dryRun=true", "file-0000001", daily(days(october, 1)), "Content-Type", "text/csv").want(t, 200)
		if other := ministry.do("POST", "/v1/imports", "file-0000002", daily(days(october, 2)), "Content-Type", "text/csv").want(t, 200); other.get("days", "created") != 14.0 {
			t.Errorf("what was refused was taken in: %s", other.Raw)
		}
		parts := func(boundary string) string {
			return "--" + boundary + "\r\nContent-Disposition: form-data; name=\"file\"\r\nContent-Type: text/csv\r\n\r\n" + daily(days(october, 2)) + "\r\n--" + boundary + "--\r\n"
		}
		ministry.do("POST", "/v1/imports", "file-0000003", parts("aaaa1111"), "Content-Type", "multipart/form-data; boundary=aaaa1111").want(t, 200)
		if same := ministry.do("POST", "/v1/imports", "file-0000003", parts("bbbb2222"), "Content-Type", "multipart/form-data; boundary=bbbb2222").want(t, 200); same.Header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("%v", same.Header)
		}
	})
}
