package referral

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"panah/internal/caller"
	"panah/internal/code"
	"panah/internal/fault"
	"panah/internal/matching"
	"panah/internal/placement"
	"panah/internal/record"
	"panah/internal/table"
)

// showAgain is how long the command that made a survivor's code shows it once
// more: its answer may have been lost on the way. Later a new code is made.
const showAgain = time.Hour

// keepReplaced is how long the place of a code that was replaced stays marked.
const keepReplaced = 30 * 24 * time.Hour

// IssuedCode is a survivor's code as it is handed over.
type IssuedCode struct {
	Code     placement.StayCode // empty where it is not shown any more
	No       int
	Replayed bool
}

// GiveStayCode makes the survivor's own code of a placement, in place of the one
// numbered replaces (0: there is none yet): a command that comes late replaces no
// newer one. The team may until the party has arrived, the desk always; a shelter
// never learns that there is one. The placement itself does not change.
func (s *Service) GiveStayCode(ctx context.Context, c caller.Caller, id string, replaces int, cmd Command) (IssuedCode, error) {
	p, err := s.load(ctx, id)
	if err != nil {
		return IssuedCode{}, err
	}
	if p == nil {
		return IssuedCode{}, missing(c.Allow(caller.GiveStayCode, caller.Resource{}))
	}
	if err := c.Allow(caller.GiveStayCode, resource(*p)); err != nil {
		return IssuedCode{}, err
	}
	if err := s.unlessGone(ctx, c, *p); err != nil {
		return IssuedCode{}, err
	}
	mine := cmd.hash(c)
	v, replayed, err := s.speak(ctx, id, func(v placement.Voice, now time.Time) (said, error) {
		if done, err := v.Replay(mine); done || err != nil {
			return said{next: v, done: true}, err
		}
		if c.Role == caller.Rescue && !p.ArrivedAt.IsZero() {
			return said{}, fault.New(fault.IllegalMove, "the party has arrived: the desk gives a code from now on").WithAllowed([]string{})
		}
		if replaces != v.CodeNo {
			f := fault.New(fault.StaleVersion, "the last code of this placement is number %d: name the one you mean to replace", v.CodeNo)
			f.Field = "replaces"
			return said{}, f.WithAllowed([]string{})
		}
		made := placement.MakeStayCode(s.Secret, id, v.CodeNo+1)
		ops := []table.Op{table.PutOp(record.FromStayCode(made.Hash(), id), 0)}
		if v.CodeHash != "" {
			ops = append(ops, record.NoStayCode(v.CodeHash, now.Add(keepReplaced)))
		}
		next, err := v.Coded(made, mine, c.Subject, now)
		return said{next: next, ops: ops}, err
	})
	if err != nil {
		return IssuedCode{}, err
	}
	out := IssuedCode{No: v.NumberOf(mine), Replayed: replayed}
	if made := placement.MakeStayCode(s.Secret, id, v.CodeNo); v.Shows(made, mine, showAgain, s.now()) {
		out.Code = made
	}
	return out, nil
}

// said is what becomes of a survivor's voice.
type said struct {
	next placement.Voice
	ops  []table.Op // written with it
	done bool       // nothing is left to write
}

// speak changes a placement's voice: what is decided on it as it is stored is
// written with it, or decided again.
func (s *Service) speak(ctx context.Context, id string, decide func(v placement.Voice, now time.Time) (said, error)) (_ placement.Voice, replayed bool, err error) {
	var sent []string
	for range attempts {
		v, writer, err := s.voice(ctx, id)
		if err != nil {
			return v, false, err
		}
		d, err := decide(v, s.now())
		if err != nil || d.done {
			return d.next, d.done && !slices.Contains(sent, writer), err
		}
		b := table.Batch{WriteID: s.NewID(), Ops: append([]table.Op{table.PutOp(record.FromVoice(d.next), v.Version)}, d.ops...)}
		err = s.Store.Write(ctx, b)
		if err == nil {
			d.next.Version = v.Version + 1
			return d.next, false, nil
		}
		if _, lost := table.IsStale(err); !lost && !errors.Is(err, table.ErrUnknown) {
			return v, false, refusal(err)
		}
		sent = append(sent, b.WriteID)
	}
	return placement.Voice{}, false, fault.New(fault.Busy, "somebody else speaks at this moment; send the same request again shortly")
}

// voice reads a survivor's voice, and the id of the write that made it; who has
// said nothing yet has an empty one.
func (s *Service) voice(ctx context.Context, id string) (placement.Voice, string, error) {
	it, err := s.Store.Get(ctx, record.VoiceKey(id), table.Strong)
	if err != nil || it == nil {
		return placement.Voice{Placement: id}, "", refusal(err)
	}
	v, err := record.ToVoice(it)
	return v, it.WriteID, err
}

// Saying is what a survivor says with their code. About is what a complaint is of.
type Saying struct {
	Code  string
	Ask   code.StayAsk
	About *code.Complaint
}

// OwnStay is what a survivor sees: of their placement and of what they said.
type OwnStay struct {
	Placement placement.Placement
	Voice     placement.Voice
	Clocks    []matching.Running
	Call      string // the helpline of the place
	MayAsk    []code.StayAsk
	Replayed  bool
}

// Speak carries out what a survivor says with their own code. Wishes and
// complaints are kept beside the placement and told to the desk; a withdrawal of
// consent ends the sharing at once, where the placement rests on consent.
func (s *Service) Speak(ctx context.Context, say Saying, cmd Command) (OwnStay, error) {
	if (say.Ask == code.AskComplain) != (say.About != nil) {
		return OwnStay{}, fault.Field("about", "is required with complain, and with nothing else")
	}
	c, v, err := s.survivor(ctx, placement.HearStayCode(say.Code))
	if err != nil {
		return OwnStay{}, err
	}
	p, err := s.load(ctx, c.Scope)
	if err != nil || p == nil {
		return OwnStay{}, err
	}
	if err := onceUsed(*p, v, cmd.hash(c)); err != nil {
		return OwnStay{}, err
	}
	var replayed bool
	switch {
	case say.Ask == code.AskView:
		err = c.Allow(caller.ReadOwnStay, caller.Resource{Stay: p.ID})
	case say.Ask == code.AskWithdraw && p.Request.OnConsent():
		var o Outcome
		o, err = s.withdraw(ctx, c, *p, cmd)
		*p, replayed = o.Placement, o.Replayed
	default:
		replayed, err = s.tell(ctx, c, *p, say, cmd)
	}
	if err != nil {
		return OwnStay{}, err
	}
	return s.ownStay(ctx, *p, replayed)
}

// unknownCode is the one answer to every code that is nobody's now: mistaken,
// replaced, or made up. Each costs one read.
func unknownCode() error {
	return fault.New(fault.NotFound, "no stay answers to this code: compare it symbol by symbol, or ask the desk for a new one")
}

// onceUsed refuses a key that was used for something else: what a survivor says is
// remembered in two places.
func onceUsed(p placement.Placement, v placement.Voice, mine placement.Command) error {
	_, err := p.Replay(mine)
	if err == nil {
		_, err = v.Replay(mine)
	}
	return err
}

// survivor is who has a code, with what they have said so far.
func (s *Service) survivor(ctx context.Context, said placement.StayCode) (caller.Caller, placement.Voice, error) {
	it, err := s.Store.Get(ctx, record.StayCodeKey(said.Hash()), table.Strong)
	if err != nil {
		return caller.Caller{}, placement.Voice{}, refusal(err)
	}
	id := record.ToStayCode(it)
	if id == "" {
		return caller.Caller{}, placement.Voice{}, unknownCode()
	}
	v, _, err := s.voice(ctx, id)
	if err == nil && !v.Answers(said.Hash()) {
		err = unknownCode() // replaced this very moment
	}
	return caller.Caller{Subject: placement.SurvivorSubject, Role: caller.Survivor, Scope: id}, v, err
}

// stayAlerts are what the desk is told when a survivor speaks.
var stayAlerts = map[code.StayAsk]placement.AlertKind{code.AskLeave: placement.AlertWishLeave, code.AskMove: placement.AlertWishMove,
	code.AskComplain: placement.AlertComplaint, code.AskWithdraw: placement.AlertWishWithdraw}

// tell keeps what a survivor said and tells the desk in the same write.
func (s *Service) tell(ctx context.Context, c caller.Caller, p placement.Placement, say Saying, cmd Command) (replayed bool, err error) {
	if err := c.Allow(caller.SpeakOfStay, caller.Resource{Stay: p.ID}); err != nil {
		return false, err
	}
	mine := cmd.hash(c)
	_, replayed, err = s.speak(ctx, p.ID, func(v placement.Voice, now time.Time) (said, error) {
		if done, err := v.Replay(mine); done || err != nil {
			return said{next: v, done: true}, err
		}
		if may := mayAsk(p); !slices.Contains(may, say.Ask) {
			return said{}, fault.New(fault.IllegalMove, "the stay is over").WithAllowed(askNames(may))
		}
		thing := placement.Said{What: say.Ask, At: now}
		if say.About != nil {
			thing.About = *say.About
			before, open, err := s.openComplaint(ctx, p, v, say.About)
			if err != nil || open != nil {
				thing.Alert = before
				next, full := v.Say(thing, mine)
				return said{next: next, ops: open}, cmp.Or(err, full)
			}
		}
		a := alert(p, stayAlerts[say.Ask], now)
		a.ID = fmt.Sprintf("%s.v%d", a.ID, v.Version+1)
		if say.About != nil {
			a.What = code.Complaints.Name(*say.About)
		}
		thing.Alert = alertCursor(a)
		next, err := v.Say(thing, mine)
		if err != nil {
			return said{}, err
		}
		ops, err := s.pause(ctx, p, say.About, &a, now)
		return said{next: next, ops: append(ops, table.PutOp(record.FromAlert(a), 0))}, err
	})
	return replayed, err
}

// openComplaint is the alert that has told the desk of the very same complaint and that
// nobody has looked at yet: nothing is added to it. It is put again as it is, so that
// whoever acknowledges it at this moment does so before or after, and not unseen.
func (s *Service) openComplaint(ctx context.Context, p placement.Placement, v placement.Voice, about *code.Complaint) (alert string, same []table.Op, err error) {
	before, ok := v.Complained(*about)
	if !ok || before.Alert == "" {
		return "", nil, nil
	}
	it, err := s.alertAt(ctx, before.Alert)
	if err != nil || it == nil {
		return "", nil, err
	}
	a, err := record.ToAlert(it)
	if err != nil || !a.Open() || a.Pauses != pausing(p, about) {
		return "", nil, err
	}
	return before.Alert, []table.Op{table.PutOp(record.FromAlert(a), it.Version)}, nil
}

// mayAsk is what a survivor can ask now: whoever has left may still complain.
func mayAsk(p placement.Placement) []code.StayAsk {
	out := []code.StayAsk{code.AskView}
	if p.State != placement.Ended && p.State != placement.Cancelled && p.State != placement.Superseded {
		out = append(out, code.AskLeave, code.AskMove)
	}
	out = append(out, code.AskComplain)
	if p.Withdrawn.IsZero() {
		out = append(out, code.AskWithdraw)
	}
	return out
}

func askNames(asks []code.StayAsk) (out []string) {
	for _, a := range asks {
		out = append(out, code.StayAsks.Name(a))
	}
	return out
}

// withdraw ends the sharing of a placement. The beds, the end and a notice to
// everybody it was ever shared with are one write, but for notices that do not fit.
func (s *Service) withdraw(ctx context.Context, c caller.Caller, seen placement.Placement, cmd Command) (Outcome, error) {
	o, err := s.alarming(ctx, c, caller.SpeakOfStay, seen.ID, placement.MoveWithdraw, cmd, func(p placement.Placement, now time.Time) (d decision, err error) {
		if d.next, d.beds, err = p.Withdraw(now); err != nil {
			return d, err
		}
		d.alerts = append(d.alerts, alert(p, placement.AlertConsentWithdrawn, now))
		if d.next.Withdrawing, err = s.sameParty(ctx, p); err != nil {
			return d, err
		}
		if p.State == placement.Arrived { // a transfer that is asked for at this instant comes before or after
			known, err := s.transfersOf(ctx, p.ID)
			if err != nil {
				return d, err
			}
			d.with = append(d.with, table.PutOp(record.FromTransfers(known), known.Version))
		}
		return s.withdrawOthers(ctx, told(d), now)
	})
	for range placement.MaxCommands { // what did not fit in the write; the clock goes on where this process is lost
		if err != nil || len(o.Withdrawing)+len(o.Untold) == 0 {
			break
		}
		if _, err := s.tick(ctx, record.PlacementKey(o.ID)); err != nil {
			s.Log.Error("a withdrawal is left to the clock", "placement", o.ID, "error", err.Error())
			break
		}
		now, err := s.load(ctx, o.ID)
		if err != nil || now == nil {
			break
		}
		o.Placement = *now
	}
	if f, ok := fault.Of(err); ok && f.Kind == fault.IllegalMove {
		f.Allowed = slices.DeleteFunc(askNames(mayAsk(seen)), func(ask string) bool { return ask == code.StayAsks.Name(code.AskWithdraw) })
	}
	return o, err
}

func (s *Service) ownStay(ctx context.Context, p placement.Placement, replayed bool) (OwnStay, error) {
	v, _, err := s.voice(ctx, p.ID)
	return OwnStay{Placement: p, Voice: v, Clocks: s.Policy.Clocks(p), Call: matching.FallbackFor(matching.Ask{Request: p.Request}, s.Policy).Call,
		MayAsk: mayAsk(p), Replayed: replayed}, err
}
