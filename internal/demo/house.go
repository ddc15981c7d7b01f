package demo

import (
	"slices"
	"time"

	"panah/internal/code"
	"panah/internal/shelter"
)

// shelter invents everything about one site.
func (w *world) shelter(id string, s site) Shelter {
	m := manners[s.kind]
	out := Shelter{Shelter: shelter.Shelter{
		ID: id, District: s.district.Code, Type: s.kind, MaxStayDays: m.stay, Rev: 1, Synthetic: true, RulesKnown: true,
	}}
	out.Status, out.RegisteredUntil = w.registration(s.reception)
	out.Units = w.units(id, s)
	out.Languages = w.languages(s)
	out.OnSite, out.Arranged = w.dice.needs(m)
	w.dice.house(&out.Shelter, m, serves(out.Units, code.MotherAndChild))
	if serves(out.Units, code.OwnRoom) {
		out.Features = out.Features.With(ownRoom)
	}
	if !w.dice.chance(m.always) && !s.reception {
		out.Intake = shelter.Hours{From: m.from, To: m.to}
	}
	w.signs(&out.Shelter)
	if s.reception {
		out.OnSite = out.OnSite.With(healthMedical)
		out.Arranged = out.Arranged.Minus(out.OnSite)
	}
	return out
}

func serves(units []shelter.Unit, p code.Population) bool {
	return slices.ContainsFunc(units, func(u shelter.Unit) bool { return u.Population == p })
}

var (
	healthMedical = mustParse(code.Needs, "health_medical")
	signLanguage  = mustParse(code.Needs, "sign_language")
	visitsAllowed = mustParse(code.Features, "visits_allowed")
	ownRoom       = mustParse(code.Features, "own_room")
)

// registration is current for months for 94 in 100; of the rest most have let
// it end, some are suspended and a few closed.
func (w *world) registration(reception bool) (shelter.Status, time.Time) {
	today := w.now.Truncate(24 * time.Hour)
	current, ended := w.dice.between(40, 1500), w.dice.between(5, 300)
	kind := w.dice.pick(.94, .04, .015, .005)
	until := today.AddDate(0, 0, current)
	switch {
	case reception || kind == 0:
		return shelter.Active, until
	case kind == 1:
		return shelter.Active, today.AddDate(0, 0, -ended)
	case kind == 2:
		return shelter.Suspended, until
	}
	return shelter.Closed, today.AddDate(0, 0, -ended)
}

func (d dice) needs(m manner) (onSite, arranged code.Set[code.Need]) {
	for _, n := range m.needs {
		need := mustParse(code.Needs, n.name)
		inHouse, nearby := d.chance(n.onSite), d.chance(n.arranged)
		switch {
		case inHouse:
			onSite = onSite.With(need)
		case nearby:
			arranged = arranged.With(need)
		}
	}
	return onSite, arranged
}

// house draws rules and features that do not contradict each other.
func (d dice) house(s *shelter.Shelter, m manner, mothers bool) {
	h := house{s}
	for _, f := range m.features {
		h.feature(d.chance(f.p), f.name)
	}
	doors := d.pick(m.locked, m.night, 1-m.locked-m.night)
	h.rule(doors == 0, "doors_locked_always")
	h.rule(doors == 1, "doors_locked_at_night")
	h.feature(doors == 2, "open_doors")
	ask := d.chance(m.permission)
	h.rule(ask, "leave_with_permission")
	h.feature(!ask && doors != 0, "exit_on_request")
	withStaff, own := d.chance(m.withStaff), d.chance(.5)
	h.rule(withStaff, "phone_with_staff")
	h.rule(!withStaff && !own, "no_phone")
	h.feature(!withStaff && own, "own_phone")
	visits, strict := s.Features.Has(visitsAllowed), d.chance(.70)
	h.rule(visits && strict, "visits_by_appointment")
	h.rule(!visits && strict, "no_visits")
	apart := d.chance(.60)
	h.rule(mothers && apart, "boys_over_10_apart")
	h.rule(d.chance(.35), "shared_kitchen")
	h.rule(d.chance(.20), "daily_prayer_optional")
}

// house adds rules and features to a shelter by name.
type house struct{ *shelter.Shelter }

func (h house) rule(holds bool, name string) {
	if holds {
		h.HouseRules = h.HouseRules.With(mustParse(code.HouseRules, name))
	}
}

func (h house) feature(holds bool, name string) {
	if holds {
		h.Features = h.Features.With(mustParse(code.Features, name))
	}
}
