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
		if r.Place == last {
			w.Text("")
		} else {
			w.Text(string(r.Place))
			last = r.Place
		}
		w.Int(int(r.Type) + 1)
		w.Int(int(r.Population) + 1)
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
		if at := r.Text(); at != "" {
			last = place.Code(at)
		}
		out[i] = occupancy.ToldRow{Place: last, Type: int8(r.Int() - 1), Population: int8(r.Int() - 1),
			Withheld: uint16(r.Num()), Hourly: uint16(r.Num()), Shown: uint16(r.Num())}
	}
	return out, r.Err()
}
