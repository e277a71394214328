package trustproxy_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"onemcp/internal/trustproxy"
)

func TestDeriveDoesNotAllocate(t *testing.T) {
	for _, c := range []struct{ name, trust, peer, headers string }{
		{"untrusted", lan, "203.0.113.9:5", "X-Forwarded-For: 1.1.1.1"},
		{"two entries", fiveRanges, "10.0.0.1:5", "X-Forwarded-For: 203.0.113.9, 10.0.0.2\nX-Forwarded-Host: mcp.example.com\nX-Real-IP: 10.0.0.2" + proto},
		{"IPv6", fiveRanges, "[fd00::1]:5", "X-Forwarded-For: [2001:db8::9]:80, fd00::2" + proto},
		{"64 forged", fiveRanges, "10.0.0.1:5", "X-Forwarded-For: " + strings.Repeat("1.1.1.1,", 64) + "203.0.113.9" + proto},
		{"true", "true", "10.0.0.1:5", "X-Forwarded-For: 203.0.113.9, 10.0.0.2" + proto},
		{"hop count", "2", "10.0.0.1:5", "X-Forwarded-For: 203.0.113.9, 10.0.0.2" + proto},
		{"single value", `{"proxies": "10.0.0.0/8", "headers": {"clientIp": "X-Real-IP"}}`, "10.0.0.1:5", "X-Real-IP: 203.0.113.9" + proto},
		{"Forwarded", `{"proxies": "10.0.0.0/8", "headers": {"clientIp": "Forwarded"}}`, "10.0.0.1:5", `Forwarded: for="[2001:db8::9]:1";proto=https;host=mcp.example.com, for=10.0.0.2`},
		{"unix", "unix", "@", "X-Forwarded-For: 203.0.113.9" + proto},
		{"local", "loopback", "127.0.0.1:5", "Host: localhost:3000"},
		{"hidden", lan, "10.0.0.1:5", "X-Forwarded-For: unknown" + proto},
		{"broken", lan, "10.0.0.1:5", "X-Forwarded-For: nonsense" + proto},
	} {
		p, in := compile(t, c.trust), inputOf(c.peer, c.headers)
		if n := testing.AllocsPerRun(100, func() { p.Derive(in) }); n != 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
	}
}

func TestTheZeroPolicyTrustsNobody(t *testing.T) {
	t.Parallel()
	d := (&trustproxy.Policy{}).Derive(inputOf("127.0.0.1:5", "Host: localhost\nX-Forwarded-For: 1.1.1.1"))
	if d.Trusted || d.Client.String() != "127.0.0.1" || !d.Forwarding() || d.Local("localhost") {
		t.Errorf("%+v", d)
	}
}

func TestLocal(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, peer, host, headers string
		want                      bool
	}{
		{"loopback", "127.0.0.1:5", "localhost:3000", "", true},
		{"loopback IPv6", "[::1]:5", "[::1]:3000", "", true},
		{"mapped loopback", "[::ffff:127.0.0.1]:5", "127.1.2.3", "", true},
		{"a name under localhost", "127.0.0.1:5", "mcp.localhost", "", true},
		{"unix", "@", "localhost", "", true},
		{"another machine", "192.168.1.2:5", "localhost", "", false},
		{"a public host", "127.0.0.1:5", "mcp.example.com", "", false},
		{"a rebinding name", "127.0.0.1:5", "localhost.evil.example", "", false},
		{"no host", "127.0.0.1:5", "", "", false},
		{"forwarded", "127.0.0.1:5", "localhost", "X-Forwarded-For: 127.0.0.1", false},
		{"forwarded, never read", "127.0.0.1:5", "localhost", "X-Forwarded-Port: 1", false},
		{"forwarded, other spelling", "127.0.0.1:5", "localhost", "X_Real_IP: 127.0.0.1", false},
		{"forwarded, Cloudflare", "127.0.0.1:5", "localhost", "CF-Ray: 1", false},
		{"Via", "127.0.0.1:5", "localhost", "Via: 1.1 varnish", false},
	}
	for _, c := range cases {
		d := compile(t, "loopback").Derive(trustproxy.Input{Peer: c.peer, Host: c.host, Header: headerOf(c.headers)})
		if got := d.Local(c.host); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	in := trustproxy.Input{Peer: "127.0.0.1:5", Proxied: true}
	if compile(t, "loopback").Derive(in).Local("localhost") {
		t.Error("a peer that a PROXY header announced counts as local")
	}
}

func TestRateKey(t *testing.T) {
	t.Parallel()
	key := func(trust, peer, xff string, bits int) trustproxy.RateKey {
		return compile(t, trust).Derive(inputOf(peer, "X-Forwarded-For: "+xff+proto)).RateKey(bits)
	}
	net := func(s string) trustproxy.RateKey { return trustproxy.RateKey{Network: netip.MustParsePrefix(s)} }
	for _, c := range []struct {
		name      string
		got, want trustproxy.RateKey
	}{
		{"IPv4", key(lan, "10.0.0.1:5", "203.0.113.9", 0), net("203.0.113.9/32")},
		{"mapped is the same", key(lan, "10.0.0.1:5", "::ffff:203.0.113.9", 0), net("203.0.113.9/32")},
		{"IPv6 by /64", key(lan, "10.0.0.1:5", "2001:db8:1:2:3::9", 0), net("2001:db8:1:2::/64")},
		{"IPv6 by /56", key(lan, "10.0.0.1:5", "2001:db8:1:2ff:3::9", 56), net("2001:db8:1:200::/56")},
		{"not wider than /48", key(lan, "10.0.0.1:5", "2001:db8:1:2::9", 1), net("2001:db8:1::/48")},
		{"direct", key(lan, "203.0.113.9:5", "1.1.1.1", 0), net("203.0.113.9/32")},
		{"degraded: the peer, marked", key(lan, "10.0.0.1:5", "x, 10.0.0.2", 0), trustproxy.RateKey{Network: netip.MustParsePrefix("10.0.0.1/32"), Degraded: true}},
		{"none: one for all", key("unix", "@", "x", 0), trustproxy.RateKey{}},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v, want %v", c.name, c.got, c.want)
		}
	}
}

func TestMasked(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"203.0.113.9": "203.0.113.0", "2001:db8:1:2::9": "2001:db8:1::"} {
		if got := trustproxy.Masked(netip.MustParseAddr(in)); got.String() != want {
			t.Errorf("%s: %s", in, got)
		}
	}
	if trustproxy.Masked(netip.Addr{}).IsValid() {
		t.Error("no address became one")
	}
}

func TestPrivileged(t *testing.T) {
	t.Parallel()
	for xff, want := range map[string]bool{"203.0.113.9": true, "": true, "x": false, "unknown": false} {
		d := compile(t, lan).Derive(inputOf("10.0.0.1:5", "X-Forwarded-For: "+xff))
		if d.Privileged() != want {
			t.Errorf("%q: %s", xff, show(d))
		}
	}
	if compile(t, "unix").Derive(inputOf("@", "")).Privileged() {
		t.Error("no address is privileged")
	}
}

func TestOnward(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, trust, peer, headers, want string }{
		{"direct", lan, "203.0.113.9:5", "X-Forwarded-For: 1.1.1.1", "203.0.113.9"},
		{"verified part only", lan, "10.0.0.1:5", "X-Forwarded-For: 1.1.1.1, 203.0.113.9:80, ::ffff:10.0.0.3\nX-Forwarded-For: 10.0.0.2", "203.0.113.9, 10.0.0.3, 10.0.0.2, 10.0.0.1"},
		{"degraded: the peer only", lan, "10.0.0.1:5", "X-Forwarded-For: x, 10.0.0.2", "10.0.0.1"},
		{"absent", lan, "10.0.0.1:5", "", "10.0.0.1"},
		{"hop count", "2", "10.0.0.1:5", "X-Forwarded-For: 1.1.1.1, 203.0.113.9, 10.0.0.2", "203.0.113.9, 10.0.0.2, 10.0.0.1"},
		{"hop count over a broken hop", "2", "10.0.0.1:5", "X-Forwarded-For: 203.0.113.9, x", "203.0.113.9, 10.0.0.1"},
		{"single value", `{"proxies": "10.0.0.0/8", "headers": {"clientIp": "X-Real-IP"}}`, "10.0.0.1:5", "X-Real-IP: 203.0.113.9\nX-Forwarded-For: 1.1.1.1", "203.0.113.9, 10.0.0.1"},
		{"Forwarded", `{"proxies": "10.0.0.0/8", "headers": {"clientIp": "Forwarded"}}`, "10.0.0.1:5", "Forwarded: for=203.0.113.9, for=10.0.0.2", "203.0.113.9, 10.0.0.2, 10.0.0.1"},
		{"unix", "unix", "@", "X-Forwarded-For: 203.0.113.9", "203.0.113.9"},
		{"unix without address", "unix", "@", "", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, in := compile(t, c.trust), inputOf(c.peer, c.headers)
			h := http.Header{"X-Forwarded-For": {"66.6.6.6"}, "X-Forwarded-Host": {"evil.example"}}
			p.Onward(in.Header, p.Derive(in)).Set(h)
			if got := h.Get("X-Forwarded-For"); got != c.want {
				t.Errorf("X-Forwarded-For %q, want %q", got, c.want)
			}
			if h.Get("X-Forwarded-Proto") != "http" || h.Get("X-Forwarded-Host") != "mcp.example.com" {
				t.Errorf("%v", h)
			}
		})
	}
}

func TestClaims(t *testing.T) {
	t.Parallel()
	for xff, want := range map[string]bool{
		"127.0.0.1, 203.0.113.9": true, "1.1.1.1, 192.168.1.1, x, 203.0.113.9": true, "198.51.100.7, 203.0.113.9, 10.0.0.2": true,
		"1.1.1.1, 203.0.113.9": false, "203.0.113.9": false, "x, 203.0.113.9, 10.0.0.2": false,
	} {
		p, in := compile(t, lan+",198.51.100.0/24"), inputOf("10.0.0.1:5", "X-Forwarded-For: "+xff)
		if got := p.ClaimsInternal(in, p.Derive(in)); got != want {
			t.Errorf("%q: %v", xff, got)
		}
		if got := p.Claim(in); got != xff[:len(got)] || got == "" {
			t.Errorf("%q: claim %q", xff, got)
		}
	}
}

func TestExplainNamesEachStep(t *testing.T) {
	t.Parallel()
	_, steps := compile(t, "uniquelocal").Explain(inputOf("10.0.0.1:5", "X-Forwarded-For: 1.1.1.1, 203.0.113.9, 10.0.0.2\nX-Forwarded-Host: \"\x1b[31m"+proto))
	got := strings.Join(steps, "\n")
	for _, want := range []string{
		`peer 10.0.0.1 is a trusted proxy: in the list by "uniquelocal"`,
		`X-Forwarded-For: 10.0.0.2 is a trusted proxy`,
		`X-Forwarded-For: 203.0.113.9 is not a trusted proxy, so it is the client`,
		`client 203.0.113.9, status verified, over 2 verified hop(s)`,
		`X-Forwarded-Proto: the outermost verified hop says "https": scheme https`,
		`X-Forwarded-Host: "\"\x1b[31m" is no host`,
		`flag spoof_prefix (info)`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no step says %s in\n%s", want, got)
		}
	}
}

func TestFlagNames(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for f := range trustproxy.Flags(1<<23 - 1).All {
		if f.String() == "none" || f.Meaning() == "" || f.Level().String() == "" || seen[f.String()] {
			t.Errorf("flag %d: %q %q", f, f, f.Meaning())
		}
		seen[f.String()] = true
	}
	if len(seen) != 23 || trustproxy.OriginDenied != 1<<22 || trustproxy.OriginDenied.String() != "origin_denied" {
		t.Errorf("%d flags, the last %s", len(seen), trustproxy.OriginDenied)
	}
}

func TestSeen(t *testing.T) {
	t.Parallel()
	all := "X-Forwarded-For: a\nX-Forwarded-Proto: a\nX-Forwarded-Host: a\nForwarded: a\nX-Real-IP: a\nCF-Connecting-IP: a\nX-Forwarded-Port: a\nX_Host: a\nVia: a"
	want := "X-Forwarded-For X-Forwarded-Proto X-Forwarded-Host Forwarded X-Real-IP CF-Connecting-IP other underscore spelling Via"
	if got := strings.Join(compile(t, lan).Derive(inputOf("10.0.0.1:5", all)).Seen.Names(), " "); got != want {
		t.Errorf("seen %s", got)
	}
	own := `{"headers": {"clientIp": "Client-Real"}}`
	if got := compile(t, own).Derive(inputOf("127.0.0.1:5", "Client-Real: 203.0.113.9")).Seen; got != trustproxy.SeenOther {
		t.Errorf("a configured header is %v", got.Names())
	}
	if got := compile(t, lan).Derive(inputOf("10.0.0.1:5", "Accept: a")).Seen; got != 0 {
		t.Errorf("nothing is %v", got.Names())
	}
}
