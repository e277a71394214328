package remote

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"onemcp/internal/fault"
	"onemcp/internal/mcp"
	"onemcp/internal/peer"
	"onemcp/internal/trace"
	"onemcp/internal/upstream"
)

// maxAsks is how many requests of a backend may wait for an answer.
const maxAsks = 1000

// A ledger knows the calls in flight on a connection, and gives each message of the backend to the one
// it belongs to: answers and progress by what they name, others on the stream of a call to that
// call, and on a stream of the whole connection to the calls of the one owner who has calls in
// flight. It never guesses between owners; what belongs to no call goes to the connection's sink.
type ledger struct {
	at   *endpoint
	up   upstream.Sink
	to   replier
	mute atomic.Bool // the backend may ask nothing: it is modern
	saw  saw         // nil: none

	upMu sync.Mutex // held while up is called

	mu     sync.Mutex
	calls  calls
	asks   map[string]*ask // the backend's open requests, by raw id; nil before the first
	serial uint64
	ghosts peer.Ghosts
	closed error // why there can be no more calls
}

// replier sends an answer to the backend; it does not block.
type replier interface{ reply(body []byte) }

func (l *ledger) init(at *endpoint, up upstream.Sink, to replier, saw saw) {
	l.at, l.up, l.to, l.saw = at, up, to, saw
	l.closed = at.errNotConnected()
}

// admit lets calls in.
func (l *ledger) admit() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = nil
}

// shut returns why there can be no more calls, nil if there can.
func (l *ledger) shut() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

// refuse lets no more calls in; those in flight go on.
func (l *ledger) refuse(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed == nil {
		l.closed = err
	}
}

// fail ends all calls, now and later.
func (l *ledger) fail(err error) {
	l.refuse(err)
	l.failCalls(err)
}

// open puts a new call into the ledger.
func (l *ledger) open(ctx context.Context, c *call) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed != nil {
		return errors.Join(upstream.ErrNotSent, l.closed)
	}
	if !l.calls.add(c) {
		return fault.New(fault.Internal, "request id %d is in use", c.ID)
	}
	l.serial++
	c.serial = l.serial
	c.ctx.Follow(ctx)
	return nil
}

// close takes c out of the ledger and reports whether it was answered. If not, the backend may go on with it.
func (l *ledger) close(c *call) bool {
	open := !c.isOver()
	l.mu.Lock()
	l.calls.remove(c)
	if open && c.Method != mcp.MethodListen {
		l.ghosts.Add(c.ID, c.Owner)
	}
	l.mu.Unlock()
	answered := c.finish()
	if open && answered {
		l.forget(c.ID)
	}
	return answered
}

// pours notes that a call is being answered, which may take a while: what comes meanwhile without a name is for others.
func (l *ledger) pours(c *call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c.pours = true
}

// forget notes that the backend has done with a call that was given up.
func (l *ledger) forget(id uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ghosts.Answered(id)
}

func (l *ledger) find(id uint64) *call {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.calls.find(id)
}

// receive gives the message in text, or each one of a batch, to whom it belongs. home is the call whose
// stream it came on, nil if it was the connection's. An answer to home keeps text.
func (l *ledger) receive(text []byte, home *call) error {
	if l.saw != nil {
		l.saw(trace.Received, text)
	}
	if batch := bytes.TrimLeft(text, " \t\r\n"); len(batch) > 0 && batch[0] == '[' && mcp.Valid(batch) {
		for _, one := range mcp.Elements(batch) { // version 2025-03-26 knows batches
			if err := l.receiveOne(new(mcp.Message), one, home); err != nil {
				return err
			}
		}
		return nil
	}
	if home != nil {
		return l.receiveOne(&home.message, text, home)
	}
	return l.receiveOne(new(mcp.Message), text, home)
}

// receiveOne is receive for one message, which is scanned into m.
func (l *ledger) receiveOne(m *mcp.Message, text []byte, home *call) (err error) {
	if *m, err = mcp.Scan(text); err != nil {
		return l.at.errMalformed(err)
	}
	switch m.Kind {
	case mcp.Request:
		l.receiveAsk(m, home)
	case mcp.Notification:
		l.receiveNote(m, home)
	default:
		l.receiveAnswer(m, home)
	}
	return nil
}

func (l *ledger) receiveAnswer(m *mcp.Message, home *call) {
	if home != nil && home.answers(m) {
		home.complete(m)
		return
	}
	id, ok := m.IntID()
	if c := l.find(id); ok && c != nil {
		c.completeElsewhere(m.Clone())
		return
	}
	l.forget(id)
	l.drop("the backend sent an answer to no request")
}

// drop writes down that a message was dropped. An answer to a call that was given up is normal.
func (l *ledger) drop(what string) {
	l.at.log.LogAttrs(context.Background(), slog.LevelDebug, what, slog.String("backend", l.at.name))
}

func (l *ledger) receiveNote(m *mcp.Message, home *call) {
	switch {
	case m.Method == mcp.NoteCancelled:
		l.withdraw(m)
	case m.Method == mcp.NoteProgress:
		l.receiveProgress(m)
	case home != nil && (home.Method == mcp.MethodListen || !peer.OfConnection(m.Method)):
		home.notify(m)
	case m.Has(mcp.FieldMetaSubscription):
		if id, ok := mcp.Uint(m.Value(mcp.FieldMetaSubscription)); ok {
			l.notifyCall(m, id)
		}
	case peer.OfConnection(m.Method):
		l.notify(m)
	default:
		if c := l.soleOwner(); c != nil {
			c.notify(m)
		} else {
			l.notify(m)
		}
	}
}

// notify hands m to the connection's sink.
func (l *ledger) notify(m *mcp.Message) {
	l.upMu.Lock()
	defer l.upMu.Unlock()
	l.up.Notify(m)
}

// receiveProgress hands a report to the call that it names. If that is not in flight the report goes to the connection's sink:
// a call that was answered with a task keeps its token. A token that is no number cannot be ours.
func (l *ledger) receiveProgress(m *mcp.Message) {
	id, ok := mcp.Uint(m.Value(mcp.FieldToken))
	if ok && !l.notifyCall(m, id) {
		l.notify(m)
	}
}

// notifyCall hands m to the call of an id, and reports whether that is in flight.
func (l *ledger) notifyCall(m *mcp.Message, id uint64) bool {
	c := l.find(id)
	return c != nil && c.notify(m)
}

// soleOwner returns the call that a message belongs to which names none, nil if that cannot be told.
func (l *ledger) soleOwner() *call {
	l.mu.Lock()
	defer l.mu.Unlock()
	return peer.SoleOwner(slices.Values(l.calls.list), &l.ghosts)
}
