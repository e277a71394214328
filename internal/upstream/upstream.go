package upstream

import (
	"context"
	"io"
	"time"

	"onemcp/internal/mcp"
)

// Request is one request on its way to a backend. It is for one Call.
type Request struct {
	ID        uint64      // unique in the process; it is the id, and the progress token if any, in Body
	Method    string      // the request's method
	Body      []byte      // the whole message; the connection keeps nothing of it after Call has returned
	Name      string      // what Mcp-Name says to a modern HTTP backend; empty: no such header
	Params    [][2]string // Mcp-Param-* headers for a modern HTTP backend, name and value as sent
	Forwarded [][2]string // headers that tell an HTTP backend who the client is; nil: it learns nothing
	Owner     any         // whose call it is, comparable; nil: the gateway's own. A message that names no call belongs to the one owner that has calls in flight, if it is one; nil does not count

	watch watch // of a bounded Call
}

// Sink takes what a backend sends upward. Its methods are called one at a time for one
// call, from the connection's reading goroutine, and must not block for long.
type Sink interface {
	// Notify hands up a notification. The message is valid during the call only.
	Notify(m *mcp.Message)
	// Ask hands up a request of the backend. The message is valid during the call only. answer must be
	// called exactly once, from any goroutine, with the whole answer, which
	// carries the backend's id.
	Ask(m *mcp.Message, answer func(body []byte))
}

// Pourer is a [Sink] that may take a large result while it comes, so that nobody has to hold it.
type Pourer interface {
	// Pour is called at most once for a call, from the goroutine that Call runs in, when a result of more than some
	// size has begun to come. Nothing of the call is handed up after that. The writer gets the message as it is, from its
	// first byte on, and is closed when it has come whole; what it says of the message is a *mcp.SyntaxError. A nil
	// writer means that the result is wanted whole.
	// When ctx ends, nobody waits for who has to take the result any more.
	Pour(ctx context.Context, r Coming) io.WriteCloser
}

// Coming is a large result that has begun to come.
type Coming struct {
	Head   []byte // what there is of the message
	Length int64  // of the message; negative: not known
	Event  bool   // it is an event of a stream, else a body of its own
}

// Caller is the part of a [Conn] that calls go through, and what decorators wrap.
type Caller interface {
	// Call sends r and returns the backend's final answer, which may be of kind Error; the caller
	// owns its bytes. Notifications and requests that belong to the call go to up, all of them before
	// Call returns and none after. If up has taken the answer as a [Pourer], a message without text is returned.
	//
	// When ctx ends first, Call returns its cause at once and the backend is told: by
	// notifications/cancelled, or on modern HTTP by closing the response stream. An initialize or
	// server/discover is never cancelled towards the backend.
	//
	// All other errors are *fault.Error of kind Unavailable (not connected, connection lost, with
	// [ErrSessionLost] as cause where a new session may help, or [ErrNotSent]), TooLarge, Malformed,
	// Unauthorized; or a *StatusError where an HTTP backend refused without a JSON-RPC answer.
	Call(ctx context.Context, r *Request, up Sink) (mcp.Message, error)
}

// Conn is one connection to a backend, in one era, from its opening to its end. A Conn is used for
// one Run.
type Conn interface {
	Caller
	// Notify sends a notification (or the answer to a backend's request).
	Notify(ctx context.Context, body []byte) error
	// Run opens the connection, calls ready once when the handshake is done, and serves it until
	// ctx ends (then it closes in an orderly way and returns nil) or it is lost (then it
	// returns why). Calls in flight then fail.
	Run(ctx context.Context, ready func(Info)) error
}

// Rester is a [Conn] that needs no goroutine while it waits for calls: there may be one for each session of each backend.
type Rester interface {
	Conn
	// Rest is Run that returns as soon as ready has. over is called once, with what Run would return: before Rest
	// returns if the connection could not be opened, else from a goroutine that begins when the connection ends.
	Rest(ctx context.Context, ready func(Info), over func(error))
}

// Rest runs a connection in the way that keeps less. It returns when the connection is open, or over.
func Rest(ctx context.Context, c Conn, ready func(Info), over func(error)) {
	if r, ok := c.(Rester); ok {
		r.Rest(ctx, ready, over)
		return
	}
	over(c.Run(ctx, ready))
}

// Driver makes connections to one backend. Connect does no I/O and starts nothing. What belongs to no call
// goes to up.
type Driver interface {
	Connect(o Opening, up Sink) Conn
}

// Opening is how a connection is to be opened.
type Opening struct {
	Era     mcp.Era        // NoEra: find out
	Version string         // the version to offer; empty: the newest of the era
	Client  mcp.ClientMeta // the capabilities and name to declare; Version and LogLevel are not used
	Timeout time.Duration  // for the whole opening
	Probe   time.Duration  // how long silence after server/discover is waited out; 0: a third of Timeout, at most 10 s
	NextID  func() uint64  // gives ids for the opening's own requests
}

// Info is what the opening found.
type Info struct {
	Era     mcp.Era
	Version string
	Eras    []mcp.Era // all eras the backend is known to speak
	Hello   []byte    // the raw result of initialize or server/discover
	Session bool      // the backend keeps a session for this connection (HTTP session id)
	Streams bool      // each call has a stream of its own, so that what comes on it can be no other one's
}

// Speaks reports whether the backend is known to speak an era.
func (i Info) Speaks(era mcp.Era) bool {
	for _, e := range i.Eras {
		if e == era {
			return true
		}
	}
	return false
}

// Capabilities returns the raw capabilities of the backend, nil if it named none.
func (i Info) Capabilities() []byte { return mcp.Member(i.Hello, "capabilities") }

// Instructions returns the backend's instructions.
func (i Info) Instructions() string {
	text, _ := mcp.Unquote(mcp.Member(i.Hello, "instructions"))
	return text
}

// ServerInfo returns the raw name and version the backend gave itself, nil if none.
func (i Info) ServerInfo() []byte {
	if info := mcp.Member(i.Hello, "serverInfo"); info != nil {
		return info
	}
	if meta := mcp.Member(i.Hello, "_meta"); meta != nil {
		return mcp.Member(meta, mcp.MetaServerInfo)
	}
	return nil
}

// Discard is a Sink for callers that expect nothing: it drops notifications and refuses requests.
type Discard struct{}

// Notify implements Sink.
func (Discard) Notify(*mcp.Message) {}

// Ask implements Sink.
func (Discard) Ask(m *mcp.Message, answer func([]byte)) {
	answer(mcp.AppendError(nil, m.IDBytes(), mcp.CodeMethodNotFound, "this client takes no requests", nil))
}
