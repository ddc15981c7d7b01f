package referral

import (
	"context"
	"slices"
	"time"

	"panah/internal/code"
	"panah/internal/matching"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/table"
)

// pausesFor is how long a process believes what it read of pauses.
const pausesFor = 30 * time.Second

// paused lists the shelters that nobody new is offered while a serious complaint
// is looked into.
func (s *Service) paused(ctx context.Context) ([]string, error) {
	now := s.Now()
	s.mu.Lock()
	list, until := s.pauses, s.pausesUntil
	s.mu.Unlock()
	if now.Before(until) {
		return list, nil
	}
	list = nil
	for q := (table.Query{PK: record.PausePartition}); ; {
		page, err := s.Store.Query(ctx, q)
		if err != nil {
			return nil, refusal(err)
		}
		for i := range page.Items {
			p, err := record.ToPause(&page.Items[i])
			if err != nil {
				return nil, err
			}
			if p.Open() {
				list = append(list, p.Shelter)
			}
		}
		if q.After = page.Next; page.Next == "" {
			break
		}
	}
	s.mu.Lock()
	s.pauses, s.pausesUntil = list, now.Add(pausesFor)
	s.mu.Unlock()
	return list, nil
}

// lookAgain forgets what was read of pauses: one is being written. What is read just
// before it is there is believed as long as anywhere else.
func (s *Service) lookAgain() {
	s.mu.Lock()
	s.pausesUntil = time.Time{}
	s.mu.Unlock()
}

// heldAgain is an ask in which a shelter that gave beds up by mistake may have the party
// back: what it is told must not depend on whether it is paused.
func heldAgain(a matching.Ask, shelter string) matching.Ask {
	a.Paused = slices.DeleteFunc(slices.Clone(a.Paused), func(id string) bool { return id == shelter })
	return a
}

// unpaused is an ask that leaves paused shelters out, but for the one that holds or
// has the party already: only new offers pause.
func (s *Service) unpaused(ctx context.Context, a matching.Ask, but string) (matching.Ask, error) {
	list, err := s.paused(ctx)
	for _, id := range list {
		if id != but {
			a.Paused = append(a.Paused, id)
		}
	}
	return a, err
}

// pausing is the shelter that a complaint pauses: none for one that is not serious or
// of no shelter.
func pausing(p placement.Placement, about *code.Complaint) string {
	if about == nil || !about.Serious() {
		return ""
	}
	return p.ComplainedOf()
}

// pause is what a complaint makes of the shelter it is about.
func (s *Service) pause(ctx context.Context, p placement.Placement, about *code.Complaint, a *placement.Alert, now time.Time) ([]table.Op, error) {
	shelter := pausing(p, about)
	if shelter == "" {
		return nil, nil
	}
	have, err := s.pauseOf(ctx, shelter)
	if err != nil {
		return nil, err
	}
	a.Pauses = shelter
	s.lookAgain()
	return []table.Op{record.PauseOp(have.For(a.ID, now))}, nil
}

// resume is what looking into an alert makes of the pause it stands for.
func (s *Service) resume(ctx context.Context, a placement.Alert) ([]table.Op, error) {
	if a.Pauses == "" {
		return nil, nil
	}
	have, err := s.pauseOf(ctx, a.Pauses)
	if err != nil || !have.Open() {
		return nil, err
	}
	s.lookAgain()
	return []table.Op{record.PauseOp(have.Without(a.ID))}, nil
}

func (s *Service) pauseOf(ctx context.Context, shelter string) (placement.Pause, error) {
	it, err := s.Store.Get(ctx, record.PauseKey(shelter), table.Strong)
	if err != nil || it == nil {
		return placement.Pause{Shelter: shelter}, refusal(err)
	}
	return record.ToPause(it)
}
