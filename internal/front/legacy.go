package front

import (
	"context"
	"errors"
	"net/http"

	"onemcp/internal/fault"
	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
	"onemcp/internal/session"
	"onemcp/internal/trustproxy"
	"onemcp/internal/wire"
)

func (f *Front) postLegacy(x *exchange, r *http.Request, at place, m *mcp.Message) error {
	if m.Kind == mcp.Request && m.Method == mcp.MethodInitialize {
		return f.openSession(x, r, at, m)
	}
	s, err := f.session(x, r, at)
	if err != nil {
		return err
	}
	c := gateway.SessionClient(at.scope, s)
	c.Forwarder = x
	switch m.Kind {
	case mcp.Request:
		f.call(x, r, c, m)
	case mcp.Notification:
		f.Gateway.Notify(context.WithoutCancel(r.Context()), c, m)
		x.WriteHeader(http.StatusAccepted)
	default:
		f.Gateway.Answer(c, m)
		x.WriteHeader(http.StatusAccepted)
	}
	return nil
}

// openSession answers initialize. The answer is always one JSON body, because its head names the session.
func (f *Front) openSession(x *exchange, r *http.Request, at place, m *mcp.Message) error {
	s, answer, err := f.initialize(r.Context(), at, x.caller(), m)
	if err != nil {
		if fault.KindOf(err) == fault.Busy {
			return err
		}
		x.err = err
		x.answer(http.StatusOK, wire.Answer(mcp.Legacy, m, err))
		return nil
	}
	x.session, x.hash, x.version = s.ID, s.Hash(), s.Version
	x.Header().Set(mcp.HeaderSession, s.ID)
	x.answer(http.StatusOK, answer.Body)
	return nil
}

// initialize opens a session, which counts for its caller until it ends.
func (f *Front) initialize(ctx context.Context, at place, caller trustproxy.RateKey, m *mcp.Message) (*session.Session, gateway.Answer, error) {
	release, full := f.Sessions.Claim(caller)
	if full != nil {
		return nil, gateway.Answer{}, &refusal{status: http.StatusTooManyRequests, err: full}
	}
	s, answer, err := f.Gateway.Initialize(ctx, at.scope, gateway.Anonymous, at.endpoint, m)
	if err != nil {
		release()
		return nil, answer, err
	}
	s.OnEnd(release)
	return s, answer, nil
}

// caller is the network that asks, by which requests and sessions are counted.
func (x *exchange) caller() trustproxy.RateKey { return x.decision.RateKey(x.access.IPv6Bits) }

// session finds the session that a request names.
func (f *Front) session(x *exchange, r *http.Request, at place) (*session.Session, error) {
	id := r.Header.Get(mcp.HeaderSession)
	if id == "" {
		return nil, fault.New(fault.Invalid, "header Mcp-Session-Id is missing").WithHint("open a session with initialize")
	}
	if v := r.Header.Get(mcp.HeaderVersion); v != "" && mcp.EraOf(v) != mcp.Legacy {
		return nil, fault.New(fault.Invalid, "MCP-Protocol-Version %q is not a version that sessions speak", v).
			WithHint("send the one that initialize answered, or no session id with a newer one")
	}
	s, err := f.Sessions.Get(id, gateway.Anonymous, at.endpoint)
	if err != nil {
		return nil, err
	}
	x.session, x.hash, x.version = s.ID, s.Hash(), s.Version
	x.front.Watch.Session(s.ID, &x.decision)
	return s, nil
}

// call serves a request of a session. It goes on when the client's connection drops: only the session's
// end or a cancellation stops it.
func (f *Front) call(x *exchange, r *http.Request, c *gateway.Client, m *mcp.Message) {
	reply := x.replies(r.Context(), c.Session, nil)
	defer reply.end(0, nil) // of a panic
	answer, err := f.Gateway.Serve(context.Background(), c, m, reply)
	x.err = err
	switch {
	case err == nil:
		reply.end(http.StatusOK, answer.Body)
	case errors.Is(err, session.ErrCancelled):
		reply.end(http.StatusAccepted, nil)
	case refuses(err):
		refusal := refusalOf(err)
		reply.end(refusal.status, refusal.body(err))
	default:
		reply.end(http.StatusOK, wire.Answer(mcp.Legacy, m, err))
	}
}

func (f *Front) endSession(x *exchange, r *http.Request, at place) error {
	s, err := f.session(x, r, at)
	if err != nil {
		return err
	}
	f.Sessions.End(s)
	x.WriteHeader(http.StatusNoContent)
	return nil
}
