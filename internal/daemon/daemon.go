package daemon

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"onemcp/internal/accesslog"
	"onemcp/internal/config"
	"onemcp/internal/fault"
	"onemcp/internal/front"
	"onemcp/internal/gateway"
	"onemcp/internal/guard"
	"onemcp/internal/obs"
	"onemcp/internal/probe"
	"onemcp/internal/secret"
	"onemcp/internal/session"
	"onemcp/internal/trace"
	"onemcp/internal/trustlist"
	"onemcp/internal/trustwatch"
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
	metrics  *obs.Metrics
	front    *front.Front
	requests *inflight
	trace    *trace.File // nil: none
	trust    *believed
	watch    *trustwatch.Watch
	peers    [2]atomic.Int64 // seen lately: trusted, others
	webhook  atomic.Pointer[secret.Text]
	local    bool // nobody outside this machine can connect
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
	d.metrics = obs.New(obs.Gauges{
		Sessions: d.sessions.Len,
		Backends: func() map[string]int { return countStates(d.gateway.Status()) },

		TrustListAge: d.trust.Age,
		TrustedPeers: func() (int, int) { return int(d.peers[0].Load()), int(d.peers[1].Load()) },
	})
	d.watch = trustwatch.New(trustwatch.Options{Log: d.o.Log, Metrics: counted{d.metrics, &d.peers}, Deliver: d.deliver})
	d.front = front.New(front.Options{
		Gateway:   d.gateway,
		Sessions:  d.sessions,
		Log:       d.o.Log,
		AccessLog: d.o.AccessLog,
		Version:   d.o.Version,
		Ready:     d.ready.Load,
		MaxBody:   server.MaxBodySize,
		Heartbeat: server.HeartbeatInterval,
		Access:    d.access(),
		Probe:     d.probeKey(),
		Watch:     d.watch,
		Anomalies: func() any { return d.watch.Report() },
		Metrics:   measured{d.metrics, server.Metrics.Main},
		Trace:     d.observer(),
	})
	d.requests = newInflight(d.front)
}

// access makes the access configuration in force, and says what is doubtful about it.
func (d *Daemon) access() *front.Access {
	server := &d.config.Server
	a := access(server, d.trust.Policy)
	d.webhook.Store(&server.AnomalyWebhook)
	warnOfAccess(d.o.Log, server, a, d.local)
	return a
}

// openLists reads the lists that server.trustProxy names.
func (d *Daemon) openLists() (*trustlist.Lists, error) {
	return trustlist.Open(d.config.Server.TrustProxy, trustlist.Options{Log: d.o.Log})
}

// probeKey returns the key of the doctor's tokens. Without it the gateway serves all the same.
func (d *Daemon) probeKey() *probe.Key {
	if d.o.StateDir == "" {
		return nil
	}
	key, err := probe.Open(d.o.StateDir)
	if err != nil {
		d.o.Log.Warn("`1mcp doctor` cannot look into this gateway", "error", fault.Public(err))
		return nil
	}
	return key
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

// Run serves until ctx ends, then shuts down in order and returns nil. It returns an error when the
// listener cannot be opened, or when a part ended that should not have.
func (d *Daemon) Run(ctx context.Context) error {
	listener, err := listen(ctx, &d.config.Server)
	if err != nil {
		return err
	}
	lists, err := d.openLists()
	if err == nil {
		d.trace, err = openTrace(d.o.Trace)
	}
	if err != nil {
		_ = listener.Close()
		return err
	}
	d.trust = newBelieved(lists)
	d.local = endpointOf(listener).Loopback
	g := startGuard(d.o.Executable, d.o.Log)
	d.wire(g)
	if d.config.Server.ProxyProtocol == "require" {
		listener = &announcing{Listener: listener, trust: d.trust.Policy, log: d.o.Log}
	}
	d.setLevel()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := d.start(listener, g, func(name string, err error) { cancel(&partError{name, err}) })
	d.announce(endpointOf(listener))
	<-ctx.Done()
	d.o.Log.Info("shutting down")
	stop()
	d.o.Log.Info("shutdown is complete")
	if failure, ok := errors.AsType[*partError](context.Cause(ctx)); ok {
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
