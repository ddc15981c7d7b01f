package referral

import (
	"context"
	"errors"
	"slices"
	"time"

	"panah/internal/fault"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/shelter"
	"panah/internal/table"
)

// decide is one command's decision: given the placement as it is stored (nil
// when there is none yet) and the instant, it answers what it becomes and what
// must become of the beds. done means that there is nothing left to write.
type decide func(p *placement.Placement, now time.Time) (decision, error)

type decision struct {
	next   placement.Placement
	beds   []placement.BedMove
	alerts []placement.Alert
	also   []placement.Placement // other placements that change in the same write
	with   []table.Op            // other items of the same write
	over   []string              // alerts, by cursor, of what is not so any more
	done   bool                  // next is the answer already: a replay, or nothing to do
	still  bool                  // the command changes nothing but that it is remembered
}

// errAgain says that something newer has been learnt: decide again on it.
var errAgain = errors.New("referral: decide again")

// attempts bounds how often a command decides again after a lost race.
const attempts = 12

// attempt is what one command has learnt from its lost races.
type attempt struct {
	*Service
	ctx   context.Context
	known map[table.Key]*table.Item // fresh images of units
	exact map[table.Key]bool        // units to be written by version, not taken
	seen  map[table.Key]uint64      // versions of the units taken from, as the directory had them
	turns map[string]uint64         // versions of the turns of rescues, read before the decision
	sent  []string                  // ids of our writes that may have landed
}

// run carries a command out. replayed tells that it had been carried out before
// this call.
func (s *Service) run(ctx context.Context, id string, d decide) (p placement.Placement, replayed bool, err error) {
	return s.runFrom(ctx, id, nil, true, d)
}

// runFrom starts from an image of the placement if have is false: a create
// expects none and saves the read.
func (s *Service) runFrom(ctx context.Context, id string, it *table.Item, read bool, d decide) (placement.Placement, bool, error) {
	a := &attempt{Service: s, ctx: ctx, known: map[table.Key]*table.Item{}, exact: map[table.Key]bool{}, seen: map[table.Key]uint64{}, turns: map[string]uint64{}}
	key := record.PlacementKey(id)
	for range attempts {
		if read {
			var err error
			if it, err = s.Store.Get(ctx, key, table.Strong); err != nil {
				return placement.Placement{}, false, refusal(err)
			}
		}
		var stored *placement.Placement
		var version uint64
		if it != nil {
			p, err := record.ToPlacement(it)
			if err != nil {
				return p, false, err
			}
			stored, version = &p, it.Version
		}
		dec, err := d(stored, s.now())
		if errors.Is(err, errAgain) {
			read = true
			continue
		}
		if err != nil || dec.done {
			ours := it != nil && slices.Contains(a.sent, it.WriteID)
			return dec.next, dec.done && !ours, a.final(err)
		}
		ops, err := a.ops(dec, stored, version)
		if errors.Is(err, errAgain) {
			read = it != nil || read
			continue
		}
		if err != nil {
			return dec.next, false, a.final(err)
		}
		batch := table.Batch{WriteID: s.NewID(), Ops: ops}
		err = s.Store.Write(ctx, batch)
		if err == nil {
			dec.next.Version = version + 1
			s.Directory.Learn(a.written(batch)...)
			if dec.next.State == placement.Waitlisted && (stored == nil || (stored.State != placement.Waitlisted && stored.FoundAt.IsZero())) {
				s.noteGap(ctx, dec.next)
			}
			return dec.next, false, nil
		}
		if read, it, err = a.learn(batch, err); err != nil {
			return dec.next, false, err
		}
	}
	return placement.Placement{}, false, fault.New(fault.Busy, "many are asking for the same beds; send the same request again shortly")
}

// final is a refusal, unless a write was sent whose end nobody knows: what was sent may
// still be carried out, and the command is asked for again.
func (a *attempt) final(err error) error {
	if _, refused := fault.Of(err); refused && len(a.sent) > 0 {
		return fault.New(fault.Busy, "it is not known yet whether this was carried out; send the same request again shortly")
	}
	return err
}

// ops makes the one write of a decision: the placement and every unit once.
func (a *attempt) ops(d decision, stored *placement.Placement, version uint64) ([]table.Op, error) {
	d = settled(d, stored)
	d.next.Due = a.due(d.next)
	ops := []table.Op{table.PutOp(record.FromPlacement(d.next), version)}
	for _, cursor := range d.over {
		over, err := a.overOps(a.ctx, cursor)
		if err != nil {
			return nil, err
		}
		ops = append(ops, over...)
	}
	for _, alert := range d.alerts {
		ops = append(ops, table.PutOp(record.FromAlert(alert), 0))
	}
	ops = append(ops, d.with...)
	for _, other := range d.also {
		other.Due = a.due(other)
		ops = append(ops, table.PutOp(record.FromPlacement(other), other.Version))
	}
	for _, group := range byUnit(d.beds) {
		unit, err := a.unitOp(group)
		if err != nil {
			return nil, err
		}
		ops = append(ops, unit...)
	}
	doors, err := a.doorOps(d.beds)
	if err != nil {
		return nil, err
	}
	turns, err := a.turnOps(d, stored)
	return append(append(ops, doors...), turns...), err
}

// settled is a decision with the end of the alerts that told that a party must move
// which has left, or is to go elsewhere.
func settled(d decision, stored *placement.Placement) decision {
	if stored != nil && stored.MustMove != "" {
		if !d.next.State.Live() || d.next.Hold.Shelter != stored.Hold.Shelter {
			if d.next.MustMove == stored.MustMove {
				d.next.MustMove = ""
			}
		}
		if d.next.MustMove != stored.MustMove {
			d.over = append(d.over, stored.MustMove)
		}
	}
	for i, other := range d.also {
		if other.MustMove != "" && !other.State.Live() {
			d.over = append(d.over, other.MustMove)
			d.also[i].MustMove = ""
		}
	}
	return d
}

// turnOps put the turn of every rescue of whose kept-apart parties one comes to a
// shelter by this decision. Two of them that are decided at the same instant do
// not see each other; only one of the two then has the turn as it was before its
// decision, and the other is decided again.
func (a *attempt) turnOps(d decision, stored *placement.Placement) (ops []table.Op, err error) {
	for _, rescue := range comings(d, stored) {
		version, known := a.turns[rescue]
		if !known {
			it, rerr := a.Store.Get(a.ctx, record.TurnKey(rescue), table.Strong)
			if rerr != nil {
				return nil, refusal(rerr)
			}
			if it != nil {
				version = it.Version
			}
			a.turns[rescue], err = version, errAgain // where the others are must be read after it
		}
		ops = append(ops, table.PutOp(record.FromTurn(rescue), version))
	}
	return ops, err
}

// comings are the rescues of whose kept-apart parties one comes to a shelter.
func comings(d decision, stored *placement.Placement) (rescues []string) {
	come := func(p placement.Placement) {
		if p.KeptIn != "" && p.State.Live() && !slices.Contains(rescues, p.KeptIn) {
			rescues = append(rescues, p.KeptIn)
		}
	}
	if stored == nil || !stored.State.Live() || stored.Hold.Shelter != d.next.Hold.Shelter || stored.KeptIn != d.next.KeptIn {
		come(d.next)
	}
	for _, other := range d.also {
		come(other)
	}
	return rescues
}

// byUnit groups bed moves by unit, in the order units first appear.
func byUnit(moves []placement.BedMove) [][]placement.BedMove {
	var groups [][]placement.BedMove
	for _, m := range moves {
		i := slices.IndexFunc(groups, func(g []placement.BedMove) bool { return g[0].Shelter == m.Shelter && g[0].Unit == m.Unit })
		if i < 0 {
			groups = append(groups, nil)
			i = len(groups) - 1
		}
		groups[i] = append(groups[i], m)
	}
	return groups
}

// unitOp takes beds by the unit's own guard where that is all that happens to
// it; anything else is decided here on the unit as it is and written by version, with
// what the desk is told of a unit over capacity.
func (a *attempt) unitOp(moves []placement.BedMove) ([]table.Op, error) {
	key := record.UnitKey(moves[0].Shelter, moves[0].Unit)
	if m := moves[0]; len(moves) == 1 && m.Kind == placement.TakeBeds && !a.exact[key] && !a.limited(m) {
		a.seen[key] = a.version(m)
		return []table.Op{table.TakeOp(table.Take{Key: key, ClaimID: m.Claim, N: m.N, Until: m.Until, Rev: m.Rev})}, nil
	}
	it := a.known[key]
	if it == nil {
		var err error
		if it, err = a.Store.Get(a.ctx, key, table.Strong); err != nil {
			return nil, refusal(err)
		}
		if it == nil {
			return nil, fault.New(fault.NotFound, "this unit is not there any more")
		}
	}
	u, err := record.ToUnit(it)
	if err != nil {
		return nil, err
	}
	stored := u
	for _, m := range moves {
		if m.Kind == placement.TakeBeds && m.Rev != stored.Rev {
			return nil, a.learnPair(it, stored.Shelter)
		}
		if u, err = applyBeds(u, m, a.now()); err != nil {
			if m.Kind == placement.TakeBeds && fault.Is(err, fault.ShelterFull) {
				delete(a.exact, key)
				return nil, a.learnPair(it, stored.Shelter)
			}
			return nil, err
		}
	}
	told, err := a.tellArrived(a.ctx, &u, moves)
	return append([]table.Op{table.PutOp(record.FromUnit(u), it.Version)}, told...), err
}

// learnPair puts a unit and its shelter as they are now into the directory,
// the shelter first, so that the next decision sees rules and counts that belong
// together.
func (a *attempt) learnPair(unit *table.Item, shelterID string) error {
	if err := a.learnShelter(shelterID); err != nil {
		return err
	}
	a.Directory.Learn(unit)
	delete(a.known, unit.Key)
	return errAgain
}

// version is the unit's version in the directory, 0 when it is not there.
func (a *attempt) version(m placement.BedMove) uint64 {
	if u := a.unit(m); u != nil {
		return u.Version
	}
	return 0
}

// limited reports whether a take needs places of which the unit has only so many:
// its guard counts beds alone, so it is written by version. A limit that is newer
// than the directory has raised the unit's rev, and the take fails on that.
func (a *attempt) limited(m placement.BedMove) bool {
	if m.Places == (shelter.Places{}) {
		return false
	}
	u := a.unit(m)
	return u == nil || u.Limits(m.Places)
}

// unit is the unit as the directory has it, nil when it is not there.
func (a *attempt) unit(m placement.BedMove) *shelter.Unit {
	w, err := a.world(a.ctx)
	if err != nil {
		return nil
	}
	c, ok := w.Find(m.Shelter)
	if !ok {
		return nil
	}
	j := slices.IndexFunc(c.Units, func(u shelter.Unit) bool { return u.ID == m.Unit })
	if j < 0 {
		return nil
	}
	return &c.Units[j]
}

func applyBeds(u shelter.Unit, m placement.BedMove, now time.Time) (shelter.Unit, error) {
	none := shelter.Places{}
	switch m.Kind {
	case placement.TakeBeds:
		u, err := u.Hold(m.Claim, m.N, m.Until, now)
		if err != nil {
			return u, err
		}
		return u.HoldPlaces(m.Claim, m.Places, now)
	case placement.PinBeds:
		u, err := u.Pin(m.Claim, now)
		if m.Vouched {
			u = u.Vouch(now, true)
		}
		return u.Needing(m.Claim, m.Places), err
	case placement.KeepBeds:
		return u.Keep(m.Claim, m.Until, now)
	case placement.FillBeds:
		return u.Arrive(m.Claim, m.Persons, m.N, m.Until).Occupy(m.Places), nil
	case placement.VacateBeds:
		return u.Leave(m.Claim, m.Persons, m.N, m.Until).Occupy(none.Minus(m.Places)), nil
	case placement.RefillBeds:
		u = u.Unarrive(m.Claim, m.Persons, m.N, m.Until).Occupy(none.Minus(m.Places))
		return u.WithClaim(m.Claim, shelter.Claim{N: m.N, Places: m.Places}), nil
	case placement.EmptyBeds:
		return u.Unarrive(m.Claim, m.Persons, m.N, m.Until).Occupy(none.Minus(m.Places)), nil
	case placement.ReturnBeds:
		return u.Return(m.Claim, m.Persons, m.N, m.Until).Occupy(m.Places), nil
	case placement.RefitBeds:
		return u.Needing(m.Claim, m.Places), nil
	case placement.RecountBeds:
		return u.Occupy(m.Places), nil
	case placement.PartBeds:
		return u.Part(m.Claim, m.Other, m.Persons), nil
	default:
		return u.Release(m.Claim), nil
	}
}

// learn takes in why a write failed: what to decide on next, or the error to
// give up with.
func (a *attempt) learn(b table.Batch, err error) (read bool, it *table.Item, _ error) {
	if errors.Is(err, table.ErrUnknown) {
		a.sent = append(a.sent, b.WriteID)
		clear(a.known)
		clear(a.exact)
		clear(a.turns)
		return true, nil, nil
	}
	stale, ok := table.IsStale(err)
	if !ok {
		return false, nil, refusal(err)
	}
	read = true
	for i, image := range stale.Images {
		key := b.Ops[i].Key()
		if i == 0 {
			if image.Known {
				read, it = false, image.Item
			}
			continue
		}
		delete(a.known, key)
		if rescue, ok := record.TurnOf(key); ok {
			a.learnTurn(rescue, image)
			continue
		}
		if record.IsDoor(key) && image.Known && image.Item != nil {
			a.known[key] = image.Item
			a.Directory.Learn(image.Item)
		}
		if !record.IsUnit(key) {
			continue
		}
		if err := a.learnUnit(b.Ops[i], image); err != nil {
			return false, nil, err
		}
	}
	return read, it, nil
}

// learnTurn notes whose turn it is now: it is known before the next decision.
func (a *attempt) learnTurn(rescue string, image table.Image) {
	switch {
	case !image.Known:
		delete(a.turns, rescue)
	case image.Item == nil:
		a.turns[rescue] = 0
	default:
		a.turns[rescue] = image.Item.Version
	}
}

// learnUnit puts a refused unit back into the directory, so that the next
// decision knows it; where the engine gave no image, it is read. A unit that
// is full only by claims whose time has passed is written by version next time,
// without them.
func (a *attempt) learnUnit(op table.Op, image table.Image) error {
	key, it := op.Key(), image.Item
	if !image.Known {
		var err error
		if it, err = a.Store.Get(a.ctx, key, table.Strong); err != nil {
			return refusal(err)
		}
	}
	if it == nil {
		return nil
	}
	u, err := record.ToUnit(it)
	if err != nil {
		return err
	}
	if t := op.Take; t != nil && u.Rev != t.Rev { // the shelter's rules have changed: learn them first
		if err := a.learnShelter(u.Shelter); err != nil {
			return err
		}
	}
	a.known[key] = it
	a.Directory.Learn(it)
	if t := op.Take; t != nil && u.Rev == t.Rev {
		if u.Counts().Free() < t.N && u.FreeAt(a.now()) >= t.N {
			a.exact[key] = true
		}
	}
	return nil
}

func (a *attempt) learnShelter(id string) error {
	it, err := a.Store.Get(a.ctx, record.ShelterKey(id), table.Strong)
	if err != nil {
		return refusal(err)
	}
	a.Directory.Learn(it)
	return nil
}

// written lists the units and doors a batch has put, for the directory: a warm process
// sees its own writes before the log brings them.
func (a *attempt) written(b table.Batch) []*table.Item {
	var out []*table.Item
	for _, op := range b.Ops[1:] {
		if put := op.Put; put != nil {
			if !record.IsUnit(put.Item.Key) && !record.IsDoor(put.Item.Key) {
				continue
			}
			it := put.Item
			it.Version = put.IfVersion + 1
			out = append(out, &it)
			continue
		}
		a.Directory.Took(*op.Take, a.seen[op.Take.Key])
	}
	return out
}
