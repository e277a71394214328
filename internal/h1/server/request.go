package server

import (
	"io"
	"net/http"
	"time"

	"onemcp/internal/life"
)

// request is one request with its answer.
type request struct {
	ctx    life.Context
	body   body
	answer response
}

// newRequest makes the request whose head the connection has read.
func newRequest(c *conn) *request {
	r := new(request)
	r.ctx.Follow(&c.ctx)
	n := int(min(c.head.length, int64(c.to-c.from)))
	r.body = body{c: c, here: c.buf[c.from : c.from+n], left: c.head.length - int64(n)}
	c.from += n
	c.head.serve(r)
	if r.body.left == 0 {
		c.rewatch()
	}
	r.answer = response{c: c, request: r, header: c.header, length: -1, last: c.head.request.Close}
	return r
}

// serve makes the head's request that of r. The one before is over, and handlers do not use it any more; its context, body
// and answer are objects of their own, so that who uses them all the same, gets nothing of r.
func (h *head) serve(r *request) {
	h.request = *h.request.WithContext(&r.ctx) // not on the heap
	h.request.Body, h.request.ContentLength = http.NoBody, h.length
	if h.length > 0 {
		h.request.Body = &r.body
	}
}

// end has the context end and the body be empty. A handler that reads on must not get bytes of the next request. The header
// of the answer is emptied, for the next one, and lets go of what it holds.
func (r *request) end() {
	r.ctx.End(nil)
	r.body.closed, r.body.here = true, nil
	clear(r.answer.header)
}

// body is the body of a request.
type body struct {
	c      *conn
	here   []byte    // what came with the head
	left   int64     // to be read from the connection
	until  time.Time // for that
	closed bool
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (n int, err error) {
	switch {
	case b.closed:
		return 0, http.ErrBodyReadAfterClose
	case len(b.here) > 0:
		n = copy(p, b.here)
		b.here = b.here[n:]
	case b.left > 0 && len(p) > 0:
		if n, err = b.fetch(p[:min(int64(len(p)), b.left)]); err != nil {
			return n, err
		}
	}
	if len(b.here) == 0 && b.left == 0 {
		return n, io.EOF
	}
	return n, nil
}

// fetch reads from the connection.
func (b *body) fetch(p []byte) (int, error) {
	if b.c.until != b.until {
		b.c.setReadDeadline(b.until)
	}
	n, err := b.c.Read(p)
	if b.left -= int64(n); b.left == 0 {
		b.c.rewatch()
		return n, nil
	}
	if err != nil {
		b.c.ctx.End(nil) // there will be no other request
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// Close implements io.Closer.
func (b *body) Close() error {
	b.closed = true
	return nil
}
