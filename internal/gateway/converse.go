package gateway

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"time"

	"onemcp/internal/fault"
	"onemcp/internal/life"
	"onemcp/internal/mcp"
)

// A question waits for others, so that they go to the client together: until none has come for gather, and no
// longer than gatherMost. A person answers, so nobody notices.
const (
	gather     = 50 * time.Millisecond
	gatherMost = 500 * time.Millisecond
)

var errAnswering = fault.New(fault.Unsupported, "the call is being answered already")

var errParkExpired = fault.New(fault.Timeout, "the client did not answer in time")

// converse takes a modern client's call to a legacy backend, which may ask back in mid-call. It returns the final
// answer, or a result of type input_required while the backend waits.
func (k *call) converse(ctx context.Context, t target) (Answer, error) {
	if !t.b.calls.enter() {
		return Answer{}, errRetired
	}
	p := &parked{
		g:     k.g,
		size:  weight(k.m),
		nudge: make(chan struct{}, 1),
		ended: make(chan struct{}),
	}
	first := k.again()
	first.m = k.m.Clone()
	first.c = k.c.kept()
	first.st = p
	first.parked = p
	p.first = first
	p.attach(k)
	run, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	p.cancel = cancel
	if !k.g.parking.start(func() {
		defer t.b.calls.leave()
		p.settle(first.exchange(run, t))
		close(p.ended)
		cancel(nil)
	}) {
		t.b.calls.leave()
		return Answer{}, fault.New(fault.Unavailable, "the gateway is shutting down")
	}
	return k.attend(ctx, t, p)
}

// resume goes on with a parked call: the ticket names it, inputResponses answer its questions.
func (k *call) resume(ctx context.Context, t target, ticket string) (Answer, error) {
	p, err := k.g.parking.claim(ticket, k.binding())
	if err != nil {
		return Answer{}, err
	}
	p.attach(k)
	p.deliver(k.m.Value(mcp.FieldInputResponses))
	return k.attend(ctx, t, p)
}

// deliver hands the client's answers to the backend. Questions without one stay open.
func (p *parked) deliver(responses []byte) {
	p.mu.Lock()
	var open []question
	var ready []func()
	for _, q := range p.asked {
		result := mcp.Member(responses, q.key)
		if result == nil {
			open = append(open, q)
			continue
		}
		p.free(weight(q.ask.m))
		body := mcp.AppendResult(nil, q.ask.m.IDBytes(), result)
		ready = append(ready, func() { q.ask.once.Do(func() { q.ask.answer(body) }) })
	}
	p.asked = open
	p.mu.Unlock()
	for _, send := range ready {
		send()
	}
	if len(open) > 0 {
		nudge(p.nudge) // asked again
	}
}

// attend waits with the client for the outcome or the next question.
func (k *call) attend(ctx context.Context, t target, p *parked) (Answer, error) {
	for {
		select {
		case <-p.ended:
			return k.conclude(ctx, t, p)
		case <-p.nudge:
			if a, asked := k.requireInput(ctx, p); asked {
				return a, nil
			}
		case <-ctx.Done():
			return Answer{}, k.abandon(ctx, p)
		}
	}
}

// conclude answers with the backend's final answer.
func (k *call) conclude(ctx context.Context, t target, p *parked) (Answer, error) {
	p.leave()
	p.refuseAll("the request it belongs to has ended")
	if p.err != nil {
		return Answer{}, p.err
	}
	if p.reply.Kind == mcp.Error && p.reply.ErrorCode() == mcp.CodeURLElicitation {
		return k.requireVisits(t, &p.reply)
	}
	return k.answer(t, p.via, &p.reply)
}

// abandon ends the backend's call, since the client has gone.
func (k *call) abandon(ctx context.Context, p *parked) error {
	p.leave()
	p.refuseAll("the client has gone")
	p.cancel(context.Cause(ctx))
	<-p.ended
	return context.Cause(ctx)
}

// requireInput parks the call and answers with its questions. asked is false if there is none any more.
func (k *call) requireInput(ctx context.Context, p *parked) (a Answer, asked bool) {
	p.gather(ctx)
	requests, ticket := p.park(k.g.parking, k.binding())
	if requests == nil {
		return Answer{}, false
	}
	result := append([]byte(`{"resultType":"input_required","inputRequests":{`), requests...)
	result = mcp.Quote(append(result, `},"requestState":`...), ticket)
	return k.result(append(result, '}')), true
}

// gather returns when no further question has come for a while.
func (p *parked) gather(ctx context.Context) {
	for most := time.Now().Add(gatherMost); time.Now().Before(most) && ctx.Err() == nil; {
		had := p.count()
		life.Pause(ctx, gather)
		if p.count() == had {
			return
		}
	}
}

// count returns how many questions have come in all.
func (p *parked) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.serial
}

// park detaches the client, starts the clock and returns the raw members of inputRequests with the ticket for
// the answers.
func (p *parked) park(in *parking, bound [32]byte) (requests []byte, ticket string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.asked) == 0 {
		return nil, ""
	}
	for i, q := range p.asked {
		if i > 0 {
			requests = append(requests, ',')
		}
		requests = append(mcp.Quote(requests, q.key), ':')
		requests = append(requests, q.request()...)
	}
	p.client, p.taken = nil, false
	p.round++
	p.expires = time.AfterFunc(parkTime, p.expire)
	return requests, in.ticket(p, p.round, bound)
}

// request is the question as an input request: method and params, without what belongs to the connection.
func (q question) request() []byte {
	m := q.ask.m
	out := mcp.Quote([]byte(`{"method":`), m.Method)
	if m.Params.Present() {
		params := m.Bytes(m.Params)
		if m.Method == mcp.MethodElicit {
			params = mcp.Without(params, "elicitationId")
		}
		out = append(append(out, `,"params":`...), mcp.Without(params, "task")...)
		return append(out, '}')
	}
	return append(out, `,"params":{}}`...) // the schema does not ask for it; clients of the field do
}

// ask takes a question of the backend. If there is no room to keep it, the call ends.
func (p *parked) ask(l *link, m *mcp.Message, answer func([]byte)) {
	a := &ask{m: m.Clone(), link: l, answer: answer}
	if why := p.cannotAsk(m); why != "" {
		a.refuse(mcp.CodeMethodNotFound, why)
		return
	}
	switch err := p.keep(a); {
	case err == nil:
		nudge(p.nudge)
	case errors.Is(err, errAnswering):
		a.refuse(mcp.CodeInternal, fault.Public(err))
	default:
		a.refuse(mcp.CodeInternal, fault.Public(err))
		p.cancel(err)
	}
}

// cannotAsk returns why a question may not go to the client, or "".
func (p *parked) cannotAsk(m *mcp.Message) string {
	switch m.Method {
	case mcp.MethodSampling, mcp.MethodElicit, mcp.MethodRoots:
	default:
		return "a client of the 2026-07-28 protocol cannot be asked for " + m.Method
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return cannotAsk(p.caps, m)
}

// keep adds a question to those that wait for the client. The backend has the request, so that is kept no more.
func (p *parked) keep(a *ask) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pours {
		return errAnswering
	}
	if err := p.hold(weight(a.m)); err != nil {
		p.full = err
		return err
	}
	p.serial++
	p.asked = append(p.asked, question{"q" + strconv.Itoa(p.serial), a})
	p.first.m, p.first.c.Forwarder = nil, nil
	return nil
}

// withdraw drops a question that the backend has cancelled.
func (p *parked) withdraw(id []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, q := range p.asked {
		if bytes.Equal(q.ask.m.IDBytes(), id) {
			p.free(weight(q.ask.m))
			p.asked = append(p.asked[:i:i], p.asked[i+1:]...)
			return
		}
	}
}

// expire gives up a call whose client has not come back.
func (p *parked) expire() {
	p.leave()
	p.refuseAll("the client did not answer in time")
	p.cancel(errParkExpired)
}

// refuseAll answers every open question: an elicitation as cancelled, others with an error.
func (p *parked) refuseAll(why string) {
	p.mu.Lock()
	all := p.asked
	p.asked = nil
	p.mu.Unlock()
	for _, q := range all {
		if q.ask.m.Method == mcp.MethodElicit {
			q.ask.once.Do(func() {
				q.ask.answer(mcp.AppendResult(nil, q.ask.m.IDBytes(), []byte(`{"action":"cancel"}`)))
			})
			continue
		}
		q.ask.refuse(mcp.CodeInternal, why)
	}
}

// requireVisits turns a legacy error that asks for URLs to be visited into questions of that kind. The retry
// calls the backend anew, so nothing is parked and no state is needed.
func (k *call) requireVisits(t target, reply *mcp.Message) (Answer, error) {
	var requests []byte
	for i, raw := range mcp.Elements(mcp.Member(reply.ErrorData(), "elicitations")) {
		if i > 0 {
			requests = append(requests, ',')
		}
		requests = append(mcp.Quote(requests, "q"+strconv.Itoa(i+1)), `:{"method":"elicitation/create","params":`...)
		requests = append(append(requests, mcp.Without(raw, "elicitationId")...), '}')
	}
	capability := mcp.Member(k.c.Meta.Capabilities, "elicitation")
	if requests == nil || mcp.Member(capability, "url") == nil {
		return Answer{}, fault.New(fault.Unsupported, "server %q wants the user to visit a URL first, which this client does not support: %s", t.b.name, reply.ErrorMessage())
	}
	result := append([]byte(`{"resultType":"input_required","inputRequests":{`), requests...)
	return k.result(append(result, '}', '}')), nil
}
