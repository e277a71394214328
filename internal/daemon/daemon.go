package daemon

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"onemcp/internal/accesslog"
	"onemcp/internal/config"
	"onemcp/internal/gateway"
	"onemcp/internal/guard"
	"onemcp/internal/session"
	"onemcp/internal/trace"
)

// GuardCommand is the argument that makes this program call [guard.Main].
const GuardCommand = "guard"

// Options are what the process hands in. All but the functions are needed.
type Options struct {
	Version    string             // of this program
	Executable string             // this program; it is started again as the guard
	Source     *Source            // where the configuration comes from
	Config     *config.Config     // as Source gave it first
	Environ    []string           // what local servers may inherit, NAME=value
	Log        *slog.Logger       //
	AccessLog  *accesslog.Log     // nil: requests go to Log
	SetLevel   func(level string) // called with server.logLevel, at the start and after a reload; may be nil
	StateDir   string             // where the doctor's key lives; empty: the doctor is not served
	Listening  func(Endpoint)     // called once, when clients can connect; may be nil
	Trace      trace.Options      // of all messages; no Path: none
	Stdio      *Stdio             // serve this client alone, and open no listener; nil: serve HTTP
}

// The deadlines of a shutdown.
const (
	drainLimit    = 10 * time.Second
	sessionLimit  = 2 * time.Second
	upstreamLimit = 10 * time.Second
	partLimit     = 2 * time.Second
)

// Daemon is the wired whole. Make it with [New].
type Daemon struct {
	o     Options
	asked chan struct{} // for a reload
	ready atomic.Bool   // new work is welcome

	// Set by Run.
	config   *config.Config // in force; the goroutine that reloads owns it once it runs
	drivers  drivers
	sessions *session.Table
	gateway  *gateway.Gateway
	trace    *trace.File // nil: none
	face     face
}

// New returns a daemon that has not begun.
func New(o Options) *Daemon {
	return &Daemon{o: o, config: o.Config, asked: make(chan struct{}, 1)}
}

// wire makes the parts; it starts none.
func (d *Daemon) wire(g *guard.Guard) {
	server := &d.config.Server
	d.drivers = drivers{environ: d.o.Environ, guard: g, log: d.o.Log, trace: d.observer()}
	d.sessions = session.NewTable(session.Limits{Max: server.MaxSessions, PerClient: server.SessionsPerClient, Idle: server.SessionIdleTimeout})
	d.gateway = gateway.New(gateway.Options{Version: d.o.Version, Log: d.o.Log, Sessions: d.sessions}, d.setup())
	d.face.wire()
}

func (d *Daemon) setup() gateway.Setup { return setup(d.config, d.o.Environ, d.drivers.of) }

func (d *Daemon) setLevel() {
	if d.o.SetLevel != nil {
		d.o.SetLevel(d.config.Server.LogLevel)
	}
}

// Status returns what is known of each backend, in the order of the configuration. It may be called from
// [Options].Listening on; so may Changed.
func (d *Daemon) Status() []gateway.Status { return d.gateway.Status() }

// Changed returns a channel that is closed at the next change of any backend's status.
func (d *Daemon) Changed() <-chan struct{} { return d.gateway.Changed() }

// Run serves until ctx ends, or the client of [Options].Stdio has gone, then shuts down in order and returns nil. It returns
// an error when the listener cannot be opened, or when a part ended that should not have.
func (d *Daemon) Run(ctx context.Context) error {
	face, err := d.open(ctx)
	if err != nil {
		return err
	}
	if d.trace, err = openTrace(d.o.Trace); err != nil {
		face.abandon()
		return err
	}
	d.face = face
	g := startGuard(d.o.Executable, d.o.Log)
	d.wire(g)
	d.setLevel()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := d.start(g, func(name string, err error) { cancel(&partError{name, err}) })
	d.face.announce()
	<-ctx.Done()
	d.o.Log.Info("shutting down")
	stop()
	d.o.Log.Info("shutdown is complete")
	if failure, ok := errors.AsType[*partError](context.Cause(ctx)); ok && !errors.Is(failure, errLeft) {
		return failure
	}
	return nil
}

// startGuard starts the process that ends our children should we die. Without it we serve all the same.
func startGuard(executable string, log *slog.Logger) *guard.Guard {
	g, err := guard.Start(guard.Options{Exe: executable, Args: []string{GuardCommand}, Log: log})
	if err != nil {
		log.Warn("there is no guard: child processes may stay behind if this process is killed", "error", err)
		return nil
	}
	return g
}
