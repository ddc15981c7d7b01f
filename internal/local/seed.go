package local

import (
	"context"
	"errors"
	"fmt"
	"time"

	"panah/internal/caller"
	"panah/internal/demo"
	"panah/internal/place"
	"panah/internal/record"
	"panah/internal/shelter"
	"panah/internal/table"
)

// demoSeed makes the same directory on every machine.
const demoSeed = 1

// seedKey says when the demo directory was last made fresh.
var seedKey = table.Key{PK: "DEMO", SK: "seed"}

// stale is how old demo counts may become before staff, who are not there,
// would have confirmed them.
const stale = 12 * time.Hour

// seed fills an empty table with the demo directory, or moves the times of an
// old one to the present: demo shelters have no staff to confirm their counts.
func (r *runner) seed(ctx context.Context, d demo.Directory) error {
	mark, err := r.store.Get(ctx, seedKey, table.Strong)
	if err != nil {
		return err
	}
	now := r.now()
	var version uint64
	if mark == nil {
		if err := r.fill(ctx, d); err != nil {
			return err
		}
	} else {
		version = mark.Version
		last, err := time.Parse(time.RFC3339, string(mark.Body))
		if err != nil {
			return fmt.Errorf("demo: %w", err)
		}
		if now.Sub(last) < stale {
			return nil
		}
		if err := r.reconfirm(ctx, d, now.Sub(last)); err != nil {
			return err
		}
	}
	it := table.Item{Key: seedKey, Body: []byte(now.Format(time.RFC3339))}
	return r.write(ctx, table.PutOp(it, version))
}

func (r *runner) fill(ctx context.Context, d demo.Directory) error {
	var ops []table.Op
	homes := map[string]place.Code{}
	for _, s := range d.Shelters {
		homes[s.ID] = s.District
	}
	for _, m := range d.Members {
		kept := caller.Membership{Caller: m, Region: m.Region()}
		switch m.Role {
		case caller.Shelter:
			kept.Region = homes[m.Scope]
		case caller.Rescue:
			kept.Region = demo.India
			ops = append(ops, table.PutOp(record.FromTeam(m.Scope, demo.India, ""), 0))
		}
		ops = append(ops, table.PutOp(record.FromMember(kept), 0))
	}
	for _, s := range d.Shelters {
		ops = append(ops, table.PutOp(record.FromShelter(s.Shelter), 0))
		if here, _ := place.Lookup(s.District); here.State == readmeState { // for a first walk; no real place
			ops = append(ops, table.PutOp(record.FromHandover(s.ID, shelter.Handover{Point: "Synthetic gate of " + s.ID + ", no real place",
				Meeting: "Synthetic square, no real place", Code: "DEMO1"}), 0))
		}
		for _, u := range s.Units {
			ops = append(ops, table.PutOp(record.FromUnit(u), 0))
		}
	}
	for len(ops) > 0 {
		n := min(table.MaxOps, len(ops))
		if err := r.fillBatch(ctx, ops[:n]); err != nil {
			return err
		}
		ops = ops[n:]
	}
	return nil
}

// fillBatch writes what is not there yet: a run that was cut short left some.
func (r *runner) fillBatch(ctx context.Context, ops []table.Op) error {
	err := r.write(ctx, ops...)
	if _, lost := table.IsStale(err); !lost {
		return err
	}
	for _, op := range ops {
		err := r.write(ctx, op)
		if _, lost := table.IsStale(err); err != nil && !lost {
			return err
		}
	}
	return nil
}

func (r *runner) write(ctx context.Context, ops ...table.Op) error {
	b := table.Batch{WriteID: r.newID(), Ops: ops}
	for {
		err := r.store.Write(ctx, b)
		if !errors.Is(err, table.ErrUnknown) && !errors.Is(err, table.ErrBusy) {
			return err
		}
	}
}

func (r *runner) reconfirm(ctx context.Context, d demo.Directory, by time.Duration) error {
	for _, s := range d.Shelters {
		for _, u := range s.Units {
			if err := r.reconfirmUnit(ctx, u, by); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *runner) reconfirmUnit(ctx context.Context, u shelter.Unit, by time.Duration) error {
	for {
		it, err := r.store.Get(ctx, record.UnitKey(u.Shelter, u.ID), table.Strong)
		if err != nil || it == nil {
			return err
		}
		stored, err := record.ToUnit(it)
		if err != nil {
			return err
		}
		stored.ConfirmedAt = stored.ConfirmedAt.Add(by)
		if stored.ConfirmedAt.After(r.now()) {
			stored.ConfirmedAt = r.now()
		}
		err = r.write(ctx, table.PutOp(record.FromUnit(stored), it.Version))
		if _, lost := table.IsStale(err); !lost {
			return err
		}
	}
}
