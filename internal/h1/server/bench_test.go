package server_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// plainPost is a request of 200 bytes on a kept connection, as a proxy sends it.
var plainPost = strings.Replace(post("/echo", strings.Repeat("x", 200)), "Host: a\r\n",
	"Host: gateway.example:8080\r\nConnection: keep-alive\r\nX-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\n"+
		"Accept: application/json, text/event-stream\r\nContent-Type: application/json\r\nUser-Agent: bench\r\n", 1)

var jsonType = []string{"application/json"}

// typed answers with the body of the request, which is short.
func typed(w http.ResponseWriter, r *http.Request) {
	var body [256]byte
	n, _ := io.ReadFull(r.Body, body[:])
	w.Header()["Content-Type"] = jsonType
	_, _ = w.Write(body[:n])
}

// exchanges returns what sends a request on a kept connection and reads its answer, at no cost to speak of.
func exchanges(tb testing.TB, address string) func() {
	c := dial(tb, address)
	request, answer := []byte(plainPost), make([]byte, 4<<10)
	return func() {
		if _, err := c.Write(request); err != nil {
			tb.Fatal(err)
		}
		for n := 0; n < 200 || answer[n-1] != 'x' || answer[n-200] != 'x'; {
			k, err := c.Conn.Read(answer[n:])
			if err != nil {
				tb.Fatal(err)
			}
			n += k
		}
	}
}

// BenchmarkServe is a short POST on a kept connection over loopback. The client costs the same for both.
func BenchmarkServe(b *testing.B) {
	_, ours := serve(b, timed(typed))
	for name, address := range map[string]string{"h1": ours, "net-http": listen(b, timed(typed))} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			exchange := exchanges(b, address)
			for b.Loop() {
				exchange()
			}
		})
	}
}

// TestAPlainRequestIsCheap holds what a request allocates. It does not run beside other tests, whose cost would count.
func TestAPlainRequestIsCheap(t *testing.T) {
	_, address := serve(t, timed(typed))
	exchange := exchanges(t, address)
	if got := testing.AllocsPerRun(200, exchange); got > 3 {
		t.Errorf("%v allocations for each request", got)
	}
}
