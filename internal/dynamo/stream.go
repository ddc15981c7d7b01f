package dynamo

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"panah/internal/table"
)

// streamRecord is one record of a DynamoDB stream as a function receives it.
type streamRecord struct {
	EventID      string       `json:"eventID"`
	EventName    string       `json:"eventName"`
	EventVersion string       `json:"eventVersion,omitempty"`
	EventSource  string       `json:"eventSource,omitempty"`
	Change       streamChange `json:"dynamodb"`
}

type streamChange struct {
	SequenceNumber string    `json:"SequenceNumber"`
	StreamViewType string    `json:"StreamViewType,omitempty"`
	Keys           jsonAttrs `json:"Keys,omitempty"`
	NewImage       jsonAttrs `json:"NewImage,omitempty"`
	OldImage       jsonAttrs `json:"OldImage,omitempty"`
}

// jsonAttrs are attributes in DynamoDB's JSON, of the kinds that items use.
type jsonAttrs map[string]jsonAttr

type jsonAttr struct {
	S    *string    `json:"S,omitempty"`
	N    *string    `json:"N,omitempty"`
	B    *[]byte    `json:"B,omitempty"`
	BOOL *bool      `json:"BOOL,omitempty"`
	M    *jsonAttrs `json:"M,omitempty"`
}

// attrs leaves out attributes of other kinds: no item has one.
func (j jsonAttrs) attrs() attrs {
	if j == nil {
		return nil
	}
	out := make(attrs, len(j))
	for name, v := range j {
		switch {
		case v.S != nil:
			out[name] = str(*v.S)
		case v.N != nil:
			out[name] = &types.AttributeValueMemberN{Value: *v.N}
		case v.B != nil:
			out[name] = &types.AttributeValueMemberB{Value: *v.B}
		case v.BOOL != nil:
			out[name] = &types.AttributeValueMemberBOOL{Value: *v.BOOL}
		case v.M != nil:
			out[name] = &types.AttributeValueMemberM{Value: v.M.attrs()}
		}
	}
	return out
}

func jsonOf(in attrs) jsonAttrs {
	if in == nil {
		return nil
	}
	out := make(jsonAttrs, len(in))
	for name, v := range in {
		switch v := v.(type) {
		case *types.AttributeValueMemberS:
			out[name] = jsonAttr{S: &v.Value}
		case *types.AttributeValueMemberN:
			out[name] = jsonAttr{N: &v.Value}
		case *types.AttributeValueMemberB:
			out[name] = jsonAttr{B: &v.Value}
		case *types.AttributeValueMemberBOOL:
			out[name] = jsonAttr{BOOL: &v.Value}
		case *types.AttributeValueMemberM:
			m := jsonOf(v.Value)
			out[name] = jsonAttr{M: &m}
		}
	}
	return out
}

// DecodeChange reads one record of the stream. New is nil only when DynamoDB
// itself dropped an item past its Expires.
func DecodeChange(raw json.RawMessage) (table.Change, error) {
	var r streamRecord
	if err := json.Unmarshal(raw, &r); err != nil {
		return table.Change{}, fmt.Errorf("dynamo: stream record: %w", err)
	}
	return ChangeOf(r.Change.SequenceNumber, r.Change.OldImage.attrs(), r.Change.NewImage.attrs())
}

// ChangeOf makes a change of the two images of an item; an image that is not
// there is empty.
func ChangeOf(seq string, before, after map[string]types.AttributeValue) (c table.Change, err error) {
	if seq == "" || len(before) == 0 && len(after) == 0 {
		return table.Change{}, errors.New("dynamo: stream record without sequence number or images")
	}
	c.Seq = seq
	if len(before) > 0 {
		if c.Old, err = decodeItem(before); err != nil {
			return table.Change{}, err
		}
	}
	if len(after) > 0 {
		if c.New, err = decodeItem(after); err != nil {
			return table.Change{}, err
		}
	}
	return c, nil
}

// EncodeChange writes the record DecodeChange reads, for a local run that hands
// changes to a function the way a stream does.
func EncodeChange(c table.Change) (json.RawMessage, error) {
	r := streamRecord{
		EventID: c.Seq, EventVersion: "1.1", EventSource: "aws:dynamodb",
		Change: streamChange{SequenceNumber: c.Seq, StreamViewType: "NEW_AND_OLD_IMAGES"},
	}
	var of *table.Item
	switch {
	case c.Seq == "" || c.Old == nil && c.New == nil:
		return nil, errors.New("dynamo: a change needs a sequence number and an image")
	case c.Old == nil:
		r.EventName, of = "INSERT", c.New
	case c.New == nil:
		r.EventName, of = "REMOVE", c.Old
	default:
		r.EventName, of = "MODIFY", c.New
	}
	r.Change.Keys = jsonOf(keyAttrs(of.Key))
	if c.Old != nil {
		r.Change.OldImage = jsonOf(encodeItem(c.Old))
	}
	if c.New != nil {
		r.Change.NewImage = jsonOf(encodeItem(c.New))
	}
	return json.Marshal(r)
}
