package remote

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"onemcp/internal/fault"
	"onemcp/internal/life"
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
	ledger  ledger
	tasks   tasks
	replies tasks // answers and cancellations on their way
	ready   atomic.Bool
	refusal atomic.Int32 // the HTTP status initialize was refused with, for who knows other transports

	labelling sync.Mutex // held by who changes labels
	labels    atomic.Pointer[labels]

	mu     sync.Mutex
	lost   error       // why the connection is to end; the first counts
	finish func()      // ends it, once open; nil before
	stop   func() bool // has finish not be called by the end of the context
}

func newStreamable(at *endpoint, o *upstream.Opening, up upstream.Sink) *streamable {
	s := new(streamable)
	s.init(at, o, up)
	return s
}

func (s *streamable) init(at *endpoint, o *upstream.Opening, up upstream.Sink) {
	s.at, s.opening = at, o
	s.ledger.init(at, up, s, at.saw(trace.HTTP, &s.labels, func() string { return s.labels.Load().session }))
	s.labels.Store(at.label(at.url, "", ""))
}

// Run implements [upstream.Conn].
func (s *streamable) Run(ctx context.Context, ready func(upstream.Info)) error {
	return run(ctx, s, ready)
}

// run is Rest that waits.
func run(ctx context.Context, c upstream.Rester, ready func(upstream.Info)) error {
	over := make(chan error, 1)
	c.Rest(ctx, ready, func(err error) { over <- err })
	return <-over
}

// Rest implements [upstream.Rester].
func (s *streamable) Rest(ctx context.Context, ready func(upstream.Info), over func(error)) {
	if err := s.open(ctx, ready); err != nil {
		over(s.close(ctx, err))
		return
	}
	s.rest(ctx, over)
}

// open shakes hands. Be the error as it may, the connection has to be closed.
func (s *streamable) open(ctx context.Context, ready func(upstream.Info)) error {
	s.at.pool.enter()
	s.tasks.start()
	s.replies.start()
	s.ledger.admit()
	info, err := upstream.Handshake(ctx, s, *s.opening)
	if err != nil {
		return s.at.notOpened(err)
	}
	s.opening = nil
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

// rest has a connection that is open be closed, in a goroutine of its own, when ctx ends or it is lost.
func (s *streamable) rest(ctx context.Context, over func(error)) {
	finish := func() { over(s.close(ctx, s.whyLost())) }
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost != nil {
		go finish()
		return
	}
	s.finish, s.stop = finish, life.AfterFunc(ctx, finish)
}

// lose makes the connection end.
func (s *streamable) lose(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost != nil {
		return
	}
	if s.lost = err; s.stop != nil && s.stop() {
		go s.finish()
	}
}

func (s *streamable) whyLost() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost
}

// close ends what the connection has started. Calls in flight fail if that is wanted; on a
// lost session or a failed attempt to connect each of them finds out for itself.
func (s *streamable) close(ctx context.Context, err error) error {
	defer s.at.pool.leave()
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

// Speak implements [upstream.Wire].
func (s *streamable) Speak(version string) {
	s.labelling.Lock()
	defer s.labelling.Unlock()
	s.labels.Store(s.at.label(s.at.url, version, s.labels.Load().session))
	s.ledger.mute.Store(mcp.EraOf(version) == mcp.Modern)
}

// adopt takes the session that initialize was answered with, if there is one.
func (s *streamable) adopt(session string) {
	if session == "" {
		return
	}
	s.labelling.Lock()
	defer s.labelling.Unlock()
	s.labels.Store(s.at.label(s.at.url, s.labels.Load().version, strings.Clone(session))) // not the head of the answer
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
