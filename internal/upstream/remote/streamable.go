package remote

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"onemcp/internal/fault"
	"onemcp/internal/mcp"
	"onemcp/internal/trace"
	"onemcp/internal/upstream"
)

const (
	noticeTime  = 10 * time.Second // for an answer or a cancellation on its way to the backend
	goodbyeTime = 2 * time.Second  // for the end of a session
	streamTime  = time.Second      // for the stream of a session before its first call
)

// streamable is a connection over streamable HTTP, of either era. "Connection" is a manner of
// speaking: each message is a request of its own.
type streamable struct {
	at      *endpoint
	opening *upstream.Opening
	ledger  *ledger
	tasks   tasks
	replies tasks      // answers and cancellations on their way
	lost    chan error // why Run is to end; the first counts
	ready   atomic.Bool
	refusal atomic.Int32 // the HTTP status initialize was refused with, for who knows other transports

	mu     sync.Mutex // held by who changes labels
	labels atomic.Pointer[labels]
}

func newStreamable(at *endpoint, o *upstream.Opening, up upstream.Sink) *streamable {
	s := &streamable{at: at, opening: o, lost: make(chan error, 1)}
	saw := at.saw(trace.HTTP, &s.labels, func() string { return s.labels.Load().session })
	s.ledger = newLedger(at, up, s.reply, saw)
	s.labels.Store(at.label(at.url, "", ""))
	return s
}

// Run implements [upstream.Conn].
func (s *streamable) Run(ctx context.Context, ready func(upstream.Info)) error {
	s.at.pool.enter()
	defer s.at.pool.leave()
	if err := s.open(ctx, ready); err != nil {
		return s.close(ctx, s.at.notOpened(err))
	}
	return s.close(ctx, s.serve(ctx))
}

// open shakes hands. It is no part of Run, whose stack waits as long as the connection is there.
func (s *streamable) open(ctx context.Context, ready func(upstream.Info)) error {
	s.tasks.start()
	s.replies.start()
	s.ledger.admit()
	info, err := upstream.Handshake(ctx, s, *s.opening)
	if err != nil {
		return err
	}
	info.Session, info.Streams = s.labels.Load().session != "", true
	s.ready.Store(true)
	hear := func() {}
	if info.Era == mcp.Legacy {
		hear = s.openStream(ctx)
	}
	ready(info)
	hear()
	return nil
}

// serve waits for the end of a connection that is open.
func (s *streamable) serve(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.lost:
		return err
	}
}

// close ends what the connection has started. Calls in flight fail if that is wanted; on a
// lost session or a failed attempt to connect each of them finds out for itself.
func (s *streamable) close(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		err = nil
		s.ledger.fail(s.at.errClosing())
	} else {
		s.ledger.refuse(s.at.errNotConnected().WithCause(err))
	}
	s.tasks.stop()
	if errors.Is(err, upstream.ErrSessionLost) || errors.Is(err, errUnreachable) {
		s.replies.stop()
		return err
	}
	s.replies.finish(goodbyeTime) // the end of the session must not overtake a cancellation
	s.endSession()
	return err
}

// endSession tells the backend that its session is not needed any more.
func (s *streamable) endSession() {
	l := s.labels.Load()
	if l.session == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), goodbyeTime)
	defer cancel()
	if a, err := s.at.send(ctx, l.bare(http.MethodDelete)); err == nil {
		a.discard()
	}
}

// lose makes Run end.
func (s *streamable) lose(err error) {
	select {
	case s.lost <- err:
	default:
	}
}

// Speak implements [upstream.Wire].
func (s *streamable) Speak(version string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.labels.Store(s.at.label(s.at.url, version, s.labels.Load().session))
	s.ledger.mute.Store(mcp.EraOf(version) == mcp.Modern)
}

// adopt takes the session that initialize was answered with, if there is one.
func (s *streamable) adopt(session string) {
	if session == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.labels.Store(s.at.label(s.at.url, s.labels.Load().version, session))
}

// Notify implements [upstream.Conn].
func (s *streamable) Notify(ctx context.Context, body []byte) error {
	if err := s.ledger.shut(); err != nil {
		return err
	}
	return s.post(ctx, body)
}

// post sends a message that is not answered.
func (s *streamable) post(ctx context.Context, body []byte) error {
	m, err := mcp.Scan(body)
	if err != nil {
		return fault.New(fault.Malformed, "a message to backend %q is not valid: %s", s.at.name, err)
	}
	l := s.labels.Load()
	p := payload{text: body}
	defer p.wait()
	a, err := s.send(ctx, l.message(m.Method, &p))
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return err
	}
	if a.code < 300 {
		a.discard()
		return nil
	}
	_, err = s.refuse(a, l)
	return err
}

// reply sends the answer to a request of the backend, in the background.
func (s *streamable) reply(body []byte) {
	s.replies.run(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, noticeTime)
		defer cancel()
		if err := s.post(ctx, body); err != nil {
			s.at.logLost(ctx, "an answer to a request of the backend was not delivered", err)
		}
	})
}

// send is endpoint.send that ends the connection when nobody is there.
func (s *streamable) send(ctx context.Context, l letter) (answer, error) {
	if l.body != nil && s.ledger.saw != nil {
		s.ledger.saw(trace.Sent, l.body.text)
	}
	a, err := s.at.send(ctx, l)
	if err != nil && ctx.Err() == nil && errors.Is(err, errUnreachable) {
		s.lose(err)
	}
	return a, err
}
