package placement

import (
	"time"

	"panah/internal/code"
	"panah/internal/place"
)

// AlertKind is what a desk is told of.
type AlertKind uint8

// The alerts.
const (
	AlertLegalClock AlertKind = iota
	AlertTurnedAway
	AlertNoSocialWorker
	AlertChildUnannounced
	AlertWaitingOver
	AlertDied
	AlertOverdue
	AlertMustMove
	AlertWishLeave        // a survivor wishes to leave
	AlertWishMove         // a survivor wishes to move
	AlertComplaint        // a survivor complains; What says of what
	AlertWishWithdraw     // a child, or somebody placed by order, takes consent back
	AlertConsentWithdrawn // the placement is closed, or its sharing ended
	AlertOverCapacity     // of a unit, by its shelter's census
	AlertChildOwnWish     // someone under 18 has left by their own wish
	AlertBedsGone         // of a party on the road: a mistake of others was taken back, and its beds were given away meanwhile
)

// AlertKinds lists the alerts.
var AlertKinds = code.NewList[AlertKind]("legal_clock", "turned_away", "no_social_worker", "child_left_unannounced", "waiting_over", "died", "arrival_overdue", "must_move",
	"wish_to_leave", "wish_to_move", "complaint", "wish_to_withdraw", "consent_withdrawn", "over_capacity", "child_left_by_own_wish", "beds_gone")

// Alert tells the desk of a district to look at a placement, or at a unit of a
// shelter. It holds no person: only which placement or unit, and why.
type Alert struct {
	ID           string
	Kind         AlertKind
	Placement    string
	District     place.Code
	At           time.Time
	Clock        string // the legal clock, for AlertLegalClock
	Percent      int    // of its limit
	DueAt        time.Time
	Shelter      string // with Unit, for AlertOverCapacity
	Unit         string
	Over         time.Time // when what it tells of was over by itself; zero: it is so
	What         string    // the code of a complaint, for AlertComplaint
	Pauses       string    // the shelter nobody new is offered until it is acknowledged
	Acknowledged time.Time
	By           string // subject who acknowledged
	Version      uint64
}

// Open reports whether somebody must still look at it.
func (a Alert) Open() bool { return a.Acknowledged.IsZero() && a.Over.IsZero() }
