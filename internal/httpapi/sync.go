package httpapi

import (
	"context"

	"panah/internal/caller"
	"panah/internal/placement"
)

type syncInput struct {
	Since string `query:"since" maxLength:"100" doc:"The cursor of the answer before; absent: from the beginning"`
	Limit int    `query:"limit" minimum:"1" maximum:"50" default:"20" doc:"About how many changes at once"`
}

type syncOutput struct {
	Body struct {
		Reset      bool            `json:"reset" doc:"Forget all you hold: this is the beginning of everything, because there was no cursor, or it was too old or another's"`
		Placements []placementView `json:"placements" doc:"A team's placements as they are now; keep each over any older version"`
		Arrivals   []arrivalView   `json:"arrivals" doc:"A shelter's arrivals as they are now; keep each over any older version"`
		Gone       []tombstoneView `json:"gone" doc:"Forget these, unless you hold a later version"`
		Cursor     string          `json:"cursor" doc:"Keep it together with what came with it; give it as since next time"`
		More       bool            `json:"more" doc:"There is more now: ask again at once"`
	}
}

type tombstoneView struct {
	ID      string `json:"id"`
	Version uint64 `json:"version"`
	Gone    string `json:"gone" doc:"ended, cancelled, superseded, withdrawn, erased, moved_on or not_yours"`
}

// sync serves GET /v1/sync.
func (a *API) sync(ctx context.Context, in *syncInput) (*syncOutput, error) {
	subject, _ := ctx.Value(subjectKey{}).(string)
	d, err := a.referrals.Sync(ctx, subject, in.Since, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &syncOutput{}
	b := &out.Body
	b.Reset, b.Cursor, b.More = d.Reset, d.Cursor, d.More
	b.Placements, b.Arrivals, b.Gone = []placementView{}, []arrivalView{}, []tombstoneView{}
	for _, p := range d.Placements {
		if d.Caller.Role == caller.Shelter {
			b.Arrivals = append(b.Arrivals, a.arrival(ctx, d.Caller, p))
		} else {
			b.Placements = append(b.Placements, a.view(ctx, d.Caller, p, placement.Team))
		}
	}
	for _, g := range d.Gone {
		b.Gone = append(b.Gone, tombstoneView{g.ID, g.Version, g.Why})
	}
	return out, nil
}
