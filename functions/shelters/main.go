// Command shelters is the Lambda behind the shelters routes.
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
	secret := os.Getenv("PANAH_NUMBER_SECRET")
	if secret == "" {
		log.Error("no secret to hash phone numbers with")
		os.Exit(1)
	}
	gateway.Start(function.HTTP(function.Parts{Store: store, Log: log, Numbers: []byte(secret)}, httpapi.Shelters))
}
