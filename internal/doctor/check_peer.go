package doctor

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"onemcp/internal/trustproxy"
)

// checkNothing is for a public URL that is the gateway's own listener.
func (v *view) checkNothing() []Finding {
	return note("no_proxy", "nothing stands between %s and the gateway", v.pub.URL)
}

// checkAnnounced is for a gateway that learns its client from the PROXY protocol: headers count only
// for clients that are trusted proxies themselves.
func (v *view) checkAnnounced() []Finding {
	switch {
	case !v.clean.Trusted:
		return nil
	case isLoopback(v.clean.Peer):
		return v.noteOwn(v.clean.Peer)
	}
	return one("trust_too_wide", Warning, []Fix{inFile(`"trustProxy": ["ADDRESS-OF-YOUR-PROXY"]`)},
		"the client's own address, %s, is in trustProxy, so what it writes of itself is believed; if the proxy runs on this machine, run the doctor from elsewhere", v.clean.Peer)
}

func (v *view) noteOwn(address string) []Finding {
	return note("own_address_trusted", "this machine, %s, is in trustProxy itself, so what is forged from here is believed; "+
		"to be sure, run the doctor from elsewhere, or with --from another address", address)
}

// checkPeer looks whether the gateway believes the proxy at all.
func (v *view) checkPeer() []Finding {
	if v.clean.Trusted {
		return nil
	}
	fixes := []Fix{inFile(trustLine(v.clean.TrustProxy, v.clean.Peer))}
	if subnet, ok := dockerNetwork(v.clean.Peer); ok {
		fixes = append(fixes, Fix{"Docker Compose", []string{"environment:", "  TRUST_PROXY: " + subnet + "   # or dns:NAME-OF-THE-PROXY'S-SERVICE"}})
	}
	return one("untrusted_peer", Error, fixes, "proxy %s is not trusted (trustProxy is %q), so every client looks like the proxy", v.clean.Peer, v.clean.TrustProxy)
}

// trustLine returns the setting with an entry more.
func trustLine(current, entry string) string {
	quoted := fmt.Sprintf("%q", entry)
	if current == "" || current == "true" || strings.Trim(current, "0123456789") == "" || current == "false" {
		return fmt.Sprintf(`"trustProxy": [%s]`, quoted)
	}
	var all []string
	for text := range strings.SplitSeq(current, ",") {
		all = append(all, fmt.Sprintf("%q", text))
	}
	return fmt.Sprintf(`"trustProxy": [%s]`, strings.Join(append(all, quoted), ", "))
}

// dockerNetwork guesses the subnet of a container, whose address changes when it is made anew.
func dockerNetwork(peer string) (string, bool) {
	a, err := netip.ParseAddr(peer)
	if err != nil || !netip.MustParsePrefix("172.16.0.0/12").Contains(a) {
		return "", false
	}
	subnet, err := a.Prefix(16)
	return subnet.String(), err == nil
}

// checkClientHeader looks whether the proxy says who the client is.
func (v *view) checkClientHeader() []Finding {
	if v.clientHeader == "" || v.passesClient() {
		return nil // said, or worse
	}
	fixes := tellClient.fixes(v.o.gateway())
	switch {
	case v.clean.Flag(trustproxy.Malformed, trustproxy.Opaque, trustproxy.DuplicateSingle):
		return one("client_header_broken", Error, fixes, "the proxy writes %s: %q, which does not tell an address", v.clientHeader, clip(strings.Join(v.clean.Values(v.clientHeader), ", ")))
	case len(v.chain) == 0:
		return one("client_header_absent", Error, fixes, "the proxy does not say who the client is: there is no %s", v.clientHeader)
	}
	return nil
}

// passesClient reports whether a forged header of the client arrives as the proxy's own word.
func (v *view) passesClient() bool {
	return v.forged != nil && v.pub.Forged.Address != "" && last(v.forgedChain) == v.pub.Forged.Address
}

// checkAppended looks whether the proxy adds its own view to what a client writes of itself.
func (v *view) checkAppended() []Finding {
	if !v.passesClient() {
		return nil
	}
	return one("not_appended", Error, tellClient.fixes(v.o.gateway()),
		"a forged %s arrives as if the proxy had written it: the proxy neither replaces it nor appends to it, so anyone can choose an address", v.clientHeader)
}

// checkHops compares the honest answer with the chain: all of it was written by proxies, so its left end is the client.
func (v *view) checkHops() []Finding {
	client, n := v.clean.Client(), v.hopCount()
	switch {
	case len(v.chain) == 0 || !v.clean.Trusted:
		return nil
	case n > 0 && n != len(v.chain):
		return one("hop_count", Error, []Fix{inFile(fmt.Sprintf(`"trustProxy": %d`, len(v.chain)))},
			"trustProxy counts %s, and the request passed %s: %s is taken for the client", count(n, "hop"), count(len(v.chain), "proxy"), client)
	case n == 0 && client != v.own() && slices.Contains(v.chain, client):
		return one("untrusted_hop", Error, []Fix{inFile(trustLine(v.clean.TrustProxy, client))},
			"proxy %s is not trusted (trustProxy is %q), and so is taken for the client; the client is %s", client, v.clean.TrustProxy, v.own())
	}
	return nil
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	if what == "proxy" {
		what = "proxie"
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// checkWidth looks whether an address that the client chose was believed, though the proxy added the real one.
func (v *view) checkWidth() []Finding {
	if v.forged == nil || v.passesClient() || v.pub.Forged.Address == "" || v.forged.Client() != v.pub.Forged.Address {
		return v.checkInside()
	}
	fixes := []Fix{inFile(`"trustProxy": [` + fmt.Sprintf("%q", v.clean.Peer) + `]`)}
	switch {
	case v.everybody():
		return one("trust_too_wide", Error, fixes, "trustProxy is true and the proxy appends to what clients write, so anyone can choose an address: list your proxies")
	case v.hopCount() > len(v.chain):
		return nil // checkHops tells
	case v.ownProxy():
		return v.noteOwn(v.own())
	}
	return one("trust_too_wide", Error, fixes,
		"a forged address was believed: %s, which the proxy put behind it, is in trustProxy (%q); list your proxies alone", v.own(), v.clean.TrustProxy)
}

// checkInside is for honest requests whose client is in the trust list.
func (v *view) checkInside() []Finding {
	if !v.clean.Flag(trustproxy.AllTrusted) || v.everybody() || v.hopCount() > 0 || v.ownProxy() || !v.trusts(v.own()) {
		return nil
	}
	return one("trust_too_wide", Warning, []Fix{inFile(`"trustProxy": [` + fmt.Sprintf("%q", v.clean.Peer) + `]`)},
		"this machine, %s, counts as one of your proxies (trustProxy is %q): whoever is in its network can choose an address where the proxy appends", v.own(), v.clean.TrustProxy)
}

// ownProxy reports whether this machine is where the proxy runs, so that it is trusted with good reason.
func (v *view) ownProxy() bool {
	own := v.own()
	if own == "" || own != v.pub.Clean.Local.String() {
		return false
	}
	return isLoopback(own) || own == v.clean.Peer || slices.Contains(v.chain[1:], own)
}

// checkPassed lists the other headers that a client's own words arrive in.
func (v *view) checkPassed() []Finding {
	if v.forged == nil {
		return note("forgeries_refused", "the request with forged headers was not passed on (%s), so whether the proxy clears them is not known", v.pub.Forged.answer())
	}
	var passed []string
	for _, h := range v.pub.Forged.Headers {
		if !strings.EqualFold(h[0], v.clientHeader) && v.passes(h[0]) {
			passed = append(passed, h[0])
		}
	}
	if v.forged.Flag(trustproxy.ConnectionStrip) || v.pub.Strip.Whoami.Admitted() && v.pub.Strip.Whoami.Flag(trustproxy.ConnectionStrip) {
		passed = append(passed, "Connection")
	}
	if len(passed) == 0 {
		return nil
	}
	return one("headers_passed", Warning, clearForged.fixes(v.o.gateway()), "the proxy passes on what clients write of themselves in %s%s", strings.Join(passed, ", "), v.effect())
}

// passes reports whether a forged header arrived with nothing behind it.
func (v *view) passes(name string) bool {
	sent := v.pub.Forged.sent(name)
	got := last(v.forged.Values(name))
	if !strings.Contains(sent, ",") {
		got = last(v.forged.List(name))
	}
	return got == sent && last(v.clean.List(name)) != sent
}

// effect says what the forged headers changed.
func (v *view) effect() string {
	if v.clean.pinned() {
		return ""
	}
	var changed []string
	if v.forged.Scheme != v.clean.Scheme {
		changed = append(changed, "scheme")
	}
	if v.forged.Host != v.clean.Host {
		changed = append(changed, "host")
	}
	if changed == nil {
		return ""
	}
	return fmt.Sprintf(", and so they choose the %s of the gateway's own URLs", strings.Join(changed, " and "))
}

// checkStripped looks whether a client can have the proxy's own headers removed.
func (v *view) checkStripped() []Finding {
	w := v.pub.Strip.Whoami
	if !w.Admitted() {
		return nil
	}
	var lost []string
	for _, name := range []string{v.clientHeader, v.protoHeader, v.hostHeader} {
		if name != "" && len(v.clean.Values(name)) > 0 && len(w.Values(name)) == 0 {
			lost = append(lost, name)
		}
	}
	if len(lost) == 0 {
		return nil
	}
	return one("connection_strips", Error, guardConnect.fixes(v.o.gateway()), "a client that names %s in its Connection header has the proxy remove them", strings.Join(lost, ", "))
}

// checkFlags passes on what the gateway found odd in an honest request and no other check tells.
func (v *view) checkFlags() (found []Finding) {
	for _, f := range []trustproxy.Flag{trustproxy.TooLong, trustproxy.BadProto, trustproxy.BadHost, trustproxy.AliasHeader,
		trustproxy.ConnectionStrip, trustproxy.PrivateViaPublic, trustproxy.Martian} {
		if v.clean.Flag(f) {
			found = append(found, one(f.String(), Warning, nil, "the gateway sees in an honest request: %s", f.Meaning())...)
		}
	}
	return found
}
