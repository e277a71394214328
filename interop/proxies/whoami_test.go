//go:build linux

package proxies_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// who is what the gateway says that it sees of a caller.
type who struct {
	Peer     string
	ClientIP string
	Status   string
	Hops     int
	Scheme   string
	Host     string
	Flags    []string
	Base     string `json:"publicBaseUrl"`
}

const forgedAddress, forgedHost = "192.0.2.66", "evil.example"

// forgeries are what a client may write of itself to seem another, on a site
// that it calls by scheme.
func forgeries(scheme string) http.Header {
	other := map[string]string{"http": "https", "https": "http"}[scheme]
	return http.Header{
		"X-Forwarded-For":    {forgedAddress, "192.0.2.67"},
		"X-Forwarded-Host":   {forgedHost},
		"X-Forwarded-Proto":  {other},
		"X-Forwarded-Port":   {"6666"},
		"X-Forwarded-Prefix": {"/evil"},
		"X-Forwarded-Server": {forgedHost},
		"X-Real-Ip":          {forgedAddress},
		"Forwarded":          {"for=" + forgedAddress + ";proto=" + other + ";host=" + forgedHost},
		"X_Forwarded_For":    {forgedAddress},
		"X_Forwarded_Proto":  {other},
		"X_Forwarded_Host":   {forgedHost},
	}
}

// worse adds what is broken, and what asks a proxy to remove what it says itself.
func (s *site) worse() http.Header {
	h := forgeries(s.scheme)
	h.Add("X-Forwarded-For", "unknown, "+forgedAddress)
	if !s.http2 { // it has no Connection header
		h.Set("Connection", "keep-alive, X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host, X-Real-IP")
	}
	return h
}

// TestWhoami: the gateway sees the client's address, scheme and host, behind
// every proxy with its recommended file; whatever the client writes of itself
// changes none of it, and none of that comes as far as the gateway unless the
// setup notices it.
func TestWhoami(t *testing.T) {
	t.Parallel()
	for _, s := range setups() {
		if len(s.hops) == 0 || strings.HasSuffix(s.name, "/page") {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			site := s.start(t, "")
			want := site.seen()
			if got := site.whoami(t, nil); !got.equal(want) {
				t.Errorf("an honest client is seen as %+v, want %+v", got, want)
			}
			want.Flags = s.noticed
			if got := site.whoami(t, site.worse()); !got.equal(want) {
				t.Errorf("a client that lies is seen as %+v, want %+v", got, want)
			}
		})
	}
}

// seen is what a gateway behind a recommended file sees of an honest client.
func (s *site) seen() who {
	host := strings.TrimSuffix(strings.TrimPrefix(s.base, s.scheme+"://"), s.prefix)
	w := who{Peer: "127.0.0.1", ClientIP: clientAddress, Status: "verified", Hops: len(s.hops), Scheme: s.scheme, Host: host, Base: s.external}
	switch {
	case strings.Contains(s.name, "proxy-protocol"): // the connection itself says it
		w.Peer, w.Status, w.Hops = clientAddress, "direct", 0
	case strings.HasSuffix(s.name, "/unix"):
		w.Peer = "unix"
	}
	return w
}

func (w who) equal(other who) bool {
	flags := slices.Equal(w.Flags, other.Flags) || len(w.Flags)+len(other.Flags) == 0
	w.Flags, other.Flags = nil, nil
	a, errA := json.Marshal(w)
	b, errB := json.Marshal(other)
	return flags && errA == nil && errB == nil && string(a) == string(b)
}

// TestWhoamiOfThePage: the page's own blocks, which let through much of what a
// client writes of itself, with each of the page's settings. What is believed
// then is what the setting says: of trustProxy true, everything; of a list,
// nothing that the proxy sets itself.
func TestWhoamiOfThePage(t *testing.T) {
	t.Parallel()
	specific := map[string]any{"trustProxy": []string{"127.0.0.1", "10.0.0.0/8"}}
	advanced := map[string]any{"trustProxy": map[string]any{
		"enabled": true, "proxies": []string{"127.0.0.1", "::1"},
		"headers": map[string]string{"clientIp": "X-Forwarded-For", "protocol": "X-Forwarded-Proto", "host": "X-Forwarded-Host"},
	}}
	hidden := map[string]any{"trustProxy": map[string]any{"proxies": []string{"127.0.0.1"}, "headers": map[string]any{"host": false}}}
	onNginx, onApache := hop(nginx("nginx/page.conf")), hop(apache("page.conf"))
	const real, forged = clientAddress, forgedAddress
	for _, c := range []struct {
		name         string
		proxy        hop
		server       map[string]any
		env          string
		client, host string // that a client which lies is seen with
		scheme       string
	}{
		{"nginx/true", onNginx, nil, "", forged, forgedHost, "http"},
		{"nginx/specific", onNginx, specific, "", real, forgedHost, "http"},
		{"nginx/advanced", onNginx, advanced, "", real, forgedHost, "http"},
		{"nginx/hops", onNginx, nil, "TRUST_PROXY=1", real, forgedHost, "http"},
		{"nginx/env", onNginx, nil, "TRUST_PROXY=127.0.0.1", real, forgedHost, "http"},
		{"nginx/no host header", onNginx, hidden, "", real, publicName, "http"},
		{"apache/true", onApache, nil, "", forged, forgedHost, "https"},
		{"apache/specific", onApache, specific, "", real, publicName, "https"},
		{"apache/advanced", onApache, advanced, "", real, publicName, "https"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := setup{file: "nginx/page.json", hops: []hop{c.proxy}, server: c.server}
			if c.env != "" {
				s.env = []string{c.env}
			}
			site := s.start(t, "")
			honest, lying := site.whoami(t, nil), site.whoami(t, forgeries("http"))
			if honest.ClientIP != real || honest.Scheme != "http" || honest.name() != publicName {
				t.Errorf("an honest client is seen as %+v", honest)
			}
			if lying.ClientIP != c.client || lying.Scheme != c.scheme || lying.name() != c.host {
				t.Errorf("a client that lies is seen as %+v, want address %s, scheme %s, host %s", lying, c.client, c.scheme, c.host)
			}
			if len(lying.Flags) == 0 {
				t.Error("nothing was noticed of the lies")
			}
		})
	}
}

// name is the host without its port.
func (w who) name() string {
	if name, _, err := net.SplitHostPort(w.Host); err == nil {
		return name
	}
	return w.Host
}

// TestWhoamiOfStrangers: headers of a peer that is not trusted are not believed,
// and that they came is told.
func TestWhoamiOfStrangers(t *testing.T) {
	t.Parallel()
	for _, value := range []any{false, "10.0.0.0/8", []string{}} {
		s := setup{file: "nginx/recommended.json", hops: []hop{nginx("nginx/recommended.conf")}, server: map[string]any{"trustProxy": value}}
		got := s.start(t, "").whoami(t, forgeries("http"))
		if got.ClientIP != "127.0.0.1" || got.Status != "direct" || !slices.Contains(got.Flags, "untrusted_headers") {
			t.Errorf("with trustProxy %v the client is seen as %+v", value, got)
		}
	}
}

// whoami asks through the proxies what the gateway sees of us.
func (s *site) whoami(t *testing.T, headers http.Header) who {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url("/whoami"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if headers != nil {
		req.Header = headers
	}
	req.Header.Set("X-1mcp-Probe", s.token(t))
	res, err := s.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var w who
	if err := json.NewDecoder(res.Body).Decode(&w); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("GET /whoami: %s, %v", res.Status, err)
	}
	return w
}

// token is what the doctor would prove itself with: an expiry and its HMAC
// under the key in the gateway's state directory.
func (s *site) token(t *testing.T) string {
	t.Helper()
	stamp := binary.BigEndian.AppendUint64(nil, uint64(time.Now().Add(time.Minute).Unix()))
	mac := hmac.New(sha256.New, []byte(read(t, s.state+"/probe.key")))
	mac.Write(append([]byte("1mcp probe "), stamp...))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(stamp))
}
