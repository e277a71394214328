package front

import (
	"net/http"
	"time"

	"onemcp/internal/session"
	"onemcp/internal/sse"
	"onemcp/internal/trace"
)

const (
	keptBuffer = 16 << 10 // a larger event's buffer is not kept
	flushAt    = 64 << 10 // events together up to this size are written in one go

	resumeAfter = time.Second // how long clients shall wait before they resume a stream
)

// events writes an event stream. It is used by one goroutine at a time.
type events struct {
	x       *exchange
	control *http.ResponseController
	buf     []byte
}

// events begins the answer as an event stream. Nothing is on the wire before the first flush. The headers keep
// proxies from holding the stream back and from packing it.
func (x *exchange) events() *events {
	h := x.Header()
	h.Set("Content-Type", typeStream)
	h.Set("Cache-Control", "no-cache, no-transform")
	h.Set("X-Accel-Buffering", "no")
	x.WriteHeader(http.StatusOK)
	return &events{x: x, control: http.NewResponseController(x.ResponseWriter)}
}

// add puts a message into the buffer, and flushes when that is large.
func (e *events) add(msg []byte) error {
	e.x.saw(trace.Sent, msg)
	e.buf = sse.Append(e.buf, sse.Event{Name: "message", Data: msg})
	if len(e.buf) < flushAt {
		return nil
	}
	return e.flush()
}

// event puts a message with its place in a session's stream into the buffer.
func (e *events) event(ev session.Event) {
	e.x.saw(trace.Sent, ev.Msg)
	e.buf = sse.Append(e.buf, sse.Event{Name: "message", ID: ev.At.String(), Data: ev.Msg})
}

// prime puts an event without data into the buffer, which tells the client from where on it may resume the stream, and
// after what time.
func (e *events) prime(at session.Place) {
	e.buf = sse.Append(e.buf, sse.Event{ID: at.String(), Retry: resumeAfter})
}

// name puts an event of another name than message into the buffer.
func (e *events) name(name, data string) {
	e.buf = sse.Append(e.buf, sse.Event{Name: name, Data: []byte(data)})
}

// comment puts a comment into the buffer.
func (e *events) comment() { e.buf = sse.AppendComment(e.buf, "beat") }

// beat writes a comment, which keeps the stream alive and shows whether the client is.
func (e *events) beat() error {
	e.comment()
	return e.flush()
}

func (e *events) flush() error {
	_ = e.control.SetWriteDeadline(time.Now().Add(e.x.front.WriteTimeout)) // not every writer can
	if len(e.buf) > 0 {
		if _, err := e.x.Write(e.buf); err != nil {
			return err
		}
	}
	if cap(e.buf) > keptBuffer {
		e.buf = nil
	}
	e.buf = e.buf[:0]
	return e.control.Flush()
}
