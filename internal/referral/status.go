package referral

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"panah/internal/caller"
	"panah/internal/fault"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/shelter"
	"panah/internal/table"
)

// SetStatus closes a shelter (its staff's word), or vets, activates, suspends or
// resumes it (the ministry's). Shelter and units change in one write and their rev
// is raised, so that nobody is placed there any more however old a directory is.
// The beds of those on their way and the people inside stay as they are: their
// placements say so, and the desks of their districts are told that they must move. A copy of a change that was
// carried out changes nothing, however late it comes.
func (s *Service) SetStatus(ctx context.Context, c caller.Caller, id string, to shelter.Status, cmd Command) (ShelterView, error) {
	action := caller.VetShelter
	if to == shelter.Closed {
		action = caller.CloseShelter
	}
	for range attempts {
		v, err := s.Shelter(ctx, c, id)
		if err != nil {
			return v, err
		}
		if err := c.Allow(action, caller.Resource{Shelter: v.ID, District: v.District}); err != nil {
			return v, err
		}
		done, err := v.Replay(shelter.Command(cmd.hash(c)))
		switch {
		case err != nil:
			return v, err
		case done: // the first may have ended before everybody was told
			return v, s.mustMove(ctx, v)
		}
		next, before := v.Shelter, v.Rev
		if v.Status == to {
			next.Quiet++ // noted for late copies alone: whoever read the shelter need not read it again
		} else {
			if next, err = v.Moved(to, len(v.Units), s.now()); err != nil {
				return v, err
			}
			next.By = c.Subject
		}
		v.Shelter = next.Remember(shelter.Command(cmd.hash(c)))
		ops, items := written(&v, next.Rev != before)
		if err := s.Store.Write(ctx, table.Batch{WriteID: s.NewID(), Ops: ops}); err == nil {
			s.Directory.Learn(items...)
			return v, s.mustMove(ctx, v)
		} else if _, lost := table.IsStale(err); !lost && !errors.Is(err, table.ErrUnknown) {
			return v, refusal(err)
		}
	}
	return ShelterView{}, fault.New(fault.Busy, "the shelter is busy; send it again shortly")
}

// written puts a shelter and, where it has changed, the rev of it into its units: one write, so that no
// take passes on what the shelter was before.
func written(v *ShelterView, units bool) (ops []table.Op, items []*table.Item) {
	put := func(it table.Item, version uint64) {
		ops = append(ops, table.PutOp(it, version))
		it.Version = version + 1
		items = append(items, &it)
	}
	put(record.FromShelter(v.Shelter), v.Version)
	v.Version++
	if !units {
		return ops, items
	}
	for i := range v.Units {
		v.Units[i].Rev = v.Rev
		put(record.FromUnit(v.Units[i]), v.Units[i].Version)
		v.Units[i].Version++
	}
	return ops, items
}

// mustMove notes with everyone who is held at, coming to or living in a shelter that it
// takes nobody any more, and tells the desk in the same write; or that it takes part
// again. Until all know it the answer is to send it again; the status stands.
func (s *Service) mustMove(ctx context.Context, v ShelterView) error {
	err := errAgain
	for range attempts {
		if err = s.noteStatus(ctx, v); err != nil {
			break
		}
		now, rerr := s.stored(ctx, v.ID)
		if err = rerr; err != nil || now.Status.MovesOut() == v.Status.MovesOut() {
			break
		}
		v, err = now, errAgain // it has changed meanwhile, and the other one may have been here first
	}
	if err != nil {
		s.Log.Error("not everybody was told that a shelter takes nobody any more, or takes part again", "shelter", v.ID, "error", err.Error())
		return fault.New(fault.Busy, "it is done, but not everybody could be told; send the same request again shortly")
	}
	return nil
}

// noteStatus goes through those whom the status of a shelter concerns. Who knows of it
// is left as it is: sent again, it goes on where it ended.
func (s *Service) noteStatus(ctx context.Context, v ShelterView) error {
	if !v.Status.MovesOut() && v.Status != shelter.Active {
		return nil
	}
	affected, err := s.affected(ctx, v)
	for _, p := range affected {
		if p.Hold.Stopped.IsZero() == v.Status.MovesOut() {
			_, _, rerr := s.run(ctx, p.ID, func(p *placement.Placement, now time.Time) (decision, error) {
				if p == nil || p.Hold.Shelter != v.ID || !p.State.Live() || p.Hold.Stopped.IsZero() != v.Status.MovesOut() {
					return decision{done: true}, nil // it has moved on, or knows
				}
				return s.stopOrResume(ctx, *p, v, now)
			})
			err = errors.Join(err, rerr)
		}
	}
	return err
}

func (s *Service) stopOrResume(ctx context.Context, p placement.Placement, v ShelterView, now time.Time) (d decision, err error) {
	p.By = v.By
	if v.Status.MovesOut() {
		d.next, d.alerts, err = s.tellMustMove(ctx, p.Stop(now, now), moveAlert(p, v.Rev, now), now)
		return d, err
	}
	d.next = p.Stop(time.Time{}, now)
	if p.MustMove != "" {
		d.next, err = s.fitsAgain(ctx, d.next, now)
	}
	return d, err
}

// movesOn notes with a party that is in a shelter since just now whether the shelter
// takes nobody any more, and tells the desk, unless it was told and nobody has looked
// at it yet.
func (s *Service) movesOn(ctx context.Context, p placement.Placement, now time.Time) (placement.Placement, []placement.Alert, error) {
	v, err := s.stored(ctx, p.Hold.Shelter)
	if err != nil {
		return p, nil, err
	}
	if !v.Status.MovesOut() {
		p.Hold.Stopped = time.Time{}
		return p, nil, nil
	}
	if p.Hold.Stopped.IsZero() {
		p.Hold.Stopped = now
	}
	return s.tellMustMove(ctx, p, moveAlert(p, v.Rev, now), now)
}

// tellMustMove tells the desk that a party must move, unless an alert is open that
// says so. Where it was looked at, another one is made.
func (s *Service) tellMustMove(ctx context.Context, p placement.Placement, a placement.Alert, now time.Time) (placement.Placement, []placement.Alert, error) {
	for _, cursor := range []string{p.MustMove, alertCursor(a)} {
		if cursor == "" {
			continue
		}
		it, err := s.alertAt(ctx, cursor)
		if err != nil {
			return p, nil, err
		}
		if it == nil {
			continue
		}
		told, err := record.ToAlert(it)
		if err != nil {
			return p, nil, err
		}
		if told.Open() {
			p.MustMove = cursor
			return p, nil, nil
		}
		a.ID = alert(p, placement.AlertMustMove, now).ID
	}
	p.MustMove = alertCursor(a)
	return p, []placement.Alert{a}, nil
}

// fitsAgain forgets that a party must move where its shelter may keep it: the alert is over.
func (s *Service) fitsAgain(ctx context.Context, p placement.Placement, now time.Time) (placement.Placement, error) {
	fits, err := s.stillFits(ctx, p, now)
	if err == nil && fits {
		p.MustMove = ""
	}
	return p, err
}

// moveAlert is the same alert however often the same change of a shelter is told.
func moveAlert(p placement.Placement, rev uint64, now time.Time) placement.Alert {
	a := alert(p, placement.AlertMustMove, now)
	a.ID = fmt.Sprintf("%s.%s.%s.r%d", record.Stamp(p.CreatedAt), p.ID, placement.AlertKinds.Name(a.Kind), rev)
	return a
}

// affected are the placements whose beds a shelter holds or uses: those its
// units' claims name, for the index may not show the latest, and those the index shows.
func (s *Service) affected(ctx context.Context, v ShelterView) (out []placement.Placement, err error) {
	here := func(p placement.Placement) bool { return p.Hold.Shelter == v.ID && p.State.Live() }
	seen := map[string]bool{}
	for _, u := range v.Units {
		for _, claim := range slices.Sorted(maps.Keys(u.Claims())) {
			id, _, _ := strings.Cut(claim, ".")
			p, err := s.load(ctx, id)
			if err != nil {
				return out, err
			}
			if p != nil && here(*p) && !seen[id] {
				seen[id], out = true, append(out, *p)
			}
		}
	}
	q := table.Query{Index: table.Work, PK: record.WorkPartition(v.ID)}
	for {
		list, next, err := s.list(ctx, q, here)
		for _, p := range list {
			if !seen[p.ID] {
				seen[p.ID], out = true, append(out, p)
			}
		}
		if q.After = next; err != nil || next == "" {
			return out, err
		}
	}
}
