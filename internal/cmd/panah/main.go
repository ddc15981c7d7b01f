// Command panah runs Panah on one machine.
//
//	panah run          everything in this process, on an embedded engine
//	panah run-lambda   the built functions behind the Lambda Runtime API, on DynamoDB Local
package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"panah/internal/local"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "panah:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context, args []string) error {
	o := local.Options{
		Template: cmp.Or(os.Getenv("PANAH_TEMPLATE"), "template.yaml"), Data: cmp.Or(os.Getenv("PANAH_DATA"), ".panah"),
		Port: cmp.Or(os.Getenv("PORT"), "8080"), Out: os.Stdout, Now: time.Now,
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
	if len(args) != 1 {
		return fmt.Errorf("say what to do: run or run-lambda")
	}
	switch args[0] {
	case "run":
		return local.Run(ctx, o)
	case "run-lambda":
		return local.RunLambda(ctx, o, cmp.Or(os.Getenv("PANAH_BUILD"), ".build/functions"))
	}
	return fmt.Errorf("unknown command: say run or run-lambda")
}
