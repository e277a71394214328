package endtoend_test

import (
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"testing"

	"onemcp/internal/mcp"
	"onemcp/internal/upstream/upstreamtest"
)

// askedOf returns the question that a modern call is answered with, by its key, and the state for the retry, raw.
func askedOf(t *testing.T, m *mcp.Message) (key, state string) {
	t.Helper()
	result := string(m.Bytes(m.Result))
	n := 0
	for name := range mcp.Members([]byte(part(result, "inputRequests"))) {
		key = name
		n++
	}
	if n != 1 {
		t.Fatalf("%d questions: %s", n, m.Raw)
	}
	return key, part(result, "requestState")
}

// retry writes a modern call that brings back a state and one answer.
func (c *client) retry(tool, args, key, state, answer string) []byte {
	return c.request(c.nextID(), mcp.MethodToolsCall, fmt.Sprintf(`"name":%q,"arguments":%s,"inputResponses":{%q:%s},"requestState":%s`, tool, args, key, answer, state), "")
}

// TestWhatABackendLogsWhileItsClientAnswers comes with the retry, at the level that the retry names.
func TestWhatABackendLogsWhileItsClientAnswers(t *testing.T) {
	t.Parallel()
	along(t, legacyWays(), upstreamtest.Script{}, func(t *testing.T, w *world) {
		if w.caller == mcp.Legacy {
			t.Log("it has a stream all the time")
			return
		}
		for level, wanted := range map[string]int{"info": 3, "error": 0, "": 0} {
			c := w.rig.client(mcp.Modern, w.path())
			c.capabilities, c.affinity = `{"roots":{}}`, rand.Text()
			text := "away " + level
			args := fmt.Sprintf(`{"method":"roots/list","n":3,"text":%q}`, text)
			key, state := askedOf(t, c.ask(c.tool(c.nextID(), w.own("ask"), args, "")))
			c.call(w.own("echo"), fmt.Sprintf(`{"mark":"%s!"}`, text))
			c.call(w.own("heard"), fmt.Sprintf(`{"text":"logged: %s"}`, text))
			c.level, c.unlogged = level, level == ""
			msgs, err := c.post(t.Context(), c.retry(w.own("ask"), args, key, state, `{"roots":[]}`)).all()
			if err != nil || len(msgs) != wanted+1 {
				t.Fatalf("%q: %d messages, %v: %q", level, len(msgs), err, msgs)
			}
			for i, msg := range msgs[:wanted] {
				if !strings.Contains(string(msg), fmt.Sprintf(`"data":"%s %d"`, text, i+1)) {
					t.Errorf("%q: message %d is %s", level, i+1, msg)
				}
			}
		}
	})
}

// TestAClientThatLeavesTooManyCallsUnanswered gets an error that says so, and its backend one for its question. The calls
// that wait go on, and when one is over there is room.
func TestAClientThatLeavesTooManyCallsUnanswered(t *testing.T) {
	t.Parallel()
	const most = 1000
	b := newWeb(upstreamtest.Script{Eras: legacyOnly})
	r := start(t, setup(b.serve(t, "b")))
	r.ready()
	c, other := r.client(mcp.Modern, "/mcp/servers/b"), r.client(mcp.Modern, "/mcp/servers/b")
	c.capabilities, c.affinity = `{"roots":{}}`, rand.Text()
	other.capabilities, other.affinity = `{"roots":{}}`, rand.Text() // from the same address
	call := c.tool(`1`, "ask", askForRoots, "")
	parked := make(chan *mcp.Message, most)
	var callers sync.WaitGroup
	key, state := askedOf(t, c.ask(call))
	for i := range most - 1 {
		callers.Go(func() { parked <- []*client{c, other}[i%2].ask(call) })
	}
	callers.Wait()
	for range most - 1 {
		askedOf(t, <-parked)
	}
	const full = "1000 calls of this client wait for its answers, the most there may be (repeat some of them"
	if m := c.ask(call); m.Kind != mcp.Error || !strings.HasPrefix(m.ErrorMessage(), full) {
		t.Errorf("one too many is answered with %s", m.Raw)
	}
	c.received("", full)
	if m := c.ask(c.retry("ask", askForRoots, key, state, `{"roots":[]}`)); m.Kind != mcp.Result || strings.Contains(string(m.Raw), "input_required") {
		t.Errorf("one that waits is answered with %s", m.Raw)
	}
	askedOf(t, c.ask(call))
}
