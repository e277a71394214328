package endtoend_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"onemcp/internal/mcp"
	"onemcp/internal/upstream/upstreamtest"
)

// TestQuestionsAtTheSameTimeAreNeverCrossed: two clients share a connection, and each makes two calls at once that ask it back. A
// question comes to the client whose call caused it or, where that cannot be told, the backend gets an error that says so.
func TestQuestionsAtTheSameTimeAreNeverCrossed(t *testing.T) {
	t.Parallel()
	const rounds = 100
	along(t, ways(shared, cells[0], cells[2]), upstreamtest.Script{}, func(t *testing.T, w *world) {
		var answered, refused atomic.Int64
		var clients sync.WaitGroup
		for i := range 2 {
			p := &person{tag: fmt.Sprintf("p%d/", i), era: w.caller}
			wire := newPosting(w.rig, w.caller, w.path())
			for n, method := range []string{mcp.MethodElicit, mcp.MethodSampling} {
				clients.Go(func() {
					for range rounds {
						c := &conversation{p: p, wire: wire, total: new(count)}
						no, err := c.mayBeAsked(w.own("ask"), method)
						if err != nil {
							t.Errorf("client %d, call %d: %v", i, n, err)
							return
						}
						if no {
							refused.Add(1)
						} else {
							answered.Add(1)
						}
					}
				})
			}
		}
		clients.Wait()
		t.Logf("%d questions were answered, %d refused", answered.Load(), refused.Load())
		if w.cell == shared && refused.Load() > 0 {
			t.Error("each call has a stream of its own, so whose question it is can be told")
		}
	})
}

// mayBeAsked makes a call in whose midst there is a question, which another call of the client may be asked, and reports whether
// that was refused.
func (c *conversation) mayBeAsked(tool, method string) (refused bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	n := fmt.Sprint(c.p.last.Add(1))
	c.id, c.tag = idOf(n), c.p.tag+n+"."
	args := fmt.Sprintf(`{"method":%q,"params":{"message":%q,"messages":[{"role":"user","content":{"type":"text","text":%q}}],"maxTokens":1,"requestedSchema":{"type":"object","properties":{}}}}`, method, c.tag, c.tag)
	in, err := c.wire.begin(ctx, c.id, c.wire.tool(c.id, tool, args, ""))
	if err != nil {
		return false, err
	}
	defer func() { in.close() }()
	for {
		msg, err := in.next()
		if err != nil {
			return false, err
		}
		m, err := mcp.Scan(msg)
		text := string(msg)
		whose := &conversation{tag: c.p.tag + strings.Trim(c.p.idIn(text), `"`) + "."}
		switch {
		case err != nil:
			return false, err
		case m.Kind == mcp.Request && strings.Contains(text, c.p.tag):
			err = c.wire.respond(mcp.AppendResult(nil, m.IDBytes(), whose.reply(m.Method)))
		case strings.Contains(text, `"input_required"`) && strings.Contains(text, c.tag):
			result := m.Bytes(m.Result)
			in.close()
			in, err = c.retry(ctx, tool, args, method, result)
		case m.Kind == mcp.Result && string(m.IDBytes()) == c.id && strings.Contains(text, c.tag+"!"):
			return false, nil
		case m.Kind == mcp.Result && string(m.IDBytes()) == c.id && strings.Contains(text, "1mcp cannot tell which client"):
			return true, nil
		default:
			err = fmt.Errorf("%s got %s", c.tag, msg)
		}
		if err != nil {
			return false, err
		}
	}
}

// retry repeats a modern call with the answer to its question.
func (c *conversation) retry(ctx context.Context, tool, args, method string, result []byte) (messages, error) {
	responses, n := "", 0
	for key := range mcp.Members(mcp.Member(result, "inputRequests")) {
		responses = fmt.Sprintf(`%q:%s`, key, c.reply(method))
		n++
	}
	if n != 1 {
		return nil, fmt.Errorf("%d questions: %s", n, result)
	}
	c.id = idOf(fmt.Sprint(c.p.last.Add(1)))
	return c.wire.begin(ctx, c.id, c.wire.request(c.id, mcp.MethodToolsCall,
		fmt.Sprintf(`"name":%q,"arguments":%s,"inputResponses":{%s},"requestState":%s`, tool, args, responses, mcp.Member(result, "requestState")), ""))
}
