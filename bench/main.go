// Command bench measures the gateway: what it costs and adds, beside nothing at all, beside the
// reverse proxies that everybody knows, and beside any other gateway. See README.md.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run chooses between the benchmark and the programs that it starts of itself.
func run(ctx context.Context, args []string) error {
	if len(args) > 0 {
		switch args[0] {
		case "backend":
			return runBackend(ctx, args[1:])
		case "reverse-proxy":
			return runProxy(ctx, args[1:])
		case "bare":
			return runBare(ctx, args[1:])
		}
	}
	return runBench(ctx, args)
}
