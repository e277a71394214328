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
	driver  *Driver
	opening *upstream.Opening
	up      upstream.Sink
	conn    atomic.Pointer[upstream.Conn] // the one that is tried or used
}

// Run implements [upstream.Conn].
func (e *either) Run(ctx context.Context, ready func(upstream.Info)) error {
	begun := time.Now()
	if Kind(e.driver.found.Load()) == SSE {
		opened, err := e.runEvented(ctx, begun, ready)
		if opened || err == nil || errors.Is(err, errUnreachable) {
			return err
		}
		e.driver.found.Store(uint32(Auto))
	}
	s := newStreamable(e.driver.at, e.opening, e.up)
	err := e.run(ctx, s, ready)
	if s.ready.Load() || e.opening.Era == mcp.Modern || !isOld(int(s.refusal.Load())) {
		return err
	}
	if opened, second := e.runEvented(ctx, begun, ready); opened {
		return second
	}
	return err
}

func (e *either) run(ctx context.Context, c upstream.Conn, ready func(upstream.Info)) error {
	e.conn.Store(&c)
	return c.Run(ctx, ready)
}

// runEvented runs a connection over HTTP+SSE, whose opening has begun then, and reports whether it could be opened.
func (e *either) runEvented(ctx context.Context, begun time.Time, ready func(upstream.Info)) (opened bool, err error) {
	rest := *e.opening
	rest.Timeout -= time.Since(begun)
	err = e.run(ctx, newEvented(e.driver.at, &rest, e.up), func(info upstream.Info) {
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
	c := e.conn.Load()
	if c == nil {
		return mcp.Message{}, e.driver.at.errNotConnected()
	}
	return (*c).Call(ctx, r, up)
}

// Notify implements [upstream.Conn].
func (e *either) Notify(ctx context.Context, body []byte) error {
	c := e.conn.Load()
	if c == nil {
		return e.driver.at.errNotConnected()
	}
	return (*c).Notify(ctx, body)
}
