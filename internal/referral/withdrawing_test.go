package referral_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"panah/internal/code"
	"panah/internal/language"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/referral"
	"panah/internal/table"
	"panah/internal/testworld"
)

// women is a party of so many who decide for themselves.
func women(n int) placement.Request {
	r := placement.Request{RescuedAt: testworld.Start, Place: testworld.District, Limit: 3, HoldBest: true}
	for range n {
		r.Persons = append(r.Persons, placement.Person{Age: code.Age25To59, PlaceWith: code.Women, Languages: []language.Tag{"bn"}})
	}
	return r
}

// ownCode is the survivor's code of a placement.
func ownCode(t *testing.T, w *testworld.World, id string) string {
	t.Helper()
	given, err := w.Service.GiveStayCode(context.Background(), theDesk, id, 0, command("code of "+id, 0))
	if err != nil {
		t.Fatal(err)
	}
	return string(given.Code)
}

func withdraw(t *testing.T, w *testworld.World, said string) referral.OwnStay {
	t.Helper()
	own, err := w.Service.Speak(context.Background(), referral.Saying{Code: said, Ask: code.AskWithdraw}, command("withdraw", 0))
	if err != nil {
		t.Fatal(err)
	}
	return own
}

// isWithdrawn checks that nothing of a placement is shared any more.
func isWithdrawn(t *testing.T, w *testworld.World, id string, state placement.State) {
	t.Helper()
	p := stored(t, w, id)
	if p.Withdrawn.IsZero() || p.State != state || len(p.Request.Persons[0].Languages) > 0 || p.By != placement.SurvivorSubject {
		t.Errorf("%s: %s, withdrawn %v, languages %v, by %q", id, p.State, p.Withdrawn, p.Request.Persons[0].Languages, p.By)
	}
	if p.State == placement.Cancelled {
		for _, at := range []string{"WOMN", "WOM2"} {
			list, _, err := w.Service.Arrivals(context.Background(), staff(at), at, 100, "")
			for _, one := range list {
				if one.ID == id {
					t.Errorf("%s lists %s still", at, id)
				}
			}
			if err != nil {
				t.Error(err)
			}
		}
	}
}

// womenWorld has two homes for women.
func womenWorld(t *testing.T) *testworld.World {
	w := testworld.Open(t)
	w.Add(t, testworld.Home("WOM2", testworld.District, code.ShaktiSadan, testworld.Unit("WOM2", "women", code.Women, code.AdultBands, 90, 20)))
	return w
}

// Consent that is taken back ends the sharing wherever the party is to be moved.
func TestWithdrawalReachesATransferThatIsAskedFor(t *testing.T) {
	w := womenWorld(t)
	ctx, s := context.Background(), w.Service
	r := women(1)
	o := made(t)(s.Request(ctx, team, r, command("ask", 0)))
	said, house := ownCode(t, w, o.ID), staff(o.Hold.Shelter)
	made(t)(s.Receive(ctx, house, o.ID, command("came", 0)))
	r.HoldBest = false
	m := made(t)(s.Transfer(ctx, house, r, o.ID, command("transfer", 0)))
	r.HoldBest = true
	n := made(t)(s.Transfer(ctx, house, r, o.ID, command("another", 0)))
	if own := withdraw(t, w, said); own.Placement.State != placement.Arrived {
		t.Errorf("the stay is %s", own.Placement.State)
	}
	isWithdrawn(t, w, m.ID, placement.Superseded)
	isWithdrawn(t, w, n.ID, placement.Cancelled)
	account(t, w)
}

// The one code of a party takes consent back for those placed apart from it as well,
// and for what was asked for them since.
func TestWithdrawalReachesWhoeverWasPlacedApart(t *testing.T) {
	w := womenWorld(t)
	ctx, s := context.Background(), w.Service
	r := women(3)
	o := made(t)(s.Request(ctx, team, r, command("ask", 0)))
	said := ownCode(t, w, o.ID)
	o, apart, err := s.Split(ctx, team, o.ID, []int{1, 2}, code.ChosenBySelf, command("split", o.Version))
	if err != nil {
		t.Fatal(err)
	}
	p := stored(t, w, apart)
	_, second, err := s.Split(ctx, team, apart, []int{1}, code.ChosenBySelf, command("split again", p.Version))
	if err != nil {
		t.Fatal(err)
	}
	withdraw(t, w, said)
	isWithdrawn(t, w, apart, placement.Cancelled)
	isWithdrawn(t, w, second, placement.Cancelled)
	account(t, w)
}

// However many placements came of one, none is left, also where they do not fit in
// one write: the clock goes on with what a lost process has left.
func TestAWithdrawalThatDoesNotFitInOneWriteIsFinished(t *testing.T) {
	w := womenWorld(t)
	ctx, s := context.Background(), w.Service
	r := women(1)
	o := made(t)(s.Request(ctx, team, r, command("ask", 0)))
	said, house := ownCode(t, w, o.ID), staff(o.Hold.Shelter)
	made(t)(s.Receive(ctx, house, o.ID, command("came", 0)))
	var all []string
	r.HoldBest = false
	for i := range 70 {
		m := made(t)(s.Transfer(ctx, house, r, o.ID, command(fmt.Sprint("transfer ", i), 0)))
		all = append(all, m.ID)
	}
	withdraw(t, w, said)
	for i, id := range all {
		state := placement.Superseded
		if i == len(all)-1 {
			state = placement.Cancelled
		}
		isWithdrawn(t, w, id, state)
	}
	if p := stored(t, w, o.ID); len(p.Withdrawing) > 0 || !p.Due.IsZero() && !p.Due.After(w.Now()) {
		t.Errorf("left: %v, due %v", p.Withdrawing, p.Due)
	}
	account(t, w)
}

// What a lost process has left of a withdrawal the clock goes on with.
func TestTheClockFinishesAWithdrawal(t *testing.T) {
	w := womenWorld(t)
	ctx, s := context.Background(), w.Service
	o := made(t)(s.Request(ctx, team, women(1), command("ask", 0)))
	house := staff(o.Hold.Shelter)
	made(t)(s.Receive(ctx, house, o.ID, command("came", 0)))
	m := made(t)(s.Transfer(ctx, house, women(1), o.ID, command("transfer", 0)))
	p, _, err := stored(t, w, o.ID).Withdraw(w.Now())
	if err != nil {
		t.Fatal(err)
	}
	p.Withdrawing, p.Due = []string{m.ID}, w.Now()
	if err := w.Store.Write(ctx, table.Batch{WriteID: w.NewID(), Ops: []table.Op{table.PutOp(record.FromPlacement(p), p.Version)}}); err != nil {
		t.Fatal(err)
	}
	w.Pass(time.Minute)
	if _, err := s.Lapse(ctx); err != nil {
		t.Fatal(err)
	}
	isWithdrawn(t, w, m.ID, placement.Cancelled)
	if left := stored(t, w, o.ID).Withdrawing; len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	account(t, w)
}

// stored is a placement as it is stored.
func stored(t *testing.T, w *testworld.World, id string) placement.Placement {
	t.Helper()
	it, err := w.Store.Get(context.Background(), record.PlacementKey(id), table.Strong)
	if err != nil || it == nil {
		t.Fatal(id, err)
	}
	p, err := record.ToPlacement(it)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// heldAtMany gives a placement many shelters that have held beds for it.
func heldAtMany(t *testing.T, w *testworld.World, id string, n int) {
	t.Helper()
	p := stored(t, w, id)
	for i := range n {
		p.Past = append(p.Past, placement.Hold{Shelter: fmt.Sprintf("X%03d", i), Parts: []placement.Part{{Unit: "women", Persons: []int{0}}}})
	}
	if err := w.Store.Write(context.Background(), table.Batch{WriteID: w.NewID(), Ops: []table.Op{table.PutOp(record.FromPlacement(p), p.Version)}}); err != nil {
		t.Fatal(err)
	}
}

// everybodyIsTold checks that there is a notice for all a placement was shared with.
func everybodyIsTold(t *testing.T, w *testworld.World, id string, least int) {
	t.Helper()
	p := stored(t, w, id)
	for _, n := range p.Notices() {
		if it, err := w.Store.Get(context.Background(), record.NoticeKey(id, n.To), table.Strong); err != nil || it == nil {
			t.Fatalf("nobody has told %v: %v", n.To, err)
		}
	}
	if len(p.Notices()) < least || len(p.Untold) > 0 || !p.Due.IsZero() {
		t.Errorf("%d told, %d left, due %s", len(p.Notices()), len(p.Untold), p.Due)
	}
}

// However many shelters a placement was shared with, consent can be taken back, and all
// of them are told: of the placement itself at once, of one placed apart by the clock.
func TestConsentIsTakenBackHoweverManyHaveSeenThePlacement(t *testing.T) {
	for _, past := range []int{94, 97, 98, 250} {
		t.Run(fmt.Sprint(past), func(t *testing.T) {
			w := womenWorld(t)
			ctx, s := context.Background(), w.Service
			o := made(t)(s.Request(ctx, team, women(2), command("ask", 0)))
			_, apart, err := s.Split(ctx, team, o.ID, []int{1}, code.ChosenBySelf, command("split", o.Version))
			if err != nil {
				t.Fatal(err)
			}
			heldAtMany(t, w, o.ID, past)
			heldAtMany(t, w, apart, past)
			withdraw(t, w, ownCode(t, w, o.ID))
			if p := stored(t, w, o.ID); p.Withdrawn.IsZero() || p.State != placement.Cancelled {
				t.Fatalf("%s, withdrawn %s", p.State, p.Withdrawn)
			}
			isWithdrawn(t, w, apart, placement.Cancelled)
			everybodyIsTold(t, w, o.ID, past)
			for range 3 {
				w.Pass(time.Minute)
				if _, err := s.Lapse(ctx); err != nil {
					t.Fatal(err)
				}
			}
			everybodyIsTold(t, w, apart, past)
			account(t, w)
		})
	}
}
