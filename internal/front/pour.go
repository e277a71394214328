package front

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"onemcp/internal/sse"
)

// pour is an answer that is written while it comes: a JSON body, or an event, the last one of a stream that has begun and that no
// client can come back to or the only one. Nothing of it is on the wire before the first Write, and not all before Close: the last byte of a
// known length waits for it, as the end of a body of unknown length and that of an event do.
type pour struct {
	x      *exchange
	ctx    context.Context // ends when nobody waits for the answer any more
	before func() error    // begins the stream, or ends the writing of the events before; nil: a JSON body
	length int64           // negative: not known
	left   int64           // of it
	last   [1]byte         // of the body
	renew  time.Time       // when the deadline for writing is to be set anew

	open bool        // an event has begun, and no write of it has failed
	stop func() bool // nil: it has not begun
	mu   sync.Mutex  // guards over
	over bool
}

// Pour implements gateway.Pourer. Traces want messages whole, and so does a stream that is kept for who comes back to it.
func (r *reply) Pour(ctx context.Context, length int64, event bool) io.WriteCloser {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.pour != nil || r.x.front.Trace != nil {
		return nil
	}
	p := &pour{x: r.x, ctx: ctx, length: length, left: length}
	switch out := r.out.(type) {
	case nil:
		if event {
			p.before = p.beginStream
		}
	case *outbox:
		p.before = func() error { return r.drain(p, out) }
	default:
		return nil
	}
	if p.before != nil {
		p.length, p.left = -1, -1
	}
	r.noBeat()
	r.pour = p
	return p
}

// beginStream makes the answer a stream of which nobody keeps anything.
func (p *pour) beginStream() error {
	p.x.events()
	return nil
}

// drain waits until all that was sent is written, and nobody writes any more, or until nobody waits for what p pours.
func (r *reply) drain(p *pour, out *outbox) error {
	out.End()
	select {
	case <-r.written:
		return r.broken
	case <-p.ctx.Done():
		p.interrupt()
		return context.Cause(p.ctx)
	}
}

// Write implements io.Writer. A client that does not read ends the pour.
func (p *pour) Write(b []byte) (int, error) {
	if p.stop == nil {
		if err := p.begin(); err != nil {
			return 0, err
		}
	}
	if p.before != nil {
		return len(b), p.writeLines(b)
	}
	if p.left -= int64(len(b)); p.left != 0 || len(b) == 0 {
		return p.write(b)
	}
	n := copy(p.last[:], b[len(b)-1:])
	if _, err := p.write(b[:len(b)-n]); err != nil {
		return 0, err
	}
	return len(b), nil
}

// writeLines writes data of an event, in which each line break begins a field.
func (p *pour) writeLines(b []byte) error {
	for more := true; more; {
		var line []byte
		if line, b, more = sse.CutLine(b); len(line) > 0 {
			if _, err := p.write(line); err != nil {
				return err
			}
		}
		if more {
			if _, err := p.write([]byte("\ndata: ")); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *pour) write(b []byte) (int, error) {
	p.writeDeadline()
	if p.ctx.Err() != nil {
		return 0, context.Cause(p.ctx)
	}
	n, err := p.x.Write(b)
	p.open = err == nil
	return n, err
}

// writeDeadline gives the next write its time, or a sixteenth less: there are thousands of writes within it.
func (p *pour) writeDeadline() {
	now := time.Now()
	if now.Before(p.renew) {
		return
	}
	p.renew = now.Add(p.x.front.WriteTimeout / 16)
	p.x.writeDeadline()
}

func (p *pour) begin() error {
	p.x.partial = true
	p.stop = context.AfterFunc(p.ctx, p.interrupt)
	if p.before != nil {
		if err := p.before(); err != nil {
			return err
		}
		_, err := p.write([]byte("event: message\ndata: "))
		return err
	}
	h := p.x.Header()
	h["Content-Type"] = jsonBody
	if p.length >= 0 {
		h["Content-Length"] = []string{strconv.FormatInt(p.length, 10)}
	}
	p.x.WriteHeader(http.StatusOK)
	return nil
}

// Close implements io.Closer: the answer is whole.
func (p *pour) Close() error {
	var err error
	switch {
	case p.stop == nil: // there was nothing to write
	case p.before != nil:
		_, err = p.write([]byte("\n\n"))
		p.open = false
	case p.length >= 0 && p.left == 0:
		_, err = p.write(p.last[:])
	default:
		p.writeDeadline() // of what the server still holds
	}
	if err != nil {
		return err
	}
	p.end() // before ctx ends because all is done
	switch {
	case p.ctx.Err() != nil:
		return context.Cause(p.ctx)
	case p.length >= 0 && p.left != 0:
		return io.ErrUnexpectedEOF
	}
	p.x.partial = false
	return nil
}

// interrupt ends a write that waits for the client.
func (p *pour) interrupt() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.over {
		_ = http.NewResponseController(p.x.ResponseWriter).SetWriteDeadline(time.Now())
	}
}

// end lets go of the response, and reports whether the pour has begun: then nothing else can be the answer.
func (p *pour) end() (begun bool) {
	if p == nil || p.stop == nil {
		return false
	}
	p.stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	return true
}

// replace puts another answer in the place of an event that is not whole: the last name of an event counts, and one that is not
// known makes it no message. If the stream only broke off, clients would wait on. A JSON body cannot be taken back, and who does not
// read gets nothing more. The caller has ended the pour.
func (p *pour) replace(body []byte) {
	if !p.x.partial || p.before == nil || !p.open || body == nil {
		return
	}
	p.x.writeDeadline()
	if _, err := p.x.Write([]byte("\nevent: incomplete\n\n")); err != nil {
		return
	}
	_, err := p.x.Write(sse.Append(nil, sse.Event{Name: "message", Data: body}))
	p.x.partial = err != nil
}
