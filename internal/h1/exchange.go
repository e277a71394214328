package h1

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// lag is how long the end of a request may come after that of its answer if the connection is to be kept: as in
// net/http.
const lag = 50 * time.Millisecond

// exchange sends req over c and returns the answer, whose body gives the connection back.
func (t *Transport) exchange(c *conn, req *http.Request) (*http.Response, error) {
	b := &body{t: t, c: c, ctx: req.Context()}
	b.stop = afterFunc(b.ctx, b.abort)
	sent := b.send(req)
	if errors.Is(sent, errBody) || errors.Is(sent, errUnsent) {
		b.finish(false)
		return nil, cause(b.ctx, sent)
	}
	resp, err := c.receive(req) // a server may answer, and close, before it has read all
	if err != nil {
		b.finish(false)
		return nil, cause(b.ctx, b.reason(sent, err))
	}
	b.ReadCloser, b.reusable = resp.Body, sent == nil && c.reusable(req, resp)
	if resp.Body == http.NoBody {
		b.finish(true)
		return resp, nil
	}
	resp.Body = b
	if strings.EqualFold(resp.Header.Get("Content-Encoding"), "gzip") { // though nobody has asked for it
		unzip(resp, b)
	}
	return resp, nil
}

// body is the body of an answer. It has one reader; abort and Close may come from elsewhere.
type body struct {
	io.ReadCloser
	t        *Transport
	c        *conn
	ctx      context.Context
	stop     func() bool
	written  <-chan error // of the request's body, where a goroutine writes it
	unsent   error        // what written told after the connection was closed
	reusable bool
	once     sync.Once
}

// send sends the request, and closes its body unless a goroutine does.
func (b *body) send(req *http.Request) error {
	err := b.c.compose(req)
	if err == nil {
		err = b.c.flush()
	}
	if err == nil && isLong(req) {
		b.written = b.c.sendBody(req)
		return nil
	}
	closeBody(req)
	return err
}

// reason tells what has failed, after finish: the request's body, or a connection that had been closed, or the
// writing, or else the reading.
func (b *body) reason(write, read error) error {
	switch {
	case errors.Is(b.unsent, errBody):
		return b.unsent
	case write != nil && !errors.Is(read, errStale):
		return write
	}
	return read
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
		err = cause(b.ctx, err)
	}
	return n, err
}

// Close implements io.Closer. The connection is closed too unless all has been read. Close may be called while
// somebody reads, and ends that.
func (b *body) Close() error {
	b.finish(false)
	_ = b.ReadCloser.Close() // it has no more to read, and says so to who comes later
	return nil
}

// finish gives the connection back, if the answer has been read whole and it may be used again, or closes it.
func (b *body) finish(whole bool) {
	b.once.Do(func() {
		whole = b.stop() && whole && b.reusable && b.c.r.Buffered() == 0
		if whole && b.wrote() {
			b.t.keep(b.c)
			return
		}
		_ = b.c.Conn.Close()
		if b.written != nil {
			b.unsent = <-b.written
		}
	})
}

// wrote reports whether the request has been written whole. A goroutine that writes it may lag a little behind the
// answer.
func (b *body) wrote() bool {
	if b.written == nil {
		return true
	}
	late := time.NewTimer(lag)
	defer late.Stop()
	select {
	case err := <-b.written:
		b.written = nil
		return err == nil
	case <-late.C: // answered before the request's end
		return false
	}
}

// unzipped is a body that came compressed.
type unzipped struct {
	*body
	r   *gzip.Reader
	err error // of the reader's making
}

// unzip makes resp what it would be had it not been compressed.
func unzip(resp *http.Response, b *body) {
	resp.Header.Del("Content-Encoding")
	resp.Header.Del("Content-Length")
	resp.ContentLength, resp.Uncompressed = -1, true
	resp.Body = &unzipped{body: b}
}

// Read implements io.Reader.
func (u *unzipped) Read(p []byte) (int, error) {
	if u.r == nil && u.err == nil {
		u.r, u.err = gzip.NewReader(u.body)
	}
	if u.err != nil {
		return 0, u.err
	}
	return u.r.Read(p)
}
