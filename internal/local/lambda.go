package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"panah/internal/dynamo"
	dynamolocal "panah/internal/dynamo/local"
	"panah/internal/dynamo/streams"
	"panah/internal/function"
	"panah/internal/runtimeapi"
)

// localTable is the table of a run on DynamoDB Local.
const localTable = "panah"

// RunLambda serves until the context ends, on the built functions behind the
// Lambda Runtime API and DynamoDB Local. Its data lives as long as the run.
func RunLambda(ctx context.Context, o Options, built string) error {
	if err := os.MkdirAll(o.Data, 0o700); err != nil {
		return err
	}
	server, err := dynamolocal.Start(ctx, dynamolocal.Options{})
	if err != nil {
		return err
	}
	defer func() { _ = server.Close() }()
	options := server.Options(localTable)
	if err := dynamolocal.CreateTable(ctx, options); err != nil {
		return err
	}
	store, err := dynamo.Open(options)
	if err != nil {
		return err
	}
	secret, err := staySecret(o.Data)
	if err != nil {
		return err
	}
	service, err := function.NewService(store, nil, o.Log) // it names writes; the functions have the secret
	if err != nil {
		return err
	}
	feed, err := streams.Open(ctx, options)
	if err != nil {
		return err
	}
	template, err := ReadTemplate(o.Template)
	if err != nil {
		return err
	}
	r := &runner{Options: o, store: store, feed: feed, positions: &memoryPositions{at: map[string]string{}}, newID: service.NewID}
	var stop func() error
	if r.functions, stop, err = Bootstraps(ctx, template, built, FunctionEnv(server.Endpoint, localTable, string(secret)), os.Stderr); err != nil {
		return err
	}
	return errors.Join(r.run(ctx), stop())
}

// FunctionEnv is what a function finds in its environment, as in the template.
func FunctionEnv(endpoint, table, secret string) []string {
	return []string{"PANAH_TABLE=" + table, "AWS_ENDPOINT_URL_DYNAMODB=" + endpoint, "AWS_REGION=ap-south-1",
		"AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local", "PANAH_CLOCK_SPAN=" + clockSpan.String(),
		"PANAH_STAY_SECRET=" + secret}
}

// Bootstraps starts every function of the template from its built binary.
func Bootstraps(ctx context.Context, t Template, built string, env []string, stderr *os.File) (map[string]Invoker, func() error, error) {
	running := map[string]*runtimeapi.Function{}
	out := map[string]Invoker{}
	stop := func() (err error) {
		for _, f := range running {
			err = errors.Join(err, f.Close())
		}
		return err
	}
	for id, folder := range t.Functions {
		f, err := runtimeapi.Start(ctx, runtimeapi.Options{Binary: filepath.Join(built, folder, "bootstrap"), Name: id, Env: env,
			Stderr: stderr, Timeout: gatewayTimeout * 2, Concurrency: max(2, runtime.NumCPU())})
		if err != nil {
			return nil, nil, errors.Join(fmt.Errorf("function %s (was it built? make build): %w", folder, err), stop())
		}
		running[folder], out[folder] = f, f
	}
	return out, stop, nil
}

// memoryPositions lasts as long as the run.
type memoryPositions struct {
	mu sync.Mutex
	at map[string]string
}

// Position implements positions.
func (m *memoryPositions) Position(consumer string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.at[consumer], nil
}

// SavePosition implements positions.
func (m *memoryPositions) SavePosition(consumer, pos string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at[consumer] = pos
	return nil
}
