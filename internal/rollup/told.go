package rollup

import (
	"context"

	"panah/internal/history"
	"panah/internal/occupancy"
	"panah/internal/place"
	"panah/internal/table"
)

// told reads what has been published of a country so far, and the version of it.
func (p *Publisher) told(ctx context.Context, country place.Code) (occupancy.Told, uint64, error) {
	it, err := p.Store.Get(ctx, history.ToldKey(country), table.Strong)
	if err != nil || it == nil {
		return nil, 0, err
	}
	t, err := history.DecodeTold(it.Body)
	return t, it.Version, err
}

// tell is the operation that belongs into every write that publishes occupancy.
func tell(country place.Code, t occupancy.Told, version uint64) (table.Op, error) {
	body, err := history.EncodeTold(t)
	return table.PutOp(table.Item{Key: history.ToldKey(country), Body: body}, version), err
}
