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
	if s == "" || len(s) > maxName+len(":65535") {
		return Hostname{}, false
	}
	if s[0] == '[' {
		return parseHostIPv6(lower(s))
	}
	end, capitals, ok := scanName(s)
	if !ok {
		return Hostname{}, false
	}
	if capitals {
		s = lower(s)
	}
	h := Hostname{Text: s, Name: s[:end]}
	if end < len(s) {
		h.Port = s[end+1:]
		ok = s[end] == ':' && validURLPort(h.Port)
	}
	return h, ok
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

// Addr returns the address, canonical, if the host is one. To find out that it is none costs next to nothing.
func (h Hostname) Addr() (netip.Addr, bool) {
	if strings.IndexByte(h.Name, ':') < 0 && !endsInDigit(h.Name) {
		return netip.Addr{}, false
	}
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

// maxName and maxLabel are the limits of the DNS.
const (
	maxName  = 253
	maxLabel = 63
)

// validName tells whether a lower-case text is a DNS name or IPv4.
func validName(s string) bool {
	end, capitals, ok := scanName(s)
	return ok && !capitals && end == len(s)
}

// scanName reads a DNS name or IPv4 from the front of s. A name that ends in a number is taken
// for an address by every browser, so it must be one.
func scanName(s string) (end int, capitals, ok bool) {
	label := 0
	for ; end < len(s); end++ {
		c := s[end]
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_':
			continue
		case c >= 'A' && c <= 'Z':
			capitals = true
			continue
		case c != '.':
			return end, capitals, validLabel(s, label, end)
		case end == label || end-label > maxLabel:
			return end, capitals, false
		}
		label = end + 1
	}
	return end, capitals, validLabel(s, label, end)
}

// validLabel tells whether s[label:end] may end the name s[:end].
func validLabel(s string, label, end int) bool {
	if end == label || end-label > maxLabel || end > maxName {
		return false
	}
	return !isNumberLabel(s[label:end]) || isIPv4(s[:end])
}

// isNumberLabel tells whether the last label of a name makes browsers read IPv4.
func isNumberLabel(s string) bool {
	if c := s[0]; c < '0' || c > '9' {
		return false
	}
	return isDigits(s) || s[0] == '0' && len(s) >= 2 && (s[1] == 'x' || s[1] == 'X') && all(s[2:], isHex)
}

// endsInDigit holds of every IPv4 address.
func endsInDigit(s string) bool { return s != "" && s[len(s)-1] >= '0' && s[len(s)-1] <= '9' }

func isIPv4(s string) bool {
	_, rest, ok := cutIPv4(s)
	return ok && rest == ""
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
