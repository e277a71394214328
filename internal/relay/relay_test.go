package relay_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"onemcp/internal/relay"
	"onemcp/internal/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience ends a test that waits for what does not happen.
const patience = time.Minute

const (
	labels  = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}`
	hello   = `{"jsonrpc":"2.0","id":"hello","method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}`
	welcome = `{"jsonrpc":"2.0","id":"hello","result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"t","version":"1"}}}`
)

// gateway plays a gateway that does what no real one can be made to do at the right moment.
type gateway struct {
	t      *testing.T
	server *httptest.Server
	post   func(w http.ResponseWriter, r *http.Request, body string) bool // false: as a plain gateway

	mu       sync.Mutex
	sessions int             // opened
	lost     map[string]bool // sessions that are gone
	seen     []string        // method, session, what matters of the headers, and body
	more     chan struct{}   // closed when there is more
}

func newGateway(t *testing.T) *gateway {
	t.Helper()
	g := &gateway{t: t, lost: map[string]bool{}, more: make(chan struct{})}
	g.server = httptest.NewServer(g)
	t.Cleanup(g.server.Close)
	return g
}

func (g *gateway) note(text string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.seen = append(g.seen, text)
	close(g.more)
	g.more = make(chan struct{})
}

// await waits for a request of which the note holds all parts.
func (g *gateway) await(parts ...string) {
	g.t.Helper()
	late := time.After(patience)
	for {
		g.mu.Lock()
		more, seen := g.more, strings.Join(g.seen, "\n")
		g.mu.Unlock()
		for line := range strings.Lines(seen) {
			if holds(line, parts) {
				return
			}
		}
		select {
		case <-more:
		case <-late:
			g.t.Fatalf("no request like %q in\n%s", parts, seen)
		}
	}
}

func holds(text string, parts []string) bool {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	id := r.Header.Get("Mcp-Session-Id")
	g.note(fmt.Sprintf("%s %s session=%s version=%s name=%s region=%s last=%s authorization=%s %s", r.Method, r.URL, id, r.Header.Get("Mcp-Protocol-Version"),
		r.Header.Get("Mcp-Name"), r.Header.Get("Mcp-Param-Region"), r.Header.Get("Last-Event-Id"), r.Header.Get("Authorization"), body))
	g.mu.Lock()
	gone := g.lost[id]
	g.mu.Unlock()
	switch {
	case gone:
		w.WriteHeader(http.StatusNotFound)
	case g.post != nil && g.post(w, r, string(body)):
	case r.Method == http.MethodGet:
		w.WriteHeader(http.StatusMethodNotAllowed)
	case r.Method == http.MethodDelete:
		w.WriteHeader(http.StatusNoContent)
	case strings.Contains(string(body), `"initialize"`):
		g.mu.Lock()
		g.sessions++
		w.Header().Set("Mcp-Session-Id", fmt.Sprint("s", g.sessions))
		g.mu.Unlock()
		answer(w, welcome)
	case !strings.Contains(string(body), `"id"`):
		w.WriteHeader(http.StatusAccepted)
	default:
		answer(w, `{"jsonrpc":"2.0","id":1,"result":{"session":"`+id+`"}}`)
	}
}

func answer(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, body)
}

// client is the program that has started a relay.
type client struct {
	t     *testing.T
	to    *io.PipeWriter
	lines *bufio.Scanner
	ended chan struct{}
}

func dial(t *testing.T, g *gateway, change func(*relay.Options)) *client {
	t.Helper()
	u, err := url.Parse(g.server.URL + "/mcp")
	if err != nil {
		t.Fatal(err)
	}
	o := relay.Options{URL: u, Shown: u.String(), Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	if change != nil {
		change(&o)
	}
	in, to := io.Pipe()
	from, out := io.Pipe()
	c := &client{t: t, to: to, lines: bufio.NewScanner(from), ended: make(chan struct{})}
	c.lines.Buffer(nil, 1<<20)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer close(c.ended)
		_ = relay.New(o).Run(ctx, in, out)
	}()
	t.Cleanup(func() {
		_ = to.Close()
		cancel()
		_, _ = io.Copy(io.Discard, from)
		<-c.ended
	})
	return c
}

func (c *client) say(line string) {
	c.t.Helper()
	if _, err := io.WriteString(c.to, line+"\n"); err != nil {
		c.t.Fatal(err)
	}
}

// line returns the next line.
func (c *client) line() string {
	c.t.Helper()
	if !c.lines.Scan() {
		c.t.Fatalf("the relay has ended: %v", c.lines.Err())
	}
	return c.lines.Text()
}

// hear expects the next line to hold the parts.
func (c *client) hear(parts ...string) string {
	c.t.Helper()
	line := c.line()
	if !holds(line, parts) {
		c.t.Fatalf("got %s, wanted %q", line, parts)
	}
	return line
}

func (c *client) open() {
	c.t.Helper()
	c.say(hello)
	if got := c.hear(`"id":"hello"`); got != welcome {
		c.t.Fatalf("initialize was answered with %s", got)
	}
}

func request(method, params string) string {
	return `{"jsonrpc":"2.0","id":1,"method":"` + method + `","params":{` + params + `}}`
}

func TestASessionIsUsedAndEnded(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	c := dial(t, g, func(o *relay.Options) { o.Headers = map[string]secret.Text{"Authorization": secret.New("Bearer x")} })
	c.open()
	c.say(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)
	g.await("POST /mcp session=s1 version=2025-11-25", "authorization=Bearer x", "notifications/initialized")
	c.say(request("tools/list", ``))
	c.hear(`{"jsonrpc":"2.0","id":1,"result":{"session":"s1"}}`)
	c.say(`{"jsonrpc":"2.0","id":7,"result":{"roots":[]}}`)
	g.await("POST", "session=s1", `"roots"`)
	_ = c.to.Close()
	<-c.ended
	g.await("DELETE /mcp session=s1")
}

// TestALostSessionIsOpenedAnew stands for a gateway that was restarted: the client learns nothing of it.
func TestALostSessionIsOpenedAnew(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	c := dial(t, g, nil)
	c.open()
	g.mu.Lock()
	g.lost["s1"] = true
	g.mu.Unlock()
	c.say(request("tools/list", ``))
	c.hear(`"result":{"session":"s2"}`)
	g.await("session=s2", "notifications/initialized")
}

func TestRefusalsAreErrorsOfTheirRequests(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		refuse func(w http.ResponseWriter)
		want   []string
	}{
		{"401", func(w http.ResponseWriter) { w.WriteHeader(401) }, []string{"status 401", "--header 'Authorization"}},
		{"403", func(w http.ResponseWriter) { w.WriteHeader(403) }, []string{"status 403"}},
		{"404", func(w http.ResponseWriter) { w.WriteHeader(404) }, []string{"status 404", "correct --url"}},
		{"429", func(w http.ResponseWriter) { w.Header().Set("Retry-After", "7"); w.WriteHeader(429) }, []string{"status 429", "try again in 7 seconds"}},
		{"502", func(w http.ResponseWriter) { w.WriteHeader(502) }, []string{"status 502", "proxy in front"}},
		{"200 that is a page", func(w http.ResponseWriter) { w.Header().Set("Content-Type", "text/html") }, []string{"did not answer it"}},
		{"an error that names nobody", func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(503)
			_, _ = io.WriteString(w, `{"jsonrpc":"2.0","error":{"code":-32603,"message":"shutting down"}}`)
		}, []string{`"error":{"code":-32603,"message":"shutting down"}`}},
		{"another origin", func(w http.ResponseWriter) {
			w.Header().Set("Location", "http://elsewhere.example/mcp")
			w.WriteHeader(307)
		}, []string{"redirects elsewhere", "--url"}},
		{"a cut stream", func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, ": hi\n\n")
		}, []string{"lost in mid-call"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t)
			g.post = func(w http.ResponseWriter, _ *http.Request, _ string) bool { tt.refuse(w); return true }
			c := dial(t, g, nil)
			c.say(request("tools/list", labels))
			c.hear(append(tt.want, `{"jsonrpc":"2.0","id":1,"error"`)...)
			if tt.name[0] == '4' || tt.name == "502" {
				c.say(hello)
				c.hear(append(tt.want, `{"jsonrpc":"2.0","id":"hello","error"`, g.server.URL)...)
			}
		})
	}
}

// TestTheWrongScheme: a port speaks TLS or does not, and the address says the other.
func TestTheWrongScheme(t *testing.T) {
	t.Parallel()
	plain, secure := newGateway(t), newGateway(t)
	secure.server.Close()
	secure.server = httptest.NewUnstartedServer(secure)
	secure.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.server.StartTLS()
	t.Cleanup(secure.server.Close)
	for says, to := range map[string]struct {
		g      *gateway
		scheme string
	}{
		"it speaks plain HTTP there": {plain, "https"},
		"it wants TLS there":         {secure, "http"},
	} {
		c := dial(t, to.g, func(o *relay.Options) { o.URL.Scheme = to.scheme })
		c.say(request("tools/list", labels))
		c.hear(`{"jsonrpc":"2.0","id":1,"error"`, says)
	}
}

// TestHeadersOfUsersAreNotShown: neither errors nor the log hold them.
func TestHeadersOfUsersAreNotShown(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	g.server.Close()
	var log bytes.Buffer
	c := dial(t, g, func(o *relay.Options) {
		o.Headers = map[string]secret.Text{"Authorization": secret.New("hunter2")}
		o.URL.RawQuery = "key=hunter2"
		o.Log = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	c.say(request("tools/list", labels))
	if got := c.hear("does not answer", "1mcp serve"); strings.Contains(got, "hunter2") {
		t.Error(got)
	}
	_ = c.to.Close()
	<-c.ended
	if strings.Contains(log.String(), "hunter2") {
		t.Error(log.String())
	}
}

// stream begins an event stream.
func stream(w http.ResponseWriter, events string) {
	w.Header().Set("Content-Type", "text/event-stream")
	_, _ = io.WriteString(w, events)
	w.(http.Flusher).Flush()
}

func TestABrokenStreamOfASessionIsTakenUpAgain(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	g.post = func(w http.ResponseWriter, r *http.Request, body string) bool {
		switch {
		case strings.Contains(body, "tools/call"):
			stream(w, "id: 1-1\nretry: 1\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"data\":\"first\"}}\n\n")
			return true
		case r.Header.Get("Last-Event-Id") == "1-1":
			stream(w, "id: 1-2\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"n\":1.0}}\n\n")
			return true
		}
		return false
	}
	c := dial(t, g, nil)
	c.open()
	c.say(request("tools/call", `"name":"x"`))
	c.hear(`"data":"first"`)
	c.hear(`{"jsonrpc":"2.0","id":1,"result":{"n":1.0}}`)
}

func TestTheStreamOfASessionIsKeptOpen(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	g.post = func(w http.ResponseWriter, r *http.Request, _ string) bool {
		if r.Method != http.MethodGet {
			return false
		}
		if r.Header.Get("Last-Event-Id") == "" {
			stream(w, "id: 0-1\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n\n")
			return true
		}
		stream(w, "id: 0-2\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/prompts/list_changed\"}\n\n")
		<-r.Context().Done()
		return true
	}
	c := dial(t, g, nil)
	c.open()
	c.hear("notifications/tools/list_changed")
	c.hear("notifications/prompts/list_changed")
	g.await("GET", "session=s1", "last=0-1")
}

// TestCancellation: a modern client's ends the request; a legacy one's is passed on, since a lost connection says nothing there.
func TestCancellation(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	closed := make(chan struct{}, 2)
	g.post = func(w http.ResponseWriter, r *http.Request, body string) bool {
		if !strings.Contains(body, "tools/call") {
			return false
		}
		stream(w, "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"data\":\"begun\"}}\n\n")
		<-r.Context().Done()
		closed <- struct{}{}
		return true
	}
	c := dial(t, g, nil)
	c.say(request("tools/call", `"name":"x",`+labels))
	c.hear("begun")
	c.say(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`)
	<-closed
	c.open()
	c.say(strings.Replace(request("tools/call", `"name":"x"`), `"id":1`, `"id":2`, 1)) // the other one may not quite be over
	c.hear("begun")
	c.say(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":2}}`)
	g.await("POST", "session=s1", `"notifications/cancelled","params":{"requestId":2}`)
	c.say(request("tools/list", ``))
	c.hear(`"id":1,"result":{"session":"s1"}`)
}

const marked = `{"name":"t","inputSchema":{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"}}}}`

// TestHeadersRepeatTheBody: the marks of a tool come from the list that the client was shown, or are asked for when they are missed.
func TestHeadersRepeatTheBody(t *testing.T) {
	t.Parallel()
	for _, listed := range []bool{true, false} {
		t.Run(fmt.Sprintf("listed %v", listed), func(t *testing.T) {
			t.Parallel()
			g := newGateway(t)
			g.post = func(w http.ResponseWriter, r *http.Request, body string) bool {
				switch {
				case strings.Contains(body, "tools/list") && strings.Contains(body, `"cursor":"next"`):
					answer(w, `{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","tools":[`+marked+`]}}`)
				case strings.Contains(body, "tools/list"):
					answer(w, `{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","tools":[],"nextCursor":"next"}}`)
				case r.Header.Get("Mcp-Param-Region") == "":
					w.Header().Set("Content-Type", "application/json")
					w.WriteHeader(400)
					_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":1,"error":{"code":-32020,"message":"header Mcp-Param-Region is missing"}}`)
				default:
					answer(w, `{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete"}}`)
				}
				return true
			}
			c := dial(t, g, nil)
			if listed {
				c.say(request("tools/list", labels))
				c.hear("nextCursor")
				c.say(request("tools/list", `"cursor":"next",`+labels))
				c.hear(`"name":"t"`)
			}
			c.say(request("tools/call", `"name":"t","arguments":{"region":"eu"},`+labels))
			c.hear(`"result":{"resultType":"complete"}`)
			g.await("version=2026-07-28 name=t region=eu")
		})
	}
}
