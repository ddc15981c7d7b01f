package referral_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"panah/internal/caller"
	"panah/internal/code"
	"panah/internal/fault"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/referral"
	"panah/internal/table"
	"panah/internal/testworld"
)

// heldWoman is a placement that rests on a woman's own consent, and her code.
func heldWoman(t *testing.T, w *testworld.World) (referral.Outcome, placement.StayCode) {
	t.Helper()
	r := girl()
	r.Persons = []placement.Person{{Age: code.Age25To59, PlaceWith: code.Women}}
	o, err := w.Service.Request(context.Background(), team, r, command("ask", 0))
	if err != nil || o.State != placement.Held {
		t.Fatal(o.State, err)
	}
	made, err := w.Service.GiveStayCode(context.Background(), team, o.ID, 0, command("code", 0))
	if err != nil {
		t.Fatal(err)
	}
	return o, made.Code
}

func withdraws(t *testing.T, w *testworld.World, said placement.StayCode) {
	t.Helper()
	if _, err := w.Service.Speak(context.Background(), referral.Saying{Code: string(said), Ask: code.AskWithdraw}, command("withdraw", 0)); err != nil {
		t.Fatal(err)
	}
}

// Whoever may not read a placement any more moves it no more either, but that the
// party came is a fact.
func TestWhatIsGoneIsMovedByNobodyButWhoeverTookThemIn(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	s := w.Service
	o, said := heldWoman(t, w)
	withdraws(t, w, said)
	if _, err := s.Cancel(ctx, team, o.ID, 0, command("cancel", 2)); !fault.Is(err, fault.Gone) {
		t.Errorf("the team cancels: %v", err)
	}
	if _, err := s.Accept(ctx, staff("WOMN"), o.ID, command("accept", 2)); !fault.Is(err, fault.Gone) {
		t.Errorf("the shelter accepts: %v", err)
	}
	if p, err := s.Placement(ctx, desk, o.ID); err != nil || len(mustNext(s, desk, p)) != 0 {
		t.Errorf("the desk could %v, %v", mustNext(s, desk, p), err)
	}
	if p := at(t, w, o.ID); len(mustNext(s, team, p)) != 0 {
		t.Errorf("the team could %v", mustNext(s, team, p))
	}
	if p := at(t, w, o.ID); !slices.Equal(mustNext(s, staff("WOMN"), p), []placement.Move{placement.MoveReceive}) {
		t.Errorf("the shelter could %v", mustNext(s, staff("WOMN"), p))
	}
	came, err := s.Receive(ctx, staff("WOMN"), o.ID, command("came", 0))
	if err != nil || came.State != placement.Arrived {
		t.Errorf("she came: %s, %v", came.State, err)
	}
}

func mustNext(s *referral.Service, c caller.Caller, p placement.Placement) []placement.Move {
	return s.Next(context.Background(), c, p)
}

// A device that is told by its list that consent was taken back has been told, also
// where the book knows of it only later.
func TestADeviceThatIsToldOfAWithdrawalIsOnRecord(t *testing.T) {
	for _, c := range []struct {
		name    string
		subject string
		side    placement.Side
		booked  bool
	}{
		{"the team, from its book", testworld.Team, placement.Team, true},
		{"the team, before its book knows", testworld.Team, placement.Team, false},
		{"the shelter, from its book", testworld.StaffOf("WOMN"), placement.House, true},
		{"the shelter, before its book knows", testworld.StaffOf("WOMN"), placement.House, false},
	} {
		ctx, w := context.Background(), testworld.Open(t)
		o, said := heldWoman(t, w)
		w.Feed(t)
		withdraws(t, w, said)
		if c.booked {
			w.Feed(t)
		}
		w.Pass(time.Minute)
		d, err := w.Service.Sync(ctx, c.subject, "", 10)
		if err != nil || len(d.Placements) != 0 || len(d.Gone) != 1 || d.Gone[0].Why != placement.GoneWithdrawn {
			t.Errorf("%s: %+v, %v", c.name, d, err)
		}
		_, notices, err := w.Service.Receipts(ctx, desk, o.ID)
		if err != nil || len(notices) != 2 {
			t.Fatalf("%s: %+v, %v", c.name, notices, err)
		}
		for _, n := range notices {
			if told := n.To.Side == c.side; n.Delivered.Equal(w.Now()) != told || n.Delivered.IsZero() == told {
				t.Errorf("%s: %v was told at %v", c.name, n.To, n.Delivered)
			}
		}
	}
}

// A device forgets what was erased as of the version at which it was, though its
// book knows of the one before only.
func TestADeviceForgetsWhatWasErasedAtItsLastVersion(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	o, _ := heldWoman(t, w)
	w.Feed(t)
	erased := table.Item{Key: record.PlacementKey(o.ID), Tombstone: true}
	if err := w.Store.Write(ctx, table.Batch{WriteID: w.NewID(), Ops: []table.Op{table.PutOp(erased, o.Version)}}); err != nil {
		t.Fatal(err)
	}
	d, err := w.Service.Sync(ctx, testworld.Team, "", 10)
	if want := (referral.Tombstone{ID: o.ID, Version: o.Version + 1, Why: placement.GoneErased}); err != nil || len(d.Gone) != 1 || d.Gone[0] != want {
		t.Errorf("%+v, %v, want %+v", d.Gone, err, want)
	}
}

// A team whose own list does not show a placement any more has been told by that.
func TestATeamIsToldOfAWithdrawalByItsList(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	o, said := heldWoman(t, w)
	withdraws(t, w, said)
	w.Pass(time.Minute)
	if _, _, err := w.Service.Mine(ctx, team, 5, ""); err != nil {
		t.Fatal(err)
	}
	_, notices, err := w.Service.Receipts(ctx, desk, o.ID)
	if err != nil || len(notices) != 2 {
		t.Fatalf("%+v, %v", notices, err)
	}
	for _, n := range notices {
		if toTeam := n.To.Side == placement.Team; n.Delivered.Equal(w.Now()) != toTeam {
			t.Errorf("%v was told at %v", n.To, n.Delivered)
		}
	}
}
