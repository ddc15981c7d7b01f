package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

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
		var changes []table.Change
		failedAt, cause := -1, error(nil)
		for i, raw := range batch.Records {
			c, err := decode(raw)
			if err != nil {
				failedAt, cause = i, err
				break
			}
			changes = append(changes, c)
		}
		if err := apply(ctx, changes); err != nil {
			failedAt, cause = 0, err
			if p := (*Partial)(nil); errors.As(err, &p) {
				failedAt = p.From
			}
		}
		if failedAt < 0 || failedAt >= len(batch.Records) {
			return out, nil
		}
		var at position
		if err := json.Unmarshal(batch.Records[failedAt], &at); err != nil || at.DynamoDB.SequenceNumber == "" {
			return out, errors.New("gateway: a stream record has no sequence number")
		}
		log.ErrorContext(ctx, "change not consumed", "sequence", at.DynamoDB.SequenceNumber, "error", cause.Error())
		out.BatchItemFailures = []events.DynamoDBBatchItemFailure{{ItemIdentifier: at.DynamoDB.SequenceNumber}}
		return out, nil
	})
}

// recovered turns a panic into a failed invocation that the service retries.
func recovered(ctx context.Context, log *slog.Logger, err *error) {
	if v := recover(); v != nil {
		log.ErrorContext(ctx, "panic", "type", fmt.Sprintf("%T", v))
		*err = errors.New("gateway: panic")
	}
}
