package embedded

import (
	"os"
	"strings"
	"testing"
)

// A store that need not outlive the process lies in memory where the system has a
// place for that.
func TestAPassingStoreLiesInMemory(t *testing.T) {
	if info, err := os.Stat("/dev/shm"); err != nil || !info.IsDir() {
		t.Skip("this system has no memory-backed storage")
	}
	path, remove, err := TempPath()
	if err != nil || !strings.HasPrefix(path, "/dev/shm/") {
		t.Fatal(path, err)
	}
	remove()
	if _, err := os.Stat(strings.TrimSuffix(path, "/panah.db")); !os.IsNotExist(err) {
		t.Errorf("it is left behind: %v", err)
	}
}
