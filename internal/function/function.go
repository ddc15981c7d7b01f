// Package function makes each Lambda out of a store: the one place where the
// parts are put together, used by the mains under functions/ and by the local
// runner, so that both run the same thing.
package function

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"panah/internal/audit"
	"panah/internal/directory"
	"panah/internal/feed"
	"panah/internal/gateway"
	"panah/internal/httpapi"
	"panah/internal/logbook"
	"panah/internal/policy"
	"panah/internal/record"
	"panah/internal/referral"
	"panah/internal/rollup"
	"panah/internal/table"
)

// Parts are what every function is made from.
type Parts struct {
	Store   table.Store
	Log     *slog.Logger
	Service *referral.Service // made over Store when nil
	Secret  []byte            // survivors' codes are made from
	Numbers []byte            // phone numbers are hashed with
}

func (p Parts) service() (*referral.Service, error) {
	if p.Service != nil {
		return p.Service, nil
	}
	s, err := NewService(p.Store, p.Secret, p.Log)
	if err == nil && p.Numbers != nil {
		s.NumberSecret = p.Numbers
	}
	return s, err
}

// NewService is the use cases over a store under the policy in force. Survivors'
// codes are made from secret; nil is enough where none are made.
func NewService(store table.Store, secret []byte, log *slog.Logger) (*referral.Service, error) {
	rules, err := policy.Current()
	if err != nil {
		return nil, err
	}
	return referral.New(referral.Config{Store: store, Policy: rules, Secret: secret, Log: log}), nil
}

// Figures serves groups of routes that answer from what was published: they need
// no directory.
func Figures(p Parts, groups ...httpapi.Group) lambda.Handler { return serve(p, false, groups) }

// HTTP serves groups of routes. Routes, policy and directory are made ready
// while the function already asks for its first event, which waits for the
// first two: a cold start then costs little more than an empty function's.
func HTTP(p Parts, groups ...httpapi.Group) lambda.Handler { return serve(p, true, groups) }

func serve(p Parts, directory bool, groups []httpapi.Group) lambda.Handler {
	return ahead(func() (lambda.Handler, error) {
		s, err := p.service()
		if err != nil {
			return nil, err
		}
		if p.Service == nil && directory {
			go func() { _ = s.Warm(context.Background()) }() // a failure shows again, and is answered, at the first request
		}
		return gateway.HTTP(httpapi.Handler(s, p.Log, groups...), httpapi.WithSubject, p.Log), nil
	})
}

// making is a handler that is being made.
type making struct {
	ready   chan struct{}
	handler lambda.Handler
	err     error
}

// ahead makes a handler in the background.
func ahead(build func() (lambda.Handler, error)) lambda.Handler {
	m := &making{ready: make(chan struct{})}
	go func() {
		defer close(m.ready)
		m.handler, m.err = build()
	}()
	return m
}

// Invoke waits for the handler and calls it.
func (m *making) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	<-m.ready
	if m.err != nil {
		return nil, m.err
	}
	return m.handler.Invoke(ctx, payload)
}

// ClockEvery is how often the clock looks for lapsed holds while it runs.
const ClockEvery = 10 * time.Second

// Clock frees lapsed holds and publishes what a ministry sees. The schedule
// starts it each minute; it goes on looking for span.
func Clock(p Parts, span time.Duration) (lambda.Handler, error) {
	s, err := p.service()
	if err != nil {
		return nil, err
	}
	pub := directory.NewPublisher(p.Store, s.NewID, s.Now, p.Log)
	figures := rollup.NewPublisher(s, policy.Disclosure())
	return gateway.Schedule(func(ctx context.Context, task string) error {
		if task == VerifyTask {
			return errors.Join(verify(ctx, s, pub), missed(ctx, p, s))
		}
		published := make(chan error, 1)
		go func() { published <- figures.Publish(ctx) }() // holds lapse in time while a country is counted
		return errors.Join(s.Watch(ctx, span, ClockEvery), <-published)
	}, p.Log), nil
}

// VerifyTask is the input of the hourly schedule.
const VerifyTask = "verify"

// verify recomputes the counters of one in 24 shelters, so that each is looked at
// once a day, repairs what differs, and publishes what the directory has missed.
func verify(ctx context.Context, s *referral.Service, pub *directory.Publisher) error {
	hour := s.Now().UTC().Hour()
	found, err := s.VerifyShare(ctx, hour, 24, true)
	for _, d := range found {
		s.Log.Error("counters differed from placements", "shelter", d.Shelter, "unit", d.Unit, "repaired", d.Repaired)
	}
	lost, rerr := s.Reconcile(ctx, hour, 24, pub.Apply)
	if lost > 0 {
		s.Log.Error("the directory had missed changes", "count", lost)
	}
	return errors.Join(err, rerr)
}

// missed takes in, of one in 24 shares of everything, what a feed that was cut has
// lost. It is first of all an alarm: nothing else says so before an item's next
// change.
func missed(ctx context.Context, p Parts, s *referral.Service) error {
	n, err := Missed(ctx, p, s, s.Now().UTC().Hour(), 24)
	if n > 0 {
		p.Log.Error("the change feed had been cut", "items", n)
	}
	return err
}

// feedKeeps is how long a stream keeps a change, and an hour for what is under way.
const feedKeeps = 25 * time.Hour

// Missed takes in one share of what a feed that was cut has lost, and answers how
// many items there were. A version that was never seen is lost once it is older
// than the stream keeps it: before that it may still come.
func Missed(ctx context.Context, p Parts, s *referral.Service, share, of int) (int, error) {
	keeper := audit.NewKeeper(p.Store, s.NewID, s.Now, p.Log)
	return NewFeed(p.Store, s, p.Log).Missed(ctx, share, of, func(ctx context.Context, it *table.Item) (bool, error) {
		if at, ok := record.WrittenAt(it.WriteID); ok && s.Now().Sub(at) < feedKeeps {
			return false, nil
		}
		seen, err := keeper.Seen(ctx, it)
		return !seen, err
	})
}

// Changes keeps the directory's log and pages, the audit chains, the books devices are
// brought up to date from, and what a ministry's figures are made from, out of the change feed, and, when beds were
// given back, looks for those who wait; decode reads the engine's own form of a
// change.
func Changes(p Parts, decode func(json.RawMessage) (table.Change, error)) (lambda.Handler, error) {
	s, err := p.service()
	if err != nil {
		return nil, err
	}
	f := NewFeed(p.Store, s, p.Log)
	return gateway.Stream(gateway.Consumer{Decode: decode, Apply: f.Apply, Aside: f.Unreadable, Replay: func(ctx context.Context) error {
		_, left, err := f.Replay(ctx)
		if err == nil && left > 0 {
			err = fmt.Errorf("changes: %d could still not be taken in", left)
		}
		return err
	}}, p.Log), nil
}

// NewFeed is the consumers of the change feed over a store.
func NewFeed(store table.Store, s *referral.Service, log *slog.Logger) *feed.Feed {
	pub := directory.NewPublisher(store, s.NewID, s.Now, log)
	keeper := audit.NewKeeper(store, s.NewID, s.Now, log)
	return feed.New(store, s.NewID, s.Now, log,
		feed.Consumer{Name: "directory", Apply: pub.Apply},
		feed.Consumer{Name: "audit", Apply: keeper.Apply},
		feed.Consumer{Name: "logbook", Apply: logbook.NewKeeper(store, s.NewID).Apply},
		feed.Consumer{Name: "figures", Apply: rollup.NewKeeper(store, s.Policy, s.NewID, log).Apply},
		feed.Consumer{Name: "waiting", Apply: func(ctx context.Context, changes []table.Change) error {
			if !referral.Freed(changes) {
				return nil
			}
			if err := s.Directory.Refresh(ctx, s.Now()); err != nil {
				return err
			}
			_, err := s.MatchWaiting(ctx)
			return err
		}})
}
