package referral_test

import (
	"context"
	"errors"
	"testing"

	"panah/internal/caller"
	"panah/internal/code"
	"panah/internal/fault"
	"panah/internal/placement"
	"panah/internal/referral"
	"panah/internal/shelter"
	"panah/internal/sms"
	"panah/internal/testworld"
)

var carrier = caller.Caller{Subject: testworld.Carrier, Role: caller.Carrier, Scope: "IN"}

// staffPhone is a number that counts beds of HOMA.
const staffPhone = "+12025550143"

func text(w *testworld.World, key, words string) referral.TextMessage {
	return referral.TextMessage{Key: key, From: staffPhone, Text: words, ReceivedAt: w.Now()}
}

func registerPhone(t *testing.T, w *testworld.World) {
	t.Helper()
	if _, err := w.Service.SetNumbers(context.Background(), staff("HOMA"), "HOMA", []string{staffPhone}, 0); err != nil {
		t.Fatal(err)
	}
}

// newMember is what a ministry gives.
func newMember(subject string) caller.Membership {
	return caller.Membership{Caller: caller.Caller{Subject: subject, Role: caller.Rescue, Scope: "team-new"}, Region: "IN-WB"}
}

// heardCommands are commands of members, phones and survivors, each with what must
// be there before.
func heardCommands() map[string]func(t *testing.T, w *testworld.World) func() error {
	ctx := context.Background()
	messages := func(before ...string) func(t *testing.T, w *testworld.World) func() error {
		return func(t *testing.T, w *testworld.World) func() error {
			registerPhone(t, w)
			last := len(before) - 1
			for i, words := range before[:last] {
				if r, err := w.Service.Message(ctx, carrier, text(w, string(rune('a'+i)), words)); err != nil || !r.Changed {
					t.Fatal(r, err)
				}
			}
			return func() error {
				r, err := w.Service.Message(ctx, carrier, text(w, "last", before[last]))
				if err == nil && !r.Changed {
					err = errors.New("nothing was changed: " + r.Text)
				}
				return err
			}
		}
	}
	says := func(say referral.Saying) func(t *testing.T, w *testworld.World) func() error {
		return func(t *testing.T, w *testworld.World) func() error {
			_, said := heldWoman(t, w)
			return func() error {
				say := say
				say.Code = string(said)
				_, err := w.Service.Speak(ctx, say, command("say", 0))
				return err
			}
		}
	}
	return map[string]func(t *testing.T, w *testworld.World) func() error{
		"stay code": func(t *testing.T, w *testworld.World) func() error {
			o, _ := heldWoman(t, w)
			return func() error {
				made, err := w.Service.GiveStayCode(ctx, team, o.ID, 1, command("another code", 0))
				if err == nil && (made.No != 2 || made.Code == "") {
					err = errors.New("another code was made")
				}
				return err
			}
		},
		"wish":     says(referral.Saying{Ask: code.AskMove}),
		"withdraw": says(referral.Saying{Ask: code.AskWithdraw}),
		"complaint": func(t *testing.T, w *testworld.World) func() error {
			o, said := heldWoman(t, w)
			if _, err := w.Service.Receive(ctx, staff(o.Hold.Shelter), o.ID, command("came", 0)); err != nil {
				t.Fatal(err)
			}
			return func() error {
				about := seriousComplaint()
				_, err := w.Service.Speak(ctx, referral.Saying{Code: string(said), Ask: code.AskComplain, About: &about}, command("say", 0))
				return err
			}
		},
		"numbers": func(_ *testing.T, w *testworld.World) func() error {
			return func() error {
				_, err := w.Service.SetNumbers(ctx, staff("HOMA"), "HOMA", []string{staffPhone}, 0)
				return err
			}
		},
		"message same": messages("SAME"),
		"message undo": messages("BEDS G 3", "UNDO"),
		"grant": func(_ *testing.T, w *testworld.World) func() error {
			return func() error {
				_, err := w.Service.Grant(ctx, ministry, newMember("subject-new-one"), 0)
				return err
			}
		},
		"revoke": func(t *testing.T, w *testworld.World) func() error {
			if _, err := w.Service.Grant(ctx, ministry, newMember("subject-new-one"), 0); err != nil {
				t.Fatal(err)
			}
			return func() error {
				_, _, err := w.Service.Revoke(ctx, ministry, "subject-new-one", command("revoke", 1))
				return err
			}
		},
	}
}

func seriousComplaint() (about code.Complaint) {
	for !about.Serious() {
		about++
	}
	return about
}

// heardQuestions are what members, devices and survivors ask.
func heardQuestions() map[string]func(w *testworld.World, o referral.Outcome) error {
	ctx := context.Background()
	return map[string]func(w *testworld.World, o referral.Outcome) error{
		"sync": func(w *testworld.World, _ referral.Outcome) error {
			_, err := w.Service.Sync(ctx, testworld.Team, "", 5)
			return err
		},
		"members": func(w *testworld.World, _ referral.Outcome) error {
			_, _, err := w.Service.Members(ctx, ministry, "", 5, "")
			return err
		},
		"message help": func(w *testworld.World, _ referral.Outcome) error {
			_, err := w.Service.Message(ctx, carrier, text(w, "help", "HELP"))
			return err
		},
		"own stay": func(w *testworld.World, o referral.Outcome) error {
			made, err := w.Service.GiveStayCode(ctx, team, o.ID, 0, command("code", 0))
			if err == nil {
				_, err = w.Service.Speak(ctx, referral.Saying{Code: string(made.Code)}, command("view", 0))
			}
			return err
		},
		"receipts": func(w *testworld.World, o referral.Outcome) error {
			_, _, err := w.Service.Receipts(ctx, desk, o.ID)
			return err
		},
	}
}

// A number that counts for nobody hears one sentence whatever it says, and one that
// counts is answered as it was, also when the answer is asked for again later.
func TestAMessageIsAnsweredOnceAndThenAsItWas(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	if r, err := w.Service.Message(ctx, carrier, text(w, "before", "HELP")); err != nil || r.Text != sms.Neutral {
		t.Fatal(r, err)
	}
	registerPhone(t, w)
	first, err := w.Service.Message(ctx, carrier, text(w, "one", "BEDS G 3"))
	if err != nil || !first.Changed || first.Replayed {
		t.Fatal(first, err)
	}
	for i := range 5 { // six are remembered
		if _, err := w.Service.Message(ctx, carrier, text(w, string(rune('a'+i)), "HELP")); err != nil {
			t.Fatal(err)
		}
	}
	again, err := w.Service.Message(ctx, carrier, text(w, "one", "BEDS G 3"))
	if err != nil || !again.Replayed || !again.Changed || again.Text != first.Text {
		t.Errorf("again %+v, %v", again, err)
	}
	if _, err := w.Service.Message(ctx, carrier, text(w, "one", "BEDS G 4")); !fault.Is(err, fault.KeyReused) {
		t.Errorf("another message under its key: %v", err)
	}
	early := text(w, "early", "HELP")
	early.ReceivedAt = w.Now().Add(2 * shelter.ClockSlack)
	if _, err := w.Service.Message(ctx, carrier, early); !fault.Is(err, fault.Invalid) {
		t.Errorf("from the future: %v", err)
	}
}

// A shelter whose member of staff went elsewhere is counted by that phone no more.
func TestAPhoneCountsNoLongerThanItsMemberIsStaff(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	registerPhone(t, w)
	moved := caller.Membership{Caller: caller.Caller{Subject: testworld.StaffOf("HOMA"), Role: caller.Shelter, Scope: "HOMB"}}
	if _, err := w.Service.Grant(ctx, ministry, moved, 1); err != nil {
		t.Fatal(err)
	}
	r, err := w.Service.Message(ctx, carrier, text(w, "one", "SAME"))
	if err != nil || r.Text != sms.Neutral || r.Changed {
		t.Errorf("%+v, %v", r, err)
	}
	elsewhere := carrier
	elsewhere.Scope = "IN-KA"
	if r, err := w.Service.Message(ctx, elsewhere, text(w, "two", "SAME")); err != nil || r.Text != sms.Neutral {
		t.Errorf("a carrier of another state: %+v, %v", r, err)
	}
}

// Sent over the version it made it is the same success; over any other, and of
// anybody else, it is refused.
func TestAMembershipIsGivenOverWhatTheSenderSaw(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	s, m := w.Service, newMember("subject-new-one")
	if _, err := s.Grant(ctx, ministry, m, 3); !fault.Is(err, fault.NotFound) {
		t.Errorf("over a version that is not there: %v", err)
	}
	first, err := s.Grant(ctx, ministry, m, 0)
	if err != nil || first.Version != 1 || first.By != ministry.Subject || !first.Since.Equal(w.Now()) {
		t.Fatalf("%+v, %v", first, err)
	}
	other := ministry
	other.Subject = "subject-another-ministry"
	for _, c := range []struct {
		name string
		by   caller.Caller
		over uint64
		want fault.Kind
	}{
		{"the answer was lost", ministry, 0, ""},
		{"nothing is to be changed", ministry, 1, ""},
		{"nothing is to be changed by another", other, 1, ""},
		{"another gave it meanwhile", other, 0, fault.Precondition},
		{"over a version there is not yet", ministry, 2, fault.Precondition},
	} {
		got, err := s.Grant(ctx, c.by, m, c.over)
		if c.want == "" && (err != nil || got.Version != 1) || c.want != "" && !fault.Is(err, c.want) {
			t.Errorf("%s: version %d, %v", c.name, got.Version, err)
		}
	}
	gone, replayed, err := s.Revoke(ctx, ministry, m.Subject, command("revoke", 1))
	if err != nil || replayed || gone.Version != 2 || gone.InForce() {
		t.Fatalf("%+v, %v", gone, err)
	}
	if again, replayed, err := s.Revoke(ctx, ministry, m.Subject, command("revoke", 1)); err != nil || !replayed || again.Version != 2 {
		t.Errorf("again: version %d, %v", again.Version, err)
	}
	if _, _, err := s.Revoke(ctx, ministry, m.Subject, command("revoke anew", 1)); !fault.Is(err, fault.StaleVersion) {
		t.Errorf("over an older version: %v", err)
	}
	if _, _, err := s.Revoke(ctx, ministry, "subject-nobody-knows", command("revoke", 1)); !fault.Is(err, fault.NotFound) {
		t.Errorf("of nobody: %v", err)
	}
	if back, err := s.Grant(ctx, ministry, m, 2); err != nil || back.Version != 3 || !back.InForce() {
		t.Errorf("given again: %+v, %v", back, err)
	}
}

// Whoever made a code is shown it again, and the placement neither changes nor grows
// older by it.
func TestACodeIsShownAgainToWhoMadeItOnly(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	o, said := heldWoman(t, w)
	again, err := w.Service.GiveStayCode(ctx, team, o.ID, 0, command("code", 0))
	if err != nil || !again.Replayed || again.Code != said || again.No != 1 {
		t.Errorf("again %+v, %v", again, err)
	}
	if _, err := w.Service.GiveStayCode(ctx, team, "p_NONE", 0, command("code", 0)); !fault.Is(err, fault.NotFound) {
		t.Errorf("of nobody: %v", err)
	}
	if p := at(t, w, o.ID); p.Version != o.Version || p.State != placement.Held {
		t.Errorf("the placement has changed: %d", p.Version)
	}
}

// A role given or taken away counts at once in the process that did it, whatever it
// remembered of the subject.
func TestARoleGivenOrTakenAwayCountsAtOnce(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	s := w.Service
	if _, err := s.Caller(ctx, "subject-new-one"); !fault.Is(err, fault.Forbidden) {
		t.Fatalf("before: %v", err)
	}
	if _, err := s.Grant(ctx, ministry, newMember("subject-new-one"), 0); err != nil {
		t.Fatal(err)
	}
	if c, err := s.Caller(ctx, "subject-new-one"); err != nil || c.Team() != "team-new" {
		t.Errorf("given: %+v, %v", c, err)
	}
	if _, _, err := s.Revoke(ctx, ministry, "subject-new-one", command("revoke", 1)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Caller(ctx, "subject-new-one"); !fault.Is(err, fault.Forbidden) {
		t.Errorf("taken away: %v", err)
	}
}

// A number that another of the staff has written counts as theirs from then on: it
// goes on when whoever wrote it first has left.
func TestANumberCountsAsWhoeverWroteItLast(t *testing.T) {
	ctx, w := context.Background(), testworld.Open(t)
	registerPhone(t, w)
	other := caller.Membership{Caller: caller.Caller{Subject: "subject-second", Role: caller.Shelter, Scope: "HOMA"}}
	if _, err := w.Service.Grant(ctx, ministry, other, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Service.SetNumbers(ctx, other.Caller, "HOMA", []string{staffPhone}, 1); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.Service.Revoke(ctx, ministry, testworld.StaffOf("HOMA"), command("left", 1)); err != nil {
		t.Fatal(err)
	}
	if r, err := w.Service.Message(ctx, carrier, text(w, "one", "SAME")); err != nil || !r.Changed {
		t.Errorf("%+v, %v", r, err)
	}
}
