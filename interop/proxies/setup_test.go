//go:build linux

package proxies_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onemcp/interop/harness"
)

const (
	publicName    = "mcp.example.com" // by which clients call
	clientAddress = "127.0.0.77"      // from which they call
	beat          = 200               // milliseconds, of the gateway's streams
)

// setup is a gateway behind one proxy or more, as deploy/ has them.
type setup struct {
	name   string
	file   string // the gateway's, under deploy/
	hops   []hop  // from the gateway outwards
	scheme string // that clients use
	prefix string // of the public path
	env    []string
	server map[string]any // settings beyond the file

	backends map[string]any // beside the test's own

	noticed []string // flags, of a client that lies
	http2   bool     // what clients speak with the outermost proxy
}

// setups are all that are tested whole.
func setups() []setup {
	strangers := []string{"untrusted_headers", "alias_header", "connection_strip"}
	return []setup{
		{name: "direct", file: "nginx/page.json"},
		{name: "nginx/page", file: "nginx/page.json", hops: []hop{nginx("nginx/page.conf")}},
		{name: "nginx/recommended", file: "nginx/recommended.json", hops: []hop{nginx("nginx/recommended.conf")}},
		{name: "nginx/tls", file: "nginx/tls.json", hops: []hop{nginx("nginx/tls.conf")}, scheme: "https"},
		{name: "nginx/tls/http2", file: "nginx/tls.json", hops: []hop{nginx("nginx/tls.conf")}, scheme: "https", http2: true},
		{name: "nginx/unix", file: "nginx/unix.json", hops: []hop{nginx("nginx/unix.conf")}},
		{name: "nginx/prefix-strip", file: "nginx/prefix.json", hops: []hop{nginx("nginx/prefix-strip.conf")}, prefix: "/gw"},
		{name: "nginx/prefix-keep", file: "nginx/prefix.json", hops: []hop{nginx("nginx/prefix-keep.conf")}, prefix: "/gw"},
		{name: "apache/page", file: "apache/page.json", hops: []hop{apache("page.conf")}},
		{name: "apache/recommended", file: "apache/recommended.json", hops: []hop{apache("recommended.conf")}},
		{name: "haproxy", file: "haproxy/haproxy.json", hops: []hop{haproxy("haproxy.cfg")}},
		{name: "haproxy/proxy-protocol", file: "haproxy/proxy-protocol.json", hops: []hop{haproxy("proxy-protocol.cfg")}, noticed: strangers},
		{name: "haproxy/proxy-protocol/tls", file: "haproxy/proxy-protocol.json", hops: []hop{haproxyTLS("proxy-protocol.cfg")}, scheme: "https", noticed: strangers},
		{name: "caddy", file: "caddy/caddy.json", hops: []hop{caddy}},
		{name: "caddy/tls", file: "caddy/caddy.json", hops: []hop{caddyTLS}, scheme: "https", http2: true},
		{name: "compose/page", file: "compose/page/mcp.json", env: []string{"TRUST_PROXY=true"}, hops: []hop{nginx("compose/page/nginx.conf")}},
		{name: "compose/recommended", file: "compose/recommended/mcp.json", env: []string{"TRUST_PROXY=127.0.0.0/30"}, hops: []hop{nginx("compose/recommended/nginx.conf")}},
		{name: "cloudflare/nginx", file: "cloudflare/nginx.json", hops: []hop{nginx("cloudflare/nginx.conf")}, scheme: "https", noticed: []string{"spoof_prefix"}},
		{name: "nginx+haproxy", file: "haproxy/haproxy.json", hops: []hop{haproxy("behind-proxy.cfg"), nginx("nginx/recommended.conf")}},
	}
}

// site is a setup that runs.
type site struct {
	setup
	base  string // public URL of the gateway, without a slash at the end
	proxy string // where the outermost proxy serves
	state string // the gateway's directory

	external string // the gateway's externalUrl
	client   *http.Client
}

// start runs a setup. Proxies cut what is idle for limit, if that is not empty.
func (s setup) start(t testing.TB, limit string) *site {
	t.Helper()
	if s.scheme == "" {
		s.scheme = "http"
	}
	out := &site{setup: s, proxy: reserve(t)}
	_, port, _ := net.SplitHostPort(out.proxy)
	origin := s.scheme + "://" + net.JoinHostPort(publicName, port)
	out.base, out.state = origin+s.prefix, t.TempDir()
	config := s.config(t, port)
	out.external, _ = config["server"]["externalUrl"].(string)
	upstream := startGateway(t, encode(t, config), append(s.env, "ONE_MCP_STATE_DIR="+out.state)...)
	if len(s.hops) == 0 {
		out.proxy, out.base = upstream, "http://"+upstream
	}
	s.chain(t, out.proxy, upstream, limit)
	out.client = httpClient(t, out.proxy, s.http2)
	return out
}

// chain starts the proxies, from the inside out.
func (s setup) chain(t testing.TB, at, upstream, limit string) {
	t.Helper()
	for i, hop := range s.hops {
		to := at
		if i < len(s.hops)-1 {
			to = reserve(t)
		}
		hop(t, to, upstream, limit)
		upstream = to
	}
}

// config is the gateway's deployed file, with a free port, short beats, the
// public port, and a server behind it.
func (s setup) config(t testing.TB, port string) map[string]map[string]any {
	t.Helper()
	text := deployed(t, s.file)
	if strings.Contains(text, publicName) {
		text = edit(t, text, publicName, net.JoinHostPort(publicName, port))
	}
	var config map[string]map[string]any
	if err := json.Unmarshal([]byte(text), &config); err != nil {
		t.Fatalf("deploy/%s: %v", s.file, err)
	}
	if config["server"] == nil {
		config["server"] = map[string]any{}
	}
	maps.Copy(config["server"], s.server)
	config["server"]["heartbeatInterval"] = beat
	if _, unix := config["server"]["listen"]; unix {
		config["server"]["listen"] = "unix:" + filepath.Join(shortDir(t), "1mcp.sock")
	} else {
		config["server"]["port"] = 0
	}
	config["mcpServers"] = map[string]any{"test": map[string]any{
		"command": os.Args[0], "env": map[string]string{asBackend: "1"},
		"protocol": "legacy", // one process for clients of both eras
	}}
	maps.Copy(config["mcpServers"], s.backends)
	return config
}

func encode(t testing.TB, config any) string {
	t.Helper()
	raw, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// shortDir is a directory for a socket, whose path may not be long.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "1mcp")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// startGateway returns where the gateway listens: host:port, or a path.
func startGateway(t testing.TB, config string, env ...string) string {
	t.Helper()
	home := t.TempDir()
	file := write(t, home, "mcp.json", config)
	child := harness.Start(t, harness.Spec{
		Path: bin.OneMCP,
		Args: []string{"serve", "--config", file},
		Env:  append(env, "HOME="+home, "XDG_CONFIG_HOME="+home),
		Dir:  home,
	})
	t.Cleanup(func() {
		if err := stop(t, child); err != nil {
			t.Errorf("the gateway did not stop cleanly: %v", err)
		}
	})
	return child.Await("where it listens", listening)
}

func listening(line string) (string, bool) {
	var entry struct{ Msg, URL string }
	if json.Unmarshal([]byte(line), &entry) != nil || entry.Msg != "listening" {
		return "", false
	}
	if path, ok := strings.CutPrefix(entry.URL, "unix:"); ok {
		return path, true
	}
	u, err := url.Parse(entry.URL)
	if err != nil {
		return "", false
	}
	return u.Host, true
}

// httpClient calls a proxy by the public name, from the clients' address.
func httpClient(t testing.TB, proxy string, http2 bool) *http.Client {
	t.Helper()
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(clientAddress)}}
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, proxy)
		},
		TLSClientConfig:   &tls.Config{RootCAs: authorities(t)},
		ForceAttemptHTTP2: http2,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// url is the public address of a path of the gateway.
func (s *site) url(path string) string { return s.base + path }
