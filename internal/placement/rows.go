package placement

import "slices"

// Row is one row of the table of moves, for those who must do something for
// every move there is: the simulation takes its drivers and its goal from here.
type Row struct {
	Move Move
	Side Side
	From []State
	Fact bool // records what has happened: needs no version
}

// Rows is the table of moves.
func Rows() []Row {
	out := make([]Row, len(rules))
	for i, r := range rules {
		out[i] = Row{Move: r.move, Side: r.side, From: slices.Clone(r.from), Fact: r.fact}
	}
	return out
}
