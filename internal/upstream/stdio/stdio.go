package stdio

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"onemcp/internal/fault"
	"onemcp/internal/mcp"
	"onemcp/internal/peer"
	"onemcp/internal/trace"
	"onemcp/internal/upstream"
)

// Options say what to run and how to treat it.
type Options struct {
	Name       string       // of the backend, for errors and the log
	Command    string       // a path, or a name to be found in Env's PATH
	Args       []string     // without the command itself
	Dir        string       // working directory; empty: ours
	Env        []string     // the complete environment, as K=V; may hold secrets, is never printed
	MaxMessage int          // the longest message taken, in bytes; 0: peer.DefaultMaxMessage
	Log        *slog.Logger // what the process writes to stderr, at level info; nil: nowhere
	Guard      Guard        // nil: none
	Grace      Grace
	Trace      trace.Observer // nil: none
}

// Guard is told which process groups are ours, so that it can end them when we no longer can.
type Guard interface {
	Add(pgid int)
	Remove(pgid int)
}

// Grace is how long a process may take to go, step by step. Zero values mean 2 s.
type Grace struct {
	Close time.Duration // after its stdin was closed
	Term  time.Duration // after SIGTERM
}

const defaultGrace = 2 * time.Second

// Driver starts processes as its options say. It implements upstream.Driver.
type Driver struct{ Options }

// Connect implements upstream.Driver.
func (d Driver) Connect(opening upstream.Opening, up upstream.Sink) upstream.Conn {
	o := d.Options
	if o.Grace.Close <= 0 {
		o.Grace.Close = defaultGrace
	}
	if o.Grace.Term <= 0 {
		o.Grace.Term = defaultGrace
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Log = o.Log.With("backend", o.Name)
	return &conn{o: o, opening: opening, up: up}
}

// conn is a connection; its peer changes when a second process takes the place of the first.
type conn struct {
	o       Options
	opening upstream.Opening
	up      upstream.Sink
	peer    atomic.Pointer[peer.Peer]
	version atomic.Pointer[string] // that is spoken, for the trace; nil: not settled
}

// Call implements upstream.Caller.
func (c *conn) Call(ctx context.Context, r *upstream.Request, up upstream.Sink) (mcp.Message, error) {
	p := c.peer.Load()
	if p == nil {
		return mcp.Message{}, c.notRunning()
	}
	m, err := p.Call(ctx, peer.Request{ID: r.ID, Method: r.Method, Body: r.Body, Owner: r.Owner}, up)
	if err != nil && errors.Is(err, peer.ErrNotSent) {
		err = errors.Join(upstream.ErrNotSent, err)
	}
	return m, err
}

// Notify implements upstream.Conn.
func (c *conn) Notify(ctx context.Context, body []byte) error {
	p := c.peer.Load()
	if p == nil {
		return c.notRunning()
	}
	return p.Send(ctx, body)
}

func (c *conn) notRunning() error {
	return fault.New(fault.Unavailable, "backend %q is not running", c.o.Name)
}

// Speak implements upstream.Wire. Every message on stdio says its version itself, or needs none: only the trace wants it.
func (c *conn) Speak(version string) { c.version.Store(&version) }

// tracing returns what sees the lines of a process, nil for nobody.
func (c *conn) tracing(pid int) peer.Trace {
	if c.o.Trace == nil {
		return nil
	}
	return func(sent bool, line []byte) {
		e := trace.Event{Side: trace.Backend, Direction: trace.Received, Transport: trace.Stdio, Backend: c.o.Name, Process: pid, Message: line}
		if sent {
			e.Direction = trace.Sent
		}
		if version := c.version.Load(); version != nil {
			e.Version = *version
		}
		c.o.Trace(e)
	}
}
