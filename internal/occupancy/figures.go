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
	Surge        // staffed beds that are there for a time only: not among Staffed, so that the base stays the base
	Rooms        // rooms that the staffed beds make where a party has rooms to itself
	RoomsOccupied
	RoomsSanctioned   // rooms the authority allows, where rooms are counted and beds are not
	RoomsOutOfService // rooms that cannot be used, where rooms are counted and beds are not
	RoomPersons       // people in rooms whose beds nobody counts: not among Occupied
	onTime            // the people who are not overdue: never shown by itself
	roomsEmpty        // the rooms nobody sleeps in: never shown by itself
	roomShared        // the people beyond one a room, where beds are not counted: never shown by itself
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
	RoomUse
)

// groupOf is the group of each figure.
var groupOf = []int{Beds, Beds, Beds, People, Promises, Promises, Promises, Reviews, Beds, Beds, RoomUse, Beds, Beds, RoomUse, Reviews, RoomUse, RoomUse}

// scheme says how figures hang together: a staffed bed in service is occupied,
// held or free unless its unit is over capacity, and whoever is there is overdue
// or not. Each shift keeps that true.
var scheme = disclosure.Scheme{
	Group:  groupOf,
	Within: []int{-1, Beds, People, People, People},
	Person: []bool{false, false, false, true, true, false, true, true, false, false, true, false, false, true, false, false, false},
	Lead:   []int{Staffed, Occupied, Held, Overdue, RoomsOccupied},
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
		{Up: []int{RoomsOccupied}, Down: []int{roomsEmpty}},
		{Up: []int{Rooms, RoomsOccupied}},
	},
}

// declared is the scheme of daily counts that came in by file. They say nothing
// of promises and reviews, which everybody knows, so that no figure can hide
// behind those; and where rooms are counted, nobody is in a room of nobody.
var declared = disclosure.Scheme{
	Group: scheme.Group, Within: scheme.Within, Person: scheme.Person, Lead: scheme.Lead,
	Shifts: []disclosure.Shift{
		{Up: []int{Occupied, onTime}, Down: []int{Free}},
		{Up: []int{Sanctioned, Staffed, Occupied, onTime}},
		{Up: []int{OverCapacity, Free}},
		{Up: []int{OverCapacity, Occupied, onTime}},
		{Up: []int{Sanctioned, Staffed, Free}},
		{Up: []int{RoomsOccupied, RoomPersons}, Down: []int{roomsEmpty}},
		{Up: []int{RoomsSanctioned, Rooms, RoomsOccupied, RoomPersons}},
		{Up: []int{RoomPersons, roomShared}},
		{Up: []int{RoomsOccupied}, Down: []int{roomsEmpty, roomShared}},
	},
}
