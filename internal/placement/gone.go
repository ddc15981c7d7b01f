package placement

// Why a placement is gone from a device.
const (
	GoneErased   = "erased"    // there is nothing here any more
	GoneMovedOn  = "moved_on"  // the party is not this shelter's to receive: where it is, is not said
	GoneNotYours = "not_yours" // it is not this team's
)

// Gone says whether a device of the team has to forget a placement, and why: what
// is over is nobody's to carry about. One that comes back by an undo is gone no more.
func (p Placement) Gone() (code string, gone bool) {
	switch p.State {
	case Ended, Cancelled, Superseded:
		return string(p.State), true
	}
	return "", false
}

// GoneFrom says the same to a shelter: it keeps whoever it holds, expects or
// houses, and learns nothing of where others went.
func (p Placement) GoneFrom(shelter string) (code string, gone bool) {
	here := shelter != "" && p.Hold.Shelter == shelter
	if code, gone := p.Gone(); gone && here {
		return code, true
	}
	return GoneMovedOn, !here || !p.State.Live()
}
