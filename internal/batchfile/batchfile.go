// Package batchfile reads and writes the open format of rescue instances:
//
//	{"cap":[…],"groups":[{"n":persons,"opts":[[score, resource,amount, …], …]}, …]}
//
// and the answer, one line: {"persons":…,"score":…,"picks":[…],"cpuSeconds":…}.
package batchfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"panah/internal/matching/batch"
)

type instance struct {
	Cap    []int   `json:"cap"`
	Groups []group `json:"groups"`
}

type group struct {
	Persons int     `json:"n"`
	Options [][]int `json:"opts"`
}

// limit is the largest instance read, in bytes.
const limit = 64 << 20

// Read reads one instance; other fields of it are passed over. What does not make
// sense is an error that names group and option by index.
func Read(r io.Reader) (batch.Problem, error) {
	var in instance
	d := json.NewDecoder(io.LimitReader(r, limit))
	if err := d.Decode(&in); err != nil {
		return batch.Problem{}, fmt.Errorf("reading the instance: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return batch.Problem{}, errors.New("reading the instance: something follows it")
	}
	p := batch.Problem{Cap: in.Cap, Groups: make([]batch.Group, len(in.Groups))}
	for i, g := range in.Groups {
		options, err := options(g.Options)
		if err != nil {
			return batch.Problem{}, fmt.Errorf("reading the instance: group %d, %w", i, err)
		}
		p.Groups[i] = batch.Group{Persons: g.Persons, Options: options}
	}
	return p, p.Check()
}

func options(rows [][]int) ([]batch.Option, error) {
	out := make([]batch.Option, len(rows))
	for i, row := range rows {
		if len(row)%2 == 0 {
			return nil, fmt.Errorf("option %d: not a score and then pairs of resource and amount", i)
		}
		out[i].Score = row[0]
		for k := 1; k < len(row); k += 2 {
			out[i].Uses = append(out[i].Uses, batch.Use{Resource: row[k], Amount: row[k+1]})
		}
	}
	return out, nil
}

// Solve reads an instance, solves it with the default effort, and writes the
// answer. cpu is the processor time of the process so far, in seconds.
func Solve(r io.Reader, w io.Writer, cpu func() float64) error {
	p, err := Read(r)
	if err != nil {
		return err
	}
	plan, err := batch.Solve(p, 1, batch.DefaultEffort)
	if err != nil {
		return err
	}
	return Write(w, plan, cpu())
}

type answer struct {
	Persons    int     `json:"persons"`
	Score      int     `json:"score"`
	Picks      []int   `json:"picks"`
	CPUSeconds float64 `json:"cpuSeconds"`
}

// Write writes a plan as one line.
func Write(w io.Writer, p batch.Plan, cpuSeconds float64) error {
	return json.NewEncoder(w).Encode(answer{p.Persons, p.Score, p.Picks, cpuSeconds})
}

// WriteInstance writes a problem in the open format, which knows neither fixed
// groups nor groups kept apart.
func WriteInstance(w io.Writer, p batch.Problem) error {
	out := instance{Cap: p.Cap, Groups: make([]group, len(p.Groups))}
	for i, g := range p.Groups {
		rows := make([][]int, len(g.Options))
		for k, o := range g.Options {
			rows[k] = append(rows[k], o.Score)
			for _, u := range o.Uses {
				rows[k] = append(rows[k], u.Resource, u.Amount)
			}
		}
		out.Groups[i] = group{g.Persons, rows}
	}
	return json.NewEncoder(w).Encode(out)
}
