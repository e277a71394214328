package front

import (
	"context"
	"net/http"
	"sync"
	"time"

	"onemcp/internal/gateway"
	"onemcp/internal/life"
	"onemcp/internal/session"
	"onemcp/internal/wire"
)

// channel carries messages to an event stream. Send never blocks.
type channel interface {
	gateway.Stream
	// End says that no message comes any more.
	End()
	// run writes messages to e until the channel has ended and is empty (nil), ctx ends, or the client cannot be
	// written to.
	run(ctx context.Context, e *events, beat time.Duration) error
}

// reply is the answer to one POST. What happens first gives it its form: the final answer,
// a JSON body; a message before it, or silence for a heartbeat, an event stream. It
// implements gateway.Stream and gateway.Pourer.
type reply struct {
	x       *exchange
	client  context.Context  // ends when the client is gone
	session *session.Session // whose client may come back for what it missed of a stream; nil: it may not
	lost    *life.Context    // ends when the client cannot be written to; may be nil

	mu      sync.Mutex
	beat    *life.Alarm   // begins the stream; nil: it has begun, or never will
	out     channel       // nil: not a stream
	early   [][]byte      // answers that came before there was a stream
	written chan struct{} // closed when the stream's writer has ended
	broken  error         // why it has, if not at the end; set before written is closed
	pour    *pour         // where the answer goes while it comes; nil: it comes whole
	closed  bool
}

// replies begins the reply to what was posted. It must be ended.
func (x *exchange) replies(client context.Context, s *session.Session, lost *life.Context) *reply {
	r := &x.reply
	r.x, r.client, r.session, r.lost = x, client, s, lost
	r.beat = x.front.alarms.After(x.front.Heartbeat, r)
	return r
}

// Send implements gateway.Stream.
func (r *reply) Send(msg []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed && r.pour == nil {
		r.open().Send(msg)
	}
}

// Ring implements life.Ringer: it begins the stream with a beat, which is overdue.
func (r *reply) Ring() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed && r.out == nil && r.pour == nil {
		r.stream(true)
	}
}

func (r *reply) open() channel {
	if r.out == nil {
		r.noBeat()
		r.stream(false)
	}
	return r.out
}

// stream gives the reply the form of a stream.
func (r *reply) stream(beat bool) {
	out := channel(newOutbox())
	if r.session != nil && r.client.Err() == nil { // else nobody learns that there is a stream, to ask for it later
		out = newResumable(r.session)
	}
	for _, answer := range r.early {
		out.Send(answer)
	}
	r.out, r.early, r.written = out, nil, make(chan struct{})
	go func() {
		defer close(r.written)
		e := r.x.events()
		if beat {
			e.comment()
		}
		if r.broken = out.run(r.client, e, r.x.front.Heartbeat); r.broken != nil && r.lost != nil {
			r.lost.End(nil)
		}
	}()
}

// add takes the answer to one of several requests: it goes onto the stream, or into the array that end makes.
func (r *reply) add(answer []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
	case r.out != nil:
		r.out.Send(answer)
	default:
		r.early = append(r.early, answer)
	}
}

// end sends the final answer in the form that is due and waits until it is written. A nil body
// answers nothing. Only the first call counts.
func (r *reply) end(status int, body []byte) {
	if out, first := r.close(); first {
		r.finish(out, status, body)
	}
}

// endAll is end for what was added: one array, or nothing more where there is a stream.
func (r *reply) endAll() {
	switch out, first := r.close(); {
	case !first:
	case len(r.early) > 0:
		r.finish(out, http.StatusOK, wire.Batch(r.early))
	default:
		r.finish(out, http.StatusAccepted, nil)
	}
}

// close lets no stream begin any more.
func (r *reply) close() (out channel, first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	first, r.closed = !r.closed, true
	r.noBeat()
	return r.out, first
}

func (r *reply) finish(out channel, status int, body []byte) {
	switch {
	case r.pour.end():
		if out != nil {
			<-r.written // also of a stream that a pour has not waited for
		}
		r.pour.replace(body)
	case out != nil:
		if body != nil {
			out.Send(body)
		}
		out.End()
		<-r.written
	case body != nil:
		r.x.answer(status, body)
	case status != 0:
		r.x.WriteHeader(status)
	}
}

// noBeat stops the alarm. The caller holds r.mu.
func (r *reply) noBeat() {
	if r.beat != nil {
		r.beat.Stop()
		r.beat = nil
	}
}
