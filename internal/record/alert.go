package record

import (
	"strings"

	"panah/internal/place"
	"panah/internal/placement"
	"panah/internal/table"
)

type alertForm struct {
	Kind      placement.AlertKind `json:"k"`
	Placement string              `json:"p"`
	At        int64               `json:"a"`
	Clock     string              `json:"c,omitempty"`
	Percent   int                 `json:"n,omitempty"`
	Due       int64               `json:"d,omitempty"`
	Seen      int64               `json:"s,omitempty"`
	By        string              `json:"b,omitempty"`
	What      string              `json:"w,omitempty"`
	Pauses    string              `json:"h,omitempty"`
	Shelter   string              `json:"sh,omitempty"`
	Unit      string              `json:"u,omitempty"`
	Over      int64               `json:"o,omitempty"`
}

// AlertPartition is where a district's alerts lie, the oldest first.
func AlertPartition(district place.Code) string { return "AL#" + string(district) }

// AlertKey is where an alert lies.
func AlertKey(district place.Code, id string) table.Key {
	return table.Key{PK: AlertPartition(district), SK: id}
}

// FromAlert makes the item of an alert.
func FromAlert(a placement.Alert) table.Item {
	return table.Item{Key: AlertKey(a.District, a.ID), Body: marshal(alertForm{a.Kind, a.Placement, seconds(a.At), a.Clock, a.Percent,
		seconds(a.DueAt), seconds(a.Acknowledged), a.By, a.What, a.Pauses, a.Shelter, a.Unit, seconds(a.Over)})}
}

// ToAlert reads an alert back.
func ToAlert(it *table.Item) (placement.Alert, error) {
	var f alertForm
	if err := unmarshal(it, &f); err != nil {
		return placement.Alert{}, err
	}
	return placement.Alert{ID: it.SK, Kind: f.Kind, Placement: f.Placement, District: place.Code(strings.TrimPrefix(it.PK, "AL#")),
		At: instant(f.At), Clock: f.Clock, Percent: f.Percent, DueAt: instant(f.Due), Acknowledged: instant(f.Seen), By: f.By, What: f.What, Pauses: f.Pauses, Version: it.Version,
		Shelter: f.Shelter, Unit: f.Unit, Over: instant(f.Over)}, nil
}
