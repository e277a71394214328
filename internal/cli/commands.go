package cli

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/spf13/cobra"

	"onemcp/internal/config"
	"onemcp/internal/daemon"
	"onemcp/internal/example"
	"onemcp/internal/guard"
)

func newVersion(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			fmt.Fprintf(env.Stdout, "1mcp %s\n", env.Version)
			return nil
		},
	}
}

func newSchema(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of mcp.json",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			_, err := env.Stdout.Write(config.Schema())
			return err
		},
	}
}

func newExample(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:   "example-server",
		Short: "Run the built-in example MCP server on stdin and stdout",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := env.untilSignal(syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			err := example.Serve(ctx, env.Stdin, env.Stdout)
			if errors.Is(err, errSignal) {
				return nil
			}
			return err
		},
	}
}

// newGuard returns the command that the daemon starts as its guard. It is not for people.
func newGuard(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:    daemon.GuardCommand,
		Short:  "End the process groups named on stdin when stdin ends",
		Hidden: true,
		Args:   noArguments,
		RunE:   func(*cobra.Command, []string) error { return guard.Main(env.Stdin) },
	}
}
