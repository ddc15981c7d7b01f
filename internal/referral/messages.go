package referral

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strconv"
	"time"

	"panah/internal/caller"
	"panah/internal/fault"
	"panah/internal/place"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/shelter"
	"panah/internal/sms"
	"panah/internal/table"
)

// TextMessage is a message as a carrier's software brings it in.
type TextMessage struct {
	Key        string // the provider's id of the message
	From, Text string
	ReceivedAt time.Time // by the carrier: when the beds were counted
}

// Reply is what is sent back.
type Reply struct {
	Text     string
	Changed  bool // a counter was changed or confirmed
	Replayed bool
}

// heardKept is how many messages a number remembers with their answers.
const heardKept = 6

// Message lets a shelter's phone count beds. A message that comes again is answered
// as it was and counts nothing twice; one that is older than what is stored changes
// nothing. A number that no shelter of the carrier's region has registered hears
// always the same, and nothing is kept of it.
func (s *Service) Message(ctx context.Context, c caller.Caller, m TextMessage) (Reply, error) {
	if err := c.Allow(caller.CarryMessage, caller.Resource{District: c.Region()}); err != nil {
		return Reply{}, err
	}
	m.ReceivedAt = m.ReceivedAt.UTC().Truncate(time.Second)
	if m.ReceivedAt.After(s.now().Add(shelter.ClockSlack)) {
		return Reply{}, fault.Field("receivedAt", "is in the future")
	}
	from, ok := international(m.From)
	if !ok {
		return Reply{Text: sms.Neutral}, nil
	}
	done := placement.Command{Key: placement.Hash(c.Scope + "\x00" + m.Key),
		Payload: binary.BigEndian.Uint64(s.keyed("message", m.Text+"\x00"+strconv.FormatInt(m.ReceivedAt.Unix(), 10)))}
	for range attempts {
		n, err := s.number(ctx, s.numberHash(from))
		if err != nil {
			return Reply{}, err
		}
		staff, v, err := s.staffOf(ctx, c, n)
		if err != nil || v.ID == "" {
			return Reply{Text: sms.Neutral}, err
		}
		if i := slices.IndexFunc(n.Heard, func(h record.Heard) bool { return h.Key == done.Key }); i >= 0 {
			if n.Heard[i].Payload != done.Payload {
				return Reply{}, fault.New(fault.KeyReused, "this Idempotency-Key was used for another message")
			}
			return Reply{n.Heard[i].Reply, n.Heard[i].Changed, true}, nil
		}
		a := answering{Service: s, staff: staff, at: m.ReceivedAt, number: &n, units: s.countable(v), key: "sms " + m.Key, mark: done.Key}
		r, err := a.answer(ctx, m.Text)
		if err != nil {
			return Reply{}, err
		}
		n.Heard = append(slices.Clone(n.Heard[max(0, len(n.Heard)-heardKept+1):]), record.Heard{Command: done, Reply: r.Text, Changed: r.Changed})
		err = s.Store.Write(ctx, table.Batch{WriteID: s.NewID(), Ops: []table.Op{table.PutOp(record.FromNumber(n), n.Version)}})
		if err == nil {
			return r, nil
		}
		if _, lost := table.IsStale(err); !lost && !errors.Is(err, table.ErrUnknown) {
			return Reply{}, refusal(err)
		}
	}
	return Reply{}, errBusyShelter()
}

// staffOf is the member of staff as whom a number counts, and their shelter: none
// when there is no such number, its member is staff no more, or the shelter is
// beyond the carrier's region.
func (s *Service) staffOf(ctx context.Context, c caller.Caller, n record.Number) (caller.Caller, ShelterView, error) {
	if n.Shelter == "" {
		return caller.Caller{}, ShelterView{}, nil
	}
	staff, err := s.Caller(ctx, n.Subject)
	if fault.Is(err, fault.Forbidden) || err == nil && staff.Shelter() != n.Shelter {
		return caller.Caller{}, ShelterView{}, nil
	}
	if err != nil {
		return caller.Caller{}, ShelterView{}, err
	}
	v, err := s.stored(ctx, n.Shelter)
	if err == nil && !place.Within(v.District, c.Region()) {
		return caller.Caller{}, ShelterView{}, nil
	}
	return staff, v, err
}

// countable are the units a message can be about: surge beds whose time is over are none.
func (s *Service) countable(v ShelterView) (out []shelter.Unit) {
	for _, u := range v.Units {
		if !u.Over(s.now()) {
			out = append(out, u)
		}
	}
	return out
}

// answering is one message on its way to an answer.
type answering struct {
	*Service
	staff  caller.Caller
	at     time.Time
	number *record.Number
	units  []shelter.Unit
	key    string // of the command
	mark   uint64 // of the count
}

func (a answering) answer(ctx context.Context, text string) (Reply, error) {
	m, ok := sms.Parse(text)
	switch {
	case !ok || len(a.units) == 0:
		return Reply{Text: sms.NotUnderstood(a.units)}, nil
	case placement.CheckOccurred(a.at, a.now()) != nil:
		return Reply{Text: sms.Late()}, nil
	}
	switch m.Word {
	case sms.Help:
		return Reply{Text: sms.Helped(a.units)}, nil
	case sms.Same:
		return a.same(ctx)
	case sms.Undo:
		return a.undo(ctx)
	}
	u, ok := sms.Find(a.units, m.Unit)
	switch {
	case !ok:
		return Reply{Text: sms.WhichUnit(a.units)}, nil
	case m.Word == sms.Beds && u.RoomBeds > 1:
		return Reply{Text: sms.Rooms(u)}, nil
	}
	return a.count(ctx, u, m)
}

// errTooMany says that more beds were said to be empty than there are.
var errTooMany = errors.New("referral: more empty beds than beds")

// count is the census of one unit as of the instant the message was received. It
// is made on the counts as they are then: of staffed beds and those out of service a
// message says nothing.
func (a answering) count(ctx context.Context, u shelter.Unit, m sms.Message) (Reply, error) {
	now, err := a.Count(ctx, a.staff, u.Shelter, u.ID, CensusCommand{Of: func(u shelter.Unit) (shelter.Census, error) {
		c := shelter.Census{CountedAt: a.at, Present: m.N, Staffed: u.Counts().Staffed(), OutOfService: u.Counts().OutOfService(), Mark: a.mark}
		if m.Word == sms.Beds {
			c.Present = sms.Usable(u) - m.N
		}
		switch {
		case c.Present < 0:
			return c, errTooMany
		case a.at.Before(u.ConfirmedAt) && !u.ByPhone:
			return c, fault.New(fault.Precondition, "the counts were confirmed after this message was sent")
		}
		return c, nil
	}, Census: shelter.Census{Mark: a.mark}})
	switch {
	case err == nil:
		a.number.Unit, a.number.Mark, a.number.At = u.ID, a.mark, a.at
		return Reply{Text: sms.Counted(now), Changed: true}, nil
	case errors.Is(err, errTooMany), fault.Is(err, fault.Invalid):
		return Reply{Text: sms.TooMany(u)}, nil
	case fault.Is(err, fault.Precondition):
		return Reply{Text: sms.Late()}, nil
	}
	return Reply{}, err
}

// same confirms the counts of the whole shelter as they are stored.
func (a answering) same(ctx context.Context) (Reply, error) {
	v, err := a.Confirm(ctx, a.staff, a.staff.Shelter(), Command{Key: a.key, OccurredAt: a.at})
	if err != nil {
		return Reply{}, err
	}
	return Reply{Text: sms.Confirmed(a.countable(v)), Changed: true}, nil
}

// undo takes back the last count by this number, if it still stands.
func (a answering) undo(ctx context.Context) (Reply, error) {
	if a.number.Mark == 0 || a.at.Before(a.number.At) {
		return Reply{Text: sms.NothingToUndo()}, nil
	}
	u, err := a.undoCount(ctx, a.staff, a.staff.Shelter(), a.number.Unit, Command{Key: a.key}, a.number.Mark)
	switch {
	case fault.Is(err, fault.IllegalMove):
		return Reply{Text: sms.NothingToUndo()}, nil
	case err != nil:
		return Reply{}, err
	}
	return Reply{Text: sms.Undone(u), Changed: true}, nil
}
