package publicurl_test

import (
	"testing"

	"onemcp/internal/publicurl"
	"onemcp/internal/trustproxy"
)

func parse(t *testing.T, texts ...string) publicurl.Base {
	t.Helper()
	var all []publicurl.External
	for _, text := range texts {
		e, err := publicurl.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return publicurl.New(all)
}

func TestOf(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		external []string
		d        trustproxy.Decision
		want     string
	}{
		{"derived", nil, trustproxy.Decision{Scheme: "https", Host: "mcp.example.com"}, "https://mcp.example.com"},
		{"derived, default port dropped", nil, trustproxy.Decision{Scheme: "https", Host: "mcp.example.com:443"}, "https://mcp.example.com"},
		{"derived, other port kept", nil, trustproxy.Decision{Scheme: "http", Host: "[::1]:3000"}, "http://[::1]:3000"},
		{"derived from nothing", nil, trustproxy.Decision{Scheme: "http"}, ""},
		{"external wins", []string{"https://mcp.example.com/"}, trustproxy.Decision{Scheme: "http", Host: "evil"}, "https://mcp.example.com"},
		{"of several the one asked for", []string{"https://a.example", "https://b.example/gw"}, trustproxy.Decision{Scheme: "http", Host: "b.example:443"}, "https://b.example/gw"},
		{"of several the one whose port was lost", []string{"https://a.example", "https://b.example:8443/gw"}, trustproxy.Decision{Scheme: "http", Host: "b.example"}, "https://b.example:8443/gw"},
		{"of several the first otherwise", []string{"https://a.example", "https://b.example"}, trustproxy.Decision{Scheme: "http", Host: "c.example"}, "https://a.example"},
		{"upper case and default port in the setting", []string{"HTTPS://A.Example:443/gw/"}, trustproxy.Decision{}, "https://a.example/gw"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := parse(t, tt.external...).Of(tt.d); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "mcp.example.com", "ftp://a", "https://", "https://a?b=c", "https://a#b", "https://u:p@a", "https://a/../b", "https://a//b", "https://a b"} {
		if e, err := publicurl.Parse(text); err == nil {
			t.Errorf("%q is read as %v", text, e)
		}
	}
}

func TestStrip(t *testing.T) {
	t.Parallel()
	b := parse(t, "https://a.example/gw", "https://b.example")
	for path, want := range map[string]string{
		"/gw/mcp": "/mcp", "/mcp": "/mcp", "/gw": "/", "/gw/": "/", "/gwx/mcp": "/gwx/mcp", "/": "/",
	} {
		if got := b.Strip(path); got != want {
			t.Errorf("%s becomes %s, want %s", path, got, want)
		}
	}
}
