package dynamo_test

import (
	"testing"

	"panah/internal/dynamo/local"
	"panah/internal/table"
	"panah/internal/table/tabletest"
)

func TestContract(t *testing.T) {
	server := local.ForTest(t)
	tabletest.Run(t, func(t *testing.T) table.Store { return server.Store(t) })
}

func TestContractOnABadDay(t *testing.T) {
	server := local.ForTest(t)
	tabletest.Run(t, func(t *testing.T) table.Store { return tabletest.NewFaulty(server.Store(t), 1, tabletest.Rough) })
}
