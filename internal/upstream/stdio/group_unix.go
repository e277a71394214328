//go:build unix

package stdio

import (
	"errors"
	"os/exec"
	"syscall"
)

// group is a process group, by the id of its first process.
type group int

// ownGroup makes the command the first of a group of its own.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithParent(cmd.SysProcAttr)
}

func (g group) terminate() { _ = syscall.Kill(-int(g), syscall.SIGTERM) }

func (g group) kill() { _ = syscall.Kill(-int(g), syscall.SIGKILL) }

// empty reports whether the group of a reaped process has no other members. Those that
// have become our children, which happens to the first process of a container, are reaped.
func (g group) empty() bool {
	for {
		pid, err := syscall.Wait4(-int(g), nil, syscall.WNOHANG, nil)
		if pid <= 0 && !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	return errors.Is(syscall.Kill(-int(g), 0), syscall.ESRCH)
}
