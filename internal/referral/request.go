package referral

import (
	"context"
	"slices"
	"time"

	"panah/internal/caller"
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
	PlanLater  bool // of a rescue: it is only stored, and planned at its next plan or confirmation
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
	a := matching.Ask{Request: p.Request, At: now, Refused: p.Refused, Unwanted: p.Unwanted, Tried: p.Tried, Seed: p.ID, Discreet: p.ByHouse()}
	for _, id := range p.KeepFrom {
		other, err := s.load(ctx, id)
		if err != nil {
			return a, err
		}
		if other != nil && other.State.Live() {
			a.Refused = append(slices.Clone(a.Refused), other.Hold.Shelter)
		}
	}
	there := ""
	if p.State.Live() {
		there = p.Hold.Shelter
	}
	return s.unpaused(ctx, a, there)
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
// ends that stay in the same write. transferOf is the placement of the stay. A team
// asks for its own, a shelter for whoever lives with it, walk-ins too.
func (s *Service) Transfer(ctx context.Context, c caller.Caller, r placement.Request, transferOf string, cmd Command) (Outcome, error) {
	action := caller.RequestPlacement
	if c.Role == caller.Shelter && transferOf != "" {
		action = caller.TransferResident
	}
	if err := c.Allow(action, caller.Resource{Team: c.Asks()}); err != nil {
		return Outcome{}, err
	}
	id, tries := placement.ID(c.Asks(), cmd.Key), 0
	var match matching.Result
	var known record.Transfers
	var before []placement.Placement // asked for from the same stay, and replaced
	p, replayed, err := s.runFrom(ctx, id, nil, false, func(stored *placement.Placement, now time.Time) (decision, error) {
		if stored != nil {
			if err := s.unlessGone(ctx, c, *stored); err != nil {
				return decision{}, err
			}
			_, err := stored.Replay(cmd.hash(c))
			return decision{next: *stored, done: true}, err
		}
		if err := s.checkNew(ctx, id, r, now); err != nil {
			return decision{}, err
		}
		p := placement.New(id, c.Asks(), s.Policy.ID, r, now, cmd.hash(c))
		if transferOf != "" {
			var err error
			if p, known, err = s.transferring(ctx, c, p, transferOf); err != nil {
				return decision{}, err
			}
			if before, err = s.replaced(ctx, known, id, c.Subject, now); err != nil {
				return decision{}, s.unlessStored(ctx, id, err)
			}
		}
		p.By = c.Subject
		p.Late = r.HoldBest && s.late(r.OccurredAt, now)
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
		if transferOf != "" {
			d.with = append(d.with, table.PutOp(record.FromTransfers(known.And(id)), known.Version))
		}
		partners, err := s.partners(ctx, p)
		d.also = slices.Concat(before, partners)
		return d, err
	})
	if err != nil {
		return Outcome{}, err
	}
	if replayed {
		return s.ranked(ctx, Outcome{Placement: p, Replayed: true}), nil
	}
	return Outcome{Placement: p, Match: &match}, nil
}

// ranked is an outcome with what fits now. It is answered without it where no
// directory can be read.
func (s *Service) ranked(ctx context.Context, o Outcome) Outcome {
	if match, err := s.rank(ctx, o.Placement); err == nil {
		o.Match = &match
	}
	return o
}

// transferring makes a new placement the transfer of a stay, with what goes along
// with the party, and answers which transfers the stay has seen.
func (s *Service) transferring(ctx context.Context, c caller.Caller, p placement.Placement, of string) (placement.Placement, record.Transfers, error) {
	known, err := s.transfersOf(ctx, of) // before the stay: see keepFrom
	if err != nil {
		return p, known, s.unlessStored(ctx, p.ID, err)
	}
	p.TransferOf = of
	origin, err := s.transferable(ctx, c, p)
	if err != nil {
		return p, known, s.unlessStored(ctx, p.ID, err)
	}
	if len(known.To) >= mostTransfers {
		return p, known, fault.New(fault.TooManyMoves, "this stay has seen too many transfers that were asked for; ask the desk")
	}
	p.KeepFrom, p.KeptIn, p.Return = origin.KeepFrom, origin.KeptIn, origin.Return
	p = p.MovesFrom(origin)
	if c.Role == caller.Shelter {
		p = sentOn(p, origin)
	}
	return p, known, nil
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
	if origin == nil || (c.Allow(caller.MovePlacement, resource(*origin)) != nil && c.Allow(caller.AnswerPlacement, resource(*origin)) != nil) ||
		origin.State != placement.Arrived {
		return p, fault.Field("transferOf", "is not a stay of this team, or with this shelter")
	}
	if !origin.Withdrawn.IsZero() && c.Role != caller.Shelter {
		return p, fault.Field("transferOf", "is a stay of somebody who has taken consent back: the shelter asks with them")
	}
	if origin.PersonsHere() != len(p.Request.Persons) {
		return p, fault.Field("party.persons", "must be those who are in the shelter now")
	}
	return *origin, nil
}

// sentOn is a request of a shelter for those who live with it. It does not go back
// to that shelter, and what is not safe for them stays out, though the shelter
// never learns of it.
func sentOn(p, origin placement.Placement) placement.Placement {
	p.Refused = append(slices.Clone(origin.Refused), origin.Hold.Shelter)
	p.Unwanted = origin.Unwanted
	p.Request.ExcludedDistricts = append(slices.Clone(p.Request.ExcludedDistricts), origin.Request.ExcludedDistricts...)
	p.Request.ExcludedShelters = append(slices.Clone(p.Request.ExcludedShelters), origin.Request.ExcludedShelters...)
	return p
}

// partners are the placements that a new one is kept apart from, told of it, to be
// written with it.
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
	if len(out) <= toldAlong {
		return out, nil
	}
	return nil, s.each(len(out), func(i int) error { return s.keepFrom(ctx, out[i].ID, p.KeptIn, []string{p.ID}) })
}

// toldAlong is how many are told in the write of a new placement: with its units
// and doors that stays within the contract's limit. More are told before it, each by
// itself. That the new one may then never be is no harm: one that is not there keeps nobody out.
const toldAlong = 30

func occurred(cmd Command, now time.Time) time.Time {
	if cmd.OccurredAt.IsZero() {
		return now
	}
	return cmd.OccurredAt
}
