package rollup_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"panah/internal/caller"
	"panah/internal/history"
	"panah/internal/record"
	"panah/internal/referral"
	"panah/internal/registry"
	"panah/internal/table"
	"panah/internal/testworld"
)

// overtaken is a store in which another file begins just before a day is published.
type overtaken struct {
	table.Store
	day   table.Key
	begin func()
}

func (o *overtaken) Write(ctx context.Context, b table.Batch) error {
	for _, op := range b.Ops {
		if op.Put != nil && op.Key() == o.day && o.begin != nil {
			begin := o.begin
			o.begin = nil
			begin()
		}
	}
	return o.Store.Write(ctx, b)
}

// taken takes a file of one day of three houses in.
func taken(t *testing.T, w *testworld.World, day time.Time) {
	t.Helper()
	rows := "key,district,type,population,ages,kind,day,sanctioned,staffed,outOfService,present,persons\n"
	for i := range 3 {
		rows += fmt.Sprintf("F%d,IN-LGD-525,other,women,18-24;25-59,bed,%s,60,58,2,40,40\n", i, day.Format(time.DateOnly))
	}
	mapping, _ := registry.Named("")
	f, err := registry.Read(strings.NewReader(rows), registry.CSV, mapping, registry.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	ministry := caller.Caller{Subject: testworld.Ministry, Role: caller.Ministry, Scope: "IN"}
	if r, err := w.Service.Import(t.Context(), ministry, f, referral.Import{}); err != nil || r.Days.Created != 3 {
		t.Fatalf("%+v %v", r, err)
	}
}

// begun says that a file is on its way, as its import does before it writes.
func begun(t *testing.T, w *testworld.World, day time.Time) {
	t.Helper()
	key := record.ImportedKey("IN", day)
	it, err := w.Store.Get(t.Context(), key, table.Strong)
	if err != nil {
		t.Fatal(err)
	}
	m, err := record.ToImported(it)
	if err != nil {
		t.Fatal(err)
	}
	version := uint64(0)
	if it != nil {
		version = it.Version
	}
	m.States["IN-KA"] = record.ImportMark{At: w.Now().Unix(), Open: "other"}
	if err := w.Store.Write(t.Context(), table.Batch{WriteID: w.NewID(), Ops: []table.Op{table.PutOp(record.FromImported(key, m), version)}}); err != nil {
		t.Fatal(err)
	}
}

func TestAFileThatBeginsWhileADayIsPublishedStopsIt(t *testing.T) {
	w, day := testworld.Open(t), time.Date(2026, 10, 20, 0, 0, 0, 0, time.UTC)
	taken(t, w, day)
	w.Pass(2 * time.Hour)
	store := &overtaken{Store: w.Store, day: history.ImportedKey("IN-KA", day), begin: func() { begun(t, w, day) }}
	w.Figures.Store = store
	if err := w.Figures.PublishImported(t.Context(), w.Now().Add(-referral.ImportSettles)); err != nil {
		t.Fatal(err)
	}
	if store.begin != nil {
		t.Fatal("nothing was to be published: the test tests nothing")
	}
	if it, err := w.Store.Get(t.Context(), store.day, table.Strong); err != nil || it != nil {
		t.Errorf("a day was published while a file that changes it was on its way: %v", err)
	}
}
