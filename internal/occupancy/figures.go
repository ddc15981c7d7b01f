package occupancy

import "panah/internal/disclosure"

// The figures of a row, in the order of Row.Figures. Every one is a plain sum
// over units: the figures of the parts of a place add up to the place's own.
const (
	Sanctioned = iota
	Staffed
	OutOfService
	Occupied
	Held
	Free         // beds that can be promised now: none in over-full units and in shelters that take nobody
	OverCapacity // people too many, unit by unit
	Overdue      // people in a stay whose legal clock has run out without a decision
	onTime       // the other people: never shown by itself
	measures
)

// Figures is how many figures a row shows.
const Figures = onTime

// The groups of figures that are shown or withheld together.
const (
	Beds     = iota // the row itself: beds and shelters
	People          // who is there
	Promises        // held, free and too many: each tells the others
	Reviews
)

// groupOf is the group of each figure.
var groupOf = []int{Beds, Beds, Beds, People, Promises, Promises, Promises, Reviews, Reviews}

// scheme says how figures hang together: a staffed bed in service is occupied,
// held or free unless its unit is over capacity, and whoever is there is overdue
// or not. Each shift keeps that true.
var scheme = disclosure.Scheme{
	Group:  groupOf,
	Within: []int{-1, Beds, People, People},
	Person: []bool{false, false, false, true, true, false, true, true, false},
	Lead:   []int{Staffed, Occupied, Held, Overdue},
	Shifts: []disclosure.Shift{
		{Up: []int{Occupied, onTime}, Down: []int{Free}},
		{Up: []int{Sanctioned, Staffed, Occupied, onTime}},
		{Up: []int{Held}, Down: []int{Free}},
		{Up: []int{Held}, Down: []int{Occupied, onTime}},
		{Up: []int{Sanctioned, Staffed, Held}},
		{Up: []int{OverCapacity, Free}},
		{Up: []int{Overdue}, Down: []int{onTime}},
		{Up: []int{Sanctioned, Staffed, Occupied, Overdue}},
		{Up: []int{Sanctioned, Staffed, Free}},
	},
}
