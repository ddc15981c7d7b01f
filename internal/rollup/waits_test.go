package rollup_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"panah/internal/code"
	"panah/internal/history"
	"panah/internal/occupancy"
	"panah/internal/place"
	"panah/internal/placement"
	"panah/internal/referral"
	"panah/internal/testworld"
)

// home lets some parties wait to be brought home since so many days ago.
func home(t *testing.T, w *testworld.World, parties []placement.Placement, to place.Code, days int) {
	t.Helper()
	for i, p := range parties {
		o, err := w.Service.Decide(context.Background(), desk, p.ID, referral.DecideCommand{What: code.RepatriationOrdered, ReturnTo: to, WaitingSince: w.Now().AddDate(0, 0, -days),
			Command: referral.Command{Key: fmt.Sprintf("home-%s-%06d", to, i), Payload: "home"}})
		do(t, o, err)
	}
}

// waitsOf are the waits published of a month: what is withheld is -1.
func waitsOf(t *testing.T, w *testworld.World, month time.Time) map[string]int {
	t.Helper()
	flows, err := history.NewReader(w.Store).Flows(context.Background(), testworld.District, month, month)
	if err != nil || len(flows) != 1 {
		t.Fatalf("%+v %v", flows, err)
	}
	out := map[string]int{}
	for _, f := range flows[0].Facts[occupancy.Returns.Name] {
		if f.Place == testworld.District {
			out[f.Code+" "+f.Second] = -1
			if !f.Withheld {
				out[f.Code+" "+f.Second] = f.Values[0]
			}
		}
	}
	return out
}

func TestWaitsForRepatriationAreCountedAtTheEndOfTheMonth(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	all := arrivals(t, w, 37)
	home(t, w, all[:13], "BD", 400)
	home(t, w, all[13:24], "BD", 100)
	home(t, w, all[24:35], "IN-BR", 10)
	home(t, w, all[35:37], "NP", 200)
	o, err := w.Service.End(ctx, staff(all[0].Hold.Shelter), all[0].ID, nil, code.EndHome, referral.Command{Key: "end-000001", Payload: "end"})
	do(t, o, err)
	o, err = w.Service.Decide(ctx, desk, all[1].ID, referral.DecideCommand{What: code.RepatriationWithdrawn, Command: referral.Command{Key: "stay-00001", Payload: "stay"}})
	do(t, o, err)
	w.Feed(t)
	again(t, w)
	w.Pass(16 * 24 * time.Hour)
	o, err = w.Service.End(ctx, staff(all[2].Hold.Shelter), all[2].ID, nil, code.EndHome, referral.Command{Key: "end-000002", Payload: "end"})
	do(t, o, err) // in December: at the end of November they waited
	w.Feed(t)
	w.Publish(t)
	got := waitsOf(t, w, time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC))
	for what, n := range map[string]int{"BD ": 22, "BD 365_days_and_more": 11, "BD over_365": 11, "BD 90_to_179_days": 11, "BD over_90": 22, "BD over_180": 11, "IN ": 11, " ": 35} {
		if got[what] != n && got[what] != -1 { // some are withheld for the two of whom nothing is told
			t.Errorf("%q is %d, not %d: %v", what, got[what], n, got)
		}
	}
	if got["BD over_365"] != 11 || got["IN "] != 11 || got[" "] != 35 {
		t.Errorf("too much is withheld: %v", got)
	}
	if got["NP "] != -1 || got["NP over_180"] != -1 {
		t.Errorf("two persons are shown: %v", got)
	}
	if rest := got[" "] - got["BD "] - got["IN "]; got[" "] >= 0 && got["BD "] >= 0 && got["IN "] >= 0 {
		t.Errorf("the parts shown leave %d persons for the one withheld", rest)
	}
	w.Pass(62 * 24 * time.Hour) // nothing was published of December, and another year has begun
	w.Publish(t)
	for what, n := range waitsOf(t, w, time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)) {
		if n >= 0 && got[what] == -1 {
			t.Errorf("%q was withheld and is shown two months later: the same persons wait", what)
		}
	}
}

func TestAPlacementIsKeptWithItsReturn(t *testing.T) {
	w := testworld.Open(t)
	p := arrivals(t, w, 1)
	home(t, w, p, "BD", 30)
	before, err := w.Service.Decide(t.Context(), desk, p[0].ID, referral.DecideCommand{What: code.RepatriationOrdered, ReturnTo: "NP", Command: referral.Command{Key: "home-again-1", Payload: "home"}})
	after := do(t, before, err)
	undone, err := w.Service.Undo(t.Context(), desk, after.ID, referral.Command{Key: "undo-00001", Payload: "undo", Version: after.Version})
	if back := do(t, undone, err); back.Return.To != "BD" || !back.Return.Since.Equal(w.Now().AddDate(0, 0, -30)) {
		t.Errorf("%+v", back.Return)
	}
}
