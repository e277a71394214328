package guard

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"onemcp/internal/fault"
	"onemcp/internal/publicurl"
	"onemcp/internal/trustproxy"
)

// Options are the settings that matter to the guards.
type Options struct {
	Bind           []string // hosts that the listeners are bound to by name
	AllowedHosts   []string // server.allowedHosts: a host, or host:port for that port alone
	AllowedOrigins []string // server.allowedOrigins
	External       *publicurl.External
	ExplicitTrust  bool // somebody set trustProxy
}

// Guard judges hosts and origins.
type Guard struct {
	hosts      []trustproxy.Hostname // a host without port stands for all its ports
	origins    []string
	pinned     bool // there are external URLs or allowed hosts
	permissive bool
}

// New compiles the settings. An error names the offending entry and its place.
func New(o Options) (*Guard, error) {
	g := &Guard{pinned: o.External.Any() || len(o.AllowedHosts) > 0}
	g.permissive = o.ExplicitTrust && !g.pinned
	for i, text := range o.AllowedHosts {
		h, ok := trustproxy.ParseHost(strings.TrimSpace(text))
		if !ok {
			return nil, fault.New(fault.Invalid, "server.allowedHosts, entry %d: %q is not a host", i+1, text).
				WithHint("write a name such as mcp.example.com, with a port only if no other port is allowed; there are no wildcards")
		}
		g.hosts = append(g.hosts, h)
	}
	for i, text := range o.AllowedOrigins {
		origin, ok := parseOrigin(strings.TrimSuffix(strings.TrimSpace(text), "/"))
		if !ok {
			return nil, fault.New(fault.Invalid, "server.allowedOrigins, entry %d: %q is not an origin", i+1, text).
				WithHint("write scheme://host or scheme://host:port, such as https://app.example.com; there are no wildcards")
		}
		g.origins = append(g.origins, origin)
	}
	g.addOwn(o)
	return g, nil
}

// addOwn adds what is allowed without being listed.
func (g *Guard) addOwn(o Options) {
	for _, text := range o.Bind {
		if h, ok := trustproxy.ParseHost(text); ok {
			g.hosts = append(g.hosts, trustproxy.Hostname{Name: h.Name})
		}
	}
	for _, b := range o.External.Bases() {
		if h, ok := trustproxy.ParseHost(b.Host); ok {
			g.hosts = append(g.hosts, trustproxy.Hostname{Name: h.Name}) // proxies lose the port
		}
		g.origins = append(g.origins, b.Origin())
	}
}

// Permissive tells whether any valid host is taken from trusted proxies, which is worth a
// warning at the start: trustProxy is set, but neither externalUrl nor allowedHosts is.
func (g *Guard) Permissive() bool { return g.permissive }

// Request is what the host guard looks at.
type Request struct {
	Method, Path string // the path as the gateway routes it
	Host         string // the Host header as it came
	Decision     *trustproxy.Decision
}

// Host returns nil if the request's own host, and the derived one where that matters, may be
// used. Health checks pass with any host and with none, since proxies send them so.
func (g *Guard) Host(r Request) error {
	if isHealthCheck(r.Method, r.Path) {
		return nil
	}
	own, ok := trustproxy.ParseHost(r.Host)
	if !ok {
		return refuseHost(r.Host, "send a valid Host header")
	}
	if g.permissive && throughProxy(r.Decision) {
		return nil
	}
	if !g.allows(own) {
		return refuseHost(r.Host, g.remedy(own))
	}
	if derived := r.Decision.Host; g.pinned && derived != own.Text {
		if h, ok := trustproxy.ParseHost(derived); !ok || !g.allows(h) {
			return refuseHost(derived, g.remedy(h))
		}
	}
	return nil
}

// throughProxy tells whether a trusted proxy sent the request and named its client, which a
// rebinding page cannot achieve without the proxy.
func throughProxy(d *trustproxy.Decision) bool {
	return d.Proxied || d.Trusted && d.Announced
}

func isHealthCheck(method, path string) bool {
	return strings.HasPrefix(path, "/health") || method == "OPTIONS" && (path == "/" || path == "*")
}

// allows tells whether a host is this machine, an address, or listed. A rebinding page can
// send neither loopback names nor addresses: its host is a name of its own.
func (g *Guard) allows(h trustproxy.Hostname) bool {
	if _, isAddr := h.Addr(); isAddr || h.Loopback() {
		return true
	}
	return slices.ContainsFunc(g.hosts, func(a trustproxy.Hostname) bool {
		return a.Name == h.Name && (a.Port == "" || a.Port == h.Port)
	})
}

func (g *Guard) remedy(h trustproxy.Hostname) string {
	return "add " + strconv.Quote(h.Name) + " to server.allowedHosts, or set server.externalUrl to the URL that clients use"
}

func refuseHost(host, remedy string) error {
	if host == "" {
		return fault.New(fault.Denied, "the request has no Host header [%s]", trustproxy.HostDenied).WithHint("%s", remedy)
	}
	return fault.New(fault.Denied, "host %s is not allowed here [%s]", shown(host), trustproxy.HostDenied).WithHint("%s", remedy)
}

// Origin returns nil if a page of the origin may call: none is given, it is listed, it is that
// of an external URL, or both page and request are on this machine. It is never compared with
// the request's own host, because a rebinding page's origin and host agree.
func (g *Guard) Origin(rawHost string, origins []string) error {
	if len(origins) == 0 || len(origins) == 1 && g.AllowsOrigin(rawHost, origins[0]) {
		return nil
	}
	seen := strings.Join(origins, ", ")
	remedy := "add the page's origin, such as https://app.example.com, to server.allowedOrigins"
	if origin, ok := parseOrigin(seen); ok {
		remedy = "add " + strconv.Quote(origin) + " to server.allowedOrigins if this page may call"
	}
	return fault.New(fault.Denied, "origin %s is not allowed here [%s]", shown(seen), trustproxy.OriginDenied).WithHint("%s", remedy)
}

// AllowsOrigin tells whether a page of the origin may call, and read the answer.
func (g *Guard) AllowsOrigin(rawHost, origin string) bool {
	canonical, ok := parseOrigin(origin)
	if !ok {
		return false
	}
	return slices.Contains(g.origins, canonical) || bothLocal(rawHost, canonical)
}

func bothLocal(rawHost, origin string) bool {
	h, ok := trustproxy.ParseHost(rawHost)
	if !ok || !h.Loopback() {
		return false
	}
	scheme, authority, _ := strings.Cut(origin, "://")
	o, ok := trustproxy.ParseHost(authority)
	return ok && o.Loopback() && (scheme == "http" || scheme == "https")
}

// parseOrigin returns an origin in canonical form: lower case, without default port. The
// origins of desktop programs have schemes of their own; "null" is one too, if listed.
func parseOrigin(s string) (string, bool) {
	if s == "null" {
		return s, true
	}
	scheme, authority, ok := strings.Cut(s, "://")
	if !ok || scheme == "" {
		return "", false
	}
	u, err := url.Parse(scheme + ":")
	if err != nil {
		return "", false
	}
	h, ok := trustproxy.ParseHost(authority)
	if !ok {
		return "", false
	}
	if u.Scheme == "https" && h.Port == "443" || u.Scheme == "http" && h.Port == "80" {
		h.Text = strings.TrimSuffix(h.Text, ":"+h.Port)
	}
	return u.Scheme + "://" + h.Text, true
}

// shown quotes text of a client for a message, cut at 256 bytes.
func shown(s string) string {
	if len(s) > 256 {
		return strconv.QuoteToASCII(s[:256]) + "..."
	}
	return strconv.QuoteToASCII(s)
}
