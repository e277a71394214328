package trustproxy

import (
	"errors"
	"fmt"
	"math/bits"
	"net/netip"
	"strconv"
	"strings"
)

// SourceKind says where the contents of a list come from.
type SourceKind uint8

// The kinds of sources.
const (
	FileSource SourceKind = iota + 1 // a file with one entry a line
	DNSSource                        // the addresses of a host name
)

// Source is a list whose contents are not in the setting itself. Whoever compiles the
// setting brings them; this package only names the place. Comparable.
type Source struct {
	Kind SourceKind
	Name string // a path, or a host name
}

// String returns the source as it is written in the setting.
func (s Source) String() string {
	if s.Kind == DNSSource {
		return "dns:" + s.Name
	}
	return "file:" + s.Name
}

// entry is one member of a trust list: ranges known at once, or the source of some.
type entry struct {
	text   string
	set    Entries
	source Source // Kind 0: none
}

// refusal is why an entry is not accepted, and what to write in its place.
type refusal struct{ problem, hint string }

// parseEntry reads one entry of a list.
func parseEntry(text string) (entry, *refusal) {
	if text == "" {
		return entry{}, &refusal{"a blank entry", "remove it, or the comma that makes it"}
	}
	if set, ok := preset(text); ok {
		return entry{text: strings.ToLower(text), set: set}, nil
	}
	if kind, name, ok := strings.Cut(text, ":"); ok {
		switch strings.ToLower(kind) {
		case "file":
			return fileEntry(text, name)
		case "dns":
			return dnsEntry(text, name)
		}
	}
	p, r := parseRange(text)
	if r != nil {
		return entry{}, r
	}
	return entry{text: text, set: Entries{Prefixes: []netip.Prefix{p}}}, nil
}

func fileEntry(text, path string) (entry, *refusal) {
	if path == "" {
		return entry{}, &refusal{"file: without a path", "write file:/path/to/list, one entry a line"}
	}
	return entry{text: text, source: Source{FileSource, path}}, nil
}

func dnsEntry(text, name string) (entry, *refusal) {
	if _, err := netip.ParseAddr(name); err == nil {
		return entry{}, &refusal{"dns: before an address", "write " + name + " alone"}
	}
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	if !validName(name) {
		return entry{}, &refusal{"dns: without a valid host name", "write dns:NAME, such as dns:nginx"}
	}
	return entry{text: text, source: Source{DNSSource, name}}, nil
}

// parseRange reads an address, a CIDR range, or an IPv4 range with a netmask.
func parseRange(text string) (netip.Prefix, *refusal) {
	if strings.Contains(text, "//") {
		return netip.Prefix{}, &refusal{"a URL is not an address", "write the proxy's address"}
	}
	base, size, isRange := strings.Cut(text, "/")
	addr, err := netip.ParseAddr(base)
	if err != nil || addr.Zone() != "" {
		r := diagnose(base)
		return netip.Prefix{}, &r
	}
	if !isRange {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	n, r := prefixBits(addr, size)
	if r != nil {
		return netip.Prefix{}, r
	}
	return prefixOf(addr, n)
}

// prefixOf masks addr to n bits, turning a mapped range into the IPv4 range it means.
func prefixOf(addr netip.Addr, n int) (netip.Prefix, *refusal) {
	if n == 0 {
		return netip.Prefix{}, &refusal{"a range of everything", "name the proxies' ranges; true would trust everybody"}
	}
	if addr.Is4In6() {
		if n <= 96 {
			return netip.Prefix{}, &refusal{"a mapped range that is wider than IPv4", "write the IPv4 range itself"}
		}
		addr, n = addr.Unmap(), n-96
	}
	return netip.PrefixFrom(addr, n).Masked(), nil
}

// prefixBits reads what follows the slash: a length, or the netmask of an IPv4 address.
func prefixBits(addr netip.Addr, size string) (int, *refusal) {
	if mask, err := netip.ParseAddr(size); err == nil && mask.Is4() && addr.Is4() {
		return maskBits(mask)
	}
	if !isDigits(size) || len(size) > 1 && size[0] == '0' {
		return 0, &refusal{"not a prefix length", fmt.Sprintf("write a number from 1 to %d after the slash", addr.BitLen())}
	}
	n, err := strconv.Atoi(size)
	if err != nil || n > addr.BitLen() {
		return 0, &refusal{"a prefix length out of range", fmt.Sprintf("write a number from 1 to %d after the slash", addr.BitLen())}
	}
	return n, nil
}

func maskBits(mask netip.Addr) (int, *refusal) {
	w := word4(mask)
	ones := bits.LeadingZeros32(^w)
	if ones < 32 && w<<ones != 0 {
		return 0, &refusal{"a netmask with holes", "write ones then zeros, such as 255.255.0.0, or a prefix length"}
	}
	return ones, nil
}

// diagnose says what a text that is not an address probably was meant to be.
func diagnose(s string) refusal {
	switch {
	case strings.Contains(s, "*"):
		return refusal{"wildcards are not understood", "write a CIDR range, such as 10.0.0.0/8"}
	case isSwitch(s):
		return refusal{"a boolean cannot stand here in this spelling", "write true or false, in lower case, as the whole value"}
	case isNumeric(s):
		return refusal{"a number cannot stand here", "write a hop count (a whole number from 1 to 32) as the whole value"}
	case strings.ContainsAny(s, "[]"):
		return refusal{"brackets are not understood", "write the address without brackets and port"}
	case strings.Contains(s, "%"):
		return refusal{"an address with a zone", "write the address without its zone"}
	}
	return diagnoseAddress(s)
}

// isSwitch tells whether s is what somebody may write for true or false.
func isSwitch(s string) bool {
	switch strings.ToLower(s) {
	case "true", "false", "yes", "no", "on", "off":
		return true
	}
	return false
}

func diagnoseAddress(s string) refusal {
	if host, port, ok := strings.Cut(s, ":"); ok && isDigits(port) {
		return refusal{"a port is not understood", "write " + quote(host) + " without the port"}
	}
	if all(s, func(c byte) bool { return isHex(c) || c == '.' || c == ':' || c == 'x' || c == 'X' }) &&
		strings.ContainsAny(s, ".:0123456789") {
		return refusal{"not an address", "write IPv4 as four decimal numbers without leading zeros, IPv6 in full or with one ::"}
	}
	if validName(strings.ToLower(s)) {
		return refusal{"a host name is not an address", "write its address, dns:" + s + " to have it looked up, or one of " + presetNames}
	}
	return refusal{"not an address", "write an address, a CIDR range, or one of " + presetNames}
}

// ParseList reads the text of a list file: one entry a line, blanks around it and empty
// lines ignored, "#" starts a comment. An entry is an address, a range or a preset; lists
// do not name other lists. The error names the line.
func ParseList(text string) (Entries, error) {
	var out Entries
	n := 0
	for line := range strings.Lines(text) {
		n++
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		e, r := parseEntry(line)
		if r == nil && e.source.Kind != 0 {
			r = &refusal{"a list cannot name another list", "write the entries themselves"}
		}
		if r != nil {
			return Entries{}, &ValueError{Place: fmt.Sprintf("line %d", n), Entry: line, Problem: r.problem, Hint: r.hint}
		}
		out = out.join(e.set)
	}
	return out, nil
}

// Addresses returns the entries that trust exactly these addresses. Zones are dropped and
// mapped addresses unmapped.
func Addresses(addrs []netip.Addr) Entries {
	var out Entries
	for _, a := range addrs {
		a = a.Unmap().WithZone("")
		out.Prefixes = append(out.Prefixes, netip.PrefixFrom(a, a.BitLen()))
	}
	return out
}

func (e Entries) join(o Entries) Entries {
	return Entries{Prefixes: append(e.Prefixes, o.Prefixes...), Unix: e.Unix || o.Unix}
}

// ValueError is why a trustProxy value or a list is refused.
type ValueError struct {
	Place   string // "entry 2", "proxies, entry 1", "headers, clientIp", "line 7"; empty: the whole value
	Entry   string // the offending text
	Problem string
	Hint    string // what to write in its place
}

// Error returns one sentence with place, text, problem and remedy.
func (e *ValueError) Error() string {
	place := "trustProxy"
	if e.Place != "" {
		place += ", " + e.Place
	}
	return fmt.Sprintf("%s: %s: %s (%s)", place, quote(e.Entry), e.Problem, e.Hint)
}

// at returns err with its place inside the one given.
func at(place string, err error) error {
	var v *ValueError
	if !errors.As(err, &v) {
		return err
	}
	c := *v
	if c.Place == "" {
		c.Place = place
	} else {
		c.Place = place + ", " + c.Place
	}
	return &c
}

// maxQuoted is how many bytes of somebody else's text are shown.
const maxQuoted = 256

// quote shows somebody else's text so that it can neither break a line nor flood a log.
func quote(s string) string {
	if len(s) > maxQuoted {
		return strconv.QuoteToASCII(s[:maxQuoted]) + "…"
	}
	return strconv.QuoteToASCII(s)
}

func isDigits(s string) bool {
	return s != "" && all(s, func(c byte) bool { return c >= '0' && c <= '9' })
}

// isNumeric tells whether s is what somebody may write for a count: digits with a sign, a
// fraction or an exponent.
func isNumeric(s string) bool {
	if strings.Count(s, ".") > 1 || strings.ContainsAny(s, "xXnNiI_") {
		return false
	}
	_, err := strconv.ParseFloat(s, 64)
	return err == nil || errors.Is(err, strconv.ErrRange)
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}
