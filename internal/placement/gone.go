package placement

// Why a placement is gone from a device.
const (
	GoneErased    = "erased"    // there is nothing here any more
	GoneWithdrawn = "withdrawn" // consent to share it was taken back
	GoneMovedOn   = "moved_on"  // the party is not this shelter's to receive: where it is, is not said
	GoneNotYours  = "not_yours" // it is not this team's
)

// Gone says whether a device of the team has to forget a placement, and why: what
// is over is nobody's to carry about, and what may not be read (ReadableBy) even less.
// One that comes back by an undo is gone no more.
func (p Placement) Gone() (code string, gone bool) {
	if p.ReadableBy(Team, "") == ReadGone {
		return GoneWithdrawn, true
	}
	return p.over()
}

func (p Placement) over() (code string, over bool) {
	if p.State.Closed() {
		return string(p.State), true
	}
	return "", false
}

// GoneFrom says the same to a shelter: it keeps whoever it holds, expects or
// houses, and learns nothing of where others went.
func (p Placement) GoneFrom(shelter string) (code string, gone bool) {
	here := shelter != "" && p.Hold.Shelter == shelter
	if p.ReadableBy(House, shelter) == ReadGone || (!p.Withdrawn.IsZero() && !here) {
		return GoneWithdrawn, true
	}
	if code, over := p.over(); over && here {
		return code, true
	}
	return GoneMovedOn, !here || !p.State.Live()
}
