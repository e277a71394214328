package daemon

import (
	"context"
	"fmt"

	"onemcp/internal/fault"
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
func (d *Daemon) start(g *guard.Guard, ended func(string, error)) (stop func()) {
	scribe := start("the trace", d.writeTrace, ended)
	warden := start("the guard", g.Run, ended)
	sessions := start("the session table", d.sessions.Run, ended)
	backends := start("the gateway", d.gateway.Run, ended)
	d.face.start(ended)
	watch := start("watching the configuration file", d.follow, ended)
	reload := start("reloading", d.reloads, ended)
	states := start("reporting of backends", d.report, ended)
	d.ready.Store(true)
	s := steps{d.o.Log}
	return func() {
		d.ready.Store(false)
		d.face.drain(s)
		s.do("end sessions", sessionLimit, sessions.stop)
		d.face.close(s)
		s.do("stop watching the configuration file", partLimit, watch.stop)
		s.do("stop reporting of backends", partLimit, states.stop)
		s.do("close backends", upstreamLimit, backends.stop)
		s.do("end the guard", partLimit, warden.stop)
		s.do("stop reloading", partLimit, reload.stop) // a reload in progress ends with the backends
		s.do("write the rest of the trace", partLimit, scribe.stop)
	}
}

// follow notices changes of the file. That it cannot be watched is no reason to end.
func (d *Daemon) follow(ctx context.Context) error {
	if err := d.o.Source.Run(ctx); err != nil {
		d.o.Log.Warn("changes of the configuration file are not noticed; send SIGHUP after a change", "error", err)
		<-ctx.Done()
	}
	return nil
}
