// Command changes is the Lambda behind the table's stream: it keeps the
// directory's log and pages.
package main

import (
	"log/slog"
	"os"

	"panah/internal/dynamo"
	"panah/internal/function"
	"panah/internal/gateway"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	store, err := dynamo.Open(dynamo.FromEnv(os.Getenv))
	if err != nil {
		log.Error("no table", "error", err.Error())
		os.Exit(1)
	}
	handler, err := function.Changes(function.Parts{Store: store, Log: log}, dynamo.DecodeChange)
	if err != nil {
		log.Error("cannot start", "error", err.Error())
		os.Exit(1)
	}
	gateway.Start(handler)
}
