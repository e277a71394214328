package stdio

import (
	"context"
	"errors"
	"runtime/debug"

	"onemcp/internal/catalog"
	"onemcp/internal/fault"
	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
	"onemcp/internal/session"
	"onemcp/internal/wire"
)

var (
	errNotOpen = fault.New(fault.Invalid, "there is no session, and the request says no protocol version of its own").
			WithHint("send initialize first, or name the version in params._meta")
	errTwice    = fault.New(fault.Invalid, "the session is open already").WithHint("send initialize once; start another process for another session")
	errTooMany  = fault.New(fault.Busy, "%d requests are in flight", maxCalls).WithHint("wait for answers")
	errInternal = fault.New(fault.Internal, "internal error")
)

// flight is a request in flight.
type flight struct {
	method string
	modern bool
	ctx    context.Context
	cancel context.CancelCauseFunc
}

// begin serves a request beside the reading of lines.
func (f *Front) begin(m *mcp.Message, answer func([]byte)) {
	one := &flight{method: m.Method, modern: isModern(m)}
	if err := f.enter(m, one, answer); err != nil {
		answer(refusal(m, err))
	}
}

func (f *Front) enter(m *mcp.Message, one *flight, answer func([]byte)) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.admit(m, one); err != nil {
		return err
	}
	one.ctx, one.cancel = context.WithCancelCause(f.calls)
	f.flights[string(m.IDBytes())] = one
	f.begun++
	f.running.Go(func() { f.serve(one, m, answer) })
	return nil
}

// admit decides whether a request may begin. The caller holds f.mu.
func (f *Front) admit(m *mcp.Message, one *flight) error {
	id := string(m.IDBytes())
	switch {
	case f.ended:
		return gateway.ErrClosing
	case f.flights[id] != nil:
		return fault.New(fault.Conflict, "a request with id %s is in flight already", id).WithHint("use each id once")
	case f.begun >= maxCalls:
		return errTooMany
	case one.modern || m.Method != mcp.MethodInitialize:
		return nil
	case f.opening != nil:
		return errTwice
	}
	f.opening = make(chan struct{})
	return nil
}

// refusal answers a request that does not begin. If its id is another's in flight, the answer must not have it: it
// would be taken for the other's.
func refusal(m *mcp.Message, err error) []byte {
	if fault.KindOf(err) == fault.Conflict {
		return wire.Refuse(nil, err)
	}
	return wire.Refuse(m.IDBytes(), err)
}

// beside runs what is no request.
func (f *Front) beside(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended || f.begun >= maxCalls {
		return
	}
	f.begun++
	f.running.Go(func() {
		do()
		f.left("")
	})
}

// left forgets what has run; id is that of a request.
func (f *Front) left(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.begun--
	delete(f.flights, id)
}

// cancel ends a request on its client's word; initialize cannot be cancelled.
func (f *Front) cancel(id []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if one := f.flights[string(id)]; one != nil && one.method != mcp.MethodInitialize {
		one.cancel(session.ErrCancelled)
	}
}

// serve is the goroutine of one request.
func (f *Front) serve(one *flight, m *mcp.Message, answer func([]byte)) {
	defer one.cancel(nil)
	body := f.answer(one, m)
	if errors.Is(context.Cause(one.ctx), session.ErrCancelled) {
		body = nil
	}
	f.left(string(m.IDBytes())) // before the answer: its reader may use the id again
	answer(body)
	if m.Method == mcp.MethodInitialize && !one.modern {
		f.opened()
	}
}

// put writes the answer to a request, for which it waits while much waits to be written.
func (f *Front) put(body []byte) {
	if body != nil {
		_ = f.out.Put(f.calls, body) // who is gone needs no answer
	}
}

// answer returns the answer to a request, whatever becomes of it.
func (f *Front) answer(one *flight, m *mcp.Message) (body []byte) {
	era := mcp.Legacy
	if one.modern {
		era = mcp.Modern
	}
	defer func() {
		if p := recover(); p != nil {
			f.o.Log.Error("a request panicked", "rpc", m.Method, "panic", p, "stack", string(debug.Stack()))
			body = wire.Answer(era, m, errInternal)
		}
	}()
	a, err := f.call(one, m)
	switch {
	case err == nil:
		return a.Body
	case errors.Is(err, errNotOpen):
		return wire.Refuse(m.IDBytes(), err)
	case wire.KindOf(err) != fault.Canceled:
		f.o.Log.Info("a request failed", "rpc", m.Method, "error", err)
	}
	return wire.Answer(era, m, err)
}

func (f *Front) call(one *flight, m *mcp.Message) (gateway.Answer, error) {
	if one.modern {
		if err := wire.CheckModern(m); err != nil {
			return gateway.Answer{}, err
		}
		return f.ask(one, f.modern(m), m)
	}
	if m.Method == mcp.MethodInitialize {
		return f.initialize(one.ctx, m)
	}
	f.settleSession(one.ctx)
	switch c := f.legacy(); {
	case c != nil:
		return f.ask(one, c, m)
	case m.Method == mcp.MethodPing:
		return gateway.Answer{Body: mcp.AppendResult(nil, m.IDBytes(), []byte(`{}`))}, nil
	}
	return gateway.Answer{}, errNotOpen
}

func (f *Front) ask(one *flight, c *gateway.Client, m *mcp.Message) (gateway.Answer, error) {
	if _, lists := catalog.KindOf(m.Method); lists && f.o.Settled != nil && c.Scope.Backend == "" {
		f.o.Settled(one.ctx)
	}
	return f.o.Gateway.Serve(one.ctx, c, m, stream{f, one})
}

// stream carries what comes beside the answer to a request.
type stream struct {
	f   *Front
	one *flight
}

// Send implements gateway.Stream. It never waits. A modern client hears no more of what it has cancelled; a legacy one
// may have to be told that a question needs no answer.
func (s stream) Send(msg []byte) {
	if !s.one.modern || s.one.ctx.Err() == nil {
		s.f.out.Push(msg)
	}
}
