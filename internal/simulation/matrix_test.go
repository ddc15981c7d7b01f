package simulation

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"panah/internal/audit"
	"panah/internal/caller"
	"panah/internal/code"
	"panah/internal/directory"
	"panah/internal/embedded"
	"panah/internal/fault"
	"panah/internal/logbook"
	"panah/internal/placement"
	"panah/internal/policy"
	"panah/internal/record"
	"panah/internal/referral"
	"panah/internal/registry"
	"panah/internal/shelter"
	"panah/internal/table"
	"panah/internal/table/tabletest"
	"panah/internal/testworld"
)

var everyCall = flag.Bool("every-call", false, "fault matrix: give trouble to every call, not to the first of each site")

// theatre is a world in which one play is given again and again, each time with
// one call of the store in trouble.
type theatre struct {
	t      *testing.T
	probe  *tabletest.Probe
	raw    *embedded.Store
	svc    *referral.Service
	pub    *directory.Publisher
	keeper *audit.Keeper
	books  *logbook.Keeper
	clock  time.Time
	ids    int
	feed   string
	stale  *referral.Service // one whose directory is a moment old
	failed string
	// damaged says that a door has been made wrong once.
	damaged bool
}

func openTheatre(t *testing.T) (*theatre, func()) {
	t.Helper()
	path, remove, err := embedded.TempPath()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := embedded.Open(path, embedded.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	th := &theatre{t: t, raw: raw, probe: &tabletest.Probe{Store: raw}, clock: testworld.Start}
	th.restart()
	return th, func() { _ = raw.Close(); remove() }
}

func (th *theatre) newID() string { th.ids++; return fmt.Sprint("w", th.ids) }

// restart begins every step with a cold process: all of its reading is on stage.
func (th *theatre) restart() {
	rules, err := policy.Current()
	if err != nil {
		th.t.Fatal(err)
	}
	now := func() time.Time { return th.clock }
	th.svc = referral.New(referral.Config{Store: th.probe, Policy: rules, Now: now, NewID: th.newID, Code: func() string { return "DOOR" }, Secret: []byte(staySecret), NumberSecret: []byte("numbers"), Log: quietLog(), LookFirst: 1, Abreast: 1})
	th.pub = directory.NewPublisher(th.probe, th.newID, now, quietLog())
	th.keeper = audit.NewKeeper(th.probe, th.newID, now, quietLog())
	th.books = logbook.NewKeeper(th.probe, th.newID)
}

// scene is one command, sent until it has an answer.
type scene func(ctx context.Context, th *theatre) error

// play gives every use case there is, some of them twice on different roads.
func play() (scenes []scene) {
	add := func(s ...scene) { scenes = append(scenes, s...) }
	girls := []placement.Person{person(code.Girls, code.Age12To14)}
	ask := func(key string, persons []placement.Person, best bool, of string) scene {
		return func(ctx context.Context, th *theatre) error {
			c, err := th.svc.Caller(ctx, teams[0].Subject)
			if err != nil {
				return err
			}
			from := ""
			if of != "" {
				from = placement.ID("team-a", of)
			}
			_, err = th.svc.Transfer(ctx, c, placement.Request{RescuedAt: testworld.Start, Place: testworld.District, Persons: persons, HoldBest: best, Limit: 3}, from,
				referral.Command{Key: key, Payload: key})
			return err
		}
	}
	move := func(key string, who func(p placement.Placement) caller.Caller, do func(ctx context.Context, s *referral.Service, c caller.Caller, p placement.Placement, cmd referral.Command) error, step string) scene {
		sent := map[*theatre]uint64{} // the version this command was pressed on
		return func(ctx context.Context, th *theatre) error {
			id := placement.ID("team-a", key)
			it, err := th.raw.Get(ctx, record.PlacementKey(id), table.Strong)
			if err != nil || it == nil {
				return fmt.Errorf("%s is not there: %w", key, err)
			}
			p, err := record.ToPlacement(it)
			if err != nil {
				return err
			}
			if _, again := sent[th]; !again {
				sent[th] = p.Version
			}
			cmd := referral.Command{Key: step + key, Payload: step, Version: sent[th]}
			return do(ctx, th.svc, who(p), p, cmd)
		}
	}
	team := func(placement.Placement) caller.Caller { return teams[0] }
	office := func(placement.Placement) caller.Caller { return desk }
	house := func(p placement.Placement) caller.Caller { return staff(p.Hold.Shelter) }
	drive := func(m placement.Move) func(ctx context.Context, s *referral.Service, c caller.Caller, p placement.Placement, cmd referral.Command) error {
		return func(ctx context.Context, s *referral.Service, c caller.Caller, p placement.Placement, cmd referral.Command) error {
			var err error
			switch m {
			case placement.MoveHold:
				_, err = s.Hold(ctx, c, p.ID, "", cmd)
			case placement.MoveChoose:
				_, err = s.Choose(ctx, c, p.ID, placement.Choice{By: code.ChosenByGuardian, Shelter: p.Hold.Shelter, HouseRulesShown: true, Viewed: true}, cmd)
			case placement.MoveReceive:
				_, err = s.Receive(ctx, c, p.ID, cmd)
			case placement.MoveEnd:
				_, err = s.End(ctx, c, p.ID, nil, code.EndLeftUnannounced, cmd)
			case placement.MoveDepart:
				why := code.Override(1)
				_, err = s.Depart(ctx, c, p.ID, false, &why, cmd)
			default:
				_, err = drivers[m](&run{}, p, cmd)(ctx, s, c)
			}
			return err
		}
	}
	feed := func(ctx context.Context, th *theatre) error {
		changes, next, err := th.raw.Changes(ctx, th.feed, 30)
		if err != nil || len(changes) == 0 {
			return err
		}
		if err := th.pub.Apply(ctx, changes); err != nil {
			return err
		}
		if err := th.keeper.Apply(ctx, changes); err != nil {
			return err
		}
		if err := th.books.Apply(ctx, changes); err != nil {
			return err
		}
		th.feed = next
		return table.ErrBusy // more may be there: come again
	}
	clock := func(ctx context.Context, th *theatre) error {
		if _, err := th.svc.Lapse(ctx); err != nil {
			return err
		}
		if _, err := th.svc.MatchWaiting(ctx); err != nil {
			return err
		}
		return nil
	}
	look := func(ctx context.Context, th *theatre) error {
		if _, _, err := th.svc.Alerts(ctx, desk, false, 50, ""); err != nil {
			return err
		}
		if _, _, err := th.svc.Mine(ctx, teams[0], 10, ""); err != nil {
			return err
		}
		if _, _, err := th.svc.Arrivals(ctx, staff("HOMA"), "HOMA", 10, ""); err != nil {
			return err
		}
		if _, err := th.svc.Placement(ctx, teams[0], placement.ID("team-a", "one")); err != nil {
			return err
		}
		if err := anew(ctx, th.svc); err != nil {
			return err
		}
		_, err := th.svc.Verify(ctx, false)
		return err
	}
	tick := pass(3 * time.Second)
	add(feed, tick, ask("one", girls, true, ""), tick, move("one", team, drive(placement.MoveExtend), "extend"), move("one", team, drive(placement.MoveChoose), "choose"),
		tick, move("one", house, drive(placement.MoveAccept), "accept"), move("one", team, drive(placement.MoveDepart), "depart"), tick, feed,
		move("one", team, drive(placement.MoveDivert), "divert"), move("one", team, drive(placement.MoveDepart), "depart again"), tick,
		move("one", house, drive(placement.MoveReceive), "receive"), tick, feed, move("one", office, drive(placement.MoveDecide), "decide"),
		ask("two", girls, true, "one"), tick, move("two", house, drive(placement.MoveAccept), "accept"), move("two", house, drive(placement.MoveReceive), "receive"), tick,
		move("two", house, drive(placement.MoveEnd), "end"), feed, tick)
	add(ask("three", girls, true, ""), move("three", house, drive(placement.MoveDecline), "decline"), move("three", team, drive(placement.MoveHold), "swap"),
		move("three", team, drive(placement.MoveRefuse), "refuse"), move("three", team, drive(placement.MoveHold), "hold"), move("three", team, drive(placement.MoveRelease), "release"),
		move("three", team, drive(placement.MoveCorrect), "correct"), move("three", office, drive(placement.MoveSupersede), "supersede"), feed, tick)
	add(theSurvivor(ask)...)
	add(theComplaint(ask)...)
	// All beds for women are taken; one waits; one lapses and moves on.
	women := []placement.Person{person(code.Women, code.Age25To59), person(code.Women, code.Age25To59)}
	add(ask("four", women, true, ""), ask("five", women, true, ""), tick, feed, pass(29*time.Minute), ask("eight", girls, true, ""), pass(3*time.Minute),
		ask("nine", women, true, ""), clock, feed, clock, tick,
		move("eight", house, drive(placement.MoveAccept), "accept"), move("eight", house, drive(placement.MoveTurnAway), "away"), feed, tick)
	add(func(ctx context.Context, th *theatre) error {
		it, err := th.raw.Get(ctx, record.UnitKey("HOMA", "girls"), table.Strong)
		if err != nil {
			return err
		}
		_, err = th.svc.Count(ctx, staff("HOMA"), "HOMA", "girls", referral.CensusCommand{IfMatch: 1, Placements: []string{placement.ID("team-a", "eight")},
			Census: shelter.Census{CountedAt: th.clock, Present: 2, Staffed: 4}})
		if _, invalid := fault.Of(err); invalid && !fault.Is(err, fault.Busy) && it.Version > 0 { // eight is not there: without it
			_, err = th.svc.Count(ctx, staff("HOMA"), "HOMA", "girls", referral.CensusCommand{IfMatch: 1, Census: shelter.Census{CountedAt: th.clock, Present: 2, Staffed: 4}})
		}
		return err
	}, tick, func(ctx context.Context, th *theatre) error {
		_, err := th.svc.Admit(ctx, staff("HOMB"), "HOMB", "girls", girls, placement.Consent{}, referral.Command{Key: "walk-in", Payload: "walk-in"})
		return err
	}, func(ctx context.Context, th *theatre) error {
		_, err := th.svc.Confirm(ctx, staff("HOMA"), "HOMA", referral.Command{Key: "confirm", Payload: "confirm", OccurredAt: th.clock})
		return err
	}, func(ctx context.Context, th *theatre) error {
		_, _, err := th.svc.ReceiveAll(ctx, staff("HOMB"), "HOMB", []string{placement.ID("house:HOMB", "walk-in")}, referral.Command{Key: "all", Payload: "all"})
		return err
	}, func(ctx context.Context, th *theatre) error { // sent again
		_, replayed, err := th.svc.ReceiveAll(ctx, staff("HOMB"), "HOMB", []string{placement.ID("house:HOMB", "walk-in")}, referral.Command{Key: "all", Payload: "all"})
		if err == nil && !replayed {
			err = errors.New("a command sent again is not known")
		}
		return err
	}, func(ctx context.Context, th *theatre) error { // again, by an engine that shows no images
		th.probe.Blind = true
		defer func() { th.probe.Blind = false }()
		_, err := th.svc.Confirm(ctx, staff("HOMA"), "HOMA", referral.Command{Key: "confirm", Payload: "confirm", OccurredAt: th.clock})
		return err
	}, ask("six", girls, true, ""), tick, func(ctx context.Context, th *theatre) error {
		_, err := th.svc.SetStatus(ctx, staff("HOMA"), "HOMA", shelter.Closed, referral.Command{Key: "status-1", Payload: "status"})
		return err
	}, func(ctx context.Context, th *theatre) error {
		_, err := th.svc.SetStatus(ctx, staff("HOMB"), "HOMB", shelter.Closed, referral.Command{Key: "status-2", Payload: "status"})
		return err
	}, tick, func(ctx context.Context, th *theatre) error {
		list, _, err := th.svc.Alerts(ctx, desk, false, 50, "")
		if err != nil || len(list) == 0 {
			return err
		}
		_, err = th.svc.Acknowledge(ctx, desk, list[0].District, list[0].ID)
		return err
	}, func(ctx context.Context, th *theatre) error {
		// A phone's clock is far behind: what it asks is refused, unless it was taken before.
		_, err := th.svc.Request(ctx, teams[0], placement.Request{RescuedAt: testworld.Start, Place: testworld.District, Persons: girls, Limit: 3,
			OccurredAt: th.clock.AddDate(0, -1, 0)}, referral.Command{Key: "late", Payload: "late"})
		if fault.Is(err, fault.Invalid) {
			return nil
		}
		return err
	}, feed, tick, func(ctx context.Context, th *theatre) error {
		_, err := th.svc.SetStatus(ctx, ministry, "HOMA", shelter.Active, referral.Command{Key: "status-3", Payload: "status"})
		return err
	}, feed, tick, func(ctx context.Context, th *theatre) error {
		th.stale = th.svc
		return th.stale.Warm(ctx)
	}, func(ctx context.Context, th *theatre) error {
		_, err := th.svc.SetStatus(ctx, ministry, "HOMA", shelter.Suspended, referral.Command{Key: "status-4", Payload: "status"})
		return err
	}, func(ctx context.Context, th *theatre) error { // a stale directory, and an engine that shows no images
		th.probe.Blind = true
		defer func() { th.probe.Blind = false }()
		_, err := th.stale.Request(ctx, teams[0], placement.Request{RescuedAt: testworld.Start, Place: testworld.District, Persons: girls, Limit: 3, HoldBest: true,
			ExcludedShelters: []string{"HOMB", "GRLS"}}, referral.Command{Key: "stale", Payload: "stale"})
		return err
	}, feed, func(ctx context.Context, th *theatre) error {
		return th.pub.Compact(ctx)
	}, func(ctx context.Context, th *theatre) error {
		return th.pub.Compact(ctx)
	}, tick)
	point := shelter.Handover{Point: "the gate", Meeting: "the market"}
	add(func(ctx context.Context, th *theatre) error {
		_, err := th.svc.SetHandover(ctx, staff("GRLS"), "GRLS", point, 0)
		return err
	}, ask("ten", girls, true, ""), move("ten", team, func(ctx context.Context, s *referral.Service, c caller.Caller, p placement.Placement, cmd referral.Command) error {
		_, err := s.AcceptByPhone(ctx, c, p.ID, "DOOR", cmd)
		return err
	}, "phone"), move("ten", team, drive(placement.MoveReveal), "reveal"), move("ten", team, drive(placement.MoveRelease), "release"),
		move("ten", team, drive(placement.MoveUndo), "undo"),
		func(ctx context.Context, th *theatre) error {
			_, err := th.svc.Handover(ctx, staff("GRLS"), "GRLS")
			return err
		}, tick, func(ctx context.Context, th *theatre) error {
			_, _, err := th.svc.Surge(ctx, desk, "GRLS", referral.SurgeCommand{Key: "surge", Population: code.Girls, Ages: testworld.SchoolAge, Beds: 4,
				EndsAt: testworld.Start.AddDate(0, 0, 2)})
			return err
		}, tick, func(ctx context.Context, th *theatre) error {
			_, err := th.svc.Count(ctx, staff("GRLS"), "GRLS", "girls", referral.CensusCommand{IfMatch: 1, Census: shelter.Census{CountedAt: th.clock, Present: 9, Staffed: 3}})
			return err
		}, func(ctx context.Context, th *theatre) error {
			_, err := th.svc.UndoCount(ctx, staff("GRLS"), "GRLS", "girls", referral.Command{Key: "undo-count-1", Version: 2})
			return err
		}, feed, func(ctx context.Context, th *theatre) error {
			_, _, err := th.svc.UnitLog(ctx, staff("GRLS"), "GRLS", "girls", 5, "")
			return err
		}, feed, tick)
	add(look, func(ctx context.Context, th *theatre) error { // damage, repaired by verify
		it, err := th.raw.Get(ctx, record.UnitKey("GRLS", "girls"), table.Strong)
		if err != nil {
			return err
		}
		u, err := record.ToUnit(it)
		if err != nil {
			return err
		}
		if _, done := u.Claim("p_GHOST.1"); !done && u.MovedAt.Unix() != 1 {
			if err := th.raw.Write(ctx, table.Batch{WriteID: th.newID(), Ops: []table.Op{table.PutOp(record.FromUnit(u.WithClaim("p_GHOST.1", shelter.Claim{N: 1})), it.Version)}}); err != nil {
				return err
			}
		}
		claim := placement.ClaimID(placement.ID("team-a", "one"), 1)
		stored, err := th.raw.Get(ctx, record.DoorKey("GRLS"), table.Strong)
		if err != nil {
			return err
		}
		door := shelter.DoorOf("GRLS", 0, nil)
		if stored != nil {
			if door, err = record.ToDoor(stored); err != nil {
				return err
			}
		}
		if _, noted := door.Of(claim); !noted && !th.damaged {
			th.damaged = true
			wrong := door.Set(claim, shelter.Coming{Day: shelter.DayAt(th.clock, 0), N: 1}, th.clock)
			if err := th.raw.Write(ctx, table.Batch{WriteID: th.newID(), Ops: []table.Op{table.PutOp(record.FromDoor(wrong), door.Version)}}); err != nil {
				return err
			}
		}
		found, err := th.svc.Verify(ctx, true)
		if err == nil && slices.ContainsFunc(found, func(d referral.Difference) bool { return !d.Repaired }) {
			return table.ErrBusy
		}
		return err
	}, func(ctx context.Context, th *theatre) error {
		_, err := audit.Check(ctx, th.probe, record.PlacementKey(placement.ID("team-a", "one")))
		return err
	})
	add(theRaid()...)
	add(theRegister()...)
	add(theMembers()...)
	add(theMessages()...)
	return scenes
}

// anew brings a device up to date from the beginning.
func anew(ctx context.Context, s *referral.Service) error {
	first, err := s.Sync(ctx, teams[0].Subject, "", 1)
	if err != nil {
		return err
	}
	_, err = s.Sync(ctx, teams[0].Subject, first.Cursor, 50)
	return err
}

// pass moves the clock on.
func pass(d time.Duration) scene {
	return func(_ context.Context, th *theatre) error { th.clock = th.clock.Add(d); return nil }
}

// theSurvivor has a code, then another, speaks, and takes consent back; whoever had
// been told learns that it is gone.
func theSurvivor(ask func(key string, persons []placement.Person, best bool, of string) scene) []scene {
	id := placement.ID("team-a", "own")
	said := placement.MakeStayCode([]byte(staySecret), id, 2).String()
	about := code.Complaint(1)
	give := func(key string, replaces int) scene {
		return func(ctx context.Context, th *theatre) error {
			_, err := th.svc.GiveStayCode(ctx, desk, id, replaces, referral.Command{Key: key, Payload: "code"})
			return err
		}
	}
	speak := func(a code.StayAsk, of *code.Complaint) scene {
		return func(ctx context.Context, th *theatre) error {
			_, err := th.svc.Speak(ctx, referral.Saying{Code: said, Ask: a, About: of}, referral.Command{Key: "say " + code.StayAsks.Name(a), Payload: "say"})
			return err
		}
	}
	gone := func(err error) error {
		if err == nil {
			return errors.New("what is gone was read")
		}
		if fault.Is(err, fault.Gone) {
			return nil
		}
		return err
	}
	return []scene{ask("own", []placement.Person{person(code.Women, code.Age25To59)}, true, ""), give("code 1", 0), give("code 2", 1), speak(code.AskView, nil), speak(code.AskLeave, nil),
		speak(code.AskComplain, &about), speak(code.AskWithdraw, nil), func(ctx context.Context, th *theatre) error {
			_, err := th.svc.Placement(ctx, teams[0], id)
			return gone(err)
		}, func(ctx context.Context, th *theatre) error {
			_, err := th.svc.Accept(ctx, staff("WOMN"), id, referral.Command{Key: "accept own", Payload: "accept", HoldNo: 1})
			return gone(err)
		}, func(ctx context.Context, th *theatre) error {
			_, told, _, err := th.svc.ArrivalsTold(ctx, staff("WOMN"), "WOMN", 10, "")
			if err == nil && len(told) != 1 {
				return fmt.Errorf("told of %v", told)
			}
			return err
		}, func(ctx context.Context, th *theatre) error {
			_, list, err := th.svc.Receipts(ctx, desk, id)
			if err == nil && len(list) != 2 {
				return fmt.Errorf("receipts %v", list)
			}
			return err
		}}
}

// theComplaint is of somebody who stays: the house is paused until the desk has
// looked into it.
func theComplaint(ask func(key string, persons []placement.Person, best bool, of string) scene) []scene {
	id, woman := placement.ID("team-a", "hurt"), []placement.Person{person(code.Women, code.Age25To59)}
	said, about := placement.MakeStayCode([]byte(staySecret), id, 1).String(), code.Complaint(1)
	return []scene{ask("hurt", woman, true, ""), func(ctx context.Context, th *theatre) error {
		_, err := th.svc.Accept(ctx, staff("WOMN"), id, referral.Command{Key: "accept hurt", Payload: "accept", HoldNo: 1})
		return err
	}, func(ctx context.Context, th *theatre) error {
		_, err := th.svc.Receive(ctx, staff("WOMN"), id, referral.Command{Key: "receive hurt", Payload: "receive"})
		return err
	}, func(ctx context.Context, th *theatre) error {
		_, err := th.svc.GiveStayCode(ctx, desk, id, 0, referral.Command{Key: "code hurt", Payload: "code"})
		return err
	}, func(ctx context.Context, th *theatre) error {
		_, err := th.svc.Speak(ctx, referral.Saying{Code: said, Ask: code.AskComplain, About: &about}, referral.Command{Key: "hurt", Payload: "hurt"})
		return err
	}, func(ctx context.Context, th *theatre) error { // said again: heard, and no second alert
		o, err := th.svc.Speak(ctx, referral.Saying{Code: said, Ask: code.AskComplain, About: &about}, referral.Command{Key: "hurt again", Payload: "hurt"})
		if err == nil && len(o.Voice.Said) != 1 {
			return fmt.Errorf("one complaint is on record as %d", len(o.Voice.Said))
		}
		return err
	}, ask("kept out", woman, true, ""), func(ctx context.Context, th *theatre) error {
		p, err := th.svc.Placement(ctx, teams[0], placement.ID("team-a", "kept out"))
		if err == nil && p.State != placement.Waitlisted {
			return fmt.Errorf("a paused shelter was offered: %s", p.State)
		}
		return err
	}, func(ctx context.Context, th *theatre) error {
		_, err := th.svc.Cancel(ctx, teams[0], placement.ID("team-a", "kept out"), 0, referral.Command{Key: "cancel out", Payload: "cancel", Version: 1})
		return err
	}, func(ctx context.Context, th *theatre) error {
		list, _, err := th.svc.Alerts(ctx, desk, true, 50, "")
		for _, a := range list {
			if a.Pauses == "WOMN" && err == nil {
				_, err = th.svc.Acknowledge(ctx, desk, a.District, a.ID)
			}
		}
		return err
	}, func(ctx context.Context, th *theatre) error {
		_, err := th.svc.End(ctx, staff("WOMN"), id, nil, code.EndOwnWish, referral.Command{Key: "end hurt", Payload: "end"})
		return err
	}}
}

// theRaid is a rescue that is confirmed, grows, and is confirmed again, and the
// directory held against the table.
func theRaid() []scene {
	common := placement.Request{RescuedAt: testworld.Start, Place: testworld.District, Together: code.TogetherRequired, Limit: 3, HoldBest: true}
	party := func() placement.Request {
		r := common
		r.Persons = []placement.Person{person(code.Girls, code.Age12To14)}
		return r
	}
	id := placement.RescueID("team-a", "raid")
	return []scene{func(ctx context.Context, th *theatre) error {
		_, err := th.svc.NewRescue(ctx, teams[0], placement.Rescue{Common: common, Parties: []placement.Request{party(), party()}, Apart: [][2]int{{0, 1}}}, referral.Command{Key: "raid", Payload: "raid"})
		return err
	}, func(ctx context.Context, th *theatre) error {
		_, err := th.svc.ConfirmRescue(ctx, teams[0], id, referral.Command{Key: "confirm", Payload: "confirm"})
		return err
	}, pass(time.Minute), func(ctx context.Context, th *theatre) error { // a confirmation that was cut short
		_, err := th.svc.Lapse(ctx)
		return err
	}, func(ctx context.Context, th *theatre) error {
		_, err := th.svc.AddParties(ctx, teams[0], id, []placement.Request{party()}, nil, referral.Command{Key: "more", Payload: "more"})
		return err
	}, func(ctx context.Context, th *theatre) error {
		_, err := th.svc.ConfirmRescue(ctx, teams[0], id, referral.Command{Key: "confirm more", Payload: "confirm"})
		return err
	}, pass(time.Minute), func(ctx context.Context, th *theatre) error {
		_, err := th.svc.Lapse(ctx)
		return err
	}, func(ctx context.Context, th *theatre) error {
		_, err := th.svc.Reconcile(ctx, 0, 1, th.pub.Apply)
		return err
	}}
}

// theRegister is a shelter from its registration to a change, and a file that is
// taken in twice.
func theRegister() []scene {
	key := "WB-1"
	facts := shelter.Registration{RegistryKey: key, District: testworld.District, Type: code.ChildrensHome, RegisteredUntil: testworld.Start.AddDate(1, 0, 0), RulesKnown: true,
		Units: []shelter.UnitFacts{{ID: "boys", Population: code.Boys, Ages: testworld.SchoolAge, Sanctioned: 5}}}
	id, _ := shelter.Identity("IN", referral.OwnRegister, key)
	status := func(to shelter.Status) scene {
		return func(ctx context.Context, th *theatre) error {
			_, err := th.svc.SetStatus(ctx, ministry, id, to, referral.Command{Key: "status " + shelter.Statuses.Name(to), Payload: "status"})
			return err
		}
	}
	file := func(present int) scene {
		return func(ctx context.Context, th *theatre) error {
			day := testworld.Start.AddDate(0, 0, -3).Format(time.DateOnly)
			f, err := registry.Read(strings.NewReader(fmt.Sprintf("key,district,type,unit,population,ages,sanctioned,day,staffed,present\n"+
				"WB-2,%s,other,women,women,18-24,4,%s,4,%d\n", testworld.District, day, present)), registry.CSV, registry.Own(), registry.Limits{})
			if err != nil {
				return err
			}
			key := fmt.Sprint("file of ", present)
			_, err = th.svc.Import(ctx, ministry, f, referral.Import{Command: referral.Command{Key: key, Payload: key}})
			return err
		}
	}
	return []scene{func(ctx context.Context, th *theatre) error {
		_, _, err := th.svc.Register(ctx, ministry, facts, referral.Command{Key: "register", Payload: "register"})
		return err
	}, status(shelter.Vetted), status(shelter.Active), func(ctx context.Context, th *theatre) error {
		longer := facts
		longer.MaxStayDays = 90
		_, err := th.svc.Update(ctx, ministry, id, 3, longer)
		if f, ok := fault.Of(err); ok && f.Kind == fault.Precondition { // somebody else was faster: looked at again
			seen, _ := f.Current.(referral.ShelterView)
			_, err = th.svc.Update(ctx, ministry, id, seen.Version, longer)
		}
		return err
	}, file(2), file(3), file(3), func(ctx context.Context, th *theatre) error {
		sums, err := th.svc.DailyCensus(ctx, ministry, testworld.District, testworld.Start.AddDate(0, 0, -3), testworld.Start)
		if err == nil && (len(sums) != 1 || sums[0].Occupied != 3) {
			return fmt.Errorf("the day's sums are %+v", sums)
		}
		return err
	}, func(ctx context.Context, th *theatre) error {
		_, err := th.svc.MustMove(ctx, ministry, "HOMA")
		return err
	}}
}

// theMembers are a team's first member, who is listed and revoked.
func theMembers() []scene {
	member := caller.Membership{Caller: caller.Caller{Subject: "a-new-member", Role: caller.Rescue, Scope: "team-new"}, Region: testworld.District}
	return []scene{func(ctx context.Context, th *theatre) error {
		_, err := th.svc.Grant(ctx, ministry, member, 0)
		return err
	}, func(ctx context.Context, th *theatre) error {
		list, _, err := th.svc.Members(ctx, ministry, testworld.District, 10, "")
		if err == nil && !slices.ContainsFunc(list, func(m caller.Membership) bool { return m.Subject == member.Subject }) {
			return fmt.Errorf("%s is not listed", member.Subject)
		}
		return err
	}, func(ctx context.Context, th *theatre) error {
		it, err := th.raw.Get(ctx, record.MembershipKey(member.Subject), table.Strong) // at the version it has when the ministry looks
		if err != nil {
			return err
		}
		_, _, err = th.svc.Revoke(ctx, ministry, member.Subject, referral.Command{Key: "revoke", Payload: "revoke", Version: it.Version})
		if fault.Is(err, fault.StaleVersion) {
			return table.ErrBusy // somebody else was faster: looked at again
		}
		return err
	}}
}

// theMessages are a phone that is registered, counts, takes it back, confirms, and is
// taken off.
func theMessages() []scene {
	set := func(version uint64, numbers ...string) scene {
		return func(ctx context.Context, th *theatre) error {
			_, err := th.svc.SetNumbers(ctx, staff("GRLS"), "GRLS", numbers, version)
			if f, ok := fault.Of(err); ok && f.Kind == fault.Precondition { // somebody else was faster: looked at again
				seen, _ := f.Current.(referral.Seen)
				_, err = th.svc.SetNumbers(ctx, staff("GRLS"), "GRLS", numbers, seen.Version)
			}
			return err
		}
	}
	say := func(key, text string) scene {
		var at time.Time
		return func(ctx context.Context, th *theatre) error {
			if at.IsZero() {
				at = th.clock
			}
			r, err := th.svc.Message(ctx, carrier, referral.TextMessage{Key: key, From: "+12025550143", Text: text, ReceivedAt: at})
			if err == nil && !r.Changed {
				return fmt.Errorf("%s: %s", text, r.Text)
			}
			return err
		}
	}
	return []scene{set(0, "+12025550143", "+12025550144"), say("m1", "BEDS girls 2"), say("m2", "UNDO"), pass(time.Minute), say("m3", "SAME"), set(1, "+12025550144")}
}

// patience is how often a command is sent.
const patience = 8

// perform gives the play and answers what is stored at its end.
func (th *theatre) perform() (final map[string]string) {
	ctx := context.Background()
	seedTheatre(th)
	for i, s := range play() {
		th.restart()
		var err error
		for n := range patience * 4 {
			if err = s(ctx, th); err == nil {
				break
			}
			f, refused := fault.Of(err)
			again := errors.Is(err, table.ErrBusy) || refused && (f.Kind == fault.Busy || f.Kind == fault.DirectoryCold)
			if !again && !strings.Contains(err.Error(), "table: ") || n > patience*3 {
				break
			}
		}
		if err != nil && !errors.Is(err, table.ErrBusy) {
			th.failed = fmt.Sprintf("scene %d: %v", i, err)
			return nil
		}
		th.probe.Settle(ctx)
	}
	return th.stored(ctx)
}

func seedTheatre(th *theatre) {
	var ops []table.Op
	for _, c := range members() {
		ops = append(ops, table.PutOp(record.FromMembership(c), 0))
	}
	for _, s := range shelters() {
		ops = append(ops, table.PutOp(record.FromShelter(s.Shelter), 0))
		for _, u := range s.Units {
			ops = append(ops, table.PutOp(record.FromUnit(u), 0))
		}
	}
	if err := th.raw.Write(context.Background(), table.Batch{WriteID: th.newID(), Ops: ops}); err != nil {
		th.t.Fatal(err)
	}
}

// stored is what means something of placements, units, shelters and alerts.
func (th *theatre) stored(ctx context.Context) map[string]string {
	out := map[string]string{}
	for after := ""; ; {
		changes, next, err := th.raw.Changes(ctx, after, 500)
		if err != nil {
			th.t.Fatal(err)
		}
		if len(changes) == 0 {
			return out
		}
		for _, c := range changes {
			it := c.New
			if strings.HasPrefix(it.PK, "DIR#") || strings.HasPrefix(it.PK, "LOG#") || strings.HasPrefix(it.PK, "G#") || strings.HasPrefix(it.SK, "A#") {
				continue
			}
			var b bytes.Buffer
			switch {
			case record.IsPlacement(it.Key): // not which options were shown: a directory may be a moment old
				p, err := record.ToPlacement(it)
				if forgotten(p, th.svc.Policy) {
					th.failed = fmt.Sprintf("nobody looks for beds for %s any more", p.ID)
				}
				if p.State == placement.Requested || p.State == placement.Waitlisted {
					// Who waits may have been told of beds that were gone by then, or not.
					p.State, p.By = "open", ""
				}
				fmt.Fprint(&b, err, p.State, p.Hold.No, p.Hold.Shelter, p.Hold.Parts, p.Commands, p.Stays, p.Ruling, p.Reason, p.Choice.At, p.ArrivedAt, p.By)
			case record.IsUnit(it.Key): // not when: a rescue that was cut short is finished later
				u, err := record.ToUnit(it)
				fmt.Fprint(&b, err, u.Counts(), u.Census, u.Rev, u.CountedAt, u.EndsAt, u.By)
			case record.IsRescue(it.Key): // not when: the clock finishes a minute later what was cut short
				r, err := record.ToRescue(it)
				fmt.Fprint(&b, err, r.State, r.Parties, r.Apart, r.Made, len(r.Plan), r.Commands, r.By)
			case record.IsNotice(it.Key): // delivered: when may be later than the first time it was shown
				n, err := record.ToNotice(it)
				fmt.Fprint(&b, n.Closed, n.At, !n.Delivered.IsZero(), err)
			default:
				b.Write(it.Body)
			}
			if it.Guard != nil {
				fmt.Fprint(&b, it.Guard.Free, it.Guard.Rev, len(it.Guard.Claims))
			}
			out[it.String()] = b.String()
		}
		after = next
	}
}

// The play as it is: every use case does what it is for.
func TestThePlainPlay(t *testing.T) {
	th, done := openTheatre(t)
	defer done()
	if th.perform(); th.failed != "" {
		t.Fatal(th.failed)
	}
}

// TestFaultMatrix gives each call site of the store each trouble: the command is
// sent again until it is answered, and the world ends as if nothing had happened.
func TestFaultMatrix(t *testing.T) {
	th, done := openTheatre(t)
	want := th.perform()
	if th.failed != "" {
		t.Fatal(th.failed)
	}
	sites := th.probe.Sites
	done()
	covered := map[string]bool{}
	runs := 0
	var all sync.WaitGroup
	turn := make(chan struct{}, 2*runtime.GOMAXPROCS(0))
	for at, site := range sites {
		if covered[site] && !*everyCall {
			continue
		}
		covered[site] = true
		troubles := tabletest.Troubles
		if !*everyCall && !strings.HasPrefix(th.probe.Kinds[at], "write") { // a read fails in one way, whatever the trouble
			troubles = []tabletest.Trouble{tabletest.Before, tabletest.Timeout}
		}
		for _, trouble := range troubles {
			runs++
			turn <- struct{}{}
			all.Go(func() {
				defer func() { <-turn }()
				inTrouble(t, want, site, trouble, at)
			})
		}
	}
	all.Wait()
	total, missing := 0, 0
	for _, dir := range []string{"referral", "directory", "audit", "logbook"} {
		listed, err := tabletest.CallSites("../" + dir)
		if err != nil || len(listed) == 0 {
			t.Fatal(err)
		}
		total += len(listed)
		for _, s := range listed {
			if !covered[s] {
				missing++
				t.Errorf("%s is a call of the store that no scene reaches", s)
			}
		}
	}
	t.Logf("fault matrix: %d of %d call sites, %d troubles, %d performances of %d calls", total-missing, total, len(tabletest.Troubles), runs, len(sites))
}

// inTrouble gives the play with one call in trouble.
func inTrouble(t *testing.T, want map[string]string, site string, trouble tabletest.Trouble, at int) {
	th, done := openTheatre(t)
	defer done()
	th.probe.Trouble, th.probe.At = trouble, at
	got := th.perform()
	name := fmt.Sprintf("%s %s (call %d)", site, trouble, at)
	switch {
	case th.failed != "":
		t.Errorf("%s: %s", name, th.failed)
	case !strings.HasPrefix(site, "directory/"): // without a directory beds are given back and nothing is held instead
		compareWorlds(t, name, want, got)
	}
}

func compareWorlds(t *testing.T, name string, want, got map[string]string) {
	t.Helper()
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s: %s is\n%s\nnot\n%s", name, k, got[k], v)
			return
		}
	}
	for k := range got {
		if _, ok := want[k]; !ok {
			t.Errorf("%s: %s should not be there", name, k)
			return
		}
	}
}
