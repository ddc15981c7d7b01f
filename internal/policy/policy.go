// Package policy reads the versioned policy files: weights, time limits and the
// rules of law that differ by country, each with its source. A placement
// records the id of the policy it was decided under.
package policy

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"panah/internal/code"
	"panah/internal/matching"
	"panah/internal/place"
)

//go:embed in-2026.11.json
var current []byte

// Current is the policy in force.
var Current = sync.OnceValues(func() (matching.Policy, error) { return Parse(current) })

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
	Lawful    map[string]struct {
		Ages            []string
		AccompaniedAges []string
		MaxStayDays     int
		Source          string
	} `json:"institutions"`
	Clocks []struct {
		ID, Country, Who, What, StoppedBy, Source string
		Hours                                     int
		ExcludesJourney                           bool
		WarnAtPercent                             []int
	} `json:"legalClocks"`
	Countries map[string]struct {
		UTCOffset  int `json:"utcOffsetMinutes"`
		ChildCall  string
		AdultCall  string
		ChildPlace string
		AdultPlace string
		Source     string
	}
}

// Parse reads a policy file. Every code must be known, every law must have a
// source, and every urgency its limits.
func Parse(raw []byte) (matching.Policy, error) {
	var f file
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return matching.Policy{}, fmt.Errorf("policy: %w", err)
	}
	p := matching.Policy{
		ID: f.ID, Weights: matching.Weights(f.Weights), Zone: f.Zone, Histogram: f.Histogram,
		Fresh:    matching.Freshness{Unconfirmed: hours(f.Freshness.Unconfirmed), NoOffer: hours(f.Freshness.NoOffer)},
		LateHold: hours(f.LateHold), Overdue: hours(f.Overdue), FullDistant: f.NoPoints,
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
	if err := f.clocks(&p); err != nil {
		return p, err
	}
	if f.ID == "" || f.Zone < 3 || f.NoPoints < 1 || f.ShortStay < 0 || f.NearTie.Points < 1 || f.NearTie.OfferedHours < 0 || len(p.Country) == 0 {
		return p, fmt.Errorf("policy %s: id, zoneShelters (at least 3), journeyNoPoints, nearTie and countries are required", f.ID)
	}
	return p, nil
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

// clocks reads the legal clocks. A clock without a source is not law.
func (f file) clocks(p *matching.Policy) error {
	for _, c := range f.Clocks {
		if where, ok := place.Lookup(place.Code(c.Country)); !ok || where.Level != place.Country || c.ID == "" || c.Source == "" || c.Hours < 1 ||
			len(c.WarnAtPercent) == 0 || !slices.IsSorted(c.WarnAtPercent) || (c.Who != "child" && c.Who != "anyone") {
			return fmt.Errorf("policy %s: legal clock %s needs a country, who, hours, rising warnings and a source", f.ID, c.ID)
		}
		p.LegalClocks = append(p.LegalClocks, matching.LegalClock{ID: c.ID, Country: place.Code(c.Country), Children: c.Who == "child", What: c.What,
			Limit: hours(c.Hours), ExcludesJourney: c.ExcludesJourney, WarnAt: c.WarnAtPercent, StoppedBy: c.StoppedBy})
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
	for name, c := range f.Countries {
		if p0, ok := place.Lookup(place.Code(name)); !ok || p0.Level != place.Country || c.Source == "" || c.ChildCall == "" || c.AdultCall == "" {
			return fmt.Errorf("policy %s: country %s needs a known code, helplines and a source", f.ID, name)
		}
		p.Country[place.Code(name)] = matching.Jurisdiction{UTCOffset: c.UTCOffset, ChildCall: c.ChildCall,
			AdultCall: c.AdultCall, ChildPlace: c.ChildPlace, AdultPlace: c.AdultPlace}
	}
	return nil
}
