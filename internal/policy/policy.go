// Package policy reads the versioned policy files: weights, time limits and the
// rules of law that differ by country, each with its source. A placement
// records the id of the policy it was decided under.
package policy

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"panah/internal/code"
	"panah/internal/matching"
	"panah/internal/place"
)

//go:embed in-2026.11.json
var current []byte

//go:embed jurisdictions/*.json
var jurisdictions embed.FS

// Current is the policy in force, with every jurisdiction.
var Current = sync.OnceValues(func() (matching.Policy, error) {
	files, err := jurisdictions.ReadDir("jurisdictions")
	if err != nil {
		return matching.Policy{}, err
	}
	var raw [][]byte
	for _, f := range files {
		one, err := jurisdictions.ReadFile("jurisdictions/" + f.Name())
		if err != nil {
			return matching.Policy{}, err
		}
		raw = append(raw, one)
	}
	return Parse(current, raw...)
})

type file struct {
	ID        string `json:"id"`
	Note      string `json:"note"`
	Weights   struct{ Distance, Language, Needs, Freedom, Freshness, Load, Preference int }
	Freshness struct{ Unconfirmed, NoOffer int } `json:"freshnessHours"`
	Zone      int                                `json:"zoneShelters"`
	Histogram int                                `json:"histogramConsidered"`
	Journey   map[string]int                     `json:"journeyMinutes"`
	NoPoints  int                                `json:"journeyNoPoints"`
	ShortStay int                                `json:"shortStayPoints"`
	NearTie   struct{ Points, OfferedHours int } `json:"nearTie"`
	Hold      map[string]int                     `json:"holdMinutes"`
	Wait      map[string]int                     `json:"waitHours"`
	Overdue   int                                `json:"overdueHours"`
	LateHold  int                                `json:"lateHoldHours"`
	Reveal    int                                `json:"revealHours"`
	Found     int                                `json:"foundMinutes"`
	Lawful    map[string]struct {
		Ages            []string
		AccompaniedAges []string
		MaxStayDays     int
		Source          string
	} `json:"institutions"`
}

// Parse reads a policy file and the jurisdictions it is used in. Every code must
// be known, every law must have a source, and every urgency its limits.
func Parse(raw []byte, where ...[]byte) (matching.Policy, error) {
	var f file
	if err := decode(raw, &f); err != nil {
		return matching.Policy{}, err
	}
	p := matching.Policy{
		ID: f.ID, Weights: matching.Weights(f.Weights), Zone: f.Zone, Histogram: f.Histogram,
		Fresh:    matching.Freshness{Unconfirmed: hours(f.Freshness.Unconfirmed), NoOffer: hours(f.Freshness.NoOffer)},
		LateHold: hours(f.LateHold), Overdue: hours(f.Overdue), Reveal: hours(f.Reveal), Found: time.Duration(f.Found) * time.Minute, FullDistant: f.NoPoints,
		ShortStay: f.ShortStay, NearTie: matching.NearTie{Points: f.NearTie.Points, Apart: hours(f.NearTie.OfferedHours)},
		Journey: map[code.Urgency]int{}, HoldFor: map[code.Urgency]time.Duration{}, WaitFor: map[code.Urgency]time.Duration{},
		Lawful: map[code.Institution]matching.Lawful{}, Country: map[place.Code]matching.Jurisdiction{},
	}
	if err := f.urgencies(&p); err != nil {
		return p, err
	}
	if err := f.law(&p); err != nil {
		return p, err
	}
	for _, raw := range where {
		if err := addJurisdiction(&p, raw); err != nil {
			return p, err
		}
	}
	if f.ID == "" || f.Zone < 3 || f.NoPoints < 1 || f.Reveal < 1 || f.Found < 1 || f.ShortStay < 0 || f.NearTie.Points < 1 || f.NearTie.OfferedHours < 0 || p.Elsewhere.ID == "" {
		return p, fmt.Errorf("policy %s: id, zoneShelters (at least 3), journeyNoPoints, revealHours, foundMinutes, nearTie and a default jurisdiction are required", f.ID)
	}
	return p, nil
}

func decode(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("policy: %w", err)
	}
	return nil
}

func hours(n int) time.Duration { return time.Duration(n) * time.Hour }

func (f file) urgencies(p *matching.Policy) error {
	for _, name := range code.Urgencies.Names() {
		u, _ := code.Urgencies.Parse(name)
		if f.Journey[name] < 1 || f.Hold[name] < 1 || f.Wait[name] < 1 {
			return fmt.Errorf("policy %s: urgency %s lacks a limit", f.ID, name)
		}
		p.Journey[u] = f.Journey[name]
		p.HoldFor[u] = time.Duration(f.Hold[name]) * time.Minute
		p.WaitFor[u] = hours(f.Wait[name])
	}
	return nil
}

func (f file) law(p *matching.Policy) error {
	for name, law := range f.Lawful {
		kind, ok := code.Institutions.Parse(name)
		ages, at := code.AgeBands.ParseSet(law.Ages)
		accompanied, wrong := code.AgeBands.ParseSet(law.AccompaniedAges)
		if !ok || at >= 0 || wrong >= 0 || law.Source == "" {
			return fmt.Errorf("policy %s: institution %s needs a known type, known ages and a source", f.ID, name)
		}
		p.Lawful[kind] = matching.Lawful{Ages: ages, Accompanied: accompanied, MaxStayDays: law.MaxStayDays}
	}
	if len(p.Lawful) != code.Institutions.Len() {
		return fmt.Errorf("policy %s: not every institution type is covered", f.ID)
	}
	return nil
}
