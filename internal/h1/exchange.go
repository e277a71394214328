package h1

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
)

// exchange sends req over c and returns the answer, whose body gives the connection back.
func (t *Transport) exchange(c *conn, req *http.Request) (*http.Response, error) {
	b := &body{t: t, c: c, ctx: req.Context()}
	b.stop = afterFunc(b.ctx, b.abort)
	written, err := c.send(req)
	b.written = written
	resp, answerErr := c.receive(req) // a server may answer, and close, before it has read all
	if answerErr != nil {
		b.finish(false)
		return nil, b.cause(stale(err, answerErr))
	}
	b.ReadCloser, b.reusable = resp.Body, err == nil && !resp.Close
	if resp.Body == http.NoBody {
		b.finish(true)
		return resp, nil
	}
	resp.Body = b
	if resp.Header.Get("Content-Encoding") == "gzip" { // though nobody has asked for it
		resp.ContentLength = -1
		resp.Body = &unzipped{body: b}
	}
	return resp, nil
}

// stale tells what has failed: the writing, if it did, but on a connection that had been closed.
func stale(write, read error) error {
	if write != nil && !errors.Is(read, errStale) {
		return write
	}
	return read
}

// body is the body of an answer. It has one reader.
type body struct {
	io.ReadCloser
	t        *Transport
	c        *conn
	ctx      context.Context
	stop     func() bool
	written  <-chan error // of the request's body, where a goroutine writes it
	reusable bool
	once     sync.Once
}

// abort ends the exchange, since its context has ended.
func (b *body) abort() { _ = b.c.Conn.Close() }

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	switch {
	case err == io.EOF:
		b.finish(true)
	case err != nil:
		b.finish(false)
		err = b.cause(err)
	}
	return n, err
}

// Close implements io.Closer. The connection is closed too unless all has been read.
func (b *body) Close() error {
	b.finish(false)
	return nil
}

// finish gives the connection back, if the answer has been read whole and it may be used again, or closes it.
func (b *body) finish(whole bool) {
	b.once.Do(func() {
		whole = b.stop() && whole && b.reusable && b.c.r.Buffered() == 0
		if whole && b.written != nil {
			select {
			case err := <-b.written:
				whole, b.written = err == nil, nil
			default: // answered before the request's end
				whole = false
			}
		}
		if whole {
			b.t.keep(b.c)
			return
		}
		_ = b.c.Conn.Close()
		if b.written != nil {
			<-b.written
		}
	})
}

// cause is why the exchange failed: its context's end, or err.
func (b *body) cause(err error) error {
	if b.ctx.Err() != nil {
		return context.Cause(b.ctx)
	}
	return err
}

// unzipped is a body that came compressed.
type unzipped struct {
	*body
	r *gzip.Reader
}

// Read implements io.Reader.
func (u *unzipped) Read(p []byte) (int, error) {
	if u.r == nil {
		r, err := gzip.NewReader(u.body)
		if err != nil {
			return 0, err
		}
		u.r = r
	}
	return u.r.Read(p)
}
