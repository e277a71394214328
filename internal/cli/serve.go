package cli

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"sync"
	"syscall"

	"github.com/spf13/cobra"

	"onemcp/internal/config"
	"onemcp/internal/daemon"
	"onemcp/internal/gcpace"
	"onemcp/internal/probe"
)

type serveFlags struct {
	file  string
	state string
	over  config.Flags
	log   logFlags
	trace traceFlags
}

func newServe(env *Env) *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve all configured MCP servers at one endpoint (the default)",
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return env.serve(f) },
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
	return cmd
}

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

func (env *Env) serve(f serveFlags) error {
	if err := errors.Join(f.log.check(), f.trace.check()); err != nil {
		return err
	}
	source, err := env.source(f.file, f.over)
	if err != nil {
		return err
	}
	c, problems := source.Load()
	if c == nil {
		return wrongConfig(env.Stderr, problems)
	}
	log, how := newLog(env.Stderr, env.Terminal, f.log, c.Server.LogFormat)
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
	arrived, unsubscribe := r.env.Signals(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
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
			if signal == syscall.SIGHUP {
				r.daemon.Reload()
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
