package record

import (
	"panah/internal/shelter"
	"panah/internal/table"
)

type handoverForm struct {
	Point   string `json:"p,omitempty"`
	Meeting string `json:"m,omitempty"`
	Code    string `json:"c"`
	By      string `json:"by,omitempty"`
}

// HandoverKey is where a shelter's handover point lies, apart from everything
// else about it: neither directory nor change log carry it.
func HandoverKey(shelterID string) table.Key { return table.Key{PK: "HAND#" + shelterID, SK: "H"} }

// FromHandover makes the item of a handover point.
func FromHandover(shelterID string, h shelter.Handover) table.Item {
	return table.Item{Key: HandoverKey(shelterID), Body: marshal(handoverForm{h.Point, h.Meeting, h.Code, h.By})}
}

// ToHandover reads a handover point back.
func ToHandover(it *table.Item) (shelter.Handover, error) {
	var f handoverForm
	err := unmarshal(it, &f)
	return shelter.Handover{Point: f.Point, Meeting: f.Meeting, Code: f.Code, By: f.By, Version: it.Version}, err
}
