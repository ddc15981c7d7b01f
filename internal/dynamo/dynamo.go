// Package dynamo keeps the storage contract in one DynamoDB table.
//
// One operation is a conditional PutItem or UpdateItem, several are one
// TransactWriteItems under the batch's write id as token. The SDK never retries
// by itself: what a lost reply or a conflict means is decided here.
package dynamo

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"panah/internal/table"
)

// Options say which table to open and how to reach it.
type Options struct {
	Table       string
	Region      string
	Endpoint    string // empty: AWS's own for the region
	Credentials aws.CredentialsProvider
	HTTP        *http.Client
	// Meter is told what each answered call consumed.
	Meter func(op string, readUnits, writeUnits float64)
	// Sleep and Jitter (0 to 1) are for simulation; nil means the real ones.
	Sleep  func(ctx context.Context, d time.Duration) error
	Jitter func() float64
}

// FromEnv reads the options a function is started with.
func FromEnv(getenv func(string) string) Options {
	return Options{
		Table:    getenv("PANAH_TABLE"),
		Region:   getenv("AWS_REGION"),
		Endpoint: getenv("AWS_ENDPOINT_URL_DYNAMODB"),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			c := aws.Credentials{
				AccessKeyID: getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: getenv("AWS_SECRET_ACCESS_KEY"),
				SessionToken: getenv("AWS_SESSION_TOKEN"), Source: "environment",
			}
			if !c.HasKeys() {
				return c, errors.New("dynamo: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set")
			}
			return c, nil
		}),
	}
}

// Store is an open table. It implements table.Store.
type Store struct {
	o      Options
	client *dynamodb.Client
	meter  types.ReturnConsumedCapacity
}

var (
	_ table.Store   = (*Store)(nil)
	_ table.Scanner = (*Store)(nil)
)

// Open makes a store. It sends nothing: a missing table shows on the first call.
func Open(o Options) (*Store, error) {
	if o.Table == "" || o.Region == "" || o.Credentials == nil {
		return nil, errors.New("dynamo: a table, a region and credentials are needed")
	}
	if o.HTTP == nil {
		o.HTTP = newHTTP()
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	if o.Jitter == nil {
		o.Jitter = rand.Float64
	}
	s := &Store{o: o, client: o.Client(), meter: types.ReturnConsumedCapacityNone}
	if o.Meter != nil {
		s.meter = types.ReturnConsumedCapacityTotal
	}
	return s, nil
}

// Client makes a client of the SDK for the same endpoint that retries nothing.
func (o Options) Client() *dynamodb.Client {
	c := dynamodb.Options{Region: o.Region, Credentials: o.Credentials, Retryer: aws.NopRetryer{}}
	if o.Endpoint != "" {
		c.BaseEndpoint = aws.String(o.Endpoint)
	}
	if o.HTTP != nil {
		c.HTTPClient = watched{o.HTTP}
	}
	return dynamodb.New(c)
}

func newHTTP() *http.Client {
	return &http.Client{Transport: &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout: 2 * time.Second,
		MaxIdleConnsPerHost: 64,
		IdleConnTimeout:     50 * time.Second,
		ForceAttemptHTTP2:   true,
	}}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Get implements table.Store.
func (s *Store) Get(ctx context.Context, key table.Key, c table.Consistency) (*table.Item, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	in := &dynamodb.GetItemInput{
		TableName: &s.o.Table, Key: keyAttrs(key), ConsistentRead: aws.Bool(c == table.Strong),
		ReturnConsumedCapacity: s.meter,
	}
	out, err := read(ctx, s, func(ctx context.Context) (*dynamodb.GetItemOutput, error) { return s.client.GetItem(ctx, in) })
	if err != nil {
		return nil, fmt.Errorf("dynamo: get %s: %w", key, err)
	}
	s.consumed("get", true, out.ConsumedCapacity)
	if len(out.Item) == 0 {
		return nil, nil
	}
	return decodeItem(out.Item)
}

// Query implements table.Store.
func (s *Store) Query(ctx context.Context, q table.Query) (table.Page, error) {
	in, err := s.queryInput(q)
	if err != nil || in == nil {
		return table.Page{}, errors.Join(err, ctx.Err())
	}
	out, err := read(ctx, s, func(ctx context.Context) (*dynamodb.QueryOutput, error) { return s.client.Query(ctx, in) })
	if err != nil {
		return table.Page{}, fmt.Errorf("dynamo: query %s %s: %w", q.Index, q.PK, err)
	}
	s.consumed("query", true, out.ConsumedCapacity)
	page := table.Page{Items: make([]table.Item, 0, len(out.Items))}
	for _, raw := range out.Items {
		it, err := decodeFound(q.Index, raw)
		if err != nil {
			return table.Page{}, err
		}
		page.Items = append(page.Items, *it)
	}
	if len(out.LastEvaluatedKey) > 0 {
		page.Next, err = encodeCursor(q.Index, out.LastEvaluatedKey)
	}
	return page, err
}

// Scan implements table.Scanner, eventually consistent.
func (s *Store) Scan(ctx context.Context, share, of int, after string) (table.Page, error) {
	if of < 1 || share < 0 || share >= of {
		return table.Page{}, &table.Refused{Reason: "malformed share"}
	}
	in := &dynamodb.ScanInput{TableName: &s.o.Table, Segment: aws.Int32(int32(share)), TotalSegments: aws.Int32(int32(of)), ReturnConsumedCapacity: s.meter}
	if after != "" {
		var c cursor
		raw, err := base64.RawURLEncoding.DecodeString(after)
		if err != nil || json.Unmarshal(raw, &c) != nil || c.Index != table.Base || c.Item.Check() != nil {
			return table.Page{}, &table.Refused{Reason: "malformed cursor"}
		}
		in.ExclusiveStartKey = keyAttrs(c.Item)
	}
	out, err := read(ctx, s, func(ctx context.Context) (*dynamodb.ScanOutput, error) { return s.client.Scan(ctx, in) })
	if err != nil {
		return table.Page{}, fmt.Errorf("dynamo: scan: %w", err)
	}
	s.consumed("scan", true, out.ConsumedCapacity)
	page := table.Page{Items: make([]table.Item, 0, len(out.Items))}
	for _, raw := range out.Items {
		it, err := decodeItem(raw)
		if err != nil {
			return table.Page{}, err
		}
		page.Items = append(page.Items, *it)
	}
	if len(out.LastEvaluatedKey) > 0 {
		page.Next, err = encodeCursor(table.Base, out.LastEvaluatedKey)
	}
	return page, err
}

func decodeFound(ix table.Index, raw attrs) (*table.Item, error) {
	if ix == table.Base {
		return decodeItem(raw)
	}
	return decodeEntry(ix, raw)
}

// queryInput is the query as DynamoDB takes it, or nil when the range is empty.
func (s *Store) queryInput(q table.Query) (*dynamodb.QueryInput, error) {
	if err := checkKey(table.Key{PK: q.PK, SK: "x"}); err != nil {
		return nil, err
	}
	if len(q.From) > table.MaxSKBytes || len(q.To) > table.MaxSKBytes {
		return nil, &table.Refused{Reason: "an end of the range is over-long"}
	}
	if err := checkText(q.From, q.To); err != nil {
		return nil, err
	}
	in := &dynamodb.QueryInput{
		TableName: &s.o.Table, ScanIndexForward: aws.Bool(!q.Descending), ReturnConsumedCapacity: s.meter,
	}
	pk, sk := attrPK, attrSK
	switch {
	case q.Index == table.Base:
		in.ConsistentRead = aws.Bool(q.Consistency == table.Strong)
	case slices.Contains(table.Indexes, q.Index):
		pk, sk = indexAttrs(q.Index)
		in.IndexName = aws.String(string(q.Index))
	default:
		return nil, &table.Refused{Reason: "no such index: " + string(q.Index)}
	}
	if q.Limit > 0 {
		in.Limit = aws.Int32(int32(min(q.Limit, 1<<20)))
	}
	if q.After != "" {
		start, err := decodeCursor(q)
		if err != nil {
			return nil, err
		}
		in.ExclusiveStartKey = start
	}
	if q.To != "" && q.From > q.To {
		return nil, nil
	}
	condition := "#pk = :pk"
	in.ExpressionAttributeNames = map[string]string{"#pk": pk}
	in.ExpressionAttributeValues = attrs{":pk": str(q.PK)}
	switch {
	case q.From != "" && q.To != "":
		condition += " AND #sk BETWEEN :from AND :to"
	case q.From != "":
		condition += " AND #sk >= :from"
	case q.To != "":
		condition += " AND #sk <= :to"
	}
	for name, value := range map[string]string{":from": q.From, ":to": q.To} {
		if value != "" {
			in.ExpressionAttributeNames["#sk"] = sk
			in.ExpressionAttributeValues[name] = str(value)
		}
	}
	in.KeyConditionExpression = &condition
	return in, nil
}

// cursor is a LastEvaluatedKey: the item, and the index entry it was found by.
type cursor struct {
	Index table.Index `json:"x,omitempty"`
	Item  table.Key   `json:"i"`
	Entry table.Key   `json:"e,omitzero"`
}

func encodeCursor(ix table.Index, last attrs) (string, error) {
	r := reader{in: last}
	c := cursor{Index: ix, Item: table.Key{PK: r.str(attrPK), SK: r.str(attrSK)}}
	if ix != table.Base {
		pk, sk := indexAttrs(ix)
		c.Entry = table.Key{PK: r.str(pk), SK: r.str(sk)}
	}
	if r.err != nil {
		return "", fmt.Errorf("dynamo: last key of a page: %w", r.err)
	}
	raw, err := json.Marshal(c)
	return base64.RawURLEncoding.EncodeToString(raw), err
}

// decodeCursor refuses what is not a cursor of this very query.
func decodeCursor(q table.Query) (attrs, error) {
	refused := &table.Refused{Reason: "malformed cursor"}
	raw, err := base64.RawURLEncoding.DecodeString(q.After)
	if err != nil {
		return nil, refused
	}
	var c cursor
	if json.Unmarshal(raw, &c) != nil || c.Index != q.Index || c.Item.Check() != nil {
		return nil, refused
	}
	out, place := keyAttrs(c.Item), c.Item
	if q.Index != table.Base {
		if c.Entry.Check() != nil {
			return nil, refused
		}
		place = c.Entry
		pk, sk := indexAttrs(q.Index)
		out[pk], out[sk] = str(place.PK), str(place.SK)
	}
	if place.PK != q.PK || place.SK < q.From || q.To != "" && place.SK > q.To {
		return nil, refused
	}
	return out, nil
}

func (s *Store) consumed(op string, isRead bool, all ...*types.ConsumedCapacity) {
	if s.o.Meter == nil {
		return
	}
	var r, w float64
	for _, c := range all {
		switch {
		case c == nil:
		case c.ReadCapacityUnits != nil || c.WriteCapacityUnits != nil:
			r += aws.ToFloat64(c.ReadCapacityUnits)
			w += aws.ToFloat64(c.WriteCapacityUnits)
		case isRead:
			r += aws.ToFloat64(c.CapacityUnits)
		default:
			w += aws.ToFloat64(c.CapacityUnits)
		}
	}
	s.o.Meter(op, r, w)
}
