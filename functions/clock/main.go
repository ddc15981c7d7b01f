// Command clock is the Lambda that frees lapsed holds; a schedule starts it each
// minute.
package main

import (
	"log/slog"
	"os"
	"time"

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
	span, err := time.ParseDuration(os.Getenv("PANAH_CLOCK_SPAN"))
	if err != nil {
		log.Error("PANAH_CLOCK_SPAN is not a duration")
		os.Exit(1)
	}
	handler, err := function.Clock(function.Parts{Store: store, Log: log}, span)
	if err != nil {
		log.Error("cannot start", "error", err.Error())
		os.Exit(1)
	}
	gateway.Start(handler)
}
