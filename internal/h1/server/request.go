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
	http   *http.Request
	body   body
	answer response
}

// newRequest makes the request whose head the connection has read.
func newRequest(c *conn) *request {
	r := new(request)
	r.ctx.Follow(&c.ctx)
	r.http = c.head.template.WithContext(&r.ctx)
	n := int(min(c.head.length, int64(c.to-c.from)))
	r.body = body{c: c, here: c.buf[c.from : c.from+n], left: c.head.length - int64(n)}
	c.from += n
	if c.head.length > 0 {
		r.http.Body, r.http.ContentLength = &r.body, c.head.length
	}
	if r.body.left == 0 {
		c.rewatch()
	}
	r.answer = response{c: c, request: r, header: c.header, length: -1, last: c.head.template.Close}
	clear(c.header)
	return r
}

// end has the context end and the body be empty. A handler that reads on must not get bytes of the next request.
func (r *request) end() {
	r.ctx.End(nil)
	r.body.closed, r.body.here = true, nil
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
