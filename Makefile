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
