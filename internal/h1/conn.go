package h1

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"
)

const (
	readBuffer = 16 << 10
	fewBytes   = 2 << 10 // the buffer of a stream that may last for hours and bring little
	maxTrailer = 8 << 10
	inOne      = 32 << 10 // a body up to this size is written together with the head
	keptHead   = 64 << 10 // a larger buffer is not kept
)

var (
	errHead    = errors.New("the head of the answer is too long")
	errTrailer = errors.New("what follows the answer is not valid")
	errStale   = errors.New("the connection had been closed")                    // a kept one, before anything of an answer came
	errUnsent  = errors.New("the connection was closed before it could be used") // nothing was sent
)

// conn is one connection. It has one user at a time, who brings the desk to work at: those that are idle have none.
type conn struct {
	net.Conn
	*desk
	raw    syscall.RawConn // nil where there is none
	max    int             // bytes of a head
	visits visit
	kind   string // the content type of the last answer
	reused bool
	kept   time.Time // since when it is idle
	abort  func()    // ends what goes on, since its context has ended
}

// desk is the memory that an exchange needs.
type desk struct {
	r   *bufio.Reader
	buf []byte // of a request on its way, then of the head of its answer
}

func newConn(nc net.Conn, maxHead int) *conn {
	c := &conn{Conn: nc, max: maxHead}
	c.abort = func() { _ = nc.Close() }
	c.visits.step = c.visits.take
	if s, ok := nc.(syscall.Conn); ok {
		c.raw, _ = s.SyscallConn()
	}
	return c
}

// compose prepares the head and a short body for flush.
func (c *conn) compose(r *Request) {
	c.buf = r.Head.append(c.buf[:0], r.More, len(r.Body))
	if !r.isLong() {
		c.buf = append(c.buf, r.Body...)
	}
}

// flush writes what was composed. On a kept connection it first sees that it has been neither closed nor written to by the
// other side; with wait it returns when there is something to read. The error is errUnsent if nothing can have been seen.
func (c *conn) flush(wait bool) error {
	if c.reused {
		return c.visit(c.buf, wait)
	}
	n, err := c.Write(c.buf)
	if err != nil && n == 0 {
		return unsent(err)
	}
	return err
}

func unsent(err error) error { return fmt.Errorf("%w: %w", errUnsent, err) }

// receive reads the head of the answer, which lies in c.buf, and passes over those of status 1xx before it. The error is errStale if
// nothing at all has come on a connection that was used before.
func (c *conn) receive() (f frame, head []byte, err error) {
	if _, err := c.r.Peek(1); err != nil {
		if c.reused && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)) {
			err = fmt.Errorf("%w: %w", errStale, err)
		}
		return f, nil, err
	}
	for room := c.max; ; {
		if head, err = c.readHead(&room); err != nil {
			return f, nil, err
		}
		if f, err = parseHead(head); err != nil {
			return f, nil, err
		}
		if f.status >= http.StatusOK || f.status == http.StatusSwitchingProtocols {
			return f, head, nil
		}
	}
}

// readHead reads lines up to an empty one, which is left out. One that begins with a space goes on with the line before
// it, if that is not the first. room is how many bytes may come.
func (c *conn) readHead(room *int) ([]byte, error) {
	c.buf = c.buf[:0]
	for first := 0; ; {
		start := len(c.buf)
		if err := c.readLine(room); err != nil {
			return nil, err
		}
		line := c.buf[start:]
		switch {
		case string(line) == "\r\n" || string(line) == "\n":
			head := c.buf[:start]
			if cap(c.buf) > keptHead {
				c.buf = nil
			}
			return head, nil
		case start == 0:
			first = len(line)
		case start > first && (line[0] == ' ' || line[0] == '\t'):
			unfold(c.buf[:start])
		}
	}
}

// kindOf returns a content type, which is nearly always that of the last answer.
func (c *conn) kindOf(kind []byte) string {
	if string(kind) != c.kind {
		c.kind = string(kind)
	}
	return c.kind
}

// unfold puts tabs in place of the end of the last line: a value may have them, and a name may not.
func unfold(lines []byte) {
	for i := len(lines) - 1; i >= max(0, len(lines)-2) && (lines[i] == '\n' || lines[i] == '\r'); i-- {
		lines[i] = '\t'
	}
}

// readLine appends a line to c.buf.
func (c *conn) readLine(room *int) error {
	for {
		part, err := c.r.ReadSlice('\n')
		if *room -= len(part); *room < 0 {
			return errHead
		}
		if c.buf = append(c.buf, part...); err != bufio.ErrBufferFull {
			return early(err)
		}
	}
}

// passTrailer reads what follows the chunks of a body. It returns io.EOF when all is as it should be.
func (c *conn) passTrailer() error {
	for room := maxTrailer; ; {
		c.buf = c.buf[:0]
		if err := c.readLine(&room); err != nil {
			return err
		}
		if string(c.buf) == "\r\n" {
			return io.EOF
		}
		err := eachField(c.buf, func(_, _ []byte) error { return nil })
		if err != nil || !bytes.HasSuffix(c.buf, []byte("\r\n")) {
			return errTrailer
		}
	}
}

// early returns err for an end that should not be yet.
func early(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
