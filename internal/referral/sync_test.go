package referral_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"panah/internal/caller"
	"panah/internal/code"
	"panah/internal/embedded"
	"panah/internal/fault"
	"panah/internal/logbook"
	"panah/internal/placement"
	"panah/internal/policy"
	"panah/internal/record"
	"panah/internal/referral"
	"panah/internal/table"
	"panah/internal/table/tabletest"
	"panah/internal/testworld"
)

// offline is a world in which devices are often without a network: the change feed
// comes late, twice and out of order across items, to keepers on a store that
// loses requests and replies; commands and answers are by clocks that differ.
type offline struct {
	t        *testing.T
	dice     *rand.Rand
	w        *testworld.World
	faulty   *tabletest.Faulty
	services []*referral.Service // with clocks of their own
	keepers  []*logbook.Keeper
	feed     string
	pending  [][]table.Change // of one item each, in order
	seen     []table.Change   // delivered already: some come again
	asked    []string
	keys     int
	devices  []*device
}

// device keeps what it was told, together with the cursor that came with it.
type device struct {
	subject, team, shelter string
	cursor                 string
	has                    map[string]uint64
	byTime                 map[string]uint64 // what it would have, had it asked by time
	asOf                   time.Time
}

func openOffline(t *testing.T, seed uint64) *offline {
	store, err := embedded.Open(filepath.Join(t.TempDir(), "panah.db"), embedded.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	o := &offline{t: t, dice: rand.New(rand.NewPCG(seed, 7)), w: testworld.On(t, store)}
	rules, err := policy.Current()
	if err != nil {
		t.Fatal(err)
	}
	o.faulty = tabletest.NewFaulty(store, seed, tabletest.Faults{Busy: 0.05, ReadBusy: 0.05, UnknownBefore: 0.1, UnknownAfter: 0.1, Delayed: 0.1, LateSecond: 0.1, NoImage: 0.3, IndexLag: 0.5})
	for _, skew := range []time.Duration{-90 * time.Second, 0, 90 * time.Second} {
		now := func() time.Time { return o.w.Now().Add(skew) }
		o.services = append(o.services, referral.New(referral.Config{Store: store, Policy: rules, Now: now, NewID: o.w.NewID, Log: slog.New(slog.DiscardHandler)}))
		o.keepers = append(o.keepers, logbook.NewKeeper(o.faulty, o.w.NewID))
	}
	for _, d := range []device{{subject: testworld.Team, team: "team-a"}, {subject: testworld.Team, team: "team-a"}, {subject: testworld.OtherTeam, team: "team-b"},
		{subject: testworld.StaffOf("HOMA"), shelter: "HOMA"}, {subject: testworld.StaffOf("GRLS"), shelter: "GRLS"}} {
		d.has, d.byTime = map[string]uint64{}, map[string]uint64{}
		o.devices = append(o.devices, &d)
	}
	return o
}

// act sends one command of anybody about anything; most are allowed.
func (o *offline) act(ctx context.Context) {
	s := o.services[o.dice.IntN(3)]
	o.keys++
	key := fmt.Sprintf("key-%06d", o.keys)
	teams := []caller.Caller{{Subject: testworld.Team, Role: caller.Rescue, Scope: "team-a"}, {Subject: testworld.OtherTeam, Role: caller.Rescue, Scope: "team-b"}}
	if len(o.asked) == 0 || o.dice.IntN(4) == 0 {
		r := girl()
		r.RescuedAt = o.w.Now().Add(-time.Hour)
		if out, err := s.Request(ctx, teams[o.dice.IntN(2)], r, referral.Command{Key: key}); err == nil {
			o.asked = append(o.asked, out.ID)
		}
		return
	}
	id := o.asked[o.dice.IntN(len(o.asked))]
	p := o.read(id)
	team := teams[0]
	if p.Team == "team-b" {
		team = teams[1]
	}
	house := caller.Caller{Subject: testworld.StaffOf(p.Hold.Shelter), Role: caller.Shelter, Scope: p.Hold.Shelter}
	cmd := referral.Command{Key: key, Version: p.Version}
	switch o.dice.IntN(9) {
	case 0:
		_, _ = s.Hold(ctx, team, id, "", cmd)
	case 1:
		_, _ = s.Release(ctx, team, id, cmd)
	case 2:
		_, _ = s.Cancel(ctx, team, id, 0, cmd)
	case 3:
		_, _ = s.Undo(ctx, team, id, cmd)
	case 4:
		_, _ = s.Accept(ctx, house, id, cmd)
	case 5:
		_, _ = s.Decline(ctx, house, id, 0, cmd)
	case 6:
		_, _ = s.Receive(ctx, house, id, cmd)
	case 7:
		_, _ = s.End(ctx, house, id, nil, code.EndHome, cmd)
	case 8:
		_, _ = s.Undo(ctx, house, id, cmd)
	}
}

func (o *offline) read(id string) placement.Placement {
	it, err := o.w.Store.Get(context.Background(), record.PlacementKey(id), table.Strong)
	if err != nil || it == nil {
		o.t.Fatalf("%s: %v", id, err)
	}
	p, err := record.ToPlacement(it)
	if err != nil {
		o.t.Fatal(err)
	}
	return p
}

// take reads the feed into queues, one for each item.
func (o *offline) take() {
	changes, next, err := o.w.Store.(table.Feed).Changes(context.Background(), o.feed, 1000)
	if err != nil {
		o.t.Fatal(err)
	}
	for _, c := range changes {
		if !record.IsPlacement(c.New.Key) {
			continue
		}
		i := slices.IndexFunc(o.pending, func(q []table.Change) bool { return q[0].New.Key == c.New.Key })
		if i < 0 {
			o.pending = append(o.pending, nil)
			i = len(o.pending) - 1
		}
		o.pending[i] = append(o.pending[i], c)
	}
	o.feed = next
}

// deliver gives a keeper some of what waits: of any items, of each in order,
// perhaps with what was delivered before.
func (o *offline) deliver(ctx context.Context) {
	o.take()
	var batch []table.Change
	for range 1 + o.dice.IntN(8) {
		if len(o.pending) == 0 {
			break
		}
		i := o.dice.IntN(len(o.pending))
		batch = append(batch, o.pending[i][0])
		if o.pending[i] = o.pending[i][1:]; len(o.pending[i]) == 0 {
			o.pending = slices.Delete(o.pending, i, i+1)
		}
	}
	if len(o.seen) > 0 && o.dice.IntN(3) == 0 {
		batch = append(batch, o.seen[o.dice.IntN(len(o.seen))])
	}
	if o.dice.IntN(8) == 0 { // an operator's replay knows no old image
		for i := range batch {
			batch[i].Old = nil
		}
	}
	for k := o.keepers[o.dice.IntN(len(o.keepers))]; len(batch) > 0; {
		err := k.Apply(ctx, batch)
		if err == nil {
			break
		}
		if !errors.Is(err, table.ErrBusy) && !errors.Is(err, table.ErrUnknown) {
			o.t.Fatal(err)
		}
	}
	o.seen = append(o.seen, batch...)
}

// sync asks for one device. The answer may be lost.
func (o *offline) sync(ctx context.Context, d *device, lost bool) (more bool) {
	i := o.dice.IntN(3)
	o.byTime(d, o.services[i].Now(), lost)
	for {
		got, err := o.services[i].Sync(ctx, d.subject, d.cursor, 1+o.dice.IntN(6))
		if fault.Is(err, fault.Busy) {
			continue
		}
		if err != nil {
			o.t.Fatal(err)
		}
		if !lost {
			d.apply(got)
		}
		return got.More && !lost
	}
}

func (d *device) apply(got referral.Delta) {
	if got.Reset {
		clear(d.has)
	}
	for _, p := range got.Placements {
		d.has[p.ID] = max(d.has[p.ID], p.Version)
	}
	for _, g := range got.Gone {
		if d.has[g.ID] <= g.Version {
			delete(d.has, g.ID)
		}
	}
	d.cursor = got.Cursor
}

// byTime is what a device would have that asks for what has changed since the time
// of the last answer.
func (o *offline) byTime(d *device, now time.Time, lost bool) {
	if lost || d.team == "" {
		return
	}
	for _, id := range o.asked {
		if p := o.read(id); p.Team == d.team && !p.ChangedAt.Before(d.asOf) {
			d.byTime[id] = p.Version
		}
	}
	d.asOf = now
}

// truth is what a device should have.
func (o *offline) truth(d *device) map[string]uint64 {
	out := map[string]uint64{}
	for _, id := range o.asked {
		p := o.read(id)
		_, gone := p.Gone()
		if d.shelter != "" {
			_, gone = p.GoneFrom(d.shelter)
		}
		if !gone && (d.shelter != "" || p.Team == d.team) {
			out[id] = p.Version
		}
	}
	return out
}

// settle delivers all there is and lets a device ask until there is no more.
func (o *offline) settle(ctx context.Context, d *device) {
	for o.take(); len(o.pending) > 0; o.take() {
		o.deliver(ctx)
	}
	for o.sync(ctx, d, false) {
	}
	want := o.truth(d)
	if fmt.Sprint(want) != fmt.Sprint(d.has) {
		o.t.Fatalf("%s%s has %v, should have %v", d.team, d.shelter, d.has, want)
	}
}

// However late, doubled or disordered the feed and whatever the clocks say, a
// device that asks on has everything, at its last version, and nothing that is
// gone. Asking by time would have lost changes in the same worlds.
func TestSyncLosesNothing(t *testing.T) {
	lost, changes, delivered := 0, 0, 0
	for seed := range uint64(12) {
		o := openOffline(t, seed)
		ctx := context.Background()
		for range 400 {
			switch o.dice.IntN(10) {
			case 0, 1, 2, 3, 4:
				o.act(ctx)
			case 5, 6, 7:
				o.deliver(ctx)
			case 8:
				o.sync(ctx, o.devices[o.dice.IntN(len(o.devices))], o.dice.IntN(4) == 0)
			case 9:
				if o.dice.IntN(10) == 0 {
					o.settle(ctx, o.devices[o.dice.IntN(len(o.devices))])
				}
			}
			o.w.Pass(time.Duration(o.dice.IntN(20)) * time.Second)
		}
		for _, d := range o.devices {
			o.settle(ctx, d)
			for id, v := range o.truth(d) {
				if d.team != "" {
					if changes++; d.byTime[id] != v {
						lost++
					}
				}
			}
		}
		delivered += len(o.seen)
	}
	t.Logf("%d changes delivered: all there; asking by time would have had %d of %d placements not as they are", delivered, lost, changes)
	if lost == 0 {
		t.Error("the clocks did no harm to a device that asks by time: this test shows nothing")
	}
}

// Keepers that write one book at once leave no gap and lose nothing.
func TestManyKeepersWriteOneBookWithoutGaps(t *testing.T) {
	w := testworld.Open(t)
	ctx := context.Background()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			k := logbook.NewKeeper(w.Store, w.NewID)
			for j := range 25 {
				p := placement.New(placement.ID("team-a", fmt.Sprint(i, j)), "team-a", "test", placement.Request{}, w.Now(), placement.Command{})
				it := record.FromPlacement(p)
				it.Version = 1
				if err := k.Apply(ctx, []table.Change{{New: &it}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	pages, err := logbook.Read(ctx, w.Store, logbook.OfTeam("team-a"), 1, 0)
	if err != nil || len(pages) != 200 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	for i, p := range pages {
		if p.No != uint64(i+1) {
			t.Fatalf("page %d is numbered %d", i+1, p.No)
		}
	}
}

// A cursor that is too old, another's, or ahead of the book begins anew.
func TestACursorThatIsNoGoodBeginsAnew(t *testing.T) {
	w := testworld.Open(t)
	ctx := context.Background()
	ask := func(subject, cursor string) referral.Delta {
		t.Helper()
		d, err := w.Service.Sync(ctx, subject, cursor, 5)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	if _, err := w.Service.Request(ctx, team, girl(), command("one", 0)); err != nil {
		t.Fatal(err)
	}
	w.Feed(t)
	first := ask(testworld.Team, "")
	again := ask(testworld.Team, first.Cursor)
	if !first.Reset || len(first.Placements) != 1 || again.Reset || len(again.Placements) != 0 {
		t.Fatalf("first %+v again %+v", first, again)
	}
	if d := ask(testworld.OtherTeam, first.Cursor); !d.Reset || len(d.Placements) != 0 {
		t.Errorf("another team's cursor: %+v", d)
	}
	restored := testworld.Open(t) // a table from before: its book is another
	if d, err := restored.Service.Sync(ctx, testworld.Team, first.Cursor, 5); err != nil || !d.Reset {
		t.Errorf("a table from before: %+v %v", d, err)
	}
	w.Pass(31 * 24 * time.Hour)
	if d := ask(testworld.Team, first.Cursor); !d.Reset || len(d.Placements) != 1 {
		t.Errorf("an old cursor: %+v", d)
	}
	for _, bad := range []string{"x", "AAAA", first.Cursor + "A", "!"} {
		if _, err := w.Service.Sync(ctx, testworld.Team, bad, 5); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// Whoever is told to erase their device is not taken for a member any more by the
// process that told them, whatever it remembered.
func TestWhoIsToldToEraseIsNoMemberAnyMore(t *testing.T) {
	w := testworld.Open(t)
	ctx, s := context.Background(), w.Service
	if _, err := s.Grant(ctx, ministry, newMember("subject-new-one"), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Caller(ctx, "subject-new-one"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := beside(t, w).Revoke(ctx, ministry, "subject-new-one", command("revoke", 1)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Sync(ctx, "subject-new-one", "", 10); !fault.Is(err, fault.Wipe) {
		t.Errorf("the device is told %v", err)
	}
	if _, err := s.Caller(ctx, "subject-new-one"); !fault.Is(err, fault.Forbidden) {
		t.Errorf("a member still: %v", err)
	}
}
