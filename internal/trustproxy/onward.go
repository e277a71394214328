package trustproxy

import (
	"net/netip"
	"strings"
)

// Onward is what a backend may learn about the client: one value for each of X-Forwarded-For,
// -Proto and -Host. An empty value means that the header is left out.
type Onward struct{ For, Proto, Host string }

// Onward computes the forwarding headers for a backend whose owner asked for them. They hold
// the verified part only, in canonical form: what the client wrote left of it is not repeated.
// A degraded decision passes on the peer alone. header is that of the input that was decided about.
func (p *Policy) Onward(header map[string][]string, d Decision) Onward {
	var hops []string
	add := func(a netip.Addr) {
		if a.IsValid() {
			hops = append(hops, a.String())
		}
	}
	if d.Status == StatusVerified {
		add(d.Client)
		for _, a := range p.between(header, d.Hops) {
			add(a)
		}
	}
	add(d.Peer)
	return Onward{For: strings.Join(hops, ", "), Proto: d.Scheme, Host: d.Host}
}

// between returns the hops between the client and the peer, the one next to the client first.
// A hop that a count skipped over without reading it may be broken; it is left out.
func (p *Policy) between(header map[string][]string, hops int) []netip.Addr {
	c, ok := p.chainOf(header)
	if !ok {
		return nil
	}
	out := make([]netip.Addr, hops-1)
	for i := range out {
		var n node
		c.next(&n)
		out[len(out)-1-i] = n.addr
	}
	return out
}

// Set replaces the three headers.
func (o Onward) Set(header map[string][]string) {
	for _, h := range []struct{ name, value string }{
		{xForwardedFor, o.For}, {xForwardedProto, o.Proto}, {xForwardedHost, o.Host},
	} {
		delete(header, h.name)
		if h.value != "" {
			header[h.name] = []string{h.value}
		}
	}
}
