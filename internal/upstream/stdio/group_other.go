//go:build !unix

package stdio

import (
	"os"
	"os/exec"
)

// group stands for a process alone: there are no process groups here.
type group int

func ownGroup(*exec.Cmd) {}

func (g group) terminate() { g.kill() }

func (g group) kill() {
	if p, err := os.FindProcess(int(g)); err == nil {
		_ = p.Kill()
		_ = p.Release()
	}
}

func (g group) empty() bool { return true }
