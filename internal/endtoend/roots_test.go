package endtoend_test

import (
	"fmt"
	"strings"
	"testing"

	"onemcp/internal/mcp"
	"onemcp/internal/upstream/upstreamtest"
)

// legacyWays are those with a legacy backend, which asks in mid-call.
func legacyWays() []way { return ways(shared, cells[0], cells[1], cells[2]) }

const (
	askForRoots = `{"method":"roots/list"}`
	itsRoots    = `{"roots":[{"uri":"file:///%s","name":"\u0061","x":1.0}],"x":[1e0]}`
)

// asked has the backend ask a client for its roots in mid-call, answers, and returns what the backend got.
func (w *world) asked(c *client, roots string) string {
	w.t.Helper()
	var m *mcp.Message
	if c.era == mcp.Legacy {
		x := c.begin(`"call"`, c.tool(`"call"`, w.own("ask"), askForRoots, ""))
		question := x.next()
		if question.Method != mcp.MethodRoots {
			w.t.Fatalf("asked %s", question.Raw)
		}
		c.answer(string(question.IDBytes()), roots)
		m = x.next()
	} else {
		m = w.retried(c, roots)
	}
	got, _ := mcp.Unquote(upstreamtest.Structured(m))
	return got
}

// retried is asked for a modern client, whose call is answered with the question.
func (w *world) retried(c *client, roots string) *mcp.Message {
	w.t.Helper()
	m := c.ask(c.tool(`"call"`, w.own("ask"), askForRoots, ""))
	result := string(m.Bytes(m.Result))
	answers, n := "", 0
	for key, raw := range mcp.Members([]byte(part(result, "inputRequests"))) {
		if method := part(string(raw), "method"); method != `"roots/list"` {
			w.t.Fatalf("asked %s", raw)
		}
		answers = fmt.Sprintf(`%q:%s`, key, roots)
		n++
	}
	if n != 1 {
		w.t.Fatalf("got %s", m.Raw)
	}
	return c.ask(c.request(`"again"`, mcp.MethodToolsCall, fmt.Sprintf(`"name":%q,"arguments":%s,"inputResponses":{%s},"requestState":%s`,
		w.own("ask"), askForRoots, answers, part(result, "requestState")), ""))
}

// TestRootsAreThoseOfTheClientThatCalls: several clients call by turns, and each is asked for its own.
func TestRootsAreThoseOfTheClientThatCalls(t *testing.T) {
	t.Parallel()
	along(t, legacyWays(), upstreamtest.Script{}, func(t *testing.T, w *world) {
		for i := range 3 {
			c := w.rig.client(w.caller, w.path())
			c.capabilities = `{"roots":{"listChanged":true}}`
			if w.caller == mcp.Legacy {
				c.initialize()
			}
			roots := fmt.Sprintf(itsRoots, fmt.Sprint(i))
			if got := w.asked(c, roots); part(got, "result") != roots {
				t.Errorf("client %d: the backend got %s", i, got)
			}
		}
	})
}

// TestAClientWithoutRootsIsNotAsked: the backend gets an error at once.
func TestAClientWithoutRootsIsNotAsked(t *testing.T) {
	t.Parallel()
	along(t, legacyWays(), upstreamtest.Script{}, func(t *testing.T, w *world) {
		c := w.connect()
		msgs, err := c.post(t.Context(), c.tool(`1`, w.own("ask"), askForRoots, "")).all()
		if err != nil || len(msgs) != 1 {
			t.Fatalf("the client gets %q, %v", msgs, err)
		}
		if !strings.Contains(string(msgs[0]), `\"error\"`) || !strings.Contains(string(msgs[0]), "roots") {
			t.Errorf("the backend got %s", msgs[0])
		}
	})
}

// TestAChangeOfRootsIsPassedOn to the connection that is the client's own; on one that others share, only where the client
// talks to that backend alone. A modern backend has no such notification.
func TestAChangeOfRootsIsPassedOn(t *testing.T) {
	t.Parallel()
	along(t, every(), upstreamtest.Script{}, func(t *testing.T, w *world) {
		if w.caller == mcp.Modern {
			t.Log("it has no such notification")
			return
		}
		c, other := w.rig.client(w.caller, w.path()), w.connect()
		c.capabilities = `{"roots":{"listChanged":true}}`
		c.initialize()
		mine, theirs := c.whoami(w.own("whoami")), other.whoami(w.own("whoami"))
		c.notify(mcp.NoteRootsChanged, `{"x":1.0}`)
		if !w.passesNotes() {
			c.call(w.own("echo"), `{}`)
			w.silent(mcp.NoteRootsChanged)
			return
		}
		differ(t, "the notification", `{"x":1.0}`, part(w.heard(mcp.NoteRootsChanged, 1), "params"))
		if w.private() && mine == theirs {
			t.Error("two clients share a connection")
		}
		c.received(w.own(""), mcp.NoteRootsChanged) // on the client's very connection
		c.call(w.own("echo"), `{}`)
		if n := w.times(mcp.NoteRootsChanged); n != 1 {
			t.Errorf("the backend was told %d times", n)
		}
	})
}
