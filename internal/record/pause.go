package record

import (
	"panah/internal/placement"
	"panah/internal/table"
)

// PausePartition is where the pauses of all shelters lie: few, if any. The function
// of shelters may not read it.
const PausePartition = "PAUSE"

type pauseForm struct {
	Since  int64    `json:"s"`
	Alerts []string `json:"a"`
	More   int      `json:"n,omitempty"`
}

// PauseKey is where a shelter's pause lies.
func PauseKey(shelter string) table.Key { return table.Key{PK: PausePartition, SK: shelter} }

// PauseOp writes a pause over the version it was read at; one without open alerts is
// over.
func PauseOp(p placement.Pause) table.Op {
	if !p.Open() {
		return table.PutOp(table.Item{Key: PauseKey(p.Shelter), Tombstone: true}, p.Version)
	}
	return table.PutOp(table.Item{Key: PauseKey(p.Shelter), Body: marshal(pauseForm{seconds(p.Since), p.Alerts, p.More})}, p.Version)
}

// ToPause reads a pause back; one that is over has no alerts.
func ToPause(it *table.Item) (placement.Pause, error) {
	p := placement.Pause{Shelter: it.SK, Version: it.Version}
	if it.Tombstone {
		return p, nil
	}
	var f pauseForm
	err := unmarshal(it, &f)
	p.Since, p.Alerts, p.More = instant(f.Since), f.Alerts, f.More
	return p, err
}
