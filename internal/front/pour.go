package front

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// pour is a JSON body that is written while it comes. Nothing is on the wire before the first Write, and not all before
// Close: the last byte of a known length waits for it, as the end of a body of unknown length does.
type pour struct {
	x      *exchange
	ctx    context.Context // ends when nobody waits for the answer any more
	length int64           // negative: not known
	left   int64           // of it
	last   [1]byte         // of the body
	renew  time.Time       // when the deadline for writing is to be set anew

	stop func() bool // nil: nothing written yet
	mu   sync.Mutex  // guards over
	over bool
}

// Pour implements gateway.Pourer. Traces want messages whole.
func (r *reply) Pour(ctx context.Context, length int64) io.WriteCloser {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.out != nil || r.pour != nil || r.x.front.Trace != nil {
		return nil
	}
	r.noBeat()
	r.pour = &pour{x: r.x, ctx: ctx, length: length, left: length}
	return r.pour
}

// Write implements io.Writer. A client that does not read ends the pour.
func (p *pour) Write(b []byte) (int, error) {
	if p.stop == nil {
		p.begin()
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

func (p *pour) write(b []byte) (int, error) {
	p.writeDeadline()
	if p.ctx.Err() != nil {
		return 0, context.Cause(p.ctx)
	}
	return p.x.Write(b)
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

func (p *pour) begin() {
	p.x.partial = true
	p.stop = context.AfterFunc(p.ctx, p.interrupt)
	h := p.x.Header()
	h["Content-Type"] = jsonBody
	if p.length >= 0 {
		h["Content-Length"] = []string{strconv.FormatInt(p.length, 10)}
	}
	p.x.WriteHeader(http.StatusOK)
}

// Close implements io.Closer: the body is whole.
func (p *pour) Close() error {
	if p.length >= 0 && p.left == 0 {
		if _, err := p.write(p.last[:]); err != nil {
			return err
		}
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

// end lets go of the response, and reports whether any of the body is out.
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
