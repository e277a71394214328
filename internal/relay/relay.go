package relay

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"onemcp/internal/front/stdio"
	"onemcp/internal/mcp"
	"onemcp/internal/secret"
	"onemcp/internal/session"
)

const (
	defaultMax  = 64 << 20
	dialTime    = 10 * time.Second
	goodbyeTime = 2 * time.Second
)

// Options are what a relay is made of.
type Options struct {
	URL        *url.URL                                // of the gateway's MCP endpoint, with the selection
	Shown      string                                  // how errors name the gateway; no secret
	Configured bool                                    // where the gateway is was read from a configuration, not given as --url
	Dial       func(context.Context) (net.Conn, error) // to the gateway; nil: as URL says
	Headers    map[string]secret.Text                  // of every request; those of the protocol win
	MaxMessage int                                     // bytes of one message, in either direction; 0: 64 MiB
	Log        *slog.Logger                            // nil: none
}

// Relay is the way of one client to a gateway. Make it with [New]; it is used for one Run.
type Relay struct {
	o      Options
	client *http.Client
	local  *session.Table // one session, in which what belongs to no call waits for the client
	marks  marks

	lasting lasting
	repeats atomic.Uint64

	ctx   context.Context // of what nobody waits for; set by Run
	tasks sync.WaitGroup

	renewing chan struct{} // holds a token while nobody opens a session
	mu       sync.Mutex
	hello    []byte           // the client's initialize, raw
	current  *remote          // the session at the gateway; nil before initialize
	own      *session.Session // the client's, in local; nil before initialize
}

// remote is a session at the gateway. It does not change.
type remote struct {
	id, version string
	lists       []string // notifications of lists that may change
}

// New returns a relay that has not begun.
func New(o Options) *Relay {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.MaxMessage <= 0 {
		o.MaxMessage = defaultMax
	}
	r := &Relay{o: o, local: session.NewTable(session.Limits{}), renewing: make(chan struct{}, 1)}
	r.renewing <- struct{}{}
	r.client = newClient(o)
	return r
}

// Run serves the client that writes in and reads out until in ends, ctx ends, or the client cannot be written to; see
// [stdio.Front.Run].
func (r *Relay) Run(ctx context.Context, in io.Reader, out io.WriteCloser) error {
	tasks, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	r.ctx = tasks
	front := stdio.New(stdio.Options{Gateway: r, Sessions: r.local, Log: r.o.Log, MaxMessage: r.o.MaxMessage})
	err := front.Run(ctx, in, out)
	cancel()
	r.tasks.Wait()
	r.goodbye(ctx)
	r.client.CloseIdleConnections()
	return err
}

// goodbye ends the session at the gateway.
func (r *Relay) goodbye(ctx context.Context) {
	s := r.session()
	if s == nil || s.id == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbyeTime)
	defer cancel()
	if resp, err := r.send(ctx, http.MethodDelete, s.headers(), nil); err == nil {
		discard(resp)
	}
}

func (r *Relay) session() *remote {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.current
}

// headers are those of all requests of a session.
func (s *remote) headers() http.Header {
	h := http.Header{}
	if s.id != "" {
		h.Set(mcp.HeaderSession, s.id)
	}
	if s.version != "" {
		h.Set(mcp.HeaderVersion, s.version)
	}
	return h
}
