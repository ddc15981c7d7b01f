// Package record is the storage form of the facts: how shelters, units,
// placements and memberships become items of the table and come back. Codes are
// stored as numbers of their append-only lists, times as seconds; an item stays
// under 1 KB for a typical placement or unit.
package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"panah/internal/code"
	"panah/internal/language"
	"panah/internal/place"
	"panah/internal/shelter"
	"panah/internal/table"
)

// ShelterKey is where a shelter lies.
func ShelterKey(id string) table.Key { return table.Key{PK: "S#" + id, SK: "S"} }

// UnitKey is where a unit lies, in its shelter's partition.
func UnitKey(shelter, id string) table.Key { return table.Key{PK: "S#" + shelter, SK: "U#" + id} }

// PlacementKey is where a placement lies.
func PlacementKey(id string) table.Key { return table.Key{PK: "P#" + id, SK: "P"} }

// WriteID is a write's id: when it was made, to the millisecond, and what makes it
// unique, at most 24 bytes.
func WriteID(now time.Time, unique string) string {
	return fmt.Sprintf("%011x-%s", now.UnixMilli(), unique)
}

// WrittenAt is when a write was made, by its id; false where the id does not say.
func WrittenAt(writeID string) (time.Time, bool) {
	ms, unique, found := strings.Cut(writeID, "-")
	n, err := strconv.ParseInt(ms, 16, 64)
	if !found || unique == "" || len(ms) != 11 || err != nil {
		return time.Time{}, false
	}
	return time.UnixMilli(n).UTC(), true
}

// markFor is how long a mark stands: longer than a command may be late.
const markFor = 8 * 24 * time.Hour

// fromChanges lists keys and payloads in turn.
func fromChanges(list []shelter.Command) (out []uint64) {
	for _, c := range list {
		out = append(out, c.Key, c.Payload)
	}
	return out
}

func toChanges(list []uint64) (out []shelter.Command) {
	for i := 0; i+1 < len(list); i += 2 {
		out = append(out, shelter.Command{Key: list[i], Payload: list[i+1]})
	}
	return out
}

// Mark is the item by which a shelter remembers one command that changes several
// of its items and must act once.
func Mark(shelterID, command string, key uint64, now time.Time) table.Item {
	return table.Item{Key: table.Key{PK: ShelterKey(shelterID).PK, SK: fmt.Sprintf("C#%s#%016x", command, key)}, Expires: now.Add(markFor)}
}

// IsShelter reports whether the item is a shelter.
func IsShelter(k table.Key) bool { return strings.HasPrefix(k.PK, "S#") && k.SK == "S" }

// IsUnit reports whether the item is a unit.
func IsUnit(k table.Key) bool { return strings.HasPrefix(k.PK, "S#") && strings.HasPrefix(k.SK, "U#") }

// IsPlacement reports whether the item is a placement.
func IsPlacement(k table.Key) bool { return strings.HasPrefix(k.PK, "P#") && k.SK == "P" }

// DueShards is over how many partitions the due times are spread.
const DueShards = 8

// DuePartition is the partition of the due index an id falls in.
func DuePartition(shard int) string { return fmt.Sprintf("DUE#%d", shard) }

func dueShard(id string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	return int(h.Sum32() % DueShards)
}

// Stamp is an instant as a sort key: it sorts as it passes.
func Stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func instant(s int64) time.Time {
	if s == 0 {
		return time.Time{}
	}
	return time.Unix(s, 0).UTC()
}

func marshal(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil { // the forms below hold only numbers, strings and slices of them
		panic(fmt.Sprintf("record: %v", err))
	}
	return raw
}

func unmarshal(it *table.Item, into any) error {
	if err := json.Unmarshal(it.Body, into); err != nil {
		return fmt.Errorf("record: item %s cannot be read: %w", it.Key, err)
	}
	return nil
}

type shelterForm struct {
	District   place.Code               `json:"d"`
	Type       code.Institution         `json:"t"`
	Status     shelter.Status           `json:"s,omitempty"`
	Registered int64                    `json:"u,omitempty"`
	Languages  []languageForm           `json:"l,omitempty"`
	OnSite     code.Set[code.Need]      `json:"o,omitempty"`
	Arranged   code.Set[code.Need]      `json:"a,omitempty"`
	Features   code.Set[code.Feature]   `json:"f,omitempty"`
	HouseRules code.Set[code.HouseRule] `json:"h,omitempty"`
	From       int                      `json:"i,omitempty"`
	To         int                      `json:"j,omitempty"`
	MaxStay    int                      `json:"m,omitempty"`
	Rev        uint64                   `json:"r"`
	Synthetic  bool                     `json:"x,omitempty"`
	RulesKnown bool                     `json:"g,omitempty"`
	Unvetted   bool                     `json:"n,omitempty"`
	Registry   string                   `json:"k,omitempty"`
	Source     uint64                   `json:"c,omitempty"`
	Made       uint64                   `json:"p,omitempty"`
	By         string                   `json:"by,omitempty"`
	Commands   []uint64                 `json:"co,omitempty"` // key and payload in turn
	Quiet      uint64                   `json:"qu,omitempty"`
	Daily      shelter.Limit            `json:"di,omitempty"` // of people a day
}

type languageForm struct {
	Tag language.Tag     `json:"t"`
	Via code.LanguageVia `json:"v,omitempty"`
}

// FromShelter makes the item of a shelter.
func FromShelter(s shelter.Shelter) table.Item {
	f := shelterForm{District: s.District, Type: s.Type, Status: s.Status, Registered: seconds(s.RegisteredUntil),
		OnSite: s.OnSite, Arranged: s.Arranged, Features: s.Features, HouseRules: s.HouseRules,
		From: s.Intake.From, To: s.Intake.To, MaxStay: s.MaxStayDays, Rev: s.Rev, Synthetic: s.Synthetic,
		RulesKnown: s.RulesKnown, Unvetted: s.Unvetted, Registry: s.RegistryKey, Source: s.Source, Made: s.Made, By: s.By, Quiet: s.Quiet, Daily: s.DailyIntake}
	for _, l := range s.Languages {
		f.Languages = append(f.Languages, languageForm(l))
	}
	f.Commands = fromChanges(s.Commands)
	return table.Item{Key: ShelterKey(s.ID), Body: marshal(f)}
}

// ToShelter reads a shelter back.
func ToShelter(it *table.Item) (shelter.Shelter, error) {
	var f shelterForm
	if err := unmarshal(it, &f); err != nil {
		return shelter.Shelter{}, err
	}
	s := shelter.Shelter{ID: strings.TrimPrefix(it.PK, "S#"), District: f.District, Type: f.Type, Status: f.Status,
		RegisteredUntil: instant(f.Registered), OnSite: f.OnSite, Arranged: f.Arranged, Features: f.Features,
		HouseRules: f.HouseRules, Intake: shelter.Hours{From: f.From, To: f.To}, MaxStayDays: f.MaxStay,
		Rev: f.Rev, Version: it.Version, Synthetic: f.Synthetic,
		RulesKnown: f.RulesKnown, Unvetted: f.Unvetted, RegistryKey: f.Registry, Source: f.Source, Made: f.Made, By: f.By, Quiet: f.Quiet, DailyIntake: f.Daily}
	for _, l := range f.Languages {
		s.Languages = append(s.Languages, shelter.Language(l))
	}
	s.Commands = toChanges(f.Commands)
	return s, nil
}

type unitForm struct {
	Population code.Population        `json:"p"`
	Ages       code.Set[code.AgeBand] `json:"a"`
	Kind       code.UnitKind          `json:"k,omitempty"`
	Separate   bool                   `json:"e,omitempty"`
	Site       uint8                  `json:"i,omitempty"`
	Sanctioned int                    `json:"n,omitempty"`
	Staffed    int                    `json:"s"`
	OutOf      int                    `json:"o,omitempty"`
	Occupied   int                    `json:"c"`
	Census     uint64                 `json:"v"`
	Counted    int64                  `json:"t,omitempty"`
	Confirmed  int64                  `json:"f,omitempty"`
	Moved      int64                  `json:"m,omitempty"`
	Offered    int64                  `json:"l,omitempty"`
	Included   map[string]int         `json:"w,omitempty"`
	Mark       uint64                 `json:"x,omitempty"`
	By         string                 `json:"by,omitempty"`
	RoomBeds   int                    `json:"rb,omitempty"`
	Blocked    int                    `json:"bl,omitempty"`
	Ends       int64                  `json:"en,omitempty"`
	Phone      bool                   `json:"ph,omitempty"`
	Before     *beforeForm            `json:"be,omitempty"`
	Opened     uint64                 `json:"op,omitempty"`
	Undone     []uint64               `json:"un,omitempty"` // key and payload in turn
	Told       string                 `json:"oc,omitempty"`
	StepFree   shelter.Limit          `json:"sf,omitempty"`
	Medical    shelter.Limit          `json:"md,omitempty"`
	Used       *placesForm            `json:"up,omitempty"` // places of those who sleep here
	Places     map[string]placesForm  `json:"cp,omitempty"` // and of claims
}

// placesForm is step-free and medical places.
type placesForm [2]int

func fromPlaces(p shelter.Places) placesForm { return placesForm{p.StepFree, p.Medical} }

func (f placesForm) places() shelter.Places { return shelter.Places{StepFree: f[0], Medical: f[1]} }

type beforeForm struct {
	Staffed   int            `json:"s"`
	OutOf     int            `json:"o,omitempty"`
	Occupied  int            `json:"c"`
	Blocked   int            `json:"b,omitempty"`
	Counted   int64          `json:"t,omitempty"`
	Confirmed int64          `json:"f,omitempty"`
	Included  map[string]int `json:"w,omitempty"`
	At        int64          `json:"a"`
}

// FromUnit makes the item of a unit. Its guard is derived from the counts here
// and nowhere else.
func FromUnit(u shelter.Unit) table.Item {
	c := u.Counts()
	guard := &table.Guard{Free: c.Free(), Rev: u.Rev, Claims: map[string]table.Claim{}}
	places := map[string]placesForm{}
	for id, claim := range u.Claims() {
		guard.Claims[id] = table.Claim{N: claim.N, Until: claim.Until}
		if claim.Places != (shelter.Places{}) {
			places[id] = fromPlaces(claim.Places)
		}
	}
	var used *placesForm
	if p := fromPlaces(u.UsedPlaces()); p != (placesForm{}) {
		used = &p
	}
	return table.Item{Key: UnitKey(u.Shelter, u.ID), Guard: guard, Body: marshal(unitForm{
		Population: u.Population, Ages: u.Ages, Kind: u.Kind, Separate: u.SeparateSleeping, Site: u.Site,
		Sanctioned: u.Sanctioned, Staffed: c.Staffed(), OutOf: c.OutOfService(), Occupied: c.Occupied(), Census: u.Census,
		Counted: seconds(u.CountedAt), Confirmed: seconds(u.ConfirmedAt), Moved: seconds(u.MovedAt),
		Offered: seconds(u.LastOffered), Included: u.Counted, Mark: u.Mark, By: u.By,
		RoomBeds: u.RoomBeds, Blocked: c.Blocked(), Ends: seconds(u.EndsAt), Phone: u.ByPhone, Before: fromBefore(u.Before), Opened: u.Opened, Undone: fromChanges(u.Undone), Told: u.OverTold,
		StepFree: u.StepFree, Medical: u.Medical, Used: used, Places: places})}
}

func fromBefore(b *shelter.Before) *beforeForm {
	if b == nil {
		return nil
	}
	return &beforeForm{b.Staffed(), b.OutOfService(), b.Occupied(), b.Blocked(), seconds(b.CountedAt), seconds(b.ConfirmedAt), b.Counted, seconds(b.At)}
}

func toBefore(f *beforeForm) (*shelter.Before, error) {
	if f == nil {
		return nil, nil
	}
	c, err := shelter.NewCounts(f.Staffed, f.OutOf, f.Occupied, 0)
	return &shelter.Before{Counts: c.WithBlocked(f.Blocked), CountedAt: instant(f.Counted), ConfirmedAt: instant(f.Confirmed),
		Counted: f.Included, At: instant(f.At)}, err
}

// ErrGuard says that a unit's guard and its counts do not agree. The unit comes
// with it, as its counts have it.
var ErrGuard = errors.New("free beds by guard and by counts differ")

// ToUnit reads a unit back and checks that its guard agrees with its counts.
func ToUnit(it *table.Item) (shelter.Unit, error) {
	var f unitForm
	if err := unmarshal(it, &f); err != nil {
		return shelter.Unit{}, err
	}
	if it.Guard == nil {
		return shelter.Unit{}, fmt.Errorf("record: unit %s has no guard", it.Key)
	}
	counts, err := shelter.NewCounts(f.Staffed, f.OutOf, f.Occupied, 0)
	before, berr := toBefore(f.Before)
	if err = errors.Join(err, berr); err != nil {
		return shelter.Unit{}, fmt.Errorf("record: unit %s: %w", it.Key, err)
	}
	claims := make(map[string]shelter.Claim, len(it.Guard.Claims))
	for id, c := range it.Guard.Claims {
		claims[id] = shelter.Claim{N: c.N, Until: c.Until, Places: f.Places[id].places()}
	}
	u := shelter.Restore(shelter.Unit{
		Shelter: strings.TrimPrefix(it.PK, "S#"), ID: strings.TrimPrefix(it.SK, "U#"), Population: f.Population,
		Ages: f.Ages, Kind: f.Kind, SeparateSleeping: f.Separate, Site: f.Site, Rev: it.Guard.Rev, Version: it.Version,
		Census: f.Census, Sanctioned: f.Sanctioned, CountedAt: instant(f.Counted), ConfirmedAt: instant(f.Confirmed),
		MovedAt: instant(f.Moved), LastOffered: instant(f.Offered), Counted: f.Included, Mark: f.Mark, By: f.By,
		RoomBeds: f.RoomBeds, EndsAt: instant(f.Ends), ByPhone: f.Phone, Before: before, Opened: f.Opened, Undone: toChanges(f.Undone), OverTold: f.Told,
		StepFree: f.StepFree, Medical: f.Medical,
	}, counts.WithBlocked(f.Blocked), claims)
	if f.Used != nil {
		u = u.RestoreUsed(f.Used.places())
	}
	if u.Counts().Free() != it.Guard.Free {
		return u, fmt.Errorf("record: unit %s: %w: %d and %d", it.Key, ErrGuard, it.Guard.Free, u.Counts().Free())
	}
	return u, nil
}
