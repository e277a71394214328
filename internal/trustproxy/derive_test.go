package trustproxy_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"onemcp/internal/trustproxy"
)

// headerOf reads "Name: value" lines into a header, keeping order and duplicates.
func headerOf(text string) http.Header {
	h := http.Header{}
	for line := range strings.SplitSeq(text, "\n") {
		if name, value, ok := strings.Cut(strings.TrimLeft(line, "\t"), ": "); ok {
			h.Add(name, value)
		}
	}
	return h
}

// inputOf makes a plain-text request for the host mcp.example.com.
func inputOf(peer, headers string) trustproxy.Input {
	in := trustproxy.Input{Peer: peer, Host: "mcp.example.com", Header: headerOf(headers)}
	if h := http.Header(in.Header).Get("Host"); h != "" {
		in.Host = h
	}
	return in
}

// show renders a decision as client, status, hops, scheme://host and flags.
func show(d trustproxy.Decision) string {
	s := fmt.Sprintf("%s %s %d %s://%s", d.ClientText(), d.Status, d.Hops, d.Scheme, d.Host)
	if names := d.Flags.Names(); len(names) > 0 {
		s += " " + strings.Join(names, " ")
	}
	return s
}

// derivation is one line of the contract: a setting, a peer, headers, and the answer.
type derivation struct{ name, trust, peer, headers, want string }

func (c derivation) run(t *testing.T) {
	t.Helper()
	in := inputOf(c.peer, c.headers)
	d := compile(t, c.trust).Derive(in)
	if got := show(d); got != c.want {
		_, steps := compile(t, c.trust).Explain(in)
		t.Errorf("\n got %s\nwant %s\n%s", got, c.want, strings.Join(steps, "\n"))
	}
}

func runDerivations(t *testing.T, cases []derivation) {
	t.Helper()
	t.Parallel()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t)
		})
	}
}

const (
	proto = "\nX-Forwarded-Proto: https" // what keeps missing_proto quiet
	lan   = "10.0.0.0/8"
)

func TestRule1PeerNotTrusted(t *testing.T) {
	runDerivations(t, []derivation{
		{"nothing sent", lan, "203.0.113.9:5", "", "203.0.113.9 direct 0 http://mcp.example.com"},
		{"every header ignored", lan, "203.0.113.9:5", "X-Forwarded-For: 1.1.1.1\nX-Forwarded-Proto: https\nX-Forwarded-Host: evil.example",
			"203.0.113.9 direct 0 http://mcp.example.com untrusted_headers"},
		{"a header of B5 counts", lan, "203.0.113.9:5", "X-Forwarded-Port: 1", "203.0.113.9 direct 0 http://mcp.example.com untrusted_headers"},
		{"underscores count", lan, "203.0.113.9:5", "X_Forwarded_For: 1.1.1.1", "203.0.113.9 direct 0 http://mcp.example.com untrusted_headers alias_header"},
		{"Via alone does not", lan, "203.0.113.9:5", "Via: 1.1 office", "203.0.113.9 direct 0 http://mcp.example.com"},
		{"nobody", "false", "127.0.0.1:5", "X-Forwarded-For: 1.1.1.1", "127.0.0.1 direct 0 http://mcp.example.com untrusted_headers"},
		{"zero is nobody", "0", "127.0.0.1:5", "X-Forwarded-For: 1.1.1.1", "127.0.0.1 direct 0 http://mcp.example.com untrusted_headers"},
		{"a peer that is no address is nobody", "true", "nonsense", "X-Forwarded-For: 1.1.1.1", "unknown none 0 http://mcp.example.com untrusted_headers"},
		{"own host in lower case, port kept", lan, "203.0.113.9:5", "Host: MCP.Example.com:8443", "203.0.113.9 direct 0 http://mcp.example.com:8443"},
		{"own host must be one", lan, "203.0.113.9:5", "Host: evil@mcp.example.com", "203.0.113.9 direct 0 http:// bad_host"},
	})
}

func TestRule2List(t *testing.T) {
	runDerivations(t, []derivation{
		{"one entry", lan, "10.0.0.1:5", "X-Forwarded-For: 203.0.113.9" + proto, "203.0.113.9 verified 1 https://mcp.example.com"},
		{"over a trusted hop", lan, "10.0.0.1:5", "X-Forwarded-For: 203.0.113.9, 10.0.0.2" + proto, "203.0.113.9 verified 2 https://mcp.example.com"},
		{"lines are joined in order", lan, "10.0.0.1:5", "X-Forwarded-For: 203.0.113.9\nX-Forwarded-For: 10.0.0.3,10.0.0.2" + proto,
			"203.0.113.9 verified 3 https://mcp.example.com"},
		{"forged entries stay left", lan, "10.0.0.1:5", "X-Forwarded-For: 1.1.1.1\nX-Forwarded-For: 2.2.2.2, unknown, 203.0.113.9" + proto,
			"203.0.113.9 verified 1 https://mcp.example.com spoof_prefix"},
		{"blanks, tabs and empty elements", lan, "10.0.0.1:5", "X-Forwarded-For: \t203.0.113.9\t,, \t,10.0.0.2 ,\t" + proto,
			"203.0.113.9 verified 2 https://mcp.example.com"},
		{"empty elements on the left are no claim", lan, "10.0.0.1:5", "X-Forwarded-For: ,\t, ,203.0.113.9" + proto,
			"203.0.113.9 verified 1 https://mcp.example.com"},
		{"all of it trusted", lan, "10.0.0.1:5", "X-Forwarded-For: 10.0.0.3, 10.0.0.2" + proto, "10.0.0.3 verified 2 https://mcp.example.com all_trusted"},
		{"broken next to the peer", lan, "10.0.0.1:5", "X-Forwarded-For: 203.0.113.9, nonsense" + proto,
			"10.0.0.1 degraded 1 https://mcp.example.com malformed"},
		{"broken next to a trusted hop", lan, "10.0.0.1:5", "X-Forwarded-For: 203.0.113.9, nonsense, 10.0.0.3, 10.0.0.2" + proto,
			"10.0.0.3 degraded 2 https://mcp.example.com malformed"},
		{"hidden next to the peer", lan, "10.0.0.1:5", "X-Forwarded-For: 203.0.113.9, unknown" + proto,
			"10.0.0.1 degraded 1 https://mcp.example.com opaque"},
		{"other white space is broken", lan, "10.0.0.1:5", "X-Forwarded-For: 203.0.113.9\u00a0" + proto,
			"10.0.0.1 degraded 1 https://mcp.example.com malformed"},
		{"absent", lan, "10.0.0.1:5", proto, "10.0.0.1 direct 1 https://mcp.example.com missing_for"},
		{"only blanks is absent", lan, "10.0.0.1:5", "X-Forwarded-For:  , ," + proto, "10.0.0.1 direct 1 https://mcp.example.com missing_for"},
		{"a local user is no silent proxy", "loopback", "127.0.0.1:5", "Host: localhost:3000", "127.0.0.1 direct 1 http://localhost:3000"},
		{"a silent proxy on this machine", "loopback", "127.0.0.1:5", "", "127.0.0.1 direct 1 http://mcp.example.com missing_for missing_proto"},
		{"true: the leftmost", "true", "198.51.100.1:5", "X-Forwarded-For: 1.1.1.1, 203.0.113.9" + proto, "1.1.1.1 verified 2 https://mcp.example.com"},
		{"true: the leftmost that can be reached", "true", "198.51.100.1:5", "X-Forwarded-For: 1.1.1.1, unknown, 203.0.113.9" + proto,
			"203.0.113.9 degraded 1 https://mcp.example.com opaque"},
		{"mapped peer and entries", lan, "[::ffff:10.0.0.1]:5", "X-Forwarded-For: 203.0.113.9, ::ffff:10.0.0.2" + proto,
			"203.0.113.9 verified 2 https://mcp.example.com"},
		{"zones are dropped for trust", "fe80::/10", "[fe80::1%eth0]:5", "X-Forwarded-For: 2001:db8::9, fe80::2%br-0a1b" + proto,
			"2001:db8::9 verified 2 https://mcp.example.com"},
	})
}

func TestRule3HopCount(t *testing.T) {
	runDerivations(t, []derivation{
		{"one hop", "1", "198.51.100.1:5", "X-Forwarded-For: 203.0.113.9" + proto, "203.0.113.9 verified 1 https://mcp.example.com"},
		{"one hop, forged left", "1", "198.51.100.1:5", "X-Forwarded-For: 1.1.1.1, 203.0.113.9" + proto, "203.0.113.9 verified 1 https://mcp.example.com spoof_prefix"},
		{"two hops", "2", "198.51.100.1:5", "X-Forwarded-For: 1.1.1.1, 203.0.113.9, 198.51.100.2" + proto,
			"203.0.113.9 verified 2 https://mcp.example.com spoof_prefix"},
		{"too short: nothing is believed", "2", "198.51.100.1:5", "X-Forwarded-For: 1.1.1.1\nX-Forwarded-Host: evil.example" + proto,
			"198.51.100.1 degraded 0 http://mcp.example.com short_chain"},
		{"absent is too short", "1", "198.51.100.1:5", proto, "198.51.100.1 degraded 0 http://mcp.example.com short_chain"},
		{"broken: the next valid one to its right", "3", "198.51.100.1:5", "X-Forwarded-For: nonsense, also nonsense, 203.0.113.9" + proto,
			"203.0.113.9 degraded 1 https://mcp.example.com malformed"},
		{"hidden, none to its right", "1", "198.51.100.1:5", "X-Forwarded-For: 1.1.1.1, unknown" + proto,
			"198.51.100.1 degraded 1 https://mcp.example.com opaque"},
		{"a unix peer is the first hop", "1", "@", "X-Forwarded-For: 203.0.113.9" + proto, "203.0.113.9 verified 1 https://mcp.example.com"},
	})
}

func TestRule4SingleValue(t *testing.T) {
	real := `{"proxies": "10.0.0.0/8", "headers": {"clientIp": "X-Real-IP"}}`
	runDerivations(t, []derivation{
		{"one value", real, "10.0.0.1:5", "X-Real-IP: 203.0.113.9" + proto, "203.0.113.9 verified 1 https://mcp.example.com"},
		{"with port", real, "10.0.0.1:5", "X-Real-IP:  203.0.113.9:4711 " + proto, "203.0.113.9 verified 1 https://mcp.example.com"},
		{"in brackets", real, "10.0.0.1:5", "X-Real-IP: [2001:db8::9]:4711" + proto, "2001:db8::9 verified 1 https://mcp.example.com"},
		{"several equal ones", real, "10.0.0.1:5", "X-Real-IP: 203.0.113.9\nX-Real-IP: 203.0.113.9" + proto, "203.0.113.9 verified 1 https://mcp.example.com"},
		{"different ones", real, "10.0.0.1:5", "X-Real-IP: 1.1.1.1\nX-Real-IP: 203.0.113.9" + proto, "10.0.0.1 degraded 1 https://mcp.example.com duplicate_single"},
		{"a list", real, "10.0.0.1:5", "X-Real-IP: 1.1.1.1, 203.0.113.9" + proto, "10.0.0.1 degraded 1 https://mcp.example.com duplicate_single"},
		{"no address", real, "10.0.0.1:5", "X-Real-IP: client.example" + proto, "10.0.0.1 degraded 1 https://mcp.example.com malformed"},
		{"hidden", real, "10.0.0.1:5", "X-Real-IP: unknown" + proto, "10.0.0.1 degraded 1 https://mcp.example.com opaque"},
		{"absent: no fall-through", real, "10.0.0.1:5", "X-Forwarded-For: 203.0.113.9" + proto, "10.0.0.1 direct 1 https://mcp.example.com missing_for"},
		{"only from a trusted peer", real, "203.0.113.9:5", "X-Real-IP: 1.1.1.1", "203.0.113.9 direct 0 http://mcp.example.com untrusted_headers"},
		{"CF-Connecting-IP", `{"proxies": "cloudflare", "headers": {"clientIp": "CF-Connecting-IP"}}`, "104.16.1.1:5",
			"CF-Connecting-IP: 2001:db8::9\nX-Forwarded-For: 1.1.1.1" + proto, "2001:db8::9 verified 1 https://mcp.example.com"},
		{"never read", `{"proxies": "10.0.0.0/8", "headers": {"clientIp": false}}`, "10.0.0.1:5", "X-Forwarded-For: 1.1.1.1" + proto,
			"10.0.0.1 direct 1 https://mcp.example.com"},
	})
}

func TestRule6Scheme(t *testing.T) {
	from := func(protos ...string) string {
		return "X-Forwarded-For: 203.0.113.9, 10.0.0.2\nX-Forwarded-Proto: " + strings.Join(protos, "\nX-Forwarded-Proto: ")
	}
	runDerivations(t, []derivation{
		{"one value serves all hops", lan, "10.0.0.1:5", from("https"), "203.0.113.9 verified 2 https://mcp.example.com"},
		{"the outermost verified hop's", lan, "10.0.0.1:5", from("https, http"), "203.0.113.9 verified 2 https://mcp.example.com proto_list"},
		{"not what stands left of it", lan, "10.0.0.1:5", from("https", "http,http"), "203.0.113.9 verified 2 http://mcp.example.com proto_list"},
		{"true: the leftmost", "true", "10.0.0.1:5", from("https", "http,http"), "203.0.113.9 verified 2 https://mcp.example.com proto_list"},
		{"any case", lan, "10.0.0.1:5", from("HTTPS"), "203.0.113.9 verified 2 https://mcp.example.com"},
		{"wss is https", lan, "10.0.0.1:5", from("Wss"), "203.0.113.9 verified 2 https://mcp.example.com"},
		{"ws is http", lan, "10.0.0.1:5", from("ws"), "203.0.113.9 verified 2 http://mcp.example.com"},
		{"anything else", lan, "10.0.0.1:5", from("ftp"), "203.0.113.9 verified 2 http://mcp.example.com bad_proto"},
		{"broken value picked, good one not", lan, "10.0.0.1:5", from("https, ftp, http"), "203.0.113.9 verified 2 http://mcp.example.com bad_proto proto_list"},
		{"absent", lan, "10.0.0.1:5", "X-Forwarded-For: 203.0.113.9", "203.0.113.9 verified 1 http://mcp.example.com missing_proto"},
		{"empty is absent", lan, "10.0.0.1:5", from(" , "), "203.0.113.9 verified 2 http://mcp.example.com missing_proto"},
		{"never read", `{"proxies": "10.0.0.0/8", "headers": {"protocol": null}}`, "10.0.0.1:5", from("https"), "203.0.113.9 verified 2 http://mcp.example.com"},
		{"by another name", `{"proxies": "10.0.0.0/8", "headers": {"protocol": "X-Scheme"}}`, "10.0.0.1:5", from("http") + "\nX-Scheme: https",
			"203.0.113.9 verified 2 https://mcp.example.com"},
		{"a single-value client counts one hop", `{"proxies": "10.0.0.0/8", "headers": {"clientIp": "X-Real-IP"}}`, "10.0.0.1:5",
			"X-Real-IP: 203.0.113.9\nX-Forwarded-Proto: http, https", "203.0.113.9 verified 1 https://mcp.example.com proto_list"},
		{"a degraded answer counts the hops it verified", lan, "10.0.0.1:5", "X-Forwarded-For: x, 10.0.0.2\nX-Forwarded-Proto: https, http",
			"10.0.0.2 degraded 1 http://mcp.example.com malformed proto_list"},
	})
}

func TestOwnTLS(t *testing.T) {
	t.Parallel()
	for _, c := range []derivation{
		{"untrusted", lan, "203.0.113.9:5", "", "203.0.113.9 direct 0 https://mcp.example.com"},
		{"trusted, silent", lan, "10.0.0.1:5", "X-Forwarded-For: 203.0.113.9", "203.0.113.9 verified 1 https://mcp.example.com missing_proto"},
		{"trusted, says http", lan, "10.0.0.1:5", "X-Forwarded-For: 203.0.113.9\nX-Forwarded-Proto: http", "203.0.113.9 verified 1 http://mcp.example.com"},
		{"short chain", "1", "10.0.0.1:5", "X-Forwarded-Proto: http", "10.0.0.1 degraded 0 https://mcp.example.com short_chain"},
	} {
		in := inputOf(c.peer, c.headers)
		in.TLS = true
		if got := show(compile(t, c.trust).Derive(in)); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func TestRule7Host(t *testing.T) {
	from := func(hosts ...string) string {
		return "Host: upstream\nX-Forwarded-For: 203.0.113.9, 10.0.0.2\nX-Forwarded-Host: " + strings.Join(hosts, "\nX-Forwarded-Host: ") + proto
	}
	answer := "203.0.113.9 verified 2 https://"
	runDerivations(t, []derivation{
		{"one value serves all hops", lan, "10.0.0.1:5", from("mcp.example.com"), answer + "mcp.example.com"},
		{"the outermost verified hop's", lan, "10.0.0.1:5", from("evil.example, mcp.example.com, middle"), answer + "mcp.example.com host_list"},
		{"true: the leftmost", "true", "10.0.0.1:5", from("evil.example", "mcp.example.com, middle"), answer + "evil.example host_list"},
		{"lower case, port kept", lan, "10.0.0.1:5", from("MCP.Example.com:8443"), answer + "mcp.example.com:8443"},
		{"the default port is kept here", lan, "10.0.0.1:5", from("mcp.example.com:443"), answer + "mcp.example.com:443"},
		{"IPv4", lan, "10.0.0.1:5", from("192.0.2.7:80"), answer + "192.0.2.7:80"},
		{"IPv6", lan, "10.0.0.1:5", from("[2001:DB8::7]:80"), answer + "[2001:db8::7]:80"},
		{"absent", lan, "10.0.0.1:5", "X-Forwarded-For: 203.0.113.9" + proto, "203.0.113.9 verified 1 https://mcp.example.com"},
		{"refused", lan, "10.0.0.1:5", from("evil@mcp.example.com"), answer + "upstream bad_host"},
		{"refused, and so is the own one", lan, "10.0.0.1:5", "Host: a/b\nX-Forwarded-For: 203.0.113.9\nX-Forwarded-Host: a?b" + proto,
			"203.0.113.9 verified 1 https:// bad_host"},
		{"never read", `{"proxies": "10.0.0.0/8", "headers": {"host": false}}`, "10.0.0.1:5", from("mcp.example.com"), answer + "upstream"},
	})
}

func TestHostForms(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a23456789.", 25)
	for host, want := range map[string]bool{
		"localhost": true, "mcp.example.com": true, "my_service": true, "xn--bcher-kva.example": true, "1.2.3.4": true, "[::1]": true,
		"[::1]:1": true, "a:65535": true, "a-": true, "3com.example": true, "4.3.2.1.in-addr.arpa": true, long + "abc": true,
		"": false, " ": false, "a b": false, "a@b": false, "a/b": false, `a\b`: false, "a?b": false, "a#b": false, "a..b": false,
		".a": false, "a.": false, ".": false, "a:": false, "a:0": false, "a:65536": false, "a:x": false, "a:080": false, "a:1:2": false,
		"::1": false, "[::1": false, "[::1]x": false, "[1.2.3.4]": false, "[fe80::1%25eth0]": false, "[]": false, "1.2.3": false,
		"256.1.1.1": false, "01.2.3.4": false, "0x7f.1": false, "1.0X7F": false, "2130706433": false, "b\u00fccher.example": false,
		"\u212aelvin": false, "a,b": false, "*": false, "a%20b": false, "a\x00": false, long + "abcd": false,
		strings.Repeat("a", 63): true, strings.Repeat("a", 64): false, long + "abc:65535": true,
	} {
		if h, ok := trustproxy.ParseHost(host); ok != want {
			t.Errorf("ParseHost(%q) = %+v, %v", host, h, ok)
		}
	}
}

// TestAddressForms reads each form as the only entry of X-Forwarded-For.
func TestAddressForms(t *testing.T) {
	t.Parallel()
	const broken, opaque = "malformed", "opaque"
	zone32 := strings.Repeat("z", 32)
	for entry, want := range map[string]string{
		"203.0.113.9": "203.0.113.9", "203.0.113.9:0": "203.0.113.9", "203.0.113.9:65535": "203.0.113.9",
		"203.0.113.09": broken, "203.0.113": broken, "203.0.113.256": broken, "0xcb007109": broken, "3405803785": broken,
		"203.0.113.9.": broken, "203.0.113.9.1": broken, "203..113.9": broken, "+1.2.3.4": broken, "1.2.3.-4": broken,
		"203.0.113.9:": broken, "203.0.113.9:65536": broken, "203.0.113.9:1:2": broken, "203.0.113.9:http": broken, "203.0.113.9:-1": broken,
		"203.0.113.9:000001": broken, "203.0.113.9:_port": broken, "203.0.113.9%eth0": broken, "203.0.113.9/32": broken,
		"[203.0.113.9]": broken, "[203.0.113.9]:80": broken, `"203.0.113.9"`: broken, "203.0.113.9 x": broken, "203.0.113.9;": broken,
		"2001:db8::9": "2001:db8::9", "2001:0DB8:0:0:0:0:0:9": "2001:db8::9", "[2001:db8::9]": "2001:db8::9", "[2001:db8::9]:80": "2001:db8::9",
		"[2001:db8::9]:": broken, "[2001:db8::9]80": broken, "[2001:db8::9": broken, "2001:db8::9]": broken, "[[2001:db8::9]]": broken,
		"[2001:db8::9]:80:80": broken, "[]": broken, "[]:80": broken, "[": broken, ":": broken, "::g": broken, "1:2:3:4:5:6:7": broken, "12345::": broken,
		"1::2::3": broken, "2001:db8::/32": broken, "64:ff9b::192.0.2.1": "64:ff9b::c000:201", "2002:c000:0201::1": "2002:c000:201::1",
		"::192.0.2.1": "::c000:201", "::ffff:203.0.113.9": "203.0.113.9", "::FFFF:cb00:7109": "203.0.113.9", "[::ffff:203.0.113.9]:80": "203.0.113.9",
		"::ffff:203.0.113.09": broken, "::ffff:0:203.0.113.9": "::ffff:0:cb00:7109",
		"fe80::1%eth0": "fe80::1", "[fe80::1%en0.1]:80": "fe80::1", "fe80::1%" + zone32: "fe80::1", "fe80::1%" + zone32 + "z": broken,
		"fe80::1%": broken, "fe80::1%a/b": broken, "fe80::1%a%b": broken, "fe80::1%25~": "fe80::1",
		"unknown": opaque, "UNKNOWN": opaque, "_hidden": opaque, "_a.B-9_": opaque, "_": broken, "_a b": broken, "unknown:80": broken, "_hidden:80": broken,
		"client.example": broken, "localhost": broken, "*": broken, "-": broken, "\x00": broken, "1.1.1.1\t2.2.2.2": broken, "１.1.1.1": broken,
		strings.Repeat("1", 65): broken,
	} {
		d := compile(t, lan).Derive(inputOf("10.0.0.1:5", "X-Forwarded-For: "+entry+proto))
		got := d.ClientText()
		if d.Status == trustproxy.StatusDegraded {
			got = d.Flags.Names()[0]
		}
		if got != want {
			t.Errorf("%q: got %s, want %s", entry, got, want)
		}
	}
}

func TestForwarded(t *testing.T) {
	chosen := `{"proxies": "10.0.0.0/8", "headers": {"clientIp": "Forwarded"}}`
	everyone := `{"proxies": true, "headers": {"clientIp": "Forwarded"}}`
	counted := `{"proxies": 2, "headers": {"clientIp": "Forwarded"}}`
	plain := "http://mcp.example.com"
	runDerivations(t, []derivation{
		{"only when chosen", lan, "10.0.0.1:5", "Forwarded: for=203.0.113.9" + proto, "10.0.0.1 direct 1 https://mcp.example.com missing_for conflict"},
		{"one element", chosen, "10.0.0.1:5", "Forwarded: for=203.0.113.9;proto=https;host=pub.example;by=10.0.0.1", "203.0.113.9 verified 1 https://pub.example conflict"},
		{"proto and host of the outermost verified hop", chosen, "10.0.0.1:5",
			"Host: up\nForwarded: for=1.1.1.1;proto=http;host=evil.example, for=203.0.113.9;proto=https;host=pub.example\nForwarded: for=10.0.0.2;proto=http;host=middle",
			"203.0.113.9 verified 2 https://pub.example spoof_prefix"},
		{"the X- headers are not mixed in", chosen, "10.0.0.1:5", "Forwarded: for=203.0.113.9\nX-Forwarded-Proto: https\nX-Forwarded-Host: evil.example",
			"203.0.113.9 verified 1 " + plain + " missing_proto"},
		{"unless they are named", `{"proxies": "10.0.0.0/8", "headers": {"clientIp": "Forwarded", "protocol": "X-Forwarded-Proto"}}`, "10.0.0.1:5",
			"Forwarded: for=203.0.113.9;proto=http;host=mcp.example.com\nX-Forwarded-Proto: https", "203.0.113.9 verified 1 https://mcp.example.com"},
		{"separators in quotes", chosen, "10.0.0.1:5", `Forwarded: ext="a,b;for=1.1.1.1";for=203.0.113.9;proto=http`, "203.0.113.9 verified 1 " + plain},
		{"quoted pairs", chosen, "10.0.0.1:5", `Forwarded: ext="\",for=1.1.1.1,\\";for="203.0.\113.9";proto="\http"`, "203.0.113.9 verified 1 " + plain},
		{"IPv6 in quotes", chosen, "10.0.0.1:5", `Forwarded: For="[2001:db8::9]:4711";PROTO=http`, "2001:db8::9 verified 1 " + plain},
		{"blanks around separators", chosen, "10.0.0.1:5", "Forwarded: for=203.0.113.9 ;\tproto=http ;, ,", "203.0.113.9 verified 1 " + plain},
		{"a hidden port", chosen, "10.0.0.1:5", `Forwarded: for="203.0.113.9:_p.1";proto=http`, "203.0.113.9 verified 1 " + plain},
		{"hidden", chosen, "10.0.0.1:5", "Forwarded: for=_secret;proto=https", "10.0.0.1 degraded 1 https://mcp.example.com opaque"},
		{"hidden with port", chosen, "10.0.0.1:5", `Forwarded: for="unknown:_x";proto=http`, "10.0.0.1 degraded 1 " + plain + " opaque"},
		{"without for", chosen, "10.0.0.1:5", "Forwarded: for=1.1.1.1, proto=https", "10.0.0.1 degraded 1 https://mcp.example.com opaque"},
		{"for twice", chosen, "10.0.0.1:5", "Forwarded: for=1.1.1.1;proto=https;FOR=1.1.1.1", "10.0.0.1 degraded 1 " + plain + " malformed missing_proto"},
		{"any name twice", chosen, "10.0.0.1:5", "Forwarded: for=1.1.1.1;x=1;X=2", "10.0.0.1 degraded 1 " + plain + " malformed missing_proto"},
		{"a void element left of the client does not matter", chosen, "10.0.0.1:5", "Forwarded: for=1;for=2, for=203.0.113.9;proto=http",
			"203.0.113.9 verified 1 " + plain + " spoof_prefix"},
		{"an unclosed quote voids the header", chosen, "10.0.0.1:5", `Forwarded: for="1.1.1.1, for=203.0.113.9;proto=https`, "10.0.0.1 degraded 1 " + plain + " malformed missing_proto"},
		{"also in another line", chosen, "10.0.0.1:5", "Forwarded: for=\"1.1.1.1\nForwarded: for=\"203.0.113.9\"", "10.0.0.1 degraded 1 " + plain + " malformed missing_proto"},
		{"text after the quote", chosen, "10.0.0.1:5", `Forwarded: for="203.0.113.9"x`, "10.0.0.1 degraded 1 " + plain + " malformed missing_proto"},
		{"blanks around =", chosen, "10.0.0.1:5", "Forwarded: for = 203.0.113.9", "10.0.0.1 degraded 1 " + plain + " malformed missing_proto"},
		{"empty for", chosen, "10.0.0.1:5", `Forwarded: for="";proto=http`, "10.0.0.1 degraded 1 " + plain + " malformed"},
		{"absent", chosen, "10.0.0.1:5", "X-Forwarded-For: 1.1.1.1", "10.0.0.1 direct 1 " + plain + " missing_for missing_proto conflict"},
		{"true takes the first element", everyone, "10.0.0.1:5", "Forwarded: for=1.1.1.1;proto=https, for=203.0.113.9;proto=http",
			"1.1.1.1 verified 2 https://mcp.example.com"},
		{"hop count", counted, "198.51.100.1:5", "Forwarded: for=1.1.1.1, for=203.0.113.9;proto=https, for=198.51.100.2",
			"203.0.113.9 verified 2 https://mcp.example.com spoof_prefix"},
		{"hop count too short", counted, "198.51.100.1:5", "Forwarded: for=203.0.113.9;proto=https", "198.51.100.1 degraded 0 " + plain + " short_chain"},
		{"X-Forwarded-For disagrees", chosen, "10.0.0.1:5", "Forwarded: for=203.0.113.9;proto=http\nX-Forwarded-For: 1.1.1.1", "203.0.113.9 verified 1 " + plain + " conflict"},
		{"X-Forwarded-For agrees", chosen, "10.0.0.1:5", "Forwarded: for=203.0.113.9;proto=http\nX-Forwarded-For: 1.1.1.1, 203.0.113.9", "203.0.113.9 verified 1 " + plain},
	})
}

func TestNeverRead(t *testing.T) {
	t.Parallel()
	p := compile(t, lan)
	honest := "X-Forwarded-For: 203.0.113.9\nX-Forwarded-Proto: https\nX-Forwarded-Host: mcp.example.com"
	want := p.Derive(inputOf("10.0.0.1:5", honest))
	for _, name := range []string{
		"X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Server", "X-Forwarded-Scheme", "X-Forwarded-Ssl", "X-Forwarded-Uri",
		"X-Forwarded-Method", "X-Scheme", "X-Url-Scheme", "Front-End-Https", "X-Host", "X-Original-Host", "X-Original-URL", "X-Rewrite-URL",
		"Client-IP", "X-Client-IP", "X-Cluster-Client-IP", "True-Client-IP", "Fastly-Client-IP", "CF-Connecting-IP", "CF-Visitor", "CF-IPCountry",
		"X_Forwarded_For", "X_Forwarded_Proto", "X-Forwarded_Host", "X_Real_IP", "x-FORWARDED_for",
	} {
		if !trustproxy.IsForwarding(name) {
			t.Errorf("%s is not known as a forwarding header", name)
		}
		got := p.Derive(inputOf("10.0.0.1:5", honest+"\n"+name+": 66.66.66.66"))
		got.Flags, got.Seen = want.Flags, want.Seen
		if got != want {
			t.Errorf("%s changes the answer to %s", name, show(got))
		}
		alone := p.Derive(inputOf("10.0.0.1:5", name+": http"))
		if !alone.Forwarding() || alone.Client != alone.Peer || alone.Scheme != "http" {
			t.Errorf("%s alone gives %s, forwarding %v", name, show(alone), alone.Forwarding())
		}
	}
	for _, name := range []string{"Host", "Accept", "Content-Type", "Cookie", "Traceparent", "X", "X-Request-Id", "Via", ""} {
		if trustproxy.IsForwarding(name) {
			t.Errorf("%q counts as a forwarding header", name)
		}
	}
}

func TestUnixPeers(t *testing.T) {
	client := "X-Forwarded-For: 203.0.113.9" + proto
	runDerivations(t, []derivation{
		{"trusted by loopback", "loopback", "@", client, "203.0.113.9 verified 1 https://mcp.example.com"},
		{"trusted by unix", "unix", "", client, "203.0.113.9 verified 1 https://mcp.example.com"},
		{"trusted by true", "true", "/run/1mcp.sock", client, "203.0.113.9 verified 1 https://mcp.example.com"},
		{"trusted by a count", "1", "@abstract", client, "203.0.113.9 verified 1 https://mcp.example.com"},
		{"not by a list of addresses", "127.0.0.1, ::1", "@", client, "unix none 0 http://mcp.example.com untrusted_headers"},
		{"not by false", "false", "@", client, "unix none 0 http://mcp.example.com untrusted_headers"},
		{"without header there is no address", "unix", "@", proto, "unix none 1 https://mcp.example.com missing_for"},
		{"with a broken header neither", "unix", "@", "X-Forwarded-For: x" + proto, "unix none 1 https://mcp.example.com malformed"},
		{"short chain", "2", "@", client, "unix none 0 http://mcp.example.com short_chain"},
		{"a local user", "loopback", "@", "Host: localhost", "unix none 1 http://localhost"},
	})
}

func TestLimits(t *testing.T) {
	ten := func(n int) string { return strings.TrimSuffix(strings.Repeat("10.0.0.2, ", n), ", ") }
	runDerivations(t, []derivation{
		{"64 entries", lan, "10.0.0.1:5", "X-Forwarded-For: 203.0.113.9, " + ten(63) + proto, "203.0.113.9 verified 64 https://mcp.example.com"},
		{"65 entries: the leftmost is not looked at", lan, "10.0.0.1:5", "X-Forwarded-For: 203.0.113.9, " + ten(64) + proto,
			"10.0.0.2 verified 64 https://mcp.example.com too_long all_trusted"},
		{"empty elements do not count", lan, "10.0.0.1:5", "X-Forwarded-For: 203.0.113.9" + strings.Repeat(", ", 100) + ", 10.0.0.2" + proto,
			"203.0.113.9 verified 2 https://mcp.example.com"},
		{"300 forged on the left", lan, "10.0.0.1:5", "X-Forwarded-For: " + strings.Repeat("1.1.1.1,", 300) + "203.0.113.9" + proto,
			"203.0.113.9 verified 1 https://mcp.example.com spoof_prefix too_long"},
		{"65 lines", lan, "10.0.0.1:5", strings.Repeat("X-Forwarded-For: 1.1.1.1\n", 64) + "X-Forwarded-For: 203.0.113.9" + proto,
			"203.0.113.9 verified 1 https://mcp.example.com spoof_prefix too_long"},
		{"65 elements of Forwarded", `{"proxies": "10.0.0.0/8", "headers": {"clientIp": "Forwarded"}}`, "10.0.0.1:5",
			"Forwarded: " + strings.Repeat("for=10.0.0.3,", 65) + "for=10.0.0.2;proto=http", "10.0.0.3 verified 64 http://mcp.example.com too_long missing_proto all_trusted"},
		{"an entry of 64 bytes", lan, "10.0.0.1:5", "X-Forwarded-For: _" + strings.Repeat("a", 63) + proto, "10.0.0.1 degraded 1 https://mcp.example.com opaque"},
		{"an entry of 65 bytes", lan, "10.0.0.1:5", "X-Forwarded-For: _" + strings.Repeat("a", 64) + proto, "10.0.0.1 degraded 1 https://mcp.example.com malformed"},
	})
}

func TestFlags(t *testing.T) {
	client := "X-Forwarded-For: 203.0.113.9" + proto
	answer := "203.0.113.9 verified 1 https://mcp.example.com"
	runDerivations(t, []derivation{
		{"X-Real-IP agrees", lan, "10.0.0.1:5", client + "\nX-Real-IP: 203.0.113.9", answer},
		{"X-Real-IP names whom the peer saw", lan, "10.0.0.1:5", "X-Forwarded-For: 203.0.113.9, 10.0.0.2\nX-Real-IP: 10.0.0.2" + proto,
			"203.0.113.9 verified 2 https://mcp.example.com"},
		{"X-Real-IP disagrees", lan, "10.0.0.1:5", client + "\nX-Real-IP: 1.1.1.1", answer + " conflict"},
		{"CF-Connecting-IP disagrees", lan, "10.0.0.1:5", client + "\nCF-Connecting-IP: 1.1.1.1", answer + " conflict"},
		{"Forwarded agrees", lan, "10.0.0.1:5", client + "\nForwarded: for=1.1.1.1, for=203.0.113.9", answer},
		{"Forwarded disagrees", lan, "10.0.0.1:5", client + "\nForwarded: for=203.0.113.9, for=1.1.1.1", answer + " conflict"},
		{"XFH is not the public Host", lan, "10.0.0.1:5", client + "\nX-Forwarded-Host: other.example", "203.0.113.9 verified 1 https://other.example conflict"},
		{"XFH differs by port only", lan, "10.0.0.1:5", client + "\nX-Forwarded-Host: mcp.example.com:8443", "203.0.113.9 verified 1 https://mcp.example.com:8443"},
		{"Host is the upstream's name", lan, "10.0.0.1:5", client + "\nHost: 10.0.0.5:3000\nX-Forwarded-Host: other.example", "203.0.113.9 verified 1 https://other.example"},
		{"underscores", lan, "10.0.0.1:5", client + "\nX_Forwarded_For: 1.1.1.1", answer + " alias_header"},
		{"Connection strips", lan, "10.0.0.1:5", client + "\nConnection: close, x-forwarded-FOR", answer + " connection_strip"},
		{"Connection as usual", lan, "10.0.0.1:5", client + "\nConnection: keep-alive, Upgrade", answer},
		{"private via public", "198.51.100.1", "198.51.100.1:5", "X-Forwarded-For: 192.168.1.2" + proto, "192.168.1.2 verified 1 https://mcp.example.com private_via_public"},
		{"private via private", lan, "10.0.0.1:5", "X-Forwarded-For: 192.168.1.2" + proto, "192.168.1.2 verified 1 https://mcp.example.com"},
		{"private via private behind public", lan + ",198.51.100.1", "198.51.100.1:5", "X-Forwarded-For: 192.168.1.2, 10.0.0.2" + proto,
			"192.168.1.2 verified 2 https://mcp.example.com"},
		{"martian", lan, "10.0.0.1:5", "X-Forwarded-For: 0.1.2.3" + proto, "0.1.2.3 verified 1 https://mcp.example.com martian"},
		{"unspecified", lan, "10.0.0.1:5", "X-Forwarded-For: ::" + proto, ":: verified 1 https://mcp.example.com martian"},
		{"broadcast", lan, "10.0.0.1:5", "X-Forwarded-For: 255.255.255.255" + proto, "255.255.255.255 verified 1 https://mcp.example.com martian"},
		{"multicast", lan, "10.0.0.1:5", "X-Forwarded-For: ff02::1" + proto, "ff02::1 verified 1 https://mcp.example.com martian"},
	})
}
