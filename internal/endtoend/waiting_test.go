package endtoend_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"onemcp/internal/front"
	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
	"onemcp/internal/session"
	"onemcp/internal/upstream/remote"
)

// BenchmarkWaiting tells what a gateway keeps while nothing happens: for an HTTP backend with ten tools, for a session, and for
// the connection of a session to a backend.
func BenchmarkWaiting(b *testing.B) {
	const sessions, callers, backends = 500, 50, 40
	for b.Loop() {
		server := httptest.NewServer(http.HandlerFunc(tenTools))
		empty := memory()
		w := newWaiting(b, server.URL, backends)
		w.open() // the first one finds nothing prepared
		ready := memory()
		var ids []string
		for range sessions {
			ids = append(ids, w.open())
		}
		opened := memory()
		for _, id := range ids[:callers] {
			for i := range backends {
				w.call(id, i)
			}
		}
		linked := memory()
		report(b, "backend", empty, ready, backends)
		report(b, "session", ready, opened, sessions)
		report(b, "link", opened, linked, callers*backends)
		w.close()
		server.Close()
	}
}

// report tells what n things have added.
func report(b *testing.B, what string, before, after runtime.MemStats, n float64) {
	b.ReportMetric((float64(after.HeapAlloc)-float64(before.HeapAlloc))/n, "heap-B/"+what)
	b.ReportMetric((float64(after.HeapObjects)-float64(before.HeapObjects))/n, "objects/"+what)
	b.ReportMetric((float64(after.StackInuse)-float64(before.StackInuse))/n, "stack-B/"+what)
}

// memory is what the process keeps. It takes several collections until stacks have shrunk.
func memory() (m runtime.MemStats) {
	for range 4 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return m
}

// tenTools is a legacy backend with sessions, without a stream of their own.
func tenTools(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	m, err := mcp.Scan(body)
	switch {
	case r.Method == http.MethodDelete:
		return
	case err != nil || r.Method != http.MethodPost:
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	case m.Method == mcp.MethodDiscover:
		w.WriteHeader(http.StatusBadRequest)
		return
	case m.Kind == mcp.Notification:
		w.WriteHeader(http.StatusAccepted)
		return
	}
	result := `{"content":[{"type":"text","text":"done"}]}`
	switch m.Method {
	case mcp.MethodInitialize:
		w.Header().Set(mcp.HeaderSession, "s"+strings.Repeat("1", 16))
		result = `{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"ten","version":"1"}}`
	case mcp.MethodToolsList:
		var tools []string
		for i := range 10 {
			tools = append(tools, fmt.Sprintf(`{"name":"tool_%d","description":"A tool, which returns what it was given, number %d","inputSchema":{"type":"object","properties":{"text":{"type":"string","description":"The text that comes back"}},"required":["text"]}}`, i, i))
		}
		result = `{"tools":[` + strings.Join(tools, ",") + `]}`
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(mcp.AppendResult(nil, m.IDBytes(), []byte(result)))
}

// waiting is a gateway with its front.
type waiting struct {
	b     *testing.B
	url   string
	close func()
}

func newWaiting(b *testing.B, url string, backends int) *waiting {
	log := slog.New(slog.DiscardHandler)
	var sockets remote.Sockets
	var all []gateway.Spec
	for i := range backends {
		s := spec(fmt.Sprintf("b%d", i))
		driver, err := remote.New(remote.Options{Name: s.Name, URL: fmt.Sprintf("%s/%d/mcp", url, i), Sockets: &sockets})
		if err != nil {
			b.Fatal(err)
		}
		s.Driver = driver
		all = append(all, s)
	}
	sessions := session.NewTable(session.Limits{})
	g := gateway.New(gateway.Options{Version: "0", Log: log, Sessions: sessions}, gateway.Setup{Backends: all})
	stopGateway := run(g.Run)
	awaitReady(g)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	web := front.Server(context.Background(), front.New(front.Options{Gateway: g, Sessions: sessions, Log: log}), log, 0)
	stopWeb := run(func(context.Context) error { return web.Serve(l) })
	w := &waiting{b: b, url: "http://" + l.Addr().String()}
	w.close = func() {
		_ = web.Close()
		stopWeb()
		stopGateway()
	}
	return w
}

// awaitReady waits until all backends are.
func awaitReady(g *gateway.Gateway) {
	for {
		next, ready := g.Changed(), true
		for _, s := range g.Status() {
			ready = ready && s.State == gateway.Ready
		}
		if ready {
			return
		}
		<-next
	}
}

// open opens a session and returns its id.
func (w *waiting) open() string {
	return ask(w.b, w.url, "", `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"roots":{"listChanged":true},"elicitation":{}},"clientInfo":{"name":"some client","version":"1.0"}}}`)
}

// call calls a tool of a backend.
func (w *waiting) call(session string, backend int) {
	ask(w.b, w.url, session, fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"b%d_1mcp_tool_0","arguments":{}}}`, backend))
}
