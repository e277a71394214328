package front_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"onemcp/internal/front"
	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
	"onemcp/internal/session"
)

// discard is a response writer that costs nothing.
type discard struct{ header http.Header }

func (d discard) Header() http.Header       { return d.header }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}

// newBench returns a front whose gateway answers at once, and an open session of it.
func newBench(b *testing.B) (sessionID string, f *front.Front) {
	sessions := session.NewTable(session.Limits{})
	g := &provoker{
		Gateway: gateway.New(gateway.Options{Sessions: sessions}, gateway.Setup{}),
		serve: map[string]serveFunc{"tools/call": func(_ context.Context, _ *gateway.Client, m *mcp.Message, _ gateway.Stream) (gateway.Answer, error) {
			return result(m, `{"content":[]}`), nil
		}},
	}
	s, err := sessions.Open(session.Spec{Principal: "anonymous", Endpoint: "/mcp", Version: mcp.LatestLegacy})
	if err != nil {
		b.Fatal(err)
	}
	return s.ID, front.New(front.Options{Gateway: g, Sessions: sessions})
}

func BenchmarkCall(b *testing.B) {
	id, f := newBench(b)
	body := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"` + strings.Repeat("x", 64) + `"}}}`
	b.ReportAllocs()
	for b.Loop() {
		req := httptest.NewRequest(http.MethodPost, "/mcp", strings.NewReader(body))
		req.Header = http.Header{
			"Accept":         {"application/json, text/event-stream"},
			"Content-Type":   {"application/json"},
			"Mcp-Session-Id": {id},
		}
		f.ServeHTTP(discard{header: http.Header{}}, req)
	}
}
