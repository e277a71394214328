package stdio

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"onemcp/internal/fault"
	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
	"onemcp/internal/peer"
	"onemcp/internal/session"
	"onemcp/internal/trace"
)

const (
	maxCalls     = 256      // in flight at a time
	maxWaiting   = 16 << 20 // bytes that wait for a client who does not read
	flushTime    = 2 * time.Second
	defaultDrain = 10 * time.Second
	defaultMax   = 16 << 20
)

// Gateway is what the front needs of the gateway; see [gateway.Gateway] for the contracts.
type Gateway interface {
	Initialize(ctx context.Context, scope gateway.Scope, principal, endpoint string, m *mcp.Message) (*session.Session, gateway.Answer, error)
	Serve(ctx context.Context, c *gateway.Client, m *mcp.Message, st gateway.Stream) (gateway.Answer, error)
	Notify(ctx context.Context, c *gateway.Client, m *mcp.Message)
	Answer(c *gateway.Client, m *mcp.Message)
}

// Options are what a front is made of.
type Options struct {
	Gateway    Gateway
	Sessions   *session.Table        // run by the caller
	Log        *slog.Logger          // nil: none
	Scope      gateway.Scope         // which part of the gateway the client sees; it is there
	MaxMessage int                   // bytes of one line; 0: 16 MiB
	Drain      time.Duration         // how long calls may go on after the last line; 0: 10 s
	Settled    func(context.Context) // waits until merged lists are worth reading; nil: at once
	Trace      trace.Observer        // sees every message; nil: nobody looks
}

// Front is the server of one client. Make it with [New].
type Front struct {
	o        Options
	affinity string // of all modern requests
	out      *peer.Outbox
	trace    peer.Trace      // nil: none
	calls    context.Context // of all calls; set by Run
	running  sync.WaitGroup  // calls and notifications
	lasting  sync.WaitGroup  // what goes on without a call

	mu      sync.Mutex
	ended   bool               // nothing more begins
	begun   int                // calls and notifications that run
	flights map[string]*flight // requests in flight, by raw id
	opening chan struct{}      // closed when initialize is over; nil before
	session *session.Session   // nil before initialize has succeeded
}

// New returns a front that has not begun.
func New(o Options) *Front {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.MaxMessage <= 0 {
		o.MaxMessage = defaultMax
	}
	if o.Drain <= 0 {
		o.Drain = defaultDrain
	}
	f := &Front{o: o, affinity: rand.Text(), flights: make(map[string]*flight)}
	f.trace = f.tracing()
	f.out = peer.NewOutbox(maxWaiting, fault.New(fault.Busy, "the client does not read what it is sent"), f.trace)
	return f
}

// errOver closes the outbox after the last answer.
var errOver = errors.New("the conversation is over")

// Run serves the client that writes in and reads out, until in ends, ctx ends, or the client cannot be written to. Then
// nothing new is begun, and calls in flight may go on for a while; when both in and ctx have ended, they are ended too.
// It closes out, not in. The error is always nil: that a client has gone is no failure.
func (f *Front) Run(ctx context.Context, in io.Reader, out io.WriteCloser) error {
	calls, cut := context.WithCancelCause(context.WithoutCancel(ctx))
	f.calls = calls
	flushed, input := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(flushed)
		f.out.Pump(out, func(err error) error {
			return fault.New(fault.Unavailable, "the client has closed its end").WithCause(err)
		})
	}()
	var broken error // valid after input
	go func() {
		broken = f.read(in)
		close(input)
	}()
	select {
	case <-input:
		f.sayEnded(broken)
	case <-ctx.Done():
	case <-f.out.Done():
		f.o.Log.Warn("the client cannot be written to", "error", f.out.Err())
	}
	f.refuse()
	f.drain(ctx, input)
	cut(gateway.ErrClosing)
	f.running.Wait()
	f.lasting.Wait()
	if f.session != nil {
		f.o.Sessions.End(f.session)
	}
	f.flush(flushed, out)
	return nil
}

// sayEnded logs that the client will say no more, and why if it did not choose to.
func (f *Front) sayEnded(broken error) {
	if broken != nil {
		f.o.Log.Info("the client has ended its input", "error", broken)
		return
	}
	f.o.Log.Info("the client has ended its input")
}

// refuse lets nothing begin from now on, and ends what would last.
func (f *Front) refuse() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
	for _, each := range f.flights {
		if each.method == mcp.MethodListen {
			each.cancel(gateway.ErrClosing)
		}
	}
}

// drain waits until calls have ended, for as long as they may go on.
func (f *Front) drain(ctx context.Context, input <-chan struct{}) {
	idle := make(chan struct{})
	go func() { // ends with the calls, for which Run waits
		f.running.Wait()
		close(idle)
	}()
	timer := time.NewTimer(f.o.Drain)
	defer timer.Stop()
	for stop := ctx.Done(); stop != nil || input != nil; {
		select {
		case <-idle:
			return
		case <-timer.C:
			f.o.Log.Warn("calls in flight are cut off", "after", f.o.Drain.String())
			return
		case <-f.out.Done():
			return
		case <-stop:
			stop = nil
		case <-input:
			input = nil
		}
	}
}

// flush writes what waits, for as long as the client reads it.
func (f *Front) flush(flushed <-chan struct{}, out io.Closer) {
	timer := time.NewTimer(flushTime)
	defer timer.Stop()
	if f.out.Err() != nil {
		timer.Reset(0) // it does not read, or has gone
	}
	f.out.Close(errOver)
	select {
	case <-flushed:
	case <-timer.C:
		_ = out.Close()
	}
}
