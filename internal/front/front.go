package front

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"onemcp/internal/accesslog"
	"onemcp/internal/gateway"
	"onemcp/internal/h1/server"
	"onemcp/internal/life"
	"onemcp/internal/mcp"
	"onemcp/internal/probe"
	"onemcp/internal/session"
	"onemcp/internal/trace"
	"onemcp/internal/trustproxy"
)

// Gateway is what the front needs of the gateway; see [gateway.Gateway] for the contracts. A
// message that is handed in stays valid until the call has returned, and no longer.
type Gateway interface {
	Check(scope gateway.Scope) error
	Initialize(ctx context.Context, scope gateway.Scope, principal, endpoint string, m *mcp.Message) (*session.Session, gateway.Answer, error)
	Serve(ctx context.Context, c *gateway.Client, m *mcp.Message, st gateway.Stream) (gateway.Answer, error)
	Notify(ctx context.Context, c *gateway.Client, m *mcp.Message)
	Answer(c *gateway.Client, m *mcp.Message)
	Status() []gateway.Status
}

// Options are what a front is made of. Zero values of the limits mean their defaults.
type Options struct {
	Gateway  Gateway
	Sessions *session.Table // of the legacy clients; run by the caller
	Log      *slog.Logger   // nil: none
	Version  string         // of the program
	Ready    func() bool    // whether new work is welcome; nil: always

	AccessLog    *accesslog.Log // a line a request; nil: they go to Log
	MaxBody      int64          // bytes a client may send in one message; 16 MiB
	Heartbeat    time.Duration  // silence on a stream until a comment is sent; 15 s
	WriteTimeout time.Duration  // for one write to a client that does not read; 30 s
	BodyTimeout  time.Duration  // for a client to send its message; 60 s

	Access    *Access    // nil: the default trust, loopback names only
	Probe     *probe.Key // the doctor's tokens; nil: there are none
	Watch     Watcher    // nil: nobody
	Metrics   Metrics    // nil: none
	Anomalies func() any // for the doctor, what was watched; nil: nothing

	Trace trace.Observer // sees every message; nil: nobody looks
}

// Metrics counts what the front sees. It must be quick and safe for concurrent use.
type Metrics interface {
	// Request counts a request by what it was for, its status, who derived its client, and how long it took.
	Request(route string, status int, client trustproxy.Status, took time.Duration)
	RedirectLoop()
	// Handler serves the metrics on the main listener; nil: they are not served there.
	Handler() http.Handler
}

type nothingCounts struct{}

func (nothingCounts) Request(string, int, trustproxy.Status, time.Duration) {}
func (nothingCounts) RedirectLoop()                                         {}
func (nothingCounts) Handler() http.Handler                                 { return nil }

// Front is the HTTP handler.
type Front struct {
	Options
	ids       *requestIDs
	inbound   inboundPool
	alarms    life.Alarms
	old       oldStreams
	access    atomic.Pointer[Access]
	redirects *redirects
}

// New returns a front. It starts nothing.
func New(o Options) *Front {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Ready == nil {
		o.Ready = func() bool { return true }
	}
	o.MaxBody = orDefault(o.MaxBody, 16<<20)
	o.Heartbeat = orDefault(o.Heartbeat, 15*time.Second)
	o.WriteTimeout = orDefault(o.WriteTimeout, 30*time.Second)
	o.BodyTimeout = orDefault(o.BodyTimeout, time.Minute)
	if o.Watch == nil {
		o.Watch = nobodyWatches{}
	}
	if o.Metrics == nil {
		o.Metrics = nothingCounts{}
	}
	if o.Anomalies == nil {
		o.Anomalies = func() any { return struct{}{} }
	}
	if o.Access == nil {
		o.Access = openAccess()
	}
	if o.AccessLog == nil {
		o.AccessLog = accesslog.New(o.Log, nil)
	}
	f := &Front{Options: o, ids: newRequestIDs(), redirects: newRedirects()}
	f.access.Store(o.Access)
	return f
}

func orDefault[T int64 | time.Duration](v, standard T) T {
	if v == 0 {
		return standard
	}
	return v
}

// headSlack is what net/http takes beyond its limit of a head, in bytes.
const headSlack = 4 << 10

// Server returns the server that h, a [Front] or a handler around one, is meant to run in. When ctx ends, all
// its streams and modern requests end. There is no write timeout, since streams are
// long: each write has its own. So has the body of each request. Idle connections are kept for longer than proxies keep
// theirs, so that a proxy never sends on one that is being closed. maxHead bounds the head of a request, in bytes; 0: 64 KiB.
func Server(ctx context.Context, h http.Handler, log *slog.Logger, maxHead int64) *server.Server {
	return server.New(&http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       620 * time.Second,
		MaxHeaderBytes:    int(orDefault(maxHead, 64<<10)) - headSlack,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			if a, ok := c.(Announced); ok {
				return context.WithValue(ctx, connKey{}, a)
			}
			return ctx
		},
	})
}

// ServeHTTP implements http.Handler. It is the chain that every request takes.
func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := f.begin(w, r)
	defer x.finish(r)
	x.derive(r)
	to := route(r.URL, x.access.Base)
	x.route = to.kind
	if err := f.serve(x, r, to); err != nil {
		x.refuse(err, to)
	}
}

func (f *Front) serve(x *exchange, r *http.Request, to target) error {
	if err := x.admit(r, to); err != nil {
		return err
	}
	if x.cors(r, to) {
		return nil
	}
	if done, err := x.toHTTPS(r, to); done || err != nil {
		return err
	}
	if err := x.limit(to); err != nil {
		return err
	}
	if done, err := x.checkMethod(r, to); done || err != nil {
		return err
	}
	if err := x.dropBody(r); err != nil {
		return err
	}
	switch to.kind {
	case toMCP:
		return f.serveMCP(x, r, to)
	case toOldStream:
		return f.serveOldStream(x, r, to)
	case toOldPost:
		return f.serveOldPost(x, r)
	case toHealth:
		return f.serveHealth(x, to)
	case toWhoami:
		return f.serveWhoami(x, r, to)
	case toMetrics:
		f.Metrics.Handler().ServeHTTP(x, r)
		return nil
	}
	return f.serveIndex(x, r)
}
