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
