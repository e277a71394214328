package hostguard_test

import (
	"strings"
	"testing"

	"onemcp/internal/hostguard"
	"onemcp/internal/publicurl"
	"onemcp/internal/trustproxy"
)

func external(t *testing.T, texts ...string) (out []publicurl.External) {
	t.Helper()
	for _, text := range texts {
		e, err := publicurl.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
	}
	return out
}

func TestHost(t *testing.T) {
	t.Parallel()
	direct := trustproxy.Decision{Sources: trustproxy.Sources{Host: trustproxy.Connection}}
	proxied := trustproxy.Decision{Trusted: true, Announced: true, Sources: trustproxy.Sources{Host: trustproxy.Connection}}
	derived := trustproxy.Decision{Trusted: true, Announced: true, Host: "evil.example", Sources: trustproxy.Sources{Host: "X-Forwarded-Host"}}
	quiet := trustproxy.Decision{Trusted: true, Sources: trustproxy.Sources{Host: trustproxy.Connection}}
	pinned := hostguard.Options{External: external(t, "https://mcp.example.com/gw")}
	listed := hostguard.Options{Hosts: []string{"MCP.Example.com", "*.corp.example", "odd.example:8443"}}
	tests := []struct {
		name string
		o    hostguard.Options
		host string
		d    trustproxy.Decision
		want string
	}{
		{"localhost", hostguard.Options{}, "localhost:3000", direct, ""},
		{"address literal", hostguard.Options{}, "192.0.2.1:3000", direct, ""},
		{"IPv6 literal", hostguard.Options{}, "[2001:db8::1]", direct, ""},
		{"bind name", hostguard.Options{Bind: "Box"}, "box:3000", direct, ""},
		{"a stranger", hostguard.Options{}, "evil.example", direct, "server.allowedHosts"},
		{"no host", hostguard.Options{}, "", direct, "not valid"},
		{"a user in the host", hostguard.Options{}, "evil@localhost", direct, "not valid"},
		{"external host", pinned, "mcp.example.com", direct, ""},
		{"listed, any case", listed, "mcp.example.COM:80", direct, ""},
		{"below a wildcard", listed, "a.b.corp.example", direct, ""},
		{"the wildcard's own name", listed, "corp.example", direct, "server.allowedHosts"},
		{"listed with its port", listed, "odd.example:8443", direct, ""},
		{"listed with another port", listed, "odd.example:8444", direct, "server.allowedHosts"},
		{"derived host is judged when hosts are named", pinned, "mcp.example.com", derived, "evil.example"},
		{"derived host is free otherwise", hostguard.Options{}, "localhost", derived, ""},
		{"explicit trust, announced client", hostguard.Options{TrustExplicit: true}, "mcp.example.com", proxied, ""},
		{"explicit trust, no client header", hostguard.Options{TrustExplicit: true}, "mcp.example.com", quiet, "server.allowedHosts"},
		{"default trust", hostguard.Options{}, "mcp.example.com", proxied, "server.allowedHosts"},
		{"explicit trust, hosts named", hostguard.Options{TrustExplicit: true, Hosts: []string{"a.example"}}, "mcp.example.com", proxied, "server.allowedHosts"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := hostguard.New(tt.o).Host(tt.host, &tt.d)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestOrigin(t *testing.T) {
	t.Parallel()
	o := hostguard.Options{External: external(t, "https://mcp.example.com/gw"), Origins: []string{"https://App.example/"}}
	tests := []struct {
		name, origin, host string
		ok                 bool
	}{
		{"loopback page on a loopback host", "http://localhost:6274", "127.0.0.1:3000", true},
		{"loopback page on a public host", "http://localhost:6274", "mcp.example.com", false},
		{"configured", "https://app.example", "mcp.example.com", true},
		{"external URL's own origin", "https://mcp.example.com", "mcp.example.com", true},
		{"rebinding: origin equals host", "http://evil.example", "evil.example", false},
		{"another scheme", "http://mcp.example.com", "mcp.example.com", false},
		{"null", "null", "localhost", false},
		{"upper case", "http://LOCALHOST:8080", "localhost:3000", true},
		{"a dot at the end, which is an empty label", "http://localhost.:8080", "localhost:3000", false},
		{"below localhost", "https://app.localhost", "localhost:3000", true},
		{"loopback address", "http://127.0.0.1:5173", "127.9.9.9", true},
		{"IPv6", "http://[::1]:5173", "[::1]:3000", true},
		{"mapped", "http://[::ffff:127.0.0.1]", "localhost:3000", true},
		{"an address with a tail", "http://127.0.0.1.evil.example", "localhost:3000", false},
		{"a private address", "http://10.0.0.1", "localhost:3000", false},
		{"nothing", "", "localhost:3000", false},
		{"no URL", "http://local\x00host", "localhost:3000", false},
		{"another port than configured", "https://app.example:444", "mcp.example.com", false},
		{"a file", "file://", "localhost", false},
		{"a look-alike", "http://localhost.evil.example", "localhost", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if err := hostguard.New(o).Origin([]string{tt.origin}, tt.host); (err == nil) != tt.ok {
				t.Errorf("got %v", err)
			}
		})
	}
	if err := hostguard.New(o).Origin([]string{"https://app.example", "http://evil.example"}, "localhost"); err == nil {
		t.Error("a second, foreign Origin is passed over")
	}
	if err := hostguard.New(o).Origin(nil, "evil.example"); err != nil {
		t.Errorf("no Origin: %v", err)
	}
}
