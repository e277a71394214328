package trustproxy

import "net/netip"

// suspect raises what is odd about an answer from a trusted peer. None of it changes the
// answer.
func (r *derivation) suspect() {
	d := &r.d
	if d.Status == StatusVerified {
		r.raise(Martian, isMartian(d.Client))
		r.raise(PrivateViaPublic, isInternal(d.Client) && r.namedByPublic())
	}
	r.raise(Conflict, r.otherClient())
}

// namedByPublic tells whether the hop that named the client is on the public internet, where
// it cannot have met a private address.
func (r *derivation) namedByPublic() bool {
	a := r.reporter
	if !a.IsValid() {
		a = r.d.Peer
	}
	return a.IsValid() && !isInternal(a)
}

// otherClient tells whether a header that was not chosen names another client.
func (r *derivation) otherClient() bool {
	switch name := r.p.headers.client.name; {
	case name == "":
		return false
	case name != "X-Real-Ip" && r.disagree(r.seen.realIP):
		return true
	case classify(name) != classCloudflare && r.disagree(r.seen.cloudflare):
		return true
	case name == forwarded:
		return r.disagreeXFF()
	case len(r.seen.forwarded) > 0:
		return r.disagreeForwarded()
	}
	return false
}

// disagree tells whether a line names neither the client nor the address that the peer saw.
func (r *derivation) disagree(lines []string) bool {
	for _, line := range lines {
		value := trimOWS(line)
		if value == r.nearest.text && value != "" {
			continue
		}
		if a, f := parseNode(value, false); f != formAddress || !r.agrees(a) {
			return true
		}
	}
	return false
}

// agrees tells whether a is one of the answers a second header may give: the client, or
// whom the peer itself saw.
func (r *derivation) agrees(a netip.Addr) bool {
	return a == r.d.Client || r.nearest.form == formAddress && a == r.nearest.addr
}

// disagreeForwarded compares the element of the same hop in a Forwarded nobody chose.
func (r *derivation) disagreeForwarded() bool {
	var e elements
	e.split(r.seen.forwarded)
	same, ok := e.pick(r.k, false)
	if !ok {
		return e.void
	}
	n := same.node()
	return n.form != formAddress || !r.agrees(n.addr)
}

// disagreeXFF compares the entry of the same hop in an X-Forwarded-For nobody chose.
func (r *derivation) disagreeXFF() bool {
	value, _ := pick(r.in.Header[xForwardedFor], r.k, false)
	if value == "" {
		return false
	}
	a, f := parseNode(value, false)
	return f != formAddress || !r.agrees(a)
}

// ClaimsInternal tells whether the entries left of the client hold an address that would earn
// something if it were believed: loopback, private, or trusted. It reads all of what the
// walk left alone, so ask only when [SpoofPrefix] is worth a line.
func (p *Policy) ClaimsInternal(in Input, d Decision) bool {
	c, ok := p.chainOf(in.Header)
	if !ok || !d.Flags.Has(SpoofPrefix) {
		return false
	}
	var n node
	for i := 0; c.next(&n); i++ {
		if i >= d.Hops && n.form == formAddress && (isInternal(n.addr) || p.mode == trustListed && p.Trusts(n.addr)) {
			return true
		}
	}
	return false
}

// Claim returns the leftmost entry of the client's header as it came, which a client can
// choose freely: text for counting and quoting, never an address to use.
func (p *Policy) Claim(in Input) string {
	var n node
	if c, ok := p.chainOf(in.Header); ok {
		for c.next(&n) {
		}
	}
	return n.text
}

// chainOf returns the entries of the client's header, if it is a list.
func (p *Policy) chainOf(header map[string][]string) (*chain, bool) {
	h := p.headers.client
	lines := header[h.name]
	if !h.isList() || len(lines) == 0 {
		return nil, false
	}
	c := &chain{}
	if h.isForwarded() {
		c.elements.split(lines)
	}
	c.begin(h, lines)
	return c, true
}
