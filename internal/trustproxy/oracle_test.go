package trustproxy_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"onemcp/internal/trustproxy"
)

// oracle is a second reading of rules 1 to 7 for X-Forwarded headers, written for clarity
// alone: it joins, splits and copies, and shares no code with the package.
type oracle struct {
	everyone bool
	hops     int
	ranges   []netip.Prefix
}

var (
	oracleIPv4 = regexp.MustCompile(`^(0|[1-9]\d{0,2})(\.(0|[1-9]\d{0,2})){3}$`)
	oracleZone = regexp.MustCompile(`^(.*:.*)%[A-Za-z0-9._~-]{1,32}$`)
	oracleV4P  = regexp.MustCompile(`^([^:]*):(\d{1,5})$`)
	oracleV6P  = regexp.MustCompile(`^\[([^\]]*:[^\]]*)\](?::(\d{1,5}))?$`)
	oracleHide = regexp.MustCompile(`^((?i:unknown)|_[A-Za-z0-9._-]+)$`)
	oracleName = regexp.MustCompile(`^([a-z0-9_-]{1,63})(\.[a-z0-9_-]{1,63})*$`)
	oracleLast = regexp.MustCompile(`(^|\.)(\d+|0x[0-9a-f]*)$`)
	oracleHost = regexp.MustCompile(`^(\[.*\]|[^:]*)(?::([1-9]\d{0,4}))?$`)
)

func oracleAddr(s string) (addr netip.Addr, hidden bool) {
	if len(s) > 64 {
		return
	}
	if oracleHide.MatchString(s) {
		return addr, true
	}
	port := ""
	if m := oracleV6P.FindStringSubmatch(s); m != nil {
		s, port = m[1], m[2]
	} else if m := oracleV4P.FindStringSubmatch(s); m != nil {
		if s, port = m[1], m[2]; strings.Contains(s, ":") {
			return
		}
	}
	if n, _ := strconv.Atoi(port); n > 65535 {
		return
	}
	if m := oracleZone.FindStringSubmatch(s); m != nil {
		s = m[1]
	}
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" || a.Is4() && !oracleIPv4.MatchString(s) {
		return
	}
	return a.Unmap(), false
}

func (o oracle) trusts(a netip.Addr) bool {
	return o.everyone || slices.ContainsFunc(o.ranges, func(p netip.Prefix) bool { return p.Contains(a) })
}

func oracleSplit(lines []string) []string {
	var out []string
	for _, s := range strings.Split(strings.Join(lines, ","), ",") {
		if s = strings.Trim(s, " \t"); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// oracleAnswer is what both implementations must agree on.
type oracleAnswer struct {
	client       netip.Addr
	status       string
	hops         int
	scheme, host string
	flags        trustproxy.Flags
}

const oracleFlags = trustproxy.Flags(trustproxy.SpoofPrefix | trustproxy.Malformed | trustproxy.Opaque | trustproxy.ShortChain |
	trustproxy.TooLong | trustproxy.AllTrusted | trustproxy.BadProto | trustproxy.ProtoList | trustproxy.HostList)

func (o oracle) derive(in trustproxy.Input) oracleAnswer {
	h := http.Header(in.Header)
	peer := netip.MustParseAddrPort(in.Peer).Addr().Unmap().WithZone("")
	ans := oracleAnswer{client: peer, status: "direct", scheme: "http"}
	if host, ok := oracleHostOf(in.Host); ok {
		ans.host = host
	}
	if in.TLS {
		ans.scheme = "https"
	}
	if o.hops == 0 && !o.trusts(peer) {
		return ans
	}
	entries := oracleSplit(h.Values("X-Forwarded-For"))
	if len(entries) > 64 {
		ans.flags = ans.flags.With(trustproxy.TooLong)
		entries = entries[len(entries)-64:]
	}
	m := len(entries)
	index, ok := o.index(entries, &ans)
	if !ok {
		return ans
	}
	ans.hops = max(1, m-index)
	if index < m {
		ans.client, _ = oracleAddr(entries[index])
	}
	o.properties(h, &ans)
	return ans
}

// index returns the index of the answer among the entries; len(entries) is the peer. False
// means that not even the scheme is believed.
func (o oracle) index(entries []string, ans *oracleAnswer) (int, bool) {
	m := len(entries)
	bad := func(s string) {
		flag := trustproxy.Malformed
		if _, hidden := oracleAddr(s); hidden {
			flag = trustproxy.Opaque
		}
		ans.status, ans.flags = "degraded", ans.flags.With(flag)
	}
	if o.hops > 0 {
		if m < o.hops {
			ans.status, ans.flags = "degraded", ans.flags.With(trustproxy.ShortChain)
			return 0, false
		}
		i := m - o.hops
		if a, _ := oracleAddr(entries[i]); a.IsValid() {
			return o.found(i, ans), true
		}
		bad(entries[i])
		for i++; i < m; i++ {
			if a, _ := oracleAddr(entries[i]); a.IsValid() {
				break
			}
		}
		return i, true
	}
	for i := m - 1; i >= 0; i-- {
		a, _ := oracleAddr(entries[i])
		switch {
		case !a.IsValid():
			bad(entries[i])
			return i + 1, true
		case !o.trusts(a):
			return o.found(i, ans), true
		}
	}
	if m == 0 {
		return m, true
	}
	ans.status = "verified"
	if !o.everyone {
		ans.flags = ans.flags.With(trustproxy.AllTrusted)
	}
	return 0, true
}

func (o oracle) found(i int, ans *oracleAnswer) int {
	ans.status = "verified"
	if i > 0 || ans.flags.Has(trustproxy.TooLong) {
		ans.flags = ans.flags.With(trustproxy.SpoofPrefix)
	}
	return i
}

func (o oracle) properties(h http.Header, ans *oracleAnswer) {
	pick := func(name string, several trustproxy.Flag) string {
		values := oracleSplit(h.Values(name))
		if len(values) == 0 {
			return ""
		}
		if len(values) > 1 {
			ans.flags = ans.flags.With(several)
		}
		if o.everyone {
			return values[0]
		}
		return values[max(0, len(values)-ans.hops)]
	}
	switch value := strings.ToLower(pick("X-Forwarded-Proto", trustproxy.ProtoList)); value {
	case "http", "ws":
		ans.scheme = "http"
	case "https", "wss":
		ans.scheme = "https"
	case "":
	default:
		ans.flags = ans.flags.With(trustproxy.BadProto)
	}
	if host, ok := oracleHostOf(pick("X-Forwarded-Host", trustproxy.HostList)); ok {
		ans.host = host
	}
}

func oracleHostOf(s string) (string, bool) {
	for _, c := range s {
		if c > 126 {
			return "", false
		}
	}
	s = strings.ToLower(s)
	m := oracleHost.FindStringSubmatch(s)
	if m == nil {
		return "", false
	}
	if n, _ := strconv.Atoi(m[2]); n > 65535 {
		return "", false
	}
	if inner, ok := strings.CutPrefix(m[1], "["); ok {
		a, err := netip.ParseAddr(strings.TrimSuffix(inner, "]"))
		return s, err == nil && a.Is6() && a.Zone() == ""
	}
	if oracleLast.MatchString(m[1]) {
		a, err := netip.ParseAddr(m[1])
		return s, err == nil && a.Is4()
	}
	return s, len(m[1]) <= 253 && oracleName.MatchString(m[1])
}

// compare fails if the package and the oracle disagree.
func compare(t *testing.T, setting string, p *trustproxy.Policy, o oracle, in trustproxy.Input) {
	t.Helper()
	d, want := p.Derive(in), o.derive(in)
	got := oracleAnswer{d.Client, d.Status.String(), d.Hops, d.Scheme, d.Host, d.Flags & oracleFlags}
	if got != want {
		t.Fatalf("%s, peer %s, %q:\n   got %v %s\noracle %v %s", setting, in.Peer, in.Header,
			got, got.flags.Names(), want, want.flags.Names())
	}
}

// settings pairs each setting with its oracle.
func oracleSettings() map[string]oracle {
	prefixes := func(texts ...string) (out []netip.Prefix) {
		for _, s := range texts {
			out = append(out, netip.MustParsePrefix(s))
		}
		return out
	}
	return map[string]oracle{
		"false":      {},
		"true":       {everyone: true},
		"1":          {hops: 1},
		"3":          {hops: 3},
		"32":         {hops: 32},
		"10.0.0.0/8": {ranges: prefixes("10.0.0.0/8")},
		"10.0.0.0/9, 10.0.0.0/24, ::ffff:192.168.0.0/112, fd00::/8, fd00::/16, 172.16.0.1": {
			ranges: prefixes("10.0.0.0/9", "192.168.0.0/16", "fd00::/8", "172.16.0.1/32")},
	}
}

func TestAgainstTheOracle(t *testing.T) {
	t.Parallel()
	for setting, o := range oracleSettings() {
		t.Run(setting, func(t *testing.T) {
			t.Parallel()
			p := compile(t, setting)
			for seed := range uint64(4000) {
				compare(t, setting, p, o, randomInput(rand.New(rand.NewPCG(seed, 7))))
			}
		})
	}
}

// randomInput makes a request whose chain is mostly plausible and sometimes not.
func randomInput(r *rand.Rand) trustproxy.Input {
	entries := []string{"10.0.0.1", "10.0.0.2", "10.200.0.3", "192.168.1.1", "::ffff:192.168.1.2", "fd00::1", "fd12::2", "172.16.0.1", "172.16.0.2",
		"203.0.113.9", "2001:db8::9", "[fd00::3]:443", "10.0.0.4:80", "fd00::5%eth0", "::ffff:a00:6"}
	odd := []string{"unknown", "_x", "nonsense", "10.0.0.999", "", " ", "10.0.0.1:99999", "[10.0.0.1]", "fe80::1%", "10.0.0.01", `"10.0.0.1"`}
	one := func() string {
		if r.IntN(12) == 0 {
			return odd[r.IntN(len(odd))]
		}
		return entries[r.IntN(len(entries))]
	}
	in := trustproxy.Input{Host: "Own.example:3000", TLS: r.IntN(4) == 0, Header: http.Header{}}
	in.Peer = netip.AddrPortFrom(netip.MustParseAddr([]string{"10.0.0.1", "fd00::1", "::ffff:10.0.0.1", "203.0.113.1", "fd00::2%lo"}[r.IntN(5)]), 5).String()
	addLines(r, in.Header, "X-Forwarded-For", []int{1, 2, 4, 8, 70}[r.IntN(5)], one)
	addLines(r, in.Header, "X-Forwarded-Proto", 4, func() string { return []string{"http", "https", "WSS", "ws", "ftp", ""}[r.IntN(6)] })
	addLines(r, in.Header, "X-Forwarded-Host", 4, func() string {
		return []string{"a.example", "B.example:8443", "a@b", "[::1]:80", "1.2.3", ""}[r.IntN(6)]
	})
	return in
}

func addLines(r *rand.Rand, h http.Header, name string, limit int, one func() string) {
	for n := r.IntN(limit + 1); n > 0; {
		k := 1 + r.IntN(n)
		values := make([]string, k)
		for i := range values {
			values[i] = one()
		}
		h.Add(name, strings.Join(values, []string{",", ", ", "\t,\t"}[r.IntN(3)]))
		n -= k
	}
}

// FuzzDerive feeds both implementations the same bytes.
func FuzzDerive(f *testing.F) {
	f.Add("10.0.0.1", "203.0.113.9, 10.0.0.2", "http", "a.example", "b.example")
	f.Add("fd00::1", "[fd00::2]:1\n::ffff:10.0.0.1", "https,http", "A:80", "[::1]")
	settings := oracleSettings()
	policies := map[string]*trustproxy.Policy{}
	for s := range settings {
		policies[s] = compile(f, s)
	}
	f.Fuzz(func(t *testing.T, peer, xff, proto, xfh, host string) {
		a, err := netip.ParseAddr(peer)
		if err != nil || len(a.Zone()) > 32 || strings.Trim(a.Zone(), "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
			return
		}
		in := trustproxy.Input{Peer: netip.AddrPortFrom(a, 5).String(), Host: host, Header: http.Header{
			"X-Forwarded-For": strings.Split(xff, "\n"), "X-Forwarded-Proto": strings.Split(proto, "\n"), "X-Forwarded-Host": strings.Split(xfh, "\n"),
		}}
		for s, o := range settings {
			compare(t, s, policies[s], o, in)
		}
	})
}

// FuzzForwarded holds what must be true of every Forwarded header: the answer is an address
// that stands in it or the peer, the host is one, and text never appears.
func FuzzForwarded(f *testing.F) {
	f.Add(`for="[2001:db8::9]:1";proto=https;host="a.example", for=10.0.0.2`, "")
	f.Add(`for="\"";x=","`, `for=unknown`)
	p := compile(f, `{"proxies": "10.0.0.0/8", "headers": {"clientIp": "Forwarded"}}`)
	f.Fuzz(func(t *testing.T, a, b string) {
		d, steps := p.Explain(trustproxy.Input{Peer: "10.0.0.1:5", Host: "own.example", Header: http.Header{"Forwarded": {a, b}}})
		if _, ok := trustproxy.ParseHost(d.Host); !ok {
			t.Errorf("host %q", d.Host)
		}
		if !d.Client.IsValid() || d.Client.Zone() != "" || d.Client.Is4In6() || d.Degraded != (d.Status == trustproxy.StatusDegraded) {
			t.Errorf("client %v, %s", d.Client, show(d))
		}
		if d.Hops < 1 || d.Hops > 64 || d.Scheme != "http" && d.Scheme != "https" {
			t.Errorf("%s", show(d))
		}
		for _, s := range steps {
			if strings.ContainsAny(s, "\r\n\x00\x1b") {
				t.Errorf("step %q", s)
			}
		}
		if e := p.Derive(trustproxy.Input{Peer: "10.0.0.1:5", Host: "own.example", Header: http.Header{"Forwarded": {a, b}}}); e != d {
			t.Errorf("Derive says %s, Explain %s", show(e), show(d))
		}
	})
}

func TestListsOfAllSizes(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{1, 2, 5, 100, 5000} {
		var prefixes []netip.Prefix
		var texts []string
		for range size {
			a := netip.AddrFrom4([4]byte{10, byte(r.Uint32() & 3), byte(r.Uint32()), byte(r.Uint32())})
			b := netip.MustParseAddr(fmt.Sprintf("fd00::%x:%x", r.Uint32()&3, r.Uint32()&0xffff))
			for _, p := range []netip.Prefix{netip.PrefixFrom(a, 18+r.IntN(15)), netip.PrefixFrom(b, 100+r.IntN(29))} {
				prefixes, texts = append(prefixes, p), append(texts, p.String())
			}
		}
		p := compile(t, strings.Join(texts, ","))
		for range 20000 {
			for _, a := range []netip.Addr{netip.AddrFrom4([4]byte{10, byte(r.Uint32() & 3), byte(r.Uint32()), byte(r.Uint32())}),
				netip.MustParseAddr(fmt.Sprintf("fd00::%x:%x", r.Uint32()&3, r.Uint32()&0xffff))} {
				want := slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(a) })
				if p.Trusts(a) != want {
					t.Fatalf("%d ranges: %s trusted %v, want %v", size, a, !want, want)
				}
			}
		}
	}
}
