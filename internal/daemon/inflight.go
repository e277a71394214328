package daemon

import (
	"context"
	"net/http"
	"strings"
	"sync"

	"onemcp/internal/mcp"
	"onemcp/internal/session"
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
	switch {
	case isStream(r):
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(f.streams, cancel)()
		r = r.WithContext(ctx)
	case isOldStream(r), isResumed(r):
		// It ends with the connections, after calls have drained: answers go out on it.
	default:
		f.count(1)
		defer f.count(-1)
	}
	f.next.ServeHTTP(w, r)
}

// isStream reports whether a request lasts until somebody ends it and carries no answers to
// calls. The head alone tells.
func isStream(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/mcp") && !isResumed(r) ||
		r.Method == http.MethodPost && r.Header.Get(mcp.HeaderMethod) == mcp.MethodListen
}

// isResumed reports whether a request asks for the rest of a call's stream.
func isResumed(r *http.Request) bool {
	if r.Method != http.MethodGet {
		return false
	}
	at, ok := session.ParsePlace(r.Header.Get("Last-Event-Id"))
	return ok && at.Stream != 0
}

func isOldStream(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/sse")
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
