package httpapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"panah/internal/fault"
)

// Workbook writes rows of strings, whole numbers and nothings as an Excel
// workbook with one sheet. It is passed in: only one function carries its weight.
type Workbook func(to io.Writer, sheet string, rows [][]any) error

// sheet is an answer as a table: the same columns in the same order for ever.
type sheet struct {
	name    string
	columns []column
	rows    [][]any // a string, an int or nil for each column
}

// column is one column of the data dictionary.
type column struct {
	Name    string   `json:"name"`
	Meaning string   `json:"meaning"`
	Unit    string   `json:"unit,omitempty"`
	Tag     string   `json:"hxl" doc:"HXL hashtag and attributes"`
	Codes   []string `json:"codes,omitempty" doc:"The closed list its values are from"`
}

// Wanted is how an answer is wanted. Embedded parts of inputs are exported: huma
// fills no others.
type Wanted struct {
	Form   string `query:"form" enum:"json,csv,csv-hxl,xlsx" doc:"How the answer is wanted; by the Accept header when absent"`
	Limit  int    `query:"limit" minimum:"1" maximum:"20000" doc:"Rows of a page: 500 for JSON and 20000 for the others when absent"`
	After  string `query:"after" maxLength:"40" pattern:"^[0-9]+[.][0-9]+$" doc:"The cursor of the page before"`
	Accept string `header:"Accept" maxLength:"400"`
	Known  string `header:"If-None-Match" maxLength:"400" doc:"The ETag of the answer you have"`
}

const (
	typeCSV  = "text/csv; charset=utf-8; header=present"
	typeXLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
)

func (w Wanted) form() string {
	switch {
	case w.Form != "":
		return w.Form
	case strings.Contains(w.Accept, "text/csv"):
		return "csv"
	case strings.Contains(w.Accept, typeXLSX):
		return "xlsx"
	}
	return "json"
}

func (w Wanted) limit() int {
	switch {
	case w.Limit > 0:
		return w.Limit
	case w.form() == "json":
		return 500
	}
	return 20000
}

// from reads the cursor: the snapshot the first page was taken from, and how
// many rows have been given out.
func (w Wanted) from() (at time.Time, skip int) {
	unix, rest, ok := strings.Cut(w.After, ".")
	seconds, err1 := strconv.ParseInt(unix, 10, 64)
	skip, err2 := strconv.Atoi(rest)
	if !ok || err1 != nil || err2 != nil {
		return time.Time{}, 0
	}
	return time.Unix(seconds, 0).UTC(), skip
}

// page cuts rows to the page asked for; next is empty on the last.
func page[R any](rows []R, w Wanted, of time.Time) (part []R, next string) {
	_, skip := w.from()
	skip = min(skip, len(rows))
	end := min(skip+w.limit(), len(rows))
	if end < len(rows) {
		next = fmt.Sprintf("%d.%d", of.Unix(), end)
	}
	return rows[skip:end], next
}

// sheetOutput is an answer in the form asked for.
type sheetOutput struct {
	Status      int
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	ETag        string `header:"ETag"`
	Cache       string `header:"Cache-Control"`
	Vary        string `header:"Vary"`
	Link        string `header:"Link" doc:"rel=next: the cursor of the next page, rel=describedby: the data dictionary"`
	Body        []byte
}

// fresh says how long an answer may be kept: one about the past never changes.
func fresh(past bool) string {
	if past {
		return "private, max-age=86400"
	}
	return "private, max-age=60"
}

// send writes an answer in the form asked for, or says that it has not changed.
func (a *API) send(w Wanted, body any, s sheet, next, cache string) (*sheetOutput, error) {
	out := &sheetOutput{Status: http.StatusOK, Cache: cache, Vary: "Accept, Authorization", Link: `</v1/dictionary>; rel="describedby"`}
	if next != "" {
		out.Link += fmt.Sprintf(`, <?after=%s>; rel="next"`, next)
	}
	var err error
	switch form := w.form(); form {
	case "csv", "csv-hxl":
		out.ContentType, out.Disposition = typeCSV, "attachment; filename="+s.name+".csv"
		out.Body, err = s.csv(form == "csv-hxl")
	case "xlsx":
		if a.workbook == nil {
			return nil, fault.Field("form", "workbooks are not served here")
		}
		out.ContentType, out.Disposition = typeXLSX, "attachment; filename="+s.name+".xlsx"
		var b bytes.Buffer
		err = a.workbook(&b, s.name, s.table())
		out.Body = b.Bytes()
	default:
		out.ContentType = "application/json"
		out.Body, err = json.Marshal(body)
	}
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(out.Body)
	if w.form() == "xlsx" { // a workbook holds the time it was written
		raw, err := s.csv(true)
		if err != nil {
			return nil, err
		}
		sum = sha256.Sum256(append(raw, "xlsx"...))
	}
	out.ETag = `"` + hex.EncodeToString(sum[:12]) + `"`
	if slices.Contains(strings.Split(strings.ReplaceAll(w.Known, " ", ""), ","), out.ETag) {
		out.Status, out.Body, out.ContentType, out.Disposition = http.StatusNotModified, nil, "", ""
	}
	return out, nil
}

// csv writes the table as RFC 4180, with a row of HXL tags when wanted.
func (s sheet) csv(tags bool) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	line := make([]string, len(s.columns))
	put := func(text func(i int) string) error {
		for i := range line {
			line[i] = text(i)
		}
		return w.Write(line)
	}
	if err := put(func(i int) string { return s.columns[i].Name }); err != nil {
		return nil, err
	}
	if tags {
		if err := put(func(i int) string { return s.columns[i].Tag }); err != nil {
			return nil, err
		}
	}
	for _, row := range s.rows {
		if err := put(func(i int) string { return text(row[i]) }); err != nil {
			return nil, err
		}
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case int:
		return strconv.Itoa(v)
	case string:
		return v
	}
	return fmt.Sprint(v)
}

// table is the header, the tags and the rows.
func (s sheet) table() [][]any {
	names, tags := make([]any, len(s.columns)), make([]any, len(s.columns))
	for i, c := range s.columns {
		names[i], tags[i] = c.Name, c.Tag
	}
	return append([][]any{names, tags}, s.rows...)
}
