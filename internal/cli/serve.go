package cli

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"syscall"

	"github.com/spf13/cobra"

	"onemcp/internal/config"
	"onemcp/internal/daemon"
	"onemcp/internal/fault"
	"onemcp/internal/gcpace"
	"onemcp/internal/probe"
)

type serveFlags struct {
	file   string
	state  string
	stdio  bool
	over   config.Flags
	log    logFlags
	picked selectionFlags
	trace  traceFlags
}

func newServe(env *Env) *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve all configured MCP servers at one endpoint (the default)",
		Long: `Serve all configured MCP servers at one endpoint, over HTTP.

With --stdio the one client is the program that has started this one: it is served on stdin and
stdout, and no port is opened. It sees all servers, or those that --tags, --filter, --preset,
--servers or --server picks. The log goes to stderr.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return env.serve(f, cmd) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.file, "config", "", "the configuration `file` (default: ./mcp.json, then 1mcp/mcp.json among the user's settings)")
	flags.StringVar(&f.over.Host, "host", "", "the `address` to listen on (default 127.0.0.1)")
	flags.StringVar(&f.over.Port, "port", "", "the `port` to listen on; 0 takes any free one (default 3000)")
	flags.StringVar(&f.over.TrustProxy, "trust-proxy", "", "which reverse proxies may say who the client is: `value` as of server.trustProxy (default loopback)")
	flags.StringVar(&f.state, "state-dir", "", "the `directory` of the key that `1mcp doctor` needs (default $XDG_STATE_HOME/1mcp)")
	flags.StringVar(&f.trace.file, "trace-mcp", "", "write every MCP message to `FILE`, with what may be secret left out")
	flags.BoolVar(&f.trace.full, "trace-mcp-full", false, "leave nothing out of the trace, secrets and personal data included")
	flags.StringVar(&f.log.level, "log-level", "", "debug, info, warn or error (default info)")
	flags.StringVar(&f.log.format, "log-format", "", "auto, text or json (default auto: a short print on a terminal, JSON lines elsewhere)")
	flags.BoolVar(&f.stdio, "stdio", false, "serve one client on stdin and stdout, in place of HTTP")
	f.picked.register(cmd)
	return cmd
}

// client returns the client on stdin and stdout that is to be served, nil for HTTP. Flags that are for the other are refused.
func (f *serveFlags) client(env *Env, cmd *cobra.Command) (*daemon.Stdio, error) {
	if !f.stdio {
		for name := range f.picked.given(cmd) {
			return nil, fault.New(fault.Invalid, "--%s is for --stdio", name).WithHint("over HTTP each client selects in its URL, such as /mcp?tags=a,b or /mcp/servers/NAME")
		}
		return nil, nil
	}
	for _, name := range []string{"host", "port", "trust-proxy", "state-dir"} {
		if cmd.Flags().Changed(name) {
			return nil, fault.New(fault.Invalid, "--%s does not go with --stdio, which opens no port", name).WithHint("leave one of them out")
		}
	}
	scope, err := f.picked.scope(cmd)
	if err != nil {
		return nil, err
	}
	return &daemon.Stdio{In: env.Stdin, Out: kept{env.Stdout}, Scope: scope}, nil
}

// answers is where messages to a client go, nil for HTTP.
func (f *serveFlags) answers(env *Env) io.Writer {
	if f.stdio {
		return env.Stdout
	}
	return nil
}

// kept is a writer that stays open.
type kept struct{ io.Writer }

// Close implements io.Closer.
func (kept) Close() error { return nil }

func (env *Env) source(file string, over config.Flags) (*daemon.Source, error) {
	return daemon.NewSource(daemon.SourceOptions{
		File:       file,
		Flags:      over,
		Lookup:     env.Lookup,
		Dir:        env.Dir,
		ConfigDir:  env.ConfigDir,
		Executable: env.Executable,
	})
}

func (env *Env) serve(f serveFlags, cmd *cobra.Command) error {
	if err := errors.Join(f.log.check(), f.trace.check(cmd.Flags().Changed("trace-mcp"))); err != nil {
		return err
	}
	client, err := f.client(env, cmd)
	if err != nil {
		return err
	}
	source, err := env.source(f.file, f.over)
	if err != nil {
		return err
	}
	if err := f.trace.apart(env.Dir, source.Path(), f.answers(env)); err != nil {
		return err
	}
	c, problems := source.Load()
	if c == nil {
		return wrongConfig(env.Stderr, problems)
	}
	log, how := newLog(env.Stderr, env.Terminal && !f.stdio, f.log, c.Server.LogFormat)
	defer how.buffer.Flush()
	how.set(c.Server.LogLevel)
	if how.screen {
		printProblems(env.Stderr, problems)
	} else {
		daemon.LogProblems(log, problems)
	}
	if source.Path() == "" {
		log.Info("there is no configuration file; serving the built-in example server", "looked", strings.Join(source.Looked(), ", "))
	}
	if len(c.Servers) == 0 {
		log.Warn("the configuration names no server, so there is nothing to serve", "hint", "add them under mcpServers; a saved change takes effect at once")
	}
	if f.trace.full {
		how.shout(env.Stderr, log, fullTrace, f.trace.file)
	}
	if _, set := env.Lookup("GOGC"); !set {
		defer gcpace.Start()()
	}
	r := &run{env: env, log: log, source: source, screen: how.screen}
	r.daemon = daemon.New(daemon.Options{
		Version:    env.Version,
		Executable: env.Executable,
		Source:     source,
		Config:     c,
		Environ:    env.Environ,
		Log:        log,
		AccessLog:  how.access,
		SetLevel:   how.set,
		StateDir:   probe.Dir(f.state, env.Lookup),
		Listening:  r.listening,
		Trace:      f.trace.options(env.Dir, log),
		Stdio:      client,
	})
	return r.untilStopped()
}

// run is one run of the daemon under the signals.
type run struct {
	env    *Env
	log    *slog.Logger
	source *daemon.Source
	daemon *daemon.Daemon
	screen bool

	ctx     context.Context // ends when the daemon is to stop
	helpers sync.WaitGroup
}

func (r *run) untilStopped() error {
	arrived, unsubscribe := r.env.Signals(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	defer unsubscribe()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r.ctx = ctx
	ended := make(chan error, 1)
	go func() {
		err := r.daemon.Run(ctx)
		cancel()
		r.helpers.Wait()
		ended <- err
	}()
	for {
		select {
		case err := <-ended:
			return err
		case signal := <-arrived:
			switch signal {
			case syscall.SIGHUP:
				r.daemon.Reload()
				continue
			case syscall.SIGPIPE: // that nobody reads stdout or stderr is known from the writing
				continue
			}
			if ctx.Err() != nil {
				r.log.Warn("stopped at once by a second signal")
				return errTold
			}
			cancel()
		}
	}
}

// listening prints the start-up print, and goes on telling of the backends.
func (r *run) listening(e daemon.Endpoint) {
	if !r.screen {
		return
	}
	_, _ = r.env.Stderr.Write([]byte(opening(r.env.Version, e, r.source.Path(), r.source.Looked())))
	r.helpers.Go(func() { follow(r.ctx, r.env.Stderr, r.daemon) })
}
