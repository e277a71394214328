package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

// Run runs the command that env asks for. It returns the exit code: 0, or 1 when the command did not
// succeed, which stderr or the command's own output explains; doctor has codes of its own.
func Run(env Env) int {
	root := newRoot(&env)
	root.SetArgs(env.Args)
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	err := root.Execute()
	if err == nil {
		return 0
	}
	if code, ok := errors.AsType[exitCode](err); ok {
		return int(code)
	}
	if !errors.Is(err, errTold) {
		fmt.Fprintf(env.Stderr, "1mcp: %v\n", err)
	}
	return 1
}

// exitCode ends a command that has printed all there is to say.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }

// errTold ends a command that has printed already what went wrong.
var errTold = errors.New("told already")

func newRoot(env *Env) *cobra.Command {
	root := &cobra.Command{
		Use:   "1mcp",
		Short: "Many MCP servers behind one HTTP endpoint",
		Long: `1mcp puts many MCP servers behind one HTTP endpoint.

Without a command it serves: it reads mcp.json, starts the servers named there, and
offers all their tools, prompts and resources at http://127.0.0.1:3000/mcp.`,
		Version:       env.Version,
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetVersionTemplate("1mcp {{.Version}}\n")
	root.CompletionOptions.HiddenDefaultCmd = true
	serve := newServe(env)
	root.Flags().AddFlagSet(serve.Flags())
	root.RunE = serve.RunE
	root.AddCommand(serve, newProxy(env), newCheck(env), newHealth(env), newDoctor(env), newTrust(env), newSchema(env), newExample(env), newGuard(env), newVersion(env))
	return root
}
