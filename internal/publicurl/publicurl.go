package publicurl

import (
	"net/url"
	"path"
	"strings"

	"onemcp/internal/fault"
	"onemcp/internal/trustproxy"
)

// Base is an absolute URL without trailing slash: what all others begin with. Comparable, so
// that a flow of several requests can hold on to the one it began with.
type Base struct {
	Scheme string // "http" or "https"
	Host   string // lower case, without default port; empty: no valid one is known
	Prefix string // path prefix, empty or beginning with a slash and not ending with one
	Pinned bool   // from the configuration, so that no client could choose it
}

// URL returns the absolute URL of a path that begins with a slash and may have a query. Without
// a host it stays relative: that is right for redirects, and better than a wrong URL.
func (b Base) URL(path string) string {
	if b.Host == "" {
		return b.Prefix + path
	}
	return b.Origin() + b.Prefix + path
}

// Origin returns scheme and host as browsers send them in Origin.
func (b Base) Origin() string { return b.Scheme + "://" + b.Host }

// Secure tells whether the base is https, so that cookies must be.
func (b Base) Secure() bool { return b.Scheme == "https" }

// External holds the configured external URLs. Nil holds none.
type External struct {
	bases []Base
	names []string // the host of each base without port
}

// Parse reads external URLs. An error names the offending one and its place.
func Parse(urls []string) (*External, error) {
	e := &External{}
	for i, text := range urls {
		b, name, problem := parse(strings.TrimSpace(text))
		if problem != "" {
			return nil, fault.New(fault.Invalid, "server.externalUrl, entry %d: %q %s", i+1, text, problem).
				WithHint("write the URL that clients use, such as https://mcp.example.com or https://example.com/gw")
		}
		e.bases, e.names = append(e.bases, b), append(e.names, name)
	}
	return e, nil
}

func parse(text string) (b Base, name, problem string) {
	u, err := url.Parse(text)
	if err != nil {
		return b, "", "is not a URL"
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return b, "", "is not an http or https URL"
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.ForceQuery {
		return b, "", "has more than scheme, host and path"
	}
	h, ok := trustproxy.ParseHost(u.Host)
	if !ok {
		return b, "", "has no valid host"
	}
	prefix := strings.TrimSuffix(u.Path, "/")
	if prefix != "" && (path.Clean(prefix) != prefix || u.RawPath != "" || strings.ContainsAny(prefix, "%\\;\"<> ")) {
		return b, "", "has a path that is not plain"
	}
	return Base{u.Scheme, withoutDefaultPort(u.Scheme, h), prefix, true}, h.Name, ""
}

// withoutDefaultPort returns the host as it stands in a URL of the scheme.
func withoutDefaultPort(scheme string, h trustproxy.Hostname) string {
	if scheme == "https" && h.Port == "443" || scheme == "http" && h.Port == "80" {
		return strings.TrimSuffix(h.Text, ":"+h.Port)
	}
	return h.Text
}

// Any tells whether external URLs are configured.
func (e *External) Any() bool { return e != nil && len(e.bases) > 0 }

// Bases returns the configured bases in order. The caller must not change them.
func (e *External) Bases() []Base {
	if e == nil {
		return nil
	}
	return e.bases
}

// Base returns the base for a request: of the external URLs the one for the host that the
// request was made to, else the first; without any, what was derived from the request.
func (e *External) Base(d trustproxy.Decision) Base {
	h, ok := trustproxy.ParseHost(d.Host)
	if e.Any() {
		return e.match(h)
	}
	b := Base{Scheme: d.Scheme}
	if ok {
		b.Host = withoutDefaultPort(d.Scheme, h)
	}
	return b
}

// match prefers the whole host over the name alone, since some proxies lose the port.
func (e *External) match(h trustproxy.Hostname) Base {
	for _, b := range e.bases {
		if b.Host == withoutDefaultPort(b.Scheme, h) {
			return b
		}
	}
	for i, name := range e.names {
		if name == h.Name {
			return e.bases[i]
		}
	}
	return e.bases[0]
}

// Route returns the path as the gateway's own routes are written, whether the proxy took the
// prefix of an external URL off or not. A path that known accepts stays, so that a prefix may
// look like a route.
func (e *External) Route(path string, known func(string) bool) string {
	if !e.Any() || known(path) {
		return path
	}
	longest := ""
	for _, b := range e.bases {
		if len(b.Prefix) > len(longest) && hasPrefix(path, b.Prefix) {
			longest = b.Prefix
		}
	}
	if longest == "" {
		return path
	}
	if rest := path[len(longest):]; rest != "" {
		return rest
	}
	return "/"
}

func hasPrefix(path, prefix string) bool {
	return strings.HasPrefix(path, prefix) && (len(path) == len(prefix) || path[len(prefix)] == '/')
}
