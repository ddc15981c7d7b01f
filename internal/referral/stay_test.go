package referral_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"panah/internal/caller"
	"panah/internal/code"
	"panah/internal/embedded"
	"panah/internal/fault"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/referral"
	"panah/internal/table"
	"panah/internal/table/tabletest"
	"panah/internal/testworld"
)

// A wrong code is looked up once, whatever is wrong with it: how long an answer
// takes tells nothing.
func TestEveryWrongCodeCostsOneRead(t *testing.T) {
	raw, err := embedded.Open(filepath.Join(t.TempDir(), "panah.db"), embedded.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close() })
	probe := &tabletest.Probe{Store: raw}
	w := testworld.On(t, probe)
	ctx := context.Background()
	team := caller.Caller{Subject: testworld.Team, Role: caller.Rescue, Scope: "team-a"}
	p, err := w.Service.Request(ctx, team, placement.Request{RescuedAt: testworld.Start, Place: testworld.District, Limit: 1,
		Persons: []placement.Person{{Age: code.Age25To59, PlaceWith: code.Women}}}, referral.Command{Key: "ask", Payload: "ask"})
	if err != nil {
		t.Fatal(err)
	}
	var codes []placement.StayCode
	for i, key := range []string{"code-1", "code-2"} {
		made, err := w.Service.GiveStayCode(ctx, team, p.ID, i, referral.Command{Key: key, Payload: "code"})
		if err != nil {
			t.Fatal(err)
		}
		codes = append(codes, made.Code)
	}
	for name, said := range map[string]string{"replaced": string(codes[0]), "another secret's": string(placement.MakeStayCode([]byte("x"), p.ID, 2)), "no code at all": "hello", "empty": "",
		"mistaken": "0" + string(codes[1][1:15]) + "00"} {
		before := len(probe.Sites)
		_, err := w.Service.Speak(ctx, referral.Saying{Code: said}, referral.Command{Key: "view", Payload: "view"})
		if n := len(probe.Sites) - before; n != 1 || !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: %d reads, %v", name, n, err)
		}
	}
	if _, err := w.Service.Speak(ctx, referral.Saying{Code: codes[1].String()}, referral.Command{Key: "view", Payload: "view"}); err != nil {
		t.Error(err)
	}
}

// What is said with a code is on record as the survivor's, in the audit of the
// voice or, for a withdrawal, of the placement; no code is stored anywhere.
func TestWhatASurvivorSaysIsOnRecordAndTheirCodeIsNot(t *testing.T) {
	w := testworld.Open(t)
	ctx := context.Background()
	team := caller.Caller{Subject: testworld.Team, Role: caller.Rescue, Scope: "team-a"}
	p, err := w.Service.Request(ctx, team, placement.Request{RescuedAt: testworld.Start, Place: testworld.District, Limit: 1,
		Persons: []placement.Person{{Age: code.Age25To59, PlaceWith: code.Women}}}, referral.Command{Key: "ask", Payload: "ask"})
	if err != nil {
		t.Fatal(err)
	}
	made, err := w.Service.GiveStayCode(ctx, team, p.ID, 0, referral.Command{Key: "code", Payload: "code"})
	if err != nil {
		t.Fatal(err)
	}
	say := func(ask code.StayAsk, key string) (referral.OwnStay, error) {
		return w.Service.Speak(ctx, referral.Saying{Code: string(made.Code), Ask: ask}, referral.Command{Key: key, Payload: code.StayAsks.Name(ask)})
	}
	if _, err := say(code.AskMove, "one"); err != nil {
		t.Fatal(err)
	}
	if again, err := say(code.AskMove, "one"); err != nil || !again.Replayed || len(again.Voice.Said) != 1 {
		t.Fatalf("said again: %+v, %v", again.Voice, err)
	}
	if _, err := say(code.AskWithdraw, "one"); !fault.Is(err, fault.KeyReused) {
		t.Fatalf("one key for two things: %v", err)
	}
	if _, err := say(code.AskWithdraw, "two"); err != nil {
		t.Fatal(err)
	}
	if _, err := say(code.AskComplain, "two"); !fault.Is(err, fault.Invalid) {
		t.Fatalf("a complaint of nothing: %v", err)
	}
	if _, err := say(code.AskLeave, "three"); !fault.Is(err, fault.IllegalMove) {
		t.Fatalf("a wish to leave what is over: %v", err)
	}
	for _, key := range []table.Key{record.PlacementKey(p.ID), record.VoiceKey(p.ID)} {
		it, err := w.Store.Get(ctx, key, table.Strong)
		if err != nil || it == nil {
			t.Fatal(key, err)
		}
		by := ""
		if stored, err := record.ToPlacement(it); err == nil && record.IsPlacement(key) {
			by = stored.By
		} else if v, err := record.ToVoice(it); err == nil {
			by = v.By
		}
		if by != placement.SurvivorSubject {
			t.Errorf("%s was changed by %q", key, by)
		}
	}
	feed := w.Store.(table.Feed)
	changes, _, err := feed.Changes(ctx, "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range changes {
		if raw := string(c.New.Body) + c.New.PK + c.New.SK; strings.Contains(raw, string(made.Code)) || strings.Contains(raw, made.Code.String()) {
			t.Errorf("%s holds the code", c.New.Key)
		}
	}
}

// The same complaint while the desk has not looked at the first is heard and adds no
// alert; once it has been looked at, or of another kind, it is told anew.
func TestAComplaintSaidAgainDoesNotFloodTheDesk(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	p, err := s.Request(ctx, team, placement.Request{RescuedAt: testworld.Start, Place: testworld.District, Limit: 1,
		Persons: []placement.Person{{Age: code.Age25To59, PlaceWith: code.Women}}}, referral.Command{Key: "ask", Payload: "ask"})
	if err != nil {
		t.Fatal(err)
	}
	made, err := s.GiveStayCode(ctx, team, p.ID, 0, referral.Command{Key: "code", Payload: "code"})
	if err != nil {
		t.Fatal(err)
	}
	keys := 0
	complain := func(about code.Complaint, open int) {
		t.Helper()
		w.Pass(time.Minute)
		keys++
		o, err := s.Speak(ctx, referral.Saying{Code: string(made.Code), Ask: code.AskComplain, About: &about}, referral.Command{Key: fmt.Sprint("c", keys), Payload: "c"})
		if err != nil || o.Replayed || !o.Voice.Said[len(o.Voice.Said)-1].At.Equal(w.Now()) {
			t.Fatalf("not heard: %+v %v", o.Voice, err)
		}
		if list := alerts(t, w); len(list) != open {
			t.Fatalf("%d alerts, want %d: %+v", len(list), open, list)
		}
	}
	for range 40 {
		complain(0, 1)
	}
	complain(1, 2)
	complain(0, 2)
	first := alerts(t, w)[0]
	if _, err := s.Acknowledge(ctx, desk, first.District, first.ID); err != nil {
		t.Fatal(err)
	}
	complain(1, 1)
	complain(0, 2)
}

// What was heard while the answer was lost is no repeat: nobody said it twice.
func TestWhatIsHeardThoughTheAnswerWasLostIsNoRepeat(t *testing.T) {
	w, m := openMoody(t)
	ctx := context.Background()
	_, said := heldWoman(t, w)
	lost := 0
	m.write = func(b table.Batch) error {
		if lost++; lost > 1 {
			return errPass
		}
		return errors.Join(table.ErrUnknown, m.Store.Write(ctx, b))
	}
	for _, again := range []bool{false, true} {
		o, err := w.Service.Speak(ctx, referral.Saying{Code: string(said), Ask: code.AskMove}, command("say", 0))
		if err != nil || o.Replayed != again || len(o.Voice.Said) != 1 {
			t.Errorf("a repeat: %v, want %v; said %+v, %v", o.Replayed, again, o.Voice.Said, err)
		}
	}
}
