package doctor

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"onemcp/internal/trustproxy"
)

// view is the observations with what most checks need worked out.
type view struct {
	o      *Observations
	pub    *Public
	clean  *Whoami
	forged *Whoami // nil: the forged request had no such answer

	clientHeader string // that the gateway reads; "" for none
	protoHeader  string
	hostHeader   string
	chain        []string // who the honest request came from, as the proxies say: client first
	forgedChain  []string // the same of the forged request
	policy       *trustproxy.Policy
}

// newView needs an honest answer.
func newView(o *Observations) *view {
	v := &view{o: o, pub: o.Public, clean: o.Public.Clean.Whoami, forged: o.Public.Forged.Whoami}
	v.clientHeader, v.protoHeader, v.hostHeader = o.Setup.Trust.HeaderNames()
	v.chain = v.entries(v.clean)
	if !v.forged.Admitted() {
		v.forged = nil
	} else {
		v.forgedChain = v.entries(v.forged)
	}
	v.policy = running(v.clean.TrustProxy)
	return v
}

// running compiles what the gateway says it trusts. Lists from files and names are not followed.
func running(text string) *trustproxy.Policy {
	setting, err := trustproxy.ParseText(text)
	if err != nil {
		setting = trustproxy.Default()
	}
	return setting.Compile(nil)
}

// entries returns the addresses in the header that tells the client, without ports.
func (v *view) entries(w *Whoami) []string {
	var out []string
	for _, entry := range w.List(v.clientHeader) {
		if v.clientHeader == "Forwarded" {
			entry = forwardedFor(entry)
		}
		out = append(out, plainAddress(entry))
	}
	return out
}

// forwardedFor returns the for parameter of an element of Forwarded.
func forwardedFor(element string) string {
	for pair := range strings.SplitSeq(element, ";") {
		if name, value, ok := strings.Cut(strings.TrimSpace(pair), "="); ok && strings.EqualFold(name, "for") {
			return strings.Trim(value, `"`)
		}
	}
	return "unknown"
}

// plainAddress takes port and brackets off an address.
func plainAddress(entry string) string {
	if ap, err := netip.ParseAddrPort(entry); err == nil {
		return ap.Addr().Unmap().String()
	}
	if a, err := netip.ParseAddr(strings.Trim(entry, "[]")); err == nil {
		return a.Unmap().WithZone("").String()
	}
	return entry
}

// trusts reports whether the running gateway takes an address for a proxy of its own.
func (v *view) trusts(address string) bool {
	a, err := netip.ParseAddr(address)
	return err == nil && v.policy.Trusts(a.Unmap())
}

// hopCount returns the number that trustProxy is, 0 when it is none.
func (v *view) hopCount() int {
	n, _ := strconv.Atoi(v.clean.TrustProxy)
	return n
}

// everybody reports whether trustProxy is true.
func (v *view) everybody() bool { return v.clean.TrustProxy == "true" }

// own is this machine's address as the outermost proxy saw it, "" when nobody told.
func (v *view) own() string {
	if len(v.chain) > 0 {
		return v.chain[0]
	}
	return ""
}

// announces reports whether the honest request brought any header by which proxies describe a client.
func (w *Whoami) announces() bool {
	return slices.ContainsFunc(w.Headers, func(h [2]string) bool { return trustproxy.IsForwarding(h[0]) })
}

// noProxy reports whether the public URL leads straight to the gateway's own listener.
func (v *view) noProxy() bool {
	l, port := v.o.Setup.Listener, strconv.Itoa(int(v.pub.Clean.Remote.Port()))
	return l.Network == "tcp" && !v.clean.announces() && portOf(l) == port &&
		v.clean.Peer == v.pub.Clean.Local.String()
}

// isLoopback reports whether an address is this machine's own.
func isLoopback(address string) bool {
	a, err := netip.ParseAddr(address)
	return err == nil && a.IsLoopback()
}

// sent returns the forged value of a header.
func (f *Forged) sent(name string) string {
	for _, h := range f.Headers {
		if strings.EqualFold(h[0], name) {
			return h[1]
		}
	}
	return ""
}

// portOf returns the listener's port, "" for a unix socket.
func portOf(l Listener) string {
	_, port, _ := net.SplitHostPort(l.Address)
	return port
}

// last returns the last member of a list header, "" when there is none.
func last(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[len(list)-1]
}
