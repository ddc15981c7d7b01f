package rollup_test

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	"panah/internal/caller"
	"panah/internal/code"
	"panah/internal/history"
	"panah/internal/language"
	"panah/internal/occupancy"
	"panah/internal/place"
	"panah/internal/placement"
	"panah/internal/policy"
	"panah/internal/record"
	"panah/internal/referral"
	"panah/internal/rollup"
	"panah/internal/table"
	"panah/internal/testworld"
)

var (
	team  = caller.Caller{Subject: testworld.Team, Role: caller.Rescue, Scope: "team-a"}
	desk  = caller.Caller{Subject: testworld.Desk, Role: caller.Desk, Scope: string(testworld.District)}
	staff = func(id string) caller.Caller {
		return caller.Caller{Subject: testworld.StaffOf(id), Role: caller.Shelter, Scope: id}
	}
)

func asked(rescued time.Time, with code.Population) placement.Request {
	need, _ := code.Needs.Parse("health_medical")
	return placement.Request{RescuedAt: rescued, Place: testworld.District, Limit: 3, HoldBest: true,
		Persons: []placement.Person{{Age: code.Age15To17, AgeStatus: code.AgeStated, PlaceWith: with, Languages: []language.Tag{"bn"}, Needs: code.Of(need)}}}
}

func do(t *testing.T, o referral.Outcome, err error) placement.Placement {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return o.Placement
}

func fact(t *testing.T, flow history.Flow, family, first, second string) occupancy.Fact {
	t.Helper()
	for _, f := range flow.Facts[family] {
		if f.Place == testworld.District && f.Code == first && f.Second == second {
			return f
		}
	}
	t.Fatalf("no %s %q %q in %+v", family, first, second, flow.Facts[family])
	return occupancy.Fact{}
}

func TestAMonthIsPublishedOnceFromWhatHappenedInIt(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	key := func(what string, i int) referral.Command {
		return referral.Command{Key: fmt.Sprintf("%s-%06d", what, i), Payload: what}
	}
	for i := range 14 { // accepted after ten minutes, two of them by the second shelter asked, and there after forty
		o, err := w.Service.Request(ctx, team, asked(w.Now(), code.Girls), key("ask", i))
		p := do(t, o, err)
		w.Pass(10 * time.Minute)
		if i >= 12 {
			cmd := key("no", i)
			cmd.HoldNo = p.Hold.No
			o, err = w.Service.Decline(ctx, staff(p.Hold.Shelter), p.ID, 2, cmd)
			if p = do(t, o, err); p.State != placement.Held {
				t.Fatalf("no second shelter: %+v", p)
			}
		}
		cmd := key("yes", i)
		cmd.HoldNo = p.Hold.No
		o, err = w.Service.Accept(ctx, staff(p.Hold.Shelter), p.ID, cmd)
		p = do(t, o, err)
		w.Pass(30 * time.Minute)
		o, err = w.Service.Receive(ctx, staff(p.Hold.Shelter), p.ID, key("here", i))
		p = do(t, o, err)
		if i < 11 {
			o, err = w.Service.Decide(ctx, desk, p.ID, referral.DecideCommand{Command: key("rule", i)})
			do(t, o, err)
		}
	}
	for i := range 11 {
		o, err := w.Service.Request(ctx, team, asked(w.Now(), code.TransgenderUnit), key("gap", i))
		do(t, o, err)
	}
	w.Feed(t)
	again(t, w)
	w.Pass(16 * 24 * time.Hour)
	w.Publish(t)
	r := history.NewReader(w.Store)
	november := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	flows, err := r.Flows(ctx, testworld.District, november, november)
	if err != nil || len(flows) != 1 || flows[0].Month != "2026-11" {
		t.Fatalf("%+v %v", flows, err)
	}
	f := flows[0]
	gaps := fact(t, f, "gap_persons", "transgender_unit", "15-17")
	needs, languages := fact(t, f, "gap_needs", "health_medical", ""), fact(t, f, "gap_languages", "bn", "")
	if gaps.Values[0] != 11 || needs.Values[0] != 11 || languages.Values[0] != 11 {
		t.Errorf("unmet need: %v %v %v", gaps, needs, languages)
	}
	refused := fact(t, f, "refusals", "staffing", "")
	if !refused.Withheld || refused.Values != nil {
		t.Errorf("two refusals are shown: %+v", refused)
	}
	responses := fact(t, f, "responses", "now", "")
	if !reflect.DeepEqual(responses.Values, []int{25, 14, 14, 14}) || responses.P50[1] != 0 || responses.P50[2] != 10 || responses.P90[3] != 40 {
		t.Errorf("responses %+v", responses)
	}
	moves := fact(t, f, "moves", "within_district", "")
	if moves.Values[0] != 14 {
		t.Errorf("moves %+v", moves)
	}
	clocks := fact(t, f, "clocks", "in.jj.31", "")
	if clocks.Withheld || !reflect.DeepEqual(clocks.Values, []int{25, 11, 14}) {
		t.Errorf("clocks %+v", clocks)
	}
	w.Pass(24 * time.Hour)
	w.Publish(t)
	if later, err := r.Flows(ctx, testworld.District, november, november); err != nil || !reflect.DeepEqual(later, flows) {
		t.Errorf("published twice: %+v %v", later, err)
	}
}

// arrivals brings parties to a shelter, whose placements it answers.
func arrivals(t *testing.T, w *testworld.World, n int) (out []placement.Placement) {
	t.Helper()
	ctx := context.Background()
	for i := range n {
		key := func(what string) referral.Command {
			return referral.Command{Key: fmt.Sprintf("%s-%06d", what, i), Payload: what}
		}
		o, err := w.Service.Request(ctx, team, asked(w.Now(), code.Girls), key("ask"))
		p := do(t, o, err)
		yes := key("yes")
		yes.HoldNo = p.Hold.No
		o, err = w.Service.Accept(ctx, staff(p.Hold.Shelter), p.ID, yes)
		p = do(t, o, err)
		o, err = w.Service.Receive(ctx, staff(p.Hold.Shelter), p.ID, key("here"))
		out = append(out, do(t, o, err))
	}
	return out
}

func november(t *testing.T, w *testworld.World) history.Flow {
	t.Helper()
	w.Feed(t)
	w.Pass(16 * 24 * time.Hour)
	w.Publish(t)
	month := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	flows, err := history.NewReader(w.Store).Flows(context.Background(), testworld.District, month, month)
	if err != nil || len(flows) != 1 {
		t.Fatalf("%+v %v", flows, err)
	}
	return flows[0]
}

func TestALaterDecisionBreaksNoClockThatWasMet(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	all := arrivals(t, w, 12)
	decide := func(ground string) {
		g, ok := code.StayBases.Parse(ground)
		if !ok {
			t.Fatal(ground)
		}
		for i, p := range all {
			o, err := w.Service.Decide(ctx, desk, p.ID, referral.DecideCommand{Ground: &g, Command: referral.Command{Key: fmt.Sprintf("%s-%06d", ground, i), Payload: ground}})
			do(t, o, err)
		}
	}
	decide("interim_magistrate") // to be looked at again within ten days
	w.Feed(t)
	w.Pass(8 * 24 * time.Hour)
	decide("cwc_order")
	f := november(t, w)
	for _, id := range []string{"in.jj.31", "review.interim_magistrate"} {
		if c := fact(t, f, "clocks", id, ""); c.Withheld || !reflect.DeepEqual(c.Values, []int{12, 12, 0}) {
			t.Errorf("%s: %+v", id, c)
		}
	}
}

func TestAReviewThatRanOutBeforeTheStayEndedIsBroken(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	all := arrivals(t, w, 13)
	end := func(i int) {
		o, err := w.Service.End(ctx, staff(all[i].Hold.Shelter), all[i].ID, nil, code.EndHome, referral.Command{Key: fmt.Sprintf("end-%06d", i), Payload: "end"})
		do(t, o, err)
	}
	ground, _ := code.StayBases.Parse("interim_magistrate") // to be looked at again within ten days
	for i, p := range all {
		o, err := w.Service.Decide(ctx, desk, p.ID, referral.DecideCommand{Ground: &ground, Command: referral.Command{Key: fmt.Sprintf("rule-%06d", i), Payload: "rule"}})
		do(t, o, err)
	}
	w.Feed(t)
	w.Pass(9 * 24 * time.Hour)
	end(12)                    // home before the ten days were over
	w.Pass(2 * 24 * time.Hour) // nobody has looked at the others
	for i := range 12 {
		end(i)
	}
	f := november(t, w)
	if c := fact(t, f, "clocks", "review.interim_magistrate", ""); c.Withheld || !reflect.DeepEqual(c.Values, []int{12, 0, 12}) {
		t.Errorf("%+v", c)
	}
}

func TestAnArrivalTakenBackIsInNoFigure(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	all := arrivals(t, w, 12)
	w.Feed(t)
	if n := people(t, w, all[0].Hold.Shelter); n == 0 {
		t.Fatal("nobody has arrived")
	}
	for i, p := range all {
		o, err := w.Service.Undo(ctx, staff(p.Hold.Shelter), p.ID, referral.Command{Key: fmt.Sprintf("not-%06d", i), Payload: "not", Version: p.Version})
		do(t, o, err)
	}
	w.Feed(t)
	again(t, w)
	for _, p := range all {
		if n := people(t, w, p.Hold.Shelter); n != 0 {
			t.Fatalf("%d persons are kept in %s", n, p.Hold.Shelter)
		}
	}
	f := november(t, w)
	if r := fact(t, f, "responses", "now", ""); !reflect.DeepEqual(r.Values, []int{12, 12, 12, 0}) {
		t.Errorf("responses %+v", r)
	}
	if len(f.Facts["moves"]) > 0 {
		t.Errorf("moves %+v", f.Facts["moves"])
	}
}

// people is how many are kept as staying in a shelter.
func people(t *testing.T, w *testworld.World, shelter string) (n int) {
	t.Helper()
	it, err := w.Store.Get(context.Background(), table.Key{PK: "ROLL#" + string(testworld.District), SK: "STAY#" + shelter}, table.Strong)
	if err != nil || it == nil {
		t.Fatalf("%s: %v", shelter, err)
	}
	var stays map[string]struct {
		Units map[string]int `json:"u"`
	}
	if err := json.Unmarshal(it.Body, &stays); err != nil {
		t.Fatal(err)
	}
	for _, s := range stays {
		for _, here := range s.Units {
			n += here
		}
	}
	return n
}

// again hands the whole feed to the keeper once more, twice over and out of date:
// nothing may change.
func again(t *testing.T, w *testworld.World) {
	t.Helper()
	ctx := context.Background()
	before := rolled(t, w)
	changes, _, err := w.Store.(table.Feed).Changes(ctx, "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := w.Keeper.Apply(ctx, changes); err != nil {
			t.Fatal(err)
		}
	}
	if after := rolled(t, w); !reflect.DeepEqual(before, after) || len(before) == 0 {
		t.Errorf("a feed seen again has changed what is kept: %d and %d items", len(before), len(after))
	}
}

func rolled(t *testing.T, w *testworld.World) map[table.Key]uint64 {
	t.Helper()
	page, err := w.Store.Query(context.Background(), table.Query{PK: "ROLL#" + string(testworld.District)})
	if err != nil {
		t.Fatal(err)
	}
	out := map[table.Key]uint64{}
	for _, it := range page.Items {
		out[it.Key] = it.Version
	}
	return out
}

func TestStaysMakeMediansAndOverdueReviews(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	for i := range 15 {
		p, err := w.Service.Admit(ctx, staff("GRLS"), "GRLS", "girls", asked(w.Now(), code.Girls).Persons, placement.Consent{}, referral.Command{Key: fmt.Sprintf("in-%06d", i), Payload: "in"})
		do(t, p, err)
		if i < 3 {
			w.Pass(time.Hour)
			o, err := w.Service.End(ctx, staff("GRLS"), p.ID, nil, code.EndHome, referral.Command{Key: fmt.Sprintf("out-%06d", i), Payload: "out"})
			do(t, o, err)
		}
	}
	w.Pass(100 * time.Hour)
	w.Feed(t)
	w.Service.Directory.Refresh(ctx, w.Now())
	w.Publish(t)
	at, _ := place.Lookup("IN-WB")
	_, own, _, _, err := history.NewReader(w.Store).Rows(ctx, at, place.State, w.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range own {
		if r.Type == occupancy.Any && r.Population == occupancy.Any {
			if overdue, ok := r.Shows(occupancy.Overdue); (ok && overdue != 12) || r.MedianStay != 4 {
				t.Errorf("%+v", r)
			}
			return
		}
	}
	t.Error("no row for the state")
}

func TestSeveralClocksAtOncePublishOneSnapshot(t *testing.T) {
	w := testworld.Open(t)
	w.Publish(t)
	key := history.HourKey("IN", w.Now())
	first, err := w.Store.Get(context.Background(), key, table.Strong)
	if err != nil || first == nil {
		t.Fatal(err)
	}
	w.Pass(30 * time.Minute)
	other := rollup.NewPublisher(w.Service, policy.Disclosure()) // a process that knows nothing of the first
	if err := other.Publish(context.Background()); err != nil {
		t.Fatal(err)
	}
	if again, err := w.Store.Get(context.Background(), key, table.Strong); err != nil || again.Version != 1 || again.WriteID != first.WriteID {
		t.Errorf("the snapshot of an hour was written twice: %+v %v", again, err)
	}
	for _, k := range []table.Key{history.DayKey(testworld.District, w.Now()), history.DayKey("IN-WB", w.Now()), history.SeriesKey("IN-WB", history.Hour, w.Now())} {
		if it, err := w.Store.Get(context.Background(), k, table.Strong); err != nil || it == nil {
			t.Errorf("%s is not there: %v", k, err)
		}
	}
}

// A feed that was cut brings an arrival, not that it was taken back, and then what
// happened since: they are counted nowhere all the same.
func TestAnArrivalTakenBackUnseenIsInNoFigure(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	p := arrivals(t, w, 1)[0]
	w.Feed(t)
	if n := people(t, w, p.Hold.Shelter); n == 0 {
		t.Fatal("nobody has arrived")
	}
	image := func() *table.Item {
		it, err := w.Store.Get(ctx, record.PlacementKey(p.ID), table.Strong)
		if err != nil {
			t.Fatal(err)
		}
		return it
	}
	o, err := w.Service.Undo(ctx, staff(p.Hold.Shelter), p.ID, referral.Command{Key: "not-000001", Payload: "not", Version: p.Version})
	do(t, o, err)
	unseen := image()
	o, err = w.Service.Cancel(ctx, team, p.ID, 0, referral.Command{Key: "cancel-001", Payload: "cancel", Version: unseen.Version})
	do(t, o, err)
	if err := rollup.NewKeeper(w.Store, w.Service.Policy, w.NewID, w.Service.Log).Apply(ctx, []table.Change{{Old: unseen, New: image()}}); err != nil {
		t.Fatal(err)
	}
	if n := people(t, w, p.Hold.Shelter); n != 0 {
		t.Errorf("%d persons are kept in %s", n, p.Hold.Shelter)
	}
}
