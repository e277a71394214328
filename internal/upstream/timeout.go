package upstream

import (
	"context"
	"sync"
	"time"

	"onemcp/internal/fault"
	"onemcp/internal/life"
	"onemcp/internal/mcp"
)

// Timeout bounds the silence of a backend during a call. Every message of the call starts the
// time anew; while a question to the client is open it stands still. On expiry the call fails with a
// fault of kind Timeout and the backend is told to cancel. Zero or less means no bound.
func Timeout(next Caller, backend string, silence time.Duration) Caller {
	if silence <= 0 {
		return next
	}
	return &timeout{next, backend, silence}
}

type timeout struct {
	next    Caller
	backend string
	silence time.Duration
}

func (t *timeout) Call(ctx context.Context, r *Request, up Sink) (mcp.Message, error) {
	call := life.With(ctx)
	defer call.End(nil)
	w := &watch{up: up, silence: t.silence}
	w.timer = time.AfterFunc(t.silence, func() {
		call.End(fault.New(fault.Timeout, "backend %q was silent for %s during %s", t.backend, t.silence, r.Method).
			WithHint("raise its requestTimeout, or have it report progress"))
	})
	defer w.timer.Stop()
	return t.next.Call(call, r, w)
}

// watch is a Sink that keeps a timer from firing while the backend shows life.
type watch struct {
	up      Sink
	silence time.Duration
	timer   *time.Timer

	mu   sync.Mutex
	open int // questions without an answer
}

func (w *watch) Notify(m *mcp.Message) {
	w.restart()
	w.up.Notify(m)
}

func (w *watch) restart() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open == 0 && w.timer.Stop() {
		w.timer.Reset(w.silence)
	}
}

func (w *watch) Ask(m *mcp.Message, answer func([]byte)) {
	w.mu.Lock()
	w.open++
	w.timer.Stop()
	w.mu.Unlock()
	w.up.Ask(m, func(body []byte) {
		w.mu.Lock()
		if w.open--; w.open == 0 {
			w.timer.Reset(w.silence)
		}
		w.mu.Unlock()
		answer(body)
	})
}
