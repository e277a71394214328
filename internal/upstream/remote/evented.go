package remote

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"sync/atomic"

	"onemcp/internal/fault"
	"onemcp/internal/life"
	"onemcp/internal/mcp"
	"onemcp/internal/sse"
	"onemcp/internal/trace"
	"onemcp/internal/upstream"
)

// evented is a connection over HTTP+SSE, the transport of 2024-11-05: one stream brings all that the backend
// says, messages to it are POSTed where the first event of the stream tells.
type evented struct {
	at      *endpoint
	opening *upstream.Opening
	ledger  ledger
	tasks   tasks
	stream  life.Context // of the stream; ends when there can be no more calls
	lost    chan error   // why Run is to end; the first counts
	ready   atomic.Bool
	labels  atomic.Pointer[labels]
	inbox   *url.URL // of the backend; set before the ledger admits anything
}

func newEvented(at *endpoint, o *upstream.Opening, up upstream.Sink) *evented {
	s := &evented{at: at, opening: o, lost: make(chan error, 1)}
	s.ledger.init(at, up, s, at.saw(trace.SSE, &s.labels, func() string { return s.inbox.String() }))
	s.Speak("")
	return s
}

// Run implements [upstream.Conn].
func (s *evented) Run(ctx context.Context, ready func(upstream.Info)) error {
	if s.opening.Era == mcp.Modern {
		return fault.New(fault.Unavailable, "backend %q: HTTP+SSE carries no version %s", s.at.name, mcp.LatestModern).
			WithHint(`remove "protocol", or set its type to "http"`)
	}
	s.at.pool.enter()
	defer s.at.pool.leave()
	s.tasks.start()
	info, err := s.open(ctx)
	if err != nil {
		return s.close(ctx, s.at.notOpened(err))
	}
	s.ready.Store(true)
	ready(info)
	select {
	case <-ctx.Done():
	case err = <-s.lost:
	}
	return s.close(ctx, err)
}

func (s *evented) close(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		err = nil
	}
	s.fail(s.at.errClosing()) // ends the stream too; a lost one has failed before
	s.tasks.stop()
	return err
}

// open opens the stream, learns where to send, and shakes hands.
func (s *evented) open(ctx context.Context) (upstream.Info, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.opening.Timeout,
		fault.New(fault.Timeout, "backend %q did not open its stream within %s", s.at.name, s.opening.Timeout))
	defer cancel()
	late := context.AfterFunc(ctx, func() { s.fail(context.Cause(ctx)) })
	defer late()
	events, err := s.connect()
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return upstream.Info{}, err
	}
	s.ledger.admit()
	s.tasks.run(func(context.Context) { s.read(events) })
	o := *s.opening
	o.Era = mcp.Legacy
	return upstream.Handshake(ctx, s, o)
}

// connect opens the stream, which lives as long as the ledger's calls may, and reads the endpoint event.
func (s *evented) connect() (*stream, error) {
	a, err := s.at.send(&s.stream, s.labels.Load().after(""))
	switch {
	case err != nil:
		return nil, err
	case a.code != http.StatusOK:
		text, _ := io.ReadAll(io.LimitReader(a.body, statusText))
		a.discard()
		return nil, s.at.refused(status(a, text))
	case a.mediaType() != typeStream:
		a.discard()
		return nil, s.at.errContent(a.code, a.mediaType())
	}
	events := &stream{body: a.body, events: sse.NewReader(a.body, s.at.max)}
	inbox, err := events.endpoint(s.at)
	if err != nil {
		events.close()
		return nil, err
	}
	s.inbox = inbox
	s.Speak("")
	return events, nil
}

// read takes what comes on the stream until it ends; then all calls fail.
func (s *evented) read(events *stream) {
	defer events.close()
	err := s.ledger.hear(events.events, &place{})
	closed := fault.New(fault.Unavailable, "backend %q has closed the connection", s.at.name).
		WithHint("its own log may say why; it is connected again by itself").WithCause(err)
	s.lose(closed, closed)
}

// fail ends all calls, now and later, and the stream.
func (s *evented) fail(err error) {
	s.ledger.fail(err)
	s.stream.End(err)
}

// lose makes Run end with err, and the calls in flight with theirs.
func (s *evented) lose(err, theirs error) {
	s.fail(theirs)
	select {
	case s.lost <- err:
	default:
	}
}

// Speak implements [upstream.Wire].
func (s *evented) Speak(version string) {
	to := s.inbox
	if to == nil {
		to = s.at.url
	}
	s.labels.Store(s.at.label(to, version, ""))
}

// Call implements [upstream.Caller].
func (s *evented) Call(ctx context.Context, r *upstream.Request, up upstream.Sink) (mcp.Message, error) {
	c := &call{Request: r, up: up, wake: make(chan struct{})}
	if err := s.ledger.open(ctx, c); err != nil {
		return mcp.Message{}, err
	}
	defer c.release()
	err := s.post(&c.ctx, r.Body)
	if err == nil {
		select {
		case <-c.wake:
		case <-c.ctx.Done():
			err = c.ctx.Err()
		}
	}
	switch {
	case s.ledger.close(c):
		return *c.answer, nil
	case errors.Is(err, upstream.ErrSessionLost): // it was this message that was not taken
	case c.ctx.Err() != nil:
		err = c.ctx.Err()
	}
	if ctx.Err() != nil && r.Method != mcp.MethodInitialize {
		s.reply(cancelled(r.ID))
	}
	return mcp.Message{}, err
}

// Notify implements [upstream.Conn].
func (s *evented) Notify(ctx context.Context, body []byte) error {
	if err := s.ledger.shut(); err != nil {
		return err
	}
	err := s.post(ctx, body)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// reply sends a message in the background.
func (s *evented) reply(body []byte) {
	s.tasks.run(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, noticeTime)
		defer cancel()
		if err := s.Notify(ctx, body); err != nil {
			s.at.logLost(ctx, "a message to the backend was not delivered", err)
		}
	})
}

// post sends one message.
func (s *evented) post(ctx context.Context, body []byte) error {
	if s.ledger.saw != nil {
		s.ledger.saw(trace.Sent, body)
	}
	p := payload{text: body}
	defer p.wait()
	a, err := s.at.send(ctx, letter{form: &s.labels.Load().post, body: &p})
	if err != nil {
		return err
	}
	a.discard()
	switch {
	case a.code < 300:
		return nil
	case a.code == http.StatusNotFound && s.ready.Load():
		lost := s.at.errSessionLost()
		s.lose(lost, s.at.errSessionOver())
		return lost
	}
	return s.at.refused(status(a, nil))
}
