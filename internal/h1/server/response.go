package server

import (
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	mostHeld = 4 << 10  // bytes of a body that wait for more
	mostKept = 16 << 10 // a larger buffer is left to the collector
	sniffed  = 512      // bytes of a body that tell its type
)

var errOver = errors.New("the request is over")

// response is the http.ResponseWriter of a request. A body that is short and not flushed goes out with its length, in one
// piece with the head; others go as they come, in chunks unless the handler has told the length.
type response struct {
	c       *conn
	request *request
	header  http.Header
	status  int   // 0: not yet given
	length  int64 // of the body, as the handler says; negative: it does not
	written int64 // of the body
	bare    bool  // such an answer has no body
	chunked bool
	begun   bool // the head is out
	last    bool // the connection ends with it
	failed  error

	room *room // nil: none needed yet
}

// room is what an answer is put together in.
type room struct{ held, out []byte }

// rooms keeps room for reuse.
type rooms struct{ pool sync.Pool }

func (p *rooms) get() *room {
	if r, ok := p.pool.Get().(*room); ok {
		return r
	}
	return new(room)
}

func (p *rooms) put(r *room) {
	if cap(r.held)+cap(r.out) <= mostKept {
		r.held, r.out = r.held[:0], r.out[:0]
		p.pool.Put(r)
	}
}

// Header implements http.ResponseWriter.
func (r *response) Header() http.Header { return r.header }

// WriteHeader implements http.ResponseWriter. There are no informational answers. The header may still be changed until
// some of the answer is sent, but for Content-Length and Connection.
func (r *response) WriteHeader(status int) {
	if status < 100 || status > 999 {
		panic("invalid status " + strconv.Itoa(status)) // as net/http: there is no line for it
	}
	if r.status != 0 || status < 200 {
		return
	}
	r.status = status
	r.bare = status == http.StatusNoContent || status == http.StatusNotModified
	if told := r.header["Content-Length"]; len(told) > 0 {
		if n, ok := number(told[0]); ok && !r.bare {
			r.length = n
		}
		delete(r.header, "Content-Length")
	}
	if status == http.StatusNotModified {
		delete(r.header, "Content-Type")
	}
	r.last = r.last || strings.EqualFold(r.header.Get("Connection"), "close")
	r.room = r.c.s.rooms.get()
}

// Write implements http.ResponseWriter.
func (r *response) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	switch {
	case r.failed != nil:
		return 0, r.failed
	case len(p) == 0:
		return 0, nil
	case r.bare:
		return 0, http.ErrBodyNotAllowed
	}
	if r.written += int64(len(p)); r.length >= 0 && r.written > r.length {
		return 0, http.ErrContentLength // so that the answer is not taken for whole
	}
	if len(r.room.held)+len(p) <= mostHeld {
		r.room.held = append(r.room.held, p...)
		return len(p), nil
	}
	if err := r.send(p, false); err != nil {
		return 0, err
	}
	return len(p), nil
}

// FlushError is what http.ResponseController calls to flush.
func (r *response) FlushError() error {
	r.WriteHeader(http.StatusOK)
	if r.failed != nil {
		return r.failed
	}
	return r.send(nil, false)
}

// Flush implements http.Flusher.
func (r *response) Flush() { _ = r.FlushError() }

// SetReadDeadline bounds reading the body, from the next Read on. http.ResponseController calls it.
func (r *response) SetReadDeadline(t time.Time) error {
	r.request.body.until = t
	return nil
}

// SetWriteDeadline bounds writing the answer. http.ResponseController calls it. It may be called at any time.
func (r *response) SetWriteDeadline(t time.Time) error {
	return r.c.SetWriteDeadline(t)
}

// finish sends what is left, and reports whether the answer is whole.
func (r *response) finish() (whole bool) {
	r.WriteHeader(http.StatusOK)
	if r.failed == nil && r.send(nil, true) == nil {
		whole = r.length < 0 || r.written == r.length
	}
	r.c.s.rooms.put(r.room)
	r.room, r.failed = nil, errOver
	_ = r.c.SetWriteDeadline(time.Time{})
	return whole
}

// send writes what is held, and p, and the end of the body if this is all.
func (r *response) send(p []byte, all bool) error {
	m := r.room
	body := len(m.held) + len(p)
	out := m.out[:0]
	if !r.begun {
		out = r.appendHead(out, p, all)
	}
	tail := ""
	if r.chunked && body > 0 {
		out = append(strconv.AppendInt(out, int64(body), 16), "\r\n"...)
		tail = "\r\n"
	}
	if r.chunked && all {
		tail += "0\r\n\r\n"
	}
	out = append(out, m.held...)
	m.held = m.held[:0]
	var err error
	switch {
	case len(p) > 0 && len(out)+len(tail) == 0:
		_, err = r.c.Write(p)
	case len(p) > 0:
		r.c.bound()
		parts := net.Buffers{out, p}
		if tail != "" {
			parts = append(parts, []byte(tail))
		}
		_, err = parts.WriteTo(r.c.Conn)
	default:
		if out = append(out, tail...); len(out) > 0 {
			_, err = r.c.Write(out)
		}
	}
	m.out = out
	r.failed = err
	return err
}

// appendHead decides about the form of the body and appends the head. The body begins with what is held, and p.
func (r *response) appendHead(out, p []byte, all bool) []byte {
	r.begun = true
	r.last = r.last || r.request.body.left > 0 || r.c.s.closing.Load()
	if r.length < 0 && all {
		r.length = r.written
	}
	r.chunked = r.length < 0 && !r.bare
	out = appendStatus(out, r.status)
	if _, told := r.header["Content-Type"]; !told && r.written > 0 && r.header.Get("Content-Encoding") == "" {
		out = appendLine(out, "Content-Type", http.DetectContentType(append(r.room.held, p[:min(len(p), sniffed)]...)))
	}
	if _, told := r.header["Date"]; !told {
		out = append(append(append(out, "Date: "...), r.c.s.clock.text()...), "\r\n"...)
	}
	for name, values := range r.header {
		if name == "Connection" || name == "Transfer-Encoding" || name == "Content-Length" {
			continue // we tell them ourselves
		}
		for _, value := range values {
			out = appendLine(out, name, value)
		}
	}
	if r.last {
		out = append(out, "Connection: close\r\n"...)
	}
	switch {
	case r.chunked:
		out = append(out, "Transfer-Encoding: chunked\r\n"...)
	case !r.bare:
		out = append(strconv.AppendInt(append(out, "Content-Length: "...), r.length, 10), "\r\n"...)
	}
	return append(out, "\r\n"...)
}

func appendStatus(out []byte, status int) []byte {
	if status == http.StatusOK {
		return append(out, "HTTP/1.1 200 OK\r\n"...)
	}
	code, text := strconv.Itoa(status), http.StatusText(status)
	if text == "" {
		text = "status code " + code
	}
	return append(out, "HTTP/1.1 "+code+" "+text+"\r\n"...)
}

// appendLine appends a header line. A line break in a value would begin another header, so it becomes a space.
func appendLine(out []byte, name, value string) []byte {
	if !isToken([]byte(name)) {
		return out
	}
	out = append(append(out, name...), ": "...)
	at := len(out)
	out = append(out, value...)
	for i := at; i < len(out); i++ {
		if out[i] == '\r' || out[i] == '\n' {
			out[i] = ' '
		}
	}
	return append(out, "\r\n"...)
}
