package endtoend_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"onemcp/internal/gateway"
	"onemcp/internal/mcp"
	"onemcp/internal/session"
	"onemcp/internal/upstream/remote"
	"onemcp/internal/upstream/stdio"
)

// BenchmarkServe is the way of a call from the front's hands to a backend and back. The backends allocate nothing in this process,
// so what is counted is the gateway's own.
func BenchmarkServe(b *testing.B) {
	for name, backend := range map[string]func(testing.TB, mcp.Era) gateway.Spec{"stdio": exampleProcess, "http": bareWeb, "http, events": bareEvents} {
		for _, era := range bothEras {
			b.Run(name+"/"+era.String(), func(b *testing.B) {
				call := serving(b, backend(b, era), era)
				b.ReportAllocs()
				for b.Loop() {
					call()
				}
			})
		}
	}
}

// TestACallAllocatesLittle on the backends' side of the gateway. The race detector adds some: it has pools forget things.
func TestACallAllocatesLittle(t *testing.T) {
	for name, tt := range map[string]struct {
		backend func(testing.TB, mcp.Era) gateway.Spec
		most    float64
	}{"stdio": {exampleProcess, 9}, "http": {bareWeb, 14}, "http, events": {bareEvents, 14}} {
		for _, era := range bothEras {
			call := serving(t, tt.backend(t, era), era)
			call()
			got := testing.AllocsPerRun(200, call)
			for range 4 { // what the runtime and the rest of the process do meanwhile only adds to it
				got = min(got, testing.AllocsPerRun(200, call))
			}
			if got > tt.most {
				t.Errorf("%s, %s: %v allocations a call", name, era, got)
			}
		}
	}
}

// silent is a stream on which nothing is expected.
type silent struct{ testing.TB }

func (s silent) Send(msg []byte) { s.Errorf("the client was sent %s", msg) }

// serving runs a gateway before one backend and returns what serves one call of a client, as the front does.
func serving(tb testing.TB, backend gateway.Spec, era mcp.Era) (call func()) {
	tb.Helper()
	sessions := session.NewTable(session.Limits{})
	g := gateway.New(gateway.Options{Version: "0", Log: slog.New(slog.DiscardHandler), Sessions: sessions}, gateway.Setup{Backends: []gateway.Spec{backend}})
	tb.Cleanup(run(g.Run))
	for g.Status()[0].State != gateway.Ready {
		<-g.Changed()
	}
	ctx, st, params := context.Background(), gateway.Stream(silent{tb}), ""
	client := func(m *mcp.Message) *gateway.Client { return gateway.RequestClient(gateway.Scope{}, m) }
	if era == mcp.Modern {
		params = `,"_meta":{"` + mcp.MetaVersion + `":"` + mcp.LatestModern + `","` + mcp.MetaCapabilities + `":{}}`
	} else {
		hello, _ := mcp.Scan([]byte(`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{}}}`))
		s, _, err := g.Initialize(ctx, gateway.Scope{}, gateway.Anonymous, "/mcp", &hello)
		if err != nil {
			tb.Fatal(err)
		}
		client = func(*mcp.Message) *gateway.Client { return gateway.SessionClient(gateway.Scope{}, s) }
	}
	text := []byte(`{"jsonrpc":"2.0","id":17,"method":"tools/call","params":{"name":"b_1mcp_echo","arguments":{"text":"` + strings.Repeat("x", 64) + `"}` + params + `}}`)
	m := new(mcp.Message)
	return func() {
		*m, _ = mcp.Scan(text)
		if a, err := g.Serve(ctx, client(m), m, st); err != nil || a.Code != 0 {
			tb.Fatalf("got %s, %v", a.Body, err)
		}
	}
}

// exampleProcess describes the example server as a child process.
func exampleProcess(tb testing.TB, era mcp.Era) gateway.Spec {
	exe, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	b := spec("b")
	b.Local, b.Era = true, era
	b.Driver = stdio.Driver{Options: stdio.Options{Name: "b", Command: exe, Env: append(os.Environ(), asExample+"=1")}}
	return b
}

// bareWeb describes a server of its own that has the least of HTTP and allocates nothing for a call.
func bareWeb(tb testing.TB, era mcp.Era) gateway.Spec {
	return bareServer(tb, era, "application/json", "", "")
}

// bareEvents does the same for one that answers by event streams.
func bareEvents(tb testing.TB, era mcp.Era) gateway.Spec {
	return bareServer(tb, era, "text/event-stream", "event: message\ndata: ", "\n\n")
}

func bareServer(tb testing.TB, era mcp.Era, kind, before, behind string) gateway.Spec {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(run(func(ctx context.Context) error {
		defer context.AfterFunc(ctx, func() { _ = l.Close() })()
		for {
			c, err := l.Accept()
			if err != nil {
				return err
			}
			go bareServe(ctx, c, kind, before, behind)
		}
	}))
	b := spec("b")
	b.Era = era
	if b.Driver, err = remote.New(remote.Options{Name: "b", URL: "http://" + l.Addr().String(), Kind: remote.HTTP}); err != nil {
		tb.Fatal(err)
	}
	return b
}

// bareServe answers the requests of one connection.
func bareServe(ctx context.Context, c net.Conn, kind, before, behind string) {
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	defer func() { _ = c.Close() }()
	r := bufio.NewReader(c)
	var body, result, out []byte
	for {
		length := 0
		for {
			line, err := r.ReadSlice('\n')
			if err != nil {
				return
			}
			if len(line) == 2 {
				break
			}
			if n, found := bytes.CutPrefix(bytes.TrimSpace(line), []byte("Content-Length: ")); found {
				length, _ = strconv.Atoi(string(n))
			}
		}
		body = slices.Grow(body[:0], length)[:length]
		if _, err := io.ReadFull(r, body); err != nil {
			return
		}
		m, err := mcp.Scan(body)
		if err != nil { // neither streams nor ends of sessions
			_, _ = c.Write([]byte("HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n"))
			continue
		}
		result = append(bareAnswer(append(result[:0], before...), &m), behind...)
		out = append(append(append(out[:0], "HTTP/1.1 200 OK\r\nContent-Type: "...), kind...), "\r\nMcp-Session-Id: s\r\nContent-Length: "...)
		out = append(append(strconv.AppendInt(out, int64(len(result)), 10), "\r\n\r\n"...), result...)
		if m.Kind == mcp.Notification {
			out = append(out[:0], "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"...)
		}
		if _, err := c.Write(out); err != nil {
			return
		}
	}
}

var bareResults = map[string]string{
	mcp.MethodInitialize: `{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"echo","version":"1"}}`,
	mcp.MethodDiscover:   `{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}}`,
	mcp.MethodToolsList:  `{"resultType":"complete","tools":[{"name":"echo","inputSchema":{"type":"object"}}]}`,
	mcp.MethodToolsCall:  `{"resultType":"complete","content":[{"type":"text","text":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}]}`,
}

func bareAnswer(dst []byte, m *mcp.Message) []byte {
	return append(append(append(append(append(dst, `{"jsonrpc":"2.0","id":`...), m.IDBytes()...), `,"result":`...), bareResults[m.Method]...), '}')
}
