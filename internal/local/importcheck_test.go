//go:build importcheck

package local_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"panah/internal/caller"
	"panah/internal/code"
	"panah/internal/embedded"
	"panah/internal/function"
	"panah/internal/httpapi"
	"panah/internal/local"
	"panah/internal/record"
	"panah/internal/referral"
	"panah/internal/shelter"
	"panah/internal/table"
)

// The real files are not kept here: make import-check reads them where
// PANAH_SHARED_DATA says. It is another build, so that nothing is skipped in the
// ordinary one.
func shared(t *testing.T, name string) string {
	t.Helper()
	folder := os.Getenv("PANAH_SHARED_DATA")
	if folder == "" {
		t.Fatal("PANAH_SHARED_DATA must name the folder of the data")
	}
	return filepath.Join(folder, "occupancy", name)
}

// rows reads a file by itself, without any of the importer's code.
func rows(t *testing.T, path string) (out []map[string]string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	all, err := csv.NewReader(bytes.NewReader(raw)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, record := range all[1:] {
		row := map[string]string{}
		for i, v := range record {
			row[all[0][i]] = v
		}
		out = append(out, row)
	}
	return out
}

func num(t *testing.T, v string) int {
	t.Helper()
	if v == "" {
		return 0
	}
	f, err := strconv.ParseFloat(v, 64)
	if err != nil {
		t.Fatal(err)
	}
	return int(f)
}

// take imports a file into a folder and returns what it said.
func take(t *testing.T, data string, i local.ImportOptions) (string, error) {
	t.Helper()
	var out strings.Builder
	err := local.Import(context.Background(), local.Options{Data: data, Out: &out, Log: slog.New(slog.DiscardHandler), Now: time.Now}, i)
	return out.String(), err
}

func open(t *testing.T, data string) *referral.Service {
	t.Helper()
	store, err := embedded.Open(filepath.Join(data, "panah.db"), embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	s, err := function.NewService(store, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// totals are a day's of the file: beds and rooms apart.
type totals struct{ programmes, sanctioned, out, occupied, free, persons int }

func TestImportCheckTorontosDailySumsAreTheFilesOwn(t *testing.T) {
	path, data := shared(t, "toronto_daily_2022_jan_mar.csv"), t.TempDir()
	want := map[string]totals{} // by day and kind
	programmes := map[string]bool{}
	all := rows(t, path)
	for _, r := range all {
		kind := map[string]string{"Bed Based Capacity": "BED", "Room Based Capacity": "ROOM"}[r["CAPACITY_TYPE"]]
		plural := kind + "S"
		k := r["OCCUPANCY_DATE"] + " " + strings.ToLower(kind)
		w := want[k]
		w.programmes++
		w.sanctioned += num(t, r["CAPACITY_FUNDING_"+kind])
		w.out += num(t, r["UNAVAILABLE_"+plural])
		w.occupied += num(t, r["OCCUPIED_"+plural])
		w.free += num(t, r["UNOCCUPIED_"+plural])
		w.persons += num(t, r["SERVICE_USER_COUNT"])
		want[k] = w
		programmes[r["PROGRAM_ID"]] = true
	}
	if len(all) != 8492 || len(programmes) != 147 {
		t.Fatalf("%d rows, %d programmes", len(all), len(programmes))
	}
	i := local.ImportOptions{File: path, Mapping: "toronto-occupancy"}
	for _, tt := range []struct {
		dry  bool
		says string
	}{{true, "147 created, 0 updated, 0 unchanged"}, {false, "8492 created, 0 updated, 0 unchanged"}, {false, "0 created, 0 updated, 8492 unchanged"}} {
		i.DryRun = tt.dry
		if said, err := take(t, data, i); err != nil || !strings.Contains(said, tt.says) {
			t.Fatalf("%v %s", err, said)
		}
	}
	s := open(t, data)
	ministry := caller.Caller{Subject: "check", Role: caller.Ministry, Scope: "CA"}
	sums, err := s.DailyCensus(context.Background(), ministry, "CA-CD-3520", time.Date(2022, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2022, 3, 31, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]totals{}
	for _, d := range sums {
		k := d.Day.Format(time.DateOnly) + " " + code.UnitKinds.Name(d.Kind)
		g := got[k]
		g.programmes += d.Units
		g.sanctioned += d.Sanctioned
		g.out += d.OutOfService
		g.occupied += d.Occupied
		g.free += d.Free - d.OverCapacity
		g.persons += d.Persons
		got[k] = g
	}
	if len(got) != len(want) || len(got) != 122 {
		t.Errorf("%d days and kinds, the file has %d", len(got), len(want))
	}
	for k, w := range want {
		if got[k] != w {
			t.Errorf("%s: %+v, the file says %+v", k, got[k], w)
		}
	}
	series(t, s, "CA-CD-3520", want)
	id, _ := shelter.Identity("CA", "toronto-programmes", all[0]["PROGRAM_ID"])
	if v, err := s.Shelter(context.Background(), ministry, id); err != nil || v.Status != shelter.Registered || v.District != "CA-CD-3520" {
		t.Errorf("%+v %v", v, err)
	}
}

// series holds what the route shows of a place against the file's own totals.
func series(t *testing.T, s *referral.Service, place string, want map[string]totals) {
	t.Helper()
	member := record.FromMembership(caller.Caller{Subject: "check", Role: caller.Ministry, Scope: "CA"})
	if err := s.Store.Write(t.Context(), table.Batch{WriteID: "check", Ops: []table.Op{table.PutOp(member, 0)}}); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/v1/occupancy/history?from=2022-01-01T00:00:00Z&to=2022-04-01T00:00:00Z&place="+place, nil)
	w := httptest.NewRecorder()
	httpapi.Handler(s, slog.New(slog.DiscardHandler), httpapi.Occupancy).ServeHTTP(w, r.WithContext(httpapi.WithSubject(r.Context(), "check", nil)))
	var body struct {
		Points []struct {
			At                                                                    time.Time
			Source                                                                string
			Sanctioned, OutOfService, Occupied, Free                              *int
			Rooms, RoomsSanctioned, RoomsOutOfService, RoomsOccupied, RoomPersons *int
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || len(body.Points)*2 != len(want) {
		t.Fatalf("%v: %d days of %d: %.300s", err, len(body.Points), len(want)/2, w.Body)
	}
	shown := 0
	for _, p := range body.Points {
		beds, rooms := want[p.At.Format(time.DateOnly)+" bed"], want[p.At.Format(time.DateOnly)+" room"]
		for name, c := range map[string]struct {
			got  *int
			want int
		}{"sanctioned": {p.Sanctioned, beds.sanctioned}, "outOfService": {p.OutOfService, beds.out}, "occupied": {p.Occupied, beds.occupied}, "free": {p.Free, beds.free},
			"persons in beds": {p.Occupied, beds.persons}, "roomsSanctioned": {p.RoomsSanctioned, rooms.sanctioned}, "roomsOutOfService": {p.RoomsOutOfService, rooms.out},
			"roomsOccupied": {p.RoomsOccupied, rooms.occupied}, "roomPersons": {p.RoomPersons, rooms.persons}} {
			if c.got == nil {
				continue // withheld
			}
			if shown++; *c.got != c.want || p.Source != "imported" {
				t.Errorf("%s %s: %d, the file says %d", p.At, name, *c.got, c.want)
			}
		}
		if p.Rooms != nil && *p.Rooms-*p.RoomsOutOfService-*p.RoomsOccupied != rooms.free {
			t.Errorf("%s: %d rooms less %d and %d, the file says %d are free", p.At, *p.Rooms, *p.RoomsOutOfService, *p.RoomsOccupied, rooms.free)
		}
	}
	t.Logf("%s: %d days, %d of %d figures shown and equal to the file's own", place, len(body.Points), shown, 9*len(body.Points))
}

func TestImportCheckLosAngelesKeepsItsOverfullProjects(t *testing.T) {
	path, data := shared(t, "la_hic_project_level_deidentified.csv"), t.TempDir()
	taken, beds, people, over := 0, 0, 0, 0
	for _, r := range rows(t, path) {
		if r["beds"] == "" || r["pit"] == "" {
			continue
		}
		b, p := num(t, r["beds"]), num(t, r["pit"])
		taken, beds, people, over = taken+1, beds+b, people+p, over+max(0, p-b)
	}
	said, err := take(t, data, local.ImportOptions{File: path, Mapping: "los-angeles-inventory"})
	if err != local.ErrRefused || !strings.Contains(said, "577 rows, 4 refused") || !strings.Contains(said, strconv.Itoa(taken)+" created") {
		t.Fatalf("%v %s", err, said)
	}
	s := open(t, data)
	day := time.Date(2016, 1, 31, 0, 0, 0, 0, time.UTC)
	sums, err := s.DailyCensus(context.Background(), caller.Caller{Subject: "check", Role: caller.Ministry, Scope: "US-CA"}, "", day, day)
	if err != nil {
		t.Fatal(err)
	}
	var units, staffed, occupied, tooMany int
	for _, d := range sums {
		units, staffed, occupied, tooMany = units+d.Units, staffed+d.Staffed, occupied+d.Occupied, tooMany+d.OverCapacity
	}
	if units != taken || staffed != beds || occupied != people || tooMany != over || over == 0 {
		t.Errorf("%d units, %d beds, %d people, %d too many; the file says %d, %d, %d, %d", units, staffed, occupied, tooMany, taken, beds, people, over)
	}
	t.Logf("%d projects, %d beds, %d people, %d over capacity", units, staffed, occupied, tooMany)
}
