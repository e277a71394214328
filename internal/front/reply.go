package front

import (
	"context"
	"sync"
	"time"
)

// reply is the answer to one POSTed request. What happens first gives it its form: the final answer,
// a JSON body; a message before it, or silence for a heartbeat, an event stream. It
// implements gateway.Stream.
type reply struct {
	x      *exchange
	client context.Context // ends when the client is gone
	lost   func()          // called when the client cannot be written to; may be nil

	mu      sync.Mutex
	timer   *time.Timer
	stream  *outbox       // nil: not a stream
	written chan struct{} // closed when the stream's writer has ended
	closed  bool
}

func newReply(x *exchange, client context.Context, lost func()) *reply {
	r := &reply{x: x, client: client, lost: lost}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.timer = time.AfterFunc(x.front.Heartbeat, r.overdue)
	return r
}

// Send implements gateway.Stream.
func (r *reply) Send(msg []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.open().Send(msg)
	}
}

// overdue begins the stream with a beat.
func (r *reply) overdue() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed && r.stream == nil {
		r.begin(true)
	}
}

func (r *reply) open() *outbox {
	if r.stream == nil {
		r.timer.Stop()
		r.begin(false)
	}
	return r.stream
}

func (r *reply) begin(beat bool) {
	out := newOutbox()
	r.stream, r.written = out, make(chan struct{})
	go func() {
		defer close(r.written)
		e := r.x.events()
		if beat {
			_ = e.beat() // run meets the same error
		}
		if err := out.run(r.client, e, r.x.front.Heartbeat); err != nil && r.lost != nil {
			r.lost()
		}
	}()
}

// end sends the final answer in the form that is due and waits until it is written. A nil body
// answers nothing. Only the first call counts.
func (r *reply) end(status int, body []byte) {
	r.mu.Lock()
	again, out := r.closed, r.stream
	r.closed = true
	r.timer.Stop()
	r.mu.Unlock()
	switch {
	case again:
	case out != nil:
		if body != nil {
			out.Send(body)
		}
		out.close()
		<-r.written
	case body != nil:
		r.x.answer(status, body)
	case status != 0:
		r.x.WriteHeader(status)
	}
}
