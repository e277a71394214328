package remote_test

import (
	"bytes"
	"io"
	"net/http"
	"runtime"
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

// BenchmarkWaiting opens connections that then wait for calls, and tells what one of them keeps. There may be one for each session
// of each backend.
func BenchmarkWaiting(b *testing.B) {
	const many = 500
	d, err := remote.New(remote.Options{Name: "files", URL: serve(b, &backend{session: "s", quiet: true}).URL})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		links := make([]*link, many)
		before := memory()
		for i := range links {
			l := newLink(b)
			links[i] = l
			o := upstream.Opening{Era: mcp.Legacy, Timeout: patience, NextID: l.next, Client: mcp.ClientMeta{Info: []byte(`{"name":"g","version":"1"}`)}}
			get(b, l.run(d.Connect(o, l.up)))
		}
		after := memory()
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/many, "heap-B/conn")
		b.ReportMetric(float64(after.HeapObjects-before.HeapObjects)/many, "objects/conn")
		b.ReportMetric(float64(after.StackInuse-before.StackInuse)/many, "stack-B/conn")
		for _, l := range links {
			l.stop()
			if err := l.end(); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// memory is what the process keeps. It takes several collections until stacks have shrunk.
func memory() (m runtime.MemStats) {
	for range 4 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return m
}
