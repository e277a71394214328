package guard_test

import (
	"net/http"
	"strings"
	"testing"

	"onemcp/internal/fault"
	"onemcp/internal/guard"
	"onemcp/internal/publicurl"
	"onemcp/internal/trustproxy"
)

func newGuard(t *testing.T, o guard.Options, external ...string) *guard.Guard {
	t.Helper()
	var err error
	if o.External, err = publicurl.Parse(external); err != nil {
		t.Fatal(err)
	}
	g, err := guard.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// request is one through the trust proxy, as the gateway sees it.
type request struct {
	method, path, peer, host string
	header                   http.Header
	proxied                  bool
}

func (r request) judge(t *testing.T, g *guard.Guard, trust string) error {
	t.Helper()
	s, err := trustproxy.ParseText(trust)
	if err != nil {
		t.Fatal(err)
	}
	d := s.Compile(nil).Derive(trustproxy.Input{Peer: r.peer, Host: r.host, Header: r.header, Proxied: r.proxied})
	return g.Host(guard.Request{Method: r.method, Path: r.path, Host: r.host, Decision: &d})
}

func TestHost(t *testing.T) {
	t.Parallel()
	plain := guard.Options{}
	listed := guard.Options{AllowedHosts: []string{"mcp.example.com", "Port.example.com:8443"}}
	explicit := guard.Options{ExplicitTrust: true}
	external := []string{"https://pub.example.com:8443/gw"}
	xff := http.Header{"X-Forwarded-For": {"203.0.113.9"}}
	xfh := func(host string) http.Header {
		return http.Header{"X-Forwarded-For": {"203.0.113.9"}, "X-Forwarded-Host": {host}}
	}
	cases := []struct {
		name     string
		options  guard.Options
		external []string
		request  request
		want     string // part of the refusal; empty: allowed
	}{
		{"localhost", plain, nil, request{host: "localhost:3000"}, ""},
		{"a name under localhost", plain, nil, request{host: "mcp.localhost"}, ""},
		{"IPv4", plain, nil, request{host: "192.168.1.5:3000"}, ""},
		{"IPv6", plain, nil, request{host: "[2001:db8::5]:3000"}, ""},
		{"a rebinding name", plain, nil, request{host: "rebind.evil.example:3000"}, `host "rebind.evil.example:3000" is not allowed here [host_denied] (add "rebind.evil.example" to server.allowedHosts`},
		{"the bind host", guard.Options{Bind: []string{"0.0.0.0", "box.lan"}}, nil, request{host: "box.lan:3000"}, ""},
		{"an allowed host, any port", listed, nil, request{host: "MCP.example.com:9"}, ""},
		{"an allowed host with its port", listed, nil, request{host: "port.example.com:8443"}, ""},
		{"an allowed host with another port", listed, nil, request{host: "port.example.com:1"}, "port.example.com:1"},
		{"the external URL's host, port lost", plain, external, request{host: "pub.example.com"}, ""},
		{"another than the external URL's", plain, external, request{host: "example.com"}, "example.com"},
		{"no host", plain, nil, request{}, "no Host header"},
		{"not a host", plain, nil, request{host: "evil@localhost"}, `"evil@localhost"`},
		{"control characters are quoted", plain, nil, request{host: "a\r\nb"}, `"a\r\nb"`},
		{"health without host", plain, nil, request{method: "HEAD", path: "/health/ready"}, ""},
		{"health with any host", plain, nil, request{path: "/health", host: "evil.example"}, ""},
		{"the load balancer's check", plain, nil, request{method: "OPTIONS", path: "/"}, ""},
		{"other OPTIONS", plain, nil, request{method: "OPTIONS", path: "/mcp", host: "evil.example"}, "evil.example"},
		{"permissive: a trusted peer that names the client", explicit, nil, request{host: "mcp.example.com", header: xff}, ""},
		{"permissive: a valid host still", explicit, nil, request{host: "a@b", header: xff}, `"a@b"`},
		{"permissive: a trusted peer that does not", explicit, nil, request{host: "mcp.example.com"}, "mcp.example.com"},
		{"permissive: an untrusted peer", explicit, nil, request{peer: "203.0.113.9:5", host: "mcp.example.com", header: xff}, "mcp.example.com"},
		{"permissive: the PROXY protocol", explicit, nil, request{peer: "203.0.113.9:5", host: "mcp.example.com", proxied: true}, ""},
		{"not permissive by default", plain, nil, request{host: "mcp.example.com", header: xff}, "mcp.example.com"},
		{"not permissive with allowed hosts", guard.Options{ExplicitTrust: true, AllowedHosts: []string{"a.example"}}, nil, request{host: "mcp.example.com", header: xff}, "mcp.example.com"},
		{"not permissive with an external URL", explicit, external, request{host: "mcp.example.com", header: xff}, "mcp.example.com"},
		{"the derived host too, once hosts are listed", listed, nil, request{host: "mcp.example.com", header: xfh("evil.example")}, `"evil.example"`},
		{"a derived host that is listed", listed, nil, request{host: "10.0.0.5:3000", header: xfh("mcp.example.com")}, ""},
		{"the derived host does not save the own one", listed, nil, request{host: "evil.example", header: xfh("mcp.example.com")}, `"evil.example"`},
		{"derived hosts are free while none is listed", plain, nil, request{host: "localhost", header: xfh("mcp.example.com")}, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.request.peer == "" {
				c.request.peer = "127.0.0.1:5"
			}
			g := newGuard(t, c.options, c.external...)
			err := c.request.judge(t, g, "loopback")
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (fault.KindOf(err) != fault.Denied || !strings.Contains(err.Error(), c.want)):
				t.Errorf("%v does not say %s", err, c.want)
			}
		})
	}
}

func TestPermissive(t *testing.T) {
	t.Parallel()
	for want, g := range map[bool][]*guard.Guard{
		true: {newGuard(t, guard.Options{ExplicitTrust: true})},
		false: {newGuard(t, guard.Options{}), newGuard(t, guard.Options{ExplicitTrust: true}, "https://a.example"),
			newGuard(t, guard.Options{ExplicitTrust: true, AllowedHosts: []string{"a"}})},
	} {
		for i := range g {
			if g[i].Permissive() != want {
				t.Errorf("guard %d: permissive %v", i, !want)
			}
		}
	}
}

func TestOrigin(t *testing.T) {
	t.Parallel()
	o := guard.Options{AllowedOrigins: []string{"https://App.example.com/", "http://dev.example.com:80", "vscode-webview://abc123"}, ExplicitTrust: true}
	g := newGuard(t, o, "https://mcp.example.com/gw", "https://other.example.com:8443")
	cases := []struct {
		name, host string
		origins    []string
		want       bool
	}{
		{"none", "mcp.example.com", nil, true},
		{"listed", "mcp.example.com", []string{"https://app.example.com"}, true},
		{"listed, default port", "mcp.example.com", []string{"https://app.example.com:443"}, true},
		{"listed without default port", "mcp.example.com", []string{"http://dev.example.com"}, true},
		{"a desktop program's", "mcp.example.com", []string{"vscode-webview://abc123"}, true},
		{"another scheme", "mcp.example.com", []string{"http://app.example.com"}, false},
		{"another port", "mcp.example.com", []string{"https://app.example.com:8443"}, false},
		{"a longer name", "mcp.example.com", []string{"https://app.example.com.evil.example"}, false},
		{"the external URL's", "mcp.example.com", []string{"https://mcp.example.com"}, true},
		{"the second external URL's", "mcp.example.com", []string{"https://other.example.com:8443"}, true},
		{"loopback to loopback", "127.0.0.1:3000", []string{"http://localhost:6274"}, true},
		{"loopback to loopback, IPv6", "[::1]:3000", []string{"http://[::1]:1"}, true},
		{"loopback to a public host", "mcp.example.com", []string{"http://localhost:6274"}, false},
		{"public to loopback", "localhost:3000", []string{"https://evil.example"}, false},
		{"origin and host agree", "evil.example", []string{"http://evil.example"}, false},
		{"rebinding to loopback by address", "127.0.0.1:3000", []string{"http://evil.example:3000"}, false},
		{"another machine's address", "127.0.0.1:3000", []string{"http://192.168.1.5"}, false},
		{"null", "localhost", []string{"null"}, false},
		{"empty", "localhost", []string{""}, false},
		{"two", "localhost", []string{"http://localhost", "http://localhost"}, false},
		{"with a path", "localhost", []string{"http://localhost/x"}, false},
		{"not one", "localhost", []string{"://"}, false},
		{"a scheme that is none", "localhost", []string{"ht tp://localhost"}, false},
	}
	for _, c := range cases {
		err := g.Origin(c.host, c.origins)
		if (err == nil) != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
		if err != nil && (fault.KindOf(err) != fault.Denied || !strings.Contains(err.Error(), "[origin_denied]") || !strings.Contains(err.Error(), "server.allowedOrigins")) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if null := newGuard(t, guard.Options{AllowedOrigins: []string{"null"}}); !null.AllowsOrigin("x", "null") {
		t.Error("null is listed and refused")
	}
}

func TestRefusedSettings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		options guard.Options
		want    string
	}{
		{guard.Options{AllowedHosts: []string{"a.example", "*.example.com"}}, `server.allowedHosts, entry 2: "*.example.com"`},
		{guard.Options{AllowedHosts: []string{"https://a.example"}}, `server.allowedHosts, entry 1`},
		{guard.Options{AllowedHosts: []string{""}}, `server.allowedHosts, entry 1`},
		{guard.Options{AllowedOrigins: []string{"*"}}, `server.allowedOrigins, entry 1: "*"`},
		{guard.Options{AllowedOrigins: []string{"app.example.com"}}, `server.allowedOrigins, entry 1`},
		{guard.Options{AllowedOrigins: []string{"https://app.example.com/path"}}, `server.allowedOrigins, entry 1`},
	} {
		if _, err := guard.New(c.options); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v", c.options, err)
		}
	}
}
