package publicurl

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"onemcp/internal/trustproxy"
)

// External is one public URL of the gateway.
type External struct {
	Scheme string // http or https
	Host   string // lower case, with the port unless it is the scheme's own
	Path   string // prefix without a slash at its end; "" or "/gw"
}

// Origin returns scheme://host, as a browser names it.
func (e External) Origin() string { return e.Scheme + "://" + e.Host }

// String returns the URL without a slash at its end.
func (e External) String() string { return e.Origin() + e.Path }

// Parse reads an external URL: http or https, a host, perhaps a path prefix, nothing else.
func Parse(text string) (External, error) {
	u, err := url.Parse(strings.TrimSpace(text))
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return External{}, fmt.Errorf("%q is not a URL like https://mcp.example.com or https://example.com/gw", text)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return External{}, fmt.Errorf("a public URL must not hold a user, a query or a fragment")
	}
	host, ok := trustproxy.ParseHost(u.Host)
	if !ok {
		return External{}, fmt.Errorf("%q is not a valid host", u.Host)
	}
	path := strings.TrimRight(u.EscapedPath(), "/")
	if strings.Contains(path, "//") || strings.Contains(path+"/", "/../") || strings.Contains(path+"/", "/./") {
		return External{}, fmt.Errorf("the path %q is not a plain prefix", path)
	}
	return External{Scheme: u.Scheme, Host: withoutDefaultPort(u.Scheme, host), Path: path}, nil
}

func withoutDefaultPort(scheme string, h trustproxy.Hostname) string {
	if scheme == "http" && h.Port == "80" || scheme == "https" && h.Port == "443" {
		return strings.TrimSuffix(h.Text, ":"+h.Port)
	}
	return h.Text
}

// Base is where the gateway is reached. The zero Base has no external URLs.
type Base struct{ external []External }

// New returns the base of these external URLs.
func New(external []External) Base { return Base{slices.Clone(external)} }

// Pinned reports whether the public URL is configured, so that it depends on no request.
func (b Base) Pinned() bool { return len(b.external) > 0 }

// External returns the configured URLs.
func (b Base) External() []External { return slices.Clone(b.external) }

// Of returns the public base URL for a request, without a slash at its end: of the external URLs the one
// whose host the request was for, else the first; without any, what was derived.
func (b Base) Of(d trustproxy.Decision) string {
	if len(b.external) == 0 {
		host, ok := trustproxy.ParseHost(d.Host)
		if !ok {
			return ""
		}
		return d.Scheme + "://" + withoutDefaultPort(d.Scheme, host)
	}
	return b.chosen(d).String()
}

// chosen prefers the whole host over the name alone, since some proxies lose the port.
func (b Base) chosen(d trustproxy.Decision) External {
	host, ok := trustproxy.ParseHost(d.Host)
	if !ok {
		return b.external[0]
	}
	for _, e := range b.external {
		if e.Host == withoutDefaultPort(e.Scheme, host) {
			return e
		}
	}
	for _, e := range b.external {
		if own, _ := trustproxy.ParseHost(e.Host); own.Name == host.Name {
			return e
		}
	}
	return b.external[0]
}

// Prefix returns the path prefix under which the request's client sees the gateway, "" or "/gw".
func (b Base) Prefix(d trustproxy.Decision) string {
	if len(b.external) == 0 {
		return ""
	}
	return b.chosen(d).Path
}

// Strip returns a path without the prefix that a proxy left on it. Whether the proxy strips it or not,
// the gateway serves the same.
func (b Base) Strip(path string) string {
	for _, e := range b.external {
		if rest, ok := strings.CutPrefix(path, e.Path); ok && e.Path != "" && (rest == "" || rest[0] == '/') {
			if rest == "" {
				return "/"
			}
			return rest
		}
	}
	return path
}

// Secure reports whether cookies for the request must be Secure: by the external URL, or else by what was derived.
func (b Base) Secure(d trustproxy.Decision) bool {
	if len(b.external) == 0 {
		return d.Scheme == "https"
	}
	return b.chosen(d).Scheme == "https"
}
