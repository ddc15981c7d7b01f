package referral

import (
	"context"
	"slices"
	"time"

	"panah/internal/caller"
	"panah/internal/code"
	"panah/internal/fault"
	"panah/internal/matching"
	"panah/internal/place"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/table"
)

// Command is what every move carries.
type Command struct {
	Key        string // the Idempotency-Key
	Payload    string // the request's canonical form; only its hash is kept
	Version    uint64 // of the placement the sender acted on
	HoldNo     int    // the hold the sender acted on; 0 where a version is enough
	OccurredAt time.Time
}

// hash keeps of a command only what tells a repeat: its key, as this sender's
// own, and its payload.
func (c Command) hash(sender caller.Caller) placement.Command {
	return placement.Command{Key: placement.Hash(sender.Scope + "\x00" + c.Key), Payload: placement.Hash(c.Payload)}
}

// Outcome is a placement after a command, with what matching said where it was asked.
type Outcome struct {
	placement.Placement
	Match    *matching.Result
	Replayed bool
}

// ask is what matching is asked for a placement. Where parties of its rescue must
// not be in the same shelter, theirs are out.
func (s *Service) ask(ctx context.Context, p placement.Placement, now time.Time) (matching.Ask, error) {
	a := matching.Ask{Request: p.Request, At: now, Refused: p.Refused, Unwanted: p.Unwanted, Tried: p.Tried, Seed: p.ID}
	for _, id := range p.KeepFrom {
		other, err := s.load(ctx, id)
		if err != nil {
			return a, err
		}
		if other != nil && other.State.Live() {
			a.Refused = append(slices.Clone(a.Refused), other.Hold.Shelter)
		}
	}
	return a, nil
}

// asking is the directory as it is, and what it is asked for a placement.
func (s *Service) asking(ctx context.Context, p placement.Placement, now time.Time) (matching.World, matching.Ask, error) {
	w, err := s.world(ctx)
	if err != nil {
		return w, matching.Ask{}, err
	}
	a, err := s.ask(ctx, p, now)
	return w, a, err
}

// Request creates a placement and, when the team asks for it, holds the best
// option in the same write. Sent again under the same key it answers with the
// placement as it is now.
func (s *Service) Request(ctx context.Context, c caller.Caller, r placement.Request, cmd Command) (Outcome, error) {
	return s.Transfer(ctx, c, r, "", cmd)
}

// Transfer is a request for a party that is in a shelter already: its arrival
// ends that stay in the same write. transferOf is the placement of the stay.
func (s *Service) Transfer(ctx context.Context, c caller.Caller, r placement.Request, transferOf string, cmd Command) (Outcome, error) {
	if err := c.Allow(caller.RequestPlacement, caller.Resource{Team: c.Team()}); err != nil {
		return Outcome{}, err
	}
	id, tries := placement.ID(c.Team(), cmd.Key), 0
	var match matching.Result
	p, replayed, err := s.runFrom(ctx, id, nil, false, func(stored *placement.Placement, now time.Time) (decision, error) {
		if stored != nil {
			_, err := stored.Replay(cmd.hash(c))
			return decision{next: *stored, done: true}, err
		}
		if err := s.checkNew(ctx, id, r, now); err != nil {
			return decision{}, err
		}
		p := placement.New(id, c.Team(), s.Policy.ID, r, now, cmd.hash(c))
		if p.TransferOf = transferOf; transferOf != "" {
			origin, err := s.transferable(ctx, c, p)
			if err != nil {
				return decision{}, s.unlessStored(ctx, id, err)
			}
			p.KeepFrom = origin.KeepFrom
		}
		p.By = c.Subject
		p.Late = r.HoldBest && !r.OccurredAt.IsZero() && now.Sub(r.OccurredAt) > s.Policy.LateHold
		w, wanted, err := s.asking(ctx, p, now)
		if err != nil {
			return decision{}, err
		}
		match = matching.Rank(w, wanted, s.Policy, r.Limit)
		tries++
		d, err := s.first(p, match, tries < attempts-1, now)
		if err != nil {
			return d, err
		}
		d.also, err = s.partners(ctx, p)
		return d, err
	})
	if err != nil {
		return Outcome{}, err
	}
	o := Outcome{Placement: p, Match: &match, Replayed: replayed}
	if replayed {
		o.Match = nil // a replay needs no directory: it is answered all the same
		if again, err := s.rank(ctx, p); err == nil {
			o.Match = &again
		}
	}
	return o, nil
}

// noteGap notes what was missing, in a write of its own: the id of a common
// write would tie it to the placement for ever. A crash in between loses one row
// of a statistic.
func (s *Service) noteGap(ctx context.Context, p placement.Placement) {
	var failed map[string]int
	if match, err := s.rank(ctx, p); err == nil {
		failed = match.FirstRule
	}
	it := record.FromGap(p.Request, failed, s.NewID(), s.now())
	if err := s.Store.Write(ctx, table.Batch{WriteID: s.NewID(), Ops: []table.Op{table.PutOp(it, 0)}}); err != nil {
		s.Log.Error("a gap was not noted", "error", err.Error())
	}
}

// checkNew holds a request against the form, unless it turns out to be a repeat
// of one already stored: what was taken then is answered now, however late.
func (s *Service) checkNew(ctx context.Context, id string, r placement.Request, now time.Time) error {
	refused := r.Check(now)
	if refused == nil {
		if here, _ := place.Lookup(r.Place); s.Policy.Country[here.Country].ChildCall == "" {
			refused = fault.Field("place.district", "lies in a country whose programs only report here")
		}
	}
	return s.unlessStored(ctx, id, refused)
}

// unlessStored is the refusal, unless the command turns out to be a repeat.
func (s *Service) unlessStored(ctx context.Context, id string, refused error) error {
	if refused == nil {
		return nil
	}
	it, err := s.Store.Get(ctx, record.PlacementKey(id), table.Strong)
	if err != nil {
		return refusal(err)
	}
	if it != nil {
		return errAgain
	}
	return refused
}

// first decides what a new request becomes: held, requested or waitlisted.
// With hold false it stays requested: beds that are always gone must not cost
// the request itself.
func (s *Service) first(p placement.Placement, match matching.Result, hold bool, now time.Time) (decision, error) {
	for _, o := range match.Options {
		p.Offered = append(p.Offered, o.Candidate.ID)
	}
	switch {
	case len(match.Options) == 0:
		return decision{next: p.Wait(now.Add(s.Policy.WaitFor[p.Request.Urgency]), now)}, nil
	case !p.Request.HoldBest || p.Late || !hold:
		return decision{next: p}, nil
	}
	next, beds, err := p.TakeHold(match.Options[0].Hold(), s.holdUntil(p, now), now)
	return decision{next: next, beds: beds}, err
}

func (s *Service) holdUntil(p placement.Placement, now time.Time) time.Time {
	return now.Add(s.Policy.HoldFor[p.Request.Urgency])
}

func (s *Service) rank(ctx context.Context, p placement.Placement) (matching.Result, error) {
	w, wanted, err := s.asking(ctx, p, s.now())
	if err != nil {
		return matching.Result{}, err
	}
	return matching.Rank(w, wanted, s.Policy, p.Request.Limit), nil
}

// Placement answers one placement to its team or to the desk of its district.
func (s *Service) Placement(ctx context.Context, c caller.Caller, id string) (placement.Placement, error) {
	it, err := s.Store.Get(ctx, record.PlacementKey(id), table.Strong)
	if err != nil {
		return placement.Placement{}, refusal(err)
	}
	if it == nil {
		return placement.Placement{}, missing(c.Allow(caller.ReadPlacement, caller.Resource{}))
	}
	p, err := record.ToPlacement(it)
	if err != nil {
		return p, err
	}
	return p, c.Allow(caller.ReadPlacement, resource(p))
}

// missing answers for an id that is not there exactly what a foreign one would get.
func missing(allowed error) error {
	if fault.Is(allowed, fault.Forbidden) {
		return allowed
	}
	return fault.New(fault.NotFound, "there is nothing here under this id")
}

func resource(p placement.Placement) caller.Resource {
	return caller.Resource{Team: p.Team, Shelter: p.Hold.Shelter, District: p.Request.Place}
}

// Options ranks afresh for a placement.
func (s *Service) Options(ctx context.Context, c caller.Caller, id string) (Outcome, error) {
	p, err := s.Placement(ctx, c, id)
	if err != nil {
		return Outcome{}, err
	}
	match, err := s.rank(ctx, p)
	return Outcome{Placement: p, Match: &match}, err
}

// Explain holds every shelter within reach against a placement, for the desk:
// each with the rules it fails or the parts of its score.
func (s *Service) Explain(ctx context.Context, c caller.Caller, id string) (Outcome, []matching.Verdict, error) {
	p, err := s.Placement(ctx, c, id)
	if err == nil {
		err = c.Allow(caller.ExplainOptions, resource(p))
	}
	if err != nil {
		return Outcome{}, nil, err
	}
	w, wanted, err := s.asking(ctx, p, s.now())
	if err != nil {
		return Outcome{}, nil, err
	}
	match := matching.Rank(w, wanted, s.Policy, p.Request.Limit)
	return Outcome{Placement: p, Match: &match}, matching.Explain(w, wanted, s.Policy), nil
}

// Mine lists a team's placements, newest first.
func (s *Service) Mine(ctx context.Context, c caller.Caller, limit int, after string) ([]placement.Placement, string, error) {
	if err := c.Allow(caller.ReadPlacement, caller.Resource{Team: c.Team()}); err != nil {
		return nil, "", err
	}
	q := table.Query{Index: table.ByTeam, PK: record.TeamPartition(c.Team()), Descending: true, Limit: limit, After: after}
	return s.list(ctx, q, func(p placement.Placement) bool { return p.Team == c.Team() })
}

// Arrivals lists the placements whose beds a shelter holds or uses, oldest first.
func (s *Service) Arrivals(ctx context.Context, c caller.Caller, shelter string, limit int, after string) ([]placement.Placement, string, error) {
	v, err := s.Shelter(ctx, c, shelter)
	if err != nil {
		return nil, "", err
	}
	if err := c.Allow(caller.ReadArrivals, caller.Resource{Shelter: v.ID, District: v.District}); err != nil {
		return nil, "", err
	}
	q := table.Query{Index: table.Work, PK: record.WorkPartition(shelter), Limit: limit, After: after}
	return s.list(ctx, q, func(p placement.Placement) bool { return p.Hold.Shelter == shelter && p.State.Live() })
}

// list reads what an index names and drops what the item itself denies: an
// index lags.
func (s *Service) list(ctx context.Context, q table.Query, keep func(placement.Placement) bool) ([]placement.Placement, string, error) {
	page, err := s.Store.Query(ctx, q)
	if err != nil {
		return nil, "", cursorFault(refusal(err))
	}
	out := []placement.Placement{}
	for _, entry := range page.Items {
		it, err := s.Store.Get(ctx, entry.Key, table.Strong)
		if err != nil {
			return nil, "", refusal(err)
		}
		if it == nil || !record.IsPlacement(it.Key) {
			continue
		}
		p, err := record.ToPlacement(it)
		if err != nil {
			return nil, "", err
		}
		if keep(p) {
			out = append(out, p)
		}
	}
	return out, page.Next, nil
}

// move carries out one move of an existing placement: scope, replay, version
// and hold are checked before do decides.
func (s *Service) move(ctx context.Context, c caller.Caller, a caller.Action, id string, m placement.Move, cmd Command,
	do func(p placement.Placement, now time.Time) (placement.Placement, []placement.BedMove, error)) (Outcome, error) {
	return s.alarming(ctx, c, a, id, m, cmd, func(p placement.Placement, now time.Time) (decision, error) {
		next, beds, err := do(p, now)
		return decision{next: next, beds: beds}, err
	})
}

// alarming carries out a move that may also raise alerts.
func (s *Service) alarming(ctx context.Context, c caller.Caller, a caller.Action, id string, m placement.Move, cmd Command,
	do func(p placement.Placement, now time.Time) (decision, error)) (Outcome, error) {
	p, replayed, err := s.run(ctx, id, func(stored *placement.Placement, now time.Time) (decision, error) {
		if stored == nil {
			return decision{}, missing(c.Allow(a, caller.Resource{}))
		}
		about := resource(*stored)
		if m == placement.MoveReceive && stored.HeldBy(c.Shelter()) {
			about.Shelter = c.Shelter() // an arrival is a fact, also where the hold has moved on
		}
		if m == placement.MoveUndo && c.Shelter() != "" && stored.Back.Shelter == c.Shelter() {
			about.Shelter = c.Shelter() // the move to take back was this shelter's
		}
		allowed := c.Allow(a, about)
		if fault.Is(allowed, fault.NotFound) && a == caller.AnswerPlacement {
			// A shelter that repeats its own decline is told so, though the party is elsewhere by now.
			if done, _ := stored.Replay(cmd.hash(c)); done {
				return decision{next: *stored, done: true}, nil
			}
		}
		if allowed != nil {
			return decision{}, allowed
		}
		if done, err := stored.Replay(cmd.hash(c)); done || err != nil {
			return decision{next: *stored, done: done}, err
		}
		if err := checkSender(*stored, m, cmd, now); err != nil {
			return decision{}, allowing(err, *stored, c, m, now)
		}
		d, err := do(*stored, now)
		if err != nil {
			return decision{}, allowing(err, *stored, c, m, now)
		}
		d.next.By, d.next.Same = c.Subject, 0
		if d.next.State != stored.State { // accepted, on its way: the escort may look where to go
			d.next.RevealUntil = now.Add(s.Policy.Reveal)
		}
		d.next, err = d.next.Remember(cmd.hash(c), m)
		return d, err
	})
	return Outcome{Placement: p, Replayed: replayed}, err
}

// allowing lists with a refused move those the sender could make now.
func allowing(err error, p placement.Placement, c caller.Caller, m placement.Move, now time.Time) error {
	f, ok := fault.Of(err)
	if !ok || (f.Kind != fault.IllegalMove && f.Kind != fault.StaleVersion && f.Kind != fault.HoldLapsed) {
		return err
	}
	list := []string{}
	for _, next := range p.Next(SideOf(c), now) {
		if next != m || f.Kind == fault.StaleVersion {
			list = append(list, string(next))
		}
	}
	return f.WithAllowed(list)
}

// SideOf says from which side a caller looks at a placement.
func SideOf(c caller.Caller) placement.Side {
	switch c.Role {
	case caller.Shelter:
		return placement.House
	case caller.Rescue:
		return placement.Team
	case caller.Desk:
		return placement.Office
	}
	return placement.Observer
}

func checkSender(p placement.Placement, m placement.Move, cmd Command, now time.Time) error {
	if err := placement.CheckOccurred(cmd.OccurredAt, now); err != nil {
		return err
	}
	if cmd.HoldNo != 0 {
		return p.CheckHold(m, cmd.HoldNo)
	}
	return p.CheckVersion(m, cmd.Version)
}

// Hold holds a shelter for a placement, or the best option when none is named.
func (s *Service) Hold(ctx context.Context, c caller.Caller, id, shelter string, cmd Command) (Outcome, error) {
	return s.move(ctx, c, caller.MovePlacement, id, placement.MoveHold, cmd, func(p placement.Placement, now time.Time) (placement.Placement, []placement.BedMove, error) {
		return s.hold(ctx, p, shelter, now)
	})
}

func (s *Service) hold(ctx context.Context, p placement.Placement, shelter string, now time.Time) (placement.Placement, []placement.BedMove, error) {
	w, wanted, err := s.asking(ctx, p, now)
	if err != nil {
		return p, nil, err
	}
	if shelter == "" {
		if p.State == placement.Held { // to hold again is to hold another one
			wanted.Refused = append(slices.Clone(wanted.Refused), p.Hold.Shelter)
		}
		best := matching.Rank(w, wanted, s.Policy, 1)
		if len(best.Options) == 0 {
			return p, nil, fault.New(fault.ShelterFull, "no shelter fits this party now")
		}
		return p.TakeHold(best.Options[0].Hold(), s.holdUntil(p, now), now)
	}
	o, failed, ok := matching.Try(w, shelter, wanted, s.Policy)
	switch {
	case ok && slices.Equal(failed, []string{"beds.free"}):
		return p, nil, fault.New(fault.ShelterFull, "fewer beds are free there than this party needs").WithRules(failed...)
	case !ok || len(failed) > 0:
		// One answer for a shelter that does not fit and one that is not there: which
		// rule fails would tell a team what it must not learn of a single shelter.
		return p, nil, fault.New(fault.NotEligible, "this is not an option of this placement now")
	}
	return p.TakeHold(o.Hold(), s.holdUntil(p, now), now)
}

// Release gives the held beds back.
func (s *Service) Release(ctx context.Context, c caller.Caller, id string, cmd Command) (Outcome, error) {
	side, action := placement.Team, caller.MovePlacement
	if c.Role == caller.Desk { // a bed that is held for nobody any more
		side, action = placement.Office, caller.RulePlacement
	}
	return s.move(ctx, c, action, id, placement.MoveRelease, cmd, func(p placement.Placement, now time.Time) (placement.Placement, []placement.BedMove, error) {
		return p.Release(side, now)
	})
}

// Choose records the choice of an option; where it is not the one held, the
// hold is swapped in the same write.
func (s *Service) Choose(ctx context.Context, c caller.Caller, id string, choice placement.Choice, cmd Command) (Outcome, error) {
	return s.move(ctx, c, caller.MovePlacement, id, placement.MoveChoose, cmd, func(p placement.Placement, now time.Time) (placement.Placement, []placement.BedMove, error) {
		var beds []placement.BedMove
		if choice.Shelter != p.Hold.Shelter || !p.State.Live() {
			var err error
			if p, beds, err = s.hold(ctx, p, choice.Shelter, now); err != nil {
				return p, nil, err
			}
		}
		p, err := p.Choose(choice, now)
		return p, beds, err
	})
}

// AcceptByPhone is a yes the team heard on the phone; code is what the shelter
// said its code is, empty when it was not asked.
func (s *Service) AcceptByPhone(ctx context.Context, c caller.Caller, id, code string, cmd Command) (Outcome, error) {
	return s.move(ctx, c, caller.MovePlacement, id, placement.MovePhone, cmd, func(p placement.Placement, now time.Time) (placement.Placement, []placement.BedMove, error) {
		h, err := s.handover(ctx, p.Hold.Shelter)
		if err != nil {
			return p, nil, err
		}
		return p.AcceptByPhone(code != "" && h.Code == code, s.Code(), s.Code(), now)
	})
}

// Accept is the shelter's yes.
func (s *Service) Accept(ctx context.Context, c caller.Caller, id string, cmd Command) (Outcome, error) {
	return s.move(ctx, c, caller.AnswerPlacement, id, placement.MoveAccept, cmd, func(p placement.Placement, now time.Time) (placement.Placement, []placement.BedMove, error) {
		return p.Accept(s.Code(), s.Code(), now)
	})
}

// Decline is the shelter's coded no; the next option is held by itself where
// the party agreed to that.
func (s *Service) Decline(ctx context.Context, c caller.Caller, id string, why code.DeclineReason, cmd Command) (Outcome, error) {
	return s.move(ctx, c, caller.AnswerPlacement, id, placement.MoveDecline, cmd, func(p placement.Placement, now time.Time) (placement.Placement, []placement.BedMove, error) {
		p, beds, err := p.Decline(why, now)
		if err != nil {
			return p, nil, err
		}
		back := p.Back
		p, beds, err = s.nextOption(ctx, p, beds, now)
		p.Back = back // the shelter may have pressed the wrong button
		return p, beds, err
	})
}

// nextOption holds the best shelter not tried yet, when the team asked for a
// hold in the first place; when nothing fits, the placement waits.
func (s *Service) nextOption(ctx context.Context, p placement.Placement, beds []placement.BedMove, now time.Time) (placement.Placement, []placement.BedMove, error) {
	if !p.Request.HoldBest {
		return p, beds, nil
	}
	return s.holdNext(ctx, p, beds, now)
}

// holdNext holds the best shelter not tried yet; when nothing fits, the
// placement waits.
func (s *Service) holdNext(ctx context.Context, p placement.Placement, beds []placement.BedMove, now time.Time) (placement.Placement, []placement.BedMove, error) {
	w, wanted, err := s.asking(ctx, p, now)
	if err != nil {
		p.Seek = true       // the clock looks for the next option
		return p, beds, nil //nolint:nilerr // giving beds back does not wait for a directory
	}
	best := matching.Rank(w, wanted, s.Policy, 1)
	switch {
	case len(best.Options) == 0:
		return p.Wait(now.Add(s.Policy.WaitFor[p.Request.Urgency]), now), beds, nil
	case slices.Contains(p.Tried, best.Options[0].Candidate.ID):
		return p, beds, nil
	}
	p, more, err := p.TakeHold(best.Options[0].Hold(), s.holdUntil(p, now), now)
	return p, append(beds, more...), err
}

// Depart starts the journey; one without a social worker is told to the desk.
func (s *Service) Depart(ctx context.Context, c caller.Caller, id string, socialWorker bool, override *code.Override, cmd Command) (Outcome, error) {
	return s.alarming(ctx, c, caller.MovePlacement, id, placement.MoveDepart, cmd, func(p placement.Placement, now time.Time) (d decision, err error) {
		var why code.Override
		if override != nil {
			why = *override
		}
		d.next, err = p.Depart(socialWorker, why, override != nil, now)
		if d.next.Overridden && !p.Overridden {
			d.alerts = append(d.alerts, alert(p, placement.AlertNoSocialWorker, now))
		}
		return d, err
	})
}

// Refuse is the party's no to the shelter held.
func (s *Service) Refuse(ctx context.Context, c caller.Caller, id string, why code.RefuseReason, cmd Command) (Outcome, error) {
	return s.move(ctx, c, caller.MovePlacement, id, placement.MoveRefuse, cmd, func(p placement.Placement, now time.Time) (placement.Placement, []placement.BedMove, error) {
		return p.Refuse(why, now)
	})
}

// Extend gives a hold as much time again as its urgency allows.
func (s *Service) Extend(ctx context.Context, c caller.Caller, id string, cmd Command) (Outcome, error) {
	return s.move(ctx, c, caller.MovePlacement, id, placement.MoveExtend, cmd, func(p placement.Placement, now time.Time) (placement.Placement, []placement.BedMove, error) {
		return p.Extend(s.holdUntil(p, now), now)
	})
}

// Divert records that the journey has left its way.
func (s *Service) Divert(ctx context.Context, c caller.Caller, id string, why code.DivertReason, cmd Command) (Outcome, error) {
	return s.move(ctx, c, caller.MovePlacement, id, placement.MoveDivert, cmd, func(p placement.Placement, now time.Time) (placement.Placement, []placement.BedMove, error) {
		p, err := p.Divert(why, now)
		return p, nil, err
	})
}

// TurnAway records that the party could not go in. The next option is held in
// the same write, and the desk is told.
func (s *Service) TurnAway(ctx context.Context, c caller.Caller, id string, why code.DeclineReason, cmd Command) (Outcome, error) {
	action := caller.MovePlacement
	if c.Role == caller.Shelter {
		action = caller.AnswerPlacement
	}
	return s.alarming(ctx, c, action, id, placement.MoveTurnAway, cmd, func(p placement.Placement, now time.Time) (d decision, err error) {
		if d.next, d.beds, err = p.TurnAway(why, now); err != nil {
			return d, err
		}
		d.alerts = append(d.alerts, alert(p, placement.AlertTurnedAway, now))
		d.next, d.beds, err = s.holdNext(ctx, d.next, d.beds, now)
		return d, err
	})
}

// Supersede closes a duplicate: the desk's alone.
func (s *Service) Supersede(ctx context.Context, c caller.Caller, id string, cmd Command) (Outcome, error) {
	return s.move(ctx, c, caller.RulePlacement, id, placement.MoveSupersede, cmd, func(p placement.Placement, now time.Time) (placement.Placement, []placement.BedMove, error) {
		return p.Supersede(now)
	})
}

// DecideCommand is a decision of the Committee, a magistrate or the desk. Ground
// and ReviewBy are on what ground the party stays from then on; ReviewBy may be zero.
type DecideCommand struct {
	Command
	What     code.Decision
	Ground   *code.StayBasis
	ReviewBy time.Time
}

// Decide records a decision: it stops the legal clock that waits for one.
func (s *Service) Decide(ctx context.Context, c caller.Caller, id string, cmd DecideCommand) (Outcome, error) {
	return s.move(ctx, c, caller.RulePlacement, id, placement.MoveDecide, cmd.Command, func(p placement.Placement, now time.Time) (placement.Placement, []placement.BedMove, error) {
		var basis *placement.Basis
		if at := occurred(cmd.Command, now); cmd.Ground != nil {
			b := s.Policy.Basis(p, *cmd.Ground, at, cmd.ReviewBy)
			basis = &b
		}
		p, err := p.Decide(cmd.What, basis, occurred(cmd.Command, now), now)
		return p, nil, err
	})
}

// Undo takes the last move back, for the side that made it. A promise that was
// given up is held again in the same write if its beds are still there.
func (s *Service) Undo(ctx context.Context, c caller.Caller, id string, cmd Command) (Outcome, error) {
	side, action := placement.Team, caller.MovePlacement
	switch c.Role {
	case caller.Shelter:
		side, action = placement.House, caller.AnswerPlacement
	case caller.Desk:
		side, action = placement.Office, caller.RulePlacement
	}
	if cmd.HoldNo = 0; cmd.Version == 0 { // only the very move the sender saw is taken back
		return Outcome{}, fault.Field("version", "is required: the placement's version you saw")
	}
	return s.move(ctx, c, action, id, placement.MoveUndo, cmd, func(p placement.Placement, now time.Time) (placement.Placement, []placement.BedMove, error) {
		back, moves, again, err := p.Undo(side, now)
		if err != nil || again == "" {
			return back, moves, err
		}
		held, more, err := s.hold(ctx, back, again, now)
		if _, refused := fault.Of(err); refused && p.Back.Fact() {
			return back, moves, nil // that it did not happen is a fact, whatever became of the beds
		}
		return held, append(moves, more...), err
	})
}

// Split places some of the party apart, in a placement of their own: the answer
// is the placement of those who stay, matched anew where the party wished to be
// held; apart is the id of the new one, for which the best shelter is held next.
func (s *Service) Split(ctx context.Context, c caller.Caller, id string, persons []int, by code.ChosenBy, cmd Command) (o Outcome, apart string, err error) {
	apart = placement.ID(c.Team(), "split\x00"+id+"\x00"+cmd.Key)
	o, err = s.alarming(ctx, c, caller.MovePlacement, id, placement.MoveSplit, cmd, func(p placement.Placement, now time.Time) (d decision, err error) {
		p.By = c.Subject
		var goes placement.Placement
		if d.next, goes, d.beds, err = p.SplitOff(apart, persons, uint8(by), by == code.ChosenByCommittee, now); err != nil {
			return d, err
		}
		if d.next, d.beds, err = s.nextOption(ctx, d.next, d.beds, now); err != nil {
			return d, err
		}
		partners, err := s.partners(ctx, goes)
		d.also = append(append(d.also, goes), partners...)
		return d, err
	})
	if err == nil && o.Request.HoldBest {
		// A command of its own: when nothing fits, the placement is there all the same.
		_, _ = s.Hold(ctx, c, apart, "", Command{Key: cmd.Key + "/apart", Payload: "apart " + apart, Version: 1})
	}
	return o, apart, err
}

// Receive records the arrival. Where the placement is a transfer, the stay it
// comes from ends in the same write: nobody is counted in two places.
func (s *Service) Receive(ctx context.Context, c caller.Caller, id string, cmd Command) (Outcome, error) {
	return s.alarming(ctx, c, caller.AnswerPlacement, id, placement.MoveReceive, cmd, func(p placement.Placement, now time.Time) (d decision, err error) {
		if d.next, d.beds, err = p.Receive(c.Shelter(), occurred(cmd, now), now); err != nil {
			return d, err
		}
		if d.next.Basis.From.IsZero() {
			d.next.Basis = s.Policy.FirstBasis(d.next)
		}
		if p.TransferOf == "" || p.State == placement.Arrived {
			return d, nil
		}
		origin, err := s.load(ctx, p.TransferOf)
		if err != nil || origin == nil || origin.State != placement.Arrived {
			return d, err // it has ended by itself meanwhile
		}
		left, beds, err := origin.EndByTransfer(occurred(cmd, now), now)
		if err != nil {
			return d, err
		}
		left.By = c.Subject
		d.also, d.beds = append(d.also, left), append(d.beds, beds...)
		return d, nil
	})
}

func (s *Service) load(ctx context.Context, id string) (*placement.Placement, error) {
	it, err := s.Store.Get(ctx, record.PlacementKey(id), table.Strong)
	if err != nil || it == nil {
		return nil, refusal(err)
	}
	p, err := record.ToPlacement(it)
	return &p, err
}

// transferable checks that a transfer starts from a stay of the team's own with
// as many people.
func (s *Service) transferable(ctx context.Context, c caller.Caller, p placement.Placement) (placement.Placement, error) {
	origin, err := s.load(ctx, p.TransferOf)
	if err != nil {
		return p, err
	}
	if origin == nil || c.Allow(caller.MovePlacement, resource(*origin)) != nil || origin.State != placement.Arrived {
		return p, fault.Field("transferOf", "is not a stay of this team")
	}
	if origin.PersonsHere() != len(p.Request.Persons) {
		return p, fault.Field("party.persons", "must be those who are in the shelter now")
	}
	return *origin, nil
}

// partners are the placements that a new one is kept apart from, told of it.
func (s *Service) partners(ctx context.Context, p placement.Placement) (out []placement.Placement, err error) {
	for _, id := range p.KeepFrom {
		other, err := s.load(ctx, id)
		if err != nil {
			return nil, err
		}
		if other != nil && !slices.Contains(other.KeepFrom, p.ID) {
			other.KeepFrom = append(slices.Clone(other.KeepFrom), p.ID)
			out = append(out, *other)
		}
	}
	return out, nil
}

// Correct replaces what was said of the persons and runs the rules again. Beds
// are kept until they are swapped and nobody is ejected: where the shelter may
// not keep the party any more, the desk is told.
func (s *Service) Correct(ctx context.Context, c caller.Caller, id string, persons []placement.Person, cmd Command) (Outcome, error) {
	o, err := s.alarming(ctx, c, caller.MovePlacement, id, placement.MoveCorrect, cmd, func(p placement.Placement, now time.Time) (d decision, err error) {
		if d.next, err = p.Correct(persons, now); err != nil {
			return d, err
		}
		fits, err := s.stillFits(ctx, d.next, now)
		if err == nil && !fits {
			d.alerts = append(d.alerts, alert(p, placement.AlertMustMove, now))
		}
		return d, err
	})
	if err == nil {
		if match, err := s.rank(ctx, o.Placement); err == nil {
			o.Match = &match
		}
	}
	return o, err
}

// passing are rules about this moment or about beds the party has already.
var passing = []string{"beds.free", "party.together", "intake.hours", "data.fresh", "journey.limit"}

// stillFits reports whether the shelter that holds or has the party may keep it.
func (s *Service) stillFits(ctx context.Context, p placement.Placement, now time.Time) (bool, error) {
	if !p.State.Live() {
		return true, nil
	}
	w, wanted, err := s.asking(ctx, p, now)
	if err != nil {
		return true, err
	}
	_, failed, there := matching.Try(w, p.Hold.Shelter, wanted, s.Policy)
	failed = slices.DeleteFunc(failed, func(rule string) bool { return slices.Contains(passing, rule) })
	return there && len(failed) == 0, nil
}

// Cancel ends the request before arrival.
func (s *Service) Cancel(ctx context.Context, c caller.Caller, id string, why code.CancelReason, cmd Command) (Outcome, error) {
	return s.move(ctx, c, caller.MovePlacement, id, placement.MoveCancel, cmd, func(p placement.Placement, now time.Time) (placement.Placement, []placement.BedMove, error) {
		return p.Cancel(why, now)
	})
}

// End records that persons have left, or, for the team, that the party will not
// arrive. A child who left unannounced and a death
// are told to the desk; an adult who leaves by their own wish is nobody's alarm.
func (s *Service) End(ctx context.Context, c caller.Caller, id string, persons []int, why code.EndReason, cmd Command) (Outcome, error) {
	action := caller.AnswerPlacement
	if c.Role == caller.Rescue {
		action = caller.MovePlacement
	}
	return s.alarming(ctx, c, action, id, placement.MoveEnd, cmd, func(p placement.Placement, now time.Time) (d decision, err error) {
		if action == caller.MovePlacement {
			if len(persons) > 0 {
				return d, fault.Field("persons", "before arrival is the whole party: split it first")
			}
			d.next, d.beds, err = p.EndBefore(why, occurred(cmd, now), now)
		} else {
			d.next, d.beds, err = p.End(persons, why, occurred(cmd, now), now)
		}
		if err != nil {
			return d, err
		}
		switch {
		case why == code.EndDied:
			d.alerts = append(d.alerts, alert(p, placement.AlertDied, now))
		case why == code.EndLeftUnannounced && d.next.ChildGone(p):
			d.alerts = append(d.alerts, alert(p, placement.AlertChildUnannounced, now))
		}
		return d, nil
	})
}

func occurred(cmd Command, now time.Time) time.Time {
	if cmd.OccurredAt.IsZero() {
		return now
	}
	return cmd.OccurredAt
}
