package endtoend_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"

	"onemcp/internal/mcp"
)

const (
	asker     = "asks" // a modern backend that needs input
	canAnswer = `{"elicitation":{},"sampling":{}}`
)

// idIn returns the id of the call whose tag a text holds; see live.
func (p *person) idIn(text string) string {
	_, after, _ := strings.Cut(text, p.tag)
	number, _, _ := strings.Cut(after, ".")
	return idOf(number)
}

// idOf returns the id of a person's n-th call: a number, or a string that looks like one.
func idOf(n string) string {
	if strings.ContainsAny(n[max(0, len(n)-1):], "02468") {
		return `"` + n + `"`
	}
	return n
}

// liveAsked makes a call in whose midst the person is asked. The backend must be one that can tell whom it asks: by the
// stream, on a connection of the session's own, or because the question is the call's result.
func (p *person) liveAsked(luck *rand.Rand, total *count) error {
	at := []int{len(crowd)}
	for b, kind := range crowd {
		if kind.name == "http-legacy" || kind.name == "http-both" && p.era == mcp.Legacy {
			at = append(at, b)
		}
	}
	b := at[luck.IntN(len(at))]
	n := fmt.Sprint(p.last.Add(1))
	c := &conversation{p: p, wire: p.wires[b], backend: backendName(b), total: total, id: idOf(n), tag: p.tag + n + "."}
	method := []string{mcp.MethodElicit, mcp.MethodSampling}[luck.IntN(2)]
	args := fmt.Sprintf(`{"method":%q,"params":{"message":%q,"messages":[{"role":"user","content":{"type":"text","text":%q}}],"maxTokens":1,"requestedSchema":{"type":"object","properties":{}}}}`, method, c.tag, c.tag)
	if b == len(crowd) {
		method, args = mcp.MethodElicit, fmt.Sprintf(`{"question":%q}`, c.tag)
	}
	total.calls.Add(1)
	if err := c.beAsked(method, args); err != nil {
		return fmt.Errorf("call %s at %s, asked for %s: %w", c.tag, c.backend, method, err)
	}
	return nil
}

// beAsked holds a conversation with one question. The answer to the call must hold this client's answer.
func (c *conversation) beAsked(method, args string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	in, err := c.wire.begin(ctx, c.id, c.wire.tool(c.id, c.name("ask"), args, ""))
	if err != nil {
		return err
	}
	defer func() { in.close() }()
	for asked := 0; ; {
		msg, err := in.next()
		if err != nil {
			return err
		}
		m, err := mcp.Scan(msg)
		switch text := string(msg); {
		case err != nil:
			return err
		case m.Method == mcp.NoteMessage:
			if err := c.checkOwn(&m); err != nil {
				return err
			}
		case m.Method == method && strings.Contains(text, c.tag):
			asked++
			err = c.wire.respond(mcp.AppendResult(nil, m.IDBytes(), c.reply(method)))
		case strings.Contains(text, `"input_required"`) && strings.Contains(text, c.tag):
			asked++
			in.close()
			in, err = c.again(ctx, &m, method, args)
		case m.Kind == mcp.Result && string(m.IDBytes()) == c.id && strings.Contains(text, c.tag+"!") && asked == 1:
			c.total.asked.Add(1)
			return nil
		default:
			err = fmt.Errorf("after %d questions came %s", asked, msg)
		}
		if err != nil {
			return err
		}
	}
}

// reply answers a question as nobody else does.
func (c *conversation) reply(method string) []byte {
	if method == mcp.MethodSampling {
		return fmt.Appendf(nil, `{"role":"assistant","content":{"type":"text","text":"%s!"},"model":"m"}`, c.tag)
	}
	return fmt.Appendf(nil, `{"action":"accept","content":{"answer":"%s!"}}`, c.tag)
}

// again repeats a modern call with the answer to what it was asked.
func (c *conversation) again(ctx context.Context, m *mcp.Message, method, args string) (messages, error) {
	result := m.Bytes(m.Result)
	var keys []string
	for key := range mcp.Members(mcp.Member(result, "inputRequests")) {
		keys = append(keys, key)
	}
	if len(keys) != 1 {
		return nil, fmt.Errorf("%d questions: %s", len(keys), m.Raw)
	}
	params := fmt.Sprintf(`"name":%q,"arguments":%s,"inputResponses":{%q:%s}`, c.name("ask"), args, keys[0], c.reply(method))
	if state := mcp.Member(result, "requestState"); state != nil {
		params += `,"requestState":` + string(state)
	}
	c.id = idOf(fmt.Sprint(c.p.last.Add(1)))
	return c.wire.begin(ctx, c.id, c.wire.request(c.id, mcp.MethodToolsCall, params, ""))
}
