package httpapi

import (
	"context"

	"panah/internal/caller"
)

type subjectKey struct{}

// WithSubject notes who the gateway vouches for. Scopes are the gateway's
// business: a route is reached only with its scope.
func WithSubject(ctx context.Context, subject string, _ []string) context.Context {
	return context.WithValue(ctx, subjectKey{}, subject)
}

// who is the caller, as the table knows the subject.
func (a *API) who(ctx context.Context) (caller.Caller, error) {
	subject, _ := ctx.Value(subjectKey{}).(string)
	return a.referrals.Caller(ctx, subject)
}
