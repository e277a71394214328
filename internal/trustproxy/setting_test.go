package trustproxy_test

import (
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"

	"onemcp/internal/trustproxy"
)

// who lists the peers that tell the accepted settings apart.
func who() []struct{ name, peer string } {
	return []struct{ name, peer string }{
		{"lo4", "127.9.9.9:1"}, {"lo6", "[::1]:1"}, {"unix", "@"}, {"ll4", "169.254.1.1:1"}, {"ll6", "[fe80::1%eth0]:1"},
		{"ten", "10.20.30.40:1"}, {"b172", "172.31.0.1:1"}, {"b192", "192.168.1.1:1"}, {"ula", "[fd12::1]:1"},
		{"cf4", "104.27.0.1:1"}, {"cf6", "[2a06:98c7::1]:1"}, {"doc", "192.0.2.7:1"}, {"doc8", "192.0.2.8:1"}, {"doc6", "[2001:db8::7]:1"},
	}
}

// trusted returns the names of those peers that the policy trusts.
func trusted(p *trustproxy.Policy) string {
	var names []string
	for _, w := range who() {
		if p.Derive(trustproxy.Input{Peer: w.peer}).Trusted {
			names = append(names, w.name)
		}
	}
	return strings.Join(names, " ")
}

const everybody = "lo4 lo6 unix ll4 ll6 ten b172 b192 ula cf4 cf6 doc doc8 doc6"

func TestAcceptedValues(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, json, want string }{
		{"not set: null", `null`, "lo4 lo6 unix"},
		{"not set: blank text", `" \t"`, "lo4 lo6 unix"},
		{"false", `false`, ""},
		{"false as text", `"false"`, ""},
		{"zero", `0`, ""},
		{"zero as text", `"0"`, ""},
		{"empty list", `[]`, ""},
		{"true", `true`, everybody},
		{"true as text", `" true "`, everybody},
		{"loopback", `"loopback"`, "lo4 lo6 unix"},
		{"preset in any case", `"LoopBack"`, "lo4 lo6 unix"},
		{"linklocal", `"linklocal"`, "ll4 ll6"},
		{"uniquelocal", `"uniquelocal"`, "ten b172 b192 ula"},
		{"cloudflare", `"cloudflare"`, "cf4 cf6"},
		{"unix", `"unix"`, "unix"},
		{"address", `"192.0.2.7"`, "doc"},
		{"IPv6 address", `"2001:DB8:0::7"`, "doc6"},
		{"mapped address is IPv4", `"::ffff:192.0.2.7"`, "doc"},
		{"mapped address in hexadecimal", `"::ffff:c000:207"`, "doc"},
		{"CIDR", `"192.0.2.0/28"`, "doc doc8"},
		{"host bits are masked", `"192.0.2.8/29"`, "doc8"},
		{"one address as CIDR", `"192.0.2.7/32"`, "doc"},
		{"IPv4 netmask", `"192.0.2.1/255.255.255.248"`, "doc"},
		{"netmask of one", `"192.0.2.7/255.255.255.255"`, "doc"},
		{"IPv6 range", `"2001:db8::/32"`, "doc6"},
		{"mapped range over /96", `"::ffff:192.0.2.0/125"`, "doc"},
		{"an IPv6 range does not hold mapped IPv4", `"::/8"`, "lo6"},
		{"list", `["192.0.2.7", "2001:db8::/32", "loopback"]`, "lo4 lo6 unix doc doc6"},
		{"list of one", `["192.0.2.7"]`, "doc"},
		{"nested and repeated ranges", `["10.0.0.0/8", "10.20.0.0/16", "10.0.0.0/8", "192.0.2.7", "192.0.2.7/32"]`, "ten doc"},
		{"comma text", `"192.0.2.7 ,\t2001:db8::/32"`, "doc doc6"},
		{"JSON list as text", `"[\"192.0.2.7\"]"`, "doc"},
		{"empty JSON list as text", `"[]"`, ""},
		{"JSON object as text", `" {\"proxies\": \"192.0.2.7\"}"`, "doc"},
		{"hop count", `1`, everybody},
		{"largest hop count", `32`, everybody},
		{"hop count as text", `"2"`, everybody},
		{"object: empty", `{}`, "lo4 lo6 unix"},
		{"object: enabled", `{"enabled": true}`, "lo4 lo6 unix"},
		{"object: not enabled", `{"enabled": false, "proxies": true}`, ""},
		{"object: proxies as list", `{"proxies": ["192.0.2.7", "::1"]}`, "lo6 doc"},
		{"object: proxies null", `{"proxies": null}`, "lo4 lo6 unix"},
		{"object: proxies true", `{"proxies": true}`, everybody},
		{"object: proxies false", `{"proxies": false}`, ""},
		{"object: proxies as comma text", `{"proxies": "192.0.2.7,unix"}`, "unix doc"},
		{"object: proxies as JSON text", `{"proxies": "[\"192.0.2.7\"]"}`, "doc"},
		{"object: hop count", `{"proxies": 2}`, everybody},
		{"object: hop count with Forwarded", `{"proxies": 2, "headers": {"clientIp": "forwarded"}}`, everybody},
		{"object: headers", `{"headers": {"clientIp": "cf-connecting-ip", "protocol": false, "host": null}}`, "lo4 lo6 unix"},
		{"object: no headers", `{"headers": {}}`, "lo4 lo6 unix"},
		{"the page's object", `{"enabled": true, "proxies": ["127.0.0.1", "::1"], "headers": {"clientIp": "X-Forwarded-For",
			"protocol": "X-Forwarded-Proto", "host": "X-Forwarded-Host"}}`, "lo6"},
		{"file: not loaded", `"file:/etc/proxies, 192.0.2.7"`, "doc"},
		{"dns: not loaded", `["dns:nginx_1", "dns:Proxy.example.com."]`, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, err := trustproxy.ParseJSON([]byte(c.json))
			if err != nil {
				t.Fatal(err)
			}
			if got := trusted(s.Compile(nil)); got != c.want {
				t.Errorf("%s trusts %q, want %q", c.json, got, c.want)
			}
		})
	}
}

func TestExplicit(t *testing.T) {
	t.Parallel()
	for json, want := range map[string]bool{
		`null`: false, `""`: false, `"loopback"`: true, `false`: true, `{}`: true, `{"proxies": null}`: true, `1`: true,
	} {
		s, err := trustproxy.ParseJSON([]byte(json))
		if err != nil {
			t.Fatal(err)
		}
		if s.Explicit() != want {
			t.Errorf("%s: explicit %v, want %v", json, s.Explicit(), want)
		}
	}
	if trustproxy.Default().Explicit() {
		t.Error("the default counts as set")
	}
}

// TestTextEqualsJSON holds that text means the same in the environment and in the file.
func TestTextEqualsJSON(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "true", "false", "0", "3", "Loopback", "10.0.0.0/8, unix", `["10.0.0.1"]`, `{"enabled": false}`} {
		a, errA := trustproxy.ParseText(text)
		b, errB := trustproxy.ParseJSON([]byte(quoteJSON(text)))
		if errA != nil || errB != nil || a.String() != b.String() || a.Explicit() != b.Explicit() {
			t.Errorf("%q: text %v %v, JSON %v %v", text, a, errA, b, errB)
		}
	}
}

func quoteJSON(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// TestRefusedValues reads pairs of lines: a value as JSON, and the sentence that refuses it.
func TestRefusedValues(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/refused.txt")
	if err != nil {
		t.Fatal(err)
	}
	for block := range strings.SplitSeq(strings.TrimSpace(string(data)), "\n\n") {
		value, want, _ := strings.Cut(block, "\n")
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			s, err := trustproxy.ParseJSON([]byte(value))
			if err == nil {
				t.Fatalf("accepted as %v", s)
			}
			if err.Error() != want {
				t.Errorf("got\n%s\nwant\n%s", err, want)
			}
			if v := (*trustproxy.ValueError)(nil); !errors.As(err, &v) || v.Hint == "" {
				t.Errorf("%T without a remedy", err)
			}
			if trusted(s.Compile(nil)) != "" {
				t.Error("a refused value trusts somebody")
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	page := "173.245.48.0/20,103.21.244.0/22,103.22.200.0/22,103.31.4.0/22,141.101.64.0/18,108.162.192.0/18,190.93.240.0/20"
	cases := []struct {
		name, value string
		onlyLocal   bool
		want        string
	}{
		{"true on the network", "true", false, "everybody"},
		{"true on loopback", "true", true, ""},
		{"hop count", "1", false, "hop-count"},
		{"part of Cloudflare, as on the page", page, false, "partial-cloudflare"},
		{"all of Cloudflare", "cloudflare", false, ""},
		{"an ordinary list", "10.0.0.0/8", false, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, err := trustproxy.ParseText(c.value)
			if err != nil {
				t.Fatal(err)
			}
			var codes []string
			for _, w := range s.Warnings(c.onlyLocal) {
				codes = append(codes, w.Code)
				if w.Text == "" {
					t.Errorf("%s says nothing", w.Code)
				}
			}
			if got := strings.Join(codes, " "); got != c.want {
				t.Errorf("warnings %q, want %q", got, c.want)
			}
		})
	}
}

func TestSources(t *testing.T) {
	t.Parallel()
	s, err := trustproxy.ParseText("file:/etc/proxies, dns:nginx, 10.0.0.1, dns:NGINX.")
	if err != nil {
		t.Fatal(err)
	}
	file := trustproxy.Source{Kind: trustproxy.FileSource, Name: "/etc/proxies"}
	dns := trustproxy.Source{Kind: trustproxy.DNSSource, Name: "nginx"}
	if got := s.Sources(); len(got) != 2 || got[0] != file || got[1] != dns {
		t.Fatalf("sources %v", got)
	}
	list, err := trustproxy.ParseList("# ours\n192.0.2.7 # edge\n\n\t2001:db8::/32\r\nunix\n")
	if err != nil {
		t.Fatal(err)
	}
	p := s.Compile(map[trustproxy.Source]trustproxy.Entries{
		file: list,
		dns:  trustproxy.Addresses([]netip.Addr{netip.MustParseAddr("::ffff:192.0.2.8"), netip.MustParseAddr("fe80::1%eth0")}),
	})
	if got, want := trusted(p), "unix ll6 doc doc8 doc6"; got != want {
		t.Errorf("trusts %q, want %q", got, want)
	}
}

func TestRefusedLists(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, text, want string }{
		{"a host name", "10.0.0.1\nnginx\n", `trustProxy, line 2: "nginx": a host name is not an address`},
		{"another list", "dns:nginx", `trustProxy, line 1: "dns:nginx": a list cannot name another list`},
		{"everything", "\n\n::/0", `trustProxy, line 3: "::/0": a range of everything`},
		{"true", "true", `trustProxy, line 1: "true": a boolean cannot stand here`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if _, err := trustproxy.ParseList(c.text); err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("error %v, want %s…", err, c.want)
			}
		})
	}
}

// FuzzSetting holds that whatever a value is, it is refused in one sentence, or it means the
// same when it is printed and read again; and that only true trusts everybody.
func FuzzSetting(f *testing.F) {
	for _, seed := range []string{"true", "loopback,10.0.0.0/8", `{"proxies":["::1"],"headers":{"clientIp":"X-Real-IP"}}`, "[\"a\"]", "3", "dns:x", "1.2.3.4/255.0.255.0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := trustproxy.ParseText(text)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\r\n\x00\x1b") {
				t.Errorf("the sentence is not one clean line: %q", err)
			}
			return
		}
		if strings.Contains(s.String(), "file:") {
			return // a path may hold a comma
		}
		again, err := trustproxy.ParseText(s.String())
		if err != nil || again.String() != s.String() {
			t.Fatalf("%q prints as %q, which reads as %v, %v", text, s, again, err)
		}
		a, b := trusted(s.Compile(nil)), trusted(again.Compile(nil))
		if a != b {
			t.Errorf("%q trusts %q, %q trusts %q", text, a, s, b)
		}
	})
}
