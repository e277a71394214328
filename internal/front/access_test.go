package front_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"onemcp/internal/front"
	"onemcp/internal/gateway"
	"onemcp/internal/hostguard"
	"onemcp/internal/mcp"
	"onemcp/internal/probe"
	"onemcp/internal/publicurl"
	"onemcp/internal/ratelimit"
	"onemcp/internal/trustproxy"
)

// believing returns an access configuration for a trustProxy value and external URLs.
func believing(t *testing.T, trust string, external ...string) *front.Access {
	t.Helper()
	setting, err := trustproxy.ParseText(trust)
	if err != nil {
		t.Fatal(err)
	}
	var urls []publicurl.External
	for _, text := range external {
		e, err := publicurl.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		urls = append(urls, e)
	}
	policy := setting.Compile(nil)
	return &front.Access{
		Trust: func() *trustproxy.Policy { return policy },
		Base:  publicurl.New(urls),
		Hosts: hostguard.New(hostguard.Options{External: urls, Origins: []string{"https://app.example"}, TrustExplicit: setting.Explicit()}),
	}
}

// ask sends a request to a front of its own, from an address, with headers as "Name: value".
func ask(t *testing.T, h http.Handler, method, url, peer string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, url, nil)
	r.RemoteAddr = peer
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		if name == "Host" {
			r.Host = value
			continue
		}
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func newFront(t *testing.T, o front.Options) *front.Front {
	t.Helper()
	return newRig(t, o, gateway.Setup{}).front
}

func TestWhoami(t *testing.T) {
	t.Parallel()
	f := newFront(t, front.Options{Access: believing(t, "loopback", "https://mcp.example.com/gw")})
	local := ask(t, f, "GET", "http://localhost/whoami", "127.0.0.1:9")
	var who struct {
		ClientIP, Status, Base string
	}
	if err := json.Unmarshal(local.Body.Bytes(), &who); err != nil || local.Code != 200 || who.ClientIP != "127.0.0.1" || who.Status != "direct" {
		t.Errorf("local: %d %s", local.Code, local.Body)
	}
	if local.Header().Get("Cache-Control") != "no-store" {
		t.Error("whoami may be cached")
	}
	for name, w := range map[string]*httptest.ResponseRecorder{
		"through a proxy":  ask(t, f, "GET", "http://localhost/whoami", "127.0.0.1:9", "X-Forwarded-For: 203.0.113.7"),
		"from elsewhere":   ask(t, f, "GET", "http://localhost/whoami", "203.0.113.7:9"),
		"by a public name": ask(t, f, "GET", "http://mcp.example.com/whoami", "127.0.0.1:9"),
		"anomalies, local": ask(t, f, "GET", "http://localhost/trust/anomalies", "127.0.0.1:9"),
		"stream, local":    ask(t, f, "GET", "http://localhost/whoami/stream", "127.0.0.1:9"),
	} {
		if w.Code != http.StatusForbidden {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

func TestTheDoctorsTokenShowsMore(t *testing.T) {
	t.Parallel()
	key, err := probe.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	f := newFront(t, front.Options{Access: believing(t, "loopback"), Probe: key, Anomalies: func() any { return []string{"seen"} }})
	token := probe.Header + ": " + key.Mint(time.Now()).Reveal()
	who := ask(t, f, "GET", "http://anything.example/whoami", "127.0.0.1:9", token, "X-Forwarded-For: 1.2.3.4", "X-Forwarded-For: 203.0.113.7", "Cookie: secret").Body.String()
	for _, part := range []string{`"clientIp":"203.0.113.7"`, `["X-Forwarded-For","1.2.3.4"]`, `["Host","anything.example"]`, `"flags":["spoof_prefix"`} {
		if !strings.Contains(who, part) {
			t.Errorf("no %s in %s", part, who)
		}
	}
	if strings.Contains(who, "secret") || strings.Contains(who, token) {
		t.Errorf("a secret in %s", who)
	}
	if got := ask(t, f, "GET", "http://x/trust/anomalies", "127.0.0.1:9", token).Body.String(); got != "[\"seen\"]\n" {
		t.Errorf("anomalies: %s", got)
	}
	stream := ask(t, f, "GET", "http://x/whoami/stream?events=2&gap=0", "127.0.0.1:9", token)
	if n := strings.Count(stream.Body.String(), "id: "); n != 2 || stream.Header().Get("X-Accel-Buffering") != "no" {
		t.Errorf("stream of %d events: %v", n, stream.Header())
	}
	for _, query := range []string{"events=0", "events=x", "events=99", "gap=-1", "gap=999999"} {
		if w := ask(t, f, "GET", "http://x/whoami/stream?"+query, "127.0.0.1:9", token); w.Code != http.StatusBadRequest {
			t.Errorf("%s: %d", query, w.Code)
		}
	}
}

func TestGuards(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, trust, external string
		peer                  string
		headers               []string
		status                int
	}{
		{"loopback name", "", "", "127.0.0.1:9", []string{"Host: localhost:3000"}, 200},
		{"a stranger's name", "", "", "127.0.0.1:9", []string{"Host: evil.example"}, 403},
		{"the page's three lines, behind nginx", "true", "", "127.0.0.1:9", []string{"Host: your-domain.com", "X-Forwarded-For: 203.0.113.7"}, 200},
		{"the same without a client header", "true", "", "127.0.0.1:9", []string{"Host: your-domain.com"}, 403},
		{"an external host", "", "https://mcp.example.com", "127.0.0.1:9", []string{"Host: mcp.example.com"}, 200},
		{"a forged host on top", "", "https://mcp.example.com", "127.0.0.1:9", []string{"Host: mcp.example.com", "X-Forwarded-For: 203.0.113.7", "X-Forwarded-Host: evil.example"}, 403},
		{"a forged host of an untrusted peer", "false", "https://mcp.example.com", "127.0.0.1:9", []string{"Host: mcp.example.com", "X-Forwarded-Host: evil.example"}, 200},
		{"health of any name", "", "", "127.0.0.1:9", []string{"Host: evil.example", "path: /health"}, 200},
		{"HAProxy's check", "", "", "127.0.0.1:9", []string{"Host: ", "path: OPTIONS /"}, 204},
		{"under a prefix", "", "https://example.com/gw", "127.0.0.1:9", []string{"Host: example.com", "path: /gw/"}, 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var external []string
			if tt.external != "" {
				external = append(external, tt.external)
			}
			f := newFront(t, front.Options{Access: believing(t, tt.trust, external...)})
			method, path := "GET", "/"
			if rest, ok := strings.CutPrefix(tt.headers[len(tt.headers)-1], "path: "); ok {
				path = rest
				if m, p, ok := strings.Cut(rest, " "); ok {
					method, path = m, p
				}
				tt.headers = tt.headers[:len(tt.headers)-1]
			}
			if w := ask(t, f, method, path, tt.peer, tt.headers...); w.Code != tt.status {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
}

func TestUntrustedHeadersMayBeRejected(t *testing.T) {
	t.Parallel()
	a := believing(t, "10.0.0.0/8")
	a.RejectUntrusted = true
	f := newFront(t, front.Options{Access: a})
	if w := ask(t, f, "GET", "http://localhost/", "127.0.0.1:9", "X-Forwarded-For: 1.2.3.4"); w.Code != 400 || !strings.Contains(w.Body.String(), "127.0.0.1") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := ask(t, f, "GET", "http://localhost/", "127.0.0.1:9"); w.Code != 200 {
		t.Errorf("without such headers: %d %s", w.Code, w.Body)
	}
}

func TestHTTPSRedirect(t *testing.T) {
	t.Parallel()
	const said = "X-Forwarded-Proto: http"
	a := believing(t, "loopback", "https://mcp.example.com/gw")
	a.HTTPSRedirect, a.HSTS = true, time.Hour
	f := newFront(t, front.Options{Access: a})
	w := ask(t, f, "GET", "/gw/mcp?tags=a", "127.0.0.1:9", "Host: mcp.example.com", "X-Forwarded-For: 203.0.113.7", said)
	if w.Code != http.StatusPermanentRedirect || w.Header().Get("Location") != "https://mcp.example.com/gw/mcp?tags=a" {
		t.Errorf("%d to %q", w.Code, w.Header().Get("Location"))
	}
	if w.Header().Get("Strict-Transport-Security") != "max-age=3600" {
		t.Errorf("HSTS: %v", w.Header())
	}
	for name, w := range map[string]*httptest.ResponseRecorder{
		"the proxy says https":   ask(t, f, "GET", "/", "127.0.0.1:9", "Host: mcp.example.com", "X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: https"),
		"the proxy says nothing": ask(t, f, "GET", "/", "127.0.0.1:9", "Host: mcp.example.com", "X-Forwarded-For: 203.0.113.7"),
		"a stranger says http":   ask(t, f, "GET", "/", "203.0.113.9:9", "Host: mcp.example.com", said),
		"health":                 ask(t, f, "GET", "/health/live", "127.0.0.1:9", "Host: mcp.example.com", said),
	} {
		if w.Code != 200 {
			t.Errorf("%s: %d to %q", name, w.Code, w.Header().Get("Location"))
		}
	}
}

func TestARedirectThatGoesInCirclesIsStopped(t *testing.T) {
	t.Parallel()
	a := believing(t, "loopback")
	a.HTTPSRedirect = true
	f := newFront(t, front.Options{Access: a})
	var codes []int
	for range 5 {
		w := ask(t, f, "GET", "/", "127.0.0.1:9", "Host: localhost:3000", "X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: http")
		codes = append(codes, w.Code)
		if w.Code == http.StatusLoopDetected && !strings.Contains(w.Body.String(), "X-Forwarded-Proto") {
			t.Errorf("the page names no remedy: %s", w.Body)
		}
	}
	if got := fmt.Sprint(codes); got != "[308 308 308 508 508]" {
		t.Errorf("got %s", got)
	}
}

func TestRateLimits(t *testing.T) {
	t.Parallel()
	a := believing(t, "loopback")
	a.Limit = ratelimit.New[trustproxy.RateKey](ratelimit.Limits{PerKey: 60, Burst: 2})
	f := newFront(t, front.Options{Access: a})
	from := func(client string) int {
		w := ask(t, f, "POST", "/mcp", "127.0.0.1:9", "Host: localhost", "X-Forwarded-For: "+client)
		if w.Code == http.StatusTooManyRequests && w.Header().Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		return w.Code
	}
	for i, want := range []int{415, 415, 429} {
		if got := from("2001:db8::1"); got != want {
			t.Errorf("request %d: %d", i, got)
		}
	}
	if got := from("2001:db8::ffff"); got != 429 {
		t.Errorf("a neighbour in the same /64: %d", got)
	}
	if got := from("2001:db8:0:1::1"); got != 415 {
		t.Errorf("another network: %d", got)
	}
	if w := ask(t, f, "GET", "/health", "127.0.0.1:9", "X-Forwarded-For: 2001:db8::1"); w.Code != 200 {
		t.Errorf("health is limited: %d", w.Code)
	}
}

func TestCORS(t *testing.T) {
	t.Parallel()
	f := newFront(t, front.Options{Access: believing(t, "")})
	preflight := ask(t, f, "OPTIONS", "/mcp", "127.0.0.1:9", "Host: localhost", "Origin: https://app.example",
		"Access-Control-Request-Method: POST", "Access-Control-Request-Headers: Content-Type, mcp-session-id,Mcp-Param-Region, x-evil, authorization")
	h := preflight.Header()
	if preflight.Code != 204 || h.Get("Access-Control-Allow-Origin") != "https://app.example" ||
		h.Get("Access-Control-Allow-Headers") != "content-type, mcp-session-id, mcp-param-region, authorization" || !strings.Contains(h.Get("Access-Control-Allow-Methods"), "DELETE") {
		t.Errorf("%d %v", preflight.Code, h)
	}
	answer := ask(t, f, "POST", "/mcp", "127.0.0.1:9", "Host: localhost", "Origin: https://app.example")
	if exposed := answer.Header().Get("Access-Control-Expose-Headers"); !strings.Contains(exposed, "Mcp-Session-Id") || !strings.Contains(exposed, "WWW-Authenticate") {
		t.Errorf("exposed: %q", exposed)
	}
	stranger := ask(t, f, "OPTIONS", "/mcp", "127.0.0.1:9", "Host: localhost", "Origin: https://evil.example", "Access-Control-Request-Method: POST")
	if stranger.Code != 403 || stranger.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("a stranger's page: %d %v", stranger.Code, stranger.Header())
	}
	if local := ask(t, f, "POST", "/mcp", "127.0.0.1:9", "Host: localhost", "Origin: http://localhost:6274"); local.Code != 415 || local.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("a local page gets CORS headers without being configured: %d %v", local.Code, local.Header())
	}
}

// TestABackendMayLearnTheVerifiedPart of who calls, also in a batch.
func TestABackendMayLearnTheVerifiedPart(t *testing.T) {
	t.Parallel()
	r := newRig(t, front.Options{Access: believing(t, "loopback, 10.0.0.0/8")}, gateway.Setup{})
	learned := make(chan map[string]string, 4)
	r.gateway.serve["test/later"] = func(_ context.Context, c *gateway.Client, m *mcp.Message, _ gateway.Stream) (gateway.Answer, error) {
		got := map[string]string{}
		for _, h := range c.Forwarder.Forwarded() {
			got[h[0]] = h[1]
		}
		learned <- got
		return result(m, `{"resultType":"complete"}`), nil
	}
	post := func(body string, more ...string) *httptest.ResponseRecorder {
		req := httptest.NewRequest("POST", "/mcp", strings.NewReader(body))
		req.RemoteAddr, req.Host = "127.0.0.1:9", "localhost"
		for _, line := range append(more, "Content-Type: application/json", "Accept: application/json, text/event-stream",
			"X-Forwarded-For: 6.6.6.6, 203.0.113.7, 10.0.0.2", "X-Forwarded-Proto: https", "X-Real-Ip: 6.6.6.6") {
			name, value, _ := strings.Cut(line, ": ")
			req.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		r.front.ServeHTTP(w, req)
		return w
	}
	opened := post(strings.Replace(hello, "2025-11-25", mcp.Version20250326, 1))
	session := "Mcp-Session-Id: " + opened.Header().Get(mcp.HeaderSession)
	const later = `{"jsonrpc":"2.0","id":1,"method":"test/later"}`
	want := map[string]string{"X-Forwarded-For": "203.0.113.7, 10.0.0.2, 127.0.0.1", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "localhost"}
	for name, w := range map[string]*httptest.ResponseRecorder{
		"modern": post(laterModern, "Mcp-Protocol-Version: 2026-07-28", "Mcp-Method: test/later"),
		"legacy": post(later, session),
		"batch":  post("["+later+","+strings.Replace(later, "1,", "2,", 1)+"]", session),
	} {
		if w.Code != 200 {
			t.Fatalf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	for range 4 {
		if got := <-learned; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("a backend learns %v, want %v", got, want)
		}
	}
}
