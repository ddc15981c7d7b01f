package referral

import (
	"context"
	"errors"
	"regexp"

	"panah/internal/caller"
	"panah/internal/fault"
	"panah/internal/place"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/table"
)

// Members lists the memberships kept in a region, by place and subject, those
// revoked too; the caller's whole region when within is empty.
func (s *Service) Members(ctx context.Context, c caller.Caller, within place.Code, limit int, after string) ([]caller.Membership, string, error) {
	if within == "" {
		within = c.Region()
	}
	p, ok := place.Lookup(within)
	if !ok && c.Region() != "" {
		return nil, "", fault.New(fault.NotFound, "there is nothing here under this id")
	}
	if err := c.Allow(caller.ListMembers, caller.Resource{District: within}); err != nil {
		return nil, "", err
	}
	q := table.Query{Index: table.ByTeam, PK: record.MembersPartition(p.Country), Limit: limit, After: after}
	q.From, q.To = record.MembersWithin(p)
	page, err := s.Store.Query(ctx, q)
	if err != nil {
		return nil, "", cursorFault(refusal(err))
	}
	out := []caller.Membership{}
	for _, entry := range page.Items {
		m, err := s.membership(ctx, entry.PK[len("M#"):])
		if err != nil {
			return nil, "", err
		}
		if place.Within(m.Region, within) { // the index lags
			out = append(out, m)
		}
	}
	return out, page.Next, nil
}

// membership reads a subject's membership as it is; one that was never given has
// version 0.
func (s *Service) membership(ctx context.Context, subject string) (caller.Membership, error) {
	it, err := s.Store.Get(ctx, record.MembershipKey(subject), table.Strong)
	if err != nil || it == nil {
		return caller.Membership{}, refusal(err)
	}
	return record.ToMembership(it)
}

// Grant gives a subject a role in a scope, over the version the sender saw (0: none
// yet). The ministry of a region gives what lies in it, and a ministry's own role
// strictly below itself. The same again over the same version is the same success.
// The subject's earlier membership, one of another scope too, is replaced.
func (s *Service) Grant(ctx context.Context, c caller.Caller, m caller.Membership, ifMatch uint64) (caller.Membership, error) {
	if err := c.Allow(caller.KeepMember, c.Keeping()); err != nil {
		return m, err
	}
	if err := caller.CheckSubject(m.Subject); err != nil {
		return m, err
	}
	m.By = c.Subject
	team, err := s.keptIn(ctx, &m)
	if err != nil {
		return m, err
	}
	if err := keeps(c, m); err != nil {
		return m, err
	}
	for range attempts {
		have, err := s.membership(ctx, m.Subject)
		if err != nil {
			return m, err
		}
		if have.Version == 0 && ifMatch != 0 {
			return m, missing(nil)
		}
		if have.Version > 0 {
			if err := keeps(c, have); err != nil {
				return m, err
			}
		}
		switch {
		case have.Version > 0 && have.Same(m) && (have.Version == ifMatch || (have.Version == ifMatch+1 && have.By == c.Subject)):
			return have, nil // nothing to change, or sent again: the answer was lost
		case have.Version != ifMatch:
			f := fault.New(fault.Precondition, "the membership was changed since you saw it")
			f.Current, f.Sent = have, Seen{ifMatch}
			return m, f
		}
		m.Since, m.Done = s.now(), have.Done
		ops := []table.Op{table.PutOp(record.FromMember(m), have.Version)}
		if team != nil {
			ops = append(ops, *team)
		}
		err = s.Store.Write(ctx, table.Batch{WriteID: s.NewID(), Ops: ops})
		if err == nil {
			s.forget(m.Subject)
			m.Version = have.Version + 1
			return m, nil
		}
		if _, lost := table.IsStale(err); !lost && !errors.Is(err, table.ErrUnknown) {
			return m, refusal(err)
		}
		if team, err = s.keptIn(ctx, &m); err != nil { // somebody else may have made the team meanwhile
			return m, err
		}
		if err := keeps(c, m); err != nil {
			return m, err
		}
	}
	return m, fault.New(fault.Busy, "the membership is busy; send it again shortly")
}

// keeps says whether a caller may give or revoke a membership. One elsewhere
// answers as a missing one; one in the caller's own region that only a ministry
// above may touch is forbidden.
func keeps(c caller.Caller, m caller.Membership) error {
	err := c.Allow(caller.KeepMember, caller.Resource{District: m.Region, Grants: m.Role})
	if fault.Is(err, fault.NotFound) && place.Within(m.Region, c.Region()) {
		return fault.New(fault.Forbidden, "only a ministry above may do this")
	}
	return err
}

// keptIn finds where a membership is kept: that follows from its scope, and is
// never the sender's word alone. A team that is new is put on record in the same
// write as its first member: from then on it is that region's. One that has placements
// already is nobody's to claim, for these would come with it.
func (s *Service) keptIn(ctx context.Context, m *caller.Membership) (team *table.Op, err error) {
	switch m.Role {
	case caller.Shelter:
		v, err := s.stored(ctx, m.Scope)
		if err != nil && !isRefused(err) {
			return nil, err
		}
		if v.ID == "" {
			return nil, missing(nil)
		}
		m.Region = v.District
	case caller.Rescue:
		return s.teamOf(ctx, m)
	default:
		m.Region = place.Code(m.Scope)
	}
	if _, ok := place.Lookup(m.Region); !ok {
		return nil, missing(nil)
	}
	return nil, nil
}

// teamID is what a rescue team may be called.
var teamID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}$`)

func (s *Service) teamOf(ctx context.Context, m *caller.Membership) (*table.Op, error) {
	if !teamID.MatchString(m.Scope) {
		return nil, fault.Field("scope", "must be 1 to 40 letters, digits, - and _: a team's id, not its name")
	}
	it, err := s.Store.Get(ctx, record.TeamKey(m.Scope), table.Strong)
	if err != nil {
		return nil, refusal(err)
	}
	if it != nil {
		m.Region, err = record.ToTeam(it)
		return nil, err
	}
	if _, ok := place.Lookup(m.Region); !ok {
		return nil, fault.Field("region", "is required for a team that is new: the region whose ministry keeps it")
	}
	used, err := s.Store.Query(ctx, table.Query{Index: table.ByTeam, PK: record.TeamPartition(m.Scope), Limit: 1})
	if err != nil {
		return nil, refusal(err)
	}
	if len(used.Items) > 0 {
		return nil, fault.Field("scope", "is of a team that has placements and that no ministry keeps: whoever runs this service puts it on record")
	}
	op := table.PutOp(record.FromTeam(m.Scope, m.Region, m.By), 0)
	return &op, nil
}

// Revoke ends a membership at the version the sender saw. Its subject is refused
// everywhere within a minute, and told to erase at its next sync.
func (s *Service) Revoke(ctx context.Context, c caller.Caller, subject string, cmd Command) (m caller.Membership, replayed bool, err error) {
	if err := c.Allow(caller.KeepMember, c.Keeping()); err != nil {
		return m, false, err
	}
	done := caller.Done{Key: placement.Hash(c.Scope + "\x00" + cmd.Key), Payload: placement.Hash(cmd.Payload)}
	for range attempts {
		have, err := s.membership(ctx, subject)
		if err != nil && !isRefused(err) {
			return m, false, err
		}
		if have.Version == 0 {
			return m, false, missing(nil)
		}
		if err := keeps(c, have); err != nil {
			return m, false, err
		}
		if again, err := have.Replay(done); again || err != nil {
			return have, again, err
		}
		if have.Version != cmd.Version {
			f := fault.New(fault.StaleVersion, "the membership has changed since version was read")
			f.Field = "version"
			return m, false, f
		}
		next := have.Revoke(c.Subject, done, s.now())
		err = s.Store.Write(ctx, table.Batch{WriteID: s.NewID(), Ops: []table.Op{table.PutOp(record.FromMember(next), have.Version)}})
		if err == nil {
			s.forget(subject)
			next.Version++
			return next, false, nil
		}
		if _, lost := table.IsStale(err); !lost && !errors.Is(err, table.ErrUnknown) {
			return m, false, refusal(err)
		}
	}
	return m, false, fault.New(fault.Busy, "the membership is busy; send it again shortly")
}

// forget drops what this process believes of a subject; others do within a minute.
func (s *Service) forget(subject string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.members, subject)
}
