package record

import (
	"strings"

	"panah/internal/caller"
	"panah/internal/place"
	"panah/internal/table"
)

type membershipForm struct {
	Role    caller.Role `json:"r"`
	Scope   string      `json:"s"`
	Region  place.Code  `json:"g,omitempty"`
	Since   int64       `json:"t,omitempty"`
	Revoked int64       `json:"x,omitempty"`
	By      string      `json:"by,omitempty"`
	Done    []uint64    `json:"co,omitempty"` // key and payload in turn
}

// MembershipKey is where a person's role and scope lie.
func MembershipKey(subject string) table.Key { return table.Key{PK: "M#" + subject, SK: "M"} }

// IsMembership reports whether the item is a membership.
func IsMembership(k table.Key) bool { return strings.HasPrefix(k.PK, "M#") && k.SK == "M" }

// MembersPartition is where a country's memberships are listed, by where each is
// kept.
func MembersPartition(country place.Code) string { return "MEM#" + string(country) }

// MembersWithin is the range of that list that lies in a region of the country.
func MembersWithin(p place.Place) (from, to string) {
	switch p.Level {
	case place.District:
		from = string(p.State) + "#" + string(p.Code) + "#"
	case place.State:
		from = string(p.State) + "#"
	default:
		return "", ""
	}
	return from, from + "~" // after every letter of a code or subject
}

// FromMembership makes the item of a membership in force that nobody gave; a desk's
// or ministry's is kept in its region, any other nowhere.
func FromMembership(c caller.Caller) table.Item {
	return FromMember(caller.Membership{Caller: c, Region: c.Region()})
}

// FromMember makes the item of a membership. One that is kept nowhere is listed
// nowhere, and no ministry may touch it.
func FromMember(m caller.Membership) table.Item {
	f := membershipForm{Role: m.Role, Scope: m.Scope, Region: m.Region, Since: seconds(m.Since), Revoked: seconds(m.RevokedAt), By: m.By}
	for _, d := range m.Done {
		f.Done = append(f.Done, d.Key, d.Payload)
	}
	it := table.Item{Key: MembershipKey(m.Subject), Body: marshal(f)}
	if p, ok := place.Lookup(m.Region); ok {
		district := p.Code
		if p.Level != place.District {
			district = ""
		}
		it.Index = map[table.Index]table.Key{table.ByTeam: {PK: MembersPartition(p.Country), SK: string(p.State) + "#" + string(district) + "#" + m.Subject}}
	}
	return it
}

// ToMembership reads a membership back; a tombstone is nobody's.
func ToMembership(it *table.Item) (caller.Membership, error) {
	var f membershipForm
	if it.Tombstone {
		return caller.Membership{Version: it.Version}, nil
	}
	if err := unmarshal(it, &f); err != nil {
		return caller.Membership{}, err
	}
	m := caller.Membership{Caller: caller.Caller{Subject: strings.TrimPrefix(it.PK, "M#"), Role: f.Role, Scope: f.Scope}, Region: f.Region,
		Since: instant(f.Since), RevokedAt: instant(f.Revoked), By: f.By, Version: it.Version}
	for i := 0; i+1 < len(f.Done); i += 2 {
		m.Done = append(m.Done, caller.Done{Key: f.Done[i], Payload: f.Done[i+1]})
	}
	return m, nil
}

type teamForm struct {
	Home place.Code `json:"h"`
	By   string     `json:"by,omitempty"`
}

// TeamKey is where it is written whose a rescue team is.
func TeamKey(team string) table.Key { return table.Key{PK: "TEAM#" + team, SK: "T"} }

// FromTeam makes the item of a rescue team: the region whose ministry keeps it.
func FromTeam(team string, home place.Code, by string) table.Item {
	return table.Item{Key: TeamKey(team), Body: marshal(teamForm{home, by})}
}

// ToTeam reads back which region's ministry keeps a team.
func ToTeam(it *table.Item) (home place.Code, err error) {
	var f teamForm
	err = unmarshal(it, &f)
	return f.Home, err
}
