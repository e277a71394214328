package h1

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// Options are what a [Transport] is made of. None may be missing.
type Options struct {
	Address   string // of the origin, host and port
	Dial      func(ctx context.Context, network, address string) (net.Conn, error)
	Idle      time.Duration // how long an unused connection is kept
	MaxIdle   int           // how many are kept
	MaxHeader int           // bytes of an answer's head
}

// Transport is the connections to one origin. Make it with [New].
type Transport struct {
	o     Options
	desks sync.Pool

	mu      sync.Mutex
	idle    []*conn // the last one was used last
	pruning bool    // the timer runs
	timer   *time.Timer
	closing bool // what comes back is closed, until the next request
}

// New returns a transport. It opens nothing.
func New(o Options) *Transport { return &Transport{o: o} }

// Request is what [Transport.Do] sends.
type Request struct {
	Head       *Head
	More       []Field         // headers in place of those of the same name in Head
	Body       []byte          // of somebody else, who waits for Reading before it changes
	Reading    *sync.WaitGroup // counts who reads Body when Do has returned; nobody else adds to it meanwhile
	Repeatable bool            // it may be sent again though the other side may have seen it
}

// Do sends a request and returns the answer as soon as its head is there; it must be closed. A request that finds its
// kept connection closed is sent on another one, if nothing of it can have been read, or once more on a new one if it may be
// repeated.
// When ctx ends, before the answer has, its cause is the error of Do or Read.
func (t *Transport) Do(ctx context.Context, r *Request) (*Answer, error) {
	for _, f := range r.More {
		if err := checkField(f[0], f[1]); err != nil {
			return nil, err
		}
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	for c := t.take(); c != nil; c = t.take() {
		a, err := t.exchange(ctx, c, r)
		if err == nil || !r.again(err) {
			return a, err
		}
		if errors.Is(err, errStale) {
			break
		}
	}
	c, err := t.dial(ctx)
	if err != nil {
		return nil, cause(ctx, err)
	}
	return t.exchange(ctx, c, r)
}

// again reports whether a request that failed on a kept connection may be sent on another one: if nothing of it was
// sent, or nothing of an answer came and it may be repeated though the other side may have seen it.
func (r *Request) again(err error) bool {
	return errors.Is(err, errUnsent) || errors.Is(err, errStale) && r.Repeatable
}

// isLong reports whether the body is left to a goroutine, since an answer may come before its end.
func (r *Request) isLong() bool { return len(r.Body) > inOne }

// cause is why something failed: the end of its context, or err.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func (t *Transport) dial(ctx context.Context) (*conn, error) {
	nc, err := t.o.Dial(ctx, "tcp", t.o.Address)
	if err != nil {
		return nil, err
	}
	c := newConn(nc, t.o.MaxHeader)
	t.furnish(c)
	return c, nil
}

// furnish gives a connection a desk.
func (t *Transport) furnish(c *conn) {
	d, ok := t.desks.Get().(*desk)
	if !ok {
		d = &desk{r: bufio.NewReaderSize(nil, readBuffer)}
	}
	d.r.Reset(c.Conn)
	c.desk = d
}

// clear takes the desk of a connection that nobody reads from any more, with nothing left on it.
func (t *Transport) clear(c *conn) {
	if c.r.Size() == readBuffer {
		c.r.Reset(nil)
		t.desks.Put(c.desk)
	}
	c.desk = nil
}

// spare has a connection that waits for long give back its desk for a smaller one.
func (t *Transport) spare(c *conn) {
	small, large := &desk{buf: c.buf}, c.desk
	var from io.Reader = c.Conn
	if come, _ := c.r.Peek(c.r.Buffered()); len(come) > 0 {
		from = io.MultiReader(bytes.NewReader(bytes.Clone(come)), from)
	}
	small.r = bufio.NewReaderSize(from, fewBytes)
	c.desk, large.buf = small, nil
	large.r.Reset(nil)
	t.desks.Put(large)
}

// take returns a kept connection, nil if there is none.
func (t *Transport) take() *conn {
	c := t.pop()
	if c != nil {
		t.furnish(c)
	}
	return c
}

func (t *Transport) pop() *conn {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closing = false
	n := len(t.idle)
	if n == 0 {
		return nil
	}
	c := t.idle[n-1]
	t.idle[n-1] = nil
	t.idle = t.idle[:n-1]
	c.reused = true
	return c
}

// keep takes a connection back after an exchange.
func (t *Transport) keep(c *conn) {
	t.clear(c)
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
