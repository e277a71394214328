package endtoend_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"onemcp/internal/front"
	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
	"onemcp/internal/session"
	"onemcp/internal/upstream/remote"
)

// echo is a backend that answers everything at once.
func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	m, err := mcp.Scan(body)
	if err != nil || r.Method != http.MethodPost {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	result := `{"content":[{"type":"text","text":"` + strings.Repeat("x", 64) + `"}]}`
	switch m.Method {
	case mcp.MethodInitialize:
		result = `{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"echo","version":"1"}}`
	case mcp.MethodToolsList:
		result = `{"tools":[{"name":"echo","inputSchema":{"type":"object"}}]}`
	case mcp.NoteInitialized:
		w.WriteHeader(http.StatusAccepted)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if m.Method == mcp.MethodDiscover {
		_, _ = w.Write(mcp.AppendError(nil, m.IDBytes(), mcp.CodeMethodNotFound, "no", nil))
		return
	}
	_, _ = w.Write(mcp.AppendResult(nil, m.IDBytes(), []byte(result)))
}

// BenchmarkCall is the whole path of a legacy call: client, front, gateway, HTTP backend and back, all over loopback.
func BenchmarkCall(b *testing.B) {
	log := slog.New(slog.DiscardHandler)
	backend := httptest.NewServer(http.HandlerFunc(echo))
	defer backend.Close()
	driver, err := remote.New(remote.Options{Name: "b", URL: backend.URL, Kind: remote.HTTP})
	if err != nil {
		b.Fatal(err)
	}
	s := spec("b")
	s.Driver = driver
	sessions := session.NewTable(session.Limits{})
	g := gateway.New(gateway.Options{Version: "0", Log: log, Sessions: sessions}, gateway.Setup{Backends: []gateway.Spec{s}})
	defer run(g.Run)()
	for g.Status()[0].State != gateway.Ready {
		<-g.Changed()
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	web := front.Server(context.Background(), front.New(front.Options{Gateway: g, Sessions: sessions, Log: log}), log, 0)
	defer run(func(context.Context) error { return web.Serve(l) })()
	defer web.Close()
	url := "http://" + l.Addr().String()
	id := ask(b, url, "", `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{}}}`)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		ask(b, url, id, fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"b_1mcp_echo","arguments":{}}}`, n))
	}
}

// ask sends a message, which must be answered with a result, and returns the session of the answer.
func ask(b *testing.B, url, session, body string) string {
	b.Helper()
	req, err := http.NewRequest(http.MethodPost, url+"/mcp", strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	req.Header = http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json, text/event-stream"}}
	if session != "" {
		req.Header.Set(mcp.HeaderSession, session)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if answer, err := io.ReadAll(resp.Body); err != nil || !bytes.Contains(answer, []byte(`"result"`)) {
		b.Fatalf("got %s, %v", answer, err)
	}
	return resp.Header.Get(mcp.HeaderSession)
}
