package caller

import (
	"slices"
	"strings"
	"time"

	"panah/internal/fault"
	"panah/internal/place"
)

// Membership is what a subject is here as, and where: the one thing that gives a
// token any power. It holds no name, phone number or address; the subject is the
// identity provider's, and opaque.
type Membership struct {
	Caller
	Region    place.Code // where it is kept: the shelter's district, the team's home, the region itself
	Since     time.Time  // when it was given as it is now
	RevokedAt time.Time  // zero: in force
	By        string     // the subject who gave or revoked it last
	Version   uint64     // of the stored item; 0: not stored yet
	Done      []Done     // commands carried out on it, the latest
}

// Done is a command that was carried out: hashes only.
type Done struct{ Key, Payload uint64 }

// maxDone is how many commands a membership remembers.
const maxDone = 4

// InForce reports whether the subject may use it.
func (m Membership) InForce() bool { return m.Role != "" && m.RevokedAt.IsZero() }

// Same reports whether two memberships give the same.
func (m Membership) Same(o Membership) bool {
	return m.Caller == o.Caller && m.Region == o.Region && m.InForce() == o.InForce()
}

// Replay reports whether a command was carried out on it before; with another
// payload under the same key it is refused.
func (m Membership) Replay(d Done) (bool, error) {
	for _, have := range m.Done {
		if have.Key == d.Key {
			if have.Payload != d.Payload {
				return false, fault.New(fault.KeyReused, "this Idempotency-Key was used for another request")
			}
			return true, nil
		}
	}
	return false, nil
}

// Revoke ends it. The role and scope stay on record.
func (m Membership) Revoke(by string, d Done, now time.Time) Membership {
	m.Done = append(slices.Clone(m.Done[max(0, len(m.Done)-maxDone+1):]), d)
	if m.RevokedAt.IsZero() {
		m.RevokedAt, m.By = now, by
	}
	return m
}

// MaxSubject is how long a subject may be, in bytes.
const MaxSubject = 128

// CheckSubject refuses what is no opaque subject: anything that is, or may be, a
// phone number or an e-mail address is a person's.
func CheckSubject(subject string) error {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	const others = "0123456789-_.:|"
	switch {
	case len(subject) < 8 || len(subject) > MaxSubject || strings.Trim(subject, letters+others) != "":
		return fault.Field("subject", "must be 8 to %d letters, digits and -_.:|, as in the token's sub", MaxSubject)
	case strings.Trim(subject, others) == "" && len(subject) <= 16: // E.164: at most fifteen digits
		return fault.Field("subject", "looks like a phone number: let the identity provider give another")
	}
	return nil
}
