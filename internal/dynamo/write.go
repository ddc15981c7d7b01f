package dynamo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"panah/internal/table"
)

// Write implements table.Store.
func (s *Store) Write(ctx context.Context, b table.Batch) error {
	if err := check(b); err != nil {
		return err
	}
	send := s.sender(b)
	r := retries{s: s, budget: writeBudget, each: writeAttempt}
	for {
		verdict, err := r.attempt(ctx, send)
		switch verdict {
		case done:
			return nil
		case failed:
			images := imagesOf(b, err)
			switch {
			case b.Landed(images):
				return nil
			case r.lost && !beaten(b, images): // it may have been written and then changed by another
				return fmt.Errorf("%w: %w", table.ErrUnknown, err)
			}
			return &table.Stale{Images: images}
		case fatal:
			return r.settle(err)
		}
		if !r.wait(ctx) {
			return r.giveUp(ctx, err)
		}
	}
}

// beaten reports whether an image proves that b is not and will never be
// written: another write made the very version that b would have made.
func beaten(b table.Batch, images []table.Image) bool {
	for i, im := range images {
		put := b.Ops[i].Put
		if put != nil && im.Item != nil && im.Item.Version == put.IfVersion+1 && im.Item.WriteID != b.WriteID {
			return true
		}
	}
	return false
}

// sender makes the request once, so that every resend is the same.
func (s *Store) sender(b table.Batch) func(context.Context) error {
	same := sameBytes()
	if len(b.Ops) > 1 {
		return s.transaction(b, same)
	}
	if put := b.Ops[0].Put; put != nil {
		e := putExpr(*put, b.WriteID)
		in := &dynamodb.PutItemInput{
			TableName: &s.o.Table, Item: e.item, ConditionExpression: &e.condition,
			ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.values,
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
			ReturnConsumedCapacity:              s.meter,
		}
		return func(ctx context.Context) error {
			out, err := s.client.PutItem(ctx, in, same)
			if err == nil {
				s.consumed("put", false, out.ConsumedCapacity)
			}
			return err
		}
	}
	e := takeExpr(*b.Ops[0].Take, b.WriteID)
	in := &dynamodb.UpdateItemInput{
		TableName: &s.o.Table, Key: e.item, ConditionExpression: &e.condition, UpdateExpression: &e.update,
		ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		ReturnConsumedCapacity:              s.meter,
	}
	return func(ctx context.Context) error {
		out, err := s.client.UpdateItem(ctx, in, same)
		if err == nil {
			s.consumed("take", false, out.ConsumedCapacity)
		}
		return err
	}
}

func (s *Store) transaction(b table.Batch, same func(*dynamodb.Options)) func(context.Context) error {
	in := &dynamodb.TransactWriteItemsInput{
		ClientRequestToken: &b.WriteID, ReturnConsumedCapacity: s.meter,
		TransactItems: make([]types.TransactWriteItem, len(b.Ops)),
	}
	for i, op := range b.Ops {
		if op.Put != nil {
			e := putExpr(*op.Put, b.WriteID)
			in.TransactItems[i].Put = &types.Put{
				TableName: &s.o.Table, Item: e.item, ConditionExpression: &e.condition,
				ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.values,
				ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
			}
			continue
		}
		e := takeExpr(*op.Take, b.WriteID)
		in.TransactItems[i].Update = &types.Update{
			TableName: &s.o.Table, Key: e.item, ConditionExpression: &e.condition, UpdateExpression: &e.update,
			ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.values,
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		}
	}
	return func(ctx context.Context) error {
		out, err := s.client.TransactWriteItems(ctx, in, same)
		if err == nil && s.o.Meter != nil {
			all := make([]*types.ConsumedCapacity, len(out.ConsumedCapacity))
			for i := range all {
				all[i] = &out.ConsumedCapacity[i]
			}
			s.consumed("transact", false, all...)
		}
		return err
	}
}

// sameBytes makes every sending of one write carry the bytes of the first: the
// SDK writes a map in another order each time it marshals it.
func sameBytes() func(*dynamodb.Options) {
	var first []byte
	keep := middleware.SerializeMiddlewareFunc("SameBytes", func(
		ctx context.Context, in middleware.SerializeInput, next middleware.SerializeHandler,
	) (out middleware.SerializeOutput, meta middleware.Metadata, err error) {
		req, ok := in.Request.(*smithyhttp.Request)
		if !ok {
			return out, meta, fmt.Errorf("dynamo: request is a %T", in.Request)
		}
		if first == nil {
			if first, err = io.ReadAll(req.GetStream()); err != nil {
				return out, meta, err
			}
		}
		if in.Request, err = req.SetStream(bytes.NewReader(first)); err != nil {
			return out, meta, err
		}
		return next.HandleSerialize(ctx, in)
	})
	return func(o *dynamodb.Options) {
		o.APIOptions = append(o.APIOptions, func(s *middleware.Stack) error { return s.Serialize.Add(keep, middleware.After) })
	}
}

// expr is one operation as expressions; item is the whole item or its key.
type expr struct {
	item              attrs
	condition, update string
	names             map[string]string
	values            attrs
}

func putExpr(p table.Put, writeID string) expr {
	it := p.Item
	it.Version, it.WriteID = p.IfVersion+1, writeID
	e := expr{item: encodeItem(&it)}
	if p.IfVersion == 0 {
		e.condition, e.names = "attribute_not_exists(#pk)", map[string]string{"#pk": attrPK}
		return e
	}
	e.condition, e.names = "#v = :v", map[string]string{"#v": attrVersion}
	e.values = attrs{":v": num(p.IfVersion)}
	return e
}

func takeExpr(t table.Take, writeID string) expr {
	return expr{
		item:      keyAttrs(t.Key),
		condition: "#f >= :n AND #r = :rev AND attribute_not_exists(#c.#id)",
		update:    "SET #f = #f - :n, #c.#id = :claim, #v = #v + :one, #w = :w",
		names: map[string]string{
			"#f": attrFree, "#r": attrRev, "#c": attrClaims, "#id": t.ClaimID, "#v": attrVersion, "#w": attrWriteID,
		},
		values: attrs{
			":n": num(t.N), ":rev": num(t.Rev), ":one": num(1), ":w": str(writeID), ":claim": encodeClaim(t.N, t.Until),
		},
	}
}

// imagesOf reads what a failed condition told about each operation's item.
func imagesOf(b table.Batch, err error) []table.Image {
	images := make([]table.Image, len(b.Ops))
	var single *types.ConditionalCheckFailedException
	if errors.As(err, &single) {
		images[0] = imageOf(b.Ops[0], single.Item)
	}
	var cancelled *types.TransactionCanceledException
	if errors.As(err, &cancelled) {
		for i, reason := range cancelled.CancellationReasons {
			if i < len(images) && aws.ToString(reason.Code) == reasonCondition {
				images[i] = imageOf(b.Ops[i], reason.Item)
			}
		}
	}
	return images
}

// imageOf is the image of an item whose condition failed. No attributes mean
// that the item is absent, unless absence is what the condition asked for.
func imageOf(op table.Op, raw attrs) table.Image {
	if len(raw) == 0 {
		return table.Image{Known: op.Put == nil || op.Put.IfVersion != 0}
	}
	it, err := decodeItem(raw)
	return table.Image{Known: err == nil, Item: it}
}
