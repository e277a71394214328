package doctor

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"onemcp/internal/trustproxy"
)

// answer is what came back, for sentences.
func (c *Call) answer() string {
	if c.Failure.Kind != "" {
		return c.Failure.Text
	}
	text := fmt.Sprintf("%d %s", c.Status, http.StatusText(c.Status))
	if c.Server != "" {
		text += " by " + clip(c.Server)
	}
	return text
}

// clip keeps foreign text short and on one line.
func clip(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > 120 {
		text = strings.ToValidUTF8(text[:120], "") + "…"
	}
	return text
}

// checkReach says why the public URL does not show the gateway.
func checkReach(o *Observations) []Finding {
	call := &o.Public.Clean
	switch {
	case call.Failure.Kind != "":
		return notConnected(o, call)
	case call.Whoami != nil:
		return one("token_lost", Error, nil,
			"the gateway behind %s does not get or take the token: the proxy removes the header X-1mcp-Probe, or another gateway answers there", o.Public.URL)
	}
	return notTheGateway(o, call)
}

func notConnected(o *Observations, call *Call) []Finding {
	at := o.Public.URL
	switch call.Failure.Kind {
	case "tls":
		return one("tls", Error, noCertificate.fixes(o.gateway()), "%s has no TLS that clients accept: %s (--insecure looks at the rest)", at, call.Failure.Text)
	case "source":
		return one("unreachable", Error, nil, "%s cannot be called from the address that --from names: this machine has no such address; `ip addr` lists those it has", at)
	case "cut":
		if o.Setup.ProxyProtocol {
			return wantsPROXY(o, "the connection is closed without an answer")
		}
	}
	return one("unreachable", Error, nil, "%s cannot be reached from here: %s; is the proxy running? Where the name does not lead to it from this machine, give --connect host:port", at, call.Failure.Text)
}

func wantsPROXY(o *Observations, seen string) []Finding {
	fixes := append(proxyHeader.fixes(o.gateway()), inFile(`"proxyProtocol": "off"`))
	return one("proxy_protocol", Error, fixes,
		"%s through %s: the gateway requires a PROXY header (server.proxyProtocol), and the proxy does not send one, or is not in trustProxy", seen, o.Public.URL)
}

func notTheGateway(o *Observations, call *Call) []Finding {
	at, gateway := o.Public.URL, o.gateway()
	switch s := call.Status; {
	case s == http.StatusLoopDetected:
		return loop(o, "the gateway stopped a redirect loop")
	case s == http.StatusBadRequest && call.Server == "" && strings.HasPrefix(call.Body, "400 Bad Request"):
		return one("proxy_protocol", Error, []Fix{inFile(`"proxyProtocol": "require"`), {"HAProxy", []string{"# remove send-proxy and send-proxy-v2 from the server line"}}},
			"the gateway cannot read what comes through %s: the proxy begins with a PROXY header, and server.proxyProtocol is off", at)
	case s == http.StatusBadRequest && strings.Contains(call.Body, trustproxy.UntrustedHeaders.String()):
		return one("untrusted_peer", Error, []Fix{inFile(`"trustProxy": ["ADDRESS-OF-YOUR-PROXY"]`)}, "the gateway rejects the proxy behind %s: it is not in trustProxy, and onUntrustedHeaders is reject", at)
	case s >= http.StatusBadGateway && s <= http.StatusGatewayTimeout:
		if o.Setup.ProxyProtocol {
			return wantsPROXY(o, call.answer())
		}
		return one("upstream_down", Error, passUpstream.fixes(gateway), "%s answers %s: the proxy does not reach the gateway, which listens at %s", at, call.answer(), o.Setup.Listener)
	case s == http.StatusNotFound && strings.Contains(call.Body, "there is nothing at"):
		return prefixLost(o)
	case s == http.StatusNotFound:
		return one("path_lost", Error, passPath.fixes(gateway), "the proxy does not pass /whoami on (%s): let it pass everything below %s, or at least /mcp, /sse, /messages, /health and /whoami", call.answer(), at)
	case s == http.StatusUnauthorized || s == http.StatusForbidden || s == http.StatusProxyAuthRequired:
		return refusedReach(o, call)
	}
	return one("other_site", Error, passUpstream.fixes(gateway), "something else than the gateway answers at %s: %s, %q", at, call.answer(), clip(call.Body))
}

// refusedReach tells a refusal of the gateway, which says what it is, from one of the proxy.
func refusedReach(o *Observations, call *Call) []Finding {
	if call.Status == http.StatusForbidden && strings.Contains(call.Body, `"error"`) {
		return one("token_lost", Error, nil,
			"the gateway behind %s does not get or take the token: the proxy removes the header X-1mcp-Probe, or another gateway answers there", o.Public.URL)
	}
	return one("proxy_refuses", Error, passPath.fixes(o.gateway()), "the proxy refuses the doctor before the gateway sees it (%s): let it pass /whoami, or run the doctor from an address it admits", call.answer())
}

func prefixLost(o *Observations) []Finding {
	return one("prefix_lost", Error, passPath.before(o.gateway(), fmt.Sprintf(`"externalUrl": %q`, o.Public.URL)),
		"the gateway does not know that it lives below %s: set server.externalUrl", o.Public.URL)
}

// checkRedirects looks at where answers pointed.
func checkRedirects(o *Observations) []Finding {
	hops := o.Public.Clean.Redirects
	if len(hops) == 0 {
		hops = o.Public.Plain.Redirects
	}
	if len(hops) == 0 {
		return nil
	}
	if again, ok := repeated(hops); ok || len(hops) >= maxRedirects || o.Public.Plain.Status == http.StatusLoopDetected {
		return loop(o, fmt.Sprintf("%s redirects to itself", again))
	}
	for _, hop := range hops {
		if found := judgeRedirect(o, hop); found != nil {
			return found
		}
	}
	return one("redirect", Warning, noRedirect.fixes(o.gateway()), "%s redirects to %s: clients lose a round trip on every call, and some their request's body; give them the second URL",
		hops[0].From, hops[len(hops)-1].To)
}

func repeated(hops []Redirect) (string, bool) {
	seen := map[string]bool{}
	for _, hop := range hops {
		seen[hop.From] = true
		if seen[hop.To] {
			return hop.To, true
		}
	}
	return hops[0].From, false
}

func loop(o *Observations, seen string) []Finding {
	fixes := append(tellScheme.fixes(o.gateway()), noRedirect.fixes(o.gateway())...)
	return one("redirect_loop", Error, merge(fixes),
		"%s without end: most often TLS ends at one proxy, the next one or the gateway takes the request for http, and sends it to https again", seen)
}

// merge joins the fixes for the same program.
func merge(all []Fix) []Fix {
	var out []Fix
	at := map[string]int{}
	for _, f := range all {
		if i, ok := at[f.For]; ok {
			out[i].Lines = append(out[i].Lines, f.Lines...)
			continue
		}
		at[f.For] = len(out)
		out = append(out, f)
	}
	return out
}

// judgeRedirect looks at one redirect that leads out of the public origin; nil for others.
func judgeRedirect(o *Observations, hop Redirect) []Finding {
	from, err1 := url.Parse(hop.From)
	to, err2 := url.Parse(hop.To)
	if err1 != nil || err2 != nil || from.Scheme == to.Scheme && from.Host == to.Host {
		return nil
	}
	fixes := noRedirect.fixes(o.gateway())
	switch {
	case inner(o, from, to):
		return one("redirect_inner", Error, fixes, "%s redirects to %s, an address of the inside that clients do not reach", hop.From, hop.To)
	case from.Scheme == "https" && to.Scheme == "http":
		return one("redirect_to_http", Error, merge(append(tellScheme.fixes(o.gateway()), fixes...)), "%s redirects to %s, from https back to http", hop.From, hop.To)
	case from.Hostname() == to.Hostname() && to.Scheme == "https":
		return one("redirect_to_https", Warning, nil, "%s redirects to %s: give clients the https URL, and the doctor too (--url https://%s)", hop.From, hop.To, to.Host)
	}
	return one("redirect_elsewhere", Warning, fixes, "%s redirects to %s, which was not examined: the token stays with the URL that was given", hop.From, hop.To)
}

// inner reports whether a redirect shows an address or a port that only the inside knows.
func inner(o *Observations, from, to *url.URL) bool {
	if from.Hostname() == to.Hostname() {
		return to.Port() != "" && to.Port() != from.Port() && to.Port() == portOf(o.Setup.Listener)
	}
	if a, err := netip.ParseAddr(to.Hostname()); err == nil {
		return a.IsLoopback() || a.IsPrivate()
	}
	return !strings.Contains(to.Hostname(), ".")
}
