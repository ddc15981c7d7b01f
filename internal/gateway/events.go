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
// task is what the schedule's own input asks for, empty for a plain event.
func Schedule(run func(ctx context.Context, task string) error, log *slog.Logger) lambda.Handler {
	return lambda.NewHandler(func(ctx context.Context, event struct {
		Task string `json:"task"`
	}) (err error) {
		defer recovered(ctx, log, &err)
		return run(ctx, event.Task)
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
	// Replay is an operator's: what was set aside is tried again.
	Replay bool `json:"replay"`
}

// Consumer is what takes the change feed in.
type Consumer struct {
	// Decode reads one record.
	Decode func(json.RawMessage) (table.Change, error)
	// Apply takes changes in, in order.
	Apply func(ctx context.Context, changes []table.Change) error
	// Aside notes a record that can never be read, by its sequence number, so that
	// it does not block those behind it. Without it the record is sent again.
	Aside func(ctx context.Context, sequence string) error
	// Replay tries again what was set aside.
	Replay func(ctx context.Context) error
}

type position struct {
	DynamoDB struct {
		SequenceNumber string `json:"SequenceNumber"`
	} `json:"dynamodb"`
}

// Stream makes a Lambda handler of what consumes the change feed. The answer names
// the first record not consumed, so that the service sends it and those after it
// again.
func Stream(c Consumer, log *slog.Logger) lambda.Handler {
	return lambda.NewHandler(func(ctx context.Context, batch streamEvent) (out events.DynamoDBEventResponse, err error) {
		defer recovered(ctx, log, &err)
		if batch.Replay && c.Replay != nil {
			return out, c.Replay(ctx)
		}
		changes, from, cause := c.decoded(ctx, batch.Records)
		failedAt := len(batch.Records)
		if cause != nil {
			failedAt = from[len(changes)]
		}
		if len(changes) > 0 {
			if err := c.Apply(ctx, changes); err != nil {
				failedAt, cause = from[failedFrom(err, len(changes))], err
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

// decoded reads records. One that cannot be read is set aside; where that is not
// possible reading stops there. from is the record each change came from, and
// behind the last change the record that reading stopped at.
func (c Consumer) decoded(ctx context.Context, records []json.RawMessage) (changes []table.Change, from []int, err error) {
	for i, raw := range records {
		change, err := c.Decode(raw)
		if err == nil {
			changes, from = append(changes, change), append(from, i)
			continue
		}
		var at position
		if c.Aside == nil || json.Unmarshal(raw, &at) != nil || at.DynamoDB.SequenceNumber == "" || c.Aside(ctx, at.DynamoDB.SequenceNumber) != nil {
			return changes, append(from, i), errUnreadable
		}
	}
	return changes, from, nil
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
