package h1_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"
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
	theirs := &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true}
	b.Cleanup(theirs.CloseIdleConnections)
	for _, bb := range []struct {
		name string
		rt   http.RoundTripper
	}{{"h1", transport(b)}, {"net-http", theirs}} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			ctx := b.Context()
			for b.Loop() {
				req := request(ctx, http.MethodPost, s.url, "body")
				resp, err := bb.rt.RoundTrip(req)
				if err != nil {
					b.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
		})
	}
}
