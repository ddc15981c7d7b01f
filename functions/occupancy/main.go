// Command occupancy is the Lambda behind occupancy, health and the API pages.
package main

import (
	"log/slog"
	"os"

	"panah/internal/dynamo"
	"panah/internal/function"
	"panah/internal/gateway"
	"panah/internal/httpapi"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	store, err := dynamo.Open(dynamo.FromEnv(os.Getenv))
	if err != nil {
		log.Error("no table", "error", err.Error())
		os.Exit(1)
	}
	gateway.Start(function.HTTP(function.Parts{Store: store, Log: log}, httpapi.Occupancy))
}
