// Command occupancy is the Lambda behind what a ministry sees, health and the
// API pages.
package main

import (
	"log/slog"
	"os"

	"panah/internal/dynamo"
	"panah/internal/function"
	"panah/internal/gateway"
	"panah/internal/httpapi"
	"panah/internal/workbook"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	store, err := dynamo.Open(dynamo.FromEnv(os.Getenv))
	if err != nil {
		log.Error("no table", "error", err.Error())
		os.Exit(1)
	}
	gateway.Start(function.Figures(function.Parts{Store: store, Log: log}, httpapi.OccupancyWith(workbook.Write)))
}
