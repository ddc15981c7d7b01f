// Command placements is the Lambda behind the placements routes.
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
	secret := os.Getenv("PANAH_STAY_SECRET")
	if secret == "" {
		log.Error("no secret to make survivors' codes from")
		os.Exit(1)
	}
	gateway.Start(function.HTTP(function.Parts{Store: store, Log: log, Secret: []byte(secret)}, httpapi.Placements))
}
