package daemon

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"

	"onemcp/internal/accesslog"
)

// everythingOn is what a gateway behind a proxy has, without backends.
const everythingOn = `{"server": {"trustProxy": "loopback", "externalUrl": "https://gateway.example",
	"rateLimit": {"perClient": 100000000, "burst": 100000000}, "metrics": true}}`

// exchange is a request on a kept connection, sent and answered again and again, at no cost to speak of.
type exchange struct {
	net.Conn
	request, answer []byte
}

// newExchange connects to an endpoint. head holds further lines of the request's head.
func newExchange(tb testing.TB, e Endpoint, head, body string) *exchange {
	tb.Helper()
	c, err := net.Dial("tcp", e.Address)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.Close() })
	request := fmt.Sprintf("POST /mcp HTTP/1.1\r\nHost: gateway.example\r\nX-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\n"+
		"Accept: application/json, text/event-stream\r\nContent-Type: application/json\r\nUser-Agent: bench\r\n%sContent-Length: %d\r\n\r\n%s",
		head, len(body), body)
	return &exchange{c, []byte(request), make([]byte, 4<<10)}
}

// do sends the request and returns the answer, head and body. It must be short, and hold a result.
func (x *exchange) do(tb testing.TB) []byte {
	if _, err := x.Write(x.request); err != nil {
		tb.Fatal(err)
	}
	n, err := x.Read(x.answer)
	if err != nil || !bytes.Contains(x.answer[:n], []byte(`"result":`)) {
		tb.Fatalf("the answer is %s, %v", x.answer[:n], err)
	}
	return x.answer[:n]
}

// exchanges returns what is measured: what the gateway answers by itself, so that all is the client's side.
func exchanges(tb testing.TB) map[string]*exchange {
	tb.Helper()
	e := serve(tb, everythingOn)
	opening := newExchange(tb, e, "", `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{}}}`)
	_, rest, _ := strings.Cut(string(opening.do(tb)), "Mcp-Session-Id: ")
	session, _, _ := strings.Cut(rest, "\r\n")
	return map[string]*exchange{
		"legacy": newExchange(tb, e, "Mcp-Session-Id: "+session+"\r\nMCP-Protocol-Version: 2025-11-25\r\n", `{"jsonrpc":"2.0","id":12345,"method":"ping"}`),
		"modern": newExchange(tb, e, "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/list\r\n",
			`{"jsonrpc":"2.0","id":12345,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",`+
				`"io.modelcontextprotocol/clientInfo":{"name":"bench","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}}`),
	}
}

// serve runs a daemon until the test ends, and returns where it listens.
func serve(tb testing.TB, file string) Endpoint {
	tb.Helper()
	o := options(tb, file)
	o.Log = slog.New(slog.DiscardHandler)
	lines := accesslog.NewBuffer(io.Discard)
	o.AccessLog = accesslog.New(slog.New(slog.NewJSONHandler(lines, nil)), lines)
	listening := make(chan Endpoint, 1)
	o.Listening = func(e Endpoint) { listening <- e }
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- New(o).Run(ctx) }()
	tb.Cleanup(func() {

		cancel()
		if err := <-ended; err != nil {
			tb.Error(err)
		}
	})
	return <-listening
}

// TestAnExchangeIsCheap holds what the client's side of a call allocates. It does not run beside other tests, whose cost
// would count. With the race detector, pools lose some of what they keep.
func TestAnExchangeIsCheap(t *testing.T) {
	most := map[string]float64{"legacy": 15, "modern": 15}
	for era, x := range exchanges(t) {
		if got := testing.AllocsPerRun(200, func() { x.do(t) }); got > most[era] {
			t.Errorf("%s: %v allocations for each request", era, got)
		}
	}
}

// BenchmarkExchange is the client's side of a call with everything on: a request on a kept connection that the gateway
// answers by itself.
func BenchmarkExchange(b *testing.B) {
	for era, x := range exchanges(b) {
		b.Run(era, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				x.do(b)
			}
		})
	}
}
