package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"panah/internal/code"
	"panah/internal/placement"
	"panah/internal/referral"
)

type (
	stayAskCode   string
	complaintCode string
)

func (stayAskCode) Schema(huma.Registry) *huma.Schema   { return enum(code.StayAsks.Names()) }
func (complaintCode) Schema(huma.Registry) *huma.Schema { return enum(code.Complaints.Names()) }

type stayCodeInput struct {
	Keyed
	ID   string `path:"id" maxLength:"40"`
	Body struct {
		Replaces int `json:"replaces" minimum:"0" doc:"The number of the code this one replaces, as it was answered; 0 where none was made yet. Where a newer one was made since it is refused with 409"`
	}
}

type stayCodeOutput struct {
	Status   int
	Replayed string `header:"Idempotency-Replayed"`
	Body     struct {
		Placement string `json:"placement"`
		Code      string `json:"code,omitempty" doc:"Read it out or write it down for the survivor alone. Shown once; the same request sent again within the hour shows it again, for an answer may be lost" example:"7QK2-V0MC-93XA-TB5H"`
		Number    int    `json:"number" doc:"Counts the placement's codes; only the last one is valid"`
	}
}

// giveStayCode serves POST /v1/placements/{id}/stay-code.
func (a *API) giveStayCode(ctx context.Context, in *stayCodeInput) (*stayCodeOutput, error) {
	c, err := a.who(ctx)
	if err != nil {
		return nil, err
	}
	made, err := a.referrals.GiveStayCode(ctx, c, in.ID, in.Body.Replaces, referral.Command{Key: in.Key, Payload: fmt.Sprintf("stay-code %d", in.Body.Replaces)})
	if err != nil {
		return nil, err
	}
	out := &stayCodeOutput{Status: http.StatusCreated}
	if made.Replayed {
		out.Status, out.Replayed = http.StatusOK, "true"
	}
	out.Body.Placement, out.Body.Code, out.Body.Number = in.ID, made.Code.String(), made.No
	return out, nil
}

type stayInput struct {
	Keyed
	Body stayBody
}

type stayBody struct {
	Code   string        `json:"code" minLength:"1" maxLength:"40" doc:"The survivor's own code, in any case, with or without hyphens" example:"7QK2-V0MC-93XA-TB5H"`
	Action stayAskCode   `json:"action" doc:"view shows the stay; leave and move are wishes the desk is told of; complain goes to the desk, never to the shelter; withdraw takes consent back"`
	About  complaintCode `json:"about,omitempty" doc:"What is complained of: a code, never a story"`
}

type stayOutput struct {
	Replayed string `header:"Idempotency-Replayed" doc:"true when this had been said before under the same key"`
	Body     ownStayView
}

// speakOfStay serves POST /v1/stay, for whoever has a survivor's code. Nothing of
// the code is in a path, a log or an answer.
func (a *API) speakOfStay(ctx context.Context, in *stayInput) (*stayOutput, error) {
	say := referral.Saying{Code: in.Body.Code}
	say.Ask, _ = code.StayAsks.Parse(string(in.Body.Action))
	if about, ok := code.Complaints.Parse(string(in.Body.About)); ok {
		say.About = &about
	}
	o, err := a.referrals.Speak(ctx, say, referral.Command{Key: in.Key, Payload: "stay " + string(in.Body.Action) + " " + string(in.Body.About)})
	if err != nil {
		return nil, err
	}
	out := &stayOutput{Body: viewOwnStay(o)}
	if o.Replayed {
		out.Replayed = "true"
	}
	return out, nil
}

// ownStayView is what a survivor sees: never which shelter, where, or which team.
type ownStayView struct {
	State       string      `json:"state"`
	Stay        *stayView   `json:"stay,omitempty" doc:"On what ground you stay, and by when that is looked at again"`
	Clocks      []clockView `json:"clocks" doc:"Time limits of law that protect you"`
	Decides     string      `json:"decides" enum:"you,committee,magistrate" doc:"Who decides where you stay"`
	MayLeave    bool        `json:"mayLeave" doc:"You may leave at any time; nobody's permission is needed"`
	MayAsk      []string    `json:"mayAsk" doc:"What you can ask now with your code"`
	Asked       []askedView `json:"asked" doc:"What was asked with your codes so far, as the desk was told"`
	WithdrawnAt *time.Time  `json:"consentWithdrawnAt,omitempty" doc:"Since then nothing of you is shared"`
	Helpline    string      `json:"helpline"`
	Words       []string    `json:"inWords" doc:"The same in plain words, to be read out"`
}

type askedView struct {
	What  string    `json:"what"`
	About string    `json:"about,omitempty"`
	At    time.Time `json:"at"`
}

func viewOwnStay(o referral.OwnStay) ownStayView {
	p := o.Placement
	v := ownStayView{State: string(p.State), Clocks: []clockView{}, Decides: code.Deciders.Name(p.Decider()), MayLeave: p.MayLeave(), MayAsk: []string{},
		Asked: []askedView{}, WithdrawnAt: timeOrNil(p.Withdrawn), Helpline: o.Call}
	if !p.Basis.From.IsZero() {
		v.Stay = &stayView{code.StayBases.Name(p.Basis.Ground), p.Basis.ReviewBy}
	}
	for _, c := range o.Clocks {
		v.Clocks = append(v.Clocks, viewClock(c))
	}
	for _, ask := range o.MayAsk {
		v.MayAsk = append(v.MayAsk, code.StayAsks.Name(ask))
	}
	for _, s := range o.Voice.Said {
		one := askedView{What: code.StayAsks.Name(s.What), At: s.At}
		if s.What == code.AskComplain {
			one.About = code.Complaints.Name(s.About)
		}
		v.Asked = append(v.Asked, one)
	}
	v.Words = stayWords(p, o.Call)
	return v
}

// stateWords say where a placement stands, to the person it is about.
var stateWords = map[placement.State]string{
	placement.Requested:  "A safe place is being looked for.",
	placement.Waitlisted: "No place is free yet; as soon as one is, your team is told.",
	placement.Held:       "A bed is kept for you while the house is asked.",
	placement.Accepted:   "A bed is kept for you and the house has said yes.",
	placement.InTransit:  "You are on your way; your bed is kept for you.",
	placement.Diverted:   "Your journey was interrupted; your bed is kept for you.",
	placement.Arrived:    "You have arrived.",
	placement.Ended:      "Your stay has ended.",
	placement.Cancelled:  "No bed is kept for you any more.",
	placement.Superseded: "Another request for you stands in the place of this one.",
}

var deciderWords = map[code.Decider]string{
	code.DecidedByCommittee:  "The child welfare committee decides where you stay, and must hear you.",
	code.DecidedByMagistrate: "A magistrate decides where you stay, and must hear you.",
}

func stayWords(p placement.Placement, call string) []string {
	out := []string{stateWords[p.State]}
	says := deciderWords[p.Decider()]
	if p.MayLeave() {
		says = "You may leave whenever you wish. You need nobody's permission."
	}
	if over := p.State == placement.Ended || p.State == placement.Cancelled || p.State == placement.Superseded; !over && says != "" {
		out = append(out, says)
	}
	if !p.Withdrawn.IsZero() {
		out = append(out, "You have taken your consent back. What was told of you is not shared any more.")
	}
	return append(out, "What you ask or complain of here goes to the desk of the district, never to the house.", "Help by telephone: "+call+".")
}

type receiptsOutput struct {
	Body struct {
		Placement   string        `json:"placement"`
		WithdrawnAt *time.Time    `json:"consentWithdrawnAt,omitempty"`
		Receipts    []receiptView `json:"receipts" doc:"Everybody the placement was ever shared with"`
	}
}

type receiptView struct {
	To          string     `json:"to" enum:"team,shelter"`
	ID          string     `json:"id"`
	NoticeAt    time.Time  `json:"noticeAt"`
	DeliveredAt *time.Time `json:"deliveredAt,omitempty" doc:"Absent: it is refused to them already, and they have not looked yet"`
	How         string     `json:"how,omitempty" enum:"gone,list" doc:"By an answer that it is gone, or by a list that names it"`
}

// listReceipts serves GET /v1/placements/{id}/receipts, for the desk.
func (a *API) listReceipts(ctx context.Context, in *One) (*receiptsOutput, error) {
	c, err := a.who(ctx)
	if err != nil {
		return nil, err
	}
	p, notices, err := a.referrals.Receipts(ctx, c, in.ID)
	if err != nil {
		return nil, err
	}
	out := &receiptsOutput{}
	out.Body.Placement, out.Body.WithdrawnAt, out.Body.Receipts = p.ID, timeOrNil(p.Withdrawn), []receiptView{}
	for _, n := range notices {
		v := receiptView{To: map[placement.Side]string{placement.Team: "team", placement.House: "shelter"}[n.To.Side], ID: n.To.ID, NoticeAt: n.At, DeliveredAt: timeOrNil(n.Delivered)}
		if v.DeliveredAt != nil {
			v.How = placement.Deliveries.Name(n.How)
		}
		out.Body.Receipts = append(out.Body.Receipts, v)
	}
	return out, nil
}

// goneView tells a recipient of consent that was withdrawn.
type goneView struct {
	ID     string    `json:"id"`
	At     time.Time `json:"at"`
	Delete string    `json:"delete" enum:"everything,needs_and_languages" doc:"What of it is to be deleted wherever it was kept"`
}

func viewGone(id string, at time.Time, closed bool) goneView {
	if closed {
		return goneView{id, at, "everything"}
	}
	return goneView{id, at, "needs_and_languages"}
}
