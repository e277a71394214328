package front

import (
	"context"
	"crypto/rand"
	"net/http"
	"sync"

	"onemcp/internal/fault"
	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
	"onemcp/internal/secret"
	"onemcp/internal/session"
	"onemcp/internal/trustproxy"
	"onemcp/internal/wire"
)

// maxOldCalls bounds the requests in flight of one client of the old transport, which no connection
// limit reaches.
const maxOldCalls = 256

// oldStreams finds the streams of old clients by their ids. The zero value is ready.
type oldStreams struct {
	mu   sync.RWMutex
	byID map[string]*oldStream
}

func (t *oldStreams) add(s *oldStream) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byID == nil {
		t.byID = make(map[string]*oldStream)
	}
	t.byID[s.id] = s
}

func (t *oldStreams) remove(s *oldStream) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.byID, s.id)
}

func (t *oldStreams) get(id string) *oldStream {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.byID[id]
}

// oldStream is one client of the HTTP+SSE transport: an event stream, and the messages
// that come beside it. It owns the goroutines that serve them, and ends with the stream.
type oldStream struct {
	front *Front
	id    string // counts as a secret
	at    place
	from  trustproxy.RateKey // who has opened it
	ctx   context.Context    // the stream's
	out   *outbox

	mu      sync.Mutex
	ended   bool
	calls   int
	session *session.Session // nil before initialize
	work    sync.WaitGroup
}

// serveOldStream is the life of one old client.
func (f *Front) serveOldStream(x *exchange, r *http.Request, to target) error {
	if err := checkAccept(r.Header, typeStream); err != nil {
		return err
	}
	scope, endpoint, err := f.scope(to, r.URL.RawQuery)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(r.Context())
	s := &oldStream{
		front: f, id: rand.Text(), ctx: ctx, out: newOutbox(),
		at: place{scope: scope, endpoint: endpoint}, from: x.caller(),
	}
	x.session, x.hash = s.id, secret.Hash(s.id)
	f.old.add(s)
	defer s.end(cancel)
	e := x.events()
	e.name("endpoint", x.access.Base.Prefix(x.decision)+"/messages?sessionId="+s.id)
	_ = s.out.run(ctx, e, f.Heartbeat) // however it ends, the client has gone
	return nil
}

// end stops all that the stream has begun, and waits for it.
func (s *oldStream) end(cancel context.CancelFunc) {
	s.front.old.remove(s)
	s.mu.Lock()
	s.ended = true
	opened := s.session
	s.mu.Unlock()
	cancel()
	if opened != nil {
		s.front.Sessions.End(opened)
	}
	s.work.Wait()
}

// serveOldPost takes a message of an old client. Its answer goes to the client's stream.
func (f *Front) serveOldPost(x *exchange, r *http.Request) error {
	s := f.old.get(r.URL.Query().Get("sessionId"))
	if s == nil {
		return fault.New(fault.NotFound, "there is no such stream").WithHint("open one with GET /sse, and post to the endpoint it names")
	}
	x.session, x.hash = s.id, secret.Hash(s.id)
	in, err := f.read(x, r)
	if err != nil {
		return err
	}
	if in.msg.Kind == mcp.Request {
		err = s.begin(in)
	} else {
		err = s.pass(&in.msg)
		f.inbound.put(in)
	}
	if err != nil {
		return err
	}
	x.WriteHeader(http.StatusAccepted)
	return nil
}

// begin serves a request beside the stream. It takes over in if it returns nil.
func (s *oldStream) begin(in *inbound) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ended:
		s.front.inbound.put(in)
		return session.ErrEnded
	case s.calls >= maxOldCalls:
		s.front.inbound.put(in)
		return fault.New(fault.Busy, "%d requests are in flight on this stream", s.calls).WithHint("wait for answers")
	}
	s.calls++
	s.work.Go(func() { s.serve(in) })
	return nil
}

// serve is the goroutine of one request; that of initialize goes on as the session's delivery.
func (s *oldStream) serve(in *inbound) {
	opens := s.answer(&in.msg)
	s.front.inbound.put(in)
	s.mu.Lock()
	s.calls--
	s.mu.Unlock()
	if opens {
		s.deliver()
	}
}

// answer sends the answer to a request, and reports whether it opened the session.
func (s *oldStream) answer(m *mcp.Message) (opened bool) {
	defer func() {
		if p := recover(); p != nil {
			s.front.Log.Error("a request panicked", "rpc", m.Method, "panic", p, "stack", stack())
			s.out.Send(wire.Answer(mcp.Legacy, m, fault.New(fault.Internal, "internal error")))
		}
	}()
	answer, err := s.call(m)
	switch {
	case err == nil:
		s.out.Send(answer.Body)
		return m.Method == mcp.MethodInitialize
	case wire.KindOf(err) != fault.Canceled:
		s.front.Log.Info("a request failed", "session", secret.Hash(s.id), "rpc", m.Method, "error", logged(err))
		s.out.Send(wire.Answer(mcp.Legacy, m, err))
	}
	return false
}

// deliver passes on what the session has for its client, until either ends.
func (s *oldStream) deliver() {
	send := func(msg []byte) error { s.out.Send(msg); return nil }
	_ = s.session.Attach(s.ctx, 0, send, nil)
	s.out.End()
}

func (s *oldStream) call(m *mcp.Message) (gateway.Answer, error) {
	if m.Method == mcp.MethodInitialize {
		return s.initialize(m)
	}
	c, err := s.client()
	if err != nil {
		return gateway.Answer{}, err
	}
	return s.front.Gateway.Serve(s.ctx, c, m, s.out)
}

// pass hands on a notification or an answer.
func (s *oldStream) pass(m *mcp.Message) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	if m.Kind == mcp.Notification {
		s.front.Gateway.Notify(s.ctx, c, m)
	} else {
		s.front.Gateway.Answer(c, m)
	}
	return nil
}

func (s *oldStream) initialize(m *mcp.Message) (gateway.Answer, error) {
	opened, answer, err := s.front.initialize(s.ctx, s.at, s.from, m)
	if err != nil {
		return answer, err
	}
	s.mu.Lock()
	late := s.ended || s.session != nil
	if !late {
		s.session = opened
	}
	s.mu.Unlock()
	if late {
		s.front.Sessions.End(opened)
		return answer, fault.New(fault.Invalid, "this stream has been initialized already").WithHint("open another stream")
	}
	return answer, nil
}

func (s *oldStream) client() (*gateway.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.session == nil {
		return nil, fault.New(fault.Invalid, "the session is not open").WithHint("send initialize first")
	}
	return gateway.SessionClient(s.at.scope, s.session), nil
}
