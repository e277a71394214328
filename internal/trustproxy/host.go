package trustproxy

import (
	"net/netip"
	"strings"
)

// Hostname is a checked host with an optional port, in lower case.
type Hostname struct {
	Text string // as it stands in a URL: name, IPv4 or [IPv6], then :port if there was one
	Name string // without port and brackets
	Port string // empty: none was given
}

// ParseHost checks the text of a Host header, or of one value of a list of them: a name, IPv4
// or IPv6 in brackets, with an optional port 1–65535. net/http accepts more than that.
func ParseHost(s string) (Hostname, bool) {
	if s == "" || len(s) > 253+len(":65535") {
		return Hostname{}, false
	}
	s = lower(s)
	if s[0] == '[' {
		return parseHostIPv6(s)
	}
	h := Hostname{Text: s, Name: s}
	if i := strings.IndexByte(s, ':'); i >= 0 {
		h.Name, h.Port = s[:i], s[i+1:]
		if !validURLPort(h.Port) {
			return Hostname{}, false
		}
	}
	return h, validName(h.Name)
}

func parseHostIPv6(s string) (Hostname, bool) {
	end := strings.IndexByte(s, ']')
	if end < 0 {
		return Hostname{}, false
	}
	h := Hostname{Text: s, Name: s[1:end]}
	if rest := s[end+1:]; rest != "" {
		if rest[0] != ':' || !validURLPort(rest[1:]) {
			return Hostname{}, false
		}
		h.Port = rest[1:]
	}
	a, err := netip.ParseAddr(h.Name)
	return h, err == nil && a.Is6() && a.Zone() == ""
}

// Addr returns the address, canonical, if the host is one.
func (h Hostname) Addr() (netip.Addr, bool) {
	a, err := netip.ParseAddr(h.Name)
	return a.Unmap(), err == nil
}

// Loopback tells whether the host can only mean this machine: localhost, a name under it, or
// a loopback address. It does not look names up.
func (h Hostname) Loopback() bool {
	if h.Name == "localhost" || strings.HasSuffix(h.Name, ".localhost") {
		return true
	}
	if h.Name == "" || !isHex(h.Name[0]) && h.Name[0] != ':' {
		return false
	}
	a, ok := h.Addr()
	return ok && a.IsLoopback()
}

// Public tells whether the host looks like one the world knows: a name with a dot under no
// private suffix, or a public address.
func (h Hostname) Public() bool {
	if a, ok := h.Addr(); ok {
		return !isInternal(a) && !isMartian(a)
	}
	dot := strings.LastIndexByte(h.Name, '.')
	if dot < 0 {
		return false
	}
	switch h.Name[dot+1:] {
	case "localhost", "local", "internal", "lan", "home", "corp", "test", "invalid", "arpa", "svc":
		return false
	}
	return true
}

// validName tells whether a lower-case text is a DNS name or IPv4. A name that ends in a
// number is taken for an address by every browser, so it must be one.
func validName(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	label := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '.':
			if label == i {
				return false
			}
			label = i + 1
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_':
			if i-label >= 63 {
				return false
			}
		default:
			return false
		}
	}
	return label < len(s) && (!isNumberLabel(s[label:]) || isIPv4(s))
}

// isNumberLabel tells whether the last label of a name makes browsers read IPv4.
func isNumberLabel(s string) bool {
	if c := s[0]; c < '0' || c > '9' {
		return false
	}
	return isDigits(s) || s[0] == '0' && len(s) >= 2 && s[1] == 'x' && all(s[2:], isHex)
}

func isIPv4(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Is4()
}

func validURLPort(s string) bool {
	return validPort(s, false) && s[0] != '0'
}

// lower lowers ASCII capitals and nothing else: Unicode would turn foreign letters into ASCII
// ones. Text without capitals comes back as it is.
func lower(s string) string {
	if all(s, func(c byte) bool { return c < 'A' || c > 'Z' }) {
		return s
	}
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
