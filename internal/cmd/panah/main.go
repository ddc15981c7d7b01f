// Command panah runs Panah on one machine.
//
//	panah run          everything in this process, on an embedded engine
//	panah import       take a register of shelters (CSV, JSON Lines) into stopped data
//	panah changes      list the changes that were set aside in stopped data; -replay takes them in
//	panah verify       recompute the counters of stopped data; -repair sets them right
//	panah solve        solve one rescue: an instance of the open format in, one line of JSON out
//	panah run-lambda   the built functions behind the Lambda Runtime API, on DynamoDB Local
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"panah/internal/batchfile"
	"panah/internal/local"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "panah:", err)
		os.Exit(status(err))
	}
}

// status is the exit status: 1 differences were found, 2 and repaired, 3 verify
// could not look; 1 for every other failure.
func status(err error) int {
	switch {
	case errors.Is(err, local.ErrRepaired):
		return 2
	case len(os.Args) > 1 && os.Args[1] == "verify" && !errors.Is(err, local.ErrFound):
		return 3
	}
	return 1
}

func command(ctx context.Context, args []string) error {
	o := local.Options{
		Template: cmp.Or(os.Getenv("PANAH_TEMPLATE"), "template.yaml"), Data: cmp.Or(os.Getenv("PANAH_DATA"), ".panah"),
		Port: cmp.Or(os.Getenv("PORT"), "8080"), Out: os.Stdout, Now: time.Now,
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
	if len(args) > 0 && args[0] == "import" {
		return importFile(ctx, o, args[1:])
	}
	if len(args) > 0 && asksForHelp(args[0]) {
		_, err := fmt.Fprint(o.Out, usage)
		return err
	}
	if len(args) == 0 || len(args) > 2 || (len(args) == 2 && args[0]+args[1] != "verify-repair" && args[0]+args[1] != "changes-replay") {
		return fmt.Errorf("say what to do\n%s", usage)
	}
	switch args[0] {
	case "run":
		return local.Run(ctx, o)
	case "run-lambda":
		return local.RunLambda(ctx, o, cmp.Or(os.Getenv("PANAH_BUILD"), ".build/functions"))
	case "solve":
		return batchfile.Solve(os.Stdin, os.Stdout, cpuSeconds)
	case "changes":
		return local.Aside(ctx, o, len(args) == 2)
	case "verify":
		return local.Verify(ctx, o, len(args) == 2)
	}
	return fmt.Errorf("this is not one of the commands\n%s", usage)
}

// usage lists the commands.
const usage = `Panah on one machine:
  panah run                             everything in this process, on an embedded engine
  panah import [-dry-run] [-mapping FILE] [-region CODE] FILE
                                        take a register of shelters (CSV, JSON Lines) into stopped data
  panah changes [-replay]               list the changes that were set aside in stopped data, or take them in
  panah verify [-repair]                recompute the counters of stopped data, or set them right
  panah solve < INSTANCE                solve one rescue: an instance of the open format in, one line of JSON out
  panah run-lambda                      the built functions behind the Lambda Runtime API, on DynamoDB Local
  panah help                            this list
From the environment: PORT (8080), PANAH_DATA (.panah), PANAH_TEMPLATE (template.yaml), PANAH_BUILD (.build/functions).
`

func asksForHelp(arg string) bool {
	return arg == "help" || arg == "-h" || arg == "-help" || arg == "--help"
}

// importFile reads the flags of panah import.
func importFile(ctx context.Context, o local.Options, args []string) error {
	var i local.ImportOptions
	flags := flag.NewFlagSet("import", flag.ContinueOnError)
	flags.BoolVar(&i.DryRun, "dry-run", false, "say what would happen and write nothing")
	flags.StringVar(&i.Mapping, "mapping", "", "a mapping file, or the name of one that comes with Panah")
	flags.StringVar(&i.Region, "region", "", "whose ministry imports, such as IN-WB; the country of the file when absent")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return errors.New("say which file to import: import [-dry-run] [-mapping FILE] [-region CODE] FILE")
	}
	i.File = flags.Arg(0)
	return local.Import(ctx, o, i)
}
