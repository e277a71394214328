package session

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"sync"
	"sync/atomic"
	"time"

	"onemcp/internal/fault"
	"onemcp/internal/secret"
)

// Spec is what a session is opened with. The byte slices hold raw JSON and are kept.
type Spec struct {
	Principal    string // whose session it is
	Endpoint     string // the path and selection it was opened on; other endpoints do not know it
	Version      string // negotiated protocol version
	Capabilities []byte // the client's; may be nil
	ClientInfo   []byte // the client's; may be nil
}

// Session is one client's session. Its id counts as a secret.
type Session struct {
	Spec
	ID string

	ctx    context.Context
	cancel context.CancelCauseFunc
	seen   atomic.Int64 // when it was last used, Unix nanoseconds
	open   atomic.Int64 // streams and requests that keep it from expiring

	mu     sync.Mutex
	calls  map[string]context.CancelCauseFunc // in flight, by the client's raw id
	queue  queue
	ending []func()
}

// ErrEnded is the cause of everything that stops because its session ended.
var ErrEnded = fault.New(fault.NotFound, "the session has ended").WithHint("initialize again")

// ErrCancelled is the cause of a call's end when the client cancelled it: nothing is answered.
var ErrCancelled = fault.New(fault.Canceled, "the client cancelled the request")

func newSession(s Spec, now time.Time) *Session {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	ctx, cancel := context.WithCancelCause(context.Background())
	n := &Session{Spec: s, ID: base64.RawURLEncoding.EncodeToString(id[:]), ctx: ctx, cancel: cancel}
	n.queue.wake = make(chan struct{}, 1)
	n.seen.Store(now.UnixNano())
	return n
}

// Hash returns what a log may show of the id.
func (s *Session) Hash() string { return secret.Hash(s.ID) }

// Done is closed when the session has ended.
func (s *Session) Done() <-chan struct{} { return s.ctx.Done() }

// Context ends with the session.
func (s *Session) Context() context.Context { return s.ctx }

// Begin registers a request in flight and returns its context, which ends with ctx, with the session, and
// when the client cancels it. finish must be called. A second request with an id that is
// in flight is a fault of kind Conflict.
func (s *Session) Begin(ctx context.Context, id []byte) (call context.Context, finish func(), err error) {
	call, cancel := context.WithCancelCause(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		cancel(nil)
		return nil, nil, ErrEnded
	}
	key := string(id)
	if _, twice := s.calls[key]; twice {
		cancel(nil)
		return nil, nil, fault.New(fault.Conflict, "a request with id %s is in flight already", key).WithHint("use each id once")
	}
	if s.calls == nil {
		s.calls = make(map[string]context.CancelCauseFunc)
	}
	s.calls[key] = cancel
	s.open.Add(1)
	stop := context.AfterFunc(s.ctx, func() { cancel(ErrEnded) })
	return call, func() {
		stop()
		cancel(nil)
		s.open.Add(-1)
		s.mu.Lock()
		delete(s.calls, key)
		s.mu.Unlock()
	}, nil
}

// Cancel ends the request in flight that has the raw id, if there is one.
func (s *Session) Cancel(id []byte) {
	s.mu.Lock()
	cancel := s.calls[string(id)]
	s.mu.Unlock()
	if cancel != nil {
		cancel(ErrCancelled)
	}
}

// OnEnd registers something to do when the session ends; at once if it has ended.
func (s *Session) OnEnd(do func()) {
	s.mu.Lock()
	if s.ctx.Err() == nil {
		s.ending = append(s.ending, do)
		s.mu.Unlock()
		return
	}
	s.mu.Unlock()
	do()
}

// Send queues a message for the session's stream. When the queue is full the oldest
// message is dropped: a client that does not listen must not cost memory.
func (s *Session) Send(msg []byte) { s.queue.push(msg) }

// Attach delivers queued messages through write until ctx or the session ends, write fails, or
// another stream takes over (a client that reconnects is believed: the
// newest stream wins). idle is called whenever beat passes without a message; zero means never.
func (s *Session) Attach(ctx context.Context, beat time.Duration, write func(msg []byte) error, idle func() error) error {
	s.open.Add(1)
	defer s.open.Add(-1)
	turn := s.queue.takeOver()
	timer := newBeat(beat)
	defer timer.stop()
	for {
		msgs, mine := s.queue.drain(turn)
		if !mine {
			return nil
		}
		for i, msg := range msgs {
			if err := write(msg); err != nil {
				s.queue.putBack(msgs[i:])
				return err
			}
		}
		timer.restart()
		select {
		case <-s.queue.wake:
		case <-timer.c():
			if err := idle(); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.ctx.Done():
			return context.Cause(s.ctx)
		}
	}
}

// end ends the session once.
func (s *Session) end(cause error) {
	s.cancel(cause)
	s.mu.Lock()
	ending := s.ending
	s.ending = nil
	s.mu.Unlock()
	for _, do := range ending {
		do()
	}
}
