package remote_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"onemcp/internal/mcp"
	"onemcp/internal/upstream"
	"onemcp/internal/upstream/remote"
)

// BenchmarkCall is a call over loopback, by how the backend answers. "bare" is net/http alone, the
// floor.
func BenchmarkCall(b *testing.B) {
	b.Run("bare", benchmarkBare)
	for _, modern := range []bool{false, true} {
		for name, size := range map[string]int{"64": 64, "1Mi": 1 << 20} {
			text := `"` + strings.Repeat("x", size) + `"`
			era := map[bool]string{false: "legacy", true: "modern"}[modern]
			b.Run(era+"/body/"+name, func(b *testing.B) {
				benchmarkCall(b, &backend{modern: modern, session: "s", quiet: true, call: func(w http.ResponseWriter, _ *http.Request, m *mcp.Message) { answer(w, m, text) }})
			})
			b.Run(era+"/stream/"+name, func(b *testing.B) {
				benchmarkCall(b, &backend{modern: modern, session: "s", quiet: true, call: func(w http.ResponseWriter, _ *http.Request, m *mcp.Message) {
					events(w, "data: "+result(m, text))
				}})
			})
		}
	}
}

func benchmarkCall(b *testing.B, h *backend) {
	l := dial(b, serve(b, h).URL, kind(remote.HTTP))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := l.Call(b.Context(), l.request(), upstream.Discard{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func benchmarkBare(b *testing.B) {
	l := &backend{quiet: true, call: func(w http.ResponseWriter, _ *http.Request, m *mcp.Message) {
		answer(w, m, `"`+strings.Repeat("x", 64)+`"`)
	}}
	url := serve(b, l).URL
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}}
	b.Cleanup(client.CloseIdleConnections)
	body := mcp.AppendRequest(nil, 1, mcp.MethodToolsCall, []byte(`{"name":"t","_meta":{"progressToken":1}}`))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			resp, err := client.Post(url, "application/json", bytes.NewReader(body))
			if err != nil {
				b.Fatal(err)
			}
			_, _ = io.ReadAll(resp.Body)
			_ = resp.Body.Close()
		}
	})
}
