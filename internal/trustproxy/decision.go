package trustproxy

import "net/netip"

// Input is what the connection and the request say. The policy only reads it.
type Input struct {
	Peer    string              // the socket's remote address, or the source a PROXY header announced
	Proxied bool                // Peer came from a PROXY header of a trusted sender
	TLS     bool                // the connection, or the PROXY header, has TLS
	Host    string              // the Host header as it came
	Header  map[string][]string // keys canonical, as in http.Header; never trailers
}

// Status says how far the client address can be relied on.
type Status uint8

// The statuses. Only StatusDirect and StatusVerified may earn privileges.
const (
	StatusNone     Status = iota // there is no address: a unix peer without usable header
	StatusDirect                 // the connection's own address
	StatusVerified               // reported by proxies, each of them trusted
	StatusDegraded               // the last address that could be verified, not the client's
)

// String returns the status as it stands in logs, metrics and JSON.
func (s Status) String() string {
	return [...]string{"none", "direct", "verified", "degraded"}[min(s, StatusDegraded)]
}

// Connection is the name of a source when no header decided.
const Connection = "connection"

// Sources says which header decided what; [Connection] where none did.
type Sources struct{ IP, Scheme, Host string }

// Decision is who asked, and under which name we were asked. Derived once per request and
// held by value; a plain comparable value.
type Decision struct {
	Peer     netip.Addr // the connection's other end; invalid for a unix socket
	Client   netip.Addr // invalid: there is no address
	Scheme   string     // "http" or "https"
	Host     string     // lower case, port kept; empty if there was no valid one
	Sources  Sources
	Flags    Flags
	Hops     int // verified hops; 0: the peer itself is the client
	Status   Status
	Unix     bool // the peer is a unix socket
	Trusted  bool // the peer is a trusted proxy
	Proxied  bool // the peer was announced by a PROXY header
	Degraded bool // what should have told the client was broken, short or ambiguous
	// Announced tells that the header of the client was there, usable or not.
	Announced bool
	Seen      Seen // the headers that proxies use, read or not
}

// Seen is the set of headers in a request by which proxies describe a client.
type Seen uint16

// The members of Seen.
const (
	SeenFor        Seen = 1 << iota // X-Forwarded-For
	SeenProto                       // X-Forwarded-Proto
	SeenHost                        // X-Forwarded-Host
	SeenForwarded                   // Forwarded
	SeenRealIP                      // X-Real-IP
	SeenCloudflare                  // CF-Connecting-IP
	SeenOther                       // any other, and configured ones
	SeenAlias                       // any in underscore spelling
	SeenVia                         // Via, which says nothing about the client
)

// seenNames is in the order of the bits.
var seenNames = [...]string{
	xForwardedFor, xForwardedProto, xForwardedHost, forwarded, "X-Real-IP", "CF-Connecting-IP", "other", "underscore spelling", "Via",
}

// Names returns the names of the headers in the set; never nil.
func (s Seen) Names() []string {
	names := []string{}
	for i, name := range seenNames {
		if s>>i&1 != 0 {
			names = append(names, name)
		}
	}
	return names
}

// Forwarding tells whether any header was there by which proxies describe a client, read or
// not. Without one, and only then, a loopback peer may be a local user.
func (d Decision) Forwarding() bool { return d.Seen != 0 }

// PeerText returns the peer for logs: its address, or "unix".
func (d Decision) PeerText() string { return string(d.AppendPeer(nil)) }

// AppendPeer appends PeerText to b.
func (d *Decision) AppendPeer(b []byte) []byte {
	switch {
	case d.Unix:
		return append(b, "unix"...)
	case !d.Peer.IsValid():
		return append(b, "unknown"...)
	}
	return d.Peer.AppendTo(b)
}

// ClientText returns the client for logs: its address, or what stands for it.
func (d Decision) ClientText() string { return string(d.AppendClient(nil)) }

// AppendClient appends ClientText to b.
func (d *Decision) AppendClient(b []byte) []byte {
	if d.Client.IsValid() {
		return d.Client.AppendTo(b)
	}
	return d.AppendPeer(b)
}

// Privileged tells whether the client address may decide about allow lists and bans.
func (d Decision) Privileged() bool {
	return d.Status == StatusDirect || d.Status == StatusVerified
}

// Local tells whether the caller can only be on this machine: loopback or unix socket, no
// forwarding header of any kind, and a loopback Host. A bare proxy on the same machine
// looks the same for the whole internet, so this opens only what concerns the caller itself.
func (d Decision) Local(rawHost string) bool {
	if d.Forwarding() || d.Proxied || !d.Unix && !d.Peer.IsLoopback() {
		return false
	}
	h, ok := ParseHost(rawHost)
	return ok && h.Loopback()
}

// RateKey is what a rate limit counts by. Comparable; the zero value is the one bucket that
// all callers without an address share.
type RateKey struct {
	Network  netip.Prefix
	Degraded bool // the peer stands for clients that could not be told apart
}

// RateKey returns the key of the caller: the IPv4 address, or the IPv6 network of v6Bits bits
// (48–128; 0 means 64, what one customer usually gets).
func (d Decision) RateKey(v6Bits int) RateKey {
	a, degraded := d.Client, d.Degraded
	if degraded {
		a = d.Peer
	}
	return RateKey{Network: network(a, 32, v6Bits), Degraded: degraded && a.IsValid()}
}

// network returns the network of an address; invalid for an invalid address.
func network(a netip.Addr, v4Bits, v6Bits int) netip.Prefix {
	if a.Is4() {
		p, _ := a.Prefix(v4Bits)
		return p
	}
	if v6Bits == 0 {
		v6Bits = 64
	}
	p, _ := a.Prefix(min(max(v6Bits, 48), 128))
	return p
}

// Masked returns the address with the part that tells people apart removed: the last octet
// of IPv4, all but the first 48 bits of IPv6.
func Masked(a netip.Addr) netip.Addr {
	return network(a, 24, 48).Masked().Addr()
}
