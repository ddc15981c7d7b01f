// Package referral is the use cases: it loads, lets the domain decide, and
// writes; it is the only code that does both. Every command follows one road
// (see run): decide on what is stored, write placement and beds together, and
// on a lost race decide again on what came back.
package referral

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"log/slog"
	"sync"
	"time"

	"panah/internal/caller"
	"panah/internal/directory"
	"panah/internal/fault"
	"panah/internal/matching"
	"panah/internal/place"
	"panah/internal/record"
	"panah/internal/table"
)

// Config is what a Service is made of. Store and Policy are required.
type Config struct {
	Store        table.Store
	Directory    *directory.Directory // made over Store when nil
	Policy       matching.Policy
	Now          func() time.Time // the clock
	NewID        func() string    // unique write ids, at most 36 bytes
	Code         func() string    // half a door code
	Secret       []byte           // survivors' codes are made from; of this process alone when nil: a lost answer is then not given again elsewhere
	NumberSecret []byte           // phone numbers are hashed with; of this process alone when nil: numbers registered elsewhere are then not known
	Log          *slog.Logger
	Abreast      int // how many things a command over many does at once; 16 when 0, and with 1 in its own goroutine
	LookFirst    int // how many of those who wait in a country each look goes through first; 150 when 0
}

// Service carries out commands and answers questions about placements and shelters.
type Service struct {
	Config
	mu          sync.Mutex
	members     map[string]membership
	waited      map[place.Code]string // how far behind the first of those who wait the last look went
	pauses      []string              // shelters paused, as last read
	pausesUntil time.Time
	checked     map[[2]int]string // the last shelter verified, by share and of how many, where the time was up
}

type membership struct {
	caller caller.Caller
	until  time.Time
}

// New fills in what is missing: the wall clock and the system's randomness.
func New(c Config) *Service {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.NewID == nil {
		now := c.Now
		c.NewID = func() string { return record.WriteID(now(), random(12)) }
	}
	if c.Code == nil {
		c.Code = func() string { return random(4)[:5] }
	}
	if c.Secret == nil {
		c.Secret = []byte(random(32))
	}
	if c.NumberSecret == nil {
		c.NumberSecret = []byte(random(32))
	}
	if c.Abreast == 0 {
		c.Abreast = 16
	}
	if c.LookFirst == 0 {
		c.LookFirst = 150
	}
	if c.Directory == nil {
		c.Directory = directory.New(c.Store, c.Policy.Zone, c.Log)
	}
	return &Service{Config: c, members: map[string]membership{}, waited: map[place.Code]string{}, checked: map[[2]int]string{}}
}

func random(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b)
}

// now is the present to the second: what is stored has no finer time.
func (s *Service) now() time.Time { return s.Now().UTC().Truncate(time.Second) }

// memberFor is how long a membership is believed before it is read again.
const memberFor = time.Minute

// membersKept bounds the cache; it is simply emptied when full.
const membersKept = 10_000

// Caller says who a subject is. Somebody without a membership is forbidden.
func (s *Service) Caller(ctx context.Context, subject string) (caller.Caller, error) {
	if subject == "" {
		return caller.Caller{}, fault.New(fault.Unauthorized, "sign in first")
	}
	now := s.Now()
	s.mu.Lock()
	m, ok := s.members[subject]
	s.mu.Unlock()
	if !ok || !now.Before(m.until) {
		it, err := s.Store.Get(ctx, record.MembershipKey(subject), table.Relaxed)
		if err != nil {
			return caller.Caller{}, refusal(err)
		}
		m = membership{until: now.Add(memberFor)}
		if it != nil {
			have, err := record.ToMembership(it)
			if err != nil {
				return caller.Caller{}, err
			}
			if have.InForce() {
				m.caller = have.Caller
			}
		}
		s.remember(subject, m)
	}
	if m.caller.Role == "" {
		return caller.Caller{}, fault.New(fault.Forbidden, "you are not a member of a team, shelter, desk or ministry")
	}
	return m.caller, nil
}

func (s *Service) remember(subject string, m membership) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.members) >= membersKept {
		clear(s.members)
	}
	s.members[subject] = m
}

// refusal turns what the table says into what a caller may see.
func refusal(err error) error {
	if errors.Is(err, table.ErrBusy) || errors.Is(err, table.ErrUnknown) {
		return fault.New(fault.Busy, "many are asking at this moment; send the same request again shortly")
	}
	return err
}

// Warm loads the directory ahead of the first request.
func (s *Service) Warm(ctx context.Context) error {
	_, err := s.world(ctx)
	return err
}

// World is every shelter as the directory knows it now.
func (s *Service) World(ctx context.Context) (matching.World, error) { return s.world(ctx) }

func (s *Service) world(ctx context.Context) (matching.World, error) {
	w, err := s.Directory.World(ctx, s.Now())
	if err != nil {
		s.Log.Error("no directory", "error", err.Error())
		return matching.World{}, fault.New(fault.DirectoryCold, "the list of shelters cannot be read at this moment; try again shortly")
	}
	return *w, nil
}
