package server

import (
	"errors"
	"os"
	"sync"
	"time"
)

// watchAfter is how long a request takes before its client is watched.
const watchAfter = 100 * time.Millisecond

// watch looks at a connection while a request is served, to learn that the client has gone. Nothing is to be
// read then; a byte that comes all the same, of the next request, is kept.
type watch struct {
	armed bool
	timer *time.Timer
	over  chan struct{} // gets a token when looking has ended
	early [1]byte
	got   int // how many bytes are in early

	mu     sync.Mutex
	ending bool
}

// rewatch has the client be watched from some time on. The request has been read to its end.
func (c *conn) rewatch() {
	w := &c.watch
	if c.from < c.to || w.armed {
		return // the next request is there already
	}
	w.armed = true
	if w.timer == nil {
		w.over = make(chan struct{}, 1)
		w.timer = time.AfterFunc(watchAfter, c.look)
		return
	}
	w.timer.Reset(watchAfter)
}

// look reads until unwatch ends it, the client sends something, or it is gone, which ends all it has asked for.
func (c *conn) look() {
	w := &c.watch
	defer func() { w.over <- struct{}{} }()
	w.mu.Lock()
	if !w.ending {
		c.setReadDeadline(time.Time{})
	}
	w.mu.Unlock()
	n, err := c.Read(w.early[:])
	if w.got = n; n == 0 && err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		c.ctx.End(nil)
	}
}

// unwatch undoes rewatch and waits for look.
func (c *conn) unwatch() {
	w := &c.watch
	if !w.armed {
		return
	}
	if w.armed = false; w.timer.Stop() {
		return
	}
	w.mu.Lock()
	w.ending = true
	c.setReadDeadline(time.Unix(1, 0))
	w.mu.Unlock()
	<-w.over
	w.ending = false
	if w.got > 0 {
		c.from, c.to = 0, copy(c.buf, w.early[:w.got])
	}
}
