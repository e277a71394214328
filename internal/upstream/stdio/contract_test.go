//go:build linux

package stdio_test

import (
	"os"
	"testing"

	"onemcp/internal/mcp/mcptest"
	"onemcp/internal/upstream"
	"onemcp/internal/upstream/stdio"
	"onemcp/internal/upstream/upstreamtest"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		play(role)
		return
	}
	os.Exit(upstreamtest.Main(m))
}

func TestContract(t *testing.T) {
	t.Parallel()
	upstreamtest.Run(t, upstreamtest.Backend{Lines: true, New: driver})
}

// driver runs the scripted server as a child process.
func driver(t *testing.T, s upstreamtest.Script) upstream.Driver {
	command, env := s.Command(t)
	return stdio.Driver{Options: stdio.Options{Name: "scripted", Command: command, Env: env, MaxMessage: s.Limit, Trace: mcptest.Watch(t)}}
}

// TestEveryMessageIsHeldAgainstItsSchema shows whether the tests of this package do so.
func TestEveryMessageIsHeldAgainstItsSchema(t *testing.T) {
	t.Parallel()
	mcptest.Need(t)
}
