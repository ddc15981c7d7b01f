// Package workbook writes a table as an Excel workbook. It stands apart for its
// weight: only the function that serves exports links it.
package workbook

import (
	"fmt"
	"io"

	"github.com/xuri/excelize/v2"
)

// Write writes one sheet, a row for each of rows, as a workbook. Cells are
// strings, whole numbers, or nil for nothing; a string is never taken as a formula.
func Write(to io.Writer, name string, rows [][]any) error {
	f := excelize.NewFile()
	defer func() { _ = f.Close() }()
	if err := f.SetSheetName(f.GetSheetName(0), name); err != nil {
		return fmt.Errorf("workbook: %w", err)
	}
	w, err := f.NewStreamWriter(name)
	if err != nil {
		return fmt.Errorf("workbook: %w", err)
	}
	for i, row := range rows {
		if err := w.SetRow(fmt.Sprintf("A%d", i+1), row); err != nil {
			return fmt.Errorf("workbook: %w", err)
		}
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("workbook: %w", err)
	}
	if err := f.Write(to); err != nil {
		return fmt.Errorf("workbook: %w", err)
	}
	return nil
}
