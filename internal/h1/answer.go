package h1

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httputil"
	"sync"
	"sync/atomic"
	"time"

	"onemcp/internal/life"
)

// lag is how long the end of a request may come after that of its answer if the connection is to be kept: as in
// net/http.
const lag = 50 * time.Millisecond

// Answer is what a request was answered with, and the reader of its body. It has one reader; Close may be called while that
// reads, and ends it.
type Answer struct {
	Status int    // 200 or more, or 101
	Length int64  // of the body, -1 if it is not known
	Type   string // of the body, as its header says

	t    *Transport
	c    *conn
	ctx  context.Context
	hook life.Hook   // on ctx
	stop func() bool // where ctx is the standard library's
	head []byte      // nil once it is not there any more

	chunks io.Reader // of a body in chunks
	zip    *unzipped // of one that came compressed though nobody has asked for that
	left   int64     // of a body of known length
	end    error     // what the last Read has returned: it touches the connection no more

	written  chan error // nil: nobody writes the body of the request
	reusable bool
	once     sync.Once
	closed   atomic.Bool
}

// exchange sends r over c and returns the answer, which gives the connection back.
func (t *Transport) exchange(ctx context.Context, c *conn, r *Request) (*Answer, error) {
	a := &Answer{t: t, c: c, ctx: ctx}
	a.follow()
	sent := a.send(r)
	if errors.Is(sent, errUnsent) {
		a.finish(false)
		return nil, cause(ctx, sent)
	}
	f, head, err := c.receive() // a server may answer, and close, before it has read all
	if err != nil {
		a.finish(false)
		if sent != nil && !errors.Is(err, errStale) {
			err = sent
		}
		return nil, cause(ctx, err)
	}
	a.head, a.Status, a.Type = head, f.status, c.kindOf(f.kind)
	a.reusable = Keeps && sent == nil && c.raw != nil && !f.shut && f.status >= http.StatusOK
	if r.Head.isStream(&f) {
		t.spare(c)
	}
	a.begin(&f, f.hasBody(r.Head))
	return a, nil
}

// follow has the exchange end with its context.
func (a *Answer) follow() {
	if own, ok := a.ctx.(*life.Context); ok {
		own.Hang(&a.hook, a.c.abort)
	} else {
		a.stop = context.AfterFunc(a.ctx, a.c.abort)
	}
}

// part undoes follow, and reports whether the context has not ended.
func (a *Answer) part() bool {
	if own, ok := a.ctx.(*life.Context); ok {
		return own.TakeOff(&a.hook)
	}
	return a.stop()
}

// send sends the request, the body in a goroutine if it is long.
func (a *Answer) send(r *Request) error {
	a.c.compose(r)
	if err := a.c.flush(!r.isLong()); err != nil || !r.isLong() {
		return err
	}
	a.written = make(chan error, 1)
	body := r.Body // r is on its caller's stack
	r.Reading.Go(func() {
		_, err := a.c.Write(body)
		a.written <- err
	})
	return nil
}

// begin makes the answer ready to be read.
func (a *Answer) begin(f *frame, hasBody bool) {
	a.Length = f.size()
	if a.Status != http.StatusOK || !hasBody || a.Length == 0 { // somebody may look at it later
		a.head = bytes.Clone(a.head)
	}
	switch {
	case !hasBody || a.Length == 0:
		a.Length, a.end = 0, io.EOF
		a.finish(true)
		return
	case f.coded:
		a.chunks = httputil.NewChunkedReader(a.c.r)
	case a.Length < 0:
		a.reusable = false
	}
	a.left = a.Length
	if f.zipped {
		a.Length, a.zip = -1, &unzipped{from: a}
	}
}

// Get returns the first value of a header, empty if there is none. It tells what came, of a compressed answer too. Headers of an
// answer of status 200 are there until its body is read.
func (a *Answer) Get(name string) (value string) {
	_, fields := cutLine(a.head)
	_ = eachField(fields, func(n, v []byte) error {
		if !isSame(n, name) {
			return nil
		}
		value = string(v)
		return io.EOF
	})
	return value
}

// Read implements io.Reader.
func (a *Answer) Read(p []byte) (int, error) {
	if a.zip != nil {
		return a.zip.Read(p)
	}
	return a.read(p)
}

// read reads the body as it came.
func (a *Answer) read(p []byte) (int, error) {
	switch {
	case a.closed.Load():
		return 0, http.ErrBodyReadAfterClose
	case a.end != nil:
		return 0, a.end
	}
	n, err := a.readOn(p)
	switch {
	case err == io.EOF:
		a.finish(true)
	case err != nil:
		a.finish(false)
		err = cause(a.ctx, err)
	}
	a.end = err
	return n, err
}

// readOn is read without regard to what becomes of the connection. The error is io.EOF only when all has come.
func (a *Answer) readOn(p []byte) (int, error) {
	if a.Status == http.StatusOK {
		a.head = nil // with the last byte the connection is another one's, and so is that memory
	}
	if a.chunks != nil {
		n, err := a.chunks.Read(p)
		if err == io.EOF {
			err = a.c.passTrailer()
		}
		return n, err
	}
	if a.left < 0 {
		return a.c.r.Read(p)
	}
	n, err := a.c.r.Read(p[:min(int64(len(p)), a.left)])
	if a.left -= int64(n); a.left == 0 {
		return n, io.EOF
	}
	return n, early(err)
}

// Close implements io.Closer. The connection is closed too unless all has been read.
func (a *Answer) Close() error {
	a.finish(false)
	a.closed.Store(true)
	return nil
}

// finish gives the connection back, if the answer has been read whole and it may be used again, or closes it.
func (a *Answer) finish(whole bool) {
	a.once.Do(func() {
		whole = a.part() && whole && a.reusable && a.c.r.Buffered() == 0
		if whole && a.wrote() {
			a.t.keep(a.c)
			return
		}
		_ = a.c.Conn.Close()
		if a.written != nil {
			<-a.written
		}
	})
}

// wrote reports whether the request has been written whole. A goroutine that writes it may lag a little behind the
// answer.
func (a *Answer) wrote() bool {
	if a.written == nil {
		return true
	}
	late := time.NewTimer(lag)
	defer late.Stop()
	select {
	case err := <-a.written:
		a.written = nil
		return err == nil
	case <-late.C: // answered before the request's end
		return false
	}
}

// unzipped is a body that came compressed.
type unzipped struct {
	from *Answer
	r    *gzip.Reader
	err  error // of the reader's making
}

// Read implements io.Reader.
func (u *unzipped) Read(p []byte) (int, error) {
	if u.r == nil && u.err == nil {
		u.r, u.err = gzip.NewReader(plainly{u.from})
	}
	if u.err != nil {
		return 0, u.err
	}
	return u.r.Read(p)
}

// plainly reads the body of an answer as it came.
type plainly struct{ *Answer }

// Read implements io.Reader.
func (p plainly) Read(b []byte) (int, error) { return p.read(b) }
