package doctor

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"onemcp/internal/trustproxy"
)

// checkSetup looks at the configuration alone.
func checkSetup(o *Observations) []Finding {
	s := &o.Setup
	return slices.Concat(checkProblems(s), checkTrust(s), checkUnpinned(s), checkProxyProtocol(s), checkHeartbeat(s), noteCloudflare(s))
}

func checkProblems(s *Setup) (found []Finding) {
	for _, p := range s.Problems {
		if p.Warning {
			found = append(found, note("config_warning", "%s", p.Text)...)
		} else {
			found = append(found, one("config_error", Error, nil, "%s", p.Text)...)
		}
	}
	return found
}

func checkTrust(s *Setup) (found []Finding) {
	for _, w := range s.Trust.Warnings(s.Listener.Local) {
		switch {
		case w.Code == "everybody":
			found = append(found, one("trust_everybody", Error, []Fix{inFile(`"trustProxy": ["ADDRESS-OF-YOUR-PROXY"]`)}, "%s", w.Text)...)
		case w.Code == "partial-cloudflare":
			found = append(found, one("cloudflare_partial", Warning, []Fix{inFile(`"trustProxy": ["cloudflare"]`)}, "%s", w.Text)...)
		case s.Listener.Local:
			found = append(found, note("hop_count_trust", "%s", w.Text)...)
		default:
			found = append(found, one("hop_count_trust", Warning, []Fix{inFile(`"trustProxy": ["ADDRESS-OF-YOUR-PROXY"]`)}, "%s", w.Text)...)
		}
	}
	return found
}

func checkUnpinned(s *Setup) []Finding {
	if !s.Trust.Explicit() || s.Trust.String() == "false" || len(s.External) > 0 || len(s.AllowedHosts) > 0 {
		return nil
	}
	return one("host_unpinned", Warning, []Fix{inFile(`"externalUrl": "https://mcp.example.com"`)},
		"trustProxy is set and neither externalUrl nor allowedHosts is, so trusted proxies may bring requests for any host")
}

func checkProxyProtocol(s *Setup) []Finding {
	if !s.ProxyProtocol || s.Trust.String() != "false" {
		return nil
	}
	return one("proxy_protocol_nobody", Error, []Fix{inFile(`"proxyProtocol": "require"`, `"trustProxy": ["ADDRESS-OF-YOUR-PROXY"]`)},
		"proxyProtocol is required and trustProxy trusts nobody, so no proxy can connect")
}

// longestBeat is what every proxy at its defaults lets pass.
const longestBeat = 20 * time.Second

func checkHeartbeat(s *Setup) []Finding {
	if s.Heartbeat <= longestBeat {
		return nil
	}
	return one("heartbeat", Warning, []Fix{inFile(`"heartbeatInterval": 15000`)},
		"heartbeatInterval is %v: proxies cut streams that are silent for 50 s or 60 s, and one late beat is too much then; %v is safe", s.Heartbeat, longestBeat)
}

func noteCloudflare(s *Setup) []Finding {
	if !slices.Contains(strings.Split(s.Trust.String(), ","), "cloudflare") {
		return nil
	}
	return note("cloudflare_date", "this program knows Cloudflare's ranges as of %s", trustproxy.CloudflareDate)
}

// checkDirect looks at the gateway at its own listener. reached tells whether it is there and took the
// token; when not, the last finding says why.
func checkDirect(o *Observations) (found []Finding, reached bool) {
	call, w := &o.Direct, o.Direct.Whoami
	switch {
	case call.Failure.Kind != "":
		return gatewayDown(o), false
	case !w.Admitted():
		return one("token_refused", Error, nil,
			"the gateway at %s answered %s and does not take the token of this run: it uses another state directory; run the doctor as its user, with its --state-dir or ONE_MCP_STATE_DIR",
			o.Setup.Listener, call.answer()), false
	}
	return slices.Concat(noteOtherFile(o), noteVersion(o), noteClock(call)), true
}

func gatewayDown(o *Observations) []Finding {
	call := &o.Direct
	if call.Failure.Kind == "cut" {
		return one("gateway_down", Error, nil, "the gateway at %s closes the connection without an answer: is server.proxyProtocol in force other than in the file? (%s)", o.Setup.Listener, call.Failure.Text)
	}
	return one("gateway_down", Error, nil, "the gateway does not answer at %s (%s): start it, or say with --gateway where it listens", o.Setup.Listener, call.Failure.Text)
}

// noteOtherFile tells that the gateway runs with other settings than the file has.
func noteOtherFile(o *Observations) []Finding {
	w, s := o.Direct.Whoami, &o.Setup
	var differ []string
	if w.TrustProxy != s.Trust.String() {
		differ = append(differ, fmt.Sprintf("trustProxy is %q there and %q here", w.TrustProxy, s.Trust.String()))
	}
	var external []string
	for _, e := range s.External {
		external = append(external, e.String())
	}
	if !slices.Equal(external, w.ExternalURL) {
		differ = append(differ, fmt.Sprintf("externalUrl is %q there and %q here", w.ExternalURL, external))
	}
	if len(differ) == 0 {
		return nil
	}
	return note("config_differs", "the running gateway has other settings than the file and this environment: %s; the running ones count", strings.Join(differ, ", "))
}

func noteVersion(o *Observations) []Finding {
	if o.Direct.Whoami.Version == o.Version {
		return nil
	}
	return note("version", "the gateway is version %s, this doctor %s", o.Direct.Whoami.Version, o.Version)
}

// clockTolerance is more than any log or token minds.
const clockTolerance = 5 * time.Second

func noteClock(call *Call) []Finding {
	seen := call.Whoami.Time
	if seen.IsZero() {
		return nil
	}
	early, late := call.Sent.Sub(seen), seen.Sub(call.Got)
	if max(early, late) < clockTolerance {
		return nil
	}
	return note("clock", "the gateway's clock is off by %v against this machine's", max(early, late).Round(time.Second))
}
