package gateway

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"time"

	"onemcp/internal/fault"
	"onemcp/internal/life"
	"onemcp/internal/mcp"
)

// The bounds of one call that a modern backend answers with questions.
const (
	maxRounds  = 32
	stateDelay = 200 * time.Millisecond // before a repeat that nobody was asked for, times the round
)

// requery takes a modern backend's input_required to a legacy client: each input request goes to it as a server
// request on the stream of its call, and the call is repeated with the answers until it is complete.
func (k *call) requery(ctx context.Context, t target, l *link, reply mcp.Message) (mcp.Message, *link, error) {
	for round := 1; ; round++ {
		if kind, _ := reply.Text(mcp.FieldResultType); kind != "input_required" {
			return reply, l, nil
		}
		if round > maxRounds {
			return reply, l, fault.New(fault.Unavailable, "server %q asked for input more than %d times during one call", t.b.name, maxRounds)
		}
		result := reply.Bytes(reply.Result)
		responses, err := k.askAll(ctx, l, mcp.Member(result, "inputRequests"))
		if err != nil {
			return reply, l, err
		}
		if responses == nil {
			life.Pause(ctx, min(time.Duration(round)*stateDelay, 5*time.Second))
		}
		t.more = retryMembers(responses, mcp.Member(result, "requestState"))
		if reply, l, err = k.exchange(ctx, t); err != nil {
			return reply, l, err
		}
	}
}

// retryMembers are what a repeated request has in its params beside what it had.
func retryMembers(responses, state []byte) []byte {
	var out []byte
	if responses != nil {
		out = append(append(out, `"inputResponses":`...), responses...)
	}
	if state != nil {
		if out != nil {
			out = append(out, ',')
		}
		out = append(append(out, `"requestState":`...), state...)
	}
	return out
}

// askAll puts all input requests to the client at once and waits for the answers. It returns the raw
// inputResponses, nil if nothing was asked.
func (k *call) askAll(ctx context.Context, l *link, requests []byte) ([]byte, error) {
	type pending struct {
		key   string
		ask   *ask
		reply chan []byte
	}
	var all []pending
	defer func() {
		for _, p := range all {
			if p.ask != nil {
				k.g.withdraw(p.ask, k.send)
			}
		}
	}()
	for key, raw := range mcp.Members(requests) {
		m, err := inputRequest(raw, k.c.Meta.Version)
		if err != nil {
			return nil, err
		}
		p := pending{key: key, reply: make(chan []byte, 1)}
		p.ask = k.g.askLegacy(k.c, l, m, func(body []byte) { p.reply <- body }, k.send)
		all = append(all, p)
	}
	if all == nil {
		return nil, nil
	}
	out := []byte{'{'}
	for i, p := range all {
		result, err := awaitInput(ctx, p.reply)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(mcp.Quote(out, p.key), ':'), result...)
	}
	return append(out, '}'), nil
}

// awaitInput waits for one answer and returns its result. An error of the client ends the call.
func awaitInput(ctx context.Context, reply chan []byte) ([]byte, error) {
	select {
	case body := <-reply:
		m, err := mcp.Scan(body)
		if err != nil {
			return nil, fault.New(fault.Invalid, "the client's answer is not valid").WithCause(err)
		}
		if m.Kind == mcp.Error {
			return nil, fault.New(fault.Unsupported, "the server needs input that the client did not give: %s", m.ErrorMessage())
		}
		return m.Bytes(m.Result), nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// inputRequest makes a server request of an input request. The elicitation id that one version requires
// for URLs is made up, since the modern era has none.
func inputRequest(raw []byte, version string) (*mcp.Message, error) {
	method, ok := mcp.Unquote(mcp.Member(raw, "method"))
	if !ok {
		return nil, fault.New(fault.Unavailable, "an input request of the server has no method")
	}
	params := mcp.Member(raw, "params")
	if mode, _ := mcp.Unquote(mcp.Member(params, "mode")); method == mcp.MethodElicit && mode == "url" && version == mcp.Version20251125 {
		var id [16]byte
		_, _ = rand.Read(id[:])
		params = mcp.With(params, "elicitationId", mcp.Quote(nil, hex.EncodeToString(id[:])))
	}
	m, err := mcp.Scan(mcp.AppendRequest(nil, 0, method, params))
	if err != nil {
		return nil, fault.New(fault.Unavailable, "an input request of the server is not valid").WithCause(err)
	}
	return &m, nil
}
