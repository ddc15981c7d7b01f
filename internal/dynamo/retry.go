package dynamo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"panah/internal/table"
)

// How long a call is tried in all and each time. A write that hangs is sent a
// second time within its two seconds; a read may take longer.
const (
	writeBudget  = 2 * time.Second
	writeAttempt = time.Second
	readBudget   = 4 * time.Second
	readAttempt  = 2 * time.Second
	writeLeast   = 500 * time.Millisecond // what an attempt needs to be worth starting
	waitLeast    = 20 * time.Millisecond
	waitMost     = 100 * time.Millisecond
)

// verdict is what one attempt came to.
type verdict int

const (
	done   verdict = iota
	failed         // a condition failed: nothing was written
	again          // nothing was written, and trying again may help
	lost           // it may have been written, now or a moment later
	fatal          // nothing was written, and trying again is of no use
)

// retries is the state of one call over its attempts. Time is what the attempts
// took plus what was asked of Sleep, so a simulated Sleep ends it just as soon.
type retries struct {
	s      *Store
	budget time.Duration
	each   time.Duration
	spent  time.Duration
	lost   bool // some attempt's outcome is not known
}

// attempt sends once.
func (r *retries) attempt(ctx context.Context, send func(context.Context) error) (verdict, error) {
	if ctx.Err() != nil {
		return fatal, ctx.Err()
	}
	start := time.Now()
	limited, cancel := context.WithTimeout(ctx, max(min(r.each, r.budget-r.spent), 10*time.Millisecond))
	defer cancel()
	var sent sentFlag
	err := send(context.WithValue(limited, sentKey{}, &sent))
	r.spent += time.Since(start)
	v := judge(err, sent.Load())
	if v == fatal && ctx.Err() != nil {
		err = ctx.Err()
	}
	r.lost = r.lost || v == lost
	return v, err
}

// wait sleeps before the next attempt; false means there is to be none. An
// attempt cut short would only turn a conflict into an unknown outcome, so none
// starts with too little time left.
func (r *retries) wait(ctx context.Context) bool {
	d := waitLeast + time.Duration(r.s.o.Jitter()*float64(waitMost-waitLeast))
	if r.spent += d; r.spent > r.budget-writeLeast {
		return false
	}
	return r.s.o.Sleep(ctx, d) == nil && ctx.Err() == nil
}

// settle is the answer of a write that ends on err: an earlier attempt whose
// outcome is not known outweighs it.
func (r *retries) settle(err error) error {
	if r.lost {
		return fmt.Errorf("%w: %w", table.ErrUnknown, err)
	}
	return refine(err)
}

func (r *retries) giveUp(ctx context.Context, last error) error {
	switch {
	case r.lost:
		return fmt.Errorf("%w: %w", table.ErrUnknown, last)
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return fmt.Errorf("%w: %w", table.ErrBusy, last)
}

// read calls until there is an answer: a read may always be sent again.
func read[T any](ctx context.Context, s *Store, call func(context.Context) (T, error)) (out T, err error) {
	r := retries{s: s, budget: readBudget, each: readAttempt}
	for {
		v, err := r.attempt(ctx, func(ctx context.Context) (err error) {
			out, err = call(ctx)
			return err
		})
		switch {
		case v == done:
			return out, nil
		case v == failed || v == fatal:
			return out, refine(err)
		case !r.wait(ctx):
			if ctx.Err() != nil {
				return out, ctx.Err()
			}
			return out, fmt.Errorf("%w: %w", table.ErrBusy, err)
		}
	}
}

// Codes of cancellation reasons.
const (
	reasonNone      = "None"
	reasonCondition = "ConditionalCheckFailed"
)

// judge reads the error of one attempt.
func judge(err error, sent bool) verdict {
	if err == nil {
		return done
	}
	var cancelled *types.TransactionCanceledException
	if errors.As(err, &cancelled) {
		return judgeReasons(cancelled.CancellationReasons)
	}
	code := ""
	var api smithy.APIError
	if errors.As(err, &api) {
		code = api.ErrorCode()
	}
	switch code {
	case "ConditionalCheckFailedException":
		return failed
	case "TransactionConflictException", "ReplicatedWriteConflictException", "ProvisionedThroughputExceededException",
		"ThrottlingException", "RequestLimitExceeded", "LimitExceededException":
		return again
	case "TransactionInProgressException": // an earlier sending of the same token is still at work
		return lost
	}
	var status interface{ HTTPStatusCode() int }
	switch {
	case errors.As(err, &status) && status.HTTPStatusCode() >= http.StatusBadRequest && status.HTTPStatusCode() < http.StatusInternalServerError:
		return fatal
	case sent:
		return lost
	case unreachable(err), errors.Is(err, context.DeadlineExceeded): // no connection in time
		return again
	}
	return fatal
}

// judgeReasons weighs the reasons of a cancelled transaction: nothing of it was
// written. One failed condition settles it whatever else there is.
func judgeReasons(reasons []types.CancellationReason) verdict {
	v := again
	for _, r := range reasons {
		switch aws.ToString(r.Code) {
		case reasonCondition:
			return failed
		case reasonNone, "", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded", "RequestLimitExceeded":
		default:
			v = fatal
		}
	}
	return v
}

// refine makes a refusal of what DynamoDB says is over its limits.
func refine(err error) error {
	message := err.Error()
	var cancelled *types.TransactionCanceledException
	if errors.As(err, &cancelled) {
		for _, r := range cancelled.CancellationReasons {
			message += " " + aws.ToString(r.Message)
		}
	}
	if strings.Contains(message, "Item size") && strings.Contains(message, "exceeded") {
		return &table.Refused{Reason: "item over 400 KB"}
	}
	return err
}

// watched is an HTTP client that marks whether a request went out.
type watched struct{ *http.Client }

type (
	sentKey  struct{}
	sentFlag struct{ atomic.Bool }
)

// Do implements the SDK's HTTPClient.
func (w watched) Do(req *http.Request) (*http.Response, error) {
	resp, err := w.Client.Do(req)
	if flag, ok := req.Context().Value(sentKey{}).(*sentFlag); ok && !unreachable(err) {
		flag.Store(true)
	}
	return resp, err
}

// unreachable reports an error from before a connection was there.
func unreachable(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}
