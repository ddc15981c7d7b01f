package referral_test

import (
	"context"
	"testing"
	"time"

	"panah/internal/caller"
	"panah/internal/fault"
	"panah/internal/referral"
	"panah/internal/shelter"
	"panah/internal/testworld"
)

var vetter = caller.Caller{Subject: testworld.Ministry, Role: caller.Ministry, Scope: "IN"}

// A hold pressed before a release and delivered after it: whether it names the
// version or the hold it was about, it acts on nothing newer.
func TestAnOldHoldAfterAReleaseIsRefused(t *testing.T) {
	for name, old := range map[string]referral.Command{
		"by version": {Key: "old", Payload: "old", Version: 2},
		"by hold":    {Key: "old", Payload: "old", HoldNo: 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := testworld.Open(t)
			ctx, s := context.Background(), w.Service
			o := request(t, w, "one", false)
			mustHold(t, w, o.ID, "GRLS", "hold", 1)
			if _, err := s.Release(ctx, team, o.ID, command("release", 2)); err != nil {
				t.Fatal(err)
			}
			w.Pass(6 * 24 * time.Hour)
			if _, err := s.Hold(ctx, team, o.ID, "", old); !fault.Is(err, fault.StaleVersion) {
				t.Fatalf("it was answered %v", err)
			}
			account(t, w)
		})
	}
}

// A shelter is closed, then resumed; a copy of the closing comes days later.
func TestALateCopyOfAClosingClosesNothing(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	set := func(to shelter.Status, key string) referral.ShelterView {
		t.Helper()
		who := vetter
		if to == shelter.Closed {
			who = staff("GRLS")
		}
		v, err := s.SetStatus(ctx, who, "GRLS", to, command(key, 0))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	set(shelter.Closed, "close")
	set(shelter.Closed, "close too")
	set(shelter.Active, "resume")
	w.Pass(6 * 24 * time.Hour)
	for _, copy := range []string{"close", "close too", "close"} {
		if v := set(shelter.Closed, copy); v.Status != shelter.Active {
			t.Fatalf("a late copy of %q made it %d", copy, v.Status)
		}
	}
	if v := set(shelter.Closed, "close again"); v.Status != shelter.Closed {
		t.Fatal("it cannot be closed any more")
	}
	if _, err := s.SetStatus(ctx, vetter, "GRLS", shelter.Suspended, referral.Command{Key: "resume", Payload: "other"}); !fault.Is(err, fault.KeyReused) {
		t.Fatalf("a key used for two things: %v", err)
	}
}

// Resuming a shelter that takes part changes nothing that somebody must read
// again, and its late copy resumes none that was suspended since.
func TestResumingWhatTakesPartChangesNothing(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	before, err := s.Shelter(ctx, vetter, "GRLS")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		v, err := s.SetStatus(ctx, vetter, "GRLS", shelter.Active, command("resume", 0))
		if err != nil || v.Edition() != before.Edition() || v.Rev != before.Rev || v.By != before.By {
			t.Fatalf("edition %d, was %d: %v", v.Edition(), before.Edition(), err)
		}
	}
	longer := shelter.Facts(before.Shelter, before.Units)
	longer.MaxStayDays = 90
	if v, err := s.Update(ctx, vetter, "GRLS", before.Edition(), longer); err != nil || v.Edition() != before.Edition()+1 {
		t.Fatalf("a change made on what was read before: %v", err)
	}
	if _, err := s.SetStatus(ctx, vetter, "GRLS", shelter.Suspended, command("suspend", 0)); err != nil {
		t.Fatal(err)
	}
	if v, err := s.SetStatus(ctx, vetter, "GRLS", shelter.Active, command("resume", 0)); err != nil || v.Status != shelter.Suspended {
		t.Fatalf("a late copy resumed it: %v", err)
	}
}

// Taking a count back, sent again because the answer was lost, is the same
// success; a copy that comes after the next count takes that one not back.
func TestALateCopyOfTakingACountBackTakesBackNoOther(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	count := func(present int, match uint64) {
		t.Helper()
		w.Pass(time.Minute)
		if _, err := s.Count(ctx, staff("GRLS"), "GRLS", "girls", census(present, w.Now(), match)); err != nil {
			t.Fatal(err)
		}
	}
	back := func(want int) {
		t.Helper()
		u, err := s.UndoCount(ctx, staff("GRLS"), "GRLS", "girls", command("back", 2))
		if err != nil || u.Counts().Occupied() != want {
			t.Fatalf("%+v %v", u.Counts(), err)
		}
	}
	count(33, 1)
	back(10)
	back(10)
	count(12, 3)
	back(12)
}

// Taking a count back that was sent hours ago and arrives only now takes back no
// newer count.
func TestTakingACountBackThatComesLateTakesBackNoNewerOne(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	for i, present := range []int{12, 20} {
		w.Pass(5 * time.Hour)
		if _, err := s.Count(ctx, staff("GRLS"), "GRLS", "girls", census(present, w.Now(), uint64(i)+1)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.UndoCount(ctx, staff("GRLS"), "GRLS", "girls", command("queued", 2)); !fault.Is(err, fault.StaleVersion) {
		t.Errorf("taken back: %v", err)
	}
	if _, err := s.UndoCount(ctx, staff("GRLS"), "GRLS", "girls", command("unnamed", 0)); !fault.Is(err, fault.Invalid) {
		t.Errorf("without saying which: %v", err)
	}
	if u := w.Unit(t, "GRLS", "girls"); u.Counts().Occupied() != 20 {
		t.Errorf("%d are there", u.Counts().Occupied())
	}
}

// A request for a survivor's code that comes days late replaces no newer code.
func TestARequestForACodeThatComesLateReplacesNoNewerOne(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o := made(t)(s.Request(ctx, team, girl(), command("ask", 0)))
	newer, err := s.GiveStayCode(ctx, theDesk, o.ID, 0, command("desk", 0))
	if err != nil {
		t.Fatal(err)
	}
	w.Pass(3 * 24 * time.Hour)
	if _, err := s.GiveStayCode(ctx, team, o.ID, 0, command("queued", 0)); !fault.Is(err, fault.StaleVersion) {
		t.Errorf("made all the same: %v", err)
	}
	if _, err := s.Speak(ctx, referral.Saying{Code: string(newer.Code)}, command("view", 0)); err != nil {
		t.Errorf("the newer code: %v", err)
	}
	if next, err := s.GiveStayCode(ctx, theDesk, o.ID, newer.No, command("lost", 0)); err != nil || next.No != 2 {
		t.Errorf("in its place: %+v %v", next, err)
	}
}
