// Package local runs AWS's DynamoDB Local for tests and local runs. Its jars
// come from Maven Central on first use and are kept in the user's cache: the
// licence forbids passing them on.
package local

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"panah/internal/dynamo"
	"panah/internal/table"
)

// JarsEnv names the directory of the jars when it is not the cache.
const JarsEnv = "PANAH_DYNAMODB_LOCAL"

const (
	version     = "2.6.1"
	startWithin = 60 * time.Second
	fetchWithin = 5 * time.Minute
	copyGoal    = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
)

//go:embed pom.xml
var pom []byte

// ErrMissing says that Java or the jars are not on this machine.
var ErrMissing = errors.New("dynamodb local is not available")

// Options say how to start a server.
type Options struct {
	Dir string // where the data stays; empty keeps it in memory
}

// Server is a running DynamoDB Local.
type Server struct {
	Endpoint string
	command  *exec.Cmd
	exited   chan struct{}
	output   *head
}

// Start starts a server on a free port of this machine and waits until it answers.
func Start(ctx context.Context, o Options) (*Server, error) {
	java, err := exec.LookPath("java")
	if err != nil {
		return nil, fmt.Errorf("%w: no java", ErrMissing)
	}
	jars, err := jarsDir(ctx)
	if err != nil {
		return nil, err
	}
	for range 3 { // another process may take the port first
		var s *Server
		if s, err = start(ctx, java, jars, o); err == nil || ctx.Err() != nil {
			return s, err
		}
	}
	return nil, err
}

func start(ctx context.Context, java, jars string, o Options) (*Server, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	args := []string{
		"-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m", "-Djava.library.path=" + jars,
		"-cp", filepath.Join(jars, "*"), "com.amazonaws.services.dynamodbv2.local.main.ServerRunner",
		"-port", strconv.Itoa(port), "-sharedDb", "-disableTelemetry",
	}
	if o.Dir == "" {
		args = append(args, "-inMemory")
	} else {
		if err := os.MkdirAll(o.Dir, 0o700); err != nil {
			return nil, err
		}
		args = append(args, "-dbPath", o.Dir)
	}
	s := &Server{
		Endpoint: fmt.Sprintf("http://127.0.0.1:%d", port), command: exec.Command(java, args...),
		exited: make(chan struct{}), output: &head{},
	}
	s.command.Stdout, s.command.Stderr = s.output, s.output
	dieWithParent(s.command)
	if err := s.command.Start(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMissing, err)
	}
	go func() {
		_ = s.command.Wait()
		close(s.exited)
	}()
	if err := s.ready(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// ready polls until the server answers a list of its tables.
func (s *Server) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	client := s.Options("").Client()
	for {
		if _, err := client.ListTables(ctx, &dynamodb.ListTablesInput{Limit: aws.Int32(1)}); err == nil {
			return nil
		}
		select {
		case <-s.exited:
			return fmt.Errorf("dynamodb local ended: %s", s.output)
		case <-ctx.Done():
			return fmt.Errorf("dynamodb local did not answer: %w: %s", ctx.Err(), s.output)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Close ends the server; what -dbPath holds survives.
func (s *Server) Close() error {
	select {
	case <-s.exited:
		return nil
	default:
	}
	err := s.command.Process.Kill()
	<-s.exited
	return err
}

// Options reach a table of this server.
func (s *Server) Options(name string) dynamo.Options {
	return dynamo.Options{
		Table: name, Region: "ap-south-1", Endpoint: s.Endpoint,
		HTTP: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}, // no proxy to this machine
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local", Source: "local"}, nil
		}),
	}
}

// CreateTable makes the table as production has it: on demand, the sparse
// indexes with keys only, a stream with both images.
func CreateTable(ctx context.Context, o dynamo.Options) error {
	in := &dynamodb.CreateTableInput{
		TableName: &o.Table, BillingMode: types.BillingModePayPerRequest, KeySchema: schema("pk", "sk"),
		AttributeDefinitions: definitions("pk", "sk"),
		StreamSpecification: &types.StreamSpecification{
			StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeNewAndOldImages,
		},
	}
	for _, ix := range table.Indexes {
		pk, sk := string(ix)+"Pk", string(ix)+"Sk"
		in.AttributeDefinitions = append(in.AttributeDefinitions, definitions(pk, sk)...)
		in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{
			IndexName: aws.String(string(ix)), KeySchema: schema(pk, sk),
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly},
		})
	}
	client := o.Client()
	if _, err := client.CreateTable(ctx, in); err != nil {
		return fmt.Errorf("create table %s: %w", o.Table, err)
	}
	waiter := dynamodb.NewTableExistsWaiter(client, func(w *dynamodb.TableExistsWaiterOptions) {
		w.MinDelay, w.MaxDelay = 20*time.Millisecond, time.Second
	})
	return waiter.Wait(ctx, &dynamodb.DescribeTableInput{TableName: &o.Table}, 30*time.Second)
}

func schema(pk, sk string) []types.KeySchemaElement {
	return []types.KeySchemaElement{
		{AttributeName: &pk, KeyType: types.KeyTypeHash}, {AttributeName: &sk, KeyType: types.KeyTypeRange},
	}
}

func definitions(names ...string) (out []types.AttributeDefinition) {
	for _, n := range names {
		out = append(out, types.AttributeDefinition{AttributeName: aws.String(n), AttributeType: types.ScalarAttributeTypeS})
	}
	return out
}

// jarsDir finds the jars or fetches them with Maven.
func jarsDir(ctx context.Context) (string, error) {
	if dir := os.Getenv(JarsEnv); dir != "" {
		if !complete(dir) {
			return "", fmt.Errorf("%w: no jars in %s=%s", ErrMissing, JarsEnv, dir)
		}
		return filepath.Abs(dir)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrMissing, err)
	}
	dir := filepath.Join(cache, "panah", "dynamodb-local-"+version)
	if complete(dir) {
		return dir, nil
	}
	return dir, fetch(ctx, dir)
}

func complete(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "DynamoDBLocal-"+version+".jar"))
	return err == nil
}

// fetch copies the jars beside dir first, so that dir is there whole or not at all.
func fetch(ctx context.Context, dir string) error {
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return fmt.Errorf("%w: no jars in %s and no mvn to fetch them", ErrMissing, dir)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return fmt.Errorf("%w: %w", ErrMissing, err)
	}
	work, err := os.MkdirTemp(filepath.Dir(dir), "fetch-")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrMissing, err)
	}
	defer func() { _ = os.RemoveAll(work) }()
	if err := os.WriteFile(filepath.Join(work, "pom.xml"), pom, 0o600); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, fetchWithin)
	defer cancel()
	lib := filepath.Join(work, "lib")
	cmd := exec.CommandContext(ctx, mvn, "-q", "-B", copyGoal, "-DincludeScope=runtime", "-DoutputDirectory="+lib)
	cmd.Dir = work
	if out, err := cmd.CombinedOutput(); err != nil {
		line, _, _ := bytes.Cut(bytes.TrimSpace(out), []byte("\n"))
		return fmt.Errorf("%w: mvn: %w: %s", ErrMissing, err, line)
	}
	if !complete(lib) {
		return fmt.Errorf("%w: mvn copied no jars", ErrMissing)
	}
	if err := os.Rename(lib, dir); err != nil && !complete(dir) { // another process may have been first
		return fmt.Errorf("%w: %w", ErrMissing, err)
	}
	return nil
}

// head keeps the beginning of what the server prints: its reason for ending.
type head struct {
	mu   sync.Mutex
	text bytes.Buffer
}

const headBytes = 4096

func (h *head) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.text.Write(p[:min(len(p), headBytes-h.text.Len())])
	return len(p), nil
}

func (h *head) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.String()
}
