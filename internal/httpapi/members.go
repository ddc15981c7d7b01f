package httpapi

import (
	"context"
	"net/http"
	"time"

	"panah/internal/caller"
	"panah/internal/place"
	"panah/internal/referral"
)

// Subjectly names one person by the token's sub.
type Subjectly struct {
	Subject string `path:"subject" minLength:"8" maxLength:"128" doc:"The sub of the person's token, percent-encoded: opaque, no name, phone number or e-mail address"`
}

type memberInput struct {
	Subjectly
	IfMatch string `header:"If-Match" doc:"The ETag you saw; 0 where the person is no member yet"`
	Body    struct {
		Role   string `json:"role" enum:"rescue,shelter,desk,ministry,carrier" doc:"carrier: software that brings text messages in"`
		Scope  string `json:"scope" minLength:"1" maxLength:"40" doc:"A team's id, a shelter's id, or a region's code, as the role has it" example:"K7F2"`
		Region string `json:"region,omitempty" maxLength:"40" doc:"For a team that is new: the region whose ministry keeps it" example:"IN-WB"`
	}
}

// memberView is a membership. It holds nothing about the person but the subject.
type memberView struct {
	Subject   string     `json:"subject"`
	Version   uint64     `json:"version"`
	Role      string     `json:"role"`
	Scope     string     `json:"scope"`
	Region    string     `json:"region" doc:"Where it is kept: the ministry of it, and those above, may change it"`
	Since     *time.Time `json:"since,omitempty"`
	RevokedAt *time.Time `json:"revokedAt,omitempty" doc:"Absent: in force"`
	By        string     `json:"by,omitempty" doc:"The subject who gave or revoked it last"`
}

func viewMember(m caller.Membership) memberView {
	return memberView{m.Subject, m.Version, string(m.Role), m.Scope, string(m.Region), timeOrNil(m.Since), timeOrNil(m.RevokedAt), m.By}
}

type memberOutput struct {
	Status   int
	ETag     string `header:"ETag"`
	Replayed string `header:"Idempotency-Replayed"`
	Body     memberView
}

// setMember serves PUT /v1/memberships/{subject}.
func (a *API) setMember(ctx context.Context, in *memberInput) (*memberOutput, error) {
	c, err := a.who(ctx)
	if err != nil {
		return nil, err
	}
	seen, err := version(in.IfMatch)
	if err != nil {
		return nil, err
	}
	m := caller.Membership{Caller: caller.Caller{Subject: in.Subject, Role: caller.Role(in.Body.Role), Scope: in.Body.Scope}, Region: place.Code(in.Body.Region)}
	m, err = a.referrals.Grant(ctx, c, m, seen)
	if err != nil {
		return nil, err
	}
	out := &memberOutput{Status: http.StatusOK, ETag: etag(m.Version), Body: viewMember(m)}
	if seen == 0 {
		out.Status = http.StatusCreated
	}
	return out, nil
}

type revokeInput struct {
	Keyed
	Subjectly
	Body struct {
		Version uint64 `json:"version" minimum:"1" doc:"The membership's version you saw"`
	}
}

// revokeMember serves POST /v1/memberships/{subject}/revoke.
func (a *API) revokeMember(ctx context.Context, in *revokeInput) (*memberOutput, error) {
	c, err := a.who(ctx)
	if err != nil {
		return nil, err
	}
	m, replayed, err := a.referrals.Revoke(ctx, c, in.Subject, referral.Command{Key: in.Key, Payload: "revoke " + in.Subject + " " + canonical(in.Body), Version: in.Body.Version})
	if err != nil {
		return nil, err
	}
	out := &memberOutput{Status: http.StatusOK, ETag: etag(m.Version), Body: viewMember(m)}
	if replayed {
		out.Replayed = "true"
	}
	return out, nil
}

type membersInput struct {
	Within string `query:"within" maxLength:"40" doc:"A country, state or district of your region; the whole region when absent" example:"IN-WB"`
	Listing
}

type membersOutput struct {
	Body struct {
		Members []memberView `json:"memberships"`
		Next    string       `json:"nextCursor,omitempty"`
	}
}

// listMembers serves GET /v1/memberships.
func (a *API) listMembers(ctx context.Context, in *membersInput) (*membersOutput, error) {
	c, err := a.who(ctx)
	if err != nil {
		return nil, err
	}
	list, next, err := a.referrals.Members(ctx, c, place.Code(in.Within), in.Limit, in.After)
	if err != nil {
		return nil, err
	}
	out := &membersOutput{}
	out.Body.Members, out.Body.Next = []memberView{}, next
	for _, m := range list {
		out.Body.Members = append(out.Body.Members, viewMember(m))
	}
	return out, nil
}
