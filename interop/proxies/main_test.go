//go:build linux

package proxies_test

import (
	"fmt"
	"os"
	"os/exec"
	"sync/atomic"
	"testing"

	"onemcp/interop/harness"
)

// Set once, before the tests run.
var bin harness.Binaries

var skipped atomic.Int64

func TestMain(m *testing.M) {
	if os.Getenv(asBackend) != "" {
		os.Exit(serveBackend())
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "proxies-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if bin, err = harness.Build(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if n := skipped.Load(); n > 0 {
		fmt.Fprintf(os.Stderr, "proxies: %d tests were skipped for want of a program; run interop/install-debian.sh\n", n)
	}
	return code
}

// need finds a program or skips the test. In CI it fails the test instead:
// there, nothing may be skipped unseen.
func need(t testing.TB, program string) string {
	t.Helper()
	for _, name := range []string{program, "/usr/sbin/" + program} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	miss(t, program+" is missing: run interop/install-debian.sh")
	return ""
}

func miss(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(why)
	}
	skipped.Add(1)
	t.Skip(why)
}
