package config

import (
	"net/url"
	"strings"

	"onemcp/internal/trustproxy"
)

// public checks what is said of hosts, origins and addresses. What no request can ever name is refused: it would deny in
// silence what somebody meant to allow.
func (d *decoder) public(s *Server, given map[string]place) {
	d.each(given["allowedHosts"], s.AllowedHosts, isAllowedHost,
		"write the name alone, perhaps with a port: mcp.example.com, or *.example.com for all below", "a host")
	d.each(given["allowedOrigins"], s.AllowedOrigins, isAllowedOrigin,
		"for example https://app.example.com, or * for any", "an origin")
	if at, ok := given["anomalyWebhook"]; ok && d.sound(at) {
		if _, ok := parseAddress(s.AnomalyWebhook.Reveal()); !ok {
			d.fail(at, "for example https://hooks.example.com/abc", "is not the URL of an HTTP server")
		}
	}
	if at, ok := given["externalUrl"]; ok {
		d.endpoints(at, s.ExternalURL)
	}
}

func (d *decoder) each(at place, texts []string, valid func(string) bool, hint, what string) {
	for i, text := range texts {
		if one := at.elements()[i]; d.sound(one) && !valid(text) {
			d.fail(one, hint, "%q is not %s", text, what)
		}
	}
}

func isAllowedHost(text string) bool {
	_, ok := trustproxy.ParseHost(strings.TrimPrefix(text, "*."))
	return ok
}

// isAllowedOrigin takes schemes of all kinds: editors and extensions have their own.
func isAllowedOrigin(text string) bool {
	if text == "*" || text == "null" {
		return true
	}
	u, err := url.Parse(strings.TrimRight(text, "/"))
	if err != nil || u.Scheme == "" || u.String() != u.Scheme+"://"+u.Host {
		return false
	}
	_, ok := trustproxy.ParseHost(u.Host)
	return ok
}

// endpoints warns of public URLs that name an endpoint in place of what all endpoints stand under.
func (d *decoder) endpoints(at place, urls ExternalURLs) {
	list := []place{at}
	if at.kind() == '[' {
		list = at.elements()
	}
	if len(list) != len(urls) { // some are wrong
		return
	}
	for i, external := range urls {
		for _, endpoint := range []string{"/mcp", "/sse"} {
			if strings.HasSuffix(external.Path, endpoint) {
				d.warn(list[i], "leave "+endpoint+" out", "clients then connect to %s/mcp", external)
			}
		}
	}
}
