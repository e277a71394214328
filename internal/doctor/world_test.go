package doctor

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"onemcp/internal/publicurl"
	"onemcp/internal/trustproxy"
)

// request is what one hop hands to the next.
type request struct {
	peer   string
	host   string
	tls    bool
	header http.Header
}

// append adds the peer to X-Forwarded-For, as one line.
func (r *request) append() {
	r.header["X-Forwarded-For"] = []string{strings.Join(append(r.header["X-Forwarded-For"], r.peer), ", ")}
}

// set overwrites headers; an empty value removes.
func (r *request) set(pairs ...string) {
	for i := 0; i < len(pairs); i += 2 {
		delete(r.header, pairs[i])
		if pairs[i+1] != "" {
			r.header[pairs[i]] = []string{pairs[i+1]}
		}
	}
}

// world is a client, what stands between, and a gateway: the rules of the real derivation, and everything
// else as plain values.
type world struct {
	trust    string // text of the setting
	external []string
	allowed  []string
	url      string
	local    string                 // the doctor's address
	way      []func(*request)       // from the client inwards; each sets what it says
	peers    []string               // the addresses of those
	change   func(o *Observations)  // afterwards
	config   func(s *Setup)         // before
	answer   func(w *Whoami, n int) // n-th answer: 0 honest, 1 forged, 2 stripped
}

const (
	doctorAddress = "203.0.113.7"
	proxyAddress  = "10.0.0.2"
)

// clears is a proxy as it is recommended.
func clears(r *request) {
	r.set("X-Forwarded-For", r.peer, "X-Forwarded-Proto", map[bool]string{true: "https", false: "http"}[r.tls], "X-Forwarded-Host", r.host,
		"X-Real-Ip", "", "Forwarded", "", "X-Forwarded-Port", "", "X-Forwarded-Prefix", "", "X_forwarded_for", "", "Connection", "")
}

// good is a world where nothing is wrong.
func good() world {
	return world{
		trust: proxyAddress, external: []string{"https://mcp.example.com"}, url: "https://mcp.example.com", local: doctorAddress,
		way: []func(*request){clears}, peers: []string{proxyAddress},
	}
}

func (w *world) setup(t *testing.T) Setup {
	t.Helper()
	setting, err := trustproxy.ParseText(w.trust)
	if err != nil {
		t.Fatal(err)
	}
	s := Setup{
		Listener: Listener{"tcp", "127.0.0.1:3000", true}, Trust: setting, External: externals(t, w.external),
		AllowedHosts: w.allowed, Heartbeat: 15 * time.Second, MaxBody: 16 << 20,
	}
	if w.config != nil {
		w.config(&s)
	}
	return s
}

func externals(t *testing.T, all []string) (out []publicurl.External) {
	t.Helper()
	for _, text := range all {
		e, err := publicurl.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
	}
	return out
}

// observe is what the doctor would see.
func (w *world) observe(t *testing.T) *Observations {
	t.Helper()
	s := w.setup(t)
	o := &Observations{Version: "1", Setup: s}
	o.Direct = w.whoami(t, s, nil, -1)
	url := externals(t, []string{w.url})[0]
	client, proto, host := s.Trust.HeaderNames()
	p := &Public{URL: url, Clean: w.whoami(t, s, http.Header{}, 0), Forged: forge(url.Scheme, client, proto, host)}
	p.Forged.Call = w.whoami(t, s, received(p.Forged.Headers), 1)
	p.Strip = w.whoami(t, s, http.Header{"Connection": {strip(client, proto, host)}}, 2)
	p.Plain = Call{Status: 400, Body: `{"jsonrpc":"2.0"}`}
	p.Stream = Stream{Call: Call{Status: 200}, Events: 3, Gap: 300 * time.Millisecond, Came: []time.Duration{1e6, 3e8, 6e8}}
	p.Idle = &Stream{Call: Call{Status: 200}, Events: 2}
	p.Body, p.Limit = Upload{Call{Status: 200}, testBody}, Upload{Call{Status: 100}, s.MaxBody}
	p.Header = Upload{Call{Status: 200}, testHeader}
	o.Public = p
	if w.change != nil {
		w.change(o)
	}
	return o
}

// received is headers as net/http has them.
func received(pairs [][2]string) http.Header {
	h := http.Header{}
	for _, p := range pairs {
		h.Add(p[0], p[1])
	}
	return h
}

// whoami is the gateway's answer. Without a header the request is the direct one.
func (w *world) whoami(t *testing.T, s Setup, h http.Header, n int) Call {
	t.Helper()
	r := &request{peer: w.local, host: strings.TrimPrefix(strings.TrimPrefix(w.url, "https://"), "http://"), tls: strings.HasPrefix(w.url, "https"), header: h}
	r.host, _, _ = strings.Cut(r.host, "/")
	if h == nil {
		r = &request{peer: "127.0.0.1", host: "127.0.0.1:3000", header: http.Header{}}
	} else {
		for i, hop := range w.way {
			hop(r)
			r.peer, r.tls = w.peers[i], s.ProxyProtocol && r.tls
		}
	}
	answer := seen(s, *r)
	if w.answer != nil && n >= 0 {
		w.answer(answer, n)
	}
	return Call{
		URL: w.url + "/whoami", Status: 200, Whoami: answer, Sent: answer.Time, Got: answer.Time,
		Local: netip.MustParseAddr(w.local), Remote: netip.MustParseAddrPort("198.51.100.1:443"),
	}
}

// seen is the real derivation as the gateway's answer.
func seen(s Setup, r request) *Whoami {
	policy, base := s.Trust.Compile(nil), publicurl.New(s.External)
	in := trustproxy.Input{Peer: r.peer, Proxied: s.ProxyProtocol, TLS: r.tls, Host: r.host, Header: r.header}
	d, steps := policy.Explain(in)
	w := &Whoami{
		Peer: d.PeerText(), Status: d.Status.String(), Degraded: d.Degraded, Hops: d.Hops, Scheme: d.Scheme, Host: d.Host, RawHost: r.host,
		Sources: Sources{d.Sources.IP, d.Sources.Scheme, d.Sources.Host}, Flags: d.Flags.Names(), Steps: steps, BaseURL: base.Of(d),
		Proto: "HTTP/1.1", TLS: r.tls, Trusted: d.Trusted,
		TrustProxy: s.Trust.String(), AllowedHosts: s.AllowedHosts, Heartbeat: s.Heartbeat.Milliseconds(), Time: time.Now(), Version: "1",
		Headers: [][2]string{{"Host", r.host}},
	}
	if d.Client.IsValid() {
		text := d.Client.String()
		w.ClientIP = &text
	}
	for _, e := range s.External {
		w.ExternalURL = append(w.ExternalURL, e.String())
	}
	for name, values := range r.header {
		for _, v := range values {
			if trustproxy.IsForwarding(name) {
				w.Headers = append(w.Headers, [2]string{name, v})
			}
		}
	}
	return w
}

// ids returns what was found, notes apart, in order of the alphabet.
func ids(findings []Finding) []string {
	out := []string{}
	for _, f := range findings {
		out = append(out, f.ID)
	}
	slices.Sort(out)
	return out
}
