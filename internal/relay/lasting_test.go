package relay_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"onemcp/internal/mcp"
)

// TestANewSessionIsAskedWhatTheLostOneWas: the client has done its part; it is told to read again what may have changed.
func TestANewSessionIsAskedWhatTheLostOneWas(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	g.post = func(w http.ResponseWriter, _ *http.Request, body string) bool {
		m, err := mcp.Scan([]byte(body))
		switch {
		case err != nil || m.Kind != mcp.Request:
			return false
		case m.Method == "initialize":
			g.mu.Lock()
			g.sessions++
			w.Header().Set("Mcp-Session-Id", fmt.Sprint("s", g.sessions))
			g.mu.Unlock()
			answer(w, strings.Replace(welcome, `"capabilities":{}`, `"capabilities":{"tools":{"listChanged":true},"prompts":{}}`, 1))
		case strings.Contains(body, "test:refused"):
			answer(w, string(mcp.AppendError(nil, m.IDBytes(), -32602, "no", nil)))
		default:
			answer(w, string(mcp.AppendResult(nil, m.IDBytes(), []byte(`{}`))))
		}
		return true
	}
	c := dial(t, g, nil)
	c.say(hello)
	c.hear(`"id":"hello"`)
	for _, asked := range []string{
		request("logging/setLevel", `"level":"error"`), request("logging/setLevel", `"level":"info"`),
		request("resources/subscribe", `"uri":"test:kept"`), request("resources/subscribe", `"uri":"test:given up"`),
		request("resources/unsubscribe", `"uri":"test:given up"`), request("resources/subscribe", `"uri":"test:refused"`),
	} {
		c.say(asked)
		c.hear(`"id":1`)
	}
	g.mu.Lock()
	g.lost["s1"] = true
	g.mu.Unlock()
	c.say(request("tools/call", `"name":"t"`))
	heard := []string{c.line(), c.line(), c.line()}
	slices.Sort(heard)
	if want := []string{
		`{"jsonrpc":"2.0","id":1,"result":{}}`,
		`{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"test:kept"}}`,
		`{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}`,
	}; !slices.Equal(heard, want) {
		t.Errorf("heard %q", heard)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	var asked []string
	for _, line := range g.seen {
		_, body, posted := strings.Cut(line, "authorization= ")
		if m, err := mcp.Scan([]byte(body)); err == nil && posted && strings.Contains(line, "session=s2 ") {
			asked = append(asked, m.Method+" "+string(m.Bytes(m.Params)))
		}
	}
	slices.Sort(asked[1:])
	if want := []string{"notifications/initialized ", `logging/setLevel {"level":"info"}`, `resources/subscribe {"uri":"test:kept"}`, `tools/call {"name":"t"}`}; !slices.Equal(asked, want) {
		t.Errorf("the new session was asked %q", asked)
	}
}

// TestSubscriptionsAreRenewedSeveralAtATime, since a client may have a thousand, and a gateway be far away.
func TestSubscriptionsAreRenewedSeveralAtATime(t *testing.T) {
	t.Parallel()
	const all, most = 48, 16
	var under, peak, left atomic.Int64
	left.Store(most)
	enough := make(chan struct{}) // closed when as many as may be are under way together
	g := newGateway(t)
	g.post = func(w http.ResponseWriter, r *http.Request, body string) bool {
		if !strings.Contains(body, "resources/subscribe") || r.Header.Get("Mcp-Session-Id") != "s2" {
			return false
		}
		n := under.Add(1)
		for old := peak.Load(); n > old && !peak.CompareAndSwap(old, n); old = peak.Load() {
		}
		if left.Add(-1) == 0 {
			close(enough)
		}
		select {
		case <-enough:
		case <-time.After(patience):
		}
		under.Add(-1)
		return false
	}
	c := dial(t, g, nil)
	c.open()
	for i := range all {
		c.say(request("resources/subscribe", fmt.Sprintf(`"uri":"test:%d"`, i)))
		c.hear(`"id":1`)
	}
	g.mu.Lock()
	g.lost["s1"] = true
	g.mu.Unlock()
	c.say(request("tools/list", ``))
	told := map[string]bool{}
	for range all + 1 {
		told[c.line()] = true
	}
	for i := range all {
		if note := fmt.Sprintf(`{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"test:%d"}}`, i); !told[note] {
			t.Errorf("no word of resource %d", i)
		}
	}
	if n := peak.Load(); n != most {
		t.Errorf("%d were renewed at a time", n)
	}
}
