// Package rollup keeps what a ministry's figures are made from and publishes
// them. From the change feed it sets, by placement and item version, who stays
// where and how a request went; applied twice it changes nothing. On the clock
// it counts each country once an hour and each month once, protects the count
// and writes it as items that never change (package history).
package rollup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"panah/internal/code"

	"panah/internal/matching"
	"panah/internal/place"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/table"
)

// Keeper keeps stays and journeys from the change feed.
type Keeper struct {
	store  table.Store
	policy matching.Policy
	newID  func() string
	log    *slog.Logger
}

// NewKeeper writes to store; newID gives unique write ids.
func NewKeeper(store table.Store, policy matching.Policy, newID func() string, log *slog.Logger) *Keeper {
	return &Keeper{store, policy, newID, log}
}

// stay is what one placement contributes to the shelter its party stays in.
type stay struct {
	Version uint64         `json:"v"`
	Since   int64          `json:"a,omitempty"`
	Units   map[string]int `json:"u,omitempty"` // persons here, by unit; none: they have gone
	Due     int64          `json:"d,omitempty"` // when the first legal clock without a decision runs out
	Left    int64          `json:"l,omitempty"` // when the last version was written: a stay that has ended is dropped after a while
}

// journey is what one placement contributes to the district and day of its request.
type journey struct {
	Version  uint64               `json:"v"`
	Urgency  code.Urgency         `json:"u,omitempty"`
	Created  int64                `json:"c"`
	Offered  int64                `json:"o,omitempty"`
	Accepted int64                `json:"k,omitempty"`
	Arrived  int64                `json:"a,omitempty"`
	Persons  int                  `json:"n"`
	To       place.Code           `json:"t,omitempty"` // district of the shelter they arrived in
	Waited   bool                 `json:"w,omitempty"`
	WalkIn   bool                 `json:"i,omitempty"`
	Declines []code.DeclineReason `json:"r,omitempty"`
	Clocks   []clock              `json:"l,omitempty"`
	Closed   int64                `json:"e,omitempty"` // when nothing was to be done any more
}

// clock is one legal clock of a placement.
type clock struct {
	ID   string `json:"i"`
	From int64  `json:"f,omitempty"` // of the review of a stay: when its ground began
	Due  int64  `json:"d"`
	Done int64  `json:"s,omitempty"` // when a decision stopped it
}

// review reports whether it is the review of a stay: they follow each other.
func (c clock) review() bool { return c.From != 0 }

// wait is what one placement contributes to those who wait to be brought home.
type wait struct {
	Version uint64     `json:"v"`
	To      place.Code `json:"t,omitempty"` // a country, or a state of the same one
	Since   int64      `json:"s,omitempty"`
	Until   []int64    `json:"u,omitempty"` // of each person: when the wait ended, 0: it goes on
}

const forget = 48 * time.Hour // twice as long as the feed keeps a change

func stayKey(district place.Code, shelter string) table.Key {
	return table.Key{PK: "ROLL#" + string(district), SK: "STAY#" + shelter}
}

func journeyKey(district place.Code, created time.Time) table.Key {
	return table.Key{PK: "ROLL#" + string(district), SK: "GO#" + created.UTC().Format(time.DateOnly)}
}

// waitKey is where those of a district wait who asked in a month.
func waitKey(district place.Code, created time.Time) table.Key {
	return table.Key{PK: "ROLL#" + string(district), SK: "HOME#" + created.UTC().Format("2006-01")}
}

// Apply takes in the placements among the changes.
func (k *Keeper) Apply(ctx context.Context, changes []table.Change) error {
	homes, known := map[string]place.Code{}, map[table.Key]map[string]journey{}
	stays, journeys, waits := map[table.Key][]update[stay]{}, map[table.Key][]update[journey]{}, map[table.Key][]update[wait]{}
	for _, c := range changes {
		if c.New == nil || !record.IsPlacement(c.New.Key) || c.New.Tombstone {
			continue
		}
		now, before, err := images(c)
		if err != nil { // one broken item must not keep the others from being counted
			k.log.Error("rollup: a placement cannot be read", "item", c.New.String(), "error", err.Error())
			continue
		}
		home, err := k.home(ctx, homes, now.Hold.Shelter)
		if err != nil {
			return err
		}
		gap, err := k.missed(ctx, known, now)
		if err != nil {
			return err
		}
		if gap || before == nil && now.Version > 1 { // what was between is not known: it is nowhere it has been and is not
			if err := k.nowhereElse(ctx, stays, homes, now); err != nil {
				return err
			}
		}
		if before != nil && left(*before, now) {
			was, err := k.home(ctx, homes, before.Hold.Shelter)
			if err != nil {
				return err
			}
			leave(stays, now, was, before.Hold.Shelter)
		}
		k.stays(stays, now, home)
		if now.Return.To != "" || (before != nil && before.Return.To != "") {
			key := waitKey(now.Request.Place, now.CreatedAt)
			waits[key] = append(waits[key], update[wait]{now.ID, now.Version, func(w wait) wait { return waiting(w, now) }})
		}
		key := journeyKey(now.Request.Place, now.CreatedAt)
		journeys[key] = append(journeys[key], update[journey]{now.ID, now.Version, func(j journey) journey { return k.journey(j, now, before, home) }})
	}
	if err := set(ctx, k, stays, func(s stay) uint64 { return s.Version }, func(s stay, newest int64) bool {
		return len(s.Units) == 0 && newest-s.Left > int64(forget.Seconds())
	}); err != nil {
		return err
	}
	if err := set(ctx, k, waits, func(w wait) uint64 { return w.Version }, func(wait, int64) bool { return false }); err != nil {
		return err
	}
	return set(ctx, k, journeys, func(j journey) uint64 { return j.Version }, func(journey, int64) bool { return false })
}

// missed reports whether versions of a placement before this one were never seen; known
// are the journeys read for it so far.
func (k *Keeper) missed(ctx context.Context, known map[table.Key]map[string]journey, now placement.Placement) (bool, error) {
	key := journeyKey(now.Request.Place, now.CreatedAt)
	if known[key] == nil {
		kept, _, err := load[journey](ctx, k.store, key)
		if err != nil {
			return false, err
		}
		known[key] = kept
	}
	j := known[key][now.ID]
	gap := now.Version > j.Version+1
	j.Version = max(j.Version, now.Version)
	known[key][now.ID] = j
	return gap, nil
}

func images(c table.Change) (now placement.Placement, before *placement.Placement, err error) {
	if now, err = record.ToPlacement(c.New); err != nil || c.Old == nil {
		return now, nil, err
	}
	old, err := record.ToPlacement(c.Old)
	return now, &old, err
}

// home is the district of a shelter.
func (k *Keeper) home(ctx context.Context, known map[string]place.Code, id string) (place.Code, error) {
	if d, ok := known[id]; ok || id == "" {
		return d, nil
	}
	it, err := k.store.Get(ctx, record.ShelterKey(id), table.Relaxed)
	if err != nil || it == nil {
		return "", err
	}
	s, err := record.ToShelter(it)
	known[id] = s.District
	return s.District, err
}

// nowhereElse notes of a placement whose last versions were never seen that nobody
// of it is in a shelter it has been at before, where they were counted.
func (k *Keeper) nowhereElse(ctx context.Context, into map[table.Key][]update[stay], homes map[string]place.Code, now placement.Placement) error {
	for _, h := range append([]placement.Hold{now.Hold}, now.Past...) {
		if h.Shelter == "" || !now.ArrivedAt.IsZero() && h.Shelter == now.Hold.Shelter {
			continue
		}
		home, err := k.home(ctx, homes, h.Shelter)
		if err != nil {
			return err
		}
		leave(into, now, home, h.Shelter)
	}
	return nil
}

// left reports whether a party that had arrived at a shelter is not there any
// more: it is elsewhere, or the arrival was taken back.
func left(before, now placement.Placement) bool {
	return !before.ArrivedAt.IsZero() && (now.ArrivedAt.IsZero() || before.Hold.Shelter != now.Hold.Shelter)
}

// leave notes that nobody of a placement is in a shelter, whose district is home.
func leave(into map[table.Key][]update[stay], now placement.Placement, home place.Code, shelter string) {
	if home == "" {
		return
	}
	key := stayKey(home, shelter)
	into[key] = append(into[key], update[stay]{now.ID, now.Version, func(stay) stay { return stay{Version: now.Version, Left: now.ChangedAt.Unix()} }})
}

// stays notes who is in the shelter a placement is at.
func (k *Keeper) stays(into map[table.Key][]update[stay], now placement.Placement, home place.Code) {
	if now.ArrivedAt.IsZero() || home == "" {
		return
	}
	s := stay{Version: now.Version, Since: now.ArrivedAt.Unix(), Left: now.ChangedAt.Unix()}
	s.Units = units(now)
	for _, c := range k.policy.Clocks(now) {
		if due := c.DueAt.Unix(); !c.Stopped && (s.Due == 0 || due < s.Due) {
			s.Due = due
		}
	}
	key := stayKey(home, now.Hold.Shelter)
	into[key] = append(into[key], update[stay]{now.ID, now.Version, func(stay) stay { return s }})
}

// units are the persons of a placement who are in its shelter now, by unit; nil
// where nobody is.
func units(p placement.Placement) (out map[string]int) {
	for _, part := range p.Hold.Parts {
		for _, i := range part.Persons {
			if p.State != placement.Arrived || i >= len(p.Stays) || p.Stays[i].Gone {
				continue
			}
			if out == nil {
				out = map[string]int{}
			}
			out[part.Unit]++
		}
	}
	return out
}

// waiting takes one version of a placement in. When a wait has ended stays as it was
// first told while the person does not wait again.
func waiting(known wait, now placement.Placement) wait {
	w := wait{Version: now.Version}
	if now.Return.To == "" && now.State.Closed() && !slices.Contains(known.Until, 0) {
		known.Version = now.Version // forgotten since: what was counted stays counted
		return known
	}
	if now.Return.To == "" {
		return w // ordered by mistake, or withdrawn: it is as if nobody had waited
	}
	w.To, w.Since = now.Return.To, now.Return.Since.Unix()
	for i, t := range now.Awaiting() {
		until := int64(0)
		if !t.IsZero() {
			until = t.Unix()
			if i < len(known.Until) && known.Until[i] != 0 {
				until = known.Until[i]
			}
		}
		w.Until = append(w.Until, until)
	}
	return w
}

// journey takes one version of a placement in. What happened first stays, but
// for an arrival that was taken back.
func (k *Keeper) journey(j journey, now placement.Placement, before *placement.Placement, home place.Code) journey {
	if j.Version == 0 {
		j = journey{Urgency: now.Request.Urgency, Created: now.CreatedAt.Unix(), WalkIn: strings.HasPrefix(now.Team, "house:")}
	} else if j.Version+1 < now.Version {
		k.log.Error("rollup: a version was never seen", "item", now.ID, "version", now.Version-1)
	}
	j.Version, j.Persons = now.Version, len(now.Request.Persons)
	if now.Hold.No > 0 && j.Offered == 0 {
		j.Offered = now.ChangedAt.Unix()
	}
	if now.DoorTeam != "" && j.Accepted == 0 {
		j.Accepted = now.ChangedAt.Unix()
	}
	if j.Arrived, j.To = 0, ""; !now.ArrivedAt.IsZero() {
		j.Arrived, j.To = now.ArrivedAt.Unix(), home
	}
	j.Waited = j.Waited || now.State == placement.Waitlisted
	if before != nil && len(now.Refused) > len(before.Refused) {
		j.Declines = append(slices.Clone(j.Declines), code.DeclineReason(now.Reason))
	}
	j.Clocks = k.clocks(j.Clocks, now)
	if j.Closed = 0; now.State.Closed() {
		j.Closed = now.ChangedAt.Unix()
	}
	return j
}

// clocks are the legal clocks of a placement after those known of it. The first
// decision stops a clock that runs from the rescue: a later one does not stop it
// again, and one that is taken back lets it run.
func (k *Keeper) clocks(known []clock, now placement.Placement) (out []clock) {
	if now.State == placement.Superseded {
		return nil
	}
	var reviews []clock
	for _, c := range known {
		if c.review() {
			reviews = append(reviews, c)
		}
	}
	var runs *clock
	for _, c := range k.policy.Clocks(now) {
		l := clock{ID: c.ID, Due: c.DueAt.Unix()}
		if c.What == matching.ReviewOfStay {
			l.From, runs = now.Basis.From.Unix(), &l
			continue
		}
		if c.Stopped {
			l.Done = c.Stop.At.Unix()
			if i := slices.IndexFunc(known, func(o clock) bool { return o.ID == l.ID && o.Done != 0 }); i >= 0 {
				l.Done = known[i].Done
			}
		}
		out = append(out, l)
	}
	var ended time.Time
	if now.State == placement.Ended {
		ended = now.LeftAt()
	}
	return append(out, follow(reviews, runs, now.Ruling.At, ended)...)
}

// follow puts the review that runs now behind those before it. Each of them was
// done when a decision set the next; one that runs again, because the decision
// was taken back, has none behind it. Without a stay no review runs; one that had
// run out undecided before the last person left, at ended, or before the next ground
// began by itself, stays as it is: broken.
func follow(before []clock, runs *clock, decided, ended time.Time) (out []clock) {
	for _, c := range before {
		if runs != nil && c.ID == runs.ID && c.From == runs.From && c.Due == runs.Due {
			break
		}
		if c.Done == 0 && runs != nil && !decided.IsZero() && runs.From <= decided.Unix() {
			c.Done = decided.Unix()
		}
		if c.Done != 0 || (runs == nil && c.Due <= ended.Unix()) || (runs != nil && c.Due <= runs.From) {
			out = append(out, c)
		}
	}
	if runs != nil {
		out = append(out, *runs)
	}
	return out
}

// update is one placement's new word in an item.
type update[T any] struct {
	id      string
	version uint64
	apply   func(T) T
}

const tries = 20

// set writes updates into the items they belong to, each only where its version
// is newer than the one the item has.
func set[T any](ctx context.Context, k *Keeper, updates map[table.Key][]update[T], version func(T) uint64, old func(T, int64) bool) error {
	keys := slices.SortedFunc(maps.Keys(updates), func(a, b table.Key) int {
		if a.PK != b.PK {
			return cmpText(a.PK, b.PK)
		}
		return cmpText(a.SK, b.SK)
	})
	for _, key := range keys {
		if err := setOne(ctx, k, key, updates[key], version, old); err != nil {
			return err
		}
	}
	return nil
}

func cmpText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func setOne[T any](ctx context.Context, k *Keeper, key table.Key, updates []update[T], version func(T) uint64, old func(T, int64) bool) error {
	for range tries {
		entries, at, err := load[T](ctx, k.store, key)
		if err != nil {
			return err
		}
		changed, newest := false, int64(0)
		for _, u := range updates {
			if e := entries[u.id]; u.version > version(e) {
				entries[u.id], changed = u.apply(e), true
			}
		}
		if !changed {
			return nil
		}
		for _, e := range entries {
			if s, ok := any(e).(stay); ok {
				newest = max(newest, s.Left)
			}
		}
		maps.DeleteFunc(entries, func(_ string, e T) bool { return old(e, newest) })
		body, err := json.Marshal(entries)
		if err != nil {
			return err
		}
		err = k.store.Write(ctx, table.Batch{WriteID: k.newID(), Ops: []table.Op{table.PutOp(table.Item{Key: key, Body: body}, at)}})
		if _, stale := table.IsStale(err); stale || errors.Is(err, table.ErrUnknown) {
			continue // look again: setting twice is setting once
		}
		return err
	}
	return fmt.Errorf("rollup: %s: %w", key, table.ErrBusy)
}

func load[T any](ctx context.Context, store table.Store, key table.Key) (map[string]T, uint64, error) {
	entries := map[string]T{}
	it, err := store.Get(ctx, key, table.Strong)
	if err != nil || it == nil {
		return entries, 0, err
	}
	if err := json.Unmarshal(it.Body, &entries); err != nil {
		return nil, 0, fmt.Errorf("rollup: %s: %w", key, err)
	}
	return entries, it.Version, nil
}
