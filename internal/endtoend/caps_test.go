package endtoend_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"onemcp/internal/front"
	"onemcp/internal/mcp"
	"onemcp/internal/session"
)

// tryHello tries to open a session and returns the status with the body; a client that got one keeps it.
func (c *client) tryHello() (status int, body string) {
	c.t.Helper()
	reply := c.post(c.t.Context(), fmt.Appendf(nil, `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":%q,"capabilities":{},"clientInfo":%s}}`,
		mcp.LatestLegacy, c.info))
	defer reply.close()
	text, err := reply.next()
	if err != nil {
		c.t.Fatal(err)
	}
	c.session = reply.header.Get(mcp.HeaderSession)
	return reply.status, string(text)
}

// oldHello opens a stream of the old transport, says hello, and returns what that is answered with. The session lives until close.
func (r *rig) oldHello() (answer string, close func()) {
	r.t.Helper()
	c := r.client(mcp.Legacy, "/sse")
	stream := newReply(c.do(r.t.Context(), http.MethodGet, nil))
	_, inbox, err := nextEvent(stream.events)
	if err != nil {
		r.t.Fatal(err)
	}
	c.url = r.url + string(inbox)
	posted := c.post(r.t.Context(), []byte(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2024-11-05","capabilities":{},"clientInfo":{"name":"old","version":"1"}}}`))
	posted.close()
	text, err := stream.next()
	if err != nil || posted.status != http.StatusAccepted {
		r.t.Fatalf("%d, %s, %v", posted.status, text, err)
	}
	return string(text), stream.close
}

// TestSessionsAreCapped for all clients and for one address, over both legacy transports. A session that is ended by its client, or
// expires, makes room.
func TestSessionsAreCapped(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		limits session.Limits
		status int
		want   string
	}{
		"of all":         {session.Limits{Max: 2}, http.StatusServiceUnavailable, "the limit of 2 sessions is reached (end sessions with DELETE, or raise server.maxSessions)"},
		"of one address": {session.Limits{PerClient: 2}, http.StatusTooManyRequests, "the limit of 2 sessions for one client address is reached (end sessions with DELETE, or raise server.maxSessionsPerClient)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startWith(t, setup(), tt.limits, front.Options{})
			first, second, third := r.client(mcp.Legacy, "/mcp"), r.client(mcp.Legacy, "/mcp"), r.client(mcp.Legacy, "/mcp")
			for _, c := range []*client{first, second} {
				if status, body := c.tryHello(); status != http.StatusOK || c.session == "" {
					t.Fatalf("%d, %s", status, body)
				}
			}
			status, body := third.tryHello()
			if status != tt.status || !strings.Contains(body, tt.want) || third.session != "" {
				t.Errorf("one too many is answered with %d, %s", status, body)
			}
			if m := second.ask(second.request(`2`, mcp.MethodPing, "", "")); m.Kind != mcp.Result {
				t.Errorf("one of those that are open got %s", m.Raw)
			}
			refused, leave := r.oldHello()
			if leave(); !strings.Contains(refused, tt.want) {
				t.Errorf("the old transport answers one too many with %s", refused)
			}
			_ = first.do(t.Context(), http.MethodDelete, nil).Body.Close()
			if status, body := third.tryHello(); status != http.StatusOK {
				t.Errorf("after one was ended: %d, %s", status, body)
			}
			_ = third.do(t.Context(), http.MethodDelete, nil).Body.Close()
			opened, leave := r.oldHello()
			if !strings.Contains(opened, "serverInfo") {
				t.Errorf("the old transport answers with %s", opened)
			}
			if status, body := third.tryHello(); status != tt.status {
				t.Errorf("with a session of the old transport: %d, %s", status, body)
			}
			leave()
			waitFor(t, "the end of the session with its stream", func() bool {
				status, _ := third.tryHello()
				return status == http.StatusOK
			})
		})
	}
	t.Run("expired", func(t *testing.T) {
		t.Parallel()
		r := startWith(t, setup(), session.Limits{Max: 1, PerClient: 1, Idle: 200 * time.Millisecond, Unread: 200 * time.Millisecond}, front.Options{})
		c := r.client(mcp.Legacy, "/mcp")
		c.tryHello()
		gone := c.session
		waitFor(t, "room for another session", func() bool {
			status, _ := c.tryHello()
			return status == http.StatusOK
		})
		c.session = gone
		if reply := c.post(t.Context(), c.request(`1`, mcp.MethodPing, "", "")); reply.status != http.StatusNotFound {
			t.Errorf("the one that has expired is answered with %d", reply.status)
		}
	})
}

// TestAGatewayThatWasStartedAnew: a legacy client learns that its session is gone, and opens another; a modern one that its state is.
func TestAGatewayThatWasStartedAnew(t *testing.T) {
	t.Parallel()
	before := start(t, setup(exampleOf(t, "b", mcp.Legacy)))
	before.ready()
	legacy := before.connect(mcp.Legacy, "/mcp/servers/b")
	modern := before.client(mcp.Modern, "/mcp/servers/b")
	modern.capabilities = `{"elicitation":{}}`
	const args = `{"question":"?"}`
	key, state := askedOf(t, modern.ask(modern.tool(`1`, "ask", args, "")))

	after := start(t, setup(exampleOf(t, "b", mcp.Legacy)))
	after.ready()
	legacy.url, modern.url = after.url+"/mcp/servers/b", after.url+"/mcp/servers/b"
	reply := legacy.post(t.Context(), legacy.request(`1`, mcp.MethodToolsList, "", ""))
	if msgs, err := reply.all(); reply.status != http.StatusNotFound || err != nil || len(msgs) != 1 || !strings.Contains(string(msgs[0]), "(initialize again)") {
		t.Errorf("a session of before is answered with %d, %q, %v", reply.status, msgs, err)
	}
	legacy.session = ""
	legacy.initialize()
	legacy.list()
	m := modern.ask(modern.retry("ask", args, key, state, `{"action":"accept","content":{"answer":"x"}}`))
	if m.ErrorCode() != mcp.CodeInvalidParams || m.ErrorMessage() != "this requestState has expired, or the call it belongs to has ended (call again without it)" {
		t.Errorf("a state of before is answered with %s", m.Raw)
	}
	askedOf(t, modern.ask(modern.tool(`2`, "ask", args, "")))
}
