package cli

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"onemcp/internal/catalog"
	"onemcp/internal/config"
	"onemcp/internal/daemon"
	"onemcp/internal/fault"
	"onemcp/internal/gateway"
)

func newCheck(env *Env) *cobra.Command {
	var probe bool
	var named string
	cmd := &cobra.Command{
		Use:   "check [FILE]",
		Short: "Print all that is wrong with the configuration",
		Long: `Print all that is wrong with the configuration, one problem a line as
file:line:column: path: sentence. The exit code is 0 when nothing is, and 1 otherwise.
Warnings do not count. The file may be given as an argument or by --config.`,
		Args: atMostOneFile,
		RunE: func(_ *cobra.Command, args []string) error {
			file, err := sameFile(strings.Join(args, ""), named)
			if err != nil {
				return err
			}
			return env.check(file, probe)
		},
	}
	cmd.Flags().StringVar(&named, "config", "", "the configuration `file`, the same as FILE")
	cmd.Flags().BoolVar(&probe, "probe", false, "also start every backend, list what it offers, and stop it")
	return cmd
}

// sameFile returns the one file that an argument and --config name, either of which may be empty.
func sameFile(argument, flag string) (string, error) {
	switch {
	case argument == "":
		return flag, nil
	case flag != "" && filepath.Clean(flag) != filepath.Clean(argument):
		return "", fault.New(fault.Invalid, "two files are given, %s and --config %s", argument, flag).WithHint("leave one of them out")
	}
	return argument, nil
}

func (env *Env) check(file string, probe bool) error {
	source, err := env.source(file, config.Flags{})
	if err != nil {
		return err
	}
	if source.Path() == "" {
		return fault.New(fault.NotFound, "there is no configuration file; looked for %s", strings.Join(source.Looked(), " and ")).
			WithHint("write one, or name another with --config")
	}
	c, problems := source.Load()
	printProblems(env.Stdout, problems)
	fmt.Fprintln(env.Stdout, summary(source.Path(), c, problems))
	healthy := !problems.HasErrors()
	if probe && c != nil {
		ready, err := env.probe(c)
		if err != nil {
			return err
		}
		healthy = healthy && ready
	}
	if !healthy {
		return errTold
	}
	return nil
}

func printProblems(w io.Writer, problems config.Problems) {
	for _, p := range problems {
		mark := ""
		if p.Warning {
			mark = " [warning]"
		}
		fmt.Fprintf(w, "%s%s\n", p, mark)
	}
}

// wrongConfig prints why there is nothing to go on with.
func wrongConfig(w io.Writer, problems config.Problems) error {
	printProblems(w, problems)
	return fault.New(fault.Invalid, "the configuration is wrong").WithHint("see the lines above")
}

func summary(file string, c *config.Config, problems config.Problems) string {
	if errors := len(problems.Errors()); errors > 0 {
		return fmt.Sprintf("%s: %s, %s", file, count(errors, "error"), count(len(problems.Warnings()), "warning"))
	}
	return fmt.Sprintf("%s: ok, %s, %s", file, count(len(c.Servers), "server"), count(len(problems.Warnings()), "warning"))
}

// probe starts all backends and reports whether every one that is enabled came up.
func (env *Env) probe(c *config.Config) (ready bool, err error) {
	ctx, stop := env.untilSignal(os.Interrupt, syscall.SIGTERM)
	defer stop()
	log := slog.New(slog.NewTextHandler(env.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	probed, err := daemon.Probe(ctx, daemon.Options{
		Version: env.Version, Executable: env.Executable, Config: c, Environ: env.Environ, Log: log,
	})
	if err != nil {
		return false, fault.New(fault.Canceled, "the probe was stopped").WithCause(err)
	}
	ready = true
	for _, p := range probed {
		ready = ready && (p.State == gateway.Ready || p.State == gateway.Disabled)
		printProbed(env.Stdout, p)
	}
	return ready, nil
}

func printProbed(w io.Writer, p daemon.Probed) {
	_, _ = io.WriteString(w, statusLine(p.Status))
	if p.Version != "" {
		fmt.Fprintf(w, "      speaks %s\n", p.Version)
	}
	for _, k := range catalog.Kinds() {
		for _, name := range p.Offer[k] {
			fmt.Fprintf(w, "      %s: %s\n", singular(k), name)
		}
	}
}

func singular(k catalog.Kind) string {
	return map[catalog.Kind]string{
		catalog.Tools: "tool", catalog.Prompts: "prompt", catalog.Resources: "resource", catalog.Templates: "resource template",
	}[k]
}

func atMostOneFile(_ *cobra.Command, args []string) error {
	if len(args) > 1 {
		return fault.New(fault.Invalid, "check takes one file, and %d are given", len(args)).WithHint("run it once for each")
	}
	return nil
}
