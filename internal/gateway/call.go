package gateway

import (
	"bytes"
	"context"
	"errors"
	"net/http"

	"onemcp/internal/catalog"
	"onemcp/internal/fault"
	"onemcp/internal/mcp"
	"onemcp/internal/upstream"
)

// call is one request of a client on its way.
type call struct {
	g   *Gateway
	gen *generation
	c   *Client
	m   *mcp.Message
	st  Stream

	parked *parked    // of a modern client's call to a legacy backend that may ask back
	relay  *mcp.Relay // of an answer that goes to the client while it comes

	tried bool
	first attempt // others are rare
}

// again returns the same call, of which nothing has been sent.
func (k *call) again() *call {
	return &call{g: k.g, gen: k.gen, c: k.c, m: k.m, st: k.st, parked: k.parked, relay: k.relay}
}

// attempt is one sending of a call. Its memory is not used for another one: a context in it may be asked when the attempt
// is long over.
type attempt struct {
	out  upstream.Request
	sink callSink
}

func (k *call) attempt() *attempt {
	if k.tried {
		return new(attempt)
	}
	k.tried = true
	return &k.first
}

func (k *call) send(msg []byte) {
	if k.st != nil {
		k.st.Send(msg)
	}
}

// result answers with a raw result of our own. A modern one gets what the era requires.
func (k *call) result(result []byte) Answer {
	m, err := mcp.Scan(mcp.AppendResult(nil, k.m.IDBytes(), result))
	if err != nil {
		return k.refuse(mcp.CodeInternal, "the gateway's own answer is not valid")
	}
	if k.c.Era != mcp.Modern {
		return Answer{Body: m.Raw}
	}
	return Answer{Body: m.RewriteResult(nil, mcp.ResultRewrite{ID: k.m.IDBytes(), Modernize: true, Method: k.m.Method, ServerInfo: k.g.info})}
}

// refuse answers with a wire error of our own.
func (k *call) refuse(code int, text string) Answer {
	return Answer{Body: mcp.AppendError(nil, k.m.IDBytes(), code, text, nil), Code: code}
}

// target is where a call goes.
type target struct {
	b       *backend
	name    string // the backend's own name for what is called; empty: as the client wrote it
	refName string // the same for params.ref.name
	params  []mcp.ParamHeader
	more    []byte // members to add to params, raw
}

// forward takes the call to a backend and its answer back.
func (k *call) forward(ctx context.Context, t target) (Answer, error) {
	if k.c.Era == mcp.Modern && !k.c.Bare && len(t.params) > 0 {
		if text := mcp.CheckParams(t.params, k.m.Value(mcp.FieldArguments), k.c.Params); text != "" {
			return k.refuse(mcp.CodeHeaderMismatch, text), nil
		}
	}
	if k.c.Era == mcp.Modern && mcp.MayAskBack(k.m.Method) {
		return k.forwardModern(ctx, t)
	}
	if !t.b.calls.enter() {
		return Answer{}, errRetired
	}
	defer t.b.calls.leave()
	reply, l, err := k.exchange(ctx, t)
	if err == nil && k.c.Era == mcp.Legacy && l.info.Era == mcp.Modern {
		reply, l, err = k.toModern(ctx, t, l, reply)
	}
	if err != nil {
		return Answer{}, err
	}
	return k.answer(t, l, &reply)
}

// toModern goes on with a legacy client's call to a modern backend after the first answer: questions are put to
// the client.
func (k *call) toModern(ctx context.Context, t target, l *link, reply mcp.Message) (mcp.Message, *link, error) {
	t, l, reply, err := k.relabelled(ctx, t, l, reply)
	if err != nil {
		return reply, l, err
	}
	return k.requery(ctx, t, l, reply)
}

// toolOf returns the backend's own name of the tool that is called, "" if none is.
func (k *call) toolOf(t target) string {
	if k.m.Method != mcp.MethodToolsCall {
		return ""
	}
	if t.name != "" {
		return t.name
	}
	name, _ := k.m.Text(mcp.FieldName)
	return name
}

// relabelled goes on with a call whose headers we have made: if the backend did not find them right, they are learned
// anew, once.
func (k *call) relabelled(ctx context.Context, t target, l *link, reply mcp.Message) (target, *link, mcp.Message, error) {
	if reply.Kind != mcp.Error || reply.ErrorCode() != mcp.CodeHeaderMismatch || k.m.Method != mcp.MethodToolsCall {
		return t, l, reply, nil
	}
	offer, err := t.b.fetch(ctx, l)
	if err != nil {
		return t, l, reply, nil // the backend's own error says more
	}
	t.b.publish(offer, announcement{})
	t.params, _ = t.b.paramsOf(k.toolOf(t))
	reply, l, err = k.exchange(ctx, t)
	return t, l, reply, err
}

// forwardModern takes a modern client's call that may be answered with questions. To a modern
// backend it passes, state and all; a legacy one asks in mid-call.
func (k *call) forwardModern(ctx context.Context, t target) (Answer, error) {
	if ticket, ours := isTicket(k.m); ours {
		return k.resume(ctx, t, ticket)
	}
	primary, err := t.b.awaitOpen(ctx)
	if err != nil {
		return Answer{}, err
	}
	if t.b.keyFor(k.c, primary.info).era == mcp.Legacy {
		if name := k.toolOf(t); name != "" && t.b.taskOnly(name) {
			return Answer{}, fault.New(fault.Unsupported, "tool %q of server %q runs only as a task of the 2025-11-25 protocol, which this client cannot follow", name, t.b.name)
		}
		return k.converse(ctx, t)
	}
	if !t.b.calls.enter() {
		return Answer{}, errRetired
	}
	defer t.b.calls.leave()
	reply, l, err := k.exchange(ctx, t)
	if err == nil && k.c.Bare {
		t, l, reply, err = k.relabelled(ctx, t, l, reply)
	}
	if err != nil {
		return Answer{}, err
	}
	return k.answer(t, l, &reply)
}

// exchange sends the request. If it cannot have reached the backend, because the connection had ended, or the
// backend had forgotten the session and so has not looked at the request, it is sent once more on a new connection.
func (k *call) exchange(ctx context.Context, t target) (reply mcp.Message, l *link, err error) {
	for range 2 {
		l, err = t.b.link(ctx, k.c)
		if err != nil {
			return reply, nil, err
		}
		reply, err = k.try(ctx, t, l)
		if !errors.Is(err, upstream.ErrSessionLost) && !errors.Is(err, upstream.ErrNotSent) || k.parked.hasAsked() {
			return reply, l, err
		}
		select {
		case <-l.lost.wait():
		case <-ctx.Done():
			return reply, nil, context.Cause(ctx)
		}
	}
	return reply, l, err
}

func (k *call) try(ctx context.Context, t target, l *link) (mcp.Message, error) {
	defer l.release()
	if k.c.Meta.LogLevel != "" && l.info.Era == mcp.Legacy {
		defer k.borrowLevel(ctx, l)()
	}
	method := k.m.Method
	a, text := k.attempt(), k.g.bodies.lend()
	k.request(&a.out, text, t, l)
	a.sink.open(k, l, a.out.ID)
	reply, err := l.caller.Call(ctx, &a.out, &a.sink)
	a.out.Body = nil
	k.g.bodies.giveBack(text)
	a.sink.close(&reply, err)
	if err == nil && k.c.Session != nil && l.info.Era == mcp.Legacy {
		k.noteEnds(l, &reply)
	}
	if status, ok := errors.AsType[*upstream.StatusError](err); ok {
		err = explained(t.b.name, method, status, err)
	}
	return reply, err
}

// explained gives the answer of a backend that is a status and no message a sentence, if err has none. Servers of the
// legacy era refuse so what their version does not have.
func explained(backend, method string, s *upstream.StatusError, err error) error {
	switch {
	case s.Code == http.StatusBadRequest && !mcp.IsKnown(method):
		return fault.New(fault.Unsupported, "backend %q refused the method %q with HTTP status %d", backend, method, s.Code).WithCause(s)
	case fault.KindOf(err) != fault.Internal:
		return err
	}
	return fault.New(fault.Unavailable, "backend %q answered with HTTP status %d", backend, s.Code).WithCause(s)
}

// borrowLevel has a legacy backend log at the level a modern request asks for.
func (k *call) borrowLevel(ctx context.Context, l *link) (giveBack func()) {
	level, ok := mcp.LevelOf(k.c.Meta.LogLevel)
	if !ok {
		return func() {}
	}
	owner := k.c.owner()
	k.g.levels.set(owner, k.c, level)
	l.applyLevel(ctx, k.c)
	return func() { k.g.levels.drop(owner, k.c) }
}

// request makes the message for the backend, in memory on loan: our id, its own name, and the era's labels.
func (k *call) request(r *upstream.Request, in *body, t target, l *link) {
	rw := mcp.RequestRewrite{ID: k.g.nextID(), Name: t.name, RefName: t.refName, More: t.more}
	switch {
	case k.c.Era == mcp.Modern && l.info.Era == mcp.Legacy:
		rw.Relabel = mcp.StripLabels
	case k.c.Era == mcp.Legacy && l.info.Era == mcp.Modern:
		rw.Relabel = mcp.SetLabels
		rw.Meta = k.c.Meta
		rw.Meta.Version = l.info.Version
		rw.Meta.Capabilities = withoutTasks(k.c.Meta.Capabilities)
		rw.Meta.LogLevel = k.g.levels.get(k.c.Session).String()
	}
	r.ID, r.Method, r.Owner = rw.ID, k.m.Method, k.c.mark()
	in.text = k.m.RewriteRequest(in.text[:0], rw)
	r.Body = in.text
	if l.info.Era == mcp.Modern {
		k.addHeaders(r, t)
	}
	if t.b.spec.Load().ForwardClient && k.c.Forwarder != nil {
		r.Forwarded = k.c.Forwarder.Forwarded()
	}
}

func (k *call) addHeaders(r *upstream.Request, t target) {
	if info := mcp.MethodOf(k.m.Method); info.HasName {
		if r.Name = t.name; r.Name == "" {
			r.Name, _ = k.m.Text(info.Subject)
		}
	}
	r.Params = k.c.Params
	if k.c.Era == mcp.Legacy || k.c.Bare {
		r.Params = mcp.ParamValues(t.params, k.m.Value(mcp.FieldArguments))
	}
}

// answer turns a backend's answer into the client's, in the memory of the one where that will do: reply is used no more.
func (k *call) answer(t target, l *link, reply *mcp.Message) (Answer, error) {
	if k.relay != nil {
		return Answer{}, nil
	}
	crossing := k.c.Era != l.info.Era
	if crossing && reply.Kind == mcp.Result {
		if err := checkTask(t.b.name, reply); err != nil {
			return Answer{}, err
		}
	}
	if reply.Kind == mcp.Result {
		k.g.origins.note(k.c, t.b.name, reply)
		k.g.owners.noteTask(k.c, t.b.name, reply)
		reply = k.ownTasks(t, l, k.filtered(t, l, reply))
	}
	modernize := crossing && k.c.Era == mcp.Modern
	var a Answer
	if reply.Kind == mcp.Error {
		a.Code = reply.ErrorCode()
		k.g.owners.noteVisits(k.c, t.b.name, reply)
		if modernize && a.Code == mcp.CodeResourceNotFound {
			a.Code = mcp.CodeInvalidParams
		}
	}
	if modernize {
		a.Body = reply.RewriteResult(nil, mcp.ResultRewrite{ID: k.m.IDBytes(), Method: k.m.Method, Modernize: true, ServerInfo: l.info.ServerInfo()})
	} else {
		a.Body = reply.WithID(k.m.IDBytes())
	}
	return a, nil
}

// filtered takes out of a tools/list that was passed on what must not be called and, between eras, what is said about tasks, and
// applies the backend's policy to it.
func (k *call) filtered(t target, l *link, reply *mcp.Message) *mcp.Message {
	policy := &t.b.spec.Load().Policy
	crossing := k.c.Era != l.info.Era
	if k.m.Method != mcp.MethodToolsList || policy.Idle() && !l.labelsArguments() && !crossing {
		return reply
	}
	listed := reply.Bytes(reply.Result)
	result := listed
	if l.labelsArguments() {
		result = catalog.BarResult(result)
	}
	if crossing {
		result = catalog.UntaskedResult(result)
	}
	result = policy.ApplyResult(result)
	if bytes.Equal(result, listed) {
		return reply
	}
	m, err := mcp.Scan(mcp.Splice(nil, reply.Raw, []mcp.Edit{{At: reply.Result, Text: result}}))
	if err != nil {
		return reply
	}
	return &m
}

// unknown is what hidden and absent things are answered with.
func unknown(kind catalog.Kind, name string) *fault.Error {
	switch kind {
	case catalog.Tools:
		return fault.New(fault.NotFound, "Unknown tool: %s", name)
	case catalog.Prompts:
		return fault.New(fault.NotFound, "Unknown prompt: %s", name)
	}
	return fault.New(fault.NotFound, "Resource not found: %s", name)
}
