package referral_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"panah/internal/fault"
	"panah/internal/referral"
	"panah/internal/table"
	"panah/internal/testworld"
)

// Whichever write of an import is lost, or its answer, what is stored afterwards is
// what the file says; a store that cannot be written is told of.
func TestAnImportThatLosesAWriteEndsAsItsFileSays(t *testing.T) {
	ctx, text := context.Background(), register(3, 2)
	for trouble, once := range map[string]func(m *moody, b table.Batch) error{
		"lost race":               func(_ *moody, b table.Batch) error { return blind(b) },
		"lost before it was sent": func(*moody, table.Batch) error { return table.ErrUnknown },
		"written, the answer lost": func(m *moody, b table.Batch) error {
			return errors.Join(table.ErrUnknown, m.Store.Write(ctx, b))
		},
	} {
		for at, writes := 1, 1; at <= min(writes, 6); at++ {
			w, m := openMoody(t)
			sent := 0
			m.write = func(b table.Batch) error {
				if sent++; sent == at {
					return once(m, b)
				}
				return errPass
			}
			if _, err := w.Service.Import(ctx, ministry, parse(t, text), referral.Import{}); err != nil {
				t.Errorf("%s at write %d: %v", trouble, at, err)
			}
			writes, m.write = sent, nil
			again := imported(t, w.Service, ministry, text, referral.Import{})
			if s := again.Shelters; s.Unchanged != 3 || s.Created+s.Updated != 0 || again.Days.Unchanged != 6 {
				t.Errorf("%s at write %d: sent again it changes %+v, %+v", trouble, at, s, again.Days)
			}
		}
	}
	for trouble, err := range map[string]error{"throttled": table.ErrBusy, "a full disk": errors.New("no space left")} {
		w, m := openMoody(t)
		m.write = func(table.Batch) error { return err }
		if _, got := w.Service.Import(ctx, ministry, parse(t, text), referral.Import{}); got == nil || fault.Is(got, fault.Busy) != errors.Is(err, table.ErrBusy) {
			t.Errorf("%s: %v", trouble, got)
		}
	}
}

// A lost race that does not say with what costs one who is kept apart from others
// one write more: whose turn it is is read again.
func TestALostRaceOfThoseKeptApartCostsOneWrite(t *testing.T) {
	ctx := context.Background()
	w, m := openMoody(t)
	ids := twoKeptApart(t, w)
	for i, id := range ids {
		sent := 0
		m.write = func(b table.Batch) error {
			if sent++; sent == 1 {
				return blind(b)
			}
			return errPass
		}
		if _, err := w.Service.Hold(ctx, team, id, "", command(fmt.Sprint("hold ", i), at(t, w, id).Version)); err != nil || sent != 2 {
			t.Errorf("%d writes, %v", sent, err)
		}
	}
	m.write = nil
	if met(t, w, ids) {
		t.Error("they are in one shelter")
	}
}

// An import says how far it has come, to the end, and names the field of a row that
// no register would take.
func TestAnImportSaysHowFarItIsAndWhatIsWrong(t *testing.T) {
	w := testworld.Open(t)
	var said [][2]int
	text := register(2, 1) + "S-9,IN-LGD-315,childrens_home,none,2126-12-31,active,girls,girls,6-11;12-14;15-17,20,2026-11-20,20,1,5\n"
	r := imported(t, w.Service, ministry, text, referral.Import{Progress: func(done, total int) { said = append(said, [2]int{done, total}) }})
	if len(said) == 0 || said[len(said)-1] != [2]int{3, 3} {
		t.Errorf("said %v", said)
	}
	if len(r.Problems) != 1 || r.Problems[0].Field != "registeredUntil" || r.Shelters.Created != 2 {
		t.Errorf("%+v, problems %+v", r.Shelters, r.Problems)
	}
}
