package record

import (
	"slices"
	"strings"

	"panah/internal/table"
)

// Transfers are the placements asked for to move a party from a stay. They lie
// beside the stay, which neither changes nor grows older by them.
type Transfers struct {
	Of      string   // the placement of the stay
	To      []string // the placements of the transfers
	Version uint64
}

// And are the transfers with one more.
func (t Transfers) And(id string) Transfers {
	if !slices.Contains(t.To, id) {
		t.To = append(slices.Clone(t.To), id)
	}
	return t
}

type transfersForm struct {
	To []string `json:"t"`
}

// TransfersKey is where the transfers of a stay lie.
func TransfersKey(placementID string) table.Key { return table.Key{PK: "P#" + placementID, SK: "X"} }

// FromTransfers makes the item of transfers.
func FromTransfers(t Transfers) table.Item {
	return table.Item{Key: TransfersKey(t.Of), Body: marshal(transfersForm{t.To})}
}

// ToTransfers reads them back.
func ToTransfers(it *table.Item) (Transfers, error) {
	var f transfersForm
	err := unmarshal(it, &f)
	return Transfers{strings.TrimPrefix(it.PK, "P#"), f.To, it.Version}, err
}
