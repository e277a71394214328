package peer

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"syscall"

	"onemcp/internal/fault"
	"onemcp/internal/life"
	"onemcp/internal/mcp"
)

// DefaultMaxMessage is the longest line that is taken unless [Options] says otherwise: 64 MiB.
const DefaultMaxMessage = 64 << 20

// ErrNotSent is in the chain of a Call's error when the connection had ended before the call began.
var ErrNotSent = errors.New("the request was not sent")

// Request is one call. Its ID is the id in Body and the progress token, if Body has one.
type Request struct {
	ID     uint64
	Method string
	Body   []byte // the whole message; line breaks in it become blanks on the wire
	Owner  any    // comparable; nil: nobody's in particular, which does not keep the one owner of all other calls from receiving what names no call
}

// Handler takes what the other side sends of its own. Its methods are called one at a time from the
// reading goroutine: they must not block for long, and must not make a call of the same peer.
type Handler interface {
	// Notify hands over a notification, valid during the call only.
	Notify(m *mcp.Message)
	// Ask hands over a request, valid during the call only. answer takes the whole answer,
	// from any goroutine; only its first call counts. It never blocks.
	Ask(m *mcp.Message, answer func(body []byte))
}

// Options are what a Peer may be told. The zero value of each but Name is a default.
type Options struct {
	Name       string       // of the other side, for errors
	MaxMessage int          // the longest line taken, in bytes; 0: DefaultMaxMessage
	Log        *slog.Logger // of lines that are no messages; nil: nowhere
	Trace      Trace        // nil: none

	// Pipe is the descriptor of w, which must not block, for lines to be written by the goroutines that have them; nil: all
	// are left to the writing goroutine.
	Pipe syscall.RawConn

	// Ending says how the other side has ended, such as "ended with exit code 1", when its stream has; empty: that is not known. It may
	// wait a moment to learn it. nil: it is never known.
	Ending func() string
}

// Trace sees every line, without its line break, in the order of the wire. It is called from any goroutine with locks held: it must be
// quick and must not call the peer. The line is valid during the call only.
type Trace func(sent bool, line []byte)

// Peer is one connection. It is used for one Run.
type Peer struct {
	o     Options
	in    *Lines
	w     io.WriteCloser
	out   *Outbox
	up    Handler
	noise noise

	message mcp.Message // the one being received; of the reading goroutine
	pool    sync.Pool   // of *call

	mu     sync.Mutex
	calls  map[uint64]*call
	asks   map[string]*ask // the other side's open requests by raw id
	serial uint64          // of the last call
	ghosts Ghosts
	lost   error // why there can be no more calls
}

// New returns a peer that reads r and writes w. It closes w when it has nothing more to say; to end
// r is up to its owner. What belongs to no call goes to up.
func New(r io.Reader, w io.WriteCloser, up Handler, o Options) *Peer {
	if o.MaxMessage <= 0 {
		o.MaxMessage = DefaultMaxMessage
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	p := &Peer{
		o:     o,
		in:    NewLines(r, o.MaxMessage),
		w:     w,
		out:   NewOutbox(hardLimit, fault.New(fault.Unavailable, "the backend does not read its input"), o.Trace),
		up:    up,
		noise: noise{log: o.Log},
		calls: make(map[uint64]*call),
		asks:  make(map[string]*ask),
	}
	p.out.quick = newQuick(o.Pipe)
	return p
}

// Run serves the connection until its stream ends. When ctx ends first, calls fail at once, what waits
// to be written is written, w is closed, and Run goes on reading, for nobody, until
// the stream's owner or the other side ends it; then it returns nil. Else it
// returns a fault of kind Unavailable, with which the calls in flight have failed.
//
// When only writing fails, [Peer.Done] is closed and new calls fail, but calls in flight
// wait for the end of the stream: their answers may be in it.
func (p *Peer) Run(ctx context.Context) error {
	var started sync.WaitGroup
	ended := make(chan struct{})
	started.Go(func() { p.out.Pump(p.w, p.gone) })
	started.Go(func() {
		select {
		case <-ctx.Done():
			p.end(fault.New(fault.Unavailable, "the connection to backend %q is being closed", p.o.Name))
		case <-ended:
		}
	})
	err := p.read()
	close(ended)
	p.end(err)
	_ = p.w.Close() // a write that hangs must not keep Run
	started.Wait()
	p.noise.sum()
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// Done is closed when nothing more can be sent: the stream has ended, writing has
// failed, or Run's context has ended.
func (p *Peer) Done() <-chan struct{} { return p.out.Done() }

// read receives messages until the stream ends and returns why it did.
func (p *Peer) read() error {
	for {
		line, err := p.in.Next()
		if long, ok := errors.AsType[*TooLong](err); ok {
			p.receiveTooLong(long)
			continue
		}
		if err != nil {
			return p.ended(err)
		}
		p.receive(line)
	}
}

// ended is the error of a stream that has ended because of cause.
func (p *Peer) ended(cause error) error {
	if p.o.Ending != nil {
		if how := p.o.Ending(); how != "" {
			return fault.New(fault.Unavailable, "backend %q %s", p.o.Name, how).
				WithHint("the log says more; it is started again by itself").WithCause(cause)
		}
	}
	return p.gone(cause)
}

// gone is the error of a connection that was lost because of cause.
func (p *Peer) gone(cause error) error {
	return fault.New(fault.Unavailable, "backend %q has closed the connection", p.o.Name).
		WithHint("the log says how it ended; it is connected again by itself").WithCause(cause)
}

// end fails all calls, now and later, with err, unless they failed before.
func (p *Peer) end(err error) {
	p.out.Close(err)
	p.mu.Lock()
	if p.lost == nil {
		p.lost = err
	}
	calls := p.calls
	p.calls = make(map[uint64]*call)
	p.mu.Unlock()
	for _, c := range calls {
		c.finish() // the reading goroutine may be in its handler
		c.fail(err)
	}
}

// Send sends a notification, or any other message that is not answered. It waits while too much
// waits to be written.
func (p *Peer) Send(ctx context.Context, body []byte) error { return p.out.Put(ctx, body) }

// Call sends r and returns the answer, which may be of kind Error; the caller owns its bytes. What belongs
// to the call goes to up, all of it before Call returns and none after.
//
// When ctx ends first, Call returns its cause and tells the other side to cancel, unless r
// is an initialize or a server/discover. All other errors are faults: Unavailable, TooLarge, Malformed.
func (p *Peer) Call(ctx context.Context, r Request, up Handler) (mcp.Message, error) {
	if ctx.Err() != nil {
		return mcp.Message{}, context.Cause(ctx)
	}
	own, ok := ctx.(*life.Context)
	if !ok {
		own = life.With(ctx)
		defer own.End(nil)
	}
	return p.call(own, r, up)
}

// call is Call with a context on which something can be hung.
func (p *Peer) call(ctx *life.Context, r Request, up Handler) (mcp.Message, error) {
	c, err := p.open(r, up)
	if err != nil {
		return mcp.Message{}, err
	}
	if err := p.out.Put(ctx, r.Body); err != nil {
		if p.forget(c) {
			c.finish()
		}
		return mcp.Message{}, err
	}
	ctx.Hang(&c.hook, c.giveUp)
	if <-c.woken {
		return p.close(c, ctx)
	}
	if !p.abandon(c) { // the answer is here already
		<-c.woken
		return p.close(c, ctx)
	}
	if r.Method != mcp.MethodInitialize && r.Method != mcp.MethodDiscover {
		p.out.Push(cancelled(r.ID))
	}
	c.finish()
	return mcp.Message{}, context.Cause(ctx)
}

func cancelled(id uint64) []byte {
	params := mcp.AppendUint([]byte(`{"requestId":`), id)
	return mcp.AppendNotification(nil, mcp.NoteCancelled, append(params, '}'))
}
