package publicurl_test

import (
	"strings"
	"testing"

	"onemcp/internal/fault"
	"onemcp/internal/publicurl"
	"onemcp/internal/trustproxy"
)

func external(t *testing.T, urls ...string) *publicurl.External {
	t.Helper()
	e, err := publicurl.Parse(urls)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestBase(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name         string
		external     []string
		scheme, host string
		want         string
		pinned       bool
	}{
		{"derived", nil, "https", "mcp.example.com", "https://mcp.example.com/mcp", false},
		{"derived, default port dropped", nil, "https", "mcp.example.com:443", "https://mcp.example.com/mcp", false},
		{"derived, http default port dropped", nil, "http", "mcp.example.com:80", "http://mcp.example.com/mcp", false},
		{"derived, the other's default port kept", nil, "http", "mcp.example.com:443", "http://mcp.example.com:443/mcp", false},
		{"derived IPv6", nil, "https", "[::1]:443", "https://[::1]/mcp", false},
		{"derived, no valid host", nil, "https", "", "/mcp", false},
		{"external alone", []string{"https://mcp.example.com"}, "http", "evil.example", "https://mcp.example.com/mcp", true},
		{"external, no valid host", []string{"https://mcp.example.com"}, "http", "", "https://mcp.example.com/mcp", true},
		{"external with prefix", []string{"https://example.com/gw/"}, "http", "example.com", "https://example.com/gw/mcp", true},
		{"external, default port dropped", []string{"https://Example.com:443"}, "http", "x", "https://example.com/mcp", true},
		{"of several the host's", []string{"https://a.example", "https://b.example/gw"}, "https", "b.example", "https://b.example/gw/mcp", true},
		{"of several with ports", []string{"https://a.example", "https://a.example:8443"}, "https", "a.example:8443", "https://a.example:8443/mcp", true},
		{"of several when the port got lost", []string{"https://a.example", "https://b.example:8443"}, "http", "b.example", "https://b.example:8443/mcp", true},
		{"of several by scheme", []string{"https://a.example", "http://a.example:3000", "http://a.example"}, "http", "a.example:80", "http://a.example/mcp", true},
		{"else the first", []string{"https://a.example", "https://b.example"}, "https", "c.example", "https://a.example/mcp", true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := external(t, c.external...).Base(trustproxy.Decision{Scheme: c.scheme, Host: c.host})
			if got := b.URL("/mcp"); got != c.want || b.Pinned != c.pinned {
				t.Errorf("%s, pinned %v; want %s", got, b.Pinned, c.want)
			}
			if b.Secure() != (b.Scheme == "https") {
				t.Error("secure and https differ")
			}
		})
	}
	var none *publicurl.External
	if b := none.Base(trustproxy.Decision{Scheme: "http", Host: "a"}); b.Origin() != "http://a" || none.Any() || none.Bases() != nil {
		t.Errorf("nil gives %v", b)
	}
}

func TestRefusedURLs(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{
		"", "mcp.example.com", "ftp://mcp.example.com", "https://", "https:///gw", "https://user@mcp.example.com", "https://mcp.example.com?a=b",
		"https://mcp.example.com?", "https://mcp.example.com#x", "https://mcp.example.com:0", "https://mcp.example.com:99999", "https://a..b",
		"https://mcp.example.com//gw", "https://mcp.example.com/a/../b", "https://mcp.example.com/a%2fb", "https://mcp.example.com/a b", "https://*.example.com",
	} {
		_, err := publicurl.Parse([]string{"https://good.example", bad})
		if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "server.externalUrl, entry 2") || !strings.Contains(err.Error(), "write the URL") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestRoute(t *testing.T) {
	t.Parallel()
	e := external(t, "https://example.com/gw", "https://example.com/gw/inner", "https://other.example", "https://third.example/mcp")
	known := func(p string) bool { return p == "/mcp" || p == "/" || strings.HasPrefix(p, "/mcp/servers/") }
	for path, want := range map[string]string{
		"/mcp": "/mcp", "/gw/mcp": "/mcp", "/gw": "/", "/gw/": "/", "/gwx/mcp": "/gwx/mcp", "/gw/inner/mcp": "/mcp", "/gw/innermost": "/innermost",
		"/else": "/else", "/gw//mcp": "//mcp", "/mcp/mcp": "/mcp", "/mcp/servers/a": "/mcp/servers/a",
	} {
		if got := e.Route(path, known); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	if got := external(t).Route("/gw/mcp", known); got != "/gw/mcp" {
		t.Errorf("without external URL: %s", got)
	}
}
