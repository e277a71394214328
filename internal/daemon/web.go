package daemon

import (
	"context"
	"net"
	"strings"
	"sync/atomic"

	"onemcp/internal/config"
	"onemcp/internal/fault"
	"onemcp/internal/front"
	"onemcp/internal/h1/server"
	"onemcp/internal/obs"
	"onemcp/internal/probe"
	"onemcp/internal/secret"
	"onemcp/internal/trustlist"
	"onemcp/internal/trustwatch"
)

// web is the face for clients over HTTP.
type web struct {
	d        *Daemon
	listener net.Listener
	local    bool // nobody outside this machine can connect
	trust    *believed
	watch    *trustwatch.Watch
	metrics  *obs.Metrics
	peers    [2]atomic.Int64 // seen lately: trusted, others
	webhook  atomic.Pointer[secret.Text]
	front    *front.Front
	requests *inflight

	server *server.Server
	cut    context.CancelFunc // ends streams and modern requests
	parts  webParts
}

// webParts run while the web does.
type webParts struct{ server, lists, spotter, metrics *part }

// openWeb opens the listener.
func (d *Daemon) openWeb(ctx context.Context) (face, error) {
	listener, err := listen(ctx, &d.config.Server)
	if err != nil {
		return nil, err
	}
	lists, err := trustlist.Open(d.config.Server.TrustProxy, trustlist.Options{Log: d.o.Log})
	if err != nil {
		_ = listener.Close()
		return nil, err
	}
	return &web{d: d, listener: listener, local: endpointOf(listener).Loopback, trust: newBelieved(lists)}, nil
}

func (w *web) wire() {
	server := &w.d.config.Server
	w.metrics = obs.New(obs.Gauges{
		Sessions: w.d.sessions.Len,
		Backends: func() map[string]int { return countStates(w.d.gateway.Status()) },

		TrustListAge: w.trust.Age,
		TrustedPeers: func() (int, int) { return int(w.peers[0].Load()), int(w.peers[1].Load()) },
	})
	w.watch = trustwatch.New(trustwatch.Options{Log: w.d.o.Log, Metrics: counted{w.metrics, &w.peers}, Deliver: w.deliver})
	w.front = front.New(front.Options{
		Gateway:   w.d.gateway,
		Sessions:  w.d.sessions,
		Log:       w.d.o.Log,
		AccessLog: w.d.o.AccessLog,
		Version:   w.d.o.Version,
		Ready:     w.d.ready.Load,
		MaxBody:   server.MaxBodySize,
		Heartbeat: server.HeartbeatInterval,
		Access:    w.access(),
		Probe:     w.probeKey(),
		Watch:     w.watch,
		Anomalies: func() any { return w.watch.Report() },
		Metrics:   measured{w.metrics, server.Metrics.Main},
		Trace:     w.d.observer(),
	})
	w.requests = newInflight(w.front)
}

// access makes the access configuration in force, and says what is doubtful about it.
func (w *web) access() *front.Access {
	server := &w.d.config.Server
	a := access(server, w.trust.Policy)
	w.webhook.Store(&server.AnomalyWebhook)
	warnOfAccess(w.d.o.Log, server, a, w.local)
	return a
}

// probeKey returns the key of the doctor's tokens. Without it the gateway serves all the same.
func (w *web) probeKey() *probe.Key {
	if w.d.o.StateDir == "" {
		return nil
	}
	key, err := probe.Open(w.d.o.StateDir)
	if err != nil {
		w.d.o.Log.Warn("`1mcp doctor` cannot look into this gateway", "error", fault.Public(err))
		return nil
	}
	return key
}

// start starts what serves HTTP.
func (w *web) start(ended func(string, error)) {
	base, cut := context.WithCancel(context.Background())
	w.cut, w.server = cut, front.Server(base, w.requests, w.d.o.Log, w.d.config.Server.MaxHeaderSize)
	l := w.listener
	if w.d.config.Server.ProxyProtocol == "require" {
		l = &announcing{Listener: l, trust: w.trust.Policy, log: w.d.o.Log}
	}
	metricsAt := w.d.config.Server.Metrics.Listen
	w.parts = webParts{
		lists:   start("the trust lists", w.trust.run, ended),
		spotter: start("watching forwarding headers", w.watch.Run, ended),
		server:  start("the HTTP server", func(ctx context.Context) error { return accept(ctx, w.server, l) }, ended),
		metrics: start("the metrics listener", func(ctx context.Context) error { return w.serveMetrics(ctx, metricsAt) }, ended),
	}
}

func (w *web) abandon() { _ = w.listener.Close() }

func (w *web) drain(s steps) {
	s.do("stop listening", partLimit, func(ctx context.Context) error {
		w.parts.server.quit()
		_ = w.listener.Close()
		return w.parts.server.stop(ctx)
	})
	w.requests.end()
	s.do("drain calls", drainLimit, w.requests.drained)
	w.cut()
}

func (w *web) close(s steps) {
	s.do("close connections", partLimit, func(ctx context.Context) error { return shutdown(ctx, w.server) })
	s.do("stop reading trust lists", partLimit, w.parts.lists.stop)
	s.do("stop watching forwarding headers", partLimit, w.parts.spotter.stop)
	s.do("close the metrics listener", partLimit, w.parts.metrics.stop)
}

// prepare reads the lists that server.trustProxy names.
func (w *web) prepare(next *config.Config) (func(), error) {
	lists, err := trustlist.Open(next.Server.TrustProxy, trustlist.Options{Log: w.d.o.Log})
	if err != nil {
		return nil, err
	}
	if late := needRestart(&w.d.config.Server, &next.Server); len(late) > 0 {
		w.d.o.Log.Warn("these settings take effect at the next start", "settings", strings.Join(late, ", "))
	}
	return func() {
		w.trust.replace(lists)
		w.front.SetAccess(w.access())
	}, nil
}

// announce tells where clients find us.
func (w *web) announce() {
	e := endpointOf(w.listener)
	if !e.Loopback {
		w.d.o.Log.Warn("ANYBODY WHO REACHES THIS ADDRESS CAN CALL EVERY TOOL: there is no authentication, and the address is not a loopback one",
			"address", e.Address, "hint", "set server.host to 127.0.0.1, or put an authenticating proxy in front")
	}
	w.d.o.Log.Info("listening", "url", e.URL, "address", e.Address, "file", w.d.o.Source.Path())
	if w.d.o.Listening != nil {
		w.d.o.Listening(e)
	}
}

// accept serves connections until the listener is closed.
func accept(ctx context.Context, s *server.Server, l net.Listener) error {
	err := s.Serve(l)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// shutdown closes what is idle, and cuts what is not when ctx ends.
func shutdown(ctx context.Context, s *server.Server) error {
	err := s.Shutdown(ctx)
	if err != nil {
		_ = s.Close()
	}
	return err
}
