package endtoend_test

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"weak"

	"onemcp/internal/front"
	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
	"onemcp/internal/session"
	"onemcp/internal/upstream/upstreamtest"
)

// TestAbandonedSessionsCostNothing: thousands of clients vanish without a word. After the idle time the gateway holds nothing
// of them any more, whatever they had used, and backends have been told.
func TestAbandonedSessionsCostNothing(t *testing.T) {
	t.Parallel()
	const many, busy = 5000, 100 // busy of them have used all there is to use
	w := newWeb(upstreamtest.Script{Eras: legacyOnly, Offers: map[string]string{
		mcp.MethodResourcesList: `{"resources":[{"uri":"` + mortalURI + `","name":"r"}]}`,
		mcp.MethodSubscribe:     `{}`,
		mcp.MethodSetLevel:      `{}`,
	}})
	own := w.serve(t, "b")
	own.Isolation = gateway.PerSession
	r := startWith(t, setup(own, exampleOf(t, "asks", mcp.Legacy)), session.Limits{Idle: 4 * time.Second, Unread: 4 * time.Second}, front.Options{})
	r.ready()
	gone := make(chan weak.Pointer[session.Session], many)
	var clients sync.WaitGroup
	for worker := range 8 {
		clients.Go(func() {
			for i := worker; i < many; i += 8 {
				c := r.client(mcp.Legacy, "/mcp")
				c.capabilities = `{"elicitation":{}}`
				c.initialize()
				if s, err := r.sessions.Get(c.session, "anonymous", "/mcp"); err == nil {
					gone <- weak.Make(s)
				}
				if i < busy {
					c.useEverything(i)
				}
				c.http.CloseIdleConnections()
			}
		})
	}
	clients.Wait()
	close(gone)
	if len(gone) < many/2 {
		t.Fatalf("only %d sessions lived when they were looked for", len(gone))
	}
	for p := range gone {
		waitFor(t, "an abandoned session to be forgotten", func() bool {
			if p.Value() != nil {
				runtime.GC()
			}
			return p.Value() == nil
		})
	}
	if n := r.sessions.Len(); n != 0 || r.sessions.Kept() != 0 {
		t.Errorf("%d sessions are left, which keep %d bytes", n, r.sessions.Kept())
	}
	waitFor(t, "all sessions at the backend but the gateway's own to end", func() bool { return w.begun()-len(w.ended) == 1 })
}

// waitFor waits for what nobody tells of.
func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	late := time.After(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// begun returns how many sessions there were.
func (w *web) begun() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.sessions)
}

// useEverything leaves something of a session in each part of the gateway. It is no fault if the session
// has ended meanwhile.
func (c *client) useEverything(i int) {
	shown := string(mcp.Quote(nil, fmt.Sprintf(`{"jsonrpc":"2.0","id":$ID,"result":{"task":{"taskId":"task-%d"},"content":[{"type":"resource_link","name":"x","uri":"shown:%d"}]}}`, i, i)))
	for _, body := range [][]byte{
		c.request(`1`, mcp.MethodSetLevel, `"level":"warning"`, ""),
		c.request(`2`, mcp.MethodSubscribe, `"uri":"`+mortalURI+`"`, ""),
		c.tool(`3`, "b_1mcp_echo", `{}`, `"upstreamtest/say":[`+shown+`]`),
	} {
		reply := c.post(c.t.Context(), body)
		if reply.status == http.StatusNotFound {
			reply.close()
			return
		}
		if m := reply.final(c.t); m.Kind != mcp.Result {
			c.t.Errorf("%s is answered with %s", body, m.Raw)
		}
	}
	c.notify(mcp.NoteCancelled, `{"requestId":"nothing"}`)
	c.leaveQuestion()
}

// leaveQuestion goes away while a question is open.
func (c *client) leaveQuestion() {
	reply := c.post(c.t.Context(), c.tool(`4`, "asks_1mcp_ask", `{"question":"?"}`, ""))
	defer reply.close()
	if reply.status == http.StatusNotFound {
		return
	}
	if msg, err := reply.next(); err != nil || !strings.Contains(string(msg), mcp.MethodElicit) {
		c.t.Errorf("no question but %s, %v", msg, err)
	}
}
