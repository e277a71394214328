package trustproxy_test

import (
	"net/http"
	"strings"
	"testing"

	"onemcp/internal/trustproxy"
)

// fiveRanges is a list as a small installation has it.
const fiveRanges = "127.0.0.1, 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, fd00::/8"

// throughTwo is a request as the second of two proxies passes it on.
func throughTwo(xff string) trustproxy.Input {
	return trustproxy.Input{
		Peer: "10.0.0.1:41234",
		Host: "mcp.example.com",
		Header: http.Header{
			"Accept":               {"application/json, text/event-stream"},
			"Accept-Encoding":      {"gzip"},
			"Authorization":        {"Bearer 0123456789"},
			"Content-Length":       {"153"},
			"Content-Type":         {"application/json"},
			"Mcp-Protocol-Version": {"2025-11-25"},
			"Mcp-Session-Id":       {"0123456789abcdef"},
			"User-Agent":           {"client/1.0"},
			"X-Forwarded-For":      {xff},
			"X-Forwarded-Host":     {"mcp.example.com"},
			"X-Forwarded-Proto":    {"https"},
			"X-Real-Ip":            {"10.0.0.2"},
		},
	}
}

func compile(t testing.TB, text string) *trustproxy.Policy {
	t.Helper()
	s, err := trustproxy.ParseText(text)
	if err != nil {
		t.Fatal(err)
	}
	return s.Compile(nil)
}

func BenchmarkDerive(b *testing.B) {
	cases := []struct{ name, trust, xff string }{
		{"direct", "false", "203.0.113.9"},
		{"two entries, five ranges", fiveRanges, "203.0.113.9, 10.0.0.2"},
		{"two entries after 64 forged", fiveRanges, strings.Repeat("1.1.1.1, ", 64) + "203.0.113.9, 10.0.0.2"},
		{"two entries after 300 forged", fiveRanges, strings.Repeat("1.1.1.1, ", 300) + "203.0.113.9, 10.0.0.2"},
		{"two entries, IPv6", fiveRanges, "2001:db8::9, fd00::2"},
		{"two entries, cloudflare and private", "cloudflare, uniquelocal, loopback", "203.0.113.9, 10.0.0.2"},
	}
	for _, c := range cases {
		b.Run(c.name, func(b *testing.B) {
			p, in := compile(b, c.trust), throughTwo(c.xff)
			b.ReportAllocs()
			for b.Loop() {
				p.Derive(in)
			}
		})
	}
}
