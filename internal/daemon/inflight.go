package daemon

import (
	"context"
	"net/http"
	"strings"
	"sync"

	"onemcp/internal/mcp"
)

// inflight stands before the front and knows its requests: which are streams that last until somebody
// ends them, and which are calls that end by themselves.
type inflight struct {
	next    http.Handler
	streams context.Context // ends when streams are to end
	end     context.CancelFunc

	mu    sync.Mutex
	calls int
	idle  chan struct{} // closed when calls is 0; nil while nobody waits
}

func newInflight(next http.Handler) *inflight {
	streams, end := context.WithCancel(context.Background())
	return &inflight{next: next, streams: streams, end: end}
}

// ServeHTTP implements http.Handler.
func (f *inflight) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if isStream(r) {
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(f.streams, cancel)()
		f.next.ServeHTTP(w, r.WithContext(ctx))
		return
	}
	f.count(1)
	defer f.count(-1)
	f.next.ServeHTTP(w, r)
}

// isStream tells by the head alone. The stream of an old client (/sse) is none: calls
// are answered on it, so it ends after them.
func isStream(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/mcp") ||
		r.Method == http.MethodPost && r.Header.Get("Mcp-Method") == mcp.MethodListen
}

func (f *inflight) count(change int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls += change
	if f.calls == 0 && f.idle != nil {
		close(f.idle)
		f.idle = nil
	}
}

// drained waits until no call is in progress.
func (f *inflight) drained(ctx context.Context) error {
	f.mu.Lock()
	if f.calls == 0 {
		f.mu.Unlock()
		return nil
	}
	if f.idle == nil {
		f.idle = make(chan struct{})
	}
	idle := f.idle
	f.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
