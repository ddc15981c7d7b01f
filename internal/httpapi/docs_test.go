package httpapi_test

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"panah/internal/httpapi"
	"panah/internal/testworld"
)

// The API's page, read in a real browser at the size of a phone.
func TestTheDocsPageOnAPhone(t *testing.T) {
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("chromium is not installed")
		}
		t.Skip("chromium is not installed")
	}
	server := httptest.NewServer(httpapi.All(testworld.Open(t).Service, slog.New(slog.DiscardHandler)))
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ctx, stop := chromedp.NewContext(ctx, chromedp.WithAllocatorOptions(chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.UserDataDir(t.TempDir())))
	defer stop()
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(360, 740, chromedp.EmulateMobile), chromedp.Navigate(server.URL+"/docs"), chromedp.WaitVisible("#routes details")); err != nil {
		t.Fatal(err)
	}
	routes, err := chromedp.Run(ctx, chromedp.Evaluate[int](`document.querySelectorAll('#routes details').length`))
	if err != nil || routes < 18 {
		t.Errorf("%d routes are shown, %v", routes, err)
	}
	wide, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`document.querySelectorAll('#routes details').forEach(d=>d.open=true),document.documentElement.scrollWidth>window.innerWidth`))
	if err != nil || wide {
		t.Errorf("the page is wider than the phone: %v, %v", wide, err)
	}
	if to := os.Getenv("PANAH_SCREENSHOT"); to != "" {
		picture, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, picture, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
