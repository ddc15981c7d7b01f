package httpapi

import (
	"context"
	"time"

	"panah/internal/referral"
)

type numbersInput struct {
	One
	IfMatch string `header:"If-Match" doc:"The ETag of your last change; 0 where no number was written yet"`
	Body    struct {
		Numbers []string `json:"numbers" maxItems:"5" doc:"All that may count, with their country, such as +1 202 555 0143; none: nobody counts by text message" maxLength:"24"`
	}
}

type numbersOutput struct {
	ETag string `header:"ETag"`
	Body struct {
		Version uint64 `json:"version"`
		Count   int    `json:"count" doc:"How many numbers there are; which they are is shown to nobody"`
	}
}

// setNumbers serves PUT /v1/shelters/{id}/numbers.
func (a *API) setNumbers(ctx context.Context, in *numbersInput) (*numbersOutput, error) {
	c, err := a.who(ctx)
	if err != nil {
		return nil, err
	}
	seen, err := version(in.IfMatch)
	if err != nil {
		return nil, err
	}
	n, err := a.referrals.SetNumbers(ctx, c, in.ID, in.Body.Numbers, seen)
	if err != nil {
		return nil, err
	}
	out := &numbersOutput{ETag: etag(n.Version)}
	out.Body.Version, out.Body.Count = n.Version, len(n.Hashes)
	return out, nil
}

type messageInput struct {
	Key  string `header:"Idempotency-Key" required:"true" minLength:"8" maxLength:"100" doc:"The provider's id of the message: it counts once, however often it comes"`
	Body struct {
		From       string    `json:"from" maxLength:"24" doc:"The number it came from, with its country; not kept"`
		Text       string    `json:"text" maxLength:"480" doc:"BEDS unit n, PRESENT unit n, SAME, UNDO or HELP; not kept"`
		ReceivedAt time.Time `json:"receivedAt" doc:"When the carrier received it: that is when the beds were counted"`
	}
}

type messageOutput struct {
	Replayed string `header:"Idempotency-Replayed"`
	Body     struct {
		Reply   string `json:"reply" doc:"Send it back: at most 160 letters of the GSM alphabet"`
		Changed bool   `json:"changed" doc:"A counter was changed or confirmed"`
	}
}

// carryMessage serves POST /v1/messages.
func (a *API) carryMessage(ctx context.Context, in *messageInput) (*messageOutput, error) {
	c, err := a.who(ctx)
	if err != nil {
		return nil, err
	}
	r, err := a.referrals.Message(ctx, c, referral.TextMessage{Key: in.Key, From: in.Body.From, Text: in.Body.Text, ReceivedAt: in.Body.ReceivedAt})
	if err != nil {
		return nil, err
	}
	out := &messageOutput{}
	out.Body.Reply, out.Body.Changed = r.Text, r.Changed
	if r.Replayed {
		out.Replayed = "true"
	}
	return out, nil
}
