package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"panah/internal/table"
)

// Schedule makes a Lambda handler of a call that an EventBridge schedule starts.
func Schedule(run func(ctx context.Context) error, log *slog.Logger) lambda.Handler {
	return lambda.NewHandler(func(ctx context.Context, _ json.RawMessage) (err error) {
		defer recovered(ctx, log, &err)
		return run(ctx)
	})
}

// Partial is an error of apply that says from which change on it failed: those
// before it need not come again.
type Partial struct {
	From int
	Err  error
}

func (p *Partial) Error() string { return p.Err.Error() }
func (p *Partial) Unwrap() error { return p.Err }

// streamEvent is a DynamoDB stream batch whose records are left as they came:
// only the engine knows their form.
type streamEvent struct {
	Records []json.RawMessage `json:"Records"`
}

type position struct {
	DynamoDB struct {
		SequenceNumber string `json:"SequenceNumber"`
	} `json:"dynamodb"`
}

// Stream makes a Lambda handler of what consumes the change feed. decode reads
// one record, apply takes the batch in order. The answer names the first record
// not consumed, so that the service sends it and those after it again.
func Stream(decode func(json.RawMessage) (table.Change, error), apply func(ctx context.Context, changes []table.Change) error, log *slog.Logger) lambda.Handler {
	return lambda.NewHandler(func(ctx context.Context, batch streamEvent) (out events.DynamoDBEventResponse, err error) {
		defer recovered(ctx, log, &err)
		changes, cause := decoded(batch.Records, decode)
		failedAt := len(changes)
		if len(changes) > 0 {
			if err := apply(ctx, changes); err != nil {
				failedAt, cause = failedFrom(err, len(changes)), err
			}
		}
		if cause == nil {
			return out, nil
		}
		var at position
		if err := json.Unmarshal(batch.Records[failedAt], &at); err != nil || at.DynamoDB.SequenceNumber == "" {
			return out, errors.New("gateway: a stream record has no sequence number")
		}
		log.ErrorContext(ctx, "change not consumed", "invocation", invocation(ctx), "sequence", at.DynamoDB.SequenceNumber, "error", cause.Error())
		out.BatchItemFailures = []events.DynamoDBBatchItemFailure{{ItemIdentifier: at.DynamoDB.SequenceNumber}}
		return out, nil
	})
}

// errUnreadable stands for what a decoder says: that may quote the record.
var errUnreadable = errors.New("the record cannot be read")

// decoded reads records up to the first that cannot be read.
func decoded(records []json.RawMessage, decode func(json.RawMessage) (table.Change, error)) ([]table.Change, error) {
	var changes []table.Change
	for _, raw := range records {
		c, err := decode(raw)
		if err != nil {
			return changes, errUnreadable
		}
		changes = append(changes, c)
	}
	return changes, nil
}

// failedFrom is the change that err says it failed from, or the first: to apply
// twice is harmless, to lose a change is not.
func failedFrom(err error, n int) int {
	var p *Partial
	if errors.As(err, &p) && p.From >= 0 && p.From < n {
		return p.From
	}
	return 0
}

// invocation is the id by which Lambda's own log lines name this run.
func invocation(ctx context.Context) string {
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		return lc.AwsRequestID
	}
	return ""
}

// recovered turns a panic into a failed invocation that the service retries.
func recovered(ctx context.Context, log *slog.Logger, err *error) {
	if v := recover(); v != nil {
		log.ErrorContext(ctx, "panic", "invocation", invocation(ctx), "type", fmt.Sprintf("%T", v), "stack", frames(debug.Stack()))
		*err = errors.New("gateway: panic")
	}
}
