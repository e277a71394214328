package endtoend_test

import (
	"fmt"
	"net/http"
	"testing"

	"onemcp/internal/mcp"
	"onemcp/internal/upstream/upstreamtest"
)

// TestTokensComeBackAsTheyWereSent, in all ways; the backend sees a token of ours.
func TestTokensComeBackAsTheyWereSent(t *testing.T) {
	t.Parallel()
	along(t, every(), upstreamtest.Script{}, func(t *testing.T, w *world) {
		c := w.connect()
		for i, token := range append([]string{`9007199254740993`, `123456789012345678901234567890`, `-0`}, strangeTokens...) {
			id := strangeIDs[i%len(strangeIDs)]
			msgs, err := c.post(t.Context(), c.tool(id, w.own("progress"), `{"n":2}`, `"progressToken":`+token)).all()
			if err != nil || len(msgs) != 3 {
				t.Fatalf("%q, %v", msgs, err)
			}
			for n := range 2 {
				differ(t, "progress", fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":%s,"progress":%d}}`, token, n+1), string(msgs[n]))
			}
			m, err := mcp.Scan(msgs[2])
			if err != nil || string(m.IDBytes()) != id {
				t.Errorf("id %s: %s", id, msgs[2])
			}
		}
	})
}

// TestForeignProgressIsDropped: reports with a token that is of no call, of another client's call, or of a call that has asked
// for none.
func TestForeignProgressIsDropped(t *testing.T) {
	t.Parallel()
	along(t, every(), upstreamtest.Script{}, func(t *testing.T, w *world) {
		other := w.connect()
		running := other.begin(`1`, other.tool(`1`, w.own("hang"), `{"text":"bystander"}`, `"progressToken":"theirs"`))
		foreign := part(part(part(w.heard("bystander", 1), "params"), "_meta"), "progressToken")
		c := w.connect()
		var said []byte
		for _, token := range []string{`"never"`, `999999999`, `null`, `{}`, `"` + foreign + `"`, foreign} {
			said = append(mcp.Quote(said, `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":`+token+`,"progress":1}}`), ',')
		}
		said = mcp.Quote(said, `{"jsonrpc":"2.0","id":$ID,"result":{"content":[]}}`)
		for _, own := range []string{"", `,"progressToken":"mine"`} {
			msgs, err := c.post(t.Context(), c.tool(`2`, w.own("echo"), `{}`, `"upstreamtest/say":[`+string(said)+`]`+own)).all()
			if err != nil || len(msgs) != 1 {
				t.Errorf("got %q, %v", msgs, err)
			}
		}
		running.cancel()
		running.unanswered()
	}, oddAnswers)
}

// TestAnIDInFlightIsRefused within one legacy session, and only there: modern requests are each its own.
func TestAnIDInFlightIsRefused(t *testing.T) {
	t.Parallel()
	along(t, every(), upstreamtest.Script{}, func(t *testing.T, w *world) {
		c, other := w.connect(), w.connect()
		const id = `"a\u0062"`
		x := c.begin(id, c.tool(id, w.own("hang"), `{"text":"in flight"}`, ""))
		w.heard("in flight", 1)
		reply := c.post(t.Context(), c.tool(id, w.own("echo"), `{}`, ""))
		m := reply.final(t)
		if w.caller == mcp.Legacy && (reply.status != http.StatusConflict || m.Kind != mcp.Error || m.IDBytes() != nil) {
			t.Errorf("twice in flight: status %d, %s", reply.status, m.Raw)
		}
		if w.caller == mcp.Modern && m.Kind != mcp.Result {
			t.Errorf("another request: %s", m.Raw)
		}
		if m := other.ask(other.tool(id, w.own("echo"), `{}`, "")); m.Kind != mcp.Result {
			t.Errorf("another client: %s", m.Raw)
		}
		if m := c.ask(c.tool(`"ab "`, w.own("echo"), `{}`, "")); m.Kind != mcp.Result {
			t.Errorf("another id: %s", m.Raw)
		}
		x.cancel()
		x.unanswered()
		if m := c.ask(c.tool(id, w.own("echo"), `{}`, "")); m.Kind != mcp.Result {
			t.Errorf("after the first: %s", m.Raw)
		}
	})
}

// TestAnAnswerIsKnownByItsIDAlone: what a client answers to no question, or to one that was answered, reaches nobody.
func TestAnAnswerIsKnownByItsIDAlone(t *testing.T) {
	t.Parallel()
	along(t, ways(shared, cells[0], cells[1], cells[2]), upstreamtest.Script{}, func(t *testing.T, w *world) {
		if w.caller == mcp.Modern {
			t.Log("it posts no answers")
			return
		}
		c := w.rig.client(w.caller, w.path())
		c.capabilities = `{"roots":{}}`
		c.initialize()
		x := c.begin(`1`, c.tool(`1`, w.own("ask"), `{"method":"roots/list"}`, ""))
		asked := x.next()
		other := w.connect()
		for _, id := range []string{`"` + string(asked.IDBytes()) + `"`, `99999999`, `null`, `1.5`} {
			c.answer(id, `{"roots":["wrong"]}`)
		}
		other.answer(string(asked.IDBytes()), `{"roots":["of another client"]}`)
		c.answer(string(asked.IDBytes()), `{"roots":["right",1.0]}`)
		c.answer(string(asked.IDBytes()), `{"roots":["late"]}`)
		m := x.next()
		got, _ := mcp.Unquote(upstreamtest.Structured(m))
		differ(t, "the answer", `{"jsonrpc":"2.0","id":"ask-1","result":{"roots":["right",1.0]}}`, got)
	}, oddRoots)
}

// answer answers a question.
func (c *client) answer(id, result string) {
	c.t.Helper()
	reply := c.post(c.t.Context(), []byte(`{"jsonrpc":"2.0","id":`+id+`,"result":`+result+`}`))
	if reply.close(); reply.status != http.StatusAccepted && reply.status != http.StatusBadRequest {
		c.t.Errorf("the answer %s was answered with %d", id, reply.status)
	}
}
