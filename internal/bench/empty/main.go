//go:build bench

// Command empty is the Lambda that does nothing: what a cold start costs anyway.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() { lambda.Start(func(context.Context) error { return nil }) }
