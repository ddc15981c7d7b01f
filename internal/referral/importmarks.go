package referral

import (
	"context"
	"errors"
	"strconv"
	"time"

	"panah/internal/caller"
	"panah/internal/fault"
	"panah/internal/place"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/shelter"
	"panah/internal/table"
)

// importKeyFor is how long the key of an import is kept: after that the same key
// is a new one. The file itself is what makes it safe to send again.
const importKeyFor = 30 * 24 * time.Hour

// claimImport keeps the key of an import with a hash of what was sent under it. The
// same again is a replay: it goes on where the first stopped, and changes nothing
// of what that did. Something else under the same key is refused. A dry run
// does nothing, so nothing of it is kept.
func (s *Service) claimImport(ctx context.Context, c caller.Caller, cmd Command, dry bool) (replayed bool, err error) {
	if cmd.Key == "" || dry {
		return false, nil
	}
	sent := strconv.FormatUint(placement.Hash(cmd.Payload), 36)
	key := table.Key{PK: "C#KEY#" + placement.ID(c.Scope, "import\x00"+cmd.Key), SK: "K"}
	for range attempts {
		it, err := s.Store.Get(ctx, key, table.Strong)
		if err != nil {
			return false, refusal(err)
		}
		if it != nil {
			if string(it.Body) != strconv.Quote(sent) {
				return false, fault.New(fault.KeyReused, "this Idempotency-Key was used for another request")
			}
			return true, nil
		}
		fresh := table.Item{Key: key, Body: []byte(strconv.Quote(sent)), Expires: s.Now().Add(importKeyFor)}
		err = s.Store.Write(ctx, table.Batch{WriteID: s.NewID(), Ops: []table.Op{table.PutOp(fresh, 0)}})
		if _, stale := table.IsStale(err); stale || errors.Is(err, table.ErrUnknown) {
			continue
		}
		return false, refusal(err)
	}
	return false, fault.New(fault.Busy, "the same request is being carried out; send it again shortly")
}

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

// close says that everything of the file is in. A month that another import has
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
	return nil
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
