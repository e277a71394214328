package daemon

import (
	"context"
	"fmt"
	"net"
	"net/http"

	"onemcp/internal/fault"
	"onemcp/internal/front"
	"onemcp/internal/guard"
)

// partError says that a part ended by itself.
type partError struct {
	name string
	err  error
}

func (e *partError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("%s ended unexpectedly", e.name)
	}
	return fmt.Sprintf("%s ended unexpectedly: %s", e.name, fault.Public(e.err))
}

func (e *partError) Unwrap() error { return e.err }

// start starts every part and returns what stops them all, in order.
func (d *Daemon) start(l net.Listener, g *guard.Guard, ended func(string, error)) (stop func()) {
	base, cut := context.WithCancel(context.Background())
	server := front.Server(base, d.requests, d.o.Log)
	scribe := start("the trace", d.writeTrace, ended)
	warden := start("the guard", g.Run, ended)
	lists := start("the trust lists", d.trust.run, ended)
	spotter := start("watching forwarding headers", d.watch.Run, ended)
	sessions := start("the session table", d.sessions.Run, ended)
	backends := start("the gateway", d.gateway.Run, ended)
	web := start("the HTTP server", func(ctx context.Context) error { return accept(ctx, server, l) }, ended)
	watch := start("watching the configuration file", d.follow, ended)
	reload := start("reloading", d.reloads, ended)
	states := start("reporting of backends", d.report, ended)
	metricsAt := d.config.Server.Metrics.Listen
	metrics := start("the metrics listener", func(ctx context.Context) error { return d.serveMetrics(ctx, metricsAt) }, ended)
	d.ready.Store(true)
	s := steps{d.o.Log}
	return func() {
		d.ready.Store(false)
		s.do("stop listening", partLimit, func(ctx context.Context) error {
			web.quit()
			_ = l.Close()
			return web.stop(ctx)
		})
		d.requests.end()
		s.do("drain calls", drainLimit, d.requests.drained)
		cut()
		s.do("end sessions", sessionLimit, sessions.stop)
		s.do("close connections", partLimit, func(ctx context.Context) error { return shutdown(ctx, server) })
		s.do("stop watching the configuration file", partLimit, watch.stop)
		s.do("stop reading trust lists", partLimit, lists.stop)
		s.do("stop watching forwarding headers", partLimit, spotter.stop)
		s.do("stop reporting of backends", partLimit, states.stop)
		s.do("close the metrics listener", partLimit, metrics.stop)
		s.do("close backends", upstreamLimit, backends.stop)
		s.do("end the guard", partLimit, warden.stop)
		s.do("stop reloading", partLimit, reload.stop) // a reload in progress ends with the backends
		s.do("write the rest of the trace", partLimit, scribe.stop)
	}
}

// accept serves connections until the listener is closed.
func accept(ctx context.Context, server *http.Server, l net.Listener) error {
	err := server.Serve(l)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// shutdown closes what is idle, and cuts what is not when ctx ends.
func shutdown(ctx context.Context, server *http.Server) error {
	err := server.Shutdown(ctx)
	if err != nil {
		_ = server.Close()
	}
	return err
}

// follow notices changes of the file. That it cannot be watched is no reason to end.
func (d *Daemon) follow(ctx context.Context) error {
	if err := d.o.Source.Run(ctx); err != nil {
		d.o.Log.Warn("changes of the configuration file are not noticed; send SIGHUP after a change", "error", err)
		<-ctx.Done()
	}
	return nil
}

// announce tells where clients find us.
func (d *Daemon) announce(e Endpoint) {
	if !e.Loopback {
		d.o.Log.Warn("ANYBODY WHO REACHES THIS ADDRESS CAN CALL EVERY TOOL: there is no authentication, and the address is not a loopback one",
			"address", e.Address, "hint", "set server.host to 127.0.0.1, or put an authenticating proxy in front")
	}
	d.o.Log.Info("listening", "url", e.URL, "address", e.Address, "file", d.o.Source.Path())
	if d.o.Listening != nil {
		d.o.Listening(e)
	}
}
