package referral_test

import (
	"context"
	"testing"
	"time"

	"panah/internal/fault"
	"panah/internal/placement"
	"panah/internal/table"
)

// A write whose end is not known may be carried out after all: until that is known
// nobody is told for good that it was not.
func TestARefusalIsNotFinalWhileAWriteMayStillLand(t *testing.T) {
	w, m := openMoody(t)
	ctx, s := context.Background(), w.Service
	o := request(t, w, "one", true)
	var late table.Batch
	m.write = func(b table.Batch) error {
		if late.WriteID == "" { // on its way, and the hold's time goes on
			late = b
			w.Pass(time.Hour)
			return table.ErrUnknown
		}
		return errPass
	}
	yes := command("yes", o.Version)
	if _, err := s.Accept(ctx, staff(o.Hold.Shelter), o.ID, yes); !fault.Is(err, fault.Busy) {
		t.Fatalf("while it is under way: %v", err)
	}
	if err := m.Store.Write(ctx, late); err != nil {
		t.Fatal(err)
	}
	again, err := s.Accept(ctx, staff(o.Hold.Shelter), o.ID, yes)
	if err != nil || !again.Replayed || again.State != placement.Accepted {
		t.Errorf("sent again: %s, %v", again.State, err)
	}
}

// Where it never lands, the second answer is the true one.
func TestARefusalIsFinalOnceTheCommandIsSentAgain(t *testing.T) {
	w, m := openMoody(t)
	ctx, s := context.Background(), w.Service
	o := request(t, w, "one", true)
	lost := false
	m.write = func(table.Batch) error {
		if !lost {
			lost = true
			w.Pass(time.Hour)
			return table.ErrUnknown
		}
		return errPass
	}
	yes := command("yes", o.Version)
	if _, err := s.Accept(ctx, staff(o.Hold.Shelter), o.ID, yes); !fault.Is(err, fault.Busy) {
		t.Fatalf("while it may be under way: %v", err)
	}
	if _, err := s.Accept(ctx, staff(o.Hold.Shelter), o.ID, yes); !fault.Is(err, fault.HoldLapsed) {
		t.Errorf("sent again: %v", err)
	}
}
