package referral

import (
	"context"
	"errors"
	"time"

	"panah/internal/fault"
	"panah/internal/place"
	"panah/internal/record"
	"panah/internal/shelter"
	"panah/internal/table"
)

// mark names a month of a state whose daily counts an import changes.
type mark struct {
	key   table.Key
	state place.Code
}

func markOf(d shelter.DayCount) mark {
	p, _ := place.Lookup(d.District)
	return mark{record.ImportedKey(p.Country, d.Day), p.State}
}

// open says of the months of plans that counts are on their way, before any of
// them is written: nobody publishes half of a file.
func (r *importing) open(ctx context.Context, plans []plan) error {
	fresh := map[table.Key][]place.Code{}
	r.mu.Lock()
	defer r.mu.Unlock() // the others wait: what is open is open before anybody writes
	for _, p := range plans {
		for _, m := range p.marks {
			if r.opened[m.key] == nil {
				r.opened[m.key] = map[place.Code]bool{}
			}
			if !r.opened[m.key][m.state] {
				r.opened[m.key][m.state] = true
				fresh[m.key] = append(fresh[m.key], m.state)
			}
		}
	}
	for key, states := range fresh {
		if err := r.mark(ctx, key, func(m record.Imported) {
			for _, s := range states {
				m.States[s] = record.ImportMark{At: r.Now().Unix(), Open: r.id}
			}
		}); err != nil {
			return err
		}
	}
	return nil
}

// close says that everything of the file is in, and remembers its key. A month that another import has
// begun since stays open for that one.
func (r *importing) close(ctx context.Context) error {
	for key, states := range r.opened {
		if err := r.mark(ctx, key, func(m record.Imported) {
			for s := range states {
				if m.States[s].Open == r.id {
					m.States[s] = record.ImportMark{At: r.Now().Unix()}
				}
			}
		}); err != nil {
			return err
		}
	}
	if r.how.Command.Key == "" {
		return nil
	}
	err := r.Store.Write(ctx, table.Batch{WriteID: r.NewID(), Ops: []table.Op{table.PutOp(r.taken(), 0)}})
	if _, twice := table.IsStale(err); twice { // two copies at once: the file is in
		return nil
	}
	return refusal(err)
}

// mark changes the marks of a month.
func (r *importing) mark(ctx context.Context, key table.Key, change func(record.Imported)) error {
	for range attempts {
		it, err := r.Store.Get(ctx, key, table.Strong)
		if err != nil {
			return refusal(err)
		}
		m, err := record.ToImported(it)
		if err != nil {
			return err
		}
		change(m)
		version := uint64(0)
		if it != nil {
			version = it.Version
		}
		err = r.Store.Write(ctx, table.Batch{WriteID: r.NewID(), Ops: []table.Op{table.PutOp(record.FromImported(key, m), version)}})
		if _, stale := table.IsStale(err); stale || errors.Is(err, table.ErrUnknown) {
			continue // saying it twice says it once
		}
		return refusal(err)
	}
	return fault.New(fault.Busy, "another file is being taken in; send this one again shortly")
}

// ImportSettles is how long after a file came in its daily counts are published:
// until then a mistake in it can be set right by sending it again.
const ImportSettles = time.Hour
