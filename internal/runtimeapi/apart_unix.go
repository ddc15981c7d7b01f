//go:build unix

package runtimeapi

import (
	"os/exec"
	"syscall"
)

// setApart keeps an interrupt at the terminal from the child: it ends when this
// process ends it, after what is running has been answered.
func setApart(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
