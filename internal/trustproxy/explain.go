package trustproxy

import "fmt"

// Explain is [Policy.Derive] with its reasons, one sentence a step in the order taken. Text
// of the client stands in quotes, with control characters escaped, and is cut.
func (p *Policy) Explain(in Input) (Decision, []string) {
	t := &trace{}
	r := derivation{p: p, in: in, trace: t}
	r.derive()
	d := r.d
	for f := range d.Flags.All {
		t.add("flag %s (%s): %s", f, f.Level(), f.Meaning())
	}
	return d, t.steps
}

// trace collects the steps. All its methods do nothing on nil, which is what Derive has.
type trace struct{ steps []string }

func (t *trace) add(format string, args ...any) {
	t.steps = append(t.steps, fmt.Sprintf(format, args...))
}

func (t *trace) peer(r *derivation) {
	if t == nil {
		return
	}
	d := &r.d
	who := "peer " + d.PeerText()
	switch {
	case !d.Unix && !d.Peer.IsValid():
		t.add("peer: %s is neither an address nor a unix socket, so it is trusted by nothing", quote(r.in.Peer))
	case d.Trusted:
		t.add("%s is a trusted proxy: %s", who, r.p.reason(d.Peer, d.Unix))
	default:
		t.add("%s is not a trusted proxy: %s", who, r.p.reason(d.Peer, d.Unix))
	}
	if d.Proxied {
		t.add("the peer was announced by a PROXY header of a trusted sender")
	}
}

func (t *trace) direct(r *derivation) {
	if t == nil {
		return
	}
	if r.d.Trusted {
		t.add("%s has fewer than %d entries, so this may be a client that connects directly: nothing in it is believed",
			r.p.headers.client.name, r.p.hops)
	}
	t.add("no forwarding header is read: client %s, scheme %s and host %s come from the connection",
		r.d.ClientText(), r.d.Scheme, quote(r.d.Host))
}

func (t *trace) entry(r *derivation, n node, trusted bool) {
	if t == nil {
		return
	}
	name := r.p.headers.client.name
	switch {
	case n.form == formOpaque:
		t.add("%s: %s hides an address; the walk stops", name, quote(n.text))
	case n.form == formBroken:
		t.add("%s: %s is not an address; the walk stops", name, quote(n.text))
	case trusted:
		t.add("%s: %s is a trusted proxy (%s); on to the left", name, n.addr, r.p.reason(n.addr, false))
	case r.p.headers.client.isList():
		t.add("%s: %s is not a trusted proxy, so it is the client", name, n.addr)
	default:
		t.add("%s: %s is the client", name, n.addr)
	}
}

func (t *trace) client(r *derivation) {
	if t == nil {
		return
	}
	d, name := &r.d, r.p.headers.client.name
	switch {
	case name == "":
		t.add("no header is configured to tell the client, so it is the peer")
	case d.Degraded:
		t.add("client %s, status %s: the last address that could be verified", d.ClientText(), d.Status)
	case d.Sources.IP == Connection:
		t.add("%s is absent or empty, so the client is the peer: %s, status %s", name, d.ClientText(), d.Status)
	case r.p.mode == trustCounted:
		t.add("client %s, status %s: entry %d of %s from the right, as counted", d.Client, d.Status, r.p.hops, name)
	default:
		t.add("client %s, status %s, over %d verified hop(s)", d.Client, d.Status, d.Hops)
	}
}

func (t *trace) scheme(r *derivation, value string) {
	if t == nil {
		return
	}
	name := r.p.headers.proto.name
	switch {
	case value == "":
		t.add("%s says nothing, so the scheme is the connection's: %s", name, r.d.Scheme)
	case r.d.Sources.Scheme == Connection:
		t.add("%s: %s is no scheme, so it is the connection's: %s", name, quote(value), r.d.Scheme)
	default:
		t.add("%s: the outermost verified hop says %s: scheme %s", name, quote(value), r.d.Scheme)
	}
}

func (t *trace) host(r *derivation, value string) {
	if t == nil {
		return
	}
	name := r.p.headers.host.name
	switch {
	case name == "":
		t.add("no header is configured to tell the host, so it is the Host header's: %s", quote(r.d.Host))
	case value == "":
		t.add("%s says nothing, so the host is the Host header's: %s", name, quote(r.d.Host))
	case r.d.Sources.Host == Connection:
		t.add("%s: %s is no host, so it is the Host header's: %s", name, quote(value), quote(r.d.Host))
	default:
		t.add("%s: the outermost verified hop says %s: host %s", name, quote(value), quote(r.d.Host))
	}
}
