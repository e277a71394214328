package front

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"onemcp/internal/fault"
)

// guard refuses web pages of strangers: a browser names the page's origin, and a page that rebinds its
// name to a loopback address still names itself. Health checks come without any of this.
func (f *Front) guard(r *http.Request, to target) error {
	origins := r.Header["Origin"]
	if len(origins) == 0 || to.kind == toHealth || to.kind == toIndex && r.Method == http.MethodOptions {
		return nil
	}
	for _, origin := range origins {
		if !originAllowed(origin, r.Host, f.AllowedOrigins) {
			return fault.New(fault.Denied, "web pages of origin %q may not call this gateway", origin).WithHint("add the origin to server.allowedOrigins")
		}
	}
	return nil
}

// originAllowed decides by the origin and the raw Host, never by a derived one: a rebinding page
// could make that agree.
func originAllowed(origin, host string, allowed []string) bool {
	if slices.ContainsFunc(allowed, func(a string) bool { return strings.EqualFold(a, origin) }) {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return false
	}
	return loopbackHost(u.Host) && loopbackHost(host)
}

// loopbackHost reports whether host, with or without a port, names this machine's loopback.
func loopbackHost(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.ToLower(strings.Trim(host, "[]")), ".")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}
