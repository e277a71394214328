package upstream

import (
	"context"
	"io"
	"sync"
	"time"

	"onemcp/internal/fault"
	"onemcp/internal/life"
	"onemcp/internal/mcp"
)

// Timeout bounds how long a backend may take for a call: how long it may stay silent, and how long the call may
// last in all. Every message of the call starts the silence anew, and every piece of an answer that is poured; while a question
// to the client is open, or a piece on its way to it, it stands still. The whole goes on regardless. On expiry the call fails with a fault of kind Timeout and the backend is
// told to cancel. Zero or less means no bound.
func Timeout(next Caller, backend string, silence, whole time.Duration) Caller {
	if silence <= 0 && whole <= 0 {
		return next
	}
	return &timeout{next, backend, max(silence, 0), max(whole, 0)}
}

type timeout struct {
	next           Caller
	backend        string
	silence, whole time.Duration
}

func (t *timeout) Call(ctx context.Context, r *Request, up Sink) (mcp.Message, error) {
	w := &watch{up: up, silence: t.silence}
	w.call.Follow(ctx)
	defer w.call.End(nil)
	if t.whole > 0 {
		w.end = time.Now().Add(t.whole)
	}
	method := r.Method
	w.start(func() { w.call.End(t.expired(method, w.over())) })
	defer w.stop()
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

// watch is a Sink that keeps a timer from firing while the backend shows life.
type watch struct {
	up      Sink
	silence time.Duration // 0: no bound
	end     time.Time     // of the whole call; zero: no bound
	call    life.Context  // of the call behind it

	mu      sync.Mutex // guards what follows
	timer   *time.Timer
	open    int  // questions without an answer, and pieces on their way
	stopped bool // the call is over
}

// start makes the timer. It may fire before start has returned.
func (w *watch) start(expire func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	left, _ := w.left()
	w.timer = time.AfterFunc(left, expire)
}

// left returns how long the timer has to run now, and whether it has to run at all.
func (w *watch) left() (time.Duration, bool) {
	quiet := w.silence > 0 && w.open == 0
	if w.end.IsZero() {
		return w.silence, quiet
	}
	if whole := time.Until(w.end); !quiet || whole < w.silence {
		return whole, true
	}
	return w.silence, true
}

// over reports whether the whole call has had its time.
func (w *watch) over() bool { return !w.end.IsZero() && !time.Now().Before(w.end) }

// restart sets the timer anew. One that has fired has cancelled the call; that it may fire again does no harm.
func (w *watch) restart() {
	w.timer.Stop()
	if left, runs := w.left(); runs && !w.stopped {
		w.timer.Reset(left)
	}
}

// stop ends the watch, to which nothing comes any more. The runtime may keep a stopped timer until its time, so
// nothing of the call may hang on it.
func (w *watch) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	w.timer.Stop()
	w.up = nil
}

// Notify implements Sink.
func (w *watch) Notify(m *mcp.Message) {
	w.mu.Lock()
	w.restart()
	w.mu.Unlock()
	w.up.Notify(m)
}

// Ask implements Sink.
func (w *watch) Ask(m *mcp.Message, answer func([]byte)) {
	w.count(1)
	w.up.Ask(m, func(body []byte) {
		w.count(-1)
		answer(body)
	})
}

// count notes that more, or fewer, things are waited for of the client.
func (w *watch) count(more int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open += more
	w.restart()
}

// Pour implements Pourer.
func (w *watch) Pour(ctx context.Context, length int64) io.WriteCloser {
	if up, ok := w.up.(Pourer); ok {
		if to := up.Pour(ctx, length); to != nil {
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
	p.w.count(1)
	defer p.w.count(-1)
	return p.WriteCloser.Write(b)
}
