package remote

import (
	"context"
	"fmt"
	"net/http"

	"onemcp/internal/fault"
	"onemcp/internal/mcp"
	"onemcp/internal/upstream"
)

// Call implements [upstream.Caller].
func (s *streamable) Call(ctx context.Context, r *upstream.Request, up upstream.Sink) (mcp.Message, error) {
	c := &call{Request: r, up: up}
	if err := s.ledger.open(ctx, c); err != nil {
		return mcp.Message{}, err
	}
	c.body.text = r.Body
	err := s.exchange(c)
	c.body.wait()
	defer c.release()
	switch {
	case s.ledger.close(c):
		return *c.answer, nil
	case ctx.Err() != nil:
		s.giveUp(r)
		return mcp.Message{}, context.Cause(ctx)
	case c.ctx.Err() != nil:
		return mcp.Message{}, c.ctx.Err()
	}
	return mcp.Message{}, err
}

// exchange sends the call and takes what comes back until the answer is there or cannot come
// any more.
func (s *streamable) exchange(c *call) error {
	l := s.labels.Load()
	a, err := s.send(&c.ctx, l.request(c.Request, &c.body))
	if err != nil {
		return err
	}
	if a.code < 200 || a.code > 299 {
		return s.takeRefusal(c, a, l)
	}
	if c.Method == mcp.MethodInitialize {
		s.adopt(a.header.Get(mcp.HeaderSession))
	}
	switch kind := a.mediaType(); kind {
	case typeJSON:
		return s.takeBody(c, a)
	case typeStream:
		return s.takeStream(c, a, l)
	default:
		a.discard()
		return s.at.errContent(a.code, kind)
	}
}

// takeBody takes an answer that is one JSON body, whole unless it is large and may be poured.
func (s *streamable) takeBody(c *call, a answer) error {
	b := body{at: s.at, from: a}
	defer b.close()
	if err := b.begin(); err != nil {
		return err
	}
	if !b.ended {
		if to := s.pourer(c, upstream.Coming{Head: b.text, Length: a.length}); to != nil {
			return s.pour(c, &b, to)
		}
	}
	text, err := b.rest()
	if err != nil {
		return err
	}
	if err := s.ledger.receive(text, c); err != nil {
		return err
	}
	if !c.isAnswered() {
		return s.at.errMalformed(fmt.Errorf("it answers another request"))
	}
	return nil
}

// takeRefusal takes an answer with an HTTP status of its own. If it is a JSON-RPC error, that is the answer.
func (s *streamable) takeRefusal(c *call, a answer, l *labels) error {
	if c.Method == mcp.MethodInitialize {
		s.refusal.Store(int32(a.code))
	}
	text, err := s.refuse(a, l)
	if text == nil || s.ledger.receive(text, c) != nil || !c.isAnswered() {
		return err
	}
	return nil
}

// refuse returns what an answer with an HTTP status of its own means, and its body if that may be a
// JSON-RPC error meant for a call.
func (s *streamable) refuse(a answer, l *labels) ([]byte, error) {
	text, err := s.at.readAll(a)
	if err != nil {
		text = nil
	}
	refusal := status(a, text)
	switch {
	case refusal.Code == http.StatusUnauthorized || refusal.Code == http.StatusForbidden:
		return nil, s.at.refused(refusal)
	case refusal.Code == http.StatusNotFound && l.session != "" && !isUnknownMethod(text):
		lost := s.at.errSessionLost()
		s.lose(lost)
		return nil, lost
	case !s.ready.Load():
		return text, refusal
	}
	return text, s.at.refused(refusal)
}

// isUnknownMethod reports whether a body says that the method does not exist, which some servers
// send with 404.
func isUnknownMethod(text []byte) bool {
	m, err := mcp.Scan(text)
	return err == nil && m.Kind == mcp.Error && m.ErrorCode() == mcp.CodeMethodNotFound
}

// giveUp tells a legacy backend that a call is cancelled. A modern one has seen it by the end of
// the request.
func (s *streamable) giveUp(r *upstream.Request) {
	if r.Method == mcp.MethodInitialize || r.Method == mcp.MethodDiscover || s.labels.Load().modern() {
		return
	}
	s.reply(cancelled(r.ID))
}

func cancelled(id uint64) []byte {
	params := mcp.AppendUint([]byte(`{"requestId":`), id)
	return mcp.AppendNotification(nil, mcp.NoteCancelled, append(params, '}'))
}

// errContent is the fault for an answer that is neither a message nor a stream of them.
func (e *endpoint) errContent(code int, kind string) *fault.Error {
	if kind == "" {
		return fault.New(fault.Malformed, "backend %q answered with HTTP status %d and nothing in it", e.name, code).
			WithHint("is its url that of the MCP endpoint?")
	}
	return fault.New(fault.Malformed, "backend %q answered with content type %q", e.name, kind).
		WithHint("is its url that of the MCP endpoint?")
}
