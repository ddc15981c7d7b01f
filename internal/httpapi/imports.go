package httpapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"panah/internal/caller"
	"panah/internal/fault"
	"panah/internal/referral"
	"panah/internal/registry"
)

const (
	// importBody is the largest file: as an event, base64 and all, it stays below
	// the 6 MB a function can be handed.
	importBody = 4 << 20
	importRows = 10_000
	// importTime leaves the gateway, which waits 30 s, time for what is under way.
	importTime = 20 * time.Second
	// importProblems is how many problems one answer lists.
	importProblems = 20_000
)

// importFile gives the import route its body.
func importFile(op *huma.Operation) {
	text := &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
	op.MaxBodyBytes, op.SkipValidateBody = importBody, true
	op.RequestBody = &huma.RequestBody{Required: true, Description: "The file; or, as multipart/form-data, a part mapping (JSON) and a part file",
		Content: map[string]*huma.MediaType{"text/csv": text, "application/x-ndjson": text,
			"multipart/form-data": {Schema: &huma.Schema{Type: huma.TypeObject, Properties: map[string]*huma.Schema{
				"mapping": {Type: huma.TypeString, Description: "A mapping, when none of the named ones fits"},
				"file":    {Type: huma.TypeString}}, Required: []string{"file"}}}}}
}

type importInput struct {
	Keyed
	ContentType string `header:"Content-Type" doc:"text/csv, application/x-ndjson or multipart/form-data"`
	DryRun      bool   `query:"dryRun" doc:"Say what would happen and change nothing"`
	Mapping     string `query:"mapping" maxLength:"40" doc:"A mapping that comes with Panah; its own columns when absent" example:"panah"`
	RawBody     []byte
}

type importOutput struct {
	Replayed string `header:"Idempotency-Replayed"`
	Body     importView
}

type importView struct {
	DryRun   bool          `json:"dryRun"`
	Finished bool          `json:"finished" doc:"False: time ran out; send the same file again to go on"`
	Rows     int           `json:"rows"`
	Refused  int           `json:"refusedRows" doc:"Rows that could not be read"`
	Shelters tallyView     `json:"shelters"`
	Days     tallyView     `json:"days" doc:"Daily counts of units"`
	Problems []problemView `json:"problems"`
	More     int           `json:"moreProblems,omitempty" doc:"Problems beyond those listed"`
}

type tallyView struct {
	Created   int `json:"created"`
	Updated   int `json:"updated"`
	Unchanged int `json:"unchanged"`
	Refused   int `json:"refused"`
}

type problemView struct {
	Line    int    `json:"line"`
	Field   string `json:"field"`
	Problem string `json:"problem"`
}

// importShelters serves POST /v1/imports. The file itself is what makes it safe to
// send again; its key finds out who sends another file by mistake.
func (a *API) importShelters(ctx context.Context, in *importInput) (*importOutput, error) {
	c, err := a.who(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.Allow(caller.RegisterShelter, caller.Resource{District: c.Region()}); err != nil {
		return nil, err // before anything of the file is read
	}
	f, err := in.file()
	if err != nil {
		return nil, err
	}
	report, err := a.referrals.Import(ctx, c, f, referral.Import{DryRun: in.DryRun, Within: importTime,
		Command: referral.Command{Key: in.Key, Payload: in.payload()}})
	if err != nil {
		return nil, err
	}
	out := &importOutput{Body: viewReport(report)}
	if report.Replayed {
		out.Replayed = "true"
	}
	return out, nil
}

// payload is what was sent under the key. The boundary between parts is left out:
// it may be drawn anew each time.
func (in *importInput) payload() string {
	kind, parameters, _ := mime.ParseMediaType(in.ContentType)
	body := string(in.RawBody)
	if b := parameters["boundary"]; b != "" {
		body = strings.ReplaceAll(body, b, "")
	}
	return fmt.Sprintf("import %s\x00%s\x00%s", in.Mapping, kind, body)
}

// file reads the body through its mapping.
func (in *importInput) file() (registry.File, error) {
	m, ok := registry.Named(in.Mapping)
	if !ok {
		return registry.File{}, fault.Field("mapping", "is not among %s", strings.Join(registry.Names(), ", "))
	}
	kind, parameters, err := mime.ParseMediaType(in.ContentType)
	body := in.RawBody
	if err == nil && kind == "multipart/form-data" {
		if m, kind, body, err = parts(body, parameters["boundary"], m); err != nil {
			return registry.File{}, err
		}
	}
	form, ok := map[string]registry.Form{"text/csv": registry.CSV, "application/x-ndjson": registry.Lines}[kind]
	if err != nil || !ok {
		f := fault.New(fault.Malformed, "must be text/csv, application/x-ndjson or multipart/form-data")
		f.Field = "Content-Type"
		return registry.File{}, f
	}
	f, err := registry.Read(bytes.NewReader(body), form, m, registry.Limits{Rows: importRows})
	if errors.Is(err, registry.ErrTooMany) {
		return f, fault.Field("file", "has more than %d rows: send it in parts", importRows)
	}
	return f, err
}

// parts finds mapping and file in a multipart body.
func parts(body []byte, boundary string, m registry.Mapping) (_ registry.Mapping, kind string, file []byte, err error) {
	broken := fault.New(fault.Malformed, "the parts of the body cannot be read")
	r := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		p, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return m, "", nil, broken
		}
		raw, err := io.ReadAll(p)
		if err != nil {
			return m, "", nil, broken
		}
		switch p.FormName() {
		case "mapping":
			if m, err = registry.ParseMapping(raw); err != nil {
				return m, "", nil, fault.Field("mapping", "%s", err.Error())
			}
		case "file":
			file = raw
			if kind, _, err = mime.ParseMediaType(p.Header.Get("Content-Type")); err != nil {
				kind = ""
			}
		default:
			return m, "", nil, fault.Field("(unknown)", "is not a part of an import: mapping and file are")
		}
	}
	if file == nil {
		return m, "", nil, fault.Field("file", "is required")
	}
	return m, kind, file, nil
}

func viewReport(r registry.Report) importView {
	v := importView{r.DryRun, r.Finished, r.Rows, r.Refused, tallyView(r.Shelters), tallyView(r.Days), []problemView{}, max(0, len(r.Problems)-importProblems)}
	for _, p := range r.Problems[:min(len(r.Problems), importProblems)] {
		v.Problems = append(v.Problems, problemView{p.Line, p.Field, p.What})
	}
	return v
}
