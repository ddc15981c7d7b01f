// Package streams reads a table's DynamoDB stream as the change feed, for the
// local run. On AWS the stream starts a function by itself.
package streams

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"panah/internal/dynamo"
	"panah/internal/table"
)

// Feed reads the stream of one table. It implements table.Feed.
type Feed struct {
	client *dynamodbstreams.Client
	arn    string

	mu        sync.Mutex
	iterators map[string]iterator // by shard
}

// iterator is where an earlier call stopped reading a shard. It serves a later
// call that goes on after the same record.
type iterator struct{ after, token string }

var _ table.Feed = (*Feed)(nil)

// Open finds the table's stream. Options.Endpoint serves both the table and the
// stream, as it does in DynamoDB Local.
func Open(ctx context.Context, o dynamo.Options) (*Feed, error) {
	out, err := o.Client().DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &o.Table})
	if err != nil {
		return nil, fmt.Errorf("streams: %w", err)
	}
	if out.Table == nil || out.Table.LatestStreamArn == nil {
		return nil, fmt.Errorf("streams: table %s has no stream", o.Table)
	}
	c := dynamodbstreams.Options{Region: o.Region, Credentials: o.Credentials}
	if o.Endpoint != "" {
		c.BaseEndpoint = &o.Endpoint
	}
	if o.HTTP != nil {
		c.HTTPClient = o.HTTP
	}
	return &Feed{client: dynamodbstreams.New(c), arn: *out.Table.LatestStreamArn, iterators: map[string]iterator{}}, nil
}

// position is how far each shard was read.
type position struct {
	Done  []string          `json:"d,omitempty"` // read to their end
	After map[string]string `json:"a,omitempty"` // the last record read
}

func decodePosition(after string) (position, error) {
	p := position{After: map[string]string{}}
	if after == "" {
		return p, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(after)
	if err != nil || json.Unmarshal(raw, &p) != nil {
		return p, &table.Refused{Reason: "malformed feed position"}
	}
	if p.After == nil {
		p.After = map[string]string{}
	}
	return p, nil
}

func (p position) encode() (string, error) {
	slices.Sort(p.Done)
	raw, err := json.Marshal(p)
	return base64.RawURLEncoding.EncodeToString(raw), err
}

// keep forgets shards that the stream has dropped.
func (p *position) keep(shards []types.Shard) {
	gone := func(id string) bool {
		return !slices.ContainsFunc(shards, func(s types.Shard) bool { return aws.ToString(s.ShardId) == id })
	}
	p.Done = slices.DeleteFunc(p.Done, gone)
	for id := range p.After {
		if gone(id) {
			delete(p.After, id)
		}
	}
}

// ready reports whether a shard may be read: it is not done, and its parent is
// done or dropped, so that the changes of one item stay in order.
func (p *position) ready(s types.Shard, shards []types.Shard) bool {
	parent := aws.ToString(s.ParentShardId)
	listed := slices.ContainsFunc(shards, func(o types.Shard) bool { return aws.ToString(o.ShardId) == parent })
	return !slices.Contains(p.Done, aws.ToString(s.ShardId)) && (!listed || slices.Contains(p.Done, parent))
}

// Changes implements table.Feed. Changes of different shards come one shard
// after the other.
func (f *Feed) Changes(ctx context.Context, after string, limit int) ([]table.Change, string, error) {
	p, err := decodePosition(after)
	if err != nil {
		return nil, after, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	shards, err := f.shards(ctx)
	if err != nil {
		return nil, after, fmt.Errorf("streams: %w", err)
	}
	p.keep(shards)
	var out []table.Change
	for again := true; again; { // the end of a shard makes its children ready
		again = false
		for _, s := range shards {
			if len(out) >= limit || !p.ready(s, shards) {
				continue
			}
			if out, err = f.read(ctx, *s.ShardId, &p, out, limit); err != nil {
				return nil, after, fmt.Errorf("streams: shard %s: %w", *s.ShardId, err)
			}
			again = again || slices.Contains(p.Done, *s.ShardId)
		}
	}
	next, err := p.encode()
	return out, next, err
}

func (f *Feed) shards(ctx context.Context) (out []types.Shard, err error) {
	in := &dynamodbstreams.DescribeStreamInput{StreamArn: &f.arn}
	for {
		page, err := f.client.DescribeStream(ctx, in)
		if err != nil {
			return nil, err
		}
		out = append(out, page.StreamDescription.Shards...)
		in.ExclusiveStartShardId = page.StreamDescription.LastEvaluatedShardId
		if in.ExclusiveStartShardId == nil {
			return out, nil
		}
	}
}

const maxRecords = 1000 // DynamoDB gives no more at once

// read appends what a shard has, up to limit, and moves the position.
func (f *Feed) read(ctx context.Context, shard string, p *position, out []table.Change, limit int) ([]table.Change, error) {
	for len(out) < limit {
		page, err := f.records(ctx, shard, p.After[shard], min(limit-len(out), maxRecords))
		if err != nil {
			return nil, err
		}
		for _, r := range page.Records {
			if r.Dynamodb == nil {
				return nil, errors.New("a record without its change")
			}
			c, err := dynamo.ChangeOf(aws.ToString(r.Dynamodb.SequenceNumber), convert(r.Dynamodb.OldImage), convert(r.Dynamodb.NewImage))
			if err != nil {
				return nil, err
			}
			out = append(out, c)
			p.After[shard] = c.Seq
		}
		if page.NextShardIterator == nil {
			p.Done = append(p.Done, shard)
			delete(p.After, shard)
			delete(f.iterators, shard)
			return out, nil
		}
		f.iterators[shard] = iterator{after: p.After[shard], token: *page.NextShardIterator}
		if len(page.Records) == 0 {
			return out, nil
		}
	}
	return out, nil
}

// records reads on with the iterator of an earlier call when it still serves.
func (f *Feed) records(ctx context.Context, shard, after string, limit int) (*dynamodbstreams.GetRecordsOutput, error) {
	in := &dynamodbstreams.GetRecordsInput{Limit: aws.Int32(int32(limit))}
	if it, ok := f.iterators[shard]; ok && it.after == after {
		in.ShardIterator = &it.token
		out, err := f.client.GetRecords(ctx, in)
		var expired *types.ExpiredIteratorException
		var trimmed *types.TrimmedDataAccessException
		if !errors.As(err, &expired) && !errors.As(err, &trimmed) {
			return out, err
		}
	}
	token, err := f.start(ctx, shard, after)
	if err != nil {
		return nil, err
	}
	in.ShardIterator = token
	return f.client.GetRecords(ctx, in)
}

// start makes an iterator after a record, or at the oldest there is when there
// is no record yet or the stream no longer reaches back to it.
func (f *Feed) start(ctx context.Context, shard, after string) (*string, error) {
	in := &dynamodbstreams.GetShardIteratorInput{
		StreamArn: &f.arn, ShardId: &shard, ShardIteratorType: types.ShardIteratorTypeTrimHorizon,
	}
	if after != "" {
		in.ShardIteratorType, in.SequenceNumber = types.ShardIteratorTypeAfterSequenceNumber, &after
	}
	out, err := f.client.GetShardIterator(ctx, in)
	var trimmed *types.TrimmedDataAccessException
	if after != "" && errors.As(err, &trimmed) {
		return f.start(ctx, shard, "")
	}
	if err != nil {
		return nil, err
	}
	return out.ShardIterator, nil
}

// convert makes the table's attributes of the stream's: the SDK has two types
// for one thing. Kinds that no item uses are left out.
func convert(in map[string]types.AttributeValue) map[string]dbtypes.AttributeValue {
	out := make(map[string]dbtypes.AttributeValue, len(in))
	for name, v := range in {
		switch v := v.(type) {
		case *types.AttributeValueMemberS:
			out[name] = &dbtypes.AttributeValueMemberS{Value: v.Value}
		case *types.AttributeValueMemberN:
			out[name] = &dbtypes.AttributeValueMemberN{Value: v.Value}
		case *types.AttributeValueMemberB:
			out[name] = &dbtypes.AttributeValueMemberB{Value: v.Value}
		case *types.AttributeValueMemberBOOL:
			out[name] = &dbtypes.AttributeValueMemberBOOL{Value: v.Value}
		case *types.AttributeValueMemberM:
			out[name] = &dbtypes.AttributeValueMemberM{Value: convert(v.Value)}
		}
	}
	return out
}
