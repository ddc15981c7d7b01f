package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"panah/internal/caller"
	"panah/internal/place"
	"panah/internal/policy"
	"panah/internal/referral"
	"panah/internal/registry"
	"panah/internal/rollup"
)

// ImportOptions say which file to take in, and how.
type ImportOptions struct {
	File    string
	Mapping string // a mapping file, or the name of one that comes with Panah; empty: Panah's own columns
	Region  string // whose ministry does it; empty: the country of the file's shelters
	DryRun  bool
}

// ErrRefused says that some of a file was not taken in.
var ErrRefused = errors.New("some of the file was not taken in")

// Import takes a file of any length into the data of a folder while no runner has
// it open, as the ministry of the region would, says what became of each line that
// was refused, and publishes the daily counts.
func Import(ctx context.Context, o Options, i ImportOptions) error {
	f, err := readImport(i)
	if err != nil {
		return err
	}
	if i.Region == "" {
		i.Region = string(homeOf(f))
	}
	if err := os.MkdirAll(o.Data, 0o700); err != nil {
		return err
	}
	store, service, err := opened(o)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	ministry := caller.Caller{Subject: "local-import", Role: caller.Ministry, Scope: i.Region}
	tenth := 0
	report, err := service.Import(ctx, ministry, f, referral.Import{DryRun: i.DryRun, Progress: func(done, total int) {
		if now := done * 10 / total; now > tenth {
			tenth = now
			_, _ = fmt.Fprintf(o.Out, "%d of %d shelters\n", done, total)
		}
	}})
	tell(o, report)
	if err != nil {
		return err
	}
	if report.Days.Created+report.Days.Updated+report.Days.Unchanged > 0 && !i.DryRun {
		if err := rollup.NewPublisher(service, policy.Disclosure()).PublishImported(ctx, o.Now()); err != nil {
			return err
		}
		_, _ = fmt.Fprintln(o.Out, "the daily counts are part of the history: GET /v1/occupancy/history")
	}
	if report.Refused+report.Shelters.Refused+report.Days.Refused > 0 {
		return ErrRefused
	}
	return nil
}

func readImport(i ImportOptions) (registry.File, error) {
	m, ok := registry.Named(i.Mapping)
	if !ok {
		raw, err := os.ReadFile(i.Mapping)
		if err != nil {
			return registry.File{}, fmt.Errorf("mapping: %w; these come with Panah: %s", err, strings.Join(registry.Names(), ", "))
		}
		if m, err = registry.ParseMapping(raw); err != nil {
			return registry.File{}, err
		}
	}
	form, ok := map[string]registry.Form{".csv": registry.CSV, ".jsonl": registry.Lines, ".ndjson": registry.Lines}[strings.ToLower(filepath.Ext(i.File))]
	if !ok {
		return registry.File{}, errors.New("the file's name must end in .csv, .jsonl or .ndjson")
	}
	in, err := os.Open(i.File)
	if err != nil {
		return registry.File{}, err
	}
	defer func() { _ = in.Close() }()
	return registry.Read(in, form, m, registry.Limits{})
}

// homeOf is the country of the first shelter whose district the file says.
func homeOf(f registry.File) place.Code {
	for _, e := range f.Entries {
		if p, ok := place.Lookup(e.District()); ok {
			return p.Country
		}
	}
	return "IN"
}

func tell(o Options, r registry.Report) {
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(o.Out, format+"\n", args...) }
	for _, p := range r.Problems {
		say("line %d: %s %s", p.Line, p.Field, p.What)
	}
	if r.DryRun {
		say("dry run: nothing was written")
	}
	say("%d rows, %d refused", r.Rows, r.Refused)
	for _, t := range []struct {
		what string
		registry.Tally
	}{{"shelters", r.Shelters}, {"days of units", r.Days}} {
		say("%s: %d created, %d updated, %d unchanged, %d refused", t.what, t.Created, t.Updated, t.Unchanged, t.Refused)
	}
}
