package trustproxy

import "net/netip"

// Policy is a compiled setting. Immutable and safe for concurrent use; a reload builds the
// next one. The zero value trusts nobody.
type Policy struct {
	mode    mode
	hops    int
	list    list
	headers headers
	entries []namedEntries // for reasons only
}

// namedEntries remembers which words of the setting stand for which ranges.
type namedEntries struct {
	text string
	set  Entries
}

// Compile builds the policy. Loaded brings the contents of the setting's sources; a source
// that is not in it trusts nobody, so a list that could not be read fails closed.
func (s Setting) Compile(loaded map[Source]Entries) *Policy {
	p := &Policy{mode: s.mode, hops: s.hops, headers: s.headers.compiled()}
	var all Entries
	for _, e := range s.entries {
		set := e.set
		if e.source.Kind != 0 {
			set = loaded[e.source]
		}
		all = all.join(set)
		p.entries = append(p.entries, namedEntries{e.text, set})
	}
	p.list = newList(all)
	return p
}

// Trusts tells whether a canonical address is a trusted proxy. With a hop count nobody is
// by address: only the connection's own peer counts as the first hop.
func (p *Policy) Trusts(a netip.Addr) bool {
	switch p.mode {
	case trustEveryone:
		return a.IsValid()
	case trustListed:
		return p.list.contains(a)
	}
	return false
}

// trustsPeer tells whether the other end of the connection is a trusted proxy.
func (p *Policy) trustsPeer(d *Decision) bool {
	switch p.mode {
	case trustEveryone, trustCounted:
		return d.Unix || d.Peer.IsValid()
	case trustListed:
		return d.Unix && p.list.unix || p.list.contains(d.Peer)
	}
	return false
}

// reason says which words of the setting decide about an address or a unix peer; used for
// explanations only.
func (p *Policy) reason(a netip.Addr, unix bool) string {
	switch p.mode {
	case trustNobody:
		return "nobody is trusted"
	case trustEveryone:
		return "everybody is trusted"
	case trustCounted:
		return "the connection is the first of the counted hops"
	}
	for _, e := range p.entries {
		l := newList(e.set)
		if unix && l.unix || !unix && l.contains(a) {
			return "in the list by " + quote(e.text)
		}
	}
	return "not in the list"
}
