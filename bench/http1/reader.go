package http1

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

const (
	firstBuffer = 16 << 10
	maxHead     = 64 << 10
	maxBody     = 64 << 20
)

// Head is what the benchmark needs to know of a message. Its slices are valid until
// the next read, which may be that of the body.
type Head struct {
	Start   []byte // the request line or the status line
	Status  int    // of an answer; 0 for a request
	Length  int    // of the body; -1 when there is no Content-Length
	Chunked bool
	Events  bool // Content-Type is text/event-stream
	Close   bool // the connection ends with this message
	Session []byte
}

// Line returns the method and the target of a request.
func (h *Head) Line() (method, target []byte) {
	method, rest, _ := bytes.Cut(h.Start, []byte(" "))
	target, _, _ = bytes.Cut(rest, []byte(" "))
	return method, target
}

// Reader reads one message after the other.
type Reader struct {
	from       io.Reader
	buf        []byte
	start, end int    // what is read and not used
	body       []byte // of a chunked message
}

// NewReader returns a reader of a connection.
func NewReader(from io.Reader) *Reader {
	return &Reader{from: from, buf: make([]byte, firstBuffer)}
}

// Head reads up to the empty line. The error is io.EOF where the connection ended between messages.
func (r *Reader) Head() (Head, error) {
	for seen := 0; ; {
		if i := bytes.Index(r.buf[r.start+seen:r.end], []byte("\r\n\r\n")); i >= 0 {
			head := r.buf[r.start : r.start+seen+i+2]
			r.start += seen + i + 4
			return parse(head)
		}
		seen = max(0, r.end-r.start-3)
		if seen > maxHead {
			return Head{}, errors.New("the head of the message is too long")
		}
		if err := r.fill(); err != nil {
			if err == io.EOF && r.end > r.start {
				err = io.ErrUnexpectedEOF
			}
			return Head{}, err
		}
	}
}

// Body reads the body that belongs to a head. It is valid until the next read.
func (r *Reader) Body(h Head) ([]byte, error) {
	switch {
	case h.Chunked:
		return r.chunks()
	case h.Length <= 0:
		return nil, nil
	}
	return r.take(h.Length)
}

func (r *Reader) chunks() ([]byte, error) {
	r.body = r.body[:0]
	for {
		size, err := r.Chunk()
		if err != nil {
			return nil, err
		}
		if size == nil {
			return r.body, nil
		}
		if r.body = append(r.body, size...); len(r.body) > maxBody {
			return nil, errors.New("the body is too long")
		}
	}
}

// Chunk reads one chunk of a chunked body; nil without an error is its end. It is valid until the
// next read.
func (r *Reader) Chunk() ([]byte, error) {
	line, err := r.line()
	if err != nil {
		return nil, err
	}
	digits, _, _ := bytes.Cut(line, []byte(";"))
	size, err := strconv.ParseUint(string(bytes.TrimSpace(digits)), 16, 31)
	if err != nil {
		return nil, fmt.Errorf("%q is no size of a chunk", line)
	}
	if size == 0 {
		return nil, r.trailer()
	}
	data, err := r.take(int(size) + 2)
	if err != nil {
		return nil, err
	}
	return data[:size], nil
}

func (r *Reader) trailer() error {
	for {
		line, err := r.line()
		if err != nil || len(line) == 0 {
			return err
		}
	}
}

func (r *Reader) line() ([]byte, error) {
	for seen := 0; ; {
		if i := bytes.IndexByte(r.buf[r.start+seen:r.end], '\n'); i >= 0 {
			line := r.buf[r.start : r.start+seen+i]
			r.start += seen + i + 1
			return bytes.TrimSuffix(line, []byte("\r")), nil
		}
		if seen = r.end - r.start; seen > maxHead {
			return nil, errors.New("a line is too long")
		}
		if err := r.more(); err != nil {
			return nil, err
		}
	}
}

// take returns the next n bytes.
func (r *Reader) take(n int) ([]byte, error) {
	if n > maxBody {
		return nil, errors.New("the body is too long")
	}
	for r.end-r.start < n {
		r.room(n)
		if err := r.more(); err != nil {
			return nil, err
		}
	}
	out := r.buf[r.start : r.start+n]
	r.start += n
	return out, nil
}

// more is fill inside of a message.
func (r *Reader) more() error {
	err := r.fill()
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// fill reads what is there, at least one byte.
func (r *Reader) fill() error {
	if r.start == r.end {
		r.start, r.end = 0, 0
	}
	if r.end == len(r.buf) {
		r.room(2 * (r.end - r.start))
	}
	n, err := r.from.Read(r.buf[r.end:])
	r.end += n
	if n > 0 {
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// room makes the buffer hold n unused bytes, and moves those that are there to its beginning.
func (r *Reader) room(n int) {
	if n <= len(r.buf)-r.start {
		return
	}
	buf := r.buf
	if n > len(buf) {
		buf = make([]byte, n+firstBuffer)
	}
	r.end = copy(buf, r.buf[r.start:r.end])
	r.start, r.buf = 0, buf
}
