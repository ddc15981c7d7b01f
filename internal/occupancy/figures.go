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
	Beds     = iota // the row itself: with it everything is withheld
	Sizes           // how many beds there are
	People          // who is there
	Promises        // held, free and too many: each tells the others
	Reviews
	RoomSizes // how many rooms there are
	RoomUse
)

// groupOf is the group of each figure.
var groupOf = []int{Sanctioned: Sizes, Staffed: Sizes, OutOfService: Sizes, Occupied: People, Held: Promises, Free: Promises, OverCapacity: Promises,
	Overdue: Reviews, Surge: Sizes, Rooms: RoomSizes, RoomsOccupied: RoomUse, RoomsSanctioned: RoomSizes, RoomsOutOfService: RoomSizes, RoomPersons: RoomUse,
	onTime: Reviews, roomsEmpty: RoomUse, roomShared: RoomUse}

// scheme says how figures hang together: a staffed bed in service is occupied,
// held or free unless its unit is over capacity, and whoever is there is overdue
// or not. Each shift keeps that true.
var scheme = disclosure.Scheme{
	Group:  groupOf,
	Within: []int{Beds: -1, Sizes: Beds, People: Sizes, Promises: People, Reviews: People, RoomSizes: Sizes, RoomUse: People},
	Person: []bool{Occupied: true, Held: true, OverCapacity: true, Overdue: true, RoomsOccupied: true, RoomPersons: true, measures - 1: false},
	Lead:   []int{Beds: Staffed, Sizes: Staffed, People: Occupied, Promises: Held, Reviews: Overdue, RoomSizes: Rooms, RoomUse: RoomsOccupied},
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
		{Up: []int{Rooms, roomsEmpty}},
	},
}

// declared is the scheme of daily counts that came in by file. They say nothing
// of promises and reviews, which everybody knows, so that no figure can hide
// behind those; and where rooms are counted, nobody is in a room of nobody.
var declared = disclosure.Scheme{
	Group: scheme.Group, Person: scheme.Person, Lead: scheme.Lead,
	Within: []int{Beds: -1, Sizes: Beds, People: Beds, Promises: People, Reviews: People, RoomSizes: Beds, RoomUse: Beds},
	Shifts: []disclosure.Shift{
		{Up: []int{Occupied, onTime}, Down: []int{Free}},
		{Up: []int{Sanctioned, Staffed, Occupied, onTime}},
		{Up: []int{OverCapacity, Free}},
		{Up: []int{OverCapacity, Occupied, onTime}},
		{Up: []int{Sanctioned, Staffed, Free}},
		{Up: []int{RoomsOccupied, RoomPersons}, Down: []int{roomsEmpty}},
		{Up: []int{RoomsSanctioned, Rooms, RoomsOccupied, RoomPersons}},
		{Up: []int{RoomsSanctioned, Rooms, roomsEmpty}},
		{Up: []int{RoomPersons, roomShared}},
		{Up: []int{RoomsOccupied}, Down: []int{roomsEmpty, roomShared}},
	},
}
