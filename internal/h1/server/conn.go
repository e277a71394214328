package server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"

	"onemcp/internal/life"
)

const (
	firstBuffer = 4 << 10
	mostBuffer  = 16 << 10 // of a head; longer ones are not plain

	// As with net/http:
	mostBreaks = 4 // between requests
	fewest     = 4 // bytes of a further request that are worth a word

	lingerTime = 500 * time.Millisecond // for a client to read the answer while it is still sending

	spare = time.Minute // by how much a deadline may be late that would else be set for each request
)

// The states of a connection.
const (
	waiting int32 = iota // for a request
	serving
	gone // closed, or handed on
)

// conn is a connection of a client.
type conn struct {
	outlet
	s      *Server
	ctx    life.Context
	remote string
	state  atomic.Int32

	buf      []byte // what was read and not used is buf[from:to]
	from, to int
	head     *head       // of the last request
	breaks   int         // line breaks to skip before the next one
	begun    bool        // the read deadline is that of the next one
	until    time.Time   // the read deadline that is set; zero: none
	header   http.Header // of the answer at hand; empty between requests
	watch    watch
}

// errOdd says that what the client sends is not plain.
var errOdd = errors.New("the request is not plain")

const emptyLine = "\r\n\r\n"

// serve serves the connection until it is closed or handed on.
func (c *conn) serve() {
	defer c.ctx.End(nil)
	defer c.close()
	c.remote = c.RemoteAddr().String()
	c.buf = make([]byte, firstBuffer)
	c.header = make(http.Header, 8)
	for {
		err := c.readHead()
		switch {
		case errors.Is(err, errOdd):
			c.handOn()
			return
		case err != nil || !c.state.CompareAndSwap(waiting, serving) || !c.request():
			return
		}
	}
}

// carry has requests have the values of a context that was made of context.Background, but not its end.
func (c *conn) carry(values context.Context) {
	switch {
	case values == context.Background():
	case values.Done() != nil:
		c.ctx.Carry(context.WithoutCancel(values))
	default:
		c.ctx.Carry(values)
	}
}

// readHead waits for the head of a request, and leaves the connection at the body.
func (c *conn) readHead() error {
	c.to = copy(c.buf, c.buf[c.from:c.to])
	c.from, c.begun = 0, false
	for seen, skipped := 0, 0; ; {
		skipped += c.skipBreaks()
		if end := bytes.Index(c.buf[:c.to], []byte(emptyLine)); end >= 0 {
			return c.takeHead(end + len(emptyLine))
		}
		enough := c.head == nil || skipped+c.to >= fewest
		if enough && bytes.IndexByte(c.buf[seen:c.to], '\n') >= 0 && !beginsHead(c.buf[:c.to]) {
			return errOdd // at once, since its end may look different
		}
		if enough {
			seen = c.to
		}
		switch err := c.more(); {
		case err == io.EOF && enough && c.to > 0:
			return errOdd // it has sent all it wants to, and may read what net/http says of it
		case err != nil:
			return err
		}
	}
}

// skipBreaks drops the line breaks that old clients send after the body of a POST, as many as net/http does.
func (c *conn) skipBreaks() (n int) {
	for n < min(c.breaks, c.to) && (c.buf[n] == '\r' || c.buf[n] == '\n') {
		n++
	}
	if n > 0 {
		c.breaks -= n
		c.to = copy(c.buf, c.buf[n:c.to])
	}
	return n
}

// more reads what comes next of a head.
func (c *conn) more() error {
	switch c.to {
	case mostBuffer:
		return errOdd
	case len(c.buf):
		c.buf = append(c.buf, make([]byte, len(c.buf))...)
	}
	c.hurry()
	n, err := c.Read(c.buf[c.to:])
	if c.to += n; n > 0 {
		return nil
	}
	return err
}

// hurry bounds the next read of a head. A new connection, and one where a request has begun, has the time of one
// head for all of it; one that has been of use may rest longer.
func (c *conn) hurry() {
	switch {
	case c.begun:
	case c.to > 0 || c.head == nil:
		c.begun = true
		c.patience(c.s.std.ReadHeaderTimeout)
	default:
		c.patience(c.s.std.IdleTimeout)
	}
}

// patience bounds the next read; 0 lifts the bound. Of a long one that is nearly right stays what is set, because setting costs.
func (c *conn) patience(d time.Duration) {
	now, late := time.Now(), time.Duration(0)
	if d >= spare {
		late = spare
	}
	left := c.until.Sub(now)
	switch {
	case d == 0 && !c.until.IsZero():
		c.setReadDeadline(time.Time{})
	case d > 0 && (left < d || left > d+late):
		c.setReadDeadline(now.Add(d + late))
	}
}

func (c *conn) setReadDeadline(t time.Time) {
	c.until = t
	_ = c.SetReadDeadline(t) // of a connection that is closed; reading will tell
}

// takeHead takes the head that is the first n bytes.
func (c *conn) takeHead(n int) error {
	if !c.head.again(c.buf[:n]) {
		h, ok := parseHead(c.buf[:n])
		if !ok || n > c.s.mostHead() {
			return errOdd
		}
		h.request.RemoteAddr = c.remote
		c.head = h
	}
	c.from, c.breaks = n, 0
	if c.head.request.Method == http.MethodPost {
		c.breaks = mostBreaks
	}
	return nil
}

// request runs the handler for the request whose head was read, and reports whether another may follow.
func (c *conn) request() bool {
	r := newRequest(c)
	whole := c.handle(r)
	c.unwatch()
	r.end()
	if whole && r.answer.last && r.body.left > 0 {
		c.linger()
	}
	return whole && !r.answer.last && c.state.CompareAndSwap(serving, waiting) && !c.s.closing.Load()
}

// handle reports whether the answer is whole.
func (c *conn) handle(r *request) (whole bool) {
	defer func() {
		if p := recover(); p != nil && p != http.ErrAbortHandler {
			c.s.log("panic serving %v: %v\n%s", c.remote, p, debug.Stack())
		}
	}()
	c.s.std.Handler.ServeHTTP(&r.answer, &c.head.request)
	return r.answer.finish()
}

// close closes the connection, unless it is closed or handed on.
func (c *conn) close() {
	if c.state.Swap(gone) != gone {
		_ = c.Close()
	}
}

// linger lets a client that is still sending read the answer: a connection that is closed with bytes unread is reset.
func (c *conn) linger() {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // of a connection that is closed; reading will tell
	}
	c.setReadDeadline(time.Now().Add(lingerTime))
	_, _ = io.Copy(io.Discard, c.Conn)
}

// handOn gives the connection to net/http, with what was read of it.
func (c *conn) handOn() {
	if !c.state.CompareAndSwap(waiting, gone) {
		return // it was closed
	}
	c.setReadDeadline(time.Time{})
	c.s.odd.put(&replayed{outlet: outlet{Conn: c.Conn}, read: bytes.Clone(c.buf[:c.to])})
}
