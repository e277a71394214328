package upstream

import (
	"context"
	"io"
	"time"

	"onemcp/internal/fault"
	"onemcp/internal/life"
	"onemcp/internal/mcp"
)

// Timeout bounds how long a backend may take for a call: how long it may stay silent, and how long the call may
// last in all. Every message of the call starts the silence anew, and every piece of an answer that is poured; while a question
// to the client is open, or a piece on its way to it, it stands still. The whole goes on regardless. On expiry the call fails with a fault of kind Timeout and the backend is
// told to cancel. Zero or less means no bound. A call may be bounded once. The clock is that of the backend.
func Timeout(next Caller, c *Clock, backend string, silence, whole time.Duration) Caller {
	if silence <= 0 && whole <= 0 {
		return next
	}
	return &timeout{next: next, backend: backend, silence: max(silence, 0), whole: max(whole, 0), clock: c}
}

type timeout struct {
	next           Caller
	backend        string
	silence, whole time.Duration
	clock          *Clock
}

func (t *timeout) Call(ctx context.Context, r *Request, up Sink) (mcp.Message, error) {
	w := &r.watch
	w.t, w.method, w.up, w.since = t, r.Method, up, t.clock.now()
	w.call.Follow(ctx)
	defer w.call.End(nil)
	if t.whole > 0 {
		w.end = w.since + t.whole
	}
	t.clock.add(w)
	defer t.clock.drop(w)
	return t.next.Call(&w.call, r, w)
}

// expired says which of the two bounds was reached.
func (t *timeout) expired(method string, whole bool) *fault.Error {
	if whole {
		return fault.New(fault.Timeout, "backend %q took longer than %s for %s", t.backend, t.whole, method).
			WithHint("raise its maxRequestTime")
	}
	return fault.New(fault.Timeout, "backend %q was silent for %s during %s", t.backend, t.silence, method).
		WithHint("raise its requestTimeout, or have it report progress")
}

// watch is a Sink that notes when the backend shows life. It lies in the request that it is for.
type watch struct {
	t      *timeout
	method string
	up     Sink
	end    moment       // of the whole call; 0: no bound
	call   life.Context // of the call behind it

	// guarded by the clock
	since         moment    // when the silence has begun
	open          int       // questions without an answer, and pieces on their way
	asked         *question // the last one
	runs          bool      // the call is in the clock
	before, after *watch    // there
}

// question is what a backend has asked in a call. It may be answered long after that, and must not keep it.
type question struct {
	w      *watch    // nil: the call is over
	before *question // of the same call
}

// due returns when the call has to end unless something comes, 0 if nothing bounds it now.
func (w *watch) due() moment {
	if w.t.silence == 0 || w.open > 0 {
		return w.end
	}
	quiet := w.since + w.t.silence
	if w.end == 0 || quiet < w.end {
		return quiet
	}
	return w.end
}

// expire ends the call.
func (w *watch) expire(now moment) {
	w.call.End(w.t.expired(w.method, w.end != 0 && now >= w.end))
}

// Notify implements Sink.
func (w *watch) Notify(m *mcp.Message) {
	w.t.clock.count(w, 0)
	w.up.Notify(m)
}

// Ask implements Sink.
func (w *watch) Ask(m *mcp.Message, answer func([]byte)) {
	c, q := w.t.clock, new(question)
	c.ask(w, q)
	w.up.Ask(m, func(body []byte) {
		c.answered(q)
		answer(body)
	})
}

// Pour implements Pourer.
func (w *watch) Pour(ctx context.Context, r Coming) io.WriteCloser {
	if up, ok := w.up.(Pourer); ok {
		if to := up.Pour(ctx, r); to != nil {
			return &watchedPour{to, w}
		}
	}
	return nil
}

// watchedPour is a writer each of whose pieces shows life.
type watchedPour struct {
	io.WriteCloser
	w *watch
}

// Write implements io.Writer.
func (p *watchedPour) Write(b []byte) (int, error) {
	p.w.t.clock.count(p.w, 1)
	defer p.w.t.clock.count(p.w, -1)
	return p.WriteCloser.Write(b)
}

// Close implements io.Closer. It may write, too.
func (p *watchedPour) Close() error {
	p.w.t.clock.count(p.w, 1)
	defer p.w.t.clock.count(p.w, -1)
	return p.WriteCloser.Close()
}
