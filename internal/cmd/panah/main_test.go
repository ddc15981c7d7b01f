package main

import (
	"context"
	"io"
	"os"
	"strings"
	"testing"
)

// commands are those the command line takes.
var commands = []string{"run", "import", "changes", "verify", "solve", "run-lambda", "help"}

func TestHelpListsEveryCommandAndIsNoFailure(t *testing.T) {
	for _, arg := range []string{"help", "-h", "--help"} {
		said, err := printed(t, arg)
		if err != nil {
			t.Errorf("panah %s: %v", arg, err)
		}
		for _, c := range commands {
			if !strings.Contains(said, "panah "+c) {
				t.Errorf("panah %s does not name %s", arg, c)
			}
		}
	}
}

func TestAWrongCommandIsToldTheRightOnes(t *testing.T) {
	for _, args := range [][]string{nil, {"serve"}, {"verify", "-everything"}} {
		if said, err := printed(t, args...); err == nil || said != "" || !strings.Contains(err.Error(), "panah verify [-repair]") {
			t.Errorf("panah %v: %v", args, err)
		}
	}
}

// printed runs a command and answers what it wrote to standard output.
func printed(t *testing.T, args ...string) (string, error) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out := os.Stdout
	os.Stdout = w
	err = command(context.Background(), args)
	os.Stdout = out
	_ = w.Close()
	said, rerr := io.ReadAll(r)
	if rerr != nil {
		t.Fatal(rerr)
	}
	return string(said), err
}
