package gateway

import (
	"bytes"
	"context"
	"io"

	"onemcp/internal/catalog"
	"onemcp/internal/mcp"
	"onemcp/internal/session"
)

// Scope is which part of the gateway a client talks to.
type Scope struct {
	Backend  string           // one backend alone; empty: the merged endpoint
	Selector catalog.Selector // on the merged endpoint, what of it
}

// Client is who calls. For a legacy client it lives as long as the session, for a modern one
// as long as the request.
type Client struct {
	Scope     Scope
	Principal string
	Era       mcp.Era
	Meta      mcp.ClientMeta   // version, capabilities, name; of a modern one also the log level
	Session   *session.Session // legacy only
	Bare      bool             // modern only: the transport has no headers, so those for the backend are made from the body
	Affinity  string           // modern only: the random text by which a client asks to keep its backend sessions; may be empty
	Params    [][2]string      // modern only: the Mcp-Param-* headers as they came, name and value
	Forwarder Forwarder        // nil: nothing is known of where the request came from
}

// Anonymous is the one principal there is before authentication exists.
const Anonymous = "anonymous"

// SessionClient returns the client of a legacy session.
func SessionClient(scope Scope, s *session.Session) *Client {
	return &Client{
		Scope:     scope,
		Principal: s.Principal,
		Era:       mcp.Legacy,
		Meta:      mcp.ClientMeta{Version: s.Version, Capabilities: s.Capabilities, Info: s.ClientInfo},
		Session:   s,
	}
}

// RequestClient returns the client that a modern message describes. It owns its bytes: a call that waits for input
// outlives the message.
func RequestClient(scope Scope, m *mcp.Message) *Client {
	c := &Client{
		Scope:     scope,
		Principal: Anonymous,
		Era:       mcp.Modern,
		Meta: mcp.ClientMeta{
			Capabilities: bytes.Clone(m.Value(mcp.FieldMetaCapabilities)),
			Info:         bytes.Clone(m.Value(mcp.FieldMetaClientInfo)),
		},
	}
	c.Meta.Version, _ = m.Version()
	c.Meta.LogLevel, _ = m.Text(mcp.FieldMetaLogLevel)
	return c
}

// Forwarder knows where a request came from.
type Forwarder interface {
	// Forwarded tells, when a backend's owner asked for it, the headers by which the backend learns who the client
	// is: the verified part only.
	Forwarded() [][2]string
	// Caller tells clients apart where what they have is counted, such as by the network they call from; comparable.
	Caller() any
}

// caller is whose share something of the client's counts for.
func (c *Client) caller() any {
	if c.Forwarder == nil {
		return nil
	}
	return c.Forwarder.Caller()
}

// kept returns a copy of c that owns its bytes: those of a modern client lie in its request, which is gone
// when the request has been answered.
func (c *Client) kept() *Client {
	k := *c
	if c.Session != nil {
		return &k
	}
	k.Meta.Capabilities, k.Meta.Info = bytes.Clone(c.Meta.Capabilities), bytes.Clone(c.Meta.Info)
	return &k
}

// lasting returns c for who keeps it beyond the call: that of the session, which all share, or a copy. It knows nothing of
// where the call came from, which would keep the whole request.
func (g *Gateway) lasting(c *Client) *Client {
	if c.Session != nil {
		if l := g.hub.of(c.Session); l != nil {
			return l.client
		}
	}
	k := c.kept()
	k.Forwarder = nil
	return k
}

// Answer is the final answer to a request, ready for the wire, with the client's id in it.
type Answer struct {
	Body []byte // nil: the stream has taken it as a [Pourer]
	Code int    // of the JSON-RPC error in Body; 0 for a result
}

// Stream carries messages to a client beside the answer to its request. Send keeps msg; it may be called
// from several goroutines, and not after the request was answered.
type Stream interface {
	Send(msg []byte)
}

// Pourer is a [Stream] that may take a large answer while it comes. It is asked once; nothing is sent after that. The
// writer is closed when the answer was whole; else the client must be told that it is not, unless nothing has been
// written. A nil writer means that the answer is wanted whole. length is negative if it is not known. As an event the
// answer had better be one for the client, too: if it breaks, an error can take its place. When ctx ends, no write may wait any more.
type Pourer interface {
	Pour(ctx context.Context, length int64, event bool) io.WriteCloser
}
