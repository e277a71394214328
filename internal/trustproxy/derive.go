package trustproxy

import (
	"net/netip"
	"strings"
)

// Derive decides who asked and under which name. It neither keeps nor changes the input, and
// does not allocate unless a host has capitals, Forwarded has several lines or quoted pairs,
// or something is broken. Trailers must not be in the headers: a client can smuggle them past
// proxies.
func (p *Policy) Derive(in Input) Decision {
	r := derivation{p: p, in: in}
	r.derive()
	return r.d
}

// derivation is the state of one Derive. It holds no pointer into itself, so it stays on the
// stack.
type derivation struct {
	p        *Policy
	in       Input
	trace    *trace // nil: nobody asks why
	seen     scanned
	chain    chain
	d        Decision
	nearest  node       // the rightmost entry, which the peer itself wrote
	reporter netip.Addr // the hop that named the client; invalid: the peer
	k        int        // verified hops, at least one
}

func (r *derivation) derive() {
	r.seen.scan(&r.p.headers, r.in.Header)
	r.begin()
	r.raise(AliasHeader, r.d.Seen&SeenAlias != 0)
	r.raise(ConnectionStrip, r.seen.strip)
	r.d.Trusted = r.p.trustsPeer(&r.d)
	r.trace.peer(r)
	if !r.d.Trusted {
		r.raise(UntrustedHeaders, r.d.Seen&^SeenVia != 0)
		r.direct(StatusDirect)
		return
	}
	if r.p.headers.anyForwarded() {
		r.chain.elements.split(r.seen.forwarded)
	}
	if !r.findClient() {
		return
	}
	r.findScheme()
	r.findHost()
	r.suspect()
}

// begin fills in what the connection says.
func (r *derivation) begin() {
	d := &r.d
	d.Peer, d.Unix = parsePeer(r.in.Peer)
	d.Proxied = r.in.Proxied
	d.Seen = r.seen.seen
	d.Announced = len(r.seen.client) > 0
	d.Sources = Sources{Connection, Connection, Connection}
	d.Scheme = "http"
	if r.in.TLS {
		d.Scheme = "https"
	}
}

func (r *derivation) raise(f Flag, when bool) {
	if when {
		r.d.Flags |= Flags(f)
	}
}

// direct answers all three questions by the connection.
func (r *derivation) direct(s Status) {
	r.settle(netip.Addr{}, s, 0)
	r.ownHost()
	r.trace.direct(r)
}

// settle fixes the client's address: a, or the peer if there is none, reached over k verified
// hops. A unix peer has no address, whatever the status would have been.
func (r *derivation) settle(a netip.Addr, s Status, k int) {
	d := &r.d
	d.Degraded = s == StatusDegraded
	if a.IsValid() {
		d.Sources.IP = r.p.headers.client.name
	} else {
		a = d.Peer
	}
	if !a.IsValid() {
		s = StatusNone
	}
	d.Client, d.Status, d.Hops = a, s, k
	r.k = k
}

// findClient finds the client's address. False means that no header may be read for the
// rest either.
func (r *derivation) findClient() bool {
	h, lines := r.p.headers.client, r.seen.client
	ok := true
	switch {
	case h.off():
		r.settle(netip.Addr{}, StatusDirect, 1)
	case !h.isList():
		r.single(lines)
	default:
		r.chain.begin(h, lines)
		ok = r.list()
	}
	if ok {
		r.trace.client(r)
	}
	return ok
}

// list reads a list header by hop count or by walking the trusted hops.
func (r *derivation) list() bool {
	r.raise(TooLong, r.chain.long)
	switch {
	case r.chain.void():
		r.broken(node{text: "an unclosed quote", form: formBroken}, netip.Addr{}, 1)
	case r.p.mode == trustCounted:
		return r.count()
	default:
		r.walk()
	}
	return true
}

// walk goes from the right over trusted hops to the first address that is not one.
func (r *derivation) walk() {
	var last, before netip.Addr
	var n node
	for k := 0; ; k++ {
		if !r.chain.next(&n) {
			r.exhausted(last, before, k)
			return
		}
		if k == 0 {
			r.nearest = n
		}
		if n.form != formAddress {
			r.broken(n, last, max(k, 1))
			return
		}
		trusted := r.p.Trusts(n.addr)
		r.trace.entry(r, n, trusted)
		last, before = n.addr, last
		if !trusted {
			r.reporter = before
			r.settle(last, StatusVerified, k+1)
			r.raise(SpoofPrefix, r.chain.more())
			return
		}
	}
}

// exhausted ends a walk that met trusted hops only, k of them: the leftmost is the client.
func (r *derivation) exhausted(last, before netip.Addr, k int) {
	if k == 0 {
		r.absent()
		return
	}
	r.reporter = before
	r.settle(last, StatusVerified, k)
	r.raise(AllTrusted, r.p.mode == trustListed)
}

// absent answers for a trusted peer without the client's header: it is the client itself, or
// a proxy that says nothing.
func (r *derivation) absent() {
	r.settle(netip.Addr{}, StatusDirect, 1)
	r.raise(MissingFor, !r.d.Local(r.in.Host))
}

// broken answers with the last verified address and tells what stopped the walk.
func (r *derivation) broken(n node, last netip.Addr, k int) {
	r.raise(Malformed, n.form == formBroken)
	r.raise(Opaque, n.form == formOpaque)
	r.trace.entry(r, n, false)
	r.settle(last, StatusDegraded, k)
}

// count takes the n-th entry from the right. A chain that is too short may be a client that
// connects directly, so nothing in it is believed.
func (r *derivation) count() bool {
	var last, before netip.Addr
	lastK := 1
	var n node
	for k := 1; k <= r.p.hops; k++ {
		if !r.chain.next(&n) {
			r.raise(ShortChain, true)
			r.direct(StatusDegraded)
			return false
		}
		if k == 1 {
			r.nearest = n
		}
		if n.form == formAddress {
			last, before, lastK = n.addr, last, k
		}
	}
	if n.form != formAddress {
		r.broken(n, last, lastK)
		return true
	}
	r.reporter = before
	r.settle(last, StatusVerified, r.p.hops)
	r.raise(SpoofPrefix, r.chain.more())
	return true
}

// single reads a header that carries one value. Several lines are fine if they agree.
func (r *derivation) single(lines []string) {
	if len(lines) == 0 {
		r.absent()
		return
	}
	value := trimOWS(lines[0])
	for _, line := range lines[1:] {
		r.raise(DuplicateSingle, trimOWS(line) != value)
	}
	r.raise(DuplicateSingle, strings.IndexByte(value, ',') >= 0)
	if r.d.Flags.Has(DuplicateSingle) {
		r.settle(netip.Addr{}, StatusDegraded, 1)
		return
	}
	a, f := parseNode(value, false)
	r.nearest = node{value, a, f}
	if f != formAddress {
		r.broken(r.nearest, netip.Addr{}, 1)
		return
	}
	r.trace.entry(r, r.nearest, false)
	r.settle(a, StatusVerified, 1)
}

// findScheme reads the scheme that the outermost verified hop reported.
func (r *derivation) findScheme() {
	if r.p.headers.proto.off() {
		return
	}
	value := r.property(r.p.headers.proto, r.seen.proto, ProtoList, element.protoValue)
	switch {
	case value == "":
		r.raise(MissingProto, !r.d.Local(r.in.Host))
	case strings.EqualFold(value, "https"), strings.EqualFold(value, "wss"):
		r.scheme("https")
	case strings.EqualFold(value, "http"), strings.EqualFold(value, "ws"):
		r.scheme("http")
	default:
		r.raise(BadProto, true)
	}
	r.trace.scheme(r, value)
}

func (r *derivation) scheme(s string) {
	r.d.Scheme, r.d.Sources.Scheme = s, r.p.headers.proto.name
}

// findHost reads the host that the outermost verified hop reported.
func (r *derivation) findHost() {
	value := ""
	if !r.p.headers.host.off() {
		value = r.property(r.p.headers.host, r.seen.host, HostList, element.hostValue)
	}
	h, ok := ParseHost(value)
	if ok {
		r.d.Host, r.d.Sources.Host = h.Text, r.p.headers.host.name
		r.raise(Conflict, r.otherHost(h))
	} else {
		r.raise(BadHost, value != "")
		r.ownHost()
	}
	r.trace.host(r, value)
}

// property picks the value for scheme or host; empty if there is none.
func (r *derivation) property(h header, lines []string, several Flag, of func(element) string) string {
	first := r.p.mode == trustEveryone
	if h.isForwarded() {
		e, _ := r.chain.elements.pick(r.k, first)
		return of(e)
	}
	value, many := pick(lines, r.k, first)
	r.raise(several, many)
	return value
}

// ownHost takes the host from the Host header.
func (r *derivation) ownHost() {
	h, ok := ParseHost(r.in.Host)
	if ok {
		r.d.Host = h.Text
	}
	r.raise(BadHost, !ok && r.in.Host != "")
}

// otherHost tells whether the request itself names another host that the world knows. A
// private one is just the upstream's name in the proxy's configuration.
func (r *derivation) otherHost(h Hostname) bool {
	if r.in.Host == h.Text {
		return false
	}
	own, ok := ParseHost(r.in.Host)
	return ok && own.Name != h.Name && own.Public()
}
