// Package httpapi is the HTTP contract: every route on this page, what goes in
// and out beside it (wire.go, views.go), and one table from refusals to problem
// details (problems.go).
package httpapi

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"panah/internal/history"
	"panah/internal/referral"
)

// API serves the routes over a service.
type API struct {
	referrals *referral.Service
	history   *history.Reader
	workbook  Workbook
	log       *slog.Logger
}

// Group is the routes of one function.
type Group func(*API, huma.API)

// The groups, one for each HTTP function.
var (
	Placements Group = placementRoutes
	Shelters   Group = shelterRoutes
	Occupancy  Group = occupancyRoutes
)

// maxBody is the largest request body.
const maxBody = 64 << 10

func placementRoutes(a *API, r huma.API) {
	post(r, a, "/v1/placements", "requestPlacement", "Ask for a placement, and hold the best option if wished", a.requestPlacement, created)
	get(r, a, "/v1/placements", "listPlacements", "The team's placements, newest first", a.listPlacements)
	get(r, a, "/v1/placements/{id}", "getPlacement", "One placement", a.getPlacement)
	get(r, a, "/v1/placements/{id}/options", "getOptions", "The shelters that fit now, with reasons", a.getOptions)
	post(r, a, "/v1/placements/{id}/hold", "holdOption", "Hold beds of an option", a.holdOption)
	post(r, a, "/v1/placements/{id}/release", "releaseHold", "Give the held beds back", a.releaseHold)
	post(r, a, "/v1/placements/{id}/choose", "chooseOption", "Record who chose which option", a.chooseOption)
	post(r, a, "/v1/placements/{id}/accept", "acceptPlacement", "The shelter's yes; it makes one sure that the team heard on the phone", a.acceptPlacement)
	post(r, a, "/v1/placements/{id}/accept-by-phone", "acceptByPhone", "The team heard the shelter's yes on the phone", a.acceptByPhone)
	post(r, a, "/v1/placements/{id}/split", "splitParty", "Some of the party are placed apart, by decision", a.splitParty)
	post(r, a, "/v1/placements/{id}/reveal", "revealHandover", "The escort looks where to bring the party; the look is on record", a.reveal)
	post(r, a, "/v1/placements/{id}/undo", "undoMove", "The last move was a mistake, up to 15 minutes ago", a.undoMove)
	post(r, a, "/v1/placements/{id}/decline", "declinePlacement", "The shelter's coded no", a.declinePlacement)
	post(r, a, "/v1/placements/{id}/depart", "departPlacement", "The journey starts", a.departPlacement)
	post(r, a, "/v1/placements/{id}/receive", "receivePlacement", "The party has arrived", a.receivePlacement)
	post(r, a, "/v1/placements/{id}/refuse", "refusePlacement", "The party's no to the shelter held", a.refusePlacement)
	post(r, a, "/v1/placements/{id}/correct", "correctPlacement", "An age or where somebody is to sleep was wrong", a.correctPlacement)
	post(r, a, "/v1/placements/{id}/extend", "extendHold", "More time for a hold", a.extendHold)
	post(r, a, "/v1/placements/{id}/divert", "divertPlacement", "The journey leaves its way; the beds stay promised", a.divertPlacement)
	post(r, a, "/v1/placements/{id}/turn-away", "turnAwayPlacement", "Turned away at the door: the next option is held, the desk told", a.turnAway)
	post(r, a, "/v1/placements/{id}/supersede", "supersedePlacement", "The desk closes a duplicate", a.supersedePlacement)
	post(r, a, "/v1/placements/{id}/decisions", "decidePlacement", "A decision of Committee, magistrate or desk: it stops the legal clock", a.decidePlacement)
	post(r, a, "/v1/rescues", "startRescue", "One operation with many parties, planned together", a.startRescue, created)
	get(r, a, "/v1/rescues/{id}", "getRescue", "One rescue, party by party", a.getRescue, goesOn(r))
	post(r, a, "/v1/rescues/{id}/parties", "addParties", "Parties found later; nobody who is held moves", a.addParties)
	post(r, a, "/v1/rescues/{id}/plan", "planRescue", "Plan anew on the beds there are now", a.planRescue)
	post(r, a, "/v1/rescues/{id}/confirm", "confirmRescue", "Take the holds of the plan; 202 while it goes on", a.confirmRescue, goesOn(r))
	post(r, a, "/v1/rescues/{id}/depart", "departRescue", "Every accepted party with a recorded choice departs", a.departRescue)
	get(r, a, "/v1/alerts", "listAlerts", "What the desk must look at, the oldest first", a.listAlerts)
	post(r, a, "/v1/alerts/{id}/acknowledge", "acknowledgeAlert", "Somebody of the desk has seen an alert", a.acknowledgeAlert)
	get(r, a, "/v1/sync", "sync", "What has changed since a cursor: a team's placements, or a shelter's arrivals", a.sync)
	post(r, a, "/v1/placements/{id}/cancel", "cancelPlacement", "The request ends before arrival", a.cancelPlacement)
	post(r, a, "/v1/placements/{id}/end", "endStay", "Persons have left", a.endStay)
	post(r, a, "/v1/placements/{id}/stay-code", "giveStayCode", "The survivor's own code, shown once; the one before is void", a.giveStayCode, created)
	get(r, a, "/v1/placements/{id}/receipts", "listReceipts", "Who was told that consent was withdrawn, and when it reached them", a.listReceipts)
	post(r, a, "/v1/stay", "speakOfStay", "A survivor with their own code: sees the stay, asks to leave or move, complains, takes consent back", a.speakOfStay, open)
}

func shelterRoutes(a *API, r huma.API) {
	post(r, a, "/v1/shelters", "registerShelter", "Put a shelter on the register of the region", a.registerShelter, created)
	get(r, a, "/v1/shelters", "listShelters", "The shelters of the region, or those whose registration ends", a.listShelters)
	put(r, a, "/v1/shelters/{id}", "updateShelter", "Change what the register says of a shelter", a.updateShelter)
	post(r, a, "/v1/shelters/{id}/vet", "vetShelter", "The ministry has vetted a shelter", a.vetShelter)
	post(r, a, "/v1/shelters/{id}/activate", "activateShelter", "A vetted shelter takes part from now on", a.activateShelter)
	get(r, a, "/v1/shelters/{id}/must-move", "listMustMove", "Who must move out of a shelter that takes nobody any more", a.listMustMove)
	post(r, a, "/v1/imports", "importShelters", "Take a file of the register in: CSV or JSON Lines, up to 10 000 rows", a.importShelters, importFile)
	get(r, a, "/v1/shelters/{id}", "getShelter", "One shelter with its counts", a.getShelter)
	put(r, a, "/v1/shelters/{id}/units/{unit}", "countUnit", "A census of one unit", a.countUnit)
	post(r, a, "/v1/shelters/{id}/close", "closeShelter", "The shelter takes nobody any more; who is there must move", a.closeShelter)
	post(r, a, "/v1/shelters/{id}/suspend", "suspendShelter", "The ministry suspends a shelter", a.suspendShelter)
	post(r, a, "/v1/shelters/{id}/resume", "resumeShelter", "The ministry lets a shelter take part again", a.resumeShelter)
	post(r, a, "/v1/shelters/{id}/confirm-counts", "confirmCounts", "Nothing has changed since the last count", a.confirmCounts)
	post(r, a, "/v1/shelters/{id}/admissions", "admitPersons", "A walk-in: people who are here already", a.admitPersons)
	post(r, a, "/v1/shelters/{id}/units/{unit}/undo", "undoCount", "The last count was a mistake, up to 15 minutes ago", a.undoCount)
	get(r, a, "/v1/shelters/{id}/units/{unit}/log", "unitLog", "Who changed the counts, what they were and when, the newest first", a.unitLog)
	post(r, a, "/v1/shelters/{id}/surge", "openSurge", "Extra beds until an instant", a.openSurge, created)
	get(r, a, "/v1/shelters/{id}/handover", "getHandover", "The shelter's own handover point and phone code", a.getHandover)
	put(r, a, "/v1/shelters/{id}/handover", "setHandover", "Write the handover point; the phone code changes", a.setHandover)
	post(r, a, "/v1/shelters/{id}/receive", "receiveMany", "Many parties have arrived", a.receiveMany)
	get(r, a, "/v1/shelters/{id}/arrivals", "listArrivals", "Who is held, coming and here", a.listArrivals)
	put(r, a, "/v1/shelters/{id}/numbers", "setNumbers", "Which phones count beds by text message; never shown again", a.setNumbers)
	post(r, a, "/v1/messages", "carryMessage", "A text message for a shelter's counts, from software that carries it", a.carryMessage)
	get(r, a, "/v1/memberships", "listMembers", "Who is a member in the region, by the token's sub", a.listMembers)
	put(r, a, "/v1/memberships/{subject}", "setMember", "Give somebody a role and its scope; believed everywhere within a minute", a.setMember)
	post(r, a, "/v1/memberships/{subject}/revoke", "revokeMember", "Take somebody's membership away; in force everywhere within a minute", a.revokeMember)
}

func occupancyRoutes(a *API, r huma.API) {
	get(r, a, "/v1/occupancy", "getOccupancy", "Beds by place, type and population, now or as of any instant", a.getOccupancy, inForms[occupancyBody](r))
	get(r, a, "/v1/occupancy/history", "getHistory", "Beds of one place by hour, day or month", a.getHistory, inForms[historyBody](r))
	get(r, a, "/v1/unmet-need", "getUnmetNeed", "What nothing fitted, refusals and waiting, by month", unmetNeed.serve(a), inForms[monthsBody](r))
	get(r, a, "/v1/response-times", "getResponseTimes", "From the request to beds held, a yes and arrival, by month", responseTimes.serve(a), inForms[monthsBody](r))
	get(r, a, "/v1/clocks", "getClocks", "Legal clocks, kept and broken, by month", legalClocks.serve(a), inForms[monthsBody](r))
	get(r, a, "/v1/moves", "getMoves", "What parties crossed to reach a bed, by month", journeys.serve(a), inForms[monthsBody](r))
	get(r, a, "/v1/repatriation-waits", "getRepatriationWaits", "Who waits to be brought home, for which country and how long, by month", returns.serve(a), inForms[monthsBody](r))
	get(r, a, "/v1/dictionary", "getDictionary", "The meaning of every column", a.getDictionary, open)
	get(r, a, "/healthz", "getHealth", "Whether this function runs", a.getHealth, open)
}

// OccupancyWith is Occupancy with workbooks among its forms.
func OccupancyWith(w Workbook) Group {
	return func(a *API, r huma.API) {
		a.workbook = w
		occupancyRoutes(a, r)
	}
}

// inForms says that an answer comes as JSON of a form, as CSV or as a workbook.
func inForms[B any](r huma.API) change {
	return func(op *huma.Operation) {
		var body B
		form := r.OpenAPI().Components.Schemas.Schema(reflect.TypeOf(body), true, reflect.TypeOf(body).Name())
		file := &huma.Schema{Type: huma.TypeString}
		op.Responses = map[string]*huma.Response{
			"200": {Description: "OK", Content: map[string]*huma.MediaType{"application/json": {Schema: form}, "text/csv": {Schema: file}, typeXLSX: {Schema: file}}},
			"304": {Description: "Not Modified"},
		}
	}
}

// change adjusts an operation.
type change func(*huma.Operation)

func created(op *huma.Operation) { op.DefaultStatus = http.StatusCreated }

func open(op *huma.Operation) { op.Security = nil }

func get[I, O any](r huma.API, a *API, path, id, summary string, h func(context.Context, *I) (*O, error), changes ...change) {
	register(r, a, http.MethodGet, path, id, summary, h, changes)
}

func post[I, O any](r huma.API, a *API, path, id, summary string, h func(context.Context, *I) (*O, error), changes ...change) {
	register(r, a, http.MethodPost, path, id, summary, h, changes)
}

func put[I, O any](r huma.API, a *API, path, id, summary string, h func(context.Context, *I) (*O, error), changes ...change) {
	register(r, a, http.MethodPut, path, id, summary, h, changes)
}

func register[I, O any](r huma.API, a *API, method, path, id, summary string, h func(context.Context, *I) (*O, error), changes []change) {
	op := huma.Operation{Method: method, Path: path, OperationID: id, Summary: summary, Description: cmp.Or(about[id], aboutMove(path)), Tags: []string{tagOf(path, id)}, MaxBodyBytes: maxBody,
		RejectUnknownQueryParameters: true, Security: []map[string][]string{{"token": {}}},
		Errors: []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound,
			http.StatusConflict, http.StatusServiceUnavailable}}
	if method != http.MethodGet {
		op.Errors = append(op.Errors, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	if method == http.MethodPut {
		op.Errors = append(op.Errors, http.StatusPreconditionFailed, http.StatusPreconditionRequired)
	}
	if strings.HasPrefix(path, "/v1/placements/{id}") {
		op.Errors = append(op.Errors, http.StatusGone)
	}
	for _, c := range changes {
		c(&op)
	}
	huma.Register(r, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := h(ctx, in)
		if err != nil {
			return nil, a.problemOf(ctx, err)
		}
		return out, nil
	})
}

// replaceErrors sets the framework's error maker once: it is a global of huma's.
// Field names are those of the document to the letter: encoding/json alone would
// take Name for name, past every check.
var replaceErrors = sync.OnceFunc(func() {
	huma.NewError = frameworkError
	huma.ValidateStrictCasing = true
})

// Version is the version of the API.
const Version = "1.0.0"

func newAPI(mux *http.ServeMux) huma.API {
	replaceErrors()
	c := huma.DefaultConfig("Panah", Version)
	c.Info.Description = "Finds a safe bed for a person who has just been rescued from trafficking. " +
		"Refusals are problem details (RFC 9457); what the gateway itself refuses - no token or a bad one, a path that is none - is its own JSON with a message."
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = "", "", ""
	c.Tags = tags
	c.CreateHooks = nil // no $schema links in answers
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token": {Type: "http", Scheme: "bearer", BearerFormat: "JWT"},
	}
	return humago.New(mux, c)
}

// Handler serves groups of routes over a service; whatever else is asked for is
// a problem, too. The public pages are served with Occupancy.
func Handler(referrals *referral.Service, log *slog.Logger, groups ...Group) http.Handler {
	mux := http.NewServeMux()
	r := newAPI(mux)
	a := &API{referrals: referrals, history: history.NewReader(referrals.Store), log: log}
	for _, g := range groups {
		g(a, r)
	}
	mux.HandleFunc("GET /openapi.json", serveOpenAPI)
	mux.HandleFunc("GET /docs", serveDocs)
	return secure(orProblem(mux))
}

// All serves every route in one process.
func All(referrals *referral.Service, log *slog.Logger) http.Handler {
	return Handler(referrals, log, Placements, Shelters, Occupancy)
}

// Document is the OpenAPI 3.1 document of every route.
func Document() ([]byte, error) {
	r := newAPI(http.NewServeMux())
	a := &API{log: slog.Default()}
	for _, g := range []Group{Placements, Shelters, Occupancy} {
		g(a, r)
	}
	return r.OpenAPI().MarshalJSON()
}

// secure sets what every answer carries: nothing is cached, sniffed or framed.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		next.ServeHTTP(w, r)
	})
}
