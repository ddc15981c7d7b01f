package referral_test

import (
	"context"
	"testing"
	"time"

	"panah/internal/code"
	"panah/internal/fault"
	"panah/internal/placement"
	"panah/internal/referral"
	"panah/internal/shelter"
	"panah/internal/testworld"
)

// counting stores a census of a unit, made now, that names placements.
func counting(t *testing.T, w *testworld.World, sh, unit string, present int, named ...string) shelter.Counts {
	t.Helper()
	u := w.Unit(t, sh, unit)
	c := census(present, w.Now(), u.Census, named...)
	c.Staffed, c.OutOfService = u.Counts().Staffed(), u.Counts().OutOfService()
	if _, err := w.Service.Count(context.Background(), staff(sh), sh, unit, c); err != nil {
		t.Fatal(err)
	}
	w.Feed(t)
	return w.Unit(t, sh, unit).Counts()
}

// A party whom a census has named is told to have come, by mistake or twice: the
// counts are those of the census all along, and those of before once it is undone.
func TestAnArrivalThatACensusHasNamedIsCountedOnceHoweverOftenItIsTold(t *testing.T) {
	ctx := context.Background()
	for name, before := range map[string]func(w *testworld.World, o referral.Outcome){
		"accepted": func(w *testworld.World, o referral.Outcome) {
			must(t)(w.Service.Accept(ctx, staff("GRLS"), o.ID, command("a", o.Version)))
		},
		"lapsed": func(w *testworld.World, _ referral.Outcome) {
			w.Pass(40 * time.Minute)
			if _, err := w.Service.Lapse(ctx); err != nil {
				t.Fatal(err)
			}
		},
		"said to have left on the way": func(w *testworld.World, o referral.Outcome) {
			must(t)(w.Service.End(ctx, team, o.ID, nil, code.EndLeftUnannounced, command("gone", 0)))
		},
		"said to have left the shelter": func(w *testworld.World, o referral.Outcome) {
			must(t)(w.Service.Receive(ctx, staff("GRLS"), o.ID, command("r0", 0)))
			w.Pass(time.Minute)
			must(t)(w.Service.End(ctx, staff("GRLS"), o.ID, nil, code.EndLeftUnannounced, command("gone", 0)))
		},
		"cancelled": func(w *testworld.World, o referral.Outcome) {
			must(t)(w.Service.Cancel(ctx, team, o.ID, 0, command("c", o.Version)))
		},
	} {
		for when, ago := range map[string]time.Duration{"now": 0, "before the census": 5 * time.Minute} {
			t.Run(name+", told of "+when, func(t *testing.T) {
				w := testworld.Open(t)
				s := w.Service
				o := request(t, w, "one", false)
				o = made(t)(s.Hold(ctx, team, o.ID, "GRLS", command("hold", o.Version)))
				there := w.Unit(t, "GRLS", "girls").Counts().Occupied() + 1
				before(w, o)
				w.Pass(10 * time.Minute)
				counted := counting(t, w, "GRLS", "girls", there, o.ID)
				for _, key := range []string{"r1", "r2", "r3"} {
					w.Pass(time.Minute)
					c := command(key, 0)
					if ago > 0 {
						c.OccurredAt = w.Now().Add(-ago)
					}
					r := made(t)(s.Receive(ctx, staff("GRLS"), o.ID, c))
					if got := w.Unit(t, "GRLS", "girls").Counts(); got.Occupied() != there {
						t.Fatalf("%s: %d live there, counted %d", key, there, got.Occupied())
					}
					must(t)(s.Undo(ctx, staff("GRLS"), o.ID, command("undo "+key, r.Version)))
					if got := w.Unit(t, "GRLS", "girls").Counts(); got != counted {
						t.Fatalf("%s taken back: %+v, counted were %+v", key, got, counted)
					}
				}
				must(t)(s.Receive(ctx, staff("GRLS"), o.ID, command("last", 0)))
				must(t)(s.End(ctx, staff("GRLS"), o.ID, nil, code.EndHome, command("home", 0)))
				if got := w.Unit(t, "GRLS", "girls").Counts().Occupied(); got != there-1 {
					t.Errorf("%d live there, counted %d", there-1, got)
				}
				w.Pass(time.Minute)
				must(t)(s.Receive(ctx, staff("GRLS"), o.ID, command("back", 0)))
				if got := w.Unit(t, "GRLS", "girls").Counts().Occupied(); got != there {
					t.Errorf("%d live there again, counted %d", there, got)
				}
				account(t, w)
			})
		}
	}
}

// A census names a party whose arrival is recorded while it is sent: when that is
// taken back by mistake and told again, they were counted all the same.
func TestAPartyNamedWhileItsArrivalIsRecordedIsCountedOnce(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	o := request(t, w, "one", true)
	sh, unit := o.Hold.Shelter, o.Hold.Parts[0].Unit
	there := w.Unit(t, sh, unit).Counts().Occupied() + 1
	r := made(t)(s.Receive(ctx, staff(sh), o.ID, command("r1", 0)))
	w.Pass(time.Minute)
	counting(t, w, sh, unit, there, o.ID)
	must(t)(s.Undo(ctx, staff(sh), o.ID, command("undo", r.Version)))
	w.Pass(time.Minute)
	must(t)(s.Receive(ctx, staff(sh), o.ID, command("r2", 0)))
	if got := w.Unit(t, sh, unit).Counts().Occupied(); got != there {
		t.Errorf("%d live there, counted %d", there, got)
	}
	account(t, w)
}

// Who is placed apart after a census has counted the whole party is as much counted
// as who stays, also by the next census, and whichever of them is received first.
func TestAPartyThatACensusHasNamedIsCountedOnceThoughItIsPlacedApart(t *testing.T) {
	for name, first := range map[string]int{"who stays is received first": 0, "who goes is received first": 1} {
		for again, names := range map[string]func(ids [2]string) []string{
			"": nil, ", counted again by both names": func(ids [2]string) []string { return ids[:] },
		} {
			t.Run(name+again, func(t *testing.T) {
				w := womenWorld(t)
				ctx, s := context.Background(), w.Service
				o := made(t)(s.Request(ctx, team, women(2), command("ask", 0)))
				sh, unit := o.Hold.Shelter, o.Hold.Parts[0].Unit
				there := w.Unit(t, sh, unit).Counts().Occupied() + 2
				w.Pass(10 * time.Minute)
				counting(t, w, sh, unit, there, o.ID)
				_, apart, err := s.Split(ctx, team, o.ID, []int{1}, code.ChosenBySelf, command("split", o.Version))
				if err != nil {
					t.Fatal(err)
				}
				ids := [2]string{o.ID, apart}
				w.Pass(time.Minute)
				if names != nil {
					counting(t, w, sh, unit, there, names(ids)...)
				}
				for i, id := range ids {
					if p := stored(t, w, id); !p.State.Live() || p.Hold.Shelter != sh {
						made(t)(s.Hold(ctx, team, id, sh, command("hold "+id, p.Version)))
					}
					ids[i] = id
				}
				w.Pass(time.Minute)
				for _, id := range []string{ids[first], ids[1-first]} {
					must(t)(s.Receive(ctx, staff(sh), id, command("came "+id, 0)))
					if got := w.Unit(t, sh, unit).Counts().Occupied(); got != there {
						t.Errorf("%d live there, counted %d", there, got)
					}
				}
				account(t, w)
			})
		}
	}
}

// Who never was in a shelter cannot be named by its census, placed apart or not.
func TestACensusNamesNobodyOfWhomTheShelterKnowsNothing(t *testing.T) {
	w := womenWorld(t)
	ctx, s := context.Background(), w.Service
	o := made(t)(s.Request(ctx, team, women(2), command("ask", 0)))
	sh, unit := o.Hold.Shelter, o.Hold.Parts[0].Unit
	_, apart, err := s.Split(ctx, team, o.ID, []int{1}, code.ChosenBySelf, command("split", o.Version))
	if err != nil {
		t.Fatal(err)
	}
	if p := stored(t, w, apart); p.State != placement.Requested {
		t.Fatal(p.State)
	}
	u := w.Unit(t, sh, unit)
	_, err = s.Count(ctx, staff(sh), sh, unit, census(3, w.Now(), u.Census, apart))
	if f, ok := fault.Of(err); !ok || f.Field != "countedPlacements[0]" {
		t.Errorf("named: %v", err)
	}
}
