package peer_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"onemcp/internal/mcp"
	"onemcp/internal/peer"
)

// BenchmarkCall is the round trip of a small call over two pipes of the system, as to a child process.
func BenchmarkCall(b *testing.B) {
	for _, callers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) { benchmarkCall(b, callers, 64) })
	}
	b.Run("size=1MiB", func(b *testing.B) { benchmarkCall(b, 1, 1<<20) })
}

func benchmarkCall(b *testing.B, callers, size int) {
	p := startEcho(b)
	payload := make([]byte, size)
	for i := range payload {
		payload[i] = 'x'
	}
	params := []byte(`{"name":"echo","arguments":{"text":"` + string(payload) + `"}}`)
	var ids atomic.Uint64
	var left atomic.Int64
	left.Store(int64(b.N))
	b.ReportAllocs()
	b.SetBytes(int64(len(params)))
	b.ResetTimer()
	var calls sync.WaitGroup
	for range callers {
		calls.Go(func() {
			body := make([]byte, 0, len(params)+100)
			for left.Add(-1) >= 0 {
				id := ids.Add(1)
				body = mcp.AppendRequest(body[:0], id, mcp.MethodToolsCall, params)
				m, err := p.Call(context.Background(), peer.Request{ID: id, Method: mcp.MethodToolsCall, Body: body}, nobody{})
				if got, _ := m.IntID(); err != nil || got != id {
					b.Errorf("call %d: %s, %v", id, m.Raw, err)
					return
				}
			}
		})
	}
	calls.Wait()
}

// startEcho runs a peer whose other side answers each request with the request as result.
func startEcho(b *testing.B) *peer.Peer {
	theirIn, ourOut := pipe(b)
	ourIn, theirOut := pipe(b)
	raw, err := ourOut.SyscallConn()
	if err != nil {
		b.Fatal(err)
	}
	p := peer.New(ourIn, ourOut, nobody{}, peer.Options{Name: "echo", Pipe: raw})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { echo(theirIn, theirOut) })
	running.Go(func() { _ = p.Run(ctx) })
	b.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return p
}

func echo(in io.Reader, out io.WriteCloser) {
	defer func() { _ = out.Close() }()
	lines := bufio.NewReaderSize(in, 64<<10)
	w := bufio.NewWriterSize(out, 64<<10)
	var answer []byte
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		m, _ := mcp.Scan(line)
		answer = mcp.AppendResult(answer[:0], m.IDBytes(), m.Bytes(m.Params))
		_, _ = w.Write(append(answer, '\n'))
		if lines.Buffered() == 0 {
			_ = w.Flush()
		}
	}
}

func pipe(b *testing.B) (r, w *os.File) {
	r, w, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	return r, w
}

type nobody struct{}

func (nobody) Notify(*mcp.Message) {}

func (nobody) Ask(*mcp.Message, func([]byte)) {}
