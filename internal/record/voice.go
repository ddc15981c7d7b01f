package record

import (
	"strings"
	"time"

	"panah/internal/code"
	"panah/internal/placement"
	"panah/internal/table"
)

type voiceForm struct {
	No       int        `json:"n,omitempty"`
	Hash     string     `json:"h,omitempty"`
	Key      uint64     `json:"k,omitempty"`
	At       int64      `json:"a,omitempty"`
	Said     []saidForm `json:"s,omitempty"`
	Commands []uint64   `json:"m,omitempty"` // key and payload in turn
	Codes    []uint64   `json:"cc,omitempty"`
	By       string     `json:"by,omitempty"`
}

type saidForm struct {
	What  code.StayAsk   `json:"w"`
	About code.Complaint `json:"c,omitempty"`
	At    int64          `json:"a"`
	Alert string         `json:"l,omitempty"`
}

// VoiceKey is where a survivor's voice lies: in a partition of its own, which the
// functions of shelters may not read.
func VoiceKey(placementID string) table.Key { return table.Key{PK: "VOICE#" + placementID, SK: "V"} }

// IsVoice reports whether the item is a survivor's voice.
func IsVoice(k table.Key) bool { return strings.HasPrefix(k.PK, "VOICE#") && k.SK == "V" }

// FromVoice makes the item of a voice.
func FromVoice(v placement.Voice) table.Item {
	f := voiceForm{No: v.CodeNo, Hash: v.CodeHash, Key: v.CodeKey, At: seconds(v.CodeAt), Commands: fromCommands(v.Commands), Codes: fromCommands(v.Codes), By: v.By}
	for _, s := range v.Said {
		f.Said = append(f.Said, saidForm{s.What, s.About, seconds(s.At), s.Alert})
	}
	return table.Item{Key: VoiceKey(v.Placement), Body: marshal(f)}
}

// ToVoice reads a voice back.
func ToVoice(it *table.Item) (placement.Voice, error) {
	var f voiceForm
	if err := unmarshal(it, &f); err != nil {
		return placement.Voice{}, err
	}
	v := placement.Voice{Placement: strings.TrimPrefix(it.PK, "VOICE#"), CodeNo: f.No, CodeHash: f.Hash, CodeKey: f.Key, CodeAt: instant(f.At),
		Commands: toCommands(f.Commands), Codes: toCommands(f.Codes), By: f.By, Version: it.Version}
	for _, s := range f.Said {
		v.Said = append(v.Said, placement.Said{What: s.What, About: s.About, At: instant(s.At), Alert: s.Alert})
	}
	return v, nil
}

// StayCodeKey is where a code is looked up, by its hash.
func StayCodeKey(hash string) table.Key { return table.Key{PK: "CODE#" + hash, SK: "C"} }

// FromStayCode makes the item a code is looked up by: which placement it is of.
func FromStayCode(hash, placementID string) table.Item {
	return table.Item{Key: StayCodeKey(hash), Body: []byte(placementID)}
}

// NoStayCode is what stands in the place of a code that was replaced, until an
// instant. Such an item was written once.
func NoStayCode(hash string, until time.Time) table.Op {
	return table.PutOp(table.Item{Key: StayCodeKey(hash), Tombstone: true, Expires: until}, 1)
}

// ToStayCode is the placement a code is of; of one that was replaced, none.
func ToStayCode(it *table.Item) string {
	if it == nil || it.Tombstone {
		return ""
	}
	return string(it.Body)
}

type noticeForm struct {
	Closed    bool               `json:"c,omitempty"`
	At        int64              `json:"a"`
	Delivered int64              `json:"d,omitempty"`
	How       placement.Delivery `json:"h,omitempty"`
}

// noticeSides begin the sort key of a notice.
var noticeSides = map[placement.Side]string{placement.Team: "N#T#", placement.House: "N#S#"}

// NoticeKey is where the notice to a recipient lies, beside its placement.
func NoticeKey(placementID string, to placement.Recipient) table.Key {
	return table.Key{PK: "P#" + placementID, SK: noticeSides[to.Side] + to.ID}
}

// IsNotice reports whether the item is a notice.
func IsNotice(k table.Key) bool {
	return strings.HasPrefix(k.PK, "P#") && strings.HasPrefix(k.SK, "N#")
}

// FromNotice makes the item of a notice. While listed, a shelter finds it among
// its arrivals; a team finds the placement itself.
func FromNotice(n placement.Notice, listed bool) table.Item {
	it := table.Item{Key: NoticeKey(n.Placement, n.To), Body: marshal(noticeForm{n.Closed, seconds(n.At), seconds(n.Delivered), n.How})}
	if listed && n.To.Side == placement.House {
		it.Index = map[table.Index]table.Key{table.Work: {PK: WorkPartition(n.To.ID), SK: Stamp(n.At) + "#" + n.Placement}}
	}
	return it
}

// ToNotice reads a notice back.
func ToNotice(it *table.Item) (placement.Notice, error) {
	var f noticeForm
	if err := unmarshal(it, &f); err != nil {
		return placement.Notice{}, err
	}
	n := placement.Notice{Placement: strings.TrimPrefix(it.PK, "P#"), Closed: f.Closed, At: instant(f.At), Delivered: instant(f.Delivered), How: f.How, Version: it.Version}
	for side, prefix := range noticeSides {
		if id, ok := strings.CutPrefix(it.SK, prefix); ok {
			n.To = placement.Recipient{Side: side, ID: id}
		}
	}
	return n, nil
}
