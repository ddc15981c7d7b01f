package record

import (
	"fmt"
	"strings"

	"panah/internal/code"
	"panah/internal/language"
	"panah/internal/place"
	"panah/internal/placement"
	"panah/internal/shelter"
	"panah/internal/table"
)

type placementForm struct {
	Team       string          `json:"t"`
	State      placement.State `json:"s"`
	Policy     string          `json:"p"`
	Created    int64           `json:"c"`
	Changed    int64           `json:"g"`
	Since      int64           `json:"en,omitempty"` // absent where it is Changed
	Looked     int64           `json:"lo,omitempty"`
	Late       bool            `json:"l,omitempty"`
	Request    requestForm     `json:"q"`
	HoldNo     int             `json:"n,omitempty"`
	Shelter    string          `json:"h,omitempty"`
	Parts      []partForm      `json:"b,omitempty"`
	Score      int             `json:"o,omitempty"`
	Day        shelter.Day     `json:"hd,omitempty"` // of the hold, where the shelter limits how many come on one
	Expires    int64           `json:"e,omitempty"`
	Stopped    int64           `json:"st,omitempty"`
	MustMove   string          `json:"mm,omitempty"`
	Offered    []string        `json:"f,omitempty"`
	Tried      []string        `json:"y,omitempty"`
	Refused    []string        `json:"r,omitempty"`
	Past       []pastForm      `json:"i,omitempty"`
	Unwanted   []string        `json:"u,omitempty"`
	Ruled      *rulingForm     `json:"j,omitempty"`
	First      *rulingForm     `json:"jf,omitempty"` // absent where it is the latest
	Carried    *rulingForm     `json:"jc,omitempty"`
	WarnedAt   int64           `json:"wa,omitempty"`
	Basis      *basisForm      `json:"ba,omitempty"`
	Phone      bool            `json:"ph,omitempty"`
	Verified   bool            `json:"ve,omitempty"`
	Tries      int             `json:"pt,omitempty"`
	Looks      []lookForm      `json:"lk,omitempty"`
	LookUntil  int64           `json:"lu,omitempty"`
	Apart      []splitForm     `json:"sp,omitempty"`
	Back       *backForm       `json:"bk,omitempty"`
	Return     *returnForm     `json:"rt,omitempty"`
	Due        int64           `json:"du,omitempty"`
	By         string          `json:"by,omitempty"`
	TransferOf string          `json:"tr,omitempty"`
	LateTold   bool            `json:"lt,omitempty"`
	Seek       bool            `json:"sk,omitempty"`
	Same       uint64          `json:"sa,omitempty"`
	KeepFrom   []string        `json:"kf,omitempty"`
	KeptIn     string          `json:"ki,omitempty"`
	Found      int64           `json:"fo,omitempty"`
	Withdrawn  int64           `json:"wd,omitempty"`
	Sealed     bool            `json:"se,omitempty"`
	Withdraws  []string        `json:"ws,omitempty"`
	Untold     []toForm        `json:"un,omitempty"`
	Choice     *choiceForm     `json:"k,omitempty"`
	Commands   []uint64        `json:"m"` // key and payload in turn
	Arrived    int64           `json:"a,omitempty"`
	Stays      []stayForm      `json:"z,omitempty"`
	Earlier    []stayedForm    `json:"ez,omitempty"`
	Door       []string        `json:"d,omitempty"`
	Override   *code.Override  `json:"v,omitempty"`
	Reason     uint8           `json:"w,omitempty"`
}

type toForm struct {
	Side placement.Side `json:"s,omitempty"`
	ID   string         `json:"i"`
}

type requestForm struct {
	Rescued   int64                  `json:"r,omitempty"`
	Place     place.Code             `json:"p"`
	Urgency   code.Urgency           `json:"u,omitempty"`
	Journey   int                    `json:"j,omitempty"`
	Together  code.Together          `json:"t,omitempty"`
	Persons   []personForm           `json:"n"`
	Basis     code.ConsentBasis      `json:"b,omitempty"`
	View      code.View              `json:"v,omitempty"`
	HeardIn   language.Tag           `json:"h,omitempty"`
	HeardVia  code.HeardVia          `json:"i,omitempty"`
	Worker    bool                   `json:"s,omitempty"`
	Woman     bool                   `json:"w,omitempty"`
	Prefer    code.Set[code.Feature] `json:"f,omitempty"`
	Districts []place.Code           `json:"x,omitempty"`
	Shelters  []string               `json:"y,omitempty"`
	MaxTrip   int                    `json:"m,omitempty"`
	Until     int64                  `json:"e,omitempty"`
	Stay      int                    `json:"d,omitempty"`
	Limit     int                    `json:"l"`
	Best      bool                   `json:"a,omitempty"`
}

type personForm struct {
	Age       code.AgeBand        `json:"a"`
	Status    code.AgeStatus      `json:"s,omitempty"`
	With      code.Population     `json:"w"`
	Languages []language.Tag      `json:"l,omitempty"`
	Needs     code.Set[code.Need] `json:"n,omitempty"`
}

type partForm struct {
	Unit    string      `json:"u"`
	Persons []int       `json:"p"`
	Beds    int         `json:"b,omitempty"`
	Kept    *placesForm `json:"k,omitempty"`
}

type basisForm struct {
	Ground code.StayBasis `json:"g,omitempty"`
	From   int64          `json:"f,omitempty"`
	Review int64          `json:"r,omitempty"`
	Warned int64          `json:"w,omitempty"`
}

type lookForm struct {
	By      string `json:"b"`
	At      int64  `json:"a"`
	Shelter string `json:"h,omitempty"`
	HoldNo  int    `json:"n,omitempty"`
}

type splitForm struct {
	Placement string `json:"p"`
	Persons   int    `json:"n"`
	By        uint8  `json:"b,omitempty"`
}

type backForm struct {
	Move    placement.Move  `json:"m"`
	Side    placement.Side  `json:"i,omitempty"`
	From    placement.State `json:"f"`
	Shelter string          `json:"h,omitempty"`
	Persons []int           `json:"p,omitempty"`
	At      int64           `json:"a"`
	Ruled   *rulingForm     `json:"j,omitempty"`
	Basis   *basisForm      `json:"b,omitempty"`
	Return  *returnForm     `json:"t,omitempty"`
	Seek    bool            `json:"k,omitempty"`
	Told    string          `json:"w,omitempty"`
	Instead string          `json:"r,omitempty"`
	Day     shelter.Day     `json:"d,omitempty"`
	Left    string          `json:"l,omitempty"`
}

type returnForm struct {
	To    place.Code `json:"t"`
	Since int64      `json:"s"`
}

type rulingForm struct {
	What code.Decision `json:"w,omitempty"`
	At   int64         `json:"a"`
}

type pastForm struct {
	No      int         `json:"n"`
	Shelter string      `json:"h"`
	Parts   []partForm  `json:"b"`
	Day     shelter.Day `json:"d,omitempty"`
	Tries   int         `json:"t,omitempty"`
}

type choiceForm struct {
	By      code.ChosenBy `json:"b"`
	Shelter string        `json:"s"`
	Shown   bool          `json:"r,omitempty"`
	View    code.View     `json:"v,omitempty"`
	Viewed  bool          `json:"w,omitempty"`
	At      int64         `json:"a"`
}

type stayForm struct {
	Reason code.EndReason `json:"r,omitempty"`
	At     int64          `json:"a,omitempty"` // 0: still there
}

type stayedForm struct {
	Shelter string     `json:"h,omitempty"`
	Arrived int64      `json:"a,omitempty"`
	Stays   []stayForm `json:"z"`
}

// FromPlacement makes the item of a placement with its index entries.
func FromPlacement(p placement.Placement) table.Item {
	f := placementForm{Team: p.Team, State: p.State, Policy: p.Policy, Created: seconds(p.CreatedAt), Changed: seconds(p.ChangedAt),
		Late: p.Late, Request: fromRequest(p.Request), HoldNo: p.Hold.No, Shelter: p.Hold.Shelter, Score: p.Hold.Score,
		Expires: seconds(p.Hold.ExpiresAt), Offered: p.Offered, Tried: p.Tried, Refused: p.Refused,
		Arrived: seconds(p.ArrivedAt), Reason: p.Reason}
	f.Parts, f.Day = fromParts(p.Hold.Parts), p.Hold.Day
	f.Unwanted, f.WarnedAt, f.Due, f.Found = p.Unwanted, seconds(p.WarnedAt), seconds(p.Due), seconds(p.FoundAt)
	f.Basis, f.Back, f.Return = fromBasis(p.Basis), fromBack(p.Back), fromReturn(p.Return)
	f.Phone, f.Verified, f.Tries, f.LookUntil = p.ByPhone, p.Verified, p.Hold.PhoneTries, seconds(p.RevealUntil)
	for _, l := range p.Looks {
		f.Looks = append(f.Looks, lookForm{l.By, seconds(l.At), l.Shelter, l.HoldNo})
	}
	for _, s := range p.Apart {
		f.Apart = append(f.Apart, splitForm(s))
	}
	f.Looked, f.Stopped, f.MustMove = seconds(p.Looked), seconds(p.Hold.Stopped), p.MustMove
	if !p.Since.Equal(p.ChangedAt) {
		f.Since = seconds(p.Since)
	}
	f.By, f.Withdrawn, f.Sealed, f.Withdraws = p.By, seconds(p.Withdrawn), p.Sealed, p.Withdrawing
	f.TransferOf, f.LateTold, f.Seek, f.KeepFrom, f.KeptIn, f.Same = p.TransferOf, p.LateTold, p.Seek, p.KeepFrom, p.KeptIn, p.Same
	for _, to := range p.Untold {
		f.Untold = append(f.Untold, toForm(to))
	}
	if f.Ruled = fromRuling(p.Ruling); p.First != p.Ruling {
		f.First = fromRuling(p.First)
	}
	f.Carried = fromRuling(p.Carried)
	for _, h := range p.Past {
		f.Past = append(f.Past, pastForm{No: h.No, Shelter: h.Shelter, Parts: fromParts(h.Parts), Day: h.Day, Tries: h.PhoneTries})
	}
	if c := p.Choice; !c.At.IsZero() {
		f.Choice = &choiceForm{c.By, c.Shelter, c.HouseRulesShown, c.ChildView, c.Viewed, seconds(c.At)}
	}
	f.Commands = fromCommands(p.Commands)
	f.Stays = fromStays(p.Stays)
	for _, e := range p.Earlier {
		f.Earlier = append(f.Earlier, stayedForm{e.Shelter, seconds(e.ArrivedAt), fromStays(e.Stays)})
	}
	if p.DoorTeam != "" {
		f.Door = []string{p.DoorTeam, p.DoorHouse}
	}
	if p.Overridden {
		f.Override = &p.Override
	}
	return table.Item{Key: PlacementKey(p.ID), Index: indexes(p), Body: marshal(f)}
}

// indexes are the entries a placement is found by: always its team; the
// shelter's work while beds are held or used; the clock while something is due.
func indexes(p placement.Placement) map[table.Index]table.Key {
	entries := map[table.Index]table.Key{
		table.ByTeam: {PK: "T#" + p.Team, SK: Stamp(p.CreatedAt) + "#" + p.ID},
	}
	if p.State.Live() {
		entries[table.Work] = table.Key{PK: WorkPartition(p.Hold.Shelter), SK: Stamp(p.ChangedAt) + "#" + p.ID}
	}
	if p.State == placement.Waitlisted {
		if here, ok := place.Lookup(p.Request.Place); ok {
			entries[table.Work] = table.Key{PK: WaitPartition(here.Country), SK: fmt.Sprintf("%d#%s#%s", p.Request.Urgency, Stamp(p.CreatedAt), p.ID)}
		}
	}
	if !p.Due.IsZero() {
		entries[table.Due] = table.Key{PK: DuePartition(dueShard(p.ID)), SK: Stamp(p.Due) + "#" + p.ID}
	}
	return entries
}

// WorkPartition is where a shelter's arrivals are listed.
func WorkPartition(shelter string) string { return "A#" + shelter }

// WaitPartition is where a country's waiting requests are listed, the most
// urgent first, then by how long they have waited.
func WaitPartition(country place.Code) string { return "W#" + string(country) }

// TeamPartition is where a team's placements are listed.
func TeamPartition(team string) string { return "T#" + team }

func fromRequest(r placement.Request) requestForm {
	f := requestForm{Rescued: seconds(r.RescuedAt), Place: r.Place, Urgency: r.Urgency, Journey: r.JourneyMinutes,
		Together: r.Together, Basis: r.Consent.Basis, View: r.Consent.View, HeardIn: r.Consent.HeardIn, HeardVia: r.Consent.HeardVia,
		Worker: r.Escort.SocialWorker, Woman: r.Escort.Woman, Prefer: r.Preferences, Districts: r.ExcludedDistricts,
		Shelters: r.ExcludedShelters, MaxTrip: r.MaxJourneyMinutes, Until: seconds(r.NeededUntil), Stay: r.StayDays, Limit: r.Limit, Best: r.HoldBest}
	for _, p := range r.Persons {
		f.Persons = append(f.Persons, personForm{p.Age, p.AgeStatus, p.PlaceWith, p.Languages, p.Needs})
	}
	return f
}

func toRequest(f requestForm) placement.Request {
	r := placement.Request{RescuedAt: instant(f.Rescued), Place: f.Place, Urgency: f.Urgency, JourneyMinutes: f.Journey,
		Together: f.Together, Consent: placement.Consent{Basis: f.Basis, View: f.View, HeardIn: f.HeardIn, HeardVia: f.HeardVia},
		Escort: placement.Escort{SocialWorker: f.Worker, Woman: f.Woman}, Preferences: f.Prefer, ExcludedDistricts: f.Districts,
		ExcludedShelters: f.Shelters, MaxJourneyMinutes: f.MaxTrip, NeededUntil: instant(f.Until), StayDays: f.Stay, Limit: f.Limit, HoldBest: f.Best}
	for _, p := range f.Persons {
		r.Persons = append(r.Persons, placement.Person{Age: p.Age, AgeStatus: p.Status, PlaceWith: p.With, Languages: p.Languages, Needs: p.Needs})
	}
	return r
}

// ToPlacement reads a placement back.
func ToPlacement(it *table.Item) (placement.Placement, error) {
	var f placementForm
	if err := unmarshal(it, &f); err != nil {
		return placement.Placement{}, err
	}
	p := placement.Placement{ID: strings.TrimPrefix(it.PK, "P#"), Team: f.Team, Request: toRequest(f.Request), State: f.State,
		Policy: f.Policy, CreatedAt: instant(f.Created), ChangedAt: instant(f.Changed), Version: it.Version, Late: f.Late,
		Hold:    placement.Hold{No: f.HoldNo, Shelter: f.Shelter, Score: f.Score, ExpiresAt: instant(f.Expires)},
		Offered: f.Offered, Tried: f.Tried, Refused: f.Refused, ArrivedAt: instant(f.Arrived), Reason: f.Reason}
	p.Hold.Parts, p.Hold.Day = toParts(f.Parts), f.Day
	p.Unwanted, p.WarnedAt, p.Due, p.FoundAt = f.Unwanted, instant(f.WarnedAt), instant(f.Due), instant(f.Found)
	p.Looked, p.Hold.Stopped, p.MustMove = instant(f.Looked), instant(f.Stopped), f.MustMove
	if p.Since = p.ChangedAt; f.Since != 0 {
		p.Since = instant(f.Since)
	}
	p.By, p.Withdrawn, p.Sealed, p.Withdrawing = f.By, instant(f.Withdrawn), f.Sealed, f.Withdraws
	p.TransferOf, p.LateTold, p.Seek, p.KeepFrom, p.KeptIn, p.Same = f.TransferOf, f.LateTold, f.Seek, f.KeepFrom, f.KeptIn, f.Same
	p.Ruling, p.Basis, p.Back, p.Return = toRuling(f.Ruled), toBasis(f.Basis), toBack(f.Back), toReturn(f.Return)
	if p.First = p.Ruling; f.First != nil {
		p.First = toRuling(f.First)
	}
	p.Carried = toRuling(f.Carried)
	p.ByPhone, p.Verified, p.Hold.PhoneTries, p.RevealUntil = f.Phone, f.Verified, f.Tries, instant(f.LookUntil)
	for _, l := range f.Looks {
		p.Looks = append(p.Looks, placement.Look{By: l.By, At: instant(l.At), Shelter: l.Shelter, HoldNo: l.HoldNo})
	}
	for _, to := range f.Untold {
		p.Untold = append(p.Untold, placement.Recipient(to))
	}
	for _, s := range f.Apart {
		p.Apart = append(p.Apart, placement.Split(s))
	}
	for _, past := range f.Past {
		p.Past = append(p.Past, placement.Hold{No: past.No, Shelter: past.Shelter, Parts: toParts(past.Parts), Day: past.Day, PhoneTries: past.Tries})
	}
	if c := f.Choice; c != nil {
		p.Choice = placement.Choice{By: c.By, Shelter: c.Shelter, HouseRulesShown: c.Shown, ChildView: c.View, Viewed: c.Viewed, At: instant(c.At)}
	}
	p.Commands = toCommands(f.Commands)
	p.Stays = toStays(f.Stays)
	for _, e := range f.Earlier {
		p.Earlier = append(p.Earlier, placement.Stayed{Shelter: e.Shelter, ArrivedAt: instant(e.Arrived), Stays: toStays(e.Stays)})
	}
	if len(f.Door) == 2 {
		p.DoorTeam, p.DoorHouse = f.Door[0], f.Door[1]
	}
	if f.Override != nil {
		p.Override, p.Overridden = *f.Override, true
	}
	return p, nil
}

func fromStays(list []placement.Stay) (out []stayForm) {
	for _, s := range list {
		out = append(out, stayForm{s.Reason, seconds(s.At)})
	}
	return out
}

func toStays(list []stayForm) (out []placement.Stay) {
	for _, s := range list {
		out = append(out, placement.Stay{Gone: s.At != 0, Reason: s.Reason, At: instant(s.At)})
	}
	return out
}

func fromRuling(r placement.Ruling) *rulingForm {
	if r.At.IsZero() {
		return nil
	}
	return &rulingForm{r.What, seconds(r.At)}
}

func toRuling(f *rulingForm) placement.Ruling {
	if f == nil {
		return placement.Ruling{}
	}
	return placement.Ruling{What: f.What, At: instant(f.At)}
}

func fromBasis(b placement.Basis) *basisForm {
	if b.From.IsZero() {
		return nil
	}
	return &basisForm{b.Ground, seconds(b.From), seconds(b.ReviewBy), seconds(b.WarnedAt)}
}

func toBasis(f *basisForm) placement.Basis {
	if f == nil {
		return placement.Basis{}
	}
	return placement.Basis{Ground: f.Ground, From: instant(f.From), ReviewBy: instant(f.Review), WarnedAt: instant(f.Warned)}
}

func fromReturn(r placement.Return) *returnForm {
	if r.To == "" {
		return nil
	}
	return &returnForm{r.To, seconds(r.Since)}
}

func toReturn(f *returnForm) placement.Return {
	if f == nil {
		return placement.Return{}
	}
	return placement.Return{To: f.To, Since: instant(f.Since)}
}

func fromBack(b placement.Back) *backForm {
	if b.Move == "" {
		return nil
	}
	return &backForm{b.Move, b.Side, b.From, b.Shelter, b.Persons, seconds(b.At), fromRuling(b.Ruling), fromBasis(b.Basis), fromReturn(b.Return), b.Seek, b.Told, b.Replaced, b.Day, b.Left}
}

func toBack(f *backForm) placement.Back {
	if f == nil {
		return placement.Back{}
	}
	return placement.Back{Move: f.Move, Side: f.Side, From: f.From, Shelter: f.Shelter, Persons: f.Persons, Seek: f.Seek, Told: f.Told, At: instant(f.At),
		Ruling: toRuling(f.Ruled), Basis: toBasis(f.Basis), Return: toReturn(f.Return), Replaced: f.Instead, Day: f.Day, Left: f.Left}
}

func fromParts(parts []placement.Part) (out []partForm) {
	for _, part := range parts {
		f := partForm{Unit: part.Unit, Persons: part.Persons, Beds: part.Beds}
		if part.Kept != (shelter.Places{}) {
			kept := fromPlaces(part.Kept)
			f.Kept = &kept
		}
		out = append(out, f)
	}
	return out
}

func toParts(forms []partForm) (out []placement.Part) {
	for _, f := range forms {
		part := placement.Part{Unit: f.Unit, Persons: f.Persons, Beds: f.Beds}
		if f.Kept != nil {
			part.Kept = f.Kept.places()
		}
		out = append(out, part)
	}
	return out
}

// fromCommands lists keys and payloads in turn.
func fromCommands(list []placement.Command) (out []uint64) {
	for _, c := range list {
		out = append(out, c.Key, c.Payload)
	}
	return out
}

func toCommands(list []uint64) (out []placement.Command) {
	for i := 0; i+1 < len(list); i += 2 {
		out = append(out, placement.Command{Key: list[i], Payload: list[i+1]})
	}
	return out
}
