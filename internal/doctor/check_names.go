package doctor

import (
	"fmt"
	"slices"
	"strings"

	"onemcp/internal/trustproxy"
)

// checkScheme compares the scheme that the gateway derived with the one of the public URL.
func (v *view) checkScheme() []Finding {
	want, got := v.pub.URL.Scheme, v.clean.Scheme
	severity := Error
	if v.covers() {
		severity = Warning // its URLs are right all the same
	}
	said := v.protoHeader != "" && len(v.clean.Values(v.protoHeader)) > 0
	switch {
	case !v.clean.Trusted && !v.o.Setup.ProxyProtocol, v.clean.Flag(trustproxy.ShortChain):
		return nil // follows from that
	case got != want && v.o.Setup.ProxyProtocol:
		return one("wrong_scheme", severity, []Fix{{"HAProxy", []string{"server 1mcp " + v.o.gateway() + " send-proxy-v2-ssl check"}}},
			"clients use %s, and the PROXY header says %s", want, got)
	case got != want && said:
		return one("wrong_scheme", severity, tellScheme.fixes(v.o.gateway()), "clients use %s, and the proxy says %s in %s%s", want, got, v.protoHeader, v.flexible())
	case got != want:
		return one("scheme_absent", severity, tellScheme.fixes(v.o.gateway()), "TLS ends at the proxy, which does not say so (no %s): the gateway's URLs would begin with http", v.protoHeader)
	case !said && v.clean.Flag(trustproxy.MissingProto) && !v.o.Setup.ProxyProtocol && !v.noProxy():
		return one("scheme_absent", Warning, tellScheme.fixes(v.o.gateway()), "the proxy does not say whether clients use http or https (no %s)", v.protoHeader)
	}
	return nil
}

// flexible names Cloudflare's mode that gives such an answer.
func (v *view) flexible() string {
	if v.pub.Clean.Server != "cloudflare" && len(v.clean.Values("Cf-Visitor"))+len(v.clean.Values("Cf-Connecting-Ip")) == 0 {
		return ": another proxy in front of it ends TLS"
	}
	return ": with Cloudflare in the mode Flexible, TLS ends there; set Full (strict)"
}

// checkHost compares the host that the gateway derived with the one of the public URL.
func (v *view) checkHost() []Finding {
	got, ok := trustproxy.ParseHost(v.clean.Host)
	want, _ := trustproxy.ParseHost(v.pub.URL.Host)
	fixes := keepHost.before(v.o.gateway(), fmt.Sprintf(`"externalUrl": %q`, v.pub.URL))
	switch {
	case ok && (got.Text == v.pub.URL.Host || got.Text == v.withPort()) || v.covers():
		return nil
	case ok && got.Name == want.Name && got.Port == "":
		return one("port_lost", Error, fixes, "clients ask for %s, and the gateway sees %s: the proxy drops the port", v.pub.URL.Host, v.clean.Host)
	}
	return one("host_lost", Error, fixes, "clients ask for %s, and the gateway sees %s: the proxy replaces the Host header", v.pub.URL.Host, clip(v.clean.Host))
}

// withPort is the public host with the port that need not be written.
func (v *view) withPort() string {
	return v.pub.URL.Host + map[string]string{"http": ":80", "https": ":443"}[v.pub.URL.Scheme]
}

// checkBase compares the URLs that the gateway gives out with the public one.
func (v *view) checkBase() []Finding {
	base := v.clean.BaseURL
	switch {
	case base == v.pub.URL.String() || v.covers():
		return nil
	case v.clean.pinned():
		return one("external_url", Warning, []Fix{inFile(fmt.Sprintf(`"externalUrl": [%q, %q]`, base, v.pub.URL))},
			"clients that come by %s are sent to %s: externalUrl is what counts", v.pub.URL, base)
	case v.pub.URL.Path != "" && strings.HasPrefix(v.pub.URL.String(), base):
		return prefixLost(v.o)
	}
	return nil // the scheme or the host is to blame
}

// checkGuard looks whether a client's call, which has no token, passes the guards.
func (v *view) checkGuard() []Finding {
	call := &v.pub.Plain
	switch {
	case strings.Contains(call.Body, trustproxy.HostDenied.String()):
		return one("host_guard", Error, v.guardFixes(), "the gateway refuses clients that come by %s: it saw the host %q, which is not allowed", v.pub.URL, clip(v.clean.RawHost))
	case call.Failure.Kind != "":
		return one("post_refused", Error, passPost.fixes(v.o.gateway()), "POST /mcp through %s has no answer: %s", v.pub.URL, call.Failure.Text)
	case slices.Contains([]int{403, 404, 405, 411, 501, 502, 503, 504}, call.Status) && !strings.Contains(call.Body, `"jsonrpc"`):
		return one("post_refused", Error, passPost.fixes(v.o.gateway()), "POST /mcp through %s is not passed on: %s, %q", v.pub.URL, call.answer(), clip(call.Body))
	}
	return nil
}

func (v *view) guardFixes() []Fix {
	line := fmt.Sprintf(`"externalUrl": %q`, v.pub.URL)
	if v.clean.pinned() {
		line = fmt.Sprintf(`"allowedHosts": [%q]`, strings.TrimSuffix(v.clean.RawHost, ":"+portOf(v.o.Setup.Listener)))
	}
	return keepHost.before(v.o.gateway(), line)
}
