//go:build linux

package stdio_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"onemcp/internal/guard"
	"onemcp/internal/upstream"
	"onemcp/internal/upstream/stdio"
)

const roleVariable = "STDIO_TEST_ROLE"

// play is what the test binary does instead of testing when it was started for a role.
func play(role string) {
	if role == "guard" {
		_ = guard.Main(os.Stdin)
		return
	}
	g, err := guard.Start(guard.Options{Env: []string{roleVariable + "=guard", os.Args[1]}})
	if err != nil {
		panic(err)
	}
	go func() { _ = g.Run(context.Background()) }()
	o := shell(os.Args[2])
	o.Args = append(o.Args, server(""))
	o.Env = append(os.Environ(), os.Args[1])
	o.Guard = g
	_ = stdio.Driver{Options: o}.Connect(opening(), upstream.Discard{}).
		Run(context.Background(), func(upstream.Info) { fmt.Println("ready") })
}

// A gateway that is killed with SIGKILL leaves no process, whatever stands between it and its server.
func TestAKilledGatewayLeavesNoProcess(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"a process beside the server": `sleep 1000 & exec sh -c "$0"`,
		"a wrapper that waits":        `sh -c 'sh -c "$0"; sleep 1000' "$0"; true`,
		"a server that hears nothing": `trap '' TERM HUP; sleep 1000 & eval "$0"; while :; do sleep 1000; done`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			marker := fmt.Sprintf("STDIO_TEST_MARKER=%s %d", t.Name(), os.Getpid())
			exe, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(exe, marker, script)
			cmd.Env = append(os.Environ(), roleVariable+"=gateway")
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
				t.Fatalf("the gateway said %q, %v", line, err)
			}
			if n := marked(t, marker); n < 3 { // the guard and at least two of the group
				t.Fatalf("only %d processes to begin with", n)
			}
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			await(t, "no process is left", func() bool { return marked(t, marker) == 0 })
		})
	}
}

// marked counts the processes that have the marker in their environment.
func marked(t *testing.T, marker string) (n int) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range all {
		env, _ := os.ReadFile(path) // a process that has ended has none
		if bytes.Contains(env, []byte(marker)) {
			n++
		}
	}
	return n
}
