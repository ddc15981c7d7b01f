package history

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"

	"panah/internal/occupancy"
	"panah/internal/packed"
	"panah/internal/place"
	"panah/internal/table"
)

// ToldKey is where it lies what has been told of a country so far. Every write
// that publishes occupancy also writes this item at the version it followed: of
// two that publish at once, one decides again.
func ToldKey(country place.Code) table.Key {
	return table.Key{PK: "H#" + string(country), SK: "told"}
}

// EncodeTold makes the item's body. It is compressed: tens of thousands of rows,
// much alike, have to fit one item.
func EncodeTold(t occupancy.Told) ([]byte, error) {
	w := packed.NewWriter(8 * len(t))
	w.Int(len(t))
	var last place.Code
	for _, r := range t {
		last = writeOf(w, last, r.Place, r.Type, r.Population)
		for _, groups := range []uint16{r.Withheld, r.Hourly, r.Shown} {
			w.Num(uint64(groups))
		}
	}
	var body bytes.Buffer
	z, err := flate.NewWriter(&body, flate.BestSpeed)
	if err != nil {
		return nil, err
	}
	if _, err = z.Write(w.Bytes()); err != nil {
		return nil, err
	}
	err = z.Close() // before the bytes are taken
	return body.Bytes(), err
}

// DecodeTold reads the item's body back.
func DecodeTold(body []byte) (occupancy.Told, error) {
	raw, err := io.ReadAll(flate.NewReader(bytes.NewReader(body)))
	if err != nil {
		return nil, fmt.Errorf("history: what was told: %w", err)
	}
	r := packed.NewReader(raw)
	out := make(occupancy.Told, r.Count())
	var last place.Code
	for i := range out {
		row := &out[i]
		row.Place, row.Type, row.Population = readOf(r, last)
		last, row.Withheld, row.Hourly, row.Shown = row.Place, uint16(r.Num()), uint16(r.Num()), uint16(r.Num())
	}
	return out, r.Err()
}
