package local

import (
	"os/exec"
	"syscall"
)

// dieWithParent ends the server when the starting process is killed. The signal
// follows the thread that started it, so it is a second net and not the first:
// Go keeps its threads unless a goroutine ends with one locked.
func dieWithParent(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
