package referral

import (
	"context"
	"time"

	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/table"
)

// mostTransfers is how many transfers may be asked for from one stay.
const mostTransfers = 100

// transfersOf are the transfers asked for from a stay.
func (s *Service) transfersOf(ctx context.Context, id string) (record.Transfers, error) {
	it, err := s.Store.Get(ctx, record.TransfersKey(id), table.Strong)
	if err != nil || it == nil {
		return record.Transfers{Of: id}, refusal(err)
	}
	return record.ToTransfers(it)
}

// sameParty are the placements that came of one: where its people are to be moved
// to, and of those who were placed apart, and what came of these.
func (s *Service) sameParty(ctx context.Context, p placement.Placement) (out []string, err error) {
	k, err := s.cameOf(ctx, p, true)
	for _, other := range k.others {
		out = append(out, other.ID)
	}
	return out, err
}

// withdrawOthers takes consent back from as many of the placements that are left as
// fit in the write; a party has so few beds that one always does, and its notices that
// do not are given by the clock. One that does not rest on consent stays as it is: it is for
// those who decide.
func (s *Service) withdrawOthers(ctx context.Context, d decision, now time.Time) (decision, error) {
	for len(d.next.Withdrawing) > 0 {
		p, err := s.load(ctx, d.next.Withdrawing[0])
		if err != nil {
			return d, err
		}
		if p != nil {
			if next, beds, err := p.Withdraw(now); err == nil {
				next.By = placement.SurvivorSubject
				one := decision{next: next, beds: beds, alerts: []placement.Alert{alert(*p, placement.AlertConsentWithdrawn, now)}}
				room := table.MaxOps - cost(d) - cost(one)
				if room < 0 {
					return d, nil
				}
				one = tell(one, room)
				d.also, d.beds, d.alerts, d.with = append(d.also, one.next), append(d.beds, beds...), append(d.alerts, one.alerts...), append(d.with, one.with...)
			}
		}
		d.next.Withdrawing = d.next.Withdrawing[1:]
	}
	d.next.Withdrawing = nil
	return d, nil
}

// cost is the most operations a decision makes: beds may move a unit and a door, a
// placement the turn of its rescue.
func cost(d decision) int {
	return 2 + 2*len(d.also) + len(d.alerts) + len(d.with) + 2*len(d.beds)
}

// told tells as many of those a withdrawn placement was ever shared with as fit in the
// write; the clock tells the others.
func told(d decision) decision { return tell(d, table.MaxOps-cost(d)) }

func tell(d decision, room int) decision {
	next, notices := d.next.Tell(room)
	d.next = next
	for _, n := range notices {
		d.with = append(d.with, table.PutOp(record.FromNotice(n, true), 0))
	}
	return d
}
