package embedded

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// A scan that is larger than a page comes page by page: each item once, none left out.
func TestALargeScanComesPageByPage(t *testing.T) {
	s := open(t)
	for i := range 7 {
		put(t, s, item(fmt.Sprint("A", i), "x", 300<<10))
	}
	var seen []string
	pages, after := 0, ""
	for pages < 20 {
		page, err := s.Scan(context.Background(), 0, 1, after)
		if err != nil {
			t.Fatal(err)
		}
		pages++
		for _, it := range page.Items {
			seen = append(seen, it.PK)
		}
		if after = page.Next; after == "" {
			break
		}
	}
	if got := strings.Join(seen, " "); got != "A0 A1 A2 A3 A4 A5 A6" || pages < 2 {
		t.Errorf("%d pages: %s", pages, got)
	}
}

// Shares are alike in size, and what is of one partition is in one share.
func TestSharesOfAScanAreAlikeInSize(t *testing.T) {
	s := open(t)
	for i := range 60 {
		put(t, s, item(fmt.Sprint("P", i), "x", 1))
		put(t, s, item(fmt.Sprint("P", i), "y", 1))
	}
	for share := range 3 {
		page, err := s.Scan(context.Background(), share, 3, "")
		if err != nil {
			t.Fatal(err)
		}
		of := map[string]int{}
		for _, it := range page.Items {
			of[it.PK]++
		}
		if len(of) < 10 || len(page.Items) != 2*len(of) {
			t.Errorf("share %d has %d items of %d partitions", share, len(page.Items), len(of))
		}
	}
}
