package h1_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"onemcp/internal/h1"
)

// BenchmarkRoundTrip is a short POST and its short answer over loopback. The server costs the same for both.
func BenchmarkRoundTrip(b *testing.B) {
	answer := []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
	s := serve(b, func(p *peer) {
		buffer := make([]byte, 4<<10)
		for n := 0; ; {
			k, err := p.Read(buffer[n:])
			if err != nil {
				return
			}
			if n += k; bytes.HasSuffix(buffer[:n], []byte("\r\n\r\nbody")) {
				n = 0
				_, _ = p.Write(answer)
			}
		}
	})
	b.Run("h1", func(b *testing.B) {
		o := options()
		o.Address = strings.TrimPrefix(s.url, "http://")
		rt := h1.New(o)
		b.Cleanup(rt.CloseIdleConnections)
		head, err := h1.NewHead(http.MethodPost, get(s.url).URL, "", nil)
		if err != nil {
			b.Fatal(err)
		}
		ctx, body := b.Context(), []byte("body")
		b.ReportAllocs()
		for b.Loop() {
			a, err := rt.Do(ctx, &h1.Request{Head: head, Body: body})
			if err != nil {
				b.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, a)
			_ = a.Close()
		}
	})
	b.Run("net-http", func(b *testing.B) {
		theirs := &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true}
		b.Cleanup(theirs.CloseIdleConnections)
		ctx := b.Context()
		b.ReportAllocs()
		for b.Loop() {
			resp, err := theirs.RoundTrip(request(ctx, http.MethodPost, s.url, "body"))
			if err != nil {
				b.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
	})
}
