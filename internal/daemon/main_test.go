package daemon

import (
	"context"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"onemcp/internal/example"
	"onemcp/internal/guard"
)

// TestMain lets this binary be what the daemon starts: its guard, and the example server.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 {
		var err error
		switch os.Args[1] {
		case GuardCommand:
			err = guard.Main(os.Stdin)
		case "example-server":
			err = example.Serve(context.Background(), os.Stdin, os.Stdout)
		default:
			goleak.VerifyTestMain(m)
			return
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}
