# Panah. `make` alone lists what there is to do.

GO ?= go
BUILD := .build
FUNCTIONS := placements shelters occupancy clock changes
FLAGS := -trimpath -ldflags='-s -w' -tags=lambda.norpc
GOLANGCI := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0

.DEFAULT_GOAL := help

.PHONY: help
help: ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

.PHONY: run
run: ## Run everything on this machine (needs Go only); PORT and PANAH_DATA change where
	@mkdir -p $(BUILD) && $(GO) build -o $(BUILD)/panah ./internal/cmd/panah && exec $(BUILD)/panah run

.PHONY: run-lambda
run-lambda: build ## The same on the real function binaries and DynamoDB Local (needs Java 17, and Maven the first time)
	@exec $(BUILD)/panah run-lambda

.PHONY: build
build: ## Build every function for this machine, and the command, into .build/
	@for f in $(FUNCTIONS); do CGO_ENABLED=0 $(GO) build $(FLAGS) -o $(BUILD)/functions/$$f/bootstrap ./functions/$$f || exit 1; done
	@$(GO) build -o $(BUILD)/panah ./internal/cmd/panah

.PHONY: test
test: ## Every test, with the race detector; what lacks Java, Chromium or sam is skipped (CI=true: fails)
	$(GO) test -race -timeout 15m ./...

.PHONY: bench
bench: build ## Cold start, throughput and units against the engine itself, as ratios of one run
	$(GO) test -tags=bench -run '^$$' -bench . -benchtime 1x -timeout 20m ./internal/bench

.PHONY: bench-occupancy
bench-occupancy: ## What a ministry asks: 100 000 shelters, and three years of hours from DynamoDB Local (needs Java)
	$(GO) test -tags=bench -run '^$$' -bench 'Occupancy|History' -benchtime 1x -timeout 10m ./internal/bench

.PHONY: simulate
simulate: ## Teams, shelters, clock and feed under faults and crashes: SEEDS=1000 lives from SEED=1 on; a seed replays bit for bit
	$(GO) test ./internal/simulation -run 'TestSimulate' -count=1 -timeout 60m -v -args -seeds=$(or $(SEEDS),1000) -seed=$(or $(SEED),1) $(if $(TRACE),-trace)

.PHONY: histories
histories: ## 10 000 requests for 200 beds over a network that loses half; 1 000 on DynamoDB Local; small histories checked by porcupine
	$(GO) test ./internal/simulation -run 'History|Histories|Porcupine' -count=1 -timeout 60m -v -args -requests=$(or $(REQUESTS),10000)

.PHONY: races
races: ## 100 000 races of accept against lapse; every request again, up to seven days late
	$(GO) test ./internal/simulation -run 'AcceptAgainstLapse|SevenDaysLate' -count=1 -timeout 60m -v -args -races=$(or $(RACES),100000)

.PHONY: matrix
matrix: ## Fault matrix in full: every call of the store (not only the first of each site) under every trouble
	$(GO) test ./internal/simulation -run 'FaultMatrix' -count=1 -timeout 60m -v -args -every-call

.PHONY: mutants
mutants: ## Small changes to domain, use cases and storage, each of which a test must notice: all, or MUTANTS=200 drawn by DRAW=1; WORKERS=1 at a time; goes on where it was ended
	nice $(GO) test -tags=mutants ./internal/mutants -run TestMutants -count=1 -timeout 600m -v -args -n=$(or $(MUTANTS),0) -draw=$(or $(DRAW),1) -workers=$(or $(WORKERS),2)

.PHONY: bench-directory
bench-directory: ## Cold load, refresh and memory of the directory on DynamoDB Local (needs Java 17)
	$(GO) test -tags=bench -run '^$$' -bench Directory -benchtime 1x -timeout 20m ./internal/bench

.PHONY: bench-postgis
bench-postgis: ## Ranking against PostGIS on the same directory (needs Debian's postgresql and postgis)
	$(GO) test -tags=bench -run '^$$' -bench PostGIS -benchtime 1x -timeout 20m ./internal/bench

.PHONY: import-check
import-check: ## Import the real occupancy files in PANAH_SHARED_DATA and hold the daily sums against them
	PANAH_SHARED_DATA="$(PANAH_SHARED_DATA)" $(GO) test -count=1 -tags=importcheck -run ImportCheck -v ./internal/local

.PHONY: bench-rescue
bench-rescue: ## Rescues of 500 persons against proven optima; RESCUE_SEEDS=FIRST-LAST for other seeds
	@$(GO) build -o $(BUILD)/panah ./internal/cmd/panah
	@$(GO) test -tags=bench -run '^$$' -bench Rescue -benchtime 1x -timeout 20m ./internal/batchfile | grep -vE '^(goos|goarch|pkg|cpu|PASS|ok|Bench)'

.PHONY: bench-rescues
bench-rescues: ## The same on 200 seeds nobody tuned on, several minutes
	@RESCUE_SEEDS=$${RESCUE_SEEDS:-1001-1200} $(MAKE) --no-print-directory bench-rescue

.PHONY: openapi
openapi: ## Write openapi.json anew from the routes
	$(GO) test ./internal/httpapi -run OpenAPI -update

.PHONY: lint
lint: ## gofmt, vet, golangci-lint, staticcheck, govulncheck
	@test -z "$$(gofmt -l functions internal)" || { gofmt -l functions internal; exit 1; }
	$(GO) vet ./...
	$(GO) run $(GOLANGCI) run
	$(GO) run $(STATICCHECK) ./...
	$(GO) run $(GOVULNCHECK) ./...

.PHONY: deploy
deploy: ## sam build and sam deploy (needs sam and an AWS account)
	GOFLAGS="-buildvcs=false '-ldflags=-s -w' -tags=lambda.norpc" SAM_CLI_TELEMETRY=0 sam build
	SAM_CLI_TELEMETRY=0 sam deploy
