package remote_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync"
	"testing"

	"onemcp/internal/mcp"
	"onemcp/internal/upstream"
	"onemcp/internal/upstream/remote"
)

// TestAConnectionThatWaitsIsSmall, for there may be one for each session of each backend. It is not parallel: it counts what the
// whole process keeps.
func TestAConnectionThatWaitsIsSmall(t *testing.T) {
	const many = 200
	d := waitingDriver(t, nil)
	openWaiting(t, d, 1)() // the first one finds nothing prepared
	before, running := memory(), runtime.NumGoroutine()
	stop := openWaiting(t, d, many)
	after, now := memory(), runtime.NumGoroutine()
	stop()
	if n := float64(after.HeapObjects-before.HeapObjects) / many; n > 10 {
		t.Errorf("a connection that waits is %.1f objects", n)
	}
	if n := float64(after.HeapAlloc-before.HeapAlloc) / many; n > 1280 {
		t.Errorf("a connection that waits takes %.0f bytes", n)
	}
	if now-running > many/10 {
		t.Errorf("%d goroutines wait in %d connections", now-running, many)
	}
}

// BenchmarkWaiting opens connections that then wait for calls, and tells what one of them keeps. Of a stream the server's end is
// in it: a socket, and nothing else.
func BenchmarkWaiting(b *testing.B) {
	var open streams
	b.Cleanup(open.close)
	for name, get := range map[string]http.HandlerFunc{"alone": nil, "with_a_stream": open.add} {
		b.Run(name, func(b *testing.B) {
			d := waitingDriver(b, get)
			for b.Loop() {
				benchmarkWaiting(b, d)
			}
		})
	}
}

func benchmarkWaiting(b *testing.B, d *remote.Driver) {
	const many = 500
	before := memory()
	stop := openWaiting(b, d, many)
	after := memory()
	b.ReportMetric((float64(after.HeapAlloc)-float64(before.HeapAlloc))/many, "heap-B/conn")
	b.ReportMetric((float64(after.HeapObjects)-float64(before.HeapObjects))/many, "objects/conn")
	b.ReportMetric((float64(after.StackInuse)-float64(before.StackInuse))/many, "stack-B/conn")
	stop()
}

func waitingDriver(t testing.TB, get http.HandlerFunc) *remote.Driver {
	d, err := remote.New(remote.Options{Name: "files", URL: serve(t, &backend{session: "s", quiet: true, get: get}).URL})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// openWaiting opens so many connections; stop ends them.
func openWaiting(t testing.TB, d *remote.Driver, many int) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var open sync.WaitGroup
	for range many {
		o := upstream.Opening{Era: mcp.Legacy, Timeout: patience, NextID: one, Client: mcp.ClientMeta{Info: []byte(`{"name":"g","version":"1"}`)}}
		open.Add(1)
		ready := false
		upstream.Rest(ctx, d.Connect(o, upstream.Discard{}), func(upstream.Info) { ready = true }, func(error) { open.Done() })
		if !ready {
			t.Fatal("a connection could not be opened")
		}
	}
	return func() {
		cancel()
		open.Wait()
	}
}

func one() uint64 { return 1 }

// memory is what the process keeps. It takes several collections until stacks have shrunk.
func memory() (m runtime.MemStats) {
	for range 4 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return m
}

// streams are answers that bring nothing and do not end.
type streams struct {
	mu    sync.Mutex
	conns []net.Conn
}

func (s *streams) add(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns = append(s.conns, conn)
	_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
}

func (s *streams) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, conn := range s.conns {
		_ = conn.Close()
	}
}
