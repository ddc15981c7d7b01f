package record

import (
	"bytes"
	"strings"

	"panah/internal/code"
	"panah/internal/placement"
	"panah/internal/table"
)

type rescueForm struct {
	Team     string                `json:"t"`
	Common   requestForm           `json:"q"`
	Parties  []partyForm           `json:"n"`
	Apart    [][2]int              `json:"a,omitempty"`
	State    placement.RescueState `json:"s"`
	Plan     []pickedForm          `json:"p,omitempty"`
	Seed     uint64                `json:"e,omitempty"`
	Planned  int                   `json:"pl,omitempty"`
	Round    int                   `json:"r,omitempty"`
	Made     int                   `json:"d,omitempty"`
	Lease    int64                 `json:"l,omitempty"`
	Commands []uint64              `json:"m"`
	Departs  []departureForm       `json:"v,omitempty"`
	Created  int64                 `json:"c"`
	Changed  int64                 `json:"g"`
	By       string                `json:"by,omitempty"`
}

// partyForm is a party of a rescue: only what it does not have in common with the
// others, or else all of its own.
type partyForm struct {
	Persons  []personForm           `json:"n,omitempty"`
	Together code.Together          `json:"t,omitempty"`
	Prefer   code.Set[code.Feature] `json:"f,omitempty"`
	Best     bool                   `json:"a,omitempty"`
	Erased   bool                   `json:"z,omitempty"` // what was told of it is in its placement alone
	Whole    *requestForm           `json:"q,omitempty"`
}

func fromParty(p placement.Request, common requestForm) partyForm {
	whole := fromRequest(p)
	for _, erased := range []bool{false, true} {
		f := partyForm{Persons: whole.Persons, Together: whole.Together, Prefer: whole.Prefer, Best: whole.Best, Erased: erased}
		if bytes.Equal(marshal(f.whole(common)), marshal(whole)) {
			return f
		}
	}
	return partyForm{Whole: &whole}
}

// whole is the request of a party.
func (f partyForm) whole(common requestForm) requestForm {
	if f.Whole != nil {
		return *f.Whole
	}
	common.Persons, common.Together, common.Prefer, common.Best = f.Persons, f.Together, f.Prefer, f.Best
	if f.Erased {
		common.Districts, common.Shelters, common.HeardIn = nil, nil, ""
	}
	return common
}

type pickedForm struct {
	Party   int        `json:"i"`
	Shelter string     `json:"h"`
	Parts   []partForm `json:"b"`
	Score   int        `json:"o,omitempty"`
}

type departureForm struct {
	Key     uint64   `json:"k"`
	Payload uint64   `json:"p"`
	Parties []uint64 `json:"n"` // position and version in turn
}

func fromDeparts(list []placement.Departure) (out []departureForm) {
	for _, d := range list {
		f := departureForm{Key: d.Key, Payload: d.Payload}
		for _, p := range d.Parties {
			f.Parties = append(f.Parties, uint64(p.Party), p.Version)
		}
		out = append(out, f)
	}
	return out
}

func toDeparts(list []departureForm) (out []placement.Departure) {
	for _, f := range list {
		d := placement.Departure{Command: placement.Command{Key: f.Key, Payload: f.Payload}}
		for i := 0; i+1 < len(f.Parties); i += 2 {
			d.Parties = append(d.Parties, placement.Departing{Party: int(f.Parties[i]), Version: f.Parties[i+1]})
		}
		out = append(out, d)
	}
	return out
}

// MaxRescue is how many bytes a rescue may have: an item's limit, less its key and
// index entries.
const MaxRescue = table.MaxItemBytes - 1<<10

// RescueKey is where a rescue lies.
func RescueKey(id string) table.Key { return table.Key{PK: "R#" + id, SK: "R"} }

// TurnKey is where the turns of a rescue's kept-apart parties lie.
func TurnKey(rescue string) table.Key { return table.Key{PK: "K#" + rescue, SK: "K"} }

// TurnOf is the rescue whose turns lie at a key, if it is such a key.
func TurnOf(k table.Key) (rescue string, ok bool) { return strings.CutPrefix(k.PK, "K#") }

// FromTurn makes the item that every write puts that brings a kept-apart party to
// a shelter. Its version is all it says: nobody else has gone anywhere since it was read.
func FromTurn(rescue string) table.Item { return table.Item{Key: TurnKey(rescue), Body: []byte("{}")} }

// IsRescue reports whether the item is a rescue.
func IsRescue(k table.Key) bool { return strings.HasPrefix(k.PK, "R#") && k.SK == "R" }

// FromRescue makes the item of a rescue. The clock finds it while a lease runs.
func FromRescue(r placement.Rescue) table.Item {
	f := rescueForm{Team: r.Team, Common: fromRequest(r.Common), Apart: r.Apart, State: r.State, Seed: r.Seed, Planned: r.PlannedTo, Round: r.Round, Made: r.Made,
		Lease: seconds(r.LeaseTill), Commands: fromCommands(r.Commands), Created: seconds(r.CreatedAt), Changed: seconds(r.ChangedAt), By: r.By,
		Departs: fromDeparts(r.Departs)}
	for _, p := range r.Parties {
		f.Parties = append(f.Parties, fromParty(p, f.Common))
	}
	for _, p := range r.Plan {
		f.Plan = append(f.Plan, pickedForm{p.Party, p.Shelter, fromParts(p.Parts), p.Score})
	}
	it := table.Item{Key: RescueKey(r.ID), Body: marshal(f)}
	if !r.LeaseTill.IsZero() {
		it.Index = map[table.Index]table.Key{table.Due: {PK: DuePartition(dueShard(r.ID)), SK: Stamp(r.LeaseTill) + "#" + r.ID}}
	}
	return it
}

// ToRescue reads a rescue back.
func ToRescue(it *table.Item) (placement.Rescue, error) {
	var f rescueForm
	if err := unmarshal(it, &f); err != nil {
		return placement.Rescue{}, err
	}
	r := placement.Rescue{ID: strings.TrimPrefix(it.PK, "R#"), Team: f.Team, Common: toRequest(f.Common), Apart: f.Apart, State: f.State,
		Seed: f.Seed, PlannedTo: f.Planned, Round: f.Round, Made: f.Made, LeaseTill: instant(f.Lease), Commands: toCommands(f.Commands), CreatedAt: instant(f.Created),
		ChangedAt: instant(f.Changed), Version: it.Version, By: f.By, Departs: toDeparts(f.Departs)}
	for _, p := range f.Parties {
		r.Parties = append(r.Parties, toRequest(p.whole(f.Common)))
	}
	for _, p := range f.Plan {
		r.Plan = append(r.Plan, placement.Picked{Party: p.Party, Shelter: p.Shelter, Parts: toParts(p.Parts), Score: p.Score})
	}
	return r, nil
}
