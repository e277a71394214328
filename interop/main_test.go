package interop_test

import (
	"fmt"
	"os"
	"testing"

	"onemcp/interop/harness"
)

// Set once, before the tests run.
var (
	bin  harness.Binaries
	node = harness.FindNode()
)

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "interop-")
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
	if n := node.Skipped.Load(); n > 0 {
		fmt.Fprintf(os.Stderr, "interop: %d tests were skipped for want of the npm packages; run `npm ci` in interop/\n", n)
	}
	return code
}
