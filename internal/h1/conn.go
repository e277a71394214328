package h1

import (
	"bufio"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	readBuffer = 16 << 10
	inOne      = 32 << 10 // a body up to this size is written together with the head
	keptHead   = 64 << 10 // a larger buffer is not kept
	maxInform  = 5        // answers of status 1xx before the answer
)

var errHead = errors.New("the head of the answer is too long")

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

// open reports whether a kept connection has been neither closed nor written to by the other side.
func (c *conn) open() bool {
	c.reused = true
	return c.r.Buffered() == 0 && (c.raw == nil || silent(c.raw))
}

// send writes head and body. A long body is left to a goroutine, since an answer may come before
// its end; written gets its outcome.
func (c *conn) send(req *http.Request) (written <-chan error, err error) {
	if c.out, err = appendHead(c.out[:0], req); err != nil {
		closeBody(req)
		return nil, err
	}
	if req.Body == nil {
		return nil, c.flush()
	}
	n := int(req.ContentLength)
	if n > inOne {
		return c.sendLong(req)
	}
	at := len(c.out)
	c.out = append(c.out, make([]byte, n)...)
	_, err = io.ReadFull(req.Body, c.out[at:])
	closeBody(req)
	if err != nil {
		return nil, err
	}
	return nil, c.flush()
}

func (c *conn) flush() error {
	_, err := c.Conn.Write(c.out)
	if cap(c.out) > keptHead {
		c.out = nil
	}
	return err
}

func (c *conn) sendLong(req *http.Request) (<-chan error, error) {
	if err := c.flush(); err != nil {
		closeBody(req)
		return nil, err
	}
	done := make(chan error, 1)
	go func() {
		_, err := io.Copy(c.Conn, req.Body)
		closeBody(req)
		done <- err
	}()
	return done, nil
}

// receive reads the head of the answer. The error is errStale if nothing at all has come on a connection that was used before.
func (c *conn) receive(req *http.Request) (*http.Response, error) {
	c.room = c.max
	for range maxInform {
		if _, err := c.r.Peek(1); err != nil {
			if c.reused && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)) {
				err = errors.Join(errStale, err)
			}
			return nil, err
		}
		resp, err := http.ReadResponse(c.r, req)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols {
			c.room = math.MaxInt
			return resp, nil
		}
	}
	return nil, errHead
}

// appendHead appends the head of a request, without anything that net/http would add but Host and
// Content-Length.
func appendHead(b []byte, req *http.Request) ([]byte, error) {
	host := req.Host
	if host == "" {
		host = req.URL.Host
	}
	b = append(append(b, req.Method...), ' ')
	b = append(append(b, req.URL.RequestURI()...), " HTTP/1.1\r\nHost: "...)
	b = append(append(b, host...), "\r\n"...)
	if req.Body != nil {
		b = append(b, "Content-Length: "...)
		b = append(strconv.AppendInt(b, req.ContentLength, 10), "\r\n"...)
	}
	for name, values := range req.Header {
		for _, v := range values {
			if strings.IndexByte(v, '\n') >= 0 || strings.IndexByte(v, '\r') >= 0 {
				return b, errors.New("a line break in the value of header " + name)
			}
			b = append(append(b, name...), ": "...)
			b = append(append(b, v...), "\r\n"...)
		}
	}
	return append(b, "\r\n"...), nil
}
