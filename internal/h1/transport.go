package h1

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// Options are what a [Transport] is made of. None may be missing.
type Options struct {
	Dial      func(ctx context.Context, network, address string) (net.Conn, error)
	Idle      time.Duration // how long an unused connection is kept
	MaxIdle   int           // how many are kept
	MaxHeader int           // bytes of an answer's head
}

// Transport is the connections to one origin. Make it with [New].
type Transport struct {
	o Options

	mu      sync.Mutex
	idle    []*conn // the last one was used last
	pruning bool    // the timer runs
	timer   *time.Timer
	closing bool // what comes back is closed, until the next request
}

// New returns a transport. It opens nothing.
func New(o Options) *Transport { return &Transport{o: o} }

// RoundTrip implements http.RoundTripper. A request that finds its kept connection closed is sent once more on a new
// one, if nothing of it can have been read, or if it may be repeated: what net/http's Transport takes for that.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := check(req); err != nil {
		closeBody(req)
		return nil, err
	}
	if c := t.take(); c != nil {
		resp, err := t.exchange(c, req)
		if err == nil || !again(req, err) {
			return resp, err
		}
		if req, err = rewound(req); err != nil {
			return nil, err
		}
	}
	c, err := t.dial(req)
	if err != nil {
		closeBody(req)
		return nil, cause(req.Context(), err)
	}
	return t.exchange(c, req)
}

// cause is why something failed: the end of its context, or err.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func (t *Transport) dial(req *http.Request) (*conn, error) {
	port := req.URL.Port()
	if port == "" {
		port = "80"
	}
	nc, err := t.o.Dial(req.Context(), "tcp", net.JoinHostPort(req.URL.Hostname(), port))
	if err != nil {
		return nil, err
	}
	return newConn(nc, t.o.MaxHeader), nil
}

// take returns a kept connection that is still open, nil if there is none.
func (t *Transport) take() *conn {
	for {
		t.mu.Lock()
		t.closing = false
		n := len(t.idle)
		if n == 0 {
			t.mu.Unlock()
			return nil
		}
		c := t.idle[n-1]
		t.idle[n-1] = nil
		t.idle = t.idle[:n-1]
		t.mu.Unlock()
		if c.isOpen() {
			return c
		}
		_ = c.Close()
	}
}

// keep takes a connection back after an exchange.
func (t *Transport) keep(c *conn) {
	c.kept = time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closing || len(t.idle) >= t.o.MaxIdle {
		_ = c.Close()
		return
	}
	t.idle = append(t.idle, c)
	if !t.pruning {
		t.pruneIn(t.o.Idle)
	}
}

// prune closes connections that nobody has used for long, and comes again while there are any.
func (t *Transport) prune() {
	t.mu.Lock()
	defer t.mu.Unlock()
	now, old := time.Now(), 0
	for old < len(t.idle) && now.Sub(t.idle[old].kept) >= t.o.Idle {
		_ = t.idle[old].Close()
		old++
	}
	t.idle = append(t.idle[:0:0], t.idle[old:]...)
	if t.pruning = false; len(t.idle) > 0 {
		t.pruneIn(t.o.Idle - now.Sub(t.idle[0].kept))
	}
}

// pruneIn has prune called after d. t.mu is held.
func (t *Transport) pruneIn(d time.Duration) {
	if t.pruning = true; t.timer == nil {
		t.timer = time.AfterFunc(d, t.prune)
		return
	}
	t.timer.Reset(d)
}

// CloseIdleConnections closes the connections that nobody uses now, and those in use as they come back, until there
// is another request.
func (t *Transport) CloseIdleConnections() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.idle {
		_ = c.Close()
	}
	t.idle, t.closing = nil, true
	if t.pruning {
		t.timer.Stop()
		t.pruning = false
	}
}

// stopper is what context.AfterFunc uses of a context that has it: it does f when the context ends.
type stopper interface {
	AfterFunc(f func()) (stop func() bool)
}

// afterFunc is context.AfterFunc that costs nothing with a context that can do it itself.
func afterFunc(ctx context.Context, f func()) (stop func() bool) {
	if s, ok := ctx.(stopper); ok {
		return s.AfterFunc(f)
	}
	return context.AfterFunc(ctx, f)
}
