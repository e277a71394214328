package remote

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"sync/atomic"

	"onemcp/internal/secret"
	"onemcp/internal/trace"
	"onemcp/internal/upstream"
)

// DefaultMaxMessage is the longest message taken from a backend unless [Options] says otherwise: 64 MiB.
const DefaultMaxMessage = 64 << 20

// Kind is how a backend is spoken to.
type Kind uint8

// The kinds.
const (
	Auto Kind = iota // streamable HTTP, and where that is refused, HTTP+SSE
	HTTP             // streamable HTTP
	SSE              // HTTP+SSE, the transport of 2024-11-05
)

// Options say where a backend is and how it is reached.
type Options struct {
	Name       string                 // of the backend, for errors and the log
	URL        string                 // http or https; a user and password in it become an Authorization header
	Kind       Kind                   //
	Headers    map[string]secret.Text // sent with every request
	MaxMessage int                    // in bytes; 0: DefaultMaxMessage
	Log        *slog.Logger           // nil: nowhere
	TLS        *tls.Config            // nil: the system's roots
	Dial       Dial                   // nil: TCP
	Sockets    *Sockets               // shared with other drivers; nil: the driver has its own
	Trace      trace.Observer         // nil: none
}

// Dial opens a socket, as net.Dialer.DialContext does.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Driver makes connections to one backend. It implements [upstream.Driver].
type Driver struct {
	at    *endpoint
	kind  Kind
	found atomic.Uint32 // the kind that worked last, where kind is Auto
}

// New returns a driver; it opens nothing. The error, a fault of kind Invalid, says what is wrong with
// the URL or a header, without showing a secret.
func New(o Options) (*Driver, error) {
	if o.MaxMessage <= 0 {
		o.MaxMessage = DefaultMaxMessage
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	at, err := newEndpoint(o)
	if err != nil {
		return nil, err
	}
	return &Driver{at: at, kind: o.Kind}, nil
}

// Connect implements [upstream.Driver].
func (d *Driver) Connect(o upstream.Opening, up upstream.Sink) upstream.Conn {
	switch d.kind {
	case HTTP:
		return newStreamable(d.at, &o, up)
	case SSE:
		return newEvented(d.at, &o, up)
	}
	return d.either(&o, up)
}
