package hostguard

import (
	"net/url"
	"slices"
	"strings"

	"onemcp/internal/fault"
	"onemcp/internal/publicurl"
	"onemcp/internal/trustproxy"
)

// Options are what may be named.
type Options struct {
	Bind          string               // the host we listen on, as configured
	External      []publicurl.External // their hosts and origins are allowed
	Hosts         []string             // further hosts, with or without port; *.example.com for all below
	Origins       []string             // further origins, scheme://host[:port]; "*" for any
	TrustExplicit bool                 // trustProxy was set by somebody
}

// Guard is the decision. Make it with [New].
type Guard struct {
	hosts      []string // lower case
	origins    []string // lower case
	anyOrigin  bool
	pinned     bool // hosts were named, so the derived host is judged too
	permissive bool // a trusted peer may bring any valid host
}

// New returns the guard for these options.
func New(o Options) *Guard {
	g := &Guard{
		pinned:     len(o.External) > 0 || len(o.Hosts) > 0,
		permissive: o.TrustExplicit && len(o.External) == 0 && len(o.Hosts) == 0,
		anyOrigin:  slices.Contains(o.Origins, "*"),
	}
	if o.Bind != "" {
		g.hosts = append(g.hosts, strings.ToLower(o.Bind))
	}
	for _, e := range o.External {
		g.hosts = append(g.hosts, e.Host)
		g.origins = append(g.origins, e.Origin())
	}
	for _, h := range o.Hosts {
		g.hosts = append(g.hosts, strings.ToLower(h))
	}
	for _, origin := range o.Origins {
		g.origins = append(g.origins, strings.ToLower(strings.TrimRight(origin, "/")))
	}
	return g
}

// Permissive reports whether trusted proxies may bring any host, which deserves a warning at the start.
func (g *Guard) Permissive() bool { return g.permissive }

// Host judges the Host header of a request and the host that was derived for it. The error, of kind Denied, says
// which host was seen and which setting would allow it.
func (g *Guard) Host(raw string, d *trustproxy.Decision) error {
	host, ok := trustproxy.ParseHost(raw)
	if !ok {
		return fault.New(fault.Invalid, "the Host header %q is not valid", clip(raw))
	}
	if !g.allows(host) && !(g.permissive && d.Trusted && (d.Announced || d.Proxied)) {
		return denied(host)
	}
	if !g.pinned || d.Sources.Host == trustproxy.Connection {
		return nil
	}
	if derived, ok := trustproxy.ParseHost(d.Host); ok && !g.allows(derived) {
		return denied(derived)
	}
	return nil
}

func denied(h trustproxy.Hostname) error {
	return fault.New(fault.Denied, "host %q is not served here", h.Text).
		WithHint("add it to server.allowedHosts, or set server.externalUrl to the URL that clients use; check id: host_denied")
}

// allows: loopback names and address literals always, since a rebinding page can send neither.
func (g *Guard) allows(h trustproxy.Hostname) bool {
	if _, literal := h.Addr(); literal || h.Loopback() {
		return true
	}
	return slices.ContainsFunc(g.hosts, func(allowed string) bool {
		if below, ok := strings.CutPrefix(allowed, "*."); ok {
			return strings.HasSuffix(h.Name, "."+below)
		}
		return allowed == h.Name || allowed == h.Text
	})
}

// Origin judges the Origin header of a request for an MCP or API path. A request without one does not come from a
// web page of another site.
func (g *Guard) Origin(origins []string, rawHost string) error {
	for _, origin := range origins {
		if !g.originAllowed(origin, rawHost) {
			return fault.New(fault.Denied, "web pages of origin %q may not call this gateway", clip(origin)).
				WithHint("add the origin to server.allowedOrigins; check id: origin_denied")
		}
	}
	return nil
}

func (g *Guard) originAllowed(origin, rawHost string) bool {
	if g.ListsOrigin(origin) {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return false
	}
	page, ok := trustproxy.ParseHost(u.Host)
	host, valid := trustproxy.ParseHost(rawHost)
	return ok && valid && page.Loopback() && host.Loopback()
}

// ListsOrigin reports whether an origin was configured, so that its pages get CORS headers.
func (g *Guard) ListsOrigin(origin string) bool {
	return g.anyOrigin || slices.Contains(g.origins, strings.ToLower(origin))
}

func clip(text string) string {
	if len(text) > 256 {
		text = text[:256]
	}
	return strings.ToValidUTF8(text, "")
}
