package h1

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"slices"
	"syscall"
	"time"
)

const (
	readBuffer = 16 << 10
	inOne      = 32 << 10 // a body up to this size is written together with the head
	keptHead   = 64 << 10 // a larger buffer is not kept
)

var (
	errHead   = errors.New("the head of the answer is too long")
	errStale  = errors.New("the connection had been closed")                    // a kept one, before anything of an answer came
	errUnsent = errors.New("the connection was closed before it could be used") // nothing was sent
)

// conn is one connection. It has one user at a time.
type conn struct {
	net.Conn
	raw    syscall.RawConn // nil where there is none
	r      *bufio.Reader
	room   int // bytes that may still be read, of a head
	max    int // bytes of a head
	out    []byte
	reused bool
	kept   time.Time // since when it is idle
}

func newConn(nc net.Conn, maxHead int) *conn {
	c := &conn{Conn: nc, max: maxHead}
	if s, ok := nc.(syscall.Conn); ok {
		c.raw, _ = s.SyscallConn()
	}
	c.r = bufio.NewReaderSize(limited{c}, readBuffer)
	return c
}

// limited reads from a connection as much as it has room for.
type limited struct{ c *conn }

// Read implements io.Reader.
func (l limited) Read(p []byte) (int, error) {
	if l.c.room <= 0 {
		return 0, errHead
	}
	n, err := l.c.Conn.Read(p[:min(len(p), l.c.room)])
	l.c.room -= n
	return n, err
}

// isOpen reports whether a kept connection has been neither closed nor written to by the other side.
func (c *conn) isOpen() bool {
	c.reused = true
	return c.raw != nil && silent(c.raw)
}

// reusable reports whether another request may follow, once the answer has been read whole: not where isOpen could not
// tell what comes in between.
func (c *conn) reusable(req *http.Request, resp *http.Response) bool {
	return Keeps && c.raw != nil && !req.Close && !resp.Close && resp.StatusCode >= http.StatusOK
}

// compose prepares the head and a short body for flush. The error is of the body; nothing has been sent.
func (c *conn) compose(req *http.Request) error {
	c.out = appendHead(c.out[:0], req)
	if !hasBody(req) || isLong(req) {
		return nil
	}
	head, size := len(c.out), int(req.ContentLength)
	c.out = slices.Grow(c.out, size+1)[:head+size+1] // the one byte lets the end be seen
	n, err := io.ReadFull(req.Body, c.out[head:])
	c.out = c.out[:head+min(n, size)]
	switch {
	case err == nil:
		return errLonger()
	case err != io.EOF && err != io.ErrUnexpectedEOF:
		return asBody(err)
	case n < size:
		return errShorter()
	}
	return nil
}

// isLong reports whether a body is left to a goroutine, since an answer may come before its end.
func isLong(req *http.Request) bool { return hasBody(req) && req.ContentLength > inOne }

// flush writes what was composed. The error is errUnsent if nothing of it can have been seen.
func (c *conn) flush() error {
	n, err := c.Conn.Write(c.out)
	if cap(c.out) > keptHead {
		c.out = nil
	}
	if err != nil && n == 0 {
		return fmt.Errorf("%w: %w", errUnsent, err)
	}
	return err
}

// sendBody writes a long body, and closes it. The channel gets the outcome. Where the body fails the connection is
// closed: the other side would wait for the rest, and we for the answer.
func (c *conn) sendBody(req *http.Request) <-chan error {
	done := make(chan error, 1)
	go func() {
		err := copyBody(c.Conn, req)
		closeBody(req)
		if errors.Is(err, errBody) {
			_ = c.Conn.Close()
		}
		done <- err
	}()
	return done
}

// receive reads the head of the answer and passes over those of status 1xx before it. The error is errStale if nothing
// at all has come on a connection that was used before.
func (c *conn) receive(req *http.Request) (*http.Response, error) {
	c.room = c.max
	if _, err := c.r.Peek(1); err != nil {
		if c.reused && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)) {
			err = fmt.Errorf("%w: %w", errStale, err)
		}
		return nil, err
	}
	for {
		resp, err := http.ReadResponse(c.r, req)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode >= http.StatusOK || resp.StatusCode == http.StatusSwitchingProtocols {
			c.room = math.MaxInt
			return resp, nil
		}
	}
}
