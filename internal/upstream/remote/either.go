package remote

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"onemcp/internal/mcp"
	"onemcp/internal/upstream"
)

// either is a connection to a backend of unknown kind: streamable HTTP, and where initialize is refused
// as the specification says that an old server does, HTTP+SSE.
type either struct {
	streamable
	driver  *Driver
	evented atomic.Pointer[evented] // what is tried or used in its place
}

func (d *Driver) either(o *upstream.Opening, up upstream.Sink) *either {
	e := &either{driver: d}
	e.init(d.at, o, up)
	return e
}

// Run implements [upstream.Conn].
func (e *either) Run(ctx context.Context, ready func(upstream.Info)) error { return run(ctx, e, ready) }

// Rest implements [upstream.Rester].
func (e *either) Rest(ctx context.Context, ready func(upstream.Info), over func(error)) {
	begun, opening := time.Now(), *e.opening
	if Kind(e.driver.found.Load()) == SSE {
		opened, err := e.runEvented(ctx, opening, ready)
		if opened || err == nil || errors.Is(err, errUnreachable) {
			over(err)
			return
		}
		e.driver.found.Store(uint32(Auto))
		e.evented.Store(nil)
	}
	err := e.open(ctx, ready)
	if err == nil {
		e.rest(ctx, over)
		return
	}
	err = e.close(ctx, err)
	if opening.Era != mcp.Modern && isOld(int(e.refusal.Load())) {
		opening.Timeout -= time.Since(begun)
		if opened, second := e.runEvented(ctx, opening, ready); opened {
			err = second
		}
	}
	over(err)
}

// runEvented runs a connection over HTTP+SSE, and reports whether it could be opened.
func (e *either) runEvented(ctx context.Context, o upstream.Opening, ready func(upstream.Info)) (opened bool, err error) {
	c := newEvented(e.at, &o, e.ledger.up)
	e.evented.Store(c)
	err = c.Run(ctx, func(info upstream.Info) {
		opened = true
		e.driver.found.Store(uint32(SSE))
		ready(info)
	})
	return opened, err
}

// isOld reports whether a server that answers initialize with this HTTP status may be of the old
// transport.
func isOld(code int) bool {
	return code == http.StatusBadRequest || code == http.StatusNotFound || code == http.StatusMethodNotAllowed
}

// Call implements [upstream.Caller].
func (e *either) Call(ctx context.Context, r *upstream.Request, up upstream.Sink) (mcp.Message, error) {
	if c := e.evented.Load(); c != nil {
		return c.Call(ctx, r, up)
	}
	return e.streamable.Call(ctx, r, up)
}

// Notify implements [upstream.Conn].
func (e *either) Notify(ctx context.Context, body []byte) error {
	if c := e.evented.Load(); c != nil {
		return c.Notify(ctx, body)
	}
	return e.streamable.Notify(ctx, body)
}
