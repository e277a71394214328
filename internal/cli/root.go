package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"onemcp/internal/fault"
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
		Args:          noArguments,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetVersionTemplate("1mcp {{.Version}}\n")
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fault.New(fault.Invalid, "%v", err).WithHint("`%s --help` lists the flags", cmd.CommandPath())
	})
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error { return noBlankFile(cmd) }
	serve := newServe(env)
	root.Flags().AddFlagSet(serve.Flags())
	root.RunE = serve.RunE
	root.AddCommand(serve, newProxy(env), newCheck(env), newHealth(env), newDoctor(env), newTrust(env), newSchema(env), newExample(env), newGuard(env), newVersion(env))
	return root
}

// noArguments refuses arguments of a command that has none, with the words that were probably meant.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	err := fault.New(fault.Invalid, "unknown command %q for %q", args[0], cmd.CommandPath())
	cmd.SuggestionsMinimumDistance = 2
	switch near := cmd.SuggestionsFor(args[0]); {
	case len(near) > 0:
		return err.WithHint("did you mean %s?", near[0])
	case cmd.Flags().Lookup("config") != nil && strings.ContainsAny(args[0], `./\`):
		return err.WithHint("the configuration file is named by --config %s", args[0])
	}
	return err.WithHint("`%s --help` says what it takes", cmd.CommandPath())
}

// noBlankFile refuses a --config without a name, as of a variable that is not set: to look elsewhere would be to take
// another configuration than was meant.
func noBlankFile(cmd *cobra.Command) error {
	if f := cmd.Flags().Lookup("config"); f != nil && f.Changed && strings.TrimSpace(f.Value.String()) == "" {
		return fault.New(fault.Invalid, "--config is empty").WithHint("name the file, or leave it out to use ./mcp.json")
	}
	return nil
}
