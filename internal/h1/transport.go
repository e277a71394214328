package h1

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// Options are what a [Transport] is made of.
type Options struct {
	Dial      func(ctx context.Context, network, address string) (net.Conn, error)
	Idle      time.Duration // how long an unused connection is kept
	MaxIdle   int           // how many are kept
	MaxHeader int           // bytes of an answer's head
}

// Transport is the connections to one origin. Make it with [New].
type Transport struct {
	o Options

	mu    sync.Mutex
	idle  []*conn // the last one was used last
	timer *time.Timer
}

// New returns a transport. It opens nothing.
func New(o Options) *Transport { return &Transport{o: o} }

// errStale says that a kept connection proved closed before anything of an answer came.
var errStale = errors.New("the connection had been closed")

// RoundTrip implements http.RoundTripper. A request that finds its kept connection closed is sent once more on a new one, if
// nothing of it can have been read, or if it may be repeated: what net/http's Transport takes for that.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	c := t.take()
	if c != nil {
		resp, err := t.exchange(c, req)
		if !errors.Is(err, errStale) || !repeatable(req) || req.Context().Err() != nil {
			return resp, err
		}
		if req.Body, err = rewound(req); err != nil {
			return nil, err
		}
	}
	c, err := t.dial(req)
	if err != nil {
		closeBody(req)
		return nil, err
	}
	return t.exchange(c, req)
}

// repeatable reports whether a request may be sent again though the other side may have seen it.
func repeatable(req *http.Request) bool {
	if req.Body != nil && req.GetBody == nil {
		return false
	}
	if req.Method == http.MethodGet {
		return true
	}
	_, marked := req.Header["Idempotency-Key"]
	return marked
}

func rewound(req *http.Request) (io.ReadCloser, error) {
	if req.Body == nil {
		return nil, nil
	}
	return req.GetBody()
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
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
		n := len(t.idle)
		if n == 0 {
			t.mu.Unlock()
			return nil
		}
		c := t.idle[n-1]
		t.idle[n-1] = nil
		t.idle = t.idle[:n-1]
		t.mu.Unlock()
		if c.open() {
			return c
		}
		_ = c.Close()
	}
}

// keep takes a connection back after an exchange.
func (t *Transport) keep(c *conn) {
	now := time.Now()
	c.kept = now
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.idle) >= t.o.MaxIdle {
		_ = c.Close()
		return
	}
	t.idle = append(t.idle, c)
	if t.timer == nil {
		t.timer = time.AfterFunc(t.o.Idle, t.prune)
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
	if t.timer = nil; len(t.idle) > 0 {
		t.timer = time.AfterFunc(t.o.Idle-now.Sub(t.idle[0].kept), t.prune)
	}
}

// CloseIdleConnections closes the connections that nobody uses now.
func (t *Transport) CloseIdleConnections() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.idle {
		_ = c.Close()
	}
	t.idle = nil
	if t.timer != nil {
		t.timer.Stop()
		t.timer = nil
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
