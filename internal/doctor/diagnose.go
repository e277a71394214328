package doctor

import (
	"fmt"
	"slices"
	"strings"
)

// Diagnose decides what is wrong, from what was seen alone.
func Diagnose(o *Observations) *Report {
	r := &Report{Version: o.Version, Gateway: o.Setup.Listener.String(), Findings: []Finding{}, Notes: []Finding{}}
	found := checkSetup(o)
	direct, reached := checkDirect(o)
	found = append(found, direct...)
	if !reached {
		r.Stopped = direct[len(direct)-1].Sentence
	}
	if o.Public != nil {
		r.URL, r.Proxy = o.Public.URL.String(), proxyOf(o.Public.Clean.Server)
		found = append(found, checkPublic(o)...)
		r.Seen = o.Public.Clean.Whoami
	} else {
		r.Seen = o.Direct.Whoami
	}
	r.Chain = chainOf(o)
	r.take(found)
	return r
}

// checkPublic looks at all that was seen through the public URL.
func checkPublic(o *Observations) []Finding {
	found := checkRedirects(o)
	if !o.Public.Clean.Whoami.Admitted() {
		if len(found) > 0 {
			return found
		}
		return checkReach(o)
	}
	v := newView(o)
	for _, check := range v.checks() {
		found = append(found, check()...)
	}
	return found
}

// checks are in the order in which their findings are worth reading.
func (v *view) checks() []func() []Finding {
	all := []func() []Finding{
		v.checkScheme, v.checkHost, v.checkBase, v.checkGuard,
		v.checkStream, v.checkIdle, v.checkBody, v.checkHeader, v.checkOpen, v.checkNotes,
	}
	if v.noProxy() {
		return append([]func() []Finding{v.checkNothing}, all...)
	}
	if v.o.Setup.ProxyProtocol {
		return append([]func() []Finding{v.checkAnnounced}, all...)
	}
	return append([]func() []Finding{
		v.checkPeer, v.checkClientHeader, v.checkAppended, v.checkHops, v.checkWidth, v.checkPassed, v.checkStripped, v.checkFlags,
	}, all...)
}

// one returns a single finding.
func one(id string, severity Severity, fixes []Fix, format string, args ...any) []Finding {
	return []Finding{{ID: id, Severity: severity, Sentence: fmt.Sprintf(format, args...), Fixes: fixes}}
}

// note returns a finding that asks for nothing.
func note(id, format string, args ...any) []Finding { return one(id, Note, nil, format, args...) }

// chainOf draws the way of the honest request, from the client to the gateway.
func chainOf(o *Observations) []Hop {
	gateway := Hop{Role: "gateway", Address: o.Setup.Listener.String()}
	if o.Public == nil || !o.Public.Clean.Whoami.Admitted() {
		return []Hop{{Role: "client", Address: "here"}, gateway}
	}
	v := newView(o)
	if len(v.chain) == 0 {
		return v.shortChain(gateway)
	}
	chain := []Hop{{Role: "client", Address: v.chain[0]}}
	for _, address := range v.chain[1:] {
		chain = append(chain, Hop{"proxy", address, v.trusts(address)})
	}
	return append(chain, Hop{"peer", v.clean.Peer, v.clean.Trusted}, gateway)
}

// shortChain is the chain when no header tells of it.
func (v *view) shortChain(gateway Hop) []Hop {
	if v.noProxy() || v.o.Setup.ProxyProtocol {
		return []Hop{{"client", v.clean.Peer, v.clean.Trusted}, gateway}
	}
	client := v.clean.Client()
	if client == "" || client == v.clean.Peer {
		client = "not told"
	}
	return []Hop{{Role: "client", Address: client}, {"peer", v.clean.Peer, v.clean.Trusted}, gateway}
}

// gateway is where the gateway listens, for lines to paste.
func (o *Observations) gateway() string {
	if o.Setup.Listener.Network == "unix" {
		return "unix:" + o.Setup.Listener.Address
	}
	return o.Setup.Listener.Address
}

// pinned reports whether the running gateway's public URL is configured.
func (w *Whoami) pinned() bool { return len(w.ExternalURL) > 0 }

// covers reports whether the public URL is one of those that are configured.
func (v *view) covers() bool { return slices.Contains(v.clean.ExternalURL, v.pub.URL.String()) }

// proxyOf knows a proxy by its Server header.
func proxyOf(server string) string {
	name, _, _ := strings.Cut(server, "/")
	i := slices.IndexFunc(Proxies(), func(p string) bool { return strings.EqualFold(p, name) })
	if i < 0 || Proxies()[i] == cloudflare { // there is another one behind it
		return ""
	}
	return Proxies()[i]
}
