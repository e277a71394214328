//go:build unix

package guard

import (
	"errors"
	"os/exec"
	"os/signal"
	"syscall"
)

const supported = true

// ownSession keeps the terminal's and a service manager's signals to the gateway's group from the guard.
func ownSession(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

func ignoreSignals() {
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGPIPE)
}

func terminate(pgid int) { _ = syscall.Kill(-pgid, syscall.SIGTERM) }

func kill(pgid int) { _ = syscall.Kill(-pgid, syscall.SIGKILL) }

func empty(pgid int) bool { return errors.Is(syscall.Kill(-pgid, 0), syscall.ESRCH) }
